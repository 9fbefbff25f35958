//! Records whose answer was lost. Nothing is sent while there are any: the requests in flight are waited for, then
//! the account is read from the watermark on, again and again, since a commit may come late: for as long as an answer may take
//! and the settling time after that. What is found is done at once. What is missing at the end goes again, where the list
//! is shown to show everything; what stays unclear is told and never sent again.

use super::UploadEvent;
use super::feed::{self, Fed, QueuedRecord, Select, Walked};
use super::look;
use super::reconcile::{self, Finding, InDoubt, PriorKnowledge, match_records};
use super::run::{End, Uploader, lock};
use super::send::{Batch, Load};
use super::settle::{self, Answered};
use super::verdict::stop_of;
use crate::mapping::Mapper;
use crate::store::{BatchNo, OpenDoubt, OtherOpen, Outcome, StoreError};
use amo_client::{Failure, List};
use amo_model::answer::{self, WrittenItem};
use amo_model::parts::id;
use amo_model::{Action, Entity, MAY_SORT};
use serde_json::Value;
use sheet_source::Table;
use sheet_source::message;
use sheet_source::problem::{Problem, Stage};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Records of one batch that are in doubt.
#[derive(Debug)]
pub struct Doubt {
    pub batch: BatchNo,
    pub records: Vec<QueuedRecord>,
    /// The highest id known before the batch was sent: whatever it made has a higher one.
    pub watermark: u64,
    /// Unix milliseconds.
    pub sent_at_ms: i64,
    pub attempts: u32,
    /// Of the answer that has left them in doubt, where one came.
    pub http_status: Option<u16>,
    pub cause: Cause,
    pub why: String,
    /// Ids that an answer gave without saying for which records.
    pub named: Vec<u64>,
}

/// What brought records into doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Nobody knows whether the service has acted on the request.
    Lost,
    /// The same, and the request was too long for somebody in between.
    TooLong,
    /// The service refused the request because of others, or of what an earlier try has done.
    Refused,
    /// The service refused the request and did not say because of what.
    RefusedWhole,
}

impl Cause {
    /// What goes again goes in halves.
    pub fn halves(self) -> bool {
        matches!(self, Cause::TooLong | Cause::RefusedWhole)
    }

    /// The service itself has said no: it takes more than a list of strangers to doubt that.
    pub(super) fn is_refusal(self) -> bool {
        matches!(self, Cause::Refused | Cause::RefusedWhole)
    }
}

impl Doubt {
    /// The records of a batch, of which it is not clear whether they were made.
    pub(super) fn of(batch: Batch, http_status: Option<u16>, (cause, why): (Cause, String)) -> Doubt {
        let Batch { no, load, tries, watermark, sent_at_ms, .. } = batch;
        let records = match load {
            Load::Records(records) => records,
            // Links are sent again without any doubt.
            Load::Links(_) => Vec::new(),
        };
        let named = Vec::new();
        Doubt { batch: no, records, watermark, sent_at_ms, attempts: tries, http_status, cause, why, named }
    }

    /// Batches that a run which was killed had sent and not seen answered, with their records mapped again from its
    /// source (`records`), which has to be as it was.
    pub fn reopen(open: Vec<OpenDoubt>, mut records: HashMap<u32, QueuedRecord>) -> Result<Vec<Doubt>, Problem> {
        let mut doubts = Vec::new();
        for doubt in open {
            let mut of = Vec::with_capacity(doubt.rows.len());
            for row in &doubt.rows {
                // What was sent and is not mapped any more would be taken for a row that nobody has sent.
                let Some(mut loaded) = records.remove(row) else {
                    let message =
                        message!("row {row} was sent, and the mapping makes no record of it any more", row = *row);
                    return Err(Problem::new(Stage::Map, "changed", message)
                        .hint("put the source, the mapping and amoport back as they were, then resume"));
                };
                // They went to that one, whatever their cells mean today.
                loaded.record.parent = doubt.owner.or(loaded.record.parent);
                of.push(loaded);
            }
            doubts.push(Doubt {
                batch: doubt.batch,
                records: of,
                watermark: doubt.watermark,
                sent_at_ms: doubt.sent_at_ms,
                attempts: 1,
                http_status: None,
                cause: Cause::Lost,
                why: "the program stopped before the answer came".to_owned(),
                named: Vec::new(),
            });
        }
        Ok(doubts)
    }

