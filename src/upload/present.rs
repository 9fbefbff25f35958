//! The records of an update as they are in the account, read before anything of them is sent: a page of them at a time, while
//! batches are under way. What the account holds already is not sent; what differs waits for its batch, without what was read.

use crate::mapping::Plan;
use crate::mapping::apply::change::{Diff, DiffRules};
use crate::store::{Outcome, Status, StoreError};
use crate::upload::doubt::look;
use crate::upload::feed::QueuedRecord;
use crate::upload::run::{End, Uploader};
use crate::upload::send::TaskContext;
use crate::upload::settle;
use crate::upload::verdict::stop_of;
use amo_client::clock::Clock;
use amo_client::{Client, Failure};
use amo_model::{Action, IDS_MAX};
use serde_json::Value;
use sheet_source::message;
use sheet_source::problem::Note;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Records that nobody has looked at yet, and how many pages of them are being read.
#[derive(Debug, Default)]
pub(super) struct PendingLookups {
    waiting: VecDeque<QueuedRecord>,
    under_way: usize,
}

/// The end of a page's reading.
pub(super) enum PageEnd {
    /// Nothing may go out any more, or not now.
    Stopped(Vec<QueuedRecord>),
    Failed(Vec<QueuedRecord>, Failure),
    Read(Vec<PresentRecord>),
}

/// A record and what the account says of it.
pub(super) enum PresentRecord {
    /// Cut down to what differs.
    Differs(QueuedRecord),
    Same(QueuedRecord),
    Absent(QueuedRecord),
}

/// True where records are looked at before they are changed. Rows of an exported workbook are: that is how it is known which of
/// them say something new.
pub fn is_looked_at(plan: &Plan) -> bool {
    plan.action == Action::Update && plan.edits.is_none()
}

impl PendingLookups {
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.under_way == 0
    }

    pub fn push(&mut self, loaded: QueuedRecord) {
        self.waiting.push_back(loaded);
    }

    /// Room for more rows.
    pub fn hungry(&self) -> bool {
        self.waiting.len() < IDS_MAX
    }

    /// The next page: a full one, or the last.
    pub fn take(&mut self, last: bool) -> Option<Vec<QueuedRecord>> {
        if self.waiting.is_empty() || (self.waiting.len() < IDS_MAX && !last) {
            return None;
        }
        self.under_way += 1;
        Some(self.waiting.drain(..IDS_MAX.min(self.waiting.len())).collect())
    }

    pub fn drain(&mut self) -> Vec<QueuedRecord> {
        std::mem::take(&mut self.waiting).into()
    }
}

/// What updates do to values that the account holds, though nobody has said that this is meant: those of a list go, a company
/// stays beside another.
#[derive(Debug, Default)]
pub struct Lost {
    values: u64,
    records: u64,
    beside: u64,
}

impl Lost {
    pub fn add(&mut self, loaded: &QueuedRecord) {
        self.values += u64::from(loaded.record.lost);
        self.records += u64::from(loaded.record.lost > 0);
        self.beside += u64::from(loaded.record.other_company);
    }

    /// The same before anything is sent.
    pub fn would_be(&self) -> Vec<Note> {
        self.replacing().into_iter().chain(self.beside_others()).collect()
    }

    pub fn notes(&self) -> Vec<Note> {
        self.replaced().into_iter().chain(self.beside_others()).collect()
    }

    fn beside_others(&self) -> Option<Note> {
        let message = match self.beside {
            0 => return None,
            1 => message!(
                "1 record has another company in the account than its row says: a link takes none away, so both stay; take the wrong one away there"
            ),
            records => message!(
                "{records} records have another company in the account than their rows say: a link takes none away, so both stay; take the wrong ones away there",
                records
            ),
        };
        Some(Note::new("company-beside", message).count(self.beside))
    }

    fn replacing(&self) -> Option<Note> {
        let (values, records) = (self.values, self.records);
        let message = match (values, records) {
            (0, _) => return None,
            (1, _) => message!("1 value that the account has would be replaced, in 1 record"),
            (_, 1) => message!("{values} values that the account has would be replaced, in 1 record", values),
            _ => message!(
                "{values} values that the account has would be replaced, in {records} records",
                values,
                records
            ),
        };
        Some(Note::new("values-replaced", message).count(values))
    }

    fn replaced(&self) -> Option<Note> {
        let (values, records) = (self.values, self.records);
        let message = match (values, records) {
            (0, _) => return None,
            (1, _) => message!("1 value that the account had is replaced, in 1 record"),
            (_, 1) => message!("{values} values that the account had are replaced, in 1 record", values),
            _ => message!("{values} values that the account had are replaced, in {records} records", values, records),
        };
        Some(Note::new("values-replaced", message).count(values))
    }
}

/// Lists lag behind by seconds: what was made a moment ago may not stand there yet. [client live]
pub const LAG: Duration = Duration::from_secs(3);

