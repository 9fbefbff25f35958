//! From the account into a file: what is asked for (`ask`), which columns it has (`columns`), what stands in a cell
//! (`cell`), the file itself (`out`, `sheets`), what a workbook keeps to itself so that
//! it can be imported again (`hidden`, `back`), and the proof beside it (`manifest`). Rows stream: only the ids that were seen
//! stay in memory.

mod ask;
pub mod back;
mod cell;
mod columns;
mod hidden;
mod manifest;
mod out;
mod sheets;

pub use ask::{Ask, FILTERS};
pub use columns::Columns;
pub use hidden::{Hidden, NotOurs, Stamp};
pub use manifest::{MANIFEST_SUFFIX, Manifest, Person};
pub use out::{ExportError, Format};

use crate::account::Account;
use crate::api::Client;
use crate::api::listing::{Listed, Listing, Stopped};
use out::Out;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// Where the rows go.
#[derive(Debug, Clone)]
pub struct Place {
    pub format: Format,
    /// `None` is standard output.
    pub file: Option<PathBuf>,
    pub force: bool,
}

/// What an export did.
pub struct Exported {
    pub listed: Listed,
    /// Rows in the file; those that the service gave though they do not fit are not among them.
    pub rows: u64,
    /// Rows that the service gave though they were not asked for.
    pub filtered: u64,
    /// Custom fields with values for which a table had no column.
    pub unlisted: BTreeSet<u64>,
    pub written: out::Written,
}

/// Reads what is asked for and writes it. When this fails there is no file; `progress` hears the number of rows.
pub async fn run(
    client: &Arc<Client>,
    account: &Account,
    ask: &Ask,
    columns: &Columns,
    place: &Place,
    mut progress: impl FnMut(u64),
) -> Result<Exported, ExportError> {
    let names = cell::Names::of(account);
    let mut out = Out::create(place, columns)?;
    let (mut rows, mut filtered, mut unlisted) = (0, 0, BTreeSet::new());
    let is_table = place.format != Format::Jsonl;
    let listing = Listing { entity: ask.entity, catalog: ask.catalog, query: ask.query(), twice: ask.twice };
    let give = |row: Value| {
        // An unknown filter is ignored with a 200. [client live]
        if ask.takes(&row) {
            rows += 1;
            progress(rows);
            if is_table {
                unlisted.extend(columns.unlisted(&row));
            }
            out.row(&row, columns, &names)
        } else {
            filtered += 1;
            Ok(())
        }
    };
    let listed = client.listing(listing, give).await.map_err(|stopped| match stopped {
        Stopped::Service(failure) => ExportError::Service(failure),
        Stopped::Taker(error) => error,
    })?;
    Ok(Exported { listed, rows, filtered, unlisted, written: out.finish()? })
}
