//! The template engine as a mapping has it: comparisons of our own (`compare`), and filters that know how long their result
//! may be.

use super::compare::{BYTES_MAX, number_of, tested, within};
use super::counting;
use super::operand::SIZED;
use super::operators::Rewritten;
use super::order;
use crate::mapping::convert::number::digits;
use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, escape_formatter, filters};

/// Steps one evaluation may take, so that a loop in a template cannot hang a run.
const FUEL: u64 = 20_000;

/// Everything minijinja ships is pure: no template can read a file or a clock, so a resumed run maps alike.
pub fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    env.set_formatter(|out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value| {
        if let Some(text) = value.as_str() {
            within(state, |under| under.written(text.len()))?;
        } else {
            within(state, |under| under.sized(value).map(drop))?;
        }
        // With the digits that are true: 0.3, not 0.30000000000000004.
        let number = number_of(value).filter(|_| !value.is_integer()).map(|number| Value::from(digits(number.float)));
        escape_formatter(out, state, number.as_ref().unwrap_or(value))
    });
    env.add_function(SIZED, |state: &State<'_, '_>, value: Value| within(state, |under| under.sized(&value)));
    for (operator, names) in [
        ("==", ["eq", "equalto", "=="]),
        ("!=", ["ne", "!=", "!="]),
        ("<", ["lt", "lessthan", "<"]),
        ("<=", ["le", "<=", "<="]),
        (">", ["gt", "greaterthan", ">"]),
        (">=", ["ge", ">=", ">="]),
        ("in", ["in", "in", "in"]),
    ] {
        for name in names {
            env.add_test(name, move |state: &State<'_, '_>, left: &Value, right: &Value| {
                within(state, |under| tested(under, left, operator, right))
            });
        }
    }
    counting::add_to(&mut env);
    env.add_filter("max", order::max);
    env.add_filter("min", order::min);
    env.add_filter("sort", order::sort);
    bounded(&mut env, "replace", Value::from_function(filters::replace), of_replace);
    bounded(&mut env, "join", Value::from_function(filters::join), of_join);
    bounded(&mut env, "indent", Value::from_function(filters::indent), of_numbers);
    bounded(&mut env, "format", Value::from_function(filters::format), of_numbers);
    bounded(&mut env, "batch", Value::from_function(filters::batch), of_numbers);
    bounded(&mut env, "slice", Value::from_function(filters::slice), of_numbers);
    env
}

/// Which filters and tests there are the engine finds out when it meets them, in a row; the author is told at once.
pub fn knows(env: &Environment<'_>, called: &Rewritten) -> Result<(), Error> {
    let filters = called.filters.iter().map(|name| (format!("''|{name}"), ErrorKind::UnknownFilter, name));
    let tests = called.tests.iter().map(|name| (format!("'' is {name}"), ErrorKind::UnknownTest, name));
    for (expression, kind, name) in filters.chain(tests) {
        let answer = env.compile_expression(&expression).and_then(|compiled| compiled.eval(()));
        if answer.is_err_and(|error| error.kind() == kind) {
            return Err(Error::new(kind, format!("there is no \"{name}\"")));
        }
    }
    Ok(())
}

/// A filter whose result may be much longer than what goes in; `least` says by how much.
fn bounded(env: &mut Environment<'static>, name: &'static str, filter: Value, least: fn(&[Value]) -> usize) {
    env.add_filter(name, move |state: &mut State<'_, '_>, args: Rest<Value>| match least(&args) > BYTES_MAX {
        true => Err(within(state, |under| Ok(under.too_long())).unwrap_or_else(|error| error)),
        false => filter.call(state, &args),
    });
}

fn bytes(value: &Value) -> usize {
    value.as_str().map_or(size_of::<Value>(), str::len)
}

fn of_replace(args: &[Value]) -> usize {
    let [Some(text), Some(from), Some(to)] = [0, 1, 2].map(|n| args.get(n).and_then(Value::as_str)) else { return 0 };
    let times = text.matches(from).count();
    (text.len() - times * from.len()).saturating_add(times.saturating_mul(to.len()))
}

fn of_join(args: &[Value]) -> usize {
    let [list, ..] = args else { return 0 };
    let joiner: usize = args[1..].iter().map(bytes).max().unwrap_or(0);
    let items = list.try_iter().into_iter().flatten();
    items.fold(0usize, |sum, item| sum.saturating_add(bytes(&item)).saturating_add(joiner))
}

/// Of filters that are told how wide or how many, once for each line or value.
fn of_numbers(args: &[Value]) -> usize {
    let in_text = |text: &str| {
        let numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
        numbers.fold(0usize, |sum, digits| sum.saturating_add(digits.parse().unwrap_or(usize::MAX)))
    };
    let number = |value: &Value| match value.kind() {
        ValueKind::Number => usize::try_from(value.clone()).unwrap_or(0),
        _ => 0,
    };
    let Some((first, more)) = args.split_first() else { return 0 };
    let named = |value: &Value| -> usize {
        let names = value.is_kwargs().then(|| value.try_iter()).into_iter().flatten().flatten();
        names.map(|name| value.get_item(&name).map_or(0, |value| number(&value))).sum()
    };
    let wide = more.iter().map(|value| number(value).saturating_add(named(value))).fold(0usize, usize::saturating_add);
    let text = first.as_str().unwrap_or_default();
    let lines = text.lines().count().max(1);
    let asked = if text.contains('%') { in_text(text) } else { 0 };
    wide.saturating_mul(lines).saturating_add(asked)
}