    /// The records of some rows of a source; `rows` are those that the run was asked for.
    pub fn records(
        table: Table,
        mapper: Mapper,
        wanted: HashSet<u32>,
        rows: Option<(u32, u32)>,
    ) -> Result<(HashMap<u32, QueuedRecord>, Walked), Problem> {
        // A key that stands outside of these rows as well is met once here, as it was then.
        let select = Select { only: Some(wanted), rows, ..Select::default() };
        let mut records = HashMap::new();
        let walked = feed::walk(table, mapper, &select, |met| {
            if let Fed::Record(loaded) = met.keep() {
                records.insert(loaded.record.row, loaded);
            }
            true
        })?;
        Ok((records, walked))
    }
}

/// When the account is looked at, as shares of the time that is waited. The first looks are for what has arrived already.
const LOOKS: [f64; 8] = [0.004, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0];

/// Everything that was seen above the watermark, by id.
type AccountItems = BTreeMap<u64, Value>;

/// Why looking came to an end before its time.
enum LookAborted {
    Interrupted,
    Blind(Failure),
}

/// What a look came to.
struct LookResult {
    /// One entry for each record, batch after batch.
    found: Vec<Finding>,
    /// What other runs had under way meanwhile.
    elsewhere: Vec<OtherOpen>,
}

/// Whether what a list does not show is missing.
enum Proof {
    Given,
    /// Why not.
    Lacking(String),
}

/// Keys of the records that may have given them their place in a list.
fn keys_sent(doubts: &[Doubt]) -> Vec<&'static str> {
    let records = doubts.iter().flat_map(|doubt| &doubt.records);
    let items: Vec<Value> = records.filter_map(|loaded| serde_json::from_slice(&loaded.record.body).ok()).collect();
    MAY_SORT.into_iter().filter(|key| items.iter().any(|item| !item[*key].is_null())).collect()
}

fn in_doubt(doubts: &[Doubt]) -> Vec<InDoubt<'_>> {
    let of = |doubt: &'_ Doubt, loaded| InDoubt {
        loaded,
        watermark: doubt.watermark,
        sent_at_ms: doubt.sent_at_ms,
        refused: doubt.cause.is_refusal(),
    };
    doubts.iter().flat_map(|doubt| doubt.records.iter().map(move |loaded| of(doubt, loaded))).collect()
}

fn all_there(found: &[Finding]) -> bool {
    found.iter().all(|found| matches!(found, Finding::There { .. }))
}

/// The status of a refusal. [doc]
const REFUSED: u16 = 400;

fn contest(other: &OtherOpen) -> String {
    format!("run {} has records in doubt of which it may be one: go on with that one first", other.run)
}

