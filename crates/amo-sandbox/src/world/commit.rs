//! What one request changes, as the log of the world keeps it.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::auth::WorldTokens;
use super::table::RecordTable;
use crate::account::AccountState;

/// A record written whole: where, id, made at, changed at, its JSON.
#[derive(Debug, Serialize, Deserialize)]
pub struct RecordPut(pub RecordTable, pub u64, pub i64, pub i64, pub Box<RawValue>);

/// Its name, and its colour where it was given one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TagPut(pub RecordTable, pub u64, pub Box<str>, #[serde(default)] pub Option<Box<str>>);

/// A link from a record to another, with what is said of it (`{"is_main": true}`).
#[derive(Debug, Serialize, Deserialize)]
pub struct LinkPut(pub RecordTable, pub u64, pub RecordTable, pub u64, pub Option<Box<RawValue>>);

/// A link that is no more, from whichever end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRemoved(pub RecordTable, pub u64, pub RecordTable, pub u64);

/// A record that is no more, nor any link of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordRemoved(pub RecordTable, pub u64);

/// A record that people have deleted: where, id, when, by whom. It lies in the trash, where its kind has one; nothing else
/// of it is shown there. [seed]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordTrashed(pub RecordTable, pub u64, pub i64, pub u64);

/// All that one request changes; written to the log as one line, so that a request is there wholly or not at all.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Commit {
    /// When it happened, and how many milliseconds later.
    pub at: i64,
    #[serde(skip_serializing_if = "is_whole")]
    pub ms: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub put: Vec<RecordPut>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tag: Vec<TagPut>,
    /// Cut before any is made.
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
    /// The account as it is from now on, where the request changed what it is made of.
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
