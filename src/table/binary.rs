//! What the sheets of several kinds of workbooks have in common: number formats by the style of a cell, packed numbers,
//! errors, links, and how many sheets and merged cells there may be.

use super::number_format::NumberFormat;
use super::sheet_facts::Area;
use super::workbook::Trouble;
use std::collections::HashMap;

/// The number formats of a workbook, found by the style of a cell.
#[derive(Debug, Default)]
pub struct CellFormats {
    formats: Vec<NumberFormat>,
    /// Where in `formats` each stands, by its number.
    places: HashMap<u32, u32>,
    /// The number of the format of each style; once all is added, its place.
    styles: Vec<u32>,
}

impl CellFormats {
    /// Adds a format that the workbook writes out. What is a date in every workbook stays one, however it is written.
    pub fn add_format(&mut self, id: u32, code: &str) -> Result<(), Trouble> {
        match NumberFormat::built_in(id) {
            Some(NumberFormat::Date | NumberFormat::Duration) => Ok(()),
            _ => self.put_format(id, code),
        }
    }

    /// The same, where what the workbook writes out is what is meant, whatever the number means elsewhere.
    pub fn put_format(&mut self, id: u32, code: &str) -> Result<(), Trouble> {
        /// Excel takes some two hundred. [Excel]
        const FORMATS_MAX: usize = 10_000;
        if self.formats.len() >= FORMATS_MAX {
            return Err(Trouble::damaged("its list of number formats has no end"));
        }
        self.put(id, NumberFormat::read(code));
        Ok(())
    }

    fn put(&mut self, id: u32, format: NumberFormat) {
        self.places.insert(id, self.formats.len() as u32);
        self.formats.push(format);
    }

    pub fn add_style(&mut self, format: u32) -> Result<(), Trouble> {
        /// More than Excel takes. [Excel: 65 490]
        const STYLES_MAX: usize = 1 << 17;
        if self.styles.len() >= STYLES_MAX {
            return Err(Trouble::damaged("its list of styles has no end"));
        }
        self.styles.push(format);
        Ok(())
    }

    /// To be called once all is added, and before anything is looked for.
    pub fn complete(&mut self) {
        const NOWHERE: u32 = u32::MAX;
        let mut styles = std::mem::take(&mut self.styles);
        for style in &mut styles {
            if !self.places.contains_key(style)
                && let Some(format) = NumberFormat::built_in(*style)
            {
                self.put(*style, format);
            }
            *style = self.places.get(style).copied().unwrap_or(NOWHERE);
        }
        self.styles = styles;
    }

    pub fn get(&self, style: usize) -> &NumberFormat {
        const PLAIN: &NumberFormat = &NumberFormat::Plain;
        self.styles.get(style).and_then(|place| self.formats.get(*place as usize)).unwrap_or(PLAIN)
    }
}

/// A number packed into four bytes. [MS-XLS 2.5.217, MS-XLSB 2.5.122]
pub fn packed_number(packed: u32) -> f64 {
    const HUNDREDTHS: u32 = 1;
    const WHOLE: u32 = 2;
    let number = match packed & WHOLE {
        0 => f64::from_bits(u64::from(packed & !(HUNDREDTHS | WHOLE)) << 32),
        _ => f64::from(packed.cast_signed() >> 2),
    };
    if packed & HUNDREDTHS == 0 { number } else { number / 100.0 }
}

/// An error by its number. [MS-XLS 2.5.10]
pub fn error_by_code(code: u8) -> &'static str {
    match code {
        0x00 => "#NULL!",
        0x07 => "#DIV/0!",
        0x0F => "#VALUE!",
        0x17 => "#REF!",
        0x1D => "#NAME?",
        0x24 => "#NUM!",
        0x2A => "#N/A",
        0x2B => "#GETTING_DATA",
        // Which one does not matter: no error is a value.
        _ => "#ERROR!",
    }
}

/// Merged cells of one sheet: more than any program shows.
pub const MERGED_MAX: usize = 1 << 20;

/// To be called as sheets are found, or styles that are for one sheet each.
pub fn check_sheets(count: usize) -> Result<(), Trouble> {
    /// LibreOffice takes no more.
    const SHEETS_MAX: usize = 10_000;
    if count > SHEETS_MAX { Err(Trouble::damaged("its list of sheets has no end")) } else { Ok(()) }
}

pub const MERGED_WITHOUT_END: &str = "its list of merged cells has no end";

/// Adds an area of merged cells, unless its sides are the wrong way round.
pub fn add_merged(merged: &mut Vec<Area>, area: Area) -> Result<(), Trouble> {
    if merged.len() >= MERGED_MAX {
        return Err(Trouble::damaged(MERGED_WITHOUT_END));
    }
    if area.top <= area.bottom && area.left <= area.right {
        merged.push(area);
    }
    Ok(())
}

pub const LINKS_TOO_MANY: &str = "its links are too many to be held in memory";

