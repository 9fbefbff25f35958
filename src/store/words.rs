//! Words on the disk. They are frozen: stores of all versions have them, so a kind, an action, … keeps its word here even where
//! its name changes elsewhere. The tests list all of them.

use amo_model::{Action, Entity, Kind};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sheet_source::{FileFormat, HiddenRows};

/// A type with a frozen word for each of its values.
pub trait FrozenWord: Copy + 'static {
    /// The name of the type in errors.
    const WHAT: &'static str;
    const ALL: &'static [Self];

    fn word(self) -> &'static str;

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.word() == word)
    }
}

/// For `#[serde(with)]`.
pub fn serialize<W: FrozenWord, S: Serializer>(value: &W, serializer: S) -> Result<S::Ok, S::Error> {
    value.word().serialize(serializer)
}

pub fn deserialize<'de, W: FrozenWord, D: Deserializer<'de>>(deserializer: D) -> Result<W, D::Error> {
    let word = String::deserialize(deserializer)?;
    W::from_word(&word).ok_or_else(|| de::Error::custom(format!("unknown {} \"{word}\"", W::WHAT)))
}

/// The same for optional values.
pub mod option {
    use super::{Deserialize, Deserializer, FrozenWord, Serialize, Serializer, de};

    pub fn serialize<W: FrozenWord, S: Serializer>(value: &Option<W>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(FrozenWord::word).serialize(serializer)
    }

    pub fn deserialize<'de, W: FrozenWord, D: Deserializer<'de>>(deserializer: D) -> Result<Option<W>, D::Error> {
        let Some(word) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let unknown = || de::Error::custom(format!("unknown {} \"{word}\"", W::WHAT));
        W::from_word(&word).map(Some).ok_or_else(unknown)
    }
}

impl FrozenWord for Kind {
    const WHAT: &'static str = "kind";
    const ALL: &'static [Kind] = &Kind::ALL;

    fn word(self) -> &'static str {
        match self {
            Kind::Lead => "lead",
            Kind::ComplexLead => "complex-lead",
            Kind::Contact => "contact",
            Kind::Company => "company",
            Kind::Customer => "customer",
            Kind::Transaction => "transaction",
            Kind::Element => "element",
            Kind::Invoice => "invoice",
            Kind::Catalog => "catalog",
            Kind::Segment => "segment",
            Kind::CustomerStatus => "customer-status",
        }
    }
}

impl FrozenWord for Action {
    const WHAT: &'static str = "action";
    const ALL: &'static [Action] = &Action::ALL;

    fn word(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Update => "update",
            Action::Delete => "delete",
        }
    }
}

impl FrozenWord for HiddenRows {
    const WHAT: &'static str = "handling of hidden rows";
    const ALL: &'static [HiddenRows] = &[HiddenRows::Import, HiddenRows::Skip];

    fn word(self) -> &'static str {
        match self {
            HiddenRows::Import => "import",
            HiddenRows::Skip => "skip",
        }
    }
}

impl FrozenWord for FileFormat {
    const WHAT: &'static str = "format of a source";
    const ALL: &'static [FileFormat] =
        &[FileFormat::Csv, FileFormat::Xlsx, FileFormat::Xlsb, FileFormat::Xls, FileFormat::Ods];

    fn word(self) -> &'static str {
        match self {
            FileFormat::Csv => "csv",
            FileFormat::Xlsx => "xlsx",
            FileFormat::Xlsb => "xlsb",
            FileFormat::Xls => "xls",
            FileFormat::Ods => "ods",
        }
    }
}

/// The paths of their lists when the first store was written.
impl FrozenWord for Entity {
    const WHAT: &'static str = "entity";
    const ALL: &'static [Entity] = &Entity::ALL;

    fn word(self) -> &'static str {
        match self {
            Entity::Leads => "leads",
            Entity::Contacts => "contacts",
            Entity::Companies => "companies",
            Entity::Customers => "customers",
            Entity::Transactions => "customers/transactions",
            Entity::Elements => "catalogs/{catalog}/elements",
            Entity::Catalogs => "catalogs",
            Entity::Segments => "customers/segments",
            Entity::Statuses => "customers/statuses",
        }
    }
}

/// The records that are read back at the end of a run and compared with what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    All,
    /// 100 records, spread over the run.
    Sample,
    None,
}

impl FrozenWord for Verify {
    const WHAT: &'static str = "extent of reading back";
    const ALL: &'static [Verify] = &[Verify::All, Verify::Sample, Verify::None];

    fn word(self) -> &'static str {
        match self {
            Verify::All => "all",
            Verify::Sample => "sample",
            Verify::None => "none",
        }
    }
}

