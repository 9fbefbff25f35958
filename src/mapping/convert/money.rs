//! Amounts of money: a number with a currency before or after it, or in the format of its cell. The account has one
//! currency, and nothing is converted: amounts in other currencies are refused, unless the mapping declares them.

use super::ValueError;
use super::number::{NumberSyntax, digits, number_text, parse, with_format_hint};
use super::text::{is_blank, plain, scientific};
use rust_decimal::Decimal;
use sheet_source::message;
use sheet_source::{Cell, CurrencySign, DisplayKind, Scalar};

const MULTIPLES: [&str; 10] = ["тыс", "тысяч", "т", "млн", "миллион", "млрд", "k", "к", "m", "mln"];

pub fn money(cell: Cell<'_>, syntax: NumberSyntax<'_>) -> Result<Decimal, ValueError> {
    let text = number_text(cell)?;
    match cell.value {
        Scalar::Number(_) => return parse(text, cell.text, Some('.')),
        Scalar::Formatted(number, DisplayKind::Currency(sign)) => {
            syntax.check_currency(sign, &format!("{} {}", cell.text, sign.as_str()))?;
            return parse(&digits(number), cell.text, Some('.'));
        }
        Scalar::Formatted(number, DisplayKind::Custom) => return parse(&digits(number), cell.text, Some('.')),
        Scalar::Formatted(number, DisplayKind::Percent | DisplayKind::Unit) => {
            // The reader has written the digits with a dot.
            let read = parse_amount(plain(text), cell.text, NumberSyntax { decimal: Some('.'), ..syntax });
            return read.map_err(|error| with_format_hint(error, number));
        }
        Scalar::Empty | Scalar::Text | Scalar::Serial(_) | Scalar::Bool(_) | Scalar::Error | Scalar::Uncomputed => {}
    }
    parse_amount(plain(text), cell.text, syntax)
}

/// Parses the amount in `body`; `shown` is the full value for messages.
fn parse_amount(body: &str, shown: &str, syntax: NumberSyntax<'_>) -> Result<Decimal, ValueError> {
    let decimal = syntax.decimal;
    // A plain number has no currency to look for.
    if body.starts_with(is_digit)
        && body.ends_with(is_digit)
        && body.chars().all(|c| is_digit(c) || NUMERIC.contains(&c))
    {
        return parse(body, shown, decimal);
    }
    let (minus, body) = match body.strip_prefix(['-', '−']) {
        Some(rest) if rest.starts_with(|c: char| !c.is_ascii_digit()) => (true, rest.trim_start_matches(is_blank)),
        _ => (false, body),
    };
    let (body, sign) = strip_currency(body);
    if is_multiple(last_word(body)) {
        return Err(ValueError::new("money", shown, "is in thousands or millions")
            .hint("write the whole amount, for example 350000"));
    }
    if (body.is_empty() || body.contains(is_foreign_char)) && !scientific(body)
        || minus && body.starts_with(['-', '−', '+'])
    {
        return Err(ValueError::new("money", shown, "is not a valid amount of money")
            .hint("amounts look like 1234.56, 1 234,56 ₽ or $1,234.56"));
    }
    let amount = parse(body, shown, decimal)?;
    if let Some(sign) = sign {
        syntax.check_currency(sign, shown)?;
    }
    Ok(if minus && !amount.is_zero() { -amount } else { amount })
}

/// Characters between the digits of usual amounts.
const NUMERIC: [char; 4] = [' ', '\u{a0}', ',', '.'];

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// True for a character that no number contains.
fn is_foreign_char(c: char) -> bool {
    c.is_alphabetic() || c == '$' || (!c.is_ascii() && !is_blank(c) && !matches!(c, '−' | '\u{2011}' | '’'))
}

