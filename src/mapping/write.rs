//! Values made, into the record: the keys of its objects, its links, what its lines come to.

use super::mapper::Link;
use super::names::Names;
use super::plan::{Convert, Input, OriginPlan, SectionPlan, TargetPlan, ValuePlan};
use super::row::{PartOfRow, RowContext};
use super::value::{Made, Values, field_value};
use amo_model::payload::ObjectWriter;
use amo_model::{Action, Entity, FieldContent, FieldSpec, Placement, Required, Wire};
use rust_decimal::Decimal;
use sheet_source::message;
use sheet_source::{Row, fold};

impl RowContext<'_> {
    pub(super) fn write(
        &mut self,
        section: &SectionPlan,
        target: &TargetPlan,
        made: Values<'_>,
        object: &mut ObjectWriter,
    ) {
        match target {
            TargetPlan::Field(spec) => {
                if section.spec.is_item() {
                    self.done.named |= spec.name == "name";
                    self.done.responsible |= spec.name == "responsible_user";
                }
                // Only sections inside the record are asked whether they are whole.
                if !section.spec.is_item() {
                    self.part.filled.push(spec.name);
                }
                self.write_field(section, spec, made, object);
            }
            TargetPlan::Custom { field, kind } => {
                let once =
                    made.iter().enumerate().filter(|(n, one)| !made[..*n].iter().any(|earlier| is_twice(earlier, one)));
                object.field(field.id, once.map(|(_, (one, origin))| field_value(one, origin, field, *kind)));
            }
        }
    }

    fn write_field(
        &mut self,
        section: &SectionPlan,
        spec: &'static FieldSpec,
        made: Values<'_>,
        object: &mut ObjectWriter,
    ) {
        match spec.wire {
            Wire::Key(key) => {
                let Some((one, _)) = made.into_iter().next() else { return };
                self.write_key(section, spec, key, one, object);
            }
            Wire::Tags(key) => object.tags(key, unique(&made).into_iter()),
            Wire::EmbeddedTags => object.embedded_tags(unique(&made).into_iter()),
            Wire::EmbeddedIds(key) => object.embedded_ids(key, &ids(&made)),
            Wire::Ids(key) => object.ids(key, &ids(&made)),
            Wire::EmbeddedSource => {
                if let Some((Made::Text(id), _)) = made.first() {
                    object.embedded_source(id);
                }
            }
            Wire::Discount(kind) => self.write_discount(kind, &made, object),
            Wire::Parent => self.parent = ids(&made).first().copied(),
            Wire::Link(to) => {
                for (n, id) in ids(&made).into_iter().enumerate() {
                    // Only contacts have a main one. [seed]
                    let main = (to == Entity::Contacts).then_some(n == 0);
                    self.links.push(Link { to, id, catalog: None, quantity: None, main });
                }
            }
            // The same product twice is more of it.
            Wire::ElementId => self.part.elements.extend(made.iter().filter_map(|(one, _)| id(one))),
            Wire::ElementCatalog => self.part.catalog = ids(&made).first().copied(),
            Wire::ElementQuantity => self.part.quantities.extend(made.iter().filter_map(|(one, _)| match one {
                Made::Number(number) | Made::Money(number) => Some(*number),
                _ => None,
            })),
            // Compiled to the custom field itself.
            Wire::Field(_) => {}
        }
    }

    /// A line has one discount. [seed]
    fn write_discount(&mut self, kind: &str, made: &[(Made<'_>, &OriginPlan)], object: &mut ObjectWriter) {
        let Some((Made::Number(value) | Made::Money(value), origin)) = made.first() else { return };
        if self.part.line.is_discounted() {
            let problem =
                self.problem(column(origin), "discount-twice", "the line has a discount as a sum and in percent");
            self.problems.push(problem.value(value.to_string()).hint("leave one of the two cells empty"));
            return;
        }
        object.discount(kind, *value);
        self.part.line.discount(kind, *value);
    }

    fn write_key(
        &mut self,
        section: &SectionPlan,
        spec: &FieldSpec,
        key: &'static str,
        one: Made<'_>,
        object: &mut ObjectWriter,
    ) {
        self.pipeline_of_stage(section, spec.holds, object);
        if let (FieldContent::OwnId, Placement::Item, Made::Id(id)) = (spec.holds, section.spec.at, &one) {
            self.own_id = Some(*id);
            // Named by the address, and not expected in the body.
            if self.plan.write.names_record() {
                return;
            }
        }
        match one {
            Made::Text(text) => {
                if self.plan.kind.spec().entity == Entity::Catalogs && matches!(spec.holds, FieldContent::Word(_)) {
                    self.catalog_type = Some(text.to_string());
                }
                object.text(key, &text);
            }
            Made::Int(int) => object.int(key, int),
            Made::Id(id) => object.id(key, id),
            Made::Bool(flag) => object.bool(key, flag),
            Made::Number(number) | Made::Money(number) => {
                self.part.line.key(key, number);
                object.decimal(key, number);
            }
            // Only custom fields are these.
            Made::Step { .. } | Made::Sorted { .. } | Made::Json(_) => {}
        }
    }

    /// What a section has in a row is whole now, or is nothing.
    pub(super) fn close_part(&mut self, section: &SectionPlan, object: &mut ObjectWriter) {
        let inside = matches!(
            section.spec.at,
            Placement::Field(_) | Placement::Value | Placement::Elements | Placement::LinkedElements
        );
        let person = matches!(section.spec.at, Placement::EmbeddedFirst(_));
        if !inside && !person {
            return;
        }
        let part = std::mem::take(&mut self.part);
        let from_row = |value: &ValuePlan| value.origins.iter().any(|o| !matches!(o.input, Input::Constant(_)));
        // Constants alone make no payer, no line and no contact out of a row that has none.
        let said = part.touched || (person && part.defaulted);
        if !said && section.values.iter().any(from_row) {
            match person {
                // Its values in parts come later, and may make it one.
                true => self.bare = true,
                false => object.clear(),
            }
            return;
        }
        if person {
            return;
        }
        // A cell that is refused already leaves its place empty.
        let refused = self.problems.len() > part.told;
        for field in section.spec.fields.iter().filter(|f| f.required == Required::Always) {
            let mapped =
                section.values.iter().find(|v| matches!(v.target, TargetPlan::Field(f) if f.name == field.name));
            let Some(value) = mapped.filter(|_| !part.filled.contains(&field.name) && !refused) else {
                continue;
            };
            let column = value.origins.iter().find_map(column);
            let message = message!(
                "[{section}] has values in this row, and none for \"{field}\"",
                section = section.spec.name,
                field = field.name
            );
            let problem = self.problem(column, "empty", message);
            self.problems.push(problem.hint(message!("fill the cell with {about}", about = field.about)));
        }
        match section.spec.at {
            Placement::Elements | Placement::LinkedElements => self.close_elements(section, part),
            Placement::Field(_) | Placement::Value if section.spec.repeats && !object.is_empty() => {
                self.total.add(part.line)
            }
            _ => {}
        }
    }

    /// Elements and their quantities, which stand in two columns.
    fn close_elements(&mut self, section: &SectionPlan, part: PartOfRow) {
        let (count, quantities) = (part.elements.len(), part.quantities.len());
        if self.problems.len() > part.told {
            return;
        }
        if quantities != 0 && quantities != count {
            let products = if count == 1 { "product" } else { "products" };
            let message = message!(
                "{count} {products} and {quantities} quantities stand in this row",
                count,
                products,
                quantities
            );
            let quantity = |v: &&ValuePlan| matches!(v.target, TargetPlan::Field(f) if f.wire == Wire::ElementQuantity);
            let column = section.values.iter().find(quantity).and_then(|v| v.origins.iter().find_map(column));
            let problem = self.problem(column, "quantity", message);
            self.problems.push(problem.hint("write as many quantities as products, or none for one of each"));
            return;
        }
        let Some(catalog) = part.catalog.or(section.catalog) else { return };
        let quantities = part.quantities.into_iter().chain(std::iter::repeat(Decimal::ONE));
        for (id, quantity) in part.elements.into_iter().zip(quantities) {
            match section.spec.at {
                Placement::Elements => match self.elements.iter_mut().find(|e| e.0 == id && e.1 == catalog) {
                    // The same product in two rows of a purchase is more of it, not a second link.
                    Some(there) => there.2 = there.2.saturating_add(quantity),
                    None => self.elements.push((id, catalog, quantity)),
                },
                _ => {
                    let same = |l: &&mut Link| l.to == Entity::Elements && l.id == id && l.catalog == Some(catalog);
                    match self.links.iter_mut().find(same) {
                        Some(there) => there.quantity = there.quantity.map(|before| before.saturating_add(quantity)),
                        None => self.links.push(Link {
                            to: Entity::Elements,
                            id,
                            catalog: Some(catalog),
                            quantity: Some(quantity),
                            main: None,
                        }),
                    }
                }
            }
        }
    }

    /// What belongs to the record as a whole stands in each of its rows, or in the first alone; two rows that say
    /// different things of it are a mistake that nobody but the user can mend.
    pub(super) fn agreement(&mut self, section: &SectionPlan, first: &Row, more: &[Row], names: &mut Names) {
        for row in more {
            for value in &section.values {
                for origin in &value.origins {
                    let Input::Column(index) = origin.input else { continue };
                    let (here, there) = (row.get(index), first.get(index));
                    if here.is_empty() || here.text == there.text || fold(here.text) == fold(there.text) {
                        continue;
                    }
                    let same = matches!(
                        (self.convert(value, origin, here, names), self.convert(value, origin, there, names)),
                        (Ok(a), Ok(b)) if a == b
                    );
                    if !same {
                        let message = message!(
                            "row {row} says {value} here, and both belong to one record",
                            row = first.number,
                            value = sheet_source::problem::quoted(there.text)
                        );
                        let problem = self.problem_in(row, Some(index), "group-differs", message).value(here.text);
                        self.problems.push(problem.hint("correct one of the two rows, or leave the cell empty"));
                    }
                }
            }
        }
    }

    /// A lead made in a stage but in no named pipeline goes to the main one, where the stage was looked up; said
    /// openly, because stages 142 and 143 exist in every pipeline. [doc]
    fn pipeline_of_stage(&self, section: &SectionPlan, holds: FieldContent, object: &mut ObjectWriter) {
        if holds != FieldContent::Status || self.pipeline.is_some() || self.plan.action != Action::Create {
            return;
        }
        let pipeline_key = section.spec.fields.iter().find_map(|f| match (f.holds, f.wire) {
            (FieldContent::Pipeline, Wire::Key(key)) => Some(key),
            _ => None,
        });
        if let (Some(key), Some(main)) = (pipeline_key, self.plan.account.main_pipeline()) {
            object.id(key, main.id);
        }
    }
}

fn ids(made: &[(Made<'_>, &OriginPlan)]) -> Vec<u64> {
    let mut ids = Vec::new();
    for id in made.iter().filter_map(|(one, _)| id(one)) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

fn id(made: &Made<'_>) -> Option<u64> {
    match made {
        Made::Id(id) => Some(*id),
        _ => None,
    }
}

fn column(origin: &OriginPlan) -> Option<usize> {
    match origin.input {
        Input::Column(index) => Some(index),
        Input::Constant(_) | Input::Template(_) => None,
    }
}

/// True for what a cell, or two columns, name a second time: the service takes an option once, and nobody has a phone or an
/// address twice, however they are spelt.
fn is_twice(earlier: &(Made<'_>, &OriginPlan), one: &(Made<'_>, &OriginPlan)) -> bool {
    let text = |made: &Made<'_>| match made {
        Made::Text(text) => Some((text.to_lowercase(), None)),
        Made::Sorted { text, sort } => Some((text.to_lowercase(), Some(sort.clone()))),
        _ => None,
    };
    match (&one.0, &one.1.convert) {
        (Made::Id(_), _) => earlier.0 == one.0,
        (_, Convert::Phone { .. } | Convert::Email { .. }) => {
            one.1.sort == earlier.1.sort && text(&one.0).is_some_and(|text_of| text(&earlier.0) == Some(text_of))
        }
        _ => false,
    }
}

/// Tags, each once.
fn unique<'m>(made: &'m [(Made<'_>, &OriginPlan)]) -> Vec<&'m str> {
    let mut texts: Vec<&str> = Vec::new();
    for (one, _) in made {
        if let Made::Text(text) = one
            && !texts.contains(&&**text)
        {
            texts.push(text);
        }
    }
    texts
}
