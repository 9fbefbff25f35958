//! The marker: a field in which each record carries a name of its own, by which it is known after a lost answer. Whether the
//! field that the mapping names can be it, and what is said where the mapping names none.

use super::compile::Compile;
use super::plan::{Plan, SectionPlan, TargetPlan, ValuePlan};
use super::written::At;
use amo_client::account::LookupError;
use amo_model::compare::Marker;
use amo_model::{Action, COMMENT, FieldKind, Owner, Wire};
use sheet_source::message;
use sheet_source::problem::{Message, Note};

impl Compile<'_> {
    /// The marker is a text of ours, so its field must take any text and be filled by nothing else.
    pub(super) fn marker(&mut self, name: &At<String>, sections: &[SectionPlan]) -> Option<Marker> {
        if self.written.action != Action::Create {
            let hint = Some("leave \"marker\" out".into());
            self.problem(name.at, "marker", "a marker is for records that are made, not changed", hint);
            return None;
        }
        let item = self.written.kind.spec().sections.first()?;
        if let Some(field) = item.fields.iter().find(|field| field.wire == Wire::Key(COMMENT) && field.name == name.it)
        {
            let filled = |v: &ValuePlan| matches!(v.target, TargetPlan::Field(f) if f.name == field.name);
            if sections.first().is_some_and(|section| section.values.iter().any(filled)) {
                let hint = Some("leave one of the two out".into());
                self.problem(name.at, "marker", "the comment is filled by the mapping already", hint);
            }
            return Some(Marker::Key(COMMENT));
        }
        let Some(owner) = item.custom_fields.and_then(|of| of.owner(self.catalog)) else {
            let message = message!("a {kind} has no custom fields to carry a marker", kind = self.written.kind.name());
            self.problem(name.at, "marker", message, Some("leave \"marker\" out".into()));
            return None;
        };
        let told = self.problems.len();
        let Some(field) = self.custom_field(owner, &name.it, name.at) else {
            self.field_to_make(owner, name, told);
            return None;
        };
        let kind = FieldKind::from_name(&field.kind);
        if !matches!(kind, FieldKind::Text | FieldKind::Textarea) {
            let message = message!(
                "the marker needs a text field, \"{field}\" is of type {kind}",
                field = &field.name,
                kind = &field.kind
            );
            self.problem(name.at, "marker", message, None);
            return None;
        }
        let fills = |v: &ValuePlan| matches!(&v.target, TargetPlan::Custom { field: f, .. } if f.id == field.id);
        if sections.first().is_some_and(|section| section.values.iter().any(fills)) {
            let hint = Some("give the marker a field of its own".into());
            self.problem(
                name.at,
                "marker",
                message!("\"{field}\" is filled by the mapping already", field = &field.name),
                hint,
            );
            return None;
        }
        Some(Marker::Field(field.id))
    }

    /// The field may not be made yet, since it is one for imports: whoever takes a mapping that ships meets this first. `told` is
    /// how many problems there were before this one.
    fn field_to_make(&mut self, owner: Owner, name: &At<String>, told: usize) {
        let Err(LookupError::Unknown { near }) = self.account.field(owner, &name.it) else { return };
        let make: Message = "make a text field of this name in the account, or take the line out".into();
        for problem in self.problems.iter_mut().skip(told) {
            problem.hint = match problem.hint.take().filter(|_| !near.is_empty()) {
                Some(nearest) => Some(message!("{nearest} else {make}", nearest, make = make.clone())),
                None => Some(make.clone()),
            };
        }
    }
}

/// What is said of a mapping that makes records without a marker though they could carry one. `check` says it before anything
/// is sent; an import only once an answer was lost and some records could not be told apart, for most never come to that.
pub fn no_marker(plan: &Plan) -> Option<Note> {
    // A workbook that an export has made is its own mapping: nobody could add a line to it.
    if plan.action != Action::Create || plan.marker.is_some() || plan.edits.get().is_some() {
        return None;
    }
    let (item, own) = (plan.kind.spec().sections.first()?, plan.sections.first()?);
    let line: Message = if item.custom_fields.is_some() {
        let of_item = own.values.iter().filter(|value| matches!(value.target, TargetPlan::Custom { .. })).count();
        let in_parts = plan.sections.iter().filter(|section| section.field.is_some() && section.holder == 0).count();
        if own.spec.custom_fields_max.is_some_and(|max| of_item + in_parts >= max) {
            return None;
        }
        "make a text field for it and add above the first section: marker = \"its name\"".into()
    } else {
        let comment = item.fields.iter().find(|field| field.wire == Wire::Key(COMMENT))?;
        let filled = |value: &ValuePlan| matches!(value.target, TargetPlan::Field(field) if field.name == comment.name);
        if own.values.iter().any(filled) {
            return None;
        }
        message!("add above the first section: marker = \"{field}\"", field = comment.name)
    };
    let message = message!(
        "the mapping names no marker: after a lost answer, records that look alike cannot be told apart; {line}",
        line
    );
    Some(Note::new("no-marker", message))
}
