//! A whole list, in the order of its pages, while several of them are under way; and what proves that it is whole.

use super::pages::List;
use super::sweep::{News, PAGES_MAX, Seen, Sweep};
use super::{Client, Failure};
use crate::entity::{Entity, Order, PAGE_MAX, parts};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Walks through one list: rows that are deleted meanwhile push others over to pages that were read, so a list that has
/// moved is read again, and only what is new is given.
const SWEEPS_MAX: u32 = 3;
/// Reads of a page whose JSON is not what the documents say; `Client::read` repeats all else.
const ODD_READS: u32 = 2;

/// What to read.
#[derive(Debug, Clone)]
pub struct Listing {
    pub entity: Entity,
    pub catalog: Option<u64>,
    /// Filters, `with`, `query`: all but page, limit and order.
    pub query: Vec<(String, String)>,
    /// Read it all until a second reading finds nothing that the first has missed.
    pub twice: bool,
}

/// What was read, and whether it is all there is.
#[derive(Debug, Default)]
pub struct Listed {
    /// Pages with rows.
    pub pages: u64,
    pub rows: u64,
    /// Rows that came a second time and were not given on.
    pub repeated: u64,
    /// Rows that only a second look found.
    pub late: u64,
    /// Why it may not be all; `None` where the end was seen and the list stood still.
    pub doubt: Option<String>,
    pub seen: Seen,
}

/// Why reading stopped before it could tell.
#[derive(Debug)]
pub enum Stopped<E> {
    Service(Failure),
    /// Who was given the rows does not want more.
    Taker(E),
}

type Page = (u32, Result<Vec<Value>, Failure>);

/// Where a sweep ended: its last page with rows, the first id of that, and the empty one.
struct Edge {
    last: u32,
    first: Option<u64>,
    end: u32,
    torn: bool,
}

struct Reading<'a, G> {
    client: &'a Arc<Client>,
    listing: Arc<Listing>,
    ordered: bool,
    told: Listed,
    /// A second look: what is new now came or moved meanwhile.
    again: bool,
    /// This sweep found a row that the ones before it should have seen.
    missed: bool,
    give: G,
}

impl Client {
    /// Gives every row of a list to `give`, once. Pages that are under way go on while it takes its time.
    pub async fn listing<E>(
        self: &Arc<Client>,
        listing: Listing,
        give: impl AsyncFnMut(Value) -> Result<(), E>,
    ) -> Result<Listed, Stopped<E>> {
        let order = listing.entity.spec().order;
        let mut reading = Reading {
            client: self,
            listing: Arc::new(listing),
            ordered: order == Order::ById,
            told: Listed::default(),
            again: false,
            missed: false,
            give,
        };
        if order == Order::Whole {
            let rows = page(self, &reading.listing, 1).await.map_err(Stopped::Service)?;
            reading.take(rows).await?;
        } else {
            reading.all().await?;
        }
        Ok(reading.told)
    }
}

