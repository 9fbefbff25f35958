//! Cells of rejected rows, stored with their types, so that a report shows them as they were and a corrected copy has the same
//! values. In the store a text is a JSON string, as every cell was in version 0.1; any other value is an object: `{"number":
//! 1234.5, "text": "1234.5"}`.

use crate::store::StoreError;
use serde::{Deserialize, Serialize};
use sheet_source::{Cell, CurrencySign, DisplayKind, Scalar};

/// A cell that outlives its row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredCell", into = "StoredCell")]
pub struct KeptCell {
    pub text: String,
    pub value: Scalar,
}

impl KeptCell {
    pub fn text(text: impl Into<String>) -> KeptCell {
        let text = text.into();
        let value = if text.trim().is_empty() { Scalar::Empty } else { Scalar::Text };
        KeptCell { text, value }
    }

    /// A cell that does not exist and whose value is unknown.
    pub fn missing() -> KeptCell {
        KeptCell { text: NO_VALUE.to_owned(), value: Scalar::Error }
    }

    pub fn cell(&self) -> Cell<'_> {
        Cell { text: &self.text, value: self.value }
    }
}

impl From<Cell<'_>> for KeptCell {
    fn from(cell: Cell<'_>) -> KeptCell {
        KeptCell { text: cell.text.to_owned(), value: cell.value }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum StoredCell {
    Text(String),
    Number {
        number: f64,
        text: String,
    },
    /// A number with its format: `worded`, `percent`, `unit`, or the sign of a currency.
    Formatted {
        formatted: f64,
        shown: String,
        text: String,
    },
    Serial {
        serial: f64,
        text: String,
    },
    Bool {
        bool: bool,
        text: String,
    },
    Error {
        error: String,
    },
    /// The formula, or `NO_VALUE`.
    Uncomputed {
        uncomputed: String,
    },
}

impl From<KeptCell> for StoredCell {
    fn from(cell: KeptCell) -> StoredCell {
        let text = cell.text;
        match cell.value {
            Scalar::Empty | Scalar::Text => StoredCell::Text(text),
            Scalar::Number(number) => StoredCell::Number { number, text },
            Scalar::Serial(serial) => StoredCell::Serial { serial, text },
            Scalar::Bool(bool) => StoredCell::Bool { bool, text },
            Scalar::Formatted(formatted, shown) => {
                StoredCell::Formatted { formatted, shown: display_word(shown).to_owned(), text }
            }
            Scalar::Error => StoredCell::Error { error: text },
            Scalar::Uncomputed => {
                StoredCell::Uncomputed { uncomputed: if text.is_empty() { NO_VALUE.to_owned() } else { text } }
            }
        }
    }
}

impl From<StoredCell> for KeptCell {
    fn from(kept: StoredCell) -> KeptCell {
        match kept {
            StoredCell::Text(text) => KeptCell::text(text),
            StoredCell::Number { number, text } => KeptCell { text, value: Scalar::Number(number) },
            StoredCell::Formatted { formatted, shown, text } => match display_kind(&shown) {
                Some(shown) => KeptCell { text, value: Scalar::Formatted(formatted, shown) },
                None => KeptCell::text(text),
            },
            StoredCell::Serial { serial, text } => KeptCell { text, value: Scalar::Serial(serial) },
            StoredCell::Bool { bool, text } => KeptCell { text, value: Scalar::Bool(bool) },
            StoredCell::Error { error } => KeptCell { text: error, value: Scalar::Error },
            StoredCell::Uncomputed { uncomputed } => KeptCell { text: uncomputed, value: Scalar::Uncomputed },
        }
    }
}

fn display_word(shown: DisplayKind) -> &'static str {
    match shown {
        DisplayKind::Custom => "worded",
        DisplayKind::Percent => "percent",
        DisplayKind::Unit => "unit",
        DisplayKind::Currency(sign) => sign.as_str(),
    }
}

fn display_kind(word: &str) -> Option<DisplayKind> {
    match word {
        "worded" => Some(DisplayKind::Custom),
        "percent" => Some(DisplayKind::Percent),
        "unit" => Some(DisplayKind::Unit),
        sign => CurrencySign::parse(sign).map(DisplayKind::Currency),
    }
}

/// The text in a report for a value that is unknown or cannot be written. It is an error, since an empty cell would erase a
/// value or take a default when the report is imported.
pub const NO_VALUE: &str = sheet_source::NO_RESULT;

/// The cells of a record as JSON: nothing, the cells of one row, or a list of cells for each row.
pub fn write(rows: &[Vec<KeptCell>]) -> Result<Option<String>, StoreError> {
    Ok(match rows {
        [] => None,
        [one] => Some(serde_json::to_string(one)?),
        many => Some(serde_json::to_string(many)?),
    })
}

/// The cells of `write`, a list for each row.
pub fn read(text: Option<&str>) -> Result<Vec<Vec<KeptCell>>, StoreError> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum StoredRows {
        One(Vec<KeptCell>),
        Many(Vec<Vec<KeptCell>>),
    }
    Ok(match text.map(serde_json::from_str).transpose()? {
        None => Vec::new(),
        Some(StoredRows::One(cells)) => vec![cells],
        Some(StoredRows::Many(rows)) => rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_come_back_with_their_types_and_those_of_older_stores_as_texts() {
        let cell = |text: &str, value| KeptCell { text: text.to_owned(), value };
        let row = vec![
            cell("abc", Scalar::Text),
            cell("", Scalar::Empty),
            cell(" ", Scalar::Empty),
            cell("1234.5", Scalar::Number(1234.5)),
            cell("000123", Scalar::Formatted(123.0, DisplayKind::Custom)),
            cell("15.5%", Scalar::Formatted(0.155, DisplayKind::Percent)),
            cell("5 шт", Scalar::Formatted(5.0, DisplayKind::Unit)),
            cell("99.5", Scalar::Formatted(99.5, DisplayKind::Currency(CurrencySign::parse("USD").unwrap()))),
            cell("2025-03-05", Scalar::Serial(45721.0)),
            cell("true", Scalar::Bool(true)),
            cell("#N/A", Scalar::Error),
            cell("A2*2", Scalar::Uncomputed),
        ];
        for rows in [vec![], vec![row.clone()], vec![row.clone(), vec![cell("x", Scalar::Text)], vec![]]] {
            let kept = write(&rows).unwrap();
            assert_eq!(read(kept.as_deref()).unwrap(), rows, "{kept:?}");
        }
        assert_eq!(read(Some(r#"["a",""]"#)).unwrap(), [[KeptCell::text("a"), KeptCell::text("")]]);
        assert_eq!(read(Some(r#"[["a"],["1"]]"#)).unwrap(), [[KeptCell::text("a")], [KeptCell::text("1")]]);
        assert!(read(Some("[5]")).is_err());
    }
}
