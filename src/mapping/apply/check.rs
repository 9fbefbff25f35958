//! A row under way, and what is wrong with it.

use crate::mapping::convert::{Unfit, text};
use crate::mapping::edits::Refusal;
use crate::mapping::plan::{Input, Plan};
use crate::mapping::suspect::Suspicion;
use crate::mapping::template::{Failure, Fault};
use sheet_source::message;
use sheet_source::problem::{Message, Place, Problem, Stage};
use sheet_source::{Cell, REJECT_COLUMNS, Row, Scalar};
use std::borrow::Cow;
use std::sync::Arc;

/// Between the parts of a key of several columns.
pub const KEY_JOIN: &str = " / ";

/// A row and its problems. A record of several rows has one: `row` is the one at hand.
pub struct RowCheck<'a> {
    pub plan: &'a Plan,
    pub row: &'a Row,
    pub problems: Vec<Problem>,
}

impl<'a> RowCheck<'a> {
    pub fn new(plan: &'a Plan, row: &'a Row) -> RowCheck<'a> {
        RowCheck { plan, row, problems: Vec::new() }
    }

    pub fn problem(&self, column: Option<usize>, code: &'static str, message: impl Into<Message>) -> Problem {
        self.problem_in(self.row, column, code, message)
    }

    pub fn problem_in(
        &self,
        row: &Row,
        column: Option<usize>,
        code: &'static str,
        message: impl Into<Message>,
    ) -> Problem {
        let column = column.map(|index| self.plan.header.column(index));
        let place = Place::Cell { source: Arc::clone(&self.plan.source), row: row.number, column };
        Problem::new(Stage::Map, code, message).at(place)
    }

    /// What is said of a row that looks like no record.
    pub fn suspicious(&self, why: Suspicion) -> Problem {
        let (column, hint) = (why.column(), why.hint(self.row, &self.plan.header));
        let problem = self.problem(Some(column), why.code(), why.message(&self.plan.suspects));
        problem.value(self.row.get(column).text).hint(hint)
    }

    pub fn unfit(&mut self, input: &Input, cell: Cell<'_>, unfit: Unfit) {
        let column = match input {
            Input::Column(index) => Some(*index),
            Input::Constant(_) | Input::Template(_) => None,
        };
        let mut problem = self.problem(column, unfit.code, unfit.message).value(cell.text);
        problem.hint = unfit.hint;
        // One cell may fill several fields, and what is wrong with it need not be told for each.
        let same = |p: &Problem| p.place == problem.place && p.message == problem.message;
        if !self.problems.iter().any(same) {
            self.problems.push(problem);
        }
    }

    /// Cells that are read as they are must hold something that can be read.
    pub fn sound(&mut self, columns: &[usize]) {
        for column in columns {
            if let Err(unfit) = text::sound(self.row.get(*column)) {
                self.unfit(&Input::Column(*column), self.row.get(*column), unfit);
            }
        }
    }

    /// A value that stands under no title belongs nowhere, or all values of the row have moved.
    pub fn beyond_header(&mut self) {
        let width = self.plan.header.len();
        if self.row.len() <= width {
            return;
        }
        let beyond = |index: &usize| !self.row.get(*index).is_empty() && !self.plan.letters.contains(index);
        let Some(index) = (width..self.row.len()).find(beyond) else { return };
        // What a reject file adds stands between, and a spreadsheet has filled up the shorter rows.
        let added = if self.plan.header.is_of_rejects() { REJECT_COLUMNS.len() } else { 0 };
        let last = (index..self.row.len()).rev().find(|index| !self.row.get(*index).is_empty()).unwrap_or(index);
        let cells = if added > 0 { last + 1 - added } else { self.row.len() };
        let message =
            message!("the row has {cells} cells, and there are titles for {width}", cells, width = width - added);
        let hint = match self.plan.csv {
            true => "put a cell that holds the delimiter between quotes, or give the column a title",
            false => "give the column a title, or empty the cell",
        };
        let problem = self.problem(Some(index), "cells-beyond-header", message).value(self.row.get(index).text);
        self.problems.push(problem.hint(hint));
    }

    /// A condition that fails on a row is a problem of it.
    pub fn condition(&mut self) {
        let Some(condition) = &self.plan.condition else { return };
        let unknown: Vec<usize> =
            condition.reads().filter(|column| self.row.get(*column).value == Scalar::Uncomputed).collect();
        if !unknown.is_empty() {
            return self.sound(&unknown);
        }
        if let Err(failure) = condition.render(self.row) {
            self.failed(failure, |error| message!("\"where\" failed on this row: {error}", error));
        }
    }

    pub fn failed(&mut self, failure: Failure, message: impl Fn(Message) -> Message) {
        let problem = match failure {
            Failure::Row(Fault { column, text, unfit }) => {
                let mut problem = self.problem(column, unfit.code, message(unfit.message)).value(text);
                problem.hint = unfit.hint;
                problem
            }
            Failure::Engine(error) => {
                self.problem(None, "template", message(message!("{error}", error = error.to_string())))
            }
        };
        self.problems.push(problem);
    }

    pub fn key(&self) -> Option<String> {
        self.key_of(|cell| cell.text.trim().into())
    }

    /// The key as a version read it that did not look at the formats of numbers; `None` where that is no other.
    pub fn bare_key(&self) -> Option<String> {
        let formatted = |index: &usize| matches!(self.row.get(*index).value, Scalar::Formatted(..));
        if !self.plan.key.iter().any(formatted) {
            // Of a row that came back from a reject file the format is gone, whatever it was rejected for.
            let again = !self.plan.header.code_of(self.row).is_empty();
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

    /// Why a row of a workbook is not sent, as decided before.
    pub fn refused(&self, refusal: &Refusal) -> Problem {
        let column = refusal.column.map(|index| self.plan.header.column(index));
        let place = Place::Cell { source: Arc::clone(&self.plan.source), row: self.row.number, column };
        Problem {
            stage: Stage::Map,
            code: refusal.code.clone().into(),
            place,
            value: refusal.value.clone(),
            message: refusal.message.clone(),
            hint: refusal.hint.clone(),
        }
    }
}
