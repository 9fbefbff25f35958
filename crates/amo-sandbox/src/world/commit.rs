//! The changes of one request, as the log of the world stores them.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::auth::WorldTokens;
use super::table::RecordTable;
use crate::account::AccountState;

/// A record: table, id, created at, updated at, its JSON.
#[derive(Debug, Serialize, Deserialize)]
pub struct RecordPut(pub RecordTable, pub u64, pub i64, pub i64, pub Box<RawValue>);

/// A tag: table, id, name, and its colour if it has one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TagPut(pub RecordTable, pub u64, pub Box<str>, #[serde(default)] pub Option<Box<str>>);

/// A link from one record to another, with its metadata (`{"is_main": true}`).
#[derive(Debug, Serialize, Deserialize)]
pub struct LinkPut(pub RecordTable, pub u64, pub RecordTable, pub u64, pub Option<Box<RawValue>>);

/// A link that is removed, named from either end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRemoved(pub RecordTable, pub u64, pub RecordTable, pub u64);

/// A record that is deleted for good, with its links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordRemoved(pub RecordTable, pub u64);

/// A record that a person has deleted: table, id, when, by whom. It is in the trash, which shows nothing else of it.
/// [seed]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordTrashed(pub RecordTable, pub u64, pub i64, pub u64);

/// All changes of one request. The log has them in one line, so that a request is applied completely or not at all.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Commit {
    /// Unix seconds, and the milliseconds within the second.
    pub at: i64,
    #[serde(skip_serializing_if = "is_whole")]
    pub ms: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub put: Vec<RecordPut>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tag: Vec<TagPut>,
    /// Removed before any link is made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<LinkRemoved>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub link: Vec<LinkPut>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<RecordRemoved>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trash: Vec<RecordTrashed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<WorldTokens>,
    /// The account after the change, where the request changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<Box<AccountState>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it so")]
fn is_whole(ms: &i64) -> bool {
    *ms == 0
}

impl Commit {
    /// A change of the tokens alone, `at` Unix seconds.
    pub fn of_tokens(at: i64, auth: WorldTokens) -> Commit {
        Commit { at, auth: Some(auth), ..Commit::default() }
    }

    pub(super) fn at_ms(&self) -> i64 {
        self.at.saturating_mul(1000).saturating_add(self.ms)
    }

    pub fn is_empty(&self) -> bool {
        self.put.is_empty()
            && self.tag.is_empty()
            && self.cut.is_empty()
            && self.link.is_empty()
            && self.gone.is_empty()
            && self.trash.is_empty()
            && self.auth.is_none()
            && self.account.is_none()
    }
}
