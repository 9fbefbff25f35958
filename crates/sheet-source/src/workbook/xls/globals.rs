//! The globals of an old workbook: its sheets, the encoding of texts, number formats, shared strings, the epoch, and
//! whether it is encrypted.

use super::records::{BEGIN, BiffRecord, BiffRecords, ContinuedData, END, TEXT_TRUNCATED, TextEncoding, code_page};
use crate::file::bytes::{u8_at, u16_at, u32_at};
use crate::file::error::WorkbookError;
use crate::workbook::shared_strings::{STRINGS_TOO_LONG, StringTable};
use crate::workbook::sheet::{Sheet, check_sheets};
use crate::workbook::styles::CellFormats;

const FILE_PASS: u16 = 0x002F;
const CODE_PAGE: u16 = 0x0042;
const DATE_MODE: u16 = 0x0022;
const FORMAT: u16 = 0x041E;
const STYLE: u16 = 0x00E0;
const SHEET: u16 = 0x0085;
const SHARED_TEXTS: u16 = 0x00FC;
const RECALCULATION: u16 = 0x01C1;

pub struct Globals {
    pub encoding: TextEncoding,
    pub epoch_1904: bool,
    /// Set if a program with a calculation engine wrote it; such programs write this record since Excel 2000.
    pub calculated: bool,
    pub formats: CellFormats,
    pub texts: StringTable,
    pub sheets: Vec<BoundSheet>,
}

/// A sheet and the offset of its records.
pub struct BoundSheet {
    pub name: String,
    pub visible: bool,
    pub is_worksheet: bool,
    pub at: usize,
}

impl BoundSheet {
    pub fn as_sheet(&self) -> Sheet {
        Sheet { name: self.name.clone(), visible: self.visible, is_worksheet: self.is_worksheet }
    }
}

impl Globals {
    pub fn read(stream: &[u8]) -> Result<Globals, WorkbookError> {
        let mut records = BiffRecords::new(stream, 0);
        let first = records.next()?;
        if first.kind != BEGIN {
            return Err(WorkbookError::damaged("its first bytes are invalid"));
        }
        let encoding = text_encoding(first.data);
        let mut globals = Globals {
            encoding,
            epoch_1904: false,
            calculated: matches!(encoding, TextEncoding::CodePage(_)),
            formats: CellFormats::default(),
            texts: StringTable::default(),
            sheets: Vec::new(),
        };
        // Names are read last, because the code page can come after them.
        let (mut sheets, mut formats) = (Vec::new(), Vec::new());
        loop {
            let record = records.next()?;
            match record.kind {
                END => break,
                // With any encryption, the records that follow are unreadable.
                FILE_PASS => return Err(WorkbookError::Encrypted),
                CODE_PAGE => globals.set_code_page(u16_at(record.data, 0)),
                DATE_MODE => globals.epoch_1904 = u16_at(record.data, 0) == Some(1),
                FORMAT => formats.push(record),
                STYLE => globals.formats.add_style(u16_at(record.data, 2).unwrap_or(0).into())?,
                SHEET => sheets.push(record),
                RECALCULATION => globals.calculated = true,
                SHARED_TEXTS => globals.texts = read_shared_texts(&mut records, record)?,
                _ => {}
            }
        }
        for record in formats {
            globals.add_format(record)?;
        }
        globals.formats.finish();
        check_sheets(sheets.len())?;
        for record in sheets {
            let sheet = globals.sheet(record)?;
            globals.sheets.push(sheet);
        }
        Ok(globals)
    }

    fn set_code_page(&mut self, number: Option<u16>) {
        if let (TextEncoding::CodePage(encoding), Some(number)) = (&mut self.encoding, number) {
            *encoding = code_page(number);
        }
    }

    /// The length of a format has two bytes since Excel 97, one before.
    fn add_format(&mut self, record: BiffRecord<'_>) -> Result<(), WorkbookError> {
        let mut data_stream = BiffRecords::new(&[], 0).continued(record, 0);
        let Some(id) = data_stream.u16() else { return Ok(()) };
        let length = match self.encoding {
            TextEncoding::Unicode => data_stream.u16(),
            TextEncoding::CodePage(_) => data_stream.byte().map(u16::from),
        };
        let mut code = String::new();
        self.encoding.read(&mut data_stream, length.unwrap_or(0).into(), &mut code)?;
        self.formats.add_format(id.into(), &code)
    }

