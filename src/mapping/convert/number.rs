//! Numbers as people write them, into exact decimals.
//!
//! Which of `.` and `,` is the decimal sign is read off the number only where there is one way to read it; `1,234`
//! has two. `5%` is refused: the same cell of a workbook holds 0.05. So is `(5)`, minus five to some people only.

use super::Unfit;
use super::text::{lost_digits, plain, scientific, sound};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use sheet_source::message;
use sheet_source::{Cell, DisplayKind, Scalar, write_number};

/// The API mangles longer numbers, for it keeps them as floats. [client] (issue 399)
pub const SIGNIFICANT_MAX: u32 = 15;

/// Groups of digits a number may have: five of three, one of decimals, some room for zeros.
const GROUPS_MAX: usize = 10;

/// How numbers of a source are to be read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Amounts<'a> {
    pub decimal: Option<char>,
    /// The code of the currency that amounts are in; `None` where it is not known.
    pub currency: Option<&'a str>,
}

/// The number in a cell, without zeros at the end of its fraction.
pub fn number(cell: Cell<'_>, amounts: Amounts<'_>) -> Result<Decimal, Unfit> {
    let text = readable(cell)?;
    match cell.value {
        // The reader writes these itself, always with a dot.
        Scalar::Number(_) => parse(text, cell.text, Some('.')),
        Scalar::Formatted(number, DisplayKind::Currency(sign)) => {
            amounts.takes(sign, &format!("{} {}", cell.text, sign.as_str()))?;
            parse(&digits(number), cell.text, Some('.'))
        }
        Scalar::Formatted(number, DisplayKind::Custom) => parse(&digits(number), cell.text, Some('.')),
        // As the same text of a CSV, but that the reader has written its digits.
        Scalar::Formatted(number, DisplayKind::Percent | DisplayKind::Unit) => {
            parse(plain(text), cell.text, Some('.')).map_err(|unfit| of_a_format(unfit, number))
        }
        Scalar::Empty | Scalar::Text | Scalar::Serial(_) | Scalar::Bool(_) | Scalar::Error | Scalar::Uncomputed => {
            parse(plain(text), cell.text, amounts.decimal)
        }
    }
}

/// What is wrong with a text that the format of a number makes is mended there.
pub(super) fn of_a_format(unfit: Unfit, number: f64) -> Unfit {
    let hint = message!(
        "the cell holds {number}, and its number format says the rest: if that is the number meant, give the cell a plain one",
        number = digits(number)
    );
    Unfit { hint: Some(hint), ..unfit }
}

/// A number without what its format adds.
pub fn digits(number: f64) -> String {
    let mut digits = String::new();
    write_number(number, &mut digits);
    digits
}

/// The text of a cell whose type does not forbid it to be a number.
pub(super) fn readable<'a>(cell: Cell<'a>) -> Result<&'a str, Unfit> {
    match cell.value {
        Scalar::Serial(_) => Err(Unfit::new("number", cell.text, "is a date, not a number")
            .hint("format the column as numbers in the workbook, or map another column")),
        Scalar::Bool(_) => Err(Unfit::new("number", cell.text, "is a yes or no, not a number")),
        Scalar::Error
        | Scalar::Uncomputed
        | Scalar::Empty
        | Scalar::Text
        | Scalar::Number(_)
        | Scalar::Formatted(..) => sound(cell),
    }
}

/// How a fraction becomes whole, where the mapping says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// To the nearest; a half goes away from zero.
    HalfUp,
    /// Towards zero.
    Down,
    /// Away from zero.
    Up,
}

