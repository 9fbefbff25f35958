//! For tests: what `calamine` gives, as our own readers would.

use super::value::Value;
use calamine::{CellErrorType, Data, DataRef};

impl<'a> From<&'a Data> for Value<'a> {
    fn from(data: &'a Data) -> Value<'a> {
        match data {
            Data::Empty => Value::Empty,
            Data::String(text) => Value::Text(text),
            Data::Int(number) => Value::Number(*number as f64),
            Data::Float(number) => Value::Number(*number),
            Data::DateTime(date) => Value::Date { days: date.as_f64(), duration: date.is_duration() },
            Data::DateTimeIso(text) => Value::Iso(text),
            Data::DurationIso(text) => Value::IsoDuration(text),
            Data::Bool(truth) => Value::Bool(*truth),
            Data::Error(error) => Value::Error(error_name(error)),
        }
    }
}

impl<'a> From<&'a DataRef<'_>> for Value<'a> {
    fn from(data: &'a DataRef<'_>) -> Value<'a> {
        match data {
            DataRef::Empty => Value::Empty,
            DataRef::String(text) => Value::Text(text),
            DataRef::SharedString(text) => Value::Text(text),
            DataRef::Int(number) => Value::Number(*number as f64),
            DataRef::Float(number) => Value::Number(*number),
            DataRef::DateTime(date) => Value::Date { days: date.as_f64(), duration: date.is_duration() },
            DataRef::DateTimeIso(text) => Value::Iso(text),
            DataRef::DurationIso(text) => Value::IsoDuration(text),
            DataRef::Bool(truth) => Value::Bool(*truth),
            DataRef::Error(error) => Value::Error(error_name(error)),
        }
    }
}

fn error_name(error: &CellErrorType) -> &'static str {
    match error {
        CellErrorType::Div0 => "#DIV/0!",
        CellErrorType::NA => "#N/A",
        CellErrorType::Name => "#NAME?",
        CellErrorType::Null => "#NULL!",
        CellErrorType::Num => "#NUM!",
        CellErrorType::Ref => "#REF!",
        CellErrorType::Value => "#VALUE!",
        CellErrorType::GettingData => "#GETTING_DATA",
    }
}
