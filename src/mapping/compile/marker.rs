//! The marker: a field with a unique name of each record, by which it is found after a lost answer. Checks the field
//! that the mapping names, and recommends a marker if it names none.

use super::Compiler;
use crate::mapping::language::ast::Spanned;
use crate::mapping::plan::{Plan, SectionPlan, TargetPlan, ValuePlan};
use amo_client::account::LookupError;
use amo_model::compare::Marker;
use amo_model::{Action, COMMENT, FieldKind, Owner, Wire};
use sheet_source::message;
use sheet_source::problem::{Message, Note};

impl Compiler<'_> {
    /// Looks up the marker field: it must take any text, and no value of the mapping may fill it.
    pub(super) fn marker(&mut self, name: &Spanned<String>, sections: &[SectionPlan]) -> Option<Marker> {
        if self.ast.action != Action::Create {
            let hint = Some("leave \"marker\" out".into());
            self.problem(name.offset, "marker", "a marker works only with action create", hint);
            return None;
        }
        let item = self.ast.kind.spec().sections.first()?;
        if let Some(field) =
            item.fields.iter().find(|field| field.wire == Wire::Key(COMMENT) && field.name == name.value)
        {
            let filled = |v: &ValuePlan| matches!(v.target, TargetPlan::Field(f) if f.name == field.name);
            if sections.first().is_some_and(|section| section.values.iter().any(filled)) {
                let hint = Some("remove one of the two".into());
                self.problem(name.offset, "marker", "the mapping already fills the comment", hint);
            }
            return Some(Marker::Key(COMMENT));
        }
        let Some(owner) = item.custom_fields.and_then(|of| of.owner(self.catalog)) else {
            let message = message!("a {kind} has no custom field for a marker", kind = self.ast.kind.name());
            self.problem(name.offset, "marker", message, Some("leave \"marker\" out".into()));
            return None;
        };
        let problems_before = self.problems.len();
        let Some(field) = self.custom_field(owner, &name.value, name.offset) else {
            self.hint_missing_field(owner, name, problems_before);
            return None;
        };
        let kind = FieldKind::from_name(&field.kind);
        if !matches!(kind, FieldKind::Text | FieldKind::Textarea) {
            let message = message!(
                "the marker needs a text field, but \"{field}\" has type {kind}",
                field = &field.name,
                kind = &field.kind
            );
            self.problem(name.offset, "marker", message, None);
            return None;
        }
        let fills = |v: &ValuePlan| matches!(&v.target, TargetPlan::Custom { field: f, .. } if f.id == field.id);
        if sections.first().is_some_and(|section| section.values.iter().any(fills)) {
            let hint = Some("give the marker a field of its own".into());
            self.problem(
                name.offset,
                "marker",
                message!("the mapping already fills \"{field}\"", field = &field.name),
                hint,
            );
            return None;
        }
        Some(Marker::Field(field.id))
    }

    /// Adds a hint to create the field: with a mapping that ships with amoport it often does not exist yet.
    /// `problems_before` is the number of problems before the lookup.
    fn hint_missing_field(&mut self, owner: Owner, name: &Spanned<String>, problems_before: usize) {
        let Err(LookupError::Unknown { near }) = self.account.field(owner, &name.value) else { return };
        let make: Message = "create a text field with this name in the account, or remove the line".into();
        for problem in self.problems.iter_mut().skip(problems_before) {
            problem.hint = match problem.hint.take().filter(|_| !near.is_empty()) {
                Some(nearest) => Some(message!("{nearest} otherwise {make}", nearest, make = make.clone())),
                None => Some(make.clone()),
            };
        }
    }
}

/// The note for a mapping that creates records without a marker although it could have one. `check` reports it before
/// anything is sent; an import only after a lost answer left records that cannot be told apart.
pub fn no_marker(plan: &Plan) -> Option<Note> {
    // The mapping of an exported workbook is generated, so no line can be added to it.
    if plan.action != Action::Create || plan.marker.is_some() || plan.edits.is_some() {
        return None;
    }
    let (item, own) = (plan.kind.spec().sections.first()?, plan.sections.first()?);
    let line: Message = if item.custom_fields.is_some() {
        let of_item = own.values.iter().filter(|value| matches!(value.target, TargetPlan::Custom { .. })).count();
        let in_parts = plan.sections.iter().filter(|section| section.field.is_some() && section.holder == 0).count();
        if own.spec.custom_fields_max.is_some_and(|max| of_item + in_parts >= max) {
            return None;
        }
        "create a text field and add marker = \"its name\" above the first section".into()
    } else {
        let comment = item.fields.iter().find(|field| field.wire == Wire::Key(COMMENT))?;
        let filled = |value: &ValuePlan| matches!(value.target, TargetPlan::Field(field) if field.name == comment.name);
        if own.values.iter().any(filled) {
            return None;
        }
        message!("add marker = \"{field}\" above the first section", field = comment.name)
    };
    let message =
        message!("the mapping has no marker: after a lost answer, similar records cannot be told apart; {line}", line);
    Some(Note::new("no-marker", message))
}
