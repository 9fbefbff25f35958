//! The token of a client, and where another one comes from when the service no longer takes it: a file or command that
//! is read again, or a pair of OAuth tokens that is refreshed. `http::renew` does that; `token_file` keeps a pair on disk.

mod token_file;

pub use token_file::{NewPairFile, OAuthTokens, TokenStore};

use crate::private::redact::Redactor;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How often a request is repeated with another token: once after the store was read, once after a refresh.
pub(crate) const RENEWALS_MAX: u32 = 2;

/// Where a token comes from.
pub enum TokenSource {
    /// A place that cannot change while the program runs.
    Fixed,
    /// A place that is read again when the token is refused, since a new one may be there.
    Reread(Reread),
    /// A pair of OAuth tokens, which is refreshed when it is refused.
    Pair(TokenStore, App),
}

/// Reads a token again. The error is a sentence for the user.
pub type Reread = Arc<dyn Fn() -> Result<SecretString, String> + Send + Sync>;

/// An integration, as the service knows it.
#[derive(Debug, Clone)]
pub struct App {
    pub client_id: String,
    pub client_secret: SecretString,
    pub redirect_uri: String,
}

/// The token of a client and its source.
pub struct Auth {
    current: Mutex<CurrentToken>,
    /// Secrets that the service may repeat in its answers, earlier tokens included.
    secrets: Mutex<Redactor>,
    pub(crate) source: TokenSource,
    /// Lets one renewal run at a time; a request that waited finds the new token.
    pub(crate) renewing: tokio::sync::Mutex<()>,
}

pub(crate) struct CurrentToken {
    /// Counts up with each new token.
    pub(crate) no: u64,
    token: SecretString,
    /// It came from our own refresh, and the service has not accepted it yet.
    pub(crate) unproved: bool,
    /// Why there will be no other token. Kept, so that not every request in flight finds it out again.
    pub(crate) dead: Option<String>,
}

impl From<SecretString> for Auth {
    fn from(token: SecretString) -> Auth {
        Auth::new(token, TokenSource::Fixed)
    }
}

impl Auth {
    pub fn new(token: SecretString, source: TokenSource) -> Auth {
        let current = CurrentToken { no: 0, token, unproved: false, dead: None };
        let auth = Auth {
            secrets: Mutex::default(),
            current: Mutex::new(current),
            source,
            renewing: tokio::sync::Mutex::default(),
        };
        auth.add_secret(&auth.token().1);
        if let TokenSource::Pair(store, app) = &auth.source {
            auth.add_secret(&app.client_secret);
            // An unreadable store is reported where it is used.
            let _ = store.read().map(|pair| auth.add_secret(&pair.refresh));
        }
        auth
    }

    pub(crate) fn add_secret(&self, secret: &SecretString) {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).add(secret);
    }

    /// An answer without the secrets of this client.
    pub(crate) fn redact(&self, body: Vec<u8>) -> Vec<u8> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).redact(body)
    }

    /// When the access token expires, in unix seconds, where that is known.
    pub fn expires_at(&self) -> Option<i64> {
        match &self.source {
            TokenSource::Fixed | TokenSource::Reread(_) => None,
            TokenSource::Pair(store, _) => store.read().ok().map(|pair| pair.expires_at),
        }
    }

    /// A hash of the present token, which tells tokens apart and shows nothing of them.
    pub fn token_digest(&self) -> String {
        let digest = Sha256::digest(self.token().1.expose_secret());
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The current token and its number.
    pub(crate) fn token(&self) -> (u64, SecretString) {
        let current = self.current();
        (current.no, current.token.clone())
    }

    /// The service has answered this token with something else than a 401.
    pub(crate) fn accepted(&self, no: u64) {
        let mut current = self.current();
        if current.no == no {
            current.unproved = false;
        }
    }

    pub(crate) fn current(&self) -> MutexGuard<'_, CurrentToken> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the token; `unproved` for one that was refreshed just now.
    pub(crate) fn put(&self, token: SecretString, unproved: bool) {
        self.add_secret(&token);
        let mut current = self.current();
        *current = CurrentToken { no: current.no + 1, token, unproved, dead: None };
    }

    /// Replaces the token where `token` is another one; says whether it was.
    pub(crate) fn put_if_new(&self, token: &SecretString) -> bool {
        let is_new = self.current().token.expose_secret() != token.expose_secret();
        if is_new {
            self.put(token.clone(), false);
        }
        is_new
    }
}
