//! One record on its way through the plan: its rows read, cell by cell, and what was found gathered. What is made of a
//! cell is in `value`, how it is written in `write`.

use super::record::Link;
use super::tally::FieldEffect;
use super::total::{Line, Total};
use super::value::{Converter, Refused, Values};
use crate::mapping::convert::lists::{self, Unclear};
use crate::mapping::convert::{Unfit, phone, split, text};
use crate::mapping::edits::Refusal;
use crate::mapping::language::ast::{Literal, OnEmpty, OnUnknown};
use crate::mapping::lookup::{Lookup, LookupWhat, Names};
use crate::mapping::plan::{Convert, Input, OriginPlan, Plan, SectionPlan, TargetPlan, ValuePlan};
use crate::mapping::suspect::Suspicion;
use crate::mapping::template::{AsNumber, Failure, Fault, as_number};
use amo_model::payload::ObjectWriter;
use amo_model::{Action, Holds};
use rust_decimal::Decimal;
use sheet_source::message;
use sheet_source::problem::{Message, Place, Problem, Stage, did_you_mean, quoted};
use sheet_source::{Cell, REJECT_COLUMNS, Row, Scalar, fold};
use std::sync::Arc;

/// A row and the plan that reads it: what keys are made of and where problems are placed.
#[derive(Clone, Copy)]
pub(super) struct RowContext<'a> {
    pub plan: &'a Plan,
    pub row: &'a Row,
}

/// Builds one record from its rows.
pub(super) struct RecordBuilder<'a, 'n> {
    /// The row at hand.
    pub(super) context: RowContext<'a>,
    pub(super) converter: Converter<'a, 'n>,
    pub(super) problems: Vec<Problem>,
    pub(super) meta: RecordMeta,
    /// What the section at hand has in the row at hand.
    pub(super) part: PartOfRow,
    /// The section at hand has nothing from the row, only constants of the mapping.
    pub(super) bare: bool,
    /// Only values of these columns are made, where not all are.
    pub(super) columns: Option<&'a [usize]>,
}

/// What a record says outside the JSON of its objects.
#[derive(Debug, Default)]
pub(super) struct RecordMeta {
    /// The record's own id, where it is changed and not made.
    pub own_id: Option<u64>,
    /// The id of the record it belongs to.
    pub parent: Option<u64>,
    pub links: Vec<Link>,
    /// Elements inside the record: id, catalog, quantity.
    pub elements: Vec<(u64, u64, Decimal)>,
    /// What the lines of an invoice add up to.
    pub total: Total,
    /// The type of a catalog that is made.
    pub catalog_type: Option<String>,
}

/// What one origin reads in the row at hand.
#[derive(Clone, Copy)]
struct Reading<'v> {
    origin: &'v OriginPlan,
    cell: Cell<'v>,
    /// The decimal sign of the cell. A template writes a dot, whatever the source writes.
    decimal: Option<char>,
    /// The parts of the cell, where some stand between quotes.
    quoted: Option<&'v [String]>,
}

/// What one section has found in one row, beside its object.
#[derive(Debug, Default)]
pub(super) struct PartOfRow {
    /// Something came from the row, not from the mapping alone.
    pub touched: bool,
    /// A default stood in for an empty cell.
    pub defaulted: bool,
    pub filled: Vec<&'static str>,
    pub elements: Vec<u64>,
    pub quantities: Vec<Decimal>,
    pub catalog: Option<u64>,
    pub line: Line,
    /// Problems told before it.
    pub told: usize,
}

impl<'a> RowContext<'a> {
    pub(super) fn problem(&self, column: Option<usize>, code: &'static str, message: impl Into<Message>) -> Problem {
        let column = column.map(|index| self.plan.header.column(index));
        let place = Place::Cell { source: Arc::clone(&self.plan.source), row: self.row.number, column };
        Problem::new(Stage::Map, code, message).at(place)
    }

