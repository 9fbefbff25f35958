//! Reading back: what the account holds, compared with what was sent. A 200 that stored less than it was given is a
//! known habit of this service, and nobody else would notice.

use super::feed::{Fed, QueuedRecord};
use super::{look, present, settle};
use crate::mapping::change::{Changes, Left};
use crate::mapping::{Plan, Record, trace};
use crate::store::{Journal, RecordIds, StoreError};
use amo_client::{Client, Failure, List};
use amo_model::compare::{Difference, Marker, compare};
use amo_model::parts::{id, text};
use amo_model::{Action, Entity};
use serde_json::Value;
use sheet_source::Row;
use sheet_source::message;
use sheet_source::problem::{Problem, Stage, quoted};
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// The code of a record that the account gave an id and does not show.
pub const MISSING: &str = "missing";
/// The code of a record that the account holds twice.
pub const DOUBLED: &str = "doubled";
/// What a person does about it.
pub(super) const DOUBLED_HINT: &str = "look at both cards, and join or delete one of them in the CRM";
/// Records that a sample reads back: one request.
pub const SAMPLE: usize = 100;
/// Ids in one address; 100 of them make about 3 KB, well below what gateways take.
const CHUNK: usize = 100;

/// What reading back has shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verified {
    pub checked: u64,
    /// Records of which the account holds less, or something else, than was sent.
    pub differing: u64,
    /// Records that the account does not show although it gave them an id.
    pub missing: u64,
    /// Records that somebody else's twin of the same content stands beside.
    pub doubled: u64,
    /// Records that were deleted and are still shown.
    pub kept: u64,
}

impl Verified {
    pub fn clean(&self) -> bool {
        self.differing == 0 && self.missing == 0 && self.doubled == 0 && self.kept == 0
    }
}

#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Service(#[from] Failure),
}

/// Some of the records that were sent, evenly spread however many there will be.
#[derive(Debug)]
pub(super) struct Sample {
    wanted: bool,
    /// Records that earlier stretches of the run have sent.
    earlier: usize,
    /// Some of those.
    known: Vec<QueuedRecord>,
    /// Every so many records one is kept.
    step: usize,
    offered: usize,
    kept: Vec<QueuedRecord>,
}

impl Sample {
    pub fn new(wanted: bool, earlier: usize) -> Sample {
        Sample { wanted, earlier, known: Vec::new(), step: 1, offered: 0, kept: Vec::new() }
    }

    /// One that stands for what earlier stretches have sent.
    pub fn offer_known(&mut self, loaded: QueuedRecord) {
        if self.wanted {
            self.known.push(loaded);
        }
    }

    pub fn offer(&mut self, loaded: QueuedRecord) {
        if self.wanted && self.offered.is_multiple_of(self.step) {
            self.kept.push(loaded);
        }
        self.offered += 1;
        if self.kept.len() >= 2 * SAMPLE {
            let mut n = 0;
            self.kept.retain(|_| {
                n += 1;
                n % 2 == 1
            });
            self.step *= 2;
        }
    }

    /// At most `SAMPLE` of them, in the order of their rows; earlier stretches have the share that they have of the run.
    pub fn spread(self) -> Vec<QueuedRecord> {
        let all = (self.earlier + self.offered).max(1);
        let share = (SAMPLE * self.earlier / all).max(1).min(self.known.len());
        let sent = evenly(self.kept, SAMPLE - share);
        let room = SAMPLE - sent.len();
        let mut spread = evenly(self.known, room);
        spread.extend(sent);
        spread.sort_by_key(|loaded| loaded.record.row);
        spread
    }
}

/// As many, spread over all of them by their rows.
fn evenly(mut records: Vec<QueuedRecord>, most: usize) -> Vec<QueuedRecord> {
    records.sort_by_key(|loaded| loaded.record.row);
    let count = records.len();
    let mut n = 0;
    // The k-th of `most` is taken where k * count / most first reaches it.
    records.retain(|_| {
        n += 1;
        count <= most || n * most / count > (n - 1) * most / count
    });
    records
}

/// What is known of a record that is gone: it is mapped no more.
pub(super) fn deleted(row: u32) -> QueuedRecord {
    QueuedRecord { record: Record { row, ..Record::default() }, row: Row::default(), more: Vec::new() }
}

/// The records that are read back, as they were sent.
pub enum SentBodies {
    Sample(Vec<QueuedRecord>),
    /// All of them, mapped again.
    All(mpsc::Receiver<Vec<Fed>>),
}

