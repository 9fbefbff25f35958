//! A mapping applied backwards: a table with the titles that the mapping reads, so that an import with the same mapping gives
//! the same records. What cannot be exported is reported: once for the mapping (`without_column`), and counted for records
//! (`losses`). Pure except for the keys that it looks up.
//!
//! `compile` inverts a mapping, `given` types values, `words` finds names of ids.

mod compile;
mod given;
mod words;

pub use words::KeyOf;

use super::table::cell::{NO, TableCell, YES};
use super::table::dialect::{CsvOptions, Dialect};
use super::table::linked::LinkedRow;
use crate::mapping::convert::{phone, split};
use crate::mapping::language::ast::Literal;
use crate::mapping::lookup::{ElementBy, Lookup, LookupKind};
use crate::mapping::plan::{Conversion, Input, OriginPlan, Plan, SectionPlan, TargetPlan, ValuePlan};
use amo_model::compact::CompactJson;
use amo_model::compare::Marker;
use amo_model::held::{self, field_values};
use amo_model::parts::{self, id};
use amo_model::{LinkKind, Placement, Wire};
use given::ExportedValue;
use sheet_source::fold;
use std::collections::BTreeMap;
use std::sync::Arc;
use words::{NameFinder, NameQuery};

/// The separator of a key of several columns.
const KEY_JOIN: &str = " / ";

/// A mapping that makes rows of records.
pub struct InverseMapping {
    plan: Arc<Plan>,
    titles: Vec<String>,
    targets: Arc<[InverseTarget]>,
    links: Vec<LinkKind>,
    words: NameFinder,
    dialect: Dialect,
    /// True for date and number values instead of texts.
    typed: bool,
    without_column: Vec<String>,
    losses: BTreeMap<String, u64>,
}

/// A value of the plan that is written into columns.
struct InverseTarget {
    section: usize,
    value: usize,
    /// The name in problems: `lead.price`.
    name: String,
    /// One for each origin of the value.
    origin_formats: Vec<OriginFormat>,
}

/// The parts of an origin that the plan does not keep in their order.
#[derive(Default)]
struct OriginFormat {
    translation: Vec<(String, Literal)>,
    layouts: Vec<String>,
    /// For a template with fixed text around one column: the column, and the text before and after it.
    around: Option<(usize, String, String)>,
}

/// An origin of a value: its target by index, and the index of the origin.
#[derive(Clone, Copy)]
struct OriginRef<'a> {
    target: &'a InverseTarget,
    place: usize,
    no: usize,
    value: &'a ValuePlan,
    origin: &'a OriginPlan,
    origin_format: &'a OriginFormat,
}

impl InverseMapping {
    pub fn titles(&self) -> impl Iterator<Item = &str> {
        self.titles.iter().map(String::as_str)
    }

    pub fn links(&self) -> &[LinkKind] {
        &self.links
    }

    /// With other options of a CSV than the mapping has.
    pub fn with_csv_options(self, options: CsvOptions) -> InverseMapping {
        InverseMapping { dialect: self.dialect.with_csv_options(options), ..self }
    }

    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// Values that no column shows, by name.
    pub fn without_column(&self) -> &[String] {
        &self.without_column
    }

    /// Values that could not be put into columns, with their number.
    pub fn losses(&self) -> &BTreeMap<String, u64> {
        &self.losses
    }

    /// The rows of a record: one for each of its lines where the mapping groups rows, otherwise one.
    pub fn rows(&mut self, whole: &LinkedRow) -> Vec<Vec<TableCell>> {
        let (plan, targets) = (Arc::clone(&self.plan), Arc::clone(&self.targets));
        let objects = self.objects(&plan, whole);
        let grouped = plan.groups.is_some();
        let repeating = plan.sections.iter().zip(&objects).filter(|(section, _)| grouped && section.spec.repeats);
        let lines = repeating.map(|(_, objects)| objects.len()).max().unwrap_or(1).max(1);
        let mut rows = vec![vec![TableCell::Empty; self.titles.len()]; lines];
        for columns in [true, false] {
            for (place, target) in targets.iter().enumerate() {
                let (section, objects) = (&plan.sections[target.section], &objects[target.section]);
                if grouped && section.spec.repeats {
                    for (row, object) in rows.iter_mut().zip(objects) {
                        self.fill((place, target), &[object], whole, std::slice::from_mut(row), columns);
                    }
                } else {
                    self.fill((place, target), objects, whole, &mut rows, columns);
                }
            }
        }
        self.fill_keys(&plan, &whole.item, &mut rows);
        rows
    }

