//! How a table is laid out in its file: what an import of it with its mapping expects. Pure.

use super::cell::Cell;
use crate::export::Format;
use crate::mapping::MappingAst;
use encoding_rs::{Encoding, UTF_8};
use rust_decimal::Decimal;

/// How a CSV shall be written, where that was said.
#[derive(Debug, Clone, Copy, Default)]
pub struct Said {
    pub delimiter: Option<char>,
    pub decimal: Option<char>,
    pub bom: Option<bool>,
}

#[derive(Debug, Clone)]
pub struct Dialect {
    /// Of a CSV; `None` is UTF-8.
    pub encoding: Option<&'static Encoding>,
    /// A CSV of Unicode begins by saying so.
    pub bom: bool,
    pub delimiter: char,
    /// The sign of decimals that an import of the table will know.
    pub decimal: Option<char>,
    /// The one that is written.
    pub sign: char,
    /// Of a workbook.
    pub sheet: Option<String>,
    /// As Excel shows it.
    pub header_row: u32,
}

impl Default for Dialect {
    fn default() -> Dialect {
        Dialect { encoding: None, bom: true, delimiter: ',', decimal: None, sign: '.', sheet: None, header_row: 1 }
    }
}

impl Dialect {
    pub fn of(written: &MappingAst, format: Format) -> Dialect {
        let (source, read) = (&written.source, &written.source.read);
        let encoding = read.encoding.as_ref().and_then(|name| Encoding::for_label(name.as_bytes()));
        Dialect {
            encoding: encoding.filter(|encoding| format == Format::Csv && *encoding != UTF_8),
            bom: true,
            delimiter: read.delimiter.unwrap_or(','),
            decimal: source.decimal,
            sign: source.decimal.unwrap_or('.'),
            sheet: read.sheet.clone(),
            header_row: read.header_row.unwrap_or(1).max(1),
        }
    }

    /// As somebody has said it.
    pub fn said(self, said: Said) -> Dialect {
        Dialect {
            bom: said.bom.unwrap_or(self.bom),
            delimiter: said.delimiter.unwrap_or(self.delimiter),
            sign: said.decimal.unwrap_or(self.sign),
            ..self
        }
    }

    /// A number as an import reads it. With three decimals and no word about what its sign is, `1.234` could be a thousand.
    pub fn number(&self, number: Decimal) -> String {
        let text = number.to_string().replace('.', self.sign.encode_utf8(&mut [0; 4]));
        if self.decimal.is_none() && number.scale() == 3 { format!("{text}0") } else { text }
    }

    /// The encoding, where it has no letters for this text.
    pub fn lacks(&self, cell: &Cell) -> Option<&'static Encoding> {
        let Cell::Text(text) = cell else { return None };
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
            for (decimal, sign) in [(None, '.'), (None, ','), (Some(','), ','), (Some('.'), '.')] {
                let value: Decimal = value.parse().unwrap();
                let text = Dialect { decimal, sign, ..Dialect::default() }.number(value);
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
