//! Records whose keys earlier imports have made: held back, and told by what the account says of them now. What was deleted there
//! is made anew where a person has asked for that.

use super::feed::{QueuedRecord, rejected};
use super::run::{Uploader, lock};
use super::settle::at_row;
use crate::mapping::{KEY_SPACE, KEY_SPACE_HINT, Plan};
use crate::store::{KnownKey, Outcome, StoreError};
use amo_client::{Client, List, RecordState, RecordStates, Visibility};
use amo_model::IDS_MAX;
use sheet_source::message;
use sheet_source::problem::{Message, Problem, Stage, quoted};

/// Ids that are looked up in a run at the most, for what held-back rows are told.
pub const LOOKED_UP_MAX: usize = 1_000;

/// Records that were made within this time may not show in their list yet. [client live]
const FRESH_S: i64 = 24 * 60 * 60;

/// Where ids are looked up, and whether the token sees everything, once that was asked.
#[derive(Debug)]
pub struct IdLookup {
    visibility: Option<Visibility>,
    /// How many more ids may be looked up.
    left: usize,
}

impl IdLookup {
    /// Who makes anew what is gone looks at all of it.
    pub fn new(remake_deleted: bool) -> IdLookup {
        IdLookup { visibility: None, left: if remake_deleted { usize::MAX } else { LOOKED_UP_MAX } }
    }

    /// What the account says of records, each with the time at which it was made. Whatever cannot be asked is not there: its row is
    /// held back in any case.
    pub async fn standing(&mut self, client: &Client, plan: &Plan, made: &[(u64, i64)], now: i64) -> RecordStates {
        let made = &made[..made.len().min(self.left)];
        self.left -= made.len();
        let ids: Vec<u64> = made.iter().map(|(id, _)| *id).collect();
        let fresh = made.iter().filter(|(_, at)| now - at < FRESH_S).map(|(id, _)| *id).collect();
        let visibility = self.visibility.get_or_insert(Visibility::of(plan.account.basics.current_user));
        let list = List::of(plan.kind.spec().entity, plan.catalog);
        client.record_states(&list, &ids, &fresh, visibility).await.unwrap_or_default()
    }
}

/// The id whose standing decides what is told of a known key, and when it was made.
pub fn id_of(known: &KnownKey) -> Option<(u64, i64)> {
    match known {
        KnownKey::Made { id, began_at } => Some((*id, *began_at)),
        KnownKey::Sent { .. } | KnownKey::Unsure { .. } => None,
    }
}

/// The outcome of a record that is held back.
pub fn held_back(plan: &Plan, loaded: &QueuedRecord, known: &KnownKey, standing: Option<RecordState>) -> Outcome {
    let key = loaded.record.key.as_deref().unwrap_or_default();
    let (code, message, hint) = told(key, known, standing);
    let problem = at_row(plan, loaded.row.number, plan.key.first().copied(), Stage::Map, code, message);
    let problem: Problem = problem.value(key).hint(hint);
    rejected(&loaded.row, &loaded.more, loaded.record.key.clone(), &[problem])
}

const KEY_KNOWN: &str = "key-known";
const LEAVE_OUT: &str = "leave the row out; to change the record, use a mapping with action = \"update\"";

fn told(key: &str, known: &KnownKey, standing: Option<RecordState>) -> (&'static str, Message, Message) {
    let value = quoted(key);
    match known {
        KnownKey::Made { id, began_at } => {
            let id = *id;
            match standing {
                Some(RecordState::Present) => (
                    KEY_KNOWN,
                    message!("{value} was imported before and is {id} in the account", value, id),
                    LEAVE_OUT.into(),
                ),
                Some(RecordState::InTrash) => (
                    KEY_KNOWN,
                    message!("{value} was imported before and is {id}, which lies in the account's trash", value, id),
                    "put it back there; once it is deleted for good, --remake-deleted makes it anew".into(),
                ),
                Some(RecordState::NotFound) => (
                    KEY_KNOWN,
                    message!("{value} was imported before as {id}, which is not in the account any more", value, id),
                    "leave the row out; or add --remake-deleted: only what is gone is made anew".into(),
                ),
                Some(RecordState::NotVisible) => (
                    "not-visible",
                    message!("{value} was imported before as {id}, which this token does not see", value, id),
                    "only the token of an administrator can tell whether it is still there".into(),
                ),
                None => (
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
        let made: Vec<(u64, i64)> = known.iter().filter_map(|(_, known)| id_of(known)).collect();
        let now = self.options.clock.unix_ms() / 1000;
        let standing = self.lookup.standing(&self.shared.client, &self.shared.plan, &made, now).await;
        let mut anew = Vec::new();
        for (loaded, known) in known {
            let id = id_of(&known).map(|(id, _)| id);
            let standing = id.and_then(|id| standing.get(&id)).copied();
            match (standing, id) {
                (Some(RecordState::NotFound), Some(id)) if self.options.remake_deleted => anew.push((loaded, id)),
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
            self.hold_back(&loaded, &known, None);
        }
    }

    pub(super) fn hold_back(&mut self, loaded: &QueuedRecord, known: &KnownKey, standing: Option<RecordState>) {
        self.rejected += 1;
        let outcome = held_back(&self.shared.plan, loaded, known, standing);
        self.tell_rejected(std::slice::from_ref(&outcome));
        self.local.push(outcome);
    }
}
