//! From the account into a file: what is asked for (`ask`), which columns it has (`columns`), what stands in a cell
//! (`cell`), what the items are linked to (`linked`), a mapping read backwards in place of columns (`backwards`, `dialect`, `shape`), the file itself (`out`, `sheets`), and the proof beside it (`manifest`). Rows stream: only the ids that were seen
//! stay in memory.

mod ask;
mod backwards;
mod cell;
mod choices;
mod columns;
mod dialect;
mod linked;
mod manifest;
mod out;
mod shape;
mod sheets;

pub use ask::{Ask, FILTERS};
pub use backwards::{Backwards, KeyOf};
pub use columns::Columns;
pub use manifest::{MANIFEST_SUFFIX, Manifest, Person};
pub use out::{ExportError, Format};
pub use shape::Shape;

use crate::account::Account;
use crate::api::Client;
use crate::api::listing::{Listed, Listing, Stopped};
use linked::{Linked, Whole};
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
    /// Items in the file; those that the service gave though they do not fit are not among them.
    pub rows: u64,
    /// Rows that the service gave though they were not asked for.
    pub filtered: u64,
    /// Custom fields with values for which a table had no column.
    pub unlisted: BTreeSet<u64>,
    /// Records that the rows are linked to, and that could not be read.
    pub linked_missing: u64,
    pub written: out::Written,
}

/// Reads what is asked for and writes it. When this fails there is no file; `progress` hears the number of rows.
pub async fn run(
    client: &Arc<Client>,
    account: &Account,
    ask: &Ask,
    shape: &mut Shape,
    place: &Place,
    mut progress: impl FnMut(u64),
) -> Result<Exported, ExportError> {
    let names = cell::Names::of(account);
    let mut linked = Linked::new(client, shape.links());
    let mut out = Out::create(place, shape)?;
    let (mut rows, mut filtered, mut unlisted) = (0, 0, BTreeSet::new());
    let is_table = place.format != Format::Jsonl;
    let mut write = |row: &Whole| {
        rows += 1;
        progress(rows);
        if !is_table {
            return out.line(&row.item);
        }
        unlisted.extend(shape.unlisted(row));
        shape.rows(row, &names).into_iter().try_for_each(|cells| out.row(cells))
    };
    let listing = Listing { entity: ask.entity, catalog: ask.catalog, query: ask.query(), twice: ask.twice };
    let give = async |row: Value| {
        // An unknown filter is ignored with a 200. [client live]
        if !ask.takes(&row) {
            filtered += 1;
            return Ok(());
        }
        linked.take(row).await.map_err(ExportError::Service)?.iter().try_for_each(&mut write)
    };
    let listed = client.listing(listing, give).await.map_err(|stopped| match stopped {
        Stopped::Service(failure) => ExportError::Service(failure),
        Stopped::Taker(error) => error,
    })?;
    loop {
        let rest = linked.rest().await.map_err(ExportError::Service)?;
        if rest.is_empty() {
            break;
        }
        rest.iter().try_for_each(&mut write)?;
    }
    let linked_missing = linked.missing();
    Ok(Exported { listed, rows, filtered, unlisted, linked_missing, written: out.finish()? })
}
