//! The layout of a table in its file, as an import with its mapping expects it. Pure.

use super::cell::TableCell;
use crate::export::Format;
use crate::mapping::MappingAst;
use encoding_rs::{Encoding, UTF_8};
use rust_decimal::Decimal;

/// The user's options for a CSV.
#[derive(Debug, Clone, Copy, Default)]
pub struct CsvOptions {
    pub delimiter: Option<char>,
    pub decimal: Option<char>,
    pub bom: Option<bool>,
}

/// The layout of a table in its file.
#[derive(Debug, Clone)]
pub struct Dialect {
    /// The encoding of a CSV; `None` is UTF-8.
    pub encoding: Option<&'static Encoding>,
    /// True where a CSV in Unicode begins with a byte order mark.
    pub bom: bool,
    pub delimiter: char,
    /// The decimal separator that an import of the table knows.
    pub decimal: Option<char>,
    /// The decimal separator that is written.
    pub separator: char,
    /// The name of the sheet of a workbook.
    pub sheet: Option<String>,
    /// The row of the titles, as Excel shows it.
    pub header_row: u32,
}

impl Default for Dialect {
    fn default() -> Dialect {
        Dialect { encoding: None, bom: true, delimiter: ',', decimal: None, separator: '.', sheet: None, header_row: 1 }
    }
}

impl Dialect {
    /// The dialect that a mapping expects.
    pub fn of(written: &MappingAst, format: Format) -> Dialect {
        let (source, read) = (&written.source, &written.source.read);
        let encoding = read.encoding.as_ref().and_then(|name| Encoding::for_label(name.as_bytes()));
        Dialect {
            encoding: encoding.filter(|encoding| format == Format::Csv && *encoding != UTF_8),
            bom: true,
            delimiter: read.delimiter.unwrap_or(','),
            decimal: source.decimal,
            separator: source.decimal.unwrap_or('.'),
            sheet: read.sheet.clone(),
            header_row: read.header_row.unwrap_or(1).max(1),
        }
    }

    /// With other options of a CSV.
    pub fn with_csv_options(self, options: CsvOptions) -> Dialect {
        Dialect {
            bom: options.bom.unwrap_or(self.bom),
            delimiter: options.delimiter.unwrap_or(self.delimiter),
            separator: options.decimal.unwrap_or(self.separator),
            ..self
        }
    }

    /// A number as an import reads it. Where the separator is not known to the import, `1.234` could be a thousand, and gets a
    /// zero.
    pub fn number(&self, number: Decimal) -> String {
        let text = number.to_string().replace('.', self.separator.encode_utf8(&mut [0; 4]));
        if self.decimal.is_none() && number.scale() == 3 { format!("{text}0") } else { text }
    }

    /// The encoding, where it cannot represent the text of a cell.
    pub fn lacks(&self, cell: &TableCell) -> Option<&'static Encoding> {
        let TableCell::Text(text) = cell else { return None };
        self.encoding.filter(|encoding| encoding.encode(text).2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::convert::number::{NumberSyntax, number};
    use sheet_source::{Cell as Read, Scalar};

    #[test]
    fn numbers_are_read_back_as_they_were() {
        for value in ["0", "1234", "-5.5", "1.234", "1234.567", "12.50", "0.125", "1000000"] {
            for (decimal, separator) in [(None, '.'), (None, ','), (Some(','), ','), (Some('.'), '.')] {
                let value: Decimal = value.parse().unwrap();
                let text = Dialect { decimal, separator, ..Dialect::default() }.number(value);
                let cell = Read { text: &text, value: Scalar::Text };
                assert_eq!(
                    number(cell, NumberSyntax { decimal, currency: None }),
                    Ok(value.normalize()),
                    "{text} {decimal:?}"
                );
            }
        }
    }
}
