//! Comparisons as a person means them who has a table of numbers before them: where one side is a number, the other is read as
//! one. Two texts that a row does not show to be numbers are compared as texts.

use super::made::has_own_dot;
use super::operators::COMPARE;
use crate::mapping::convert::Unfit;
use crate::mapping::convert::number::{Amounts, number};
use minijinja::value::{Object, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use sheet_source::message;
use sheet_source::{Cell, DisplayKind, Row, Scalar};
use std::cmp::Ordering;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// The most that one template may make of a row, or hold at a time.
pub const BYTES_MAX: usize = 1_000_000;

/// One row under way through a template: its cells, and what has been found out.
#[derive(Debug)]
pub struct Under {
    cells: Vec<(usize, String, Scalar)>,
    pub(super) decimal: Option<char>,
    /// Of the target, where amounts of another must not be counted with.
    pub(super) currency: Option<String>,
    /// An empty cell was compared with a number.
    pub empty: AtomicBool,
    pub refused: OnceLock<Fault>,
    written: AtomicUsize,
}

/// The row that is under way.
pub fn within<T>(state: &State<'_, '_>, then: impl FnOnce(&Under) -> Result<T, Error>) -> Result<T, Error> {
    let found = state.lookup(COMPARE);
    match found.as_ref().and_then(Value::downcast_object_ref::<Under>) {
        Some(under) => then(under),
        None => Err(ErrorKind::UndefinedError.into()),
    }
}

/// Why a template cannot be made of a row.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The column that holds what is wrong, where one does.
    pub column: Option<usize>,
    pub text: String,
    pub unfit: Unfit,
}

