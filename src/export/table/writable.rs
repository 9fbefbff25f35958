//! Columns of an export that an import can send back.

use amo_model::{Action, FieldKind, FieldSpec, Kind, Wire};

/// Keys that the service itself sets at every change; edits of them are meaningless.
const SET_BY_SERVICE: [&str; 2] = ["updated_at", "updated_by"];

/// The field of the mapping language that fills a column, where the action can.
pub fn own_field(kind: Kind, at: &[&str], action: Action) -> Option<&'static FieldSpec> {
    let spec = kind.spec();
    spec.write(action)?;
    let fills = |field: &&FieldSpec| match (field.wire, at) {
        (Wire::Key(key) | Wire::Ids(key), [only]) => key == *only && !SET_BY_SERVICE.contains(&key),
        (Wire::EmbeddedIds(key), ["_embedded", list]) => key == *list,
        (Wire::EmbeddedTags, ["_embedded", "tags"]) => true,
        // A new record has no tags to keep.
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
