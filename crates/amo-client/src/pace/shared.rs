//! The state of an account's pace in a file that all processes of the user share: one small SQLite file per account in the
//! user's own state folder, since two projects may work on one account. Before the id of the account is known, the file is
//! that of its address; afterwards the address's file names the account's. Nothing is synchronised to disk: a power cut loses
//! a second of stamps.

use super::limiter::{Halt, LimiterState};
use crate::clock::Clock;
use crate::private;
use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The layout of the tables below. Versions without the table `moved` keep a pace of their own.
const SCHEMA_VERSION: i64 = 1;
/// How long one call waits for another process, whose calls take a few tenths of a millisecond.
const BUSY_WAIT: Duration = Duration::from_millis(100);
const OPEN_TRIES: u32 = 200;
const OPEN_PAUSE: Duration = Duration::from_millis(20);

/// Why the shared state cannot be used now.
#[derive(Debug, thiserror::Error)]
pub enum SharedError {
    /// Another process has locked it; try again.
    #[error("another process has locked it")]
    Busy,
    /// The account behind the address has become known; the file of the account is used from now on. Try again.
    #[error("its file has changed")]
    Moved,
    #[error("{0}")]
    Unusable(String),
}

impl From<rusqlite::Error> for SharedError {
    fn from(error: rusqlite::Error) -> SharedError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => SharedError::Busy,
            _ => SharedError::Unusable(error.to_string()),
        }
    }
}

/// The folder of the shared files: `AMOPORT_RATE_DIR`, or the system's folder for the state of programs. `None` for a user
/// without a home folder.
pub fn default_folder() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from);
    // The XDG specification says that a relative path must be ignored.
    let absolute = |name: &str| named(name).filter(|path| path.is_absolute());
    if let Some(folder) = named("AMOPORT_RATE_DIR") {
        return Some(folder);
    }
    let base = if cfg!(windows) {
        absolute("LOCALAPPDATA")
    } else {
        absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
    };
    base.map(|base| base.join("amoport"))
}

/// Whether the file of the account was used before a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    Already,
    Now,
}

/// The shared state of one account.
pub struct SharedLimiter {
    db: Connection,
    clock: Clock,
    folder: PathBuf,
    /// The name of the address's file.
    address: String,
    /// The name of the file in use: the account's, once its id is known.
    used: String,
    /// The halt that was noted when this was opened.
    found: Option<Halt>,
}

impl SharedLimiter {
    /// Opens the file of the account at `base`, and makes it where it does not exist: the file of the account's id where that is
    /// known, else that of the address.
    pub fn open(folder: &Path, base: &str, clock: Clock) -> Result<SharedLimiter, SharedError> {
        private::folder(folder).map_err(|e| SharedError::Unusable(e.to_string()))?;
        let address = file_name(base.trim_end_matches('/'));
        let by_address = opened(folder, &address)?;
        let (db, used) = match moved_to(&by_address)? {
            Some(account) => (opened(folder, &account)?, account),
            None => (by_address, address.clone()),
        };
        let found = halt(&db, clock)?;
        Ok(SharedLimiter { db, clock, folder: folder.to_owned(), address, used, found })
    }

    /// Uses the file of the account with this id from now on. The state of the address is added to it, before another process can
    /// send by either.
    pub fn join(&mut self, id: u64) -> Result<Joined, SharedError> {
        let account = file_name(&format!("account {id}"));
        if self.used == account {
            return Ok(Joined::Already);
        }
        let mut of_account = opened(&self.folder, &account)?;
        let now_us = self.clock.unix_us();
        // All processes lock the file that is left first and the account's second, so that none waits for the other.
        let old = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let joined = of_account.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (mut from, mut into) = (load(&old)?, load(&joined)?);
        from.set_back(now_us);
        into.set_back(now_us);
        into.join(&from);
        save(&joined, &into)?;
        joined.commit()?;
        if self.used == self.address {
            old.execute("INSERT OR REPLACE INTO moved (one, file) VALUES (1, ?1)", [&account])?;
            old.commit()?;
        } else {
            // The address was another account before, whose state stays with it.
            old.commit()?;
            opened(&self.folder, &self.address)?
                .execute("INSERT OR REPLACE INTO moved (one, file) VALUES (1, ?1)", [&account])?;
        }
        (self.db, self.used, self.found) = (of_account, account, into.halt());
        Ok(Joined::Now)
    }

