//! Records above an id: what was made since an id was the highest.

use super::above_id_pager::{AboveIdPager, SortedPage};
use super::page::{List, PAGES_MAX};
use crate::http::{Client, Failure};
use amo_model::{ListOrder, PAGE_MAX, parts};
use serde_json::Value;
use std::cmp::Ordering;

impl Client {
    /// The highest id of a list; 0 where it is empty. Ids grow with creation. [client live]
    pub async fn highest_id(&self, list: &List) -> Result<u64, Failure> {
        if list.entity.spec().order == ListOrder::ById {
            let (newest, _) = self.sorted_page(list, SortedPage { page: 1, descending: true }, 1).await?;
            return Ok(newest.first().and_then(|item| parts::id(&item["id"])).unwrap_or(0));
        }
        // No id is above this, so reading ends as soon as it is known which page is the newest.
        let mut pager = pager_above(list, u64::MAX);
        self.read_pages(list, &mut pager, &[], |_, _| {}).await?;
        Ok(pager.highest())
    }

    /// Reads the records with an id above `watermark`. `sent_keys` are keys of the records sent by whose values the list may be
    /// sorted.
    pub async fn records_above(
        &self,
        list: &List,
        watermark: u64,
        sent_keys: &[&'static str],
    ) -> Result<Vec<Value>, Failure> {
        let mut found = Vec::new();
        self.for_each_above(list, watermark, sent_keys, |item| found.push(item)).await?;
        Ok(found)
    }

    /// Calls `each` once for each record with an id above `watermark`; `sent_keys` as for `records_above`.
    pub async fn for_each_above(
        &self,
        list: &List,
        watermark: u64,
        sent_keys: &[&'static str],
        mut each: impl FnMut(Value),
    ) -> Result<(), Failure> {
        let give = |id, item| {
            if id > watermark {
                each(item);
            }
        };
        self.read_pages(list, &mut pager_above(list, watermark), sent_keys, give).await
    }

    /// Reads all transactions of one customer.
    pub async fn transactions_of(&self, customer: u64) -> Result<Vec<Value>, Failure> {
        let mut found = Vec::new();
        let give = |_, item| found.push(item);
        self.read_pages(&List::transactions_of(customer), &mut AboveIdPager::all_pages(), &[], give).await?;
        Ok(found)
    }

    /// Reads the pages that `pager` asks for; `give` gets each record once, with its id.
    pub(super) async fn read_pages(
        &self,
        list: &List,
        pager: &mut AboveIdPager,
        sent_keys: &[&'static str],
        mut give: impl FnMut(u64, Value),
    ) -> Result<(), Failure> {
        // The page that the answer before has named as the next.
        let mut named = None;
        let mut sort_keys: Vec<SortKeyCheck> = sent_keys.iter().map(|key| SortKeyCheck::new(key)).collect();
        while let Some(request) = pager.next_page() {
            if request.page > PAGES_MAX {
                return Err(list.unreadable("does not end"));
            }
            let (rows, next) = self.sorted_page(list, request, PAGE_MAX).await?;
            let full = rows.len() >= PAGE_MAX;
            if rows.is_empty() && named == Some(request.page) {
                let page = request.page;
                return Err(list
                    .incomplete(&format!("has nothing on page {page}, although the full page before it links to it")));
            }
            if full && list.entity.spec().order == ListOrder::OnePage {
                return Err(list.incomplete("fills a whole page and may be longer"));
            }
            named = (next && full && !list.entity.spec().names_next).then_some(request.page + 1);
            let items: Vec<(u64, Value)> =
                rows.into_iter().filter_map(|item| Some((parts::id(&item["id"])?, item))).collect();
            let ids: Vec<u64> = items.iter().map(|(id, _)| *id).collect();
            sort_keys.iter_mut().for_each(|key| key.add_page(&items));
            let mut new_ids = pager.add_page(&ids).map_err(|_| list.incomplete("ignores the order asked for"))?;
            for (id, item) in items {
                if new_ids.remove(&id) {
                    give(id, item);
                }
            }
            if pager.ended_by_rising() && sort_keys.iter().any(SortKeyCheck::may_sort_by_it) {
                pager.read_all();
            }
        }
        Ok(())
    }

    async fn sorted_page(&self, list: &List, request: SortedPage, limit: usize) -> Result<(Vec<Value>, bool), Failure> {
        let (page, limit) = (request.page.to_string(), limit.to_string());
        let order = if request.descending { "desc" } else { "asc" };
        let query = vec![("order[id]", order), ("page", page.as_str()), ("limit", limit.as_str())];
        self.page_with_embedded(list, query).await
    }
}

fn pager_above(list: &List, watermark: u64) -> AboveIdPager {
    match list.entity.spec().order {
        ListOrder::ById => AboveIdPager::ordered(watermark),
        ListOrder::Unknown => AboveIdPager::unknown_order(watermark),
        ListOrder::OnePage => AboveIdPager::single_page(),
    }
}

/// Tells whether a list may be sorted by a key and rise by id only by chance, as when records were made in the order of the
/// alphabet.
#[derive(Debug)]
struct SortKeyCheck {
    key: &'static str,
    pairs: u32,
    rises: u32,
    falls: u32,
}

impl SortKeyCheck {
    fn new(key: &'static str) -> SortKeyCheck {
        SortKeyCheck { key, pairs: 0, rises: 0, falls: 0 }
    }

    fn add_page(&mut self, page: &[(u64, Value)]) {
        for pair in page.windows(2) {
            let [before, after] = [0, 1].map(|n| &pair[n].1[self.key]);
            let order = match (parts::id(before), parts::id(after)) {
                (Some(before), Some(after)) => before.cmp(&after),
                _ => parts::text(before).to_lowercase().cmp(&parts::text(after).to_lowercase()),
            };
            self.pairs += 1;
            self.rises += u32::from(order == Ordering::Less);
            self.falls += u32::from(order == Ordering::Greater);
        }
    }

    /// False where the values both rise and fall. A few exceptions do not count, since the service may compare another way.
    fn may_sort_by_it(&self) -> bool {
        self.rises * 8 < self.pairs || self.falls * 8 < self.pairs
    }
}
