//! Builds one record: reads its rows cell by cell and collects values and problems. `value` converts cells, `write`
//! writes values.

use super::record::Link;
use super::tally::FieldEffect;
use super::total::{Line, Total};
use super::value::{ConvertError, Converter, Values};
use crate::mapping::convert::lists::{self, AmbiguousSplit};
use crate::mapping::convert::{ValueError, phone, split, text};
use crate::mapping::edits::Refusal;
use crate::mapping::language::ast::{Literal, OnEmpty, OnUnknown};
use crate::mapping::lookup::{Lookup, LookupKind, NameCache};
use crate::mapping::plan::{Conversion, Input, OriginPlan, Plan, SectionPlan, TargetPlan, ValuePlan};
use crate::mapping::suspect::Suspicion;
use crate::mapping::template::{RenderError, RenderedCell, RowError, rendered_cell};
use amo_model::payload::ObjectWriter;
use amo_model::{Action, FieldContent};
use rust_decimal::Decimal;
use sheet_source::message;
use sheet_source::problem::{Message, Place, Problem, Stage, did_you_mean, quoted};
use sheet_source::{Cell, REJECT_COLUMNS, Row, Scalar, fold};
use std::sync::Arc;

/// A row and its plan: the source of keys and of problem places.
#[derive(Clone, Copy)]
pub(super) struct RowContext<'a> {
    pub plan: &'a Plan,
    pub row: &'a Row,
}

/// Builds one record from its rows.
pub(super) struct RecordBuilder<'a, 'n> {
    /// The current row.
    pub(super) context: RowContext<'a>,
    pub(super) converter: Converter<'a, 'n>,
    pub(super) problems: Vec<Problem>,
    pub(super) meta: RecordMeta,
    /// What the current section has in the current row.
    pub(super) part: SectionRow,
    /// The current section has only constants, nothing from the row.
    pub(super) only_constants: bool,
    /// Limits the values to those of these columns.
    pub(super) columns: Option<&'a [usize]>,
}

/// Data of a record outside the JSON of its objects.
#[derive(Debug, Default)]
pub(super) struct RecordMeta {
    /// The id of an existing record.
    pub own_id: Option<u64>,
    /// The id of the parent.
    pub parent: Option<u64>,
    pub links: Vec<Link>,
    /// Elements inside the record: id, catalog, quantity.
    pub elements: Vec<(u64, u64, Decimal)>,
    /// The sum of the invoice lines.
    pub total: Total,
    /// The type of a new catalog.
    pub catalog_type: Option<String>,
}

/// The cell that an origin reads in the current row.
#[derive(Clone, Copy)]
struct OriginCell<'v> {
    origin: &'v OriginPlan,
    cell: Cell<'v>,
    /// The decimal sign of the cell; templates write a dot.
    decimal: Option<char>,
    /// The parts of the cell, if some are quoted.
    quoted: Option<&'v [String]>,
}

/// The state of a section in one row, besides its object.
#[derive(Debug, Default)]
pub(super) struct SectionRow {
    /// A value came from the row.
    pub has_row_value: bool,
    /// A default replaced an empty cell.
    pub defaulted: bool,
    pub filled: Vec<&'static str>,
    pub elements: Vec<u64>,
    pub quantities: Vec<Decimal>,
    pub catalog: Option<u64>,
    pub line: Line,
    /// The number of problems before this section.
    pub problems_before: usize,
}

impl<'a> RowContext<'a> {
    pub(super) fn problem(&self, column: Option<usize>, code: &'static str, message: impl Into<Message>) -> Problem {
        let column = column.map(|index| self.plan.header.column(index));
        let place = Place::Cell { source: Arc::clone(&self.plan.source), row: self.row.number, column };
        Problem::new(Stage::Map, code, message).at(place)
    }

