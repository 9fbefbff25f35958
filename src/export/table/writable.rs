//! Which columns of an export an import can write back.

use amo_model::{Action, FieldKind, FieldSpec, Kind, Wire};

/// What the service notes by itself about the last change; an edit of these would say nothing.
const KEPT_BY_SERVICE: [&str; 2] = ["updated_at", "updated_by"];

/// The field of the mapping language that fills what a column shows, where this action may.
pub fn own_field(kind: Kind, at: &[&str], action: Action) -> Option<&'static FieldSpec> {
    let spec = kind.spec();
    spec.write(action)?;
    let fills = |field: &&FieldSpec| match (field.wire, at) {
        (Wire::Key(key) | Wire::Ids(key), [only]) => key == *only && !KEPT_BY_SERVICE.contains(&key),
        (Wire::EmbeddedIds(key), ["_embedded", list]) => key == *list,
        (Wire::EmbeddedTags, ["_embedded", "tags"]) => true,
        // A record that is made has none to keep.
        (Wire::Tags("tags_to_add"), ["_embedded", "tags"]) => action == Action::Create,
        (Wire::Parent, ["customer_id"]) => true,
        _ => false,
    };
    spec.sections.first()?.fields.iter().filter(|field| field.taken_on(action)).find(fills)
}

/// True for types whose cells an import reads back.
pub fn field_is_writable(kind: FieldKind) -> bool {
    crate::mapping::writable(kind).is_ok()
}
