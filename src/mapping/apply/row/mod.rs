//! Builds one record: reads its rows cell by cell and collects values and problems. `value` converts cells, `write`
//! writes values; `context` places problems, `checks` looks at a row as a whole.

mod checks;
pub(super) mod context;

use super::record::Link;
use super::tally::FieldEffect;
use super::total::{Line, Total};
use super::value::{ConvertError, Converter, Values};
use crate::mapping::convert::lists::{self, AmbiguousSplit};
use crate::mapping::convert::{ValueError, phone, split, text};
use crate::mapping::language::ast::{Literal, OnEmpty, OnUnknown};
use crate::mapping::lookup::{Lookup, LookupKind, NameCache};
use crate::mapping::plan::{Conversion, Input, OriginPlan, SectionPlan, TargetPlan, ValuePlan};
use crate::mapping::template::{RenderedCell, rendered_cell};
use amo_model::payload::ObjectWriter;
use amo_model::{Action, FieldContent};
use context::{RowContext, separators};
use rust_decimal::Decimal;
use sheet_source::message;
use sheet_source::problem::{Problem, did_you_mean, quoted};
use sheet_source::{Cell, Row, Scalar, fold};

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