    /// The objects of each section.
    fn objects<'v>(&self, plan: &Plan, whole: &'v LinkedRow) -> Vec<Vec<&'v CompactJson>> {
        let mut all: Vec<Vec<&CompactJson>> = Vec::with_capacity(plan.sections.len());
        for section in &plan.sections {
            let linked = |link: LinkKind| {
                let place = self.links.iter().position(|known| *known == link);
                place.and_then(|place| whole.linked(place)).into_iter().collect()
            };
            let objects = match section.spec.at {
                Placement::Item => vec![&whole.item],
                Placement::EmbeddedFirst("contacts") => linked(LinkKind::Contact),
                Placement::EmbeddedFirst("companies") => linked(LinkKind::Company),
                Placement::EmbeddedFirst(_) | Placement::Embedded(_) => Vec::new(),
                Placement::Field(_) | Placement::Value => object_values(section, &all, &whole.item),
                Placement::Elements | Placement::LinkedElements => {
                    held::elements(&whole.item, catalog_of(plan, section))
                }
            };
            all.push(objects);
        }
        all
    }

    /// Writes a value into its columns: with `columns` into those that it reads, otherwise into those that only a template
    /// reads.
    fn fill(
        &mut self,
        (place, target): (usize, &InverseTarget),
        objects: &[&CompactJson],
        whole: &LinkedRow,
        rows: &mut [Vec<TableCell>],
        columns: bool,
    ) {
        let plan = Arc::clone(&self.plan);
        let value = &plan.sections[target.section].values[target.value];
        let joined = matches!(&value.target, TargetPlan::Field(spec)
            if matches!(spec.wire, Wire::ElementId | Wire::ElementQuantity))
            && value.origins.iter().all(|origin| !origin.split.is_empty());
        let used = if joined { objects } else { &objects[..objects.len().min(1)] };
        if columns && used.len() < objects.len() {
            self.note_loss(format!("{}: a record has several, the mapping has room for one", target.name));
        }
        let mut left: Vec<&CompactJson> = used.iter().flat_map(|object| values_of(&value.target, object)).collect();
        let spot = |no: usize| OriginRef {
            target,
            place,
            no,
            value,
            origin: &value.origins[no],
            origin_format: &target.origin_formats[no],
        };
        for no in 0..value.origins.len() {
            if let Input::Constant(text) = &value.origins[no].input {
                let before = left.len();
                left.retain(|held| !self.is_written_as(spot(no), held, text, whole));
                if columns && value.origins.len() == 1 && before > 0 && left.len() == before {
                    self.note_loss(format!(
                        "{}: the mapping always writes \"{text}\", but the value differs",
                        target.name
                    ));
                }
            }
        }
        let mut shown = false;
        for no in 0..value.origins.len() {
            let origin = &value.origins[no];
            match (&origin.input, &target.origin_formats[no].around) {
                (Input::Column(column), _) if columns => {
                    let (taken, others) = left.into_iter().partition(|held| fits(&value.target, origin, held));
                    (left, shown) = (others, true);
                    let cell = self.cell(spot(no), taken, whole);
                    self.put(target, *column, &cell, rows);
                }
                (Input::Template(_), Some((column, before, after))) if !columns => {
                    let text = left.first().map(|held| parts::text(*held)).unwrap_or_default();
                    let inner = text.strip_prefix(before.as_str()).and_then(|text| text.strip_suffix(after.as_str()));
                    let cell = TableCell::Text(inner.unwrap_or_default().to_owned());
                    for row in rows.iter_mut().filter(|row| inner.is_some() && row[*column] == TableCell::Empty) {
                        row[*column] = cell.clone();
                    }
                }
                _ => {}
            }
        }
        if shown && !left.is_empty() {
            self.note_loss(format!("{}: values with an enum code that no column of the mapping has", target.name));
        }
    }

    /// True where a text of the mapping gives the value of the service.
    fn is_written_as(&self, spot: OriginRef<'_>, held: &CompactJson, text: &Literal, whole: &LinkedRow) -> bool {
        let Some(given) = ExportedValue::of(&spot.value.target, spot.origin, held) else { return false };
        match (&given, &spot.origin.conversion) {
            (ExportedValue::Id(id), Conversion::Name(lookup)) => {
                let (what, within) = self.lookup_of(spot, lookup, &whole.item);
                self.plan.resolver.resolve(what, within, text) == Ok(*id)
            }
            _ => given.is_written_as(text, spot.origin, self.plan.decimal),
        }
    }

    fn cell(&mut self, spot: OriginRef<'_>, held: Vec<&CompactJson>, whole: &LinkedRow) -> TableCell {
        let given = |held: &&CompactJson| ExportedValue::of(&spot.value.target, spot.origin, held);
        let given: Vec<ExportedValue> = held.iter().filter_map(given).collect();
        let mut cells = Vec::new();
        for (step, given) in given.into_iter().enumerate() {
            cells.push(self.cell_of(spot, step, given, whole));
        }
        let name = &spot.target.name;
        if cells.is_empty() {
            if let Some(default) = &spot.origin.default {
                self.note_loss(format!(
                    "{name}: no value, but the mapping gives an empty cell the default \"{default}\""
                ));
            } else if spot.origin.required {
                self.note_loss(format!("{name}: no value, but the mapping requires one"));
            }
            return TableCell::Empty;
        }
        if spot.origin.split.is_empty() {
            if cells.len() > 1 {
                self.note_loss(format!("{name}: several values, the mapping has room for one"));
            }
            return cells.swap_remove(0);
        }
        let texts: Vec<String> = cells.iter().map(|cell| self.text(cell)).collect();
        let (joined, whole) = join(&texts, spot.origin);
        if !whole {
            self.note_loss(format!("{name}: a value contains the separator by which the mapping splits cells"));
        }
        if cells.len() == 1 { cells.swap_remove(0) } else { TableCell::Text(joined) }
    }

    /// The cell that the mapping converts to this value.
    fn cell_of(&mut self, spot: OriginRef<'_>, step: usize, given: ExportedValue, whole: &LinkedRow) -> TableCell {
        let (origin, origin_format) = (spot.origin, spot.origin_format);
        match (&given, &origin.conversion) {
            (ExportedValue::Id(id), Conversion::Name(lookup)) => {
                let (what, within) = self.lookup_of(spot, lookup, &whole.item);
                let pipeline = parts::id(&whole.item["pipeline_id"]);
                return self.name(spot, NameQuery { what, within, pipeline, id: *id });
            }
            (ExportedValue::Id(id), Conversion::Chain { catalogs, .. }) => {
                let Some(catalog) = catalogs.get(step).copied() else { return TableCell::Empty };
                let what = &LookupKind::Element { catalog, by: ElementBy::Name };
                return self.name(spot, NameQuery { what, within: None, pipeline: None, id: *id });
            }
            _ => {}
        }
        let decimal = self.plan.decimal;
        let translated =
            |(_, written): &&(String, Literal)| !written.is_empty() && given.is_written_as(written, origin, decimal);
        if let Some((found, _)) = origin_format.translation.iter().find(translated) {
            return TableCell::Text(found.clone());
        }
        let rules = match &origin.conversion {
            Conversion::Moment(rules) | Conversion::Day(rules) | Conversion::Text { rules, .. } => Some(rules),
            _ => None,
        };
        match (given, rules) {
            (ExportedValue::Text(text), _) => {
                let turned = origin.values.get(&fold(&text)).is_some_and(|other| fold(other) != fold(&text));
                if turned || (origin.values_only && !origin.values.contains_key(&fold(&text))) {
                    self.note_loss(format!("{}: a value that the mapping's \"values\" do not give", spot.target.name));
                }
                TableCell::Text(text)
            }
            (ExportedValue::Number(number), _) => TableCell::Number(number),
            (ExportedValue::Id(id), _) => TableCell::Number(id.into()),
            (ExportedValue::Flag(flag), _) => TableCell::Text(if flag { YES } else { NO }.to_owned()),
            (ExportedValue::Moment(unix_s), Some(rules)) => match given::local(unix_s, rules).filter(|_| self.typed) {
                Some(at) => TableCell::Instant(at),
                None => TableCell::Text(given::print_moment(unix_s, rules, &origin_format.layouts)),
            },
            (ExportedValue::Day(day), Some(rules)) => match self.typed {
                true => TableCell::Day(day),
                false => TableCell::Text(given::print_day(day, rules, &origin_format.layouts)),
            },
            (ExportedValue::Moment(unix_s), None) => TableCell::Number(unix_s.into()),
            (ExportedValue::Day(day), None) => TableCell::Day(day),
        }
    }

    /// The cell with the name of an id.
    fn name(&mut self, spot: OriginRef<'_>, query: NameQuery<'_>) -> TableCell {
        let name = self.words.of((spot.place, spot.no), query, &spot.origin_format.translation);
        if !name.found {
            self.note_loss(format!("{}: an import does not find \"{}\"", spot.target.name, name.text));
        }
        TableCell::Text(name.text)
    }

    /// The lookup of a name by the mapping: a stage in the pipeline of the row, otherwise in the main one or, for an update, in
    /// any.
    fn lookup_of<'l>(
        &self,
        spot: OriginRef<'_>,
        lookup: &'l Lookup,
        item: &CompactJson,
    ) -> (&'l LookupKind, Option<u64>) {
        let LookupKind::Stage { anywhere } = lookup.kind else { return (&lookup.kind, None) };
        let section = &self.plan.sections[spot.target.section];
        let names_pipeline = |value: &ValuePlan| {
            value.origins.iter().any(|o| matches!(&o.conversion, Conversion::Name(l) if l.kind == LookupKind::Pipeline))
        };
        match section.values.iter().any(names_pipeline) {
            true => (&lookup.kind, id(&item["pipeline_id"])),
            false => {
                let changes = self.plan.action == amo_model::Action::Update;
                (if anywhere || changes { &LookupKind::Stage { anywhere: true } } else { &lookup.kind }, None)
            }
        }
    }

    /// Fills empty key columns with the key under which the record was created, and an empty group column with its id.
    fn fill_keys(&mut self, plan: &Plan, item: &CompactJson, rows: &mut [Vec<TableCell>]) {
        let unfilled_columns =
            |rows: &[Vec<TableCell>], column: usize| rows.iter().any(|row| row[column] == TableCell::Empty);
        if plan.key.iter().any(|column| unfilled_columns(rows, *column)) {
            let made = id(&item["id"]).and_then(|id| self.words.key(plan.kind.spec().entity, plan.catalog, id));
            let key = made.or_else(|| marker(plan, item));
            let parts: Vec<String> = match &key {
                Some(key) if plan.key.len() > 1 => key.split(KEY_JOIN).map(str::to_owned).collect(),
                Some(key) => vec![key.clone()],
                None => Vec::new(),
            };
            if parts.len() == plan.key.len() {
                for (column, part) in plan.key.iter().zip(parts) {
                    for row in rows.iter_mut().filter(|row| row[*column] == TableCell::Empty) {
                        row[*column] = TableCell::Text(part.clone());
                    }
                }
            } else {
                let titles: Vec<&str> = plan.key.iter().map(|column| self.titles[*column].as_str()).collect();
                self.note_loss(format!("\"{}\": the key is not known and left empty", titles.join("\", \"")));
            }
        }
        let columns = plan.groups.as_ref().map_or(&[][..], |groups| &groups.columns);
        let alone = columns.iter().all(|column| unfilled_columns(rows, *column) && !plan.key.contains(column));
        if let (true, Some(column), Some(id)) = (alone, columns.first(), id(&item["id"])) {
            rows.iter_mut().for_each(|row| row[*column] = TableCell::Text(id.to_string()));
        }
    }

    /// Writes a cell into a column of rows.
    fn put(&mut self, target: &InverseTarget, column: usize, cell: &TableCell, rows: &mut [Vec<TableCell>]) {
        if *cell == TableCell::Empty {
            return;
        }
        if let (TableCell::Text(text), Some(encoding)) = (cell, self.dialect.lacks(cell)) {
            let lacking: String =
                text.chars().filter(|c| encoding.encode(c.encode_utf8(&mut [0; 4])).2).take(5).collect();
            self.note_loss(format!("{}: {} has no characters \"{lacking}\"", target.name, encoding.name()));
        }
        let mut other = false;
        for row in rows.iter_mut() {
            match &row[column] {
                TableCell::Empty => row[column] = cell.clone(),
                present => other |= self.text(present) != self.text(cell),
            }
        }
        if other {
            self.note_loss(format!("{}: \"{}\" already has another value", target.name, self.titles[column]));
        }
    }

    fn text(&self, cell: &TableCell) -> String {
        match cell {
            TableCell::Number(number) => self.dialect.number(*number),
            other => other.text(),
        }
    }

    fn note_loss(&mut self, what: String) {
        *self.losses.entry(what).or_default() += 1;
    }
}

