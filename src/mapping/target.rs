//! One target of a mapping at a time: the field looked up, its origins compiled.

use super::compile::{Compile, InPipeline};
use super::conversion::{COUNTRY, writable};
use super::convert::number::Round;
use super::convert::split;
use super::lists;
use super::names::{missed, resolve};
use super::plan::{Convert, Existing, Input, LookupWhat, OriginPlan, SectionPlan, TargetPlan, ValuePlan};
use super::walk::HINTS_MAX;
use super::wanted::named_list;
use super::written::{As, At, By, From, Literal, OnEmpty, OnUnknown, Origin, Part, Section, Target, Value};
use amo_client::account::{Account, CatalogRef};
use amo_model::parts::CustomField;
use amo_model::payload::EnumCode;
use amo_model::{
    self, ADDRESS_PARTS, Action, Entity, FieldContent, FieldKind, FieldSpec, Owner, Placement as Place, SectionSpec,
    Wire,
};
use sheet_source::fold;
use sheet_source::message;
use sheet_source::problem::{Note, did_you_mean, quoted};
use std::collections::{HashMap, HashSet};

/// Several values in one cell stand between these, where the mapping does not say otherwise.
const BETWEEN: [&str; 3] = [",", ";", "\n"];
/// Between the steps of a chain of lists.
const STEPS: [&str; 2] = ["/", ">"];

/// Whether a target takes several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Many {
    No,
    /// Where the mapping says by what a cell is split.
    IfSplit,
    Yes,
}

