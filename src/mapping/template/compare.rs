//! Comparisons as a person means them who has a table of numbers before them: where one side is a number, the other is read as
//! one. Two texts that a row does not show to be numbers are compared as texts.

use crate::mapping::convert::Unfit;
use crate::mapping::convert::number::{Amounts, number};
use crate::message;
use crate::problem::quoted;
use crate::table::{Cell, Row, Scalar, Shown};
use minijinja::value::{Object, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use std::cmp::Ordering;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// The most that one template may make of a row, or hold at a time.
pub const BYTES_MAX: usize = 1_000_000;

/// One row under way through a template: its cells, and what has been found out.
#[derive(Debug)]
pub struct Under {
    cells: Vec<(usize, String, Scalar)>,
    decimal: Option<char>,
    /// An empty cell was compared with a number.
    pub empty: AtomicBool,
    pub refused: OnceLock<Fault>,
    written: AtomicUsize,
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
enum Side<'v> {
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
    exact: Option<Decimal>,
    float: f64,
}

impl Number {
    fn of_float(float: f64) -> Number {
        Number { exact: Decimal::from_f64(float), float }
    }

    fn of_decimal(exact: Decimal) -> Number {
        Number { exact: Some(exact), float: exact.to_f64().unwrap_or(f64::NAN) }
    }

    fn plus(self, other: Number) -> Number {
        let exact = self.exact.zip(other.exact).and_then(|(one, other)| one.checked_add(other));
        exact.map_or_else(|| Number::of_float(self.float + other.float), Number::of_decimal)
    }

    pub fn order(self, other: Number) -> Option<Ordering> {
        match (self.exact, other.exact) {
            (Some(one), Some(other)) => Some(one.cmp(&other)),
            _ => self.float.partial_cmp(&other.float),
        }
    }

    fn value(self) -> Value {
        let whole = self.exact.filter(|exact| exact.fract().is_zero()).and_then(|exact| exact.to_i64());
        whole.map_or_else(|| Value::from(self.float), Value::from)
    }
}

enum Reading {
    Empty,
    Number(Number),
    /// It has more than one reading, or looks like a number and is none.
    Unclear(Unfit),
    Words(Unfit),
}

impl Reading {
    fn is_numeric(&self) -> bool {
        matches!(self, Reading::Number(_) | Reading::Unclear(_))
    }
}

impl Under {
    pub fn new<'c>(row: &Row, columns: impl Iterator<Item = &'c usize>, decimal: Option<char>) -> Under {
        let cell = |index: &usize| (*index, row.get(*index).text.trim().to_owned(), row.get(*index).value);
        Under {
            cells: columns.map(cell).collect(),
            decimal,
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

    fn side<'v>(&'v self, value: &'v Value) -> Side<'v> {
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

    fn read(&self, side: &Side<'_>) -> Reading {
        let cell = match side {
            Side::Number(number) => return Reading::Number(*number),
            Side::Cell(cell) => *cell,
            Side::Text(text) => Cell { text, value: Scalar::Text },
            Side::Other => return Reading::Empty,
        };
        if cell.text.trim().is_empty() {
            return Reading::Empty;
        }
        if let Scalar::Number(float) | Scalar::Formatted(float, Shown::Worded | Shown::Currency(_)) = cell.value {
            return Reading::Number(Number::of_float(float));
        }
        match number(cell, Amounts { decimal: self.decimal, currency: None }) {
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

    /// A text as a number, for `|int` and `|float`; `None` where it is no text.
    pub fn counted(&self, value: &Value) -> Option<Result<Value, Unfit>> {
        let side = self.side(value);
        if !matches!(side, Side::Text(_) | Side::Cell(_)) {
            return None;
        }
        Some(match self.read(&side) {
            Reading::Number(number) => Ok(number.value()),
            Reading::Empty => {
                let hint = "fill the cell, or say what an empty one is: |int(default=0), |float(default=0)";
                let message = "the cell is empty, and a number is made of it";
                Err(Unfit { code: "empty", message: message.into(), hint: Some(hint.into()) })
            }
            // Where the source does not say how it writes numbers, the author has now asked for one: it has a dot.
            Reading::Unclear(unfit) => match (self.decimal, text_of(&side).trim().parse()) {
                (None, Ok(exact)) => Ok(Number::of_decimal(exact).value()),
                _ => Err(unfit),
            },
            Reading::Words(unfit) => Err(unfit),
        })
    }

    /// `left + right`, where both are numbers or texts. `is_text`: the author has put a text beside them.
    pub fn added(&self, left: &Value, right: &Value, is_text: bool) -> Result<Option<Value>, Error> {
        let sides = [self.side(left), self.side(right)];
        if sides.iter().any(is_other) {
            return Ok(None);
        }
        if let (Some(one), Some(other)) = (left.as_str(), right.as_str()) {
            if !is_text && sides.iter().all(|side| self.read(side).is_numeric()) {
                return Err(self.refuse(one, two_meanings(one, other)));
            }
            return self.sized(&Value::from(format!("{one}{other}"))).map(Some);
        }
        let mut sum = Number::of_decimal(Decimal::ZERO);
        for (side, value) in sides.iter().zip([left, right]) {
            let number = self.counted(value).transpose().map_err(|unfit| self.refuse(text_of(side), unfit))?;
            let number = number.as_ref().or(Some(value)).and_then(number_of);
            let Some(number) = number else { return Ok(None) };
            sum = sum.plus(number);
        }
        Ok(Some(sum.value()))
    }

    /// The items of a list with the numbers that they are, where one of them is one: those are what they are ordered by, as
    /// comparisons do.
    pub fn numbered(&self, list: &Value) -> Result<Option<Vec<Numbered>>, Error> {
        if !matches!(list.kind(), ValueKind::Seq | ValueKind::Iterable) {
            return Ok(None);
        }
        let items: Vec<Value> = list.try_iter()?.collect();
        let sides: Vec<Side<'_>> = items.iter().map(|item| self.side(item)).collect();
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

fn is_other(side: &Side<'_>) -> bool {
    matches!(side, Side::Other)
}

/// Why `+` between two cells is none of ours to guess.
fn two_meanings(one: &str, other: &str) -> Unfit {
    let message = message!(
        "{one} + {other} could be a sum, or the one text behind the other",
        one = quoted(one),
        other = quoted(other)
    );
    let hint = "write |float behind one of them to add, or ~ in the place of + to join";
    Unfit { code: "number", message, hint: Some(hint.into()) }
}

fn is_number_cell(side: &Side<'_>) -> bool {
    matches!(side, Side::Cell(Cell { value: Scalar::Number(_) | Scalar::Formatted(..), .. }))
}

fn text_of<'v>(side: &Side<'v>) -> &'v str {
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

fn number_of(value: &Value) -> Option<Number> {
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
