//! `docs/coverage.md`: every field the documents name, and whether a mapping can fill it, a payload carries it, the
//! sandbox knows it. Made from the table of kinds and from what a running sandbox answers.

use std::fmt::Write as _;
use std::path::Path;

use amo_model::{Entity, Kind, Owner, Placement, SectionSpec, Wire, Write};

use crate::documents::effects;
use crate::documents::fields::{self, Direction, Field, Table};
use crate::documents::gaps::{Column, GAPS, Gap};
use crate::documents::probe;

/// What a cell says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cell {
    Yes(String),
    No,
    /// The column is not about fields of this direction.
    Nothing,
}

struct Row {
    field: Field,
    mapping: Cell,
    payload: Cell,
    sandbox: Cell,
    why: Vec<&'static str>,
}

/// A path as the documents write it, and the mapping's field that fills it; constants have none.
type Filled = (String, Option<String>);

/// What a section of a kind puts on the wire.
fn fills(section: &SectionSpec, write: &Write) -> Vec<Filled> {
    let within = match section.at {
        Placement::Item => String::new(),
        Placement::Embedded(key) => format!("_embedded[{key}]"),
        Placement::EmbeddedFirst(key) => format!("_embedded[{key}][0]"),
        Placement::Elements => "_embedded[catalog_elements][0]".to_owned(),
        Placement::Field(_) | Placement::Value => {
            return vec![("custom_fields_values".to_owned(), Some(section.name.to_owned()))];
        }
        // Made after the record, by the endpoint of links.
        Placement::LinkedElements => return Vec::new(),
    };
    let at = |steps: &[&str]| {
        let mut steps = steps.iter();
        let first = if within.is_empty() { steps.next().copied().unwrap_or_default() } else { within.as_str() };
        steps.fold(first.to_owned(), |path, step| format!("{path}[{step}]"))
    };
    let mut filled: Vec<Filled> = Vec::new();
    for field in section.fields.iter().filter(|field| field.taken_on(write.action)) {
        let name = Some(format!("{}.{}", section.name, field.name));
        match field.wire {
            Wire::Key(key) | Wire::Ids(key) => filled.push((at(&[key]), name)),
            Wire::EmbeddedIds(key) => {
                filled.push((at(&["_embedded", key, "0", "id"]), name));
                if key == "contacts" {
                    filled.push((at(&["_embedded", key, "0", "is_main"]), None));
                }
            }
            Wire::EmbeddedSource => {
                filled.push((at(&["_embedded", "source", "external_id"]), name));
                filled.push((at(&["_embedded", "source", "type"]), None));
            }
            Wire::Tags(key) => filled.push((at(&[key, "0", "name"]), name)),
            Wire::EmbeddedTags => filled.push((at(&["_embedded", "tags", "0", "name"]), name)),
            Wire::ElementId => filled.push((at(&["id"]), name)),
            Wire::ElementQuantity => filled.push((at(&["metadata", "quantity"]), name)),
            Wire::ElementCatalog => filled.push((at(&["metadata", "catalog_id"]), name)),
            Wire::Field(_) | Wire::Discount(_) => filled.push((at(&["custom_fields_values"]), name)),
            // In the address, or by the endpoint of links.
            Wire::Parent | Wire::Link(_) => {}
        }
    }
    if section.custom_fields.is_some() {
        filled.push((at(&["custom_fields_values"]), Some(format!("{}.fields", section.name))));
    }
    filled
}

/// `catalogs/{}/elements`: the names in braces are the documents' in one place and ours in the other.
fn nameless(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>().join("/")
}

/// The kinds that are written at an endpoint, and how.
fn writes(table: &Table) -> Vec<(Kind, &'static Write)> {
    let fits = |write: &&Write| write.action.method() == table.method && nameless(write.path) == nameless(&table.path);
    Kind::ALL.into_iter().flat_map(|kind| kind.spec().writes.iter().filter(fits).map(move |w| (kind, w))).collect()
}

