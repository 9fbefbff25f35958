//! Why rows of an exported workbook are refused.

use crate::mapping::Refusal;
use sheet_source::Row;
use sheet_source::message;
use sheet_source::problem::{Arg, Message, quoted};

pub fn refusal(code: &'static str, column: Option<usize>, message: Message, hint: &'static str) -> Refusal {
    Refusal { code: code.to_owned(), column, value: None, message, hint: Some(hint.into()) }
}

pub fn with_value(refusal: Refusal, value: &str) -> Refusal {
    Refusal { value: Some(value.to_owned()), ..refusal }
}

pub fn conflict(position: usize, sheet: &Row, account: &Row, base_known: bool) -> Refusal {
    let (here, there) = (sheet.get(position).text, account.get(position).text);
    let message = message!(
        "the record was changed in the account meanwhile: {here} in the sheet, {there} in the account",
        here = shown(here),
        there = shown(there)
    );
    let hint = match base_known {
        true => "export again, or add --force to let the sheet win",
        false => {
            "the version that exported this workbook stored no cells, so all differences are reported; export again, \
             or add --force to let the sheet win"
        }
    };
    with_value(refusal("changed-meanwhile", Some(position), message, hint), here)
}

pub fn put_back(position: usize, sheet: &Row, account: &Row) -> Refusal {
    let (here, there) = (sheet.get(position).text, account.get(position).text);
    let message = message!(
        "the cell has the exported value, {here}, but this file has sent another one before: {there} in the account",
        here = shown(here),
        there = shown(there)
    );
    let hint =
        "to send the exported value, add --force; if this is another copy of the export, save it under another name";
    with_value(refusal("put-back", Some(position), message, hint), here)
}

/// The text of a cell in a message.
fn shown(text: &str) -> Arg {
    if text.trim().is_empty() { Arg::from("nothing") } else { quoted(text) }
}
