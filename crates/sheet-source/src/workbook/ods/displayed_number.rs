//! What a displayed number adds to its digits. The file has both the number and the displayed text, and this module
//! compares them. Grouping, rounding, decimal commas, exponents and fractions repeat the number; leading zeros,
//! words, inner characters and percent signs add to it.

use super::digits::{NumberSpan, digits_only, find_number};
use crate::cell::DisplayKind;
use crate::cell::currency::CurrencySign;
use crate::cell::number::write_number;
use crate::cell::number_format::is_meaningful;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NumberType {
    Float,
    Percentage,
    /// The currency code of the file, if it is known.
    Currency(Option<CurrencySign>),
}

/// Larger numbers are not exact.
const EXACT_BELOW: f64 = 1e15;

/// Appends the displayed text and returns its kind; `None` if the digits alone say all.
pub fn displayed_number(number: f64, kind: NumberType, display: &str, text: &mut String) -> Option<DisplayKind> {
    let number = if number == 0.0 { 0.0 } else { number };
    let share = kind == NumberType::Percentage;
    let size = if share { number.abs() * 100.0 } else { number.abs() };
    if size.is_nan() || size >= EXACT_BELOW {
        return None;
    }
    let digits = digits_of(size);
    if digits.contains('E') {
        return None;
    }
    let sign = if number < 0.0 { "-" } else { "" };
    match kind {
        NumberType::Currency(Some(currency)) => {
            text.extend([sign, &digits]);
            return Some(DisplayKind::Currency(currency));
        }
        NumberType::Float if display.strip_prefix(sign) == Some(&digits) || display.is_empty() => return None,
        NumberType::Float | NumberType::Percentage | NumberType::Currency(None) => {}
    }
    let display = normalise(display);
    let read = DisplayedNumber { display: &display, sign, size, share };
    let found = read
        .read_words(text)
        .or_else(|| read.read_whole_number(text))
        .or_else(|| read.read_split_digits(&digits, text));
    match found {
        Some(shown) => shown,
        None if share => {
            text.extend([sign, &digits, "%"]);
            Some(DisplayKind::Percent)
        }
        None => None,
    }
}

fn digits_of(size: f64) -> String {
    let mut digits = String::new();
    write_number(size, &mut digits);
    digits
}

/// Unifies spaces, minus signs and digits, and drops invisible characters.
fn normalise(display: &str) -> String {
    let normalise = |c: char| match c {
        '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' => None,
        '\u{2212}' => Some('-'),
        '\u{066B}' => Some('.'),
        '\u{066C}' | '\u{2019}' => Some('\''),
        c if c.is_whitespace() => Some(' '),
        c => Some(latin_digit(c)),
    };
    display.chars().filter_map(normalise).collect::<String>().trim().to_owned()
}

/// Converts digits of other scripts; the zeros are those of the scripts.
fn latin_digit(c: char) -> char {
    const ZEROS: [u32; 6] = [0x0660, 0x06F0, 0x0966, 0x09E6, 0x0E50, 0xFF10];
    let code = u32::from(c);
    let digit = ZEROS.iter().filter_map(|zero| code.checked_sub(*zero)).find(|digit| *digit < 10);
    digit.and_then(|digit| char::from_digit(digit, 10)).unwrap_or(c)
}

struct DisplayedNumber<'d> {
    display: &'d str,
    sign: &'static str,
    /// The absolute number, times 100 for a percentage.
    size: f64,
    share: bool,
}

