//! Another token after a 401, and the first pair of a login. A 401 is a definite refusal, so the refused request may be sent
//! again; each repeat takes its own turn in the pace.
//!
//! Several processes may share one pair. After a 401 the store is read first, because another process may have refreshed.
//! Only then is the pair refreshed, under the store's lock, where the store is read once more.

use super::client::{Client, READ_TRIES};
use super::failure::Failure;
use super::transport::failure_of;
use crate::auth::{App, OAuthTokens, Reread, TokenSource, TokenStore};
use amo_model::TOKEN_PATH;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the store's lock is waited for; its holder asks the service a few times at most.
const LOCK_MAX: Duration = Duration::from_secs(300);
const LOCK_PAUSE: Duration = Duration::from_millis(20);
const GRANT_TYPE: &str = "grant_type";
const LOG_IN: &str = "log in again with: amoport auth login";

impl Client {
    /// Gets another token than number `refused`; `detail` is what the service said to that one.
    pub(super) async fn renew(&self, refused: u64, detail: &str) -> Result<(), Failure> {
        let _guard = self.auth.renewing.lock().await;
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
            TokenSource::Fixed => Err(Failure::Unauthorized(detail.to_owned())),
            TokenSource::Reread(reread) => self.reread(Arc::clone(reread), detail).await,
            TokenSource::Pair(store, app) => self.refresh(store, app, detail).await,
        };
        if let Err(Failure::Unauthorized(why)) = &end {
            self.auth.current().dead = Some(why.clone());
        }
        end
    }

    async fn reread(&self, reread: Reread, detail: &str) -> Result<(), Failure> {
        // A command may be slow.
        let found = tokio::task::spawn_blocking(move || reread()).await;
        match found {
            Ok(Ok(token)) if self.auth.put_if_new(&token) => Ok(()),
            Ok(Err(why)) => Err(Failure::Unauthorized(format!("{detail}; {why}"))),
            Ok(Ok(_)) | Err(_) => Err(Failure::Unauthorized(detail.to_owned())),
        }
    }

    async fn refresh(&self, store: &TokenStore, app: &App, detail: &str) -> Result<(), Failure> {
        let unusable = |e: std::io::Error| {
            Failure::Unauthorized(format!("{detail}; the token store {} cannot be used: {e}", store.path().display()))
        };
        if self.auth.put_if_new(&store.read().map_err(unusable)?.access) {
            return Ok(());
        }
        if self.auth.current().unproved {
            return Err(Failure::Unauthorized(format!("{detail}, alalthough it was refreshed a moment ago")));
        }
        let _lock = lock(store).await?;
        let pair = store.read().map_err(unusable)?;
        if self.auth.put_if_new(&pair.access) {
            return Ok(());
        }
        let grant = [(GRANT_TYPE, "refresh_token"), ("refresh_token", pair.refresh.expose_secret())];
        let fresh = self.request_pair(store, app, &grant).await?;
        self.auth.put(fresh.access, true);
        Ok(())
    }

    /// Exchanges the code of a person's consent for the first pair, which is kept in `store`.
    pub async fn log_in(&self, store: &TokenStore, app: &App, code: &SecretString) -> Result<OAuthTokens, Failure> {
        let _lock = lock(store).await?;
        let grant = [(GRANT_TYPE, "authorization_code"), ("code", code.expose_secret())];
        self.request_pair(store, app, &grant).await
    }

    /// Requests a new pair, which is on disk when this returns. The caller holds the store's lock.
    async fn request_pair(
        &self,
        store: &TokenStore,
        app: &App,
        grant: &[(&str, &str)],
    ) -> Result<OAuthTokens, Failure> {
        let unkept = |e: std::io::Error| {
            Failure::Unauthorized(format!("new tokens cannot be saved in {}: {e}", store.path().display()))
        };
        let new_file = store.prepare().map_err(unkept)?;
        match self.send_grant(app, grant).await {
            Ok(pair) => {
                new_file.keep(&pair).map_err(unkept)?;
                Ok(pair)
            }
            Err(failure) => {
                new_file.discard();
                Err(failure)
            }
        }
    }

    /// Sends a grant. A repeat is harmless: the service refuses a grant that was used already.
    async fn send_grant(&self, app: &App, grant: &[(&str, &str)]) -> Result<OAuthTokens, Failure> {
        self.auth.add_secret(&app.client_secret);
        for (_, secret) in grant.iter().filter(|(key, _)| *key != GRANT_TYPE) {
            self.auth.add_secret(&SecretString::from(*secret));
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
            let request = request.body(body.to_string()).build().map_err(failure_of)?;
            let failure = match self.send_once(turn, request).await {
                Ok(reply) => return self.read_pair(&reply.body),
                Err(failure) => failure,
            };
            let pause = match &failure {
                Failure::Throttled { .. } => Duration::ZERO,
                Failure::NeverSent(_) | Failure::Lost(_) | Failure::ServerError { .. } => {
                    Duration::from_secs(1) * 2_u32.pow(tries - 1)
                }
                Failure::Blocked | Failure::Halted => return Err(failure),
                Failure::Unauthorized(why) => return Err(refused(why)),
                Failure::Unreadable(_)
                | Failure::Excessive(_)
                | Failure::Incomplete(_)
                | Failure::Refused { .. }
                | Failure::Unpaid(_)
                | Failure::Forbidden(_)
                | Failure::Missing { .. }
                | Failure::Gateway { .. } => return Err(refused(&failure.to_string())),
            };
            if tries >= READ_TRIES {
                // Whatever became of the grant, the request that needs the token was refused and may be sent again.
                return Err(match failure {
                    Failure::Throttled { .. } => failure,
                    other => Failure::NeverSent(format!("no new token: {other}")),
                });
            }
            self.pace.clock().sleep(pause).await;
        }
    }

    fn read_pair(&self, body: &[u8]) -> Result<OAuthTokens, Failure> {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let secret = |key: &str| value[key].as_str().filter(|text| !text.is_empty()).map(SecretString::from);
        let (Some(access), Some(refresh)) = (secret("access_token"), secret("refresh_token")) else {
            return Err(refused("the answer contains no pair of tokens"));
        };
        [&access, &refresh].into_iter().for_each(|token| self.auth.add_secret(token));
        let now_s = self.pace.clock().unix_ms() / 1000;
        Ok(OAuthTokens { access, refresh, expires_at: expiry(now_s, &value["expires_in"]) })
    }
}

/// Unix seconds. An unreadable `expires_in` counts as 0: the pair is kept all the same, since the one before it is dead.
fn expiry(now_s: i64, expires_in: &Value) -> i64 {
    now_s.saturating_add(expires_in.as_i64().unwrap_or(0))
}

fn refused(why: &str) -> Failure {
    Failure::Unauthorized(format!("new tokens were refused: {why}; {LOG_IN}"))
}

/// Waits for the store's lock without blocking other tasks.
async fn lock(store: &TokenStore) -> Result<File, Failure> {
    let since = Instant::now();
    loop {
        match store.try_lock() {
            Ok(Some(lock)) => return Ok(lock),
            Ok(None) if since.elapsed() < LOCK_MAX => tokio::time::sleep(LOCK_PAUSE).await,
            Ok(None) => {
                return Err(Failure::NeverSent(format!("{} is locked by another process", store.path().display())));
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
    fn an_unreadable_expiry_does_not_lose_a_pair() {
        for (expires_in, expires_at) in
            [(json!(86_400), 186_400), (json!(null), 100_000), (json!([]), 100_000), (json!(i64::MAX), i64::MAX)]
        {
            assert_eq!(expiry(100_000, &expires_in), expires_at, "{expires_in}");
        }
    }
}
