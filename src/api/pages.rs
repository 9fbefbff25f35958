//! Lists of an account's entities, read backwards from the newest: what has come in since a given id.

use super::{Client, Failure};
use crate::entity::{Entity, PAGE_MAX, Wrapping, answer, parts};
use serde_json::Value;

/// Pages of one look; more than a million entities above a watermark is no doubt but a mistake.
const PAGES_MAX: u32 = 4_000;

impl Client {
    /// The highest id there is; 0 in an empty account. Ids grow with creation. [client live]
    pub async fn highest_id(&self, entity: Entity) -> Result<u64, Failure> {
        let newest = self.page(entity, 1, 1).await?;
        Ok(newest.first().and_then(|item| parts::id(&item["id"])).unwrap_or(0))
    }

    /// Everything with an id above `watermark`, newest first.
    pub async fn above(&self, entity: Entity, watermark: u64) -> Result<Vec<Value>, Failure> {
        let mut found = Vec::new();
        self.each_above(entity, watermark, |item| found.push(item)).await?;
        Ok(found)
    }

    /// Gives everything with an id above `watermark` to `each`, newest first. An order that the service ignores would
    /// end the look too early, so it is checked: unknown orders are ignored with a 200. [client live]
    pub async fn each_above(&self, entity: Entity, watermark: u64, mut each: impl FnMut(Value)) -> Result<(), Failure> {
        let mut newest = u64::MAX;
        let mut last = u64::MAX;
        for page in 1..=PAGES_MAX {
            let items = self.page(entity, page, PAGE_MAX).await?;
            // A short page is no end: gateways cap pages, and what is not seen here would be sent again.
            let empty = items.is_empty();
            let mut within = u64::MAX;
            for item in items {
                let Some(id) = parts::id(&item["id"]) else { continue };
                if id > within || (newest != u64::MAX && id > newest) {
                    let message = format!("the list of {} is not in the order asked for", entity.path());
                    return Err(Failure::Unreadable(message));
                }
                newest = if newest == u64::MAX { id } else { newest };
                within = id;
                // What is made meanwhile pushes rows to the next page, where they come a second time.
                if id < last && id > watermark {
                    last = id;
                    each(item);
                }
            }
            if empty || within <= watermark {
                return Ok(());
            }
        }
        Err(Failure::Unreadable(format!("the list of {} does not end", entity.path())))
    }

    /// Entities by id, as many as one address holds.
    pub async fn by_ids(&self, entity: Entity, ids: &[u64]) -> Result<Vec<Value>, Failure> {
        let limit = PAGE_MAX.to_string();
        let ids: Vec<String> = ids.iter().map(u64::to_string).collect();
        let mut query = vec![("limit", limit.as_str()), ("with", "contacts")];
        query.extend(ids.iter().map(|id| ("filter[id][]", id.as_str())));
        let reply = self.read(entity.path(), &query).await?;
        items(&reply.body, reply.status, entity)
    }

    async fn page(&self, entity: Entity, page: u32, limit: usize) -> Result<Vec<Value>, Failure> {
        let (page, limit) = (page.to_string(), limit.to_string());
        let query = [("order[id]", "desc"), ("page", page.as_str()), ("limit", limit.as_str()), ("with", "contacts")];
        let reply = self.read(entity.path(), &query).await?;
        items(&reply.body, reply.status, entity)
    }
}

fn items(body: &[u8], status: u16, entity: Entity) -> Result<Vec<Value>, Failure> {
    if status == 204 || body.is_empty() {
        return Ok(Vec::new());
    }
    let unreadable = || Failure::Unreadable(format!("the list of {} is not what the documents say", entity.path()));
    let value: Value = serde_json::from_slice(body).map_err(|_| unreadable())?;
    let items = answer::items(&value, Wrapping::Embedded, entity.path()).ok_or_else(unreadable)?;
    Ok(items.into_iter().cloned().collect())
}
