//! The memory of an account's pace in a file that all processes of this user share: one small SQLite file per account
//! in the user's own state folder, since two projects may work on one account. Before the account has told its id it is known by
//! its address, whose file says from then on which file is the account's. It is no journal: what a power cut
//! takes away is a second's worth of stamps, so nothing is synchronised to the disk.

use super::{Halt, Memory};
use crate::clock::Clock;
use crate::private;
use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The layout of the tables below; versions that do not know `moved` keep a pace of their own.
const SCHEMA_VERSION: i64 = 1;
/// How long one call waits for another process, whose calls take some tenths of a millisecond.
const BUSY_WAIT: Duration = Duration::from_millis(100);
const OPEN_TRIES: u32 = 200;
const OPEN_PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug, thiserror::Error)]
pub enum SharedError {
    /// Another process is at it; ask again.
    #[error("another process holds it")]
    Busy,
    /// The account of the address has become known: what is asked now is asked of its memory.
    #[error("it has moved")]
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

/// Where the files of this user are: `AMOPORT_RATE_DIR`, or the place that the system has for such things. `None` for
/// users without a home.
pub fn folder() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from);
    // A relative XDG_STATE_HOME is to be ignored, says its specification.
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

/// Since when a memory is that of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    Before,
    Now,
}

pub struct Shared {
    db: Connection,
    clock: Clock,
    folder: PathBuf,
    /// The file of the address, and the one that is used: that of the account, once its id is known.
    address: String,
    used: String,
    /// The halt that was there when this was opened.
    found: Option<Halt>,
}

impl Shared {
    /// Opens the memory of the account whose address is `base`, making it if need be: that of its id, where somebody has
    /// learned it before.
    pub fn open(folder: &Path, base: &str, clock: Clock) -> Result<Shared, SharedError> {
        private::folder(folder).map_err(|e| SharedError::Unusable(e.to_string()))?;
        let address = file_name(base.trim_end_matches('/'));
        let by_address = opened(folder, &address)?;
        let (db, used) = match moved_to(&by_address)? {
            Some(account) => (opened(folder, &account)?, account),
            None => (by_address, address.clone()),
        };
        let found = halt(&db, clock)?;
        Ok(Shared { db, clock, folder: folder.to_owned(), address, used, found })
    }

    /// From now on this is the memory of the account with this id, whatever its address. What was remembered under the
    /// address goes along, before anybody else can send by it.
    pub fn join(&mut self, id: u64) -> Result<Joined, SharedError> {
        let account = file_name(&format!("account {id}"));
        if self.used == account {
            return Ok(Joined::Before);
        }
        let mut of_account = opened(&self.folder, &account)?;
        let now_us = self.clock.unix_us();
        // First the one that is left, then the account's: nobody holds them the other way round.
        let left = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let joined = of_account.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (mut from, mut into) = (kept(&left)?, kept(&joined)?);
        from.set_back(now_us);
        into.set_back(now_us);
        into.join(&from);
        keep(&joined, &into)?;
        joined.commit()?;
        if self.used == self.address {
            left.execute("INSERT OR REPLACE INTO moved (one, file) VALUES (1, ?1)", [&account])?;
            left.commit()?;
        } else {
            // The address was another account before, whose memory stays with it.
            left.commit()?;
            opened(&self.folder, &self.address)?
                .execute("INSERT OR REPLACE INTO moved (one, file) VALUES (1, ?1)", [&account])?;
        }
        (self.db, self.used, self.found) = (of_account, account, into.halt());
        Ok(Joined::Now)
    }

    /// Reads the memory, lets `work` look at it and change it, and keeps it; no other process comes between. The instant
    /// handed to `work` was taken when the file was already held.
    pub fn change<T>(&mut self, work: impl FnOnce(&mut Memory, i64) -> T) -> Result<T, SharedError> {
        let clock = self.clock;
        let hold = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if self.used == self.address
            && let Some(account) = moved_to(&hold)?
        {
            drop(hold);
            (self.db, self.used) = (opened(&self.folder, &account)?, account);
            self.found = halt(&self.db, clock)?;
            return Err(SharedError::Moved);
        }
        let before = kept(&hold)?;
        let now_us = clock.unix_us();
        let mut memory = before.clone();
        memory.set_back(now_us);
        let done = work(&mut memory, now_us);
        if memory != before {
            keep(&hold, &memory)?;
        }
        hold.commit()?;
        Ok(done)
    }

    /// The halt that an earlier run has left, and how long ago that was.
    pub fn found(&self) -> Option<(Halt, Duration)> {
        let halt = self.found?;
        let ago = self.clock.unix_us().saturating_sub(halt.at_us);
        Some((halt, Duration::from_micros(u64::try_from(ago).unwrap_or(0))))
    }

    /// Microseconds of the clock by which this memory is kept.
    pub fn now_us(&self) -> i64 {
        self.clock.unix_us()
    }
}

