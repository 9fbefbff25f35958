//! Rows, cells and string items in the exact form in which programs write them, compared byte by byte.
//!
//! Anything else is `None` and is read by its tags and attributes, as is an element that the available text does not
//! hold as a whole. What is read here is what those would read, in a quarter of the time.

use super::cell_markup::{COLUMN_LETTERS_MAX, CellContent, CellKind, CellMarkup, ROW_DIGITS_MAX, STYLE_DIGITS_MAX};
use super::text::push_raw_run;

const WITH_BLANKS: &[u8] = b" xml:space=\"preserve\"";

/// The start of a row with a number, `<row r="7" spans="1:3">`: the row counted from 0, and the offset after the tag.
pub fn row(text: &str, at: usize) -> Option<(u32, usize)> {
    let (number, rest) = unsigned(behind(text, at, b"<row r=\"")?, ROW_DIGITS_MAX)?;
    let index = (number as u32).checked_sub(1)?;
    let rest = rest.strip_prefix(b"\"")?;
    let length = memchr::memchr(b'>', rest)?;
    let others = &rest[..length];
    if let Some((first, last)) = others.first().zip(others.last()) {
        // A `>` inside quotes does not end the tag.
        let is_quoted = others.iter().filter(|byte| **byte == b'"').count() % 2 == 1;
        if *first != b' ' || *last == b'/' || is_quoted || memchr::memchr(b'\'', others).is_some() {
            return None;
        }
    }
    Some((index, offset(text, rest) + length + 1))
}

/// The offset after `</row>`.
pub fn row_end(text: &str, at: usize) -> Option<usize> {
    behind(text, at, b"</row>").map(|rest| offset(text, rest))
}

/// A cell with a reference, which may have a style, a type, and a value or an inline text; that goes into `buffer`,
/// which may hold a part of it if there is no such cell.
#[inline]
pub fn cell<'t>(text: &'t str, at: usize, buffer: &mut String) -> Option<CellMarkup<'t>> {
    let (reference, rest) = reference(behind(text, at, b"<c r=\"")?)?;
    let (style, rest) = style(rest)?;
    let (kind, rest) = kind(rest)?;
    let (content, rest) = match rest {
        [b'/', b'>', rest @ ..] | [b' ', b'/', b'>', rest @ ..] => (CellContent::Nothing, rest),
        [b'>', rest @ ..] => content(text, rest, buffer)?,
        _ => return None,
    };
    let (reference, end) = (Some(reference), offset(text, rest));
    Some(CellMarkup { reference, style, kind, content, formula: false, formula_text: "", end })
}

/// A string item with one text and no format, which is appended; the offset after it. Without one, nothing is
/// appended.
pub fn string_item(text: &str, at: usize, into: &mut String) -> Option<usize> {
    let rest = behind(text, at, b"<si>")?;
    let before = into.len();
    let after = text_element(text, rest, into).and_then(|rest| rest.strip_prefix(b"</si>"));
    if after.is_none() {
        into.truncate(before);
    }
    after.map(|rest| offset(text, rest))
}

/// The bytes after `start`, if the text has it at `at`.
fn behind<'t>(text: &'t str, at: usize, start: &[u8]) -> Option<&'t [u8]> {
    text.as_bytes().get(at..)?.strip_prefix(start)
}

/// The offset at which `rest`, the end of the text, begins.
fn offset(text: &str, rest: &[u8]) -> usize {
    text.len() - rest.len()
}

/// The row and column of `B7"`, counted from 0, and the bytes after it.
fn reference(bytes: &[u8]) -> Option<((u32, u32), &[u8])> {
    let letters = bytes.iter().take(COLUMN_LETTERS_MAX).take_while(|byte| byte.is_ascii_uppercase()).count();
    let (letters, rest) = bytes.split_at(letters);
    let column = letters.iter().fold(0, |column, letter| column * 26 + u32::from(letter - b'A') + 1);
    let (row, rest) = unsigned(rest, ROW_DIGITS_MAX)?;
    let place = ((row as u32).checked_sub(1)?, column.checked_sub(1)?);
    Some((place, rest.strip_prefix(b"\"")?))
}

fn style(bytes: &[u8]) -> Option<(Option<usize>, &[u8])> {
    let Some(rest) = bytes.strip_prefix(b" s=\"") else { return Some((None, bytes)) };
    let (style, rest) = unsigned(rest, STYLE_DIGITS_MAX)?;
    Some((Some(style as usize), rest.strip_prefix(b"\"")?))
}