fn filled(table: &Table) -> Vec<Filled> {
    let mut all = Vec::new();
    for (kind, write) in writes(table) {
        all.extend(kind.spec().sections.iter().flat_map(|section| fills(section, write)));
        // Every item carries the number of its row.
        all.push(("request_id".to_owned(), None));
    }
    all
}

/// The names of the mapping for a field; for an object or a list it is enough that something within is filled.
fn mapping(filled: &[Filled], field: &str) -> Cell {
    let exact: Vec<&str> = filled.iter().filter(|(path, _)| path == field).filter_map(|f| f.1.as_deref()).collect();
    match exact.is_empty() {
        false => Cell::Yes(exact.join(", ")),
        true if filled.iter().any(|(path, name)| name.is_some() && is_within(path, field)) => yes(),
        true => Cell::No,
    }
}

fn payload(filled: &[Filled], field: &str) -> Cell {
    if filled.iter().any(|(path, _)| path == field || is_within(path, field)) { yes() } else { Cell::No }
}

/// Of the field where the table has it, else of the place within `metadata` that the example gives it.
fn either(filled: &[Filled], field: &Field) -> (Cell, Cell) {
    let both = |name: &str| (mapping(filled, name), payload(filled, name));
    match (both(&field.name), field.within_metadata()) {
        ((Cell::No, Cell::No), Some(within)) => both(&within),
        (there, _) => there,
    }
}

fn is_within(path: &str, field: &str) -> bool {
    path.strip_prefix(field).is_some_and(|rest| rest.starts_with('['))
}

fn yes() -> Cell {
    Cell::Yes("yes".to_owned())
}

fn rows(table: Table) -> Vec<Row> {
    let known = probe::known(&table).into_iter();
    let known: Vec<Cell> = known.map(|known| known.map_or(Cell::No, |place| Cell::Yes(place.to_owned()))).collect();
    let filled = filled(&table);
    let (direction, endpoint) = (table.direction, table.endpoint());
    let row = |(field, sandbox): (Field, Cell)| {
        let (mapping, payload) = match direction {
            Direction::Request => either(&filled, &field),
            Direction::Query | Direction::Answer => (Cell::Nothing, Cell::Nothing),
        };
        let mut why: Vec<&str> = Vec::new();
        for (column, cell) in [(Column::Mapping, &mapping), (Column::Payload, &payload), (Column::Sandbox, &sandbox)] {
            if *cell == Cell::No {
                let reason = GAPS.iter().find(|gap| gap.is_about(direction, &endpoint, &field.name, column));
                why.push(reason.map_or(UNEXPLAINED, |gap| gap.why));
            }
        }
        why.dedup();
        Row { field, mapping, payload, sandbox, why }
    };
    table.fields.into_iter().zip(known).map(row).collect()
}

const UNEXPLAINED: &str = "UNEXPLAINED";

const HEAD: &str = "\
# What of the documents is covered

Every field of the parameter tables of the API's four documents. `cargo test --test it documents` makes this page from the
table of kinds and from what a running sandbox answers, and fails where it differs; `AMOPORT_BLESS=1` writes it anew.

- **mapping**: the field of a mapping file that fills it; `yes` for an object or a list of which something is filled
- **payload**: amoport sends it
- **sandbox**: `amoport sandbox` takes it, heeds it or shows it; `in metadata` where that is not beside `metadata`, as in the table, but within it, as in the examples. A
  word of a query is heeded where its effect is seen: the last section has the entries
- **export**: `column` where `amoport export` gives it a column, or a part of one, in tables; `jsonl` where only the raw item has it
- **why not**: the reason of every gap

Mapping and payload say nothing of what is asked or answered, and export only of what lists answer.
";

fn shown(cell: &Cell) -> &str {
    match cell {
        Cell::Yes(what) => what,
        Cell::No => "–",
        Cell::Nothing => "",
    }
}

/// What a table of fields lists: the answers to reads of it are what an export has.
fn listed(table: &Table) -> Option<Entity> {
    let read = table.direction == Direction::Answer && table.method == "GET";
    let path = nameless(&table.path);
    let list = |entity: &Entity| {
        let own = nameless(entity.path());
        path == own || path.strip_prefix(&own) == Some("/{}")
    };
    Entity::ALL.into_iter().filter(|_| read).find(list)
}

