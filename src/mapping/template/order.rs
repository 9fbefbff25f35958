//! The filters `|max`, `|min` and `|sort`: numeric if an item is a number, else as in the engine.

use super::compare::Numbered;
use super::compare::with_evaluation;
use minijinja::value::Kwargs;
use minijinja::{Error, State, Value, filters};
use std::cmp::Ordering;

pub fn max(state: &State<'_, '_>, list: Value, kwargs: Kwargs) -> Result<Value, Error> {
    match numbered(state, &list, &kwargs)? {
        Some(items) => Ok(last_of(items, Ordering::is_ge)),
        None => filters::max(state, list, kwargs),
    }
}

pub fn min(state: &State<'_, '_>, list: Value, kwargs: Kwargs) -> Result<Value, Error> {
    match numbered(state, &list, &kwargs)? {
        Some(items) => Ok(last_of(items, Ordering::is_lt)),
        None => filters::min(state, list, kwargs),
    }
}

/// Empty items come first.
pub fn sort(state: &State<'_, '_>, list: Value, kwargs: Kwargs) -> Result<Value, Error> {
    let Some(mut items) = numbered(state, &list, &kwargs)? else { return filters::sort(state, list, kwargs) };
    let reverse = kwargs.get::<Option<bool>>("reverse")?.unwrap_or(false);
    items.sort_by(|one, other| {
        let order = match (one.number, other.number) {
            (Some(one), Some(other)) => one.order(other).unwrap_or(Ordering::Equal),
            (one, other) => one.is_some().cmp(&other.is_some()),
        };
        if reverse { order.reverse() } else { order }
    });
    Ok(items.into_iter().map(|numbered| numbered.item).collect())
}

/// `None` where no item is a number.
fn numbered(state: &State<'_, '_>, list: &Value, kwargs: &Kwargs) -> Result<Option<Vec<Numbered>>, Error> {
    let attribute: Option<&str> = kwargs.peek("attribute").ok().flatten();
    // The engine handles several or nested attributes.
    if attribute.is_some_and(|attribute| attribute.contains([',', '.'])) {
        return Ok(None);
    }
    let found = with_evaluation(state, |evaluation| evaluation.numbered(list, attribute))?;
    if found.is_some() {
        kwargs.get::<Option<&str>>("attribute")?;
    }
    Ok(found)
}

/// The item that no later one replaces; empty items are ignored.
fn last_of(items: Vec<Numbered>, replaces: impl Fn(Ordering) -> bool) -> Value {
    let mut best: Option<Numbered> = None;
    for item in items {
        let order = |best: &Numbered| item.number?.order(best.number?);
        if item.number.is_some() && best.as_ref().is_none_or(|best| order(best).is_some_and(&replaces)) {
            best = Some(item);
        }
    }
    best.map_or(Value::UNDEFINED, |best| best.item)
}
