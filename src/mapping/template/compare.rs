//! Comparisons as in a spreadsheet: if one side is a number, the other is parsed as one. Two texts that are no numbers
//! are compared as texts.

use super::made::has_own_dot;
use super::operators::COMPARE;
use crate::mapping::convert::ValueError;
use crate::mapping::convert::number::{NumberSyntax, number};
use minijinja::value::{Object, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use sheet_source::message;
use sheet_source::{Cell, DisplayKind, Row, Scalar};
use std::cmp::Ordering;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// The most bytes of a template's result, or of one of its values.
pub const BYTES_MAX: usize = 1_000_000;

/// The evaluation of a template for one row: its cells, and what happened.
#[derive(Debug)]
pub struct Evaluation {
    cells: Vec<(usize, String, Scalar)>,
    pub(super) decimal: Option<char>,
    /// The currency of the target; amounts in others are refused.
    pub(super) currency: Option<String>,
    /// An empty cell was compared with a number.
    pub compared_empty: AtomicBool,
    pub refused: OnceLock<RowError>,
    written: AtomicUsize,
}

/// Calls `then` with the current evaluation.
pub fn with_evaluation<T>(
    state: &State<'_, '_>,
    then: impl FnOnce(&Evaluation) -> Result<T, Error>,
) -> Result<T, Error> {
    let found = state.lookup(COMPARE);
    match found.as_ref().and_then(Value::downcast_object_ref::<Evaluation>) {
        Some(evaluation) => then(evaluation),
        None => Err(ErrorKind::UndefinedError.into()),
    }
}

/// Why a value of the row is invalid for the template.
#[derive(Debug, Clone)]
pub struct RowError {
    /// The column of the invalid value, if it is in one.
    pub column: Option<usize>,
    pub text: String,
    pub error: ValueError,
}

/// One side of a comparison or of an operator.
pub(super) enum Side<'v> {
    /// A constant or a computed number.
    Number(Number),
    /// A typed cell of a workbook.
    Cell(Cell<'v>),
    Text(&'v str),
    /// A list, none or a boolean.
    Other,
}

/// An item of a list and its number; `None` if it is empty.
pub struct Numbered {
    pub number: Option<Number>,
    pub item: Value,
}

#[derive(Debug, Clone, Copy)]
pub struct Number {
    pub exact: Option<Decimal>,
    pub float: f64,
}

impl Number {
    pub fn of_float(float: f64) -> Number {
        Number { exact: Decimal::from_f64(float), float }
    }

    pub fn of_decimal(exact: Decimal) -> Number {
        Number { exact: Some(exact), float: exact.to_f64().unwrap_or(f64::NAN) }
    }

    pub fn order(self, other: Number) -> Option<Ordering> {
        match (self.exact, other.exact) {
            (Some(one), Some(other)) => Some(one.cmp(&other)),
            _ => self.float.partial_cmp(&other.float),
        }
    }

    pub fn value(self) -> Value {
        let whole = self.exact.filter(|exact| exact.fract().is_zero()).and_then(|exact| exact.to_i64());
        whole.map_or_else(|| Value::from(self.float), Value::from)
    }
}

pub(super) enum ParsedSide {
    Empty,
    Number(Number),
    /// An ambiguous or invalid number.
    Ambiguous(ValueError),
    Text(ValueError),
}

impl ParsedSide {
    pub fn is_numeric(&self) -> bool {
        matches!(self, ParsedSide::Number(_) | ParsedSide::Ambiguous(_))
    }
}

impl Evaluation {
    pub fn new<'c>(
        row: &Row,
        columns: impl Iterator<Item = &'c usize>,
        (decimal, currency): (Option<char>, Option<String>),
    ) -> Evaluation {
        let cell = |index: &usize| (*index, row.get(*index).text.trim().to_owned(), row.get(*index).value);
        Evaluation {
            cells: columns.map(cell).collect(),
            decimal,
            currency,
            compared_empty: AtomicBool::new(false),
            refused: OnceLock::new(),
            written: AtomicUsize::new(0),
        }
    }

    /// The cells as engine values. Typed cells of a workbook are marked as safe strings: nothing is escaped here, and
    /// the mark is lost as soon as the value is changed.
    pub fn values(&self) -> impl Iterator<Item = Value> {
        self.cells.iter().map(|(_, text, value)| match value {
            Scalar::Text | Scalar::Empty => Value::from(text.as_str()),
            _ => Value::from_safe_string(text.clone()),
        })
    }

    pub(super) fn side<'v>(&'v self, value: &'v Value) -> Side<'v> {
        if let Some(text) = value.as_str() {
            let cell = |(_, known, scalar): &&(usize, String, Scalar)| {
                known == text && !matches!(scalar, Scalar::Text | Scalar::Empty)
            };
            let found = if value.is_safe() { self.cells.iter().find(cell) } else { None };
            return match found {
                Some((_, text, value)) => Side::Cell(Cell { text, value: *value }),
                None => Side::Text(text),
            };
        }
        match number_of(value) {
            Some(number) => Side::Number(number),
            None => Side::Other,
        }
    }

    pub(super) fn read(&self, side: &Side<'_>) -> ParsedSide {
        let cell = match side {
            Side::Number(number) => return ParsedSide::Number(*number),
            Side::Cell(cell) => *cell,
            Side::Text(text) => Cell { text, value: Scalar::Text },
            Side::Other => return ParsedSide::Empty,
        };
        if cell.text.trim().is_empty() {
            return ParsedSide::Empty;
        }
        if let Scalar::Number(float) | Scalar::Formatted(float, DisplayKind::Custom | DisplayKind::Currency(_)) =
            cell.value
        {
            return ParsedSide::Number(Number::of_float(float));
        }
        match number(cell, NumberSyntax { decimal: self.decimal_of(cell), currency: None }) {
            Ok(number) => ParsedSide::Number(Number::of_decimal(number)),
            // Numbers that are too long for the CRM can still be compared.
            Err(error) if error.code == "number-too-long" => match cell.text.trim().parse() {
                Ok(number) => ParsedSide::Number(Number::of_decimal(number)),
                Err(_) => ParsedSide::Ambiguous(error),
            },
            Err(error) if error.code == "ambiguous-number" => ParsedSide::Ambiguous(error),
            Err(error) => ParsedSide::Text(error),
        }
    }

    /// A text that is not from a cell has the dot of the engine or of a literal.
    fn decimal_of(&self, cell: Cell<'_>) -> Option<char> {
        let cells = self.cells.iter().map(|(_, text, value)| Cell { text, value: *value });
        if cell.value == Scalar::Text && has_own_dot(cell.text, cells) { Some('.') } else { self.decimal }
    }

    /// The number of a side, `None` if it is empty, or an error.
    fn read_or_refuse(&self, side: &Side<'_>) -> Result<Option<Number>, Error> {
        match self.read(side) {
            ParsedSide::Empty => {
                self.compared_empty.store(true, Relaxed);
                Ok(None)
            }
            ParsedSide::Number(number) => Ok(Some(number)),
            ParsedSide::Ambiguous(error) => Err(self.refuse(text_of(side), error)),
            ParsedSide::Text(error) => {
                let hint = "it is compared with a number: correct the cell, or check its text first, as in row['…'] != '…' and row['…'] > 10";
                Err(self.refuse(text_of(side), ValueError { hint: Some(hint.into()), ..error }))
            }
        }
    }

    pub fn refuse(&self, text: &str, error: ValueError) -> Error {
        let mut columns = self.cells.iter().filter(|(_, known, _)| known == text.trim()).map(|(column, ..)| *column);
        let column = columns.next().filter(|_| columns.next().is_none());
        let message = error.message.to_string();
        let _ = self.refused.set(RowError { column, text: text.to_owned(), error });
        Error::new(ErrorKind::InvalidOperation, message)
    }

    /// `quoted`: one side is a string literal.
    fn holds(&self, left: &Value, operator: &str, right: &Value, quoted: bool) -> Result<bool, Error> {
        if let "in" | "not in" = operator {
            return Ok(self.contains(right, left)? == (operator == "in"));
        }
        let (one, other) = (self.side(left), self.side(right));
        if let ("==" | "!=", Some(equal)) = (operator, flags(&one, left, &other, right)) {
            return Ok(equal == (operator == "=="));
        }
        if is_other(&one) || is_other(&other) {
            return Ok(satisfies(operator, left.cmp(right), left == right));
        }
        match operator {
            "==" | "!=" => Ok(self.equal(&one, &other, quoted, operator == "==")? == (operator == "==")),
            _ => self.ordered(&one, operator, &other),
        }
    }

    /// Tests equality. Comparing an empty cell with a number is noted only for `==`.
    fn equal(&self, one: &Side<'_>, other: &Side<'_>, quoted: bool, note_empty: bool) -> Result<bool, Error> {
        if matches!(one, Side::Number(_)) || matches!(other, Side::Number(_)) {
            let before = self.compared_empty.load(Relaxed);
            let (one, other) = (self.read_or_refuse(one)?, self.read_or_refuse(other)?);
            if !note_empty {
                self.compared_empty.store(before, Relaxed);
            }
            let order = one.zip(other).and_then(|(one, other)| one.order(other));
            return Ok(order == Some(Ordering::Equal));
        }
        if text_of(one).trim() == text_of(other).trim() {
            return Ok(true);
        }
        let typed = is_number_cell(one) || is_number_cell(other);
        if quoted && !typed {
            return Ok(false);
        }
        let (ParsedSide::Number(one), ParsedSide::Number(other)) = (self.read(one), self.read(other)) else {
            return Ok(false);
        };
        Ok(one.order(other) == Some(Ordering::Equal))
    }

    fn ordered(&self, one: &Side<'_>, operator: &str, other: &Side<'_>) -> Result<bool, Error> {
        let number = |side: &Side<'_>| match side {
            Side::Number(_) => true,
            _ => is_number_cell(side) || self.read(side).is_numeric(),
        };
        if !number(one) && !number(other) {
            let (one, other) = (text_of(one), text_of(other));
            return Ok(satisfies(operator, one.cmp(other), one == other));
        }
        let (one, other) = (self.read_or_refuse(one)?, self.read_or_refuse(other)?);
        let order = one.zip(other).and_then(|(one, other)| one.order(other));
        Ok(order.is_some_and(|order| satisfies(operator, order, order == Ordering::Equal)))
    }

    fn contains(&self, container: &Value, value: &Value) -> Result<bool, Error> {
        if let (Some(text), Some(part)) = (container.as_str(), value.as_str()) {
            return Ok(text.contains(part));
        }
        if let (Some(text), Some(_)) = (container.as_str(), number_of(value)) {
            return Ok(text.contains(&value.to_string()));
        }
        if container.kind() == ValueKind::Map {
            return Ok(container.get_item(value).is_ok_and(|found| !found.is_undefined()));
        }
        for item in container.try_iter()? {
            if self.holds(value, "==", &item, true)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The items of a list with their numbers, if at least one is a number; `None` otherwise. With `attribute` the
    /// numbers are those of an attribute.
    pub fn numbered(&self, list: &Value, attribute: Option<&str>) -> Result<Option<Vec<Numbered>>, Error> {
        if !matches!(list.kind(), ValueKind::Seq | ValueKind::Iterable) {
            return Ok(None);
        }
        let items: Vec<Value> = list.try_iter()?.collect();
        let keys: Vec<Value> = match attribute {
            Some(attribute) => items.iter().map(|item| item.get_attr(attribute)).collect::<Result<_, _>>()?,
            None => items.clone(),
        };
        let sides: Vec<Side<'_>> = keys.iter().map(|key| self.side(key)).collect();
        let is_number = |side: &Side<'_>| is_number_cell(side) || !is_other(side) && self.read(side).is_numeric();
        if sides.iter().any(is_other) || !sides.iter().any(is_number) {
            return Ok(None);
        }
        let before = self.compared_empty.load(Relaxed);
        let numbers: Vec<Option<Number>> =
            sides.iter().map(|side| self.read_or_refuse(side)).collect::<Result<_, _>>()?;
        // Sorting compares nothing with an empty cell.
        self.compared_empty.store(before, Relaxed);
        Ok(Some(numbers.into_iter().zip(items).map(|(number, item)| Numbered { number, item }).collect()))
    }

    /// Counts written bytes and checks the limit.
    pub fn written(&self, bytes: usize) -> Result<(), Error> {
        match self.written.fetch_add(bytes, Relaxed) + bytes > BYTES_MAX {
            true => Err(self.too_long()),
            false => Ok(()),
        }
    }

    /// Returns the value if its size is within the limit.
    pub fn sized(&self, value: &Value) -> Result<Value, Error> {
        let mut left = BYTES_MAX;
        match measure(value, &mut left) {
            true => Ok(value.clone()),
            false => Err(self.too_long()),
        }
    }

    pub fn too_long(&self) -> Error {
        let message = message!("the template produces more than {max} bytes for this row", max = BYTES_MAX);
        let hint = Some("reduce its repetitions".into());
        self.refuse("\0", ValueError { code: "template", message, hint })
    }
}

/// Called as `compare(a, '<', b, '<=', c)`.
impl Object for Evaluation {
    fn call(self: &std::sync::Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let mut holds = true;
        let mut rest = args;
        while let [left, operator, right, ..] = rest {
            for side in [left, right] {
                if side.is_undefined() {
                    return Err(Error::from(ErrorKind::UndefinedError));
                }
            }
            let written = operator.as_str().unwrap_or_default();
            holds = holds && self.holds(left, written.trim_matches('"'), right, written.contains('"'))?;
            rest = &rest[2..];
        }
        Ok(Value::from(holds))
    }
}

/// The comparison of tests such as `is gt(10)`.
pub fn compare_values(evaluation: &Evaluation, left: &Value, operator: &str, right: &Value) -> Result<bool, Error> {
    evaluation.holds(left, operator, right, true)
}

/// Compares a boolean cell of a workbook with true, false or its word in any case.
fn flags(one: &Side<'_>, left: &Value, other: &Side<'_>, right: &Value) -> Option<bool> {
    let flag = |side: &Side<'_>| match side {
        Side::Cell(Cell { value: Scalar::Bool(flag), .. }) => Some(*flag),
        _ => None,
    };
    let is = |value: &Value| match value.kind() {
        ValueKind::Bool => Some(value.is_true()),
        ValueKind::String => value.as_str()?.trim().to_lowercase().parse().ok(),
        _ => None,
    };
    match (flag(one), flag(other)) {
        (Some(flag), _) => is(right).map(|other| other == flag),
        (None, Some(flag)) => is(left).map(|other| other == flag),
        (None, None) => None,
    }
}

pub(super) fn is_other(side: &Side<'_>) -> bool {
    matches!(side, Side::Other)
}

fn is_number_cell(side: &Side<'_>) -> bool {
    matches!(side, Side::Cell(Cell { value: Scalar::Number(_) | Scalar::Formatted(..), .. }))
}

pub(super) fn text_of<'v>(side: &Side<'v>) -> &'v str {
    match side {
        Side::Cell(cell) => cell.text,
        Side::Text(text) => text,
        Side::Number(_) | Side::Other => "",
    }
}

