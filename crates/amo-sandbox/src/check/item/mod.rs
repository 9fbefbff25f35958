//! One item of a write, key by key, into the shape that `changes` takes.

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
use crate::check::{CheckContext, JsonNode, join, longer_than};
use crate::world::{RecordKey, RecordTable};
use amo_model::COMPLEX_FIELDS_MAX;
pub use embedded::Party;
use tags::check_tags;
pub use tags::{TagEdit, TagRef};

/// The kind of request that an item is in; decides which keys it may have.
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
    fn allows(self, keys: AllowedIn) -> bool {
        keys == AllowedIn::Both || matches!(self, WriteMode::Update(_))
    }
}

/// An item without errors. Keys that were not sent are absent.
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
    /// Pipeline and stage.
    pub stage: Option<(u64, u64)>,
    pub source_id: Option<u64>,
    /// All segments of a customer.
    pub segments: Option<Vec<u64>>,
    /// Elements that were bought.
    pub elements: Vec<PickedElement>,
    /// Of a complex lead.
    pub contact_party: Party,
    pub company_party: Party,
    pub metadata: Option<Value>,
    /// The record that a note or a task belongs to from now on.
    pub owner: Option<RecordKey>,
}

/// The check of one item, and what it has accepted so far.
struct ItemCheck<'a> {
    context: &'a CheckContext<'a>,
    table: RecordTable,
    mode: WriteMode,
    accepted: CheckedItem,
}

/// The item as it is to be written; it counts only where the node has no errors then.
pub fn check_item(context: &CheckContext, table: RecordTable, mode: WriteMode, mut node: JsonNode) -> CheckedItem {
    let mut check = ItemCheck { context, table, mode, accepted: CheckedItem::default() };
    let Some(item) = node.object() else { return check.accepted };
    for (name, value) in item {
        let mut value = node.child(name, value);
        match keys(table).iter().find(|(key, _, keys)| key == name && mode.allows(*keys)) {
            // Contacts and companies inside a complex lead have no `request_id`. [client]
            Some((_, KeyRule::RequestId, _)) if mode == WriteMode::Inner => value.unexpected(),
            Some(key) => check.check_key(key, value),
            None => value.unexpected(),
        }
    }
    check.check_required(item, &mut node);
    if let WriteMode::Update(id) = mode {
        check.check_own_id(id, &mut node);
    }
    if table == RecordTable::Leads {
        check.check_stage(&mut node);
    }
    let fields = item.get("custom_fields_values").and_then(Value::as_array).map_or(0, Vec::len);
    if matches!(mode, WriteMode::Complex | WriteMode::Inner) && fields > COMPLEX_FIELDS_MAX {
        let path = node.key_path("custom_fields_values");
        node.errors.too_many(path, COMPLEX_FIELDS_MAX); // [seed]
    }
    for refusal in context.refusals.iter().filter(|r| r.matches(table, item)) {
        node.errors.add(refusal.code.clone(), join(&node.path, &refusal.path), refusal.detail.clone());
    }
    check.accepted
}