/// Reads the records of a page and holds them against what is to become of them.
pub(super) async fn read(shared: Arc<TaskContext>, clock: Clock, records: Vec<QueuedRecord>) -> PageEnd {
    let mut hold = shared.hold.subscribe();
    let plan = &shared.plan;
    let ids: Vec<u64> = records.iter().filter_map(|loaded| loaded.record.id).collect();
    let looked = tokio::select! {
        biased;
        _ = hold.wait_for(|hold| *hold) => return PageEnd::Stopped(records),
        held = held(&shared.client, plan, clock, &ids) => held,
    };
    match looked {
        Ok(held) => {
            let changes = DiffRules::of(plan);
            PageEnd::Read(records.into_iter().map(|loaded| seen(&changes, loaded, &held)).collect())
        }
        Err(failure) => PageEnd::Failed(records, failure),
    }
}

/// What the account shows under these ids; those that it does not show are looked for once more.
async fn held(client: &Client, plan: &Plan, clock: Clock, ids: &[u64]) -> Result<HashMap<u64, Value>, Failure> {
    let (entity, catalog) = (plan.kind.spec().entity, plan.catalog);
    let mut held = look::by_ids(client, entity, catalog, ids).await?;
    let absent: Vec<u64> = ids.iter().copied().filter(|id| !held.contains_key(id)).collect();
    if !absent.is_empty() {
        clock.sleep(LAG).await;
        held.extend(look::by_ids(client, entity, catalog, &absent).await?);
    }
    Ok(held)
}

/// What records of an update come to that nobody sends.
#[derive(Debug, Default)]
pub struct PresenceCounts {
    /// Of how many something would change.
    pub differ: u64,
    pub same: u64,
    /// Records that the account does not show.
    pub absent: Vec<Outcome>,
    pub lost: Lost,
}

impl PresenceCounts {
    pub fn add(&mut self, more: PresenceCounts) {
        self.differ += more.differ;
        self.same += more.same;
        self.absent.extend(more.absent);
        self.lost.values += more.lost.values;
        self.lost.records += more.lost.records;
        self.lost.beside += more.lost.beside;
    }
}

/// Holds records against the account, and sends nothing.
pub async fn look_at(
    client: &Client,
    plan: &Plan,
    clock: Clock,
    records: Vec<QueuedRecord>,
) -> Result<PresenceCounts, Failure> {
    let ids: Vec<u64> = records.iter().filter_map(|loaded| loaded.record.id).collect();
    let held = held(client, plan, clock, &ids).await?;
    let (changes, mut looked) = (DiffRules::of(plan), PresenceCounts::default());
    for loaded in records {
        match seen(&changes, loaded, &held) {
            PresentRecord::Differs(loaded) => {
                looked.differ += 1;
                looked.lost.add(&loaded);
            }
            PresentRecord::Same(loaded) => {
                looked.same += 1;
                looked.lost.add(&loaded);
            }
            PresentRecord::Absent(loaded) => looked.absent.push(settle::not_visible(plan, &loaded)),
        }
    }
    Ok(looked)
}

fn seen(changes: &DiffRules<'_>, mut loaded: QueuedRecord, held: &HashMap<u64, Value>) -> PresentRecord {
    let Some(held) = loaded.record.id.and_then(|id| held.get(&id)) else { return PresentRecord::Absent(loaded) };
    loaded.record.other_company = DiffRules::has_other_company(&loaded.record, held);
    match changes.diff(&loaded.record, held) {
        Ok(Diff::Unchanged) => PresentRecord::Same(loaded),
        Ok(Diff::Change { body, links, lost }) => {
            loaded.record.body = body;
            loaded.record.links = links;
            loaded.record.lost = lost;
            PresentRecord::Differs(loaded)
        }
        // A body of ours is always JSON; sent as it is, it does what the row says.
        Err(_) => PresentRecord::Differs(loaded),
    }
}

impl Uploader<'_> {
    pub(super) fn seen(&mut self, page: PageEnd) -> Result<(), StoreError> {
        self.unread.under_way -= 1;
        let seen = match page {
            PageEnd::Stopped(records) => {
                self.put_back(records);
                return Ok(());
            }
            PageEnd::Failed(records, failure) => {
                self.put_back(records);
                self.finish_with(End::Service(stop_of(failure)));
                return Ok(());
            }
            PageEnd::Read(seen) => seen,
        };
        let plan = Arc::clone(&self.shared.plan);
        for seen in seen {
            match seen {
                PresentRecord::Differs(loaded) => self.open.push(loaded),
                PresentRecord::Same(loaded) => {
                    self.lost.add(&loaded);
                    // Sent by an earlier stretch of the run, which saw no answer: this is what became of it.
                    let sent = self.repeated.contains(&loaded.record.row);
                    let status = if sent { Status::Updated } else { Status::Unchanged };
                    self.local.push(settle::as_wanted(&loaded, status));
                }
                PresentRecord::Absent(loaded) => {
                    let outcome = settle::not_visible(&plan, &loaded);
                    self.rejected += 1;
                    self.tell_rejected(std::slice::from_ref(&outcome));
                    self.local.push(outcome);
                }
            }
        }
        self.write_local()?;
        self.check_budget();
        Ok(())
    }

    fn put_back(&mut self, records: Vec<QueuedRecord>) {
        for loaded in records.into_iter().rev() {
            self.unread.waiting.push_front(loaded);
        }
    }
}
