//! The options of a run: all that resuming and reporting need beside the journal. Stored as JSON in the row of the run.

use crate::store::AccountKey;
use crate::store::ledger::{Keys, with_space};
use crate::store::words::{FrozenWord, Verify};
use amo_client::private::shown::without_password;
use amo_model::{Action, Entity, Kind};
use serde::{Deserialize, Serialize};
use sheet_source::{FileFormat, HiddenRows};
use std::path::Path;

/// The name of the account inside the program, whose address differs at every start.
pub const SANDBOX: &str = "sandbox";

/// The options of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunHead {
    pub source: SourceHead,
    pub mapping: MappingHead,
    #[serde(with = "crate::store::words")]
    pub kind: Kind,
    /// The entity of a record in the account; leads and complex leads share their ids.
    #[serde(with = "crate::store::words")]
    pub entity: Entity,
    #[serde(with = "crate::store::words")]
    pub action: Action,
    /// The address of the account; `sandbox` for the sandbox, whose address differs at every start.
    #[serde(deserialize_with = "bare_address")]
    pub account: String,
    /// The account's own id. Earlier versions stored none and used the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<u64>,
    /// The value of `--account`, or `sandbox`.
    #[serde(deserialize_with = "bare_address")]
    pub target: String,
    /// The file in which the target was looked up, where it was not an address. Earlier versions stored none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// The value of `--token-file`. Earlier versions stored none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<String>,
    /// The start of links to cards.
    #[serde(deserialize_with = "bare_address")]
    pub base: String,
    /// The run's folder.
    pub folder: String,
    /// Number of records in a request; `None` adapts it to the answers.
    pub batch: Option<usize>,
    /// The settling time, in seconds.
    pub settle: u64,
    /// The time to wait for an answer, in seconds.
    #[serde(default = "answer_timeout")]
    pub answer_timeout: u64,
    #[serde(with = "crate::store::words")]
    pub verify: Verify,
    pub rate: u32,
    /// `--rows` and `--limit`, which a resumed run observes.
    pub rows: Option<(u32, u32)>,
    pub limit: Option<u64>,
    /// `--again`: rows that were sent before are sent again.
    pub again: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub same_keys: bool,
    /// The key space of the mapping, and the titles of the key's columns. Version 0.1 stored neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_space: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_titles: Option<Vec<String>>,
    /// `--remake-deleted`: records that are deleted from the account are created again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remake_deleted: bool,
    /// Records of earlier runs of the source that were deleted from the account when this run began, and whose rows it creates
    /// again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remade: Vec<u64>,
    /// Records are looked for above this id before they are sent, since the store may have forgotten their sending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_from: Option<u64>,
    /// The catalog whose elements the records are.
    #[serde(default)]
    pub catalog: Option<u64>,
    /// The decimal separator of the source, with which number cells of a rejected row are written so that they read back.
    #[serde(default)]
    pub decimal: Option<char>,
    /// True where the links of its records are in the store. Version 0.1 stored none.
    #[serde(default)]
    pub keeps_links: bool,
}

/// How long earlier versions waited for an answer, in seconds.
fn answer_timeout() -> u64 {
    90
}

/// An address without a password, whoever has written the store.
fn bare_address<'de, D: serde::Deserializer<'de>>(address: D) -> Result<String, D::Error> {
    Ok(without_password(&String::deserialize(address)?).into_owned())
}

impl RunHead {
    /// The name of the account in the store.
    pub fn account_key(&self) -> AccountKey {
        self.account_id.map_or_else(|| AccountKey::of_address(&self.account), AccountKey::of_id)
    }

    /// The keys of the kind of this run.
    pub fn keys(&self) -> Keys {
        Keys::new(self.account_key(), &ledger_name(self.kind, self.catalog))
    }

    /// True where the account can be reached by its address after the run.
    pub fn has_address(&self) -> bool {
        self.account != SANDBOX
    }

    /// The name of the ledger with the keys of this run.
    pub fn ledger(&self) -> String {
        with_space(&ledger_name(self.kind, self.catalog), self.key_space.as_deref())
    }
}

/// The name of a ledger. Elements have a ledger for each catalog: two catalogs may have the same SKUs.
pub fn ledger_name(kind: Kind, catalog: Option<u64>) -> String {
    let kind = kind.word();
    catalog.map_or_else(|| kind.to_owned(), |catalog| format!("{kind}/{catalog}"))
}

/// The source of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceHead {
    /// The path as given.
    pub path: String,
    pub sha256: String,
    pub sheet: Option<String>,
    /// The row number as Excel shows it.
    pub header_row: u32,
    #[serde(with = "crate::store::words")]
    pub format: FileFormat,
    pub encoding: Option<String>,
    pub bom: bool,
    pub delimiter: Option<char>,
    pub titles: Vec<String>,
    /// The handling of hidden rows; versions without it imported them.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::store::words::option")]
    pub hidden_rows: Option<HiddenRows>,
    /// True where the mapping reads addresses of hyperlinks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub links: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fill_down: Vec<String>,
    /// The absolute path. Earlier versions stored only the path as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute: Option<String>,
    /// A digest of the rows in their order; see `RowHashes::digest`. Earlier versions stored none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_digest: Option<String>,
    /// True where it had none of the rows that earlier runs sent from this path.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new_delivery: bool,
    /// The run whose rejected rows it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<String>,
}

impl SourceHead {
    /// The path of the file; absolute except for runs of earlier versions.
    pub fn file(&self) -> &Path {
        Path::new(self.absolute.as_ref().unwrap_or(&self.path))
    }
}

/// The mapping of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MappingHead {
    /// The path as given.
    pub path: String,
    /// The absolute path. Earlier versions stored none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute: Option<String>,
    pub sha256: String,
    /// The text of a generated mapping, where the source is an exported workbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<String>,
}

impl MappingHead {
    /// The path of the file; absolute except for runs of earlier versions.
    pub fn file(&self) -> &Path {
        Path::new(self.absolute.as_ref().unwrap_or(&self.path))
    }
}
