//! Reading back: records of the account are compared with what was sent. The service is known to answer 200 and store less than
//! it was given, and nothing else would show that.

use crate::mapping::apply::change::{Diff, DiffRules};
use crate::mapping::{Plan, Record, blame};
use crate::store::{Journal, RecordIds, StoreError, lock_journal};
use crate::upload::doubt::look;
use crate::upload::feed::{FeedItem, QueuedRecord, place};
use crate::upload::settle::{DOUBLED, DOUBLED_HINT};
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
use std::sync::Mutex;
use tokio::sync::mpsc;

/// The code of a record that got an id and that the account does not show.
pub const MISSING: &str = "missing";
/// Number of records in a sample: one request.
pub const SAMPLE: usize = 100;
/// Ids in one address; 100 of them make about 3 KB, well below what gateways take.
const CHUNK: usize = 100;

/// The result of reading back, in numbers of records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verified {
    pub checked: u64,
    /// Records of which the account holds less than was sent, or something else.
    pub differing: u64,
    /// Records that got an id and that the account does not show.
    pub missing: u64,
    /// Records of which the account has a duplicate with the same content.
    pub doubled: u64,
    /// Records that were deleted and that the account still shows.
    pub still_there: u64,
}

impl Verified {
    pub fn clean(&self) -> bool {
        self.differing == 0 && self.missing == 0 && self.doubled == 0 && self.still_there == 0
    }
}

#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Service(#[from] Failure),
}

/// A sample of the records that were sent, evenly spread however many there will be.
#[derive(Debug)]
pub(super) struct Sample {
    wanted: bool,
    /// Number of records that earlier stretches of the run have sent.
    earlier: usize,
    /// A sample of these.
    known: Vec<QueuedRecord>,
    /// One record in so many is kept.
    step: usize,
    offered: usize,
    kept: Vec<QueuedRecord>,
}

impl Sample {
    pub fn new(wanted: bool, earlier: usize) -> Sample {
        Sample { wanted, earlier, known: Vec::new(), step: 1, offered: 0, kept: Vec::new() }
    }

    /// Offers a record that an earlier stretch has sent.
    pub fn offer_known(&mut self, queued: QueuedRecord) {
        if self.wanted {
            self.known.push(queued);
        }
    }

    /// Offers a record that this stretch has sent.
    pub fn offer(&mut self, queued: QueuedRecord) {
        if self.wanted && self.offered.is_multiple_of(self.step) {
            self.kept.push(queued);
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

    /// At most `SAMPLE` records, in the order of their rows. Earlier stretches have their share of the run.
    pub fn spread(self) -> Vec<QueuedRecord> {
        let all = (self.earlier + self.offered).max(1);
        let share = (SAMPLE * self.earlier / all).max(1).min(self.known.len());
        let sent = evenly(self.kept, SAMPLE - share);
        let room = SAMPLE - sent.len();
        let mut spread = evenly(self.known, room);
        spread.extend(sent);
        spread.sort_by_key(|queued| queued.record.row);
        spread
    }
}

/// At most `max` records, spread evenly by their rows.
fn evenly(mut records: Vec<QueuedRecord>, max: usize) -> Vec<QueuedRecord> {
    records.sort_by_key(|queued| queued.record.row);
    let count = records.len();
    let mut n = 0;
    // The k-th of `max` is taken where k * count / max first reaches it.
    records.retain(|_| {
        n += 1;
        count <= max || n * max / count > (n - 1) * max / count
    });
    records
}

/// A record of which only the row is known: a deleted one is not mapped any more.
pub(super) fn unmapped_record(row: u32) -> QueuedRecord {
    QueuedRecord { record: Record { row, ..Record::default() }, row: Row::default(), more: Vec::new() }
}

/// The records to read back, as they were sent.
pub enum SentBodies {
    Sample(Vec<QueuedRecord>),
    /// All records, mapped again.
    All(mpsc::Receiver<Vec<FeedItem>>),
}

/// Compares the account with what a run has sent, and writes what differs into the journal.
#[derive(Clone, Copy)]
pub struct Verifier<'a> {
    pub client: &'a Client,
    pub plan: &'a Plan,
    pub journal: &'a Mutex<Journal>,
}

impl Verifier<'_> {
    /// Compares records with what the account holds under their ids. With `above`, everything above that id is searched for
    /// duplicates as well.
    pub async fn read_back(
        &self,
        bodies: SentBodies,
        ids: &BTreeMap<u32, RecordIds>,
        above: Option<u64>,
    ) -> Result<Verified, VerifyError> {
        // A sample is as it was sent. A record that is mapped again is as its row, of which a part may rightly stay unsent.
        let mapped = matches!(bodies, SentBodies::All(_)) && look::reads_before_update(self.plan);
        let changes = mapped.then(|| DiffRules::of(self.plan));
        let (verified, chunk, late) = (Verified::default(), Vec::new(), Vec::new());
        let mut queue = ReadBackQueue { verifier: *self, ids, changes, verified, chunk, late, last: false };
        let mut fingerprints = Fingerprints::new();
        match bodies {
            SentBodies::Sample(records) => {
                for queued in records {
                    queue.push(queued).await?;
                }
            }
            SentBodies::All(mut feed) => {
                while let Some(chunk) = feed.recv().await {
                    for queued in chunk.into_iter().filter_map(|item| sent_record(self.plan, item)) {
                        if above.is_some() && ids.contains_key(&queued.record.row) {
                            fingerprints.extend(self.fingerprint_of(&queued));
                        }
                        queue.push(queued).await?;
                    }
                }
            }
        }
        queue.check().await?;
        queue.check_late().await?;
        let mut verified = queue.verified;
        // Records without a name, such as transactions, are often alike without being duplicates.
        if let Some(watermark) = above.filter(|_| !fingerprints.is_empty()) {
            verified.doubled += self.search_above(watermark, &fingerprints).await?;
        }
        Ok(verified)
    }