/// Compares records with what the account holds under their ids. With `above`, everything above that watermark is looked
/// through for twins as well.
pub async fn read_back(
    client: &Client,
    plan: &Plan,
    journal: &Arc<Mutex<Journal>>,
    bodies: SentBodies,
    ids: &BTreeMap<u32, RecordIds>,
    above: Option<u64>,
) -> Result<Verified, VerifyError> {
    // A sample is as it was sent; what is mapped again is what the row says, of which something may rightly stay unsent.
    let mapped = matches!(bodies, SentBodies::All(_)) && present::is_looked_at(plan);
    let changes = mapped.then(|| Changes::of(plan));
    let (verified, chunk, late) = (Verified::default(), Vec::new(), Vec::new());
    let mut reading = ReadBackQueue { client, plan, journal, ids, changes, verified, chunk, late, last: false };
    let mut prints = Prints::new();
    match bodies {
        SentBodies::Sample(records) => {
            for loaded in records {
                reading.record(loaded).await?;
            }
        }
        SentBodies::All(mut feed) => {
            while let Some(parcel) = feed.recv().await {
                for loaded in parcel.into_iter().filter_map(|fed| record(plan, fed)) {
                    if above.is_some() && ids.contains_key(&loaded.record.row) {
                        prints.extend(print(plan.marker, &sent(&loaded)).map(|print| (print, loaded.record.row)));
                    }
                    reading.record(loaded).await?;
                }
            }
        }
    }
    reading.check().await?;
    reading.look_again().await?;
    let mut verified = reading.verified;
    // Without a name, as purchases are, many are alike that have nothing to do with each other.
    if let Some(watermark) = above.filter(|_| !prints.is_empty()) {
        twins(client, plan, journal, watermark, &prints, &mut verified).await?;
    }
    Ok(verified)
}

/// What is deleted by its key is mapped no more, since the key is free again; its row and its id are all there is to know.
fn record(plan: &Plan, fed: Fed) -> Option<QueuedRecord> {
    match fed {
        Fed::Record(loaded) | Fed::Known(loaded) => Some(loaded),
        Fed::Local(outcome) | Fed::Lost(outcome) if plan.action == Action::Delete => Some(deleted(outcome.row)),
        Fed::Local(_) | Fed::Lost(_) | Fed::End(_) | Fed::Broken(_) => None,
    }
}

/// Records on their way to being compared, a request of them at a time.
struct ReadBackQueue<'a> {
    client: &'a Client,
    plan: &'a Plan,
    journal: &'a Arc<Mutex<Journal>>,
    ids: &'a BTreeMap<u32, RecordIds>,
    /// Where it has to be said what of a body would have been sent.
    changes: Option<Changes<'a>>,
    verified: Verified,
    chunk: Vec<(QueuedRecord, RecordIds)>,
    /// Records that were not shown as they should be, by lists that may lag behind.
    late: Vec<(QueuedRecord, RecordIds)>,
    /// What is not shown now is told.
    last: bool,
}

fn sent(loaded: &QueuedRecord) -> Value {
    serde_json::from_slice(&loaded.record.body).unwrap_or(Value::Null)
}

impl ReadBackQueue<'_> {
    /// Of a record that has no id, nothing can be read back.
    async fn record(&mut self, loaded: QueuedRecord) -> Result<(), VerifyError> {
        let Some(written) = self.ids.get(&loaded.record.row) else { return Ok(()) };
        self.chunk.push((loaded, *written));
        if self.chunk.len() == CHUNK { self.check().await } else { Ok(()) }
    }

    /// Once more for what was not there, or still was: the lists lag behind.
    async fn look_again(&mut self) -> Result<(), VerifyError> {
        if self.late.is_empty() {
            return Ok(());
        }
        self.last = true;
        self.client.pace().clock().sleep(present::LAG).await;
        for late in std::mem::take(&mut self.late) {
            self.chunk.push(late);
            if self.chunk.len() == CHUNK {
                self.check().await?;
            }
        }
        self.check().await
    }

    async fn check(&mut self) -> Result<(), VerifyError> {
        let chunk = std::mem::take(&mut self.chunk);
        if chunk.is_empty() {
            return Ok(());
        }
        let (plan, verified) = (self.plan, &mut self.verified);
        let held = held(self.client, plan, &chunk).await?;
        let mut notes = Vec::new();
        for (mut loaded, written) in chunk {
            let id = &written.id;
            if held.contains_key(id) == (plan.action == Action::Delete) && !self.last {
                self.late.push((loaded, written));
                continue;
            }
            verified.checked += 1;
            let held = match (held.get(id), plan.action) {
                (None, Action::Delete) => continue,
                (Some(_), Action::Delete) => {
                    verified.kept += 1;
                    notes.push((loaded.record.row, kept(plan, &loaded, *id)));
                    continue;
                }
                (None, Action::Create | Action::Update) => {
                    verified.missing += 1;
                    notes.push((loaded.record.row, missing(plan, &loaded, *id)));
                    continue;
                }
                (Some(held), Action::Create | Action::Update) => held,
            };
            match self.changes.as_ref().and_then(|changes| changes.left(&loaded.record, held).ok()) {
                Some(Left::Nothing) => continue,
                Some(Left::Change { body, .. }) => loaded.record.body = body,
                None => {}
            }
            let differences = differences(plan, &loaded, held);
            verified.differing += u64::from(!differences.is_empty());
            notes.extend(differences.into_iter().map(|problem| (loaded.record.row, problem)));
        }
        Ok(self.journal.lock().unwrap_or_else(PoisonError::into_inner).note(&notes)?)
    }
}

