//! Reading back: what the account holds, compared with what was sent. A 200 that stored less than it was given is a
//! known habit of this service, and nobody else would notice.

use super::feed::{Fed, Loaded};
use super::settle;
use crate::api::{Client, Failure};
use crate::entity::compare::{Difference, compare};
use crate::entity::parts::{id, text};
use crate::entity::{Action, At, Entity, FieldsOf};
use crate::mapping::{Plan, Record, trace};
use crate::message;
use crate::problem::{Problem, Stage, quoted};
use crate::store::{Journal, StoreError, StoredProblem, Verify, Written};
use crate::table::Row;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

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

/// Rows to read back, with their ids in the account.
pub fn choose<T>(done: BTreeMap<u32, T>, how: Verify) -> BTreeMap<u32, T> {
    match how {
        Verify::None => BTreeMap::new(),
        Verify::All => done,
        Verify::Sample => {
            let step = done.len().div_ceil(SAMPLE).max(1);
            done.into_iter().step_by(step).collect()
        }
    }
}

/// Compares the records that `feed` maps again with what the account holds under their ids. With `above`, everything
/// above that watermark is looked through for twins as well.
pub async fn read_back(
    client: &Client,
    plan: &Plan,
    journal: &Arc<Mutex<Journal>>,
    mut feed: mpsc::Receiver<Vec<Fed>>,
    ids: &BTreeMap<u32, Written>,
    above: Option<u64>,
) -> Result<Verified, VerifyError> {
    let mut verified = Verified::default();
    let mut prints: HashMap<u64, u32> = HashMap::new();
    let mut chunk: Vec<(Loaded, Written)> = Vec::new();
    while let Some(parcel) = feed.recv().await {
        for fed in parcel {
            let Some(loaded) = record(plan, fed) else { continue };
            let Some(written) = ids.get(&loaded.record.row) else { continue };
            if above.is_some() {
                prints.extend(print(&sent(&loaded)).map(|print| (print, loaded.record.row)));
            }
            chunk.push((loaded, *written));
            if chunk.len() == CHUNK {
                check(client, plan, journal, &std::mem::take(&mut chunk), &mut verified).await?;
            }
        }
    }
    check(client, plan, journal, &chunk, &mut verified).await?;
    // Without a name, as purchases are, many are alike that have nothing to do with each other.
    if let Some(watermark) = above.filter(|_| !prints.is_empty()) {
        twins(client, plan, journal, watermark, &prints, &mut verified).await?;
    }
    Ok(verified)
}

/// What is deleted by its key is mapped no more, since the key is free again; its row and its id are all there is to know.
fn record(plan: &Plan, fed: Fed) -> Option<Loaded> {
    match fed {
        Fed::Record(loaded) => Some(loaded),
        Fed::Local(outcome) if plan.action == Action::Delete => {
            let record = Record { row: outcome.row, ..Record::default() };
            Some(Loaded { record, row: Row::default(), more: Vec::new() })
        }
        Fed::Local(_) | Fed::End { .. } | Fed::Broken(_) => None,
    }
}

fn sent(loaded: &Loaded) -> Value {
    serde_json::from_slice(&loaded.record.body).unwrap_or(Value::Null)
}

async fn check(
    client: &Client,
    plan: &Plan,
    journal: &Arc<Mutex<Journal>>,
    chunk: &[(Loaded, Written)],
    verified: &mut Verified,
) -> Result<(), VerifyError> {
    if chunk.is_empty() {
        return Ok(());
    }
    let held = held(client, plan, chunk).await?;
    let mut notes = Vec::new();
    for (loaded, Written { id, .. }) in chunk {
        verified.checked += 1;
        let held = match (held.get(id), plan.action) {
            (None, Action::Delete) => continue,
            (Some(_), Action::Delete) => {
                verified.kept += 1;
                notes.push((loaded.record.row, kept(plan, loaded, *id)));
                continue;
            }
            (None, Action::Create | Action::Update) => {
                verified.missing += 1;
                notes.push((loaded.record.row, missing(plan, loaded, *id)));
                continue;
            }
            (Some(held), Action::Create | Action::Update) => held,
        };
        let differences = compare(&sent(loaded), held).differences;
        let told: Vec<&Difference> = differences.iter().filter(|d| d.telling || d.dropped).collect();
        verified.differing += u64::from(!told.is_empty());
        notes.extend(told.into_iter().map(|difference| (loaded.record.row, differs(plan, loaded, difference))));
    }
    Ok(journal.lock().unwrap_or_else(PoisonError::into_inner).note(&notes)?)
}

