//! One record on its way through the plan: its rows read, cell by cell, and what was found gathered. What is made of a
//! cell is in `value`, how it is written in `write`.

use super::convert::number::digits;
use super::convert::{Unfit, phone, split, text};
use super::lists::{self, Unclear};
use super::mapper::{KEY_JOIN, Link};
use super::names::Names;
use super::plan::{Convert, Input, Lookup, LookupWhat, OriginPlan, Plan, SectionPlan, TargetPlan, ValuePlan};
use super::tally::{Did, Done};
use super::template::{AsNumber, Failure, Fault, as_number};
use super::total::{Line, Total};
use super::value::{Refused, Values};
use super::written::{Literal, OnEmpty, OnUnknown};
use amo_model::payload::ObjectWriter;
use amo_model::{Action, FieldContent};
use rust_decimal::Decimal;
use sheet_source::message;
use sheet_source::problem::{Message, Place, Problem, Stage, did_you_mean, quoted};
use sheet_source::{Cell, REJECT_COLUMNS, Row, Scalar, fold};
use std::borrow::Cow;
use std::sync::Arc;

/// One record on its way through the plan.
pub(super) struct RowContext<'a> {
    pub(super) plan: &'a Plan,
    /// The row at hand.
    pub(super) row: &'a Row,
    pub(super) problems: Vec<Problem>,
    /// The pipeline named by this record, for its stage.
    pub(super) pipeline: Option<u64>,
    /// The record names a pipeline that is not there, so its stage cannot be judged.
    pub(super) pipeline_failed: bool,
    /// The record's own id, where it is changed and not made.
    pub(super) own_id: Option<u64>,
    /// What it belongs to.
    pub(super) parent: Option<u64>,
    pub(super) links: Vec<Link>,
    /// Elements inside the record: id, list, quantity.
    pub(super) elements: Vec<(u64, u64, Decimal)>,
    pub(super) total: Total,
    pub(super) catalog_type: Option<String>,
    /// Values made so far for the target at hand.
    pub(super) made: usize,
    /// A dot in the text at hand is a decimal sign, whatever the source writes: a template has put it there.
    pub(super) own_dot: bool,
    /// The section at hand has nothing from the row, only what the mapping says by itself.
    pub(super) bare: bool,
    /// What the section at hand has in the row at hand.
    pub(super) part: PartOfRow,
    /// What was done to the values, short of refusing any.
    pub(super) done: Done,
    /// The same, of values that are told by their names, each by its place in the mapping.
    pub(super) did: Vec<(Did, usize)>,
    /// Only these columns are looked at, where not all are.
    pub(super) columns: Option<&'a [usize]>,
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
    pub(super) fn new(plan: &'a Plan, row: &'a Row) -> RowContext<'a> {
        RowContext {
            plan,
            row,
            problems: Vec::new(),
            pipeline: None,
            pipeline_failed: false,
            own_id: None,
            parent: None,
            links: Vec::new(),
            elements: Vec::new(),
            total: Total::default(),
            catalog_type: None,
            made: 0,
            own_dot: false,
            bare: false,
            part: PartOfRow::default(),
            done: Done::default(),
            did: Vec::new(),
            columns: None,
        }
    }

    pub(super) fn problem(&self, column: Option<usize>, code: &'static str, message: impl Into<Message>) -> Problem {
        self.problem_in(self.row, column, code, message)
    }

    pub(super) fn problem_in(
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

    fn unfit(&mut self, input: &Input, cell: Cell<'_>, unfit: Unfit) {
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

    /// Takes note of what is done to a value of the record; once, however many parts it has.
    pub(super) fn did(&mut self, did: Did, origin: &OriginPlan) {
        if !self.did.contains(&(did, origin.at)) {
            self.did.push((did, origin.at));
        }
    }

    /// Cells that are read as they are must hold something that can be read.
    pub(super) fn sound(&mut self, columns: &[usize]) {
        for column in columns {
            if let Err(unfit) = text::sound(self.row.get(*column)) {
                self.unfit(&Input::Column(*column), self.row.get(*column), unfit);
            }
        }
    }

    /// A value that stands under no title belongs nowhere, or all values of the row have moved.
    pub(super) fn beyond_header(&mut self) {
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
    pub(super) fn condition(&mut self) {
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

    fn failed(&mut self, failure: Failure, message: impl Fn(Message) -> Message) {
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

    pub(super) fn key(&self) -> Option<String> {
        self.key_of(|cell| cell.text.trim().into())
    }

    /// The key as a version read it that did not look at the formats of numbers; `None` where that is no other.
    pub(super) fn bare_key(&self) -> Option<String> {
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

    pub(super) fn section(&mut self, section: &SectionPlan, object: &mut ObjectWriter, names: &mut Names) {
        self.part = PartOfRow { told: self.problems.len(), ..PartOfRow::default() };
        let columns = self.columns;
        for value in section.values.iter().filter(|value| asked_for(value, columns)) {
            self.value(section, value, object, names);
        }
        self.close_part(section, object);
        let own = section.spec.is_item();
        let changes = self.plan.action != Action::Create && own && !self.plan.id_by_key;
        if changes && self.own_id.is_none() && self.problems.is_empty() {
            let problem = self.problem(None, "no-id", "the row does not say which record to change");
            self.problems.push(problem.hint("fill the column of the ids"));
        }
    }

    fn value(&mut self, section: &SectionPlan, value: &ValuePlan, object: &mut ObjectWriter, names: &mut Names) {
        let made_up = value.origins.iter().any(|origin| matches!(origin.input, Input::Template(_)));
        let rendered: Vec<Option<AsNumber>> = match made_up {
            true => value.origins.iter().map(|origin| self.rendered(origin)).collect(),
            false => Vec::new(),
        };
        let has_quotes = value.origins.iter().any(|origin| self.has_quotes(origin));
        let quoted: Vec<Option<Vec<String>>> = match has_quotes {
            true => value.origins.iter().map(|origin| self.quoted(origin)).collect(),
            false => Vec::new(),
        };
        let mut made = Values::new();
        let mut clear = false;
        self.made = 0;
        for (n, origin) in value.origins.iter().enumerate() {
            self.own_dot = false;
            let cell = match &origin.input {
                Input::Column(index) => self.row.get(*index),
                Input::Constant(literal) => origin.said(literal),
                Input::Template(_) => match rendered.get(n) {
                    Some(Some(made)) => {
                        self.own_dot = made.own_dot;
                        Cell { text: &made.text, value: made.value }
                    }
                    Some(None) | None => continue,
                },
            };
            let quoted = quoted.get(n).and_then(Option::as_deref);
            match self.origin(value, origin, cell, quoted, names, &mut made) {
                Filled::Yes | Filled::No => {}
                Filled::Clear => clear = true,
            }
        }
        if !made.is_empty() {
            // Nobody wrote the mapping of an exported workbook, and its cells show all that there was.
            let told = value.existing.replaces && self.plan.edits.get().is_none();
            if let Some(origin) = value.origins.first().filter(|_| told) {
                self.did(Did::Replaced, origin);
            }
            self.write(section, &value.target, made, object);
        } else if let (true, Action::Update, TargetPlan::Custom { field, .. }) =
            (clear, self.plan.action, &value.target)
        {
            object.clear_field(field.id);
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

    fn written<'o>(&'o self, origin: &'o OriginPlan) -> Option<&'o str> {
        match &origin.input {
            Input::Column(index) => Some(self.row.get(*index).text),
            Input::Constant(text) => Some(text),
            Input::Template(_) => None,
        }
    }

    fn rendered(&mut self, origin: &OriginPlan) -> Option<AsNumber> {
        let Input::Template(template) = &origin.input else { return None };
        let (told, read) = (self.problems.len(), template.reads().collect::<Vec<usize>>());
        self.sound(&read);
        if self.problems.len() > told {
            return None;
        }
        match template.render(self.row) {
            Ok(made) => {
                self.done.compared_empty |= made.empty;
                Some(match origin.convert.is_of_numbers() {
                    true => as_number(&made.text, read.iter().map(|column| self.row.get(*column))),
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

    fn origin<'v>(
        &mut self,
        value: &'v ValuePlan,
        origin: &'v OriginPlan,
        cell: Cell<'v>,
        quoted: Option<&'v [String]>,
        names: &mut Names,
        made: &mut Values<'v>,
    ) -> Filled {
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
            if let Some(parts) = quoted.filter(|_| !self.is_known(value, origin, cell.text, names)) {
                for part in parts {
                    nulled |= self.part(value, origin, Cell::of_text(part), names, made);
                }
            } else if separators.is_empty() {
                nulled |= self.part(value, origin, cell, names, made);
            } else if matches!(origin.convert, Convert::Phone { .. }) {
                for part in phone::split(cell.text, separators) {
                    nulled |= self.part(value, origin, whole(part), names, made);
                }
            } else if origin.widest < 2 && !matches!(origin.convert, Convert::Email { .. }) {
                for part in split::split(cell.text, separators) {
                    nulled |= self.part(value, origin, whole(part), names, made);
                }
            } else {
                match self.parts(value, origin, cell.text, separators, names) {
                    Ok(parts) => {
                        for part in parts {
                            nulled |= self.part(value, origin, whole(part), names, made);
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
        self.empty(value, origin, cell, names, made)
    }

    /// The values of a text that may hold several.
    fn parts<'v>(
        &self,
        value: &ValuePlan,
        origin: &OriginPlan,
        text: &'v str,
        separators: &'v [String],
        names: &mut Names,
    ) -> Result<Vec<&'v str>, Unfit> {
        if matches!(origin.convert, Convert::Email { .. }) && !separators.is_empty() {
            return Ok(split::outside_quotes(text, separators));
        }
        let known = |part: &str| self.is_known(value, origin, part, names);
        lists::parts(text, separators, origin.widest, known).map_err(|Unclear| Unfit {
            code: "list-unclear",
            message: message!("{value} can be taken apart into options in more than one way", value = quoted(text)),
            hint: Some("put options that hold what stands between them between quotes, as in \"a, b\", c".into()),
        })
    }

    /// True where a text is one value as it stands: it is translated, or an option of the field.
    fn is_known(&self, value: &ValuePlan, origin: &OriginPlan, text: &str, names: &mut Names) -> bool {
        if origin.values.contains_key(&fold(text)) {
            return true;
        }
        let Convert::Name(lookup @ Lookup { what: LookupWhat::Option { .. }, .. }) = &origin.convert else {
            return false;
        };
        names.find(&self.plan.book, lookup, None, text.trim(), &value.target).is_ok()
    }

    /// What an empty cell means, or one that came to nothing: a word translated to nothing, separators alone.
    fn empty<'v>(
        &mut self,
        value: &'v ValuePlan,
        origin: &'v OriginPlan,
        cell: Cell<'v>,
        names: &mut Names,
        made: &mut Values<'v>,
    ) -> Filled {
        match (&origin.default, origin.on_empty) {
            (Some(default), _) => match self.default(value, origin, default, names, made) {
                Ok(()) => {
                    self.part.defaulted = true;
                    return Filled::Yes;
                }
                Err(Refused::Unfit(unfit) | Refused::Unknown(unfit)) => self.unfit(&origin.input, cell, unfit),
            },
            // Of a CSV, a cell that is not there does not erase.
            (None, OnEmpty::Clear) if !origin.required && self.is_missing(&origin.input) => {}
            (None, OnEmpty::Clear) if !origin.required => return Filled::Clear,
            (None, OnEmpty::Keep) if !origin.required => {}
            (None, OnEmpty::Keep | OnEmpty::Clear | OnEmpty::Reject) => {
                let message = message!("the cell is empty, \"{target}\" needs a value", target = value.target.name());
                // Nobody wrote the mapping of an exported workbook.
                let hint = match self.plan.edits.get() {
                    Some(_) => "fill the cell, it cannot be emptied in the CRM",
                    None => "fill the cell, or give a default in the mapping",
                };
                let hint = Some(hint.into());
                self.unfit(&origin.input, cell, Unfit { code: "empty", message, hint });
            }
        }
        Filled::No
    }

    fn default<'v>(
        &mut self,
        value: &'v ValuePlan,
        origin: &'v OriginPlan,
        default: &'v Literal,
        names: &mut Names,
        made: &mut Values<'v>,
    ) -> Result<(), Refused> {
        for part in self.parts(value, origin, default, &origin.split_said, names)? {
            made.push((self.convert(value, origin, part_of(part, default, origin), names)?, origin));
        }
        Ok(())
    }

    /// True for a cell of a CSV whose row ends before it. In a reject file all rows are equally wide, and nothing says which of
    /// them was short.
    fn is_missing(&self, input: &Input) -> bool {
        let again = !self.plan.header.code_of(self.row).is_empty();
        self.plan.csv && (again || matches!(input, Input::Column(index) if *index >= self.row.len()))
    }

    /// True when the mapping asks for no value at all, not even the default.
    fn part<'v>(
        &mut self,
        value: &'v ValuePlan,
        origin: &'v OriginPlan,
        cell: Cell<'v>,
        names: &mut Names,
        made: &mut Values<'v>,
    ) -> bool {
        match self.translate_and_convert(value, origin, cell, names, made) {
            Ok(true) => {
                self.made = made.len();
                self.part.touched |= !matches!(origin.input, Input::Constant(_));
            }
            Ok(false) => {}
            Err(Refused::Unfit(unfit)) => self.unfit(&origin.input, cell, unfit),
            Err(Refused::Unknown(unfit)) => match origin.on_unknown {
                OnUnknown::Reject => self.unfit(&origin.input, cell, unfit),
                OnUnknown::Skip => self.done.unknown += 1,
                OnUnknown::Null => {
                    self.done.unknown += 1;
                    return true;
                }
            },
        }
        false
    }

    /// False where the mapping translates the cell to nothing.
    fn translate_and_convert<'v>(
        &mut self,
        value: &'v ValuePlan,
        origin: &'v OriginPlan,
        cell: Cell<'v>,
        names: &mut Names,
        made: &mut Values<'v>,
    ) -> Result<bool, Refused> {
        let translation = if origin.values.is_empty() { None } else { origin.values.get(&fold(cell.text)) };
        match translation {
            // A translation to nothing says that this word means "no value" ("не закрыта" in a date column).
            Some(text) if text.is_empty() => {
                self.done.emptied += 1;
                return Ok(false);
            }
            Some(literal) => {
                let parts = self.parts(value, origin, literal, &origin.split_said, names)?;
                let start = made.len();
                for part in parts {
                    match self.convert(value, origin, part_of(part, literal, origin), names) {
                        Ok(one) => {
                            made.push((one, origin));
                            self.made = made.len();
                        }
                        Err(why) => {
                            made.truncate(start);
                            return Err(translated(cell, why));
                        }
                    }
                }
            }
            None if origin.values_only => {
                let hint = did_you_mean(cell.text, origin.values.keys().map(String::as_str));
                let message = message!("{value} is not among the \"values\" of the mapping", value = quoted(cell.text));
                return Err(Refused::Unknown(Unfit { code: "unknown-value", message, hint }));
            }
            None => made.push((self.convert(value, origin, cell, names)?, origin)),
        }
        Ok(true)
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
