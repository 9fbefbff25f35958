//! How an update treats existing values: `list` and `overwrite`.

use super::Compiler;
use crate::mapping::language::ast::{ListMode, OnEmpty, Origin};
use crate::mapping::plan::{Existing, TargetPlan};
use amo_model::{Action, FieldContent, FieldKind, FieldSpec, Wire};
use sheet_source::message;
use sheet_source::problem::Message;

/// How a target combines new values with existing ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MergeMode {
    Single,
    /// New values replace all existing ones.
    Overwrites,
    /// New values are added to the existing ones.
    Appends,
}

impl Compiler<'_> {
    /// The settings of a target; one origin sets them for the whole field.
    pub(super) fn existing(&mut self, origins: &[Origin], target: &TargetPlan) -> Existing {
        let mode = merge_mode(target);
        self.check_list(origins, target, mode);
        self.check_overwrite(origins, target);
        let list = origins.iter().find_map(|origin| origin.list.as_ref()).map(|list| list.value);
        let keep = origins.iter().any(|origin| origin.overwrite.as_ref().is_some_and(|overwrite| !overwrite.value));
        Existing {
            add: mode == MergeMode::Overwrites && list == Some(ListMode::Add),
            keep,
            replaces: mode == MergeMode::Overwrites
                && list.is_none()
                && !keep
                && !replaces_all_by_name(target)
                && self.ast.action == Action::Update,
        }
    }

    fn check_list(&mut self, origins: &[Origin], target: &TargetPlan, mode: MergeMode) {
        let lists: Vec<_> = origins.iter().filter_map(|origin| origin.list.as_ref()).collect();
        let Some(first) = lists.first() else { return };
        let name = target.name();
        if let Some(other) = lists.iter().find(|list| list.value != first.value) {
            let message = message!("\"{field}\" has both list = \"add\" and list = \"replace\"", field = name);
            self.problem(
                other.offset,
                "mapping-shape",
                message,
                Some("write the same \"list\" for all of its columns".into()),
            );
        }
        if self.rejects_unless_update(first.offset, "list") {
            return;
        }
        let (message, hint): (Message, Message) = match (mode, first.value) {
            (MergeMode::Single, _) => {
                (message!("\"{field}\" takes no list of values", field = name), "leave \"list\" out".into())
            }
            (MergeMode::Appends, ListMode::Replace) => {
                (message!("\"{field}\" always adds to the existing values", field = name), "leave \"list\" out".into())
            }
            (MergeMode::Overwrites, _) | (MergeMode::Appends, ListMode::Add) => return,
        };
        self.problem(first.offset, "mapping-shape", message, Some(hint));
    }

    fn check_overwrite(&mut self, origins: &[Origin], target: &TargetPlan) {
        let mut origins = origins.iter().filter(|origin| origin.overwrite.is_some());
        let Some((origin, overwrite)) = origins.find_map(|origin| Some((origin, origin.overwrite.as_ref()?))) else {
            return;
        };
        if self.rejects_unless_update(overwrite.offset, "overwrite") {
            return;
        }
        let name = target.name();
        let fills = match target {
            TargetPlan::Custom { .. } => true,
            TargetPlan::Field(spec) => spec.holds != FieldContent::OwnId && can_be_empty(spec),
        };
        if !fills {
            let message = message!("\"{field}\" cannot be empty", field = name);
            self.problem(overwrite.offset, "mapping-shape", message, Some("leave \"overwrite\" out".into()));
        }
        let clears = origin.on_empty.as_ref().is_some_and(|policy| policy.value == OnEmpty::Clear);
        if clears && !overwrite.value {
            let message = message!("\"{field}\" has both on-empty = \"clear\" and overwrite = false", field = name);
            let hint = "keep one of the two".into();
            self.problem(overwrite.offset, "mapping-shape", message, Some(hint));
        }
    }

    /// Reports a key that only updates support, and returns true if it did: a new record has no values yet.
    fn rejects_unless_update(&mut self, offset: usize, word: &'static str) -> bool {
        if self.ast.action == Action::Update || self.ast.incomplete {
            return false;
        }
        let message = message!("\"{word}\" works only with action update", word);
        self.problem(offset, "mapping-shape", message, Some(message!("leave \"{word}\" out", word)));
        true
    }
}

fn merge_mode(target: &TargetPlan) -> MergeMode {
    match target {
        TargetPlan::Custom { kind: FieldKind::Multitext | FieldKind::Multiselect, .. } => MergeMode::Overwrites,
        TargetPlan::Custom { .. } => MergeMode::Single,
        TargetPlan::Field(spec) => match spec.wire {
            Wire::Ids(_) | Wire::EmbeddedTags => MergeMode::Overwrites,
            Wire::Tags("tags_to_add") | Wire::Link(_) => MergeMode::Appends,
            _ => MergeMode::Single,
        },
    }
}

/// True for a field whose name says that it replaces all values: `all_tags`.
fn replaces_all_by_name(target: &TargetPlan) -> bool {
    matches!(target, TargetPlan::Field(spec) if spec.wire == Wire::EmbeddedTags)
}

/// True for a field that is stored in the record; others are commands, or belong to lines that are sent as a whole.
fn can_be_empty(spec: &FieldSpec) -> bool {
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
