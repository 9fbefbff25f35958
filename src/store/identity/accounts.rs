//! Accounts in the store: runs, keys and exports are kept under the id of their account, whatever its address. What earlier
//! versions kept under addresses is carried over: for real accounts when the store is migrated, since each run has its
//! account's snapshot; for sandboxes, which all had the same id, when the address is used again.

use crate::store::{Store, StoreError};
use rusqlite::types::{ToSql, ToSqlOutput};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::fmt;

/// The name of an account in the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccountKey(String);

impl AccountKey {
    pub fn of_id(id: u64) -> AccountKey {
        AccountKey(id.to_string())
    }

    /// The name of an account whose id is not known yet.
    pub fn of_address(address: &str) -> AccountKey {
        AccountKey(address.to_owned())
    }
}

impl fmt::Display for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ToSql for AccountKey {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl Store {
    /// Notes the id of the account at an address. What is still kept under the address moves to the account.
    pub fn set_account_id(&self, address: &str, id: u64) -> Result<(), StoreError> {
        if self.account_at(address)? == Some(id) {
            return Ok(());
        }
        let tx = Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate)?;
        for address in local_aliases(address) {
            // What an address that was another account before has belongs to that account.
            if id_at(&tx, &address)?.is_none() {
                let all = tx
                    .prepare("SELECT run FROM run WHERE account = ?")?
                    .query_map([&address], |row| row.get(0))?
                    .collect::<Result<Vec<i64>, _>>()?;
                carry_over(&tx, &address, id, &all)?;
                carry_exports(&tx, &address, id)?;
            }
        }
        note(&tx, address, id)?;
        Ok(tx.commit()?)
    }

    /// The id of the account that was last at an address.
    pub fn account_at(&self, address: &str) -> Result<Option<u64>, StoreError> {
        id_at(&self.db, address)
    }
}

/// The address; on this machine with the other names of the machine.
fn local_aliases(address: &str) -> Vec<String> {
    const LOCAL: [&str; 3] = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"];
    match LOCAL.iter().find_map(|local| address.strip_prefix(local)) {
        Some(port) => LOCAL.iter().map(|local| format!("{local}{port}")).collect(),
        None => vec![address.to_owned()],
    }
}

fn id_at(db: &Connection, address: &str) -> Result<Option<u64>, StoreError> {
    let id =
        db.prepare_cached("SELECT id FROM account WHERE address = ?")?.query_row([address], |row| row.get::<_, i64>(0));
    Ok(id.optional()?.map(|id| id as u64))
}

fn note(db: &Connection, address: &str, id: u64) -> Result<(), StoreError> {
    db.execute("INSERT OR REPLACE INTO account (address, id) VALUES (?, ?)", params![address, id as i64])?;
    Ok(())
}

/// Migrates a store of a format before the seventh. Runs have the account in their snapshot. An export has only the address; it
/// belongs to the account where the address was always the same account.
pub fn carry_over_known(db: &Connection) -> Result<(), StoreError> {
    let mut runs: Vec<(String, u64, i64)> = Vec::new();
    {
        let sql = "SELECT account, json_extract(snapshot, '$.basics.id'), run FROM run
            WHERE account LIKE 'https://%' AND json_valid(snapshot) ORDER BY run";
        let mut statement = db.prepare(sql)?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            if let Some(id) = row.get::<_, Option<i64>>(1)? {
                runs.push((row.get(0)?, id as u64, row.get(2)?));
            }
        }
    }
    let mut accounts: Vec<(&str, u64)> = runs.iter().map(|(address, id, _)| (address.as_str(), *id)).collect();
    accounts.sort_unstable();
    accounts.dedup();
    for (address, id) in &accounts {
        let of = |run: &&(String, u64, i64)| (run.0.as_str(), run.1) == (*address, *id);
        let own: Vec<i64> = runs.iter().filter(of).map(|(_, _, run)| *run).collect();
        carry_over(db, address, *id, &own)?;
        if accounts.iter().filter(|(other, _)| other == address).count() == 1 {
            carry_exports(db, address, *id)?;
        }
    }
    // The newest run of an address decides.
    runs.iter().try_for_each(|(address, id, _)| note(db, address, *id))
}

