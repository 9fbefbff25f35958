//! The identity of a store: a random name, and its last path. They distinguish a copy of a state folder from one that was
//! moved.
//!
//! `accounts` names accounts, `sends` notes the newest send outside of the store.

pub mod accounts;
pub mod sends;

use crate::store::Store;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use std::path::{Path, PathBuf};

/// The identity of a store.
#[derive(Debug, Clone, Default)]
pub(super) struct Identity {
    /// A name that only this store and its copies have.
    id: String,
    /// The path of the store that this is a copy of.
    original: Option<PathBuf>,
}

impl Identity {
    /// The identity of an open store. A store without a name gets one, and a moved store notes its path.
    pub(super) fn of(db: &Connection, path: &Path) -> rusqlite::Result<Identity> {
        let here = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let place = here.display().to_string();
        let sql = "SELECT id, path FROM store";
        let known = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let found: Option<(String, String)> = db.query_row(sql, [], known).optional()?;
        let (id, last) = match found {
            Some(found) => found,
            None => {
                let named = "INSERT OR IGNORE INTO store (one, id, path) VALUES (1, lower(hex(randomblob(16))), ?)";
                db.execute(named, [&place])?;
                db.query_row(sql, [], known)?
            }
        };
        if last == place {
            return Ok(Identity { id, original: None });
        }
        let last = PathBuf::from(last);
        if id_at(&last).as_ref() != Some(&id) {
            db.execute("UPDATE store SET path = ?", params![place])?;
            return Ok(Identity { id, original: None });
        }
        Ok(Identity { id, original: (!same_file(&last, &here)).then_some(last) })
    }
}

/// The name of the store at a path, where one can be read.
fn id_at(path: &Path) -> Option<String> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).ok()?;
    db.query_row("SELECT id FROM store", [], |row| row.get(0)).ok()
}

/// True where two paths are one file, as in a container.
#[cfg(unix)]
fn same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |path| std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    id(one).is_some_and(|one| Some(one) == id(other))
}

#[cfg(not(unix))]
fn same_file(_: &Path, _: &Path) -> bool {
    false
}

impl Store {
    /// A name that only this store and its copies have.
    pub fn id(&self) -> &str {
        &self.identity.id
    }

    /// The state folder that this one is a copy of, where that still exists.
    pub fn copy_of(&self) -> Option<&Path> {
        self.identity.original.as_deref()?.parent()
    }
}
