//! Parses a phone number in a cell: a label before it, its digits, its extension.

use crate::mapping::convert::text::{is_blank, is_invisible, scientific};
use std::borrow::Cow;

/// ITU-T E.164
pub(super) const DIGITS_MAX: usize = 15;
const EXTENSION_MAX: usize = 7;
/// Room for `00` before the longest number.
const ROOM: usize = DIGITS_MAX + 2;

/// Labels before a number, lower case.
const LABELS: [&str; 19] = [
    "тел",
    "телефон",
    "т",
    "моб",
    "мобильный",
    "сот",
    "раб",
    "рабочий",
    "дом",
    "факс",
    "tel",
    "telefono",
    "phone",
    "mob",
    "mobile",
    "cell",
    "cel",
    "fone",
    "fax",
];

/// Words before an extension, lower case; `x` is both the Latin and the Russian letter.
const EXTENSIONS: [&str; 14] = [
    "доб",
    "добавочный",
    "вн",
    "внутр",
    "внутренний",
    "ext",
    "extn",
    "extension",
    "x",
    "х",
    "int",
    "interno",
    "ramal",
    "anexo",
];

pub(super) struct ParsedPhone<'a> {
    pub plus: bool,
    /// The number without its label and extension.
    pub shown: Cow<'a, str>,
    pub extension: Option<&'a str>,
    digits: [u8; ROOM],
    count: usize,
}

pub(super) enum PhoneError {
    Scientific,
    /// The number of digits.
    TooLong(usize),
    NotAPhone,
}

impl<'a> ParsedPhone<'a> {
    pub fn parse(text: &'a str) -> Result<ParsedPhone<'a>, PhoneError> {
        if scientific(text) {
            return Err(PhoneError::Scientific);
        }
        let text = without_labels(without_float_zero(text));
        let tail = text.find(|c: char| c.is_alphabetic() || c == '#');
        let (number, extension) = match tail {
            Some(at) => (&text[..at], Some(extension(&text[at..]).ok_or(PhoneError::NotAPhone)?)),
            None => (text, None),
        };
        let number = number.trim_matches(|c: char| is_blank(c) || matches!(c, ',' | ';'));
        let number = if extension.is_some() { number.trim_end_matches(|c| is_blank(c) || c == '(') } else { number };
        let shown = if number.contains(is_invisible) {
            Cow::Owned(number.chars().filter(|c| !is_invisible(*c)).collect())
        } else {
            Cow::Borrowed(number)
        };
        let mut parsed = ParsedPhone { plus: false, shown, extension, digits: [0; ROOM], count: 0 };
        let count = parsed.scan(number)?;
        let longest = if number.starts_with("00") { ROOM } else { DIGITS_MAX };
        if count > longest {
            return Err(PhoneError::TooLong(count));
        }
        if count < 3 {
            return Err(PhoneError::NotAPhone);
        }
        Ok(parsed)
    }

    /// Stores the digits that fit and returns the number of all digits.
    fn scan(&mut self, number: &str) -> Result<usize, PhoneError> {
        let mut count = 0;
        for c in number.chars() {
            match c {
                '0'..='9' => {
                    if let Some(slot) = self.digits.get_mut(count) {
                        *slot = c as u8;
                        self.count += 1;
                    }
                    count += 1;
                }
                '+' if count == 0 && !self.plus => self.plus = true,
                '(' | ')' | '[' | ']' | '-' | '.' | '~' | '\u{2010}'..='\u{2015}' | '−' => {}
                c if is_blank(c) => {}
                _ => return Err(PhoneError::NotAPhone),
            }
        }
        Ok(count)
    }

    pub fn digits(&self) -> &str {
        std::str::from_utf8(&self.digits[..self.count]).unwrap_or("")
    }
}

/// True for `доб. 12`, which belongs to the number before it.
fn begins_with_extension(text: &str) -> bool {
    let text = text.trim_start_matches(|c| is_blank(c) || c == '(');
    let word = &text[..text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len())];
    one_of(&EXTENSIONS, word) || text.starts_with('#')
}

/// True if a separator does not end a number: an extension follows, or the rest of `7,90E+10`, which is one number
/// spoilt by Excel.
pub(super) fn continues_number(text: &str) -> bool {
    begins_with_extension(text) || begins_with_exponent(text)
}

fn begins_with_exponent(text: &str) -> bool {
    let after = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let exponent = after.strip_prefix(['e', 'E']).and_then(|rest| rest.strip_prefix('+'));
    after.len() < text.len() && exponent.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The extension digits of `доб. 12`, `ext.12`, `x12`, `#12`, `доб. 12)`.
fn extension(tail: &str) -> Option<&str> {
    let after = match tail.strip_prefix('#') {
        Some(after) => after,
        None => {
            let end = tail.find(|c: char| !c.is_alphabetic())?;
            let (word, after) = tail.split_at(end);
            one_of(&EXTENSIONS, word).then_some(after)?
        }
    };
    let digits = after.trim_start_matches(|c: char| is_blank(c) || matches!(c, '.' | ':' | '=' | '#' | '№' | '-'));
    let digits = digits.trim_end_matches(|c: char| is_blank(c) || matches!(c, ')' | '.'));
    ((1..=EXTENSION_MAX).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

/// Removes `.0`: programs that store numbers as floats write `79001234567.0`.
fn without_float_zero(text: &str) -> &str {
    match text.strip_suffix(".0") {
        Some(whole) if whole.bytes().all(|b| b.is_ascii_digit()) => whole,
        _ => text,
    }
}

/// Removes labels such as `тел.`, `моб. тел.:`, `tel:`.
fn without_labels(mut text: &str) -> &str {
    while let Some(end) = text.find(|c: char| !c.is_alphabetic())
        && end > 0
        && one_of(&LABELS, &text[..end])
    {
        text = text[end..].trim_start_matches(|c: char| is_blank(c) || matches!(c, '.' | ':'));
    }
    text
}

fn one_of(words: &[&str], word: &str) -> bool {
    words.iter().any(|known| word.chars().flat_map(char::to_lowercase).eq(known.chars()))
}
