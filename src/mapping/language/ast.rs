//! The abstract syntax tree of a mapping file: every key is known, every value has the right shape. Columns of the
//! source and names of the account are checked later, by `compile`.

use super::lines::Text;
use amo_model::{Action, FieldSpec, Kind, SectionSpec};
use sheet_source::{ReadOptions, Scalar};
use std::path::PathBuf;

/// A value and its byte offset in the mapping file.
#[derive(Debug, Clone)]
pub struct Spanned<T> {
    pub offset: usize,
    pub value: T,
}

#[derive(Debug)]
pub struct MappingAst {
    pub text: Text,
    /// The kind or the action is a guess, or some lines could not be read: missing parts may exist in the file.
    pub incomplete: bool,
    /// The file has problems, so missing parts may be the ones that were not understood.
    pub has_problems: bool,
    pub kind: Kind,
    pub action: Action,
    pub key: Vec<Spanned<String>>,
    /// The name of the key space, where several sources use the same keys.
    pub key_space: Option<Spanned<String>>,
    /// The catalog whose elements the records are, by name or id.
    pub catalog: Option<Spanned<String>>,
    /// Rows with the same text in these columns are one record.
    pub group: Vec<Spanned<String>>,
    /// The text field that holds a unique name of each record.
    pub marker: Option<Spanned<String>>,
    /// Files that `values` names; they belong to the mapping.
    pub files: Vec<PathBuf>,
    pub source: SourceTable,
    pub sections: Vec<Section>,
}

/// `[source]`: how the file is read, and which rows are imported.
#[derive(Debug, Default)]
pub struct SourceTable {
    pub read: ReadOptions,
    pub decimal: Option<char>,
    pub currency: Option<Spanned<String>>,
    /// Columns whose empty cells repeat the last value above.
    pub fill_down: Vec<Spanned<String>>,
    pub dates: Vec<Spanned<String>>,
    pub timezone: Option<Spanned<String>>,
    pub condition: Option<Spanned<String>>,
}

#[derive(Debug)]
pub struct Section {
    pub spec: &'static SectionSpec,
    pub offset: usize,
    pub values: Vec<Value>,
}

#[derive(Debug)]
pub struct Value {
    /// Byte offset of the key.
    pub offset: usize,
    pub target: TargetRef,
    /// One for most targets; a field with several values may be filled from several columns.
    pub origins: Vec<Origin>,
    /// The parts of a custom field whose value is an object; then `origins` is empty.
    pub parts: Vec<ObjectPart>,
}

/// One part of a value that is an object.
#[derive(Debug)]
pub struct ObjectPart {
    pub offset: usize,
    pub name: String,
    pub origins: Vec<Origin>,
}

#[derive(Debug, Clone)]
pub enum TargetRef {
    Field(&'static FieldSpec),
    /// A custom field by name, code or `id:…`.
    Custom(String),
}

/// A value written in the mapping. Its numbers have a dot as decimal sign, whatever the source uses.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Literal {
    pub text: String,
    /// The typed value, if it is not a text.
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

/// Pairs of cell text and value, in the order of the file.
pub type Translation = Vec<(String, Spanned<Literal>)>;

/// Where one value comes from and how it is converted.
#[derive(Debug)]
pub struct Origin {
    pub offset: usize,
    pub source: ValueSource,
    pub default: Option<Spanned<Literal>>,
    pub required: bool,
    pub split: Vec<String>,
    pub values: Option<Spanned<Translation>>,
    /// The file of `values`, if the mapping does not say whether its first line is a header.
    pub values_file: Option<String>,
    pub as_: Option<Spanned<As>>,
    pub format: Option<Spanned<String>>,
    pub round: Option<Spanned<String>>,
    pub enum_: Option<Spanned<String>>,
    pub on_empty: Option<Spanned<OnEmpty>>,
    pub on_unknown: Option<Spanned<OnUnknown>>,
    pub by: Option<Spanned<By>>,
    /// The currency code of the amounts in the column.
    pub currency: Option<Spanned<String>>,
    /// An empty cell repeats the last value above it.
    pub fill_down: bool,
    /// The maximum length in characters; longer texts are cut.
    pub cut: Option<Spanned<usize>>,
    /// How the other values of a list are treated.
    pub list: Option<Spanned<ListMode>>,
    /// `false`: only empty fields are filled.
    pub overwrite: Option<Spanned<bool>>,
}

#[derive(Debug, Clone)]
pub enum ValueSource {
    Column(Spanned<String>),
    Constant(Spanned<Literal>),
    Template(Spanned<String>),
}

/// An enum of keywords: each variant with its word in the mapping file.
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
    /// A conversion that replaces the default of the target.
    As {
        Text = "text", Trim = "trim", Upper = "upper", Lower = "lower", Digits = "digits", Number = "number",
        Money = "money", Date = "date", DateTime = "datetime", Bool = "bool", Phone = "phone", Email = "email",
        Url = "url", Json = "json",
    }
);
words!(
    /// What an empty cell does: leaves the value out, clears it in the CRM, or rejects the record.
    OnEmpty { Keep = "keep", Clear = "clear", Reject = "reject" }
);
words!(
    /// What an unknown name does: rejects the record, counts as an empty cell, or writes nothing, not even the default.
    OnUnknown { Reject = "reject", Skip = "skip", Null = "null" }
);
words!(
    /// What an update does to existing values of a list: replaces them, or adds to them.
    ListMode { Replace = "replace", Add = "add" }
);
words!(
    /// How a cell refers to another record of the account.
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
/// Top keys of kinds whose records are catalog elements, and of kinds whose records take several rows.
pub const CATALOG_KEY: &str = "catalog";
pub const GROUP_KEY: &str = "group";
/// The only version of the mapping language so far.
pub const VERSION: i64 = 1;
