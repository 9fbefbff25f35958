//! The records of an update, read from the account before they are sent: a page at a time, while batches are in flight. Records
//! that the account already holds are not sent; the others wait for their batch, reduced to what differs.

use crate::mapping::Plan;
use crate::mapping::apply::change::{Diff, DiffRules};
use crate::store::Outcome;
use crate::upload::doubt::look;
use crate::upload::feed::QueuedRecord;
use crate::upload::send::{TaskContext, TurnstilePlace};
use crate::upload::settle;
use amo_client::clock::Clock;
use amo_client::{Client, Failure, drop_at_first_turn};
use amo_model::IDS_MAX;
use serde_json::Value;
use sheet_source::message;
use sheet_source::problem::Note;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Records that are to be read from the account, and the number of pages that are being read.
#[derive(Debug, Default)]
pub(super) struct PendingLookups {
    waiting: VecDeque<QueuedRecord>,
    pages_in_flight: usize,
}

/// The result of reading a page.
pub(super) enum PageEnd {
    /// Requests are on hold, or the run stops.
    Stopped(Vec<QueuedRecord>),
    Failed(Vec<QueuedRecord>, Failure),
    Read(Vec<PresentRecord>),
}

/// A record, compared with the account.
pub(super) enum PresentRecord {
    /// Reduced to what differs.
    Differs(QueuedRecord),
    Same(QueuedRecord),
    Absent(QueuedRecord),
}

impl PendingLookups {
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.pages_in_flight == 0
    }

    pub fn push(&mut self, queued: QueuedRecord) {
        self.waiting.push_back(queued);
    }

    /// True where there is room for more rows.
    pub fn wants_more(&self) -> bool {
        self.waiting.len() < IDS_MAX
    }

    /// The next page: a full one, or with `last` the rest.
    pub fn take(&mut self, last: bool) -> Option<Vec<QueuedRecord>> {
        if self.waiting.is_empty() || (self.waiting.len() < IDS_MAX && !last) {
            return None;
        }
        self.pages_in_flight += 1;
        Some(self.waiting.drain(..IDS_MAX.min(self.waiting.len())).collect())
    }

    /// Takes note that the reading of a page has ended.
    pub fn page_ended(&mut self) {
        self.pages_in_flight -= 1;
    }

    /// Puts records back that were not read.
    pub fn put_back(&mut self, records: Vec<QueuedRecord>) {
        for queued in records.into_iter().rev() {
            self.waiting.push_front(queued);
        }
    }

    pub fn drain(&mut self) -> Vec<QueuedRecord> {
        std::mem::take(&mut self.waiting).into()
    }
}

/// Side effects of updates on values of the account: values of a list are replaced, a company stays beside another.
#[derive(Debug, Default)]
pub struct ReplacedValues {
    values: u64,
    /// Records with replaced values.
    records: u64,
    /// Records that keep another company beside their own.
    other_company: u64,
}

impl ReplacedValues {
    pub fn add(&mut self, queued: &QueuedRecord) {
        self.values += u64::from(queued.record.lost);
        self.records += u64::from(queued.record.lost > 0);
        self.other_company += u64::from(queued.record.other_company);
    }

    /// Notes for a check, before anything is sent.
    pub fn notes_before(&self) -> Vec<Note> {
        self.replacing().into_iter().chain(self.company_note()).collect()
    }

    /// Notes for a report.
    pub fn notes(&self) -> Vec<Note> {
        self.replaced().into_iter().chain(self.company_note()).collect()
    }

    fn company_note(&self) -> Option<Note> {
        let message = match self.other_company {
            0 => return None,
            1 => message!(
                "1 record has another company in the account than in its row: a link does not remove it, so both stay; remove the wrong one in the account"
            ),
            records => message!(
                "{records} records have another company in the account than in their rows: a link does not remove it, so both stay; remove the wrong ones in the account",
                records
            ),
        };
        Some(Note::new("company-beside", message).count(self.other_company))
    }

    fn replacing(&self) -> Option<Note> {
        let (values, records) = (self.values, self.records);
        let message = match (values, records) {
            (0, _) => return None,
            (1, _) => message!("1 value of the account would be replaced, in 1 record"),
            (_, 1) => message!("{values} values of the account would be replaced, in 1 record", values),
            _ => message!("{values} values of the account would be replaced, in {records} records", values, records),
        };
        Some(Note::new("values-replaced", message).count(values))
    }

