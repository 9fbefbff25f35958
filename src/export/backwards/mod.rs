//! A mapping read backwards: a table with the titles that the mapping reads, filled so that an import of it with the same
//! mapping gives the same records. What cannot be filled is told: once for the mapping (`untold`), and counted while
//! records come (`lost`). Pure but for the keys that it asks for.

mod compile;
mod given;
mod words;

pub use words::KeyOf;

use super::cell::{Cell, NO, YES};
use super::dialect::{Dialect, Said};
use super::linked::Whole;
use crate::mapping::convert::{phone, split};
use crate::mapping::plan::{
    Convert, ElementBy, Input, Lookup, LookupWhat, OriginPlan, Plan, SectionPlan, TargetPlan, ValuePlan,
};
use crate::mapping::resolve;
use crate::mapping::written::Literal;
use amo_model::compact::CompactJson;
use amo_model::compare::Marker;
use amo_model::held::{self, field_values};
use amo_model::parts::{self, id};
use amo_model::{LinkKind, Placement, Wire};
use given::Given;
use sheet_source::fold;
use std::collections::BTreeMap;
use std::sync::Arc;
use words::{Wanted, Words};

/// Between the parts of a key of several columns.
const KEY_JOIN: &str = " / ";

pub struct Backwards {
    plan: Arc<Plan>,
    titles: Vec<String>,
    targets: Arc<[Target]>,
    links: Vec<LinkKind>,
    words: Words,
    dialect: Dialect,
    /// Real dates and numbers, not their texts.
    typed: bool,
    untold: Vec<String>,
    lost: BTreeMap<String, u64>,
}

/// One value of the plan, on its way back into columns.
struct Target {
    section: usize,
    value: usize,
    /// As problems name it: `lead.price`.
    name: String,
    /// As many as the value has origins.
    ways: Vec<Way>,
}

/// What of an origin the plan does not keep in the order written.
#[derive(Default)]
struct Way {
    translation: Vec<(String, Literal)>,
    layouts: Vec<String>,
    /// Of a template that puts fixed text around one column: the column, and the text on both sides.
    around: Option<(usize, String, String)>,
}

/// Where a value is being put: its target and which of its origins.
#[derive(Clone, Copy)]
struct Spot<'a> {
    target: &'a Target,
    place: usize,
    no: usize,
    value: &'a ValuePlan,
    origin: &'a OriginPlan,
    way: &'a Way,
}

impl Backwards {
    pub fn titles(&self) -> impl Iterator<Item = &str> {
        self.titles.iter().map(String::as_str)
    }

    pub fn links(&self) -> &[LinkKind] {
        &self.links
    }

    /// Written in another way than the mapping says.
    pub fn said(self, said: Said) -> Backwards {
        Backwards { dialect: self.dialect.said(said), ..self }
    }

    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// What no column can show, by name.
    pub fn untold(&self) -> &[String] {
        &self.untold
    }

    /// What could not be put into columns, and how often.
    pub fn lost(&self) -> &BTreeMap<String, u64> {
        &self.lost
    }

    /// One row for each line of a record, where the mapping groups rows; else one.
    pub fn rows(&mut self, whole: &Whole) -> Vec<Vec<Cell>> {
        let (plan, targets) = (Arc::clone(&self.plan), Arc::clone(&self.targets));
        let objects = self.objects(&plan, whole);
        let grouped = plan.groups.is_some();
        let repeating = plan.sections.iter().zip(&objects).filter(|(section, _)| grouped && section.spec.repeats);
        let lines = repeating.map(|(_, objects)| objects.len()).max().unwrap_or(1).max(1);
        let mut rows = vec![vec![Cell::Empty; self.titles.len()]; lines];
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
        self.names_of_rows(&plan, &whole.item, &mut rows);
        rows
    }

