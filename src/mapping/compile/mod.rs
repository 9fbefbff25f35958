//! Compiles a mapping into a `Plan`: column titles are looked up in the header of the source, names in the account, and
//! all rules of the API that do not depend on rows are checked. All problems are reported together. `target` compiles
//! one target, `conversion` selects its conversion, `existing` its treatment of existing values, `marker` the marker;
//! `rules` checks sections as a whole; `suspects` finds columns that tell records from totals; `wanted` lists the parts
//! of the account that a mapping needs.

mod conversion;
mod existing;
mod marker;
mod rules;
mod suspects;
mod origin;
mod section;
mod target;
pub mod wanted;

pub use conversion::{is_structured, writable};
pub use marker::no_marker;

use super::convert::date;
use super::convert::phone;
use super::language::ast::{MappingAst, Origin, Spanned, TargetRef, ValueSource};
use super::language::reader::{HINTS_MAX, sort_by_position};
use super::lookup::{Ledger, Resolver};
use super::plan::{Groups, Plan, Quota, SectionPlan};
use super::suspect::Suspects;
use super::template::{NamedColumns, Template, columns_named};
use amo_client::account::Account;
use amo_model::parts::Catalog;
use amo_model::{Action, CatalogKind, Entity, FieldContent, Owner};
use amo_model::{INVOICES, PRODUCTS, SUPPLIERS};
use sheet_source::message;
use sheet_source::problem::{Message, Note, Problem, Source, did_you_mean};
use sheet_source::{ColumnMatch, FileFormat, Header, HiddenRows, LINK, Row, Table, fold};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The source of the rows, and the ledger of earlier imports.
pub struct SourceContext {
    pub header: Header,
    pub source: Arc<Source>,
    pub csv: bool,
    /// Hidden rows are skipped.
    pub skips_hidden: bool,
    /// The first rows of the source.
    pub sample: Arc<[Row]>,
    pub ledger: Ledger,
}

impl SourceContext {
    /// A context for tables whose rows are not read.
    pub fn without_rows(header: Header, source: Arc<Source>, ledger: Ledger) -> SourceContext {
        SourceContext { header, source, csv: false, skips_hidden: false, sample: Arc::new([]), ledger }
    }

    pub fn of(table: &Table, ledger: Ledger) -> SourceContext {
        SourceContext {
            header: table.header.clone(),
            source: table.source(),
            csv: table.layout.format == FileFormat::Csv || table.is_csv_rejects(),
            skips_hidden: table.layout.hidden_rows == Some(HiddenRows::Skip),
            sample: table.sample(),
            ledger,
        }
    }
}

