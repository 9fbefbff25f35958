//! Number formats of workbooks, as far as they tell what a number is: a date, a time, a percentage, an amount of a
//! currency, or a number with leading zeros and literal text. Grouping, colours, widths and rounding are ignored: the
//! stored number is more exact.
//!
//! The format language is ECMA-376 part 1, 18.8.31; the built-in formats are 18.8.30.

use crate::cell::DisplayKind;
use crate::cell::currency::CurrencySign;
use crate::cell::number::write_number;

/// A parsed format.
#[derive(Debug, Clone, PartialEq)]
pub enum NumberFormat {
    /// The format adds nothing to the digits.
    Plain,
    Date,
    /// Elapsed hours, which can exceed a day.
    Duration,
    Pattern(Box<Pattern>),
}

/// A format that adds something to the digits.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    /// In file order: one section for all numbers, or sections for positive, negative and zero, or sections with
    /// conditions.
    sections: Vec<FormatSection>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct FormatSection {
    condition: Option<(ConditionOperator, f64)>,
    before: String,
    /// Digit placeholders before the decimal point and the characters between them, in order.
    placeholders: Vec<Placeholder>,
    after: String,
    /// Percent signs: each one multiplies the displayed number by 100.
    percent_signs: u8,
    /// Commas after the last placeholder: each one divides the displayed number by 1000.
    scale_commas: u8,
    currency: Option<CurrencySign>,
    /// `General`, or a layout that is ignored: a fraction, a power of ten.
    general: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Placeholder {
    /// `0`: shows a zero if there is no digit.
    Zero,
    /// `#`, `?`
    Optional,
    Literal(char),
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

/// Valid formats are at most this long. [Excel]
const CODE_CHARS_MAX: usize = 255;
/// `General` in other languages: some programs write the localised word.
const GENERAL: [&str; 4] = ["Основной", "Standard", "Загальний", "Estándar"];
/// The maximum in Excel.
const SECTIONS_MAX: usize = 4;

impl NumberFormat {
    /// A built-in format by its number.
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

    /// Parses a format. A format that cannot be parsed is `Plain`.
    pub fn read(code: &str) -> NumberFormat {
        if code.chars().count() > CODE_CHARS_MAX || GENERAL.contains(&code.trim()) {
            return NumberFormat::Plain;
        }
        let sections = split_sections(code);
        match sections.iter().find_map(|section| elapsed_time(section)) {
            Some(true) => return NumberFormat::Duration,
            Some(false) => return NumberFormat::Date,
            None => {}
        }
        let sections: Vec<FormatSection> =
            sections.iter().take(SECTIONS_MAX - 1).map(|section| FormatSection::read(section)).collect();
        match sections.iter().any(FormatSection::adds_meaning) {
            true => NumberFormat::Pattern(Box::new(Pattern { sections })),
            false => NumberFormat::Plain,
        }
    }
}

/// Splits a format into sections at the unquoted semicolons.
fn split_sections(code: &str) -> Vec<Vec<FormatToken>> {
    let mut sections = vec![Vec::new()];
    let mut chars = code.chars().peekable();
    while let Some(c) = chars.next() {
        let token = match c {
            ';' => {
                sections.push(Vec::new());
                continue;
            }
            '"' => FormatToken::Literal(chars.by_ref().take_while(|c| *c != '"').collect()),
            '\\' | '!' => match chars.next() {
                Some(c) => FormatToken::Literal(c.into()),
                None => break,
            },
            // Blank space as wide as a character, or a fill character.
            '_' | '*' => {
                chars.next();
                continue;
            }
            '[' => FormatToken::Bracket(chars.by_ref().take_while(|c| *c != ']').collect()),
            other => FormatToken::Char(other),
        };
        if let Some(section) = sections.last_mut() {
            section.push(token);
        }
    }
    sections
}

#[derive(Debug)]
enum FormatToken {
    /// A quoted text or an escaped character.
    Literal(String),
    Bracket(String),
    /// Any other character.
    Char(char),
}

/// Whether a section shows a time: `Some(true)` for elapsed hours, minutes or seconds.
fn elapsed_time(section: &[FormatToken]) -> Option<bool> {
    let elapsed = |token: &FormatToken| match token {
        FormatToken::Bracket(inner) => {
            let unit = inner.to_ascii_lowercase();
            !unit.is_empty() && ["h", "m", "s"].iter().any(|one| unit.chars().all(|c| one.contains(c)))
        }
        FormatToken::Literal(_) | FormatToken::Char(_) => false,
    };
    if section.iter().any(elapsed) {
        return Some(true);
    }
    let signs: Vec<char> = section
        .iter()
        .filter_map(|token| match token {
            FormatToken::Char(c) => Some(c.to_ascii_lowercase()),
            FormatToken::Literal(_) | FormatToken::Bracket(_) => None,
        })
        .collect();
    // Next to a digit placeholder such a letter is literal text that was not quoted.
    let number = signs.iter().any(|c| matches!(c, '#' | '?')) || signs.first() == Some(&'0');
    let of_time = |c: &char| matches!(c, 'y' | 'm' | 'd' | 'h' | 's');
    (!number && signs.iter().any(of_time)).then_some(false)
}

impl FormatSection {
    fn read(tokens: &[FormatToken]) -> FormatSection {
        let mut section = FormatSection::default();
        let (mut in_fraction, mut before, mut after) = (false, String::new(), String::new());
        // Literal text before the next digit placeholder, or after the last one.
        let mut literal = String::new();
        let mut tokens = tokens.iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                FormatToken::Literal(words) => literal.push_str(words),
                FormatToken::Bracket(inner) => section.read_bracket(inner, &mut literal),
                FormatToken::Char('%') => {
                    section.percent_signs = section.percent_signs.saturating_add(1);
                    literal.push('%');
                }
                FormatToken::Char(c @ ('0' | '#' | '?')) if !in_fraction => {
                    match section.placeholders.is_empty() {
                        true => before = std::mem::take(&mut literal),
                        false => {
                            section.placeholders.extend(std::mem::take(&mut literal).chars().map(Placeholder::Literal))
                        }
                    }
                    section.placeholders.push(if *c == '0' { Placeholder::Zero } else { Placeholder::Optional });
                    section.scale_commas = 0;
                }
                FormatToken::Char('0' | '#' | '?') => {
                    literal.clear();
                    section.scale_commas = 0;
                }
                FormatToken::Char('.') if !section.placeholders.is_empty() && !in_fraction => {
                    in_fraction = true;
                    after.push_str(&std::mem::take(&mut literal));
                }
                // A comma after the last placeholder scales; a comma between placeholders groups.
                FormatToken::Char(',') if !section.placeholders.is_empty() => {
                    section.scale_commas = section.scale_commas.saturating_add(1)
                }
                // A fraction or a power of ten: the placeholders that follow do not belong to the number itself.
                FormatToken::Char('/' | 'E' | 'e') if !section.placeholders.is_empty() => {
                    (section.general, in_fraction) = (true, true)
                }
                FormatToken::Char('g' | 'G') if skip_general(&mut tokens) => {
                    section.general = true;
                    before = std::mem::take(&mut literal);
                }
                FormatToken::Char('@') => section.general = true,
                FormatToken::Char(c) => literal.push(*c),
            }
        }
        if section.placeholders.is_empty() && !section.general {
            before.push_str(&std::mem::take(&mut literal));
        }
        after.push_str(&literal);
        (section.before, section.after) = (before, after);
        section.find_currency();
        section
    }

    fn read_bracket(&mut self, inner: &str, literal: &mut String) {
        if let Some(sign) = inner.strip_prefix('$') {
            // `[$₽-419]`; without a sign it only names a language.
            let sign = sign.split('-').next().unwrap_or("").trim();
            match CurrencySign::parse(sign) {
                Some(currency) => self.currency = Some(currency),
                None => literal.push_str(sign),
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

    /// Recognises a prefix or suffix that is only a currency sign.
    fn find_currency(&mut self) {
        for words in [&mut self.before, &mut self.after] {
            let minus = words.trim_start().starts_with(['-', '−']);
            let bare = words.trim_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '−' | '(' | ')'));
            if let Some(currency) = CurrencySign::parse(bare) {
                self.currency = self.currency.or(Some(currency));
                *words = if minus { "-".into() } else { String::new() };
            }
        }
    }

    /// True if the literal text differs from that of another section, apart from a minus and brackets.
    fn literals_differ(&self, other: &FormatSection) -> bool {
        let words = |section: &'_ FormatSection| -> (String, String) {
            let before = section.before.trim().trim_start_matches(['-', '−', '(']).trim();
            let after = section.after.trim().trim_end_matches(')').trim();
            (before.to_owned(), after.to_owned())
        };
        words(self) != words(other)
    }

    /// True for a section that applies to negative numbers only.
    fn is_below_zero(&self) -> bool {
        matches!(self.condition, Some((ConditionOperator::Less | ConditionOperator::LessOrEqual, with)) if with <= 0.0)
    }

    /// The format `"да"` has no digit placeholder.
    fn shows_digits(&self) -> bool {
        self.general || !self.placeholders.is_empty()
    }

    /// True if this section changes the text or the meaning of a number.
    fn adds_meaning(&self) -> bool {
        self.percent_signs > 0 || self.currency.is_some() || self.changes_text()
    }

    fn changes_text(&self) -> bool {
        let zeros = self.placeholders.iter().filter(|place| **place == Placeholder::Zero).count();
        // `#,##0` has one zero placeholder; `00.5` pads.
        zeros > 1 || self.has_inner_literals() || is_meaningful(&self.before) || is_meaningful(&self.after)
    }

    fn has_inner_literals(&self) -> bool {
        self.placeholders.iter().any(|place| matches!(place, Placeholder::Literal(c) if !c.is_whitespace()))
    }

    fn applies_to(&self, number: f64) -> bool {
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

    /// Appends the text of a number; `number` is not negative.
    fn write(&self, number: f64, negative: bool, text: &mut String) -> DisplayKind {
        let mut digits = String::new();
        // A number that is only scaled, without a unit, keeps all its digits.
        let scale_commas = if self.display_kind() == DisplayKind::Unit { self.scale_commas } else { 0 };
        write_number(
            number * 100_f64.powi(self.percent_signs.into()) / 1000_f64.powi(scale_commas.into()),
            &mut digits,
        );
        let shown = self.display_kind();
        if negative {
            text.push('-');
        }
        if !self.changes_text() && self.percent_signs == 0 {
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

    /// Puts the digits into the placeholders from the right; surplus digits come before the first placeholder.
    fn write_whole(&self, whole: &str, text: &mut String) {
        let inner = self.has_inner_literals();
        let placeholders = self.placeholders.iter().filter(|place| !matches!(place, Placeholder::Literal(_))).count();
        let missing = placeholders.saturating_sub(whole.len());
        let surplus = whole.len().saturating_sub(placeholders);
        text.push_str(&whole[..surplus]);
        let mut digits = whole[surplus..].chars();
        let mut position = 0;
        for place in &self.placeholders {
            match place {
                Placeholder::Literal(c) if inner => text.push(*c),
                Placeholder::Literal(_) => {}
                Placeholder::Zero | Placeholder::Optional => {
                    position += 1;
                    match place {
                        _ if position > missing => text.extend(digits.next()),
                        Placeholder::Zero => text.push('0'),
                        Placeholder::Optional | Placeholder::Literal(_) => {}
                    }
                }
            }
        }
        text.extend(digits);
    }

    fn display_kind(&self) -> DisplayKind {
        if self.percent_signs > 0 {
            return DisplayKind::Percent;
        }
        match self.currency {
            // A percent sign in literal text does not multiply, and is not part of the number either.
            _ if self.after.chars().any(|c| c.is_alphabetic() || matches!(c, '%' | '‰')) => DisplayKind::Unit,
            Some(currency) => DisplayKind::Currency(currency),
            None => DisplayKind::Custom,
        }
    }
}

/// Skips the rest of `General`; true if it was there.
fn skip_general<'t>(tokens: &mut std::iter::Peekable<impl Iterator<Item = &'t FormatToken> + Clone>) -> bool {
    let mut ahead = tokens.clone();
    let rest = "eneral"
        .chars()
        .all(|letter| matches!(ahead.next(), Some(FormatToken::Char(c)) if c.to_ascii_lowercase() == letter));
    if rest {
        *tokens = ahead;
    }
    rest
}

/// True for words, and for characters that belong to words; separators alone carry no meaning.
pub fn is_meaningful(words: &str) -> bool {
    words.chars().any(|c| c.is_alphanumeric() || matches!(c, '№' | '#' | '+' | '/' | '&' | '°' | '*' | '%' | '‰'))
}

impl Pattern {
    /// Appends the displayed text and returns its kind; `None` if the digits alone say all.
    pub fn write(&self, number: f64, text: &mut String) -> Option<DisplayKind> {
        let conditions = self.sections.iter().any(|section| section.condition.is_some());
        let section = match self.sections.as_slice() {
            [] => return None,
            [only] => only,
            sections if conditions => sections.iter().find(|section| section.applies_to(number))?,
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
        // Literal text of its own can replace the minus: `"аванс "0`. Other sections only colour the number or put it
        // in brackets.
        let has_negative_section = if conditions { section.is_below_zero() } else { self.sections.len() > 1 };
        let like = |other: &FormatSection| !std::ptr::eq(other, section) && !section.literals_differ(other);
        let words_say_sign = has_negative_section && !self.sections.iter().any(like) || !section.shows_digits();
        section.adds_meaning().then(|| section.write(number.abs(), number < 0.0 && !words_say_sign, text))
    }
}

#[cfg(test)]
#[path = "number_format_tests.rs"]
mod tests;