    /// The objects of each section.
    fn objects<'v>(&self, plan: &Plan, whole: &'v Whole) -> Vec<Vec<&'v CompactJson>> {
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
                Placement::Field(_) | Placement::Value => parted(section, &all, &whole.item),
                Placement::Elements | Placement::LinkedElements => held::elements(&whole.item, list_of(plan, section)),
            };
            all.push(objects);
        }
        all
    }

    /// Puts one value into its columns; `columns` are filled first, then those that only a template reads.
    fn fill(
        &mut self,
        (place, target): (usize, &Target),
        objects: &[&CompactJson],
        whole: &Whole,
        rows: &mut [Vec<Cell>],
        columns: bool,
    ) {
        let plan = Arc::clone(&self.plan);
        let value = &plan.sections[target.section].values[target.value];
        let joined = matches!(&value.target, TargetPlan::Field(spec)
            if matches!(spec.wire, Wire::ElementId | Wire::ElementQuantity))
            && value.origins.iter().all(|origin| !origin.split.is_empty());
        let used = if joined { objects } else { &objects[..objects.len().min(1)] };
        if columns && used.len() < objects.len() {
            self.lose(format!("{}: there are several, the mapping has room for one", target.name));
        }
        let mut left: Vec<&CompactJson> = used.iter().flat_map(|object| values_of(&value.target, object)).collect();
        let spot = |no: usize| Spot { target, place, no, value, origin: &value.origins[no], way: &target.ways[no] };
        for no in 0..value.origins.len() {
            if let Input::Constant(text) = &value.origins[no].input {
                let before = left.len();
                left.retain(|held| !self.is(spot(no), held, text, whole));
                if columns && value.origins.len() == 1 && before > 0 && left.len() == before {
                    self.lose(format!("{}: the mapping always writes \"{text}\", and it is another", target.name));
                }
            }
        }
        let mut shown = false;
        for no in 0..value.origins.len() {
            let origin = &value.origins[no];
            match (&origin.input, &target.ways[no].around) {
                (Input::Column(column), _) if columns => {
                    let (taken, others) = left.into_iter().partition(|held| fits(&value.target, origin, held));
                    (left, shown) = (others, true);
                    let cell = self.cell(spot(no), taken, whole);
                    self.put(target, *column, &cell, rows);
                }
                (Input::Template(_), Some((column, before, after))) if !columns => {
                    let text = left.first().map(|held| parts::text(*held)).unwrap_or_default();
                    let inner = text.strip_prefix(before.as_str()).and_then(|text| text.strip_suffix(after.as_str()));
                    let cell = Cell::Text(inner.unwrap_or_default().to_owned());
                    for row in rows.iter_mut().filter(|row| inner.is_some() && row[*column] == Cell::Empty) {
                        row[*column] = cell.clone();
                    }
                }
                _ => {}
            }
        }
        if shown && !left.is_empty() {
            self.lose(format!("{}: values of a sort for which the mapping has no column", target.name));
        }
    }

    /// True where the mapping's own text stands for what is held.
    fn is(&self, spot: Spot<'_>, held: &CompactJson, text: &Literal, whole: &Whole) -> bool {
        let Some(given) = Given::of(&spot.value.target, spot.origin, held) else { return false };
        match (&given, &spot.origin.convert) {
            (Given::Id(id), Convert::Name(lookup)) => {
                let (what, within) = self.looked_up(spot, lookup, &whole.item);
                resolve(&self.plan.book, what, within, text, &spot.value.target) == Ok(*id)
            }
            _ => given.is(text, spot.origin, self.plan.decimal),
        }
    }

    fn cell(&mut self, spot: Spot<'_>, held: Vec<&CompactJson>, whole: &Whole) -> Cell {
        let given = |held: &&CompactJson| Given::of(&spot.value.target, spot.origin, held);
        let given: Vec<Given> = held.iter().filter_map(given).collect();
        let mut cells = Vec::new();
        for (step, given) in given.into_iter().enumerate() {
            cells.push(self.word(spot, step, given, whole));
        }
        let name = &spot.target.name;
        if cells.is_empty() {
            if let Some(default) = &spot.origin.default {
                self.lose(format!("{name}: there is none, and an empty cell becomes \"{default}\" by the mapping"));
            } else if spot.origin.required {
                self.lose(format!("{name}: there is none, and the mapping requires one"));
            }
            return Cell::Empty;
        }
        if spot.origin.split.is_empty() {
            if cells.len() > 1 {
                self.lose(format!("{name}: there are several values, the mapping has room for one"));
            }
            return cells.swap_remove(0);
        }
        let texts: Vec<String> = cells.iter().map(|cell| self.text(cell)).collect();
        let (joined, whole) = join(&texts, spot.origin);
        if !whole {
            self.lose(format!("{name}: a value holds what the mapping splits cells by"));
        }
        if cells.len() == 1 { cells.swap_remove(0) } else { Cell::Text(joined) }
    }

    /// What the mapping would read to write this.
    fn word(&mut self, spot: Spot<'_>, step: usize, given: Given, whole: &Whole) -> Cell {
        let (origin, way) = (spot.origin, spot.way);
        match (&given, &origin.convert) {
            (Given::Id(id), Convert::Name(lookup)) => {
                let (what, within) = self.looked_up(spot, lookup, &whole.item);
                return self.name(spot, what, within, *id, &whole.item);
            }
            (Given::Id(id), Convert::Chain { catalogs, .. }) => {
                let Some(catalog) = catalogs.get(step).copied() else { return Cell::Empty };
                return self.name(spot, &LookupWhat::Element { catalog, by: ElementBy::Name }, None, *id, &whole.item);
            }
            _ => {}
        }
        let decimal = self.plan.decimal;
        let translated = |(_, written): &&(String, Literal)| !written.is_empty() && given.is(written, origin, decimal);
        if let Some((found, _)) = way.translation.iter().find(translated) {
            return Cell::Text(found.clone());
        }
        let rules = match &origin.convert {
            Convert::Moment(rules) | Convert::Day(rules) | Convert::Text { rules, .. } => Some(rules),
            _ => None,
        };
        match (given, rules) {
            (Given::Text(text), _) => {
                let turned = origin.values.get(&fold(&text)).is_some_and(|other| fold(other) != fold(&text));
                if turned || (origin.values_only && !origin.values.contains_key(&fold(&text))) {
                    self.lose(format!("{}: a value that the mapping's \"values\" do not lead to", spot.target.name));
                }
                Cell::Text(text)
            }
            (Given::Number(number), _) => Cell::Number(number),
            (Given::Id(id), _) => Cell::Number(id.into()),
            (Given::Flag(flag), _) => Cell::Text(if flag { YES } else { NO }.to_owned()),
            (Given::Moment(unix_s), Some(rules)) => match given::local(unix_s, rules).filter(|_| self.typed) {
                Some(at) => Cell::Instant(at),
                None => Cell::Text(given::print_moment(unix_s, rules, &way.layouts)),
            },
            (Given::Day(day), Some(rules)) => match self.typed {
                true => Cell::Day(day),
                false => Cell::Text(given::print_day(day, rules, &way.layouts)),
            },
            (Given::Moment(unix_s), None) => Cell::Number(unix_s.into()),
            (Given::Day(day), None) => Cell::Day(day),
        }
    }

    fn name(&mut self, spot: Spot<'_>, what: &LookupWhat, within: Option<u64>, id: u64, item: &CompactJson) -> Cell {
        let pipeline = parts::id(&item["pipeline_id"]);
        let wanted = Wanted { target: &spot.value.target, what, within, pipeline, id };
        let word = self.words.of((spot.place, spot.no), wanted, &spot.way.translation);
        if !word.found {
            self.lose(format!("{}: an import does not find \"{}\"", spot.target.name, word.text));
        }
        Cell::Text(word.text)
    }

    /// How the mapping looks a name up: a stage in the pipeline that the row names, else in the main one or, for a change,
    /// in any.
    fn looked_up<'l>(&self, spot: Spot<'_>, lookup: &'l Lookup, item: &CompactJson) -> (&'l LookupWhat, Option<u64>) {
        let LookupWhat::Stage { anywhere } = lookup.what else { return (&lookup.what, None) };
        let section = &self.plan.sections[spot.target.section];
        let names_pipeline = |value: &ValuePlan| {
            value.origins.iter().any(|o| matches!(&o.convert, Convert::Name(l) if l.what == LookupWhat::Pipeline))
        };
        match section.values.iter().any(names_pipeline) {
            true => (&lookup.what, id(&item["pipeline_id"])),
            false => {
                let changes = self.plan.action == amo_model::Action::Update;
                (if anywhere || changes { &LookupWhat::Stage { anywhere: true } } else { &lookup.what }, None)
            }
        }
    }

    /// The key under which the record was made, and what holds the rows of a record together.
    fn names_of_rows(&mut self, plan: &Plan, item: &CompactJson, rows: &mut [Vec<Cell>]) {
        let unfilled = |rows: &[Vec<Cell>], column: usize| rows.iter().any(|row| row[column] == Cell::Empty);
        if plan.key.iter().any(|column| unfilled(rows, *column)) {
            let made = id(&item["id"]).and_then(|id| self.words.key(plan.kind.spec().entity, plan.catalog, id));
            let key = made.or_else(|| marker(plan, item));
            let parts: Vec<String> = match &key {
                Some(key) if plan.key.len() > 1 => key.split(KEY_JOIN).map(str::to_owned).collect(),
                Some(key) => vec![key.clone()],
                None => Vec::new(),
            };
            if parts.len() == plan.key.len() {
                for (column, part) in plan.key.iter().zip(parts) {
                    for row in rows.iter_mut().filter(|row| row[*column] == Cell::Empty) {
                        row[*column] = Cell::Text(part.clone());
                    }
                }
            } else {
                let titles: Vec<&str> = plan.key.iter().map(|column| self.titles[*column].as_str()).collect();
                self.lose(format!("\"{}\": the key is not known here, and left empty", titles.join("\", \"")));
            }
        }
        let columns = plan.groups.as_ref().map_or(&[][..], |groups| &groups.columns);
        let alone = columns.iter().all(|column| unfilled(rows, *column) && !plan.key.contains(column));
        if let (true, Some(column), Some(id)) = (alone, columns.first(), id(&item["id"])) {
            rows.iter_mut().for_each(|row| row[*column] = Cell::Text(id.to_string()));
        }
    }

    fn put(&mut self, target: &Target, column: usize, cell: &Cell, rows: &mut [Vec<Cell>]) {
        if *cell == Cell::Empty {
            return;
        }
        if let (Cell::Text(text), Some(encoding)) = (cell, self.dialect.lacks(cell)) {
            let lacking: String =
                text.chars().filter(|c| encoding.encode(c.encode_utf8(&mut [0; 4])).2).take(5).collect();
            self.lose(format!("{}: {} has no letters \"{lacking}\"", target.name, encoding.name()));
        }
        let mut other = false;
        for row in rows.iter_mut() {
            match &row[column] {
                Cell::Empty => row[column] = cell.clone(),
                there => other |= self.text(there) != self.text(cell),
            }
        }
        if other {
            self.lose(format!("{}: \"{}\" shows another value already", target.name, self.titles[column]));
        }
    }

    fn text(&self, cell: &Cell) -> String {
        match cell {
            Cell::Number(number) => self.dialect.number(*number),
            other => other.text(),
        }
    }

    fn lose(&mut self, what: String) {
        *self.lost.entry(what).or_default() += 1;
    }
}

