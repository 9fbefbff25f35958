//! Addresses behind the texts of cells. [MS-XLS 2.4.140, MS-OSHARED 2.3.7]

use super::records::{BiffRecord, BiffRecords, ContinuedData};
use crate::file::bytes::{push_utf16, utf16_units};
use crate::workbook::sheet::facts::{Area, LinksFound};

/// 79EAC9E0-BAF9-11CE-8C82-00AA004BA90B: an address of the web, or of mail.
const ADDRESS: [u8; 16] =
    [0xE0, 0xC9, 0xEA, 0x79, 0xF9, 0xBA, 0xCE, 0x11, 0x8C, 0x82, 0x00, 0xAA, 0x00, 0x4B, 0xA9, 0x0B];

const HAS_ADDRESS: u32 = 0x0001;
const HAS_PLACE: u32 = 0x0008;
const HAS_NAME: u32 = 0x0010;
const HAS_FRAME: u32 = 0x0080;
const AS_TEXT: u32 = 0x0100;

/// Adds the address of a record; what is damaged or leads to a place in the workbook or to a file adds nothing.
pub fn read_link(record: &BiffRecord<'_>, links: &mut LinksFound) {
    let mut pieces = BiffRecords::new(&[], 0).pieces(*record, 0);
    let Some(area) = area(&mut pieces) else { return };
    if let Some(address) = address(&mut pieces) {
        links.add(area, &address);
    }
}

fn area(pieces: &mut ContinuedData<'_>) -> Option<Area> {
    let mut number = || pieces.u16().map(u32::from);
    let (top, bottom, left, right) = (number()?, number()?, number()?, number()?);
    Some(Area { top, left, bottom, right })
}

fn address(pieces: &mut ContinuedData<'_>) -> Option<String> {
    const CLASS_AND_VERSION: usize = 16 + 4;
    pieces.skip(CLASS_AND_VERSION)?;
    let flags = pieces.u32()?;
    for part in [HAS_NAME, HAS_FRAME] {
        if flags & part != 0 {
            let letters = pieces.u32()?;
            pieces.skip(letters as usize * 2)?;
        }
    }
    if flags & HAS_ADDRESS == 0 {
        return None;
    }
    let mut address = match flags & AS_TEXT {
        0 => moniker(pieces)?,
        _ => {
            let letters = pieces.u32()?;
            wide(pieces, letters as usize * 2)?
        }
    };
    if flags & HAS_PLACE != 0 {
        let letters = pieces.u32()?;
        let place = wide(pieces, letters as usize * 2)?;
        if !place.is_empty() {
            address.push('#');
            address.push_str(&place);
        }
    }
    Some(address)
}

fn moniker(pieces: &mut ContinuedData<'_>) -> Option<String> {
    for byte in ADDRESS {
        if pieces.byte()? != byte {
            return None;
        }
    }
    let length = pieces.u32()?;
    wide(pieces, length as usize)
}

/// A text of so many bytes, up to the first NUL.
fn wide(pieces: &mut ContinuedData<'_>, bytes: usize) -> Option<String> {
    /// No address is longer. [Excel: 2,079 letters]
    const BYTES_MAX: usize = 16 << 10;
    if bytes > BYTES_MAX {
        return None;
    }
    let bytes: Vec<u8> = (0..bytes).map(|_| pieces.byte()).collect::<Option<_>>()?;
    let mut text = String::new();
    push_utf16(utf16_units(&bytes).take_while(|unit| *unit != 0), &mut text);
    Some(text)
}
