//! The metadata of a sheet. Merged cells and links come after the rows, so the whole part is unpacked once before the
//! first row; it is searched instead of parsed, which takes a small part of the time.

use super::fallback::parse_reference;
use super::package::{Package, Relationship};
use super::window::BLOCK_BYTES;
use super::xml::{TRUNCATED, Xml, attribute, attribute_any_prefix, damaged, is_true};
use crate::file::error::WorkbookError;
use crate::workbook::sheet::metadata::{Area, LinkCollector, SheetMetadata, add_hidden_rows, add_merged};
use memchr::memmem;
use quick_xml::events::{BytesStart, Event};
use std::collections::HashMap;
use std::io::{Cursor, Read};

/// Memory for one row, while it is searched for content.
const ROW_BYTES_MAX: usize = 16 << 20;

pub fn read(
    package: &mut Package,
    part: usize,
    relationships: &[Relationship],
    links: bool,
) -> Result<SheetMetadata, WorkbookError> {
    let mut metadata = SheetMetadata::default();
    let scanned = if links { None } else { scan(package.part(part)?, &mut metadata)? };
    if scanned.is_none() {
        // The whole part is parsed for links, or if its XML is unusual.
        metadata = SheetMetadata::default();
        read_sheet(&mut package.xml(part)?, &mut metadata, relationships, links)?;
    }
    for table in relationships.iter().filter(|relationships| relationships.kind == "table") {
        if let Some(part) = package.find(&table.target) {
            read_totals(&mut package.xml(part)?, &mut metadata.totals)?;
        }
    }
    metadata.totals.sort_unstable();
    Ok(metadata)
}

/// Searches the rows for hidden ones, and reads what comes after them; `None` if the XML is unusual.
fn scan(mut input: impl Read, metadata: &mut SheetMetadata) -> Result<Option<()>, WorkbookError> {
    let mut bytes: Vec<u8> = Vec::new();
    let mut ended = false;
    loop {
        let before = bytes.len();
        let wanted = BLOCK_BYTES.max(before) as u64;
        let count = input.by_ref().take(wanted).read_to_end(&mut bytes).map_err(|_| damaged(TRUNCATED))?;
        ended |= count == 0;
        if before == 0 && matches!(bytes.as_slice(), [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..]) {
            return Ok(None);
        }
        let end = find_rows_end(&bytes);
        let rows = end.unwrap_or(bytes.len());
        let Some(left) = hidden_rows(&bytes[..rows], end.is_some() || ended, metadata) else { return Ok(None) };
        if let Some(end) = end {
            let rest = Cursor::new(bytes.split_off(end)).chain(input);
            read_after_rows(&mut Xml::new(rest)?, metadata)?;
            return Ok(Some(()));
        }
        if ended {
            return Err(damaged(TRUNCATED));
        }
        bytes.drain(..left);
        if bytes.len() > ROW_BYTES_MAX {
            return Ok(None);
        }
    }
}

/// The offset after `</sheetData>`, or after an empty element of that name.
fn find_rows_end(bytes: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"sheetData";
    memmem::find_iter(bytes, NAME).find_map(|at| {
        let behind = &bytes[at + NAME.len()..];
        let end = memchr::memchr(b'>', behind)?;
        // The start of the tag, with an optional prefix.
        let tag = bytes[..at].iter().rposition(|byte| *byte == b'<')?;
        let opening = &bytes[tag + 1..at];
        let is_name =
            |part: &[u8]| part.is_empty() || (part.ends_with(b":") && part.iter().all(|b| !b.is_ascii_whitespace()));
        let ends = match opening.strip_prefix(b"/") {
            Some(prefix) => is_name(prefix) && behind[..end].iter().all(u8::is_ascii_whitespace),
            None => is_name(opening) && behind[..end].ends_with(b"/"),
        };
        ends.then_some(at + NAME.len() + end + 1)
    })
}