fn satisfies(operator: &str, order: Ordering, equal: bool) -> bool {
    match operator {
        "==" => equal,
        "!=" => !equal,
        "<" => order == Ordering::Less,
        "<=" => order != Ordering::Greater,
        ">" => order == Ordering::Greater,
        _ => order != Ordering::Less,
    }
}

pub(super) fn number_of(value: &Value) -> Option<Number> {
    if value.kind() != ValueKind::Number {
        return None;
    }
    match i128::try_from(value.clone()).ok().filter(|_| value.is_integer()) {
        Some(whole) => Some(Number { exact: Decimal::try_from_i128_with_scale(whole, 0).ok(), float: whole as f64 }),
        None => f64::try_from(value.clone()).ok().map(Number::of_float),
    }
}

/// Subtracts the size of a value from `left`; false if it is larger.
fn measure(value: &Value, left: &mut usize) -> bool {
    let own = value.as_str().map_or(size_of::<Value>(), str::len);
    let Some(rest) = left.checked_sub(own) else { return false };
    *left = rest;
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => match value.try_iter() {
            Ok(mut items) => items.all(|item| measure(&item, left)),
            Err(_) => true,
        },
        ValueKind::Map => match value.try_iter() {
            Ok(mut keys) => keys.all(|key| value.get_item(&key).is_ok_and(|item| measure(&item, left))),
            Err(_) => true,
        },
        _ => true,
    }
}