    /// The problem of a row that is refused before the import.
    pub(super) fn refused(&self, refusal: &Refusal) -> Problem {
        let Refusal { code, column, value, message, hint } = refusal.clone();
        let problem = self.problem(column, "", message);
        Problem { code: code.into(), value, hint, ..problem }
    }

    /// The problem of a row that looks like no record.
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

    /// Few cells have any: the rest need not be taken apart here.
    fn has_quotes(&self, origin: &OriginPlan) -> bool {
        !separators(origin).is_empty() && self.written(origin).is_some_and(|text| text.contains('"'))
    }

    /// The parts of a text of which some stand between quotes. In a list of addresses a name may do so as well.
    fn quoted(&self, origin: &OriginPlan) -> Option<Vec<String>> {
        let addresses = matches!(origin.convert, Convert::Email { .. });
        split::quoted(self.written(origin)?, separators(origin)).filter(|_| !addresses)
    }

    /// True for a cell of a CSV whose row ends before it. In a reject file all rows are equally wide, and nothing says which of
    /// them was short.
    fn is_missing(&self, input: &Input) -> bool {
        let again = !self.plan.header.reject_code(self.row).is_empty();
        self.plan.csv && (again || matches!(input, Input::Column(index) if *index >= self.row.len()))
    }
}

impl<'a, 'n> RecordBuilder<'a, 'n> {
    pub(super) fn new(context: RowContext<'a>, names: &'n mut Names) -> RecordBuilder<'a, 'n> {
        RecordBuilder {
            context,
            converter: Converter::new(context.plan, context.row.has_control, names),
            problems: Vec::new(),
            meta: RecordMeta::default(),
            part: PartOfRow::default(),
            bare: false,
            columns: None,
        }
    }

    /// Goes to another row of the record.
    pub(super) fn go_to(&mut self, row: &'a Row) {
        self.context.row = row;
        self.converter.unseen = row.has_control;
    }

    fn unfit(&mut self, input: &Input, cell: Cell<'_>, unfit: Unfit) {
        let column = match input {
            Input::Column(index) => Some(*index),
            Input::Constant(_) | Input::Template(_) => None,
        };
        let mut problem = self.context.problem(column, unfit.code, unfit.message).value(cell.text);
        problem.hint = unfit.hint;
        // One cell may fill several fields, and what is wrong with it need not be told for each.
        let same = |p: &Problem| p.place == problem.place && p.message == problem.message;
        if !self.problems.iter().any(same) {
            self.problems.push(problem);
        }
    }

    /// Cells that are read as they are must hold something that can be read.
    pub(super) fn sound(&mut self, columns: &[usize]) {
        for column in columns {
            if let Err(unfit) = text::sound(self.context.row.get(*column)) {
                self.unfit(&Input::Column(*column), self.context.row.get(*column), unfit);
            }
        }
    }

    /// A value that stands under no title belongs nowhere, or all values of the row have moved.
    pub(super) fn beyond_header(&mut self) {
        let width = self.context.plan.header.len();
        if self.context.row.len() <= width {
            return;
        }
        let beyond =
            |index: &usize| !self.context.row.get(*index).is_empty() && !self.context.plan.letters.contains(index);
        let Some(index) = (width..self.context.row.len()).find(beyond) else { return };
        // What a reject file adds stands between, and a spreadsheet has filled up the shorter rows.
        let added = if self.context.plan.header.is_rejects() { REJECT_COLUMNS.len() } else { 0 };
        let last = (index..self.context.row.len())
            .rev()
            .find(|index| !self.context.row.get(*index).is_empty())
            .unwrap_or(index);
        let cells = if added > 0 { last + 1 - added } else { self.context.row.len() };
        let message =
            message!("the row has {cells} cells, and there are titles for {width}", cells, width = width - added);
        let hint = match self.context.plan.csv {
            true => "put a cell that holds the delimiter between quotes, or give the column a title",
            false => "give the column a title, or empty the cell",
        };
        let problem =
            self.context.problem(Some(index), "cells-beyond-header", message).value(self.context.row.get(index).text);
        self.problems.push(problem.hint(hint));
    }

