//! Compiles the targets of a mapping: looks up the field, compiles its origins.

use super::conversion::{Arity, COUNTRY, TargetContext, writable};
use super::wanted::named_catalog;
use super::{Compiler, PipelineScope};
use crate::mapping::convert::lists;
use crate::mapping::convert::number::Round;
use crate::mapping::convert::split;
use crate::mapping::language::ast::{
    As, By, Literal, ObjectPart, OnEmpty, OnUnknown, Origin, Section, Spanned, TargetRef, Value, ValueSource,
};
use crate::mapping::language::reader::HINTS_MAX;
use crate::mapping::lookup::{LookupKind, describe_miss};
use crate::mapping::plan::{Conversion, Existing, Input, OriginPlan, SectionPlan, TargetPlan, ValuePlan};
use amo_client::account::{Account, CatalogRef};
use amo_model::parts::CustomField;
use amo_model::payload::EnumCode;
use amo_model::{
    self, ADDRESS_PARTS, Action, Entity, FieldContent, FieldKind, FieldSpec, Owner, Placement, SectionSpec, Wire,
};
use sheet_source::fold;
use sheet_source::message;
use sheet_source::problem::{Note, did_you_mean, quoted};
use std::collections::{HashMap, HashSet};

/// Default separators of several values in one cell.
const BETWEEN: [&str; 3] = [",", ";", "\n"];
/// Default separators of the steps of a chained list.
const STEPS: [&str; 2] = ["/", ">"];