/// The values of a field in the object of its section.
fn values_of<'v>(target: &TargetPlan, object: &'v CompactJson) -> Vec<&'v CompactJson> {
    match target {
        TargetPlan::Field(spec) => spec.wire.held(object),
        TargetPlan::Custom { field, .. } => field_values(object, field.id),
    }
}

/// The values of a custom field that are objects.
fn object_values<'v>(
    section: &SectionPlan,
    all: &[Vec<&'v CompactJson>],
    item: &'v CompactJson,
) -> Vec<&'v CompactJson> {
    let Some(field) = &section.field else { return Vec::new() };
    let holder = match all.get(section.holder) {
        Some(objects) => objects.first().copied(),
        None => Some(item),
    };
    holder.map(|holder| field_values(holder, field.id)).unwrap_or_default().into_iter().map(|v| &v["value"]).collect()
}

/// The catalog of a section of products.
fn catalog_of(plan: &Plan, section: &SectionPlan) -> Option<u64> {
    let products = || plan.account.catalogs.iter().find(|catalog| catalog.kind == amo_model::PRODUCTS);
    section.catalog.or_else(|| products().map(|catalog| catalog.id))
}

/// True for a value of an origin: phones and parts of an address by their enum code.
fn fits(target: &TargetPlan, origin: &OriginPlan, held: &CompactJson) -> bool {
    match (&origin.enum_code, target) {
        (Some(code), TargetPlan::Custom { field, .. }) => held::has_enum(held, code, |option| {
            field.options.iter().find(|known| known.id == option).and_then(|known| known.code.clone())
        }),
        _ => true,
    }
}