impl<E, G: AsyncFnMut(Value) -> Result<(), E>> Reading<'_, G> {
    async fn all(&mut self) -> Result<(), Stopped<E>> {
        for sweep in 1..=SWEEPS_MAX {
            self.missed = false;
            let Some(edge) = self.sweep().await? else { return Ok(()) };
            self.again = true;
            let moved = self.moved(&edge).await?;
            let proven = !self.listing.twice || (sweep > 1 && !self.missed);
            if !moved && proven {
                return Ok(());
            }
        }
        self.doubt(format!("the list moved each of the {SWEEPS_MAX} times it was read"));
        Ok(())
    }

    /// From the front to the first empty page; `None` where that was not reached, and why is noted.
    async fn sweep(&mut self) -> Result<Option<Edge>, Stopped<E>> {
        let mut sweep = Sweep::new(PAGE_MAX);
        let mut tasks: JoinSet<Page> = JoinSet::new();
        let mut waiting: BTreeMap<u32, Vec<Value>> = BTreeMap::new();
        let mut edge = Edge { last: 0, first: None, end: 1, torn: false };
        let mut before: Vec<u64> = Vec::new();
        let mut broken: Option<(u32, Failure)> = None;
        loop {
            while let Some(no) = sweep.ask() {
                let (client, listing) = (Arc::clone(self.client), Arc::clone(&self.listing));
                tasks.spawn(async move { (no, page(&client, &listing, no).await) });
            }
            let Some(landed) = tasks.join_next().await else { break };
            let (no, rows) = landed.map_err(|e| Stopped::Service(Failure::Lost(e.to_string())))?;
            let rows = match rows {
                Ok(rows) => rows,
                Err(failure) if stops(&failure) || self.told.pages == 0 && no == 1 => {
                    return Err(Stopped::Service(failure));
                }
                Err(failure) => {
                    // What comes before it is waited for and given all the same.
                    sweep.halt();
                    if broken.as_ref().is_none_or(|(first, _)| no < *first) {
                        broken = Some((no, failure));
                    }
                    continue;
                }
            };
            sweep.came(no, rows.len());
            waiting.insert(no, rows);
            while let Some(rows) = waiting.remove(&(edge.last + 1)).filter(|rows| !rows.is_empty()) {
                let ids: Vec<u64> = rows.iter().filter_map(|row| parts::id(&row["id"])).collect();
                if edge.last > 0 && ids == before {
                    return Ok(self.repeats(edge.last + 1, &ids));
                }
                edge = Edge { last: edge.last + 1, first: ids.first().copied(), ..edge };
                sweep.gave(rows.len());
                self.take(rows).await?;
                before = ids;
            }
        }
        if let Some((no, failure)) = broken.filter(|(no, _)| sweep.end().is_none_or(|end| *no < end)) {
            self.doubt(format!("page {no} stayed unreadable: {failure}"));
            return Ok(None);
        }
        match sweep.end() {
            Some(end) => Ok(Some(Edge { end, torn: sweep.torn(), ..edge })),
            None => {
                self.doubt(format!("the end of the list was not seen within {PAGES_MAX} pages"));
                Ok(None)
            }
        }
    }

    /// A page that is the one before it: the list ignores the page's number. It came whole if there was room for more.
    fn repeats(&mut self, no: u32, ids: &[u64]) -> Option<Edge> {
        if no != 2 || ids.len() >= PAGE_MAX {
            self.doubt(format!("page {no} is the same as the one before it: the end of the list was not seen"));
        }
        None
    }

    /// Looks at the last pages once more: what was added meanwhile is given, and where the last page begins with another
    /// row than before, rows before it came or went, and others may have slipped between two reads. What was deleted while
    /// the pages before were read does not show here; reading twice finds it. [inferred]
    async fn moved(&mut self, edge: &Edge) -> Result<bool, Stopped<E>> {
        let mut moved = edge.torn;
        for no in [edge.last, edge.end] {
            if no == 0 || edge.last == 0 {
                continue;
            }
            match page(self.client, &self.listing, no).await {
                Ok(rows) => {
                    let first = rows.first().and_then(|row| parts::id(&row["id"]));
                    moved |= no == edge.last && first != edge.first;
                    self.take(rows).await?;
                }
                Err(failure) if stops(&failure) => return Err(Stopped::Service(failure)),
                Err(failure) => self.doubt(format!("page {no} could not be read a second time: {failure}")),
            }
        }
        Ok(moved)
    }

    async fn take(&mut self, rows: Vec<Value>) -> Result<(), Stopped<E>> {
        self.told.pages += u64::from(!rows.is_empty() && !self.again);
        let mut before = 0;
        for row in rows {
            let Some(id) = parts::id(&row["id"]) else {
                self.doubt("a row has no id".to_owned());
                continue;
            };
            let news = self.told.seen.take(id);
            if self.ordered && (id < before || (news == News::Fallen && !self.again)) {
                self.doubt(format!("ids fell although a rising order was asked for: {id} came late"));
            }
            before = id;
            match news {
                News::Repeated if self.again => {}
                News::Repeated => self.told.repeated += 1,
                News::New | News::Fallen => {
                    self.told.rows += 1;
                    self.told.late += u64::from(self.again);
                    self.missed |= news == News::Fallen;
                    (self.give)(row).await.map_err(Stopped::Taker)?;
                }
            }
        }
        Ok(())
    }

    /// The first doubt is told: later ones often follow from it.
    fn doubt(&mut self, why: String) {
        self.told.doubt.get_or_insert(why);
    }
}

async fn page(client: &Client, listing: &Listing, no: u32) -> Result<Vec<Value>, Failure> {
    let list = List::of(listing.entity, listing.catalog);
    let (no, limit) = (no.to_string(), PAGE_MAX.to_string());
    let mut query: Vec<(&str, &str)> = listing.query.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    if listing.entity.spec().order == Order::ById {
        query.push(("order[id]", "asc"));
    }
    query.extend([("page", no.as_str()), ("limit", limit.as_str())]);
    let mut reads = 0;
    loop {
        reads += 1;
        match client.rows(&list, &query).await {
            Err(Failure::Unreadable(_)) if reads < ODD_READS => {}
            end => return end,
        }
    }
}

/// True for what would hit every other page, too.
fn stops(failure: &Failure) -> bool {
    match failure {
        Failure::NeverSent(_)
        | Failure::Throttled { .. }
        | Failure::Unauthorized(_)
        | Failure::Unpaid(_)
        | Failure::Forbidden(_)
        | Failure::Blocked
        | Failure::Halted => true,
        Failure::Lost(_)
        | Failure::Unreadable(_)
        | Failure::Refused { .. }
        | Failure::Missing { .. }
        | Failure::Broken { .. } => false,
    }
}
