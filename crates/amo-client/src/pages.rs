//! Lists of an account's entities: what has come in since a given id, and what stands under given ids.

use super::walk::{Ask, Walk};
use super::{Client, Failure};
use amo_model::page::{self, Page};
use amo_model::{Entity, Order, PAGE_MAX, parts};
use serde_json::Value;
use std::cmp::Ordering;
use std::collections::HashSet;

/// Pages of one look; more than a million entities above a watermark is no doubt but a mistake.
const PAGES_MAX: u32 = 4_000;

/// One list: of an entity, of a catalog's elements, of one customer's purchases.
pub(super) struct List {
    pub(super) entity: Entity,
    pub(super) path: String,
}

impl List {
    pub(super) fn of(entity: Entity, catalog: Option<u64>) -> List {
        let path = entity.path().replace("{catalog}", &catalog.unwrap_or(0).to_string());
        List { entity, path }
    }

    fn unproven(&self, what: &str) -> Failure {
        let path = &self.path;
        Failure::Unproven(format!("the list of {path} {what}, so nobody can tell what is missing from it"))
    }

    fn unreadable(&self, what: &str) -> Failure {
        Failure::Unreadable(format!("the list of {} {what}", self.path))
    }
}

impl Client {
    /// The highest id there is; 0 in an empty list. Ids grow with creation. [client live]
    pub async fn highest_id(&self, entity: Entity, catalog: Option<u64>) -> Result<u64, Failure> {
        let list = List::of(entity, catalog);
        if entity.spec().order == Order::ById {
            let (newest, _) = self.page(&list, Ask { page: 1, falling: true }, 1).await?;
            return Ok(newest.first().and_then(|item| parts::id(&item["id"])).unwrap_or(0));
        }
        // Nothing is above this, so the walk ends as soon as it knows which page is the newest.
        let mut walk = walk(entity, u64::MAX);
        self.walk(&list, &mut walk, &[], |_, _| {}).await?;
        Ok(walk.highest())
    }

