//! Counts effects of a mapping that reject no row: values left out, fractions rounded, records without a name, equal
//! contacts created several times. Reported once, at the end.

use crate::mapping::plan::{Input, OriginPlan, Plan};
use amo_model::{Action, Placement};
use foldhash::quality::FixedState;
use sheet_source::Row;
use sheet_source::message;
use sheet_source::problem::Note;
use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher};

/// The most distinct texts that are tracked; beyond it, counts are lower bounds.
const DISTINCT_MAX: usize = 1 << 16;

/// The skip code of a row that `where` leaves out because an empty cell is compared with a number.
pub(super) const WHERE_EMPTY: &str = "where-empty";

/// The effects on the values of one record.
#[derive(Debug, Default)]
pub struct Effects {
    /// The number of values left out by `on-unknown`.
    pub unknown: u32,
    /// The number of values translated to an empty text.
    pub emptied: u32,
    pub rounded: u32,
    /// A template compared an empty cell with a number.
    pub compared_empty: bool,
    pub named: bool,
    pub responsible: bool,
    /// Effects per field, with the offset of the origin in the mapping.
    pub of_fields: Vec<(FieldEffect, usize)>,
}

impl Effects {
    /// Counts an effect once per record, even for several parts.
    pub fn of_field(&mut self, effect: FieldEffect, origin: &OriginPlan) {
        if !self.of_fields.contains(&(effect, origin.offset)) {
            self.of_fields.push((effect, origin.offset));
        }
    }
}

/// An effect that is reported per field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldEffect {
    /// A text was cut.
    Cut,
    /// Existing values of a list are replaced without `list = "replace"`.
    Replaced,
}

/// How often an effect occurred on a field.
#[derive(Debug)]
struct FieldCount {
    effect: FieldEffect,
    /// Offset of the origin in the mapping.
    offset: usize,
    records: u64,
    first: u32,
}

#[derive(Debug, Default)]
pub struct Tally {
    fields: Vec<FieldCount>,
    records: u64,
    unknown: u64,
    emptied: u64,
    rounded: u64,
    compared_empty: u64,
    without_name: u64,
    without_user: u64,
    equal: (u64, u32),
    rows: Distinct,
    contacts: CreatedParts,
    companies: CreatedParts,
    skipped: Vec<(String, u64, u32)>,
}

/// The contacts or companies that complex leads create.
#[derive(Debug, Default)]
struct CreatedParts {
    made: u64,
    names: Distinct,
    phones: Distinct,
}

/// Hashes of distinct texts.
#[derive(Debug, Default)]
struct Distinct {
    hashes: HashSet<u64, FixedState>,
    more: bool,
}

impl Distinct {
    /// Adds a hash; true if it was there before.
    fn seen(&mut self, hash: u64) -> bool {
        if self.hashes.len() < DISTINCT_MAX {
            return !self.hashes.insert(hash);
        }
        let seen = self.hashes.contains(&hash);
        self.more |= !seen;
        seen
    }

    fn count(&self) -> u64 {
        self.hashes.len() as u64
    }
}

fn hash<'t>(texts: impl Iterator<Item = &'t str>) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    for text in texts {
        hasher.write(text.as_bytes());
        hasher.write_u8(0xFF);
    }
    hasher.finish()
}

impl Tally {
    /// Counts a row that belongs to no record, by the reason.
    pub fn skip(&mut self, code: &str, row: u32) {
        match self.skipped.iter_mut().find(|(known, ..)| known == code) {
            Some((_, count, _)) => *count += 1,
            None => self.skipped.push((code.to_owned(), 1, row)),
        }
    }