    /// Reads the state, lets `work` read and change it, and saves it, under one lock. The instant that `work` gets was taken
    /// when the file was already locked.
    pub fn change<T>(&mut self, work: impl FnOnce(&mut LimiterState, i64) -> T) -> Result<T, SharedError> {
        let clock = self.clock;
        let lock = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if self.used == self.address
            && let Some(account) = moved_to(&lock)?
        {
            drop(lock);
            (self.db, self.used) = (opened(&self.folder, &account)?, account);
            self.found = halt(&self.db, clock)?;
            return Err(SharedError::Moved);
        }
        let before = load(&lock)?;
        let now_us = clock.unix_us();
        let mut state = before.clone();
        state.set_back(now_us);
        let done = work(&mut state, now_us);
        if state != before {
            save(&lock, &state)?;
        }
        lock.commit()?;
        Ok(done)
    }

    /// The halt that was noted when this was opened, and how long ago that was.
    pub fn found(&self) -> Option<(Halt, Duration)> {
        let halt = self.found?;
        let ago = self.clock.unix_us().saturating_sub(halt.at_us);
        Some((halt, Duration::from_micros(u64::try_from(ago).unwrap_or(0))))
    }

    /// Microseconds of the clock that the shared state uses.
    pub fn now_us(&self) -> i64 {
        self.clock.unix_us()
    }
}

fn opened(folder: &Path, name: &str) -> Result<Connection, SharedError> {
    let path = folder.join(name);
    let mut tries = 0;
    loop {
        tries += 1;
        // The switch to WAL does not wait for another process that makes the file in the same moment.
        match open_file(&path) {
            Err(SharedError::Busy) if tries < OPEN_TRIES => std::thread::sleep(OPEN_PAUSE),
            end => return end,
        }
    }
}

fn open_file(path: &Path) -> Result<Connection, SharedError> {
    private::database(path).map_err(|e| SharedError::Unusable(e.to_string()))?;
    let db = Connection::open(path)?;
    db.busy_timeout(BUSY_WAIT)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "OFF")?;
    db.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         CREATE TABLE IF NOT EXISTS pace (one INTEGER PRIMARY KEY CHECK (one = 1), memory TEXT NOT NULL);
         CREATE TABLE IF NOT EXISTS moved (one INTEGER PRIMARY KEY CHECK (one = 1), file TEXT NOT NULL);
         PRAGMA user_version = {SCHEMA_VERSION};
         COMMIT;"
    ))?;
    Ok(db)
}

/// The file of the account, where that of the address names one.
fn moved_to(db: &Connection) -> Result<Option<String>, SharedError> {
    Ok(db.prepare_cached("SELECT file FROM moved")?.query_row([], |row| row.get(0)).optional()?)
}

