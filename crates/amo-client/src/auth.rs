//! The token of a client, and where another one comes from when the service no longer takes it: a file or command that
//! is read again, or a pair of OAuth tokens that is refreshed. A 401 is a definite refusal, so whatever was refused may
//! be sent again; each repeat takes its own turn in the pace.
//!
//! Several processes may live on one pair. Who meets a 401 reads the store first: another may have refreshed. Only then
//! is it refreshed, under the store's lock, where the store is read once more.

use super::token::{Pair, TokenStore};
use super::{Client, Failure, READ_TRIES};
use crate::private::hidden::Hidden;
use amo_model::TOKEN_PATH;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often a request is repeated with another token: once after a look at the store, once after a refresh.
pub(super) const RENEWALS_MAX: u32 = 2;
/// The holder of the lock asks the service a few times at most.
const LOCK_MAX: Duration = Duration::from_secs(300);
const LOCK_PAUSE: Duration = Duration::from_millis(20);
const GRANT_TYPE: &str = "grant_type";
const LOG_IN: &str = "log in again with: amoport auth login";

/// Where a token comes from.
pub enum Source {
    /// From a place that cannot change while the program runs.
    Once,
    /// Read again when it is refused: somebody may have put a new one there.
    Reread(Reread),
    Pair(TokenStore, App),
}

/// Looks a token up once more; the sentence of an error is for the user.
pub type Reread = Arc<dyn Fn() -> Result<SecretString, String> + Send + Sync>;

/// What the service knows an integration by.
#[derive(Debug, Clone)]
pub struct App {
    pub client_id: String,
    pub client_secret: SecretString,
    pub redirect_uri: String,
}

pub struct Auth {
    current: Mutex<Current>,
    /// What the service may repeat in its answers, the tokens of before among it.
    hidden: Mutex<Hidden>,
    source: Source,
    /// One renewal at a time; who waited finds the work done.
    renewing: tokio::sync::Mutex<()>,
}

struct Current {
    /// Counted up with every other token.
    no: u64,
    token: SecretString,
    /// It came from a refresh of ours, and nothing was accepted with it so far.
    unproved: bool,
    /// Why there will be no other token: found out once, not once for every request under way.
    dead: Option<String>,
}

impl From<SecretString> for Auth {
    fn from(token: SecretString) -> Auth {
        Auth::new(token, Source::Once)
    }
}

impl Auth {
    pub fn new(token: SecretString, source: Source) -> Auth {
        let current = Current { no: 0, token, unproved: false, dead: None };
        let auth = Auth {
            hidden: Mutex::default(),
            current: Mutex::new(current),
            source,
            renewing: tokio::sync::Mutex::default(),
        };
        auth.hides(&auth.token().1);
        if let Source::Pair(store, app) = &auth.source {
            auth.hides(&app.client_secret);
            // Who uses it says what is wrong with it.
            let _ = store.read().map(|pair| auth.hides(&pair.refresh));
        }
        auth
    }

    fn hides(&self, secret: &SecretString) {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner).learn(secret);
    }

    /// An answer without what must not be seen.
    pub(super) fn hidden_in(&self, body: Vec<u8>) -> Vec<u8> {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner).out_of(body)
    }

    /// When the access token ends, in unix seconds, where that is known.
    pub fn expires_at(&self) -> Option<i64> {
        match &self.source {
            Source::Once | Source::Reread(_) => None,
            Source::Pair(store, _) => store.read().ok().map(|pair| pair.expires_at),
        }
    }

    pub(super) fn token(&self) -> (u64, SecretString) {
        let current = self.current();
        (current.no, current.token.clone())
    }

    /// The service answered something else than 401 to this token.
    pub(super) fn accepted(&self, no: u64) {
        let mut current = self.current();
        if current.no == no {
            current.unproved = false;
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, token: SecretString, unproved: bool) {
        self.hides(&token);
        let mut current = self.current();
        *current = Current { no: current.no + 1, token, unproved, dead: None };
    }

    /// True when `token` is another than the present one, which it then replaces.
    fn put_other(&self, token: &SecretString) -> bool {
        let other = self.current().token.expose_secret() != token.expose_secret();
        if other {
            self.put(token.clone(), false);
        }
        other
    }
}

impl Client {
    /// Another token than number `refused`, or why there is none; `detail` is what the service said.
    pub(super) async fn renew(&self, refused: u64, detail: &str) -> Result<(), Failure> {
        let _alone = self.auth.renewing.lock().await;
        {
            let current = self.auth.current();
            if current.no != refused {
                return Ok(());
            }
            if let Some(why) = &current.dead {
                return Err(Failure::Unauthorized(why.clone()));
            }
        }
        let end = match &self.auth.source {
            Source::Once => Err(Failure::Unauthorized(detail.to_owned())),
            Source::Reread(reread) => self.reread(Arc::clone(reread), detail).await,
            Source::Pair(store, app) => self.refresh(store, app, detail).await,
        };
        if let Err(Failure::Unauthorized(why)) = &end {
            self.auth.current().dead = Some(why.clone());
        }
        end
    }

    async fn reread(&self, reread: Reread, detail: &str) -> Result<(), Failure> {
        // A command may take its time.
        let found = tokio::task::spawn_blocking(move || reread()).await;
        match found {
            Ok(Ok(token)) if self.auth.put_other(&token) => Ok(()),
            Ok(Err(why)) => Err(Failure::Unauthorized(format!("{detail}; {why}"))),
            Ok(Ok(_)) | Err(_) => Err(Failure::Unauthorized(detail.to_owned())),
        }
    }

