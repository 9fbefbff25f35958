//! One item of a write, key by key, into the shape `write` takes.

pub mod customer;
mod embedded;
mod keys;
pub mod metadata;
mod stage;
mod tags;

use serde_json::{Map, Value};

use crate::check::item::customer::Picked;
use crate::check::item::keys::{Is, Key, On, keys, required};
use crate::check::values::{self, custom_fields};
use crate::check::{Complaints, Rules, join, longer_than};
use crate::world::{End, Shelf};
use amo_model::COMPLEX_FIELDS_MAX;
pub use embedded::Party;
use embedded::check_embedded;
use tags::check_tags;
pub use tags::{TagEdit, TagRef};

/// In what kind of request an item stands; decides which keys it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Create,
    /// Of the record with this id, where the path names it.
    Update(Option<u64>),
    /// A lead of `leads/complex`.
    Complex,
    /// A contact or company given in full inside a complex lead.
    Inner,
}

impl Mode {
    fn takes(self, on: On) -> bool {
        on == On::Both || matches!(self, Mode::Update(_))
    }
}

/// An acceptable item. What is not said is not there.
#[derive(Debug, Default)]
pub struct Clean {
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
    pub elements: Vec<Picked>,
    /// Of a complex lead.
    pub contact_party: Party,
    pub company_party: Party,
    pub metadata: Option<Value>,
    /// What a note or a task is about from now on.
    pub owner: Option<End>,
}

/// Everything that is wrong with `item` goes to `complaints`, under `path`; what comes back counts only when nothing is.
pub fn check_item(
    rules: &Rules,
    shelf: Shelf,
    mode: Mode,
    item: &Value,
    path: &str,
    complaints: &mut Complaints,
) -> Clean {
    let mut clean = Clean::default();
    let Some(item) = item.as_object() else {
        complaints.wrong_type(path, "array");
        return clean;
    };
    for (name, value) in item {
        let at = join(path, name);
        match keys(shelf).iter().find(|(key, _, on)| key == name && mode.takes(*on)) {
            // The models inside a complex lead go without. [client]
            Some((_, Is::RequestId, _)) if mode == Mode::Inner => complaints.unexpected(at),
            Some(key) => check_key(rules, shelf, mode, key, value, &at, &mut clean, complaints),
            None => complaints.unexpected(at),
        }
    }
    check_required(rules, shelf, mode, item, path, complaints);
    if let Mode::Update(id) = mode {
        check_own_id(rules, shelf, id, path, &mut clean, complaints);
    }
    if shelf == Shelf::Leads {
        stage::check(rules, mode, path, &mut clean, complaints);
    }
    let fields = item.get("custom_fields_values").and_then(Value::as_array).map_or(0, Vec::len);
    if matches!(mode, Mode::Complex | Mode::Inner) && fields > COMPLEX_FIELDS_MAX {
        complaints.too_many(join(path, "custom_fields_values"), COMPLEX_FIELDS_MAX); // [seed]
    }
    for refusal in rules.refusals.iter().filter(|r| r.means(shelf, item)) {
        complaints.add(refusal.code.clone(), join(path, &refusal.path), refusal.detail.clone());
    }
    clean
}

