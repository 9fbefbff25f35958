//! Link addresses of cells. [MS-XLS 2.4.140, MS-OSHARED 2.3.7]

use super::records::{BiffRecord, BiffRecords, ContinuedData};
use crate::file::bytes::{push_utf16, utf16_units};
use crate::workbook::sheet::metadata::{Area, LinkCollector};

/// 79EAC9E0-BAF9-11CE-8C82-00AA004BA90B: the URL moniker, for web and mail addresses.
const URL_MONIKER: [u8; 16] =
    [0xE0, 0xC9, 0xEA, 0x79, 0xF9, 0xBA, 0xCE, 0x11, 0x8C, 0x82, 0x00, 0xAA, 0x00, 0x4B, 0xA9, 0x0B];

const HAS_ADDRESS: u32 = 0x0001;
const HAS_PLACE: u32 = 0x0008;
const HAS_NAME: u32 = 0x0010;
const HAS_FRAME: u32 = 0x0080;
const AS_TEXT: u32 = 0x0100;

/// Adds the address of a record; a damaged record, or a link to a place in the workbook or to a file, adds nothing.
pub fn read_link(record: &BiffRecord<'_>, links: &mut LinkCollector) {
    let mut data_stream = BiffRecords::new(&[], 0).continued(*record, 0);
    let Some(area) = read_area(&mut data_stream) else { return };
    if let Some(address) = read_address(&mut data_stream) {
        links.add(area, &address);
    }
}

fn read_area(data_stream: &mut ContinuedData<'_>) -> Option<Area> {
    let mut number = || data_stream.u16().map(u32::from);
    let (top, bottom, left, right) = (number()?, number()?, number()?, number()?);
    Some(Area { top, left, bottom, right })
}

fn read_address(data_stream: &mut ContinuedData<'_>) -> Option<String> {
    const CLASS_AND_VERSION: usize = 16 + 4;
    data_stream.skip(CLASS_AND_VERSION)?;
    let flags = data_stream.u32()?;
    for part in [HAS_NAME, HAS_FRAME] {
        if flags & part != 0 {
            let letters = data_stream.u32()?;
            data_stream.skip(letters as usize * 2)?;
        }
    }
    if flags & HAS_ADDRESS == 0 {
        return None;
    }
    let mut address = match flags & AS_TEXT {
        0 => read_moniker(data_stream)?,
        _ => {
            let letters = data_stream.u32()?;
            read_utf16(data_stream, letters as usize * 2)?
        }
    };
    if flags & HAS_PLACE != 0 {
        let letters = data_stream.u32()?;
        let place = read_utf16(data_stream, letters as usize * 2)?;
        if !place.is_empty() {
            address.push('#');
            address.push_str(&place);
        }
    }
    Some(address)
}

fn read_moniker(data_stream: &mut ContinuedData<'_>) -> Option<String> {
    for byte in URL_MONIKER {
        if data_stream.byte()? != byte {
            return None;
        }
    }
    let length = data_stream.u32()?;
    read_utf16(data_stream, length as usize)
}

/// A text of this many bytes, up to the first NUL.
fn read_utf16(data_stream: &mut ContinuedData<'_>, bytes: usize) -> Option<String> {
    /// No address is longer. [Excel: 2,079 letters]
    const BYTES_MAX: usize = 16 << 10;
    if bytes > BYTES_MAX {
        return None;
    }
    let bytes: Vec<u8> = (0..bytes).map(|_| data_stream.byte()).collect::<Option<_>>()?;
    let mut text = String::new();
    push_utf16(utf16_units(&bytes).take_while(|unit| *unit != 0), &mut text);
    Some(text)
}