    /// Counts the effects of a record that is sent.
    pub(super) fn record(&mut self, plan: &Plan, row: &Row, done: &Effects) {
        self.records += 1;
        self.unknown += u64::from(done.unknown);
        self.emptied += u64::from(done.emptied);
        self.rounded += u64::from(done.rounded);
        self.compared_empty += u64::from(done.compared_empty);
        for (effect, value) in &done.of_fields {
            match self.fields.iter_mut().find(|known| (known.effect, known.offset) == (*effect, *value)) {
                Some(known) => known.records += 1,
                None => self.fields.push(FieldCount { effect: *effect, offset: *value, records: 1, first: row.number }),
            }
        }
        if plan.action != Action::Create {
            return;
        }
        self.without_name += u64::from(!done.named);
        self.without_user += u64::from(!done.responsible);
        // Beyond the limit of distinct texts the result is of little use.
        if plan.key.is_empty() && plan.groups.is_none() && !self.rows.more {
            let texts = plan.columns_read.iter().map(|column| row.get(*column).text);
            if self.rows.seen(hash(texts)) {
                self.equal.0 += 1;
                if self.equal.0 == 1 {
                    self.equal.1 = row.number;
                }
            }
        }
        for section in
            plan.sections.iter().skip(1).filter(|section| matches!(section.spec.at, Placement::EmbeddedFirst(_)))
        {
            let parts = if section.spec.name == "contact" { &mut self.contacts } else { &mut self.companies };
            parts.add(section, row);
        }
    }

    pub fn notes(&self, plan: &Plan) -> Vec<Note> {
        let mut notes = Vec::new();
        for (code, count, first) in &self.skipped {
            notes.push(skipped(code, *count, *first));
        }
        let values = match self.unknown {
            1 => message!("1 value is left out, since the account does not have it (on-unknown)"),
            count => message!("{count} values are left out, since the account does not have them (on-unknown)", count),
        };
        let emptied = match self.emptied {
            1 => message!("1 value is left out, since \"values\" translates it to nothing"),
            count => message!("{count} values are left out, since \"values\" translates them to nothing", count),
        };
        let rounded = match self.rounded {
            1 => message!("1 number is rounded"),
            count => message!("{count} numbers are rounded", count),
        };
        let compared = match self.compared_empty {
            1 => message!("in 1 record, a template compares an empty cell with a number, which is false"),
            count => {
                message!("in {count} records, a template compares an empty cell with a number, which is false", count)
            }
        };
        let done = [
            (self.unknown, "values-unknown", values),
            (self.emptied, "values-emptied", emptied),
            (self.rounded, "values-rounded", rounded),
            (self.compared_empty, "template-empty", compared),
        ];
        let done = done.into_iter().filter(|(count, ..)| *count > 0);
        notes.extend(done.map(|(count, code, message)| Note::new(code, message).count(count)));
        notes.extend(self.fields.iter().filter_map(|done| done.note(plan)));
        let fields = plan.sections.first().map(|section| section.spec.fields).unwrap_or_default();
        let has = |name: &str| fields.iter().any(|field| field.name == name);
        for (count, field, code) in [
            (self.without_name, "name", "records-without-name"),
            (self.without_user, "responsible_user", "records-without-user"),
        ] {
            if count > 0 && has(field) && plan.action == Action::Create {
                let message = match count == self.records {
                    true => message!("no record has a \"{field}\"", field),
                    false => message!(
                        "{count} of {records} records have no \"{field}\"",
                        count,
                        records = self.records,
                        field
                    ),
                };
                notes.push(Note::new(code, message).count(count));
            }
        }
        if self.equal.0 > 0 {
            let (count, row) = self.equal;
            let message = match count {
                1 => message!("row {row} equals another row in all mapped columns", row),
                _ if self.rows.more => message!(
                    "at least {count} rows equal others in all mapped columns, the first is row {row}",
                    count,
                    row
                ),
                _ => message!("{count} rows equal others in all mapped columns, the first is row {row}", count, row),
            };
            notes.push(Note::new("rows-equal", message).count(count));
        }
        notes.extend(self.contacts.note("contacts", self.records));
        notes.extend(self.companies.note("companies", self.records));
        notes
    }
}

impl FieldCount {
    fn note(&self, plan: &Plan) -> Option<Note> {
        let values = plan.sections.iter().flat_map(|section| &section.values);
        let origins = values.flat_map(|value| value.origins.iter().map(move |origin| (value.target.name(), origin)));
        let (field, origin) = origins.into_iter().find(|(_, origin)| origin.offset == self.offset)?;
        let (count, row) = (self.records, self.first);
        let (code, message) = match self.effect {
            FieldEffect::Cut => {
                let characters = origin.cut.unwrap_or_default();
                let message = match count {
                    1 => message!("\"{field}\" of row {row} is cut to {characters} characters", field, row, characters),
                    _ => message!(
                        "\"{field}\" of {count} records is cut to {characters} characters, the first is row {row}",
                        field,
                        count,
                        characters,
                        row
                    ),
                };
                ("texts-cut", message)
            }
            FieldEffect::Replaced => {
                let message = match count {
                    1 => message!(
                        "\"{field}\" takes several values: in 1 record, the values of the sheet replace those of the account; write list = \"add\" to keep the others, or list = \"replace\" to confirm",
                        field
                    ),
                    _ => message!(
                        "\"{field}\" takes several values: in {count} records, the values of the sheet replace those of the account; write list = \"add\" to keep the others, or list = \"replace\" to confirm",
                        field,
                        count
                    ),
                };
                ("list-replaced", message)
            }
        };
        Some(Note::new(code, message).count(count))
    }
}

