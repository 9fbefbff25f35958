//! Reads the result of a template as a number. The engine and literals use a dot, whatever the source uses; and a typed
//! cell of a workbook needs no parsing.

use crate::mapping::convert::number::digits;
use sheet_source::{Cell, Scalar};

/// The result of a template, for a numeric target.
#[derive(Debug, PartialEq)]
pub struct RenderedCell {
    pub text: String,
    /// The type of the cell with the same text; a number if the text has its own dot; else a text.
    pub value: Scalar,
    /// A dot in the text is a decimal sign, whatever the source uses.
    pub own_dot: bool,
}

pub fn rendered_cell<'r>(made: &str, cells: impl Iterator<Item = Cell<'r>> + Clone) -> RenderedCell {
    let made = made.trim();
    let own_dot = has_own_dot(made, cells.clone());
    let is_held = |cell: &Cell<'_>| cell.text.trim() == made;
    let value = match cells.clone().find(|cell| !is_text(cell) && is_held(cell)) {
        Some(typed) if !cells.clone().any(|cell| is_text(&cell) && is_held(&cell)) => typed.value,
        _ => match made.parse::<f64>() {
            Ok(number)
                if own_dot && dotted(made).is_some_and(|dotted| made.trim_start_matches(['-', '+']) == dotted) =>
            {
                return RenderedCell { text: written(number, made), value: Scalar::Number(number), own_dot };
            }
            _ => Cell::of_text(made).value,
        },
    };
    RenderedCell { text: made.to_owned(), value, own_dot }
}

/// True if a text has a number with a dot that is in no text cell: it comes from a number cell, a computation or a
/// literal, where a dot is a decimal sign.
pub fn has_own_dot<'r>(text: &str, mut cells: impl Iterator<Item = Cell<'r>>) -> bool {
    let Some(dotted) = dotted(text) else { return false };
    !cells.any(|cell| is_text(&cell) && numbers(cell.text).any(|number| number == dotted))
}

fn is_text(cell: &Cell<'_>) -> bool {
    matches!(cell.value, Scalar::Text | Scalar::Empty)
}

/// Runs of digits, dots and commas.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let runs = text.split(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',')));
    runs.map(|run| run.trim_matches(['.', ','])).filter(|run| !run.is_empty())
}

/// The only number with a separator, if that is a single dot.
fn dotted(text: &str) -> Option<&str> {
    let mut signed = numbers(text).filter(|number| number.contains(['.', ',']));
    let (one, other) = (signed.next()?, signed.next());
    (other.is_none() && !one.contains(',') && one.matches('.').count() == 1).then_some(one)
}

/// A computed number without float noise: 0.3, not 0.30000000000000004.
fn written(number: f64, made: &str) -> String {
    if format!("{number:?}") == made { digits(number) } else { made.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sheet_source::DisplayKind;

    #[test]
    fn a_dot_that_no_cell_holds_is_the_sign_of_a_number() {
        let number = |number: f64| (Scalar::Number(number), true);
        for (made, cells, text, (value, own_dot)) in [
            ("1.125", &["9"][..], "1.125", number(1.125)),
            (" -1.125\n", &["1,125"], "-1.125", number(-1.125)),
            ("0.30000000000000004", &["0,1"], "0.3", number(0.30000000000000004)),
            ("18.0", &["9"], "18", number(18.0)),
            ("12345678901234567890.5", &[], "12345678901234567890.5", number(12345678901234567890.5)),
            ("11.125", &["1.1", "89"], "11.125", number(11.125)),
            ("10.125 руб.", &["9"], "10.125 руб.", (Scalar::Text, true)),
            ("- 10.125", &["9"], "- 10.125", (Scalar::Text, true)),
            ("1.125", &["1.125"], "1.125", (Scalar::Text, false)),
            ("-1.125", &["1.125 руб."], "-1.125", (Scalar::Text, false)),
            ("18", &["9"], "18", (Scalar::Text, false)),
            ("1,5", &["1,5"], "1,5", (Scalar::Text, false)),
            ("1.125,50", &["x"], "1.125,50", (Scalar::Text, false)),
            ("1.125.000", &["x"], "1.125.000", (Scalar::Text, false)),
            ("1e5", &["x"], "1e5", (Scalar::Text, false)),
            ("", &["x"], "", (Scalar::Empty, false)),
        ] {
            let cells = cells.iter().map(|cell| Cell::of_text(cell));
            assert_eq!(rendered_cell(made, cells), RenderedCell { text: text.to_owned(), value, own_dot }, "{made}");
        }
        let cell = |text, value| Cell { text, value };
        for (made, value, expected, own_dot) in [
            ("1.125", Scalar::Number(1.125), Scalar::Number(1.125), true),
            (
                "15%",
                Scalar::Formatted(0.15, DisplayKind::Percent),
                Scalar::Formatted(0.15, DisplayKind::Percent),
                false,
            ),
            ("2025-03-05", Scalar::Serial(45721.0), Scalar::Serial(45721.0), false),
            ("1.125 м", Scalar::Number(1.125), Scalar::Text, true),
        ] {
            let text = made.trim_end_matches(" м");
            let found = rendered_cell(made, [cell(text, value)].into_iter());
            assert_eq!(found, RenderedCell { text: made.to_owned(), value: expected, own_dot }, "{made}");
        }
        let both = [cell("1.125", Scalar::Number(1.125)), cell("1.125", Scalar::Text)];
        let found = rendered_cell("1.125", both.into_iter());
        assert_eq!((found.value, found.own_dot), (Scalar::Text, false));
    }
}
