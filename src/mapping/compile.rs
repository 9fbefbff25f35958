//! From a mapping as written to a `Plan`: every title looked up in the source's header, every name in the account,
//! every rule of the API that can be known before a row is read. All problems come out together.

use super::convert::date;
use super::convert::phone;
use super::names::{Book, Ledger};
use super::plan::{Groups, Plan, Room, SectionPlan};
use super::suspect::Suspects;
use super::template::{Columns, Template, columns_named};
use super::walk::{HINTS_MAX, in_order};
use super::written::{At, From, Origin, Target, Written};
use amo_client::account::Account;
use amo_model::parts::Catalog;
use amo_model::{Action, CatalogKind, Entity, FieldContent, Owner};
use amo_model::{INVOICES, PRODUCTS, SUPPLIERS};
use sheet_source::message;
use sheet_source::problem::{Message, Note, Problem, Source, did_you_mean};
use sheet_source::{ColumnMatch, FileFormat, Header, HiddenRows, LINK, Row, Table, fold};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

/// Where the rows come from, as far as the mapping needs it, and what earlier imports have made.
pub struct Origins {
    pub header: Header,
    pub source: Arc<Source>,
    pub csv: bool,
    /// Rows that the sheet does not show are left out.
    pub skips_hidden: bool,
    /// Some rows at the beginning.
    pub sample: Arc<[Row]>,
    pub ledger: Ledger,
}

impl Origins {
    /// For a table of which no row is read.
    pub fn without_rows(header: Header, source: Arc<Source>, ledger: Ledger) -> Origins {
        Origins { header, source, csv: false, skips_hidden: false, sample: Arc::new([]), ledger }
    }

    pub fn of(table: &Table, ledger: Ledger) -> Origins {
        Origins {
            header: table.header.clone(),
            source: table.source(),
            csv: table.layout.format == FileFormat::Csv || table.is_rejects_of_csv(),
            skips_hidden: table.layout.hidden_rows == Some(HiddenRows::Skip),
            sample: table.sample(),
            ledger,
        }
    }
}

pub fn compile(written: &Written, origins: Origins, account: Arc<Account>) -> Result<Plan, Vec<Problem>> {
    let book = Book::new(Arc::clone(&account), origins.ledger);
    let mut compile = Compile {
        written,
        header: &origins.header,
        sample: &origins.sample,
        account: &account,
        book: &book,
        notes: Vec::new(),
        problems: Vec::new(),
        rules: Arc::new(date::Rules::new(Vec::new(), jiff::tz::TimeZone::UTC, jiff::tz::TimeZone::UTC)),
        lookups: 0,
        field_names: HashMap::new(),
        pipeline_named: false,
        pipeline: InPipeline::Main,
        catalog: None,
    };
    compile.rules = compile.date_rules();
    compile.mode();
    compile.nothing();
    compile.catalog = compile.catalog();
    let catalog = compile.catalog;
    let sections: Vec<SectionPlan> = compile.sections();
    let key: Vec<usize> = written.key.iter().filter_map(|title| compile.column(title)).collect();
    let columns: Vec<usize> = written.group.iter().filter_map(|title| compile.column(title)).collect();
    let marker = written.marker.as_ref().and_then(|name| compile.marker(name, &sections));
    let condition = written.source.condition.as_ref().and_then(|text| compile.template(text, true));
    for title in &written.source.fill_down {
        compile.column(title);
    }
    let total_field = compile.total_field(&sections);
    let room = compile.room();
    let (mut problems, lookups, notes) = (compile.problems, compile.lookups, compile.notes);
    if !problems.is_empty() {
        in_order(&mut problems);
        return Err(problems);
    }
    let suspects = match written.action {
        Action::Create => {
            let text = written.source.condition.as_ref().map(|condition| condition.it.as_str());
            let suspects = Suspects::of(&sections, text.zip(condition.as_ref()), &origins.header, &origins.sample);
            match columns.is_empty() {
                true => suspects.of_single_rows(found(&origins.header, &fill_down(written))),
                false => suspects.of_groups(),
            }
        }
        Action::Update | Action::Delete => Suspects::none(),
    };
    let width = origins.header.len();
    let columns_read = columns_found(written, &origins.header);
    let letters = columns_read.iter().copied().filter(|index| *index >= width).collect();
    let Some(write) = written.kind.spec().write(written.action) else {
        return Err(vec![written.text.problem(0, "mapping-kind", "this action is not known for this kind")]);
    };
    Ok(Plan {
        kind: written.kind,
        action: written.action,
        write,
        catalog,
        id_by_key: written.action != Action::Create && !names_own_id(written),
        sections,
        key,
        marker,
        condition,
        groups: (!columns.is_empty()).then(|| Groups { columns, ..Groups::default() }),
        room,
        total_field,
        region: phone::region(&account.basics.country),
        currency: Some(account.basics.currency.clone()).filter(|code| !code.is_empty()),
        account,
        book,
        source: origins.source,
        header: origins.header,
        csv: origins.csv,
        skips_hidden: origins.skips_hidden,
        columns_read,
        letters,
        suspects,
        decimal: written.source.decimal,
        lookups,
        notes,
        edits: OnceLock::new(),
    })
}