    /// A condition that fails on a row is a problem of it.
    pub(super) fn condition(&mut self) {
        let Some(condition) = &self.context.plan.condition else { return };
        let unknown: Vec<usize> =
            condition.reads().filter(|column| self.context.row.get(*column).value == Scalar::Uncomputed).collect();
        if !unknown.is_empty() {
            return self.sound(&unknown);
        }
        if let Err(failure) = condition.render(self.context.row) {
            self.failed(failure, |error| message!("\"where\" failed on this row: {error}", error));
        }
    }

    fn failed(&mut self, failure: Failure, message: impl Fn(Message) -> Message) {
        let problem = match failure {
            Failure::Row(Fault { column, text, unfit }) => {
                let mut problem = self.context.problem(column, unfit.code, message(unfit.message)).value(text);
                problem.hint = unfit.hint;
                problem
            }
            Failure::Engine(error) => {
                self.context.problem(None, "template", message(message!("{error}", error = error.to_string())))
            }
        };
        self.problems.push(problem);
    }

    pub(super) fn section(&mut self, section: &SectionPlan, object: &mut ObjectWriter) {
        self.part = PartOfRow { told: self.problems.len(), ..PartOfRow::default() };
        let columns = self.columns;
        for value in section.values.iter().filter(|value| asked_for(value, columns)) {
            self.value(section, value, object);
        }
        self.close_part(section, object);
        let own = section.spec.is_item();
        let changes = self.context.plan.action != Action::Create && own && !self.context.plan.id_by_key;
        if changes && self.meta.own_id.is_none() && self.problems.is_empty() {
            let problem = self.context.problem(None, "no-id", "the row does not say which record to change");
            self.problems.push(problem.hint("fill the column of the ids"));
        }
    }

    fn value(&mut self, section: &SectionPlan, value: &ValuePlan, object: &mut ObjectWriter) {
        let made_up = value.origins.iter().any(|origin| matches!(origin.input, Input::Template(_)));
        let rendered: Vec<Option<AsNumber>> = match made_up {
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
                Input::Constant(literal) => origin.said(literal),
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
            match self.origin(value, Reading { origin, cell, decimal, quoted }, &mut made) {
                Filled::Yes | Filled::No => {}
                Filled::Clear => clear = true,
            }
        }
        if !made.is_empty() {
            // Nobody wrote the mapping of an exported workbook, and its cells show all that there was.
            let told = value.existing.replaces && self.context.plan.edits.is_none();
            if let Some(origin) = value.origins.first().filter(|_| told) {
                self.converter.effects.of_field(FieldEffect::Replaced, origin);
            }
            self.write(section, &value.target, made, object);
        } else if let (true, Action::Update, TargetPlan::Custom { field, .. }) =
            (clear, self.context.plan.action, &value.target)
        {
            object.clear_field(field.id);
        }
    }

    fn rendered(&mut self, origin: &OriginPlan) -> Option<AsNumber> {
        let Input::Template(template) = &origin.input else { return None };
        let (told, read) = (self.problems.len(), template.reads().collect::<Vec<usize>>());
        self.sound(&read);
        if self.problems.len() > told {
            return None;
        }
        match template.render(self.context.row) {
            Ok(made) => {
                self.converter.effects.compared_empty |= made.empty;
                Some(match origin.convert.is_of_numbers() {
                    true => as_number(&made.text, read.iter().map(|column| self.context.row.get(*column))),
                    false => {
                        let value = Cell::of_text(&made.text).value;
                        AsNumber { text: made.text, value, own_dot: false }
                    }
                })
            }
            Err(failure) => {
                self.failed(failure, |error| message!("the template failed on this row: {error}", error));
                None
            }
        }
    }

