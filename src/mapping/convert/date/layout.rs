//! Date formats of a mapping, `%d.%m.%Y %H:%M`, compiled once and matched without allocating.

use super::super::ValueError;
use super::month::month;
use super::scan::{Cursor, DateError, DateParts, ParsedDate};
use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use sheet_source::message;
use std::fmt::Write as _;

/// The supported directives, for hints.
const KNOWN: &str = "%d %m %Y %y %B %b %H %M %S %f %I %p %z %F %T %R and %%";

#[derive(Debug, Clone, Copy, PartialEq)]
enum FormatItem {
    Literal(char),
    /// One blank in the format matches any number of blanks, including no-break ones.
    Blank,
    Day,
    Month,
    MonthName,
    Year,
    /// 69 to 99 belong to the last century, as in strptime.
    ShortYear,
    Hour,
    Minute,
    Second,
    Fraction,
    HalfDay,
    Offset,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DateFormat {
    source: String,
    items: Vec<FormatItem>,
}

impl DateFormat {
    /// Compiles a format. Unknown directives and formats without a full date are errors.
    pub fn compile(source: &str) -> Result<DateFormat, ValueError> {
        let mut items = Vec::new();
        let mut chars = source.chars();
        while let Some(c) = chars.next() {
            match c {
                '%' => directive(source, chars.next(), &mut items)?,
                c if c.is_whitespace() => items.push(FormatItem::Blank),
                c => items.push(FormatItem::Literal(c)),
            }
        }
        items.dedup_by(|a, b| *a == FormatItem::Blank && *b == FormatItem::Blank);
        let has = |wanted: &[FormatItem]| items.iter().any(|item| wanted.contains(item));
        let invalid = |what: &'static str, hint: &'static str| Err(ValueError::new("layout", source, what).hint(hint));
        if !(has(&[FormatItem::Day])
            && has(&[FormatItem::Month, FormatItem::MonthName])
            && has(&[FormatItem::Year, FormatItem::ShortYear]))
        {
            return invalid("needs a day, a month and a year", "a date format looks like %d.%m.%Y %H:%M");
        }
        if has(&[FormatItem::Minute, FormatItem::Second, FormatItem::HalfDay]) && !has(&[FormatItem::Hour]) {
            return invalid("has a part of a time without the hour", "add %H, or %I for hours up to 12");
        }
        if source.contains("%I") && !has(&[FormatItem::HalfDay]) {
            return invalid("has %I, hours up to 12, without %p", "write %H for hours up to 23, or add %p");
        }
        Ok(DateFormat { source: source.to_owned(), items })
    }

    /// The format as written in the mapping.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Parses a text; all of it must match.
    pub(super) fn read(&self, text: &str) -> Result<ParsedDate, DateError> {
        let mut cursor = Cursor(text);
        let mut fields = DateParts::default();
        for (index, item) in self.items.iter().enumerate() {
            // Adjacent numbers need two digits for a day or a month.
            let touches = self.items.get(index + 1).is_some_and(|next| next.is_number());
            item.read(&mut cursor, if touches { 2 } else { 1 }, &mut fields).ok_or(DateError::Shape)?;
        }
        if cursor.done() { fields.to_date() } else { Err(DateError::Shape) }
    }

    /// Formats a day, at half past ten.
    pub(super) fn show(&self, day: Date) -> String {
        let mut shown = String::new();
        for item in &self.items {
            let _ = match item {
                FormatItem::Literal(c) => write!(shown, "{c}"),
                FormatItem::Blank => write!(shown, " "),
                FormatItem::Day => write!(shown, "{:02}", day.day()),
                FormatItem::Month => write!(shown, "{:02}", day.month()),
                FormatItem::MonthName => write!(shown, "{}", day.strftime("%B")),
                FormatItem::Year => write!(shown, "{:04}", day.year()),
                FormatItem::ShortYear => write!(shown, "{:02}", day.year() % 100),
                FormatItem::Hour => write!(shown, "10"),
                FormatItem::Minute => write!(shown, "30"),
                FormatItem::Second | FormatItem::Fraction => write!(shown, "00"),
                FormatItem::HalfDay => write!(shown, "AM"),
                FormatItem::Offset => write!(shown, "+03:00"),
            };
        }
        shown
    }
}

fn directive(source: &str, letter: Option<char>, items: &mut Vec<FormatItem>) -> Result<(), ValueError> {
    use FormatItem::{Blank, Day, Fraction, HalfDay, Hour, Literal, Minute, Month, MonthName, Second, ShortYear, Year};
    let parts: &[FormatItem] = match letter {
        Some('d' | 'e') => &[Day],
        Some('m') => &[Month],
        Some('B' | 'b' | 'h') => &[MonthName],
        Some('Y') => &[Year],
        Some('y') => &[ShortYear],
        Some('H' | 'k' | 'I' | 'l') => &[Hour],
        Some('M') => &[Minute],
        Some('S') => &[Second],
        Some('f') => &[Fraction],
        Some('p' | 'P') => &[HalfDay],
        Some('z') => &[FormatItem::Offset],
        Some('F') => &[Year, Literal('-'), Month, Literal('-'), Day],
        Some('T') => &[Hour, Literal(':'), Minute, Literal(':'), Second],
        Some('R') => &[Hour, Literal(':'), Minute],
        Some('n' | 't') => &[Blank],
        Some('%') => &[Literal('%')],
        Some(other) => {
            return Err(ValueError::new(
                "layout",
                source,
                message!("has an unknown directive \"%{directive}\"", directive = other),
            )
            .hint(message!("known: {known}", known = KNOWN)));
        }
        None => {
            return Err(ValueError::new("layout", source, "ends with a lone %").hint("write %% for a percent sign"));
        }
    };
    items.extend_from_slice(parts);
    Ok(())
}

impl FormatItem {
    fn is_number(self) -> bool {
        use FormatItem::{Day, Fraction, Hour, Minute, Month, Second, ShortYear, Year};
        matches!(self, Day | Month | Year | ShortYear | Hour | Minute | Second | Fraction)
    }

