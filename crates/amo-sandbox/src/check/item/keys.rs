//! The keys that an item may have and what each must hold, by table. The list is the sandbox's own and not that of
//! `amo-model`, so that a mistake there is found here. The source is the parameter tables of the documents. [seed];
//! contacts, companies, notes, tasks [doc]

use crate::account::AccountState;
use crate::world::RecordTable;

/// What a key must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRule {
    Name,
    Int,
    Text,
    /// Unix seconds.
    Time,
    /// A time; `null` clears it. [inferred]
    TimeOrNull,
    /// A time that may be stored as its day only.
    Day,
    ActiveUser,
    /// Any user, or 0 for the robot. [seed]
    UserOrRobot,
    /// `stage` checks this and `Status` together.
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
    /// `note` and `task` check it with other keys.
    CheckedLater,
    RequestId,
    OwnId,
    /// Only reads show it. Clients send whole records back, so it is ignored there. [client]
    ReadOnly,
}

/// The writes that may have a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowedIn {
    Both,
    Update,
}

/// Name, what it holds, and in which writes.
pub type ItemKey = (&'static str, KeyRule, AllowedIn);

const LEAD: &[ItemKey] = &[
    ("id", KeyRule::OwnId, AllowedIn::Update),
    ("name", KeyRule::Name, AllowedIn::Both),
    ("price", KeyRule::Int, AllowedIn::Both),
    ("status_id", KeyRule::Status, AllowedIn::Both),
    ("pipeline_id", KeyRule::Pipeline, AllowedIn::Both),
    ("created_by", KeyRule::UserOrRobot, AllowedIn::Both),
    ("updated_by", KeyRule::UserOrRobot, AllowedIn::Both),
    ("closed_at", KeyRule::TimeOrNull, AllowedIn::Both),
    ("created_at", KeyRule::Time, AllowedIn::Both),
    ("updated_at", KeyRule::Time, AllowedIn::Both),
    ("loss_reason_id", KeyRule::LossReason, AllowedIn::Both),
    ("responsible_user_id", KeyRule::ActiveUser, AllowedIn::Both),
    ("custom_fields_values", KeyRule::CustomFields, AllowedIn::Both),
    ("tags_to_add", KeyRule::TagsToAdd, AllowedIn::Both),
    ("tags_to_delete", KeyRule::TagsToDelete, AllowedIn::Update),
    ("_embedded", KeyRule::Embedded, AllowedIn::Both),
    ("request_id", KeyRule::RequestId, AllowedIn::Both),
    ("group_id", KeyRule::ReadOnly, AllowedIn::Update),
    ("source_id", KeyRule::ReadOnly, AllowedIn::Update),
    ("score", KeyRule::ReadOnly, AllowedIn::Update),
    ("labor_cost", KeyRule::ReadOnly, AllowedIn::Update),
    ("is_price_modified_by_robot", KeyRule::ReadOnly, AllowedIn::Update),
    ("is_deleted", KeyRule::ReadOnly, AllowedIn::Update),
    ("closest_task_at", KeyRule::ReadOnly, AllowedIn::Update),
    ("account_id", KeyRule::ReadOnly, AllowedIn::Update),
    ("_links", KeyRule::ReadOnly, AllowedIn::Update),
];

const CONTACT: &[ItemKey] = &[
    ("id", KeyRule::OwnId, AllowedIn::Update),
    ("name", KeyRule::Name, AllowedIn::Both),
    ("first_name", KeyRule::Name, AllowedIn::Both),
    ("last_name", KeyRule::Name, AllowedIn::Both),
    ("responsible_user_id", KeyRule::ActiveUser, AllowedIn::Both),
    ("created_by", KeyRule::UserOrRobot, AllowedIn::Both),
    ("updated_by", KeyRule::UserOrRobot, AllowedIn::Both),
    ("created_at", KeyRule::Time, AllowedIn::Both),
    ("updated_at", KeyRule::Time, AllowedIn::Both),
    ("custom_fields_values", KeyRule::CustomFields, AllowedIn::Both),
    ("tags_to_add", KeyRule::TagsToAdd, AllowedIn::Both),
    ("tags_to_delete", KeyRule::TagsToDelete, AllowedIn::Update),
    ("_embedded", KeyRule::Embedded, AllowedIn::Both),
    ("request_id", KeyRule::RequestId, AllowedIn::Both),
    ("group_id", KeyRule::ReadOnly, AllowedIn::Update),
    ("is_unsorted", KeyRule::ReadOnly, AllowedIn::Update),
    ("is_deleted", KeyRule::ReadOnly, AllowedIn::Update),
    ("closest_task_at", KeyRule::ReadOnly, AllowedIn::Update),
    ("account_id", KeyRule::ReadOnly, AllowedIn::Update),
    ("_links", KeyRule::ReadOnly, AllowedIn::Update),
];

const COMPANY: &[ItemKey] = &[
    ("id", KeyRule::OwnId, AllowedIn::Update),
    ("name", KeyRule::Name, AllowedIn::Both),
    ("responsible_user_id", KeyRule::ActiveUser, AllowedIn::Both),
    ("created_by", KeyRule::UserOrRobot, AllowedIn::Both),
    ("updated_by", KeyRule::UserOrRobot, AllowedIn::Both),
    ("created_at", KeyRule::Time, AllowedIn::Both),
    ("updated_at", KeyRule::Time, AllowedIn::Both),
    ("custom_fields_values", KeyRule::CustomFields, AllowedIn::Both),
    ("tags_to_add", KeyRule::TagsToAdd, AllowedIn::Both),
    ("tags_to_delete", KeyRule::TagsToDelete, AllowedIn::Update),
    ("_embedded", KeyRule::Embedded, AllowedIn::Both),
    ("request_id", KeyRule::RequestId, AllowedIn::Both),
    ("group_id", KeyRule::ReadOnly, AllowedIn::Update),
    ("is_deleted", KeyRule::ReadOnly, AllowedIn::Update),
    ("closest_task_at", KeyRule::ReadOnly, AllowedIn::Update),
    ("account_id", KeyRule::ReadOnly, AllowedIn::Update),
    ("_links", KeyRule::ReadOnly, AllowedIn::Update),
];

/// The seed has `id`, name, fields and `request_id`; the others are sent by the official client. [client]
const ELEMENT: &[ItemKey] = &[
    ("id", KeyRule::OwnId, AllowedIn::Update),
    ("name", KeyRule::Name, AllowedIn::Both),
    ("created_by", KeyRule::UserOrRobot, AllowedIn::Both),
    ("updated_by", KeyRule::UserOrRobot, AllowedIn::Both),
    ("created_at", KeyRule::Time, AllowedIn::Both),
    ("currency_id", KeyRule::Int, AllowedIn::Both),
    ("custom_fields_values", KeyRule::CustomFields, AllowedIn::Both),
    ("request_id", KeyRule::RequestId, AllowedIn::Both),
    ("updated_at", KeyRule::ReadOnly, AllowedIn::Update),
    ("is_deleted", KeyRule::ReadOnly, AllowedIn::Update),
    ("catalog_id", KeyRule::ReadOnly, AllowedIn::Update),
    ("account_id", KeyRule::ReadOnly, AllowedIn::Update),
    ("invoice_link", KeyRule::ReadOnly, AllowedIn::Update),
    ("_links", KeyRule::ReadOnly, AllowedIn::Update),
    ("_embedded", KeyRule::ReadOnly, AllowedIn::Update),
];

/// `status_id`, `tags_to_add` and `tags_to_delete` are younger than the seed. [doc]
const CUSTOMER: &[ItemKey] = &[
    ("id", KeyRule::OwnId, AllowedIn::Update),
    ("name", KeyRule::Name, AllowedIn::Both),
    ("next_price", KeyRule::Int, AllowedIn::Both),
    ("next_date", KeyRule::Day, AllowedIn::Both),
    ("responsible_user_id", KeyRule::ActiveUser, AllowedIn::Both),
    ("status_id", KeyRule::CustomerStatus, AllowedIn::Both),
    ("periodicity", KeyRule::Int, AllowedIn::Both),
    ("created_by", KeyRule::UserOrRobot, AllowedIn::Both),
    ("updated_by", KeyRule::UserOrRobot, AllowedIn::Both),
    ("created_at", KeyRule::Time, AllowedIn::Both),
    ("updated_at", KeyRule::Time, AllowedIn::Both),
    ("custom_fields_values", KeyRule::CustomFields, AllowedIn::Both),
    ("tags_to_add", KeyRule::TagsToAdd, AllowedIn::Both),
    ("tags_to_delete", KeyRule::TagsToDelete, AllowedIn::Update),
    ("_embedded", KeyRule::Embedded, AllowedIn::Both),
    ("request_id", KeyRule::RequestId, AllowedIn::Both),
    ("ltv", KeyRule::ReadOnly, AllowedIn::Update),
    ("purchases_count", KeyRule::ReadOnly, AllowedIn::Update),
    ("average_check", KeyRule::ReadOnly, AllowedIn::Update),
    ("is_deleted", KeyRule::ReadOnly, AllowedIn::Update),
    ("closest_task_at", KeyRule::ReadOnly, AllowedIn::Update),
    ("account_id", KeyRule::ReadOnly, AllowedIn::Update),
    ("_links", KeyRule::ReadOnly, AllowedIn::Update),
];

/// `metadata` [client]
const TRANSACTION: &[ItemKey] = &[
    ("comment", KeyRule::Text, AllowedIn::Both),
    ("price", KeyRule::Int, AllowedIn::Both),
    ("completed_at", KeyRule::Time, AllowedIn::Both),
    ("next_price", KeyRule::Int, AllowedIn::Both),
    ("next_date", KeyRule::Day, AllowedIn::Both),
    ("created_by", KeyRule::UserOrRobot, AllowedIn::Both),
    ("metadata", KeyRule::Receipt, AllowedIn::Both),
    ("_embedded", KeyRule::Embedded, AllowedIn::Both),
    ("request_id", KeyRule::RequestId, AllowedIn::Both),
];

/// `is_need_to_trigger_digital_pipeline` [client]
const NOTE: &[ItemKey] = &[
    ("id", KeyRule::OwnId, AllowedIn::Update),
    ("entity_id", KeyRule::CheckedLater, AllowedIn::Both),
    ("note_type", KeyRule::CheckedLater, AllowedIn::Both),
    ("params", KeyRule::CheckedLater, AllowedIn::Both),
    ("created_by", KeyRule::UserOrRobot, AllowedIn::Both),
    ("updated_by", KeyRule::UserOrRobot, AllowedIn::Both),
    ("created_at", KeyRule::Time, AllowedIn::Both),
    ("updated_at", KeyRule::Time, AllowedIn::Both),
    ("responsible_user_id", KeyRule::ActiveUser, AllowedIn::Both),
    ("is_need_to_trigger_digital_pipeline", KeyRule::Bool, AllowedIn::Both),
    ("request_id", KeyRule::RequestId, AllowedIn::Both),
    ("group_id", KeyRule::ReadOnly, AllowedIn::Update),
    ("is_pinned", KeyRule::ReadOnly, AllowedIn::Update),
    ("account_id", KeyRule::ReadOnly, AllowedIn::Update),
    ("_links", KeyRule::ReadOnly, AllowedIn::Update),
];

const TASK: &[ItemKey] = &[
    ("id", KeyRule::OwnId, AllowedIn::Update),
    ("text", KeyRule::Text, AllowedIn::Both),
    ("complete_till", KeyRule::Time, AllowedIn::Both),
    ("entity_id", KeyRule::CheckedLater, AllowedIn::Both),
    ("entity_type", KeyRule::CheckedLater, AllowedIn::Both),
    ("task_type_id", KeyRule::CheckedLater, AllowedIn::Both),
    ("result", KeyRule::CheckedLater, AllowedIn::Both),
    ("is_completed", KeyRule::Bool, AllowedIn::Both),
    ("duration", KeyRule::Int, AllowedIn::Both),
    ("created_by", KeyRule::UserOrRobot, AllowedIn::Both),
    ("updated_by", KeyRule::UserOrRobot, AllowedIn::Both),
    ("created_at", KeyRule::Time, AllowedIn::Both),
    ("updated_at", KeyRule::Time, AllowedIn::Both),
    ("responsible_user_id", KeyRule::ActiveUser, AllowedIn::Both),
    ("request_id", KeyRule::RequestId, AllowedIn::Both),
    ("group_id", KeyRule::ReadOnly, AllowedIn::Update),
    ("account_id", KeyRule::ReadOnly, AllowedIn::Update),
    ("_links", KeyRule::ReadOnly, AllowedIn::Update),
];

pub fn keys(table: RecordTable) -> &'static [ItemKey] {
    match table {
        RecordTable::Leads => LEAD,
        RecordTable::Contacts => CONTACT,
        RecordTable::Companies => COMPANY,
        RecordTable::Customers => CUSTOMER,
        RecordTable::Transactions => TRANSACTION,
        RecordTable::Elements => ELEMENT,
        RecordTable::Notes => NOTE,
        RecordTable::Tasks => TASK,
    }
}

/// Keys that a new record must have. [seed], notes and tasks [doc]
pub fn required(account: &AccountState, table: RecordTable) -> &'static [&'static str] {
    match table {
        RecordTable::Customers if account.has_periodicity() => &["name", "next_date"],
        RecordTable::Customers | RecordTable::Elements => &["name"],
        RecordTable::Transactions => &["price"],
        RecordTable::Notes => &["note_type", "params"],
        RecordTable::Tasks => &["text", "complete_till"],
        RecordTable::Leads | RecordTable::Contacts | RecordTable::Companies => &[],
    }
}

/// Keys of `_embedded` that reads show and writes cannot change.
pub fn read_only_embedded(table: RecordTable) -> &'static [&'static str] {
    match table {
        RecordTable::Leads => &["contacts", "companies", "catalog_elements", "loss_reason"],
        RecordTable::Contacts => &["companies", "leads", "customers", "catalog_elements"],
        RecordTable::Companies => &["contacts", "leads", "customers", "catalog_elements"],
        RecordTable::Customers => &["contacts", "companies", "catalog_elements"],
        RecordTable::Transactions | RecordTable::Elements | RecordTable::Notes | RecordTable::Tasks => &[],
    }
}
