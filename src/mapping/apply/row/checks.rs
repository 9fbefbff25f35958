//! Checks of a row as a whole: cells that are read as they are, cells beyond the header, the condition of the mapping.

use super::RecordBuilder;
use crate::mapping::convert::{ValueError, text};
use crate::mapping::plan::Input;
use crate::mapping::template::{RenderError, RowError};
use sheet_source::message;
use sheet_source::problem::{Message, Problem};
use sheet_source::{Cell, REJECT_COLUMNS, Scalar};

impl RecordBuilder<'_, '_> {
    pub(in crate::mapping::apply) fn reject(&mut self, input: &Input, cell: Cell<'_>, error: ValueError) {
        let column = match input {
            Input::Column(index) => Some(*index),
            Input::Constant(_) | Input::Template(_) => None,
        };
        let mut problem = self.context.problem(column, error.code, error.message).value(cell.text);
        problem.hint = error.hint;
        // A cell that fills several fields is reported once.
        let same = |p: &Problem| p.place == problem.place && p.message == problem.message;
        if !self.problems.iter().any(same) {
            self.problems.push(problem);
        }
    }

    /// Rejects formula errors and formulas without a result in these columns.
    pub(in crate::mapping::apply) fn check_cells(&mut self, columns: &[usize]) {
        for column in columns {
            if let Err(error) = text::checked(self.context.row.get(*column)) {
                self.reject(&Input::Column(*column), self.context.row.get(*column), error);
            }
        }
    }

    /// Rejects cells beyond the header: a value belongs nowhere, or the row has shifted.
    pub(in crate::mapping::apply) fn check_header_width(&mut self) {
        let width = self.context.plan.header.len();
        if self.context.row.len() <= width {
            return;
        }
        let beyond = |index: &usize| {
            !self.context.row.get(*index).is_empty() && !self.context.plan.lettered_columns.contains(index)
        };
        let Some(index) = (width..self.context.row.len()).find(beyond) else { return };
        // A reject file has its own columns before these cells, and equal row lengths.
        let added = if self.context.plan.header.is_rejects() { REJECT_COLUMNS.len() } else { 0 };
        let last = (index..self.context.row.len())
            .rev()
            .find(|index| !self.context.row.get(*index).is_empty())
            .unwrap_or(index);
        let cells = if added > 0 { last + 1 - added } else { self.context.row.len() };
        let message = message!("the row has {cells} cells, the header has {width}", cells, width = width - added);
        let hint = match self.context.plan.csv {
            true => "quote cells that contain the delimiter, or give the column a title",
            false => "give the column a title, or empty the cell",
        };
        let problem =
            self.context.problem(Some(index), "cells-beyond-header", message).value(self.context.row.get(index).text);
        self.problems.push(problem.hint(hint));
    }

    /// Reports a condition that fails on the row.
    pub(in crate::mapping::apply) fn check_condition(&mut self) {
        let Some(condition) = &self.context.plan.condition else { return };
        let unknown: Vec<usize> = condition
            .column_indexes()
            .filter(|column| self.context.row.get(*column).value == Scalar::Uncomputed)
            .collect();
        if !unknown.is_empty() {
            return self.check_cells(&unknown);
        }
        if let Err(failure) = condition.render(self.context.row) {
            self.reject_render(failure, |error| message!("\"where\" failed on this row: {error}", error));
        }
    }

    pub(in crate::mapping::apply) fn reject_render(
        &mut self,
        failure: RenderError,
        message: impl Fn(Message) -> Message,
    ) {
        let problem = match failure {
            RenderError::Row(RowError { column, text, error }) => {
                let mut problem = self.context.problem(column, error.code, message(error.message)).value(text);
                problem.hint = error.hint;
                problem
            }
            RenderError::Engine(error) => {
                self.context.problem(None, "template", message(message!("{error}", error = error.to_string())))
            }
        };
        self.problems.push(problem);
    }
}
