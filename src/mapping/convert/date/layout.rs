//! Layouts of dates as a mapping names them, `%d.%m.%Y %H:%M`, compiled once and matched without allocating.

use super::super::Unfit;
use super::month::month;
use super::scan::{Cursor, Fields, Miss, Written};
use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use sheet_source::message;
use std::fmt::Write as _;

/// The directives, for hints.
const KNOWN: &str = "%d %m %Y %y %B %b %H %M %S %f %I %p %z %F %T %R and %%";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Item {
    Literal(char),
    /// One blank in the layout stands for any number of them, also no-break ones.
    Blank,
    Day,
    Month,
    MonthName,
    Year,
    /// 69 to 99 are of the last century, as in strptime.
    ShortYear,
    Hour,
    Minute,
    Second,
    Fraction,
    HalfDay,
    Offset,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    source: String,
    items: Vec<Item>,
}

impl Layout {
    /// Reports an unknown directive, and a layout that cannot give a day.
    pub fn compile(source: &str) -> Result<Layout, Unfit> {
        let mut items = Vec::new();
        let mut chars = source.chars();
        while let Some(c) = chars.next() {
            match c {
                '%' => directive(source, chars.next(), &mut items)?,
                c if c.is_whitespace() => items.push(Item::Blank),
                c => items.push(Item::Literal(c)),
            }
        }
        items.dedup_by(|a, b| *a == Item::Blank && *b == Item::Blank);
        let has = |wanted: &[Item]| items.iter().any(|item| wanted.contains(item));
        let unfit = |what: &'static str, hint: &'static str| Err(Unfit::new("layout", source, what).hint(hint));
        if !(has(&[Item::Day]) && has(&[Item::Month, Item::MonthName]) && has(&[Item::Year, Item::ShortYear])) {
            return unfit("does not give a day, a month and a year", "a layout looks like %d.%m.%Y %H:%M");
        }
        if has(&[Item::Minute, Item::Second, Item::HalfDay]) && !has(&[Item::Hour]) {
            return unfit("has a part of a time without its hour", "add %H, or %I for hours up to 12");
        }
        if source.contains("%I") && !has(&[Item::HalfDay]) {
            return unfit("has %I, hours up to 12, without %p", "write %H for hours up to 23, or add %p");
        }
        Ok(Layout { source: source.to_owned(), items })
    }

    /// As the mapping writes it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The whole text must match.
    pub(super) fn read(&self, text: &str) -> Result<Written, Miss> {
        let mut cursor = Cursor(text);
        let mut fields = Fields::default();
        for (index, item) in self.items.iter().enumerate() {
            // Where digits touch, a day or a month has both of its digits.
            let touches = self.items.get(index + 1).is_some_and(|next| next.is_number());
            item.read(&mut cursor, if touches { 2 } else { 1 }, &mut fields).ok_or(Miss::Shape)?;
        }
        if cursor.done() { fields.written() } else { Err(Miss::Shape) }
    }

    /// A day in this layout, at half past ten.
    pub(super) fn show(&self, day: Date) -> String {
        let mut shown = String::new();
        for item in &self.items {
            let _ = match item {
                Item::Literal(c) => write!(shown, "{c}"),
                Item::Blank => write!(shown, " "),
                Item::Day => write!(shown, "{:02}", day.day()),
                Item::Month => write!(shown, "{:02}", day.month()),
                Item::MonthName => write!(shown, "{}", day.strftime("%B")),
                Item::Year => write!(shown, "{:04}", day.year()),
                Item::ShortYear => write!(shown, "{:02}", day.year() % 100),
                Item::Hour => write!(shown, "10"),
                Item::Minute => write!(shown, "30"),
                Item::Second | Item::Fraction => write!(shown, "00"),
                Item::HalfDay => write!(shown, "AM"),
                Item::Offset => write!(shown, "+03:00"),
            };
        }
        shown
    }
}

fn directive(source: &str, letter: Option<char>, items: &mut Vec<Item>) -> Result<(), Unfit> {
    use Item::{Blank, Day, Fraction, HalfDay, Hour, Literal, Minute, Month, MonthName, Second, ShortYear, Year};
    let parts: &[Item] = match letter {
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
        Some('z') => &[Item::Offset],
        Some('F') => &[Year, Literal('-'), Month, Literal('-'), Day],
        Some('T') => &[Hour, Literal(':'), Minute, Literal(':'), Second],
        Some('R') => &[Hour, Literal(':'), Minute],
        Some('n' | 't') => &[Blank],
        Some('%') => &[Literal('%')],
        Some(other) => {
            return Err(Unfit::new(
                "layout",
                source,
                message!("has an unknown directive \"%{directive}\"", directive = other),
            )
            .hint(message!("known are {known}", known = KNOWN)));
        }
        None => {
            return Err(Unfit::new("layout", source, "ends with a lone %").hint("write %% for the sign itself"));
        }
    };
    items.extend_from_slice(parts);
    Ok(())
}

impl Item {
    fn is_number(self) -> bool {
        use Item::{Day, Fraction, Hour, Minute, Month, Second, ShortYear, Year};
        matches!(self, Day | Month | Year | ShortYear | Hour | Minute | Second | Fraction)
    }

    fn read(self, cursor: &mut Cursor<'_>, digits_min: usize, fields: &mut Fields) -> Option<()> {
        match self {
            Item::Literal(c) => return cursor.eat(c).then_some(()),
            Item::Blank => return cursor.blanks().then_some(()),
            Item::Day => fields.day = cursor.small(digits_min)?,
            Item::Month => fields.month = cursor.small(digits_min)?,
            Item::MonthName => {
                fields.month = month(cursor.letters())?;
                cursor.eat('.');
            }
            Item::Year => fields.year = cursor.number(4, 4)?,
            Item::ShortYear => {
                let year = cursor.number(2, 2)?;
                fields.year = if year >= 69 { 1900 + year } else { 2000 + year };
            }
            Item::Hour => fields.hour = Some(cursor.small(digits_min)?),
            Item::Minute => fields.minute = cursor.small(2)?,
            Item::Second => fields.second = cursor.small(2)?,
            Item::Fraction => cursor.fraction()?,
            Item::HalfDay => {
                let word = cursor.letters();
                fields.afternoon = Some(word.eq_ignore_ascii_case("pm"));
                return ["am", "pm"].iter().any(|half| word.eq_ignore_ascii_case(half)).then_some(());
            }
            Item::Offset => fields.offset = Some(cursor.offset()?),
        }
        Some(())
    }
}

/// `2025-03-05T10:30:00+03:00`, or as much of it as there is. An offset with seconds, as zones had before standard
/// time, loses them downwards: the moment comes out up to a minute later, never on the day before.
pub(super) fn iso(date: Date, time: Option<Time>, offset: Option<Offset>) -> String {
    let mut text = format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day());
    if let Some(time) = time {
        let _ = write!(text, "T{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    }
    if let Some(offset) = offset {
        let minutes = offset.seconds().div_euclid(60);
        let sign = if minutes < 0 { '-' } else { '+' };
        let _ = write!(text, "{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60);
    }
    text
}
