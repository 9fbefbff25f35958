//! Whether records that were made still stand in the account: looked for in their list, in the trash, under their own
//! addresses. What a user may not see is not shown to him either, so only an administrator's token proves that a record is
//! gone.

use super::pages::List;
use super::{Client, Failure};
use amo_model::{Entity, IDS_MAX, PAGE_MAX, parts};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// Pages of the trash, where it is not asked for ids and has to be looked through.
const TRASH_PAGES_MAX: u32 = 40;

/// What the account says of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    There,
    /// Deleted, and it can be taken out of the trash again.
    InTrash,
    Gone,
    /// Not shown: it may be gone, or be hidden from the token's user.
    NotVisible,
}

/// By id.
pub type Standings = HashMap<u64, Standing>;

/// Whether the token's user sees everything, asked when it is first needed.
#[derive(Debug, Clone, Copy)]
pub struct Sight {
    user: u64,
    whole: Option<bool>,
}

impl Sight {
    /// Somebody has asked already.
    pub fn known(user: u64, whole: bool) -> Sight {
        Sight { user, whole: Some(whole) }
    }

    pub fn of(user: u64) -> Sight {
        Sight { user, whole: None }
    }
}

impl Client {
    /// What has become of records. Those in `fresh` were made so lately that their list may not show them yet: they are asked
    /// for by their own addresses as well.
    pub async fn standings(
        &self,
        (entity, catalog): (Entity, Option<u64>),
        ids: &[u64],
        fresh: &HashSet<u64>,
        sight: &mut Sight,
    ) -> Result<Standings, Failure> {
        let mut standings = Standings::new();
        for chunk in ids.chunks(IDS_MAX) {
            let shown = self.by_ids(entity, catalog, chunk).await?;
            standings.extend(shown.iter().filter_map(standing));
        }
        let missing = |standings: &Standings| -> Vec<u64> {
            ids.iter().copied().filter(|id| !standings.contains_key(id)).collect()
        };
        for id in missing(&standings).into_iter().filter(|id| fresh.contains(id)) {
            if let Some(item) = self.one(entity, catalog, id).await? {
                standings.extend(standing(&item));
            }
        }
        let mut unproven = HashSet::new();
        if entity.spec().trash {
            for chunk in missing(&standings).chunks(IDS_MAX) {
                match self.trashed(entity, chunk).await? {
                    Some(ids) => standings.extend(ids.into_iter().map(|id| (id, Standing::InTrash))),
                    None => unproven.extend(chunk.iter().copied()),
                }
            }
        }
        let missing = missing(&standings);
        let whole = !missing.is_empty() && self.sees_all(sight).await;
        standings.extend(missing.into_iter().map(|id| {
            let gone = whole && !unproven.contains(&id);
            (id, if gone { Standing::Gone } else { Standing::NotVisible })
        }));
        Ok(standings)
    }

    /// What lies in the trash and was made after this id.
    pub async fn trashed_above(&self, entity: Entity, watermark: u64) -> Result<Vec<Value>, Failure> {
        let (list, limit) = (List::of(entity, None), PAGE_MAX.to_string());
        let mut found = Vec::new();
        for page in 1..=TRASH_PAGES_MAX {
            let page = page.to_string();
            let query = [("with", "only_deleted"), ("page", page.as_str()), ("limit", limit.as_str())];
            let rows = self.rows(&list, &query).await?;
            let whole = rows.len() < PAGE_MAX;
            found.extend(rows.into_iter().filter(|item| parts::id(&item["id"]).is_some_and(|id| id > watermark)));
            if whole {
                break;
            }
        }
        Ok(found)
    }

    /// Those of some ids that lie in the trash; `None` where it is too long to be looked through.
    async fn trashed(&self, entity: Entity, ids: &[u64]) -> Result<Option<HashSet<u64>>, Failure> {
        let (list, limit) = (List::of(entity, None), PAGE_MAX.to_string());
        let texts: Vec<String> = ids.iter().map(u64::to_string).collect();
        let mut found = HashSet::new();
        for page in 1..=TRASH_PAGES_MAX {
            let page = page.to_string();
            let mut query = vec![("with", "only_deleted"), ("page", page.as_str()), ("limit", limit.as_str())];
            query.extend(texts.iter().map(|id| ("filter[id][]", id.as_str())));
            let rows = self.rows(&list, &query).await?;
            let shown: Vec<u64> = rows.iter().filter_map(|item| parts::id(&item["id"])).collect();
            // A filter that is not known is ignored with a 200; then the next pages count, too. [client live]
            let filtered = shown.iter().all(|id| ids.contains(id));
            found.extend(shown.iter().copied().filter(|id| ids.contains(id)));
            if filtered || rows.len() < PAGE_MAX {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// A record under its own address; an unknown one is a 204, or a 404.
    async fn one(&self, entity: Entity, catalog: Option<u64>, id: u64) -> Result<Option<Value>, Failure> {
        let path = format!("{}/{id}", List::of(entity, catalog).path);
        match self.read(&path, &[]).await {
            Ok(reply) => Ok(serde_json::from_slice::<Value>(&reply.body).ok().filter(|item| !item["id"].is_null())),
            Err(Failure::Missing { status: 404, .. }) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Where nobody says that the user is an administrator, he is none.
    async fn sees_all(&self, sight: &mut Sight) -> bool {
        if let Some(whole) = sight.whole {
            return whole;
        }
        let whole = self.token_user(sight.user).await.is_admin == Some(true);
        sight.whole = Some(whole);
        whole
    }
}

/// A record that is shown; some lists show what lies in the trash, and say so.
fn standing(item: &Value) -> Option<(u64, Standing)> {
    let trashed = item.get("is_deleted").is_some_and(parts::flag);
    Some((parts::id(&item["id"])?, if trashed { Standing::InTrash } else { Standing::There }))
}
