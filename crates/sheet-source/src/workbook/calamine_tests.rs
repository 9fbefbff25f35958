//! For tests: converts cells of `calamine` to the values of our own readers.

use crate::cell::value::CellValue;
use calamine::{CellErrorType, Data, DataRef};

impl<'a> From<&'a Data> for CellValue<'a> {
    fn from(data: &'a Data) -> CellValue<'a> {
        match data {
            Data::Empty => CellValue::Empty,
            Data::String(text) => CellValue::Text(text),
            Data::Int(number) => CellValue::Number(*number as f64),
            Data::Float(number) => CellValue::Number(*number),
            Data::DateTime(date) => CellValue::Date { days: date.as_f64(), duration: date.is_duration() },
            Data::DateTimeIso(text) => CellValue::IsoDateTime(text),
            Data::DurationIso(text) => CellValue::IsoDuration(text),
            Data::Bool(truth) => CellValue::Bool(*truth),
            Data::Error(error) => CellValue::Error(error_name(error)),
        }
    }
}

impl<'a> From<&'a DataRef<'_>> for CellValue<'a> {
    fn from(data: &'a DataRef<'_>) -> CellValue<'a> {
        match data {
            DataRef::Empty => CellValue::Empty,
            DataRef::String(text) => CellValue::Text(text),
            DataRef::SharedString(text) => CellValue::Text(text),
            DataRef::Int(number) => CellValue::Number(*number as f64),
            DataRef::Float(number) => CellValue::Number(*number),
            DataRef::DateTime(date) => CellValue::Date { days: date.as_f64(), duration: date.is_duration() },
            DataRef::DateTimeIso(text) => CellValue::IsoDateTime(text),
            DataRef::DurationIso(text) => CellValue::IsoDuration(text),
            DataRef::Bool(truth) => CellValue::Bool(*truth),
            DataRef::Error(error) => CellValue::Error(error_name(error)),
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
