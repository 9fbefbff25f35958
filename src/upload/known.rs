//! Records whose keys earlier imports have made: held back, and told by what the account says of them now. What was deleted there
//! is made anew where a person has asked for that.

use super::feed::{Loaded, rejected};
use super::look;
use super::run::{Uploader, lock};
use super::settle::at_row;
use crate::api::{Client, Failure};
use crate::entity::{Entity, IDS_MAX};
use crate::mapping::{KEY_SPACE, KEY_SPACE_HINT, Plan};
use crate::message;
use crate::problem::{Message, Problem, Stage, quoted};
use crate::store::{KnownKey, Outcome, StoreError};
use std::collections::{HashMap, HashSet};

/// Ids that are looked up in a run at the most, for what held-back rows are told.
pub const LOOKED_UP_MAX: usize = 1_000;

/// What the account says of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    There,
    /// Deleted, and can be put back.
    InTrash,
    /// An administrator's token sees it nowhere.
    Gone,
    /// This token does not see it, and would not see everything.
    NotVisible,
    /// Nobody has looked, or could.
    NotAsked,
}

/// Where ids are looked up, and whether the token sees everything, once that was asked.
#[derive(Debug, Default)]
pub struct Lookup {
    is_admin: Option<bool>,
    /// Ids looked up so far.
    asked: usize,
}

impl Lookup {
    /// What the account says of ids. Whatever cannot be asked is not asked: the rows are held back in any case.
    pub async fn standing(&mut self, client: &Client, plan: &Plan, ids: &[u64]) -> HashMap<u64, Standing> {
        let room = LOOKED_UP_MAX.saturating_sub(self.asked);
        let ids = &ids[..ids.len().min(room)];
        self.asked += ids.len();
        let mut all = HashMap::new();
        for ids in ids.chunks(IDS_MAX) {
            match self.looked(client, plan, ids).await {
                Ok(standing) => all.extend(standing),
                Err(_) => return all,
            }
        }
        all
    }

    async fn looked(&mut self, client: &Client, plan: &Plan, ids: &[u64]) -> Result<Vec<(u64, Standing)>, Failure> {
        let entity = plan.kind.spec().entity;
        let there = look::by_ids(client, entity, plan.catalog, ids).await?;
        let missing: Vec<u64> = ids.iter().copied().filter(|id| !there.contains_key(id)).collect();
        let in_trash: HashSet<u64> = match entity {
            Entity::Leads | Entity::Contacts | Entity::Companies if !missing.is_empty() => {
                client.trash(entity, &missing).await?.into_iter().collect()
            }
            _ => HashSet::new(),
        };
        if missing.iter().any(|id| !in_trash.contains(id)) && self.is_admin.is_none() {
            let user = client.token_user(plan.account.basics.current_user).await;
            self.is_admin = Some(user.is_admin == Some(true));
        }
        let standing = |id: u64| match (there.contains_key(&id), in_trash.contains(&id)) {
            (true, _) => Standing::There,
            (_, true) => Standing::InTrash,
            _ if self.is_admin == Some(true) => Standing::Gone,
            _ => Standing::NotVisible,
        };
        Ok(ids.iter().map(|id| (*id, standing(*id))).collect())
    }
}

/// The id whose standing decides what is told of a known key.
pub fn id_of(known: &KnownKey) -> Option<u64> {
    match known {
        KnownKey::Made { id, .. } => Some(*id),
        KnownKey::Sent { .. } | KnownKey::Unsure { .. } => None,
    }
}

/// The outcome of a record that is held back.
pub fn held_back(plan: &Plan, loaded: &Loaded, known: &KnownKey, standing: Standing) -> Outcome {
    let key = loaded.record.key.as_deref().unwrap_or_default();
    let (code, message, hint) = told(key, known, standing);
    let problem = at_row(plan, loaded.row.number, plan.key.first().copied(), Stage::Map, code, message);
    let problem: Problem = problem.value(key).hint(hint);
    rejected(&loaded.row, &loaded.more, loaded.record.key.clone(), &[problem])
}

const KEY_KNOWN: &str = "key-known";
const LEAVE_OUT: &str = "leave the row out; to change the record, use a mapping with action = \"update\"";

