//! Amounts of money: a number with a currency before or after it, or in the format of its cell. The account counts in
//! one currency, and nothing is converted: an amount of another is refused, unless the mapping says which it is.

use super::Unfit;
use super::number::{Amounts, digits, of_a_format, parse, readable};
use super::text::{blank, plain, scientific};
use rust_decimal::Decimal;
use sheet_source::message;
use sheet_source::{Cell, CurrencySign, DisplayKind, Scalar};

const MULTIPLES: [&str; 10] = ["тыс", "тысяч", "т", "млн", "миллион", "млрд", "k", "к", "m", "mln"];

pub fn money(cell: Cell<'_>, amounts: Amounts<'_>) -> Result<Decimal, Unfit> {
    let text = readable(cell)?;
    match cell.value {
        Scalar::Number(_) => return parse(text, cell.text, Some('.')),
        Scalar::Formatted(number, DisplayKind::Currency(sign)) => {
            amounts.takes(sign, &format!("{} {}", cell.text, sign.as_str()))?;
            return parse(&digits(number), cell.text, Some('.'));
        }
        Scalar::Formatted(number, DisplayKind::Custom) => return parse(&digits(number), cell.text, Some('.')),
        Scalar::Formatted(number, DisplayKind::Percent | DisplayKind::Unit) => {
            // The reader has written its digits.
            let read = amount_in(plain(text), cell.text, Amounts { decimal: Some('.'), ..amounts });
            return read.map_err(|unfit| of_a_format(unfit, number));
        }
        Scalar::Empty | Scalar::Text | Scalar::Serial(_) | Scalar::Bool(_) | Scalar::Error | Scalar::Uncomputed => {}
    }
    amount_in(plain(text), cell.text, amounts)
}

/// The amount in a text, which is `shown` as a whole.
fn amount_in(body: &str, shown: &str, amounts: Amounts<'_>) -> Result<Decimal, Unfit> {
    let decimal = amounts.decimal;
    // Nothing but a number: no currency to look for.
    if body.starts_with(digit) && body.ends_with(digit) && body.chars().all(|c| digit(c) || NUMERIC.contains(&c)) {
        return parse(body, shown, decimal);
    }
    let (minus, body) = match body.strip_prefix(['-', '−']) {
        Some(rest) if rest.starts_with(|c: char| !c.is_ascii_digit()) => (true, rest.trim_start_matches(blank)),
        _ => (false, body),
    };
    let (body, sign) = amount(body);
    if is_multiple(last_word(body)) {
        return Err(Unfit::new("money", shown, "counts in thousands or millions")
            .hint("write the whole amount, for example 350000"));
    }
    if (body.is_empty() || body.contains(strange)) && !scientific(body) || minus && body.starts_with(['-', '−', '+'])
    {
        return Err(Unfit::new("money", shown, "is not an amount of money")
            .hint("amounts look like 1234.56, 1 234,56 ₽ or $1,234.56"));
    }
    let amount = parse(body, shown, decimal)?;
    if let Some(sign) = sign {
        amounts.takes(sign, shown)?;
    }
    Ok(if minus && !amount.is_zero() { -amount } else { amount })
}

/// What stands between the digits of the usual amounts.
const NUMERIC: [char; 4] = [' ', '\u{a0}', ',', '.'];

fn digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// A character of no number.
fn strange(c: char) -> bool {
    c.is_alphabetic() || c == '$' || (!c.is_ascii() && !blank(c) && !matches!(c, '−' | '\u{2011}' | '’'))
}

/// Without a currency at the end or at the beginning, and which that is.
fn amount(text: &str) -> (&str, Option<CurrencySign>) {
    if text.ends_with(|c: char| c.is_ascii_digit()) && text.starts_with(|c: char| c.is_ascii_digit()) {
        return (text, None);
    }
    let word = last_word(text);
    if let Some(sign) = CurrencySign::parse(word) {
        let start = word.as_ptr() as usize - text.as_ptr() as usize;
        return (text[..start].trim_end_matches(blank), Some(sign));
    }
    let end = text.find(|c: char| c.is_ascii_digit() || matches!(c, '-' | '−' | '+')).unwrap_or(text.len());
    match CurrencySign::parse(text[..end].trim_end_matches(blank)) {
        Some(sign) => (text[end..].trim_start_matches(blank), Some(sign)),
        None => (text, None),
    }
}

/// What follows the last digit and the blanks after it.
fn last_word(text: &str) -> &str {
    let end = text.rfind(|c: char| c.is_ascii_digit()).map_or(0, |last| last + 1);
    text[end..].trim_start_matches(blank)
}

impl Amounts<'_> {
    /// An amount in another currency than the one that is counted in is refused.
    pub(super) fn takes(self, sign: CurrencySign, shown: &str) -> Result<(), Unfit> {
        match self.currency {
            Some(currency) if !sign.fits(currency) => {
                let what = message!(
                    "is an amount in {sign}, and the amounts here are in {currency}",
                    sign = sign.as_str(),
                    currency
                );
                let hint = "convert it, or, where the number may be taken as it stands, say currency = \"…\" for the column or under [source]";
                Err(Unfit::new("currency", shown, what).hint(hint))
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
            let found = money(Cell { text: input, value: Scalar::Text }, Amounts::default()).map(|n| n.to_string());
            assert_eq!(found.as_deref(), Ok(expected), "{input}");
        }
        let cell = Cell { text: "1200.5", value: Scalar::Number(1200.5) };
        assert_eq!(
            money(cell, Amounts { decimal: Some(','), currency: None }).map(|n| n.to_string()).as_deref(),
            Ok("1200.5")
        );
        let named = Cell { text: "1.234 ₽", value: Scalar::Text };
        assert_eq!(money(named, Amounts { decimal: Some(','), currency: Some("RUB") }), Ok(Decimal::from(1234)));
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
            let unfit = money(Cell { text: input, value: Scalar::Text }, Amounts::default()).unwrap_err();
            assert_eq!(unfit.code, code, "{input}: {}", unfit.message);
            assert!(unfit.message.to_string().starts_with(&format!("\"{input}\" ")), "{}", unfit.message);
        }
    }
}
