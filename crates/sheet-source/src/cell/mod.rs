//! One cell: its text as a person reads it, and its typed value.
//!
//! `value` makes both from the stored value of a workbook, with `number_format` and `currency`; `number` formats
//! numbers; `formula` handles formulas; `escape` knows which texts a spreadsheet would evaluate.

pub mod currency;
pub mod formula;
pub mod escape;
pub mod number;
pub mod number_format;
pub mod value;

use currency::CurrencySign;

/// The typed value of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar {
    /// No text, or white space alone.
    Empty,
    /// Text. Every cell of a CSV is this or `Empty`.
    Text,
    Number(f64),
    /// A number whose format adds meaning. The text is what the user reads, without grouping, rounding and currency signs.
    Formatted(f64, DisplayKind),
    /// A date, time or date-time cell: days since 1899-12-30, whatever epoch the workbook uses
    /// (the reader has already added the 1462 days of a 1904 workbook).
    Serial(f64),
    Bool(bool),
    /// `#N/A`, `#REF!` and so on; the text is the name of the error.
    Error,
    /// A formula without a stored result: the value is unknown, not empty.
    Uncomputed,
}

/// What a number format adds to the digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisplayKind {
    /// Leading zeros, a prefix or inner characters: `0274123456`, `З-0017`.
    Custom,
    /// `15.5%`: the number is 0.155.
    Percent,
    /// A suffix that names a unit or a scale: `350 тыс. руб.`
    Unit,
    Currency(CurrencySign),
}

/// A cell as the user sees it: `text` is what the user reads, `value` is the type in the file.
///
/// Numbers read `1234.5` (a dot, no grouping, 15 significant digits; scientific notation from 1e15 on, where the
/// digits are no longer exact), with what their format adds: `0274123456`, `З-0017`, `15.5%`. Serials read
/// `2025-03-05`, `2025-03-05T10:30:00` or `10:30:00`. Booleans read `true` or `false`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell<'a> {
    pub text: &'a str,
    pub value: Scalar,
}

impl<'t> Cell<'t> {
    pub const EMPTY: Cell<'static> = Cell { text: "", value: Scalar::Empty };

    /// A cell with a text that comes from no table.
    #[inline]
    pub fn of_text(text: &'t str) -> Cell<'t> {
        let value = if text.trim().is_empty() { Scalar::Empty } else { Scalar::Text };
        Cell { text, value }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        matches!(self.value, Scalar::Empty)
    }
}

/// The names of formula errors in the languages of the accounts, and what Excel writes into a CSV for a column that
/// is too narrow. [Excel, LibreOffice]
#[rustfmt::skip]
const ERRORS: [&str; 36] = [
    "#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#GETTING_DATA", "#FIELD!",
    "#BLOCKED!", "#CONNECT!", "#UNKNOWN!", "#BUSY!", "#EXTERNAL!", "#Н/Д", "#ССЫЛКА!", "#ССЫЛ!", "#ДЕЛ/0!", "#ЗНАЧ!", "#ИМЯ?",
    "#ЧИСЛО!", "#ПУСТО!", "#ПЕРЕНОС!", "#ВЫЧИСЛ!", "#N/D", "#¡REF!", "#¡DIV/0!", "#¡VALOR!", "#¿NOMBRE?", "#¡NUM!", "#¡NULO!",
    "#VALOR!", "#NOME?", "#NÚM!",
];

/// True for a cell that contains only the name of an error. `Err:502` and `Ошибка:502` are written by LibreOffice.
pub fn is_error(text: &str) -> bool {
    const HASHES_MIN: usize = 4;
    let text = text.trim();
    if text.starts_with('#') {
        return ERRORS.contains(&text) || (text.len() >= HASHES_MIN && text.bytes().all(|byte| byte == b'#'));
    }
    let number = ["Err:", "Ошибка:"].iter().find_map(|prefix| text.strip_prefix(prefix));
    number.is_some_and(|digits| digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_known_as_whole_cells() {
        for (text, error) in [
            ("#N/A", true),
            ("#ССЫЛ!", true),
            ("Err:502", true),
            ("Err:5022", false),
            ("Ernst", false),
            (" #ДЕЛ/0! ", true),
            ("########", true),
            ("#1", false),
            ("###", false),
            ("#N/A нет", false),
            ("см. #REF!", false),
            ("#тег", false),
        ] {
            assert_eq!(is_error(text), error, "{text}");
        }
    }
}