fn told(key: &str, known: &KnownKey, standing: Standing) -> (&'static str, Message, Message) {
    let value = quoted(key);
    match known {
        KnownKey::Made { id, began_at } => {
            let id = *id;
            match standing {
                Standing::There => (
                    KEY_KNOWN,
                    message!("{value} was imported before and is {id} in the account", value, id),
                    LEAVE_OUT.into(),
                ),
                Standing::InTrash => (
                    KEY_KNOWN,
                    message!("{value} was imported before and is {id}, which lies in the account's trash", value, id),
                    "put it back there; once it is deleted for good, --remake-deleted makes it anew".into(),
                ),
                Standing::Gone => (
                    "key-deleted",
                    message!("{value} was imported before as {id}, which is not in the account any more", value, id),
                    "leave the row out; or add --remake-deleted: only what is gone is made anew".into(),
                ),
                Standing::NotVisible => (
                    "not-visible",
                    message!("{value} was imported before as {id}, which this token does not see", value, id),
                    "only the token of an administrator can tell whether it is still there".into(),
                ),
                Standing::NotAsked => (
                    KEY_KNOWN,
                    message!(
                        "{value} was imported before: it was made as {id} on {date}",
                        value,
                        id,
                        date = date(*began_at)
                    ),
                    LEAVE_OUT.into(),
                ),
            }
        }
        KnownKey::Sent { run } => (
            KEY_KNOWN,
            message!("{value} was sent by run {run}, and it is not known whether it arrived", value, run),
            message!("first go on with that run: amoport resume {run}; or look for it in the account", run),
        ),
        KnownKey::Unsure { id, run, mapping } => {
            let message = match id {
                Some(id) => message!(
                    "{value} is {id}, made by run {run} with {mapping}: nothing says whether the keys are the same",
                    value,
                    id = *id,
                    run,
                    mapping
                ),
                None => message!(
                    "{value} was sent by run {run} with {mapping}: nothing says whether the keys are the same",
                    value,
                    run,
                    mapping
                ),
            };
            (KEY_SPACE, message, KEY_SPACE_HINT.into())
        }
    }
}

fn date(at: i64) -> String {
    jiff::Timestamp::from_second(at).map_or_else(|_| at.to_string(), |at| at.strftime("%Y-%m-%d").to_string())
}

impl Uploader<'_> {
    /// True where enough are waiting to be looked up at once, or no more will come.
    pub(super) fn may_look_up(&self, all_read: bool) -> bool {
        self.known.len() >= IDS_MAX || (all_read && !self.known.is_empty())
    }

    /// Holds back what is known, by what the account says of it; what is gone has its turn where that was asked for.
    pub(super) async fn settle_known(&mut self) -> Result<(), StoreError> {
        let known = std::mem::take(&mut self.known);
        let ids: Vec<u64> = known.iter().filter_map(|(_, known)| id_of(known)).collect();
        let standing = self.lookup.standing(&self.shared.client, &self.shared.plan, &ids).await;
        let mut anew = Vec::new();
        for (loaded, known) in known {
            let id = id_of(&known);
            let standing = id.and_then(|id| standing.get(&id)).copied().unwrap_or(Standing::NotAsked);
            match (standing, id) {
                (Standing::Gone, Some(id)) if self.options.remake_deleted => anew.push((loaded, id)),
                _ => self.hold_back(&loaded, &known, standing),
            }
        }
        if !anew.is_empty() {
            let gone = anew.iter().filter_map(|(loaded, id)| Some((loaded.record.key.as_deref()?, *id)));
            lock(&self.shared.journal).forget_keys(gone)?;
            anew.into_iter().for_each(|(loaded, _)| self.open.push(loaded));
        }
        self.check_budget();
        Ok(())
    }

    /// Without a look.
    pub(super) fn hold_back_known(&mut self) {
        for (loaded, known) in std::mem::take(&mut self.known) {
            self.hold_back(&loaded, &known, Standing::NotAsked);
        }
    }

    pub(super) fn hold_back(&mut self, loaded: &Loaded, known: &KnownKey, standing: Standing) {
        self.rejected += 1;
        let outcome = held_back(&self.shared.plan, loaded, known, standing);
        self.tell_rejected(std::slice::from_ref(&outcome));
        self.local.push(outcome);
    }
}
