//! The keys an item may carry and what each must hold, by kind of record. Its own list, not the one of `entity`: a
//! mistake there must show here. All from the parameter tables of the documents. [seed], contacts and companies [doc]

use super::super::world::Shelf;

/// What a key must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Is {
    Name,
    Int,
    /// Unix seconds.
    Time,
    /// Like `Time`, and `null` takes it away. [inferred]
    TimeOrNull,
    ActiveUser,
    /// Any user, or 0 for the robot. [seed]
    UserOrRobot,
    /// Looked at together, in `stage`.
    Pipeline,
    Status,
    LossReason,
    CustomFields,
    TagsToAdd,
    TagsToDelete,
    Embedded,
    RequestId,
    OwnId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    Both,
    Update,
}

pub type Key = (&'static str, Is, On);

const LEAD: &[Key] = &[
    ("id", Is::OwnId, On::Update),
    ("name", Is::Name, On::Both),
    ("price", Is::Int, On::Both),
    ("status_id", Is::Status, On::Both),
    ("pipeline_id", Is::Pipeline, On::Both),
    ("created_by", Is::UserOrRobot, On::Both),
    ("updated_by", Is::UserOrRobot, On::Both),
    ("closed_at", Is::TimeOrNull, On::Both),
    ("created_at", Is::Time, On::Both),
    ("updated_at", Is::Time, On::Both),
    ("loss_reason_id", Is::LossReason, On::Both),
    ("responsible_user_id", Is::ActiveUser, On::Both),
    ("custom_fields_values", Is::CustomFields, On::Both),
    ("tags_to_add", Is::TagsToAdd, On::Both),
    ("tags_to_delete", Is::TagsToDelete, On::Update),
    ("_embedded", Is::Embedded, On::Both),
    ("request_id", Is::RequestId, On::Both),
];

const CONTACT: &[Key] = &[
    ("id", Is::OwnId, On::Update),
    ("name", Is::Name, On::Both),
    ("first_name", Is::Name, On::Both),
    ("last_name", Is::Name, On::Both),
    ("responsible_user_id", Is::ActiveUser, On::Both),
    ("created_by", Is::UserOrRobot, On::Both),
    ("updated_by", Is::UserOrRobot, On::Both),
    ("created_at", Is::Time, On::Both),
    ("updated_at", Is::Time, On::Both),
    ("custom_fields_values", Is::CustomFields, On::Both),
    ("tags_to_add", Is::TagsToAdd, On::Both),
    ("tags_to_delete", Is::TagsToDelete, On::Update),
    ("_embedded", Is::Embedded, On::Both),
    ("request_id", Is::RequestId, On::Both),
];

const COMPANY: &[Key] = &[
    ("id", Is::OwnId, On::Update),
    ("name", Is::Name, On::Both),
    ("responsible_user_id", Is::ActiveUser, On::Both),
    ("created_by", Is::UserOrRobot, On::Both),
    ("updated_by", Is::UserOrRobot, On::Both),
    ("created_at", Is::Time, On::Both),
    ("updated_at", Is::Time, On::Both),
    ("custom_fields_values", Is::CustomFields, On::Both),
    ("tags_to_add", Is::TagsToAdd, On::Both),
    ("tags_to_delete", Is::TagsToDelete, On::Update),
    ("_embedded", Is::Embedded, On::Both),
    ("request_id", Is::RequestId, On::Both),
];

/// The seed has `id`, name, fields and `request_id`; the others are sent by the official client. [client]
const ELEMENT: &[Key] = &[
    ("id", Is::OwnId, On::Update),
    ("name", Is::Name, On::Both),
    ("created_by", Is::UserOrRobot, On::Both),
    ("updated_by", Is::UserOrRobot, On::Both),
    ("created_at", Is::Time, On::Both),
    ("currency_id", Is::Int, On::Both),
    ("custom_fields_values", Is::CustomFields, On::Both),
    ("request_id", Is::RequestId, On::Both),
];

/// Keys without which nothing of the kind is made. [seed]
pub fn required(shelf: Shelf) -> &'static [&'static str] {
    match shelf {
        Shelf::Elements => &["name"],
        Shelf::Leads | Shelf::Contacts | Shelf::Companies | Shelf::Customers | Shelf::Transactions => &[],
    }
}

pub fn keys(shelf: Shelf) -> &'static [Key] {
    match shelf {
        Shelf::Leads => LEAD,
        Shelf::Contacts => CONTACT,
        Shelf::Companies => COMPANY,
        // Not written yet; its list is in the seed of customers.
        Shelf::Customers | Shelf::Transactions => &[],
        Shelf::Elements => ELEMENT,
    }
}
