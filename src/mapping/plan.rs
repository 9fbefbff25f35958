//! The compiled mapping: titles are column indexes, names are ids, date formats are compiled. Made by `compile`,
//! applied to rows by `apply`; plain data otherwise.

use super::convert::date;
use super::convert::number::Round;
use super::convert::phone::Region;
use super::edits::Edits;
use super::hashing::SeededState;
use super::language::ast::{As, Literal, OnEmpty, OnUnknown};
use super::lookup::{Lookup, Resolver};
use super::suspect::Suspects;
use super::template::Template;
use amo_client::account::Account;
use amo_model::compare::Marker;
use amo_model::parts::CustomField;
use amo_model::payload::EnumCode;
use amo_model::{Action, FieldContent, FieldKind, FieldSpec, Kind, SectionSpec, Write};
use sheet_source::problem::{Note, Source};
use sheet_source::{Cell, Header, Row};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

#[derive(Debug, Clone)]
pub struct Plan {
    pub kind: Kind,
    pub action: Action,
    pub write: &'static Write,
    /// The catalog whose elements the records are.
    pub catalog: Option<u64>,
    pub sections: Vec<SectionPlan>,
    /// Columns that form the key of a record.
    pub key: Vec<usize>,
    /// The field with the unique name of each record.
    pub marker: Option<Marker>,
    pub condition: Option<Template>,
    pub account: Arc<Account>,
    /// Resolves names to ids.
    pub resolver: Resolver,
    /// The groups of rows that form one record.
    pub groups: Option<Groups>,
    /// The account's limit for this kind.
    pub quota: Option<Quota>,
    /// Records to update or delete are found in the ledger by their key.
    pub id_by_key: bool,
    /// The field for the computed sum of an invoice, if the mapping does not fill it.
    pub total_field: Option<u64>,
    pub source: Arc<Source>,
    pub header: Header,
    /// The source is a CSV, whose rows may end early: a missing cell is not an empty one.
    pub csv: bool,
    /// Hidden rows are skipped.
    pub skips_hidden: bool,
    /// Columns that the mapping reads, without duplicates.
    pub columns_read: Vec<usize>,
    /// Columns beyond the header that the mapping names by letter.
    pub lettered_columns: Vec<usize>,
    /// Detects totals and headings.
    pub suspects: Suspects,
    pub decimal: Option<char>,
    /// The currency code of amounts, from the mapping or the account.
    pub currency: Option<String>,
    /// The region of phones without a country code; `None` if the account's country is unknown.
    pub region: Option<Region>,
    /// The decisions about rows, if they are made before the import.
    pub edits: Option<Edits>,
    /// Notes from compiling.
    pub notes: Vec<Note>,
    /// The number of name caches that a mapper needs.
    pub lookups: usize,
}

impl Plan {
    /// The plan with decisions about the rows.
    pub fn with_edits(self, edits: Edits) -> Plan {
        Plan { edits: Some(edits), ..self }
    }

    /// The column with the ids of existing records.
    pub fn id_column(&self) -> Option<usize> {
        let own =
            |value: &&ValuePlan| matches!(value.target, TargetPlan::Field(spec) if spec.holds == FieldContent::OwnId);
        let value = self.sections.first()?.values.iter().find(own)?;
        value.origins.iter().find_map(|origin| match origin.input {
            Input::Column(index) => Some(index),
            Input::Constant(_) | Input::Template(_) => None,
        })
    }

    /// The titles of the key columns.
    pub fn key_titles(&self) -> impl Iterator<Item = String> {
        self.key.iter().map(|column| self.header.title(*column).to_owned())
    }

    /// True if the column fills a value.
    pub fn fills(&self, column: usize) -> bool {
        let from = |origin: &OriginPlan| matches!(origin.input, Input::Column(index) if index == column);
        self.sections.iter().flat_map(|section| &section.values).any(|value| value.origins.iter().any(from))
    }
}

/// Groups of rows. The source is read once to count them, so that the rows of a record need not be adjacent.
#[derive(Debug, Clone, Default)]
pub struct Groups {
    pub columns: Vec<usize>,
    /// The number of rows by the hash of the group's text.
    pub rows: HashMap<u64, u32, SeededState>,
}

