//! A list that is read before it is known what becomes of its records, so that its pages do not wait for other answers.

use super::all_pages::{ListError, ListItem, ListSummary};
use super::page::ListQuery;
use crate::http::{Client, Failure};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Records that wait parsed until they are taken: two pages. Those of further pages wait as text, as many as the pager requests
/// ahead.
const WAITING_MAX: usize = 500;

/// A list that is being read. Dropped, it requests nothing more.
pub struct ListAhead {
    query: ListQuery,
    records: mpsc::Receiver<ListItem>,
    reading: JoinHandle<Result<ListSummary, ListError<NotTaken>>>,
    has_failed: Arc<AtomicBool>,
}

/// Nobody takes the records any more.
struct NotTaken;

impl Client {
    /// Begins to read all records of a list.
    pub fn read_ahead(self: &Arc<Client>, query: ListQuery, runtime: &Handle) -> ListAhead {
        let (to, records) = mpsc::channel(WAITING_MAX);
        let (client, asked) = (Arc::clone(self), query.clone());
        let give = async move |item: ListItem| to.send(item).await.map_err(|_| NotTaken);
        let has_failed = Arc::new(AtomicBool::new(false));
        let failed = Arc::clone(&has_failed);
        let reading = runtime.spawn(async move {
            client.read_list(asked, give).await.inspect_err(|_| failed.store(true, Ordering::Relaxed))
        });
        ListAhead { query, records, reading, has_failed }
    }
}

impl ListAhead {
    pub fn query(&self) -> &ListQuery {
        &self.query
    }

    /// True where reading has ended with an error. What else is requested at the same time may fail for the same reason.
    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// Gives each record once, as `Client::read_list` does.
    pub async fn read<E>(
        mut self,
        mut give: impl AsyncFnMut(ListItem) -> Result<(), E>,
    ) -> Result<ListSummary, ListError<E>> {
        while let Some(item) = self.records.recv().await {
            give(item).await.map_err(ListError::Callback)?;
        }
        match (&mut self.reading).await {
            Ok(Ok(summary)) => Ok(summary),
            Ok(Err(ListError::Service(failure))) => Err(ListError::Service(failure)),
            Ok(Err(ListError::Callback(NotTaken))) => {
                Err(ListError::Service(Failure::Lost("the records of the list were not taken".to_owned())))
            }
            Err(panic) => Err(ListError::Service(Failure::Lost(panic.to_string()))),
        }
    }
}

impl Drop for ListAhead {
    fn drop(&mut self) {
        self.reading.abort();
    }
}
