//! Which store this is: it has a name of its own, drawn once, and knows where it lies. So a copy of a state folder is told from
//! one that was moved.

pub mod accounts;
pub mod sends;

use crate::store::Store;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use std::path::{Path, PathBuf};

/// What a store is.
#[derive(Debug, Clone, Default)]
pub(super) struct Identity {
    /// A name that no other store has, but for its copies.
    id: String,
    /// The store that this is a copy of.
    original: Option<PathBuf>,
}

impl Identity {
    /// Of a store that is open; one without a name gets it now, and one that was moved notes where it is.
    pub(super) fn of(db: &Connection, path: &Path) -> rusqlite::Result<Identity> {
        let here = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let place = here.display().to_string();
        let ask = "SELECT id, path FROM store";
        let known = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let found: Option<(String, String)> = db.query_row(ask, [], known).optional()?;
        let (id, last) = match found {
            Some(found) => found,
            None => {
                let named = "INSERT OR IGNORE INTO store (one, id, path) VALUES (1, lower(hex(randomblob(16))), ?)";
                db.execute(named, [&place])?;
                db.query_row(ask, [], known)?
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

/// The name of the store at a path, where there is one that can be read.
fn id_at(path: &Path) -> Option<String> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).ok()?;
    db.query_row("SELECT id FROM store", [], |row| row.get(0)).ok()
}

/// One file may have several paths, as in a container.
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
    /// A name that no other store has, but for its copies.
    pub fn id(&self) -> &str {
        &self.identity.id
    }

    /// The state folder that this one is a copy of, where that is still there.
    pub fn copy_of(&self) -> Option<&Path> {
        self.identity.original.as_deref()?.parent()
    }
}
