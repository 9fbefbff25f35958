//! All records of a list, in the order of its pages, with several requests in flight; and the proof that none was missed.

use super::all_pages_pager::{AllPagesPager, PAGES_MAX, PageRequest};
use super::page::ListQuery;
use super::page_requests::{PageRequests, read_page};
use super::seen_ids::{Novelty, SeenIds};
use crate::http::{Client, Failure};
use amo_model::compact::CompactJson;
use amo_model::{ListOrder, PAGE_MAX, parts};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Passes through one list. Records that are deleted meanwhile move others to pages that were read, so a list that has moved
/// is read again, and only new records are given on.
const PASSES_MAX: u32 = 3;

/// What was read of a list, and whether it is complete.
#[derive(Debug, Default)]
pub struct ListSummary {
    /// Pages with records.
    pub pages: u64,
    pub rows: u64,
    /// Records that came again and were not given on.
    pub repeated: u64,
    /// Records that only a later pass found.
    pub late: u64,
    /// Why records may be missing; `None` where the end was seen and the list did not move.
    pub doubt: Option<String>,
    pub seen: SeenIds,
}

/// Why reading has stopped.
#[derive(Debug)]
pub enum ListError<E> {
    Service(Failure),
    /// The callback that takes the records has failed.
    Callback(E),
}

/// A record of a list.
pub struct ListItem {
    pub item: CompactJson,
    /// As the service wrote it.
    pub raw: Box<RawValue>,
}

/// How a pass has come to the end of the list.
struct PassEnd {
    /// Records may have moved from page to page meanwhile.
    moved: bool,
    /// An empty page came after a full one although it begins within that, so there were more records.
    cut: bool,
}

struct ListReader<'a, G> {
    client: &'a Arc<Client>,
    query: Arc<ListQuery>,
    ordered: bool,
    summary: ListSummary,
    /// This is a later pass: records that are new were made or moved meanwhile.
    again: bool,
    /// This pass found a record that should have come before.
    missed: bool,
    give: G,
}

impl Client {
    /// Reads all records of a list; `give` gets each once. Requests in flight go on while `give` works.
    pub async fn read_list<E>(
        self: &Arc<Client>,
        query: ListQuery,
        give: impl AsyncFnMut(ListItem) -> Result<(), E>,
    ) -> Result<ListSummary, ListError<E>> {
        let order = query.entity.spec().order;
        let mut reader = ListReader {
            client: self,
            query: Arc::new(query),
            ordered: order == ListOrder::ById,
            summary: ListSummary::default(),
            again: false,
            missed: false,
            give,
        };
        if order == ListOrder::OnePage {
            let first = PageRequest { no: 1, page: 1, limit: PAGE_MAX as u64 };
            let turn = self.turn().await;
            let rows = read_page(self, turn, &reader.query, first).await.map_err(ListError::Service)?;
            if rows.len() >= PAGE_MAX {
                reader.doubt("the list fills a whole page and may be longer".to_owned());
            }
            reader.take(parse(rows)).await?;
        } else {
            reader.read_all().await?;
        }
        Ok(reader.summary)
    }
}

