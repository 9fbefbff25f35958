//! OpenDocument spreadsheets (.ods), read as a stream: once on opening, for the sheets and their metadata, and once
//! more for the cells of a sheet. Only one row is held in memory.
//!
//! `bytes` unpacks and decodes, `xml` reads tags and namespaces; `sheet` finds the rows, `row` the cells of a row,
//! `cell_attributes` the attributes of a cell and `text` its text; `displayed_number` compares a number with its
//! displayed text, with `digits`; `metadata` is collected from the rows.
//!
//! Counts in the file are not trusted: repeated rows and cells are produced while they are passed on, within limits.

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

/// The limit for repeated cells and rows; a million rows of thirty equal short cells take half of it.
const REPEATED_BYTES_MAX: u64 = 1 << 30;
/// The list of parts has some 200 bytes per part.
const MANIFEST_BYTES_MAX: u64 = 16 << 20;

/// An open workbook.
pub struct OpenDocument {
    archive: ZipArchive<BufReader<SourceFile>>,
    part: usize,
    tables: Vec<TableEntry>,
}

struct TableEntry {
    /// The index of the table in the file.
    index: usize,
    name: String,
    visible: bool,
    /// If it is incomplete, other sheets can still be read.
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
        let sheet = |table: &TableEntry| Sheet { name: table.name.clone(), visible: table.visible, is_worksheet: true };
        self.tables.iter().map(sheet).collect()
    }

    /// The metadata of a sheet, with `links` on request.
    pub fn metadata(&self, sheet: &str, links: bool) -> Result<SheetMetadata, WorkbookError> {
        let table = self.tables.iter().find(|table| table.name == sheet).ok_or(WorkbookError::Missing)?;
        table.metadata.to_metadata(links)
    }

    /// Passes the cells of a sheet to `visit` in file order, until it breaks.
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

    /// Calls `visit` after the start tag of every sheet, until it breaks.
    fn visit_tables(&mut self, visit: &mut TableVisitor<'_>) -> Result<(), WorkbookError> {
        let part = self.archive.by_index(self.part).map_err(zip_error)?;
        // Reads no more than the directory declares, which was checked on opening, plus one byte to verify the
        // checksum.
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
/// Receives the stream after the start tag of a sheet, and the attributes of the tag; skips the sheet or breaks.
type TableVisitor<'v> = dyn FnMut(&mut ContentStream<'_>, TableTag) -> Result<ControlFlow<()>, WorkbookError> + 'v;

struct TableTag {
    name: Option<String>,
    visible: bool,
}

/// The styles of hidden sheets, and the name of the current style.
#[derive(Default)]
struct Styles {
    hidden: HashSet<String>,
    name: Option<String>,
}

/// What to do with an element on the way to the sheets.
enum Child {
    Descend,
    Skip,
    Spreadsheet,
    Table(TableTag),
}

impl Child {
    /// Other elements cannot contain a sheet: tracked changes, links to other programs, drawings.
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

/// The sheets in order, with their metadata.
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
        // Cached cells of other workbooks, which are shown to nobody.
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

/// Passes on the cells of a row as often as it is repeated; `repeated` is the size of all repetitions so far.
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
            // A workbook with a bad list of parts can still be valid.
            Ok(XmlEvent::Eof) | Err(_) => return Ok(false),
            Ok(_) => {}
        }
    }
}

/// Why an archive has no sheets.
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

/// The index of the part with this name, in any spelling.
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
