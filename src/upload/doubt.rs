//! Records whose answer was lost. Nothing is sent while there are any: the requests in flight are waited for, then
//! the account is read from the watermark on, again and again over the settling time, since a commit may come late.
//! What is found is done; what is missing at the end goes again; what stays unclear is told and never sent again.

use super::Event;
use super::feed::{self, Fed, Loaded, Select, Walked};
use super::look;
use super::reconcile::{self, Found, InDoubt, Known, match_records};
use super::run::{End, Uploader, lock};
use super::send::Load;
use super::settle::{self, Answered};
use super::verdict::stop_of;
use crate::api::Failure;
use crate::entity::answer::{self, WrittenItem};
use crate::entity::parts::id;
use crate::entity::{Action, Entity, MAY_SORT};
use crate::mapping::Mapper;
use crate::message;
use crate::problem::{Problem, Stage};
use crate::store::{BatchNo, OpenDoubt, Outcome, StoreError};
use crate::table::Table;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// Records of one batch that are in doubt.
#[derive(Debug)]
pub struct Doubt {
    pub batch: BatchNo,
    pub records: Vec<Loaded>,
    /// The highest id known before the batch was sent: whatever it made has a higher one.
    pub watermark: u64,
    pub attempts: u32,
    pub why: String,
    /// The request was too long for somebody in between: what goes again goes in halves.
    pub too_long: bool,
}

impl Doubt {
    /// Batches that a run which was killed had sent and not seen answered, with their records mapped again from its
    /// source (`records`), which has to be as it was.
    pub fn reopen(open: Vec<OpenDoubt>, mut records: HashMap<u32, Loaded>) -> Result<Vec<Doubt>, Problem> {
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
                attempts: 1,
                why: "the program stopped before the answer came".to_owned(),
                too_long: false,
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
    ) -> Result<(HashMap<u32, Loaded>, Walked), Problem> {
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

/// When the account is looked at, as shares of the settling time. The first looks are for what has arrived already.
const LOOKS: [f64; 7] = [0.01, 0.04, 0.1, 0.2, 0.4, 0.7, 1.0];

/// Everything that was seen above the watermark, by id.
type Held = BTreeMap<u64, Value>;

/// What the looks came to.
enum Seen {
    /// One entry for each record, batch after batch.
    Matches(Vec<Found>, Held),
    Interrupted,
    Blind(Failure),
}

/// Keys of the records that may have given them their place in a list.
fn keys_sent(doubts: &[Doubt]) -> Vec<&'static str> {
    let records = doubts.iter().flat_map(|doubt| &doubt.records);
    let items: Vec<Value> = records.filter_map(|loaded| serde_json::from_slice(&loaded.record.body).ok()).collect();
    MAY_SORT.into_iter().filter(|key| items.iter().any(|item| !item[*key].is_null())).collect()
}

impl Uploader<'_> {
    /// Settles all doubts, or leaves them for a resumed run when the account cannot be read or the user interrupts.
    pub(super) async fn settle_doubts(&mut self, stop: &CancellationToken) -> Result<(), StoreError> {
        let doubts = std::mem::take(&mut self.doubts);
        if self.shared.plan.action == Action::Delete {
            return self.settle_deletions(doubts, stop).await;
        }
        match self.look(&doubts, stop).await? {
            Seen::Matches(matches, held) => {
                let mut matches = matches.into_iter();
                for doubt in doubts {
                    let found = matches.by_ref().take(doubt.records.len()).collect();
                    self.settle_doubt(doubt, found, &held)?;
                }
                Ok(())
            }
            Seen::Interrupted => {
                self.doubts = doubts;
                self.stop_with(End::Interrupted);
                Ok(())
            }
            Seen::Blind(failure) => {
                self.doubts = doubts;
                self.stop_with(End::Service(stop_of(failure)));
                Ok(())
            }
        }
    }

    /// Refused, after a time that may have done it: what stays there was refused. Lists lag behind, so they are looked at
    /// with patience.
    async fn settle_deletions(&mut self, doubts: Vec<Doubt>, stop: &CancellationToken) -> Result<(), StoreError> {
        let looked = tokio::select! {
            biased;
            () = stop.cancelled() => Err(End::Interrupted),
            there = self.still_there(&doubts) => there.map_err(|failure| End::Service(stop_of(failure))),
        };
        let there = match looked {
            Ok(there) => there,
            Err(end) => {
                self.doubts = doubts;
                self.stop_with(end);
                return Ok(());
            }
        };
        let plan = Arc::clone(&self.shared.plan);
        for doubt in doubts {
            let answered = Answered { http_status: None, attempts: doubt.attempts };
            let outcomes: Vec<Outcome> = doubt
                .records
                .iter()
                .map(|loaded| match loaded.record.id.is_some_and(|id| there.contains(&id)) {
                    true => settle::rejected_alone(&plan, loaded, &doubt.why, answered),
                    false => settle::deleted(loaded, answered),
                })
                .collect();
            lock(&self.shared.journal).settle_doubt(doubt.batch, &outcomes)?;
        }
        Ok(())
    }

    /// Which of the records the account shows at every look.
    async fn still_there(&self, doubts: &[Doubt]) -> Result<HashSet<u64>, Failure> {
        let (client, plan, clock) = (&self.shared.client, &self.shared.plan, self.options.clock);
        let started = Instant::now();
        let mut there: HashSet<u64> =
            doubts.iter().flat_map(|d| &d.records).filter_map(|loaded| loaded.record.id).collect();
        for share in LOOKS {
            clock.sleep(self.options.settle.mul_f64(share).saturating_sub(clock.since(started))).await;
            let ids: Vec<u64> = there.iter().copied().collect();
            let seen = look::by_ids(client, plan.kind.spec().entity, plan.catalog, &ids).await?;
            there.retain(|id| seen.contains_key(id));
            if there.is_empty() {
                break;
            }
        }
        Ok(there)
    }