/// What the account holds under the ids of a chunk; with the whole contacts and companies where the records brought theirs
/// along.
async fn held(
    client: &Client,
    plan: &Plan,
    chunk: &[(QueuedRecord, RecordIds)],
) -> Result<HashMap<u64, Value>, Failure> {
    let written: HashMap<u64, &RecordIds> = chunk.iter().map(|(_, written)| (written.id, written)).collect();
    let ids: Vec<u64> = chunk.iter().map(|(_, written)| written.id).collect();
    let held = look::by_ids(client, plan.kind.spec().entity, plan.catalog, &ids).await?;
    let mut held: Vec<Value> = held.into_values().collect();
    let part = |record: &Value, entity: Entity, _: &str| {
        let written = id(&record["id"]).and_then(|id| written.get(&id))?;
        match entity {
            Entity::Contacts => written.contact_id,
            Entity::Companies => written.company_id,
            Entity::Leads
            | Entity::Customers
            | Entity::Transactions
            | Entity::Elements
            | Entity::Catalogs
            | Entity::Segments
            | Entity::Statuses => None,
        }
    };
    look::put_parts_in(client, plan, &mut held, part).await?;
    Ok(held.into_iter().filter_map(|item| Some((id(&item["id"])?, item))).collect())
}

/// Looks for entities above the watermark that are not ours and hold what one of ours holds.
async fn twins(
    client: &Client,
    plan: &Plan,
    journal: &Arc<Mutex<Journal>>,
    watermark: u64,
    prints: &Prints,
    verified: &mut Verified,
) -> Result<(), VerifyError> {
    // Who else has made it is somebody else's.
    let user = plan.account.basics.current_user;
    let foreign = |held: &Value| id(&held[CREATED_BY]).is_some_and(|maker| maker > 0 && user > 0 && maker != user);
    let known = journal.lock().unwrap_or_else(PoisonError::into_inner).known_ids(watermark)?;
    let mut twins: Vec<(u32, u64)> = Vec::new();
    client
        .for_each_above(&List::of(plan.kind.spec().entity, plan.catalog), watermark, &[], |held| {
            let Some(id) = id(&held["id"]).filter(|id| !known.contains(id) && !foreign(&held)) else { return };
            twins.extend(print(plan.marker, &held).and_then(|print| prints.get(&print)).map(|row| (*row, id)));
        })
        .await?;
    verified.doubled += twins.len() as u64;
    let notes: Vec<(u32, Problem)> = twins.into_iter().map(|(row, id)| (row, twin(id))).collect();
    Ok(journal.lock().unwrap_or_else(PoisonError::into_inner).note(&notes)?)
}

fn twin(id: u64) -> Problem {
    Problem::new(Stage::Reconcile, DOUBLED, message!("the account also holds {id} with the same content", id))
        .hint(DOUBLED_HINT)
}

/// Records by what their twins would share.
type Prints = HashMap<u64, u32>;

/// Looks for twins of records that were sent a second time, since nobody had found what became of the first.
pub async fn look_for_twins(
    client: &Client,
    plan: &Plan,
    journal: &Arc<Mutex<Journal>>,
    mut records: mpsc::Receiver<Vec<Fed>>,
    watermark: u64,
) -> Result<Verified, VerifyError> {
    let (mut prints, mut verified) = (Prints::new(), Verified::default());
    while let Some(parcel) = records.recv().await {
        for loaded in parcel.into_iter().filter_map(|fed| record(plan, fed)) {
            prints.extend(print(plan.marker, &sent(&loaded)).map(|print| (print, loaded.record.row)));
        }
    }
    if !prints.is_empty() {
        twins(client, plan, journal, watermark, &prints, &mut verified).await?;
    }
    Ok(verified)
}

/// The key of the user who has made a record.
const CREATED_BY: &str = "created_by";

