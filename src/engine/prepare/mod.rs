//! The beginning of a use case with a mapping: reads the account, compiles the plan, opens the ledger of keys. `first_reads`
//! are the requests of its beginning, `kept` are snapshots that need not be read again, `flawed` reports a mapping with errors, `known_keys` looks up keys for a check.

pub mod first_reads;
pub mod flawed;
pub mod kept;
pub mod known_keys;

use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::error::EngineError;
use crate::engine::interface::event::{Event, EventSink, Phase};
use crate::engine::source;
use crate::engine::target::OpenAccount;
use crate::engine::target::runtime::run_cancellable;
use crate::export::KeyOf;
use crate::mapping::plan::Groups;
use crate::mapping::{KeyQuery, Keyed, Ledger, MappingAst, Plan, compile};
use crate::store::{
    AccountKey, KeySpace, KeyUse, Keys, LedgerEntry, Relation, Store, StoreError, file_name, ledger_name,
};
use amo_client::account::{Account, SNAPSHOT_SCHEMA, SnapshotScope};
use amo_client::private;
use amo_client::snapshot;
use amo_client::snapshot::Gap;
use amo_model::parts::Basics;
use amo_model::{Entity, Kind};
use first_reads::AccountRead;
use sha2::{Digest, Sha256};
use sheet_source::Table;
use sheet_source::message;
use sheet_source::problem::{Message, Note, Problem};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Unix seconds.
pub(super) fn now() -> i64 {
    now_ms() / 1000
}

pub(super) fn now_ms() -> i64 {
    amo_client::clock::Clock::REAL.unix_ms()
}

/// The note code of a part of the account that cannot be read.
pub(super) const GAP: &str = "account-gap";

/// An account, and the parts that could not be read.
pub(super) struct Pulled {
    pub account: Account,
    pub gaps: Vec<String>,
}

/// Reads the account's identity. From then on its pace is shared with all processes that use the account, by whatever address.
pub(super) fn read_basics(
    target: &OpenAccount,
    cancel: &Cancel,
    events: &mut EventSink<'_>,
) -> Result<Basics, EngineError> {
    events.emit(Event::Phase(Phase::Account));
    let basics = run_cancellable(&target.runtime, cancel, "nothing was sent", snapshot::basics(&target.client))?;
    target.forward_notices(events);
    let basics = basics?;
    target.confirm_account(basics.id, events);
    Ok(basics)
}

/// The account's key in the store. The store, if there is one, records that the address belongs to this account.
pub(super) fn account_key(state: &Path, target: &OpenAccount, id: u64) -> Result<AccountKey, EngineError> {
    if let Some(store) = Store::existing(state)? {
        store.set_account_id(&target.address, id)?;
    }
    Ok(AccountKey::of_id(id))
}

/// Reads the account's identity and structure.
pub(super) fn read_account(
    target: &OpenAccount,
    wanted: &SnapshotScope,
    cancel: &Cancel,
    events: &mut EventSink<'_>,
) -> Result<Pulled, EngineError> {
    AccountRead::begin(target, wanted, events).finish(target, cancel, events)
}

/// Reads the account's structure; parts that the token may not see are noted and left out.
pub(super) fn read_parts(
    target: &OpenAccount,
    (basics, wanted): (Basics, &SnapshotScope),
    cancel: &Cancel,
    events: &mut EventSink<'_>,
) -> Result<Pulled, EngineError> {
    let pulled = snapshot::pull_with(&target.client, basics, wanted, now());
    let pulled = run_cancellable(&target.runtime, cancel, "nothing was sent", pulled)?;
    target.forward_notices(events);
    let (account, gaps) = pulled?;
    Ok(take_gaps(account, gaps, events))
}

/// Notes the parts of the account that could not be read.
fn take_gaps(account: Account, gaps: Vec<Gap>, events: &mut EventSink<'_>) -> Pulled {
    for (what, failure) in &gaps {
        let failure = failure.to_string();
        let message =
            message!("the account's {what} cannot be read, so their names are unknown: {failure}", what, failure);
        events.note(Note::new(GAP, message));
    }
    Pulled { account, gaps: gaps.into_iter().map(|(what, _)| what).collect() }
}

/// A snapshot saved by `pull`.
pub(super) fn read_snapshot(path: &Path) -> Result<Account, EngineError> {
    let unreadable = |message: Message| -> EngineError {
        Problem::in_file(path, "account-file", message).hint("create it with: amoport account pull -o FILE").into()
    };
    let text = private::plain(path)
        .map_err(|e| unreadable(message!("the snapshot cannot be read: {error}", error = e.to_string())))?;
    let account: Account = serde_json::from_slice(&text).map_err(|e| {
        unreadable(message!("this is not a valid snapshot of an account: {error}", error = e.to_string()))
    })?;
    match account.schema {
        SNAPSHOT_SCHEMA => Ok(account),
        other => Err(unreadable(message!(
            "the snapshot has format {other}, this amoport reads {known}",
            other,
            known = SNAPSHOT_SCHEMA
        ))),
    }
}

