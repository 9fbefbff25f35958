//! From the account into a file: what is asked for (`ask`), which columns it has (`columns`), what stands in a cell
//! (`cell`), what the items are linked to (`linked`), a mapping read backwards in place of columns (`backwards`, `dialect`,
//! `shape`), the file itself (`out`, `part`; of a workbook `gather`, `spool`, `arrange`, `sheets`), what a workbook keeps to itself so that it can be imported again (`hidden`,
//! `back`), and the proof beside it (`manifest`). Rows stream: only the ids that were seen stay in memory.

mod arrange;
mod ask;
pub mod back;
mod backwards;
mod cell;
mod cell_hashes;
mod choices;
mod columns;
mod dialect;
mod gather;
mod hidden;
mod linked;
mod manifest;
mod out;
mod part;
mod shape;
mod sheets;
mod spool;

pub use ask::{Ask, FILTERS};
pub use backwards::{Backwards, KeyOf};
pub use cell_hashes::CellHashes;
pub use columns::Columns;
pub use dialect::Said;
pub use hidden::{Described, Hidden, NotOurs, Stamp};
pub use manifest::{MANIFEST_SUFFIX, Manifest, Person};
pub use out::{ExportError, Format};
pub use part::{replace_whole, write_whole};
pub use shape::Shape;

use amo_client::Client;
use amo_client::account::Account;
use amo_client::{ListError, ListItem, ListQuery, ListSummary};
use linked::{Linked, Whole};
use out::Out;
use serde_json::value::RawValue;
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
    pub listed: ListSummary,
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

impl Exported {
    /// Why it may not be all that the account holds.
    pub fn doubt(&self) -> Option<String> {
        let unlisted = || {
            let ids: Vec<String> = self.unlisted.iter().map(u64::to_string).collect();
            format!("there are values of fields that the account does not list: {}", ids.join(", "))
        };
        self.listed.doubt.clone().or_else(|| (!self.unlisted.is_empty()).then(unlisted))
    }
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
    let mut linked = Linked::new(client, &shape.along());
    let is_table = place.format != Format::Jsonl;
    let (out, mut filtered) = (Out::create(place, shape)?, 0);
    let mut file = Filling { out, shape, names, rows: 0, unlisted: BTreeSet::new(), progress: &mut progress };
    let query = ListQuery { entity: ask.entity, catalog: ask.catalog, query: ask.query(), twice: ask.twice };
    let give = async |row: ListItem| {
        // An unknown filter is ignored with a 200. [client live]
        if !ask.takes(&row.item) {
            filtered += 1;
            Ok(())
        } else if is_table {
            let whole = linked.take(row.item).await.map_err(ExportError::Service)?;
            whole.iter().try_for_each(|whole| file.table_row(whole))
        } else {
            file.line(&row.raw)
        }
    };
    let listed = client.read_list(query, give).await.map_err(|stopped| match stopped {
        ListError::Service(failure) => ExportError::Service(failure),
        ListError::Callback(error) => error,
    })?;
    loop {
        let rest = linked.rest().await.map_err(ExportError::Service)?;
        if rest.is_empty() {
            break;
        }
        rest.iter().try_for_each(|whole| file.table_row(whole))?;
    }
    let linked_missing = linked.missing();
    let Filling { out, rows, unlisted, .. } = file;
    Ok(Exported { listed, rows, filtered, unlisted, linked_missing, written: out.finish()? })
}

/// A file that rows go into.
struct Filling<'a> {
    out: Out,
    shape: &'a mut Shape,
    names: cell::Names,
    rows: u64,
    unlisted: BTreeSet<u64>,
    progress: &'a mut dyn FnMut(u64),
}

impl Filling<'_> {
    fn table_row(&mut self, row: &Whole) -> Result<(), ExportError> {
        self.count();
        self.unlisted.extend(self.shape.unlisted(row));
        let rows = self.shape.rows(row, &self.names);
        rows.into_iter().try_for_each(|cells| self.out.row(cells))
    }

    fn line(&mut self, row: &RawValue) -> Result<(), ExportError> {
        self.count();
        self.out.line(row)
    }

    fn count(&mut self) {
        self.rows += 1;
        (self.progress)(self.rows);
    }
}
