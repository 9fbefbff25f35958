//! Contacts and companies.

use super::*;

pub(super) const FIRST_NAME: FieldSpec =
    both("first_name", Wire::Key("first_name"), FieldContent::Text { max: NAME_MAX }, "the first name");
pub(super) const LAST_NAME: FieldSpec =
    both("last_name", Wire::Key("last_name"), FieldContent::Text { max: NAME_MAX }, "the last name");

pub static CONTACT: KindSpec = KindSpec {
    kind: Kind::Contact,
    name: "contact",
    entity: Entity::Contacts,
    writes: &[batch(Action::Create, "contacts"), batch(Action::Update, "contacts")],
    catalog: None,
    needs: Needs::Nothing,
    quota: None,
    deleting: "",
    sections: &[SectionSpec {
        name: "contact",
        at: Placement::Item,
        custom_fields: Some(FieldsOf::Entity(Entity::Contacts)),
        custom_fields_max: None,
        repeats: false,
        fields: &[
            OWN_ID,
            NAME,
            FIRST_NAME,
            LAST_NAME,
            RESPONSIBLE,
            CREATED_BY,
            UPDATED_BY,
            CREATED_AT,
            UPDATED_AT,
            TAGS,
            TAGS_TO_DELETE,
            ALL_TAGS,
            both(
                "company",
                Wire::Link(Entity::Companies),
                FieldContent::OneId(Entity::Companies),
                "the id or key of the company to link",
            ),
        ],
    }],
};

pub static COMPANY: KindSpec = KindSpec {
    kind: Kind::Company,
    name: "company",
    entity: Entity::Companies,
    writes: &[batch(Action::Create, "companies"), batch(Action::Update, "companies")],
    catalog: None,
    needs: Needs::Nothing,
    quota: None,
    deleting: "",
    sections: &[SectionSpec {
        name: "company",
        at: Placement::Item,
        custom_fields: Some(FieldsOf::Entity(Entity::Companies)),
        custom_fields_max: None,
        repeats: false,
        fields: &[
            OWN_ID,
            NAME,
            RESPONSIBLE,
            CREATED_BY,
            UPDATED_BY,
            CREATED_AT,
            UPDATED_AT,
            TAGS,
            TAGS_TO_DELETE,
            ALL_TAGS,
        ],
    }],
};
