//! The requests of one pass through a list: those that wait for their turn, and those that wait for their answer.

use super::all_pages_pager::{AllPagesPager, PageRequest};
use super::page::{List, ListQuery};
use crate::http::{Client, Failure};
use crate::pace::Turn;
use amo_model::ListOrder;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::{AbortHandle, JoinSet};

/// Reads of a page whose JSON is not as documented; `Client::read` repeats after all other failures.
const UNREADABLE_MAX: u32 = 2;

/// A page as the service wrote its records, or why there is none.
pub(super) type PageRows = Result<Vec<Box<RawValue>>, Failure>;

/// Page requests under way. Those that are left when this is dropped are not sent.
pub(super) struct PageRequests {
    client: Arc<Client>,
    query: Arc<ListQuery>,
    tasks: JoinSet<(PageRequest, PageRows)>,
    /// Requests in the order of their pages, which is the order of their turns.
    queued: Vec<QueuedRequest>,
}

struct QueuedRequest {
    request: PageRequest,
    has_turn: Arc<AtomicBool>,
    task: AbortHandle,
}

impl PageRequests {
    pub fn new(client: &Arc<Client>, query: &Arc<ListQuery>) -> PageRequests {
        PageRequests { client: Arc::clone(client), query: Arc::clone(query), tasks: JoinSet::new(), queued: Vec::new() }
    }

    /// Requests the pages that the pager wants now.
    pub fn send(&mut self, pager: &mut AllPagesPager) {
        while let Some(request) = pager.next_page() {
            let (client, query) = (Arc::clone(&self.client), Arc::clone(&self.query));
            let has_turn = Arc::new(AtomicBool::new(false));
            let turn_came = Arc::clone(&has_turn);
            let task = self.tasks.spawn(async move {
                let turn = client.turn().await;
                turn_came.store(true, Ordering::Relaxed);
                (request, read_page(&client, turn, &query, request).await)
            });
            self.queued.push(QueuedRequest { request, has_turn, task });
        }
    }

    /// Takes back requests that still wait for their turn and that the pager, by what it has seen since, does not want any
    /// more: they would only take the turns of others.
    pub fn withdraw(&mut self, pager: &mut AllPagesPager) {
        self.queued.retain(|queued| !queued.has_turn.load(Ordering::Relaxed));
        while let Some(last) = self.queued.pop_if(|last| !pager.wants(last.request.no)) {
            last.task.abort();
            pager.take_back(last.request);
        }
    }

    /// The next page that has come, in any order; `None` where none is under way.
    pub async fn next(&mut self) -> Result<Option<(PageRequest, PageRows)>, Failure> {
        while let Some(joined) = self.tasks.join_next().await {
            match joined {
                Ok(page) => return Ok(Some(page)),
                Err(withdrawn) if withdrawn.is_cancelled() => {}
                Err(panic) => return Err(Failure::Lost(panic.to_string())),
            }
        }
        Ok(None)
    }
}

/// Reads one page of a list.
pub(super) async fn read_page(
    client: &Client,
    turn: Turn,
    list_query: &ListQuery,
    request: PageRequest,
) -> Result<Vec<Box<RawValue>>, Failure> {
    let list = List::of(list_query.entity, list_query.catalog);
    let (no, limit) = (request.page.to_string(), request.limit.to_string());
    let mut query: Vec<(&str, &str)> = list_query.query.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    if list_query.entity.spec().order == ListOrder::ById {
        query.push(("order[id]", "asc"));
    }
    query.extend([("page", no.as_str()), ("limit", limit.as_str())]);
    let mut page = client.raw_page(turn, &list, &query).await;
    let mut reads = 1;
    while matches!(page, Err(Failure::Unreadable(_))) && reads < UNREADABLE_MAX {
        page = client.raw_page(client.turn().await, &list, &query).await;
        reads += 1;
    }
    page.map(|page| page.rows)
}
