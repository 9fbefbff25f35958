//! The keys that an import would hold back, for use cases that send nothing: found and reported by the code of the import.

use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::error::EngineError;
use crate::engine::interface::request::ImportRequest;
use crate::engine::prepare;
use crate::engine::target::runtime::{self};
use crate::mapping::{Plan, Record};
use crate::store::{AccountKey, KeySpace, KeyUse, Keys, KnownKey, Outcome, Store, ledger_name};
use crate::upload::feed::QueuedRecord;
use crate::upload::feed::known::{self, IdLookup, LOOKED_UP_MAX};
use amo_client::{Client, RecordState};
use amo_model::Action;
use sheet_source::Row;
use std::sync::Arc;

/// Looks up the keys of records.
pub struct KnownKeys {
    store: Store,
    keys: Keys,
    space: KeySpace,
    same_keys: bool,
    remake_deleted: bool,
    /// Looks up ids; `None` with a snapshot.
    client: Option<Arc<Client>>,
    /// Records to be looked up.
    waiting: Vec<(QueuedRecord, KnownKey)>,
}

/// What became of a record.
pub enum RecordFate {
    /// It can be sent.
    Free,
    /// It is looked up at the end.
    Waits,
    Held(Box<Outcome>),
}

impl KnownKeys {
    /// `None` if no keys can be known: no store, no key, or no creation.
    pub fn of(
        import: &ImportRequest,
        account: &AccountKey,
        plan: &Plan,
        space: KeySpace,
    ) -> Result<Option<KnownKeys>, EngineError> {
        let makes = plan.action == Action::Create && !plan.key.is_empty();
        let Some(store) = Store::existing(&import.folders.state)?.filter(|_| makes) else { return Ok(None) };
        let keys = Keys::new(account.clone(), &ledger_name(plan.kind, plan.catalog));
        let space = KeySpace { titles: Some(plan.key_titles().collect()), ..space };
        let (same_keys, remake_deleted) = (import.same_keys, import.remake_deleted);
        Ok(Some(KnownKeys { store, keys, space, same_keys, remake_deleted, client: None, waiting: Vec::new() }))
    }

    pub fn with_client(self, client: Option<Arc<Client>>) -> KnownKeys {
        KnownKeys { client, ..self }
    }

    pub fn check_record(
        &mut self,
        plan: &Plan,
        record: Record,
        row: &Row,
        more: &[Row],
    ) -> Result<RecordFate, EngineError> {
        let Some(key) = record.key.clone() else { return Ok(RecordFate::Free) };
        let found = self.store.find_key(&self.keys, (&key, &self.space, KeyUse::Make), None)?;
        let Some(entry) = found else { return Ok(RecordFate::Free) };
        let known = entry.known(self.same_keys);
        let loaded = QueuedRecord { record, row: row.clone(), more: more.to_vec() };
        if self.client.is_some()
            && known::made_id(&known).is_some()
            && (self.remake_deleted || self.waiting.len() < LOOKED_UP_MAX)
        {
            self.waiting.push((loaded, known));
            return Ok(RecordFate::Waits);
        }
        Ok(RecordFate::Held(Box::new(known::held_back(plan, &loaded, &known, None))))
    }

    /// Looks up the waiting records. A deleted record that would be created again has no outcome.
    pub fn look_up_waiting(&mut self, plan: &Plan, cancel: &Cancel) -> Result<Vec<Option<Outcome>>, EngineError> {
        let waiting = std::mem::take(&mut self.waiting);
        let Some(client) = self.client.as_ref().filter(|_| !waiting.is_empty()) else { return Ok(Vec::new()) };
        let made: Vec<(u64, i64)> = waiting.iter().filter_map(|(_, known)| known::made_id(known)).collect();
        let mut lookup = IdLookup::new(self.remake_deleted);
        let runtime = runtime::runtime()?;
        let standing = lookup.standing(client, plan, &made, prepare::now());
        let standing = runtime::run_cancellable(&runtime, cancel, "nothing was sent", standing)?;
        let outcome = |(loaded, known): (QueuedRecord, KnownKey)| {
            let standing = known::made_id(&known).and_then(|(id, _)| standing.get(&id)).copied();
            let is_remade = standing == Some(RecordState::NotFound) && self.remake_deleted;
            (!is_remade).then(|| known::held_back(plan, &loaded, &known, standing))
        };
        Ok(waiting.into_iter().map(outcome).collect())
    }
}