impl Compiler<'_> {
    pub(super) fn sections(&mut self) -> Vec<SectionPlan> {
        let mut plans = Vec::new();
        for spec in self.ast.kind.spec().sections {
            if let Some(section) = self.ast.sections.iter().find(|s| std::ptr::eq(s.spec, spec)) {
                self.section(section, &mut plans);
            }
        }
        plans
    }

    /// Compiles a section, and the sections of its object-valued custom fields.
    fn section(&mut self, section: &Section, plans: &mut Vec<SectionPlan>) {
        let is_pipeline =
            |v: &Value| matches!(v.target, TargetRef::Field(field) if field.holds == FieldContent::Pipeline);
        self.pipeline_named = section.values.iter().any(is_pipeline);
        self.pipeline = self.section_pipeline(section);
        let has_id = self.has_id(section);
        self.check_section(section, has_id);
        let field = match section.spec.at {
            Placement::Field(code) => match self.coded_field(code, section.offset) {
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
        // A stage is looked up in the pipeline of the record, so the pipeline comes first.
        values.sort_by_key(|v| !matches!(v.target, TargetPlan::Field(spec) if spec.holds == FieldContent::Pipeline));
        let holder = if field.is_some() { 0 } else { plans.len() };
        let mut new = vec![SectionPlan { spec: section.spec, field, holder, catalog, values }];
        new.extend(parted.into_iter().map(|part| SectionPlan { holder, ..part }));
        self.check_duplicate_fields(section.offset, plans, &new);
        plans.extend(new);
    }

    fn section_pipeline(&self, section: &Section) -> PipelineScope {
        let named = section
            .values
            .iter()
            .find(|v| matches!(v.target, TargetRef::Field(field) if field.holds == FieldContent::Pipeline));
        let Some(origin) = named.and_then(|value| value.origins.first()) else { return PipelineScope::Main };
        match &origin.source {
            ValueSource::Constant(name) => {
                self.account.pipeline(&name.value).map_or(PipelineScope::FromRow, |found| PipelineScope::One(found.id))
            }
            ValueSource::Column(_) | ValueSource::Template(_) => PipelineScope::FromRow,
        }
    }

    /// The catalog of a section of products, if the mapping names it as a constant or not at all.
    fn section_catalog(&mut self, section: &Section) -> Option<u64> {
        let names_elements = |v: &Value| matches!(v.target, TargetRef::Field(f) if f.holds == FieldContent::Element);
        if !section.values.iter().any(names_elements) {
            return None;
        }
        let catalog = match named_catalog(section) {
            Some(CatalogRef::Named(name)) => self.account.catalog(&name).ok().map(|catalog| catalog.id),
            Some(CatalogRef::Typed(_)) | None => self.catalog_of_type(amo_model::PRODUCTS),
        };
        if catalog.is_none() && named_catalog(section).is_none() {
            let hint = Some("name another catalog: catalog = { value = \"…\" }".into());
            self.problem(section.offset, "no-catalog", "the account has no catalog of products", hint);
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
            TargetRef::Field(field) => self.standard_target(field, value.offset).map(Ok),
            TargetRef::Custom(name) => self.custom_field(owner?, name, value.offset).map(Err),
        };
        let Some(target) = target else {
            self.check_inputs(&value.origins);
            return None;
        };
        let (target, arity) = match target {
            Ok(own) => own,
            Err(field) => {
                let kind = FieldKind::from_name(&field.kind);
                let as_json = |o: &Origin| o.as_.as_ref().is_some_and(|as_| as_.value == As::Json);
                if kind == FieldKind::Items && !value.origins.iter().all(as_json) {
                    let message =
                        message!("\"{field}\" takes lines with several parts, not one value", field = &field.name);
                    let hint = "write { description = \"…\", unit_price = \"…\", quantity = \"…\" }".into();
                    self.problem(value.offset, "mapping-shape", message, Some(hint));
                    return None;
                }
                let arity = match kind {
                    // An address may contain commas.
                    FieldKind::SmartAddress => Arity::IfSplit,
                    _ if kind.many() => Arity::Many,
                    _ => Arity::One,
                };
                (TargetPlan::Custom { field, kind }, arity)
            }
        };
        if value.origins.len() > 1 && arity == Arity::One {
            let message = message!(
                "\"{target}\" takes one value, found a list of {count}",
                target = target.name(),
                count = value.origins.len()
            );
            self.problem(
                value.offset,
                "mapping-shape",
                message,
                Some("join them: { column = [\"…\", \"…\"], joined = \" \" }".into()),
            );
            return None;
        }
        let required = match &value.target {
            // Other sections require it only if the row has any of their values, and an empty cell of an update changes
            // nothing.
            TargetRef::Field(field) => spec.is_item() && self.ast.action == Action::Create && self.is_required(field),
            TargetRef::Custom(_) => false,
        };
        let context = TargetContext { target: &target, owner, catalog, arity, required };
        let origins: Vec<OriginPlan> = value.origins.iter().filter_map(|o| self.origin(o, &context)).collect();
        let existing = self.existing(&value.origins, &target);
        Some(ValuePlan { target, origins, existing })
    }

    /// A standard field of the kind; some are custom fields with a known code.
    fn standard_target(&mut self, field: &'static FieldSpec, offset: usize) -> Option<(TargetPlan, Arity)> {
        self.check_field_mode(offset, field);
        if let Wire::Field(code) = field.wire {
            let field = self.coded_field(code, offset)?;
            let kind = FieldKind::from_name(&field.kind);
            return Some((TargetPlan::Custom { field, kind }, Arity::One));
        }
        let arity = match field.wire {
            Wire::ElementId | Wire::ElementQuantity => Arity::IfSplit,
            _ if field.holds.many() => Arity::Many,
            _ => Arity::One,
        };
        Some((TargetPlan::Field(field), arity))
    }

    /// A custom field of the records' catalog, by its code; users can delete it. [client]
    fn coded_field(&mut self, code: &str, offset: usize) -> Option<CustomField> {
        // A missing catalog is already reported.
        let owner = Owner::Catalog(self.catalog?);
        let found = self.account.fields(owner).iter().find(|field| field.code.as_deref() == Some(code)).cloned();
        if found.is_none() {
            let codes: Vec<&str> = self.account.fields(owner).iter().filter_map(|f| f.code.as_deref()).collect();
            let message =
                message!("the catalog has no field with the code {code}; known codes: {known}", code, known = codes);
            self.problem(offset, "unknown-field", message, Some("leave this part out of the mapping".into()));
        }
        found
    }

    fn knows_field(&mut self, owner: Owner, name: &str) -> bool {
        let account = self.account;
        let names = self.field_names.entry(owner).or_insert_with(|| account.field_names(owner));
        Account::is_named(names, name)
    }

    pub(super) fn custom_field(&mut self, owner: Owner, name: &str, offset: usize) -> Option<CustomField> {
        if self.problems.len() >= HINTS_MAX && !self.knows_field(owner, name) {
            let message =
                message!("unknown custom field of {owner}: {value}", value = quoted(name), owner = owner.name());
            self.problem(offset, "unknown-field", message, None);
            return None;
        }
        let field = match self.account.field(owner, name) {
            Ok(field) => field.clone(),
            Err(miss) => {
                let (message, hint) =
                    describe_miss(&miss, name, message!("custom field of {owner}", owner = owner.name()));
                let fallback = || Some("list the fields with: amoport account show".into());
                self.problem(offset, "unknown-field", message, hint.or_else(fallback));
                return None;
            }
        };
        if let Err(why) = writable(FieldKind::from_name(&field.kind)) {
            let message =
                message!("\"{field}\" is a field of type {kind}: {why}", field = &field.name, kind = &field.kind, why);
            self.problem(offset, "field-type", message, Some("leave the field out of the mapping".into()));
            return None;
        }
        Some(field)
    }

    /// A custom field whose value is an object becomes a section of its own; an address becomes a list of coded texts.
    fn value_in_parts(
        &mut self,
        owner: Option<Owner>,
        value: &Value,
        values: &mut Vec<ValuePlan>,
        parted: &mut Vec<SectionPlan>,
    ) {
        let (Some(owner), TargetRef::Custom(name)) = (owner, &value.target) else { return };
        let Some(field) = self.custom_field(owner, name, value.offset) else {
            return value.parts.iter().for_each(|part| self.check_inputs(&part.origins));
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
            self.problem(value.offset, "mapping-shape", message, Some("write it as one value".into()));
            return;
        };
        let mut plans = Vec::new();
        for part in &value.parts {
            let Some(target) = spec.field(&part.name) else {
                self.unknown_part(part, &field, &mut spec.fields.iter().map(|f| f.name));
                continue;
            };
            let target = TargetPlan::Field(target);
            plans.extend(self.part(part, target, Arity::One));
        }
        let has = |name: &str| value.parts.iter().any(|p| p.name == name);
        self.check_required_fields(value.offset, &field.name, spec.fields, &has);
        self.check_entity_type(value.offset, &field.name, &has);
        parted.push(SectionPlan { spec, field: Some(field), holder: 0, catalog: None, values: plans });
    }

    fn part(&mut self, part: &ObjectPart, target: TargetPlan, arity: Arity) -> Option<ValuePlan> {
        if part.origins.len() > 1 && arity == Arity::One {
            let message = message!(
                "\"{part}\" takes one value, found a list of {count}",
                part = &part.name,
                count = part.origins.len()
            );
            self.problem(
                part.offset,
                "mapping-shape",
                message,
                Some("join them: { column = [\"…\", \"…\"], joined = \" \" }".into()),
            );
            return None;
        }
        let context = TargetContext { target: &target, owner: None, catalog: None, arity, required: false };
        let origins: Vec<OriginPlan> = part.origins.iter().filter_map(|o| self.origin(o, &context)).collect();
        let existing = self.existing(&part.origins, &target);
        Some(ValuePlan { target, origins, existing })
    }

    fn address(&mut self, field: CustomField, parts: &[ObjectPart]) -> Option<ValuePlan> {
        let target = TargetPlan::Custom { field, kind: FieldKind::SmartAddress };
        let mut origins = Vec::new();
        for part in parts {
            let TargetPlan::Custom { field, .. } = &target else { continue };
            if !ADDRESS_PARTS.contains(&part.name.as_str()) {
                self.unknown_part(part, &field.clone(), &mut ADDRESS_PARTS.iter().copied());
                continue;
            }
            let context =
                TargetContext { target: &target, owner: None, catalog: None, arity: Arity::Many, required: false };
            for origin in &part.origins {
                let plan = self.origin(origin, &context);
                let enum_code = Some(EnumCode::Code(part.name.clone()));
                // A part of an address is one text and is never split.
                origins.extend(plan.map(|plan| match part.name == COUNTRY {
                    true => OriginPlan {
                        enum_code,
                        split: Vec::new(),
                        literal_split: Vec::new(),
                        conversion: Conversion::Country,
                        ..plan
                    },
                    false => OriginPlan { enum_code, split: Vec::new(), literal_split: Vec::new(), ..plan },
                }));
            }
        }
        let mut existing = Existing::default();
        for part in parts {
            existing.keep |= self.existing(&part.origins, &target).keep;
        }
        Some(ValuePlan { target, origins, existing })
    }

    fn unknown_part(&mut self, part: &ObjectPart, field: &CustomField, known: &mut dyn Iterator<Item = &'static str>) {
        let known: Vec<&str> = known.collect();
        let message = message!(
            "unknown part \"{part}\" of \"{field}\", a field of type {kind}",
            part = &part.name,
            field = &field.name,
            kind = &field.kind
        );
        let hint = did_you_mean(&part.name, known.iter().copied());
        let hint = hint.or_else(|| Some(message!("its parts are: {known}", known)));
        self.problem(part.offset, "unknown-key", message, hint);
    }

    fn origin(&mut self, origin: &Origin, context: &TargetContext<'_>) -> Option<OriginPlan> {
        let target = context.target;
        let mut input = self.input(origin);
        let round = origin.round.as_ref().and_then(|round| {
            let found = Round::from_name(&round.value);
            if found.is_none() {
                let hint = Some(message!("known: {known}", known = Round::NAMED.map(|(_, name)| name).as_slice()));
                self.problem(
                    round.offset,
                    "unknown-word",
                    message!("unknown rounding \"{value}\"", value = &round.value),
                    hint,
                );
            }
            found
        });
        let rules = self.origin_rules(origin, target);
        let conversion = self.conversion(origin, context, round, rules)?;
        let (enum_code, enum_codes) = (self.enum_code(origin, target), self.enum_codes(origin, target));
        self.check_origin(origin, target, &conversion, context.arity);
        let values = origin
            .values
            .as_ref()
            .map(|values| values.value.iter().map(|(found, written)| (fold(found), written.value.clone())).collect());
        let split = match (origin.split.is_empty(), context.arity, &conversion) {
            (false, _, _) => origin.split.clone(),
            (true, _, Conversion::Json { .. }) => Vec::new(),
            (true, _, Conversion::Chain { .. }) => STEPS.map(str::to_owned).to_vec(),
            (true, Arity::Many, _) => BETWEEN.map(str::to_owned).to_vec(),
            (true, Arity::One | Arity::IfSplit, _) => Vec::new(),
        };
        let values: HashMap<String, Literal> = values.unwrap_or_default();
        let options = match (&conversion, target) {
            (Conversion::Name(_), TargetPlan::Custom { field, .. }) => field.options.as_slice(),
            _ => &[],
        };
        let whole = values.keys().map(String::as_str).chain(options.iter().map(|option| option.value.as_str()));
        let widest = whole.map(|text| split::split(text, &split).count()).max().unwrap_or(1);
        let currency = self.currency(origin, target);
        if let Some(Input::Template(template)) = &mut input
            && conversion.is_of_numbers()
        {
            let of_account = || Some(self.account.basics.currency.clone()).filter(|code| !code.is_empty());
            template.set_currency(currency.clone().or_else(of_account));
        }
        // The remaining keys are checked even without an input.
        let found = input.is_some();
        let plan = OriginPlan {
            offset: origin.offset,
            input: input.unwrap_or(Input::Constant(Literal::default())),
            default: origin.default.as_ref().map(|d| d.value.clone()),
            required: origin.required || context.required,
            split,
            literal_split: origin.split.clone(),
            widest,
            values,
            conversion,
            on_empty: origin.on_empty.as_ref().map_or(OnEmpty::Keep, |o| o.value),
            on_unknown: origin.on_unknown.as_ref().map_or(OnUnknown::Reject, |o| o.value),
            values_only: origin.values.is_some() && origin.on_unknown.is_some(),
            enum_code,
            enum_codes,
            currency,
            cut: origin.cut.as_ref().map(|cut| cut.value),
        };
        self.check_literal_names(origin, &plan);
        if self.has_titles(origin, &plan) {
            self.note_titles(origin);
        }
        found.then_some(plan)
    }

    /// The input of a value; `None` if the source has no such column.
    fn input(&mut self, origin: &Origin) -> Option<Input> {
        Some(match &origin.source {
            ValueSource::Column(title) => Input::Column(self.column(title)?),
            ValueSource::Constant(value) => Input::Constant(value.value.clone()),
            ValueSource::Template(text) => Input::Template(Box::new(self.template(text, false)?)),
        })
    }

    /// Checks the columns of an unknown field.
    fn check_inputs(&mut self, origins: &[Origin]) {
        for origin in origins {
            self.input(origin);
        }
    }

    /// True if the first line of the `values` file looks like a header: it is the title of the column, or no cell
    /// contains its text and either its value is no name of the account or other lines do occur. The line is kept
    /// nevertheless, since a later cell may contain its text.
    fn has_titles(&self, origin: &Origin, plan: &OriginPlan) -> bool {
        let Some(values) = origin.values.as_ref().filter(|_| origin.values_file.is_some()) else { return false };
        let Some(((found, written), others)) = values.value.split_first() else { return false };
        let folded = fold(found);
        if let ValueSource::Column(title) = &origin.source
            && fold(&title.value) == folded
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
        match &plan.conversion {
            Conversion::Name(lookup) => {
                let kind = match &lookup.kind {
                    LookupKind::Stage { .. } => &LookupKind::Stage { anywhere: true },
                    kind => kind,
                };
                !written.value.is_empty() && self.resolver.resolve(kind, None, &written.value).is_err()
            }
            _ => others.iter().any(|(found, _)| occurs(&fold(found))),
        }
    }

    fn note_titles(&mut self, origin: &Origin) {
        let first = origin.values.as_ref().and_then(|values| values.value.first());
        let (Some((found, written)), Some(file)) = (first, &origin.values_file) else { return };
        let message = message!(
            "the first line of {file}, {found} and {written}, looks like a header; write values = { file = \"{file}\", header = true } if it is one, header = false if it is a translation",
            file,
            found = quoted(found),
            written = quoted(&written.value)
        );
        self.notes.push(Note::new("values-titles", message));
    }

    /// The currency of the column's amounts, if it is not the account's.
    fn currency(&self, origin: &Origin, target: &TargetPlan) -> Option<String> {
        let named = origin.currency.as_ref().or(self.ast.source.currency.as_ref()).map(|code| code.value.clone());
        named.or_else(|| match target {
            TargetPlan::Custom { field, .. } => field.currency.clone().filter(|code| !code.is_empty()),
            TargetPlan::Field(_) => None,
        })
    }

    /// Looks up the names in the mapping itself now, not in every row.
    fn check_literal_names(&mut self, origin: &Origin, plan: &OriginPlan) {
        let Conversion::Name(lookup) = &plan.conversion else { return };
        let mut names: Vec<&Spanned<Literal>> = origin.default.iter().collect();
        if let ValueSource::Constant(name) = &origin.source {
            names.push(name);
        }
        // Other policies allow unknown names.
        if plan.on_unknown == OnUnknown::Reject {
            let titles = usize::from(self.has_titles(origin, plan));
            names.extend(origin.values.iter().flat_map(|values| &values.value).skip(titles).map(|(_, name)| name));
        }
        let (kind, pipeline) = match (&lookup.kind, self.pipeline) {
            (LookupKind::Stage { .. }, PipelineScope::FromRow) => (&LookupKind::Stage { anywhere: true }, None),
            (kind, PipelineScope::One(id)) => (kind, Some(id)),
            (kind, PipelineScope::Main | PipelineScope::FromRow) => (kind, None),
        };
        // The row decides between equal stages of several pipelines.
        let by_row = *kind != lookup.kind;
        let mut seen = HashSet::new();
        // An empty translation is not a name.
        for name in names.into_iter().filter(|name| !name.value.trim().is_empty()) {
            let known = |text: &str| self.resolver.resolve(kind, pipeline, text).is_ok();
            let parts =
                lists::parts(&name.value, &plan.literal_split, usize::MAX, known).unwrap_or_else(|_| vec![&name.value]);
            for part in parts.into_iter().filter(|part| seen.insert((name.offset, (*part).to_owned()))) {
                if let Err((unknown, error)) = self.resolver.resolve(kind, pipeline, part)
                    && (unknown || !by_row)
                {
                    self.problem(name.offset, error.code, error.message, error.hint);
                }
            }
        }
    }

    /// Checks the keys of an origin that do not depend on the cells.
    fn check_origin(&mut self, origin: &Origin, target: &TargetPlan, conversion: &Conversion, arity: Arity) {
        if origin.fill_down && !matches!(origin.source, ValueSource::Column(_)) {
            let message = "\"fill-down\" works only with columns";
            self.problem(origin.offset, "mapping-shape", message, Some("leave it out".into()));
        }
        if let Some(currency) = origin.currency.as_ref().filter(|_| !conversion.is_of_numbers()) {
            let message = message!("\"{target}\" takes no amounts, so it has no currency", target = target.name());
            self.problem(currency.offset, "mapping-shape", message, Some("leave \"currency\" out".into()));
        }
        let chain = matches!(target, TargetPlan::Custom { kind: FieldKind::ChainedList, .. });
        if !origin.split.is_empty() && arity == Arity::One && !chain {
            let message = message!("\"{target}\" takes one value and cannot be split", target = target.name());
            self.problem(origin.offset, "mapping-shape", message, None);
        }
        if let Some(clear) = origin.on_empty.as_ref().filter(|o| o.value == OnEmpty::Clear)
            && matches!(target, TargetPlan::Field(_))
        {
            let message = message!("\"{target}\" cannot be cleared, only custom fields can", target = target.name());
            self.problem(clear.offset, "mapping-shape", message, Some("write on-empty = \"keep\"".into()));
        }
        if let TargetPlan::Field(field) = target
            && field.wire == Wire::ElementCatalog
            && !matches!(origin.source, ValueSource::Constant(_))
        {
            let hint = Some("write it as catalog = { value = \"…\" }".into());
            self.problem(
                origin.offset,
                "mapping-shape",
                "the catalog of the products must be the same for all rows",
                hint,
            );
        }
        self.check_cut(origin, target, conversion);
        self.check_reference(origin, target);
    }

    /// Only free texts can be cut.
    fn check_cut(&mut self, origin: &Origin, target: &TargetPlan, conversion: &Conversion) {
        let Some(cut) = &origin.cut else { return };
        let target = target.name();
        match conversion {
            Conversion::Text { max, .. } if cut.value > *max => {
                let message =
                    message!("\"cut\" exceeds the {max} characters that \"{target}\" takes", target, max = *max);
                self.problem(cut.offset, "mapping-shape", message, Some(message!("write cut = {max}", max = *max)));
            }
            Conversion::Text { .. } => {}
            _ => {
                let message = message!("\"{target}\" is not a text and cannot be cut", target);
                self.problem(cut.offset, "mapping-shape", message, Some("leave \"cut\" out".into()));
            }
        }
    }

    /// Checks `by`: not every target supports every kind of reference.
    fn check_reference(&mut self, origin: &Origin, target: &TargetPlan) {
        let Some(by) = &origin.by else { return };
        let known: &[By] = match target {
            TargetPlan::Field(field) => match field.holds {
                FieldContent::OneId(Entity::Customers) | FieldContent::Element => &[By::Id, By::Key, By::Name],
                FieldContent::Ids(_) | FieldContent::OneId(_) => &[By::Id, By::Key],
                FieldContent::OwnId if is_small_collection(self.ast.kind.spec().entity) => &[By::Id, By::Key, By::Name],
                FieldContent::OwnId => &[By::Id, By::Key],
                _ => &[By::Id, By::Name],
            },
            TargetPlan::Custom { .. } => &[By::Id, By::Name],
        };
        if !known.contains(&by.value) {
            let known: Vec<String> = known.iter().map(|by| format!("by = \"{}\"", by.word())).collect();
            let message = message!(
                "\"{target}\" cannot be referenced by {value}",
                target = target.name(),
                value = by.value.word()
            );
            self.problem(
                by.offset,
                "mapping-shape",
                message,
                Some(message!("write {known}", known = known.join(" or "))),
            );
        }
    }
}

/// True for entities of which an account has few, all known by name.
pub(super) fn is_small_collection(entity: Entity) -> bool {
    matches!(entity, Entity::Catalogs | Entity::Segments | Entity::Statuses)
}
