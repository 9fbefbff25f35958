//! Dates that need no layout, and what to say of those that do.

use super::super::Unfit;
use super::layout::iso as iso_text;
use super::scan::{Cursor, EXAMPLE, Fields, Miss, Written};
use jiff::civil::{Date, Time};
use sheet_source::message;

/// `2025-03-05`, also with `T` or blanks and `10:30[:00[.000]]`, and then also with `Z` or `+03:00`.
pub(super) fn iso(text: &str) -> Result<Written, Miss> {
    let mut cursor = Cursor(text);
    let fields = iso_fields(&mut cursor).ok_or(Miss::Shape)?;
    if cursor.done() { fields.written() } else { Err(Miss::Shape) }
}

fn iso_fields(cursor: &mut Cursor<'_>) -> Option<Fields> {
    let mut fields = Fields { year: cursor.number(4, 4)?, ..Fields::default() };
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

/// `05.03.2025`, also with `10:30[:00]`, with a comma between them, with `г.` after the year.
pub(super) fn dotted(text: &str) -> Result<Written, Miss> {
    let mut cursor = Cursor(text);
    let fields = dotted_fields(&mut cursor).ok_or(Miss::Shape)?;
    if cursor.done() { fields.written() } else { Err(Miss::Shape) }
}

fn dotted_fields(cursor: &mut Cursor<'_>) -> Option<Fields> {
    let mut fields = Fields { day: cursor.small(1)?, ..Fields::default() };
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

/// `day` written as `text` is.
pub(super) fn like(text: &str, day: Date) -> String {
    let time = text.contains(':').then_some(Time::constant(10, 30, 0, 0));
    if text.contains('.') && !text.contains('-') {
        let clock = if time.is_some() { " 10:30" } else { "" };
        format!("{:02}.{:02}.{:04}{clock}", day.day(), day.month(), day.year())
    } else {
        iso_text(day, time, None)
    }
}

/// Why a text that no rule reads is refused, where the mapping names no layout.
pub(super) fn refused(text: &str, shown: &str) -> Unfit {
    let Some(parts) = Parts::of(text) else {
        let example = like("28.02.2025", EXAMPLE);
        return Unfit::new("date", shown, "is not a date").hint(message!(
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
        let what = message!("may be {day} or {other_day}", day = spelled(one), other_day = spelled(other));
        return Unfit::new("ambiguous-date", shown, what).hint(message!(
            "under [source] say dates = [\"{day_first}\"] or dates = [\"{month_first}\"]",
            day_first = parts.layout("%d", "%m"),
            month_first = parts.layout("%m", "%d")
        ));
    }
    let layout = if sign != '.' && second > 12 { parts.layout("%m", "%d") } else { parts.layout("%d", "%m") };
    let what = if parts.year.is_none() && !parts.year_first {
        "has a year of two digits, which may be of either century"
    } else {
        "is a date in a layout that the mapping does not name"
    };
    Unfit::new("date-layout", shown, what).hint(message!("under [source] say dates = [\"{layout}\"]", layout))
}

/// Three numbers with one sign between them.
struct Parts {
    first: i8,
    second: i8,
    /// `None` for a year of two digits.
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

    /// The day this would be, where the year is last and complete.
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