impl Groups {
    /// The group of a row; `None` if its group columns are empty.
    pub fn of(&self, row: &Row) -> Option<u64> {
        let mut hasher = SeededState::default().build_hasher();
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
pub struct Quota {
    pub max: usize,
    pub taken: usize,
    /// The counted things, as named in messages.
    pub what: &'static str,
    /// Types that are limited to one catalog and exist already.
    pub types: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct SectionPlan {
    pub spec: &'static SectionSpec,
    /// The custom field whose value is this section.
    pub field: Option<CustomField>,
    /// The index of the section that has the custom field; in a complex lead it may be the contact.
    pub holder: usize,
    /// The catalog of a section of products, if its rows name none.
    pub catalog: Option<u64>,
    pub values: Vec<ValuePlan>,
}

#[derive(Debug, Clone)]
pub struct ValuePlan {
    pub target: TargetPlan,
    pub origins: Vec<OriginPlan>,
    pub existing: Existing,
}

/// How an update treats existing values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Existing {
    /// New values are added to the existing ones of a list.
    pub add: bool,
    /// Only empty fields are filled.
    pub keep: bool,
    /// Existing values of a list are replaced without `list = "replace"`.
    pub replaces: bool,
}

#[derive(Debug, Clone)]
pub enum TargetPlan {
    Field(&'static FieldSpec),
    Custom { field: CustomField, kind: FieldKind },
}

impl TargetPlan {
    /// The name of the target in messages.
    pub fn name(&self) -> &str {
        match self {
            TargetPlan::Field(spec) => spec.name,
            TargetPlan::Custom { field, .. } => &field.name,
        }
    }
}

#[derive(Debug, Clone)]
pub enum Input {
    Column(usize),
    Constant(Literal),
    Template(Box<Template>),
}

#[derive(Debug, Clone)]
pub struct OriginPlan {
    /// Byte offset in the mapping file.
    pub offset: usize,
    pub input: Input,
    pub default: Option<Literal>,
    pub required: bool,
    /// Separators of the values in a cell.
    pub split: Vec<String>,
    /// Separators of literals in the mapping, which are split only with an explicit `split`.
    pub literal_split: Vec<String>,
    /// The most pieces that `split` makes of an option or of a text to translate.
    pub widest: usize,
    /// Translations by folded cell text.
    pub values: HashMap<String, Literal>,
    pub conversion: Conversion,
    pub on_empty: OnEmpty,
    pub on_unknown: OnUnknown,
    /// Texts that are not in `values` are unknown, even if the target takes any text.
    pub values_only: bool,
    /// The enum code of a multitext value.
    pub enum_code: Option<EnumCode>,
    /// Enum codes that a cell may name after its value.
    pub enum_codes: Vec<String>,
    /// The currency code of the column's amounts, if the mapping has one.
    pub currency: Option<String>,
    /// The maximum length in characters; longer texts are cut.
    pub cut: Option<usize>,
}

impl OriginPlan {
    /// A literal of the mapping as a cell. Its numbers have a dot, whatever the source uses.
    pub fn literal_cell<'v>(&self, literal: &'v Literal) -> Cell<'v> {
        match literal.value.filter(|_| self.conversion.is_of_numbers()) {
            Some(value) => Cell { text: literal, value },
            None => Cell::of_text(literal),
        }
    }
}

/// The conversion of a cell, selected by the type of the target or by `as`.
#[derive(Debug, Clone)]
pub enum Conversion {
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
    /// A date, sent as midnight in the account's zone.
    Day(Arc<date::Rules>),
    Moment(Arc<date::Rules>),
    Tag,
    EntityId,
    Word(&'static [&'static str]),
    Colour {
        known: &'static [&'static str],
        hash: bool,
    },
    /// A country code in an address.
    Country,
    /// The name of an object without other parts.
    ObjectName {
        max: usize,
    },
    /// JSON objects of a field of this type; `without_ids` leaves out references to other records.
    Json {
        kind: FieldKind,
        without_ids: bool,
    },
    /// The steps of a chained list.
    Chain {
        catalogs: Vec<u64>,
        cache: usize,
    },
    Name(Lookup),
}

impl Conversion {
    /// True if the cell is read as a number.
    pub fn is_of_numbers(&self) -> bool {
        match self {
            Conversion::Number
            | Conversion::Quantity
            | Conversion::Money
            | Conversion::WholeMoney { .. }
            | Conversion::Int { .. } => true,
            Conversion::Text { shape, .. } => matches!(shape, Some(As::Money | As::Number)),
            _ => false,
        }
    }
}

/// What a field links to, by its definition: an entity, or the id of a catalog. [doc] `None` if the field links both
/// contacts and companies, so that an id alone is ambiguous.
pub fn linked_to(search_in: Option<&str>) -> Option<(&'static str, Option<u64>)> {
    match search_in? {
        "contacts" => Some(("contacts", None)),
        "companies" => Some(("companies", None)),
        place => place.parse().ok().map(|catalog| ("catalog_elements", Some(catalog))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_id_links_to_is_known_only_where_the_field_links_to_one_thing() {
        assert_eq!(linked_to(Some("companies")), Some(("companies", None)));
        assert_eq!(linked_to(Some("1005")), Some(("catalog_elements", Some(1005))));
        assert_eq!(linked_to(Some("contacts_and_companies")), None);
        assert_eq!(linked_to(None), None);
    }
}