impl Compile<'_> {
    pub(super) fn sections(&mut self) -> Vec<SectionPlan> {
        let mut plans = Vec::new();
        for spec in self.written.kind.spec().sections {
            if let Some(section) = self.written.sections.iter().find(|s| std::ptr::eq(s.spec, spec)) {
                self.section(section, &mut plans);
            }
        }
        plans
    }

    /// A section, and those that the values in parts of its custom fields are.
    fn section(&mut self, section: &Section, plans: &mut Vec<SectionPlan>) {
        let is_pipeline = |v: &Value| matches!(v.target, Target::Field(field) if field.holds == FieldContent::Pipeline);
        self.pipeline_named = section.values.iter().any(is_pipeline);
        self.pipeline = self.section_pipeline(section);
        let has_id = self.has_id(section);
        self.section_rules(section, has_id);
        let field = match section.spec.at {
            Place::Field(code) => match self.coded_field(code, section.at) {
                Some(field) => Some(field),
                None => return,
            },
            _ => None,
        };
        let catalog = self.section_catalog(section);
        let owner = section.spec.custom_fields.and_then(|of| of.owner(self.catalog));
        let (mut values, mut parted) = (Vec::new(), Vec::new());
        for value in &section.values {
            match value.parts.is_empty() {
                true => values.extend(self.value(section.spec, owner, catalog, value)),
                false => self.value_in_parts(owner, value, &mut values, &mut parted),
            }
        }
        // A stage is looked up in the record's pipeline, so the pipeline has to be known first.
        values.sort_by_key(|v| !matches!(v.target, TargetPlan::Field(spec) if spec.holds == FieldContent::Pipeline));
        let holder = if field.is_some() { 0 } else { plans.len() };
        let mut new = vec![SectionPlan { spec: section.spec, field, holder, catalog, values }];
        new.extend(parted.into_iter().map(|part| SectionPlan { holder, ..part }));
        self.doubled_fields(section.at, plans, &new);
        plans.extend(new);
    }

    fn section_pipeline(&self, section: &Section) -> InPipeline {
        let named = section
            .values
            .iter()
            .find(|v| matches!(v.target, Target::Field(field) if field.holds == FieldContent::Pipeline));
        let Some(origin) = named.and_then(|value| value.origins.first()) else { return InPipeline::Main };
        match &origin.from {
            From::Constant(name) => {
                self.account.pipeline(&name.it).map_or(InPipeline::OfRow, |found| InPipeline::One(found.id))
            }
            From::Column(_) | From::Template(_) => InPipeline::OfRow,
        }
    }

    /// The list whose elements a section of products names; only one that the mapping itself names can be known now.
    fn section_catalog(&mut self, section: &Section) -> Option<u64> {
        let names_elements = |v: &Value| matches!(v.target, Target::Field(f) if f.holds == FieldContent::Element);
        if !section.values.iter().any(names_elements) {
            return None;
        }
        let catalog = match named_list(section) {
            Some(CatalogRef::Named(name)) => self.account.catalog(&name).ok().map(|catalog| catalog.id),
            Some(CatalogRef::Typed(_)) | None => self.typed_catalog(amo_model::PRODUCTS),
        };
        if catalog.is_none() && named_list(section).is_none() {
            let hint = Some("name another list: catalog = { value = \"…\" }".into());
            self.problem(section.at, "no-catalog", "the account has no list of products", hint);
        }
        catalog
    }

    fn value(
        &mut self,
        spec: &'static SectionSpec,
        owner: Option<Owner>,
        catalog: Option<u64>,
        value: &Value,
    ) -> Option<ValuePlan> {
        let target = match &value.target {
            Target::Field(field) => self.own_target(field, value.at).map(Ok),
            Target::Custom(name) => self.custom_field(owner?, name, value.at).map(Err),
        };
        let Some(target) = target else {
            self.inputs(&value.origins);
            return None;
        };
        let (target, many) = match target {
            Ok(own) => own,
            Err(field) => {
                let kind = FieldKind::from_name(&field.kind);
                let as_json = |o: &Origin| o.as_.as_ref().is_some_and(|as_| as_.it == As::Json);
                if kind == FieldKind::Items && !value.origins.iter().all(as_json) {
                    let message =
                        message!("\"{field}\" holds lines of several parts, not one value", field = &field.name);
                    let hint = "write { description = \"…\", unit_price = \"…\", quantity = \"…\" }".into();
                    self.problem(value.at, "mapping-shape", message, Some(hint));
                    return None;
                }
                let many = match kind {
                    // A comma belongs to an address.
                    FieldKind::SmartAddress => Many::IfSplit,
                    _ if kind.many() => Many::Yes,
                    _ => Many::No,
                };
                (TargetPlan::Custom { field, kind }, many)
            }
        };
        if value.origins.len() > 1 && many == Many::No {
            let message = message!(
                "\"{target}\" holds one value, found a list of {count}",
                target = target.name(),
                count = value.origins.len()
            );
            self.problem(
                value.at,
                "mapping-shape",
                message,
                Some("join them: { column = [\"…\", \"…\"], joined = \" \" }".into()),
            );
            return None;
        }
        let required = match &value.target {
            // Other sections ask for it only where a row has anything of theirs.
            // An empty cell of an update changes nothing.
            Target::Field(field) => spec.is_item() && self.written.action == Action::Create && self.is_required(field),
            Target::Custom(_) => false,
        };
        let context = Context { target: &target, owner, catalog, many, required };
        let origins: Vec<OriginPlan> = value.origins.iter().filter_map(|o| self.origin(o, &context)).collect();
        let existing = self.existing(&value.origins, &target);
        Some(ValuePlan { target, origins, existing })
    }

    /// A field of the kind itself; some of them are custom fields that are known by their code.
    fn own_target(&mut self, field: &'static FieldSpec, at: usize) -> Option<(TargetPlan, Many)> {
        self.field_mode(at, field);
        if let Wire::Field(code) = field.wire {
            let field = self.coded_field(code, at)?;
            let kind = FieldKind::from_name(&field.kind);
            return Some((TargetPlan::Custom { field, kind }, Many::No));
        }
        let many = match field.wire {
            Wire::ElementId | Wire::ElementQuantity => Many::IfSplit,
            _ if field.holds.many() => Many::Yes,
            _ => Many::No,
        };
        Some((TargetPlan::Field(field), many))
    }

    /// A custom field of the records' own list, by its code; the list's owner may have deleted it. [client]
    fn coded_field(&mut self, code: &str, at: usize) -> Option<CustomField> {
        // Without a list there is a problem already.
        let owner = Owner::Catalog(self.catalog?);
        let found = self.account.fields(owner).iter().find(|field| field.code.as_deref() == Some(code)).cloned();
        if found.is_none() {
            let codes: Vec<&str> = self.account.fields(owner).iter().filter_map(|f| f.code.as_deref()).collect();
            let message =
                message!("the list has no field with the code {code}; its codes are: {known}", code, known = codes);
            self.problem(at, "unknown-field", message, Some("leave this part out of the mapping".into()));
        }
        found
    }

    fn knows_field(&mut self, owner: Owner, name: &str) -> bool {
        let account = self.account;
        let names = self.field_names.entry(owner).or_insert_with(|| account.field_names(owner));
        Account::is_named(names, name)
    }

    pub(super) fn custom_field(&mut self, owner: Owner, name: &str, at: usize) -> Option<CustomField> {
        if self.problems.len() >= HINTS_MAX && !self.knows_field(owner, name) {
            let message = message!("{value} is no custom field of {owner}", value = quoted(name), owner = owner.name());
            self.problem(at, "unknown-field", message, None);
            return None;
        }
        let field = match self.account.field(owner, name) {
            Ok(field) => field.clone(),
            Err(miss) => {
                let (message, hint) = missed(&miss, name, message!("custom field of {owner}", owner = owner.name()));
                let fallback = || Some("the fields are listed by: amoport account show".into());
                self.problem(at, "unknown-field", message, hint.or_else(fallback));
                return None;
            }
        };
        if let Err(why) = writable(FieldKind::from_name(&field.kind)) {
            let message =
                message!("\"{field}\" is a field of type {kind}: {why}", field = &field.name, kind = &field.kind, why);
            self.problem(at, "field-type", message, Some("leave the field out of the mapping".into()));
            return None;
        }
        Some(field)
    }

    /// A custom field whose value is an object becomes a section of its own, an address a list of coded texts.
    fn value_in_parts(
        &mut self,
        owner: Option<Owner>,
        value: &Value,
        values: &mut Vec<ValuePlan>,
        parted: &mut Vec<SectionPlan>,
    ) {
        let (Some(owner), Target::Custom(name)) = (owner, &value.target) else { return };
        let Some(field) = self.custom_field(owner, name, value.at) else {
            return value.parts.iter().for_each(|part| self.inputs(&part.origins));
        };
        let kind = FieldKind::from_name(&field.kind);
        if kind == FieldKind::SmartAddress {
            values.extend(self.address(field, &value.parts));
            return;
        }
        let Some(spec) = amo_model::parts(kind) else {
            let message = message!(
                "\"{field}\" is a field of type {kind} and has no parts",
                field = &field.name,
                kind = &field.kind
            );
            self.problem(value.at, "mapping-shape", message, Some("write it as one value".into()));
            return;
        };
        let mut plans = Vec::new();
        for part in &value.parts {
            let Some(target) = spec.field(&part.name) else {
                self.unknown_part(part, &field, &mut spec.fields.iter().map(|f| f.name));
                continue;
            };
            let target = TargetPlan::Field(target);
            plans.extend(self.part(part, target, Many::No));
        }
        let has = |name: &str| value.parts.iter().any(|p| p.name == name);
        self.required_fields(value.at, &field.name, spec.fields, &has);
        self.id_without_type(value.at, &field.name, &has);
        parted.push(SectionPlan { spec, field: Some(field), holder: 0, catalog: None, values: plans });
    }

    fn part(&mut self, part: &Part, target: TargetPlan, many: Many) -> Option<ValuePlan> {
        if part.origins.len() > 1 && many == Many::No {
            let message = message!(
                "\"{part}\" holds one value, found a list of {count}",
                part = &part.name,
                count = part.origins.len()
            );
            self.problem(
                part.at,
                "mapping-shape",
                message,
                Some("join them: { column = [\"…\", \"…\"], joined = \" \" }".into()),
            );
            return None;
        }
        let context = Context { target: &target, owner: None, catalog: None, many, required: false };
        let origins: Vec<OriginPlan> = part.origins.iter().filter_map(|o| self.origin(o, &context)).collect();
        let existing = self.existing(&part.origins, &target);
        Some(ValuePlan { target, origins, existing })
    }

    fn address(&mut self, field: CustomField, parts: &[Part]) -> Option<ValuePlan> {
        let target = TargetPlan::Custom { field, kind: FieldKind::SmartAddress };
        let mut origins = Vec::new();
        for part in parts {
            let TargetPlan::Custom { field, .. } = &target else { continue };
            if !ADDRESS_PARTS.contains(&part.name.as_str()) {
                self.unknown_part(part, &field.clone(), &mut ADDRESS_PARTS.iter().copied());
                continue;
            }
            let context = Context { target: &target, owner: None, catalog: None, many: Many::Yes, required: false };
            for origin in &part.origins {
                let plan = self.origin(origin, &context);
                let sort = Some(EnumCode::Code(part.name.clone()));
                // A part of an address has one text, whatever stands in it.
                origins.extend(plan.map(|plan| match part.name == COUNTRY {
                    true => OriginPlan {
                        sort,
                        split: Vec::new(),
                        split_said: Vec::new(),
                        convert: Convert::Country,
                        ..plan
                    },
                    false => OriginPlan { sort, split: Vec::new(), split_said: Vec::new(), ..plan },
                }));
            }
        }
        let mut existing = Existing::default();
        for part in parts {
            existing.keep |= self.existing(&part.origins, &target).keep;
        }
        Some(ValuePlan { target, origins, existing })
    }

    fn unknown_part(&mut self, part: &Part, field: &CustomField, known: &mut dyn Iterator<Item = &'static str>) {
        let known: Vec<&str> = known.collect();
        let message = message!(
            "\"{part}\" is no part of \"{field}\", a field of type {kind}",
            part = &part.name,
            field = &field.name,
            kind = &field.kind
        );
        let hint = did_you_mean(&part.name, known.iter().copied());
        let hint = hint.or_else(|| Some(message!("its parts are: {known}", known)));
        self.problem(part.at, "unknown-key", message, hint);
    }

    fn origin(&mut self, origin: &Origin, context: &Context<'_>) -> Option<OriginPlan> {
        let target = context.target;
        let mut input = self.input(origin);
        let round = origin.round.as_ref().and_then(|round| {
            let found = Round::from_name(&round.it);
            if found.is_none() {
                let hint = Some(message!("known: {known}", known = Round::NAMED.map(|(_, name)| name).as_slice()));
                self.problem(
                    round.at,
                    "unknown-word",
                    message!("unknown rounding \"{value}\"", value = &round.it),
                    hint,
                );
            }
            found
        });
        let rules = self.origin_rules(origin, target);
        let convert = self.convert(origin, target, context.owner, context.catalog, round, rules)?;
        let (sort, sorts) = (self.sort(origin, target), self.sorts(origin, target));
        self.origin_problems(origin, target, &convert, context.many);
        let values = origin
            .values
            .as_ref()
            .map(|values| values.it.iter().map(|(found, written)| (fold(found), written.it.clone())).collect());
        let split = match (origin.split.is_empty(), context.many, &convert) {
            (false, _, _) => origin.split.clone(),
            (true, _, Convert::Json { .. }) => Vec::new(),
            (true, _, Convert::Chain { .. }) => STEPS.map(str::to_owned).to_vec(),
            (true, Many::Yes, _) => BETWEEN.map(str::to_owned).to_vec(),
            (true, Many::No | Many::IfSplit, _) => Vec::new(),
        };
        let values: HashMap<String, Literal> = values.unwrap_or_default();
        let options = match (&convert, target) {
            (Convert::Name(_), TargetPlan::Custom { field, .. }) => field.options.as_slice(),
            _ => &[],
        };
        let whole = values.keys().map(String::as_str).chain(options.iter().map(|option| option.value.as_str()));
        let widest = whole.map(|text| split::split(text, &split).count()).max().unwrap_or(1);
        let currency = self.currency(origin, target);
        if let Some(Input::Template(template)) = &mut input
            && convert.is_of_numbers()
        {
            let of_account = || Some(self.account.basics.currency.clone()).filter(|code| !code.is_empty());
            template.counts_in(currency.clone().or_else(of_account));
        }
        // Its other words are looked at all the same.
        let found = input.is_some();
        let plan = OriginPlan {
            at: origin.at,
            input: input.unwrap_or(Input::Constant(Literal::default())),
            default: origin.default.as_ref().map(|d| d.it.clone()),
            required: origin.required || context.required,
            split,
            split_said: origin.split.clone(),
            widest,
            values,
            convert,
            on_empty: origin.on_empty.as_ref().map_or(OnEmpty::Keep, |o| o.it),
            on_unknown: origin.on_unknown.as_ref().map_or(OnUnknown::Reject, |o| o.it),
            values_only: origin.values.is_some() && origin.on_unknown.is_some(),
            sort,
            sorts,
            currency,
            cut: origin.cut.as_ref().map(|cut| cut.it),
        };
        self.written_names(origin, &plan, target);
        if self.has_titles(origin, &plan, target) {
            self.note_titles(origin);
        }
        found.then_some(plan)
    }

    /// Where a value comes from, looked up; nothing where the source does not have it.
    fn input(&mut self, origin: &Origin) -> Option<Input> {
        Some(match &origin.from {
            From::Column(title) => Input::Column(self.column(title)?),
            From::Constant(value) => Input::Constant(value.it.clone()),
            From::Template(text) => Input::Template(Box::new(self.template(text, false)?)),
        })
    }

    /// What is wrong with the columns of a field that is not known itself.
    fn inputs(&mut self, origins: &[Origin]) {
        for origin in origins {
            self.input(origin);
        }
    }

    /// True where the first line of the file of `values` holds titles, as far as the cells tell: it is that of the column; or no
    /// cell has such a text, and it names nothing of the account, or other lines do occur. It is kept all the same, since a
    /// cell further down may have it.
    fn has_titles(&self, origin: &Origin, plan: &OriginPlan, target: &TargetPlan) -> bool {
        let Some(values) = origin.values.as_ref().filter(|_| origin.values_file.is_some()) else { return false };
        let Some(((found, written), others)) = values.it.split_first() else { return false };
        let folded = fold(found);
        if let From::Column(title) = &origin.from
            && fold(&title.it) == folded
        {
            return true;
        }
        let Input::Column(index) = plan.input else { return false };
        let occurs = |text: &str| {
            let cells = self.sample.iter().map(|row| row.get(index).text);
            cells
                .flat_map(|cell| std::iter::once(cell).chain(split::split(cell, &plan.split)))
                .any(|cell| fold(cell) == text)
        };
        if occurs(&folded) {
            return false;
        }
        match &plan.convert {
            Convert::Name(lookup) => {
                let what = match &lookup.what {
                    LookupWhat::Stage { .. } => &LookupWhat::Stage { anywhere: true },
                    what => what,
                };
                !written.it.is_empty() && resolve(self.book, what, None, &written.it, target).is_err()
            }
            _ => others.iter().any(|(found, _)| occurs(&fold(found))),
        }
    }

    fn note_titles(&mut self, origin: &Origin) {
        let first = origin.values.as_ref().and_then(|values| values.it.first());
        let (Some((found, written)), Some(file)) = (first, &origin.values_file) else { return };
        let message = message!(
            "the first line of {file}, {found} and {written}, seems to hold titles; values = { file = \"{file}\", header = true } says so, and header = false that it is a translation",
            file,
            found = quoted(found),
            written = quoted(&written.it)
        );
        self.notes.push(Note::new("values-titles", message));
    }

    /// In which currency the column's amounts are, where it is not the account's.
    fn currency(&self, origin: &Origin, target: &TargetPlan) -> Option<String> {
        let said = origin.currency.as_ref().or(self.written.source.currency.as_ref()).map(|code| code.it.clone());
        said.or_else(|| match target {
            TargetPlan::Custom { field, .. } => field.currency.clone().filter(|code| !code.is_empty()),
            TargetPlan::Field(_) => None,
        })
    }

    /// Names that stand in the mapping itself are looked up now, not once for every row.
    fn written_names(&mut self, origin: &Origin, plan: &OriginPlan, target: &TargetPlan) {
        let Convert::Name(lookup) = &plan.convert else { return };
        let mut names: Vec<&At<Literal>> = origin.default.iter().collect();
        if let From::Constant(name) = &origin.from {
            names.push(name);
        }
        // With another policy the author allows for words that the account does not know.
        if plan.on_unknown == OnUnknown::Reject {
            let titles = usize::from(self.has_titles(origin, plan, target));
            names.extend(origin.values.iter().flat_map(|values| &values.it).skip(titles).map(|(_, name)| name));
        }
        let (what, pipeline) = match (&lookup.what, self.pipeline) {
            (LookupWhat::Stage { .. }, InPipeline::OfRow) => (&LookupWhat::Stage { anywhere: true }, None),
            (what, InPipeline::One(id)) => (what, Some(id)),
            (what, InPipeline::Main | InPipeline::OfRow) => (what, None),
        };
        // A stage found in several pipelines is told apart by the row.
        let by_row = *what != lookup.what;
        let mut seen = HashSet::new();
        // A translation to nothing is no name.
        for name in names.into_iter().filter(|name| !name.it.trim().is_empty()) {
            let known = |text: &str| resolve(self.book, what, pipeline, text, target).is_ok();
            let parts = lists::parts(&name.it, &plan.split_said, usize::MAX, known).unwrap_or_else(|_| vec![&name.it]);
            for part in parts.into_iter().filter(|part| seen.insert((name.at, (*part).to_owned()))) {
                if let Err((unknown, unfit)) = resolve(self.book, what, pipeline, part, target)
                    && (unknown || !by_row)
                {
                    self.problem(name.at, unfit.code, unfit.message, unfit.hint);
                }
            }
        }
    }

    /// What is wrong with the words around an origin, whatever the column holds.
    fn origin_problems(&mut self, origin: &Origin, target: &TargetPlan, convert: &Convert, many: Many) {
        if origin.fill_down && !matches!(origin.from, From::Column(_)) {
            let message = "\"fill-down\" is for columns: a value and a template have no cell above them";
            self.problem(origin.at, "mapping-shape", message, Some("leave it out".into()));
        }
        if let Some(currency) = origin.currency.as_ref().filter(|_| !convert.is_of_numbers()) {
            let message = message!("\"{target}\" takes no amounts, so no currency can be said", target = target.name());
            self.problem(currency.at, "mapping-shape", message, Some("leave \"currency\" out".into()));
        }
        let chain = matches!(target, TargetPlan::Custom { kind: FieldKind::ChainedList, .. });
        if !origin.split.is_empty() && many == Many::No && !chain {
            let message = message!("\"{target}\" holds one value and cannot be split", target = target.name());
            self.problem(origin.at, "mapping-shape", message, None);
        }
        if let Some(clear) = origin.on_empty.as_ref().filter(|o| o.it == OnEmpty::Clear)
            && matches!(target, TargetPlan::Field(_))
        {
            let message = message!("\"{target}\" cannot be cleared, only custom fields can", target = target.name());
            self.problem(clear.at, "mapping-shape", message, Some("write on-empty = \"keep\"".into()));
        }
        if let TargetPlan::Field(field) = target
            && field.wire == Wire::ElementCatalog
            && !matches!(origin.from, From::Constant(_))
        {
            let hint = Some("write it as catalog = { value = \"…\" }".into());
            self.problem(origin.at, "mapping-shape", "the list of the products is the same for all rows", hint);
        }
        self.cut(origin, target, convert);
        self.reference(origin, target);
    }

    /// Only texts that may be any can be cut.
    fn cut(&mut self, origin: &Origin, target: &TargetPlan, convert: &Convert) {
        let Some(cut) = &origin.cut else { return };
        let target = target.name();
        match convert {
            Convert::Text { max, .. } if cut.it > *max => {
                let message =
                    message!("\"{target}\" takes {max} characters, less than \"cut\" leaves", target, max = *max);
                self.problem(cut.at, "mapping-shape", message, Some(message!("write cut = {max}", max = *max)));
            }
            Convert::Text { .. } => {}
            _ => {
                let message = message!("\"{target}\" is no text that could be cut", target);
                self.problem(cut.at, "mapping-shape", message, Some("leave \"cut\" out".into()));
            }
        }
    }

    /// `by` says how something else in the account is referred to; not everything can be by anything.
    fn reference(&mut self, origin: &Origin, target: &TargetPlan) {
        let Some(by) = &origin.by else { return };
        let known: &[By] = match target {
            TargetPlan::Field(field) => match field.holds {
                FieldContent::OneId(Entity::Customers) | FieldContent::Element => &[By::Id, By::Key, By::Name],
                FieldContent::Ids(_) | FieldContent::OneId(_) => &[By::Id, By::Key],
                FieldContent::OwnId if small(self.written.kind.spec().entity) => &[By::Id, By::Key, By::Name],
                FieldContent::OwnId => &[By::Id, By::Key],
                _ => &[By::Id, By::Name],
            },
            TargetPlan::Custom { .. } => &[By::Id, By::Name],
        };
        if !known.contains(&by.it) {
            let known: Vec<String> = known.iter().map(|by| format!("by = \"{}\"", by.word())).collect();
            let message =
                message!("\"{target}\" cannot be found by {value}", target = target.name(), value = by.it.word());
            self.problem(by.at, "mapping-shape", message, Some(message!("write {known}", known = known.join(" or "))));
        }
    }
}

/// Things of which an account has few, all of them known by name.
pub(super) fn small(entity: Entity) -> bool {
    matches!(entity, Entity::Catalogs | Entity::Segments | Entity::Statuses)
}

/// What is the same for all origins of a target.
struct Context<'a> {
    target: &'a TargetPlan,
    /// Whose custom fields the section names.
    owner: Option<Owner>,
    /// The list in which the section's products stand.
    catalog: Option<u64>,
    many: Many,
    /// The service asks for it.
    required: bool,
}
