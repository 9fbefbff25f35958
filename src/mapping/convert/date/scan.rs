//! Parses dates from left to right, without splitting the text first.

use super::super::ValueError;
use jiff::civil::{Date, Time, date};
use jiff::tz::Offset;
use sheet_source::message;

/// The date shown in hints.
pub(super) const EXAMPLE: Date = date(2025, 2, 28);

/// A parsed date.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ParsedDate {
    pub date: Date,
    pub time: Option<Time>,
    pub offset: Option<Offset>,
}

/// Why a text is not a date in some layout.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum DateError {
    /// The text does not match.
    Shape,
    /// The day does not exist in the calendar; holds an existing day of the same month, if there is one.
    Day(Date),
    /// The time of day does not exist.
    Time,
}

impl DateError {
    pub fn into_error(self, shown: &str, like: impl Fn(Date) -> String) -> ValueError {
        let (what, day) = match self {
            DateError::Shape => ("is not a valid date", EXAMPLE),
            DateError::Day(near) => ("is not a day of the calendar", near),
            DateError::Time => ("has an invalid time", EXAMPLE),
        };
        ValueError::new("date", shown, what).hint(message!("dates look like {example}", example = like(day)))
    }
}

/// The numbers of a date, before validation.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DateParts {
    pub year: i16,
    pub month: i8,
    pub day: i8,
    pub hour: Option<i8>,
    pub minute: i8,
    pub second: i8,
    /// True for p.m.
    pub afternoon: Option<bool>,
    pub offset: Option<Offset>,
}

impl DateParts {
    pub fn to_date(self) -> Result<ParsedDate, DateError> {
        let date = Date::new(self.year, self.month, self.day).map_err(|_| {
            let first = Date::new(self.year, self.month, 1);
            DateError::Day(first.map_or(EXAMPLE, Date::last_of_month))
        })?;
        let hour = match (self.hour, self.afternoon) {
            (None, _) => return Ok(ParsedDate { date, time: None, offset: self.offset }),
            (Some(hour), None) => hour,
            (Some(hour @ 1..=12), Some(afternoon)) => hour % 12 + if afternoon { 12 } else { 0 },
            (Some(_), Some(_)) => return Err(DateError::Time),
        };
        let time = Time::new(hour, self.minute, self.second, 0).map_err(|_| DateError::Time)?;
        Ok(ParsedDate { date, time: Some(time), offset: self.offset })
    }
}

/// The rest of the text. Each method consumes what its name says, or nothing, and returns whether it did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a>(pub &'a str);

impl<'a> Cursor<'a> {
    pub fn done(self) -> bool {
        self.0.is_empty()
    }

    pub fn eat(&mut self, wanted: char) -> bool {
        match self.0.strip_prefix(wanted) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// Consumes white space, at least one character.
    pub fn blanks(&mut self) -> bool {
        let rest = self.0.trim_start();
        let some = rest.len() < self.0.len();
        self.0 = rest;
        some
    }

    /// Parses a number of `min` to `max` digits, greedily; `max` is at most four.
    pub fn number(&mut self, min: usize, max: usize) -> Option<i16> {
        let count = self.0.bytes().take(max).take_while(u8::is_ascii_digit).count();
        if count < min {
            return None;
        }
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        Some(digits.bytes().fold(0, |sum, b| sum * 10 + i16::from(b - b'0')))
    }

    pub fn small(&mut self, min: usize) -> Option<i8> {
        self.number(min, 2).and_then(|n| i8::try_from(n).ok())
    }

    pub fn letters(&mut self) -> &'a str {
        let end = self.0.find(|c: char| !c.is_alphabetic()).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        word
    }

    /// Parses `10:30`, `10:30:15` or `10:30:15.250`; fractions of a second are dropped.
    pub fn clock(&mut self, fields: &mut DateParts) -> Option<()> {
        fields.hour = Some(self.small(1)?);
        self.eat(':').then_some(())?;
        fields.minute = self.small(2)?;
        if self.eat(':') {
            fields.second = self.small(2)?;
            if self.eat('.') || self.eat(',') {
                self.fraction()?;
            }
        }
        Some(())
    }

    /// Consumes the digits of a fraction, at least one.
    pub fn fraction(&mut self) -> Option<()> {
        let rest = self.0.trim_start_matches(|c: char| c.is_ascii_digit());
        let some = rest.len() < self.0.len();
        self.0 = rest;
        some.then_some(())
    }

    /// Parses `Z`, `+03`, `+0300` or `+03:00`.
    pub fn offset(&mut self) -> Option<Offset> {
        if self.eat('Z') || self.eat('z') {
            return Some(Offset::UTC);
        }
        let sign = if self.eat('+') { 1 } else { (self.eat('-') || self.eat('−')).then_some(-1)? };
        let hours = i32::from(self.number(2, 2)?);
        let colon = self.eat(':');
        let minutes = match self.number(2, 2) {
            Some(minutes) => i32::from(minutes),
            None if colon => return None,
            None => 0,
        };
        // No time zone is, or was, further from UTC.
        if hours > 15 || minutes > 59 {
            return None;
        }
        Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
    }
}
