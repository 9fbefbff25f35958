//! Tokens of the world: the long-lived one, and the pairs of OAuth. Pure; the time is a parameter, and secrets are
//! derived from a key that was drawn when the world was new.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Lifetime of an authorization code, in seconds. [doc]
const CODE_LIFE_S: i64 = 20 * 60;
/// `expires_in` of an access token. [doc]
pub const ACCESS_LIFE_S: i64 = 86_400;
/// Lifetime of a refresh token: three months. [doc]
const REFRESH_LIFE_S: i64 = 90 * 86_400;
/// The maximum number of unused codes; the oldest are dropped.
const CODES_MAX: usize = 20;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorldTokens {
    pub token: String,
    pub client_id: String,
    pub client_secret: String,
    codes: Vec<(String, i64)>,
    pair: Option<TokenPair>,
    /// The number of tokens made so far, so that no two are equal.
    made: u64,
    /// Empty in worlds of earlier versions, which derived their tokens from the seed.
    #[serde(default)]
    key: String,
}

/// The owner of the token of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bearer {
    /// The long-lived token of the world.
    World,
    /// The last access token of the integration, expired or not.
    Integration,
    Stranger,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenPair {
    pub access: String,
    pub refresh: String,
    made_at: i64,
}

/// Why no pair was given; the `hint` of the answer. [client]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantError {
    Code,
    Expired,
    Revoked,
}

impl GrantError {
    pub fn hint(self) -> &'static str {
        match self {
            GrantError::Code => "Cannot decrypt the authorization code",
            GrantError::Expired => "Authorization code has expired",
            GrantError::Revoked => "Token has been revoked",
        }
    }
}

impl WorldTokens {
    /// The key must be unpredictable.
    pub fn new(key: String) -> WorldTokens {
        WorldTokens {
            token: secret(&key, "token", 0),
            client_id: "00000000-0000-4000-8000-0000000000aa".to_owned(),
            client_secret: secret(&key, "client", 0),
            codes: Vec::new(),
            pair: None,
            made: 0,
            key,
        }
    }

    pub fn has_key(&self) -> bool {
        !self.key.is_empty()
    }

    /// The same tokens; new ones are derived from this key.
    pub fn with_key(self, key: String) -> WorldTokens {
        WorldTokens { key, ..self }
    }

    /// After a reset: the long-lived token stays, the tokens of an integration end.
    pub fn after_reset(&self) -> WorldTokens {
        WorldTokens { codes: Vec::new(), pair: None, ..self.clone() }
    }

    pub fn bearer(&self, token: &str) -> Bearer {
        match &self.pair {
            _ if token == self.token => Bearer::World,
            Some(pair) if token == pair.access => Bearer::Integration,
            _ => Bearer::Stranger,
        }
    }

    pub fn accepts(&self, token: &str, now: i64) -> bool {
        let pair = self.pair.as_ref().filter(|p| now < p.made_at + ACCESS_LIFE_S);
        token == self.token || pair.is_some_and(|p| p.access == token)
    }

    pub fn new_code(&mut self, now: i64) -> String {
        self.made += 1;
        let code = secret(&self.key, "code", self.made);
        self.codes.push((code.clone(), now));
        if self.codes.len() > CODES_MAX {
            self.codes.remove(0);
        }
        code
    }

    /// A code works once. [doc]
    pub fn exchange(&mut self, code: &str, now: i64) -> Result<&TokenPair, GrantError> {
        let at = self.codes.iter().position(|(c, _)| c == code).ok_or(GrantError::Code)?;
        let (_, made_at) = self.codes.remove(at);
        if now >= made_at + CODE_LIFE_S {
            return Err(GrantError::Expired);
        }
        Ok(self.new_pair(now))
    }

    /// Both old tokens end at once. [doc], [client]
    pub fn refresh(&mut self, refresh: &str, now: i64) -> Result<&TokenPair, GrantError> {
        let alive = self.pair.as_ref().is_some_and(|p| p.refresh == refresh && now < p.made_at + REFRESH_LIFE_S);
        if !alive {
            return Err(GrantError::Revoked);
        }
        Ok(self.new_pair(now))
    }

    /// The access token expires; the refresh token stays valid.
    pub fn expire(&mut self) {
        if let Some(pair) = &mut self.pair {
            pair.made_at -= ACCESS_LIFE_S;
        }
    }

    fn new_pair(&mut self, now: i64) -> &TokenPair {
        self.made += 1;
        let pair = TokenPair {
            access: secret(&self.key, "access", self.made),
            refresh: secret(&self.key, "refresh", self.made),
            made_at: now,
        };
        self.pair.insert(pair)
    }
}

/// The same key gives the same secrets; they tell nothing about the key.
fn secret(key: &str, what: &str, number: u64) -> String {
    let digest = Sha256::digest(format!("amoport sandbox {key} {what} {number}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_ends_both_old_tokens() {
        let mut auth = WorldTokens::new("key".to_owned());
        let code = auth.new_code(0);
        let first = auth.exchange(&code, 60).expect("a fresh code").clone();
        assert_eq!(auth.exchange(&code, 60), Err(GrantError::Code));
        assert!(auth.accepts(&first.access, 61) && !auth.accepts(&first.access, 60 + ACCESS_LIFE_S));
        let second = auth.refresh(&first.refresh, 100).expect("a fresh pair").clone();
        assert_eq!(auth.refresh(&first.refresh, 100), Err(GrantError::Revoked));
        assert!(!auth.accepts(&first.access, 101) && auth.accepts(&second.access, 101));
        assert!(auth.accepts(&auth.token, i64::MAX / 2));
        auth.expire();
        assert!(!auth.accepts(&second.access, 101));
        assert!(auth.refresh(&second.refresh, 102).is_ok());
        let late = auth.new_code(0);
        assert_eq!(auth.exchange(&late, CODE_LIFE_S), Err(GrantError::Expired));
    }
}