/// Moves runs that are kept under an address, with their keys, to an account.
fn carry_over(db: &Connection, address: &str, id: u64, runs: &[i64]) -> Result<(), StoreError> {
    let (key, runs) = (AccountKey::of_id(id), serde_json::to_string(runs)?);
    db.execute(
        "UPDATE run SET account = ?1, head = json_set(head, '$.account_id', ?2)
         WHERE account = ?3 AND run IN (SELECT value FROM json_each(?4))",
        params![key, id as i64, address, runs],
    )?;
    merge_keys(db, &key, address, &runs)
}

/// Merges the keys of an address into those of its account. Where both have a key, both records may exist. The entry with an id
/// wins, of two ids the earlier one; the other id is kept as its twin, so that the key stays known when the first is deleted.
/// Where neither has an id, the key stays open until one has.
fn merge_keys(db: &Connection, key: &AccountKey, address: &str, runs: &str) -> Result<(), StoreError> {
    let these = "account = ?2 AND run IN (SELECT value FROM json_each(?3))";
    let both = format!(
        "SELECT old.kind, old.key, old.id AS id, old.run AS run, own.id AS own_id, own.run AS own_run
         FROM (SELECT * FROM ledger WHERE {these}) old
         JOIN ledger own ON own.account = ?1 AND own.kind = old.kind AND own.key = old.key"
    );
    let twins = format!(
        "INSERT OR IGNORE INTO twin (account, kind, key, id, run)
         SELECT ?1, kind, key, CASE WHEN run < own_run THEN own_id ELSE id END, max(run, own_run)
         FROM ({both}) WHERE id IS NOT NULL AND own_id IS NOT NULL AND id <> own_id"
    );
    let better = format!(
        "UPDATE ledger SET id = both.id, run = both.run, batch = NULL FROM ({both}) both
         WHERE ledger.account = ?1 AND ledger.kind = both.kind AND ledger.key = both.key
         AND both.id IS NOT NULL AND (both.own_id IS NULL OR both.run < both.own_run)"
    );
    let open = format!(
        "UPDATE ledger SET batch = NULL FROM ({both}) both
         WHERE ledger.account = ?1 AND ledger.kind = both.kind AND ledger.key = both.key
         AND both.id IS NULL AND both.own_id IS NULL"
    );
    let alone = format!("UPDATE OR IGNORE ledger SET account = ?1 WHERE {these}");
    let rest = "DELETE FROM ledger WHERE account = ?1 AND run IN (SELECT value FROM json_each(?2))";
    for sql in [&twins, &better, &open, &alone] {
        db.execute(sql, params![key, address, runs])?;
    }
    db.execute(rest, params![address, runs])?;
    Ok(())
}