fn load(db: &Connection) -> Result<LimiterState, SharedError> {
    let text: Option<String> =
        db.prepare_cached("SELECT memory FROM pace")?.query_row([], |row| row.get(0)).optional()?;
    // An unreadable state was written by another version, and counts as empty.
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

fn halt(db: &Connection, clock: Clock) -> Result<Option<Halt>, SharedError> {
    let mut state = load(db)?;
    state.set_back(clock.unix_us());
    Ok(state.halt())
}

fn save(db: &Connection, state: &LimiterState) -> Result<(), SharedError> {
    let text = serde_json::to_string(state).map_err(|e| SharedError::Unusable(e.to_string()))?;
    db.prepare_cached("INSERT OR REPLACE INTO pace (one, memory) VALUES (1, ?1)")?.execute([text])?;
    Ok(())
}

/// A hash, so that the names in the folder do not show which accounts there are.
fn file_name(name: &str) -> String {
    let digest = Sha256::digest(name.to_ascii_lowercase());
    let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("rate-{hex}.db")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::HaltReason;

    #[test]
    fn processes_share_the_state_of_an_account() {
        let folder = tempfile::tempdir().unwrap();
        let open = |base: &str| SharedLimiter::open(folder.path(), base, Clock::REAL).unwrap();
        let (mut one, mut two) = (open("https://a.amocrm.ru/"), open("https://A.amocrm.ru"));
        let mut other = open("https://b.amocrm.ru");
        assert_eq!(one.change(|limiter, now| limiter.take(now, 7)).unwrap(), Ok(()));
        assert!(two.change(|limiter, now| limiter.take(now, 7)).unwrap().is_err());
        assert_eq!(other.change(|limiter, now| limiter.take(now, 7)).unwrap(), Ok(()));
        assert_eq!(one.found(), None);
        one.change(|limiter, now| limiter.blocked(now)).unwrap();
        assert_eq!(two.change(|limiter, _| limiter.halt()).unwrap().map(|halt| halt.why), Some(HaltReason::Blocked));
        assert_eq!(open("https://a.amocrm.ru").found().map(|(halt, _)| halt.no), Some(1));
    }

    /// Two processes use one address of the account, a third another one; they share a state once its id is known.
    #[test]
    fn addresses_of_one_account_share_its_state_once_its_id_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let open = |base: &str| SharedLimiter::open(folder.path(), base, Clock::REAL).unwrap();
        let (mut one, mut two) = (open("https://a.amocrm.ru"), open("https://a.amocrm.ru"));
        let mut other = open("https://a.kommo.com");
        let take = |limiter: &mut LimiterState, now: i64| limiter.take(now, 7).is_ok();
        assert!(other.change(take).unwrap() && one.change(take).unwrap(), "not known yet to be one account");
        one.join(7).unwrap();
        assert!(!one.change(take).unwrap(), "the sends of the address are added");
        assert!(matches!(two.change(take), Err(SharedError::Moved)), "a process that uses the address follows");
        assert!(!two.change(take).unwrap());
        other.join(7).unwrap();
        other.change(|limiter, now| limiter.blocked(now)).unwrap();
        assert_eq!(one.change(|limiter, _| limiter.halt()).unwrap().map(|halt| halt.why), Some(HaltReason::Blocked));
        assert!(open("https://A.amocrm.ru/").found().is_some(), "and so does a later process");

        // The address is given to another account, whose state begins with the last sends to the address.
        let mut reused = open("https://a.amocrm.ru");
        reused.change(|limiter, now| limiter.passed(now)).unwrap();
        reused.join(8).unwrap();
        reused.change(|limiter, now| limiter.blocked(now)).unwrap();
        assert!(open("https://a.amocrm.ru").found().is_some());
        assert_eq!(open("https://a.kommo.com").found(), None);
    }

    #[test]
    fn several_processes_may_open_a_new_file_at_once() {
        for _ in 0..5 {
            let folder = tempfile::tempdir().unwrap();
            let open = || SharedLimiter::open(folder.path(), "https://a", Clock::REAL).map(|_| ());
            let ends: Vec<_> = std::thread::scope(|scope| {
                let all: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
                all.into_iter().map(|one| one.join().unwrap()).collect()
            });
            assert!(ends.iter().all(Result::is_ok), "{ends:?}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_unusable_and_a_locked_file_is_busy() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(SharedLimiter::open(&file, "https://a", Clock::REAL), Err(SharedError::Unusable(_))));
        let (one, mut two) = (
            SharedLimiter::open(folder.path(), "https://a", Clock::REAL).unwrap(),
            SharedLimiter::open(folder.path(), "https://a", Clock::REAL).unwrap(),
        );
        one.db.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert!(matches!(two.change(|_, _| ()), Err(SharedError::Busy)));
        one.db.execute_batch("COMMIT").unwrap();
        assert!(two.change(|_, _| ()).is_ok());
    }
}