impl<E, G: AsyncFnMut(ListItem) -> Result<(), E>> ListReader<'_, G> {
    async fn read_all(&mut self) -> Result<(), ListError<E>> {
        let mut cut = false;
        for pass in 1..=PASSES_MAX {
            self.missed = false;
            let Some(end) = self.read_pass().await? else { return Ok(()) };
            self.again = true;
            // Where records are hidden from the user, pages never overlap; two passes that agree prove as much.
            cut = end.cut;
            let unmoved = !cut && if pass == 1 { !end.moved && !self.query.twice } else { true };
            let proven = unmoved && !self.missed;
            if proven {
                return Ok(());
            }
        }
        if cut {
            self.doubt("a page that overlaps the full page before it is empty: records may be missing".to_owned());
        }
        self.doubt(format!("the list changed during each of {PASSES_MAX} reads"));
        Ok(())
    }

    /// Reads from the first page to the end. `None` where the end was not reached; the reason is noted as a doubt.
    async fn read_pass(&mut self) -> Result<Option<PassEnd>, ListError<E>> {
        let mut pager = AllPagesPager::new(PAGE_MAX);
        let mut requests = PageRequests::new(self.client, &self.query);
        let mut waiting: BTreeMap<u32, (u64, Vec<Box<RawValue>>)> = BTreeMap::new();
        let (mut given, mut gap, mut before) = (0, false, Vec::new());
        let mut full = false;
        let mut broken: Option<(u32, Failure)> = None;
        while pager.end().is_none_or(|end| given + 1 < end) {
            requests.withdraw(&mut pager);
            requests.send(&mut pager);
            let Some((request, rows)) = requests.next().await.map_err(ListError::Service)? else { break };
            let rows = match rows {
                Ok(rows) => rows,
                Err(failure) if stops_reading(&failure) || self.summary.pages == 0 && request.no == 1 => {
                    return Err(ListError::Service(failure));
                }
                Err(failure) => {
                    // The pages before it are waited for and given on all the same.
                    pager.halt();
                    if broken.as_ref().is_none_or(|(first, _)| request.no < *first) {
                        broken = Some((request.no, failure));
                    }
                    continue;
                }
            };
            pager.received(request.no, rows.len());
            waiting.insert(request.no, (request.limit, rows));
            while let Some((limit, rows)) = waiting.remove(&(given + 1)) {
                let rows = parse(rows);
                let ids: Vec<u64> = rows.iter().filter_map(|row| parts::id(&row.item["id"])).collect();
                if ignores_pages(&before, &ids) {
                    return Ok(self.end_of_repeating(ids.len()));
                }
                given += 1;
                pager.given(rows.len(), limit);
                if !rows.is_empty() {
                    full = rows.len() as u64 >= limit;
                    gap |= !self.overlaps(&before, &ids);
                    before = ids;
                    self.take(rows).await?;
                }
            }
        }
        if let Some((no, failure)) = broken.filter(|(no, _)| pager.end().is_none_or(|end| *no < end)) {
            self.doubt(format!("page {no} could not be read: {failure}"));
            return Ok(None);
        }
        if pager.end().is_none() {
            self.doubt(format!("the list did not end within {PAGES_MAX} pages"));
            return Ok(None);
        }
        // The end is an empty page, which begins within the last one if that is full.
        Ok(Some(PassEnd { moved: gap || pager.has_gap(), cut: full }))
    }

    /// True where a page begins within the one before it, so that no record was missed between the two.
    fn overlaps(&self, before: &[u64], ids: &[u64]) -> bool {
        let (Some(last), Some(first)) = (before.last(), ids.first()) else { return true };
        // In a rising list the shared records may have been deleted since; records between the two pages would have shown.
        (self.ordered && first <= last) || ids.iter().any(|id| before.contains(id))
    }

    /// The list ignores the number of the page. It is complete if its first page was not full.
    fn end_of_repeating(&mut self, rows: usize) -> Option<PassEnd> {
        if self.summary.pages != 1 || rows as u64 + 1 >= PAGE_MAX as u64 {
            self.doubt("a page repeats the one before it, so the list may be longer".to_owned());
        }
        None
    }

    async fn take(&mut self, rows: Vec<ListItem>) -> Result<(), ListError<E>> {
        self.summary.pages += u64::from(!rows.is_empty() && !self.again);
        let mut before = 0;
        for row in rows {
            let Some(id) = parts::id(&row.item["id"]) else {
                self.doubt("a record has no id".to_owned());
                continue;
            };
            let novelty = self.summary.seen.take(id);
            if self.ordered && id < before {
                self.doubt(format!("ids are not in ascending order as requested: {id} came late"));
            }
            before = id;
            match novelty {
                Novelty::Repeated if self.again => {}
                Novelty::Repeated => self.summary.repeated += 1,
                Novelty::New | Novelty::NewBelow => {
                    self.summary.rows += 1;
                    self.summary.late += u64::from(self.again);
                    // In a list without an order this is normal in the first pass.
                    self.missed |= novelty == Novelty::NewBelow && (self.again || self.ordered);
                    (self.give)(row).await.map_err(ListError::Callback)?;
                }
            }
        }
        Ok(())
    }

    /// Only the first doubt is kept: later ones often follow from it.
    fn doubt(&mut self, why: String) {
        self.summary.doubt.get_or_insert(why);
    }
}

fn parse(rows: Vec<Box<RawValue>>) -> Vec<ListItem> {
    // A `RawValue` is valid JSON, so this does not fail.
    rows.into_iter().map(|raw| ListItem { item: CompactJson::of(&raw).unwrap_or_default(), raw }).collect()
}

/// True where a page comes again for another number. A single record may be the overlap of two pages.
fn ignores_pages(before: &[u64], ids: &[u64]) -> bool {
    !ids.is_empty() && (ids == before || (ids.len() > 1 && before.starts_with(ids)))
}

/// True for a failure that every other page would meet as well.
fn stops_reading(failure: &Failure) -> bool {
    match failure {
        Failure::NeverSent(_)
        | Failure::Throttled { .. }
        | Failure::Unauthorized(_)
        | Failure::Unpaid(_)
        | Failure::Forbidden(_)
        | Failure::Blocked
        | Failure::Halted => true,
        Failure::Lost(_)
        | Failure::Incomplete(_)
        | Failure::Unreadable(_)
        | Failure::Excessive(_)
        | Failure::Refused { .. }
        | Failure::Missing { .. }
        | Failure::Gateway { .. }
        | Failure::ServerError { .. } => false,
    }
}
