//! The keys an item may carry and what each must hold, by kind of record. Its own list, not the one of `entity`: a
//! mistake there must show here. All from the parameter tables of the documents. [seed], contacts, companies, notes, tasks [doc]

use crate::account::Account;
use crate::world::Shelf;

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
    Bool,
    /// Looked at with others, in `note` and `task`.
    Apart,
    RequestId,
    OwnId,
    /// Shown by reads alone. Whole records are sent back with it, and it is passed over. [client]
    Shown,
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
    ("group_id", Is::Shown, On::Update),
    ("source_id", Is::Shown, On::Update),
    ("score", Is::Shown, On::Update),
    ("labor_cost", Is::Shown, On::Update),
    ("is_price_modified_by_robot", Is::Shown, On::Update),
    ("is_deleted", Is::Shown, On::Update),
    ("closest_task_at", Is::Shown, On::Update),
    ("account_id", Is::Shown, On::Update),
    ("_links", Is::Shown, On::Update),
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
    ("group_id", Is::Shown, On::Update),
    ("is_unsorted", Is::Shown, On::Update),
    ("is_deleted", Is::Shown, On::Update),
    ("closest_task_at", Is::Shown, On::Update),
    ("account_id", Is::Shown, On::Update),
    ("_links", Is::Shown, On::Update),
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
    ("group_id", Is::Shown, On::Update),
    ("is_deleted", Is::Shown, On::Update),
    ("closest_task_at", Is::Shown, On::Update),
    ("account_id", Is::Shown, On::Update),
    ("_links", Is::Shown, On::Update),
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
    ("updated_at", Is::Shown, On::Update),
    ("is_deleted", Is::Shown, On::Update),
    ("catalog_id", Is::Shown, On::Update),
    ("account_id", Is::Shown, On::Update),
    ("invoice_link", Is::Shown, On::Update),
    ("_links", Is::Shown, On::Update),
    ("_embedded", Is::Shown, On::Update),
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
    ("ltv", Is::Shown, On::Update),
    ("purchases_count", Is::Shown, On::Update),
    ("average_check", Is::Shown, On::Update),
    ("is_deleted", Is::Shown, On::Update),
    ("closest_task_at", Is::Shown, On::Update),
    ("account_id", Is::Shown, On::Update),
    ("_links", Is::Shown, On::Update),
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

/// `is_need_to_trigger_digital_pipeline` [client]
const NOTE: &[Key] = &[
    ("id", Is::OwnId, On::Update),
    ("entity_id", Is::Apart, On::Both),
    ("note_type", Is::Apart, On::Both),
    ("params", Is::Apart, On::Both),
    ("created_by", Is::UserOrRobot, On::Both),
    ("updated_by", Is::UserOrRobot, On::Both),
    ("created_at", Is::Time, On::Both),
    ("updated_at", Is::Time, On::Both),
    ("responsible_user_id", Is::ActiveUser, On::Both),
    ("is_need_to_trigger_digital_pipeline", Is::Bool, On::Both),
    ("request_id", Is::RequestId, On::Both),
    ("group_id", Is::Shown, On::Update),
    ("is_pinned", Is::Shown, On::Update),
    ("account_id", Is::Shown, On::Update),
    ("_links", Is::Shown, On::Update),
];

const TASK: &[Key] = &[
    ("id", Is::OwnId, On::Update),
    ("text", Is::Text, On::Both),
    ("complete_till", Is::Time, On::Both),
    ("entity_id", Is::Apart, On::Both),
    ("entity_type", Is::Apart, On::Both),
    ("task_type_id", Is::Apart, On::Both),
    ("result", Is::Apart, On::Both),
    ("is_completed", Is::Bool, On::Both),
    ("duration", Is::Int, On::Both),
    ("created_by", Is::UserOrRobot, On::Both),
    ("updated_by", Is::UserOrRobot, On::Both),
    ("created_at", Is::Time, On::Both),
    ("updated_at", Is::Time, On::Both),
    ("responsible_user_id", Is::ActiveUser, On::Both),
    ("request_id", Is::RequestId, On::Both),
    ("group_id", Is::Shown, On::Update),
    ("account_id", Is::Shown, On::Update),
    ("_links", Is::Shown, On::Update),
];

pub fn keys(shelf: Shelf) -> &'static [Key] {
    match shelf {
        Shelf::Leads => LEAD,
        Shelf::Contacts => CONTACT,
        Shelf::Companies => COMPANY,
        Shelf::Customers => CUSTOMER,
        Shelf::Transactions => TRANSACTION,
        Shelf::Elements => ELEMENT,
        Shelf::Notes => NOTE,
        Shelf::Tasks => TASK,
    }
}

/// Keys that a new record cannot go without. [seed], notes and tasks [doc]
pub fn required(account: &Account, shelf: Shelf) -> &'static [&'static str] {
    match shelf {
        Shelf::Customers if account.has_periodicity() => &["name", "next_date"],
        Shelf::Customers | Shelf::Elements => &["name"],
        Shelf::Transactions => &["price"],
        Shelf::Notes => &["note_type", "params"],
        Shelf::Tasks => &["text", "complete_till"],
        Shelf::Leads | Shelf::Contacts | Shelf::Companies => &[],
    }
}

/// What reads show in `_embedded` of a record that exists, and no change of it can say.
pub fn shown_embedded(shelf: Shelf) -> &'static [&'static str] {
    match shelf {
        Shelf::Leads => &["contacts", "companies", "catalog_elements", "loss_reason"],
        Shelf::Contacts => &["companies", "leads", "customers", "catalog_elements"],
        Shelf::Companies => &["contacts", "leads", "customers", "catalog_elements"],
        Shelf::Customers => &["contacts", "companies", "catalog_elements"],
        Shelf::Transactions | Shelf::Elements | Shelf::Notes | Shelf::Tasks => &[],
    }
}
