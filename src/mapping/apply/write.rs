//! Writes converted values into a record: keys of its objects, links, the sum of its lines.

use super::record::Link;
use super::row::context::RowContext;
use super::row::{RecordBuilder, SectionRow};
use super::value::{ConvertedValue, Values, field_value};
use crate::mapping::plan::{Conversion, Input, OriginPlan, SectionPlan, TargetPlan, ValuePlan};
use amo_model::payload::ObjectWriter;
use amo_model::{Action, Entity, FieldContent, FieldSpec, Placement, Required, Wire};
use rust_decimal::Decimal;
use sheet_source::message;
use sheet_source::{Row, fold};

impl RecordBuilder<'_, '_> {
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
                    self.converter.effects.named |= spec.name == "name";
                    self.converter.effects.responsible |= spec.name == "responsible_user";
                }
                // Only nested sections are checked for completeness.
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
                self.pipeline_of_stage(section, spec.holds, object);
                if let (FieldContent::OwnId, Placement::Item, ConvertedValue::Id(id)) =
                    (spec.holds, section.spec.at, &one)
                {
                    self.meta.own_id = Some(*id);
                    // The URL contains the id, so the body does not.
                    if self.context.plan.write.names_record() {
                        return;
                    }
                }
                self.write_key(key, spec.holds, one, object);
            }
            Wire::Tags(key) => object.tags(key, unique(&made).into_iter()),
            Wire::EmbeddedTags => object.embedded_tags(unique(&made).into_iter()),
            Wire::EmbeddedIds(key) => object.embedded_ids(key, &ids(&made)),
            Wire::Ids(key) => object.ids(key, &ids(&made)),
            Wire::EmbeddedSource => {
                if let Some((ConvertedValue::Text(id), _)) = made.first() {
                    object.embedded_source(id);
                }
            }
            Wire::Discount(kind) => self.write_discount(kind, &made, object),
            Wire::Parent => self.meta.parent = ids(&made).first().copied(),
            Wire::Link(to) => {
                for (n, id) in ids(&made).into_iter().enumerate() {
                    // Only contacts have a main one. [seed]
                    let main = (to == Entity::Contacts).then_some(n == 0);
                    self.meta.links.push(Link { to, id, catalog: None, quantity: None, main });
                }
            }
            // Equal products add up.
            Wire::ElementId => self.part.elements.extend(made.iter().filter_map(|(one, _)| id(one))),
            Wire::ElementCatalog => self.part.catalog = ids(&made).first().copied(),
            Wire::ElementQuantity => self.part.quantities.extend(made.iter().filter_map(|(one, _)| match one {
                ConvertedValue::Number(number) | ConvertedValue::Money(number) => Some(*number),
                _ => None,
            })),
            // These are compiled to custom fields.
            Wire::Field(_) => {}
        }
    }

    /// A line has one discount. [seed]
    fn write_discount(&mut self, kind: &str, made: &[(ConvertedValue<'_>, &OriginPlan)], object: &mut ObjectWriter) {
        let Some((ConvertedValue::Number(value) | ConvertedValue::Money(value), origin)) = made.first() else { return };
        if self.part.line.is_discounted() {
            let problem = self.context.problem(
                column(origin),
                "discount-twice",
                "the line has two discounts, a sum and a percentage",
            );
            self.problems.push(problem.value(value.to_string()).hint("leave one of the two cells empty"));
            return;
        }
        object.discount(kind, *value);
        self.part.line.discount(kind, *value);
    }

    fn write_key(
        &mut self,
        key: &'static str,
        holds: FieldContent,
        one: ConvertedValue<'_>,
        object: &mut ObjectWriter,
    ) {
        match one {
            ConvertedValue::Text(text) => {
                if self.context.plan.kind.spec().entity == Entity::Catalogs && matches!(holds, FieldContent::Word(_)) {
                    self.meta.catalog_type = Some(text.to_string());
                }
                object.text(key, &text);
            }
            ConvertedValue::Int(int) => object.int(key, int),
            ConvertedValue::Id(id) => object.id(key, id),
            ConvertedValue::Bool(flag) => object.bool(key, flag),
            ConvertedValue::Number(number) | ConvertedValue::Money(number) => {
                self.part.line.key(key, number);
                object.decimal(key, number);
            }
            // Only custom fields have these values.
            ConvertedValue::Step { .. } | ConvertedValue::Coded { .. } | ConvertedValue::Json(_) => {}
        }
    }

    /// Completes the part of a section in a row, or drops it.
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
        // Constants alone create no payer, line or contact.
        let has_values = part.has_row_value || (person && part.defaulted);
        if !has_values && section.values.iter().any(from_row) {
            match person {
                // Object-valued fields are added later and may fill it.
                true => self.only_constants = true,
                false => object.clear(),
            }
            return;
        }
        if person {
            return;
        }
        // A rejected cell also leaves its field empty.
        let refused = self.problems.len() > part.problems_before;
        for field in section.spec.fields.iter().filter(|f| f.required == Required::Always) {
            let mapped =
                section.values.iter().find(|v| matches!(v.target, TargetPlan::Field(f) if f.name == field.name));
            let Some(value) = mapped.filter(|_| !part.filled.contains(&field.name) && !refused) else {
                continue;
            };
            let column = value.origins.iter().find_map(column);
            let message = message!(
                "[{section}] has values in this row, but no \"{field}\"",
                section = section.spec.name,
                field = field.name
            );
            let problem = self.context.problem(column, "empty", message);
            self.problems.push(problem.hint(message!("fill the cell with {about}", about = field.about)));
        }
        match section.spec.at {
            Placement::Elements | Placement::LinkedElements => self.close_elements(section, part),
            Placement::Field(_) | Placement::Value if section.spec.repeats && !object.is_empty() => {
                self.meta.total.add(part.line)
            }
            _ => {}
        }
    }

    /// Combines elements with their quantities, which come from two columns.
    fn close_elements(&mut self, section: &SectionPlan, part: SectionRow) {
        let (count, quantities) = (part.elements.len(), part.quantities.len());
        if self.problems.len() > part.problems_before {
            return;
        }
        if quantities != 0 && quantities != count {
            let products = if count == 1 { "product" } else { "products" };
            let message =
                message!("the row has {count} {products} and {quantities} quantities", count, products, quantities);
            let quantity = |v: &&ValuePlan| matches!(v.target, TargetPlan::Field(f) if f.wire == Wire::ElementQuantity);
            let column = section.values.iter().find(quantity).and_then(|v| v.origins.iter().find_map(column));
            let problem = self.context.problem(column, "quantity", message);
            self.problems.push(problem.hint("write as many quantities as products, or none for one of each"));
            return;
        }
        let Some(catalog) = part.catalog.or(section.catalog) else { return };
        let quantities = part.quantities.into_iter().chain(std::iter::repeat(Decimal::ONE));
        for (id, quantity) in part.elements.into_iter().zip(quantities) {
            match section.spec.at {
                Placement::Elements => match self.meta.elements.iter_mut().find(|e| e.0 == id && e.1 == catalog) {
                    // Equal products in two rows of a transaction add up.
                    Some(there) => there.2 = there.2.saturating_add(quantity),
                    None => self.meta.elements.push((id, catalog, quantity)),
                },
                _ => {
                    let same = |l: &&mut Link| l.to == Entity::Elements && l.id == id && l.catalog == Some(catalog);
                    match self.meta.links.iter_mut().find(same) {
                        Some(there) => there.quantity = there.quantity.map(|before| before.saturating_add(quantity)),
                        None => self.meta.links.push(Link {
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

    /// Checks that values of the whole record are equal in all its rows, or only in the first one; only the user can
    /// resolve a difference.
    pub(super) fn check_rows_agree(&mut self, section: &SectionPlan, first: &Row, more: &[Row]) {
        let (plan, decimal) = (self.context.plan, self.context.plan.decimal);
        for row in more {
            for value in &section.values {
                for origin in &value.origins {
                    let Input::Column(index) = origin.input else { continue };
                    let (here, there) = (row.get(index), first.get(index));
                    if here.is_empty() || here.text == there.text || fold(here.text) == fold(there.text) {
                        continue;
                    }
                    let same = matches!(
                        (
                            self.converter.convert(origin, here, decimal, 0),
                            self.converter.convert(origin, there, decimal, 0),
                        ),
                        (Ok(a), Ok(b)) if a == b
                    );
                    if !same {
                        let message = message!(
                            "row {row} of the same record has {value} here",
                            row = first.number,
                            value = sheet_source::problem::quoted(there.text)
                        );
                        let problem =
                            RowContext { plan, row }.problem(Some(index), "group-differs", message).value(here.text);
                        self.problems.push(problem.hint("correct one of the two rows, or leave the cell empty"));
                    }
                }
            }
        }
    }

    /// Writes the main pipeline for a new lead with a stage but without a pipeline: the stage was looked up there, and
    /// stages 142 and 143 exist in every pipeline. [doc]
    fn pipeline_of_stage(&self, section: &SectionPlan, holds: FieldContent, object: &mut ObjectWriter) {
        if holds != FieldContent::Status
            || self.converter.pipeline.id().is_some()
            || self.context.plan.action != Action::Create
        {
            return;
        }
        let pipeline_key = section.spec.fields.iter().find_map(|f| match (f.holds, f.wire) {
            (FieldContent::Pipeline, Wire::Key(key)) => Some(key),
            _ => None,
        });
        if let (Some(key), Some(main)) = (pipeline_key, self.context.plan.account.main_pipeline()) {
            object.id(key, main.id);
        }
    }
}

fn ids(made: &[(ConvertedValue<'_>, &OriginPlan)]) -> Vec<u64> {
    let mut ids = Vec::new();
    for id in made.iter().filter_map(|(one, _)| id(one)) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

fn id(made: &ConvertedValue<'_>) -> Option<u64> {
    match made {
        ConvertedValue::Id(id) => Some(*id),
        _ => None,
    }
}

fn column(origin: &OriginPlan) -> Option<usize> {
    match origin.input {
        Input::Column(index) => Some(index),
        Input::Constant(_) | Input::Template(_) => None,
    }
}

/// True for a repeated value: the service accepts an option once, and phones and addresses are not repeated, whatever
/// their spelling.
fn is_twice(earlier: &(ConvertedValue<'_>, &OriginPlan), one: &(ConvertedValue<'_>, &OriginPlan)) -> bool {
    let text = |made: &ConvertedValue<'_>| match made {
        ConvertedValue::Text(text) => Some((text.to_lowercase(), None)),
        ConvertedValue::Coded { text, enum_code } => Some((text.to_lowercase(), Some(enum_code.clone()))),
        _ => None,
    };
    match (&one.0, &one.1.conversion) {
        (ConvertedValue::Id(_), _) => earlier.0 == one.0,
        (_, Conversion::Phone { .. } | Conversion::Email { .. }) => {
            one.1.enum_code == earlier.1.enum_code
                && text(&one.0).is_some_and(|text_of| text(&earlier.0) == Some(text_of))
        }
        _ => false,
    }
}

/// Tags without duplicates.
fn unique<'m>(made: &'m [(ConvertedValue<'_>, &OriginPlan)]) -> Vec<&'m str> {
    let mut texts: Vec<&str> = Vec::new();
    for (one, _) in made {
        if let ConvertedValue::Text(text) = one
            && !texts.contains(&&**text)
        {
            texts.push(text);
        }
    }
    texts
}