    /// Looks for duplicates of records that were sent twice, since the first sending was not found.
    pub async fn find_duplicates(
        &self,
        mut records: mpsc::Receiver<Vec<FeedItem>>,
        watermark: u64,
    ) -> Result<Verified, VerifyError> {
        let (mut fingerprints, mut verified) = (Fingerprints::new(), Verified::default());
        while let Some(chunk) = records.recv().await {
            let sent = chunk.into_iter().filter_map(|item| sent_record(self.plan, item));
            fingerprints.extend(sent.filter_map(|queued| self.fingerprint_of(&queued)));
        }
        if !fingerprints.is_empty() {
            verified.doubled = self.search_above(watermark, &fingerprints).await?;
        }
        Ok(verified)
    }

    fn fingerprint_of(&self, queued: &QueuedRecord) -> Option<(u64, u32)> {
        Some((fingerprint(self.plan.marker, &sent_body(queued))?, queued.record.row))
    }

    /// Looks above the watermark for entities that are not of these runs and have the content of one that is. The number of
    /// them.
    async fn search_above(&self, watermark: u64, fingerprints: &Fingerprints) -> Result<u64, VerifyError> {
        let plan = self.plan;
        // Entities that another user has created are no duplicates.
        let user = plan.account.basics.current_user;
        let foreign =
            |held: &Value| id(&held[CREATED_BY]).is_some_and(|creator| creator > 0 && user > 0 && creator != user);
        let known = lock_journal(self.journal).known_ids(watermark)?;
        let mut duplicates: Vec<(u32, u64)> = Vec::new();
        self.client
            .for_each_above(&List::of(plan.kind.spec().entity, plan.catalog), watermark, &[], |held| {
                let Some(id) = id(&held["id"]).filter(|id| !known.contains(id) && !foreign(&held)) else { return };
                let row = fingerprint(plan.marker, &held).and_then(|fingerprint| fingerprints.get(&fingerprint));
                duplicates.extend(row.map(|row| (*row, id)));
            })
            .await?;
        let count = duplicates.len() as u64;
        let notes: Vec<(u32, Problem)> = duplicates.into_iter().map(|(row, id)| (row, duplicate(id))).collect();
        lock_journal(self.journal).note(&notes)?;
        Ok(count)
    }
}

/// A record that was sent. A record that was deleted by its key is not mapped any more, since the key is free again: only its
/// row and its id are known.
fn sent_record(plan: &Plan, item: FeedItem) -> Option<QueuedRecord> {
    match item {
        FeedItem::Record(queued) | FeedItem::Known(queued) => Some(queued),
        FeedItem::Local(outcome) | FeedItem::Unmapped(outcome) if plan.action == Action::Delete => {
            Some(unmapped_record(outcome.row))
        }
        FeedItem::Local(_) | FeedItem::Unmapped(_) | FeedItem::End(_) | FeedItem::Broken(_) => None,
    }
}

