//! A mapping as its author wrote it: the tree walked, every key known, every value of the right shape. All problems of
//! a file are collected in one walk. Nothing here knows the source's columns or the account; that is `compile`.

use super::lines::Text;
use amo_model::{Action, FieldSpec, Kind, SectionSpec};
use sheet_source::{ReadOptions, Scalar};
use std::path::PathBuf;

/// A text and where it stands in the file.
#[derive(Debug, Clone)]
pub struct At<T> {
    pub at: usize,
    pub it: T,
}

#[derive(Debug)]
pub struct Written {
    pub text: Text,
    /// Its kind or its action is a guess, or lines of it could not be read: what is missing in it may well be there.
    pub unsure: bool,
    /// Something is wrong with what the file says, so that what is missing in it may be what could not be understood.
    pub flawed: bool,
    pub kind: Kind,
    pub action: Action,
    pub key: Vec<At<String>>,
    /// What the keys belong to, where other sources may have the same ones.
    pub key_space: Option<At<String>>,
    /// The list whose elements the records are, by name or id.
    pub catalog: Option<At<String>>,
    /// Rows with the same text in these columns are one record.
    pub group: Vec<At<String>>,
    /// The text field in which each record carries a name of its own, so that it can be told from all others.
    pub marker: Option<At<String>>,
    /// CSVs that `values` names: they are part of the mapping.
    pub files: Vec<PathBuf>,
    pub source: SourceTable,
    pub sections: Vec<Section>,
}

/// `[source]`: how the file is to be read, and which of its rows.
#[derive(Debug, Default)]
pub struct SourceTable {
    pub read: ReadOptions,
    pub decimal: Option<char>,
    pub currency: Option<At<String>>,
    /// Columns in which an empty cell has the value of the last one above it.
    pub fill_down: Vec<At<String>>,
    pub dates: Vec<At<String>>,
    pub timezone: Option<At<String>>,
    pub condition: Option<At<String>>,
}

#[derive(Debug)]
pub struct Section {
    pub spec: &'static SectionSpec,
    pub at: usize,
    pub values: Vec<Value>,
}

#[derive(Debug)]
pub struct Value {
    /// Where its key stands.
    pub at: usize,
    pub target: Target,
    /// One for most targets; a field that holds several values may be filled from several columns.
    pub origins: Vec<Origin>,
    /// Of a custom field whose value is an object: its parts, in place of origins.
    pub parts: Vec<Part>,
}

/// One part of a value that is an object.
#[derive(Debug)]
pub struct Part {
    pub at: usize,
    pub name: String,
    pub origins: Vec<Origin>,
}

#[derive(Debug, Clone)]
pub enum Target {
    Field(&'static FieldSpec),
    /// A custom field by name, code or `id:…`.
    Custom(String),
}

/// What the author writes as a value. A number is written with a dot, whatever sign the numbers of the source have.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Literal {
    pub text: String,
    /// What it is where it is no text.
    pub value: Option<Scalar>,
}

impl std::ops::Deref for Literal {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Display for Literal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// What stands for which cell text, in the order written.
pub type Translation = Vec<(String, At<Literal>)>;

/// Where one value comes from and what is done to it on the way.
#[derive(Debug)]
pub struct Origin {
    pub at: usize,
    pub from: From,
    pub default: Option<At<Literal>>,
    pub required: bool,
    pub split: Vec<String>,
    pub values: Option<At<Translation>>,
    /// The file they stand in, if its first line may hold titles: nobody says.
    pub values_file: Option<String>,
    pub as_: Option<At<As>>,
    pub format: Option<At<String>>,
    pub round: Option<At<String>>,
    pub enum_: Option<At<String>>,
    pub on_empty: Option<At<OnEmpty>>,
    pub on_unknown: Option<At<OnUnknown>>,
    pub by: Option<At<By>>,
    /// The code of the currency that the amounts of the column are in.
    pub currency: Option<At<String>>,
    /// An empty cell has the value of the last one above it.
    pub fill_down: bool,
    /// A longer text is cut to as many characters.
    pub cut: Option<At<usize>>,
    /// What becomes of the other values of a list.
    pub list: Option<At<ListMode>>,
    /// `false`: only an empty field is filled.
    pub overwrite: Option<At<bool>>,
}

#[derive(Debug, Clone)]
pub enum From {
    Column(At<String>),
    Constant(At<Literal>),
    Template(At<String>),
}

/// A closed list of words, each with the Rust name beside it.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($variant),+ }

        impl $name {
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            pub fn from_word(word: &str) -> Option<$name> {
                match word { $($word => Some($name::$variant),)+ _ => None }
            }

            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }
    };
}

words!(
    /// A conversion named instead of the target's own.
    As {
        Text = "text", Trim = "trim", Upper = "upper", Lower = "lower", Digits = "digits", Number = "number",
        Money = "money", Date = "date", DateTime = "datetime", Bool = "bool", Phone = "phone", Email = "email",
        Url = "url", Json = "json",
    }
);
words!(
    /// What an empty cell means: the value is left out; it is cleared in the CRM; the record is rejected.
    OnEmpty { Keep = "keep", Clear = "clear", Reject = "reject" }
);
words!(
    /// What a name the account does not know means: the record is rejected; the cell counts as empty; nothing is
    /// written, not even the default.
    OnUnknown { Reject = "reject", Skip = "skip", Null = "null" }
);
words!(
    /// What an update does to the values of a list that are there: they go, or the new ones stand beside them.
    ListMode { Replace = "replace", Add = "add" }
);
words!(
    /// How a reference to something else in the account is written.
    By { Id = "id", Key = "key", Name = "name" }
);

/// The keys of a value's table.
pub const VALUE_KEYS: &[&str] = &[
    "column",
    "joined",
    "value",
    "template",
    "default",
    "required",
    "split",
    "values",
    "as",
    "format",
    "round",
    "enum",
    "on-empty",
    "on-unknown",
    "by",
    "currency",
    "fill-down",
    "cut",
    "list",
    "overwrite",
];
pub const SOURCE_KEYS: &[&str] = &[
    "sheet",
    "header-row",
    "hidden-rows",
    "encoding",
    "delimiter",
    "decimal",
    "currency",
    "dates",
    "timezone",
    "fill-down",
    "where",
];
pub const TOP_KEYS: &[&str] = &["$schema", "version", "kind", "action", "key", "key-space", "marker", "source"];
/// Top keys of kinds whose records are elements of a list, and of those that are made from several rows.
pub const CATALOG_KEY: &str = "catalog";
pub const GROUP_KEY: &str = "group";
/// The only version of the mapping language so far.
pub const VERSION: i64 = 1;