impl Round {
    pub const NAMED: [(Round, &'static str); 3] =
        [(Round::HalfUp, "half-up"), (Round::Down, "down"), (Round::Up, "up")];

    pub fn from_name(name: &str) -> Option<Round> {
        Round::NAMED.into_iter().find(|(_, n)| *n == name).map(|(round, _)| round)
    }
}

/// A whole number, for targets that have no fractions: prices of leads and of transactions.
pub fn whole(value: Decimal, round: Option<Round>) -> Result<i64, Unfit> {
    let rounded = match round {
        Some(Round::HalfUp) => value.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero),
        Some(Round::Down) => value.round_dp_with_strategy(0, RoundingStrategy::ToZero),
        Some(Round::Up) => value.round_dp_with_strategy(0, RoundingStrategy::AwayFromZero),
        None if value.fract().is_zero() => value,
        None => {
            return Err(Unfit::new(
                "fraction",
                &value.to_string(),
                "has a fraction, and only a whole number fits here",
            )
            .hint("name a rounding in the mapping: round = \"half-up\", \"down\" or \"up\""));
        }
    };
    rounded.to_i64().ok_or_else(|| too_long(&value.to_string()))
}

/// `body` is the number, `shown` the whole value for messages.
pub(super) fn parse(body: &str, shown: &str, decimal: Option<char>) -> Result<Decimal, Unfit> {
    if !body.is_empty() && body.len() <= SIGNIFICANT_MAX as usize && body.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(Decimal::from(body.bytes().fold(0i64, |sum, b| sum * 10 + i64::from(b - b'0'))));
    }
    let scan = Scan::of(body).ok_or_else(|| not_a_number(body, shown))?;
    let places = scan.decimal_places(decimal).map_err(|why| why.unfit(body, shown, decimal))?;
    scan.value(places).ok_or_else(|| too_long(shown))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Space,
    Apostrophe,
    Dot,
    Comma,
}

impl Sign {
    fn of(c: char) -> Option<Sign> {
        match c {
            ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\u{2007}' => Some(Sign::Space),
            '\'' | '’' => Some(Sign::Apostrophe),
            '.' => Some(Sign::Dot),
            ',' => Some(Sign::Comma),
            _ => None,
        }
    }
}

/// Digits and signs of a number, before it is known what the signs mean.
struct Scan {
    negative: bool,
    digits: u64,
    /// Digits after leading zeros; more than fit make `digits` meaningless.
    significant: u32,
    /// Digits between the signs, and the sign after each group but the last.
    lengths: [u32; GROUPS_MAX],
    signs: [Sign; GROUPS_MAX],
    groups: usize,
    starts_with_zero: bool,
}

/// Why the signs of a number cannot be understood.
enum Unclear {
    Ambiguous,
    NotThis,
}

impl Scan {
    fn of(body: &str) -> Option<Scan> {
        let (negative, body) = match body.strip_prefix(['-', '−', '\u{2011}']) {
            Some(rest) => (true, rest.trim_start()),
            None => (false, body.strip_prefix('+').unwrap_or(body)),
        };
        let mut scan = Scan {
            negative,
            digits: 0,
            significant: 0,
            lengths: [0; GROUPS_MAX],
            signs: [Sign::Space; GROUPS_MAX],
            groups: 1,
            starts_with_zero: body.starts_with('0'),
        };
        for c in body.chars() {
            if let Some(digit) = c.to_digit(10) {
                scan.lengths[scan.groups - 1] += 1;
                if scan.significant > 0 || digit > 0 {
                    scan.significant += 1;
                    scan.digits = scan.digits.wrapping_mul(10).wrapping_add(u64::from(digit));
                }
            } else {
                scan.signs[scan.groups - 1] = Sign::of(c)?;
                scan.groups += 1;
                if scan.groups > GROUPS_MAX {
                    return None;
                }
            }
        }
        Some(scan)
    }

    /// How many of the digits stand after the decimal sign.
    fn decimal_places(&self, named: Option<char>) -> Result<u32, Unclear> {
        let last = self.lengths[self.groups - 1];
        if last == 0 {
            return Err(Unclear::NotThis);
        }
        let signs = &self.signs[..self.groups - 1];
        let Some((&sign, before)) = signs.split_last() else { return Ok(0) };
        let named = named.and_then(Sign::of);
        let uniform = before.iter().all(|s| *s == before[0]);
        let whole = self.grouped(self.groups);
        match (sign, before.first()) {
            (Sign::Space | Sign::Apostrophe, first) => {
                if uniform && first.is_none_or(|s| *s == sign) && whole {
                    Ok(0)
                } else {
                    Err(Unclear::NotThis)
                }
            }
            (Sign::Dot | Sign::Comma, None) => match named {
                Some(named) if named == sign => Ok(last),
                Some(_) if whole => Ok(0),
                Some(_) => Err(Unclear::NotThis),
                None if whole => Err(Unclear::Ambiguous),
                None => Ok(last),
            },
            (Sign::Dot | Sign::Comma, Some(&first)) if first == sign => {
                if uniform && whole && named != Some(sign) {
                    Ok(0)
                } else {
                    Err(Unclear::NotThis)
                }
            }
            (Sign::Dot | Sign::Comma, Some(_)) => {
                let fits = named.is_none_or(|named| named == sign);
                if uniform && fits && self.grouped(self.groups - 1) { Ok(last) } else { Err(Unclear::NotThis) }
            }
        }
    }

