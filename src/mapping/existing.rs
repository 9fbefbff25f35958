//! What a change does to the values that the account holds, as the mapping says it: `list` and `overwrite`.

use super::compile::Compile;
use super::plan::{Existing, TargetPlan};
use super::written::{ListMode, OnEmpty, Origin};
use amo_model::{Action, FieldContent, FieldKind, FieldSpec, SectionSpec, Wire};
use sheet_source::message;
use sheet_source::problem::Message;

/// How a target takes values beside those that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    One,
    /// What is sent takes the place of all that is there.
    All,
    /// What is sent stands beside what is there.
    More,
}

impl Compile<'_> {
    /// What all origins of a target say together: one of them speaks for the field.
    pub(super) fn existing(&mut self, origins: &[Origin], target: &TargetPlan) -> Existing {
        let takes = takes(target);
        self.list(origins, target, takes);
        self.overwrite(origins, target);
        let list = origins.iter().find_map(|origin| origin.list.as_ref()).map(|list| list.it);
        let keep = origins.iter().any(|origin| origin.overwrite.as_ref().is_some_and(|overwrite| !overwrite.it));
        Existing {
            add: takes == Takes::All && list == Some(ListMode::Add),
            keep,
            replaces: takes == Takes::All
                && list.is_none()
                && !keep
                && !says_all(target)
                && self.written.action == Action::Update,
        }
    }

    fn list(&mut self, origins: &[Origin], target: &TargetPlan, takes: Takes) {
        let said: Vec<_> = origins.iter().filter_map(|origin| origin.list.as_ref()).collect();
        let Some(first) = said.first() else { return };
        let name = target.name();
        if let Some(other) = said.iter().find(|list| list.it != first.it) {
            let message = message!("\"{field}\" cannot add its values and replace the others", field = name);
            self.problem(
                other.at,
                "mapping-shape",
                message,
                Some("write the same \"list\" for all of its columns".into()),
            );
        }
        if self.for_updates(first.at, "list") {
            return;
        }
        let (message, hint): (Message, Message) = match (takes, first.it) {
            (Takes::One, _) => {
                (message!("\"{field}\" holds no list of values", field = name), "leave \"list\" out".into())
            }
            (Takes::More, ListMode::Replace) => (
                message!("\"{field}\" is added to what is there and replaces nothing", field = name),
                "leave \"list\" out".into(),
            ),
            (Takes::All, _) | (Takes::More, ListMode::Add) => return,
        };
        self.problem(first.at, "mapping-shape", message, Some(hint));
    }

    fn overwrite(&mut self, origins: &[Origin], target: &TargetPlan) {
        let mut said = origins.iter().filter(|origin| origin.overwrite.is_some());
        let Some((origin, overwrite)) = said.find_map(|origin| Some((origin, origin.overwrite.as_ref()?))) else {
            return;
        };
        if self.for_updates(overwrite.at, "overwrite") {
            return;
        }
        let name = target.name();
        let fills = match target {
            TargetPlan::Custom { .. } => true,
            TargetPlan::Field(spec) => spec.holds != FieldContent::OwnId && is_filled(spec),
        };
        if !fills {
            let message = message!("\"{field}\" is no field that could be empty", field = name);
            self.problem(overwrite.at, "mapping-shape", message, Some("leave \"overwrite\" out".into()));
        }
        let clears = origin.on_empty.as_ref().is_some_and(|policy| policy.it == OnEmpty::Clear);
        if clears && !overwrite.it {
            let message = message!("\"{field}\" cannot be emptied and left as it is", field = name);
            let hint = "keep one of on-empty = \"clear\" and overwrite = false".into();
            self.problem(overwrite.at, "mapping-shape", message, Some(hint));
        }
    }

    /// What is made holds nothing yet.
    fn for_updates(&mut self, at: usize, word: &'static str) -> bool {
        if self.written.action == Action::Update || self.written.unsure {
            return false;
        }
        let message = message!("\"{word}\" is for updates: a record that is made holds nothing yet", word);
        self.problem(at, "mapping-shape", message, Some(message!("leave \"{word}\" out", word)));
        true
    }
}

fn takes(target: &TargetPlan) -> Takes {
    match target {
        TargetPlan::Custom { kind: FieldKind::Multitext | FieldKind::Multiselect, .. } => Takes::All,
        TargetPlan::Custom { .. } => Takes::One,
        TargetPlan::Field(spec) => match spec.wire {
            Wire::Ids(_) | Wire::EmbeddedTags => Takes::All,
            Wire::Tags("tags_to_add") | Wire::Link(_) => Takes::More,
            _ => Takes::One,
        },
    }
}

/// True for a field of which the name says that it is all there shall be.
fn says_all(target: &TargetPlan) -> bool {
    matches!(target, TargetPlan::Field(spec) if spec.wire == Wire::EmbeddedTags)
}

/// True for a field that a record may hold; the others say what is to be done, or stand in lines that go out whole.
fn is_filled(spec: &FieldSpec) -> bool {
    match spec.wire {
        Wire::Key(_) | Wire::Ids(_) | Wire::Tags("tags_to_add") | Wire::EmbeddedTags | Wire::Link(_) => true,
        Wire::Tags(_)
        | Wire::EmbeddedIds(_)
        | Wire::EmbeddedSource
        | Wire::Discount(_)
        | Wire::Field(_)
        | Wire::Parent
        | Wire::ElementId
        | Wire::ElementQuantity
        | Wire::ElementCatalog => false,
    }
}

/// The field that does what `list` says of tags: `tags` adds some, `all_tags` are all there shall be.
pub(super) fn tags_field(
    section: &'static SectionSpec,
    field: &'static FieldSpec,
    origins: &[Origin],
) -> &'static FieldSpec {
    let said = |mode: ListMode| origins.iter().any(|origin| origin.list.as_ref().is_some_and(|list| list.it == mode));
    let wanted = match field.wire {
        Wire::Tags("tags_to_add") if said(ListMode::Replace) => Wire::EmbeddedTags,
        Wire::EmbeddedTags if said(ListMode::Add) => Wire::Tags("tags_to_add"),
        _ => return field,
    };
    section.fields.iter().find(|other| other.on_update && other.wire == wanted).unwrap_or(field)
}