    /// The problem of a row that was refused before the import.
    pub(super) fn refused(&self, refusal: &Refusal) -> Problem {
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
    pub(super) fn suspicious(&self, why: Suspicion) -> Problem {
        let (column, hint) = (why.column(), why.hint(self.row, &self.plan.header));
        let problem = self.problem(Some(column), why.code(), why.message(&self.plan.suspects));
        problem.value(self.row.get(column).text).hint(hint)
    }

    fn written<'o>(&'o self, origin: &'o OriginPlan) -> Option<&'o str> {
        match &origin.input {
            Input::Column(index) => Some(self.row.get(*index).text),
            Input::Constant(text) => Some(text),
            Input::Template(_) => None,
        }
    }

    /// True if a cell contains quotes; few do, so others are not split here.
    fn has_quotes(&self, origin: &OriginPlan) -> bool {
        !separators(origin).is_empty() && self.written(origin).is_some_and(|text| text.contains('"'))
    }

    /// The parts of a text with quoted parts; not for e-mail addresses, whose names may be quoted.
    fn quoted(&self, origin: &OriginPlan) -> Option<Vec<String>> {
        let addresses = matches!(origin.conversion, Conversion::Email { .. });
        split::quoted(self.written(origin)?, separators(origin)).filter(|_| !addresses)
    }

    /// True for a missing cell at the end of a CSV row. The rows of a reject file have equal lengths, so all its cells
    /// may have been missing.
    fn is_missing(&self, input: &Input) -> bool {
        let again = !self.plan.header.reject_code(self.row).is_empty();
        self.plan.csv && (again || matches!(input, Input::Column(index) if *index >= self.row.len()))
    }
}

impl<'a, 'n> RecordBuilder<'a, 'n> {
    pub(super) fn new(context: RowContext<'a>, names: &'n mut NameCache) -> RecordBuilder<'a, 'n> {
        RecordBuilder {
            context,
            converter: Converter::new(context.plan, context.row.has_control, names),
            problems: Vec::new(),
            meta: RecordMeta::default(),
            part: SectionRow::default(),
            only_constants: false,
            columns: None,
        }
    }

    /// Moves to another row of the record.
    pub(super) fn go_to(&mut self, row: &'a Row) {
        self.context.row = row;
        self.converter.unseen = row.has_control;
    }

