//! Converts yes or no, as people write it in a column of ticks.

use super::ValueError;
use super::text::{checked, plain};
use sheet_source::{Cell, Scalar};

/// Lower case. A cross is in neither list: it means "yes" on a ballot and "no" beside a tick.
#[rustfmt::skip]
const YES: [&str; 20] = [
    "да", "д", "истина", "вкл", "yes", "y", "true", "t", "on", "si", "sí", "s", "sim", "verdadero", "1", "+", "✓", "✔", "☑", "✅",
];
#[rustfmt::skip]
const NO: [&str; 18] = [
    "нет", "не", "н", "ложь", "выкл", "no", "n", "false", "f", "off", "não", "nao", "falso", "0", "-", "−", "–", "☐",
];

pub fn flag(cell: Cell<'_>) -> Result<bool, ValueError> {
    match cell.value {
        Scalar::Bool(value) => return Ok(value),
        Scalar::Number(1.0) => return Ok(true),
        Scalar::Number(0.0) => return Ok(false),
        Scalar::Empty
        | Scalar::Text
        | Scalar::Number(_)
        | Scalar::Formatted(..)
        | Scalar::Serial(_)
        | Scalar::Error
        | Scalar::Uncomputed => {}
    }
    // A tick may be followed by a variation selector.
    let word = plain(checked(cell)?).trim_end_matches('\u{fe0f}');
    if YES.iter().any(|yes| same(word, yes)) {
        Ok(true)
    } else if NO.iter().any(|no| same(word, no)) {
        Ok(false)
    } else {
        Err(ValueError::new("flag", cell.text, "is neither yes nor no")
            .hint("write да or нет, yes or no, 1 or 0, or translate the word in the values table of the mapping"))
    }
}

fn same(word: &str, lower: &str) -> bool {
    word.chars().flat_map(char::to_lowercase).eq(lower.chars())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_and_no_are_read_in_the_languages_of_the_accounts() {
        for (input, expected) in [
            ("Да", true),
            ("ДА ", true),
            ("yes", true),
            ("TRUE", true),
            ("Истина", true),
            ("+", true),
            ("Sí", true),
            ("Sim", true),
            ("✔\u{fe0f}", true),
            ("'1", true),
            ("Вкл", true),
            ("нет", false),
            ("No", false),
            ("0", false),
            ("-", false),
            ("Não", false),
            ("ЛОЖЬ", false),
            ("выкл", false),
            ("н", false),
        ] {
            assert_eq!(flag(Cell { text: input, value: Scalar::Text }), Ok(expected), "{input}");
        }
        assert_eq!(flag(Cell { text: "true", value: Scalar::Bool(true) }), Ok(true));
        assert_eq!(flag(Cell { text: "0", value: Scalar::Number(0.0) }), Ok(false));
    }

    #[test]
    fn anything_else_is_refused() {
        for (input, value) in [
            ("возможно", Scalar::Text),
            ("x", Scalar::Text),
            ("✗", Scalar::Text),
            ("10", Scalar::Text),
            ("2", Scalar::Number(2.0)),
            ("2025-03-05", Scalar::Serial(45721.0)),
        ] {
            let error = flag(Cell { text: input, value }).unwrap_err();
            assert_eq!(error.code, "flag");
            assert_eq!(error.message.to_string(), format!("\"{input}\" is neither yes nor no"));
        }
        assert_eq!(flag(Cell { text: "#N/A", value: Scalar::Error }).unwrap_err().code, "cell-error");
    }
}