    fn origin<'v>(&mut self, value: &'v ValuePlan, read: Reading<'v>, made: &mut Values<'v>) -> Filled {
        let Reading { origin, cell, .. } = read;
        let (before, problems) = (made.len(), self.problems.len());
        if matches!(cell.value, Scalar::Uncomputed) {
            // It is not nothing: no default stands in for it, and it erases nothing.
            if let Err(unfit) = text::sound(cell) {
                self.unfit(&origin.input, cell, unfit);
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
            } else if matches!(origin.convert, Convert::Phone { .. }) {
                for part in phone::split(cell.text, separators) {
                    nulled |= self.part(read.of_part(whole(part)), made);
                }
            } else if origin.widest < 2 && !matches!(origin.convert, Convert::Email { .. }) {
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
                    Err(unfit) => self.unfit(&origin.input, cell, unfit),
                }
            }
        }
        if made.len() > before {
            return Filled::Yes;
        }
        // A problem is told already, or the mapping asks for no value at all.
        if self.problems.len() > problems || nulled {
            return Filled::No;
        }
        self.empty(value, read, made)
    }

    /// The values of a text that may hold several.
    fn parts<'v>(
        &mut self,
        origin: &OriginPlan,
        text: &'v str,
        separators: &'v [String],
    ) -> Result<Vec<&'v str>, Unfit> {
        if matches!(origin.convert, Convert::Email { .. }) && !separators.is_empty() {
            return Ok(split::outside_quotes(text, separators));
        }
        let known = |part: &str| self.is_known(origin, part);
        lists::parts(text, separators, origin.widest, known).map_err(|Unclear| Unfit {
            code: "list-unclear",
            message: message!("{value} can be taken apart into options in more than one way", value = quoted(text)),
            hint: Some("put options that hold what stands between them between quotes, as in \"a, b\", c".into()),
        })
    }

    /// True where a text is one value as it stands: it is translated, or an option of the field.
    fn is_known(&mut self, origin: &OriginPlan, text: &str) -> bool {
        if origin.values.contains_key(&fold(text)) {
            return true;
        }
        let Convert::Name(lookup @ Lookup { what: LookupWhat::Option { .. }, .. }) = &origin.convert else {
            return false;
        };
        self.converter.names.find(lookup, None, text.trim()).is_ok()
    }

    /// What an empty cell means, or one that came to nothing: a word translated to nothing, separators alone.
    fn empty<'v>(&mut self, value: &'v ValuePlan, read: Reading<'v>, made: &mut Values<'v>) -> Filled {
        let Reading { origin, cell, .. } = read;
        match (&origin.default, origin.on_empty) {
            (Some(default), _) => match self.default(read, default, made) {
                Ok(()) => {
                    self.part.defaulted = true;
                    return Filled::Yes;
                }
                Err(Refused::Unfit(unfit) | Refused::Unknown(unfit)) => self.unfit(&origin.input, cell, unfit),
            },
            // Of a CSV, a cell that is not there does not erase.
            (None, OnEmpty::Clear) if !origin.required && self.context.is_missing(&origin.input) => {}
            (None, OnEmpty::Clear) if !origin.required => return Filled::Clear,
            (None, OnEmpty::Keep) if !origin.required => {}
            (None, OnEmpty::Keep | OnEmpty::Clear | OnEmpty::Reject) => {
                let message = message!("the cell is empty, \"{target}\" needs a value", target = value.target.name());
                // Nobody wrote the mapping of an exported workbook.
                let hint = match &self.context.plan.edits {
                    Some(_) => "fill the cell, it cannot be emptied in the CRM",
                    None => "fill the cell, or give a default in the mapping",
                };
                let hint = Some(hint.into());
                self.unfit(&origin.input, cell, Unfit { code: "empty", message, hint });
            }
        }
        Filled::No
    }

    fn default<'v>(&mut self, read: Reading<'v>, default: &'v Literal, made: &mut Values<'v>) -> Result<(), Refused> {
        let origin = read.origin;
        for part in self.parts(origin, default, &origin.split_said)? {
            self.convert(read.of_part(part_of(part, default, origin)), made)?;
        }
        Ok(())
    }

    /// True when the mapping asks for no value at all, not even the default.
    fn part<'v>(&mut self, read: Reading<'v>, made: &mut Values<'v>) -> bool {
        let Reading { origin, cell, .. } = read;
        match self.translate_and_convert(read, made) {
            Ok(true) => {
                self.part.touched |= !matches!(origin.input, Input::Constant(_));
            }
            Ok(false) => {}
            Err(Refused::Unfit(unfit)) => self.unfit(&origin.input, cell, unfit),
            Err(Refused::Unknown(unfit)) => match origin.on_unknown {
                OnUnknown::Reject => self.unfit(&origin.input, cell, unfit),
                OnUnknown::Skip => self.converter.effects.unknown += 1,
                OnUnknown::Null => {
                    self.converter.effects.unknown += 1;
                    return true;
                }
            },
        }
        false
    }

    /// False where the mapping translates the cell to nothing.
    fn translate_and_convert<'v>(&mut self, read: Reading<'v>, made: &mut Values<'v>) -> Result<bool, Refused> {
        let Reading { origin, cell, .. } = read;
        let translation = if origin.values.is_empty() { None } else { origin.values.get(&fold(cell.text)) };
        match translation {
            // A translation to nothing says that this word means "no value" ("не закрыта" in a date column).
            Some(text) if text.is_empty() => {
                self.converter.effects.emptied += 1;
                return Ok(false);
            }
            Some(literal) => {
                let parts = self.parts(origin, literal, &origin.split_said)?;
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
                let message = message!("{value} is not among the \"values\" of the mapping", value = quoted(cell.text));
                return Err(Refused::Unknown(Unfit { code: "unknown-value", message, hint }));
            }
            None => self.convert(read, made)?,
        }
        Ok(true)
    }

    fn convert<'v>(&mut self, read: Reading<'v>, made: &mut Values<'v>) -> Result<(), Refused> {
        let one = self.converter.convert(read.origin, read.cell, read.decimal, made.len())?;
        made.push((one, read.origin));
        Ok(())
    }
}