    fn reject(&mut self, input: &Input, cell: Cell<'_>, error: ValueError) {
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
    pub(super) fn check_cells(&mut self, columns: &[usize]) {
        for column in columns {
            if let Err(error) = text::checked(self.context.row.get(*column)) {
                self.reject(&Input::Column(*column), self.context.row.get(*column), error);
            }
        }
    }

    /// Rejects cells beyond the header: a value belongs nowhere, or the row has shifted.
    pub(super) fn check_header_width(&mut self) {
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
    pub(super) fn check_condition(&mut self) {
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

    fn reject_render(&mut self, failure: RenderError, message: impl Fn(Message) -> Message) {
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

    pub(super) fn section(&mut self, section: &SectionPlan, object: &mut ObjectWriter) {
        self.part = SectionRow { problems_before: self.problems.len(), ..SectionRow::default() };
        let columns = self.columns;
        for value in section.values.iter().filter(|value| is_requested(value, columns)) {
            self.value(section, value, object);
        }
        self.close_part(section, object);
        let own = section.spec.is_item();
        let changes = self.context.plan.action != Action::Create && own && !self.context.plan.id_by_key;
        if changes && self.meta.own_id.is_none() && self.problems.is_empty() {
            let problem = self.context.problem(None, "no-id", "the row has no id of the record to change");
            self.problems.push(problem.hint("fill the id column"));
        }
    }

    fn value(&mut self, section: &SectionPlan, value: &ValuePlan, object: &mut ObjectWriter) {
        let has_template = value.origins.iter().any(|origin| matches!(origin.input, Input::Template(_)));
        let rendered: Vec<Option<RenderedCell>> = match has_template {
            true => value.origins.iter().map(|origin| self.rendered(origin)).collect(),
            false => Vec::new(),
        };
        let has_quotes = value.origins.iter().any(|origin| self.context.has_quotes(origin));
        let quoted: Vec<Option<Vec<String>>> = match has_quotes {
            true => value.origins.iter().map(|origin| self.context.quoted(origin)).collect(),
            false => Vec::new(),
        };
        let mut made = Values::new();
        let mut clear = false;
        for (n, origin) in value.origins.iter().enumerate() {
            let mut decimal = self.context.plan.decimal;
            let cell = match &origin.input {
                Input::Column(index) => self.context.row.get(*index),
                Input::Constant(literal) => origin.literal_cell(literal),
                Input::Template(_) => match rendered.get(n) {
                    Some(Some(made)) => {
                        if made.own_dot {
                            decimal = Some('.');
                        }
                        Cell { text: &made.text, value: made.value }
                    }
                    Some(None) | None => continue,
                },
            };
            let quoted = quoted.get(n).and_then(Option::as_deref);
            match self.origin(value, OriginCell { origin, cell, decimal, quoted }, &mut made) {
                Filled::Yes | Filled::No => {}
                Filled::Clear => clear = true,
            }
        }
        if !made.is_empty() {
            // The mapping of an exported workbook is generated, and its cells show all values.
            let replaces = value.existing.replaces && self.context.plan.edits.is_none();
            if let Some(origin) = value.origins.first().filter(|_| replaces) {
                self.converter.effects.of_field(FieldEffect::Replaced, origin);
            }
            self.write(section, &value.target, made, object);
        } else if let (true, Action::Update, TargetPlan::Custom { field, .. }) =
            (clear, self.context.plan.action, &value.target)
        {
            object.clear_field(field.id);
        }
    }

    fn rendered(&mut self, origin: &OriginPlan) -> Option<RenderedCell> {
        let Input::Template(template) = &origin.input else { return None };
        let (problems_before, read) = (self.problems.len(), template.column_indexes().collect::<Vec<usize>>());
        self.check_cells(&read);
        if self.problems.len() > problems_before {
            return None;
        }
        match template.render(self.context.row) {
            Ok(made) => {
                self.converter.effects.compared_empty |= made.compared_empty;
                Some(match origin.conversion.is_of_numbers() {
                    true => rendered_cell(&made.text, read.iter().map(|column| self.context.row.get(*column))),
                    false => {
                        let value = Cell::of_text(&made.text).value;
                        RenderedCell { text: made.text, value, own_dot: false }
                    }
                })
            }
            Err(failure) => {
                self.reject_render(failure, |error| message!("the template failed on this row: {error}", error));
                None
            }
        }
    }

    fn origin<'v>(&mut self, value: &'v ValuePlan, read: OriginCell<'v>, made: &mut Values<'v>) -> Filled {
        let OriginCell { origin, cell, .. } = read;
        let (before, problems) = (made.len(), self.problems.len());
        if matches!(cell.value, Scalar::Uncomputed) {
            // It is not empty: no default replaces it, and it clears nothing.
            if let Err(error) = text::checked(cell) {
                self.reject(&origin.input, cell, error);
            }
            return Filled::No;
        }
        let mut nulled = false;
        if !cell.is_empty() {
            let separators = separators(origin);
            let whole = |part: &'v str| if part == cell.text { cell } else { Cell::of_text(part) };
            if let Some(parts) = read.quoted.filter(|_| !self.is_known(origin, cell.text)) {
                for part in parts {
                    nulled |= self.part(read.of_part(Cell::of_text(part)), made);
                }
            } else if separators.is_empty() {
                nulled |= self.part(read, made);
            } else if matches!(origin.conversion, Conversion::Phone { .. }) {
                for part in phone::split(cell.text, separators) {
                    nulled |= self.part(read.of_part(whole(part)), made);
                }
            } else if origin.widest < 2 && !matches!(origin.conversion, Conversion::Email { .. }) {
                for part in split::split(cell.text, separators) {
                    nulled |= self.part(read.of_part(whole(part)), made);
                }
            } else {
                match self.parts(origin, cell.text, separators) {
                    Ok(parts) => {
                        for part in parts {
                            nulled |= self.part(read.of_part(whole(part)), made);
                        }
                    }
                    Err(error) => self.reject(&origin.input, cell, error),
                }
            }
        }
        if made.len() > before {
            return Filled::Yes;
        }
        // A problem is reported already, or the mapping wants no value.
        if self.problems.len() > problems || nulled {
            return Filled::No;
        }
        self.empty(value, read, made)
    }

    /// The values of a text that may contain several.
    fn parts<'v>(
        &mut self,
        origin: &OriginPlan,
        text: &'v str,
        separators: &'v [String],
    ) -> Result<Vec<&'v str>, ValueError> {
        if matches!(origin.conversion, Conversion::Email { .. }) && !separators.is_empty() {
            return Ok(split::outside_quotes(text, separators));
        }
        let known = |part: &str| self.is_known(origin, part);
        lists::parts(text, separators, origin.widest, known).map_err(|AmbiguousSplit| ValueError {
            code: "list-unclear",
            message: message!("{value} can be split into options in more than one way", value = quoted(text)),
            hint: Some("quote options that contain the separator, as in \"a, b\", c".into()),
        })
    }

    /// True if the whole text is a value: it is translated, or an option of the field.
    fn is_known(&mut self, origin: &OriginPlan, text: &str) -> bool {
        if origin.values.contains_key(&fold(text)) {
            return true;
        }
        let Conversion::Name(lookup @ Lookup { kind: LookupKind::Option { .. }, .. }) = &origin.conversion else {
            return false;
        };
        self.converter.names.find(lookup, None, text.trim()).is_ok()
    }

    /// Handles an empty cell, or one without values: translated to an empty text, or only separators.
    fn empty<'v>(&mut self, value: &'v ValuePlan, read: OriginCell<'v>, made: &mut Values<'v>) -> Filled {
        let OriginCell { origin, cell, .. } = read;
        match (&origin.default, origin.on_empty) {
            (Some(default), _) => match self.default(read, default, made) {
                Ok(()) => {
                    self.part.defaulted = true;
                    return Filled::Yes;
                }
                Err(ConvertError::Invalid(error) | ConvertError::UnknownName(error)) => {
                    self.reject(&origin.input, cell, error)
                }
            },
            // A missing cell of a CSV does not clear.
            (None, OnEmpty::Clear) if !origin.required && self.context.is_missing(&origin.input) => {}
            (None, OnEmpty::Clear) if !origin.required => return Filled::Clear,
            (None, OnEmpty::Keep) if !origin.required => {}
            (None, OnEmpty::Keep | OnEmpty::Clear | OnEmpty::Reject) => {
                let message = message!("the cell is empty, \"{target}\" needs a value", target = value.target.name());
                // The mapping of an exported workbook is generated.
                let hint = match &self.context.plan.edits {
                    Some(_) => "fill the cell, it cannot be emptied in the CRM",
                    None => "fill the cell, or give a default in the mapping",
                };
                let hint = Some(hint.into());
                self.reject(&origin.input, cell, ValueError { code: "empty", message, hint });
            }
        }
        Filled::No
    }

