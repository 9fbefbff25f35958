//! Converts numbers as people write them into exact decimals.
//!
//! The decimal sign is derived from the number only if it is unambiguous; `1,234` is not. `5%` is refused: the same
//! cell of a workbook holds 0.05. `(5)` is refused as well: not everybody reads it as minus five.

use super::ValueError;
use super::text::{checked, lost_digits, plain, scientific};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use sheet_source::message;
use sheet_source::{Cell, DisplayKind, Scalar, write_number};

/// The API stores numbers as floats and changes longer ones. [client] (issue 399)
pub const SIGNIFICANT_MAX: u32 = 15;

/// The most groups of digits in a number: five of three digits, one of decimals, and some for zeros.
const GROUPS_MAX: usize = 10;

/// How the numbers of a source are read.
#[derive(Debug, Clone, Copy, Default)]
pub struct NumberSyntax<'a> {
    pub decimal: Option<char>,
    /// The currency code of the amounts; `None` if unknown.
    pub currency: Option<&'a str>,
}

/// The number in a cell, without trailing zeros.
pub fn number(cell: Cell<'_>, syntax: NumberSyntax<'_>) -> Result<Decimal, ValueError> {
    let text = number_text(cell)?;
    match cell.value {
        // The reader writes these numbers, always with a dot.
        Scalar::Number(_) => parse(text, cell.text, Some('.')),
        Scalar::Formatted(number, DisplayKind::Currency(sign)) => {
            syntax.check_currency(sign, &format!("{} {}", cell.text, sign.as_str()))?;
            parse(&digits(number), cell.text, Some('.'))
        }
        Scalar::Formatted(number, DisplayKind::Custom) => parse(&digits(number), cell.text, Some('.')),
        // Read like the text of a CSV, except that the reader has written the digits with a dot.
        Scalar::Formatted(number, DisplayKind::Percent | DisplayKind::Unit) => {
            parse(plain(text), cell.text, Some('.')).map_err(|error| with_format_hint(error, number))
        }
        Scalar::Empty | Scalar::Text | Scalar::Serial(_) | Scalar::Bool(_) | Scalar::Error | Scalar::Uncomputed => {
            parse(plain(text), cell.text, syntax.decimal)
        }
    }
}

/// Adds a hint that the problem comes from the number format of the cell.
pub(super) fn with_format_hint(error: ValueError, number: f64) -> ValueError {
    let hint = message!(
        "the cell holds {number}, its number format adds the rest; if that number is meant, give the cell a plain format",
        number = digits(number)
    );
    ValueError { hint: Some(hint), ..error }
}

/// A number as digits, without its format.
pub fn digits(number: f64) -> String {
    let mut digits = String::new();
    write_number(number, &mut digits);
    digits
}

/// The text of a cell whose type can be a number.
pub(super) fn number_text<'a>(cell: Cell<'a>) -> Result<&'a str, ValueError> {
    match cell.value {
        Scalar::Serial(_) => Err(ValueError::new("number", cell.text, "is a date, not a number")
            .hint("format the column as numbers in the workbook, or map another column")),
        Scalar::Bool(_) => Err(ValueError::new("number", cell.text, "is a yes or no, not a number")),
        Scalar::Error
        | Scalar::Uncomputed
        | Scalar::Empty
        | Scalar::Text
        | Scalar::Number(_)
        | Scalar::Formatted(..) => checked(cell),
    }
}

/// How the mapping rounds fractions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// To the nearest integer; halves away from zero.
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

/// A whole number, for targets without fractions: prices of leads and of transactions.
pub fn whole(value: Decimal, round: Option<Round>) -> Result<i64, ValueError> {
    let rounded = match round {
        Some(Round::HalfUp) => value.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero),
        Some(Round::Down) => value.round_dp_with_strategy(0, RoundingStrategy::ToZero),
        Some(Round::Up) => value.round_dp_with_strategy(0, RoundingStrategy::AwayFromZero),
        None if value.fract().is_zero() => value,
        None => {
            return Err(ValueError::new(
                "fraction",
                &value.to_string(),
                "has a fraction, but only whole numbers fit here",
            )
            .hint("add a rounding to the mapping: round = \"half-up\", \"down\" or \"up\""));
        }
    };
    rounded.to_i64().ok_or_else(|| too_long(&value.to_string()))
}

/// Parses `body`; `shown` is the full value for messages.
pub(super) fn parse(body: &str, shown: &str, decimal: Option<char>) -> Result<Decimal, ValueError> {
    if !body.is_empty() && body.len() <= SIGNIFICANT_MAX as usize && body.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(Decimal::from(body.bytes().fold(0i64, |sum, b| sum * 10 + i64::from(b - b'0'))));
    }
    let scan = Scan::of(body).ok_or_else(|| not_a_number(body, shown))?;
    let places = scan.decimal_places(decimal).map_err(|why| why.into_error(body, shown, decimal))?;
    scan.value(places).ok_or_else(|| too_long(shown))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Separator {
    Space,
    Apostrophe,
    Dot,
    Comma,
}

impl Separator {
    fn of(c: char) -> Option<Separator> {
        match c {
            ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\u{2007}' => Some(Separator::Space),
            '\'' | '’' => Some(Separator::Apostrophe),
            '.' => Some(Separator::Dot),
            ',' => Some(Separator::Comma),
            _ => None,
        }
    }
}