    /// Everything with an id above `watermark`; `sent` are the keys whose values may have given it its place in the list.
    pub async fn above(
        &self,
        entity: Entity,
        catalog: Option<u64>,
        watermark: u64,
        sent: &[&'static str],
    ) -> Result<Vec<Value>, Failure> {
        let mut found = Vec::new();
        self.each_above(entity, catalog, watermark, sent, |item| found.push(item)).await?;
        Ok(found)
    }

    /// Gives everything with an id above `watermark` to `each`, once.
    pub async fn each_above(
        &self,
        entity: Entity,
        catalog: Option<u64>,
        watermark: u64,
        sent: &[&'static str],
        mut each: impl FnMut(Value),
    ) -> Result<(), Failure> {
        let list = List::of(entity, catalog);
        let give = |id, item| {
            if id > watermark {
                each(item);
            }
        };
        self.walk(&list, &mut walk(entity, watermark), sent, give).await
    }

    /// All purchases of one customer.
    pub async fn transactions_of(&self, customer: u64) -> Result<Vec<Value>, Failure> {
        let list = List { entity: Entity::Transactions, path: format!("customers/{customer}/transactions") };
        let mut found = Vec::new();
        self.walk(&list, &mut Walk::all(), &[], |_, item| found.push(item)).await?;
        Ok(found)
    }

    /// Entities by id, as many as one address holds; where the list cannot be asked for ids it is looked through.
    pub async fn by_ids(&self, entity: Entity, catalog: Option<u64>, ids: &[u64]) -> Result<Vec<Value>, Failure> {
        let asked = |item: &Value| parts::id(&item["id"]).is_some_and(|id| ids.contains(&id));
        if entity.spec().by_ids {
            match self.filtered(&List::of(entity, catalog), ids).await {
                // A gateway that takes shorter addresses only.
                Err(Failure::Missing { status: 414, .. } | Failure::Between { status: 414, .. }) if ids.len() > 1 => {
                    let (first, second) = ids.split_at(ids.len() / 2);
                    let mut found = Box::pin(self.by_ids(entity, catalog, first)).await?;
                    found.extend(Box::pin(self.by_ids(entity, catalog, second)).await?);
                    return Ok(found);
                }
                found => {
                    if let Some(found) = found? {
                        return Ok(found);
                    }
                }
            }
        }
        let mut walk = match entity.spec().order {
            Order::ById => Walk::ordered(ids.iter().min().map_or(0, |least| least.saturating_sub(1))),
            Order::Unsure => Walk::all(),
            Order::Whole => Walk::whole(),
        };
        let mut found = Vec::new();
        let give = |_, item| found.extend(Some(item).filter(asked));
        self.walk(&List::of(entity, catalog), &mut walk, &[], give).await?;
        Ok(found)
    }

    /// What a list shows when it is asked for these ids. Gateways cap pages, so what one does not show may be on the next. `None`
    /// where the list ignores the filter with a 200: then a first page says nothing of the others. [client live]
    async fn filtered(&self, list: &List, ids: &[u64]) -> Result<Option<Vec<Value>>, Failure> {
        let limit = PAGE_MAX.to_string();
        let texts: Vec<String> = ids.iter().map(u64::to_string).collect();
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        for page in 1..=PAGES_MAX {
            let page = page.to_string();
            let mut query = vec![("page", page.as_str()), ("limit", limit.as_str())];
            query.extend(texts.iter().map(|id| ("filter[id][]", id.as_str())));
            let (rows, _) = self.list(list, query).await?;
            let before = seen.len();
            for item in rows {
                let Some(id) = parts::id(&item["id"]).filter(|id| ids.contains(id)) else { return Ok(None) };
                if seen.insert(id) {
                    found.push(item);
                }
            }
            if seen.len() == before || seen.len() >= ids.len() {
                break;
            }
        }
        Ok(Some(found))
    }

    /// Walks through a list; `give` gets every item once, with its id.
    async fn walk(
        &self,
        list: &List,
        walk: &mut Walk,
        sent: &[&'static str],
        mut give: impl FnMut(u64, Value),
    ) -> Result<(), Failure> {
        // The page that the one before names as the next.
        let mut named = None;
        let mut sorted: Vec<Sorted> = sent.iter().map(|key| Sorted::by(key)).collect();
        while let Some(ask) = walk.ask() {
            if ask.page > PAGES_MAX {
                return Err(list.unreadable("does not end"));
            }
            let (rows, next) = self.page(list, ask, PAGE_MAX).await?;
            let full = rows.len() >= PAGE_MAX;
            if rows.is_empty() && named == Some(ask.page) {
                return Err(
                    list.unproven(&format!("has nothing on page {}, which the full one before it names", ask.page))
                );
            }
            if full && list.entity.spec().order == Order::Whole {
                return Err(list.unproven("fills a whole page, and may go on"));
            }
            named = (next && full && !list.entity.spec().names_next).then_some(ask.page + 1);
            let items: Vec<(u64, Value)> =
                rows.into_iter().filter_map(|item| Some((parts::id(&item["id"])?, item))).collect();
            let ids: Vec<u64> = items.iter().map(|(id, _)| *id).collect();
            sorted.iter_mut().for_each(|key| key.saw(&items));
            let mut news = walk.took(&ids).map_err(|_| list.unproven("ignores the order asked for"))?;
            for (id, item) in items {
                if news.remove(&id) {
                    give(id, item);
                }
            }
            if walk.is_over_by_rising() && sorted.iter().any(Sorted::may_be) {
                walk.read_all();
            }
        }
        Ok(())
    }

    async fn page(&self, list: &List, ask: Ask, limit: usize) -> Result<(Vec<Value>, bool), Failure> {
        let (page, limit) = (ask.page.to_string(), limit.to_string());
        let order = if ask.falling { "desc" } else { "asc" };
        self.list(list, vec![("order[id]", order), ("page", page.as_str()), ("limit", limit.as_str())]).await
    }

    async fn list(&self, list: &List, mut query: Vec<(&str, &str)>) -> Result<(Vec<Value>, bool), Failure> {
        let with = list.entity.spec().with;
        if !with.is_empty() {
            query.push(("with", with));
        }
        self.rows_and_next(list, &query).await
    }

    /// The rows of one answer; none is the end of a list.
    pub(super) async fn rows(&self, list: &List, query: &[(&str, &str)]) -> Result<Vec<Value>, Failure> {
        Ok(self.rows_and_next(list, query).await?.0)
    }

    /// The same, and whether the answer names a page that comes after it.
    async fn rows_and_next(&self, list: &List, query: &[(&str, &str)]) -> Result<(Vec<Value>, bool), Failure> {
        let Page { rows, next } = self.raw_page(list, query).await?;
        let unreadable = |_| list.unreadable("is not what the documents say");
        let rows = rows.iter().map(|row| serde_json::from_str(row.get()).map_err(unreadable));
        Ok((rows.collect::<Result<_, _>>()?, next))
    }

    /// The same, as the service wrote it.
    pub(super) async fn raw_page(&self, list: &List, query: &[(&str, &str)]) -> Result<Page, Failure> {
        match self.read(&list.path, query).await {
            Ok(reply) if reply.status == 204 => Ok(Page::default()),
            Ok(reply) => page::page(&reply.body, list.entity.collection())
                .ok_or_else(|| list.unreadable("is not what the documents say")),
            // An empty list of purchases: "Transactions not found". [client live]
            Err(Failure::Missing { status: 404, .. }) if list.entity == Entity::Transactions => Ok(Page::default()),
            Err(failure) => Err(failure),
        }
    }
}

/// Whether a list may be sorted by a key and only seem to be in the order of ids, as when it was filled by the alphabet.
#[derive(Debug)]
struct Sorted {
    key: &'static str,
    pairs: u32,
    rises: u32,
    falls: u32,
}

impl Sorted {
    fn by(key: &'static str) -> Sorted {
        Sorted { key, pairs: 0, rises: 0, falls: 0 }
    }

    fn saw(&mut self, page: &[(u64, Value)]) {
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

    /// Ruled out where it goes up and down; not by a few, since the service may compare another way.
    fn may_be(&self) -> bool {
        self.rises * 8 < self.pairs || self.falls * 8 < self.pairs
    }
}

fn walk(entity: Entity, watermark: u64) -> Walk {
    match entity.spec().order {
        Order::ById => Walk::ordered(watermark),
        Order::Unsure => Walk::unsure(watermark),
        Order::Whole => Walk::whole(),
    }
}
