//! The text of a cell: its paragraphs, with white space as OpenDocument defines it. [ODF 1.3 part 3, 6.1.2]

use super::xml::{Ns, XmlEvent, XmlStream, XmlTag, repeat_count};
use crate::file::error::WorkbookError;
use std::io::Read;

/// The longest cell of Excel is 128 KiB; no real row contains this much.
pub const ROW_TEXT_BYTES_MAX: usize = 8 << 20;

/// The text of all cells of a row, up to a limit.
#[derive(Default)]
pub struct RowText {
    content: String,
    too_long: bool,
}

impl RowText {
    pub fn clear(&mut self) {
        // Frees the memory of a very long row.
        if self.content.capacity() > ROW_TEXT_BYTES_MAX / 8 {
            self.content = String::new();
        }
        self.content.clear();
        self.too_long = false;
    }

    pub fn push(&mut self, text: &str) {
        if self.content.len() + text.len() > ROW_TEXT_BYTES_MAX {
            self.too_long = true;
        } else {
            self.content.push_str(text);
        }
    }

    pub fn truncate(&mut self, length: usize) {
        self.content.truncate(length);
    }

    pub fn len(&self) -> usize {
        self.content.len()
    }

    pub fn as_str(&self) -> &str {
        &self.content
    }

    /// Changes the text in place. A value can be longer than its displayed text.
    pub fn edit<T>(&mut self, edit: impl FnOnce(&mut String) -> T) -> T {
        let result = edit(&mut self.content);
        self.too_long |= self.content.len() > ROW_TEXT_BYTES_MAX;
        result
    }

    /// True once a text did not fit; nothing is added after that.
    pub fn is_too_long(&self) -> bool {
        self.too_long
    }
}

/// White space that is read but possibly not shown.
#[derive(Clone, Copy, PartialEq)]
enum Whitespace {
    None,
    /// One space.
    Space,
    /// A line break, or several white space characters.
    Wide,
}

struct CellText<'r> {
    row: &'r mut RowText,
    paragraphs: usize,
    pending_space: Whitespace,
    /// True while the paragraph has no text.
    is_empty: bool,
}

/// What to do with an element of the content of a cell.
enum TextStep {
    Paragraph,
    Spaces(u32),
    Verbatim(&'static str),
    Skip,
    Descend,
}

/// Reads the content of the cell whose start tag was the last event, and appends its text to the row. Returns its
/// link addresses.
pub fn cell_text<R: Read>(stream: &mut XmlStream<R>, row: &mut RowText) -> Result<Option<String>, WorkbookError> {
    let outside = stream.depth() - 1;
    let mut text = CellText { row, paragraphs: 0, pending_space: Whitespace::None, is_empty: true };
    let mut paragraph: Option<usize> = None;
    let mut links: Option<String> = None;
    while stream.depth() > outside {
        let step = match stream.next()? {
            XmlEvent::Start(tag) => {
                if tag.is(Ns::Text, "a") {
                    add_link(&tag, &mut links)?;
                }
                next_step(&tag, paragraph.is_some())?
            }
            XmlEvent::Text(piece) => {
                if paragraph.is_some() {
                    text.push_text(piece);
                }
                continue;
            }
            XmlEvent::Char(letter) => {
                if paragraph.is_some() {
                    text.push_text(letter.encode_utf8(&mut [0; 4]));
                }
                continue;
            }
            XmlEvent::End | XmlEvent::Other | XmlEvent::Eof => {
                if paragraph.is_some_and(|depth| stream.depth() < depth) {
                    text.end_paragraph();
                    paragraph = None;
                }
                continue;
            }
        };
        match step {
            TextStep::Paragraph => {
                paragraph = Some(stream.depth());
                text.start_paragraph();
            }
            TextStep::Spaces(count) => text.push_spaces(count),
            TextStep::Verbatim(sign) => text.push_verbatim(sign),
            TextStep::Skip => stream.skip()?,
            TextStep::Descend => {}
        }
    }
    Ok(links)
}

fn next_step(tag: &XmlTag<'_>, within: bool) -> Result<TextStep, WorkbookError> {
    Ok(match (tag.ns, tag.local()) {
        (Ns::Text, "p" | "h") if !within => TextStep::Paragraph,
        (Ns::Text, "s") if within => {
            let written = tag.attribute(Ns::Text, "c")?;
            TextStep::Spaces(written.map_or(1, |written| repeat_count(&written)))
        }
        (Ns::Text, "tab") if within => TextStep::Verbatim("\t"),
        (Ns::Text, "line-break") if within => TextStep::Verbatim("\n"),
        // Pronunciation, footnotes and deleted text.
        (Ns::Text, "ruby-text" | "note" | "tracked-changes") => TextStep::Skip,
        // Comments, inner tables and drawings are on top of the cell, not part of its text.
        (Ns::Office | Ns::Table | Ns::Draw, _) => TextStep::Skip,
        _ => TextStep::Descend,
    })
}

/// Several addresses are put on separate lines; an address repeated for parts of a link counts once.
fn add_link(tag: &XmlTag<'_>, links: &mut Option<String>) -> Result<(), WorkbookError> {
    const LINKS_BYTES_MAX: usize = 16 << 10;
    // `#Sheet2.A1` is a place in the workbook.
    let address = tag.attribute(Ns::Xlink, "href")?.filter(|address| !address.is_empty() && !address.starts_with('#'));
    let Some(address) = address else { return Ok(()) };
    match links {
        None => *links = Some(address),
        Some(links) if links.len() > LINKS_BYTES_MAX || links.rsplit('\n').next() == Some(&address) => {}
        Some(links) => {
            links.push('\n');
            links.push_str(&address);
        }
    }
    Ok(())
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

impl CellText<'_> {
    fn start_paragraph(&mut self) {
        if self.paragraphs > 0 {
            self.row.push("\n");
        }
        self.paragraphs += 1;
        (self.pending_space, self.is_empty) = (Whitespace::None, true);
    }

    fn push_text(&mut self, piece: &str) {
        let mut rest = piece;
        while let Some(blank) = rest.find(is_blank) {
            self.push_word(&rest[..blank]);
            self.pending_space = match self.pending_space {
                Whitespace::None if rest.as_bytes()[blank] == b' ' => Whitespace::Space,
                _ => Whitespace::Wide,
            };
            rest = &rest[blank + 1..];
        }
        self.push_word(rest);
    }

    fn push_word(&mut self, word: &str) {
        if !word.is_empty() {
            self.write_space();
            self.row.push(word);
        }
    }

    fn write_space(&mut self) {
        if self.pending_space != Whitespace::None && !self.is_empty {
            self.row.push(" ");
        }
        (self.pending_space, self.is_empty) = (Whitespace::None, false);
    }

    fn push_verbatim(&mut self, sign: &str) {
        self.write_space();
        self.row.push(sign);
    }

    fn push_spaces(&mut self, count: u32) {
        const SPACES: &str = "                                ";
        self.write_space();
        let mut left = count as usize;
        while left > 0 && !self.row.is_too_long() {
            let some = left.min(SPACES.len());
            self.row.push(&SPACES[..some]);
            left -= some;
        }
    }

    /// LibreOffice writes a final space as it is; wider white space comes from the layout of the file.
    fn end_paragraph(&mut self) {
        if self.pending_space == Whitespace::Space {
            self.write_space();
        }
    }
}