/// Records that wait to be compared, a request of them at a time.
struct ReadBackQueue<'a> {
    verifier: Verifier<'a>,
    ids: &'a BTreeMap<u32, RecordIds>,
    /// Where bodies have to be reduced to what would have been sent.
    changes: Option<DiffRules<'a>>,
    verified: Verified,
    chunk: Vec<(QueuedRecord, RecordIds)>,
    /// Records that were not shown as expected, by lists that may lag behind.
    late: Vec<(QueuedRecord, RecordIds)>,
    /// True on the last look, after which missing records are reported.
    last: bool,
}

fn sent_body(queued: &QueuedRecord) -> Value {
    serde_json::from_slice(&queued.record.body).unwrap_or(Value::Null)
}

impl ReadBackQueue<'_> {
    /// Adds a record and checks a full chunk. A record without an id cannot be read back.
    async fn push(&mut self, queued: QueuedRecord) -> Result<(), VerifyError> {
        let Some(written) = self.ids.get(&queued.record.row) else { return Ok(()) };
        self.chunk.push((queued, *written));
        if self.chunk.len() == CHUNK { self.check().await } else { Ok(()) }
    }

    /// Checks once more records that were missing, or still there: the lists lag behind.
    async fn check_late(&mut self) -> Result<(), VerifyError> {
        if self.late.is_empty() {
            return Ok(());
        }
        self.last = true;
        self.verifier.client.pace().clock().sleep(look::LIST_LAG).await;
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
        let (plan, verified) = (self.verifier.plan, &mut self.verified);
        let held = read_records(self.verifier.client, plan, &chunk).await?;
        let mut notes = Vec::new();
        for (mut queued, written) in chunk {
            let id = &written.id;
            if held.contains_key(id) == (plan.action == Action::Delete) && !self.last {
                self.late.push((queued, written));
                continue;
            }
            verified.checked += 1;
            let held = match (held.get(id), plan.action) {
                (None, Action::Delete) => continue,
                (Some(_), Action::Delete) => {
                    verified.still_there += 1;
                    notes.push((queued.record.row, still_there(plan, &queued, *id)));
                    continue;
                }
                (None, Action::Create | Action::Update) => {
                    verified.missing += 1;
                    notes.push((queued.record.row, missing(plan, &queued, *id)));
                    continue;
                }
                (Some(held), Action::Create | Action::Update) => held,
            };
            match self.changes.as_ref().and_then(|changes| changes.diff(&queued.record, held).ok()) {
                Some(Diff::Unchanged) => continue,
                Some(Diff::Change { body, .. }) => queued.record.body = body,
                None => {}
            }
            let differences = differences(plan, &queued, held);
            verified.differing += u64::from(!differences.is_empty());
            notes.extend(differences.into_iter().map(|problem| (queued.record.row, problem)));
        }
        Ok(lock_journal(self.verifier.journal).note(&notes)?)
    }
}

/// The records of the account under the ids of a chunk, with whole contacts and companies where the records were sent with
/// theirs.
async fn read_records(
    client: &Client,
    plan: &Plan,
    chunk: &[(QueuedRecord, RecordIds)],
) -> Result<HashMap<u64, Value>, Failure> {
    let written: HashMap<u64, &RecordIds> = chunk.iter().map(|(_, written)| (written.id, written)).collect();
    let ids: Vec<u64> = chunk.iter().map(|(_, written)| written.id).collect();
    let part_of = |written: &RecordIds, entity: Entity| match entity {
        Entity::Contacts => written.contact_id,
        Entity::Companies => written.company_id,
        Entity::Leads
        | Entity::Customers
        | Entity::Transactions
        | Entity::Elements
        | Entity::Catalogs
        | Entity::Segments
        | Entity::Statuses => None,
    };
    let part_ids = |entity: Entity, _: &str| chunk.iter().filter_map(|(_, written)| part_of(written, entity)).collect();
    let (held, parts) = tokio::try_join!(
        look::by_ids(client, plan.kind.spec().entity, plan.catalog, &ids),
        look::read_parts(client, plan, part_ids),
    )?;
    let mut held: Vec<Value> = held.into_values().collect();
    look::embed_parts(&mut held, &parts, |record, entity, _| {
        part_of(id(&record["id"]).and_then(|id| written.get(&id))?, entity)
    });
    Ok(held.into_iter().filter_map(|item| Some((id(&item["id"])?, item))).collect())
}