/// What a field holds in the object of its section.
fn values_of<'v>(target: &TargetPlan, object: &'v CompactJson) -> Vec<&'v CompactJson> {
    match target {
        TargetPlan::Field(spec) => spec.wire.held(object),
        TargetPlan::Custom { field, .. } => field_values(object, field.id),
    }
}

/// The values of a custom field that are objects.
fn parted<'v>(section: &SectionPlan, all: &[Vec<&'v CompactJson>], item: &'v CompactJson) -> Vec<&'v CompactJson> {
    let Some(field) = &section.field else { return Vec::new() };
    let holder = match all.get(section.holder) {
        Some(objects) => objects.first().copied(),
        None => Some(item),
    };
    holder.map(|holder| field_values(holder, field.id)).unwrap_or_default().into_iter().map(|v| &v["value"]).collect()
}

/// The list whose elements a section of products names.
fn list_of(plan: &Plan, section: &SectionPlan) -> Option<u64> {
    let products = || plan.account.catalogs.iter().find(|list| list.kind == amo_model::PRODUCTS);
    section.catalog.or_else(|| products().map(|list| list.id))
}

/// True for a value that goes into this column: phones by their sort, parts of an address by theirs.
fn fits(target: &TargetPlan, origin: &OriginPlan, held: &CompactJson) -> bool {
    match (&origin.sort, target) {
        (Some(sort), TargetPlan::Custom { field, .. }) => held::has_enum(held, sort, |option| {
            field.options.iter().find(|known| known.id == option).and_then(|known| known.code.clone())
        }),
        _ => true,
    }
}

/// By the first separator that the mapping takes apart as it was; true where one does.
fn join(texts: &[String], origin: &OriginPlan) -> (String, bool) {
    let back = |joined: &str| -> Vec<String> {
        match &origin.convert {
            Convert::Phone { .. } => phone::split(joined, &origin.split).map(str::to_owned).collect(),
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
    if back(&first) == texts {
        return (first, true);
    }
    match all.find(|joined| back(joined) == texts) {
        Some(joined) => (joined, true),
        None => (first, false),
    }
}

/// The key that a record carries itself; where it has none, a marker has the name of its run. [mapping]
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