/// Joins texts with the first separator by which the mapping splits them the same way; true where one does.
fn join(texts: &[String], origin: &OriginPlan) -> (String, bool) {
    let split = |joined: &str| -> Vec<String> {
        match &origin.conversion {
            Conversion::Phone { .. } => phone::split(joined, &origin.split).map(str::to_owned).collect(),
            _ => split::split(joined, &origin.split).map(str::to_owned).collect(),
        }
    };
    let joined = |separator: &String| match separator.as_str() {
        "," | ";" => texts.join(&format!("{separator} ")),
        "/" | ">" => texts.join(&format!(" {separator} ")),
        other => texts.join(other),
    };
    let mut all = origin.split.iter().map(joined);
    let first = all.next().unwrap_or_default();
    if split(&first) == texts {
        return (first, true);
    }
    match all.find(|joined| split(joined) == texts) {
        Some(joined) => (joined, true),
        None => (first, false),
    }
}

/// The key in the marker of a record. Without a key, a marker has the name of the run. [mapping]
fn marker(plan: &Plan, item: &CompactJson) -> Option<String> {
    let text = match plan.marker? {
        Marker::Field(field) => field_values(item, field).first().map(|value| parts::text(&value["value"]))?,
        Marker::Key(key) => parts::text(&item[key]),
    };
    let of_run = text.rsplit_once("/r").is_some_and(|(run, row)| {
        run.starts_with(|c: char| c.is_ascii_digit()) && run.contains('T') && row.parse::<u32>().is_ok()
    });
    (!text.is_empty() && !of_run).then_some(text)
}