    /// True when the first `groups` groups are those of thousands: one to three digits, then threes.
    fn grouped(&self, groups: usize) -> bool {
        let lengths = &self.lengths[..groups];
        (1..=3).contains(&lengths[0]) && !self.starts_with_zero && lengths[1..].iter().all(|length| *length == 3)
    }

    fn value(&self, places: u32) -> Option<Decimal> {
        // Twenty digits may not fit in 64 bits; nineteen do, and leave room to drop zeros.
        if self.significant > 19 {
            return None;
        }
        let (mut digits, mut significant, mut places) = (self.digits, self.significant, places);
        while places > 0 && digits % 10 == 0 {
            digits /= 10;
            places -= 1;
            significant = significant.saturating_sub(1);
        }
        if significant > SIGNIFICANT_MAX {
            return None;
        }
        let digits = i64::try_from(digits).ok()?;
        Decimal::try_new(if self.negative { -digits } else { digits }, places).ok()
    }
}

impl Unclear {
    fn unfit(self, body: &str, shown: &str, named: Option<char>) -> Unfit {
        match (self, named) {
            (Unclear::Ambiguous, _) => {
                let (thousands, fraction) = (body.replace(['.', ','], ""), body.replace(',', "."));
                let (sign, other_sign) = if body.contains(',') { (',', '.') } else { ('.', ',') };
                let what = message!("may be {thousands} or {fraction}", thousands = &thousands, fraction = &fraction);
                Unfit::new("ambiguous-number", shown, what).hint(message!(
                    "under [source] say decimal = \"{other_sign}\" for {thousands}, decimal = \"{sign}\" for {fraction}",
                    other_sign,
                    thousands,
                    sign,
                    fraction
                ))
            }
            (Unclear::NotThis, Some(sign)) if body.contains(['.', ',']) => {
                let example = if sign == ',' { "1 234,56" } else { "1,234.56" };
                let what = message!("is not a number with the decimal sign \"{sign}\"", sign);
                Unfit::new("number", shown, what).hint(message!(
                    "numbers here look like {example}; decimal under [source] says which sign it is",
                    example
                ))
            }
            (Unclear::NotThis, _) => not_a_number(body, shown),
        }
    }
}

fn too_long(shown: &str) -> Unfit {
    let what = message!("has more than {max} digits, and the CRM would change the last ones", max = SIGNIFICANT_MAX);
    Unfit::new("number-too-long", shown, what).hint("map the column to a text field")
}

fn not_a_number(body: &str, shown: &str) -> Unfit {
    if scientific(body) {
        return lost_digits(shown);
    }
    if body.ends_with('%') {
        return Unfit::new("number", shown, "is a percentage, and may be meant as a share or as a count of hundredths")
            .hint("write the number without the percent sign: 0.1 or 10");
    }
    if body.starts_with('(') && body.ends_with(')') {
        return Unfit::new("number", shown, "is not a number").hint("write a number below zero with a minus sign");
    }
    if body.ends_with(char::is_alphabetic) && body.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        return Unfit::new("number", shown, "is a number with a unit")
            .hint("leave the number alone in the cell, or say as = \"money\" to read amounts with a currency");
    }
    if body.contains(['₽', '$', '€', '₸', '£']) {
        return Unfit::new("number", shown, "is not a number alone")
            .hint("say as = \"money\" to read amounts with a currency");
    }
    Unfit::new("number", shown, "is not a number").hint("numbers look like 1234.56 or 1 234,56")
}

#[cfg(test)]
#[path = "number_tests.rs"]
mod tests;