fn skipped(code: &str, count: u64, first: u32) -> Note {
    let (code, message) = match (code, count) {
        (WHERE_EMPTY, 1) => (
            WHERE_EMPTY,
            message!("row {first} is left out: \"where\" compares an empty cell with a number, which is false", first),
        ),
        (WHERE_EMPTY, _) => (
            WHERE_EMPTY,
            message!(
                "{count} rows are left out because \"where\" compares an empty cell with a number, which is false, the first is row {first}",
                count,
                first
            ),
        ),
        ("hidden-row", 1) => ("hidden-rows", message!("row {first} is left out: it is hidden", first)),
        ("hidden-row", _) => {
            ("hidden-rows", message!("{count} hidden rows are left out, the first is row {first}", count, first))
        }
        ("repeated-header", 1) => {
            ("repeated-headers", message!("row {first} is left out: it repeats the header", first))
        }
        ("repeated-header", _) => (
            "repeated-headers",
            message!("{count} rows that repeat the header are left out, the first is row {first}", count, first),
        ),
        (_, 1) => ("totals-rows", message!("row {first} is left out: it is a row of totals", first)),
        _ => ("totals-rows", message!("{count} rows of totals are left out, the first is row {first}", count, first)),
    };
    Note::new(code, message).count(count)
}

impl CreatedParts {
    fn add(&mut self, section: &crate::mapping::plan::SectionPlan, row: &Row) {
        use crate::mapping::plan::TargetPlan;
        let text = |value: &crate::mapping::plan::ValuePlan| {
            value.origins.iter().find_map(|origin| match origin.input {
                Input::Column(index) => {
                    Some(row.get(index)).filter(|cell| !cell.is_empty()).map(|cell| cell.text.trim())
                }
                Input::Constant(_) | Input::Template(_) => None,
            })
        };
        let by_id =
            section.values.iter().any(|value| matches!(value.target, TargetPlan::Field(spec) if spec.name == "id"));
        if by_id || !section.values.iter().any(|value| text(value).is_some()) {
            return;
        }
        self.made += 1;
        for value in &section.values {
            let Some(text) = text(value) else { continue };
            match &value.target {
                TargetPlan::Field(spec) if matches!(spec.name, "name" | "last_name") => {
                    self.names.seen(hash([text.to_lowercase().as_str()].into_iter()));
                }
                TargetPlan::Custom { field, .. } if field.code.as_deref() == Some("PHONE") => {
                    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                    self.phones.seen(hash([digits.as_str()].into_iter()));
                }
                TargetPlan::Field(_) | TargetPlan::Custom { .. } => {}
            }
        }
    }

    fn note(&self, what: &'static str, records: u64) -> Option<Note> {
        let (made, names, phones) = (self.made, self.names.count(), self.phones.count());
        let distinct = names.max(phones);
        if distinct == 0 || distinct >= made || self.names.more || self.phones.more {
            return None;
        }
        let counted = |count: u64, one: &'static str, many: &'static str| {
            message!("{count} {noun}", count, noun = if count == 1 { one } else { many })
        };
        let of = match (names, phones) {
            (_, 0) => counted(names, "name", "names"),
            (0, _) => counted(phones, "phone", "phones"),
            _ => message!(
                "{names} and {phones}",
                names = counted(names, "name", "names"),
                phones = counted(phones, "phone", "phones")
            ),
        };
        let message = message!("{of} in {records} rows make {made} {what}", of, records, made, what);
        let code = if what == "contacts" { "contacts-made" } else { "companies-made" };
        Some(Note::new(code, message).count(made))
    }
}