impl<'v> Reading<'v> {
    /// The same, of a part of the cell.
    fn of_part(self, cell: Cell<'v>) -> Reading<'v> {
        Reading { cell, ..self }
    }
}

/// What stands between the values of a cell, or of what the mapping itself says.
fn separators(origin: &OriginPlan) -> &[String] {
    match origin.input {
        Input::Constant(_) => &origin.split_said,
        Input::Column(_) | Input::Template(_) => &origin.split,
    }
}

/// The id of the record is always asked for.
fn asked_for(value: &ValuePlan, columns: Option<&[usize]>) -> bool {
    let own_id = matches!(value.target, TargetPlan::Field(spec) if spec.holds == Holds::OwnId);
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

/// A translation that does not fit is told with the word that stands in the cell, by which the reader finds it.
fn translated(cell: Cell<'_>, why: Refused) -> Refused {
    let told = |unfit: Unfit| {
        let message = message!(
            "{value} is translated by the mapping, and {refusal}",
            value = quoted(cell.text),
            refusal = unfit.message
        );
        Unfit { message, ..unfit }
    };
    match why {
        Refused::Unknown(unfit) => Refused::Unknown(told(unfit)),
        Refused::Unfit(unfit) => Refused::Unfit(told(unfit)),
    }
}

/// One of the values that the mapping itself says.
fn part_of<'v>(part: &'v str, whole: &'v Literal, origin: &OriginPlan) -> Cell<'v> {
    if part == whole.text { origin.said(whole) } else { Cell::of_text(part) }
}
