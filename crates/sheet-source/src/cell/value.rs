//! Converts values of workbook cells to text and `Scalar`: numbers with their significant digits, dates as ISO text
//! and as days since 1899-12-30, whatever the epoch of the workbook.

use super::number::{EXACT_INTEGERS_BELOW, write_number};
use crate::cell::number_format::{NumberFormat, Pattern};
use crate::cell::{DisplayKind, Scalar, is_error};
use jiff::civil::{Date, DateTime, Time, date};
use std::fmt::Write;

/// 1904-01-01 in days since 1899-12-30.
const DAYS_TO_1904: f64 = 1462.0;
/// 9999-12-31, the last date in Excel.
const SERIAL_MAX: f64 = 2_958_465.0;
/// The value of a cell as the workbook stores it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CellValue<'a> {
    Empty,
    Text(&'a str),
    Number(f64),
    /// A number with a format that adds meaning.
    Formatted(f64, &'a Pattern),
    /// A number and its displayed text, where the file contains both.
    Displayed {
        number: f64,
        text: &'a str,
        kind: DisplayKind,
    },
    /// Days since the epoch of the workbook; a duration has no date.
    Date {
        days: f64,
        duration: bool,
    },
    /// `2025-03-05`, `2025-03-05T10:30:00`, `10:30:00`, as in strict OOXML and ods.
    IsoDateTime(&'a str),
    /// `PT10H30M00S`
    IsoDuration(&'a str),
    Bool(bool),
    Error(&'a str),
    /// A formula without a stored result; its text, if known.
    Uncomputed(&'a str),
}

impl<'a> CellValue<'a> {
    /// A number with the format of its cell.
    pub fn number(number: f64, format: &'a NumberFormat) -> CellValue<'a> {
        match format {
            NumberFormat::Plain => CellValue::Number(number),
            NumberFormat::Date => CellValue::Date { days: number, duration: false },
            NumberFormat::Duration => CellValue::Date { days: number, duration: true },
            NumberFormat::Pattern(pattern) => CellValue::Formatted(number, pattern),
        }
    }
}

/// Appends the text of the value and returns its type.
pub fn write(value: CellValue<'_>, epoch_1904: bool, text: &mut String) -> Scalar {
    match value {
        CellValue::Empty => Scalar::Empty,
        CellValue::Text(t) => {
            text.push_str(t);
            if t.starts_with('#') && is_error(t) {
                return Scalar::Error;
            }
            if t.chars().all(char::is_whitespace) { Scalar::Empty } else { Scalar::Text }
        }
        CellValue::Number(number) => {
            write_number(number, text);
            Scalar::Number(number)
        }
        CellValue::Bool(truth) => {
            text.push_str(if truth { "true" } else { "false" });
            Scalar::Bool(truth)
        }
        CellValue::Error(name) => {
            text.push_str(name);
            Scalar::Error
        }
        CellValue::Formatted(number, pattern) => write_formatted(number, pattern, text),
        CellValue::Displayed { number, text: shown, kind } => {
            text.push_str(shown);
            Scalar::Formatted(number, kind)
        }
        // `Row::get` hides this text.
        CellValue::Uncomputed(formula) => {
            text.push_str(formula);
            Scalar::Uncomputed
        }
        CellValue::Date { days, duration } => write_workbook_date(days, duration, epoch_1904, text),
        CellValue::IsoDateTime(iso) => match IsoDateTime::parse(iso) {
            Some(IsoDateTime::Time(time)) => write_serial(day_fraction(time), false, text),
            Some(IsoDateTime::DateTime(date_time)) => write_date_time(date_time, text),
            None => write(CellValue::Text(iso), epoch_1904, text),
        },
        CellValue::IsoDuration(iso) => match parse_duration(iso) {
            Some(days) => write_serial(days, true, text),
            None => write(CellValue::Text(iso), epoch_1904, text),
        },
    }
}

fn write_formatted(number: f64, pattern: &Pattern, text: &mut String) -> Scalar {
    // Larger numbers are not exact and stay in scientific notation.
    if number.abs() < EXACT_INTEGERS_BELOW
        && let Some(shown) = pattern.write(number, text)
    {
        return Scalar::Formatted(number, shown);
    }
    write_number(number, text);
    Scalar::Number(number)
}

/// Appends a date that the workbook stores. A value below one day is a time of day and has no epoch.
fn write_workbook_date(days: f64, duration: bool, epoch_1904: bool, text: &mut String) -> Scalar {
    let days = match days {
        _ if duration || days < 1.0 => days,
        _ if epoch_1904 => days + DAYS_TO_1904,
        // Excel counts a 29 February 1900, so earlier days are one too low.
        1.0..60.0 => days + 1.0,
        _ => days,
    };
    write_serial(days, duration, text)
}

fn write_serial(days: f64, duration: bool, text: &mut String) -> Scalar {
    const SECONDS: f64 = 86_400.0;
    if !(0.0..SERIAL_MAX + 1.0).contains(&days) {
        // Excel shows `####`; only the number is left.
        write_number(days, text);
        return Scalar::Number(days);
    }
    let seconds = (days * SECONDS).round() as i64;
    let (day, rest) = (seconds / 86_400, seconds % 86_400);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    // Writing into a String cannot fail.
    let _ = if duration || day == 0 {
        write!(text, "{:02}:{minute:02}:{second:02}", day * 24 + hour)
    } else {
        match epoch().checked_add(jiff::Span::new().days(day)) {
            Ok(date) if rest == 0 => write!(text, "{date}"),
            Ok(date) => write!(text, "{date}T{hour:02}:{minute:02}:{second:02}"),
            Err(_) => write!(text, "{days}"),
        }
    };
    Scalar::Serial(days)
}

fn epoch() -> Date {
    date(1899, 12, 30)
}

/// A date, date-time or time in ISO 8601.
enum IsoDateTime {
    Time(Time),
    DateTime(DateTime),
}

impl IsoDateTime {
    fn parse(iso: &str) -> Option<IsoDateTime> {
        let iso = iso.trim();
        let iso = iso.strip_suffix('Z').unwrap_or(iso);
        if let Ok(time) = iso.parse::<Time>()
            && !iso.contains('-')
        {
            return Some(IsoDateTime::Time(time));
        }
        let date_time = iso.parse::<DateTime>().ok();
        date_time.or_else(|| Some(iso.parse::<Date>().ok()?.to_datetime(Time::midnight()))).map(IsoDateTime::DateTime)
    }
}

/// Appends a date-time, which can be before the first day that workbooks count.
fn write_date_time(date_time: DateTime, text: &mut String) -> Scalar {
    let Ok(days) = epoch().until(date_time.date()) else { return Scalar::Text };
    let days = f64::from(days.get_days()) + day_fraction(date_time.time());
    // Rounded to whole seconds, like all displayed times.
    let whole = date_time.round(jiff::Unit::Second).unwrap_or(date_time);
    let date = whole.date();
    // Writing into a String cannot fail.
    let _ = match whole.time() == Time::midnight() {
        true => write!(text, "{date}"),
        false => write!(text, "{date}T{}", whole.time().strftime("%H:%M:%S")),
    };
    Scalar::Serial(days)
}

fn day_fraction(time: Time) -> f64 {
    let seconds = f64::from(time.hour()) * 3_600.0 + f64::from(time.minute()) * 60.0 + f64::from(time.second());
    (seconds + f64::from(time.subsec_nanosecond()) / 1e9) / 86_400.0
}

fn parse_duration(iso: &str) -> Option<f64> {
    let span: jiff::Span = iso.trim().parse().ok()?;
    let seconds = span.total(jiff::SpanTotal::from(jiff::Unit::Second).days_are_24_hours()).ok()?;
    Some(seconds / 86_400.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_the_same_whatever_the_workbook_counts_from() {
        let excel = |days, kind, epoch_1904| {
            let mut text = String::new();
            (write(CellValue::Date { days, duration: kind }, epoch_1904, &mut text), text)
        };
        let (date, time) = (false, true);
        for (found, serial, text) in [
            (excel(45_721.0, date, false), 45_721.0, "2025-03-05"),
            (excel(45721.4375, date, false), 45721.4375, "2025-03-05T10:30:00"),
            (excel(45721.9999999, date, false), 45721.9999999, "2025-03-06"),
            (excel(44_259.0, date, true), 45_721.0, "2025-03-05"),
            (excel(0.4375, date, true), 0.4375, "10:30:00"),
            (excel(1.0, date, false), 2.0, "1900-01-01"),
            (excel(1.5, time, false), 1.5, "36:00:00"),
        ] {
            assert_eq!(found, (Scalar::Serial(serial), text.to_owned()));
        }
        assert_eq!(excel(-1.0, date, false).0, Scalar::Number(-1.0));
        assert_eq!(excel(3e6, date, false).0, Scalar::Number(3e6));
    }

    #[test]
    fn iso_dates_become_serials() {
        for (value, serial, text) in [
            (CellValue::IsoDateTime("2025-03-05"), 45_721.0, "2025-03-05"),
            (CellValue::IsoDateTime("2025-03-05T10:30:00"), 45721.4375, "2025-03-05T10:30:00"),
            (CellValue::IsoDateTime("10:30:00"), 0.4375, "10:30:00"),
            (CellValue::IsoDuration("PT10H30M00S"), 0.4375, "10:30:00"),
        ] {
            let mut shown = String::new();
            assert_eq!(write(value, false, &mut shown), Scalar::Serial(serial), "{value:?}");
            assert_eq!(shown, text);
        }
        let mut shown = String::new();
        assert_eq!(write(CellValue::IsoDateTime("soon"), false, &mut shown), Scalar::Text);
    }
}
