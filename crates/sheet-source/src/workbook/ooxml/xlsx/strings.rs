//! Reads the shared strings.

use super::markup::{TagForm, next_tag, prologue};
use super::text::{push_run, string_item};
use super::window::TextWindow;
use super::xml::{TRUNCATED, Xml, attribute, damaged};
use super::{NeedsFallback, ScanResult, ScanStop, usual};
use crate::file::error::WorkbookError;
use crate::workbook::shared_strings::{STRINGS_TOO_LONG, StringTable};
use quick_xml::events::Event;
use std::io::Read;

#[derive(Default)]
pub struct SharedStrings {
    texts: StringTable,
}

/// The current section of the part.
#[derive(PartialEq)]
enum StringsSection {
    Start,
    Head,
    Items,
}

impl SharedStrings {
    pub fn read(mut window: TextWindow<impl Read>) -> Result<SharedStrings, NeedsFallback> {
        let mut strings = SharedStrings::default();
        let mut place = StringsSection::Start;
        window.for_each(|text, at| match place {
            StringsSection::Start => {
                let next = prologue(text)?;
                place = StringsSection::Head;
                Ok(Some(next))
            }
            StringsSection::Head => {
                let tag = next_tag(text, at)?;
                // Checks that all its attributes are well formed.
                tag.attribute("")?;
                place = StringsSection::Items;
                match (tag.local, tag.form) {
                    ("sst", TagForm::Opening) => Ok(Some(tag.end)),
                    ("sst", TagForm::Empty) => Ok(None),
                    _ => Err(ScanStop::NeedsFallback),
                }
            }
            StringsSection::Items => match strings.usual_items(text, at)? {
                end if end == at => strings.item(text, at),
                end => Ok(Some(end)),
            },
        })?;
        strings.texts.finish();
        Ok(strings)
    }

    /// Reads items of the usual form; returns the offset after the last one.
    fn usual_items(&mut self, text: &str, from: usize) -> ScanResult<usize> {
        let mut at = from;
        loop {
            match self.texts.add(|into| usual::string_item(text, at, into).ok_or(())) {
                Ok(next) => at = next.ok_or(ScanStop::NeedsFallback)?,
                Err(()) => return Ok(at),
            }
        }
    }

    fn item(&mut self, text: &str, at: usize) -> ScanResult<Option<usize>> {
        let tag = next_tag(text, at)?;
        let end = match (tag.local, tag.form) {
            ("si", TagForm::Opening) => self.texts.add(|into| string_item(text, &tag, into))?,
            ("si", TagForm::Empty) => self.texts.add(|_| Ok(tag.end))?,
            ("sst", TagForm::Closing) => return Ok(None),
            _ => return Err(ScanStop::NeedsFallback),
        };
        end.ok_or(ScanStop::NeedsFallback).map(Some)
    }

    /// Reads shared strings with unusual XML.
    pub fn read_with_fallback(xml: &mut Xml<'_>) -> Result<SharedStrings, WorkbookError> {
        let mut strings = SharedStrings::default();
        loop {
            match xml.next()? {
                Event::Start(element) if element.local_name().as_ref() == "si" => {
                    let added = strings.texts.add(|into| SharedStrings::item_of(xml, into))?;
                    added.ok_or_else(|| damaged(STRINGS_TOO_LONG))?;
                }
                Event::End(element) if element.local_name().as_ref() == "sst" => return Ok(strings),
                Event::Eof => return Err(damaged(TRUNCATED)),
                _ => {}
            }
        }
    }

    /// Appends the text of an item whose start tag was the last event: its runs, without phonetic text.
    pub fn item_of(xml: &mut Xml<'_>, into: &mut String) -> Result<(), WorkbookError> {
        let mut open_tags = 0_usize;
        loop {
            let keeps_blanks = match xml.next()? {
                Event::Start(element) => match element.local_name().as_ref() {
                    "t" => Some(attribute(&element, "xml:space").as_deref() == Some("preserve")),
                    "rPh" => None,
                    _ => {
                        open_tags += 1;
                        continue;
                    }
                },
                Event::End(_) => match open_tags.checked_sub(1) {
                    Some(left) => {
                        open_tags = left;
                        continue;
                    }
                    None => return Ok(()),
                },
                Event::Eof => return Err(damaged(TRUNCATED)),
                _ => continue,
            };
            match keeps_blanks {
                Some(keeps_blanks) => {
                    let mut written = String::new();
                    xml.text(&mut written)?;
                    push_run(&written, keeps_blanks, into);
                }
                None => xml.skip()?,
            }
        }
    }

    pub fn get(&self, index: usize) -> Option<&str> {
        self.texts.get(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(xml: &str) -> Option<Vec<String>> {
        let strings = SharedStrings::read(TextWindow::new(xml.as_bytes())).ok()?;
        Some((0..strings.texts.len()).filter_map(|i| strings.get(i).map(str::to_owned)).collect())
    }

    #[test]
    fn strings_are_found_by_their_number() {
        let xml = "<?xml version=\"1.0\"?>\n<sst count=\"3\"><si><t>a</t></si>\n<si/><si><t>яё</t></si></sst>";
        assert_eq!(read(xml), Some(vec!["a".into(), String::new(), "яё".into()]));
        assert_eq!(read("<sst/>"), Some(Vec::new()));
        for odd in ["<sst><si><t>a</t></si>", "<sst x><si/></sst>", "<sst><x/></sst>", "<a/>", ""] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_string_of_megabytes_is_read_across_windows() {
        let long = "длинный &amp; ".repeat(200_000);
        let xml = format!("<sst><si><t>{long}</t></si><si><t>x</t></si></sst>");
        let strings = read(&xml).expect("nothing odd");
        assert!(strings[0] == long.replace("&amp;", "&").trim());
        assert_eq!(strings[1], "x");
    }
}