/// Digits and separators of a number, before the separators are interpreted.
struct Scan {
    negative: bool,
    digits: u64,
    /// The number of digits after leading zeros; if they do not fit, `digits` is invalid.
    significant: u32,
    /// The number of digits in each group, and the separator after each group except the last.
    lengths: [u32; GROUPS_MAX],
    signs: [Separator; GROUPS_MAX],
    groups: usize,
    starts_with_zero: bool,
}

/// Why the separators of a number cannot be interpreted.
enum SeparatorError {
    Ambiguous,
    Invalid,
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
            signs: [Separator::Space; GROUPS_MAX],
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
                scan.signs[scan.groups - 1] = Separator::of(c)?;
                scan.groups += 1;
                if scan.groups > GROUPS_MAX {
                    return None;
                }
            }
        }
        Some(scan)
    }

    /// The number of digits after the decimal sign.
    fn decimal_places(&self, named: Option<char>) -> Result<u32, SeparatorError> {
        let last = self.lengths[self.groups - 1];
        if last == 0 {
            return Err(SeparatorError::Invalid);
        }
        let signs = &self.signs[..self.groups - 1];
        let Some((&sign, before)) = signs.split_last() else { return Ok(0) };
        let named = named.and_then(Separator::of);
        let uniform = before.iter().all(|s| *s == before[0]);
        let whole = self.grouped(self.groups);
        match (sign, before.first()) {
            (Separator::Space | Separator::Apostrophe, first) => {
                if uniform && first.is_none_or(|s| *s == sign) && whole { Ok(0) } else { Err(SeparatorError::Invalid) }
            }
            (Separator::Dot | Separator::Comma, None) => match named {
                Some(named) if named == sign => Ok(last),
                Some(_) if whole => Ok(0),
                Some(_) => Err(SeparatorError::Invalid),
                None if whole => Err(SeparatorError::Ambiguous),
                None => Ok(last),
            },
            (Separator::Dot | Separator::Comma, Some(&first)) if first == sign => {
                if uniform && whole && named != Some(sign) { Ok(0) } else { Err(SeparatorError::Invalid) }
            }
            (Separator::Dot | Separator::Comma, Some(_)) => {
                let fits = named.is_none_or(|named| named == sign);
                if uniform && fits && self.grouped(self.groups - 1) { Ok(last) } else { Err(SeparatorError::Invalid) }
            }
        }
    }

    /// True if the first `groups` groups are thousands: one to three digits, then three each.
    fn grouped(&self, groups: usize) -> bool {
        let lengths = &self.lengths[..groups];
        (1..=3).contains(&lengths[0]) && !self.starts_with_zero && lengths[1..].iter().all(|length| *length == 3)
    }

    fn value(&self, places: u32) -> Option<Decimal> {
        // Nineteen digits fit in 64 bits, twenty may not; trailing zeros are dropped below.
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

impl SeparatorError {
    fn into_error(self, body: &str, shown: &str, named: Option<char>) -> ValueError {
        match (self, named) {
            (SeparatorError::Ambiguous, _) => {
                let (thousands, fraction) = (body.replace(['.', ','], ""), body.replace(',', "."));
                let (sign, other_sign) = if body.contains(',') { (',', '.') } else { ('.', ',') };
                let what =
                    message!("is ambiguous: {thousands} or {fraction}", thousands = &thousands, fraction = &fraction);
                ValueError::new("ambiguous-number", shown, what).hint(message!(
                    "under [source], add decimal = \"{other_sign}\" for {thousands}, decimal = \"{sign}\" for {fraction}",
                    other_sign,
                    thousands,
                    sign,
                    fraction
                ))
            }
            (SeparatorError::Invalid, Some(sign)) if body.contains(['.', ',']) => {
                let example = if sign == ',' { "1 234,56" } else { "1,234.56" };
                let what = message!("is not a valid number with the decimal sign \"{sign}\"", sign);
                ValueError::new("number", shown, what)
                    .hint(message!("numbers look like {example}; decimal under [source] sets the sign", example))
            }
            (SeparatorError::Invalid, _) => not_a_number(body, shown),
        }
    }
}

fn too_long(shown: &str) -> ValueError {
    let what = message!("has more than {max} digits; the CRM would change the last ones", max = SIGNIFICANT_MAX);
    ValueError::new("number-too-long", shown, what).hint("map the column to a text field")
}

fn not_a_number(body: &str, shown: &str) -> ValueError {
    if scientific(body) {
        return lost_digits(shown);
    }
    if body.ends_with('%') {
        return ValueError::new("number", shown, "is a percentage; 10% can mean 0.1 or 10")
            .hint("write the number without the percent sign: 0.1 or 10");
    }
    if body.starts_with('(') && body.ends_with(')') {
        return ValueError::new("number", shown, "is not a valid number")
            .hint("write negative numbers with a minus sign");
    }
    if body.ends_with(char::is_alphabetic) && body.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        return ValueError::new("number", shown, "is a number with a unit")
            .hint("remove the unit, or add as = \"money\" to read amounts with a currency");
    }
    if body.contains(['₽', '$', '€', '₸', '£']) {
        return ValueError::new("number", shown, "is a number with a currency")
            .hint("add as = \"money\" to read amounts with a currency");
    }
    ValueError::new("number", shown, "is not a valid number").hint("numbers look like 1234.56 or 1 234,56")
}

#[cfg(test)]
#[path = "number_tests.rs"]
mod tests;
