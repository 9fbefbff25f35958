//! The user of the token. Only an administrator sees all records.

use crate::http::{Client, Failure};
use amo_model::{USERS_PATH, parts};
use serde_json::Value;

/// The user of a token, as far as the token may read it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenUser {
    pub name: Option<String>,
    pub is_admin: Option<bool>,
}

impl Client {
    /// Reads a user. Only administrators may, others are refused with a 403. [doc]
    pub async fn token_user(&self, id: u64) -> TokenUser {
        match self.read(&format!("{USERS_PATH}/{id}"), &[]).await {
            Ok(reply) => {
                let user: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
                let is_admin = user["rights"].get("is_admin").map(parts::flag);
                TokenUser { name: user["name"].as_str().map(str::to_owned), is_admin }
            }
            Err(Failure::Forbidden(_)) => TokenUser { name: None, is_admin: Some(false) },
            Err(_) => TokenUser::default(),
        }
    }
}
