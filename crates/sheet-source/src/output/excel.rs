//! The limits of Excel, and hyperlinks in workbooks.

use rust_xlsxwriter::{Color, Format, FormatUnderline, Formula};
use std::borrow::Cow;

/// Rows of a sheet, header included.
pub const SHEET_ROWS_MAX: u32 = 1_048_576;
/// Characters of a cell.
pub const CELL_MAX: usize = 32_767;
/// The zip compression of workbooks. Level 6, the default, takes half as long again for 6 % less; level 3 takes three
/// quarters of the time for 10 % more. [measured]
pub const COMPRESSION: u8 = 4;
/// Characters of a text in a formula. [Excel]
const FORMULA_TEXT_MAX: usize = 255;
const BLUE: Color = Color::RGB(0x05_63_C1);

/// As much of a text as fits into a cell.
pub fn truncate(text: &str) -> &str {
    prefix(text, CELL_MAX)
}

/// The end of a truncated text; the full length goes between the two parts.
const TRUNCATION_MARK: (&str, &str) = (" … [amoport: обрезано, всего знаков ", "]");
/// Space for the mark.
const TRUNCATION_MARK_MAX: usize = 60;

/// As much of a text as fits into a cell, with a mark if it is truncated. A reader recognises the mark with
/// `is_truncated`, in any file.
pub fn truncate_marked(text: &str) -> Cow<'_, str> {
    if truncate(text).len() == text.len() {
        return Cow::Borrowed(text);
    }
    let (start, length) = (prefix(text, CELL_MAX - TRUNCATION_MARK_MAX), text.chars().count());
    Cow::Owned(format!("{start}{}{length}{}", TRUNCATION_MARK.0, TRUNCATION_MARK.1))
}

/// True for a text that `truncate_marked` has truncated.
pub fn is_truncated(text: &str) -> bool {
    let length =
        text.trim_end().strip_suffix(TRUNCATION_MARK.1).and_then(|text| Some(text.rsplit_once(TRUNCATION_MARK.0)?.1));
    length.is_some_and(|length| !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The start of a text. Excel counts UTF-16 code units.
fn prefix(text: &str, units_max: usize) -> &str {
    // A text has at least as many bytes as code units.
    if text.len() <= units_max {
        return text;
    }
    let mut units = 0;
    let cut_off = text.char_indices().find(|(_, letter)| {
        units += letter.len_utf16();
        units > units_max
    });
    cut_off.map_or(text, |(end, _)| &text[..end])
}

/// The format of a hyperlink.
pub fn hyperlink_format() -> Format {
    Format::new().set_font_color(BLUE).set_underline(FormatUnderline::Single)
}

/// True for an address that a formula can open; another one stays a text: too long, or not a web address.
pub fn is_hyperlink(address: &str) -> bool {
    let web = address.starts_with("https://") || address.starts_with("http://");
    web && address.len() <= FORMULA_TEXT_MAX && !address.contains('"')
}

/// A formula that opens an address. A sheet takes 65,530 hyperlinks, which are all held in memory until it is
/// written, but any number of formulas. `None` if the address must stay a text.
pub fn hyperlink_formula(address: &str) -> Option<Formula> {
    is_hyperlink(address).then(|| Formula::new(format!("HYPERLINK(\"{address}\")")).set_result(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_to_what_excel_takes_and_says_so() {
        for (text, is_whole) in [
            ("x".repeat(CELL_MAX), true),
            ("ж".repeat(CELL_MAX), true),
            ("x".repeat(CELL_MAX + 1), false),
            // Two UTF-16 code units each.
            ("\u{1F600}".repeat(CELL_MAX / 2), true),
            ("\u{1F600}".repeat(CELL_MAX / 2 + 1), false),
        ] {
            let marked = truncate_marked(&text);
            assert_eq!(
                (marked == text, !is_truncated(&marked)),
                (is_whole, is_whole),
                "{} characters",
                text.chars().count()
            );
            for start in [marked.as_ref(), truncate(&text)] {
                assert!(start.encode_utf16().count() <= CELL_MAX);
            }
            assert_eq!(truncate_marked(&marked), marked, "it is cut once");
        }
        assert!(truncate_marked(&"x".repeat(40_005)).ends_with("x … [amoport: обрезано, всего знаков 40005]"));
        for text in
            ["", "]", "a [1]", " … [amoport: обрезано, всего знаков ]", " … [amoport: обрезано, всего знаков x]"]
        {
            assert!(!is_truncated(text), "{text}");
        }
    }
}
