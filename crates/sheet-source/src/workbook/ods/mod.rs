//! OpenDocument spreadsheets (.ods), read as a stream: once when the workbook is opened, for its sheets and what they say
//! besides their cells, and once more for the cells of a sheet. No more of the file is held than one row.
//!
//! `bytes` unpacks and decodes, `xml` knows tags and the vocabularies of OpenDocument; `sheet` finds the rows, `row` the
//! cells of one, `head` what a cell's tag says and `text` what stands in it; `shown` holds a number against the text that is
//! displayed for it, with `digits`; `gather` makes facts of rows.
//!
//! Nothing that the file says of counts is believed before there is something to count: rows and cells are repeated as
//! they are handed on, and within bounds.

mod bytes;
mod digits;
mod metadata;
mod cell_attributes;
mod row;
mod sheet;
mod displayed_number;
mod text;
mod xml;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

use crate::file::error::WorkbookError;
use crate::file::input::SourceFile;
use crate::workbook::sheet::metadata::SheetMetadata;
use crate::workbook::sheet::{ROWS_MAX, RawCell, Sheet, check_sheets};
use metadata::{MetadataBudget, MetadataCollector, TableMetadata};
use row::OdsRow;
use std::collections::HashSet;
use std::io::{BufReader, Read, Seek};
use std::ops::ControlFlow;
use xml::{Ns, XmlEvent, XmlStream, XmlTag};
use zip::ZipArchive;
use zip::result::ZipError;

/// What cells and rows that are repeated may come to; a million rows of thirty short cells, all alike, are half of it.
const REPEATED_BYTES_MAX: u64 = 1 << 30;
/// The list of parts, some 200 bytes each.
const MANIFEST_BYTES_MAX: u64 = 16 << 20;

/// An open workbook.
pub struct OpenDocument {
    archive: ZipArchive<BufReader<SourceFile>>,
    part: usize,
    tables: Vec<TableEntry>,
}

struct TableEntry {
    /// How many tables stand before it in the file.
    index: usize,
    name: String,
    visible: bool,
    /// Where there was no room for all of them, other sheets can be read all the same.
    metadata: TableMetadata,
}

impl OpenDocument {
    pub fn open(file: SourceFile) -> Result<OpenDocument, WorkbookError> {
        let mut file = BufReader::new(file);
        file.rewind().map_err(WorkbookError::Io)?;
        let mut archive = ZipArchive::new(file).map_err(zip_error)?;
        if is_encrypted(&mut archive)? {
            return Err(WorkbookError::Encrypted);
        }
        let Some(part) = find_part(&archive, "content.xml") else { return Err(missing_content_error(&mut archive)) };
        let mut book = OpenDocument { archive, part, tables: Vec::new() };
        let mut tables_found = TableList::default();
        book.visit_tables(&mut |stream, table| tables_found.add(stream, table))?;
        book.tables = tables_found.tables;
        Ok(book)
    }

    pub fn sheets(&self) -> Vec<Sheet> {
        let sheet = |table: &TableEntry| Sheet { name: table.name.clone(), visible: table.visible, table: true };
        self.tables.iter().map(sheet).collect()
    }

    /// What the sheet says besides its cells, with `links` where they are wanted.
    pub fn metadata(&self, sheet: &str, links: bool) -> Result<SheetMetadata, WorkbookError> {
        let table = self.tables.iter().find(|table| table.name == sheet).ok_or(WorkbookError::Missing)?;
        table.metadata.to_metadata(links)
    }

