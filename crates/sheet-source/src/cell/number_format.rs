//! Number formats of workbooks, as far as they say what a number is: a date, a time, a share, an amount of a currency, or
//! a number with zeros in front of it and words around it. Grouping, colours, widths and the rounding of what is shown are
//! read over: the number itself is truer.
//!
//! The language of formats: ECMA-376 part 1, 18.8.31; the formats known by a number alone: 18.8.30.

use crate::cell::DisplayKind;
use crate::cell::currency::CurrencySign;
use crate::cell::number::write_number;

/// A format, read once.
#[derive(Debug, Clone, PartialEq)]
pub enum NumberFormat {
    /// The digits say all.
    Plain,
    Date,
    /// Hours that may be more than a day has.
    Duration,
    Written(Box<Pattern>),
}

/// A format that says something besides the digits.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    /// In the order of the file: one for all numbers, or for those above, below and at zero, or with conditions.
    sections: Vec<FormatSection>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct FormatSection {
    condition: Option<(ConditionOperator, f64)>,
    before: String,
    /// Places of digits before the decimal point and what stands between them, in their order.
    places: Vec<DigitPlace>,
    after: String,
    /// Per cent signs: the number is shown a hundredfold for each.
    hundreds: u8,
    /// Commas behind the last digit: the number is shown in thousands for each.
    thousands: u8,
    currency: Option<CurrencySign>,
    /// `General`, or a shape that is read over: a fraction, a power of ten.
    free: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum DigitPlace {
    /// `0`: a zero where there is no digit.
    Zero,
    /// `#`, `?`
    Digit,
    Sign(char),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum ConditionOperator {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
}

/// No honest format is longer. [Excel]
const CODE_CHARS_MAX: usize = 255;
/// `General` in other languages, as programs write that take the word from the screen.
const GENERAL: [&str; 4] = ["Основной", "Standard", "Загальний", "Estándar"];
/// Excel knows four.
const SECTIONS_MAX: usize = 4;

impl NumberFormat {
    /// A format by its number, where that is one of those every workbook knows.
    pub fn built_in(id: u32) -> Option<NumberFormat> {
        Some(match id {
            14..=17 | 22 | 27..=31 | 36 | 50..=54 | 57 | 58 => NumberFormat::Date,
            // Times of day.
            18..=21 | 32..=35 | 45 | 47 | 55 | 56 => NumberFormat::Date,
            46 => NumberFormat::Duration,
            9 | 10 => NumberFormat::read("0%"),
            0..=49 => NumberFormat::Plain,
            _ => return None,
        })
    }

    /// Reads a format. What cannot be understood says nothing.
    pub fn read(code: &str) -> NumberFormat {
        if code.chars().count() > CODE_CHARS_MAX || GENERAL.contains(&code.trim()) {
            return NumberFormat::Plain;
        }
        let sections = split(code);
        match sections.iter().find_map(|section| time(section)) {
            Some(true) => return NumberFormat::Duration,
            Some(false) => return NumberFormat::Date,
            None => {}
        }
        let sections: Vec<FormatSection> =
            sections.iter().take(SECTIONS_MAX - 1).map(|section| FormatSection::read(section)).collect();
        match sections.iter().any(FormatSection::speaks) {
            true => NumberFormat::Written(Box::new(Pattern { sections })),
            false => NumberFormat::Plain,
        }
    }
}

/// The sections of a format, at the semicolons that stand for themselves.
fn split(code: &str) -> Vec<Vec<FormatToken>> {
    let mut sections = vec![Vec::new()];
    let mut chars = code.chars().peekable();
    while let Some(c) = chars.next() {
        let token = match c {
            ';' => {
                sections.push(Vec::new());
                continue;
            }
            '"' => FormatToken::Words(chars.by_ref().take_while(|c| *c != '"').collect()),
            '\\' | '!' => match chars.next() {
                Some(c) => FormatToken::Words(c.into()),
                None => break,
            },
            // Room as wide as a sign, or filled with it.
            '_' | '*' => {
                chars.next();
                continue;
            }
            '[' => FormatToken::Bracket(chars.by_ref().take_while(|c| *c != ']').collect()),
            other => FormatToken::Sign(other),
        };
        if let Some(section) = sections.last_mut() {
            section.push(token);
        }
    }
    sections
}

#[derive(Debug)]
enum FormatToken {
    /// Between quotes or behind a backslash.
    Words(String),
    Bracket(String),
    /// Anything else, letter by letter.
    Sign(char),
}

/// Whether a section shows a time: `Some(true)` for hours, minutes or seconds that are counted on beyond a day.
fn time(section: &[FormatToken]) -> Option<bool> {
    let elapsed = |token: &FormatToken| match token {
        FormatToken::Bracket(inner) => {
            let unit = inner.to_ascii_lowercase();
            !unit.is_empty() && ["h", "m", "s"].iter().any(|one| unit.chars().all(|c| one.contains(c)))
        }
        FormatToken::Words(_) | FormatToken::Sign(_) => false,
    };
    if section.iter().any(elapsed) {
        return Some(true);
    }
    let signs: Vec<char> = section
        .iter()
        .filter_map(|token| match token {
            FormatToken::Sign(c) => Some(c.to_ascii_lowercase()),
            FormatToken::Words(_) | FormatToken::Bracket(_) => None,
        })
        .collect();
    // Beside a place of a digit such a letter is one that somebody forgot to put between quotes.
    let number = signs.iter().any(|c| matches!(c, '#' | '?')) || signs.first() == Some(&'0');
    let of_time = |c: &char| matches!(c, 'y' | 'm' | 'd' | 'h' | 's');
    (!number && signs.iter().any(of_time)).then_some(false)
}

impl FormatSection {
    fn read(tokens: &[FormatToken]) -> FormatSection {
        let mut section = FormatSection::default();
        let (mut in_fraction, mut before, mut after) = (false, String::new(), String::new());
        // Signs that stand in front of the next place of a digit, or behind the last one.
        let mut seen = String::new();
        let mut tokens = tokens.iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                FormatToken::Words(words) => seen.push_str(words),
                FormatToken::Bracket(inner) => section.bracket(inner, &mut seen),
                FormatToken::Sign('%') => {
                    section.hundreds = section.hundreds.saturating_add(1);
                    seen.push('%');
                }
                FormatToken::Sign(c @ ('0' | '#' | '?')) if !in_fraction => {
                    match section.places.is_empty() {
                        true => before = std::mem::take(&mut seen),
                        false => section.places.extend(std::mem::take(&mut seen).chars().map(DigitPlace::Sign)),
                    }
                    section.places.push(if *c == '0' { DigitPlace::Zero } else { DigitPlace::Digit });
                    section.thousands = 0;
                }
                FormatToken::Sign('0' | '#' | '?') => {
                    seen.clear();
                    section.thousands = 0;
                }
                FormatToken::Sign('.') if !section.places.is_empty() && !in_fraction => {
                    in_fraction = true;
                    after.push_str(&std::mem::take(&mut seen));
                }
                // Behind the last digit it scales; between digits it groups.
                FormatToken::Sign(',') if !section.places.is_empty() => {
                    section.thousands = section.thousands.saturating_add(1)
                }
                // A fraction, a power of ten: what follows are no places of the number itself.
                FormatToken::Sign('/' | 'E' | 'e') if !section.places.is_empty() => {
                    (section.free, in_fraction) = (true, true)
                }
                FormatToken::Sign('g' | 'G') if general(&mut tokens) => {
                    section.free = true;
                    before = std::mem::take(&mut seen);
                }
                FormatToken::Sign('@') => section.free = true,
                FormatToken::Sign(c) => seen.push(*c),
            }
        }
        if section.places.is_empty() && !section.free {
            before.push_str(&std::mem::take(&mut seen));
        }
        after.push_str(&seen);
        (section.before, section.after) = (before, after);
        section.find_currency();
        section
    }

    fn bracket(&mut self, inner: &str, seen: &mut String) {
        if let Some(sign) = inner.strip_prefix('$') {
            // `[$₽-419]`; without a sign it names a language only.
            let sign = sign.split('-').next().unwrap_or("").trim();
            match CurrencySign::of(sign) {
                Some(currency) => self.currency = Some(currency),
                None => seen.push_str(sign),
            }
            return;
        }
        let operators = [
            ("<=", ConditionOperator::LessOrEqual),
            (">=", ConditionOperator::GreaterOrEqual),
            ("<>", ConditionOperator::NotEqual),
            ("<", ConditionOperator::Less),
            (">", ConditionOperator::Greater),
            ("=", ConditionOperator::Equal),
        ];
        let compared = operators.into_iter().find_map(|(sign, compared)| Some((compared, inner.strip_prefix(sign)?)));
        if let Some((compared, Ok(with))) = compared.map(|(compared, with)| (compared, with.trim().parse())) {
            self.condition = Some((compared, with));
        }
    }

    /// Words that are the sign of a currency and nothing else.
    fn find_currency(&mut self) {
        for words in [&mut self.before, &mut self.after] {
            let minus = words.trim_start().starts_with(['-', '−']);
            let bare = words.trim_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '−' | '(' | ')'));
            if let Some(currency) = CurrencySign::of(bare) {
                self.currency = self.currency.or(Some(currency));
                *words = if minus { "-".into() } else { String::new() };
            }
        }
    }

    /// True where its words are others than those of a section, a minus and brackets apart.
    fn differs(&self, other: &FormatSection) -> bool {
        let words = |section: &'_ FormatSection| -> (String, String) {
            let before = section.before.trim().trim_start_matches(['-', '−', '(']).trim();
            let after = section.after.trim().trim_end_matches(')').trim();
            (before.to_owned(), after.to_owned())
        };
        words(self) != words(other)
    }

    /// True for a section of negative numbers alone.
    fn is_below_zero(&self) -> bool {
        matches!(self.condition, Some((ConditionOperator::Less | ConditionOperator::LessOrEqual, with)) if with <= 0.0)
    }

    /// `"да"` has no place for any.
    fn shows_digits(&self) -> bool {
        self.free || !self.places.is_empty()
    }

    /// True where the text of a number differs by this section from its digits, or its meaning does.
    fn speaks(&self) -> bool {
        self.hundreds > 0 || self.currency.is_some() || self.is_worded()
    }

    fn is_worded(&self) -> bool {
        let zeros = self.places.iter().filter(|place| **place == DigitPlace::Zero).count();
        // `#,##0` has one; `00.5` pads.
        zeros > 1 || self.inner_signs() || speaks(&self.before) || speaks(&self.after)
    }

    fn inner_signs(&self) -> bool {
        self.places.iter().any(|place| matches!(place, DigitPlace::Sign(c) if !c.is_whitespace()))
    }

    fn takes(&self, number: f64) -> bool {
        match self.condition {
            None => true,
            Some((ConditionOperator::Less, with)) => number < with,
            Some((ConditionOperator::LessOrEqual, with)) => number <= with,
            Some((ConditionOperator::Equal, with)) => number == with,
            Some((ConditionOperator::NotEqual, with)) => number != with,
            Some((ConditionOperator::GreaterOrEqual, with)) => number >= with,
            Some((ConditionOperator::Greater, with)) => number > with,
        }
    }

    /// What the section makes of a number, which is not below zero.
    fn write(&self, number: f64, negative: bool, text: &mut String) -> DisplayKind {
        let mut digits = String::new();
        // What is only shown shorter, without a word that says so, keeps all its digits.
        let thousands = if self.shown() == DisplayKind::Unit { self.thousands } else { 0 };
        write_number(number * 100_f64.powi(self.hundreds.into()) / 1000_f64.powi(thousands.into()), &mut digits);
        let shown = self.shown();
        if negative {
            text.push('-');
        }
        if !self.is_worded() && self.hundreds == 0 {
            text.push_str(&digits);
            return shown;
        }
        let (whole, fraction) = digits.split_once('.').map_or((digits.as_str(), None), |(w, f)| (w, Some(f)));
        let before = self.before.trim_start();
        let bare = before.trim_start_matches(['-', '−', '(']);
        text.push_str(if negative { bare } else { before });
        if self.shows_digits() {
            self.write_whole(whole, text);
            if let Some(fraction) = fraction {
                text.push('.');
                text.push_str(fraction);
            }
        }
        let after = self.after.trim_end();
        let in_brackets = negative && before[..before.len() - bare.len()].contains('(');
        text.push_str(if in_brackets { after.trim_end_matches(')') } else { after });
        shown
    }

    /// Digits into their places, from the last to the first; those for which there is no place stand before the first.
    fn write_whole(&self, whole: &str, text: &mut String) {
        let inner = self.inner_signs();
        let places = self.places.iter().filter(|place| !matches!(place, DigitPlace::Sign(_))).count();
        let missing = places.saturating_sub(whole.len());
        let more = whole.len().saturating_sub(places);
        text.push_str(&whole[..more]);
        let mut digits = whole[more..].chars();
        let mut passed = 0;
        for place in &self.places {
            match place {
                DigitPlace::Sign(c) if inner => text.push(*c),
                DigitPlace::Sign(_) => {}
                DigitPlace::Zero | DigitPlace::Digit => {
                    passed += 1;
                    match place {
                        _ if passed > missing => text.extend(digits.next()),
                        DigitPlace::Zero => text.push('0'),
                        DigitPlace::Digit | DigitPlace::Sign(_) => {}
                    }
                }
            }
        }
        text.extend(digits);
    }

    fn shown(&self) -> DisplayKind {
        if self.hundreds > 0 {
            return DisplayKind::Percent;
        }
        match self.currency {
            // A per cent sign that is a word multiplies nothing, and is no part of a number either.
            _ if self.after.chars().any(|c| c.is_alphabetic() || matches!(c, '%' | '‰')) => DisplayKind::Unit,
            Some(currency) => DisplayKind::Currency(currency),
            None => DisplayKind::Worded,
        }
    }
}

