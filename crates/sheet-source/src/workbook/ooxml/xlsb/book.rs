//! What all sheets of an .xlsb share: the list of sheets, number formats, shared strings and the epoch.

use super::records::{PartRecords, read_text, truncated};
use crate::file::bytes::{u16_at, u32_at};
use crate::file::error::WorkbookError;
use crate::workbook::ooxml::package::{Package, Relationship};
use crate::workbook::shared_strings::{STRINGS_TOO_LONG, StringTable};
use crate::workbook::sheet::{Sheet, check_sheets};
use crate::workbook::styles::CellFormats;
use std::collections::HashMap;

const WORKBOOK: &str = "xl/workbook.bin";

const PROPERTIES: u16 = 153;
const SHEET: u16 = 156;
const FORMAT: u16 = 44;
const STYLES_BEGIN: u16 = 617;
const STYLES_END: u16 = 618;
const STYLE: u16 = 47;
const SHARED_TEXT: u16 = 19;
const TEXTS_BEGIN: u16 = 159;
const TEXTS_END: u16 = 160;

pub struct WorkbookGlobals {
    pub sheets: Vec<BundledSheet>,
    pub epoch_1904: bool,
    pub formats: CellFormats,
    pub texts: StringTable,
}

/// A sheet and the part that contains it.
pub struct BundledSheet {
    pub name: String,
    pub visible: bool,
    pub is_worksheet: bool,
    pub part: String,
}

impl BundledSheet {
    pub fn as_sheet(&self) -> Sheet {
        Sheet { name: self.name.clone(), visible: self.visible, is_worksheet: self.is_worksheet }
    }
}

impl WorkbookGlobals {
    pub fn read(package: &mut Package) -> Result<WorkbookGlobals, WorkbookError> {
        let relationships = package.relationships(WORKBOOK)?;
        let named = |kind: &str, usual: &str| {
            let found = relationships.iter().find(|one| one.kind == kind);
            found.map_or_else(|| usual.to_owned(), |one| one.target.clone())
        };
        let (sheets, epoch_1904) = workbook(package, &relationships)?;
        let formats = formats(package, &named("styles", "xl/styles.bin"))?;
        let texts = texts(package, &named("sharedStrings", "xl/sharedStrings.bin"))?;
        Ok(WorkbookGlobals { sheets, epoch_1904, formats, texts })
    }
}

fn workbook(package: &mut Package, relationships: &[Relationship]) -> Result<(Vec<BundledSheet>, bool), WorkbookError> {
    const COUNTS_FROM_1904: u32 = 1;
    let part = package.part_named(WORKBOOK)?.ok_or_else(|| WorkbookError::damaged("its list of sheets is missing"))?;
    let mut records = PartRecords::new(part);
    let relationships = relationships.iter().map(|one| (one.id.as_str(), one)).collect();
    let (mut sheets, mut epoch_1904) = (Vec::new(), false);
    while let Some(kind) = records.next(|kind| matches!(kind, PROPERTIES | SHEET))? {
        match kind {
            SHEET => {
                sheets.extend(sheet(&records.data, &relationships)?);
                check_sheets(sheets.len())?;
            }
            _ => epoch_1904 = u32_at(&records.data, 0).ok_or_else(truncated)? & COUNTS_FROM_1904 != 0,
        }
    }
    Ok((sheets, epoch_1904))
}

/// `None` if the sheet has no part.
fn sheet(data: &[u8], relationships: &HashMap<&str, &Relationship>) -> Result<Option<BundledSheet>, WorkbookError> {
    let state = u32_at(data, 0).ok_or_else(truncated)?;
    let (mut id, mut name) = (String::new(), String::new());
    let end = read_text(data, 8, &mut id)?;
    read_text(data, end, &mut name)?;
    if id.is_empty() {
        return Ok(None);
    }
    let named = relationships.get(id.as_str());
    let part = named.map(|one| one.target.clone()).unwrap_or_default();
    // Charts, dialogs and macros have other types.
    let is_worksheet = match named.map_or("", |one| one.kind.as_str()) {
        "worksheet" => true,
        "chartsheet" | "dialogsheet" | "xlMacrosheet" | "xlIntlMacrosheet" => false,
        _ => part.is_empty() || part.to_lowercase().contains("worksheets/"),
    };
    Ok(Some(BundledSheet { name, visible: state == 0, is_worksheet, part }))
}

fn formats(package: &mut Package, part: &str) -> Result<CellFormats, WorkbookError> {
    let mut formats = CellFormats::default();
    let Some(part) = package.part_named(part)? else { return Ok(formats) };
    let mut records = PartRecords::new(part);
    // Cell style formats use the same record type.
    let mut of_cells = false;
    while let Some(kind) = records.next(|kind| matches!(kind, FORMAT | STYLE | STYLES_BEGIN | STYLES_END))? {
        let data = &records.data;
        match kind {
            FORMAT => {
                let mut code = String::new();
                read_text(data, 2, &mut code)?;
                formats.add_format(u16_at(data, 0).ok_or_else(truncated)?.into(), &code)?;
            }
            STYLE if of_cells => formats.add_style(u16_at(data, 2).ok_or_else(truncated)?.into())?,
            STYLE => {}
            kind => of_cells = kind == STYLES_BEGIN,
        }
    }
    formats.finish();
    Ok(formats)
}

fn texts(package: &mut Package, part: &str) -> Result<StringTable, WorkbookError> {
    let mut texts = StringTable::default();
    let Some(part) = package.part_named(part)? else { return Ok(texts) };
    let mut records = PartRecords::new(part);
    let mut ended = true;
    while let Some(kind) = records.next(|kind| matches!(kind, SHARED_TEXT | TEXTS_BEGIN | TEXTS_END))? {
        if kind != SHARED_TEXT {
            ended = kind == TEXTS_END;
            continue;
        }
        let added = texts.add(|text| read_text(&records.data, 1, text).map(|_| ()))?;
        added.ok_or_else(|| WorkbookError::damaged(STRINGS_TOO_LONG))?;
    }
    match ended {
        true => Ok(texts),
        false => Err(truncated()),
    }
}
