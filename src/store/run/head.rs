//! What a run was asked to do: all that resuming and reporting need beside the journal. Kept as JSON in the run's row.

use crate::store::AccountKey;
use crate::store::ledger::{Keys, with_space};
use crate::store::words::{FrozenWord, Verify};
use amo_client::private::shown::without_password;
use amo_model::{Action, Entity, Kind};
use serde::{Deserialize, Serialize};
use sheet_source::{FileFormat, HiddenRows};
use std::path::Path;

/// The name of the account inside the program, whose address is another one at every start.
pub const SANDBOX: &str = "sandbox";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunHead {
    pub source: SourceHead,
    pub mapping: MappingHead,
    #[serde(with = "crate::store::words")]
    pub kind: Kind,
    /// What a record becomes in the account; leads and complex leads share their ids.
    #[serde(with = "crate::store::words")]
    pub entity: Entity,
    #[serde(with = "crate::store::words")]
    pub action: Action,
    /// The account's address; for the sandbox, which has another one at every start, `sandbox`.
    #[serde(deserialize_with = "bare")]
    pub account: String,
    /// As the account gives it itself. Earlier versions kept none, and the account was known by its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<u64>,
    /// What `--account` said, or `sandbox`.
    #[serde(deserialize_with = "bare")]
    pub target: String,
    /// The file in which that was looked up, where it was no address. Earlier versions kept none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// What `--token-file` said. Earlier versions kept none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<String>,
    /// Where links to cards lead.
    #[serde(deserialize_with = "bare")]
    pub base: String,
    /// The run's folder.
    pub folder: String,
    /// Records in a request; `None` finds its size by the answers.
    pub batch: Option<usize>,
    /// Seconds.
    pub settle: u64,
    /// Seconds that an answer was waited for.
    #[serde(default = "answer_timeout")]
    pub answer_timeout: u64,
    #[serde(with = "crate::store::words")]
    pub verify: Verify,
    pub rate: u32,
    /// `--rows` and `--limit`, which a resumed run keeps to.
    pub rows: Option<(u32, u32)>,
    pub limit: Option<u64>,
    /// `--again`: what was sent of the source before is sent once more.
    pub again: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub same_keys: bool,
    /// What the mapping calls the space of its keys, and the titles of their columns. Version 0.1 kept neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_space: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_titles: Option<Vec<String>>,
    /// `--remake-deleted`: records that are gone from the account are made anew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remake_deleted: bool,
    /// Records of earlier runs of the source that were gone from the account when this one began, and whose rows it makes anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remade: Vec<u64>,
    /// Records are looked for above this id before they are sent: the store may have forgotten that it sent them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_from: Option<u64>,
    /// The catalog whose elements the records are.
    #[serde(default)]
    pub catalog: Option<u64>,
    /// The decimal sign of the source, by which number cells of a rejected row are written so that they read back.
    #[serde(default)]
    pub decimal: Option<char>,
    /// What its records are linked to is kept in the store. Version 0.1 kept none of it.
    #[serde(default)]
    pub keeps_links: bool,
}

/// What earlier versions waited for an answer, in seconds.
fn answer_timeout() -> u64 {
    90
}

/// No password is taken from a store that somebody else has written.
fn bare<'de, D: serde::Deserializer<'de>>(address: D) -> Result<String, D::Error> {
    Ok(without_password(&String::deserialize(address)?).into_owned())
}

impl RunHead {
    /// What the account is called in the store.
    pub fn account_key(&self) -> AccountKey {
        self.account_id.map_or_else(|| AccountKey::of_address(&self.account), AccountKey::of_id)
    }

    /// The keys that this run may meet.
    pub fn keys(&self) -> Keys {
        Keys::new(self.account_key(), &ledger_name(self.kind, self.catalog))
    }

    /// Its account can be looked at by its address, now that the run is over.
    pub fn has_address(&self) -> bool {
        self.account != SANDBOX
    }

    /// Under which name the ledger keeps the keys of this run.
    pub fn ledger(&self) -> String {
        with_space(&ledger_name(self.kind, self.catalog), self.key_space.as_deref())
    }
}

/// The key of an element counts in its own list: two lists may have the same articles.
pub fn ledger_name(kind: Kind, catalog: Option<u64>) -> String {
    let kind = kind.word();
    catalog.map_or_else(|| kind.to_owned(), |catalog| format!("{kind}/{catalog}"))
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceHead {
    /// As given.
    pub path: String,
    pub sha256: String,
    pub sheet: Option<String>,
    /// As Excel shows it.
    pub header_row: u32,
    #[serde(with = "crate::store::words")]
    pub format: FileFormat,
    pub encoding: Option<String>,
    pub bom: bool,
    pub delimiter: Option<char>,
    pub titles: Vec<String>,
    /// What is done about hidden rows; those of a run of a version that did not ask are imported.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::store::words::option")]
    pub hidden_rows: Option<HiddenRows>,
    /// The mapping reads addresses behind texts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub links: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fill_down: Vec<String>,
    /// The path from the root of the disk on. Earlier versions kept it as given alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute: Option<String>,
    /// The same for every file with these rows in this order; see `RowHashes::digest`. Earlier versions kept none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_digest: Option<String>,
    /// None of the rows that earlier runs sent from this path was in it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new_delivery: bool,
    /// The run whose rejected rows it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<String>,
}

impl SourceHead {
    /// From whatever folder it is looked for, but for runs of earlier versions.
    pub fn file(&self) -> &Path {
        Path::new(self.absolute.as_ref().unwrap_or(&self.path))
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MappingHead {
    /// As given.
    pub path: String,
    /// From the root of the disk on. Earlier versions kept none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute: Option<String>,
    pub sha256: String,
    /// The mapping itself, where no file holds it: the source is a workbook that an export wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<String>,
}

impl MappingHead {
    /// From whatever folder it is looked for, but for runs of earlier versions.
    pub fn file(&self) -> &Path {
        Path::new(self.absolute.as_ref().unwrap_or(&self.path))
    }
}