/// True once the rest of `General` has been passed.
fn general<'t>(tokens: &mut std::iter::Peekable<impl Iterator<Item = &'t FormatToken> + Clone>) -> bool {
    let mut ahead = tokens.clone();
    let rest = "eneral"
        .chars()
        .all(|letter| matches!(ahead.next(), Some(FormatToken::Sign(c)) if c.to_ascii_lowercase() == letter));
    if rest {
        *tokens = ahead;
    }
    rest
}

/// Words, and signs that belong to them; what only sets a number off does not speak.
pub fn speaks(words: &str) -> bool {
    words.chars().any(|c| c.is_alphanumeric() || matches!(c, '№' | '#' | '+' | '/' | '&' | '°' | '*' | '%' | '‰'))
}

impl Pattern {
    /// Appends what a person reads, and says what it is; `None` where the digits alone say all.
    pub fn write(&self, number: f64, text: &mut String) -> Option<DisplayKind> {
        let conditions = self.sections.iter().any(|section| section.condition.is_some());
        let section = match self.sections.as_slice() {
            [] => return None,
            [only] => only,
            sections if conditions => sections.iter().find(|section| section.takes(number))?,
            [positive, negative] => {
                if number < 0.0 {
                    negative
                } else {
                    positive
                }
            }
            [positive, negative, zero, ..] => match number {
                n if n > 0.0 => positive,
                n if n < 0.0 => negative,
                _ => zero,
            },
        };
        // Words of its own say what a minus would: `"аванс "0`; other sections only colour the number, or put it in brackets.
        let own = if conditions { section.is_below_zero() } else { self.sections.len() > 1 };
        let like = |other: &FormatSection| !std::ptr::eq(other, section) && !section.differs(other);
        let says_it = own && !self.sections.iter().any(like) || !section.shows_digits();
        section.speaks().then(|| section.write(number.abs(), number < 0.0 && !says_it, text))
    }
}

#[cfg(test)]
#[path = "number_format_tests.rs"]
mod tests;
