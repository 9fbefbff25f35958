//! Compiles the targets of a mapping: looks up the field, compiles its origins.

use super::Compiler;
use super::conversion::{Arity, COUNTRY, TargetContext, writable};
use crate::mapping::language::ast::{ObjectPart, TargetRef, Value};
use crate::mapping::language::reader::HINTS_MAX;
use crate::mapping::lookup::describe_miss;
use crate::mapping::plan::{Conversion, Existing, OriginPlan, SectionPlan, TargetPlan, ValuePlan};
use amo_client::account::Account;
use amo_model::parts::CustomField;
use amo_model::payload::EnumCode;
use amo_model::{self, ADDRESS_PARTS, Entity, FieldKind, FieldSpec, Owner, Wire};
use sheet_source::message;
use sheet_source::problem::{did_you_mean, quoted};

impl Compiler<'_> {
    /// A standard field of the kind; some are custom fields with a known code.
    pub(super) fn standard_target(&mut self, field: &'static FieldSpec, offset: usize) -> Option<(TargetPlan, Arity)> {
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
    pub(super) fn coded_field(&mut self, code: &str, offset: usize) -> Option<CustomField> {
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

    pub(super) fn knows_field(&mut self, owner: Owner, name: &str) -> bool {
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
    pub(super) fn value_in_parts(
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

    pub(super) fn part(&mut self, part: &ObjectPart, target: TargetPlan, arity: Arity) -> Option<ValuePlan> {
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

    pub(super) fn address(&mut self, field: CustomField, parts: &[ObjectPart]) -> Option<ValuePlan> {
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

    pub(super) fn unknown_part(
        &mut self,
        part: &ObjectPart,
        field: &CustomField,
        known: &mut dyn Iterator<Item = &'static str>,
    ) {
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
}

/// True for entities of which an account has few, all known by name.
pub(super) fn is_small_collection(entity: Entity) -> bool {
    matches!(entity, Entity::Catalogs | Entity::Segments | Entity::Statuses)
}