impl Uploader<'_> {
    /// Settles all doubts, or leaves them for a resumed run when the account cannot be read or the user interrupts.
    pub(super) async fn settle_doubts(&mut self, stop: &CancellationToken) -> Result<(), StoreError> {
        let mut doubts = std::mem::take(&mut self.doubts);
        if self.shared.plan.action == Action::Delete {
            return self.settle_deletions(doubts, stop).await;
        }
        let cut = tokio::select! {
            biased;
            () = stop.cancelled() => Some(LookAborted::Interrupted),
            looked = self.look_until_settled(&mut doubts) => looked?,
        };
        let end = match cut {
            None => return Ok(()),
            Some(LookAborted::Interrupted) => End::Interrupted,
            Some(LookAborted::Blind(failure)) => End::Service(stop_of(failure)),
        };
        self.doubts = doubts;
        self.stop_with(end);
        Ok(())
    }

    /// How long this batch is still looked for: an answer may take its time, and a commit may come after that.
    pub(super) fn time_left(&self, doubt: &Doubt) -> Duration {
        let clock = self.options.clock;
        let whole = self.options.answer_timeout + self.options.settle;
        whole.saturating_sub(clock.since_unix_ms(doubt.sent_at_ms))
    }

    /// Looks again and again. What is found is settled at once and taken out of `doubts`, so that whoever stops this loses nothing.
    async fn look_until_settled(&mut self, doubts: &mut Vec<Doubt>) -> Result<Option<LookAborted>, StoreError> {
        let mut held = AccountItems::new();
        if doubts.iter().all(|doubt| doubt.cause.is_refusal()) && self.glance(doubts, &mut held).await? {
            return Ok(None);
        }
        let clock = self.options.clock;
        let wait = doubts.iter().map(|doubt| self.time_left(doubt)).max().unwrap_or_default();
        let started = Instant::now();
        let mut seen = Err(Failure::Lost("the account was not looked at".to_owned()));
        for (n, share) in LOOKS.iter().enumerate() {
            let (due, last) = (wait.mul_f64(*share).saturating_sub(clock.since(started)), n + 1 == LOOKS.len());
            // Where the time is over before it begins, two looks say as much as all of them.
            if due.is_zero() && !last && seen.is_ok() {
                continue;
            }
            clock.sleep(due).await;
            if let Err(failure) = self.read_above(doubts, &mut held).await? {
                seen = Err(failure);
                continue;
            }
            let looked = self.matched(doubts, &held)?;
            let done = all_there(&looked.found);
            self.tell_look(&looked.found, done || last);
            seen = Ok(self.settle_found(doubts, looked, &held)?);
            if done {
                return Ok(None);
            }
        }
        let (looked, proof) = match seen {
            Ok(looked) => match self.proof().await {
                Ok(proof) => (looked, proof),
                Err(failure) => return Ok(Some(LookAborted::Blind(failure))),
            },
            // Nobody can tell what such a list does not show, and it will be no better for a resumed run.
            Err(Failure::Incomplete(why)) => {
                let found = doubts.iter().flat_map(|doubt| &doubt.records).map(|_| Finding::Missing).collect();
                (LookResult { found, elsewhere: Vec::new() }, Proof::Lacking(why))
            }
            Err(failure) => return Ok(Some(LookAborted::Blind(failure))),
        };
        if matches!(proof, Proof::Given) {
            self.look_into_trash(doubts, &looked).await;
        }
        self.settle_rest(doubts, looked, proof)?;
        Ok(None)
    }

    /// One look where the service has refused all that is in doubt: true where nothing shows that it was done all the same, and
    /// it goes again.
    async fn glance(&mut self, doubts: &mut Vec<Doubt>, held: &mut AccountItems) -> Result<bool, StoreError> {
        if self.read_above(doubts, held).await?.is_err() {
            return Ok(false);
        }
        let looked = self.matched(doubts, held)?;
        if !looked.found.iter().all(|found| matches!(found, Finding::Missing)) {
            return Ok(false);
        }
        for doubt in std::mem::take(doubts) {
            lock(&self.shared.journal).refused(doubt.batch, doubt.http_status.unwrap_or(REFUSED))?;
            self.send_rest(Load::Records(doubt.records), doubt.cause.halves());
        }
        Ok(true)
    }

    fn matched(&self, doubts: &[Doubt], held: &AccountItems) -> Result<LookResult, StoreError> {
        let records = in_doubt(doubts);
        let watermark = doubts.iter().map(|doubt| doubt.watermark).min().unwrap_or(0);
        // What another run made while this one looked is that one's. First what it has open, for that may become known meanwhile:
        // the other way round neither would show.
        let (elsewhere, ids) = {
            let journal = lock(&self.shared.journal);
            (journal.open_elsewhere()?, journal.known_ids(watermark)?)
        };
        let plan = &self.shared.plan;
        let named = doubts.iter().flat_map(|doubt| doubt.named.iter().copied()).collect();
        let known = PriorKnowledge {
            ids: &ids,
            marker: plan.marker,
            user: plan.account.basics.current_user,
            named: &named,
            elsewhere: &elsewhere,
        };
        let all_held: Vec<&Value> = held.values().collect();
        let found = match_records(&records, &all_held, known);
        Ok(LookResult { found, elsewhere })
    }

    /// Adds what the account has above the watermark; with the whole contacts and companies where records bring theirs
    /// along, since leads of one name are told apart by them. What was seen once counts, though it may be merged or deleted
    /// before the last look.
    async fn read_above(&self, doubts: &[Doubt], held: &mut AccountItems) -> Result<Result<(), Failure>, StoreError> {
        let watermark = doubts.iter().map(|doubt| doubt.watermark).min().unwrap_or(0);
        let known = lock(&self.shared.journal).known_ids(watermark)?;
        let mut fresh = match self.above(doubts, watermark).await {
            Ok(fresh) => fresh,
            Err(failure) => return Ok(Err(failure)),
        };
        let (client, plan) = (&self.shared.client, &self.shared.plan);
        // Those of others are not compared.
        let open = |item: &Value| id(&item["id"]).is_some_and(|id| !known.contains(&id));
        let part = |item: &Value, _: Entity, key: &str| look::first_part(item, key).filter(|_| open(item));
        if let Err(failure) = look::put_parts_in(client, plan, &mut fresh, part).await {
            return Ok(Err(failure));
        }
        held.extend(fresh.into_iter().filter_map(|item| Some((id(&item["id"])?, item))));
        Ok(Ok(()))
    }

    async fn above(&self, doubts: &[Doubt], watermark: u64) -> Result<Vec<Value>, Failure> {
        let (client, plan) = (&self.shared.client, &self.shared.plan);
        let records = doubts.iter().flat_map(|doubt| &doubt.records);
        let parents: BTreeSet<u64> = records.filter_map(|loaded| loaded.record.parent).collect();
        let mut fresh = Vec::new();
        for parent in &parents {
            // The list of all purchases has no order to rely on; those of the customers concerned are few.
            let of_parent = client.transactions_of(*parent).await?.into_iter();
            let above = of_parent.filter(|item| id(&item["id"]).is_some_and(|id| id > watermark));
            fresh.extend(above.map(|item| reconcile::owned(item, *parent)));
        }
        if !parents.is_empty() {
            return Ok(fresh);
        }
        let entity = plan.kind.spec().entity;
        let list = List::of(entity, plan.catalog);
        fresh = client.records_above(&list, watermark, &keys_sent(doubts)).await?;
        // What an answer has named stands there, though its list may lag behind.
        let seen: HashSet<u64> = fresh.iter().filter_map(|item| id(&item["id"])).collect();
        let named: Vec<u64> =
            doubts.iter().flat_map(|doubt| doubt.named.iter().copied()).filter(|id| !seen.contains(id)).collect();
        if !named.is_empty() {
            let read = look::by_ids(client, entity, plan.catalog, &named).await?;
            fresh.extend(named.iter().filter_map(|id| read.get(id).cloned()));
        }
        Ok(fresh)
    }

    fn tell_look(&mut self, matches: &[Finding], last: bool) {
        let count = |wanted: fn(&Finding) -> bool| matches.iter().filter(|found| wanted(found)).count();
        (self.observe)(UploadEvent::Looked {
            found: count(|f| matches!(f, Finding::There { .. })),
            missing: count(|f| matches!(f, Finding::Missing)),
            unclear: count(|f| matches!(f, Finding::Unclear(_))),
            last,
        });
    }

    /// Writes down what was found, and leaves the rest in `doubts`. What comes back is about that rest.
    fn settle_found(
        &mut self,
        doubts: &mut Vec<Doubt>,
        looked: LookResult,
        held: &AccountItems,
    ) -> Result<LookResult, StoreError> {
        let (mut found, mut rest) = (looked.found.into_iter(), Vec::new());
        for doubt in doubts.iter_mut() {
            let answered = Answered { http_status: None, attempts: doubt.attempts };
            let (mut outcomes, mut open) = (Vec::new(), Vec::new());
            for (loaded, found) in std::mem::take(&mut doubt.records).into_iter().zip(found.by_ref()) {
                let Finding::There { id, contact_id, company_id } = found else {
                    open.push(loaded);
                    rest.push(found);
                    continue;
                };
                let seen = held.get(&id).and_then(answer::written_item);
                let (url, warning, total) = seen.map_or((None, None, None), |s| (s.url, s.warning, s.total));
                let (request_ids, merged, shown) = (Vec::new(), false, None);
                let item = WrittenItem { id, request_ids, contact_id, company_id, merged, url, warning, total, shown };
                outcomes.push(settle::found(&self.shared.plan, &loaded, &item, answered));
                self.sample.offer(loaded);
            }
            doubt.records = open;
            let mut journal = lock(&self.shared.journal);
            match doubt.records.is_empty() {
                true => journal.settle_doubt(doubt.batch, &outcomes)?,
                false if outcomes.is_empty() => {}
                false => journal.found_in_doubt(doubt.batch, &outcomes)?,
            }
            drop(journal);
            outcomes.iter().filter_map(|outcome| outcome.id).for_each(|id| self.raise_watermark(id));
        }
        doubts.retain(|doubt| !doubt.records.is_empty());
        Ok(LookResult { found: rest, elsewhere: looked.elsewhere })
    }

    /// What is missing goes again where that is proven; else it is as unclear as the rest.
    fn settle_rest(&mut self, doubts: &mut Vec<Doubt>, looked: LookResult, proof: Proof) -> Result<(), StoreError> {
        let mut found = looked.found.into_iter();
        for doubt in std::mem::take(doubts) {
            let answered = Answered { http_status: None, attempts: doubt.attempts };
            let (mut outcomes, mut missing) = (Vec::new(), Vec::new());
            for (loaded, found) in doubt.records.into_iter().zip(found.by_ref()) {
                let (ids, lacking) = match (found, &proof) {
                    (Finding::Unclear(ids), _) => (ids, looked.elsewhere.first().map(contest)),
                    (Finding::Missing, Proof::Lacking(why)) => (Vec::new(), Some(why.clone())),
                    (Finding::Missing | Finding::There { .. }, _) => {
                        missing.push(loaded);
                        continue;
                    }
                };
                let why = lacking.map_or_else(|| doubt.why.clone(), |lacking| format!("{}; {lacking}", doubt.why));
                self.unclear = true;
                outcomes.push(settle::unclear(&self.shared.plan, &loaded, (&why, &ids), answered));
            }
            lock(&self.shared.journal).settle_doubt(doubt.batch, &outcomes)?;
            self.send_rest(Load::Records(missing), doubt.cause.halves());
        }
        Ok(())
    }

    /// The list shows everything where it is an administrator who asks, and it shows what it showed before anything was sent. Whoever
    /// else asks is not shown his own records any more once a robot has handed them over, and no marker helps with that.
    async fn proof(&self) -> Result<Proof, Failure> {
        let plan = &self.shared.plan;
        if !self.sees_all {
            return Ok(Proof::Lacking(
                "the token is not an administrator's, who alone is shown all records".to_owned(),
            ));
        }
        // The purchases of a customer come from their own list, of which nothing was seen before.
        let Some(sentinel) = self.sentinel.filter(|_| !plan.write.names_parent()) else { return Ok(Proof::Given) };
        let shown = look::by_ids(&self.shared.client, plan.kind.spec().entity, plan.catalog, &[sentinel]).await?;
        Ok(match shown.contains_key(&sentinel) {
            true => Proof::Given,
            false => Proof::Lacking(format!("the list does not show {sentinel} either, which was there before")),
        })
    }

    /// What people have deleted before anybody could look is made again; that has to be told. Where the trash cannot be read it
    /// is not.
    async fn look_into_trash(&mut self, doubts: &[Doubt], looked: &LookResult) {
        let plan = &self.shared.plan;
        let entity = plan.kind.spec().entity;
        let Some(watermark) = doubts.iter().map(|doubt| doubt.watermark).min().filter(|_| entity.spec().trash) else {
            return;
        };
        if !looked.found.iter().any(|found| matches!(found, Finding::Missing)) {
            return;
        }
        let trashed = self.shared.client.trashed_above(entity, watermark).await.unwrap_or_default();
        let (records, none) = (in_doubt(doubts), HashSet::new());
        let known = PriorKnowledge {
            marker: plan.marker,
            user: plan.account.basics.current_user,
            ..PriorKnowledge::nothing(&none)
        };
        let found = match_records(&records, &trashed.iter().collect::<Vec<_>>(), known);
        let made = records.iter().zip(found).filter_map(|(record, found)| match found {
            Finding::There { id, .. } => Some((record.loaded.record.row, id)),
            Finding::Missing | Finding::Unclear(_) => None,
        });
        self.deleted.extend(made);
    }

    /// What stays in doubt when the run stops is unknown in its report; a resumed run looks again.
    pub(super) fn leave_doubts(&mut self) -> Result<(), StoreError> {
        for doubt in std::mem::take(&mut self.doubts) {
            let answered = Answered { http_status: None, attempts: doubt.attempts };
            let unknown: Vec<Outcome> =
                doubt.records.iter().map(|l| settle::unknown(&self.shared.plan, l, &doubt.why, answered)).collect();
            lock(&self.shared.journal).leave_in_doubt(doubt.batch, &unknown)?;
        }
        Ok(())
    }
}
