//! Phone numbers, written as `+78123159883`, with an extension as `+78123159883 ext. 12`: a form that people read,
//! that holds no separator of cells, and that is read back here to the same text.
//!
//! Digits are never lost or changed: a number that cannot be placed in a country is a problem. The country comes from
//! `+`, from a country code, or else from the account. Numbers of three to six digits are internal and stay as they
//! are. `00` before a number reads as `+`.

mod written;

#[cfg(test)]
mod tests;

pub use rlibphonenumber::enums::Region;

use super::Unfit;
use super::split::split_unless;
use super::text::{lost_digits, plain, sound};
use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber};
use sheet_source::message;
use sheet_source::{Cell, Scalar};
use std::fmt::Write as _;
use written::{DIGITS_MAX, Written, Wrong};

/// Signs that never stand inside one phone number, so they part numbers also where the mapping does not say so.
pub const SEPARATORS: [&str; 4] = ["\n", ";", ",", " / "];

/// Digits of an internal number.
const INTERNAL: std::ops::RangeInclusive<usize> = 3..=6;
/// A number without `+` may begin with the code of a foreign country only from this many digits on; shorter ones
/// are too often local numbers with a digit amiss.
const FOREIGN_MIN: usize = 11;
/// Digits after the country code in the plans of which all numbers have one length: +7 and +1.
const UNIFORM: usize = 10;

/// The region of an account's country, `RU`, if numbers are known there.
pub fn region(country: &str) -> Option<Region> {
    // Compiling the library's rules takes 20 ms before the first row, and most Russian numbers need none of them.
    if country == "RU" {
        return Some(Region::RU);
    }
    let region = Region::from_code(country).ok()?;
    PHONE_NUMBER_UTIL.get_country_code_for_region(region).is_some().then_some(region)
}

/// The phones in one cell, parted at `separators` and at `SEPARATORS`; an extension stays with its number also after
/// a comma, and so does the rest of `7,90E+10`.
pub fn split<'a, S: AsRef<str>>(text: &'a str, separators: &'a [S]) -> impl Iterator<Item = &'a str> {
    // Each of them has one of these signs, which most phones have not.
    let parted = text.bytes().any(|b| matches!(b, b'\n' | b';' | b',' | b'/'));
    let lines = split_unless(text, if parted { &SEPARATORS[..] } else { &[] }, written::goes_on);
    lines.flat_map(move |part| split_unless(part, separators, written::goes_on))
}

/// The phone number in a cell that holds one.
pub fn of_cell(cell: Cell<'_>, region: Region) -> Result<String, Unfit> {
    match cell.value {
        Scalar::Serial(_) | Scalar::Bool(_) => Err(not_a_phone(cell.text)),
        Scalar::Number(_) if cell.text.contains(['e', 'E']) => Err(lost_digits(cell.text)),
        Scalar::Number(value) if value < 0.0 || value.fract() != 0.0 => Err(not_a_phone(cell.text)),
        Scalar::Empty
        | Scalar::Text
        | Scalar::Number(_)
        | Scalar::Formatted(..)
        | Scalar::Error
        | Scalar::Uncomputed => phone(sound(cell)?, region),
    }
}

/// The number that `text` is, read by the rules of `region` where it has no `+`.
pub fn phone(text: &str, region: Region) -> Result<String, Unfit> {
    if region == Region::RU
        && let Some(number) = quick(text)
    {
        return Ok(number);
    }
    considered(text, region)
}

/// The common spellings of a Russian number, for which no library is needed: `8 (812) 315-98-83`, `+7…`, `7…`, `9…`.
fn quick(text: &str) -> Option<String> {
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
    // Other first digits may be a mistake or another country, and take more thought.
    if !matches!(national[0], b'3' | b'4' | b'7' | b'8' | b'9') {
        return None;
    }
    let mut number = String::with_capacity(12);
    number.push_str("+7");
    number.push_str(std::str::from_utf8(national).ok()?);
    Some(number)
}

fn considered(text: &str, region: Region) -> Result<String, Unfit> {
    let written = Written::of(plain(text)).map_err(|wrong| match wrong {
        Wrong::Scientific => lost_digits(text),
        Wrong::TooLong(count) => Unfit::new(
            "phone",
            text,
            message!("has {count} digits, and a phone number has {max} at most", count, max = DIGITS_MAX),
        )
        .hint("several numbers in one cell need a sign between them, named in split"),
        Wrong::NotAPhone => not_a_phone(text),
    })?;
    let mut number = if !written.plus && INTERNAL.contains(&written.digits().len()) {
        written.shown.to_string()
    } else {
        let digits = written.digits();
        let found = if written.plus { international(digits) } else { local(digits, region) };
        e164(&found.ok_or_else(|| unplaced(text, written.plus, region))?)
    };
    if let Some(extension) = written.extension {
        let _ = write!(number, " ext. {extension}");
    }
    Ok(number)
}

/// A number with its country code. One that is not given out, as in films and tests, stays if its length is possible
/// and no digit of it had to go.
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

/// A number without `+`: of the region, else with the code of another country, else of the region's own code.
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

/// True for a number of a plan where all have ten digits, and this one has, whether it was given out or not.
fn has_uniform_length(number: &PhoneNumber) -> bool {
    let national = number.get_national_significant_number();
    matches!(number.country_code, 1 | 7) && national.len() == UNIFORM && !national.starts_with('0')
}

/// `8900123456` has ten digits, but its first is the 8 that is dialled before ten others; with +1 it is a 1.
fn lacks_a_digit(number: &PhoneNumber, digits: &str) -> bool {
    digits.len() == UNIFORM && digits.starts_with(if number.country_code == 7 { '8' } else { '1' })
}

/// Until 2019 Mexican mobile numbers had a 1 after +52 when called from abroad; lists still have it.
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

fn not_a_phone(text: &str) -> Unfit {
    Unfit::new("phone", text, "is not a phone number")
        .hint("phone numbers look like +7 812 315-98-83 or +7 812 315-98-83 ext. 12")
}

fn unplaced(text: &str, plus: bool, region: Region) -> Unfit {
    if plus {
        return Unfit::new("phone", text, "is not a phone number of any country")
            .hint("check the country code after the + and count the digits");
    }
    Unfit::new("phone", text, message!("is not a phone number of {region}", region = region.to_string()))
        .hint("count the digits, or write it with + and the code of its country")
}