impl ItemCheck<'_> {
    fn check_key(&mut self, &(name, rule, _): &ItemKey, mut node: JsonNode) {
        let (context, value) = (self.context, node.value);
        let ignores_read_only = context.ignores_read_only(self.mode);
        match rule {
            KeyRule::ReadOnly if ignores_read_only => {}
            KeyRule::ReadOnly => node.unexpected(),
            KeyRule::CustomerStatus if ignores_read_only && !context.account().has_periodicity() => {}
            // Reads show `null` where there is no such day.
            KeyRule::Day if ignores_read_only && value.is_null() => {}
            KeyRule::Name => match value.as_str() {
                Some(text) if longer_than(text, context.switches.name_max) => node.too_long(context.switches.name_max),
                Some(_) => self.accept(name, value),
                None => node.wrong_type("string"),
            },
            KeyRule::TimeOrNull | KeyRule::LossReason if value.is_null() => self.accept(name, value),
            KeyRule::Int | KeyRule::Time | KeyRule::TimeOrNull | KeyRule::Pipeline | KeyRule::Status => {
                match value.as_i64() {
                    Some(_) => self.accept(name, value),
                    None => node.wrong_type("int"),
                }
            }
            KeyRule::Day => match value.as_i64() {
                Some(seconds) => self.accept(name, &Value::from(values::next_date(context, seconds))),
                None => node.wrong_type("int"),
            },
            KeyRule::ActiveUser | KeyRule::UserOrRobot | KeyRule::LossReason => match value.as_i64() {
                Some(id) if is_known(context, rule, id) => self.accept(name, value),
                Some(_) => node.invalid_choice(),
                None => node.wrong_type("int"),
            },
            KeyRule::CheckedLater => self.accept(name, value),
            KeyRule::Bool if value.is_boolean() => self.accept(name, value),
            KeyRule::Bool => node.wrong_type("bool"),
            KeyRule::Text if value.is_string() => self.accept(name, value),
            KeyRule::Text => node.wrong_type("string"),
            KeyRule::CustomerStatus => {
                if customer::check_status(context, node) {
                    self.accept(name, value);
                }
            }
            KeyRule::Receipt => {
                customer::check_receipt(context, node);
                self.accept(name, value);
            }
            KeyRule::CustomFields => {
                let owner = context.field_owner(self.table);
                self.accepted.fields = owner.map(|o| custom_fields::check(context, o, node)).unwrap_or_default();
            }
            KeyRule::TagsToAdd => self.accepted.tags.add = check_tags(context, self.table, node),
            KeyRule::TagsToDelete => self.accepted.tags.delete = check_tags(context, self.table, node),
            KeyRule::Embedded => self.check_embedded(node),
            KeyRule::RequestId => match value {
                Value::String(_) => self.accepted.request_id = Some(value.clone()),
                _ => node.wrong_type("string"), // [seed] a string; 0 as a number is refused [client]
            },
            KeyRule::OwnId => match value.as_u64() {
                Some(id) => self.accepted.id = id,
                None => node.wrong_type("int"),
            },
        }
    }

    fn accept(&mut self, name: &str, value: &Value) {
        self.accepted.set.insert(name.to_owned(), value.clone());
    }

    fn check_required(&self, item: &Map<String, Value>, node: &mut JsonNode) {
        let is_new = !matches!(self.mode, WriteMode::Update(_));
        let is_required = is_new || (self.table == RecordTable::Elements && self.context.switches.patch_needs_name);
        for key in required(self.context.account(), self.table) {
            match item.get(*key) {
                None if is_required => node.missing(key),
                Some(Value::String(text)) if text.trim().is_empty() => node.errors.blank(join(&node.path, key)),
                None | Some(_) => {}
            }
        }
    }

    /// The id is in the path for a single record, in the item for a batch.
    fn check_own_id(&mut self, from_path: Option<u64>, node: &mut JsonNode) {
        let path = node.key_path("id");
        if let Some(id) = from_path {
            self.accepted.id = id;
        }
        let id = self.accepted.id;
        let is_elsewhere = |container| container != 0 && container != self.context.container;
        if id == 0 {
            if !node.errors.0.iter().any(|error| error.path == path) {
                node.errors.missing(path);
            }
        } else if self.context.visible(self.table, id).is_none_or(|record| is_elsewhere(record.container)) {
            node.errors.invalid_choice(path); // [doc] for deleted ones
        }
    }
}

/// True where the account has the user or the loss reason.
fn is_known(context: &CheckContext, rule: KeyRule, id: i64) -> bool {
    let Ok(id) = u64::try_from(id) else { return false };
    match rule {
        KeyRule::ActiveUser => context.account().user(id).is_some_and(|u| u.is_active),
        KeyRule::UserOrRobot => id == 0 || context.account().user(id).is_some(),
        KeyRule::LossReason => context.account().loss_reason(id).is_some(),
        _ => false,
    }
}
