//! Arithmetic as in a spreadsheet: cells are the numbers they show, results have no float noise, halves are rounded
//! away from zero.

use super::compare::with_evaluation;
use super::compare::{Evaluation, Number, ParsedSide, Side, is_other, number_of, text_of};
use crate::mapping::convert::ValueError;
use crate::mapping::convert::number::{NumberSyntax, number};
use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value, context, filters, tests};
use rust_decimal::{Decimal, RoundingStrategy};
use sheet_source::message;
use sheet_source::problem::quoted;
use sheet_source::{Cell, DisplayKind, Scalar};

/// The most decimals of `|round`.
const PLACES_MAX: i32 = 20;

pub fn register(env: &mut Environment<'static>) {
    env.add_function(super::operand::NUMBER, |state: &State<'_, '_>, value: Value| counted(state, &value, None));
    env.add_function(super::operand::ADD, added);
    env.add_function(super::operand::COUNT, count);
    env.add_filter("int", int);
    env.add_filter("float", float);
    env.add_filter("round", round);
    env.add_filter("abs", |state: &State<'_, '_>, value: Value| filters::abs(counted(state, &value, None)?));
    env.add_filter("sum", sum);
    env.add_test("odd", |state: &State<'_, '_>, value: Value| {
        Ok::<_, Error>(tests::is_odd(counted(state, &value, None)?))
    });
    env.add_test("even", |state: &State<'_, '_>, value: Value| {
        Ok::<_, Error>(tests::is_even(counted(state, &value, None)?))
    });
    env.add_test("divisibleby", |state: &State<'_, '_>, value: Value, by: Value| {
        Ok::<_, Error>(tests::is_divisibleby(&counted(state, &value, None)?, &counted(state, &by, None)?))
    });
    env.add_test("number", |state: &State<'_, '_>, value: Value| {
        with_evaluation(state, |evaluation| {
            Ok(evaluation.counted(&value).map_or(tests::is_number(&value), |read| read.is_ok()))
        })
    });
}

fn int(
    state: &State<'_, '_>,
    value: &Value,
    default: Option<Value>,
    base: Option<u32>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    if base.or(kwargs.peek("base").ok().flatten()).is_some() {
        return filters::int(state, value, default, base, kwargs);
    }
    let default = default.or(kwargs.get::<Option<Value>>("default")?);
    kwargs.assert_all_used()?;
    filters::int(state, &counted(state, value, default)?, None, None, nothing())
}

fn float(state: &State<'_, '_>, value: &Value, default: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let default = default.or(kwargs.get::<Option<Value>>("default")?);
    kwargs.assert_all_used()?;
    filters::float(state, &counted(state, value, default)?, None, nothing())
}

fn nothing() -> Kwargs {
    Kwargs::from_iter([] as [(&str, Value); 0])
}

/// Rounds like a spreadsheet; the engine rounds halves to even.
fn round(
    state: &State<'_, '_>,
    value: Value,
    precision: Option<i32>,
    method: Option<String>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let value = counted(state, &value, None)?;
    let places = precision.or(kwargs.peek("precision").ok().flatten()).unwrap_or(0);
    let common = method.as_deref().or(kwargs.peek("method").ok().flatten()).unwrap_or("common") == "common";
    let exact = number_of(&value).and_then(|number| number.exact);
    match exact.filter(|_| common && (0..=PLACES_MAX).contains(&places)) {
        Some(exact) => {
            kwargs.get::<Option<i32>>("precision")?;
            kwargs.get::<Option<&str>>("method")?;
            kwargs.assert_all_used()?;
            let away = RoundingStrategy::MidpointAwayFromZero;
            Ok(Number::of_decimal(exact.round_dp_with_strategy(places as u32, away)).value())
        }
        None => filters::round(value, precision, method.as_deref(), kwargs),
    }
}

/// Sums numbers and cells; sums of attributes use the engine.
fn sum(state: &State<'_, '_>, list: Value, args: Rest<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let plain = args.is_empty() && matches!(list.kind(), ValueKind::Seq | ValueKind::Iterable);
    if !plain || kwargs.args().next().is_some() {
        let attribute = args.first().and_then(Value::as_str);
        return filters::sum(state, list.clone(), attribute, args.get(1).cloned(), kwargs);
    }
    let mut sum = Value::from(0);
    for item in list.try_iter()? {
        sum = counted_with(state, &sum, "+", &item)?;
    }
    Ok(sum)
}

/// Parses a text as a number; returns other values unchanged.
fn counted(state: &State<'_, '_>, value: &Value, default: Option<Value>) -> Result<Value, Error> {
    with_evaluation(state, |evaluation| match (evaluation.counted(value), default) {
        (None, _) => Ok(value.clone()),
        (Some(Ok(number)), _) => Ok(number.value()),
        (Some(Err(_)), Some(default)) => Ok(default),
        (Some(Err(error)), None) => Err(evaluation.refuse(value.as_str().unwrap_or_default(), error)),
    })
}

/// `+` of two values; for lists as in the engine.
fn added(state: &State<'_, '_>, left: Value, right: Value, is_text: bool) -> Result<Value, Error> {
    if let Some(joined) = with_evaluation(state, |evaluation| evaluation.joined(&left, &right, is_text))? {
        return Ok(joined);
    }
    counted_with(state, &left, "+", &right)
}