fn kind(bytes: &[u8]) -> Option<(CellKind, &[u8])> {
    let Some(rest) = bytes.strip_prefix(b" t=\"") else { return Some((CellKind::Number, bytes)) };
    Some(match rest {
        [b's', b'"', rest @ ..] => (CellKind::Shared, rest),
        [b'n', b'"', rest @ ..] => (CellKind::Number, rest),
        [b'b', b'"', rest @ ..] => (CellKind::Bool, rest),
        [b'e', b'"', rest @ ..] => (CellKind::Error, rest),
        [b's', b't', b'r', b'"', rest @ ..] => (CellKind::Text, rest),
        _ => (CellKind::Inline, rest.strip_prefix(b"inlineStr\"")?),
    })
}

/// The content up to the end of the cell, and the bytes after it.
fn content<'t>(text: &'t str, bytes: &'t [u8], buffer: &mut String) -> Option<(CellContent<'t>, &'t [u8])> {
    if let Some(value) = bytes.strip_prefix(b"<v>") {
        // Values are short, except for the texts of formulas.
        let length = value.iter().position(|byte| *byte == b'<')?;
        let start = offset(text, value);
        let rest = value[length..].strip_prefix(b"</v></c>")?;
        return Some((CellContent::Written(text.get(start..start + length)?), rest));
    }
    if let Some(rest) = bytes.strip_prefix(b"<is>") {
        buffer.clear();
        let rest = text_element(text, rest, buffer)?;
        return Some((CellContent::Inline, rest.strip_prefix(b"</is></c>")?));
    }
    Some((CellContent::Nothing, bytes.strip_prefix(b"</c>")?))
}

/// Appends the text of `<t>…</t>`; the bytes after it.
fn text_element<'t>(text: &'t str, bytes: &'t [u8], into: &mut String) -> Option<&'t [u8]> {
    let rest = bytes.strip_prefix(b"<t")?;
    let (keeps_blanks, rest) = rest.strip_prefix(WITH_BLANKS).map_or((false, rest), |rest| (true, rest));
    let rest = rest.strip_prefix(b">")?;
    let length = memchr::memchr(b'<', rest)?;
    let start = offset(text, rest);
    let after = rest[length..].strip_prefix(b"</t>")?;
    push_raw_run(text.get(start..start + length)?, keeps_blanks, into).ok()?;
    Some(after)
}

/// An unsigned integer of at most this many digits, and the bytes after it.
#[inline]
fn unsigned(bytes: &[u8], digits_max: usize) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    let mut count = 0;
    while let Some(digit) = bytes.get(count).filter(|byte| byte.is_ascii_digit()) {
        if count == digits_max {
            return None;
        }
        number = number * 10 + u64::from(digit - b'0');
        count += 1;
    }
    (count > 0).then(|| (number, &bytes[count..]))
}

#[cfg(test)]
mod tests {
    use super::super::markup::next_tag;
    use super::super::sheet::SheetScanner;
    use super::super::strings::SharedStrings;
    use super::super::window::{BLOCK_BYTES, TextWindow};
    use super::super::{cell_markup, text as runs};
    use super::*;
    use crate::workbook::styles::CellFormats;
    use proptest::prelude::*;
    use std::fmt::Write;
    use std::ops::ControlFlow;

