//! The records of edited rows. They are read as soon as the rows are found, while the account's lists and the rest of the sheet
//! are still being read.

use super::decide::DecideError;
use super::judge::SentCells;
use super::scan::{EditScan, EditedRow, ScannedItem, SheetFacts};
use amo_client::{Client, Failure, List};
use amo_model::compact::CompactJson;
use amo_model::parts;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Number of pages of records that wait until they are compared.
const PAGES_MAX: usize = 2;

/// Records of the account by id.
pub type RecordsById = HashMap<u64, CompactJson>;

/// An item on its way to the decisions.
pub enum ReadItem {
    Page(Vec<EditedRow>, RecordsById),
    End(SheetFacts),
}

/// The edited rows of a sheet with their records. The reading ends with this value.
pub struct EditedRecords {
    pages: mpsc::Receiver<Result<ReadItem, DecideError>>,
    sent: Arc<HashMap<u64, SentCells>>,
    _task: AbortOnDropHandle<()>,
}

impl EditedRecords {
    /// Begins to read the records that a scan finds.
    pub fn begin(mut scan: EditScan, runtime: &Runtime, client: Arc<Client>, list: List) -> EditedRecords {
        let (sender, pages) = mpsc::channel(PAGES_MAX);
        let sent = scan.sent();
        let task = async move {
            while let Some(item) = scan.next().await {
                let read = match item {
                    ScannedItem::Edited(rows) => read_page(&client, &list, rows).await,
                    ScannedItem::End(facts) => Ok(ReadItem::End(facts)),
                    ScannedItem::Broken(problem) => Err(DecideError::Source(problem)),
                };
                let failed = read.is_err();
                if sender.send(read).await.is_err() || failed {
                    return;
                }
            }
        };
        EditedRecords { pages, sent, _task: AbortOnDropHandle::new(runtime.spawn(task)) }
    }

    /// What earlier imports of this file sent, by id.
    pub fn sent(&self) -> Arc<HashMap<u64, SentCells>> {
        Arc::clone(&self.sent)
    }

    /// The next item; `None` after the end, or where the reading ended without a result.
    pub(super) async fn next(&mut self) -> Option<Result<ReadItem, DecideError>> {
        self.pages.recv().await
    }
}

async fn read_page(client: &Client, list: &List, rows: Vec<EditedRow>) -> Result<ReadItem, DecideError> {
    let ids: Vec<u64> = rows.iter().map(|row| row.id).collect();
    let found = read_records(client, list, &ids).await.map_err(DecideError::Service)?;
    Ok(ReadItem::Page(rows, found))
}

/// Reads records by their ids.
pub(super) async fn read_records(client: &Client, list: &List, ids: &[u64]) -> Result<RecordsById, Failure> {
    let found = client.records_by_id(list, ids).await?;
    Ok(found.into_iter().filter_map(|item| Some((parts::id(&item["id"])?, item.into()))).collect())
}
