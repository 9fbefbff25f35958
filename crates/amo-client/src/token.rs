//! A pair of OAuth tokens in a file of the user's own. The pair rotates with every refresh and the old one is dead at
//! once, so the new one is on the disk before it is used, and one process at a time may fetch it.

use crate::private;
use crate::private::secret::{self, Others};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, Clone)]
pub struct Pair {
    pub access: SecretString,
    pub refresh: SecretString,
    /// Unix seconds; told to the person, never relied upon: the service's 401 decides.
    pub expires_at: i64,
}

/// The file's JSON; also readable by other tools.
#[derive(Serialize, Deserialize)]
struct Written {
    access_token: String,
    refresh_token: String,
    #[serde(default)]
    expires_at: i64,
}

#[derive(Debug, Clone)]
pub struct TokenStore {
    path: PathBuf,
    others: Others,
}

impl TokenStore {
    pub fn new(path: &Path, others: Others) -> TokenStore {
        // A link stays a link: its target is what gets replaced.
        TokenStore { path: path.canonicalize().unwrap_or_else(|_| path.to_owned()), others }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn read(&self) -> io::Result<Pair> {
        let text = secret::bytes(&self.path, self.others).map_err(io::Error::other)?.held;
        // The parser's own words could quote a token.
        let written: Written = serde_json::from_slice(text.strip_prefix(BOM).unwrap_or(&text))
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not a pair of tokens"))?;
        Ok(Pair {
            access: secret::line("its access_token", &written.access_token).map_err(io::Error::other)?,
            refresh: secret::line("its refresh_token", &written.refresh_token).map_err(io::Error::other)?,
            expires_at: written.expires_at,
        })
    }

    /// The lock under which the pair may be changed, or `None` while another process has it. It goes with the process.
    pub fn try_lock(&self) -> io::Result<Option<File>> {
        let lock = private::lock(&self.beside(".lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Makes room for a new pair, so that a full disk or a folder that is not ours is found out while the old pair is
    /// still alive. Under the lock only.
    pub fn prepare(&self) -> io::Result<Fresh> {
        let path = self.beside(".new");
        let mut file = private::create_anew(&path)?;
        file.write_all(&[b' '; ROOM])?;
        file.sync_all()?;
        Ok(Fresh { file, path, store: self.path.clone() })
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(ending);
        PathBuf::from(name)
    }
}

/// What some editors put before a text.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// More than two tokens take: they are JWTs of about a kilobyte.
const ROOM: usize = 16 * 1024;

/// A file for the new pair, not yet in its place.
#[derive(Debug)]
pub struct Fresh {
    file: File,
    path: PathBuf,
    store: PathBuf,
}

impl Fresh {
    /// When this returns, the pair is on the disk, whatever happens to the machine.
    pub fn keep(mut self, pair: &Pair) -> io::Result<()> {
        use std::io::Seek;
        let written = Written {
            access_token: pair.access.expose_secret().to_owned(),
            refresh_token: pair.refresh.expose_secret().to_owned(),
            expires_at: pair.expires_at,
        };
        let mut text = serde_json::to_vec_pretty(&written)?;
        text.push(b'\n');
        self.file.rewind()?;
        self.file.write_all(&text)?;
        self.file.set_len(text.len() as u64)?;
        self.file.sync_all()?;
        std::fs::rename(&self.path, &self.store)?;
        // The name, too, is data of a file: of the folder.
        #[cfg(unix)]
        {
            let folder = self.store.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(())
    }

    /// Nothing came that could be kept.
    pub fn discard(self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(n: u32) -> Pair {
        Pair {
            access: SecretString::from(format!("access-{n}")),
            refresh: SecretString::from(format!("refresh-{n}")),
            expires_at: i64::from(n),
        }
    }

    #[test]
    fn a_pair_is_replaced_whole_and_is_the_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = TokenStore::new(&folder.path().join("tokens.json"), Others::Refused);
        assert!(store.read().is_err());
        for n in [1, 2] {
            store.prepare().unwrap().keep(&pair(n)).unwrap();
            assert_eq!(store.read().unwrap().access.expose_secret(), format!("access-{n}"));
            assert_eq!(store.read().unwrap().expires_at, i64::from(n));
        }
        store.prepare().unwrap().discard();
        assert_eq!(store.read().unwrap().refresh.expose_secret(), "refresh-2");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(store.path()).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(!format!("{:?}", pair(3)).contains("access-3"));
    }

    #[test]
    fn one_holds_the_lock_at_a_time_and_nonsense_is_not_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let store = TokenStore::new(&folder.path().join("tokens.json"), Others::Refused);
        let held = store.try_lock().unwrap();
        assert!(held.is_some() && store.try_lock().unwrap().is_none());
        drop(held);
        assert!(store.try_lock().unwrap().is_some());
        private::create(store.path()).unwrap().write_all(b"secret-token").unwrap();
        assert_eq!(store.read().unwrap_err().to_string(), "it is not a pair of tokens");
    }
}