    const OPENINGS: [&str; 12] = [
        "<c r=\"B7\"",
        "<c r=\"XFD1048576\"",
        "<c r=\"C12345678\"",
        "<c r=\"A0\"",
        "<c r=\"a1\"",
        "<c r=\"AAAA1\"",
        "<c r=\"A123456789\"",
        "<c r='A1'",
        "<c  r=\"A1\"",
        "<c",
        "<x:c r=\"A1\"",
        "<c zz=\"1\" r=\"A1\"",
    ];
    const STYLES: [&str; 9] =
        ["", " s=\"3\"", " s=\"0\"", " s=\"1234567\"", " s=\"\"", " s='3'", " s=\"x\"", " cm=\"1\"", " s=\"3\" "];
    const KINDS: [&str; 13] = [
        "",
        " t=\"s\"",
        " t=\"n\"",
        " t=\"str\"",
        " t=\"inlineStr\"",
        " t=\"b\"",
        " t=\"e\"",
        " t=\"d\"",
        " t=\"zz\"",
        " t='s'",
        " t=\"s\" s=\"1\"",
        " t=\"\"",
        " t=\"s\" t=\"n\"",
    ];
    const CONTENTS: [&str; 33] = [
        "><v>1</v></c>",
        "><v>2</v></c>",
        "><v>45000.25</v></c>",
        "/>",
        " />",
        "></c>",
        "><v></v></c>",
        "><v>-1.5E-3</v></c>",
        "><v>007</v></c>",
        "><v>#N/A</v></c>",
        "><v>a &amp; b_x000D_</v></c>",
        "><v> яё \r\n</v></c>",
        "><v>1234567890123456789</v></c>",
        "><is><t>Иван</t></is></c>",
        "><is><t xml:space=\"preserve\"> x </t></is></c>",
        "><is><t> x_x000D_ &lt;\r\n </t></is></c>",
        "><is><t></t></is></c>",
        "><is><t>&nbsp;</t></is></c>",
        "><is><t/></is></c>",
        "><is></is></c>",
        "><is><r><t>x</t></r></is></c>",
        "><is><t>a</t><phoneticPr/></is></c>",
        "><is><t>a</t></is><v>1</v></c>",
        "><f>A1</f><v>4</v></c>",
        "><f>A1&amp;1</f></c>",
        "><v/></c>",
        "><v>1<!-- --></v></c>",
        "><v><![CDATA[1]]></v></c>",
        "><v>1</v><v>2</v></c>",
        " ><v>1</v></c >",
        ">\n<v>1</v>\n</c>",
        "><v>1</v></x:c>",
        "><v>1</c>",
    ];
    const ROWS: [&str; 11] = [
        "<row r=\"7\">",
        "<row r=\"8\" spans=\"1:14\" ht=\"12.8\" x:dy=\"0.25\">",
        "<row r=\"9\" >",
        "<row>",
        "<row r='7'>",
        "<row r=\"7\" a=\">\">",
        "<row r=\"7\" a='\"'>",
        "<row r=\"7\"a=\"1\">",
        "<row r=\"0\">",
        "<row r=\"123456789\">",
        "<row r=\"7\"/>",
    ];
    const ROW_ENDS: [&str; 5] = ["</row>", "</row >", "\n</row>\n", "</row><!-- -->", ""];
    const ITEMS: [&str; 12] = [
        "<si><t>Иван</t></si>",
        "<si><t xml:space=\"preserve\"> a_x000D_ </t></si>",
        "<si><t> a &amp;\r\n b </t></si>",
        "<si><t></t></si>",
        "<si/>",
        "<si><t/></si>",
        "<si><t>&nbsp;</t></si>",
        "<si><r><t>a</t></r></si>",
        "<si><t>a</t><rPh><t>b</t></rPh></si>",
        "<si> <t>a</t></si>",
        "<si><t>a</t></si >",
        "<si><t><![CDATA[a]]></t></si>",
    ];