pub fn compile(ast: &MappingAst, source: SourceContext, account: Arc<Account>) -> Result<Plan, Vec<Problem>> {
    let resolver = Resolver::new(Arc::clone(&account), source.ledger);
    let mut compiler = Compiler {
        ast,
        header: &source.header,
        sample: &source.sample,
        account: &account,
        resolver: &resolver,
        notes: Vec::new(),
        problems: Vec::new(),
        rules: Arc::new(date::Rules::new(Vec::new(), jiff::tz::TimeZone::UTC, jiff::tz::TimeZone::UTC)),
        lookups: 0,
        field_names: HashMap::new(),
        pipeline_named: false,
        pipeline: PipelineScope::Main,
        catalog: None,
    };
    compiler.rules = compiler.date_rules();
    compiler.check_customers_mode();
    compiler.check_fills_something();
    compiler.catalog = compiler.catalog();
    let catalog = compiler.catalog;
    let sections: Vec<SectionPlan> = compiler.sections();
    let key: Vec<usize> = ast.key.iter().filter_map(|title| compiler.column(title)).collect();
    let columns: Vec<usize> = ast.group.iter().filter_map(|title| compiler.column(title)).collect();
    let marker = ast.marker.as_ref().and_then(|name| compiler.marker(name, &sections));
    let condition = ast.source.condition.as_ref().and_then(|text| compiler.template(text, true));
    for title in &ast.source.fill_down {
        compiler.column(title);
    }
    let total_field = compiler.total_field(&sections);
    let quota = compiler.quota();
    let (mut problems, lookups, notes) = (compiler.problems, compiler.lookups, compiler.notes);
    if !problems.is_empty() {
        sort_by_position(&mut problems);
        return Err(problems);
    }
    let suspects = match ast.action {
        Action::Create => {
            let suspects = suspects::suspects(&sections, &source.header, &source.sample);
            let suspects = match (&ast.source.condition, &condition) {
                (Some(text), Some(condition)) => {
                    suspects.with_condition(&text.value, condition.column_indexes().collect())
                }
                _ => suspects,
            };
            match columns.is_empty() {
                true => suspects.for_single_rows(columns_of(&source.header, &fill_down(ast))),
                false => suspects.for_groups(),
            }
        }
        Action::Update | Action::Delete => Suspects::disabled(),
    };
    let width = source.header.len();
    let columns_read = columns_found(ast, &source.header);
    let letters = columns_read.iter().copied().filter(|index| *index >= width).collect();
    let Some(write) = ast.kind.spec().write(ast.action) else {
        return Err(vec![ast.text.problem(0, "mapping-kind", "this kind does not support this action")]);
    };
    Ok(Plan {
        kind: ast.kind,
        action: ast.action,
        write,
        catalog,
        id_by_key: ast.action != Action::Create && !names_own_id(ast),
        sections,
        key,
        marker,
        condition,
        groups: (!columns.is_empty()).then(|| Groups { columns, ..Groups::default() }),
        quota,
        total_field,
        region: phone::region(&account.basics.country),
        currency: Some(account.basics.currency.clone()).filter(|code| !code.is_empty()),
        account,
        resolver,
        source: source.source,
        header: source.header,
        csv: source.csv,
        skips_hidden: source.skips_hidden,
        columns_read,
        lettered_columns: letters,
        suspects,
        decimal: ast.source.decimal,
        lookups,
        notes,
        edits: None,
    })
}

/// The columns that group rows into records. Empty if rows are not grouped, or if a column is missing, which `compile`
/// reports.
pub fn group_columns(ast: &MappingAst, header: &Header) -> Vec<usize> {
    let column = |title: &Spanned<String>| match header.find(&title.value) {
        ColumnMatch::One(index) => Some(index),
        ColumnMatch::Many(_) | ColumnMatch::None => None,
    };
    ast.group.iter().map(column).collect::<Option<_>>().unwrap_or_default()
}

/// How a mapping uses a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnUse {
    Key,
    Group,
    Condition,
    Value,
    Template,
}

/// All column titles in a mapping with their use, in the order of the file.
pub fn columns_read(ast: &MappingAst) -> Vec<(String, ColumnUse)> {
    let named = |titles: &[Spanned<String>], reads: ColumnUse| -> Vec<(usize, String, ColumnUse)> {
        titles.iter().map(|title| (title.offset, title.value.clone(), reads)).collect()
    };
    let in_template = |text: &Spanned<String>, reads: ColumnUse| -> Vec<(usize, String, ColumnUse)> {
        columns_named(&text.value).into_iter().map(|title| (text.offset, title, reads)).collect()
    };
    let mut all = named(&ast.key, ColumnUse::Key);
    all.extend(named(&ast.group, ColumnUse::Group));
    all.extend(ast.source.condition.iter().flat_map(|condition| in_template(condition, ColumnUse::Condition)));
    for origin in origins_of(ast) {
        match &origin.source {
            ValueSource::Column(title) => all.push((title.offset, title.value.clone(), ColumnUse::Value)),
            ValueSource::Template(text) => all.extend(in_template(text, ColumnUse::Template)),
            ValueSource::Constant(_) => {}
        }
    }
    all.sort_by_key(|(offset, _, _)| *offset);
    all.into_iter().map(|(_, title, reads)| (title, reads)).collect()
}

/// The column titles in a mapping, sorted; they help to detect the source's encoding, delimiter, sheet and header row.
pub fn titles(ast: &MappingAst) -> Vec<String> {
    let mut titles: Vec<String> = columns_read(ast).into_iter().map(|(title, _)| title).collect();
    titles.sort();
    titles.dedup();
    titles
}

/// The titles of columns with `fill-down`.
pub fn fill_down(ast: &MappingAst) -> Vec<String> {
    let mut titles: Vec<String> = ast.source.fill_down.iter().map(|title| title.value.clone()).collect();
    for origin in origins_of(ast).filter(|origin| origin.fill_down) {
        if let ValueSource::Column(title) = &origin.source {
            titles.push(title.value.clone());
        }
    }
    titles
}

