//! The attributes of a cell, and the value that they and its text make together.

use super::displayed_number::{NumberType, displayed_number};
use super::xml::{Ns, XmlTag, repeat_count};
use crate::cell::currency::CurrencySign;
use crate::cell::{DisplayKind, is_error};
use crate::file::error::WorkbookError;

/// A value; its text, if any, is the text of the cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OdsValue {
    Text,
    Number(f64),
    Displayed(f64, DisplayKind),
    Date,
    Time,
    Bool(bool),
    Error,
    Uncomputed,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum ValueType {
    Text,
    Number(NumberType),
    Date,
    Time,
    Bool,
}

#[derive(Debug, Default)]
pub struct CellAttributes {
    /// How many adjacent cells are equal.
    pub repeat: u32,
    /// How many columns and rows the cell is merged over.
    pub width: u32,
    pub height: u32,
    kind: Option<ValueType>,
    formula: bool,
    error: bool,
    number: Option<f64>,
    currency: Option<CurrencySign>,
    truth: Option<bool>,
    date: Option<String>,
    time: Option<String>,
    text: Option<String>,
}

impl CellAttributes {
    pub fn of(tag: &XmlTag<'_>) -> Result<CellAttributes, WorkbookError> {
        let mut attributes = CellAttributes { repeat: 1, width: 1, height: 1, ..CellAttributes::default() };
        tag.attributes(|ns, name, value| match (ns, name) {
            (Ns::Table, "number-columns-repeated") => attributes.repeat = repeat_count(&value),
            (Ns::Table, "number-columns-spanned") => attributes.width = repeat_count(&value),
            (Ns::Table, "number-rows-spanned") => attributes.height = repeat_count(&value),
            (Ns::Table, "formula") => attributes.formula = true,
            (Ns::Calcext, "value-type") => attributes.error = value == "error",
            (Ns::Office, "value-type") => attributes.kind = ValueType::parse(&value),
            (Ns::Office, "value") => {
                attributes.number = value.trim().parse().ok().filter(|number: &f64| number.is_finite());
                if attributes.number.is_none() && attributes.text.is_none() {
                    attributes.text = Some(value.into_owned());
                }
            }
            (Ns::Office, "currency") => attributes.currency = CurrencySign::parse(value.trim()),
            (Ns::Office, "boolean-value") => attributes.truth = parse_bool(value.trim()),
            (Ns::Office, "date-value") => attributes.date = Some(value.into_owned()),
            (Ns::Office, "time-value") => attributes.time = Some(value.into_owned()),
            (Ns::Office, "string-value") => attributes.text = Some(value.into_owned()),
            _ => {}
        })?;
        Ok(attributes)
    }

    /// True if the cell seems to have a value, from a quick look.
    pub fn is_filled(&self, display: &str) -> bool {
        let tag = self.formula || self.error || self.number.is_some() || self.truth.is_some();
        let texts = [&self.date, &self.time, &self.text];
        tag || texts.into_iter().flatten().any(|text| !text.is_empty()) || !display.trim().is_empty()
    }

    /// The value of the cell. The displayed text begins at `start`, and is replaced with the text of the value.
    /// `None` if the cell is empty.
    pub fn value(&self, start: usize, text: &mut String) -> Option<OdsValue> {
        let display = &text[start..];
        if self.error && display.is_empty() {
            text.push_str("#ERROR");
        }
        if self.error || (self.formula && is_error(&text[start..])) {
            return Some(OdsValue::Error);
        }
        let stored = match self.value_type() {
            Some(ValueType::Number(kind)) => self.number.map(|number| self.number(number, kind, (start, text))),
            Some(ValueType::Date) => self.date.as_deref().map(|date| replace_text(text, start, date, OdsValue::Date)),
            Some(ValueType::Time) => self.time.as_deref().map(|time| replace_text(text, start, time, OdsValue::Time)),
            Some(ValueType::Bool) => self.truth.map(OdsValue::Bool),
            Some(ValueType::Text) | None => None,
        };
        if stored.is_some() {
            return stored;
        }
        // A number with the wrong type, or a damaged one, is kept as text; a text can be displayed differently from
        // its value.
        if let Some(stored_text) = self.text.as_deref().filter(|stored_text| !stored_text.is_empty()) {
            replace_text(text, start, stored_text, OdsValue::Text);
        }
        if !text[start..].trim().is_empty() {
            return Some(OdsValue::Text);
        }
        let computed = self.kind == Some(ValueType::Text) || self.text.is_some() || !text[start..].is_empty();
        (self.formula && !computed).then_some(OdsValue::Uncomputed)
    }

    /// The declared type, or the type of the value that is given.
    fn value_type(&self) -> Option<ValueType> {
        self.kind.or_else(|| {
            let number = self.number.map(|_| ValueType::Number(NumberType::Float));
            let date = || self.date.as_ref().map(|_| ValueType::Date);
            let time = || self.time.as_ref().map(|_| ValueType::Time);
            let truth = || self.truth.map(|_| ValueType::Bool);
            number.or_else(date).or_else(time).or_else(truth)
        })
    }

    fn number(&self, number: f64, kind: NumberType, (start, text): (usize, &mut String)) -> OdsValue {
        let kind = match kind {
            NumberType::Currency(_) => NumberType::Currency(self.currency),
            kind => kind,
        };
        let mut read = String::new();
        match displayed_number(number, kind, &text[start..], &mut read) {
            Some(kind) => replace_text(text, start, &read, OdsValue::Displayed(number, kind)),
            None => replace_text(text, start, "", OdsValue::Number(number)),
        }
    }
}

fn replace_text(text: &mut String, start: usize, stored_text: &str, stored: OdsValue) -> OdsValue {
    text.truncate(start);
    text.push_str(stored_text);
    stored
}

impl ValueType {
    fn parse(name: &str) -> Option<ValueType> {
        Some(match name {
            "string" => ValueType::Text,
            "float" => ValueType::Number(NumberType::Float),
            "percentage" => ValueType::Number(NumberType::Percentage),
            "currency" => ValueType::Number(NumberType::Currency(None)),
            "date" => ValueType::Date,
            "time" => ValueType::Time,
            "boolean" => ValueType::Bool,
            // `void` is no type.
            _ => return None,
        })
    }
}

fn parse_bool(written: &str) -> Option<bool> {
    match written {
        "1" => Some(true),
        "0" => Some(false),
        _ if written.eq_ignore_ascii_case("true") => Some(true),
        _ if written.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}