/// Columns whose cells together say which rows make one record; none where rows are not grouped, or where the source has
/// not all of them, which `compile` tells.
pub fn group_columns(written: &Written, header: &Header) -> Vec<usize> {
    let column = |title: &At<String>| match header.find(&title.it) {
        ColumnMatch::One(index) => Some(index),
        ColumnMatch::Many(_) | ColumnMatch::None => None,
    };
    written.group.iter().map(column).collect::<Option<_>>().unwrap_or_default()
}

/// What a mapping reads a column for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    Key,
    Group,
    Condition,
    Value,
    Template,
}

/// Every place in which a mapping names a column, in the order of the file.
pub fn columns_read(written: &Written) -> Vec<(String, Reads)> {
    let named = |titles: &[At<String>], reads: Reads| -> Vec<(usize, String, Reads)> {
        titles.iter().map(|title| (title.at, title.it.clone(), reads)).collect()
    };
    let within = |text: &At<String>, reads: Reads| -> Vec<(usize, String, Reads)> {
        columns_named(&text.it).into_iter().map(|title| (text.at, title, reads)).collect()
    };
    let mut all = named(&written.key, Reads::Key);
    all.extend(named(&written.group, Reads::Group));
    all.extend(written.source.condition.iter().flat_map(|condition| within(condition, Reads::Condition)));
    for origin in origins_of(written) {
        match &origin.from {
            From::Column(title) => all.push((title.at, title.it.clone(), Reads::Value)),
            From::Template(text) => all.extend(within(text, Reads::Template)),
            From::Constant(_) => {}
        }
    }
    all.sort_by_key(|(at, _, _)| *at);
    all.into_iter().map(|(_, title, reads)| (title, reads)).collect()
}

/// The titles a mapping asks for; they help to find out the source's encoding, delimiter, sheet and header row.
pub fn titles(written: &Written) -> Vec<String> {
    let mut titles: Vec<String> = columns_read(written).into_iter().map(|(title, _)| title).collect();
    titles.sort();
    titles.dedup();
    titles
}

/// The titles of columns in which an empty cell has the value of the one above it.
pub fn fill_down(written: &Written) -> Vec<String> {
    let mut titles: Vec<String> = written.source.fill_down.iter().map(|title| title.it.clone()).collect();
    for origin in origins_of(written).filter(|origin| origin.fill_down) {
        if let From::Column(title) = &origin.from {
            titles.push(title.it.clone());
        }
    }
    titles
}

/// The columns that a mapping reads, each once.
fn columns_found(written: &Written, header: &Header) -> Vec<usize> {
    let titles: Vec<String> = columns_read(written).into_iter().map(|(title, _)| title).collect();
    found(header, &titles)
}