/// What a twin would share: the mark, which no other has; else name and price. Nothing where there is no name.
fn print(marker: Option<Marker>, item: &Value) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    if let Some(mark) = marker.and_then(|marker| marker.of(item)) {
        mark.hash(&mut hasher);
        return Some(hasher.finish());
    }
    let shared = ["name", "price", "first_name", "last_name"].map(|key| text(&item[key]).trim().to_owned());
    let [name, _, first, last] = &shared;
    if name.is_empty() && first.is_empty() && last.is_empty() {
        return None;
    }
    shared.hash(&mut hasher);
    Some(hasher.finish())
}

/// What the account holds of a record, and is not what was sent.
pub(super) fn differences(plan: &Plan, loaded: &QueuedRecord, held: &Value) -> Vec<Problem> {
    let differences = compare(&sent(loaded), held).differences;
    let told = differences.iter().filter(|difference| difference.telling || difference.dropped);
    told.map(|difference| differs(plan, loaded, difference)).collect()
}

fn kept(plan: &Plan, loaded: &QueuedRecord, id: u64) -> Problem {
    let message = message!("{id} was deleted, and the account still shows it", id);
    settle::at(plan, loaded, None, Stage::Reconcile, "still-there", message)
        .hint("look at it again in a few minutes; lists lag behind")
}

fn missing(plan: &Plan, loaded: &QueuedRecord, id: u64) -> Problem {
    let message = message!("the account gave it the id {id} and does not show it", id);
    settle::at(plan, loaded, None, Stage::Reconcile, MISSING, message)
        .hint("look at the card; it may have been deleted or merged since")
}

fn differs(plan: &Plan, loaded: &QueuedRecord, difference: &Difference) -> Problem {
    let column = trace::column_of(plan, &loaded.record.body, &difference.path);
    let value = column.map(|index| loaded.row.get(index).text.to_owned());
    let what = value.as_deref().map_or_else(|| format!("\"{}\"", difference.path).into(), quoted);
    let (code, message) = if difference.dropped {
        (
            "dropped",
            message!(
                "{value} was sent and is not in the account, although the service accepted the record",
                value = what
            ),
        )
    } else {
        ("differs", message!("{value} was sent, and the account holds something else", value = what))
    };
    let mut problem = settle::at(plan, loaded, column, Stage::Reconcile, code, message)
        .hint("look at the card; an automation of the account may have changed it");
    problem.value = value;
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twin_shares_the_name_and_what_has_none_has_no_twins() {
        let lead = |name: &str, price: i64| print(None, &serde_json::json!({"name": name, "price": price}));
        assert_eq!(lead("A", 1), lead(" A", 1));
        assert_ne!(lead("A", 1), lead("A", 2));
        assert_eq!(lead("", 2), None);
    }

    #[test]
    fn a_sample_is_spread_over_the_run_however_long_it_is() {
        let sample = |count: u32| {
            let mut sample = Sample::new(true, 0);
            (0..count).for_each(|row| sample.offer(deleted(row)));
            sample.spread().iter().map(|loaded| loaded.record.row).collect::<Vec<u32>>()
        };
        assert_eq!(sample(0), [] as [u32; 0]);
        assert_eq!(sample(3), [0, 1, 2]);
        for count in [100, 101, 1_000, 12_345] {
            let rows = sample(count);
            assert_eq!(rows.len(), SAMPLE, "{count}");
            assert!(rows[0] <= count / 20 && rows[rows.len() - 1] >= count - count / 20 - 1, "{count}: {rows:?}");
        }
        let mut none = Sample::new(false, 1);
        none.offer(deleted(1));
        none.offer_known(deleted(2));
        assert!(none.spread().is_empty());
    }

    #[test]
    fn what_earlier_stretches_sent_has_its_share_of_a_sample() {
        let share = |earlier: usize, known: usize, sent: u32| {
            let mut sample = Sample::new(true, earlier);
            (0..known as u32).for_each(|row| sample.offer_known(deleted(row)));
            (0..sent).for_each(|row| sample.offer(deleted(1_000 + row)));
            let rows: Vec<u32> = sample.spread().iter().map(|loaded| loaded.record.row).collect();
            let of_earlier = rows.iter().filter(|row| **row < 1_000).count();
            (of_earlier, rows.len() - of_earlier)
        };
        assert_eq!(share(999_000, 100, 1_000), (99, 1));
        assert_eq!(share(500, 100, 500), (50, 50));
        assert_eq!(share(500, 30, 500), (30, 70), "no more than there are");
        assert_eq!(share(30, 30, 20), (30, 20));
        assert_eq!(share(0, 0, 500), (0, 100));
        assert_eq!(share(100, 100, 0), (100, 0));
    }
}