/// The indexes of the columns that a mapping reads, without duplicates.
fn columns_found(ast: &MappingAst, header: &Header) -> Vec<usize> {
    let titles: Vec<String> = columns_read(ast).into_iter().map(|(title, _)| title).collect();
    columns_of(header, &titles)
}

/// The indexes of the columns with these titles, without duplicates.
fn columns_of(header: &Header, titles: &[String]) -> Vec<usize> {
    let found = titles.iter().filter_map(|title| match header.find(title) {
        ColumnMatch::One(index) => Some(index),
        ColumnMatch::Many(_) | ColumnMatch::None => None,
    });
    let mut columns: Vec<usize> = found.collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// The note about columns of the source that the mapping does not read.
pub fn unread(ast: &MappingAst, table: &Table) -> Option<Note> {
    const NAMED_MAX: usize = 20;
    let header = &table.header;
    let read: Vec<usize> = columns_found(ast, header).iter().map(|index| header.column(*index).index).collect();
    let sample = table.sample();
    let holds = |index: usize| sample.iter().any(|row| !row.get(index).is_empty());
    let names = header.unique_names();
    let unread: Vec<&str> = (0..header.source_len())
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

fn origins_of(ast: &MappingAst) -> impl Iterator<Item = &Origin> {
    let values = ast.sections.iter().flat_map(|section| &section.values);
    values.flat_map(|value| value.origins.iter().chain(value.parts.iter().flat_map(|part| &part.origins)))
}

/// The texts of a mapping that its source may contain: translations, defaults and constants.
pub fn texts(ast: &MappingAst) -> Vec<String> {
    let mut texts = Vec::new();
    for origin in origins_of(ast) {
        let translated = origin.values.iter().flat_map(|values| &values.value);
        texts.extend(translated.flat_map(|(from, to)| [from.clone(), to.value.text.clone()]));
        texts.extend(origin.default.iter().map(|default| default.value.text.clone()));
        if let ValueSource::Constant(constant) = &origin.source {
            texts.push(constant.value.text.clone());
        }
    }
    texts
}

/// True if the mapping fills the id of existing records.
pub(super) fn names_own_id(ast: &MappingAst) -> bool {
    let item = &ast.kind.spec().sections[0];
    let section = ast.sections.iter().find(|section| std::ptr::eq(section.spec, item));
    let is_id = |target: &TargetRef| matches!(target, TargetRef::Field(field) if field.holds == FieldContent::OwnId);
    section.is_some_and(|section| section.values.iter().any(|value| is_id(&value.target)))
}

pub(super) struct Compiler<'a> {
    pub(super) ast: &'a MappingAst,
    pub(super) header: &'a Header,
    /// The first rows of the source.
    pub(super) sample: &'a [Row],
    pub(super) account: &'a Account,
    pub(super) resolver: &'a Resolver,
    pub(super) problems: Vec<Problem>,
    pub(super) notes: Vec<Note>,
    pub(super) rules: Arc<date::Rules>,
    pub(super) lookups: usize,
    /// The names of custom fields, filled once there are many problems.
    pub(super) field_names: HashMap<Owner, HashSet<String>>,
    pub(super) pipeline_named: bool,
    /// The pipeline in which the stages of the current section are looked up.
    pub(super) pipeline: PipelineScope,
    /// The catalog whose elements the records are.
    pub(super) catalog: Option<u64>,
}

/// What is known about the pipeline of a record before a row is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum PipelineScope {
    /// The mapping names no pipeline: the main one.
    Main,
    One(u64),
    /// A cell of the row names the pipeline.
    FromRow,
}

