//! Whether records still exist: they are looked for in their list, in the trash, and under their own addresses. Records that
//! a user may not see are not shown, so only an administrator's token proves that a record was deleted.

use crate::http::{Client, Failure};
use crate::lists::List;
use amo_model::{Entity, IDS_MAX, PAGE_MAX, parts};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// The most pages of the trash that are read, where it cannot be asked for ids.
const TRASH_PAGES_MAX: u32 = 40;

/// Whether a record exists in the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordState {
    Present,
    /// Deleted, and can be restored from the trash.
    InTrash,
    /// Proved to be absent.
    NotFound,
    /// Not shown: deleted, or hidden from the token's user.
    NotVisible,
}

/// By id.
pub type RecordStates = HashMap<u64, RecordState>;

/// Whether the token's user sees all records; read from the account when it is first needed.
#[derive(Debug, Clone, Copy)]
pub struct Visibility {
    user: u64,
    sees_all: Option<bool>,
}

impl Visibility {
    /// For a user whose rights are known.
    pub fn known(user: u64, sees_all: bool) -> Visibility {
        Visibility { user, sees_all: Some(sees_all) }
    }

    pub fn of(user: u64) -> Visibility {
        Visibility { user, sees_all: None }
    }
}

impl Client {
    /// Reads whether records exist. Those in `fresh` were made so recently that their list may not show them yet, and are also
    /// requested by their own addresses.
    pub async fn record_states(
        &self,
        list: &List,
        ids: &[u64],
        fresh: &HashSet<u64>,
        visibility: &mut Visibility,
    ) -> Result<RecordStates, Failure> {
        let mut states = RecordStates::new();
        for chunk in ids.chunks(IDS_MAX) {
            let shown = self.records_by_id(list, chunk).await?;
            states.extend(shown.iter().filter_map(state_of));
        }
        let missing =
            |states: &RecordStates| -> Vec<u64> { ids.iter().copied().filter(|id| !states.contains_key(id)).collect() };
        for id in missing(&states).into_iter().filter(|id| fresh.contains(id)) {
            if let Some(item) = self.record(list, id).await? {
                states.extend(state_of(&item));
            }
        }
        let mut unproven = HashSet::new();
        if list.entity.spec().trash {
            for chunk in missing(&states).chunks(IDS_MAX) {
                match self.trashed_by_id(list, chunk).await? {
                    Some(ids) => states.extend(ids.into_iter().map(|id| (id, RecordState::InTrash))),
                    None => unproven.extend(chunk.iter().copied()),
                }
            }
        }
        let missing = missing(&states);
        let sees_all = !missing.is_empty() && self.sees_all(visibility).await;
        states.extend(missing.into_iter().map(|id| {
            let proved = sees_all && !unproven.contains(&id);
            (id, if proved { RecordState::NotFound } else { RecordState::NotVisible })
        }));
        Ok(states)
    }

    /// Reads the records in the trash with an id above `watermark`.
    pub async fn trashed_above(&self, entity: Entity, watermark: u64) -> Result<Vec<Value>, Failure> {
        let (list, limit) = (List::of(entity, None), PAGE_MAX.to_string());
        let mut found = Vec::new();
        for page in 1..=TRASH_PAGES_MAX {
            let page = page.to_string();
            let query = [("with", "only_deleted"), ("page", page.as_str()), ("limit", limit.as_str())];
            let rows = self.page_records(&list, &query).await?;
            let is_last = rows.len() < PAGE_MAX;
            found.extend(rows.into_iter().filter(|item| parts::id(&item["id"]).is_some_and(|id| id > watermark)));
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    /// Those of `ids` that are in the trash; `None` where it has too many pages to be read.
    async fn trashed_by_id(&self, list: &List, ids: &[u64]) -> Result<Option<HashSet<u64>>, Failure> {
        let limit = PAGE_MAX.to_string();
        let texts: Vec<String> = ids.iter().map(u64::to_string).collect();
        let mut found = HashSet::new();
        for page in 1..=TRASH_PAGES_MAX {
            let page = page.to_string();
            let mut query = vec![("with", "only_deleted"), ("page", page.as_str()), ("limit", limit.as_str())];
            query.extend(texts.iter().map(|id| ("filter[id][]", id.as_str())));
            let rows = self.page_records(list, &query).await?;
            let shown: Vec<u64> = rows.iter().filter_map(|item| parts::id(&item["id"])).collect();
            // An unknown filter is ignored with a 200; then the next pages have to be read as well. [client live]
            let filtered = shown.iter().all(|id| ids.contains(id));
            found.extend(shown.iter().copied().filter(|id| ids.contains(id)));
            if filtered || rows.len() < PAGE_MAX {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Reads a record under its own address. One that does not exist is answered with 204 or 404.
    async fn record(&self, list: &List, id: u64) -> Result<Option<Value>, Failure> {
        let path = format!("{}/{id}", list.path);
        match self.read(&path, &[]).await {
            Ok(reply) => Ok(serde_json::from_slice::<Value>(&reply.body).ok().filter(|item| !item["id"].is_null())),
            Err(Failure::Missing { status: 404, .. }) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// A user counts as an administrator only where the account says so.
    async fn sees_all(&self, visibility: &mut Visibility) -> bool {
        if let Some(sees_all) = visibility.sees_all {
            return sees_all;
        }
        let sees_all = self.token_user(visibility.user).await.is_admin == Some(true);
        visibility.sees_all = Some(sees_all);
        sees_all
    }
}

/// The state of a record that a list shows. Some lists show records in the trash, and mark them.
fn state_of(item: &Value) -> Option<(u64, RecordState)> {
    let trashed = item.get("is_deleted").is_some_and(parts::flag);
    Some((parts::id(&item["id"])?, if trashed { RecordState::InTrash } else { RecordState::Present }))
}