    async fn refresh(&self, store: &TokenStore, app: &App, detail: &str) -> Result<(), Failure> {
        let unusable = |e: std::io::Error| {
            Failure::Unauthorized(format!("{detail}; the token store {} cannot be used: {e}", store.path().display()))
        };
        if self.auth.put_other(&store.read().map_err(unusable)?.access) {
            return Ok(());
        }
        if self.auth.current().unproved {
            return Err(Failure::Unauthorized(format!("{detail}, though it was refreshed a moment ago")));
        }
        let _lock = lock(store).await?;
        let pair = store.read().map_err(unusable)?;
        if self.auth.put_other(&pair.access) {
            return Ok(());
        }
        let grant = [(GRANT_TYPE, "refresh_token"), ("refresh_token", pair.refresh.expose_secret())];
        let fresh = self.fetch(store, app, &grant).await?;
        self.auth.put(fresh.access, true);
        Ok(())
    }

    /// Exchanges the code that a person's consent has given for the first pair, which is kept in `store`.
    pub async fn log_in(&self, store: &TokenStore, app: &App, code: &SecretString) -> Result<Pair, Failure> {
        let _lock = lock(store).await?;
        let grant = [(GRANT_TYPE, "authorization_code"), ("code", code.expose_secret())];
        self.fetch(store, app, &grant).await
    }

    /// A new pair, on the disk when this returns. Under the store's lock.
    async fn fetch(&self, store: &TokenStore, app: &App, grant: &[(&str, &str)]) -> Result<Pair, Failure> {
        let unkept = |e: std::io::Error| {
            Failure::Unauthorized(format!("new tokens cannot be kept in {}: {e}", store.path().display()))
        };
        let room = store.prepare().map_err(unkept)?;
        match self.grant(app, grant).await {
            Ok(pair) => {
                room.keep(&pair).map_err(unkept)?;
                Ok(pair)
            }
            Err(failure) => {
                room.discard();
                Err(failure)
            }
        }
    }

    /// Asks for a pair. Repeating is harmless: a grant that was used already is refused.
    async fn grant(&self, app: &App, grant: &[(&str, &str)]) -> Result<Pair, Failure> {
        self.auth.hides(&app.client_secret);
        for (_, secret) in grant.iter().filter(|(key, _)| *key != GRANT_TYPE) {
            self.auth.hides(&SecretString::from(*secret));
        }
        let mut body = json!({
            "client_id": app.client_id, "client_secret": app.client_secret.expose_secret(),
            "redirect_uri": app.redirect_uri,
        });
        for (key, value) in grant {
            body[*key] = json!(value);
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let turn = self.turn().await;
            let mut url = self.base.clone();
            url.set_path(TOKEN_PATH);
            let request = self.http.post(url).header(reqwest::header::CONTENT_TYPE, "application/json");
            let request = request.body(body.to_string()).build().map_err(super::failure_of)?;
            let failure = match self.once(turn, request).await {
                Ok(reply) => return self.pair(&reply.body),
                Err(failure) => failure,
            };
            let pause = match &failure {
                Failure::Throttled { .. } => Duration::ZERO,
                Failure::NeverSent(_) | Failure::Lost(_) | Failure::Broken { .. } => {
                    Duration::from_secs(1) * 2_u32.pow(tries - 1)
                }
                Failure::Blocked | Failure::Halted => return Err(failure),
                Failure::Unauthorized(why) => return Err(refused(why)),
                Failure::Unreadable(_)
                | Failure::Unproven(_)
                | Failure::Refused { .. }
                | Failure::Unpaid(_)
                | Failure::Forbidden(_)
                | Failure::Missing { .. }
                | Failure::Between { .. } => return Err(refused(&failure.to_string())),
            };
            if tries >= READ_TRIES {
                // Whatever became of this request: the one that wants the token was refused, it may be sent again.
                return Err(match failure {
                    Failure::Throttled { .. } => failure,
                    other => Failure::NeverSent(format!("no new token: {other}")),
                });
            }
            self.pace.clock().sleep(pause).await;
        }
    }

    fn pair(&self, body: &[u8]) -> Result<Pair, Failure> {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let secret = |key: &str| value[key].as_str().filter(|text| !text.is_empty()).map(SecretString::from);
        let (Some(access), Some(refresh)) = (secret("access_token"), secret("refresh_token")) else {
            return Err(refused("the answer holds no pair of tokens"));
        };
        [&access, &refresh].into_iter().for_each(|token| self.auth.hides(token));
        let now_s = self.pace.clock().unix_ms() / 1000;
        Ok(Pair { access, refresh, expires_at: expiry(now_s, &value["expires_in"]) })
    }
}

/// Whatever is said of its life: the pair is kept, for the one before it is gone.
fn expiry(now_s: i64, life: &Value) -> i64 {
    now_s.saturating_add(life.as_i64().unwrap_or(0))
}

fn refused(why: &str) -> Failure {
    Failure::Unauthorized(format!("new tokens were refused: {why}; {LOG_IN}"))
}

/// Waits for the lock without holding up what else is under way.
async fn lock(store: &TokenStore) -> Result<File, Failure> {
    let since = Instant::now();
    loop {
        match store.try_lock() {
            Ok(Some(lock)) => return Ok(lock),
            Ok(None) if since.elapsed() < LOCK_MAX => tokio::time::sleep(LOCK_PAUSE).await,
            Ok(None) => {
                return Err(Failure::NeverSent(format!("{} is held by another process", store.path().display())));
            }
            Err(e) => {
                let path = store.path().display();
                return Err(Failure::Unauthorized(format!("the token store {path} cannot be locked: {e}")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pair_is_kept_whatever_is_said_of_its_life() {
        for (life, until) in
            [(json!(86_400), 186_400), (json!(null), 100_000), (json!([]), 100_000), (json!(i64::MAX), i64::MAX)]
        {
            assert_eq!(expiry(100_000, &life), until, "{life}");
        }
    }
}
