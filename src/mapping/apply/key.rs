//! The key of a record: built from its cells, in the form that earlier imports stored, and resolved to an id.

use super::row::RecordBuilder;
use super::row::context::RowContext;
use crate::mapping::convert::number::digits;
use crate::mapping::lookup::{KeyQuery, Keyed, from_ledger};
use amo_model::Action;
use sheet_source::problem::quoted;
use sheet_source::{Cell, Scalar, message};
use std::borrow::Cow;

/// The problem code of a key that earlier imports may know in another form.
pub(super) const KEY_FORMAT: &str = "key-format";

/// The separator in a key of several columns.
pub(super) const KEY_JOIN: &str = " / ";

impl<'a> RowContext<'a> {
    pub(super) fn key(&self) -> Option<String> {
        self.key_of(|cell| cell.text.trim().into())
    }

    /// The key as an earlier version read it, without number formats; `None` if it is the same.
    pub(super) fn bare_key(&self) -> Option<String> {
        let formatted = |index: &usize| matches!(self.row.get(*index).value, Scalar::Formatted(..));
        if !self.plan.key.iter().any(formatted) {
            // Rows of a reject file have lost their number formats.
            if self.plan.header.reject_code(self.row).is_empty() {
                return None;
            }
            let digits = |cell: Cell<'a>| -> String { cell.text.chars().filter(char::is_ascii_digit).collect() };
            return self.key_of(|cell| Cow::Owned(digits(cell).trim_start_matches('0').to_owned()));
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
    /// Finds the record to change by the key of an earlier import.
    pub(super) fn id_by_key(&mut self, key: Option<&str>) {
        let plan = self.context.plan;
        let column = plan.key.first().copied();
        let Some(key) = key else {
            let problem = self.context.problem(column, "no-key", "the row has no key");
            self.problems.push(problem.hint("fill the key column"));
            return;
        };
        let (entity, catalog) = (plan.kind.spec().entity, plan.catalog);
        let titles: Vec<String> = plan.key_titles().collect();
        match from_ledger(&plan.resolver.ledger, KeyQuery { entity, catalog, key, titles: Some(&titles), made: false })
        {
            Ok(id) => self.meta.own_id = Some(id),
            Err((_, error)) => {
                let mut problem = self.context.problem(column, error.code, error.message).value(key);
                problem.hint = error.hint;
                self.problems.push(problem);
            }
        }
    }

    /// The key under which the ledger knows the record: an earlier version stored keys of number cells without their
    /// format, such as `123` for `000123`.
    pub(super) fn key_in_ledger(&mut self, key: Option<String>) -> Option<String> {
        let plan = self.context.plan;
        let (Some(shown), Some(bare)) = (&key, self.context.bare_key()) else { return key };
        let (entity, catalog) = (plan.kind.spec().entity, plan.catalog);
        if *shown == bare {
            return key;
        }
        let titles: Vec<String> = plan.key_titles().collect();
        let made = plan.action == Action::Create;
        let find = |key: &str| {
            let query = KeyQuery { entity, catalog, key, titles: Some(&titles), made };
            plan.resolver.ledger.find(query).ok().flatten()
        };
        if find(shown).is_some() {
            return key;
        }
        let Some(Keyed::Id(id) | Keyed::Unsure { id, .. }) = find(&bare) else { return key };
        if plan.resolver.ledger.treats_keys_as_same() {
            return Some(bare);
        }
        let message = message!(
            "{bare} was imported before as {id}; {key} may be the same or not",
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