/// What the account holds under the ids of a chunk; with the whole contacts and companies where the records brought theirs
/// along.
async fn held(client: &Client, plan: &Plan, chunk: &[(Loaded, Written)]) -> Result<HashMap<u64, Value>, Failure> {
    // Unknown filters are ignored with a 200: only rows that were asked for are looked up afterwards. [client live]
    let by_id = |items: Vec<Value>| -> HashMap<u64, Value> {
        items.into_iter().filter_map(|item| Some((id(&item["id"])?, item))).collect()
    };
    let ids: Vec<u64> = chunk.iter().map(|(_, written)| written.id).collect();
    let mut held = by_id(client.by_ids(plan.kind.spec().entity, plan.catalog, &ids).await?);
    for section in &plan.sections {
        let (At::EmbeddedFirst(key), Some(FieldsOf::Entity(entity))) = (section.spec.at, section.spec.custom_fields)
        else {
            continue;
        };
        let part = |written: &Written| match entity {
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
        let parts: Vec<u64> = chunk.iter().filter_map(|(_, written)| part(written)).collect();
        if parts.is_empty() {
            continue;
        }
        let whole = by_id(client.by_ids(entity, None, &parts).await?);
        for (_, written) in chunk {
            if let (Some(held), Some(whole)) = (held.get_mut(&written.id), part(written).and_then(|id| whole.get(&id)))
            {
                held["_embedded"][key] = Value::Array(vec![whole.clone()]);
            }
        }
    }
    Ok(held)
}

/// Looks for entities above the watermark that are not ours and hold what one of ours holds.
async fn twins(
    client: &Client,
    plan: &Plan,
    journal: &Arc<Mutex<Journal>>,
    watermark: u64,
    prints: &HashMap<u64, u32>,
    verified: &mut Verified,
) -> Result<(), VerifyError> {
    let known = journal.lock().unwrap_or_else(PoisonError::into_inner).known_ids(watermark)?;
    let mut twins: Vec<(u32, u64)> = Vec::new();
    client
        .each_above(plan.kind.spec().entity, plan.catalog, watermark, &[], |held| {
            let Some(id) = id(&held["id"]).filter(|id| !known.contains(id)) else { return };
            twins.extend(print(&held).and_then(|print| prints.get(&print)).map(|row| (*row, id)));
        })
        .await?;
    verified.doubled += twins.len() as u64;
    let notes: Vec<(u32, StoredProblem)> = twins.into_iter().map(|(row, id)| (row, twin(id))).collect();
    Ok(journal.lock().unwrap_or_else(PoisonError::into_inner).note(&notes)?)
}

fn twin(id: u64) -> StoredProblem {
    let problem =
        Problem::new(Stage::Reconcile, "doubled", message!("the account also holds {id} with the same content", id))
            .hint("look at both cards, and join or delete one of them in the CRM");
    StoredProblem::from(&problem)
}

/// What a twin would share; nothing where there is no name.
fn print(item: &Value) -> Option<u64> {
    let shared = ["name", "price", "first_name", "last_name"].map(|key| text(&item[key]).trim().to_owned());
    let [name, _, first, last] = &shared;
    if name.is_empty() && first.is_empty() && last.is_empty() {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    shared.hash(&mut hasher);
    Some(hasher.finish())
}

fn kept(plan: &Plan, loaded: &Loaded, id: u64) -> StoredProblem {
    let message = message!("{id} was deleted, and the account still shows it", id);
    let problem = settle::at(plan, loaded, None, Stage::Reconcile, "still-there", message)
        .hint("look at it again in a few minutes; lists lag behind");
    StoredProblem::from(&problem)
}

fn missing(plan: &Plan, loaded: &Loaded, id: u64) -> StoredProblem {
    let message = message!("the account gave it the id {id} and does not show it", id);
    let problem = settle::at(plan, loaded, None, Stage::Reconcile, "missing", message)
        .hint("look at the card; it may have been deleted or merged since");
    StoredProblem::from(&problem)
}

fn differs(plan: &Plan, loaded: &Loaded, difference: &Difference) -> StoredProblem {
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
    StoredProblem::from(&problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twin_shares_the_name_and_what_has_none_has_no_twins() {
        let lead = |name: &str, price: i64| print(&serde_json::json!({"name": name, "price": price}));
        assert_eq!(lead("A", 1), lead(" A", 1));
        assert_ne!(lead("A", 1), lead("A", 2));
        assert_eq!(lead("", 2), None);
    }

    #[test]
    fn a_sample_is_spread_over_the_run() {
        let done: BTreeMap<u32, u64> = (0..1_000).map(|n| (n, u64::from(n))).collect();
        let sample = choose(done.clone(), Verify::Sample);
        assert_eq!(sample.len(), SAMPLE);
        assert!(sample.contains_key(&0) && sample.contains_key(&990));
        assert_eq!(choose(done.clone(), Verify::All).len(), 1_000);
        assert!(choose(done, Verify::None).is_empty());
        assert_eq!(choose(BTreeMap::from([(3, 4)]), Verify::Sample).len(), 1);
    }
}
