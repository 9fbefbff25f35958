//! Dates that need no format in the mapping, and the errors for those that do.

use super::super::ValueError;
use super::layout::iso as iso_text;
use super::scan::{Cursor, DateError, DateParts, EXAMPLE, ParsedDate};
use jiff::civil::{Date, Time};
use sheet_source::message;

/// Parses `2025-03-05`, optionally with `T` or blanks and `10:30[:00[.000]]`, then optionally `Z` or `+03:00`.
pub(super) fn iso(text: &str) -> Result<ParsedDate, DateError> {
    let mut cursor = Cursor(text);
    let fields = iso_fields(&mut cursor).ok_or(DateError::Shape)?;
    if cursor.done() { fields.to_date() } else { Err(DateError::Shape) }
}

fn iso_fields(cursor: &mut Cursor<'_>) -> Option<DateParts> {
    let mut fields = DateParts { year: cursor.number(4, 4)?, ..DateParts::default() };
    cursor.eat('-').then_some(())?;
    fields.month = cursor.small(2)?;
    cursor.eat('-').then_some(())?;
    fields.day = cursor.small(2)?;
    if cursor.done() {
        return Some(fields);
    }
    (cursor.eat('T') || cursor.eat('t') || cursor.blanks()).then_some(())?;
    cursor.clock(&mut fields)?;
    if !cursor.done() {
        cursor.blanks();
        fields.offset = Some(cursor.offset()?);
    }
    Some(fields)
}

/// Parses `05.03.2025`, optionally with `г.` after the year, a comma, and `10:30[:00]`.
pub(super) fn dotted(text: &str) -> Result<ParsedDate, DateError> {
    let mut cursor = Cursor(text);
    let fields = dotted_fields(&mut cursor).ok_or(DateError::Shape)?;
    if cursor.done() { fields.to_date() } else { Err(DateError::Shape) }
}

fn dotted_fields(cursor: &mut Cursor<'_>) -> Option<DateParts> {
    let mut fields = DateParts { day: cursor.small(1)?, ..DateParts::default() };
    cursor.eat('.').then_some(())?;
    fields.month = cursor.small(1)?;
    cursor.eat('.').then_some(())?;
    fields.year = cursor.number(4, 4)?;
    if cursor.done() {
        return Some(fields);
    }
    let comma = cursor.eat(',');
    let mut gap = cursor.blanks();
    if !comma && cursor.eat('г') {
        cursor.eat('.');
        if cursor.done() {
            return Some(fields);
        }
        cursor.eat(',');
        gap = cursor.blanks();
    }
    gap.then_some(())?;
    cursor.clock(&mut fields)?;
    Some(fields)
}

/// Formats `day` like `text`.
pub(super) fn like(text: &str, day: Date) -> String {
    let time = text.contains(':').then_some(Time::constant(10, 30, 0, 0));
    if text.contains('.') && !text.contains('-') {
        let clock = if time.is_some() { " 10:30" } else { "" };
        format!("{:02}.{:02}.{:04}{clock}", day.day(), day.month(), day.year())
    } else {
        iso_text(day, time, None)
    }
}

/// The error for an unreadable text, if the mapping has no date formats.
pub(super) fn describe_unknown(text: &str, shown: &str) -> ValueError {
    let Some(parts) = Parts::of(text) else {
        let example = like("28.02.2025", EXAMPLE);
        return ValueError::new("date", shown, "is not a valid date").hint(message!(
            "dates look like {example} or {iso}; translate words with the values table of the mapping",
            example,
            iso = EXAMPLE.to_string()
        ));
    };
    let Parts { first, second, sign, .. } = parts;
    if let (Some(one), Some(other)) = (parts.day(second, first), parts.day(first, second))
        && one != other
        && sign != '.'
    {
        let spelled = |day: Date| day.strftime("%-d %B %Y").to_string();
        let what = message!("is ambiguous: {day} or {other_day}", day = spelled(one), other_day = spelled(other));
        return ValueError::new("ambiguous-date", shown, what).hint(message!(
            "under [source], add dates = [\"{day_first}\"] or dates = [\"{month_first}\"]",
            day_first = parts.layout("%d", "%m"),
            month_first = parts.layout("%m", "%d")
        ));
    }
    let layout = if sign != '.' && second > 12 { parts.layout("%m", "%d") } else { parts.layout("%d", "%m") };
    let what = if parts.year.is_none() && !parts.year_first {
        "has a two-digit year, which is ambiguous"
    } else {
        "is a date in a format that the mapping does not list"
    };
    ValueError::new("date-layout", shown, what).hint(message!("under [source], add dates = [\"{layout}\"]", layout))
}

/// Three numbers with the same separator between them.
struct Parts {
    first: i8,
    second: i8,
    /// `None` for a two-digit year.
    year: Option<i16>,
    year_first: bool,
    sign: char,
    clock: &'static str,
}

impl Parts {
    fn of(text: &str) -> Option<Parts> {
        let mut cursor = Cursor(text);
        let one = cursor.number(1, 4)?;
        let sign = ['/', '-', '.', '\\'].into_iter().find(|sign| cursor.eat(*sign))?;
        let two = cursor.small(1)?;
        cursor.eat(sign).then_some(())?;
        let before = cursor.0.len();
        let three = cursor.number(1, 4)?;
        let last_digits = before - cursor.0.len();
        let clock = match cursor.0.bytes().filter(|b| *b == b':').count() {
            _ if cursor.done() => "",
            1 => " %H:%M",
            2 => " %H:%M:%S",
            _ => return None,
        };
        let year_first = one > 99;
        let (first, year) = match (year_first, last_digits) {
            (true, _) => (i8::try_from(three).ok()?, Some(one)),
            (false, 4) => (i8::try_from(one).ok()?, Some(three)),
            (false, 2) => (i8::try_from(one).ok()?, None),
            (false, _) => return None,
        };
        Some(Parts { first, second: two, year, year_first, sign, clock })
    }

    /// The date with this month and day, if the year is last and has four digits.
    fn day(&self, month: i8, day: i8) -> Option<Date> {
        let year = self.year.filter(|_| !self.year_first)?;
        Date::new(year, month, day).ok()
    }

    fn layout(&self, first: &str, second: &str) -> String {
        let Parts { sign, clock, .. } = self;
        if self.year_first {
            return format!("%Y{sign}%m{sign}%d{clock}");
        }
        let year = if self.year.is_some() { "%Y" } else { "%y" };
        format!("{first}{sign}{second}{sign}{year}{clock}")
    }
}