/// Addresses behind cells, which are looked for where they are wanted.
pub struct LinksFound {
    links: HashMap<(u32, u32), String>,
    room: usize,
    /// There were more than there was room for.
    full: bool,
}

impl Default for LinksFound {
    fn default() -> LinksFound {
        /// Excel takes 65,530 links on a sheet; an address is a hundred bytes, sometimes two hundred.
        const ROOM_BYTES: usize = 64 << 20;
        LinksFound { links: HashMap::new(), room: ROOM_BYTES, full: false }
    }
}

impl LinksFound {
    /// Adds the address behind the cells of an area.
    pub fn add(&mut self, area: Area, address: &str) {
        const ENTRY_BYTES: usize = 64;
        /// Behind whole columns there is no address of a value.
        const AREA_CELLS_MAX: u64 = 10_000;
        let side = |first: u32, last: u32| (u64::from(last) + 1).saturating_sub(first.into());
        let cells = side(area.top, area.bottom).saturating_mul(side(area.left, area.right));
        if cells > AREA_CELLS_MAX || address.is_empty() {
            return;
        }
        for row in area.top..=area.bottom {
            for column in area.left..=area.right {
                let Some(left) = self.room.checked_sub(address.len() + ENTRY_BYTES) else {
                    self.full = true;
                    return;
                };
                self.room = left;
                self.links.insert((row, column), address.to_owned());
            }
        }
    }

    /// All of them by row and column, which are never some of them: a cell without its address would be an empty one.
    pub fn all(self) -> Result<HashMap<(u32, u32), String>, Trouble> {
        if self.full { Err(Trouble::damaged(LINKS_TOO_MANY)) } else { Ok(self.links) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_numbers_are_whole_or_the_upper_half_of_a_number_or_hundredths() {
        for (packed, number) in [
            (0x0000_0006, 1.0),
            (0xFFFF_FFFE, -1.0),
            (0x0000_0007, 0.01),
            (0x3FF0_0000, 1.0),
            (0x3FF0_0001, 0.01),
            (0x4093_4A00, 1234.5),
            ((1_234_500 << 2) | 3, 12_345.0),
        ] {
            assert_eq!(packed_number(packed), number, "{packed:#x}");
        }
    }

    #[test]
    fn a_format_is_found_by_style() {
        let mut formats = CellFormats::default();
        assert!(formats.add_format(164, "00000").is_ok());
        assert!(formats.add_format(14, "0").is_ok());
        assert!(formats.add_format(5, "#,##0\"р.\"").is_ok());
        for id in [0, 164, 14, 5, 9, 200] {
            assert!(formats.add_style(id).is_ok());
        }
        formats.complete();
        assert_eq!(formats.get(0), &NumberFormat::Plain);
        assert!(matches!(formats.get(1), NumberFormat::Written(_)));
        assert_eq!(formats.get(2), &NumberFormat::Date);
        assert!(matches!(formats.get(3), NumberFormat::Written(_)));
        assert!(matches!(formats.get(4), NumberFormat::Written(_)));
        assert_eq!(formats.get(5), &NumberFormat::Plain);
        assert_eq!(formats.get(9), &NumberFormat::Plain);
    }

    #[test]
    fn a_format_under_the_number_of_a_date_is_read_where_it_is_meant() {
        for (means, date) in [(false, true), (true, false)] {
            let mut formats = CellFormats::default();
            let add = if means { CellFormats::put_format } else { CellFormats::add_format };
            assert!(add(&mut formats, 50, "00000").is_ok() && formats.add_style(50).is_ok());
            formats.complete();
            assert_eq!(formats.get(0) == &NumberFormat::Date, date);
        }
    }

    #[test]
    fn lists_without_end_are_refused() {
        let mut formats = CellFormats::default();
        assert!((0..10_000).all(|id| formats.put_format(id, "0").is_ok()));
        assert!(formats.put_format(10_000, "0").is_err());
        assert!((0..1 << 17).all(|_| formats.add_style(0).is_ok()));
        assert!(formats.add_style(0).is_err());
    }

    #[test]
    fn links_have_room_and_no_more() {
        let area = |top, left, bottom, right| Area { top, left, bottom, right };
        let mut found = LinksFound::default();
        found.add(area(5, 0, 4, 0), "a");
        found.add(area(0, 0, u32::MAX, u32::MAX), "a");
        found.add(area(0, 0, 0, 0), "");
        assert!(found.links.is_empty());
        found.add(area(1, 2, 2, 3), "a");
        assert_eq!(found.links.len(), 4);
        for row in 0..6 {
            found.add(area(row * 100, 0, row * 100 + 99, 99), &"a".repeat(1_000));
        }
        assert_eq!(found.all().map(|links| links.len()).ok(), Some(4 + 60_000 - 4));
        let mut found = LinksFound::default();
        for row in 0..7 {
            found.add(area(row * 100, 0, row * 100 + 99, 99), &"a".repeat(1_000));
        }
        assert!(found.all().is_err(), "no part of them is given");
    }
}