impl DisplayedNumber<'_> {
    /// Words in place of the number: `нет`, or a currency sign in place of zero.
    fn read_words(&self, text: &mut String) -> Option<Option<DisplayKind>> {
        if self.share || self.display.contains(|c: char| c.is_ascii_digit()) {
            return None;
        }
        if let Some(currency) = currency(self.display) {
            text.extend([self.sign, &digits_of(self.size)]);
            return Some(Some(DisplayKind::Currency(currency)));
        }
        if !self.display.contains(char::is_alphabetic) {
            return Some(None);
        }
        text.push_str(self.display);
        Some(Some(DisplayKind::Custom))
    }

    /// The number in one run of digits, with zeros or words around it; or thousands, millions or billions of it with
    /// words after it.
    fn read_whole_number(&self, text: &mut String) -> Option<Option<DisplayKind>> {
        const SCALES: [f64; 3] = [1e3, 1e6, 1e9];
        if let Some(found) = find_number(self.display, self.size) {
            return Some(self.write(self.size, &found, text));
        }
        let named = |found: &NumberSpan| self.display[found.end..].contains(char::is_alphabetic);
        let scaled = SCALES.iter().map(|scale| self.size / scale);
        let (size, found) =
            scaled.filter_map(|size| Some((size, find_number(self.display, size).filter(named)?))).next()?;
        Some(self.write(size, &found, text))
    }

    fn write(&self, size: f64, found: &NumberSpan, text: &mut String) -> Option<DisplayKind> {
        let (mut before, mut after) = (&self.display[..found.start], &self.display[found.end..]);
        let mut sign = None;
        for words in [&mut before, &mut after] {
            if let Some(currency) = currency(words) {
                sign = sign.or(Some(currency));
                *words = "";
            }
        }
        let padded = found.has_leading_zeros;
        if !(self.share || sign.is_some() || padded || is_meaningful(before) || is_meaningful(after)) {
            return None;
        }
        let digits = digits_of(size);
        let shown = match sign {
            _ if self.share => DisplayKind::Percent,
            _ if after.contains(char::is_alphabetic) => DisplayKind::Unit,
            Some(currency) => DisplayKind::Currency(currency),
            None => DisplayKind::Custom,
        };
        let (before, after) = self.strip_sign(before, after);
        text.extend([self.sign, before]);
        if padded {
            let whole = digits.split('.').next().map_or(0, str::len);
            text.extend(std::iter::repeat_n('0', found.whole.saturating_sub(whole)));
        }
        text.extend([&digits, after]);
        if self.share && !before.contains('%') && !after.contains('%') {
            text.push('%');
        }
        Some(shown)
    }

    /// Characters that split the digits: `112-233-445 95`.
    fn read_split_digits(&self, digits: &str, text: &mut String) -> Option<Option<DisplayKind>> {
        if self.share || digits_only(self.display).trim_start_matches('0') != digits {
            return None;
        }
        let start = self.display.find(|c: char| c.is_ascii_digit())?;
        let end = self.display.rfind(|c: char| c.is_ascii_digit())? + 1;
        let (before, after) = self.strip_sign(&self.display[..start], &self.display[end..]);
        text.extend([self.sign, before, &self.display[start..end], after]);
        Some(Some(if after.contains(char::is_alphabetic) { DisplayKind::Unit } else { DisplayKind::Custom }))
    }

    /// The words without the signs of a negative number.
    fn strip_sign<'w>(&self, before: &'w str, after: &'w str) -> (&'w str, &'w str) {
        match self.sign {
            "" => (before, after),
            _ => (before.trim_start_matches(['-', '(']), after.trim_end_matches(['-', ')'])),
        }
    }
}

