//! Formulas as text: the value of formulas without a stored result, where it is known, and moving a formula to
//! another row. Pure.

use crate::cell::value::CellValue;

/// The value shown for a formula without a result in a workbook of rejected rows. Excel has an error of this name.
pub const NO_RESULT: &str = "#CALC!";

/// Resolves formulas that need no calculation: `TRUE()` and `FALSE()`, which LibreOffice writes for booleans, and the
/// placeholder of a workbook of rejected rows.
pub fn resolve_constant(value: CellValue<'_>, is_formula: bool) -> CellValue<'_> {
    match value {
        CellValue::Uncomputed("TRUE()") => CellValue::Bool(true),
        CellValue::Uncomputed("FALSE()") => CellValue::Bool(false),
        CellValue::Text(NO_RESULT) if is_formula => CellValue::Uncomputed(""),
        value => value,
    }
}

/// Moves a formula to another row if it refers only to cells of its own row; `None` if it would mean something else
/// there. `column` maps the old column index to the new one.
pub fn move_formula(formula: &str, from: u32, to: u32, column: impl Fn(usize) -> Option<usize>) -> Option<String> {
    let mut out = String::with_capacity(formula.len());
    let mut rest = formula;
    while let Some(next) = rest.chars().next() {
        if next == '"' {
            // A string literal. A doubled quote inside it reads as two adjacent literals, which copies correctly.
            let end = rest[1..].find('"')? + 2;
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if next.is_alphanumeric() || matches!(next, '$' | '_' | '.' | '\\') {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '$' | '_' | '.' | '\\')));
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            match FormulaToken::parse(word, after)? {
                FormulaToken::Constant => out.push_str(word),
                FormulaToken::Cell { index, row, absolute } if row == from => {
                    let [column_anchor, row_anchor] = absolute.map(|absolute| if absolute { "$" } else { "" });
                    let letters = crate::problem::column_letter(column(index)?);
                    out.push_str(&format!("{column_anchor}{letters}{row_anchor}{to}"));
                }
                FormulaToken::Cell { .. } => return None,
            }
            rest = after;
        } else if matches!(next, '\'' | '!' | '[' | '#' | '@' | '{') {
            // A reference to another sheet or workbook, a table, an error or an array.
            return None;
        } else {
            out.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    Some(out)
}

enum FormulaToken {
    /// A function, a number or a boolean.
    Constant,
    Cell {
        index: usize,
        row: u32,
        /// Column and row; true if it has a `$`.
        absolute: [bool; 2],
    },
}

/// The columns of a sheet.
const COLUMNS: usize = 16_384;

impl FormulaToken {
    /// `None` for names and for whole columns or rows.
    fn parse(word: &str, after: &str) -> Option<FormulaToken> {
        let following = after.trim_start();
        if following.starts_with('!') {
            return None;
        }
        if following.starts_with('(') || word.eq_ignore_ascii_case("TRUE") || word.eq_ignore_ascii_case("FALSE") {
            return Some(FormulaToken::Constant);
        }
        if word.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            // `1:1` is a whole row.
            let is_number = word.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'E' | 'e'));
            return (is_number && !following.starts_with(':')).then_some(FormulaToken::Constant);
        }
        let (column, rest) = match word.strip_prefix('$') {
            Some(rest) => (true, rest),
            None => (false, word),
        };
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (letters, rest) = rest.split_at_checked(letters)?;
        let (row, digits) = match rest.strip_prefix('$') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let is_reference = (1..=3).contains(&letters.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.parse().ok().filter(|_| is_reference)?;
        let index =
            letters.bytes().fold(0, |sum, letter| sum * 26 + usize::from(letter.to_ascii_uppercase() - b'A') + 1);
        (index <= COLUMNS).then_some(FormulaToken::Cell { index: index - 1, row: number, absolute: [column, row] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_goes_along_with_its_row_and_takes_no_other_cells() {
        // The second column is dropped; the columns after it move left.
        let column = |index: usize| match index {
            0 => Some(0),
            1 => None,
            more => Some(more - 1),
        };
        for (formula, expected) in [
            ("A5*2", Some("A2*2")),
            ("$A$5+C5", Some("$A$2+B2")),
            ("a5", Some("A2")),
            ("SUM(C5:E5)*1.5E+3", Some("SUM(B2:D2)*1.5E+3")),
            ("IF(C5>0,\"A5 \"\"B6\"\"\",TRUE)", Some("IF(B2>0,\"A5 \"\"B6\"\"\",TRUE)")),
            ("LOG10(A5)&\"я\"", Some("LOG10(A2)&\"я\"")),
            ("1+2", Some("1+2")),
            ("TRUE()", Some("TRUE()")),
            ("B5", None),
            ("A4", None),
            ("SUM(A2:A5)", None),
            ("A$1", None),
            ("A:A", None),
            ("SUM(5:5)", None),
            ("Лист2!A5", None),
            ("'Лист 2'!A5", None),
            ("Ставка*A5", None),
            ("Table1[Цена]", None),
            ("#REF!", None),
            ("\"open", None),
            ("A5#", None),
            ("AAAA5", None),
            ("A99999999999", None),
        ] {
            assert_eq!(move_formula(formula, 5, 2, column).as_deref(), expected, "{formula}");
        }
    }

    #[test]
    fn truth_values_of_libreoffice_and_formulas_of_a_report_are_known() {
        assert_eq!(resolve_constant(CellValue::Uncomputed("TRUE()"), true), CellValue::Bool(true));
        assert_eq!(resolve_constant(CellValue::Uncomputed("FALSE()"), true), CellValue::Bool(false));
        assert_eq!(resolve_constant(CellValue::Uncomputed("A1"), true), CellValue::Uncomputed("A1"));
        assert_eq!(resolve_constant(CellValue::Text(NO_RESULT), true), CellValue::Uncomputed(""));
        assert_eq!(resolve_constant(CellValue::Text(NO_RESULT), false), CellValue::Text(NO_RESULT));
        assert_eq!(resolve_constant(CellValue::Error(NO_RESULT), true), CellValue::Error(NO_RESULT));
    }
}