/// The text without a currency at its end or beginning, and the currency.
fn strip_currency(text: &str) -> (&str, Option<CurrencySign>) {
    if text.ends_with(|c: char| c.is_ascii_digit()) && text.starts_with(|c: char| c.is_ascii_digit()) {
        return (text, None);
    }
    let word = last_word(text);
    if let Some(sign) = CurrencySign::parse(word) {
        let start = word.as_ptr() as usize - text.as_ptr() as usize;
        return (text[..start].trim_end_matches(is_blank), Some(sign));
    }
    let end = text.find(|c: char| c.is_ascii_digit() || matches!(c, '-' | '−' | '+')).unwrap_or(text.len());
    match CurrencySign::parse(text[..end].trim_end_matches(is_blank)) {
        Some(sign) => (text[end..].trim_start_matches(is_blank), Some(sign)),
        None => (text, None),
    }
}

/// The text after the last digit and the blanks after it.
fn last_word(text: &str) -> &str {
    let end = text.rfind(|c: char| c.is_ascii_digit()).map_or(0, |last| last + 1);
    text[end..].trim_start_matches(is_blank)
}

impl NumberSyntax<'_> {
    /// An error for an amount in another currency than `self.currency`.
    pub(super) fn check_currency(self, sign: CurrencySign, shown: &str) -> Result<(), ValueError> {
        match self.currency {
            Some(currency) if !sign.fits(currency) => {
                let what = message!(
                    "is an amount in {sign}, but amounts here are in {currency}",
                    sign = sign.as_str(),
                    currency
                );
                let hint =
                    "convert it, or add currency = \"…\" for the column or under [source] to take the number as it is";
                Err(ValueError::new("currency", shown, what).hint(hint))
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn is_multiple(word: &str) -> bool {
    let word = word.split(|c: char| !c.is_alphabetic()).next().unwrap_or("");
    MULTIPLES.iter().any(|multiple| word.chars().flat_map(char::to_lowercase).eq(multiple.chars()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_with_their_currency_and_without() {
        for (input, expected) in [
            ("350000", "350000"),
            ("350 000 ₽", "350000"),
            ("350 000₽", "350000"),
            ("1 200,50 руб.", "1200.5"),
            ("1 200,50 руб", "1200.5"),
            ("1200р.", "1200"),
            ("1200.50р", "1200.5"),
            ("1200 РУБЛЕЙ", "1200"),
            ("$1,234.56", "1234.56"),
            ("$ 99", "99"),
            ("-$5", "-5"),
            ("$-5", "-5"),
            ("€1.234,56", "1234.56"),
            ("12,5 BYN", "12.5"),
            ("USD 100", "100"),
            ("100 000 ₸", "100000"),
            ("R$ 1.234,56", "1234.56"),
            ("-1 200,00 ₽", "-1200"),
        ] {
            let found =
                money(Cell { text: input, value: Scalar::Text }, NumberSyntax::default()).map(|n| n.to_string());
            assert_eq!(found.as_deref(), Ok(expected), "{input}");
        }
        let cell = Cell { text: "1200.5", value: Scalar::Number(1200.5) };
        assert_eq!(
            money(cell, NumberSyntax { decimal: Some(','), currency: None }).map(|n| n.to_string()).as_deref(),
            Ok("1200.5")
        );
        let named = Cell { text: "1.234 ₽", value: Scalar::Text };
        assert_eq!(money(named, NumberSyntax { decimal: Some(','), currency: Some("RUB") }), Ok(Decimal::from(1234)));
    }

    #[test]
    fn what_is_not_one_amount_is_refused() {
        for (input, code) in [
            ("по договорённости", "money"),
            ("100 тыс", "money"),
            ("100 тыс. руб.", "money"),
            ("1,5 млн ₽", "money"),
            ("100k", "money"),
            ("от 100 руб", "money"),
            ("1200 руб 50 коп", "money"),
            ("100-200 ₽", "number"),
            ("1,234 ₽", "ambiguous-number"),
            ("1e3", "scientific"),
            ("7,90E+10", "scientific"),
            ("₽", "money"),
            ("$5 ₽", "money"),
            ("-$-5", "money"),
        ] {
            let error = money(Cell { text: input, value: Scalar::Text }, NumberSyntax::default()).unwrap_err();
            assert_eq!(error.code, code, "{input}: {}", error.message);
            assert!(error.message.to_string().starts_with(&format!("\"{input}\" ")), "{}", error.message);
        }
    }
}
