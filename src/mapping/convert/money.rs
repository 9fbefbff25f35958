//! Amounts of money: a number with a currency before or after it. The currency is read over, not converted: the
//! account has one of its own, and which one a column is in is known to the person, not to the cell.

use super::Unfit;
use super::number::{parse, readable};
use super::text::{blank, plain, scientific};
use crate::table::{Cell, Scalar};
use rust_decimal::Decimal;

/// Lower case, without the full stop of a shortened word.
#[rustfmt::skip]
const CURRENCIES: [&str; 52] = [
    "₽", "$", "€", "£", "¥", "₸", "₴", "₺", "₾", "₼", "֏", "₹", "₩", "₪", "₫", "₦", "us$", "r$",
    "р", "руб", "рубль", "рубля", "рублей", "rub", "rur", "тенге", "тг", "грн", "сум", "сом", "долл", "евро",
    "usd", "eur", "gbp", "cny", "byn", "byr", "kzt", "uah", "uzs", "kgs", "amd", "azn", "gel", "try", "brl", "mxn", "cop", "clp", "ars", "pen",
];

const MULTIPLES: [&str; 10] = ["тыс", "тысяч", "т", "млн", "миллион", "млрд", "k", "к", "m", "mln"];

pub fn money(cell: Cell<'_>, decimal: Option<char>) -> Result<Decimal, Unfit> {
    let text = readable(cell)?;
    match cell.value {
        Scalar::Number(_) => return parse(text, cell.text, Some('.')),
        Scalar::Empty | Scalar::Text | Scalar::Serial(_) | Scalar::Bool(_) | Scalar::Error => {}
    }
    let body = plain(text);
    // Nothing but a number: no currency to look for.
    if body.starts_with(digit) && body.ends_with(digit) && body.chars().all(|c| digit(c) || NUMERIC.contains(&c)) {
        return parse(body, cell.text, decimal);
    }
    let (minus, body) = match body.strip_prefix(['-', '−']) {
        Some(rest) if rest.starts_with(|c: char| !c.is_ascii_digit()) => (true, rest.trim_start_matches(blank)),
        _ => (false, body),
    };
    let body = amount(body);
    if is_multiple(last_word(body)) {
        return Err(Unfit::new("money", cell.text, "counts in thousands or millions")
            .hint("write the whole amount, for example 350000"));
    }
    if (body.is_empty() || body.contains(strange)) && !scientific(body) || minus && body.starts_with(['-', '−', '+'])
    {
        return Err(Unfit::new("money", cell.text, "is not an amount of money")
            .hint("amounts look like 1234.56, 1 234,56 ₽ or $1,234.56"));
    }
    let amount = parse(body, cell.text, decimal)?;
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

/// Without a currency at the end or at the beginning.
fn amount(text: &str) -> &str {
    if text.ends_with(|c: char| c.is_ascii_digit()) && text.starts_with(|c: char| c.is_ascii_digit()) {
        return text;
    }
    let word = last_word(text);
    if is_currency(word) {
        let start = word.as_ptr() as usize - text.as_ptr() as usize;
        return text[..start].trim_end_matches(blank);
    }
    let end = text.find(|c: char| c.is_ascii_digit() || matches!(c, '-' | '−' | '+')).unwrap_or(text.len());
    if is_currency(text[..end].trim_end_matches(blank)) { text[end..].trim_start_matches(blank) } else { text }
}

/// What follows the last digit and the blanks after it.
fn last_word(text: &str) -> &str {
    let end = text.rfind(|c: char| c.is_ascii_digit()).map_or(0, |last| last + 1);
    text[end..].trim_start_matches(blank)
}

fn is_currency(word: &str) -> bool {
    let word = word.strip_suffix('.').unwrap_or(word);
    CURRENCIES.iter().any(|currency| word.chars().flat_map(char::to_lowercase).eq(currency.chars()))
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
            let found = money(Cell { text: input, value: Scalar::Text }, None).map(|n| n.to_string());
            assert_eq!(found.as_deref(), Ok(expected), "{input}");
        }
        let cell = Cell { text: "1200.5", value: Scalar::Number(1200.5) };
        assert_eq!(money(cell, Some(',')).map(|n| n.to_string()).as_deref(), Ok("1200.5"));
        let named = Cell { text: "1.234 ₽", value: Scalar::Text };
        assert_eq!(money(named, Some(',')), Ok(Decimal::from(1234)));
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
            let unfit = money(Cell { text: input, value: Scalar::Text }, None).unwrap_err();
            assert_eq!(unfit.code, code, "{input}: {}", unfit.message);
            assert!(unfit.message.to_string().starts_with(&format!("\"{input}\" ")), "{}", unfit.message);
        }
    }
}