    fn default<'v>(
        &mut self,
        read: OriginCell<'v>,
        default: &'v Literal,
        made: &mut Values<'v>,
    ) -> Result<(), ConvertError> {
        let origin = read.origin;
        for part in self.parts(origin, default, &origin.literal_split)? {
            self.convert(read.of_part(part_of(part, default, origin)), made)?;
        }
        Ok(())
    }

    /// Converts one part; true if the mapping wants no value, not even the default.
    fn part<'v>(&mut self, read: OriginCell<'v>, made: &mut Values<'v>) -> bool {
        let OriginCell { origin, cell, .. } = read;
        match self.translate_and_convert(read, made) {
            Ok(true) => {
                self.part.has_row_value |= !matches!(origin.input, Input::Constant(_));
            }
            Ok(false) => {}
            Err(ConvertError::Invalid(error)) => self.reject(&origin.input, cell, error),
            Err(ConvertError::UnknownName(error)) => match origin.on_unknown {
                OnUnknown::Reject => self.reject(&origin.input, cell, error),
                OnUnknown::Skip => self.converter.effects.unknown += 1,
                OnUnknown::Null => {
                    self.converter.effects.unknown += 1;
                    return true;
                }
            },
        }
        false
    }

    /// False if the mapping translates the cell to an empty text.
    fn translate_and_convert<'v>(&mut self, read: OriginCell<'v>, made: &mut Values<'v>) -> Result<bool, ConvertError> {
        let OriginCell { origin, cell, .. } = read;
        let translation = if origin.values.is_empty() { None } else { origin.values.get(&fold(cell.text)) };
        match translation {
            // An empty translation means "no value" ("не закрыта" in a date column).
            Some(text) if text.is_empty() => {
                self.converter.effects.emptied += 1;
                return Ok(false);
            }
            Some(literal) => {
                let parts = self.parts(origin, literal, &origin.literal_split)?;
                let start = made.len();
                for part in parts {
                    if let Err(why) = self.convert(read.of_part(part_of(part, literal, origin)), made) {
                        made.truncate(start);
                        return Err(translated(cell, why));
                    }
                }
            }
            None if origin.values_only => {
                let hint = did_you_mean(cell.text, origin.values.keys().map(String::as_str));
                let message = message!("{value} is not in the \"values\" of the mapping", value = quoted(cell.text));
                return Err(ConvertError::UnknownName(ValueError { code: "unknown-value", message, hint }));
            }
            None => self.convert(read, made)?,
        }
        Ok(true)
    }

    fn convert<'v>(&mut self, read: OriginCell<'v>, made: &mut Values<'v>) -> Result<(), ConvertError> {
        let one = self.converter.convert(read.origin, read.cell, read.decimal, made.len())?;
        made.push((one, read.origin));
        Ok(())
    }
}