/// Recognises words that are only a currency sign.
fn currency(words: &str) -> Option<CurrencySign> {
    let bare = words.trim_matches([' ', '-', '(', ')']);
    if bare.is_empty() { None } else { CurrencySign::parse(bare) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(number: f64, kind: NumberType, display: &str) -> Option<(String, DisplayKind)> {
        let mut text = String::new();
        let shown = displayed_number(number, kind, display, &mut text);
        assert!(shown.is_some() || text.is_empty(), "{text}");
        shown.map(|shown| (text, shown))
    }

    #[test]
    fn zeros_words_and_signs_within_are_shown() {
        use DisplayKind::{Custom, Unit};
        for (number, display, text, shown) in [
            (274_123_456.0, "0274123456", "0274123456", Custom),
            (42.0, "00042", "00042", Custom),
            (-42.0, "-00042", "-00042", Custom),
            (1_234_567.0, "01 234 567", "01234567", Custom),
            (5.25, "05,3", "05.25", Custom),
            (17.0, "З-0017", "З-0017", Custom),
            (5.0, "№\u{A0}5", "№ 5", Custom),
            (11_223_344_595.0, "112-233-445 95", "112-233-445 95", Custom),
            (9_991_234_567.0, "(999) 123-4567", "(999) 123-4567", Custom),
            (79_001_234_567.0, "+7\u{A0}900\u{A0}123\u{A0}45\u{A0}67", "+79001234567", Custom),
            (79_001_234_567.0, "+7 (900) 123-45-67", "+7 (900) 123-45-67", Custom),
            (20_260_017.0, "2026/0017", "2026/0017", Custom),
            (12_345_678.0, "12.34.56.78", "12.34.56.78", Custom),
            (12.0, "1/2", "1/2", Custom),
            (0.0, "нет", "нет", Custom),
            (350.5, "350,5 тыс. руб.", "350.5 тыс. руб.", Unit),
            (350.55, "351 тыс. руб.", "350.55 тыс. руб.", Unit),
            (350_500.0, "351 тыс. руб.", "350.5 тыс. руб.", Unit),
            (1_234_567.0, "1,2 млн", "1.234567 млн", Unit),
            (1234.5, "1.234,50 кг", "1234.5 кг", Unit),
            (-5.0, "-5 шт", "-5 шт", Unit),
            (-5.0, "(5 шт)", "-5 шт", Unit),
            (5.0, "5 м2", "5 м2", Unit),
            (5.0, "5 м²", "5 м²", Unit),
            (3.5, "3 1/2 дюйма", "3.5 дюйма", Unit),
        ] {
            assert_eq!(read(number, NumberType::Float, display), Some((text.to_owned(), shown)), "{display}");
        }
    }

    #[test]
    fn a_plain_number_of_any_locale_is_a_number() {
        for (number, display) in [
            (1234.5, "1 234,50"),
            (1234.5, "1\u{A0}234,50"),
            (1234.5, "1\u{202F}234,5"),
            (1234.5, "1.234,5"),
            (1234.5, "1,234.50"),
            (1234.5, "1'234.5"),
            (1234.5, "1’235"),
            (1234.0, "1,234"),
            (1234.0, "1.234"),
            (1_234_567.0, "12,34,567"),
            (123_456_789.0, "1,2345,6789"),
            (1_234_567.0, "1235"),
            (1_234_567.0, "1"),
            (-5.0, "(5)"),
            (-5.0, "5"),
            (-5.0, "5-"),
            (-5.0, "-5,00"),
            (-5.0, "\u{2212}5"),
            (5.0, "\u{200E}5"),
            (5.0, "٥"),
            (1234.5, "١٬٢٣٤٫٥"),
            (123_456.0, "1,23E+05"),
            (0.000_012_3, "1.23E-05"),
            (-123_456.0, "-1,2e5"),
            (0.5, "1/2"),
            (3.5, "3 1/2"),
            (0.333, "1/3"),
            (0.5, ".5"),
            (0.5, ",50"),
            (5.0, "5."),
            (1234.0, "1 234,-"),
            (9.99, "10"),
            (999.96, "1 000,0"),
            (0.0, "-"),
            (0.0, "0"),
            (-0.0, "0,00"),
            (5.0, ""),
            (5.0, "###"),
            (5.0, "Понедельник 6"),
            (1.5, "36:00:00"),
            (f64::NAN, "5 шт"),
            (1e15, "1 000 000 000 000 000 шт"),
            (1.23e-12, "0 шт"),
        ] {
            assert_eq!(read(number, NumberType::Float, display), None, "{number} as {display}");
        }
    }

    #[test]
    fn shares_keep_all_their_digits() {
        for (number, display, text) in [
            (0.155, "16%", "15.5%"),
            (0.155, "15,50%", "15.5%"),
            (0.05, "5\u{A0}%", "5 %"),
            (-0.05, "-5,0 %", "-5 %"),
            (0.155, "%16", "%15.5"),
            (0.155, "", "15.5%"),
            (15.5, "1 550%", "1550%"),
            (0.05, "05%", "05%"),
            (0.1, "скидка 10%", "скидка 10%"),
            (0.07 * 3.0, "21%", "21%"),
        ] {
            assert_eq!(
                read(number, NumberType::Percentage, display),
                Some((text.to_owned(), DisplayKind::Percent)),
                "{display}"
            );
        }
    }

    #[test]
    fn currencies_are_known_by_code_or_sign() {
        let sign = |written| CurrencySign::parse(written).expect(written);
        let usd = NumberType::Currency(Some(sign("USD")));
        for (number, kind, display, currency) in [
            (1234.5, usd, "$1,234.50", "USD"),
            (1234.5, usd, "", "USD"),
            (1234.5, NumberType::Currency(None), "1 234,50 ₽", "₽"),
            (1234.5, NumberType::Float, "1 234,50 ₽", "₽"),
            (1234.5, NumberType::Float, "1 235 руб.", "руб"),
            (1234.5, NumberType::Float, "€ 1.234,50", "€"),
            (-1234.5, NumberType::Float, "-$1,234.50", "$"),
            (-1234.5, NumberType::Float, "($1,234.50)", "$"),
            (0.0, NumberType::Float, "- ₽", "₽"),
            (0.0, NumberType::Float, "-р.", "р"),
        ] {
            let mut digits = String::new();
            write_number(number, &mut digits);
            assert_eq!(read(number, kind, display), Some((digits, DisplayKind::Currency(sign(currency)))), "{display}");
        }
    }
}