    async fn look(&mut self, doubts: &[Doubt], stop: &CancellationToken) -> Result<Seen, StoreError> {
        let records: Vec<InDoubt<'_>> = doubts
            .iter()
            .flat_map(|doubt| doubt.records.iter().map(|loaded| InDoubt { loaded, watermark: doubt.watermark }))
            .collect();
        let watermark = doubts.iter().map(|doubt| doubt.watermark).min().unwrap_or(0);
        let (settle, clock) = (self.options.settle, self.options.clock);
        let started = Instant::now();
        let mut seen = Err(None);
        // What was seen once counts, though it may be merged or deleted before the last look.
        let mut held = Held::new();
        let sent = keys_sent(doubts);
        let parents: BTreeSet<u64> = records.iter().filter_map(|record| record.loaded.record.parent).collect();
        for (n, share) in LOOKS.iter().enumerate() {
            let due = settle.mul_f64(*share).saturating_sub(clock.since(started));
            let known = lock(&self.shared.journal).known_ids(watermark)?;
            let look = async {
                clock.sleep(due).await;
                self.read_above(watermark, (&parents, &sent), &known, &mut held).await
            };
            let read = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Seen::Interrupted),
                read = look => read,
            };
            if let Err(failure) = read {
                seen = Err(Some(failure));
                continue;
            }
            let all_held: Vec<&Value> = held.values().collect();
            // What another run made while this one looked is that one's.
            let known = lock(&self.shared.journal).known_ids(watermark)?;
            let plan = &self.shared.plan;
            let known = Known { ids: &known, marker: plan.marker, user: plan.account.basics.current_user };
            let matches = match_records(&records, &all_held, known);
            let all = matches.iter().all(|found| matches!(found, Found::There { .. }));
            self.tell_look(&matches, all || n + 1 == LOOKS.len());
            seen = Ok(matches);
            if all {
                break;
            }
        }
        Ok(match seen {
            Ok(matches) => Seen::Matches(matches, held),
            Err(Some(failure)) => Seen::Blind(failure),
            Err(None) => Seen::Matches(vec![Found::Unclear(Vec::new()); records.len()], held),
        })
    }

    /// Adds what the account has above the watermark; with the whole contacts and companies where records bring theirs
    /// along, since leads of one name are told apart by them.
    async fn read_above(
        &self,
        watermark: u64,
        (parents, sent): (&BTreeSet<u64>, &[&'static str]),
        known: &HashSet<u64>,
        held: &mut Held,
    ) -> Result<(), Failure> {
        let (client, plan) = (&self.shared.client, &self.shared.plan);
        let mut fresh = Vec::new();
        for parent in parents {
            // The list of all purchases has no order to rely on; those of the customers concerned are few.
            let of_parent = client.transactions_of(*parent).await?.into_iter();
            let above = of_parent.filter(|item| id(&item["id"]).is_some_and(|id| id > watermark));
            fresh.extend(above.map(|item| reconcile::owned(item, *parent)));
        }
        if parents.is_empty() {
            fresh = client.above(plan.kind.spec().entity, plan.catalog, watermark, sent).await?;
        }
        // Those of others are not compared.
        let open = |item: &Value| id(&item["id"]).is_some_and(|id| !known.contains(&id));
        let part = |item: &Value, _: Entity, key: &str| look::first_part(item, key).filter(|_| open(item));
        look::put_parts_in(client, plan, &mut fresh, part).await?;
        held.extend(fresh.into_iter().filter_map(|item| Some((id(&item["id"])?, item))));
        Ok(())
    }

    fn tell_look(&mut self, matches: &[Found], last: bool) {
        let count = |wanted: fn(&Found) -> bool| matches.iter().filter(|found| wanted(found)).count();
        (self.observe)(Event::Looked {
            found: count(|f| matches!(f, Found::There { .. })),
            missing: count(|f| matches!(f, Found::Missing)),
            unclear: count(|f| matches!(f, Found::Unclear(_))),
            last,
        });
    }

    fn settle_doubt(&mut self, doubt: Doubt, found: Vec<Found>, held: &Held) -> Result<(), StoreError> {
        let answered = Answered { http_status: None, attempts: doubt.attempts };
        let (mut outcomes, mut missing) = (Vec::new(), Vec::new());
        for (loaded, found) in doubt.records.into_iter().zip(found) {
            match found {
                Found::There { id, contact_id, company_id } => {
                    self.raise_watermark(id);
                    let seen = held.get(&id).and_then(answer::written_item);
                    let (url, warning, total) = seen.map_or((None, None, None), |s| (s.url, s.warning, s.total));
                    let request_ids = Vec::new();
                    let item =
                        WrittenItem { id, request_ids, contact_id, company_id, merged: false, url, warning, total };
                    outcomes.push(settle::found(&self.shared.plan, &loaded, &item, answered));
                    self.sample.offer(loaded);
                }
                Found::Missing => missing.push(loaded),
                Found::Unclear(ids) => {
                    outcomes.push(settle::unclear(&self.shared.plan, &loaded, (&doubt.why, &ids), answered));
                }
            }
        }
        lock(&self.shared.journal).settle_doubt(doubt.batch, &outcomes)?;
        let second = if doubt.too_long { missing.split_off(missing.len().div_ceil(2)) } else { Vec::new() };
        self.send_again(Load::Records(second));
        self.send_again(Load::Records(missing));
        Ok(())
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
