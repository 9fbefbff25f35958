//! One item of a write, key by key, into the shape `write` takes.

pub mod customer;
mod embedded;
mod keys;
pub mod metadata;
mod stage;
mod tags;

use serde_json::{Map, Value};

use crate::check::item::customer::PickedElement;
use crate::check::item::keys::{AllowedIn, ItemKey, KeyRule, keys, required};
use crate::check::values::{self, custom_fields};
use crate::check::{CheckContext, ValidationErrors, join, longer_than};
use crate::world::{RecordKey, RecordTable};
use amo_model::COMPLEX_FIELDS_MAX;
pub use embedded::Party;
use embedded::check_embedded;
use tags::check_tags;
pub use tags::{TagEdit, TagRef};

/// In what kind of request an item stands; decides which keys it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    Create,
    /// Of the record with this id, where the path names it.
    Update(Option<u64>),
    /// A lead of `leads/complex`.
    Complex,
    /// A contact or company given in full inside a complex lead.
    Inner,
}

impl WriteMode {
    fn takes(self, on: AllowedIn) -> bool {
        on == AllowedIn::Both || matches!(self, WriteMode::Update(_))
    }
}

/// An acceptable item. What is not said is not there.
#[derive(Debug, Default)]
pub struct CheckedItem {
    pub id: u64,
    pub request_id: Option<Value>,
    /// Plain keys, as they are stored.
    pub set: Map<String, Value>,
    /// Field id and its stored values; `None` empties the field.
    pub fields: Vec<(u64, Option<Vec<Value>>)>,
    pub tags: TagEdit,
    /// Ids of contacts, and whether each is the main one.
    pub contacts: Vec<(u64, bool)>,
    pub company: Option<u64>,
    /// Pipeline and stage, settled.
    pub stage: Option<(u64, u64)>,
    pub source_id: Option<u64>,
    /// All the segments of a customer.
    pub segments: Option<Vec<u64>>,
    /// What was bought.
    pub elements: Vec<PickedElement>,
    /// Of a complex lead.
    pub contact_party: Party,
    pub company_party: Party,
    pub metadata: Option<Value>,
    /// What a note or a task is about from now on.
    pub owner: Option<RecordKey>,
}

/// Everything that is wrong with `item` goes to `complaints`, under `path`; what comes back counts only when nothing is.
pub fn check_item(
    context: &CheckContext,
    table: RecordTable,
    mode: WriteMode,
    item: &Value,
    path: &str,
    errors: &mut ValidationErrors,
) -> CheckedItem {
    let mut accepted = CheckedItem::default();
    let Some(item) = item.as_object() else {
        errors.wrong_type(path, "array");
        return accepted;
    };
    for (name, value) in item {
        let at = join(path, name);
        match keys(table).iter().find(|(key, _, on)| key == name && mode.takes(*on)) {
            // The models inside a complex lead go without. [client]
            Some((_, KeyRule::RequestId, _)) if mode == WriteMode::Inner => errors.unexpected(at),
            Some(key) => check_key(context, table, mode, key, value, &at, &mut accepted, errors),
            None => errors.unexpected(at),
        }
    }
    check_required(context, table, mode, item, path, errors);
    if let WriteMode::Update(id) = mode {
        check_own_id(context, table, id, path, &mut accepted, errors);
    }
    if table == RecordTable::Leads {
        stage::check(context, mode, path, &mut accepted, errors);
    }
    let fields = item.get("custom_fields_values").and_then(Value::as_array).map_or(0, Vec::len);
    if matches!(mode, WriteMode::Complex | WriteMode::Inner) && fields > COMPLEX_FIELDS_MAX {
        errors.too_many(join(path, "custom_fields_values"), COMPLEX_FIELDS_MAX); // [seed]
    }
    for refusal in context.refusals.iter().filter(|r| r.means(table, item)) {
        errors.add(refusal.code.clone(), join(path, &refusal.path), refusal.detail.clone());
    }
    accepted
}