    fn replaced(&self) -> Option<Note> {
        let (values, records) = (self.values, self.records);
        let message = match (values, records) {
            (0, _) => return None,
            (1, _) => message!("1 value of the account was replaced, in 1 record"),
            (_, 1) => message!("{values} values of the account were replaced, in 1 record", values),
            _ => message!("{values} values of the account were replaced, in {records} records", values, records),
        };
        Some(Note::new("values-replaced", message).count(values))
    }
}

/// Reads the records of a page and compares them with what the source wants.
pub(super) async fn read(
    shared: Arc<TaskContext>,
    clock: Clock,
    records: Vec<QueuedRecord>,
    place: TurnstilePlace,
) -> PageEnd {
    let mut hold = shared.hold.subscribe();
    let plan = &shared.plan;
    let ids: Vec<u64> = records.iter().filter_map(|queued| queued.record.id).collect();
    let looked = tokio::select! {
        biased;
        _ = hold.wait_for(|hold| *hold) => return PageEnd::Stopped(records),
        // The next request may be made up when this one has had its turn.
        held = drop_at_first_turn(place, read_records(&shared.client, plan, clock, &ids)) => held,
    };
    match looked {
        Ok(held) => {
            let changes = DiffRules::of(plan);
            PageEnd::Read(records.into_iter().map(|queued| compare(&changes, queued, &held)).collect())
        }
        Err(failure) => PageEnd::Failed(records, failure),
    }
}

/// The records that the account shows under these ids; missing ones are looked for once more.
async fn read_records(client: &Client, plan: &Plan, clock: Clock, ids: &[u64]) -> Result<HashMap<u64, Value>, Failure> {
    let (entity, catalog) = (plan.kind.spec().entity, plan.catalog);
    let mut held = look::by_ids(client, entity, catalog, ids).await?;
    let absent: Vec<u64> = ids.iter().copied().filter(|id| !held.contains_key(id)).collect();
    if !absent.is_empty() {
        clock.sleep(look::LIST_LAG).await;
        held.extend(look::by_ids(client, entity, catalog, &absent).await?);
    }
    Ok(held)
}

/// The result of comparing records of an update with the account.
#[derive(Debug, Default)]
pub struct PresenceCounts {
    /// Number of records that would change.
    pub differ: u64,
    pub same: u64,
    /// Outcomes of records that the account does not show.
    pub absent: Vec<Outcome>,
    pub replaced: ReplacedValues,
}

impl PresenceCounts {
    pub fn add(&mut self, more: PresenceCounts) {
        self.differ += more.differ;
        self.same += more.same;
        self.absent.extend(more.absent);
        self.replaced.values += more.replaced.values;
        self.replaced.records += more.replaced.records;
        self.replaced.other_company += more.replaced.other_company;
    }
}

/// Compares records with the account, and sends nothing.
pub async fn compare_with_account(
    client: &Client,
    plan: &Plan,
    clock: Clock,
    records: Vec<QueuedRecord>,
) -> Result<PresenceCounts, Failure> {
    let ids: Vec<u64> = records.iter().filter_map(|queued| queued.record.id).collect();
    let held = read_records(client, plan, clock, &ids).await?;
    let (changes, mut looked) = (DiffRules::of(plan), PresenceCounts::default());
    for queued in records {
        match compare(&changes, queued, &held) {
            PresentRecord::Differs(queued) => {
                looked.differ += 1;
                looked.replaced.add(&queued);
            }
            PresentRecord::Same(queued) => {
                looked.same += 1;
                looked.replaced.add(&queued);
            }
            PresentRecord::Absent(queued) => looked.absent.push(settle::not_visible(plan, &queued)),
        }
    }
    Ok(looked)
}

fn compare(changes: &DiffRules<'_>, mut queued: QueuedRecord, held: &HashMap<u64, Value>) -> PresentRecord {
    let Some(held) = queued.record.id.and_then(|id| held.get(&id)) else { return PresentRecord::Absent(queued) };
    queued.record.other_company = DiffRules::has_other_company(&queued.record, held);
    match changes.diff(&queued.record, held) {
        Ok(Diff::Unchanged) => PresentRecord::Same(queued),
        Ok(Diff::Change { body, links, lost }) => {
            queued.record.body = body;
            queued.record.links = links;
            queued.record.lost = lost;
            PresentRecord::Differs(queued)
        }
        // A body is always JSON; sent as it is, it does what the row says.
        Err(_) => PresentRecord::Differs(queued),
    }
}
