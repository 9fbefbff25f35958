//! A mapping settled: titles have become column numbers, names have become ids, layouts are compiled. What is left to
//! do for a row is in `mapper`. Made by `compile`; plain data otherwise.

use super::convert::date;
use super::convert::number::Round;
use super::convert::phone::Region;
use super::edits::Edits;
use super::names::Book;
use super::suspect::Suspects;
use super::template::Template;
use super::written::{As, Literal, OnEmpty, OnUnknown};
use amo_client::account::Account;
use amo_model::compare::Marker;
use amo_model::parts::CustomField;
use amo_model::payload::EnumCode;
use amo_model::{Action, Entity, FieldContent, FieldKind, FieldSpec, Kind, Owner, SectionSpec, Write};
use sheet_source::problem::{Note, Source};
use sheet_source::{Cell, Header, Row};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};

#[derive(Debug)]
pub struct Plan {
    pub kind: Kind,
    pub action: Action,
    pub write: &'static Write,
    /// The catalog whose elements the records are.
    pub catalog: Option<u64>,
    pub sections: Vec<SectionPlan>,
    /// Columns whose cells together are the record's key.
    pub key: Vec<usize>,
    /// Where each record carries a name of its own.
    pub marker: Option<Marker>,
    pub condition: Option<Template>,
    pub account: Arc<Account>,
    /// What names are looked up in.
    pub book: Book,
    /// Columns whose cells together say which rows make one record, and how many rows each of them has.
    pub groups: Option<Groups>,
    /// How many more of them the account may hold.
    pub room: Option<Room>,
    /// The record to change or delete is found in the ledger by its key.
    pub id_by_key: bool,
    /// The field that takes what the items of an invoice come to, where nothing else fills it.
    pub total_field: Option<u64>,
    pub source: Arc<Source>,
    pub header: Header,
    /// Rows end where their last delimiter stands: a cell that is not there is not an empty one.
    pub csv: bool,
    /// Rows that the sheet does not show are left out.
    pub skips_hidden: bool,
    /// Columns that the mapping reads, each once.
    pub columns_read: Vec<usize>,
    /// Columns beyond the last title that the mapping names by their letters.
    pub letters: Vec<usize>,
    /// What tells rows that are no records.
    pub suspects: Suspects,
    pub decimal: Option<char>,
    /// The code of the currency that amounts are in, by the mapping or the account.
    pub currency: Option<String>,
    /// Whose rules phones without a country code follow; `None` where the account's country is not known.
    pub region: Option<Region>,
    /// What is to become of each row, where that is decided beforehand; set once, before a row is mapped.
    pub edits: OnceLock<Edits>,
    /// What was noticed while the mapping was held against source and account.
    pub notes: Vec<Note>,
    /// How many name caches a mapper needs.
    pub lookups: usize,
}

impl Plan {
    /// The column with the ids of the records that are changed.
    pub fn id_column(&self) -> Option<usize> {
        let own =
            |value: &&ValuePlan| matches!(value.target, TargetPlan::Field(spec) if spec.holds == FieldContent::OwnId);
        let value = self.sections.first()?.values.iter().find(own)?;
        value.origins.iter().find_map(|origin| match origin.input {
            Input::Column(index) => Some(index),
            Input::Constant(_) | Input::Template(_) => None,
        })
    }

    /// The titles over the columns of the key.
    pub fn key_titles(&self) -> impl Iterator<Item = String> {
        self.key.iter().map(|column| self.header.title(*column).to_owned())
    }

    /// True where the cells of this column fill something.
    pub fn fills(&self, column: usize) -> bool {
        let from = |origin: &OriginPlan| matches!(origin.input, Input::Column(index) if index == column);
        self.sections.iter().flat_map(|section| &section.values).any(|value| value.origins.iter().any(from))
    }
}

/// Rows that belong together. The source is read through once to count them, so that the rows of a record need not
/// stand side by side.
#[derive(Debug, Clone, Default)]
pub struct Groups {
    pub columns: Vec<usize>,
    /// By the hash of their text.
    pub rows: HashMap<u64, u32>,
}

impl Groups {
    /// The group of a row; `None` where its columns are empty.
    pub fn of(&self, row: &Row) -> Option<u64> {
        let mut hasher = DefaultHasher::new();
        let mut empty = true;
        for column in &self.columns {
            let text = row.get(*column).text.trim();
            empty &= text.is_empty();
            text.hash(&mut hasher);
        }
        (!empty).then(|| hasher.finish())
    }

    pub fn count(&mut self, row: &Row) {
        if let Some(group) = self.of(row) {
            *self.rows.entry(group).or_default() += 1;
        }
    }
}

/// A limit of the account. [seed]
#[derive(Debug, Clone)]
pub struct Room {
    pub max: usize,
    pub taken: usize,
    /// What is counted, as a message names it.
    pub what: &'static str,
    /// Types of which there may be one, and is.
    pub types: Vec<String>,
}

#[derive(Debug)]
pub struct SectionPlan {
    pub spec: &'static SectionSpec,
    /// The custom field whose value the section is.
    pub field: Option<CustomField>,
    /// Among the plan's sections the one whose object has that field: of a complex lead it may be the contact.
    pub holder: usize,
    /// The list in which a section of products looks, where it names none by itself.
    pub catalog: Option<u64>,
    pub values: Vec<ValuePlan>,
}