#[expect(clippy::too_many_arguments, reason = "the arms below need all of them, and a struct would only rename them")]
fn check_key(
    context: &CheckContext,
    table: RecordTable,
    mode: WriteMode,
    &(name, is, _): &ItemKey,
    value: &Value,
    at: &str,
    accepted: &mut CheckedItem,
    errors: &mut ValidationErrors,
) {
    match is {
        KeyRule::Shown if context.passes_over(mode) => {}
        KeyRule::Shown => errors.unexpected(at),
        KeyRule::CustomerStatus if context.passes_over(mode) && !context.account().has_periodicity() => {}
        // Reads show `null` where there is no such day.
        KeyRule::Day if context.passes_over(mode) && value.is_null() => {}
        KeyRule::Name => match value.as_str() {
            Some(text) if longer_than(text, context.switches.name_max) => {
                errors.too_long(at, context.switches.name_max)
            }
            Some(_) => keep(accepted, name, value),
            None => errors.wrong_type(at, "string"),
        },
        KeyRule::Int | KeyRule::Time | KeyRule::Pipeline | KeyRule::Status => match value.as_i64() {
            Some(_) => keep(accepted, name, value),
            None => errors.wrong_type(at, "int"),
        },
        KeyRule::Day => match value.as_i64() {
            Some(seconds) => keep(accepted, name, &Value::from(values::day(context, seconds))),
            None => errors.wrong_type(at, "int"),
        },
        KeyRule::TimeOrNull if value.is_null() || value.is_i64() => keep(accepted, name, value),
        KeyRule::TimeOrNull => errors.wrong_type(at, "int"),
        KeyRule::LossReason if value.is_null() => keep(accepted, name, value),
        KeyRule::ActiveUser | KeyRule::UserOrRobot | KeyRule::LossReason => match value.as_i64() {
            Some(id) if names_one(context, is, id) => keep(accepted, name, value),
            Some(_) => errors.choice(at),
            None => errors.wrong_type(at, "int"),
        },
        KeyRule::Apart => keep(accepted, name, value),
        KeyRule::Bool if value.is_boolean() => keep(accepted, name, value),
        KeyRule::Bool => errors.wrong_type(at, "bool"),
        KeyRule::Text if value.is_string() => keep(accepted, name, value),
        KeyRule::Text => errors.wrong_type(at, "string"),
        KeyRule::CustomerStatus => customer::check_status(context, value, at, accepted, errors),
        KeyRule::Receipt => {
            customer::check_receipt(context, value, at, errors);
            keep(accepted, name, value);
        }
        KeyRule::CustomFields => {
            let check = |owner| custom_fields::check(context, owner, value, at, errors);
            accepted.fields = context.owner(table).map(check).unwrap_or_default();
        }
        KeyRule::TagsToAdd => accepted.tags.add = check_tags(context, table, value, at, errors),
        KeyRule::TagsToDelete => accepted.tags.delete = check_tags(context, table, value, at, errors),
        KeyRule::Embedded => check_embedded(context, table, mode, value, at, accepted, errors),
        KeyRule::RequestId => match value {
            Value::String(_) => accepted.request_id = Some(value.clone()),
            _ => errors.wrong_type(at, "string"), // [seed] a string; 0 as a number is refused [client]
        },
        KeyRule::OwnId => match value.as_u64() {
            Some(id) => accepted.id = id,
            None => errors.wrong_type(at, "int"),
        },
    }
}

fn keep(accepted: &mut CheckedItem, name: &str, value: &Value) {
    accepted.set.insert(name.to_owned(), value.clone());
}

fn names_one(context: &CheckContext, is: KeyRule, id: i64) -> bool {
    let Ok(id) = u64::try_from(id) else { return false };
    match is {
        KeyRule::ActiveUser => context.account().user(id).is_some_and(|u| u.is_active),
        KeyRule::UserOrRobot => id == 0 || context.account().user(id).is_some(),
        KeyRule::LossReason => context.account().loss_reason(id).is_some(),
        _ => false,
    }
}

fn check_required(
    context: &CheckContext,
    table: RecordTable,
    mode: WriteMode,
    item: &Map<String, Value>,
    path: &str,
    errors: &mut ValidationErrors,
) {
    let is_made = !matches!(mode, WriteMode::Update(_));
    let is_needed = is_made || (table == RecordTable::Elements && context.switches.patch_needs_name);
    for key in required(context.account(), table) {
        match item.get(*key) {
            None if is_needed => errors.missing(join(path, key)),
            Some(Value::String(text)) if text.trim().is_empty() => errors.blank(join(path, key)),
            None | Some(_) => {}
        }
    }
}

/// A batch names its records in the items, a single change in the path.
fn check_own_id(
    context: &CheckContext,
    table: RecordTable,
    from_path: Option<u64>,
    path: &str,
    accepted: &mut CheckedItem,
    errors: &mut ValidationErrors,
) {
    let at = join(path, "id");
    if let Some(id) = from_path {
        accepted.id = id;
    }
    if accepted.id == 0 {
        if !errors.0.iter().any(|c| c.path == at) {
            errors.missing(at);
        }
    } else if context.stands(table, accepted.id).is_none_or(|r| r.container != 0 && r.container != context.container) {
        errors.choice(at); // [doc] for deleted ones
    }
}
