//! A number that a template has made. The sign of the source's numbers is not that of the engine, nor that of the author, who
//! writes a dot; and a cell of a workbook is no text that has to be read.

use crate::mapping::convert::number::digits;
use crate::table::{Cell, Scalar};

/// What was made, and what it is: what its cell is where it is the text of one, a number where nothing but the template can have
/// put the dot into it, else a text to be read as the source writes numbers.
pub fn as_number<'r>(made: &str, cells: impl Iterator<Item = Cell<'r>>) -> (String, Scalar) {
    let made = made.trim();
    let bare = made.strip_prefix(['-', '+']).unwrap_or(made);
    let text = (made.to_owned(), Cell::of_text(made).value);
    let mut held = None;
    for cell in cells {
        let known = cell.text.trim();
        if !matches!(cell.value, Scalar::Text | Scalar::Empty) {
            held = held.or((known == made).then_some(cell.value));
        } else if known.contains(bare) || known.contains('.') && made.contains(known) {
            return text;
        }
    }
    if let Some(value) = held {
        return (made.to_owned(), value);
    }
    match made.parse::<f64>() {
        Ok(number) if is_fraction(bare) => (written(number, made), Scalar::Number(number)),
        _ => text,
    }
}

/// As the engine and the author write fractions.
fn is_fraction(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('.').is_some_and(|(whole, fraction)| digits(whole) && digits(fraction))
}

/// Of a sum that was counted only the digits that are true: 0.3, not 0.30000000000000004.
fn written(number: f64, made: &str) -> String {
    if format!("{number:?}") == made { digits(number) } else { made.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Shown;

    #[test]
    fn a_dot_that_no_cell_holds_is_the_sign_of_a_number() {
        let number = |text: &str, number: f64| (text.to_owned(), Scalar::Number(number));
        let text = |text: &str| (text.to_owned(), Scalar::Text);
        for (made, cells, expected) in [
            ("1.125", &["9"][..], number("1.125", 1.125)),
            (" -1.125\n", &["1,125"], number("-1.125", -1.125)),
            ("0.30000000000000004", &["0,1"], number("0.3", 0.30000000000000004)),
            ("18.0", &["9"], number("18", 18.0)),
            ("12345678901234567890.5", &[], number("12345678901234567890.5", 12345678901234567890.5)),
            ("1.125", &["1.125"], text("1.125")),
            ("-1.125", &["1.125 руб."], text("-1.125")),
            ("01.125", &["1.125"], text("01.125")),
            ("18", &["9"], text("18")),
            ("1,5", &["1,5"], text("1,5")),
            ("1.125.000", &["x"], text("1.125.000")),
            ("1e5", &["x"], text("1e5")),
            ("", &["x"], (String::new(), Scalar::Empty)),
        ] {
            let cells = cells.iter().map(|cell| Cell::of_text(cell));
            assert_eq!(as_number(made, cells), expected, "{made}");
        }
        let cell = |text, value| Cell { text, value };
        for (made, value, expected) in [
            ("1.125", Scalar::Number(1.125), Scalar::Number(1.125)),
            ("15%", Scalar::Formatted(0.15, Shown::Percent), Scalar::Formatted(0.15, Shown::Percent)),
            ("2025-03-05", Scalar::Serial(45721.0), Scalar::Serial(45721.0)),
            ("1.125 м", Scalar::Number(1.125), Scalar::Text),
        ] {
            let text = made.trim_end_matches(" м");
            assert_eq!(as_number(made, [cell(text, value)].into_iter()), (made.to_owned(), expected), "{made}");
        }
        let both = [cell("1.125", Scalar::Number(1.125)), cell("1.125", Scalar::Text)];
        assert_eq!(as_number("1.125", both.into_iter()), text("1.125"));
    }
}
