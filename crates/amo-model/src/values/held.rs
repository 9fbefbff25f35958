//! Finds in a record that was read the values that a field of a mapping writes: the reverse of `payload`.

use crate::compact::CompactJson;
use crate::parts::{flag, id, list, text};
use crate::payload::EnumCode;
use crate::{Entity, Placement, Wire};

const TAGS_TO_DELETE: &str = "tags_to_delete";

impl Wire {
    /// The values of a field in the object of its section.
    pub fn held(self, object: &CompactJson) -> Vec<&CompactJson> {
        let embedded = &object["_embedded"];
        let one = |value| if CompactJson::is_null(value) { Vec::new() } else { vec![value] };
        match self {
            Wire::Key(key) => one(&object[key]),
            Wire::EmbeddedIds(key) => ids(&embedded[key]),
            // The account does not keep which tags were removed.
            Wire::Tags(TAGS_TO_DELETE) => Vec::new(),
            Wire::Tags(_) | Wire::EmbeddedTags => list(&embedded["tags"]).into_iter().map(|tag| &tag["name"]).collect(),
            Wire::Ids(key) => list(&object[key]).into_iter().map(|one| one.get("id").unwrap_or(one)).collect(),
            Wire::Discount(kind) if text(&object["discount"]["type"]) == kind => one(&object["discount"]["value"]),
            Wire::Parent => match id(&object["customer_id"]) {
                Some(_) => one(&object["customer_id"]),
                None => one(&embedded["customer"]["id"]),
            },
            Wire::Link(to) => ids(&embedded[to.collection()]),
            Wire::ElementId => one(&object["id"]),
            Wire::ElementQuantity => one(&object["metadata"]["quantity"]),
            // The catalog follows from the section, a source has another kind of id here, and the others are custom fields.
            Wire::ElementCatalog | Wire::EmbeddedSource | Wire::Discount(_) | Wire::Field(_) => Vec::new(),
        }
    }

    /// True where records of this entity have the field; `at` is the place of its section.
    pub fn is_held(self, at: Placement, entity: Entity) -> bool {
        match (self, at) {
            // The metadata of unsorted leads is in a list of its own.
            (_, Placement::Embedded(_)) => false,
            (Wire::Tags(TAGS_TO_DELETE) | Wire::EmbeddedSource, _) => false,
            (Wire::Key(key), Placement::Item) => entity.has_key(key),
            _ => true,
        }
    }
}

/// The ids of linked records, the main one first.
fn ids(links: &CompactJson) -> Vec<&CompactJson> {
    let mut links = list(links);
    links.sort_by_key(|link| !["is_main", "main_contact"].iter().any(|key| flag(&link[key])));
    links.into_iter().map(|link| &link["id"]).collect()
}

/// The values of a custom field.
pub fn field_values(object: &CompactJson, field: u64) -> Vec<&CompactJson> {
    let fields = list(&object["custom_fields_values"]);
    let field = fields.into_iter().find(|entry| id(&entry["field_id"]) == Some(field));
    field.map(|entry| list(&entry["values"])).unwrap_or_default()
}

/// The elements that an item is linked to; of one catalog, where it is given.
pub fn elements(item: &CompactJson, catalog: Option<u64>) -> Vec<&CompactJson> {
    let of = |element: &&CompactJson| catalog.is_none() || id(&element["metadata"]["catalog_id"]) == catalog;
    list(&item["_embedded"]["catalog_elements"]).into_iter().filter(of).collect()
}

/// True for a value with this enum; `code_of` returns the code of an option of the field. A value without an enum has any code.
pub fn has_enum(value: &CompactJson, wanted: &EnumCode, code_of: impl Fn(u64) -> Option<String>) -> bool {
    let (option, code) = (id(&value["enum_id"]), text(&value["enum_code"]));
    match wanted {
        EnumCode::Id(wanted) => option == Some(*wanted),
        EnumCode::Code(wanted) if !code.is_empty() => code == *wanted,
        EnumCode::Code(wanted) => match option {
            Some(option) => code_of(option).as_ref() == Some(wanted),
            None => true,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_values_of_a_field_are_found_in_a_record() {
        let item: CompactJson =
            json!({"price": 5, "customer_id": 9, "ids": [1, {"id": 2}], "metadata": {"quantity": 3},
            "discount": {"type": "amount", "value": 7},
            "_embedded": {"tags": [{"name": "a"}, {"name": "b"}], "contacts": [{"id": 3}, {"id": 4, "is_main": true}]}})
            .into();
        for (wire, held) in [
            (Wire::Key("price"), json!([5])),
            (Wire::Key("name"), json!([])),
            (Wire::Tags("tags_to_add"), json!(["a", "b"])),
            (Wire::Tags("tags_to_delete"), json!([])),
            (Wire::EmbeddedTags, json!(["a", "b"])),
            (Wire::EmbeddedIds("contacts"), json!([4, 3])),
            (Wire::Link(Entity::Contacts), json!([4, 3])),
            (Wire::Link(Entity::Companies), json!([])),
            (Wire::Ids("ids"), json!([1, 2])),
            (Wire::Parent, json!([9])),
            (Wire::ElementQuantity, json!([3])),
            (Wire::Discount("amount"), json!([7])),
            (Wire::Discount("percentage"), json!([])),
        ] {
            assert_eq!(json!(wire.held(&item)), held, "{wire:?}");
        }
        assert!(!Wire::Key("next_price").is_held(Placement::Item, Entity::Transactions));
        assert!(Wire::Key("next_price").is_held(Placement::Item, Entity::Customers));
        assert!(!Wire::Key("form_id").is_held(Placement::Embedded("metadata"), Entity::Leads));
    }

    #[test]
    fn a_value_has_one_enum() {
        let code = |option| (option == 7).then(|| "MOB".to_owned());
        let mob = EnumCode::Code("MOB".to_owned());
        for (value, wanted, is) in [
            (json!({"enum_code": "MOB"}), &mob, true),
            (json!({"enum_code": "WORK"}), &mob, false),
            (json!({"enum_id": 7}), &mob, true),
            (json!({"enum_id": 8}), &mob, false),
            (json!({}), &mob, true),
            (json!({"enum_id": 8, "enum_code": "MOB"}), &EnumCode::Id(8), true),
            (json!({"enum_code": "MOB"}), &EnumCode::Id(8), false),
        ] {
            assert_eq!(has_enum(&value.clone().into(), wanted, code), is, "{value} {wanted:?}");
        }
    }
}