fn duplicate(id: u64) -> Problem {
    Problem::new(Stage::Reconcile, DOUBLED, message!("the account also has {id} with the same content", id))
        .hint(DOUBLED_HINT)
}

/// Rows of records by what their duplicates would share.
type Fingerprints = HashMap<u64, u32>;

/// The key of the user who has created a record.
const CREATED_BY: &str = "created_by";

/// A hash of what a duplicate would share: the mark, which no other record has; else name and price. `None` without a name.
fn fingerprint(marker: Option<Marker>, item: &Value) -> Option<u64> {
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

/// Differences between the account and what was sent.
pub(super) fn differences(plan: &Plan, queued: &QueuedRecord, held: &Value) -> Vec<Problem> {
    let differences = compare(&sent_body(queued), held).differences;
    let relevant = differences.iter().filter(|difference| difference.telling || difference.dropped);
    relevant.map(|difference| differs(plan, queued, difference)).collect()
}

fn still_there(plan: &Plan, queued: &QueuedRecord, id: u64) -> Problem {
    let message = message!("{id} was deleted, but the account still shows it", id);
    Problem::new(Stage::Reconcile, "still-there", message)
        .at(place(plan, queued.record.row, None))
        .hint("look at it again in a few minutes; lists lag behind")
}

fn missing(plan: &Plan, queued: &QueuedRecord, id: u64) -> Problem {
    let message = message!("the record got the id {id}, but the account does not show it", id);
    Problem::new(Stage::Reconcile, MISSING, message)
        .at(place(plan, queued.record.row, None))
        .hint("check the card; it may have been deleted or merged since")
}

fn differs(plan: &Plan, queued: &QueuedRecord, difference: &Difference) -> Problem {
    let column = blame::column_of(plan, &queued.record.body, &difference.path);
    let value = column.map(|index| queued.row.get(index).text.to_owned());
    let what = value.as_deref().map_or_else(|| format!("\"{}\"", difference.path).into(), quoted);
    let (code, message) = if difference.dropped {
        (
            "dropped",
            message!(
                "{value} was sent, but is not in the account, although the service accepted the record",
                value = what
            ),
        )
    } else {
        ("differs", message!("{value} was sent, but the account has a different value", value = what))
    };
    let mut problem = Problem::new(Stage::Reconcile, code, message)
        .at(place(plan, queued.record.row, column))
        .hint("check the card; an automation of the account may have changed it");
    problem.value = value;
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twin_shares_the_name_and_what_has_none_has_no_twins() {
        let lead = |name: &str, price: i64| fingerprint(None, &serde_json::json!({"name": name, "price": price}));
        assert_eq!(lead("A", 1), lead(" A", 1));
        assert_ne!(lead("A", 1), lead("A", 2));
        assert_eq!(lead("", 2), None);
    }

    #[test]
    fn a_sample_is_spread_over_the_run_however_long_it_is() {
        let sample = |count: u32| {
            let mut sample = Sample::new(true, 0);
            (0..count).for_each(|row| sample.offer(unmapped_record(row)));
            sample.spread().iter().map(|queued| queued.record.row).collect::<Vec<u32>>()
        };
        assert_eq!(sample(0), [] as [u32; 0]);
        assert_eq!(sample(3), [0, 1, 2]);
        for count in [100, 101, 1_000, 12_345] {
            let rows = sample(count);
            assert_eq!(rows.len(), SAMPLE, "{count}");
            assert!(rows[0] <= count / 20 && rows[rows.len() - 1] >= count - count / 20 - 1, "{count}: {rows:?}");
        }
        let mut none = Sample::new(false, 1);
        none.offer(unmapped_record(1));
        none.offer_known(unmapped_record(2));
        assert!(none.spread().is_empty());
    }

    #[test]
    fn what_earlier_stretches_sent_has_its_share_of_a_sample() {
        let share = |earlier: usize, known: usize, sent: u32| {
            let mut sample = Sample::new(true, earlier);
            (0..known as u32).for_each(|row| sample.offer_known(unmapped_record(row)));
            (0..sent).for_each(|row| sample.offer(unmapped_record(1_000 + row)));
            let rows: Vec<u32> = sample.spread().iter().map(|queued| queued.record.row).collect();
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
