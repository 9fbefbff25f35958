//! How an account has answered batches, so that the next run need not begin with a probe.

use super::words::FrozenWord;
use super::{AccountKey, Store, StoreError};
use amo_model::{Action, Kind};
use rusqlite::{OptionalExtension, params};

/// How a service answers batches of one kind and action.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServiceSpeed {
    /// The largest batch that it should get.
    pub size: usize,
    /// Seconds that each record adds to an answer.
    pub per_record: f64,
}

impl Store {
    /// What earlier runs have learned; `None` where there were none, or where a batch of the last one failed.
    pub fn speed(&self, account: &AccountKey, kind: Kind, action: Action) -> Result<Option<ServiceSpeed>, StoreError> {
        let read = |row: &rusqlite::Row<'_>| {
            let (size, record_us): (i64, i64) = (row.get(0)?, row.get(1)?);
            Ok((size, record_us))
        };
        let found = self
            .db
            .prepare_cached("SELECT size, record_us FROM speed WHERE account = ? AND kind = ? AND action = ?")?
            .query_row(params![account.to_string(), kind.word(), action.word()], read)
            .optional()?;
        Ok(found.and_then(|(size, record_us)| {
            let size = usize::try_from(size).ok().filter(|size| *size > 0)?;
            Some(ServiceSpeed { size, per_record: record_us.max(0) as f64 / 1e6 })
        }))
    }

    /// Keeps what a run has learned; `None` makes the next run begin with a probe again.
    pub fn keep_speed(
        &self,
        account: &AccountKey,
        (kind, action): (Kind, Action),
        speed: Option<ServiceSpeed>,
    ) -> Result<(), StoreError> {
        let of = params![account.to_string(), kind.word(), action.word()];
        let Some(ServiceSpeed { size, per_record }) = speed else {
            self.db.prepare_cached("DELETE FROM speed WHERE account = ? AND kind = ? AND action = ?")?.execute(of)?;
            return Ok(());
        };
        let record_us = (per_record * 1e6).round() as i64;
        self.db
            .prepare_cached("INSERT OR REPLACE INTO speed (account, kind, action, size, record_us) VALUES (?,?,?,?,?)")?
            .execute(params![account.to_string(), kind.word(), action.word(), size as i64, record_us])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_kept_for_its_account_kind_and_action_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let (one, other) = (AccountKey::of_id(1), AccountKey::of_id(2));
        let speed = ServiceSpeed { size: 250, per_record: 0.000_25 };
        store.keep_speed(&one, (Kind::Lead, Action::Create), Some(speed)).unwrap();
        drop(store);
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.speed(&one, Kind::Lead, Action::Create).unwrap(), Some(speed));
        for (account, kind, action) in [
            (&other, Kind::Lead, Action::Create),
            (&one, Kind::Contact, Action::Create),
            (&one, Kind::Lead, Action::Update),
        ] {
            assert_eq!(store.speed(account, kind, action).unwrap(), None);
        }
        store.keep_speed(&one, (Kind::Lead, Action::Create), None).unwrap();
        assert_eq!(store.speed(&one, Kind::Lead, Action::Create).unwrap(), None);
    }
}