impl<'v> OriginCell<'v> {
    /// The same for a part of the cell.
    fn of_part(self, cell: Cell<'v>) -> OriginCell<'v> {
        OriginCell { cell, ..self }
    }
}

/// The separators of a cell, or of a literal of the mapping.
fn separators(origin: &OriginPlan) -> &[String] {
    match origin.input {
        Input::Constant(_) => &origin.literal_split,
        Input::Column(_) | Input::Template(_) => &origin.split,
    }
}

/// True for the id, and for values of the requested columns.
fn is_requested(value: &ValuePlan, columns: Option<&[usize]>) -> bool {
    let own_id = matches!(value.target, TargetPlan::Field(spec) if spec.holds == FieldContent::OwnId);
    let among = |columns: &[usize]| {
        value.origins.iter().any(|origin| matches!(origin.input, Input::Column(index) if columns.contains(&index)))
    };
    own_id || columns.is_none_or(among)
}

enum Filled {
    Yes,
    No,
    Clear,
}

/// Adds the text of the cell to the error of its translation.
fn translated(cell: Cell<'_>, why: ConvertError) -> ConvertError {
    let describe = |error: ValueError| {
        let message = message!(
            "{value} is translated by the mapping: {refusal}",
            value = quoted(cell.text),
            refusal = error.message
        );
        ValueError { message, ..error }
    };
    match why {
        ConvertError::UnknownName(error) => ConvertError::UnknownName(describe(error)),
        ConvertError::Invalid(error) => ConvertError::Invalid(describe(error)),
    }
}

/// The cell for one part of a literal of the mapping.
fn part_of<'v>(part: &'v str, whole: &'v Literal, origin: &OriginPlan) -> Cell<'v> {
    if part == whole.text { origin.literal_cell(whole) } else { Cell::of_text(part) }
}