/// The columns of titles, each once.
fn found(header: &Header, titles: &[String]) -> Vec<usize> {
    let found = titles.iter().filter_map(|title| match header.find(title) {
        ColumnMatch::One(index) => Some(index),
        ColumnMatch::Many(_) | ColumnMatch::None => None,
    });
    let mut columns: Vec<usize> = found.collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// What is said about columns of the source that no line of the mapping reads.
pub fn unread(written: &Written, table: &Table) -> Option<Note> {
    const NAMED_MAX: usize = 20;
    let header = &table.header;
    let read: Vec<usize> = columns_found(written, header).iter().map(|index| header.column(*index).index).collect();
    let sample = table.sample();
    let holds = |index: usize| sample.iter().any(|row| !row.get(index).is_empty());
    let names = header.unique_names();
    let unread: Vec<&str> = (0..header.own_len())
        .filter(|index| !read.contains(index) && (!header.title(*index).is_empty() || holds(*index)))
        .map(|index| names[index].as_str())
        .collect();
    let count = unread.len();
    let named: Vec<&str> = unread.into_iter().take(NAMED_MAX).collect();
    let message = match count {
        0 => return None,
        1 => message!("the mapping does not read the column {columns}", columns = named),
        2..=NAMED_MAX => message!("the mapping does not read the columns {columns}", columns = named),
        _ => message!("the mapping does not read {count} columns: {columns}, …", count, columns = named),
    };
    Some(Note::new("columns-not-read", message).count(count as u64))
}

fn origins_of(written: &Written) -> impl Iterator<Item = &Origin> {
    let values = written.sections.iter().flat_map(|section| &section.values);
    values.flat_map(|value| value.origins.iter().chain(value.parts.iter().flat_map(|part| &part.origins)))
}

/// The texts of a mapping that are met in its source: what it translates, and what stands there in place of nothing.
pub fn texts(written: &Written) -> Vec<String> {
    let mut texts = Vec::new();
    for origin in origins_of(written) {
        let translated = origin.values.iter().flat_map(|values| &values.it);
        texts.extend(translated.flat_map(|(from, to)| [from.clone(), to.it.text.clone()]));
        texts.extend(origin.default.iter().map(|default| default.it.text.clone()));
        if let From::Constant(constant) = &origin.from {
            texts.push(constant.it.text.clone());
        }
    }
    texts
}

/// True where the mapping says by which column a record is found that exists.
pub(super) fn names_own_id(written: &Written) -> bool {
    let item = &written.kind.spec().sections[0];
    let section = written.sections.iter().find(|section| std::ptr::eq(section.spec, item));
    let is_id = |target: &Target| matches!(target, Target::Field(field) if field.holds == FieldContent::OwnId);
    section.is_some_and(|section| section.values.iter().any(|value| is_id(&value.target)))
}

pub(super) struct Compile<'a> {
    pub(super) written: &'a Written,
    pub(super) header: &'a Header,
    /// Some rows at the beginning.
    pub(super) sample: &'a [Row],
    pub(super) account: &'a Account,
    pub(super) book: &'a Book,
    pub(super) problems: Vec<Problem>,
    pub(super) notes: Vec<Note>,
    pub(super) rules: Arc<date::Rules>,
    pub(super) lookups: usize,
    /// By which custom fields are known, once there are many problems.
    pub(super) field_names: HashMap<Owner, HashSet<String>>,
    pub(super) pipeline_named: bool,
    /// The pipeline in which the stages of the section at hand are looked for.
    pub(super) pipeline: InPipeline,
    /// The list whose elements the records are.
    pub(super) catalog: Option<u64>,
}

/// What is known of a record's pipeline before a row is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum InPipeline {
    /// The mapping names none.
    Main,
    One(u64),
    /// It stands in the row.
    OfRow,
}

