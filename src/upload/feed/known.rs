//! Records with keys of earlier imports: they are held back, with a problem that says what the account shows of them now.
//! Records that are deleted from the account are created again where the user wants that.

use crate::mapping::{KEY_SPACE, KEY_SPACE_HINT, Plan};
use crate::store::{KnownKey, Outcome};
use crate::upload::feed::{QueuedRecord, place, rejected};
use amo_client::{Client, List, RecordState, RecordStates, Visibility};
use sheet_source::message;
use sheet_source::problem::{Message, Problem, Stage, quoted};

/// The highest number of ids that a run looks up to describe held-back rows.
pub const LOOKED_UP_MAX: usize = 1_000;

/// Age in seconds below which a record may be missing from its list. [client live]
const FRESH_S: i64 = 24 * 60 * 60;

/// Looks up ids in the account.
#[derive(Debug)]
pub struct IdLookup {
    /// Whether the token sees everything, once that is known.
    sight: Option<Visibility>,
    /// The number of ids that may still be looked up.
    remaining: usize,
}

impl IdLookup {
    /// Without a limit where deleted records are created again.
    pub fn new(remake_deleted: bool) -> IdLookup {
        IdLookup { sight: None, remaining: if remake_deleted { usize::MAX } else { LOOKED_UP_MAX } }
    }

    /// What the account shows of records. `made` are their ids with the Unix seconds of their creation, `now` is in Unix
    /// seconds. Ids that cannot be looked up are left out: their rows are held back in any case.
    pub async fn standing(&mut self, client: &Client, plan: &Plan, made: &[(u64, i64)], now: i64) -> RecordStates {
        let made = &made[..made.len().min(self.remaining)];
        self.remaining -= made.len();
        let ids: Vec<u64> = made.iter().map(|(id, _)| *id).collect();
        let fresh = made.iter().filter(|(_, at)| now - at < FRESH_S).map(|(id, _)| *id).collect();
        let sight = self.sight.get_or_insert(Visibility::of(plan.account.basics.current_user));
        let list = List::of(plan.kind.spec().entity, plan.catalog);
        client.record_states(&list, &ids, &fresh, sight).await.unwrap_or_default()
    }
}

/// The id that a known key has, with the Unix seconds of its creation.
pub fn made_id(known: &KnownKey) -> Option<(u64, i64)> {
    match known {
        KnownKey::Made { id, began_at } => Some((*id, *began_at)),
        KnownKey::Sent { .. } | KnownKey::Unsure { .. } => None,
    }
}

/// The outcome of a record that is held back.
pub fn held_back(plan: &Plan, queued: &QueuedRecord, known: &KnownKey, standing: Option<RecordState>) -> Outcome {
    let key = queued.record.key.as_deref().unwrap_or_default();
    let (code, message, hint) = describe_known_key(key, known, standing);
    let place = place(plan, queued.row.number, plan.key.first().copied());
    let problem = Problem::new(Stage::Map, code, message).at(place).value(key).hint(hint);
    rejected(&queued.row, &queued.more, queued.record.key.clone(), &[problem])
}

const KEY_KNOWN: &str = "key-known";
const LEAVE_OUT: &str = "leave the row out; to change the record, use a mapping with action = \"update\"";

fn describe_known_key(key: &str, known: &KnownKey, standing: Option<RecordState>) -> (&'static str, Message, Message) {
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
                    message!("{value} was imported before and is {id}, which is in the account's trash", value, id),
                    "restore it there; once it is deleted for good, --remake-deleted creates it again".into(),
                ),
                Some(RecordState::NotFound) => (
                    KEY_KNOWN,
                    message!("{value} was imported before as {id}, which is not in the account any more", value, id),
                    "leave the row out; or add --remake-deleted, which creates only deleted records again".into(),
                ),
                Some(RecordState::NotVisible) => (
                    "not-visible",
                    message!("{value} was imported before as {id}, which this token does not see", value, id),
                    "use the token of an administrator to find out whether it still exists".into(),
                ),
                None => (
                    KEY_KNOWN,
                    message!(
                        "{value} was imported before: it was created as {id} on {date}",
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
            message!("first resume that run: amoport resume {run}; or look for the record in the account", run),
        ),
        KnownKey::Unsure { id, run, mapping } => {
            let message = match id {
                Some(id) => message!(
                    "{value} is {id}, created by run {run} with {mapping}: it is not known whether the keys mean the same",
                    value,
                    id = *id,
                    run,
                    mapping
                ),
                None => message!(
                    "{value} was sent by run {run} with {mapping}: it is not known whether the keys mean the same",
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
