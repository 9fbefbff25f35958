//! A pair of OAuth tokens in a file that only its owner can read. The pair rotates with every refresh and the old one is
//! dead at once, so the new one is on disk before it is used, and one process at a time may request it.

use crate::private;
use crate::private::secret::{self, ReadableByOthers};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, Clone)]
pub struct OAuthTokens {
    pub access: SecretString,
    pub refresh: SecretString,
    /// Unix seconds. Shown to the person only; what counts is the service's 401.
    pub expires_at: i64,
}

/// The JSON of the file, which other tools may read.
#[derive(Serialize, Deserialize)]
struct PairJson {
    access_token: String,
    refresh_token: String,
    #[serde(default)]
    expires_at: i64,
}

/// The file of a pair, and the lock beside it.
#[derive(Debug, Clone)]
pub struct TokenStore {
    path: PathBuf,
    others: ReadableByOthers,
}

impl TokenStore {
    pub fn new(path: &Path, others: ReadableByOthers) -> TokenStore {
        // A symbolic link stays one: its target is replaced.
        TokenStore { path: path.canonicalize().unwrap_or_else(|_| path.to_owned()), others }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn read(&self) -> io::Result<OAuthTokens> {
        let text = secret::bytes(&self.path, self.others).map_err(io::Error::other)?.content;
        // The parser's own message could quote a token.
        let json: PairJson = serde_json::from_slice(text.strip_prefix(BOM).unwrap_or(&text))
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it does not contain a pair of tokens"))?;
        Ok(OAuthTokens {
            access: secret::line("its access_token", &json.access_token).map_err(io::Error::other)?,
            refresh: secret::line("its refresh_token", &json.refresh_token).map_err(io::Error::other)?,
            expires_at: json.expires_at,
        })
    }

    /// The lock under which the pair may be changed, or `None` while another process has locked it. It ends with the process.
    pub fn try_lock(&self) -> io::Result<Option<File>> {
        let lock = private::lock(&self.beside(".lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Makes a file for a new pair, so that a full disk or a read-only folder shows while the old pair is still alive. The
    /// caller holds the lock.
    pub fn prepare(&self) -> io::Result<NewPairFile> {
        let path = self.beside(".new");
        let mut file = private::create_anew(&path)?;
        file.write_all(&[b' '; FILE_SIZE])?;
        file.sync_all()?;
        Ok(NewPairFile { file, path, store: self.path.clone() })
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(ending);
        PathBuf::from(name)
    }
}

/// The byte order mark, which some editors put before a text.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Bytes. More than two tokens need, which are JWTs of about a kilobyte.
const FILE_SIZE: usize = 16 * 1024;

/// A file for the new pair, under another name until it is complete.
#[derive(Debug)]
pub struct NewPairFile {
    file: File,
    path: PathBuf,
    store: PathBuf,
}

impl NewPairFile {
    /// Writes the pair and puts it in place. When this returns, the pair is on disk even if the machine crashes.
    pub fn keep(mut self, pair: &OAuthTokens) -> io::Result<()> {
        use std::io::Seek;
        let json = PairJson {
            access_token: pair.access.expose_secret().to_owned(),
            refresh_token: pair.refresh.expose_secret().to_owned(),
            expires_at: pair.expires_at,
        };
        let mut text = serde_json::to_vec_pretty(&json)?;
        text.push(b'\n');
        self.file.rewind()?;
        self.file.write_all(&text)?;
        self.file.set_len(text.len() as u64)?;
        self.file.sync_all()?;
        std::fs::rename(&self.path, &self.store)?;
        // The new name is part of the folder, which has to be synchronised as well.
        #[cfg(unix)]
        {
            let folder = self.store.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(())
    }

    /// Removes the file, where no pair came.
    pub fn discard(self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(n: u32) -> OAuthTokens {
        OAuthTokens {
            access: SecretString::from(format!("access-{n}")),
            refresh: SecretString::from(format!("refresh-{n}")),
            expires_at: i64::from(n),
        }
    }

    #[test]
    fn a_pair_is_replaced_as_a_whole_and_readable_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let store = TokenStore::new(&folder.path().join("tokens.json"), ReadableByOthers::Refused);
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
    fn one_process_holds_the_lock_and_unreadable_content_is_not_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let store = TokenStore::new(&folder.path().join("tokens.json"), ReadableByOthers::Refused);
        let held = store.try_lock().unwrap();
        assert!(held.is_some() && store.try_lock().unwrap().is_none());
        drop(held);
        assert!(store.try_lock().unwrap().is_some());
        private::create(store.path()).unwrap().write_all(b"secret-token").unwrap();
        assert_eq!(store.read().unwrap_err().to_string(), "it does not contain a pair of tokens");
    }
}
