//! What Excel takes, and addresses in workbooks that one can follow.

use rust_xlsxwriter::{Color, Format, FormatUnderline, Formula};
use std::borrow::Cow;

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
    beginning(text, CELL_MAX)
}

/// What a text that had to be cut ends with: between the two its whole length.
const CUT_MARK: (&str, &str) = (" … [amoport: обрезано, всего знаков ", "]");
/// Room for it.
const CUT_MARK_MAX: usize = 60;

/// As much of a text as a cell holds; where that is not all of it, it ends by saying so. Whoever reads the cell again knows
/// it by `is_cut`, in whatever file it stands by then.
pub fn cut_marked(text: &str) -> Cow<'_, str> {
    if cut(text).len() == text.len() {
        return Cow::Borrowed(text);
    }
    let (kept, length) = (beginning(text, CELL_MAX - CUT_MARK_MAX), text.chars().count());
    Cow::Owned(format!("{kept}{}{length}{}", CUT_MARK.0, CUT_MARK.1))
}

/// True for a text that `cut_marked` has cut.
pub fn is_cut(text: &str) -> bool {
    let length = text.trim_end().strip_suffix(CUT_MARK.1).and_then(|text| Some(text.rsplit_once(CUT_MARK.0)?.1));
    length.is_some_and(|length| !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Excel counts in UTF-16.
fn beginning(text: &str, units_max: usize) -> &str {
    // No letter has more of them than bytes.
    if text.len() <= units_max {
        return text;
    }
    let mut units = 0;
    let beyond = text.char_indices().find(|(_, letter)| {
        units += letter.len_utf16();
        units > units_max
    });
    beyond.map_or(text, |(end, _)| &text[..end])
}

/// What a link looks like.
pub fn link_format() -> Format {
    Format::new().set_font_color(BLUE).set_underline(FormatUnderline::Single)
}

/// A formula that opens an address: a sheet takes 65,530 hyperlinks, which are all kept in memory until it is written, and
/// any number of formulas. `None` where the address must stay a text: too long, or not a web address.
pub fn link_formula(address: &str) -> Option<Formula> {
    let web = address.starts_with("https://") || address.starts_with("http://");
    if !web || address.len() > FORMULA_TEXT_MAX || address.contains('"') {
        return None;
    }
    Some(Formula::new(format!("HYPERLINK(\"{address}\")")).set_result(address))
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
            // Two units of UTF-16 each.
            ("\u{1F600}".repeat(CELL_MAX / 2), true),
            ("\u{1F600}".repeat(CELL_MAX / 2 + 1), false),
        ] {
            let marked = cut_marked(&text);
            assert_eq!((marked == text, !is_cut(&marked)), (is_whole, is_whole), "{} characters", text.chars().count());
            for kept in [marked.as_ref(), cut(&text)] {
                assert!(kept.encode_utf16().count() <= CELL_MAX);
            }
            assert_eq!(cut_marked(&marked), marked, "it is cut once");
        }
        assert!(cut_marked(&"x".repeat(40_005)).ends_with("x … [amoport: обрезано, всего знаков 40005]"));
        for text in
            ["", "]", "a [1]", " … [amoport: обрезано, всего знаков ]", " … [amoport: обрезано, всего знаков x]"]
        {
            assert!(!is_cut(text), "{text}");
        }
    }
}
