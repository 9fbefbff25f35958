//! Export of an account into a file. Rows stream: only the ids that were seen stay in memory.
//!
//! - `query` is the request, `table` the columns and cells, `file` writes the files.
//! - `shape` chooses the columns: those of the kind, or those of a mapping that is applied backwards (`inverse`).
//! - `round_trip` finds what an edited workbook sends back.

mod file;
mod inverse;
mod query;
pub mod round_trip;
mod shape;
mod table;

pub use file::manifest::{MANIFEST_SUFFIX, Manifest, Person};
pub use file::out::{ExportError, Format};
pub use file::part::{replace_whole, write_whole};
pub use inverse::{InverseMapping, KeyOf};
pub use query::{ExportQuery, FILTERS};
pub use shape::TableLayout;
pub use table::columns::TableColumns;
pub use table::dialect::CsvOptions;
pub use table::exported_column::ExportedColumn;
pub use table::hashes::CellHashes;
pub use table::hidden::{HiddenSheet, HiddenSheetError, Stamp};

use amo_client::Client;
use amo_client::account::Account;
use amo_client::{ListAhead, ListError, ListItem, ListSummary};
use file::out::{self, OutputFile};
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use table::cell;
use table::linked::{LinkReader, LinkedRow};
use tokio::runtime::Handle;

/// The destination of the rows.
#[derive(Debug, Clone)]
pub struct Destination {
    pub format: Format,
    /// `None` is standard output.
    pub file: Option<PathBuf>,
    pub force: bool,
}

/// The result of an export.
pub struct ExportSummary {
    pub listed: ListSummary,
    /// Number of items in the file, without those that the service gave although they do not match the query.
    pub rows: u64,
    /// Number of rows that the service gave although they do not match the query.
    pub filtered: u64,
    /// Custom fields with values for which the table has no column.
    pub unlisted: BTreeSet<u64>,
    /// Number of linked records that could not be read.
    pub linked_missing: u64,
    pub written: out::WrittenFile,
}

impl ExportSummary {
    /// Why the export may be incomplete; `None` where it is complete.
    pub fn doubt(&self) -> Option<String> {
        let unlisted = || {
            let ids: Vec<String> = self.unlisted.iter().map(u64::to_string).collect();
            format!("some records have values of fields that the account does not list: {}", ids.join(", "))
        };
        self.listed.doubt.clone().or_else(|| (!self.unlisted.is_empty()).then(unlisted))
    }
}

/// Reads the records of a query and writes them. A failed export leaves no file. `progress` is called with the number of rows.
pub async fn run(
    client: &Arc<Client>,
    account: &Account,
    query: &ExportQuery,
    shape: &mut TableLayout,
    place: &Destination,
    progress: impl FnMut(u64),
) -> Result<ExportSummary, ExportError> {
    let list = client.read_ahead(query.list(), &Handle::current());
    write(list, client, (account, query), (shape, place), progress).await
}

/// Writes the records of a query whose list is being read.
pub async fn write(
    list: ListAhead,
    client: &Arc<Client>,
    (account, query): (&Account, &ExportQuery),
    (shape, place): (&mut TableLayout, &Destination),
    mut progress: impl FnMut(u64),
) -> Result<ExportSummary, ExportError> {
    let names = cell::AccountNames::of(account);
    let mut linked = LinkReader::new(client, &shape.link_requests());
    let is_table = place.format != Format::Jsonl;
    let (out, mut filtered) = (OutputFile::create(place, shape)?, 0);
    let mut file = ExportWriter { out, shape, names, rows: 0, unlisted: BTreeSet::new(), progress: &mut progress };
    let write = async |row: ListItem| {
        // An unknown filter is ignored with a 200. [client live]
        if !query.matches(&row.item) {
            filtered += 1;
            Ok(())
        } else if is_table {
            let whole = linked.push(row.item).await.map_err(ExportError::Service)?;
            whole.iter().try_for_each(|whole| file.table_row(whole))
        } else {
            file.line(&row.raw)
        }
    };
    let listed = list.read(write).await.map_err(|stopped| match stopped {
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
    let ExportWriter { out, rows, unlisted, .. } = file;
    Ok(ExportSummary { listed, rows, filtered, unlisted, linked_missing, written: out.finish()? })
}

/// Writes rows into the file and counts them.
struct ExportWriter<'a> {
    out: OutputFile,
    shape: &'a mut TableLayout,
    names: cell::AccountNames,
    rows: u64,
    unlisted: BTreeSet<u64>,
    progress: &'a mut dyn FnMut(u64),
}

impl ExportWriter<'_> {
    fn table_row(&mut self, row: &LinkedRow) -> Result<(), ExportError> {
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