    /// Hands the cells of a sheet to `take`, in the order of the file, until it breaks off.
    pub fn visit_cells(
        &mut self,
        sheet: &str,
        visit: &mut dyn FnMut(RawCell<'_>) -> ControlFlow<()>,
    ) -> Result<(), WorkbookError> {
        let wanted = self.tables.iter().find(|table| table.name == sheet).ok_or(WorkbookError::Missing)?.index;
        let mut tables_before = 0;
        let mut repeated = 0;
        self.visit_tables(&mut |stream, _| {
            tables_before += 1;
            if tables_before <= wanted {
                return stream.skip().map(|()| ControlFlow::Continue(()));
            }
            let _ = sheet::visit_rows(stream, OdsRow::new(true), &mut |row| {
                repeated += row.repeated_bytes();
                visit_row(row, repeated, visit)
            })?;
            Ok(ControlFlow::Break(()))
        })
    }

    /// Calls `visit` behind the tag of every sheet, until it breaks off.
    fn visit_tables(&mut self, visit: &mut TableVisitor<'_>) -> Result<(), WorkbookError> {
        let part = self.archive.by_index(self.part).map_err(zip_error)?;
        // Not more than the directory says, by which the file was let in; behind that stands the checksum.
        let size = part.size().saturating_add(1);
        let mut part = part.take(size);
        let mut stream: ContentStream<'_> = XmlStream::new(&mut part);
        let mut styles = Styles::default();
        let mut spreadsheet = false;
        loop {
            let depth = stream.depth() + 1;
            let child = match stream.next()? {
                XmlEvent::Start(tag) => Child::of(&tag, depth, &mut styles)?,
                XmlEvent::Eof => break,
                XmlEvent::End if depth == 2 => break,
                XmlEvent::End | XmlEvent::Text(_) | XmlEvent::Char(_) | XmlEvent::Other => continue,
            };
            match child {
                Child::Descend => {}
                Child::Spreadsheet => spreadsheet = true,
                Child::Skip => stream.skip()?,
                Child::Table(table) => {
                    if visit(&mut stream, table)?.is_break() {
                        return Ok(());
                    }
                }
            }
        }
        if spreadsheet { stream.finish() } else { Err(WorkbookError::NoWorkbook) }
    }
}

type ContentStream<'p> = XmlStream<&'p mut dyn Read>;
/// Gets the stream behind the tag of a sheet, and what the tag says; passes the sheet or breaks off.
type TableVisitor<'v> = dyn FnMut(&mut ContentStream<'_>, TableTag) -> Result<ControlFlow<()>, WorkbookError> + 'v;

struct TableTag {
    name: Option<String>,
    visible: bool,
}

/// Styles of sheets that are not shown, and the one under way.
#[derive(Default)]
struct Styles {
    hidden: HashSet<String>,
    name: Option<String>,
}

/// What is done about an element on the way to the sheets.
enum Child {
    Descend,
    Skip,
    Spreadsheet,
    Table(TableTag),
}

impl Child {
    /// Whatever is not entered cannot hold a sheet: changes that are tracked, links to other programs, drawings.
    fn of(tag: &XmlTag<'_>, depth: usize, styles: &mut Styles) -> Result<Child, WorkbookError> {
        Ok(match (depth, tag.ns, tag.local()) {
            (1, ..) | (2, Ns::Office, "automatic-styles" | "body") => Child::Descend,
            (3, Ns::Office, "spreadsheet") => Child::Spreadsheet,
            (3, Ns::Style, "style") => {
                styles.name = tag.attribute(Ns::Style, "name")?;
                Child::Descend
            }
            (4, Ns::Style, "table-properties") => {
                let hidden = tag.attribute(Ns::Table, "display")?.is_some_and(|display| display == "false");
                if hidden {
                    styles.hidden.extend(styles.name.take());
                    check_sheets(styles.hidden.len())?;
                }
                Child::Skip
            }
            (4, Ns::Table, "table") => {
                let style = tag.attribute(Ns::Table, "style-name")?;
                let visible = style.is_none_or(|style| !styles.hidden.contains(&style));
                Child::Table(TableTag { name: tag.attribute(Ns::Table, "name")?, visible })
            }
            _ => Child::Skip,
        })
    }
}

/// The sheets as they come, with their facts.
#[derive(Default)]
struct TableList {
    tables: Vec<TableEntry>,
    budget: MetadataBudget,
    tables_before: usize,
}