/// Finds hidden rows with content. Returns the offset from which the bytes are needed again: the start of the last
/// tag, or of the last hidden row unless `all` is set, which means that no more bytes will come.
fn hidden_rows(bytes: &[u8], all: bool, metadata: &mut SheetMetadata) -> Option<usize> {
    let mut kept = memchr::memrchr(b'<', bytes).unwrap_or(bytes.len());
    // A row inside a comment does not count.
    if memmem::find(bytes, b"<!").is_some() {
        return None;
    }
    for at in memmem::find_iter(bytes, b"hidden") {
        let Some(tag) = memchr::memrchr(b'<', &bytes[..at]) else { continue };
        if memchr::memchr(b'>', &bytes[tag..at]).is_some() || !bytes[at - 1].is_ascii_whitespace() {
            continue;
        }
        let Some(end) = memchr::memchr(b'>', &bytes[at..]).map(|end| at + end) else { return Some(kept.min(tag)) };
        let text = std::str::from_utf8(&bytes[tag + 1..end]).ok()?;
        let name = text.split(|c: char| c.is_ascii_whitespace()).next().unwrap_or_default();
        if name.rsplit(':').next() != Some("row") || text.ends_with('/') {
            continue;
        }
        let tag_text = BytesStart::from_content(text, name.len());
        if !is_true(attribute(&tag_text, "hidden")) {
            continue;
        }
        let row_end = memmem::find_iter(&bytes[end..], b"row>")
            .map(|found| end + found)
            .find(|found| bytes[..*found].ends_with(b"</") || bytes[..*found].ends_with(b":"));
        let Some(row_end) = row_end else {
            if all {
                break;
            }
            kept = kept.min(tag);
            return Some(kept);
        };
        // A row without a number needs the full reader.
        let number = attribute(&tag_text, "r")?.trim().parse::<u32>().ok()?.checked_sub(1)?;
        if is_filled(&bytes[end..row_end]) {
            add_hidden_rows(&mut metadata.hidden, number, number);
        }
    }
    Some(kept)
}

/// True if the row has a value, a text or a formula.
fn is_filled(row: &[u8]) -> bool {
    memchr::memchr_iter(b'<', row).any(|at| {
        let tag = &row[at + 1..(at + 24).min(row.len())];
        let name = tag.split(|byte| matches!(byte, b'>' | b'/' | b' ')).next().unwrap_or_default();
        matches!(name.rsplit(|byte| *byte == b':').next(), Some(b"v" | b"is" | b"f"))
    })
}

