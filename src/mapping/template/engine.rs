//! Configures the template engine for mappings: own comparisons (`compare`), and filters with bounded results.

use super::compare::{BYTES_MAX, compare_values, number_of, with_evaluation};
use super::counting;
use super::operand::SIZED;
use super::operators::Rewritten;
use super::order;
use crate::mapping::convert::number::digits;
use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, escape_formatter, filters};

/// The most steps of one evaluation, so that a loop in a template cannot hang a run.
const FUEL: u64 = 20_000;

/// All built-ins of minijinja are pure: templates cannot read files or clocks, so a resumed run maps the same.
pub fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    env.set_formatter(|out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value| {
        if let Some(text) = value.as_str() {
            with_evaluation(state, |evaluation| evaluation.written(text.len()))?;
        } else {
            with_evaluation(state, |evaluation| evaluation.sized(value).map(drop))?;
        }
        // Without float noise: 0.3, not 0.30000000000000004.
        let number = number_of(value).filter(|_| !value.is_integer()).map(|number| Value::from(digits(number.float)));
        escape_formatter(out, state, number.as_ref().unwrap_or(value))
    });
    env.add_function(SIZED, |state: &State<'_, '_>, value: Value| {
        with_evaluation(state, |evaluation| evaluation.sized(&value))
    });
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
                with_evaluation(state, |evaluation| compare_values(evaluation, left, operator, right))
            });
        }
    }
    counting::register(&mut env);
    env.add_filter("max", order::max);
    env.add_filter("min", order::min);
    env.add_filter("sort", order::sort);
    bounded(&mut env, "replace", Value::from_function(filters::replace), replace_length);
    bounded(&mut env, "join", Value::from_function(filters::join), join_length);
    bounded(&mut env, "indent", Value::from_function(filters::indent), numbers_length);
    bounded(&mut env, "format", Value::from_function(filters::format), numbers_length);
    bounded(&mut env, "batch", Value::from_function(filters::batch), numbers_length);
    bounded(&mut env, "slice", Value::from_function(filters::slice), numbers_length);
    env
}

/// Checks that all filters and tests exist; the engine would report them only when it evaluates a row.
pub fn check_names(env: &Environment<'_>, called: &Rewritten) -> Result<(), Error> {
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

/// Adds a filter whose result may be much longer than its input; `min_length` estimates the length in bytes.
fn bounded(env: &mut Environment<'static>, name: &'static str, filter: Value, min_length: fn(&[Value]) -> usize) {
    env.add_filter(name, move |state: &mut State<'_, '_>, args: Rest<Value>| match min_length(&args) > BYTES_MAX {
        true => Err(with_evaluation(state, |evaluation| Ok(evaluation.too_long())).unwrap_or_else(|error| error)),
        false => filter.call(state, &args),
    });
}

fn bytes(value: &Value) -> usize {
    value.as_str().map_or(size_of::<Value>(), str::len)
}

fn replace_length(args: &[Value]) -> usize {
    let [Some(text), Some(from), Some(to)] = [0, 1, 2].map(|n| args.get(n).and_then(Value::as_str)) else { return 0 };
    let times = text.matches(from).count();
    (text.len() - times * from.len()).saturating_add(times.saturating_mul(to.len()))
}

fn join_length(args: &[Value]) -> usize {
    let [list, ..] = args else { return 0 };
    let joiner: usize = args[1..].iter().map(bytes).max().unwrap_or(0);
    let items = list.try_iter().into_iter().flatten();
    items.fold(0usize, |sum, item| sum.saturating_add(bytes(&item)).saturating_add(joiner))
}

/// The length for filters with widths or counts, per line or value.
fn numbers_length(args: &[Value]) -> usize {
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
    let widths = if text.contains('%') { in_text(text) } else { 0 };
    wide.saturating_mul(lines).saturating_add(widths)
}
