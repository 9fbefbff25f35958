//! Rows of a workbook without an id: which are created, and which are not.

use crate::engine::interface::error::EngineError;
use crate::engine::interface::request::ImportRequest;
use crate::engine::round_trip::open::OpenWorkbook;
use crate::export::round_trip::AddedRow;
use crate::mapping::{Edit, Refusal};
use crate::store::{Store, ledger_name};
use sheet_source::message;
use std::collections::{HashMap, HashSet};

/// Decides about rows without an id. The key of each is made of its content, so the same row is created once, however often the
/// workbook is imported. A row that was created and then edited looks like a new one; since the two cannot be told apart, it is
/// not created.
pub fn new_row_edits(
    request: &ImportRequest,
    workbook: &OpenWorkbook,
    fresh: &[AddedRow],
) -> Result<HashMap<u32, Edit>, EngineError> {
    if fresh.is_empty() {
        return Ok(HashMap::new());
    }
    let stamp = &workbook.hidden.stamp;
    let start = format!("amoport:{}:", stamp.export);
    let catalog = match workbook.same_account {
        true => stamp.catalog,
        false => {
            stamp.catalog_name.as_deref().and_then(|name| workbook.account.catalog(name).ok()).map(|found| found.id)
        }
    };
    let ledger = ledger_name(stamp.kind, catalog);
    let known = Store::open(&request.folders.state)?.keys_beginning(&workbook.account_key, &ledger, &start)?;
    let mut times: HashMap<&str, u32> = HashMap::new();
    let keys: Vec<(&AddedRow, String)> = fresh
        .iter()
        .map(|fresh| {
            let nth = times.entry(&fresh.content).or_default();
            *nth += 1;
            (fresh, format!("{start}{}-{nth}", fresh.content))
        })
        .collect();
    let here: HashSet<&String> = keys.iter().map(|(_, key)| key).collect();
    let edited = !request.again && known.keys().any(|key| !here.contains(key));
    let edit = |fresh: &AddedRow, key: String| {
        match known.get(&key) {
        Some(Some(id)) => Edit::Made { key, id: *id },
        Some(None) => Edit::New(key),
        None if fresh.formulas => Edit::Total,
        None if fresh.nameless => Edit::Refused(vec![no_name()]),
        None if let (Some(id), false) = (fresh.exported_id, request.again) => Edit::Refused(vec![id_lost(id)]),
        None if edited => Edit::Refused(vec![Refusal {
            code: "new-row-unclear".to_owned(),
            column: None,
            value: None,
            message: "records were created from rows without an ID of this workbook before, and this row may be one of them, edited"
                .into(),
            hint: Some("export again and edit the created records there; or add --again to create this one anyway".into()),
        }]),
        None => Edit::New(key),
    }
    };
    Ok(keys.into_iter().map(|(fresh, key)| (fresh.row, edit(fresh, key))).collect())
}

fn no_name() -> Refusal {
    Refusal {
        code: "no-name".to_owned(),
        column: None,
        value: None,
        message: "the row has neither an ID nor a name: no record is created".into(),
        hint: Some("fill in the name of the new record, or empty the row".into()),
    }
}

fn id_lost(id: u64) -> Refusal {
    Refusal {
        code: "id-lost".to_owned(),
        column: None,
        value: None,
        message: message!(
            "the row has the content of record {id}, and no row has this ID: creating it would make a duplicate",
            id
        ),
        hint: Some(message!("put {id} back into the ID cell; or add --again to create the record anyway", id)),
    }
}
