//! Links between records: which end stores the metadata, which contact is the main one, how a link is removed.

use serde_json::{Value, json};

use crate::changes::changeset::Changeset;
use crate::world::{RecordKey, RecordTable};

/// The ends of a link in the order in which it is stored: leads and customers store the metadata of their contacts,
/// every record that of its elements.
fn ordered_ends(a: RecordKey, b: RecordKey) -> (RecordKey, RecordKey) {
    let holds = |end: RecordKey| matches!(end.0, RecordTable::Leads | RecordTable::Customers);
    if holds(b) && !holds(a) { (b, a) } else { (a, b) }
}

fn has_main(from: RecordKey, to: RecordKey) -> bool {
    matches!(from.0, RecordTable::Leads | RecordTable::Customers) && to.0 == RecordTable::Contacts
}

fn is_main(meta: Option<&Value>) -> bool {
    meta.and_then(|m| m.get("is_main")).and_then(Value::as_bool).unwrap_or(false)
}

/// A second link of the same two records replaces the metadata of the first: the quantity of an element. [inferred]
pub fn link(changes: &mut Changeset, a: RecordKey, b: RecordKey, meta: Option<&Value>) {
    let (from, to) = ordered_ends(a, b);
    if has_main(from, to) {
        return link_contact(changes, from, to, meta.and_then(|m| m.get("is_main")).and_then(Value::as_bool));
    }
    // A lead or a customer has one company. [seed]
    if to.0 == RecordTable::Companies && matches!(from.0, RecordTable::Leads | RecordTable::Customers) {
        for (other, _) in
            changes.linked(from.0, from.1, RecordTable::Companies).into_iter().filter(|(id, _)| *id != to.1)
        {
            changes.unlink(from, (RecordTable::Companies, other));
        }
    }
    changes.link(from, to, meta.filter(|_| to.0 == RecordTable::Elements));
}

/// Exactly one contact is the main one: the first, until another is marked. [inferred]
fn link_contact(changes: &mut Changeset, from: RecordKey, to: RecordKey, sent: Option<bool>) {
    let all = changes.linked(from.0, from.1, RecordTable::Contacts);
    let was = all.iter().any(|(id, meta)| *id == to.1 && is_main(meta.as_ref()));
    let others: Vec<(u64, bool)> =
        all.iter().filter(|(id, _)| *id != to.1).map(|(id, meta)| (*id, is_main(meta.as_ref()))).collect();
    let main =
        sent.unwrap_or(was) || !others.iter().any(|(_, main)| *main) && (sent != Some(false) || others.is_empty());
    changes.link(from, to, Some(&json!({"is_main": main})));
    if main {
        for (other, _) in others.into_iter().filter(|(_, main)| *main) {
            changes.link(from, (RecordTable::Contacts, other), Some(&json!({"is_main": false})));
        }
    } else if was {
        choose_main(changes, from, to.1);
    }
}

/// Removing a link that does not exist is no error. [inferred]
pub fn unlink(changes: &mut Changeset, a: RecordKey, b: RecordKey) {
    let (from, to) = ordered_ends(a, b);
    let all = changes.linked(from.0, from.1, to.0);
    let was_main = all.iter().any(|(id, meta)| *id == to.1 && is_main(meta.as_ref()));
    changes.unlink(from, to);
    if has_main(from, to) && was_main {
        choose_main(changes, from, to.1);
    }
}

/// The first of the other contacts becomes the main one. [inferred]
fn choose_main(changes: &mut Changeset, from: RecordKey, former: u64) {
    let all = changes.linked(from.0, from.1, RecordTable::Contacts);
    if let Some((next, _)) = all.into_iter().find(|(id, _)| *id != former) {
        changes.link(from, (RecordTable::Contacts, next), Some(&json!({"is_main": true})));
    }
}

/// The metadata of a link in reads, from either end. [doc]: `main_contact`, not `is_main`
pub fn shown_metadata(changes: &Changeset, a: RecordKey, b: RecordKey) -> Value {
    let (from, to) = ordered_ends(a, b);
    let all = changes.linked(from.0, from.1, to.0);
    let meta = all.into_iter().find(|(id, _)| *id == to.1).and_then(|(_, meta)| meta);
    match to.0 {
        RecordTable::Contacts if has_main(from, to) => json!({"main_contact": is_main(meta.as_ref())}),
        RecordTable::Elements => meta.unwrap_or_default(),
        RecordTable::Leads
        | RecordTable::Contacts
        | RecordTable::Companies
        | RecordTable::Customers
        | RecordTable::Transactions
        | RecordTable::Notes
        | RecordTable::Tasks => Value::Null,
    }
}