/// Moves the exports of an address to an account. The later export counts.
fn carry_exports(db: &Connection, address: &str, id: u64) -> Result<(), StoreError> {
    db.execute(
        "INSERT INTO export (account, what, began_at) SELECT ?1, what, began_at FROM export WHERE account = ?2
         ON CONFLICT DO UPDATE SET began_at = max(began_at, excluded.began_at)",
        params![AccountKey::of_id(id), address],
    )?;
    db.execute("DELETE FROM export WHERE account = ?", [address])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{BatchOf, KeySpace, Keys, Outcome};
    use crate::store::{Counts, Journal, KeyUse, NewRun, OutgoingBatch, Run, RunHead, Status};
    use std::path::Path;

    const A: &str = "https://a.amocrm.ru";
    const B: &str = "https://a.kommo.com";

    fn head(address: &str) -> RunHead {
        serde_json::from_value(serde_json::json!({
            "source": {"path": "", "sha256": "", "header_row": 1, "format": "csv", "bom": false, "titles": []},
            "mapping": {"path": "m.toml", "sha256": ""}, "kind": "lead", "entity": "leads", "action": "create",
            "account": address, "target": address, "base": "", "folder": "", "settle": 1, "verify": "none", "rate": 7,
            "again": false
        }))
        .unwrap()
    }

    /// A run as earlier versions kept it, under its address. Keys with an id were created, those without are in doubt.
    fn run(state: &Path, name: &str, (address, id): (&str, u64), keys: &[(&str, Option<u64>)]) {
        let snapshot = format!(r#"{{"basics":{{"id":{id}}}}}"#);
        let (head, at) = (head(address), 1);
        let new = NewRun { name, head: &head, snapshot: &snapshot, started_at: at, edits: &[], rows: None };
        let mut journal = Journal::begin(Store::open(state).unwrap(), &new).unwrap();
        for (row, (key, id)) in (2..).zip(keys) {
            let batch = journal.next_batch();
            let sending = OutgoingBatch {
                batch,
                of: BatchOf::Records,
                rows: &[row],
                owner: None,
                keys: &[key],
                watermark: 0,
                at_ms: at,
            };
            assert!(journal.sent(&sending).unwrap());
            if id.is_some() {
                let outcome = Outcome { key: Some((*key).to_owned()), id: *id, ..Outcome::new(row, Status::Created) };
                journal.answered(batch, 200, &[outcome]).unwrap();
            }
        }
    }

    fn of_format_six(state: &Path) {
        let store = Store::open(state).unwrap();
        let earlier =
            "DROP TRIGGER twin_steps_in; DROP TABLE twin; DROP TABLE account; DROP TABLE sure; DROP TABLE store;
            PRAGMA user_version = 6;";
        store.db.execute_batch(earlier).unwrap();
    }

    /// The id of a key, as an import would find it; 0 for one that is in doubt.
    fn known(store: &Store, account: &AccountKey, key: &str) -> Option<u64> {
        let keys = Keys::new(account.clone(), "lead");
        let space = KeySpace { mapping: "m.toml".into(), ..KeySpace::default() };
        let entry = store.find_key(&keys, (key, &space, KeyUse::Make), None).unwrap();
        entry.map(|entry| entry.id.unwrap_or(0))
    }

    fn names(runs: Vec<Run>) -> Vec<String> {
        runs.into_iter().map(|run| run.name).collect()
    }

    #[test]
    fn a_store_that_was_kept_by_addresses_knows_everything_by_the_account() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path();
        run(state, "a1", (A, 7), &[("one", Some(11)), ("open", None)]);
        run(state, "b1", (B, 7), &[("two", Some(12))]);
        run(state, "other", ("https://b.amocrm.ru", 8), &[("one", Some(21))]);
        // The address was another account's before.
        run(state, "reused", ("https://c.amocrm.ru", 8), &[("three", Some(22))]);
        run(state, "anew", ("https://c.amocrm.ru", 9), &[("four", Some(31))]);
        let store = Store::open(state).unwrap();
        for (address, at) in [(A, 100), (B, 200), ("https://c.amocrm.ru", 300)] {
            store.note_export(&AccountKey::of_address(address), "lead", at).unwrap();
        }
        drop(store);
        of_format_six(state);

        let store = Store::open(state).unwrap();
        let [seven, eight, nine] = [7, 8, 9].map(AccountKey::of_id);
        assert_eq!(names(store.runs_into(&seven).unwrap()), ["b1", "a1"]);
        assert_eq!(names(store.runs_into(&eight).unwrap()), ["reused", "other"]);
        assert_eq!(names(store.runs_into(&nine).unwrap()), ["anew"]);
        let a1 = store.run_named("a1").unwrap().unwrap();
        assert_eq!((a1.head.account_id, a1.head.account.as_str()), (Some(7), A));
        assert_eq!(store.counts(a1.run).unwrap(), Counts { read: 1, created: 1, ..Counts::default() });
        assert_eq!(store.doubtful_rows(a1.run).unwrap().len(), 1, "the unfinished run is as it was");
        assert_eq!(["one", "open", "two"].map(|key| known(&store, &seven, key)), [Some(11), Some(0), Some(12)]);
        assert_eq!(["one", "three"].map(|key| known(&store, &eight, key)), [Some(21), Some(22)]);
        assert_eq!(["three", "four"].map(|key| known(&store, &nine, key)), [None, Some(31)]);
        assert_eq!(store.last_export(&seven, "lead").unwrap(), Some(200));
        assert_eq!(store.last_export(&nine, "lead").unwrap(), None, "it may have been of the account before");
        assert_eq!(store.account_at(B).unwrap(), Some(7));
        assert_eq!(store.account_at("https://c.amocrm.ru").unwrap(), Some(9));
    }

    /// All sandboxes of earlier versions had the same account id.
    #[test]
    fn a_sandbox_of_an_earlier_version_is_known_when_its_address_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path();
        let (here, there) = ("http://127.0.0.1:8080", "http://localhost:8080");
        run(state, "here", (here, 31_000_001), &[("one", Some(11))]);
        run(state, "there", (there, 31_000_001), &[("two", Some(12))]);
        run(state, "inside", ("sandbox", 31_000_001), &[("one", Some(13))]);
        of_format_six(state);
        let store = Store::open(state).unwrap();
        let (five, six, seven) = (AccountKey::of_id(5), AccountKey::of_id(6), AccountKey::of_id(7));
        assert!(store.runs_into(&five).unwrap().is_empty());
        for (address, id) in [("sandbox", 6), (there, 5), (there, 5)] {
            store.set_account_id(address, id).unwrap();
        }
        assert_eq!(names(store.runs_into(&five).unwrap()), ["there", "here"]);
        assert_eq!(["one", "two"].map(|key| known(&store, &five, key)), [Some(11), Some(12)]);
        assert_eq!(known(&store, &six, "one"), Some(13));
        // A world that was wiped, or another one at the same port.
        store.set_account_id(here, 7).unwrap();
        assert!(store.runs_into(&seven).unwrap().is_empty() && known(&store, &seven, "one").is_none());
        assert_eq!(names(store.runs_into(&five).unwrap()), ["there", "here"]);
        assert_eq!((store.account_at(here).unwrap(), store.account_at(there).unwrap()), (Some(7), Some(5)));
    }

    #[test]
    fn of_two_entries_of_one_key_none_is_lost_that_could_be_made_twice() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path();
        let twice = [("both", Some(11)), ("same", Some(15)), ("here", Some(13)), ("there", None), ("open", None)];
        run(state, "a1", (A, 7), &twice);
        let other = [("both", Some(21)), ("same", Some(15)), ("here", None), ("there", Some(24)), ("open", None)];
        run(state, "b1", (B, 7), &other);
        of_format_six(state);
        let (store, seven) = (Store::open(state).unwrap(), AccountKey::of_id(7));
        let all = ["both", "same", "here", "there", "open"].map(|key| known(&store, &seven, key));
        assert_eq!(all, [Some(11), Some(15), Some(13), Some(24), Some(0)]);

        // The older one is deleted in the account: the key is known by the other.
        let a1 = store.run_named("a1").unwrap().unwrap();
        let journal =
            Journal::resume(Store::open(state).unwrap(), &a1, crate::store::Reopen::Continue).unwrap().journal;
        for (key, id, then) in [("both", 11, Some(21)), ("both", 21, None), ("same", 15, None)] {
            journal.forget_keys([(key, id)].into_iter()).unwrap();
            assert_eq!(known(&store, &seven, key), then, "{key} without {id}");
        }
    }

    #[test]
    fn an_account_is_noted_by_many_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path();
        run(state, "here", ("sandbox", 31_000_001), &[("one", Some(11))]);
        of_format_six(state);
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| Store::open(state).unwrap().set_account_id("sandbox", 5).unwrap());
            }
        });
        let store = Store::open(state).unwrap();
        assert_eq!(known(&store, &AccountKey::of_id(5), "one"), Some(11));
    }
}