/// What stands on one side.
pub(super) enum Side<'v> {
    /// Of a constant, or made by counting.
    Number(Number),
    /// Of a cell that the workbook holds to be no text.
    Cell(Cell<'v>),
    Text(&'v str),
    /// A list, nothing, yes or no.
    Other,
}

/// An item of a list, and the number that it is; `None` where it is empty.
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

pub(super) enum Reading {
    Empty,
    Number(Number),
    /// It has more than one reading, or looks like a number and is none.
    Unclear(Unfit),
    Words(Unfit),
}

impl Reading {
    pub fn is_numeric(&self) -> bool {
        matches!(self, Reading::Number(_) | Reading::Unclear(_))
    }
}

impl Under {
    pub fn new<'c>(
        row: &Row,
        columns: impl Iterator<Item = &'c usize>,
        (decimal, currency): (Option<char>, Option<String>),
    ) -> Under {
        let cell = |index: &usize| (*index, row.get(*index).text.trim().to_owned(), row.get(*index).value);
        Under {
            cells: columns.map(cell).collect(),
            decimal,
            currency,
            empty: AtomicBool::new(false),
            refused: OnceLock::new(),
            written: AtomicUsize::new(0),
        }
    }

    /// The cells as the engine has them. What the workbook holds to be no text is marked as safe, which says nothing where
    /// nothing is escaped, and is lost as soon as anything is made of it.
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

    pub(super) fn read(&self, side: &Side<'_>) -> Reading {
        let cell = match side {
            Side::Number(number) => return Reading::Number(*number),
            Side::Cell(cell) => *cell,
            Side::Text(text) => Cell { text, value: Scalar::Text },
            Side::Other => return Reading::Empty,
        };
        if cell.text.trim().is_empty() {
            return Reading::Empty;
        }
        if let Scalar::Number(float) | Scalar::Formatted(float, DisplayKind::Custom | DisplayKind::Currency(_)) =
            cell.value
        {
            return Reading::Number(Number::of_float(float));
        }
        match number(cell, Amounts { decimal: self.decimal_of(cell), currency: None }) {
            Ok(number) => Reading::Number(Number::of_decimal(number)),
            // What the CRM would not take can be compared all the same.
            Err(unfit) if unfit.code == "number-too-long" => match cell.text.trim().parse() {
                Ok(number) => Reading::Number(Number::of_decimal(number)),
                Err(_) => Reading::Unclear(unfit),
            },
            Err(unfit) if unfit.code == "ambiguous-number" => Reading::Unclear(unfit),
            Err(unfit) => Reading::Words(unfit),
        }
    }

    /// A text that no cell holds has the dot that the engine or the author has put into it.
    fn decimal_of(&self, cell: Cell<'_>) -> Option<char> {
        let cells = self.cells.iter().map(|(_, text, value)| Cell { text, value: *value });
        if cell.value == Scalar::Text && has_own_dot(cell.text, cells) { Some('.') } else { self.decimal }
    }

    /// A number to go on with, or why the text is none.
    fn read_or_refuse(&self, side: &Side<'_>) -> Result<Option<Number>, Error> {
        match self.read(side) {
            Reading::Empty => {
                self.empty.store(true, Relaxed);
                Ok(None)
            }
            Reading::Number(number) => Ok(Some(number)),
            Reading::Unclear(unfit) => Err(self.refuse(text_of(side), unfit)),
            Reading::Words(unfit) => {
                let hint = "it is compared with a number: correct the cell, or ask for its text first, as in row['…'] != '…' and row['…'] > 10";
                Err(self.refuse(text_of(side), Unfit { hint: Some(hint.into()), ..unfit }))
            }
        }
    }

    pub fn refuse(&self, text: &str, unfit: Unfit) -> Error {
        let mut columns = self.cells.iter().filter(|(_, known, _)| known == text.trim()).map(|(column, ..)| *column);
        let column = columns.next().filter(|_| columns.next().is_none());
        let told = unfit.message.to_string();
        let _ = self.refused.set(Fault { column, text: text.to_owned(), unfit });
        Error::new(ErrorKind::InvalidOperation, told)
    }

    /// `quoted`: one side is the author's own text.
    fn holds(&self, left: &Value, operator: &str, right: &Value, quoted: bool) -> Result<bool, Error> {
        if let "in" | "not in" = operator {
            return Ok(self.contains(right, left)? == (operator == "in"));
        }
        let (one, other) = (self.side(left), self.side(right));
        if let ("==" | "!=", Some(equal)) = (operator, flags(&one, left, &other, right)) {
            return Ok(equal == (operator == "=="));
        }
        if is_other(&one) || is_other(&other) {
            return Ok(answers(operator, left.cmp(right), left == right));
        }
        match operator {
            "==" | "!=" => Ok(self.equal(&one, &other, quoted, operator == "==")? == (operator == "==")),
            _ => self.ordered(&one, operator, &other),
        }
    }

    /// An empty cell is no number, which is worth telling where rows are asked for that have one.
    fn equal(&self, one: &Side<'_>, other: &Side<'_>, quoted: bool, asked: bool) -> Result<bool, Error> {
        if matches!(one, Side::Number(_)) || matches!(other, Side::Number(_)) {
            let before = self.empty.load(Relaxed);
            let (one, other) = (self.read_or_refuse(one)?, self.read_or_refuse(other)?);
            if !asked {
                self.empty.store(before, Relaxed);
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
        let (Reading::Number(one), Reading::Number(other)) = (self.read(one), self.read(other)) else {
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
            return Ok(answers(operator, one.cmp(other), one == other));
        }
        let (one, other) = (self.read_or_refuse(one)?, self.read_or_refuse(other)?);
        let order = one.zip(other).and_then(|(one, other)| one.order(other));
        Ok(order.is_some_and(|order| answers(operator, order, order == Ordering::Equal)))
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

    /// The items of a list with the numbers that they are, where one of them is one: those are what they are ordered by, as
    /// comparisons do. With `attribute` the numbers are those of that part of each.
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
        let before = self.empty.load(Relaxed);
        let numbers: Vec<Option<Number>> =
            sides.iter().map(|side| self.read_or_refuse(side)).collect::<Result<_, _>>()?;
        // Nothing is false for being empty here.
        self.empty.store(before, Relaxed);
        Ok(Some(numbers.into_iter().zip(items).map(|(number, item)| Numbered { number, item }).collect()))
    }

    /// Takes note of text that comes out, also into a value that the template keeps.
    pub fn written(&self, bytes: usize) -> Result<(), Error> {
        match self.written.fetch_add(bytes, Relaxed) + bytes > BYTES_MAX {
            true => Err(self.too_long()),
            false => Ok(()),
        }
    }

    /// The value itself, where it is not too long to go on with.
    pub fn sized(&self, value: &Value) -> Result<Value, Error> {
        let mut left = BYTES_MAX;
        match measure(value, &mut left) {
            true => Ok(value.clone()),
            false => Err(self.too_long()),
        }
    }

    pub fn too_long(&self) -> Error {
        let message = message!("a template makes more than {max} bytes of this row", max = BYTES_MAX);
        let hint = Some("let it repeat less".into());
        self.refuse("\0", Unfit { code: "template", message, hint })
    }
}

/// Called as `compare(a, '<', b, '<=', c)`.
impl Object for Under {
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

/// Of tests such as `is gt(10)`.
pub fn tested(under: &Under, left: &Value, operator: &str, right: &Value) -> Result<bool, Error> {
    under.holds(left, operator, right, true)
}

/// Of a yes or no of a workbook whether it is the other side: true, false or its word, however that is written.
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

fn answers(operator: &str, order: Ordering, equal: bool) -> bool {
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

/// Takes from `left` what a value holds; false where that is more.
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
