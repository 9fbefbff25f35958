//! The XML of the rows of a sheet, exactly as `rust_xlsxwriter` writes it with constant memory. Pure.

use rust_xlsxwriter::utility::column_number_to_name;
use std::io::Write;

/// The characters of a literal `_x0041_`, which a reader would take for an escaped character.
const ESCAPE_LENGTH: usize = 7;

/// Writes the XML of one row after the other.
#[derive(Debug, Default)]
pub struct RowXml {
    xml: Vec<u8>,
    /// The names of the columns so far, and the number of the row: parts of the place of each cell.
    names: Vec<String>,
    number: String,
    /// One more than the last column with a cell.
    width: u16,
}

impl RowXml {
    /// Begins a row; `row` counts from 0.
    pub fn begin(&mut self, row: u32) {
        self.xml.clear();
        self.width = 0;
        self.number = (row + 1).to_string();
        self.add(&["<row r=\"", &self.number.clone(), "\">"]);
    }

    /// A text cell; an empty text is no cell. Style 0 is none.
    pub fn text(&mut self, column: u16, text: &str, style: u32) {
        if text.is_empty() {
            return;
        }
        self.cell(column, style);
        let outer = |letter: char| matches!(letter, '\t' | '\n' | ' ');
        let preserve = if text.starts_with(outer) || text.ends_with(outer) { " xml:space=\"preserve\"" } else { "" };
        self.add(&[" t=\"inlineStr\"><is><t", preserve, ">"]);
        if text.contains("_x") {
            self.escape(&escape_escapes(text))
        } else {
            self.escape(text)
        }
        self.add(&["</t></is></c>"]);
    }

    pub fn number(&mut self, column: u16, number: f64, style: u32) {
        self.cell(column, style);
        // Writing to memory does not fail.
        let _ = write!(self.xml, "><v>{number}</v></c>");
    }

    /// A formula that opens an address.
    pub fn link(&mut self, column: u16, address: &str, style: u32) {
        self.cell(column, style);
        self.add(&[" t=\"str\"><f>HYPERLINK(\""]);
        self.escape(address);
        self.add(&["\")</f><v>"]);
        self.escape(address);
        self.add(&["</v></c>"]);
    }

    /// Ends the row. The result is its XML, and how many columns it takes; `None` for a row without cells, which is left out.
    pub fn end(&mut self) -> Option<(&[u8], u16)> {
        self.add(&["</row>"]);
        (self.width > 0).then_some((self.xml.as_slice(), self.width))
    }

    fn cell(&mut self, column: u16, style: u32) {
        while self.names.len() <= usize::from(column) {
            self.names.push(column_number_to_name(self.names.len() as u16));
        }
        self.width = self.width.max(column + 1);
        for part in ["<c r=\"", &self.names[usize::from(column)], &self.number, "\""] {
            self.xml.extend_from_slice(part.as_bytes());
        }
        if style > 0 {
            let _ = write!(self.xml, " s=\"{style}\"");
        }
    }

    fn add(&mut self, parts: &[&str]) {
        parts.iter().for_each(|part| self.xml.extend_from_slice(part.as_bytes()));
    }

    fn escape(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = rest.find(is_escaped) {
            let (before, from) = rest.split_at(at);
            self.xml.extend_from_slice(before.as_bytes());
            let letter = from.chars().next().unwrap_or_default();
            match letter {
                '&' => self.add(&["&amp;"]),
                '<' => self.add(&["&lt;"]),
                '>' => self.add(&["&gt;"]),
                other => drop(write!(self.xml, "_x{:04X}_", u32::from(other))),
            }
            rest = &from[letter.len_utf8()..];
        }
        self.xml.extend_from_slice(rest.as_bytes());
    }
}

/// Characters that XML or Excel does not take as they are.
fn is_escaped(letter: char) -> bool {
    match letter {
        '&' | '<' | '>' | '\u{FFFE}' | '\u{FFFF}' => true,
        '\t' | '\n' => false,
        other => other < ' ',
    }
}

/// The text with `_x005F_` for the first character of what looks like an escaped one.
fn escape_escapes(text: &str) -> String {
    let (mut escaped, mut rest) = (String::with_capacity(text.len() + ESCAPE_LENGTH), text);
    while let Some(at) = rest.find("_x") {
        let (before, from) = rest.split_at(at);
        escaped.push_str(before);
        let bytes = from.as_bytes();
        let looks_escaped = bytes.len() >= ESCAPE_LENGTH
            && bytes[2..ESCAPE_LENGTH - 1].iter().all(u8::is_ascii_hexdigit)
            && bytes[ESCAPE_LENGTH - 1] == b'_';
        escaped.push_str(if looks_escaped { "_x005F_" } else { "_" });
        rest = &from[1..];
    }
    escaped.push_str(rest);
    escaped
}