/// Called as `count(a, '*', b)`.
fn count(state: &State<'_, '_>, left: Value, sign: &str, right: Value) -> Result<Value, Error> {
    counted_with(state, &left, sign, &right)
}

fn counted_with(state: &State<'_, '_>, left: &Value, sign: &str, right: &Value) -> Result<Value, Error> {
    if left.is_undefined() || right.is_undefined() {
        return Err(ErrorKind::UndefinedError.into());
    }
    if let Some(number) = with_evaluation(state, |evaluation| evaluation.count(left, sign, right))? {
        return Ok(number);
    }
    state.env().compile_expression(&format!("left {sign} right"))?.eval(context! { left, right })
}

impl Evaluation {
    /// Parses a text as a number; `None` for other values.
    fn counted(&self, value: &Value) -> Option<Result<Number, ValueError>> {
        let side = self.side(value);
        let text = match &side {
            Side::Cell(cell @ Cell { value: Scalar::Formatted(_, DisplayKind::Currency(_)), .. }) => {
                let syntax = NumberSyntax { decimal: None, currency: self.currency.as_deref() };
                if let Err(error) = number(*cell, syntax) {
                    return Some(Err(error));
                }
                cell.text
            }
            Side::Text(_) | Side::Cell(_) => text_of(&side),
            Side::Number(_) | Side::Other => return None,
        };
        Some(match self.read(&side) {
            ParsedSide::Number(number) => Ok(number),
            ParsedSide::Empty => {
                let hint = "fill the cell, or set a default: |int(default=0), |float(default=0)";
                let message = "the cell is empty, but the template needs a number";
                Err(ValueError { code: "empty", message: message.into(), hint: Some(hint.into()) })
            }
            // Without a decimal sign in the mapping, an ambiguous number is read with a dot.
            ParsedSide::Ambiguous(error) => match (self.decimal, text.trim().parse()) {
                (None, Ok(exact)) => Ok(Number::of_decimal(exact)),
                _ => Err(error),
            },
            ParsedSide::Text(error) => Err(error),
        })
    }

    /// Joins two texts unless both are numbers. `is_text`: the expression contains a string literal.
    fn joined(&self, left: &Value, right: &Value, is_text: bool) -> Result<Option<Value>, Error> {
        let (Some(one), Some(other)) = (left.as_str(), right.as_str()) else { return Ok(None) };
        if !is_text && [left, right].into_iter().all(|value| self.read(&self.side(value)).is_numeric()) {
            return Err(self.refuse(one, ambiguous_sum(one, other)));
        }
        self.sized(&Value::from(format!("{one}{other}"))).map(Some)
    }

    /// Computes with two numbers; `None` if one side is neither a number nor a text.
    fn count(&self, left: &Value, sign: &str, right: &Value) -> Result<Option<Value>, Error> {
        let mut sides = [Number::of_decimal(Decimal::ZERO); 2];
        for (number, value) in sides.iter_mut().zip([left, right]) {
            if is_other(&self.side(value)) {
                return Ok(None);
            }
            let read = self.counted(value).transpose();
            let read = read.map_err(|error| self.refuse(value.as_str().unwrap_or_default(), error))?;
            let Some(read) = read.or_else(|| number_of(value)) else { return Ok(None) };
            *number = read;
        }
        let [one, other] = sides;
        if matches!(sign, "/" | "//" | "%") && other.float == 0.0 {
            let message = message!("{value} is divided by zero", value = quoted(&left.to_string()));
            let hint = Some("check it in the template: … if row['…'] > 0 else …".into());
            return Err(self.refuse(right.as_str().unwrap_or_default(), ValueError { code: "template", message, hint }));
        }
        let exact = one.exact.zip(other.exact).and_then(|(one, other)| exactly(one, sign, other));
        let counted =
            exact.map(Number::of_decimal).unwrap_or_else(|| Number::of_float(roughly(one.float, sign, other.float)));
        Ok(Some(counted.value()))
    }
}

/// `None` if the result has too many digits.
fn exactly(one: Decimal, sign: &str, other: Decimal) -> Option<Decimal> {
    // The remainder is never negative, as in the engine.
    let whole = || {
        let quotient = one.checked_div(other)?;
        let down = if other.is_sign_positive() { quotient.floor() } else { quotient.ceil() };
        Some(down)
    };
    match sign {
        "+" => one.checked_add(other),
        "-" => one.checked_sub(other),
        "*" => one.checked_mul(other),
        "/" => one.checked_div(other),
        "//" => whole(),
        "%" => one.checked_sub(whole()?.checked_mul(other)?),
        _ => None,
    }
}

fn roughly(one: f64, sign: &str, other: f64) -> f64 {
    match sign {
        "+" => one + other,
        "-" => one - other,
        "*" => one * other,
        "/" => one / other,
        "//" => one.div_euclid(other),
        _ => one.rem_euclid(other),
    }
}

/// The error for an ambiguous `+` between two cells.
fn ambiguous_sum(one: &str, other: &str) -> ValueError {
    let message = message!("{one} + {other} can be a sum or a joined text", one = quoted(one), other = quoted(other));
    let hint = "write |float after one of them to add, or ~ instead of + to join";
    ValueError { code: "number", message, hint: Some(hint.into()) }
}
