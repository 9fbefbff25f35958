//! Formulas as texts: what one without a stored result says all the same, and what becomes of one that is moved to another row. Pure.

use crate::cell::value::CellValue;

/// What a formula without a result shows in a workbook of rejected rows. The error of that name is no text.
pub const NO_RESULT: &str = "#CALC!";

/// A formula that needs no calculation, which LibreOffice makes of every truth value; and one of a workbook of rejected rows.
pub fn settled(value: CellValue<'_>, is_formula: bool) -> CellValue<'_> {
    match value {
        CellValue::Uncomputed("TRUE()") => CellValue::Bool(true),
        CellValue::Uncomputed("FALSE()") => CellValue::Bool(false),
        CellValue::Text(NO_RESULT) if is_formula => CellValue::Uncomputed(""),
        value => value,
    }
}

/// A formula of one row, as it stands in another, where it means the cells of its own row and no others; `None` where it means
/// what would be something else there. `column` says where a column goes.
pub fn moved(formula: &str, from: u32, to: u32, column: impl Fn(usize) -> Option<usize>) -> Option<String> {
    let mut out = String::with_capacity(formula.len());
    let mut rest = formula;
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            // A text; quotes within it are doubled, which makes two texts of it that stay side by side.
            let end = rest[1..].find('"')? + 2;
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if first.is_alphanumeric() || matches!(first, '$' | '_' | '.' | '\\') {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '$' | '_' | '.' | '\\')));
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            match FormulaToken::of(word, after)? {
                FormulaToken::Own => out.push_str(word),
                FormulaToken::Cell { index, row, fixed } if row == from => {
                    let [before_column, before_row] = fixed.map(|fixed| if fixed { "$" } else { "" });
                    let letters = crate::problem::column_letter(column(index)?);
                    out.push_str(&format!("{before_column}{letters}{before_row}{to}"));
                }
                FormulaToken::Cell { .. } => return None,
            }
            rest = after;
        } else if matches!(first, '\'' | '!' | '[' | '#' | '@' | '{') {
            // Another sheet or workbook, a table, an error, an array.
            return None;
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    Some(out)
}

enum FormulaToken {
    /// A function, a number, a truth value.
    Own,
    Cell {
        index: usize,
        row: u32,
        /// Column and row, each with a `$`.
        fixed: [bool; 2],
    },
}

/// Columns of a sheet.
const COLUMNS: usize = 16_384;

impl FormulaToken {
    /// `None` for names, whole columns and rows.
    fn of(word: &str, after: &str) -> Option<FormulaToken> {
        let beside = after.trim_start();
        if beside.starts_with('!') {
            return None;
        }
        if beside.starts_with('(') || word.eq_ignore_ascii_case("TRUE") || word.eq_ignore_ascii_case("FALSE") {
            return Some(FormulaToken::Own);
        }
        if word.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            // 1:1 is a row.
            let is_number = word.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'E' | 'e'));
            return (is_number && !beside.starts_with(':')).then_some(FormulaToken::Own);
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
        (index <= COLUMNS).then_some(FormulaToken::Cell { index: index - 1, row: number, fixed: [column, row] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_goes_along_with_its_row_and_takes_no_other_cells() {
        // The second column is left out; those behind it move up.
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
            assert_eq!(moved(formula, 5, 2, column).as_deref(), expected, "{formula}");
        }
    }

    #[test]
    fn truth_values_of_libreoffice_and_formulas_of_a_report_are_known() {
        assert_eq!(settled(CellValue::Uncomputed("TRUE()"), true), CellValue::Bool(true));
        assert_eq!(settled(CellValue::Uncomputed("FALSE()"), true), CellValue::Bool(false));
        assert_eq!(settled(CellValue::Uncomputed("A1"), true), CellValue::Uncomputed("A1"));
        assert_eq!(settled(CellValue::Text(NO_RESULT), true), CellValue::Uncomputed(""));
        assert_eq!(settled(CellValue::Text(NO_RESULT), false), CellValue::Text(NO_RESULT));
        assert_eq!(settled(CellValue::Error(NO_RESULT), true), CellValue::Error(NO_RESULT));
    }
}