    fn read(self, cursor: &mut Cursor<'_>, digits_min: usize, fields: &mut DateParts) -> Option<()> {
        match self {
            FormatItem::Literal(c) => return cursor.eat(c).then_some(()),
            FormatItem::Blank => return cursor.blanks().then_some(()),
            FormatItem::Day => fields.day = cursor.small(digits_min)?,
            FormatItem::Month => fields.month = cursor.small(digits_min)?,
            FormatItem::MonthName => {
                fields.month = month(cursor.letters())?;
                cursor.eat('.');
            }
            FormatItem::Year => fields.year = cursor.number(4, 4)?,
            FormatItem::ShortYear => {
                let year = cursor.number(2, 2)?;
                fields.year = if year >= 69 { 1900 + year } else { 2000 + year };
            }
            FormatItem::Hour => fields.hour = Some(cursor.small(digits_min)?),
            FormatItem::Minute => fields.minute = cursor.small(2)?,
            FormatItem::Second => fields.second = cursor.small(2)?,
            FormatItem::Fraction => cursor.fraction()?,
            FormatItem::HalfDay => {
                let word = cursor.letters();
                fields.afternoon = Some(word.eq_ignore_ascii_case("pm"));
                return ["am", "pm"].iter().any(|half| word.eq_ignore_ascii_case(half)).then_some(());
            }
            FormatItem::Offset => fields.offset = Some(cursor.offset()?),
        }
        Some(())
    }
}

/// Formats as `2025-03-05T10:30:00+03:00`, without the missing parts. Offsets with seconds, as before standard time,
/// are rounded down: the moment moves up to a minute later, never to the day before.
pub(super) fn iso(date: Date, time: Option<Time>, offset: Option<Offset>) -> String {
    const LONGEST: usize = "2025-03-05T10:30:00+03:00".len();
    let mut text = String::with_capacity(LONGEST);
    match u16::try_from(date.year()) {
        Ok(year) => {
            two_digits(&mut text, (year / 100) as u8);
            two_digits(&mut text, (year % 100) as u8);
        }
        // Before the year 0.
        Err(_) => {
            let _ = write!(text, "{:04}", date.year());
        }
    }
    for part in [date.month(), date.day()] {
        text.push('-');
        two_digits(&mut text, part.unsigned_abs());
    }
    if let Some(time) = time {
        for (sign, part) in [('T', time.hour()), (':', time.minute()), (':', time.second())] {
            text.push(sign);
            two_digits(&mut text, part.unsigned_abs());
        }
    }
    if let Some(offset) = offset {
        let minutes = offset.seconds().div_euclid(60);
        text.push(if minutes < 0 { '-' } else { '+' });
        two_digits(&mut text, (minutes.abs() / 60) as u8);
        text.push(':');
        two_digits(&mut text, (minutes.abs() % 60) as u8);
    }
    text
}

/// Writes a number below 100. Most rows have dates, and `write!` would take longer than reading them.
fn two_digits(text: &mut String, number: u8) {
    text.push(char::from(b'0' + number / 10));
    text.push(char::from(b'0' + number % 10));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn a_moment_is_written_as_the_formatter_writes_it(
            (year, month, day) in (-9999_i16..=9999, 1_i8..=12, 1_i8..=28),
            (hour, minute, second) in (0_i8..24, 0_i8..60, 0_i8..60),
            seconds in -93_599_i32..=93_599,
        ) {
            let date = Date::new(year, month, day).unwrap();
            let time = Time::new(hour, minute, second, 0).unwrap();
            let minutes = seconds.div_euclid(60);
            let sign = if minutes < 0 { '-' } else { '+' };
            let day = format!("{year:04}-{month:02}-{day:02}");
            let clock = format!("T{hour:02}:{minute:02}:{second:02}");
            let offset = format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60);
            prop_assert_eq!(iso(date, None, None), day.clone());
            prop_assert_eq!(iso(date, Some(time), None), format!("{day}{clock}"));
            let zone = Offset::from_seconds(seconds).unwrap();
            prop_assert_eq!(iso(date, Some(time), Some(zone)), format!("{day}{clock}{offset}"));
        }
    }
}