/// Whether a field stands in a column of its own, within one, or holds one; the raw item has all of them.
fn export(entity: Entity, field: &str) -> &'static str {
    let steps: Vec<&str> = field.split('[').map(|step| step.trim_end_matches(']')).collect();
    let column = |at: &[&str]| at.iter().zip(&steps).all(|(a, b)| a == b);
    let custom = Owner::ENTITIES.contains(&entity) || entity == Entity::Elements;
    match steps.as_slice() {
        ["custom_fields_values", ..] if custom => "column",
        _ if entity.columns().iter().any(|spec| column(spec.at)) => "column",
        _ => "jsonl",
    }
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    let mut document = "";
    for table in fields::all() {
        if table.document != document {
            document = table.document;
            let _ = write!(page, "\n## {document}\n");
        }
        let _ = write!(page, "\n### {} /api/v4/{}: {}\n\n", table.method, table.path, table.direction.word());
        if table.fields.is_empty() {
            let kinds: Vec<&str> = writes(&table).into_iter().map(|(kind, _)| kind.name()).collect();
            let sandbox = if probe::is_route(&table) { "yes" } else { UNEXPLAINED };
            let mapping = if kinds.is_empty() { UNEXPLAINED.to_owned() } else { kinds.join(", ") };
            let _ = writeln!(page, "No fields. Mapping: `delete` of {mapping}. Sandbox: {sandbox}.");
            continue;
        }
        page.push_str("| field | type | mapping | payload | sandbox | export | why not |\n");
        page.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
        let listed = listed(&table);
        for Row { field, mapping, payload, sandbox, why } in rows(table) {
            let export = listed.map_or("", |entity| export(entity, &field.name));
            let kind = field.kind.replace('|', " or ");
            let [mapping, payload, sandbox] = [&mapping, &payload, &sandbox].map(shown);
            let why = why.join("; ");
            let _ =
                writeln!(page, "| `{}` | {kind} | {mapping} | {payload} | {sandbox} | {export} | {why} |", field.name);
        }
    }
    page.push_str(&effects::page());
    page
}

#[test]
fn every_documented_field_is_covered_or_has_a_reason() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/coverage.md");
    let page = page();
    if std::env::var_os("AMOPORT_BLESS").is_some() {
        std::fs::write(&path, &page).expect("docs/coverage.md written");
    }
    let mut head = String::new();
    let mut unexplained = Vec::new();
    for line in page.lines() {
        if line.starts_with("### ") {
            line.clone_into(&mut head);
        } else if line.contains(UNEXPLAINED) {
            unexplained.push(format!("{head}\n    {line}"));
        }
    }
    assert!(unexplained.is_empty(), "gaps without a reason:\n{}", unexplained.join("\n"));
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = page.lines().zip(committed.lines()).find(|(now, then)| now != then);
    assert!(page == committed, "docs/coverage.md is not current (AMOPORT_BLESS=1 writes it): {differs:#?}");
}

#[test]
fn every_reason_is_about_a_gap() {
    let each = |gap: &'static Gap| gap.fields.iter().map(move |field| (gap, *field));
    let mut idle: Vec<(&Gap, &str)> = GAPS.iter().flat_map(each).collect();
    for table in fields::all() {
        let (direction, endpoint) = (table.direction, table.endpoint());
        for Row { field: Field { name, .. }, mapping, payload, sandbox, .. } in rows(table) {
            for (column, cell) in [(Column::Mapping, mapping), (Column::Payload, payload), (Column::Sandbox, sandbox)] {
                let is_gap = cell == Cell::No;
                idle.retain(|(gap, field)| {
                    !is_gap || *field != name || !gap.is_about(direction, &endpoint, &name, column)
                });
            }
        }
    }
    let idle: Vec<_> = idle.into_iter().map(|(gap, field)| (gap.endpoint, field, gap.why)).collect();
    assert!(idle.is_empty(), "reasons without a gap: {idle:#?}");
}
