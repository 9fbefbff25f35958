//! Converts phone numbers to `+78123159883`, with an extension to `+78123159883 ext. 12`: people can read this form, it
//! has no cell separator, and it is converted to itself.
//!
//! Digits are never lost or changed: a number without a known country is an error. The country comes from `+`, from a
//! country code, or else from the account. Numbers of three to six digits are internal and kept as they are. `00`
//! before a number means `+`.

mod written;

#[cfg(test)]
mod tests;

pub use rlibphonenumber::enums::Region;

use super::ValueError;
use super::split::split_unless;
use super::text::{checked, lost_digits, plain};
use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber};
use sheet_source::message;
use sheet_source::{Cell, Scalar};
use std::fmt::Write as _;
use written::{DIGITS_MAX, ParsedPhone, PhoneError};

/// Separators that never occur inside a phone number; they split numbers even without `split` in the mapping.
pub const SEPARATORS: [&str; 4] = ["\n", ";", ",", " / "];

/// The number of digits of an internal number.
const INTERNAL: std::ops::RangeInclusive<usize> = 3..=6;
/// The fewest digits of a number without `+` that may begin with a foreign country code; shorter ones are often local
/// numbers with a missing digit.
const FOREIGN_MIN: usize = 11;
/// The number of digits after the country codes +7 and +1, whose numbers all have one length.
const UNIFORM: usize = 10;

/// The region of an account's country, such as `RU`, if its numbering plan is known.
pub fn region(country: &str) -> Option<Region> {
    // Compiling the library's rules takes 20 ms before the first row, and most Russian numbers do not need them.
    if country == "RU" {
        return Some(Region::RU);
    }
    let region = Region::from_code(country).ok()?;
    PHONE_NUMBER_UTIL.get_country_code_for_region(region).is_some().then_some(region)
}

/// The phones in one cell, split at `separators` and `SEPARATORS`; an extension after a comma stays with its number,
/// and so does the rest of `7,90E+10`.
pub fn split<'a, S: AsRef<str>>(text: &'a str, separators: &'a [S]) -> impl Iterator<Item = &'a str> {
    // Each separator contains one of these bytes, which most phones do not have.
    let parted = text.bytes().any(|b| matches!(b, b'\n' | b';' | b',' | b'/'));
    let lines = split_unless(text, if parted { &SEPARATORS[..] } else { &[] }, written::continues_number);
    lines.flat_map(move |part| split_unless(part, separators, written::continues_number))
}

/// The phone number in a cell that holds one.
pub fn of_cell(cell: Cell<'_>, region: Region) -> Result<String, ValueError> {
    match cell.value {
        Scalar::Serial(_) | Scalar::Bool(_) => Err(not_a_phone(cell.text)),
        Scalar::Number(_) if cell.text.contains(['e', 'E']) => Err(lost_digits(cell.text)),
        Scalar::Number(value) if value < 0.0 || value.fract() != 0.0 => Err(not_a_phone(cell.text)),
        Scalar::Empty
        | Scalar::Text
        | Scalar::Number(_)
        | Scalar::Formatted(..)
        | Scalar::Error
        | Scalar::Uncomputed => phone(checked(cell)?, region),
    }
}

/// Converts a phone number; without `+` by the rules of `region`.
pub fn phone(text: &str, region: Region) -> Result<String, ValueError> {
    if region == Region::RU
        && let Some(number) = parse_common(text)
    {
        return Ok(number);
    }
    parse_full(text, region)
}

/// Converts common spellings of Russian numbers without the library: `8 (812) 315-98-83`, `+7…`, `7…`, `9…`.
fn parse_common(text: &str) -> Option<String> {
    let (mut digits, mut count) = ([0u8; 11], 0);
    let mut plus = false;
    for c in text.chars() {
        match c {
            '0'..='9' => {
                *digits.get_mut(count)? = c as u8;
                count += 1;
            }
            '+' if count == 0 && !plus => plus = true,
            ' ' | '\u{a0}' | '(' | ')' | '-' => {}
            _ => return None,
        }
    }
    let national = match (count, digits[0]) {
        (11, b'7') => &digits[1..],
        (11, b'8') if !plus => &digits[1..],
        (10, b'9') if !plus => &digits[..10],
        _ => return None,
    };
    // Other first digits may be an error or another country, and need the library.
    if !matches!(national[0], b'3' | b'4' | b'7' | b'8' | b'9') {
        return None;
    }
    let mut number = String::with_capacity(12);
    number.push_str("+7");
    number.push_str(std::str::from_utf8(national).ok()?);
    Some(number)
}

