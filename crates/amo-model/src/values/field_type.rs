//! Types of custom fields. [doc]

use crate::{Entity, Owner, TEXT_MAX, TEXTAREA_MAX};

/// The `type` of a custom field. The list is open: a field of an unknown type can be read and not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    Text,
    Numeric,
    Checkbox,
    Select,
    Radiobutton,
    Multiselect,
    Date,
    DateTime,
    Birthday,
    Url,
    Textarea,
    Streetaddress,
    SmartAddress,
    Multitext,
    LegalEntity,
    Monetary,
    Price,
    Category,
    Items,
    Payer,
    Supplier,
    LinkedEntity,
    ChainedList,
    File,
    TrackingData,
    OrgLegalName,
    Unknown,
}

impl FieldKind {
    /// The types with their names in the API.
    pub const NAMED: [(FieldKind, &'static str); 26] = [
        (FieldKind::Text, "text"),
        (FieldKind::Numeric, "numeric"),
        (FieldKind::Checkbox, "checkbox"),
        (FieldKind::Select, "select"),
        (FieldKind::Radiobutton, "radiobutton"),
        (FieldKind::Multiselect, "multiselect"),
        (FieldKind::Date, "date"),
        (FieldKind::DateTime, "date_time"),
        (FieldKind::Birthday, "birthday"),
        (FieldKind::Url, "url"),
        (FieldKind::Textarea, "textarea"),
        (FieldKind::Streetaddress, "streetaddress"),
        (FieldKind::SmartAddress, "smart_address"),
        (FieldKind::Multitext, "multitext"),
        (FieldKind::LegalEntity, "legal_entity"),
        (FieldKind::Monetary, "monetary"),
        (FieldKind::Price, "price"),
        (FieldKind::Category, "category"),
        (FieldKind::Items, "items"),
        (FieldKind::Payer, "payer"),
        (FieldKind::Supplier, "supplier"),
        (FieldKind::LinkedEntity, "linked_entity"),
        (FieldKind::ChainedList, "chained_list"),
        (FieldKind::File, "file"),
        (FieldKind::TrackingData, "tracking_data"),
        (FieldKind::OrgLegalName, "org_legal_name"),
    ];

    pub fn from_name(name: &str) -> FieldKind {
        FieldKind::NAMED.into_iter().find(|(_, n)| *n == name).map_or(FieldKind::Unknown, |(kind, _)| kind)
    }

    pub fn name(self) -> &'static str {
        FieldKind::NAMED.into_iter().find(|(kind, _)| *kind == self).map_or("unknown", |(_, name)| name)
    }

    /// The most characters of a value, for types of text.
    pub fn text_max(self) -> Option<usize> {
        match self {
            FieldKind::Text | FieldKind::Multitext | FieldKind::Url | FieldKind::TrackingData => Some(TEXT_MAX),
            FieldKind::Textarea | FieldKind::Streetaddress => Some(TEXTAREA_MAX),
            _ => None,
        }
    }

    /// True where the values are options of the field.
    pub fn has_options(self) -> bool {
        matches!(self, FieldKind::Select | FieldKind::Radiobutton | FieldKind::Multiselect | FieldKind::Category)
    }

    /// True where a field may have several values, each in a cell or column of its own.
    pub fn many(self) -> bool {
        matches!(self, FieldKind::Multiselect | FieldKind::Multitext | FieldKind::SmartAddress)
    }
}

/// The `enum_code` of a phone or an e-mail that is sent without one. [doc]
pub const DEFAULT_ENUM_CODE: &str = "WORK";

/// The `enum_code`s of a multitext field with this code. [doc]; `IM` [inferred]
pub fn multitext_codes(field_code: &str) -> &'static [&'static str] {
    match field_code {
        "PHONE" => &["WORK", "WORKDD", "MOB", "FAX", "HOME", "OTHER"],
        "EMAIL" => &["WORK", "PRIV", "OTHER"],
        "IM" => &["SKYPE", "ICQ", "JABBER", "GTALK", "MSN", "OTHER"],
        _ => &[],
    }
}

/// True where this owner may have fields of this type. [doc]
pub fn available(kind: FieldKind, owner: Owner) -> bool {
    use Entity::{Companies, Contacts, Customers, Leads};
    let of = |entities: &[Entity]| matches!(owner, Owner::Entity(entity) if entities.contains(&entity));
    match kind {
        FieldKind::Birthday | FieldKind::SmartAddress | FieldKind::LegalEntity => of(&[Leads, Contacts, Companies]),
        FieldKind::Multitext => of(&[Contacts, Companies]),
        FieldKind::Monetary | FieldKind::File => of(&[Leads, Contacts, Companies, Customers]),
        FieldKind::ChainedList => of(&[Leads, Customers]),
        FieldKind::TrackingData => of(&[Leads]),
        FieldKind::Price
        | FieldKind::Category
        | FieldKind::Items
        | FieldKind::Payer
        | FieldKind::Supplier
        | FieldKind::LinkedEntity => matches!(owner, Owner::Catalog(_)),
        FieldKind::OrgLegalName | FieldKind::Unknown => false,
        FieldKind::Text
        | FieldKind::Numeric
        | FieldKind::Checkbox
        | FieldKind::Select
        | FieldKind::Radiobutton
        | FieldKind::Multiselect
        | FieldKind::Date
        | FieldKind::DateTime
        | FieldKind::Url
        | FieldKind::Textarea
        | FieldKind::Streetaddress => true,
    }
}