#[derive(Debug)]
pub struct ValuePlan {
    pub target: TargetPlan,
    pub origins: Vec<OriginPlan>,
    pub existing: Existing,
}

/// What a change does to the values that the account holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Existing {
    /// Those of a list stay, and the new ones stand beside them.
    pub add: bool,
    /// They stay as they are: only an empty field is filled.
    pub keep: bool,
    /// Those of a list go, and nobody has said that this is meant.
    pub replaces: bool,
}

#[derive(Debug)]
pub enum TargetPlan {
    Field(&'static FieldSpec),
    Custom { field: CustomField, kind: FieldKind },
}

impl TargetPlan {
    /// How a message names the target.
    pub fn name(&self) -> &str {
        match self {
            TargetPlan::Field(spec) => spec.name,
            TargetPlan::Custom { field, .. } => &field.name,
        }
    }
}

#[derive(Debug)]
pub enum Input {
    Column(usize),
    Constant(Literal),
    Template(Box<Template>),
}

#[derive(Debug)]
pub struct OriginPlan {
    /// Where it stands in the mapping file.
    pub at: usize,
    pub input: Input,
    pub default: Option<Literal>,
    pub required: bool,
    /// What stands between the values of a cell.
    pub split: Vec<String>,
    /// The same of what the mapping itself says, which is taken apart only where it says so.
    pub split_said: Vec<String>,
    /// Into how many parts `split` would cut the longest option, or text to translate.
    pub widest: usize,
    /// Folded cell text to what stands for it.
    pub values: HashMap<String, Literal>,
    pub convert: Convert,
    pub on_empty: OnEmpty,
    pub on_unknown: OnUnknown,
    /// An unknown text of `values` is a miss even where the target takes any text.
    pub values_only: bool,
    /// The sort of a multitext value.
    pub sort: Option<EnumCode>,
    /// Sorts that a cell may name behind its value.
    pub sorts: Vec<String>,
    /// The code of the currency that the column's amounts are in, where the mapping says it.
    pub currency: Option<String>,
    /// A longer text is cut to as many characters.
    pub cut: Option<usize>,
}

impl OriginPlan {
    /// What the mapping itself says, as a cell. Its numbers have a dot, whatever sign those of the source have.
    pub fn said<'v>(&self, literal: &'v Literal) -> Cell<'v> {
        match literal.value.filter(|_| self.convert.is_of_numbers()) {
            Some(value) => Cell { text: literal, value },
            None => Cell::of_text(literal),
        }
    }
}

/// What a cell is turned into; decided by the target's type, or by `as`.
#[derive(Debug)]
pub enum Convert {
    Text {
        shape: Option<As>,
        max: usize,
        rules: Arc<date::Rules>,
        print: Option<String>,
    },
    Phone {
        max: usize,
    },
    Email {
        max: usize,
    },
    Url {
        max: usize,
    },
    Number,
    /// A number above zero.
    Quantity,
    Money,
    WholeMoney {
        round: Option<Round>,
    },
    Int {
        round: Option<Round>,
    },
    Bool,
    /// A day, written as midnight in the account's zone.
    Day(Arc<date::Rules>),
    Moment(Arc<date::Rules>),
    Tag,
    EntityId,
    Word(&'static [&'static str]),
    Colour {
        known: &'static [&'static str],
        hash: bool,
    },
    /// The code of a country, in an address.
    Country,
    /// The name of an object of which nothing else is said.
    ObjectName {
        max: usize,
    },
    /// The objects of a field of this type as JSON; `bare` leaves out the ids of other things in it.
    Json {
        kind: FieldKind,
        bare: bool,
    },
    /// One step of a chain of lists after the other.
    Chain {
        catalogs: Vec<u64>,
        cache: usize,
    },
    Name(Lookup),
}

impl Convert {
    /// True where the cell is read as a number.
    pub fn is_of_numbers(&self) -> bool {
        match self {
            Convert::Number | Convert::Quantity | Convert::Money | Convert::WholeMoney { .. } | Convert::Int { .. } => {
                true
            }
            Convert::Text { shape, .. } => matches!(shape, Some(As::Money | As::Number)),
            _ => false,
        }
    }
}

/// A name that becomes an id; `cache` is its place among the mapper's caches.
#[derive(Debug, Clone)]
pub struct Lookup {
    pub what: LookupWhat,
    pub cache: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupWhat {
    Pipeline,
    /// In the record's pipeline; `anywhere` where an update names none.
    Stage {
        anywhere: bool,
    },
    LossReason,
    ActiveUser,
    UserOrRobot,
    /// Of the custom field that is the target.
    Option {
        owner: Owner,
        field: u64,
    },
    Segment,
    CustomerStatus,
    Catalog,
    Customer,
    PriceField {
        catalog: u64,
    },
    Element {
        catalog: u64,
        by: ElementBy,
    },
    /// The key of something that an earlier import has made.
    Ledger {
        entity: Entity,
        catalog: Option<u64>,
        /// The titles of the columns in which the key stands, or of which it is made; a constant has none.
        titles: Option<Arc<[String]>>,
    },
}

/// How an element of a list is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElementBy {
    Article,
    Name,
    Either,
}
