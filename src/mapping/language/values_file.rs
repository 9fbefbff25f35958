//! A translation in a file of its own: a CSV or a workbook with the cell text in one column and its value in the next.

use super::ast::Literal;
use super::node::{Data, Entry};
use crate::mapping::convert::text;
use sheet_source::message;
use sheet_source::problem::{Message, quoted};
use sheet_source::{ReadOptions, Row, Scalar, Table, fold};
use std::collections::HashMap;
use std::path::Path;

const FILE: &str = "file";
const HEADER: &str = "header";
const EXTENSIONS: [&str; 6] = [".csv", ".txt", ".xlsx", ".xlsb", ".xls", ".ods"];

/// `{ file = "…", header = true }`, as opposed to a translation of the texts "file" and "header".
pub fn reference(entries: &[Entry]) -> Option<(&str, Option<&Entry>)> {
    let of = |key: &str| entries.iter().find(|entry| entry.key == key);
    let Data::Text(path) = &of(FILE)?.node.data else { return None };
    let header = of(HEADER);
    let is_path = EXTENSIONS.iter().any(|end| path.to_lowercase().ends_with(end));
    let is_flag = header.is_none_or(|header| matches!(header.node.data, Data::Bool(_)));
    (is_path && is_flag && entries.len() == 1 + usize::from(header.is_some())).then_some((path.as_str(), header))
}

/// The pairs of the file; the first line is skipped if `header` is true.
pub fn read(path: &Path, header: bool) -> Result<Vec<(String, Literal)>, Message> {
    let mut table = Table::open(path, &ReadOptions { header_row: Some(0), ..ReadOptions::default() })
        .map_err(|why| why.sentence())?;
    let (mut row, mut pairs, mut seen) = (Row::default(), Vec::new(), HashMap::new());
    let (mut skip, mut second) = (header, false);
    while table.read(&mut row).map_err(|why| why.sentence())? {
        if std::mem::take(&mut skip) {
            continue;
        }
        let (found, written) = (row.get(0), row.get(1));
        let cell = text::checked(written)
            .map_err(|error| message!("row {row}: {why}", row = row.number, why = error.message))?;
        let (found, written) = (found.text.trim(), cell.trim());
        second |= row.len() > 1;
        if let Some(third) = (2..row.len()).map(|index| row.get(index).text.trim()).find(|text| !text.is_empty()) {
            return Err(message!(
                "row {row} has a third cell, {third}; quote texts that contain the delimiter",
                row = row.number,
                third = quoted(third)
            ));
        }
        if found.is_empty() {
            match written.is_empty() {
                true => continue,
                false => {
                    return Err(message!(
                        "row {row} translates an empty cell to {value}; use \"default\" for empty cells",
                        row = row.number,
                        value = quoted(written)
                    ));
                }
            }
        }
        let (earlier, other) = seen.entry(fold(found)).or_insert_with(|| (row.number, written.to_owned()));
        if other != written {
            return Err(message!(
                "row {row} translates {value} differently than row {earlier}",
                row = row.number,
                value = quoted(found),
                earlier = *earlier
            ));
        }
        let value = Some(row.get(1).value).filter(|value| !matches!(value, Scalar::Text | Scalar::Empty));
        pairs.push((found.to_owned(), Literal { text: written.to_owned(), value }));
    }
    match second || pairs.is_empty() {
        true => Ok(pairs),
        false => Err("it has only one column".into()),
    }
}
