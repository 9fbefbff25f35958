//! The memory of an account's pace in a file that all processes of this user share: one small SQLite file per account
//! in the user's own state folder, since two projects may work on one account. It is no journal: what a power cut
//! takes away is a second's worth of stamps, so nothing is synchronised to the disk.

use super::{Halt, Memory};
use crate::clock::Clock;
use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The layout of the table below.
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

pub struct Shared {
    db: Connection,
    clock: Clock,
    /// The halt that was there when this was opened.
    found: Option<Halt>,
}

impl Shared {
    /// Opens the memory of the account whose address is `base`, making it if need be.
    pub fn open(folder: &Path, base: &str, clock: Clock) -> Result<Shared, SharedError> {
        create_private_dir(folder).map_err(|e| SharedError::Unusable(e.to_string()))?;
        let path = folder.join(file_name(base));
        let mut tries = 0;
        loop {
            tries += 1;
            // Going over to WAL does not wait for others who make the file at this very moment.
            match Shared::open_file(&path, clock) {
                Err(SharedError::Busy) if tries < OPEN_TRIES => std::thread::sleep(OPEN_PAUSE),
                end => return end,
            }
        }
    }

    fn open_file(path: &Path, clock: Clock) -> Result<Shared, SharedError> {
        let db = Connection::open(path)?;
        db.busy_timeout(BUSY_WAIT)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "OFF")?;
        db.execute_batch(&format!(
            "BEGIN IMMEDIATE;
             CREATE TABLE IF NOT EXISTS pace (one INTEGER PRIMARY KEY CHECK (one = 1), memory TEXT NOT NULL);
             PRAGMA user_version = {SCHEMA_VERSION};
             COMMIT;"
        ))?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600));
        }
        let mut shared = Shared { db, clock, found: None };
        shared.found = shared.change(|memory, _| memory.halt())?;
        Ok(shared)
    }

    /// Reads the memory, lets `work` look at it and change it, and keeps it; no other process comes between. The instant
    /// handed to `work` was taken when the file was already held.
    pub fn change<T>(&mut self, work: impl FnOnce(&mut Memory, i64) -> T) -> Result<T, SharedError> {
        let clock = self.clock;
        let hold = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let text: Option<String> =
            hold.prepare_cached("SELECT memory FROM pace")?.query_row([], |row| row.get(0)).optional()?;
        // What cannot be read was written by another version: as good as nothing remembered.
        let before: Memory = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let now_us = clock.unix_us();
        let mut memory = before.clone();
        memory.set_back(now_us);
        let done = work(&mut memory, now_us);
        if memory != before {
            let text = serde_json::to_string(&memory).map_err(|e| SharedError::Unusable(e.to_string()))?;
            hold.prepare_cached("INSERT OR REPLACE INTO pace (one, memory) VALUES (1, ?1)")?.execute([text])?;
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

/// The address itself would tell everybody who lists the folder which accounts there are.
fn file_name(base: &str) -> String {
    let digest = Sha256::digest(base.trim_end_matches('/').to_ascii_lowercase());
    let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("rate-{hex}.db")
}

fn create_private_dir(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
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