/// Compiles the mapping for the source. Problems of the mapping are the error.
pub(super) fn compile_plan(
    written: &MappingAst,
    table: &Table,
    account: Arc<Account>,
    ledger: Ledger,
) -> Result<Plan, EngineError> {
    Ok(compile::compile(written, compile::SourceContext::of(table, ledger), account)?)
}

/// The plan with the groups of its source, where it groups rows and they are known.
pub(super) fn with_groups(mut plan: Plan, groups: Option<Groups>) -> Plan {
    if let (Some(place), Some(groups)) = (&mut plan.groups, groups) {
        *place = groups;
    }
    plan
}

/// SHA-256 of a mapping and of the files it names: the two together decide what a row becomes.
pub(super) fn mapping_sha256(path: &Path, written: &MappingAst) -> Result<String, EngineError> {
    let mut sha = source::sha256(path)?;
    for file in &written.files {
        sha.push_str(&source::sha256(file)?);
    }
    Ok(sha256_hex(&sha))
}

/// SHA-256 of a text, in hex.
pub(super) fn sha256_hex(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The names of the ledgers with the keys of an entity: leads are created by two kinds, and elements have a ledger per catalog.
fn ledger_names(entity: Entity, catalog: Option<u64>) -> Vec<String> {
    let kinds = Kind::ALL.into_iter().filter(|kind| kind.spec().entity == entity);
    kinds.map(|kind| ledger_name(kind, catalog.filter(|_| kind.spec().catalog.is_some()))).collect()
}

/// Looks up the key of an id in the ledgers of a state folder; `None` if they cannot be read.
pub(super) fn key_lookup(state: &Path, account: &AccountKey) -> Box<KeyOf> {
    let (store, account) = (LazyStore::new(state), account.clone());
    Box::new(move |entity, catalog, id| {
        let key = |store: &Store| -> Result<Option<String>, StoreError> {
            let mut all = Vec::new();
            for base in ledger_names(entity, catalog) {
                all.extend(store.ledgers(&account, &base)?);
            }
            store.key_of(&account, &all, id)
        };
        store.with(|store| key(store).map_err(|e| e.to_string())).ok().flatten()
    })
}

/// Keys by entity and catalog.
type KeysOf = HashMap<(Entity, Option<u64>), Vec<Keys>>;

/// The keys that imports from this state folder into this account have used, as seen by a mapping whose keys belong to `space`.
/// `run` is the resumed run, if there is one.
pub(super) fn open_ledger(state: &Path, account: &AccountKey, run: Option<i64>, space: KeySpace) -> Ledger {
    let others: Arc<Mutex<BTreeMap<String, u64>>> = Arc::default();
    let other_mappings = Arc::clone(&others);
    let (store, account) = (LazyStore::new(state), account.clone());
    let known: Mutex<KeysOf> = Mutex::default();
    let ledger = Ledger::new(move |query: KeyQuery<'_>| {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = known.entry((query.entity, query.catalog)).or_insert_with(|| {
            ledger_names(query.entity, query.catalog).iter().map(|base| Keys::new(account.clone(), base)).collect()
        });
        let own =
            KeySpace { titles: query.titles.map(<[String]>::to_vec).filter(|_| !space.is_any()), ..space.clone() };
        let made = if query.made { KeyUse::Make } else { KeyUse::Refer };
        let mut best: Option<LedgerEntry> = None;
        for keys in keys.iter() {
            let found =
                store.with(|store| store.find_key(keys, (query.key, &own, made), run).map_err(|e| e.to_string()))?;
            let found = found.filter(|entry| entry.id.is_some() && !(query.made && run == Some(entry.by)));
            best = match (best, found) {
                (Some(best), Some(found)) if found.relation < best.relation => Some(found),
                (best, found) => best.or(found),
            };
        }
        let Some(LedgerEntry { relation, id: Some(id), run, space, .. }) = best else { return Ok(None) };
        if relation == Relation::OtherMapping {
            *other_mappings.lock().unwrap_or_else(PoisonError::into_inner).entry(space.mapping.clone()).or_default() +=
                1;
        }
        Ok(Some(match relation {
            Relation::Same | Relation::OtherMapping => Keyed::Id(id),
            Relation::Unsure | Relation::Other => {
                Keyed::Unsure { id, run, mapping: space.mapping.clone(), titles: space.titles.clone() }
            }
        }))
    });
    ledger.noting(others)
}

/// The key space of a mapping file.
pub(super) fn key_space(written: &MappingAst, mapping: &Path) -> KeySpace {
    let name = written.key_space.as_ref().map(|name| name.value.clone());
    KeySpace { name, mapping: file_name(mapping), ..KeySpace::default() }
}

/// The store, opened at the first query.
struct LazyStore {
    state: PathBuf,
    store: Mutex<Option<Store>>,
}

impl LazyStore {
    fn new(state: &Path) -> LazyStore {
        LazyStore { state: state.to_owned(), store: Mutex::new(None) }
    }

    fn with<T>(&self, query_store: impl FnOnce(&Store) -> Result<T, String>) -> Result<T, String> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let open = match store.take() {
            Some(open) => open,
            None => Store::open(&self.state).map_err(|e| e.to_string())?,
        };
        query_store(store.insert(open))
    }
}
