//! A row and the plan that reads it: problems of its cells, and the text that an origin reads.

use crate::mapping::convert::split;
use crate::mapping::edits::Refusal;
use crate::mapping::plan::{Conversion, Input, OriginPlan, Plan};
use crate::mapping::suspect::Suspicion;
use memchr::memchr;
use sheet_source::Row;
use sheet_source::problem::{Message, Place, Problem, Stage};
use std::sync::Arc;

/// A row and its plan: the source of keys and of problem places.
#[derive(Clone, Copy)]
pub(in crate::mapping::apply) struct RowContext<'a> {
    pub plan: &'a Plan,
    pub row: &'a Row,
}

impl<'a> RowContext<'a> {
    pub(in crate::mapping::apply) fn problem(
        &self,
        column: Option<usize>,
        code: &'static str,
        message: impl Into<Message>,
    ) -> Problem {
        let column = column.map(|index| self.plan.header.column(index));
        let place = Place::Cell { source: Arc::clone(&self.plan.source), row: self.row.number, column };
        Problem::new(Stage::Map, code, message).at(place)
    }

    /// The problem of a row that was refused before the import.
    pub(in crate::mapping::apply) fn refused(&self, refusal: &Refusal) -> Problem {
        let column = refusal.column.map(|index| self.plan.header.column(index));
        Problem {
            stage: Stage::Map,
            code: refusal.code.clone().into(),
            place: Place::Cell { source: Arc::clone(&self.plan.source), row: self.row.number, column },
            value: refusal.value.clone(),
            message: refusal.message.clone(),
            hint: refusal.hint.clone(),
        }
    }

    /// The problem of a row that is probably no record.
    pub(in crate::mapping::apply) fn suspicious(&self, why: Suspicion) -> Problem {
        let (column, hint) = (why.column(), why.hint(self.row, &self.plan.header));
        let problem = self.problem(Some(column), why.code(), why.message(&self.plan.suspects));
        problem.value(self.row.get(column).text).hint(hint)
    }

    pub(in crate::mapping::apply) fn written<'o>(&'o self, origin: &'o OriginPlan) -> Option<&'o str> {
        match &origin.input {
            Input::Column(index) => Some(self.row.get(*index).text),
            Input::Constant(text) => Some(text),
            Input::Template(_) => None,
        }
    }

    /// True if a cell contains quotes; few do, so others are not split here.
    pub(in crate::mapping::apply) fn has_quotes(&self, origin: &OriginPlan) -> bool {
        !separators(origin).is_empty()
            && self.written(origin).is_some_and(|text| memchr(b'"', text.as_bytes()).is_some())
    }

    /// The parts of a text with quoted parts; not for e-mail addresses, whose names may be quoted.
    pub(in crate::mapping::apply) fn quoted(&self, origin: &OriginPlan) -> Option<Vec<String>> {
        let addresses = matches!(origin.conversion, Conversion::Email { .. });
        split::quoted(self.written(origin)?, separators(origin)).filter(|_| !addresses)
    }

    /// True for a missing cell at the end of a CSV row. The rows of a reject file have equal lengths, so all its cells
    /// may have been missing.
    pub(in crate::mapping::apply) fn is_missing(&self, input: &Input) -> bool {
        let again = !self.plan.header.reject_code(self.row).is_empty();
        self.plan.csv && (again || matches!(input, Input::Column(index) if *index >= self.row.len()))
    }
}

/// The separators of a cell, or of a literal of the mapping.
pub(in crate::mapping::apply) fn separators(origin: &OriginPlan) -> &[String] {
    match origin.input {
        Input::Constant(_) => &origin.literal_split,
        Input::Column(_) | Input::Template(_) => &origin.split,
    }
}
