//! Rules of the API for a mapping as a whole: required fields, fields that exclude each other, the account's mode.

use super::{Compiler, names_own_id};
use crate::mapping::language::ast::{Section, TargetRef};
use crate::mapping::plan::{SectionPlan, TargetPlan, ValuePlan};
use amo_model::parts::CustomField;
use amo_model::{Action, FieldContent, FieldKind, FieldSpec, Needs, Placement, Required, Wire};
use sheet_source::message;
use sheet_source::problem::Message;
use std::collections::HashSet;

/// The message for a subject that the account's mode does not support, and the mode that does.
pub fn mode_message(needs: Needs, mode: &str, subject: Message) -> (Message, &'static str) {
    let state: Message = match mode {
        "disabled" | "unavailable" => "customers are disabled in this account".into(),
        _ => message!("this account keeps customers by {mode}", mode),
    };
    match needs {
        Needs::Periodicity => (message!("{state}; {subject} needs periodicity", state, subject), "periodicity"),
        Needs::Segments | Needs::Customers | Needs::Nothing => {
            (message!("{state}; {subject} needs segments", state, subject), "segments")
        }
    }
}

impl Compiler<'_> {
    pub(super) fn check_section(&mut self, section: &Section, has_id: bool) {
        if self.ast.incomplete {
            return;
        }
        let changes = self.ast.action != Action::Create && section.spec.is_item();
        if changes && !has_id && self.ast.key.is_empty() {
            let name = section.spec.name;
            let hint = message!(
                "add id = \"…\" under [{section}], the column with the CRM ids, or key = \"…\" above it",
                section = name
            );
            let message =
                message!("a mapping with action \"{action}\" needs an id or a key", action = self.ast.action.name());
            self.problem(section.offset, "no-id", message, Some(hint));
        }
        if matches!(section.spec.at, Placement::EmbeddedFirst(_)) && has_id && section.values.len() > 1 {
            let message = message!(
                "[{section}] with an id takes no other fields: an existing record is linked, not changed",
                section = section.spec.name
            );
            self.problem(section.offset, "id-and-fields", message, Some("leave the id or the other fields out".into()));
        }
        if let Placement::Embedded(_) = section.spec.at
            && !section.values.iter().any(|v| matches!(v.target, TargetRef::Field(f) if f.name == "category"))
        {
            let message = message!("[{section}] has no category", section = section.spec.name);
            let hint = "add category = { value = \"forms\" } or \"sip\"".into();
            self.problem(section.offset, "no-category", message, Some(hint));
        }
        if let Some(max) = section.spec.custom_fields_max {
            let marker = usize::from(self.ast.marker.is_some() && section.spec.is_item());
            let count = section.values.iter().filter(|v| matches!(v.target, TargetRef::Custom(_))).count() + marker;
            if count > max {
                let marked = if marker > 0 { " with the marker" } else { "" };
                let name = section.spec.name;
                let message = message!(
                    "{count} custom fields under [{section}.fields]{marked}, the service takes {max}",
                    count,
                    section = name,
                    marked,
                    max
                );
                let hint = "leave some out and update them afterwards".into();
                self.problem(section.offset, "too-many-fields", message, Some(hint));
            }
        }
        let has = |name: &str| {
            section.values.iter().any(|v| matches!(v.target, TargetRef::Field(field) if field.name == name))
        };
        self.check_required_fields(section.offset, section.spec.name, section.spec.fields, &has);
        self.check_entity_type(section.offset, section.spec.name, &has);
        if tags(section) > 1 {
            let hint = Some("\"all_tags\" sets all tags, \"tags\" adds tags: keep one".into());
            self.problem(section.offset, "tags-twice", "\"tags\" and \"all_tags\" exclude each other", hint);
        }
    }

    /// Reports required fields that the mapping does not fill. [seed]
    pub(super) fn check_required_fields(
        &mut self,
        offset: usize,
        place: &str,
        fields: &'static [FieldSpec],
        filled: &dyn Fn(&str) -> bool,
    ) {
        let item = self.ast.kind.spec().sections[0].name == place;
        if self.ast.incomplete || item && self.ast.action != Action::Create {
            return;
        }
        let missing: Vec<&FieldSpec> =
            fields.iter().filter(|field| self.is_required(field) && !filled(field.name)).collect();
        for field in missing {
            let message =
                message!("[{section}] has no {field}, which the service requires", section = place, field = field.name);
            let hint = message!("add {field} = \"…\", {about}", field = field.name, about = field.about);
            self.problem(offset, "no-required-field", message, Some(hint));
        }
    }

    /// Reports an `entity_id` without `entity_type`: the service would refuse every record. [doc]
    pub(super) fn check_entity_type(&mut self, offset: usize, place: &str, has: &dyn Fn(&str) -> bool) {
        if has("entity_id") && !has("entity_type") {
            let message = message!("[{section}] has an entity_id but no entity_type", section = place);
            let hint = "add entity_type = { value = \"contacts\" } or \"companies\"".into();
            self.problem(offset, "no-required-field", message, Some(hint));
        }
    }

    /// True if records of this account cannot be created without the field.
    pub(super) fn is_required(&self, field: &FieldSpec) -> bool {
        let periodicity = self.account.basics.customers_mode == "periodicity";
        match field.required {
            Required::No => false,
            Required::Always => true,
            Required::Periodicity => periodicity && self.ast.action == Action::Create,
        }
    }

    /// Reports fields of another customers mode: the service would refuse every record. [seed]
    pub(super) fn check_field_mode(&mut self, offset: usize, field: &FieldSpec) {
        let mode = self.account.basics.customers_mode.clone();
        if !field.only.met_by(&mode) {
            let (message, _) = mode_message(field.only, &mode, message!("\"{field}\"", field = field.name));
            self.problem(offset, "customers-mode", message, Some("leave it out of the mapping".into()));
        }
    }

    /// Reports fields that are filled twice: under name and code, in parts and as one text, under [invoice.payer] and
    /// [invoice.fields].
    pub(super) fn check_duplicate_fields(&mut self, offset: usize, before: &[SectionPlan], new: &[SectionPlan]) {
        fn fields(section: &SectionPlan) -> impl Iterator<Item = (usize, &CustomField, Option<usize>)> {
            let values = section.values.iter().filter_map(|value| match &value.target {
                TargetPlan::Custom { field, .. } => Some((field, value.origins.first().map(|origin| origin.offset))),
                TargetPlan::Field(_) => None,
            });
            let whole = section.field.iter().map(|field| (field, None));
            values.chain(whole).map(|(field, offset)| (section.holder, field, offset))
        }
        let all = before.iter().flat_map(fields);
        let mut seen: HashSet<(usize, u64)> = all.map(|(holder, field, _)| (holder, field.id)).collect();
        let twice = new.iter().flat_map(fields).filter(|(holder, field, _)| !seen.insert((*holder, field.id)));
        let doubled: Vec<(String, Option<usize>)> =
            twice.map(|(_, field, offset)| (field.name.clone(), offset)).collect();
        for (name, origin) in doubled {
            let hint = "fill it in one place; for several values use a list: [\"column 1\", \"column 2\"]".into();
            self.problem(
                origin.unwrap_or(offset),
                "field-twice",
                message!("the field \"{field}\" is filled twice", field = name),
                Some(hint),
            );
        }
    }

    /// The field with the sum of an invoice, if the catalog has one and the mapping does not fill it. With VAT the sum
    /// is not computed.
    pub(super) fn total_field(&self, sections: &[SectionPlan]) -> Option<u64> {
        let items = sections.iter().find(|section| matches!(section.spec.at, Placement::Field("ITEMS")))?;
        let vat = |v: &ValuePlan| matches!(v.target, TargetPlan::Field(f) if f.name.starts_with("vat_rate"));
        let owner = sections.first()?.spec.custom_fields?.owner(self.catalog)?;
        let field = self.account.fields(owner).iter().find(|field| field.code.as_deref() == Some("BILL_PRICE"))?;
        let filled = sections[0]
            .values
            .iter()
            .any(|v| matches!(&v.target, TargetPlan::Custom { field: f, .. } if f.id == field.id));
        let numeric = matches!(FieldKind::from_name(&field.kind), FieldKind::Numeric | FieldKind::Monetary);
        (numeric && !filled && !items.values.iter().any(vat)).then_some(field.id)
    }

    /// True if the section fills the record's id.
    pub(super) fn has_id(&self, section: &Section) -> bool {
        match section.spec.is_item() {
            true => names_own_id(self.ast),
            false => {
                section.values.iter().any(|v| matches!(v.target, TargetRef::Field(f) if f.holds == FieldContent::OwnId))
            }
        }
    }
}

/// The number of values that set or add tags; `list` may turn `tags` into `all_tags`.
fn tags(section: &Section) -> usize {
    let says = |wire: Wire| matches!(wire, Wire::EmbeddedTags | Wire::Tags("tags_to_add"));
    section.values.iter().filter(|v| matches!(v.target, TargetRef::Field(f) if says(f.wire))).count()
}