impl TableList {
    fn add(&mut self, stream: &mut ContentStream<'_>, table: TableTag) -> Result<ControlFlow<()>, WorkbookError> {
        let index = self.tables_before;
        self.tables_before += 1;
        // What cells of other workbooks were when they were last looked up: a cache, and shown to nobody.
        if table.name.as_ref().is_some_and(|name| name.starts_with("'file:") && name.contains("'#$")) {
            return stream.skip().map(|()| ControlFlow::Continue(()));
        }
        let mut collector = MetadataCollector::new(&mut self.budget, ROWS_MAX);
        let _ = sheet::visit_rows(stream, OdsRow::new(false), &mut |row| {
            collector.add_row(row);
            Ok(ControlFlow::Continue(()))
        })?;
        let metadata = collector.finish();
        let name = table.name.unwrap_or_else(|| format!("Sheet{}", self.tables.len() + 1));
        self.tables.push(TableEntry { index, name, visible: table.visible, metadata });
        check_sheets(self.tables.len())?;
        Ok(ControlFlow::Continue(()))
    }
}

/// Hands on the cells of a row as often as it is repeated; `repeated` is what all repetitions come to so far.
fn visit_row(
    row: &OdsRow,
    repeated: u64,
    visit: &mut dyn FnMut(RawCell<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, WorkbookError> {
    if let Some(error) = row.check(ROWS_MAX) {
        return Err(error);
    }
    if !row.is_filled() {
        return Ok(ControlFlow::Continue(()));
    }
    if repeated > REPEATED_BYTES_MAX {
        return Err(damaged("its repeated cells take more than 1 GB"));
    }
    for number in row.first..row.first + row.repeat {
        for cell in row.cells() {
            let value = row.value(cell);
            for column in cell.columns.clone() {
                if visit(RawCell { row: number, column, value, formula: cell.formula }).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn is_encrypted(archive: &mut ZipArchive<BufReader<SourceFile>>) -> Result<bool, WorkbookError> {
    let Some(manifest) = find_part(archive, "META-INF/manifest.xml") else { return Ok(false) };
    let mut stream = XmlStream::new(archive.by_index(manifest).map_err(zip_error)?.take(MANIFEST_BYTES_MAX));
    loop {
        match stream.next() {
            Ok(XmlEvent::Start(tag)) if tag.is(Ns::Manifest, "encryption-data") => return Ok(true),
            Err(WorkbookError::Io(error)) => return Err(WorkbookError::Io(error)),
            // Whoever lists the parts badly may have written them well.
            Ok(XmlEvent::Eof) | Err(_) => return Ok(false),
            Ok(_) => {}
        }
    }
}

/// Why there are no sheets in an archive without any.
fn missing_content_error(archive: &mut ZipArchive<BufReader<SourceFile>>) -> WorkbookError {
    const KIND: &[u8] = b"application/vnd.oasis.opendocument.spreadsheet";
    let mut kind = Vec::new();
    let read = find_part(archive, "mimetype")
        .and_then(|part| archive.by_index(part).ok()?.take(KIND.len() as u64).read_to_end(&mut kind).ok());
    match read {
        Some(_) if kind == KIND => damaged("its content is missing"),
        _ => WorkbookError::NoWorkbook,
    }
}

/// The part of this name, whichever way it is spelt.
fn find_part(archive: &ZipArchive<BufReader<SourceFile>>, name: &str) -> Option<usize> {
    (0..archive.len()).find(|part| {
        let own = archive.name_for_index(*part).and_then(Result::ok);
        own.is_some_and(|own| own.replace('\\', "/").eq_ignore_ascii_case(name))
    })
}

fn zip_error(error: ZipError) -> WorkbookError {
    match error {
        ZipError::Io(error) => bytes::read_error(&error),
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => WorkbookError::Encrypted,
        _ => damaged("it cannot be unpacked"),
    }
}

fn damaged(detail: impl Into<String>) -> WorkbookError {
    WorkbookError::Damaged(detail.into())
}
