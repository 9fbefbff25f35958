//! Records by their ids.

use super::above_id_pager::AboveIdPager;
use super::page::{List, PAGES_MAX};
use crate::http::{Client, Failure};
use amo_model::{ListOrder, PAGE_MAX, parts};
use serde_json::Value;
use std::collections::HashSet;

impl Client {
    /// Reads records by id, at most `IDS_MAX`. A list that cannot be asked for ids is read as far as the ids may lie.
    pub async fn records_by_id(&self, list: &List, ids: &[u64]) -> Result<Vec<Value>, Failure> {
        let is_requested = |item: &Value| parts::id(&item["id"]).is_some_and(|id| ids.contains(&id));
        let spec = list.entity.spec();
        if spec.by_ids {
            match self.filtered_by_id(list, ids).await {
                // Some gateways take shorter addresses only.
                Err(Failure::Missing { status: 414, .. } | Failure::Gateway { status: 414, .. }) if ids.len() > 1 => {
                    let (first, second) = ids.split_at(ids.len() / 2);
                    let mut found = Box::pin(self.records_by_id(list, first)).await?;
                    found.extend(Box::pin(self.records_by_id(list, second)).await?);
                    return Ok(found);
                }
                found => {
                    if let Some(found) = found? {
                        return Ok(found);
                    }
                }
            }
        }
        let mut pager = match spec.order {
            ListOrder::ById => AboveIdPager::ordered(ids.iter().min().map_or(0, |least| least.saturating_sub(1))),
            ListOrder::Unknown => AboveIdPager::all_pages(),
            ListOrder::OnePage => AboveIdPager::single_page(),
        };
        let mut found = Vec::new();
        let give = |_, item| found.extend(Some(item).filter(is_requested));
        self.read_pages(list, &mut pager, &[], give).await?;
        Ok(found)
    }

    /// What a list shows when it is asked for these ids. Gateways cap pages, so the next page may have more. `None` where the list
    /// ignores the filter with a 200: then the first page says nothing of the ids that it does not show. [client live]
    async fn filtered_by_id(&self, list: &List, ids: &[u64]) -> Result<Option<Vec<Value>>, Failure> {
        let limit = PAGE_MAX.to_string();
        let texts: Vec<String> = ids.iter().map(u64::to_string).collect();
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        for page in 1..=PAGES_MAX {
            let page = page.to_string();
            let mut query = vec![("page", page.as_str()), ("limit", limit.as_str())];
            query.extend(texts.iter().map(|id| ("filter[id][]", id.as_str())));
            let (rows, _) = self.page_with_embedded(list, query).await?;
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
}
