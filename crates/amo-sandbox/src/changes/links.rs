//! Links between records: which end keeps what is said of one, which contact is the main one, how a link is cut.

use serde_json::{Value, json};

use crate::changes::changeset::Plan;
use crate::world::{End, Shelf};

/// The same link from whichever end: leads and customers keep what is said of their contacts, and everything keeps what
/// is said of its elements.
fn ends(a: End, b: End) -> (End, End) {
    let holds = |end: End| matches!(end.0, Shelf::Leads | Shelf::Customers);
    if holds(b) && !holds(a) { (b, a) } else { (a, b) }
}

fn has_main(from: End, to: End) -> bool {
    matches!(from.0, Shelf::Leads | Shelf::Customers) && to.0 == Shelf::Contacts
}

fn is_main(meta: Option<&Value>) -> bool {
    meta.and_then(|m| m.get("is_main")).and_then(Value::as_bool).unwrap_or(false)
}

/// A second link of the same two says anew what the first has said: an element's quantity. [inferred]
pub fn make(plan: &mut Plan, a: End, b: End, meta: Option<&Value>) {
    let (from, to) = ends(a, b);
    if has_main(from, to) {
        return make_contact(plan, from, to, meta.and_then(|m| m.get("is_main")).and_then(Value::as_bool));
    }
    // A lead or a customer has one company. [seed]
    if to.0 == Shelf::Companies && matches!(from.0, Shelf::Leads | Shelf::Customers) {
        for (other, _) in plan.linked(from.0, from.1, Shelf::Companies).into_iter().filter(|(id, _)| *id != to.1) {
            plan.unlink(from.0, from.1, Shelf::Companies, other);
        }
    }
    plan.link(from.0, from.1, to.0, to.1, meta.filter(|_| to.0 == Shelf::Elements));
}

/// Exactly one is the main one: the first, until another is said to be. [inferred]
fn make_contact(plan: &mut Plan, from: End, to: End, said: Option<bool>) {
    let all = plan.linked(from.0, from.1, Shelf::Contacts);
    let was = all.iter().any(|(id, meta)| *id == to.1 && is_main(meta.as_ref()));
    let others: Vec<(u64, bool)> =
        all.iter().filter(|(id, _)| *id != to.1).map(|(id, meta)| (*id, is_main(meta.as_ref()))).collect();
    let main =
        said.unwrap_or(was) || !others.iter().any(|(_, main)| *main) && (said != Some(false) || others.is_empty());
    plan.link(from.0, from.1, to.0, to.1, Some(&json!({"is_main": main})));
    if main {
        for (other, _) in others.into_iter().filter(|(_, main)| *main) {
            plan.link(from.0, from.1, Shelf::Contacts, other, Some(&json!({"is_main": false})));
        }
    } else if was {
        heir(plan, from, to.1);
    }
}

/// A link that is not there is cut without complaint. [inferred]
pub fn cut(plan: &mut Plan, a: End, b: End) {
    let (from, to) = ends(a, b);
    let all = plan.linked(from.0, from.1, to.0);
    let was_main = all.iter().any(|(id, meta)| *id == to.1 && is_main(meta.as_ref()));
    plan.unlink(from.0, from.1, to.0, to.1);
    if has_main(from, to) && was_main {
        heir(plan, from, to.1);
    }
}

/// The first of the other contacts becomes the main one. [inferred]
fn heir(plan: &mut Plan, from: End, before: u64) {
    let all = plan.linked(from.0, from.1, Shelf::Contacts);
    if let Some((heir, _)) = all.into_iter().find(|(id, _)| *id != before) {
        plan.link(from.0, from.1, Shelf::Contacts, heir, Some(&json!({"is_main": true})));
    }
}

/// What a read says of a link, from whichever end. [doc]: `main_contact`, not `is_main`
pub fn shown(plan: &Plan, a: End, b: End) -> Value {
    let (from, to) = ends(a, b);
    let all = plan.linked(from.0, from.1, to.0);
    let meta = all.into_iter().find(|(id, _)| *id == to.1).and_then(|(_, meta)| meta);
    match to.0 {
        Shelf::Contacts if has_main(from, to) => json!({"main_contact": is_main(meta.as_ref())}),
        Shelf::Elements => meta.unwrap_or_default(),
        Shelf::Leads
        | Shelf::Contacts
        | Shelf::Companies
        | Shelf::Customers
        | Shelf::Transactions
        | Shelf::Notes
        | Shelf::Tasks => Value::Null,
    }
}