/// Reads what comes after the rows.
fn read_after_rows(xml: &mut Xml<'_>, metadata: &mut SheetMetadata) -> Result<(), WorkbookError> {
    loop {
        match xml.next()? {
            Event::Start(element) => add_merge_cell(&element, metadata)?,
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

fn add_merge_cell(element: &BytesStart<'_>, metadata: &mut SheetMetadata) -> Result<(), WorkbookError> {
    if element.local_name().as_ref() != "mergeCell" {
        return Ok(());
    }
    match attribute(element, "ref").and_then(|written| area(&written)) {
        Some(area) => add_merged(&mut metadata.merged, area),
        None => Ok(()),
    }
}

/// `A1:C5`; a single cell is not an area.
fn area(written: &str) -> Option<Area> {
    let (first, last) = written.split_once(':')?;
    let (first, last) = (parse_reference(first).ok()?, parse_reference(last).ok()?);
    let area = Area {
        top: first.0.min(last.0),
        left: first.1.min(last.1),
        bottom: first.0.max(last.0),
        right: first.1.max(last.1),
    };
    (first != last).then_some(area)
}

/// Parses the whole sheet.
fn read_sheet(
    xml: &mut Xml<'_>,
    metadata: &mut SheetMetadata,
    relationships: &[Relationship],
    links: bool,
) -> Result<(), WorkbookError> {
    let addresses: HashMap<&str, &str> = relationships
        .iter()
        .filter(|one| one.kind == "hyperlink")
        .map(|one| (one.id.as_str(), one.target.as_str()))
        .collect();
    let (mut row, mut column, mut hidden) = (0_u32, 0_u32, false);
    let mut found = LinkCollector::default();
    loop {
        let in_formula = match xml.next()? {
            Event::Start(element) => match element.local_name().as_ref() {
                "row" => {
                    row = attribute(&element, "r")
                        .and_then(|r| r.trim().parse::<u32>().ok()?.checked_sub(1))
                        .unwrap_or(row);
                    hidden = is_true(attribute(&element, "hidden"));
                    continue;
                }
                "c" => {
                    (row, column) =
                        attribute(&element, "r").and_then(|r| parse_reference(&r).ok()).unwrap_or((row, column));
                    column = column.saturating_add(1);
                    continue;
                }
                "hyperlink" if links => {
                    add_link(&element, &addresses, &mut found);
                    continue;
                }
                name @ ("v" | "is" | "f") => {
                    if hidden {
                        add_hidden_rows(&mut metadata.hidden, row, row);
                    }
                    links && name == "f"
                }
                _ => {
                    add_merge_cell(&element, metadata)?;
                    continue;
                }
            },
            Event::End(element) if element.local_name().as_ref() == "row" => {
                (row, column, hidden) = (row.saturating_add(1), 0, false);
                continue;
            }
            Event::Eof => {
                metadata.links = found.into_links()?;
                return Ok(());
            }
            _ => continue,
        };
        if in_formula {
            let mut formula = String::new();
            xml.text(&mut formula)?;
            if let Some(address) = formula_address(&formula) {
                found.add(Area::of_cell(row, column.saturating_sub(1)), &address);
            }
        }
    }
}

/// Adds a link of one or several cells.
fn add_link(element: &BytesStart<'_>, addresses: &HashMap<&str, &str>, found: &mut LinkCollector) {
    let Some(address) = attribute_any_prefix(element, "id").and_then(|id| addresses.get(id.as_str()).copied()) else {
        return;
    };
    let Some(place) = attribute(element, "ref") else { return };
    let one = || parse_reference(&place).ok().map(|(row, column)| Area::of_cell(row, column));
    let Some(area) = area(&place).or_else(one) else { return };
    // The part after `#` is a separate attribute.
    let whole = match attribute(element, "location") {
        Some(place) if !place.is_empty() => format!("{address}#{place}"),
        _ => address.to_owned(),
    };
    found.add(area, &whole);
}

/// The address in `HYPERLINK("https://…","text")`.
fn formula_address(formula: &str) -> Option<String> {
    let inner =
        formula.trim_start_matches(['=', '+', ' ']).strip_prefix("HYPERLINK(")?.trim_start().strip_prefix('"')?;
    let (address, behind) = inner.split_once('"')?;
    // A concatenation makes another address: `HYPERLINK("https://…/"&D2,"text")`.
    let whole = behind.trim_start().chars().next().is_none_or(|next| matches!(next, ',' | ';' | ')'));
    whole.then(|| address.to_owned())
}

/// Adds the row of totals of a table.
fn read_totals(xml: &mut Xml<'_>, totals: &mut Vec<u32>) -> Result<(), WorkbookError> {
    loop {
        match xml.next()? {
            Event::Start(element) if element.local_name().as_ref() == "table" => {
                let count: u32 = attribute(&element, "totalsRowCount").and_then(|n| n.trim().parse().ok()).unwrap_or(0);
                let area = attribute(&element, "ref").and_then(|written| area(&written));
                if let Some(area) = area.filter(|_| count > 0) {
                    totals.push(area.bottom);
                }
                return Ok(());
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan_both(xml: &str) -> (SheetMetadata, SheetMetadata) {
        let fresh = || SheetMetadata::default();
        let (mut quick, mut slow) = (fresh(), fresh());
        assert!(matches!(scan(xml.as_bytes(), &mut quick), Ok(Some(()))), "{xml}");
        assert!(read_sheet(&mut Xml::new(xml.as_bytes()).ok().unwrap(), &mut slow, &[], false).is_ok());
        (quick, slow)
    }

    #[test]
    fn hidden_rows_and_merged_cells_are_found() {
        let filler = "<row r=\"9\"><c r=\"A9\"><v>1</v></c></row>".repeat(20_000);
        for filler in ["", filler.as_str()] {
            let xml = format!(
                "<?xml version=\"1.0\"?><worksheet><cols><col min=\"1\" max=\"1\" hidden=\"1\"/></cols><sheetData>\
                 <row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>hidden=\"1\"</t></is></c></row>{filler}\
                 <row r=\"2\" hidden=\"1\"><c r=\"A2\"><v>1</v></c></row><row hidden='true' r='3'><c><f>1</f></c></row>\
                 <row r=\"4\" hidden=\"0\"><c r=\"A4\"><v>1</v></c></row><row r=\"5\" hidden=\"1\"><c r=\"A5\" s=\"1\"/></row>\
                 <row r=\"6\" hidden=\"1\"/><row r=\"7\"><c r=\"A7\"><v>1</v></c></row></sheetData>\
                 <mergeCells><mergeCell ref=\"A2:B4\"/><mergeCell ref=\"C1:C1\"/></mergeCells></worksheet>"
            );
            let (quick, slow) = scan_both(&xml);
            assert_eq!(quick, slow);
            assert_eq!(quick.hidden, vec![(1, 2)]);
            assert_eq!(quick.merged, vec![Area { top: 1, left: 0, bottom: 3, right: 1 }]);
        }
        let (quick, _) = scan_both(
            "<x:worksheet><x:sheetData/><x:mergeCells><x:mergeCell ref=\"A1:A2\"/></x:mergeCells></x:worksheet>",
        );
        assert_eq!(quick.merged.len(), 1);
    }

    #[test]
    fn links_are_found_in_formulas() {
        assert_eq!(
            formula_address("HYPERLINK(\"https://a.example\",\"Открыть\")").as_deref(),
            Some("https://a.example")
        );
        assert_eq!(formula_address("SUM(A1)"), None);
    }
}
