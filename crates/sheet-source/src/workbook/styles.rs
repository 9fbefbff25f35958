//! The number formats of a workbook, by the style of a cell.

use crate::cell::number_format::NumberFormat;
use crate::file::error::WorkbookError;
use std::collections::HashMap;

/// The number formats of a workbook, found by the style of a cell.
#[derive(Debug, Default)]
pub struct CellFormats {
    formats: Vec<NumberFormat>,
    /// The index in `formats` by the number of the format.
    indexes: HashMap<u32, u32>,
    /// The format number of each style; after `finish` its index.
    styles: Vec<u32>,
}

impl CellFormats {
    /// Adds a custom format. A number that is a date in every workbook stays a date, whatever its format.
    pub fn add_format(&mut self, id: u32, code: &str) -> Result<(), WorkbookError> {
        match NumberFormat::built_in(id) {
            Some(NumberFormat::Date | NumberFormat::Duration) => Ok(()),
            _ => self.set_format(id, code),
        }
    }

    /// Adds a custom format that replaces a built-in format of the same number.
    pub fn set_format(&mut self, id: u32, code: &str) -> Result<(), WorkbookError> {
        /// Excel takes about two hundred. [Excel]
        const FORMATS_MAX: usize = 10_000;
        if self.formats.len() >= FORMATS_MAX {
            return Err(WorkbookError::damaged("it has too many number formats"));
        }
        self.insert(id, NumberFormat::read(code));
        Ok(())
    }

    fn insert(&mut self, id: u32, format: NumberFormat) {
        self.indexes.insert(id, self.formats.len() as u32);
        self.formats.push(format);
    }

    pub fn add_style(&mut self, format: u32) -> Result<(), WorkbookError> {
        /// More than Excel takes. [Excel: 65 490]
        const STYLES_MAX: usize = 1 << 17;
        if self.styles.len() >= STYLES_MAX {
            return Err(WorkbookError::damaged("it has too many styles"));
        }
        self.styles.push(format);
        Ok(())
    }

    /// Resolves the styles, after all formats and styles are added and before the first `get`.
    pub fn finish(&mut self) {
        const MISSING: u32 = u32::MAX;
        let mut styles = std::mem::take(&mut self.styles);
        for style in &mut styles {
            if !self.indexes.contains_key(style)
                && let Some(format) = NumberFormat::built_in(*style)
            {
                self.insert(*style, format);
            }
            *style = self.indexes.get(style).copied().unwrap_or(MISSING);
        }
        self.styles = styles;
    }

    pub fn get(&self, style: usize) -> &NumberFormat {
        const PLAIN: &NumberFormat = &NumberFormat::Plain;
        self.styles.get(style).and_then(|place| self.formats.get(*place as usize)).unwrap_or(PLAIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_found_by_style() {
        let mut formats = CellFormats::default();
        assert!(formats.add_format(164, "00000").is_ok());
        assert!(formats.add_format(14, "0").is_ok());
        assert!(formats.add_format(5, "#,##0\"р.\"").is_ok());
        for id in [0, 164, 14, 5, 9, 200] {
            assert!(formats.add_style(id).is_ok());
        }
        formats.finish();
        assert_eq!(formats.get(0), &NumberFormat::Plain);
        assert!(matches!(formats.get(1), NumberFormat::Pattern(_)));
        assert_eq!(formats.get(2), &NumberFormat::Date);
        assert!(matches!(formats.get(3), NumberFormat::Pattern(_)));
        assert!(matches!(formats.get(4), NumberFormat::Pattern(_)));
        assert_eq!(formats.get(5), &NumberFormat::Plain);
        assert_eq!(formats.get(9), &NumberFormat::Plain);
    }

    #[test]
    fn a_custom_format_can_replace_a_built_in_date_format() {
        for (means, date) in [(false, true), (true, false)] {
            let mut formats = CellFormats::default();
            let add = if means { CellFormats::set_format } else { CellFormats::add_format };
            assert!(add(&mut formats, 50, "00000").is_ok() && formats.add_style(50).is_ok());
            formats.finish();
            assert_eq!(formats.get(0) == &NumberFormat::Date, date);
        }
    }

    #[test]
    fn endless_lists_are_refused() {
        let mut formats = CellFormats::default();
        assert!((0..10_000).all(|id| formats.set_format(id, "0").is_ok()));
        assert!(formats.set_format(10_000, "0").is_err());
        assert!((0..1 << 17).all(|_| formats.add_style(0).is_ok()));
        assert!(formats.add_style(0).is_err());
    }
}