fn parse_full(text: &str, region: Region) -> Result<String, ValueError> {
    let parsed = ParsedPhone::parse(plain(text)).map_err(|wrong| match wrong {
        PhoneError::Scientific => lost_digits(text),
        PhoneError::TooLong(count) => ValueError::new(
            "phone",
            text,
            message!("has {count} digits, a phone number has at most {max}", count, max = DIGITS_MAX),
        )
        .hint("use split for several numbers in one cell"),
        PhoneError::NotAPhone => not_a_phone(text),
    })?;
    let mut number = if !parsed.plus && INTERNAL.contains(&parsed.digits().len()) {
        parsed.shown.to_string()
    } else {
        let digits = parsed.digits();
        let found = if parsed.plus { international(digits) } else { local(digits, region) };
        e164(&found.ok_or_else(|| unknown_country(text, parsed.plus, region))?)
    };
    if let Some(extension) = parsed.extension {
        let _ = write!(number, " ext. {extension}");
    }
    Ok(number)
}

/// A number with its country code. An unassigned number, as in films and tests, is kept if its length is possible and
/// no digit was removed.
fn international(digits: &str) -> Option<PhoneNumber> {
    let number = PHONE_NUMBER_UTIL.parse(format!("+{digits}"), None).ok()?;
    let number = without_old_mobile_prefix(number);
    if number.is_valid() {
        return Some(number);
    }
    let possible = match number.country_code {
        1 | 7 => has_uniform_length(&number),
        _ => matches!(number.is_possible_with_reason(), Ok(NumberLengthType::IsPossible)),
    };
    (possible && e164(&number).ends_with(digits)).then_some(number)
}

/// A number without `+`: of the region, else with the code of another country, else with the region's own code.
fn local(digits: &str, region: Region) -> Option<PhoneNumber> {
    if let Some(rest) = digits.strip_prefix("00") {
        return international(rest);
    }
    if let Ok(number) = PHONE_NUMBER_UTIL.parse(digits, Some(region))
        && (number.is_valid() || (has_uniform_length(&number) && !lacks_a_digit(&number, digits)))
    {
        return Some(number);
    }
    if digits.len() < FOREIGN_MIN {
        return None;
    }
    let own = PHONE_NUMBER_UTIL.get_country_code_for_region(region);
    international(digits).filter(|number| number.is_valid() || Some(number.country_code) == own)
}

/// True for a ten-digit number of a plan in which all numbers have ten digits, assigned or not.
fn has_uniform_length(number: &PhoneNumber) -> bool {
    let national = number.get_national_significant_number();
    matches!(number.country_code, 1 | 7) && national.len() == UNIFORM && !national.starts_with('0')
}

/// True for `8900123456`: it has ten digits, but the first is the 8 that is dialled before ten others (1 for +1).
fn lacks_a_digit(number: &PhoneNumber, digits: &str) -> bool {
    digits.len() == UNIFORM && digits.starts_with(if number.country_code == 7 { '8' } else { '1' })
}

/// Until 2019, Mexican mobile numbers had a 1 after +52 when called from abroad; old lists still contain it.
fn without_old_mobile_prefix(number: PhoneNumber) -> PhoneNumber {
    let national = number.get_national_significant_number();
    match national.strip_prefix('1') {
        Some(rest) if number.country_code == 52 && rest.len() == 10 => {
            PHONE_NUMBER_UTIL.parse(format!("+52{rest}"), None).unwrap_or(number)
        }
        _ => number,
    }
}

fn e164(number: &PhoneNumber) -> String {
    format!("+{}{}", number.country_code, number.get_national_significant_number())
}

fn not_a_phone(text: &str) -> ValueError {
    ValueError::new("phone", text, "is not a valid phone number")
        .hint("phone numbers look like +7 812 315-98-83 or +7 812 315-98-83 ext. 12")
}

fn unknown_country(text: &str, plus: bool, region: Region) -> ValueError {
    if plus {
        return ValueError::new("phone", text, "is not a valid phone number of any country")
            .hint("check the country code after the + and count the digits");
    }
    ValueError::new("phone", text, message!("is not a valid phone number of {region}", region = region.to_string()))
        .hint("count the digits, or write it with + and its country code")
}
