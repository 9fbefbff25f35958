//! A phone number as it stands in a cell, taken apart: a word before it, its digits, its extension.

use crate::mapping::convert::text::{blank, invisible, scientific};
use std::borrow::Cow;

/// ITU-T E.164
pub(super) const DIGITS_MAX: usize = 15;
const EXTENSION_MAX: usize = 7;
/// Room for `00` before the longest number.
const ROOM: usize = DIGITS_MAX + 2;

/// Words before a number, lower case.
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

pub(super) struct Written<'a> {
    pub plus: bool,
    /// The number without the word before it and without the extension.
    pub shown: Cow<'a, str>,
    pub extension: Option<&'a str>,
    digits: [u8; ROOM],
    count: usize,
}

pub(super) enum Wrong {
    Scientific,
    /// So many digits.
    TooLong(usize),
    NotAPhone,
}

impl<'a> Written<'a> {
    pub fn of(text: &'a str) -> Result<Written<'a>, Wrong> {
        if scientific(text) {
            return Err(Wrong::Scientific);
        }
        let text = without_labels(without_float_zero(text));
        let tail = text.find(|c: char| c.is_alphabetic() || c == '#');
        let (number, extension) = match tail {
            Some(at) => (&text[..at], Some(extension(&text[at..]).ok_or(Wrong::NotAPhone)?)),
            None => (text, None),
        };
        let number = number.trim_matches(|c: char| blank(c) || matches!(c, ',' | ';'));
        let number = if extension.is_some() { number.trim_end_matches(|c| blank(c) || c == '(') } else { number };
        let shown = if number.contains(invisible) {
            Cow::Owned(number.chars().filter(|c| !invisible(*c)).collect())
        } else {
            Cow::Borrowed(number)
        };
        let mut written = Written { plus: false, shown, extension, digits: [0; ROOM], count: 0 };
        let count = written.scan(number)?;
        let longest = if number.starts_with("00") { ROOM } else { DIGITS_MAX };
        if count > longest {
            return Err(Wrong::TooLong(count));
        }
        if count < 3 {
            return Err(Wrong::NotAPhone);
        }
        Ok(written)
    }

    /// Takes the digits that there is room for and counts them all.
    fn scan(&mut self, number: &str) -> Result<usize, Wrong> {
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
                c if blank(c) => {}
                _ => return Err(Wrong::NotAPhone),
            }
        }
        Ok(count)
    }

    pub fn digits(&self) -> &str {
        std::str::from_utf8(&self.digits[..self.count]).unwrap_or("")
    }
}

/// True for `доб. 12`, which is no number of its own but belongs to the one before it.
fn begins_with_extension(text: &str) -> bool {
    let text = text.trim_start_matches(|c| blank(c) || c == '(');
    let word = &text[..text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len())];
    one_of(&EXTENSIONS, word) || text.starts_with('#')
}

/// True where a separator does not end a number: an extension follows, or the rest of `7,90E+10`, which is one number
/// spoilt by Excel and not two.
pub(super) fn goes_on(text: &str) -> bool {
    begins_with_extension(text) || begins_with_exponent(text)
}

fn begins_with_exponent(text: &str) -> bool {
    let after = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let exponent = after.strip_prefix(['e', 'E']).and_then(|rest| rest.strip_prefix('+'));
    after.len() < text.len() && exponent.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The digits of `доб. 12`, `ext.12`, `x12`, `#12`, `доб. 12)`.
fn extension(tail: &str) -> Option<&str> {
    let after = match tail.strip_prefix('#') {
        Some(after) => after,
        None => {
            let end = tail.find(|c: char| !c.is_alphabetic())?;
            let (word, after) = tail.split_at(end);
            one_of(&EXTENSIONS, word).then_some(after)?
        }
    };
    let digits = after.trim_start_matches(|c: char| blank(c) || matches!(c, '.' | ':' | '=' | '#' | '№' | '-'));
    let digits = digits.trim_end_matches(|c: char| blank(c) || matches!(c, ')' | '.'));
    ((1..=EXTENSION_MAX).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

/// Programs that keep numbers as floats write `79001234567.0`; nobody puts a dot there otherwise.
fn without_float_zero(text: &str) -> &str {
    match text.strip_suffix(".0") {
        Some(whole) if whole.bytes().all(|b| b.is_ascii_digit()) => whole,
        _ => text,
    }
}

/// Without `тел.`, `моб. тел.:`, `tel:`.
fn without_labels(mut text: &str) -> &str {
    while let Some(end) = text.find(|c: char| !c.is_alphabetic())
        && end > 0
        && one_of(&LABELS, &text[..end])
    {
        text = text[end..].trim_start_matches(|c: char| blank(c) || matches!(c, '.' | ':'));
    }
    text
}

fn one_of(words: &[&str], word: &str) -> bool {
    words.iter().any(|known| word.chars().flat_map(char::to_lowercase).eq(known.chars()))
}
