//! A whole list, in the order of its pages, while several of them are under way; and what proves that it is whole.

use super::pages::List;
use super::sweep::{Ask, News, PAGES_MAX, Seen, Sweep};
use super::{Client, Failure};
use amo_model::lean::Lean;
use amo_model::{Entity, Order, PAGE_MAX, parts};
use serde_json::value::RawValue;
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

type Landed = (Ask, Result<Vec<Box<RawValue>>, Failure>);

/// A row of a list.
pub struct Row {
    pub item: Lean,
    /// As the service wrote it.
    pub raw: Box<RawValue>,
}

/// Where a sweep has come to its end.
struct Swept {
    /// Rows may have slipped from page to page while it went on.
    moved: bool,
    /// An empty page came behind a full one although it begins within that: more was there.
    cut: bool,
}

struct Reading<'a, G> {
    client: &'a Arc<Client>,
    listing: Arc<Listing>,
    ordered: bool,
    told: Listed,
    /// A second look: what is new now came or moved meanwhile.
    again: bool,
    /// This sweep came upon a row that should have come before.
    missed: bool,
    give: G,
}

impl Client {
    /// Gives every row of a list to `give`, once. Pages that are under way go on while it takes its time.
    pub async fn listing<E>(
        self: &Arc<Client>,
        listing: Listing,
        give: impl AsyncFnMut(Row) -> Result<(), E>,
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
            let first = Ask { no: 1, page: 1, limit: PAGE_MAX as u64 };
            let rows = read(self, &reading.listing, first).await.map_err(Stopped::Service)?;
            if rows.len() >= PAGE_MAX {
                reading.doubt("the list fills a whole page, and may go on".to_owned());
            }
            reading.take(opened(rows)).await?;
        } else {
            reading.all().await?;
        }
        Ok(reading.told)
    }
}