impl Compile<'_> {
    pub(super) fn problem(
        &mut self,
        at: usize,
        code: &'static str,
        message: impl Into<Message>,
        hint: Option<Message>,
    ) {
        let mut problem = self.written.text.problem(at, code, message);
        problem.hint = hint;
        self.problems.push(problem);
    }

    /// Customers are off in some accounts, and what they are made of differs with their mode. [seed]
    fn mode(&mut self) {
        let (needs, mode) = (self.written.kind.spec().needs, self.account.basics.customers_mode.as_str());
        if needs.met_by(mode) || self.written.unsure {
            return;
        }
        let kind = self.written.kind.name();
        let (message, wanted) = super::rules::mode_message(needs, mode, message!("a {kind}", kind));
        let hint = message!("an administrator can change it: amoport account customers-mode {mode}", mode = wanted);
        self.problem(0, "customers-mode", message, Some(hint));
    }

    /// A mapping that fills nothing would find nothing to send in every row.
    fn nothing(&mut self) {
        let own_id =
            |value: &super::written::Value| matches!(&value.target, Target::Field(f) if f.holds == FieldContent::OwnId);
        let item = &self.written.kind.spec().sections[0];
        let fills = |section: &super::written::Section| {
            section.values.iter().any(|value| !std::ptr::eq(section.spec, item) || !own_id(value))
        };
        if self.written.action == Action::Delete || self.written.flawed || self.written.sections.iter().any(fills) {
            return;
        }
        let hint = message!("add fields under [{section}], for example name = \"…\"", section = item.name);
        self.problem(0, "mapping-shape", "the mapping fills no field", Some(hint));
    }

    /// The list whose elements are made.
    fn catalog(&mut self) -> Option<u64> {
        let kind = self.written.kind.spec().catalog?;
        let Some(name) = &self.written.catalog else {
            let found = self.account.catalogs.iter().find(|catalog| catalog.kind == INVOICES);
            return match (kind, found) {
                (CatalogKind::Invoices, Some(catalog)) => Some(catalog.id),
                (CatalogKind::Invoices, None) => {
                    let hint = Some("make one with a mapping of kind \"catalog\" and type \"invoices\"".into());
                    self.problem(0, "no-catalog", "the account has no list of invoices", hint);
                    None
                }
                (CatalogKind::Any, _) => {
                    let hint =
                        Some(message!("add catalog = \"…\"; the lists are: {known}", known = self.catalog_names()));
                    self.problem(0, "no-catalog", "the mapping does not say whose elements it makes", hint);
                    None
                }
            };
        };
        let found: Catalog = match self.account.catalog(&name.it) {
            Ok(found) => found.clone(),
            Err(miss) => {
                let (message, hint) = super::names::missed(&miss, &name.it, "list of the account");
                let hint = hint.or_else(|| Some(message!("the lists are: {known}", known = self.catalog_names())));
                self.problem(name.at, "unknown-name", message, hint);
                return None;
            }
        };
        if kind == CatalogKind::Invoices && found.kind != INVOICES {
            let message = message!(
                "\"{catalog}\" is no list of invoices, it is of type {kind}",
                catalog = &found.name,
                kind = &found.kind
            );
            self.problem(name.at, "catalog-type", message, Some("use kind = \"element\" for it".into()));
        }
        if found.kind == SUPPLIERS {
            let message =
                message!("\"{catalog}\" is kept by the service itself and cannot be written", catalog = &found.name);
            let hint = "change its elements in the CRM, and name another list here".into();
            self.problem(name.at, "catalog-type", message, Some(hint));
        }
        Some(found.id)
    }

    fn catalog_names(&self) -> Vec<&str> {
        self.account.catalogs.iter().map(|catalog| catalog.name.as_str()).collect()
    }

    /// The list of this type, where the account has one.
    pub(super) fn typed_catalog(&self, kind: &str) -> Option<u64> {
        self.account.catalogs.iter().find(|catalog| catalog.kind == kind).map(|catalog| catalog.id)
    }

    /// What the account may still take of a kind that is limited. [seed]
    fn room(&self) -> Option<Room> {
        let spec = self.written.kind.spec();
        let max = spec.quota.filter(|_| self.written.action == Action::Create)?;
        let (taken, what) = match spec.entity {
            // The list of suppliers is the service's own. [inferred]
            Entity::Catalogs => (self.account.catalogs.iter().filter(|c| c.kind != SUPPLIERS).count(), "lists"),
            Entity::Segments => (self.account.segments.len(), "segments"),
            Entity::Statuses => (self.account.customer_statuses.len(), "statuses of customers"),
            _ => return None,
        };
        let only_one = self.account.catalogs.iter().filter(|c| c.kind == INVOICES || c.kind == PRODUCTS);
        Some(Room { max, taken, what, types: only_one.map(|c| c.kind.clone()).collect() })
    }

    fn date_rules(&mut self) -> Arc<date::Rules> {
        let source = &self.written.source;
        let name = self.account.timezone().unwrap_or("UTC");
        let timezone = match &source.timezone {
            Some(said) => self.zone(said.at, &said.it),
            None => self.zone(0, name),
        };
        // Of a zone that is not known here the author says which it is.
        let account = jiff::tz::TimeZone::get(name).unwrap_or_else(|_| timezone.clone());
        let layouts = source.dates.iter().filter_map(|layout| self.layout(layout)).collect();
        Arc::new(date::Rules::new(layouts, timezone, account))
    }

    fn zone(&mut self, at: usize, name: &str) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::get(name).unwrap_or_else(|_| {
            let hint = "write a name of the tz database, such as \"Europe/Moscow\"".into();
            self.problem(at, "timezone", message!("unknown time zone \"{value}\"", value = name), Some(hint));
            jiff::tz::TimeZone::UTC
        })
    }

    pub(super) fn layout(&mut self, layout: &At<String>) -> Option<date::Layout> {
        match date::Layout::compile(&layout.it) {
            Ok(layout) => Some(layout),
            Err(why) => {
                self.problem(layout.at, why.code, why.message, why.hint);
                None
            }
        }
    }

    pub(super) fn column(&mut self, title: &At<String>) -> Option<usize> {
        match self.header.find(&title.it) {
            ColumnMatch::One(index) => Some(index),
            ColumnMatch::Many(all) => {
                let titles: Vec<&str> = all.iter().map(|index| self.header.title(*index)).collect();
                let joined = titles.iter().any(|named| fold(named) != fold(&title.it));
                let hint = match joined {
                    true => message!("write the whole title: {titles}", titles),
                    false => message!(
                        "write \"{column} [1]\" for the first, \"{column} [2]\" for the second",
                        column = &title.it
                    ),
                };
                self.problem(
                    title.at,
                    "column-repeated",
                    message!("several columns are titled \"{column}\"", column = &title.it),
                    Some(hint),
                );
                None
            }
            ColumnMatch::None => {
                let message = message!("the source has no column \"{column}\"", column = &title.it);
                if self.problems.len() >= HINTS_MAX {
                    self.problem(title.at, "no-column", message, None);
                    return None;
                }
                let names = self.header.unique_names();
                let link = Header::asks_for_link(&title.it);
                let offered = names.iter().map(|name| if link { format!("{name}{LINK}") } else { name.clone() });
                let offered: Vec<String> = offered.collect();
                let hint = did_you_mean(&title.it, offered.iter().map(String::as_str)).unwrap_or_else(|| {
                    let shown: Vec<&str> = names.iter().take(30).map(String::as_str).collect();
                    let more = if names.len() > 30 { ", …" } else { "" };
                    message!("the columns are: {columns}{more}", columns = shown, more)
                });
                self.problem(title.at, "no-column", message, Some(hint));
                None
            }
        }
    }

    pub(super) fn template(&mut self, text: &At<String>, condition: bool) -> Option<Template> {
        let told = self.problems.len();
        let mut columns: Columns = Vec::new();
        for title in columns_named(&text.it) {
            // What is missing is told, and the rest is looked at all the same.
            let index = self.column(&At { at: text.at, it: title.clone() }).unwrap_or_default();
            columns.push((title, index));
        }
        let decimal = self.written.source.decimal;
        let made = match condition {
            true => Template::condition(&text.it, columns, decimal),
            false => Template::text(&text.it, columns, decimal),
        };
        let made = made.map_err(|error| {
            let hint = "columns are written row['Title'], with straight quotes".into();
            let part = if condition { "condition" } else { "template" };
            self.problem(
                text.at,
                "template",
                message!("the {part} cannot be read: {error}", part, error = error.to_string()),
                Some(hint),
            );
        });
        made.ok().filter(|_| self.problems.len() == told)
    }
}