#[expect(clippy::too_many_arguments, reason = "the arms below need all of them, and a struct would only rename them")]
fn check_key(
    rules: &Rules,
    shelf: Shelf,
    mode: Mode,
    &(name, is, _): &Key,
    value: &Value,
    at: &str,
    clean: &mut Clean,
    complaints: &mut Complaints,
) {
    match is {
        Is::Shown if rules.passes_over(mode) => {}
        Is::Shown => complaints.unexpected(at),
        Is::CustomerStatus if rules.passes_over(mode) && !rules.account().has_periodicity() => {}
        // Reads show `null` where there is no such day.
        Is::Day if rules.passes_over(mode) && value.is_null() => {}
        Is::Name => match value.as_str() {
            Some(text) if longer_than(text, rules.switches.name_max) => {
                complaints.too_long(at, rules.switches.name_max)
            }
            Some(_) => keep(clean, name, value),
            None => complaints.wrong_type(at, "string"),
        },
        Is::Int | Is::Time | Is::Pipeline | Is::Status => match value.as_i64() {
            Some(_) => keep(clean, name, value),
            None => complaints.wrong_type(at, "int"),
        },
        Is::Day => match value.as_i64() {
            Some(seconds) => keep(clean, name, &Value::from(values::day(rules, seconds))),
            None => complaints.wrong_type(at, "int"),
        },
        Is::TimeOrNull if value.is_null() || value.is_i64() => keep(clean, name, value),
        Is::TimeOrNull => complaints.wrong_type(at, "int"),
        Is::LossReason if value.is_null() => keep(clean, name, value),
        Is::ActiveUser | Is::UserOrRobot | Is::LossReason => match value.as_i64() {
            Some(id) if names_one(rules, is, id) => keep(clean, name, value),
            Some(_) => complaints.choice(at),
            None => complaints.wrong_type(at, "int"),
        },
        Is::Apart => keep(clean, name, value),
        Is::Bool if value.is_boolean() => keep(clean, name, value),
        Is::Bool => complaints.wrong_type(at, "bool"),
        Is::Text if value.is_string() => keep(clean, name, value),
        Is::Text => complaints.wrong_type(at, "string"),
        Is::CustomerStatus => customer::check_status(rules, value, at, clean, complaints),
        Is::Receipt => {
            customer::check_receipt(rules, value, at, complaints);
            keep(clean, name, value);
        }
        Is::CustomFields => {
            let check = |owner| custom_fields::check(rules, owner, value, at, complaints);
            clean.fields = rules.owner(shelf).map(check).unwrap_or_default();
        }
        Is::TagsToAdd => clean.tags.add = check_tags(rules, shelf, value, at, complaints),
        Is::TagsToDelete => clean.tags.delete = check_tags(rules, shelf, value, at, complaints),
        Is::Embedded => check_embedded(rules, shelf, mode, value, at, clean, complaints),
        Is::RequestId => match value {
            Value::String(_) => clean.request_id = Some(value.clone()),
            _ => complaints.wrong_type(at, "string"), // [seed] a string; 0 as a number is refused [client]
        },
        Is::OwnId => match value.as_u64() {
            Some(id) => clean.id = id,
            None => complaints.wrong_type(at, "int"),
        },
    }
}

fn keep(clean: &mut Clean, name: &str, value: &Value) {
    clean.set.insert(name.to_owned(), value.clone());
}

fn names_one(rules: &Rules, is: Is, id: i64) -> bool {
    let Ok(id) = u64::try_from(id) else { return false };
    match is {
        Is::ActiveUser => rules.account().user(id).is_some_and(|u| u.is_active),
        Is::UserOrRobot => id == 0 || rules.account().user(id).is_some(),
        Is::LossReason => rules.account().loss_reason(id).is_some(),
        _ => false,
    }
}

fn check_required(
    rules: &Rules,
    shelf: Shelf,
    mode: Mode,
    item: &Map<String, Value>,
    path: &str,
    complaints: &mut Complaints,
) {
    let is_made = !matches!(mode, Mode::Update(_));
    let is_needed = is_made || (shelf == Shelf::Elements && rules.switches.patch_needs_name);
    for key in required(rules.account(), shelf) {
        match item.get(*key) {
            None if is_needed => complaints.missing(join(path, key)),
            Some(Value::String(text)) if text.trim().is_empty() => complaints.blank(join(path, key)),
            None | Some(_) => {}
        }
    }
}

/// A batch names its records in the items, a single change in the path.
fn check_own_id(
    rules: &Rules,
    shelf: Shelf,
    from_path: Option<u64>,
    path: &str,
    clean: &mut Clean,
    complaints: &mut Complaints,
) {
    let at = join(path, "id");
    if let Some(id) = from_path {
        clean.id = id;
    }
    if clean.id == 0 {
        if !complaints.0.iter().any(|c| c.path == at) {
            complaints.missing(at);
        }
    } else if rules.stands(shelf, clean.id).is_none_or(|r| r.container != 0 && r.container != rules.container) {
        complaints.choice(at); // [doc] for deleted ones
    }
}
