//! Arithmetic as a person means it who has a table before them: cells are the numbers they show, sums and products have no
//! noise of binary fractions, a half is rounded away from zero.

use super::compare::within;
use super::compare::{Number, Reading, Side, Under, is_other, number_of, text_of};
use crate::mapping::convert::Unfit;
use crate::mapping::convert::number::{Amounts, number};
use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value, context, filters, tests};
use rust_decimal::{Decimal, RoundingStrategy};
use sheet_source::message;
use sheet_source::problem::quoted;
use sheet_source::{Cell, DisplayKind, Scalar};

/// Decimals a number may be rounded to.
const PLACES_MAX: i32 = 20;

pub fn add_to(env: &mut Environment<'static>) {
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
        within(state, |under| Ok(under.counted(&value).map_or(tests::is_number(&value), |read| read.is_ok())))
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

/// As a spreadsheet rounds: the engine takes a half to the even side.
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

/// Of numbers and of cells; of something in the items, the engine's.
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

/// A text as a number; a number, and what is neither, as it is.
fn counted(state: &State<'_, '_>, value: &Value, default: Option<Value>) -> Result<Value, Error> {
    within(state, |under| match (under.counted(value), default) {
        (None, _) => Ok(value.clone()),
        (Some(Ok(number)), _) => Ok(number.value()),
        (Some(Err(_)), Some(default)) => Ok(default),
        (Some(Err(unfit)), None) => Err(under.refuse(value.as_str().unwrap_or_default(), unfit)),
    })
}

/// `+` of two values; of lists it is the engine's.
fn added(state: &State<'_, '_>, left: Value, right: Value, is_text: bool) -> Result<Value, Error> {
    if let Some(joined) = within(state, |under| under.joined(&left, &right, is_text))? {
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
    if let Some(number) = within(state, |under| under.count(left, sign, right))? {
        return Ok(number);
    }
    state.env().compile_expression(&format!("left {sign} right"))?.eval(context! { left, right })
}

impl Under {
    /// A text as a number; `None` where it is no text.
    fn counted(&self, value: &Value) -> Option<Result<Number, Unfit>> {
        let side = self.side(value);
        let text = match &side {
            Side::Cell(cell @ Cell { value: Scalar::Formatted(_, DisplayKind::Currency(_)), .. }) => {
                let amounts = Amounts { decimal: None, currency: self.currency.as_deref() };
                if let Err(unfit) = number(*cell, amounts) {
                    return Some(Err(unfit));
                }
                cell.text
            }
            Side::Text(_) | Side::Cell(_) => text_of(&side),
            Side::Number(_) | Side::Other => return None,
        };
        Some(match self.read(&side) {
            Reading::Number(number) => Ok(number),
            Reading::Empty => {
                let hint = "fill the cell, or say what an empty one is: |int(default=0), |float(default=0)";
                let message = "the cell is empty, and a number is made of it";
                Err(Unfit { code: "empty", message: message.into(), hint: Some(hint.into()) })
            }
            // Where the source does not say how it writes numbers, the author has now asked for one: it has a dot.
            Reading::Unclear(unfit) => match (self.decimal, text.trim().parse()) {
                (None, Ok(exact)) => Ok(Number::of_decimal(exact)),
                _ => Err(unfit),
            },
            Reading::Words(unfit) => Err(unfit),
        })
    }

    /// Two texts as one, where they are no two numbers. `is_text`: the author has put a text beside them.
    fn joined(&self, left: &Value, right: &Value, is_text: bool) -> Result<Option<Value>, Error> {
        let (Some(one), Some(other)) = (left.as_str(), right.as_str()) else { return Ok(None) };
        if !is_text && [left, right].into_iter().all(|value| self.read(&self.side(value)).is_numeric()) {
            return Err(self.refuse(one, two_meanings(one, other)));
        }
        self.sized(&Value::from(format!("{one}{other}"))).map(Some)
    }

    /// What two numbers come to; `None` where one side is neither a number nor a text.
    fn count(&self, left: &Value, sign: &str, right: &Value) -> Result<Option<Value>, Error> {
        let mut sides = [Number::of_decimal(Decimal::ZERO); 2];
        for (number, value) in sides.iter_mut().zip([left, right]) {
            if is_other(&self.side(value)) {
                return Ok(None);
            }
            let read = self.counted(value).transpose();
            let read = read.map_err(|unfit| self.refuse(value.as_str().unwrap_or_default(), unfit))?;
            let Some(read) = read.or_else(|| number_of(value)) else { return Ok(None) };
            *number = read;
        }
        let [one, other] = sides;
        if matches!(sign, "/" | "//" | "%") && other.float == 0.0 {
            let message = message!("{value} is divided by nothing", value = quoted(&left.to_string()));
            let hint = Some("let the template ask first: … if row['…'] > 0 else …".into());
            return Err(self.refuse(right.as_str().unwrap_or_default(), Unfit { code: "template", message, hint }));
        }
        let exact = one.exact.zip(other.exact).and_then(|(one, other)| exactly(one, sign, other));
        let counted =
            exact.map(Number::of_decimal).unwrap_or_else(|| Number::of_float(roughly(one.float, sign, other.float)));
        Ok(Some(counted.value()))
    }
}

/// `None` where the result has too many digits.
fn exactly(one: Decimal, sign: &str, other: Decimal) -> Option<Decimal> {
    // What is left over is never less than nothing, as with the engine.
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
