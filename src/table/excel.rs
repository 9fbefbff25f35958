//! What Excel takes, and addresses in workbooks that one can follow.

use rust_xlsxwriter::{Color, Format, FormatUnderline, Formula, Worksheet, XlsxError};

/// Rows of a sheet, header included.
pub const SHEET_ROWS_MAX: u32 = 1_048_576;
/// Characters of a cell.
pub const CELL_MAX: usize = 32_767;
/// Of the zip that a workbook is: level 6, the default, takes half as long again for 6 % less, level 3 three quarters of the
/// time for 10 % more. [measured]
pub const COMPRESSION: u8 = 4;
/// Letters of a formula's text. [Excel]
const FORMULA_TEXT_MAX: usize = 255;
const BLUE: Color = Color::RGB(0x05_63_C1);

/// As much of a text as a cell holds.
pub fn cut(text: &str) -> &str {
    // No letter is shorter than a byte.
    if text.len() <= CELL_MAX {
        return text;
    }
    text.char_indices().nth(CELL_MAX).map_or(text, |(end, _)| &text[..end])
}

/// What a link looks like.
pub fn link_format() -> Format {
    Format::new().set_font_color(BLUE).set_underline(FormatUnderline::Single)
}

/// Writes an address as a formula that opens it: a sheet takes 65,530 links proper, which are all kept in memory until it is
/// written, and any number of formulas. False where it must stay a text: too long, or nothing that a click should open.
pub fn write_link(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    address: &str,
    format: &Format,
) -> Result<bool, XlsxError> {
    let web = address.starts_with("https://") || address.starts_with("http://");
    if !web || address.len() > FORMULA_TEXT_MAX || address.contains('"') {
        return Ok(false);
    }
    let formula = Formula::new(format!("HYPERLINK(\"{address}\")")).set_result(address);
    sheet.write_formula_with_format(row, column, formula, format)?;
    Ok(true)
}