/// The outcome of a run, or of its last stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOutcome {
    /// It has not ended: it is running, or its process was killed.
    Running,
    Done,
    SomeRejected,
    SomeUnknown,
    /// A record was found in the account twice.
    SomeDoubled,
    /// A record got an id and is not in the account.
    SomeMissing,
    ErrorBudget,
    StoppedByService,
    Interrupted,
    /// The source could not be read to its end.
    SourceBroken,
    /// Given up by the user: sent records stay sent, the rest was never sent.
    Abandoned,
    /// Everything is uploaded, but the source could not be read once more to make links. Only runs of 0.1: later ones have
    /// links in the store.
    NotLinked,
}

impl RunOutcome {
    /// True where a resume has nothing to do.
    pub fn is_final(self) -> bool {
        match self {
            RunOutcome::Done
            | RunOutcome::SomeRejected
            | RunOutcome::SomeUnknown
            | RunOutcome::SomeDoubled
            | RunOutcome::SomeMissing
            | RunOutcome::Abandoned => true,
            RunOutcome::Running
            | RunOutcome::ErrorBudget
            | RunOutcome::StoppedByService
            | RunOutcome::Interrupted
            | RunOutcome::SourceBroken
            | RunOutcome::NotLinked => false,
        }
    }
}

impl RunOutcome {
    /// The exit code. An interrupted run may have another one (143 for SIGTERM), and so has an internal error (5).
    pub fn exit_code(self) -> i64 {
        match self {
            RunOutcome::Done | RunOutcome::Running | RunOutcome::Abandoned => 0,
            RunOutcome::SomeRejected | RunOutcome::SomeMissing => 1,
            RunOutcome::SourceBroken | RunOutcome::NotLinked => 2,
            RunOutcome::ErrorBudget => 3,
            RunOutcome::StoppedByService => 4,
            RunOutcome::SomeUnknown | RunOutcome::SomeDoubled => 7,
            RunOutcome::Interrupted => 130,
        }
    }
}

impl FrozenWord for RunOutcome {
    const WHAT: &'static str = "outcome of a run";
    const ALL: &'static [RunOutcome] = &[
        RunOutcome::Running,
        RunOutcome::Done,
        RunOutcome::SomeRejected,
        RunOutcome::SomeUnknown,
        RunOutcome::ErrorBudget,
        RunOutcome::StoppedByService,
        RunOutcome::Interrupted,
        RunOutcome::SourceBroken,
        RunOutcome::NotLinked,
        RunOutcome::Abandoned,
        RunOutcome::SomeDoubled,
        RunOutcome::SomeMissing,
    ];

    fn word(self) -> &'static str {
        match self {
            RunOutcome::Running => "running",
            RunOutcome::Done => "done",
            RunOutcome::SomeRejected => "some-rejected",
            RunOutcome::SomeUnknown => "some-unknown",
            RunOutcome::SomeDoubled => "some-doubled",
            RunOutcome::SomeMissing => "some-missing",
            RunOutcome::ErrorBudget => "error-budget",
            RunOutcome::StoppedByService => "stopped-by-service",
            RunOutcome::Interrupted => "interrupted",
            RunOutcome::SourceBroken => "source-broken",
            RunOutcome::NotLinked => "not-linked",
            RunOutcome::Abandoned => "abandoned",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words<W: FrozenWord + std::fmt::Debug + PartialEq>() -> Vec<&'static str> {
        for value in W::ALL {
            assert_eq!(W::from_word(value.word()), Some(*value));
        }
        assert_eq!(W::from_word("no such word"), None);
        W::ALL.iter().map(|value| value.word()).collect()
    }

    /// A changed word makes existing stores unreadable.
    #[test]
    fn the_words_on_the_disk_are_frozen() {
        assert_eq!(
            words::<Kind>().join(" "),
            "lead complex-lead contact company customer transaction element invoice catalog segment customer-status"
        );
        assert_eq!(words::<Action>(), ["create", "update", "delete"]);
        assert_eq!(words::<FileFormat>(), ["csv", "xlsx", "xlsb", "xls", "ods"]);
        assert_eq!(
            words::<Entity>().join(" "),
            "leads contacts companies customers customers/transactions catalogs/{catalog}/elements catalogs \
             customers/segments customers/statuses"
        );
        assert_eq!(words::<Verify>(), ["all", "sample", "none"]);
        assert_eq!(
            words::<RunOutcome>().join(" "),
            "running done some-rejected some-unknown error-budget stopped-by-service interrupted source-broken \
             not-linked abandoned some-doubled some-missing"
        );
    }
}
