//! The key of a record: from its cells, in the form that earlier imports know, and to the id of the record that it means.

use super::row::{RecordBuilder, RowContext};
use crate::mapping::convert::number::digits;
use crate::mapping::lookup::{KeyQuery, Keyed, from_ledger};
use amo_model::Action;
use sheet_source::problem::quoted;
use sheet_source::{Cell, Scalar, message};
use std::borrow::Cow;

/// The code of a key that may be one which is known in another form.
pub(super) const KEY_FORMAT: &str = "key-format";

/// Between the parts of a key of several columns.
pub(super) const KEY_JOIN: &str = " / ";

impl<'a> RowContext<'a> {
    pub(super) fn key(&self) -> Option<String> {
        self.key_of(|cell| cell.text.trim().into())
    }

    /// The key as a version read it that did not look at the formats of numbers; `None` where that is no other.
    pub(super) fn bare_key(&self) -> Option<String> {
        let formatted = |index: &usize| matches!(self.row.get(*index).value, Scalar::Formatted(..));
        if !self.plan.key.iter().any(formatted) {
            // Of a row that came back from a reject file the format is gone, whatever it was rejected for.
            let again = !self.plan.header.reject_code(self.row).is_empty();
            let digits = |cell: Cell<'a>| -> String { cell.text.chars().filter(char::is_ascii_digit).collect() };
            let bare = |cell: Cell<'a>| Cow::Owned(digits(cell).trim_start_matches('0').to_owned());
            return self.key_of(bare).filter(|_| again);
        }
        self.key_of(|cell| match cell.value {
            Scalar::Formatted(number, _) => digits(number).into(),
            _ => cell.text.trim().into(),
        })
    }

    fn key_of(&self, part: impl Fn(Cell<'a>) -> Cow<'a, str>) -> Option<String> {
        if let [one] = self.plan.key.as_slice() {
            return Some(part(self.row.get(*one))).filter(|one| !one.is_empty()).map(Cow::into_owned);
        }
        let parts: Vec<Cow<'a, str>> = self.plan.key.iter().map(|index| part(self.row.get(*index))).collect();
        parts.iter().any(|part| !part.is_empty()).then(|| parts.join(KEY_JOIN))
    }
}

impl RecordBuilder<'_, '_> {
    /// The record to change, found by the key under which an earlier import made it.
    pub(super) fn id_by_key(&mut self, key: Option<&str>) {
        let plan = self.context.plan;
        let column = plan.key.first().copied();
        let Some(key) = key else {
            let problem = self.context.problem(column, "no-key", "the row does not say which record is meant");
            self.problems.push(problem.hint("fill the column of the key"));
            return;
        };
        let (entity, catalog) = (plan.kind.spec().entity, plan.catalog);
        let titles: Vec<String> = plan.key_titles().collect();
        match from_ledger(&plan.book.ledger, KeyQuery { entity, catalog, key, titles: Some(&titles), made: false }) {
            Ok(id) => self.meta.own_id = Some(id),
            Err((_, unfit)) => {
                let mut problem = self.context.problem(column, unfit.code, unfit.message).value(key);
                problem.hint = unfit.hint;
                self.problems.push(problem);
            }
        }
    }

    /// An earlier version kept the keys of number cells without what their format shows: `000123` may be known as `123`.
    pub(super) fn known_key(&mut self, key: Option<String>) -> Option<String> {
        let plan = self.context.plan;
        let (Some(shown), Some(bare)) = (&key, self.context.bare_key()) else { return key };
        let (entity, catalog) = (plan.kind.spec().entity, plan.catalog);
        let titles: Vec<String> = plan.key_titles().collect();
        let made = plan.action == Action::Create;
        let find = |key: &str| {
            let asked = KeyQuery { entity, catalog, key, titles: Some(&titles), made };
            plan.book.ledger.find(asked).ok().flatten()
        };
        if *shown == bare || find(shown).is_some() {
            return key;
        }
        let Some(Keyed::Id(id) | Keyed::Unsure { id, .. }) = find(&bare) else { return key };
        if plan.book.ledger.takes_keys_for_the_same() {
            return Some(bare);
        }
        let message = message!(
            "{bare} was imported before and is {id}; nothing says whether {key} is the same",
            bare = quoted(&bare),
            id,
            key = quoted(shown)
        );
        let column = plan.key.first().copied();
        let problem = self.context.problem(column, KEY_FORMAT, message).value(shown);
        self.problems.push(problem.hint("add --same-keys if it is the same"));
        key
    }
}
