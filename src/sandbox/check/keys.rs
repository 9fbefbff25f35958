//! The keys an item may carry and what each must hold, by kind of record. Its own list, not the one of `entity`: a
//! mistake there must show here. All from the parameter tables of the documents. [seed], contacts and companies [doc]

use crate::sandbox::account::Account;
use crate::sandbox::world::Shelf;

/// What a key must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Is {
    Name,
    Int,
    Text,
    /// Unix seconds.
    Time,
    /// Like `Time`, and `null` takes it away. [inferred]
    TimeOrNull,
    /// A time of which the day may be all that is kept.
    Day,
    ActiveUser,
    /// Any user, or 0 for the robot. [seed]
    UserOrRobot,
    /// Looked at together, in `stage`.
    Pipeline,
    Status,
    CustomerStatus,
    LossReason,
    CustomFields,
    TagsToAdd,
    TagsToDelete,
    Embedded,
    Receipt,
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

/// `status_id`, `tags_to_add` and `tags_to_delete` are younger than the seed. [doc]
const CUSTOMER: &[Key] = &[
    ("id", Is::OwnId, On::Update),
    ("name", Is::Name, On::Both),
    ("next_price", Is::Int, On::Both),
    ("next_date", Is::Day, On::Both),
    ("responsible_user_id", Is::ActiveUser, On::Both),
    ("status_id", Is::CustomerStatus, On::Both),
    ("periodicity", Is::Int, On::Both),
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

/// `metadata` [client]
const TRANSACTION: &[Key] = &[
    ("comment", Is::Text, On::Both),
    ("price", Is::Int, On::Both),
    ("completed_at", Is::Time, On::Both),
    ("next_price", Is::Int, On::Both),
    ("next_date", Is::Day, On::Both),
    ("created_by", Is::UserOrRobot, On::Both),
    ("metadata", Is::Receipt, On::Both),
    ("_embedded", Is::Embedded, On::Both),
    ("request_id", Is::RequestId, On::Both),
];

pub fn keys(shelf: Shelf) -> &'static [Key] {
    match shelf {
        Shelf::Leads => LEAD,
        Shelf::Contacts => CONTACT,
        Shelf::Companies => COMPANY,
        Shelf::Customers => CUSTOMER,
        Shelf::Transactions => TRANSACTION,
        Shelf::Elements => ELEMENT,
    }
}

/// Keys that a new record cannot go without. [seed]
pub fn required(account: &Account, shelf: Shelf) -> &'static [&'static str] {
    match shelf {
        Shelf::Customers if account.has_periodicity() => &["name", "next_date"],
        Shelf::Customers | Shelf::Elements => &["name"],
        Shelf::Transactions => &["price"],
        Shelf::Leads | Shelf::Contacts | Shelf::Companies => &[],
    }
}