impl Compiler<'_> {
    pub(super) fn problem(
        &mut self,
        offset: usize,
        code: &'static str,
        message: impl Into<Message>,
        hint: Option<Message>,
    ) {
        let mut problem = self.ast.text.problem(offset, code, message);
        problem.hint = hint;
        self.problems.push(problem);
    }

    /// Customers can be disabled, and their fields depend on the mode of the account. [seed]
    fn check_customers_mode(&mut self) {
        let (needs, mode) = (self.ast.kind.spec().needs, self.account.basics.customers_mode.as_str());
        if needs.met_by(mode) || self.ast.incomplete {
            return;
        }
        let kind = self.ast.kind.name();
        let (message, wanted) = super::compile::rules::mode_message(needs, mode, message!("a {kind}", kind));
        let hint = message!("an administrator can change it: amoport account customers-mode {mode}", mode = wanted);
        self.problem(0, "customers-mode", message, Some(hint));
    }

    /// A mapping without fields has nothing to send.
    fn check_fills_something(&mut self) {
        let own_id = |value: &super::language::ast::Value| matches!(&value.target, TargetRef::Field(f) if f.holds == FieldContent::OwnId);
        let item = &self.ast.kind.spec().sections[0];
        let fills = |section: &super::language::ast::Section| {
            section.values.iter().any(|value| !std::ptr::eq(section.spec, item) || !own_id(value))
        };
        if self.ast.action == Action::Delete || self.ast.has_problems || self.ast.sections.iter().any(fills) {
            return;
        }
        let hint = message!("add fields under [{section}], for example name = \"…\"", section = item.name);
        self.problem(0, "mapping-shape", "the mapping fills no field", Some(hint));
    }

    /// The catalog of the elements.
    fn catalog(&mut self) -> Option<u64> {
        let kind = self.ast.kind.spec().catalog?;
        let Some(name) = &self.ast.catalog else {
            let found = self.account.catalogs.iter().find(|catalog| catalog.kind == INVOICES);
            return match (kind, found) {
                (CatalogKind::Invoices, Some(catalog)) => Some(catalog.id),
                (CatalogKind::Invoices, None) => {
                    let hint = Some("create one with a mapping of kind \"catalog\" and type \"invoices\"".into());
                    self.problem(0, "no-catalog", "the account has no catalog of invoices", hint);
                    None
                }
                (CatalogKind::Any, _) => {
                    let hint =
                        Some(message!("add catalog = \"…\"; the catalogs are: {known}", known = self.catalog_names()));
                    self.problem(0, "no-catalog", "the mapping names no catalog for its elements", hint);
                    None
                }
            };
        };
        let found: Catalog = match self.account.catalog(&name.value) {
            Ok(found) => found.clone(),
            Err(miss) => {
                let (message, hint) = super::lookup::describe_miss(&miss, &name.value, "catalog");
                let hint = hint.or_else(|| Some(message!("the catalogs are: {known}", known = self.catalog_names())));
                self.problem(name.offset, "unknown-name", message, hint);
                return None;
            }
        };
        if kind == CatalogKind::Invoices && found.kind != INVOICES {
            let message = message!(
                "\"{catalog}\" is a catalog of type {kind}, not of invoices",
                catalog = &found.name,
                kind = &found.kind
            );
            self.problem(name.offset, "catalog-type", message, Some("use kind = \"element\" for it".into()));
        }
        if found.kind == SUPPLIERS {
            let message =
                message!("\"{catalog}\" is managed by the service and cannot be written", catalog = &found.name);
            let hint = "change its elements in the CRM, and name another catalog here".into();
            self.problem(name.offset, "catalog-type", message, Some(hint));
        }
        Some(found.id)
    }

    fn catalog_names(&self) -> Vec<&str> {
        self.account.catalogs.iter().map(|catalog| catalog.name.as_str()).collect()
    }

    /// The catalog of this type, if the account has one.
    pub(super) fn catalog_of_type(&self, kind: &str) -> Option<u64> {
        self.account.catalogs.iter().find(|catalog| catalog.kind == kind).map(|catalog| catalog.id)
    }

    /// The quota of the account, for kinds with a limit. [seed]
    fn quota(&self) -> Option<Quota> {
        let spec = self.ast.kind.spec();
        let max = spec.quota.filter(|_| self.ast.action == Action::Create)?;
        let (taken, what) = match spec.entity {
            // The catalog of suppliers belongs to the service. [inferred]
            Entity::Catalogs => (self.account.catalogs.iter().filter(|c| c.kind != SUPPLIERS).count(), "catalogs"),
            Entity::Segments => (self.account.segments.len(), "segments"),
            Entity::Statuses => (self.account.customer_statuses.len(), "customer statuses"),
            _ => return None,
        };
        let only_one = self.account.catalogs.iter().filter(|c| c.kind == INVOICES || c.kind == PRODUCTS);
        Some(Quota { max, taken, what, types: only_one.map(|c| c.kind.clone()).collect() })
    }

    fn date_rules(&mut self) -> Arc<date::Rules> {
        let source = &self.ast.source;
        let name = self.account.timezone().unwrap_or("UTC");
        let timezone = match &source.timezone {
            Some(named) => self.zone(named.offset, &named.value),
            None => self.zone(0, name),
        };
        // If the account's zone is unknown here, the mapping's one stands in.
        let account = jiff::tz::TimeZone::get(name).unwrap_or_else(|_| timezone.clone());
        let layouts = source.dates.iter().filter_map(|layout| self.date_format(layout)).collect();
        Arc::new(date::Rules::new(layouts, timezone, account))
    }

    fn zone(&mut self, offset: usize, name: &str) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::get(name).unwrap_or_else(|_| {
            let hint = "write a name of the tz database, such as \"Europe/Moscow\"".into();
            self.problem(offset, "timezone", message!("unknown time zone \"{value}\"", value = name), Some(hint));
            jiff::tz::TimeZone::UTC
        })
    }

    pub(super) fn date_format(&mut self, layout: &Spanned<String>) -> Option<date::DateFormat> {
        match date::DateFormat::compile(&layout.value) {
            Ok(layout) => Some(layout),
            Err(why) => {
                self.problem(layout.offset, why.code, why.message, why.hint);
                None
            }
        }
    }

    pub(super) fn column(&mut self, title: &Spanned<String>) -> Option<usize> {
        match self.header.find(&title.value) {
            ColumnMatch::One(index) => Some(index),
            ColumnMatch::Many(all) => {
                let titles: Vec<&str> = all.iter().map(|index| self.header.title(*index)).collect();
                let joined = titles.iter().any(|named| fold(named) != fold(&title.value));
                let hint = match joined {
                    true => message!("write the full title: {titles}", titles),
                    false => message!(
                        "write \"{column} [1]\" for the first, \"{column} [2]\" for the second",
                        column = &title.value
                    ),
                };
                self.problem(
                    title.offset,
                    "column-repeated",
                    message!("several columns are titled \"{column}\"", column = &title.value),
                    Some(hint),
                );
                None
            }
            ColumnMatch::None => {
                let message = message!("the source has no column \"{column}\"", column = &title.value);
                if self.problems.len() >= HINTS_MAX {
                    self.problem(title.offset, "no-column", message, None);
                    return None;
                }
                let names = self.header.unique_names();
                let link = Header::wants_link(&title.value);
                let offered = names.iter().map(|name| if link { format!("{name}{LINK}") } else { name.clone() });
                let offered: Vec<String> = offered.collect();
                let hint = did_you_mean(&title.value, offered.iter().map(String::as_str)).unwrap_or_else(|| {
                    let shown: Vec<&str> = names.iter().take(30).map(String::as_str).collect();
                    let more = if names.len() > 30 { ", …" } else { "" };
                    message!("the columns are: {columns}{more}", columns = shown, more)
                });
                self.problem(title.offset, "no-column", message, Some(hint));
                None
            }
        }
    }

    pub(super) fn template(&mut self, text: &Spanned<String>, condition: bool) -> Option<Template> {
        let problems_before = self.problems.len();
        let mut columns: NamedColumns = Vec::new();
        for title in columns_named(&text.value) {
            // A missing column is reported, and the rest is still checked.
            let index = self.column(&Spanned { offset: text.offset, value: title.clone() }).unwrap_or_default();
            columns.push((title, index));
        }
        let decimal = self.ast.source.decimal;
        let made = match condition {
            true => Template::condition(&text.value, columns, decimal),
            false => Template::text(&text.value, columns, decimal),
        };
        let made = made.map_err(|error| {
            let hint = "write columns as row['Title'], with straight quotes".into();
            let part = if condition { "condition" } else { "template" };
            self.problem(
                text.offset,
                "template",
                message!("invalid {part}: {error}", part, error = error.to_string()),
                Some(hint),
            );
        });
        made.ok().filter(|_| self.problems.len() == problems_before)
    }
}