fn opened(folder: &Path, name: &str) -> Result<Connection, SharedError> {
    let path = folder.join(name);
    let mut tries = 0;
    loop {
        tries += 1;
        // Going over to WAL does not wait for others who make the file at this very moment.
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

/// The file of the account that an address has turned out to be.
fn moved_to(db: &Connection) -> Result<Option<String>, SharedError> {
    Ok(db.prepare_cached("SELECT file FROM moved")?.query_row([], |row| row.get(0)).optional()?)
}

fn kept(db: &Connection) -> Result<Memory, SharedError> {
    let text: Option<String> =
        db.prepare_cached("SELECT memory FROM pace")?.query_row([], |row| row.get(0)).optional()?;
    // What cannot be read was written by another version: as good as nothing remembered.
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

fn halt(db: &Connection, clock: Clock) -> Result<Option<Halt>, SharedError> {
    let mut memory = kept(db)?;
    memory.set_back(clock.unix_us());
    Ok(memory.halt())
}

fn keep(db: &Connection, memory: &Memory) -> Result<(), SharedError> {
    let text = serde_json::to_string(memory).map_err(|e| SharedError::Unusable(e.to_string()))?;
    db.prepare_cached("INSERT OR REPLACE INTO pace (one, memory) VALUES (1, ?1)")?.execute([text])?;
    Ok(())
}

/// The address or the id itself would tell everybody who lists the folder which accounts there are.
fn file_name(name: &str) -> String {
    let digest = Sha256::digest(name.to_ascii_lowercase());
    let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("rate-{hex}.db")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::Why;

    #[test]
    fn what_one_process_notes_the_other_sees() {
        let folder = tempfile::tempdir().unwrap();
        let open = |base: &str| Shared::open(folder.path(), base, Clock::REAL).unwrap();
        let (mut one, mut two) = (open("https://a.amocrm.ru/"), open("https://A.amocrm.ru"));
        let mut other = open("https://b.amocrm.ru");
        assert_eq!(one.change(|memory, now| memory.take(now, 7)).unwrap(), Ok(()));
        assert!(two.change(|memory, now| memory.take(now, 7)).unwrap().is_err());
        assert_eq!(other.change(|memory, now| memory.take(now, 7)).unwrap(), Ok(()));
        assert_eq!(one.found(), None);
        one.change(|memory, now| memory.blocked(now)).unwrap();
        assert_eq!(two.change(|memory, _| memory.halt()).unwrap().map(|halt| halt.why), Some(Why::Blocked));
        assert_eq!(open("https://a.amocrm.ru").found().map(|(halt, _)| halt.no), Some(1));
    }

    /// Two processes use one address, a third another; the account learns its name from whichever asks first.
    #[test]
    fn addresses_of_one_account_share_its_memory_once_its_id_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let open = |base: &str| Shared::open(folder.path(), base, Clock::REAL).unwrap();
        let (mut one, mut two) = (open("https://a.amocrm.ru"), open("https://a.amocrm.ru"));
        let mut other = open("https://a.kommo.com");
        let take = |memory: &mut Memory, now: i64| memory.take(now, 7).is_ok();
        assert!(other.change(take).unwrap() && one.change(take).unwrap(), "nobody knows yet that they are one");
        one.join(7).unwrap();
        assert!(!one.change(take).unwrap(), "what it had sent goes along");
        assert!(matches!(two.change(take), Err(SharedError::Moved)), "whoever has the address follows");
        assert!(!two.change(take).unwrap());
        other.join(7).unwrap();
        other.change(|memory, now| memory.blocked(now)).unwrap();
        assert_eq!(one.change(|memory, _| memory.halt()).unwrap().map(|halt| halt.why), Some(Why::Blocked));
        assert!(open("https://A.amocrm.ru/").found().is_some(), "and so does whoever comes later");

        // The address is given to another account, whose memory begins with what was just sent there.
        let mut reused = open("https://a.amocrm.ru");
        reused.change(|memory, now| memory.passed(now)).unwrap();
        reused.join(8).unwrap();
        reused.change(|memory, now| memory.blocked(now)).unwrap();
        assert!(open("https://a.amocrm.ru").found().is_some());
        assert_eq!(open("https://a.kommo.com").found(), None);
    }

    #[test]
    fn many_may_open_a_new_file_at_once() {
        for _ in 0..5 {
            let folder = tempfile::tempdir().unwrap();
            let open = || Shared::open(folder.path(), "https://a", Clock::REAL).map(|_| ());
            let ends: Vec<_> = std::thread::scope(|scope| {
                let all: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
                all.into_iter().map(|one| one.join().unwrap()).collect()
            });
            assert!(ends.iter().all(Result::is_ok), "{ends:?}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_unusable_and_a_held_file_is_busy() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(Shared::open(&file, "https://a", Clock::REAL), Err(SharedError::Unusable(_))));
        let (one, mut two) = (
            Shared::open(folder.path(), "https://a", Clock::REAL).unwrap(),
            Shared::open(folder.path(), "https://a", Clock::REAL).unwrap(),
        );
        one.db.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert!(matches!(two.change(|_, _| ()), Err(SharedError::Busy)));
        one.db.execute_batch("COMMIT").unwrap();
        assert!(two.change(|_, _| ()).is_ok());
    }
}