    fn sheet(&self, record: BiffRecord<'_>) -> Result<BoundSheet, WorkbookError> {
        const STATE: u8 = 3;
        let data = record.data;
        let (Some(at), Some(state), Some(kind)) = (u32_at(data, 0), u8_at(data, 4), u8_at(data, 5)) else {
            return Err(WorkbookError::damaged("its list of sheets is broken"));
        };
        let mut data_stream = BiffRecords::new(&[], 0).continued(record, 6);
        let length = data_stream.byte().unwrap_or(0);
        let mut name = String::new();
        self.encoding.read(&mut data_stream, length.into(), &mut name)?;
        name.retain(|c| c != '\0');
        Ok(BoundSheet { name, visible: state & STATE == 0, is_worksheet: kind == 0, at: at as usize })
    }
}

/// Texts are Unicode since Excel 97. [MS-XLS 2.4.21]
fn text_encoding(begin: &[u8]) -> TextEncoding {
    const OF_OLD: u16 = 0x1000;
    let code_page = TextEncoding::CodePage(Some(encoding_rs::WINDOWS_1252));
    match (u16_at(begin, 0).unwrap_or(0), u16_at(begin, 2)) {
        (0x0200 | 0x0002 | 0x0007 | 0x0300 | 0x0400 | 0x0500, _) | (0, Some(OF_OLD)) => code_page,
        _ => TextEncoding::Unicode,
    }
}

/// The announced number of texts only decides whether an early end is an error.
fn read_shared_texts<'a>(records: &mut BiffRecords<'a>, first: BiffRecord<'a>) -> Result<StringTable, WorkbookError> {
    let announced = u32_at(first.data, 4).map_or(0, |count| count as usize);
    let mut data_stream = records.continued(first, 8);
    let mut texts = StringTable::default();
    while !data_stream.is_at_end() {
        let added = texts.add(|text| read_rich_text(&mut data_stream, text).ok_or(()));
        match added {
            Ok(Some(())) => {}
            Ok(None) => return Err(WorkbookError::damaged(STRINGS_TOO_LONG)),
            // After the last text any content can follow.
            Err(()) if texts.len() >= announced => break,
            Err(()) => return Err(WorkbookError::damaged(TEXT_TRUNCATED)),
        }
    }
    Ok(texts)
}

/// A text with formatting runs and phonetic text, which are skipped. [MS-XLS 2.5.293]
fn read_rich_text(data_stream: &mut ContinuedData<'_>, text: &mut String) -> Option<()> {
    const RICH: u8 = 8;
    const PHONETIC: u8 = 4;
    let (length, flags) = (data_stream.u16()?, data_stream.byte()?);
    let runs = if flags & RICH != 0 { data_stream.u16()? } else { 0 };
    let phonetic_bytes = if flags & PHONETIC != 0 { data_stream.u32()? } else { 0 };
    if length > 0 {
        data_stream.unicode_text(length.into(), flags, text)?;
    }
    data_stream.skip(usize::from(runs) * 4)?;
    data_stream.skip(phonetic_bytes as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_strings_are_read_past_formatting_and_phonetic_text() {
        let rich = [&[3, 0, 8 | 4, 1, 0, 2, 0, 0, 0][..], b"abc", &[0; 4], &[7; 2]].concat();
        let body = [&[0; 4][..], &[3, 0, 0, 0], &rich, &[0, 0, 0], &[1, 0, 1, 0x18, 0x04]].concat();
        let record = BiffRecord { kind: SHARED_TEXTS, at: 0, data: &body };
        let texts = read_shared_texts(&mut BiffRecords::new(&[], 0), record).ok().expect("they can be read");
        assert_eq!([texts.get(0), texts.get(1), texts.get(2), texts.get(3)], [Some("abc"), Some(""), Some("И"), None]);
        let cut = BiffRecord { data: &body[..body.len() - 1], ..record };
        assert!(read_shared_texts(&mut BiffRecords::new(&[], 0), cut).is_err());
    }
}