    /// The first pieces are what programs write, and frequent.
    fn piece<const N: usize>(pieces: [&'static str; N], usual: usize) -> impl Strategy<Value = &'static str> {
        prop_oneof![12 => 0..usual, 1 => 0..N].prop_map(move |index| pieces[index])
    }

    fn a_cell() -> impl Strategy<Value = String> {
        let parts = (piece(OPENINGS, 3), piece(STYLES, 3), piece(KINDS, 7), piece(CONTENTS, 17));
        parts.prop_map(|(opening, style, kind, content)| format!("{opening}{style}{kind}{content}"))
    }

    fn a_row() -> impl Strategy<Value = String> {
        let cells = prop::collection::vec(a_cell(), 0..5);
        (piece(ROWS, 3), cells, piece(ROW_ENDS, 1))
            .prop_map(|(row, cells, end)| format!("{row}{}{end}", cells.concat()))
    }

    /// The cells, and whether the scanner read all.
    fn scan(sheet: &str, by_tags: bool) -> String {
        let strings = "<sst><si><t>a</t></si><si><t>b</t></si><si><t>c</t></si></sst>";
        let strings = SharedStrings::read(TextWindow::new(strings.as_bytes())).expect("nothing odd");
        let formats = CellFormats::default();
        let scanner = SheetScanner::new(&strings, &formats);
        let scanner = if by_tags { scanner.by_tags() } else { scanner };
        let mut cells = String::new();
        let end = scanner.run(TextWindow::new(sheet.as_bytes()), &mut |found| {
            let _ = writeln!(cells, "{} {} {:?} {}", found.row, found.column, found.value, found.formula);
            ControlFlow::Continue(())
        });
        format!("{cells}{}", end.is_ok())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_sheet_reads_like_by_its_tags(rows in prop::collection::vec(a_row(), 0..12)) {
            let sheet = format!("<worksheet><sheetData>{}</sheetData>", rows.concat());
            prop_assert_eq!(scan(&sheet, false), scan(&sheet, true));
        }

        #[test]
        fn a_cell_is_read_like_by_its_tags_or_not_at_all(cell in a_cell(), behind in a_cell()) {
            let whole = format!("{cell}{behind}");
            let (mut buffer, mut other) = (String::new(), String::new());
            for cut in (0..=whole.len()).filter(|cut| whole.is_char_boundary(*cut)) {
                let text = &whole[..cut];
                let Some(found) = super::cell(text, 0, &mut buffer) else { continue };
                other.clear();
                let tag = next_tag(text, 0).expect("a tag");
                prop_assert_eq!(&found, &cell_markup::cell(text, &tag, &mut other).expect("a cell"));
                prop_assert!(found.content != CellContent::Inline || buffer == other);
            }
        }

        #[test]
        fn a_string_item_is_read_like_by_its_tags_or_not_at_all(item in piece(ITEMS, 4), behind in piece(ITEMS, 4)) {
            let whole = format!("{item}{behind}");
            for cut in (0..=whole.len()).filter(|cut| whole.is_char_boundary(*cut)) {
                let text = &whole[..cut];
                let (mut buffer, mut other) = ("before".to_owned(), "before".to_owned());
                let found = string_item(text, 0, &mut buffer);
                if found.is_some() {
                    let tag = next_tag(text, 0).expect("a tag");
                    prop_assert_eq!(found, runs::string_item(text, &tag, &mut other).ok());
                }
                prop_assert_eq!(buffer, other);
            }
        }
    }

    #[test]
    fn sheets_of_several_blocks_read_like_by_their_tags() {
        for shift in 0..80 {
            let mut sheet = format!("<worksheet><sheetPr a=\"{}\"/><sheetData>", "x".repeat(shift));
            for row in 1.. {
                let _ = write!(
                    sheet,
                    "<row r=\"{row}\" spans=\"1:4\"><c r=\"A{row}\" s=\"3\" t=\"s\"><v>{}</v></c><c r=\"B{row}\"><v>{row}.5</v></c>\
                     <c r=\"C{row}\" t=\"inlineStr\"><is><t>Иван {row}</t></is></c><c r=\"D{row}\"><f>A1</f><v>1</v></c></row>",
                    row % 3
                );
                if sheet.len() > BLOCK_BYTES + 2_000 {
                    break;
                }
            }
            sheet.push_str("</sheetData>");
            let found = scan(&sheet, false);
            assert!(found == scan(&sheet, true) && found.ends_with("true"), "{shift}");
        }
    }

    #[test]
    fn what_programs_write_most_is_of_the_usual_form() {
        for cell in [
            "<c r=\"B7\" s=\"3\" t=\"s\"><v>12</v></c>",
            "<c r=\"B7\" t=\"s\"><v>12</v></c>",
            "<c r=\"B7\"><v>12.5</v></c>",
            "<c r=\"B7\" s=\"1\"><v>45000</v></c>",
            "<c r=\"B7\" s=\"0\" t=\"n\"><v>12</v></c>",
            "<c r=\"B7\" s=\"1\"/>",
            "<c r=\"B7\" s=\"1\" />",
            "<c r=\"B7\" t=\"b\"><v>1</v></c>",
            "<c r=\"B7\" t=\"e\"><v>#N/A</v></c>",
            "<c r=\"B7\" t=\"str\"><v>a &amp; b</v></c>",
            "<c r=\"B7\" s=\"2\" t=\"inlineStr\"><is><t>a</t></is></c>",
            "<c r=\"B7\" t=\"inlineStr\"><is><t xml:space=\"preserve\"> a &amp;</t></is></c>",
        ] {
            let found = super::cell(cell, 0, &mut String::new());
            assert_eq!(found.map(|found| (found.reference, found.end)), Some((Some((6, 1)), cell.len())), "{cell}");
        }
        for row in ["<row r=\"7\">", "<row r=\"7\" spans=\"1:3\" x14ac:dyDescent=\"0.25\">"] {
            assert_eq!(super::row(row, 0), Some((6, row.len())));
        }
        for item in ["<si><t>a</t></si>", "<si><t xml:space=\"preserve\"> a</t></si>"] {
            assert_eq!(string_item(item, 0, &mut String::new()), Some(item.len()));
        }
    }
}