impl<E, G: AsyncFnMut(Row) -> Result<(), E>> Reading<'_, G> {
    async fn all(&mut self) -> Result<(), Stopped<E>> {
        let mut cut = false;
        for sweep in 1..=SWEEPS_MAX {
            self.missed = false;
            let Some(swept) = self.sweep().await? else { return Ok(()) };
            self.again = true;
            // Where rows are hidden from the user pages never meet; two readings that agree prove as much.
            cut = swept.cut;
            let still = !cut && if sweep == 1 { !swept.moved && !self.listing.twice } else { true };
            let proven = still && !self.missed;
            if proven {
                return Ok(());
            }
        }
        if cut {
            self.doubt(
                "a page that should begin within the full one before it is empty: rows may be missing".to_owned(),
            );
        }
        self.doubt(format!("the list moved each of the {SWEEPS_MAX} times it was read"));
        Ok(())
    }

    /// From the front to the end; `None` where that was not reached, and why is noted.
    async fn sweep(&mut self) -> Result<Option<Swept>, Stopped<E>> {
        let mut sweep = Sweep::new(PAGE_MAX);
        let mut tasks: JoinSet<Landed> = JoinSet::new();
        let mut waiting: BTreeMap<u32, (u64, Vec<Box<RawValue>>)> = BTreeMap::new();
        let (mut given, mut gap, mut before) = (0, false, Vec::new());
        let mut full = false;
        let mut broken: Option<(u32, Failure)> = None;
        while sweep.end().is_none_or(|end| given + 1 < end) {
            while let Some(ask) = sweep.ask() {
                let (client, listing) = (Arc::clone(self.client), Arc::clone(&self.listing));
                tasks.spawn(async move { (ask, read(&client, &listing, ask).await) });
            }
            let Some(landed) = tasks.join_next().await else { break };
            let (ask, rows) = landed.map_err(|e| Stopped::Service(Failure::Lost(e.to_string())))?;
            let rows = match rows {
                Ok(rows) => rows,
                Err(failure) if stops(&failure) || self.told.pages == 0 && ask.no == 1 => {
                    return Err(Stopped::Service(failure));
                }
                Err(failure) => {
                    // What comes before it is waited for and given all the same.
                    sweep.halt();
                    if broken.as_ref().is_none_or(|(first, _)| ask.no < *first) {
                        broken = Some((ask.no, failure));
                    }
                    continue;
                }
            };
            sweep.came(ask.no, rows.len());
            waiting.insert(ask.no, (ask.limit, rows));
            while let Some((limit, rows)) = waiting.remove(&(given + 1)) {
                let rows = opened(rows);
                let ids: Vec<u64> = rows.iter().filter_map(|row| parts::id(&row.item["id"])).collect();
                if ignores_pages(&before, &ids) {
                    return Ok(self.repeats(ids.len()));
                }
                given += 1;
                sweep.gave(rows.len(), limit);
                if !rows.is_empty() {
                    full = rows.len() as u64 >= limit;
                    gap |= !self.meets(&before, &ids);
                    before = ids;
                    self.take(rows).await?;
                }
            }
        }
        if let Some((no, failure)) = broken.filter(|(no, _)| sweep.end().is_none_or(|end| *no < end)) {
            self.doubt(format!("page {no} stayed unreadable: {failure}"));
            return Ok(None);
        }
        if sweep.end().is_none() {
            self.doubt(format!("the end of the list was not seen within {PAGES_MAX} pages"));
            return Ok(None);
        }
        // The end is an empty page, and would begin within the last one if that is full.
        Ok(Some(Swept { moved: gap || sweep.torn(), cut: full }))
    }

    /// True where a page begins within the one before it, so that nothing has slipped between the two.
    fn meets(&self, before: &[u64], ids: &[u64]) -> bool {
        let (Some(last), Some(first)) = (before.last(), ids.first()) else { return true };
        // Of rows that rise the very ones may be gone since; what lies between them would have shown.
        (self.ordered && first <= last) || ids.iter().any(|id| before.contains(id))
    }

    /// The list ignores the page's number. It came whole if there was room for more.
    fn repeats(&mut self, rows: usize) -> Option<Swept> {
        if self.told.pages != 1 || rows as u64 + 1 >= PAGE_MAX as u64 {
            self.doubt("a page is the same as the one before it: the end of the list was not seen".to_owned());
        }
        None
    }

    async fn take(&mut self, rows: Vec<Row>) -> Result<(), Stopped<E>> {
        self.told.pages += u64::from(!rows.is_empty() && !self.again);
        let mut before = 0;
        for row in rows {
            let Some(id) = parts::id(&row.item["id"]) else {
                self.doubt("a row has no id".to_owned());
                continue;
            };
            let news = self.told.seen.take(id);
            if self.ordered && id < before {
                self.doubt(format!("ids fell although a rising order was asked for: {id} came late"));
            }
            before = id;
            match news {
                News::Repeated if self.again => {}
                News::Repeated => self.told.repeated += 1,
                News::New | News::Fallen => {
                    self.told.rows += 1;
                    self.told.late += u64::from(self.again);
                    // Of a list in no order nothing else is to be expected at first.
                    self.missed |= news == News::Fallen && (self.again || self.ordered);
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

fn opened(rows: Vec<Box<RawValue>>) -> Vec<Row> {
    // Text that was taken for JSON once is JSON.
    rows.into_iter().map(|raw| Row { item: Lean::of(&raw).unwrap_or_default(), raw }).collect()
}

/// True where a page comes again for another number. One row may be what two pages have in common.
fn ignores_pages(before: &[u64], ids: &[u64]) -> bool {
    !ids.is_empty() && (ids == before || (ids.len() > 1 && before.starts_with(ids)))
}

async fn read(client: &Client, listing: &Listing, ask: Ask) -> Result<Vec<Box<RawValue>>, Failure> {
    let list = List::of(listing.entity, listing.catalog);
    let (no, limit) = (ask.page.to_string(), ask.limit.to_string());
    let mut query: Vec<(&str, &str)> = listing.query.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    if listing.entity.spec().order == Order::ById {
        query.push(("order[id]", "asc"));
    }
    query.extend([("page", no.as_str()), ("limit", limit.as_str())]);
    let mut reads = 0;
    loop {
        reads += 1;
        match client.raw_page(&list, &query).await {
            Err(Failure::Unreadable(_)) if reads < ODD_READS => {}
            end => return end.map(|page| page.rows),
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
        | Failure::Unproven(_)
        | Failure::Unreadable(_)
        | Failure::Refused { .. }
        | Failure::Missing { .. }
        | Failure::Between { .. }
        | Failure::Broken { .. } => false,
    }
}
