//! Writes what an account holds to a file, with a manifest that shows whether it is complete. `mapped` is the export with a
//! mapping.

pub mod mapped;

use crate::engine::interface::error::{EngineError, ErrorKind};
use crate::engine::interface::event::{Event, EventSink, Phase, Progress};
use crate::engine::interface::request::ExportRequest;
use crate::engine::prepare;
use crate::engine::target::runtime::run_cancellable;
use crate::engine::target::{OpenAccount, SANDBOX};
use crate::export::{
    self, CsvOptions, Destination, ExportError, ExportQuery, FILTERS, Format, InverseMapping, Manifest, Person, Stamp,
    TableColumns, TableLayout,
};
use crate::mapping;
use crate::store::{AccountKey, Counts, Store};
use amo_client::account::{Account, CatalogRef, LookupError, SnapshotScope};
use amo_client::private;
use amo_client::{Client, TokenUser};
use amo_model::{CatalogKind, Entity, ID_KEY, IDS_MAX, INVOICES, LinkKind, Owner, UPDATED_AT};
use sheet_source::delimiter_allowed;
use sheet_source::message;
use sheet_source::problem::{Message, Note, Problem, Stage, did_you_mean, quoted};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// The value of `since` that means the start of the last complete export.
const LAST: &str = "last";
/// Seconds before that start that are read again: clocks differ, and a change appears in a list with a delay. [client]
const OVERLAP_S: i64 = 600;

/// The result of an export.
#[derive(Debug)]
pub struct ExportResult {
    pub manifest: Manifest,
    /// `None` for standard output.
    pub file: Option<PathBuf>,
    /// The manifest beside the file.
    pub manifest_file: Option<PathBuf>,
    /// Notes of the export.
    pub notes: Vec<Note>,
}

/// Writes what an account holds to a file. On an error there is no file.
pub fn export(request: &ExportRequest, events: &mut dyn FnMut(Event)) -> Result<ExportResult, EngineError> {
    let events = &mut EventSink::new(events);
    let state = &request.folders.state;
    request.target.announce(events);
    let place = output_place(request)?;
    let filters = parse_filters(request)?;
    let links = parse_links(request)?;
    let mapping = mapped::read_mapping(request, place.format)?;
    let started = now();
    let target = OpenAccount::open(&request.target, state, request.rate, events)?;
    let wanted = mapping.as_ref().map_or_else(|| wanted_parts(request, &links), mapping::wanted::wanted);
    let pulled = prepare::read_account(&target, &wanted, &request.cancel, events)?;
    let account = Arc::new(pulled.account);
    let id = account.basics.id;
    // An unusable store is reported where it is needed.
    let account_key = prepare::account_key(state, &target, id).unwrap_or_else(|_| AccountKey::of_id(id));
    let plan = mapping.as_ref().map(|written| mapped::compile_plan(written, &account, &account_key, request));
    let plan = plan.transpose()?;
    let mut ask = build_query(request, filters, plan.as_ref().and_then(|plan| plan.catalog), &account)?;
    let (what, began_at) = (ask.scope(request.kind.name()), prepare::now());
    let export_history = ExportHistory { state, account: &account_key, what: &what };
    if request.since.as_deref() == Some(LAST) {
        ask.since = export_history.last(events)?;
    }
    let mut shape = match (&mapping, plan) {
        (Some(written), Some(plan)) => {
            let keys = prepare::key_lookup(state, &account_key);
            TableLayout::Mapping(Box::new(
                InverseMapping::of(written, plan, place.format, keys).with_csv_options(request.csv),
            ))
        }
        _ => {
            let stamp = build_stamp(request, &ask, &account, &target.address, &started);
            let columns = select_columns(request, &ask, &links, &account)?.stamped(stamp).with_csv_options(request.csv);
            if target.address == SANDBOX { columns.without_links().into() } else { columns.into() }
        }
    };
    if let Some(note) = mapping.as_ref().and_then(|written| mapped::delimiter_note(request, written)) {
        events.note(note);
    }
    events.emit(Event::Phase(Phase::Send));
    let began = Instant::now();
    let progress = |rows: u64| {
        let elapsed = began.elapsed();
        let rate = rows as f64 / elapsed.as_secs_f64().max(0.001);
        let counts = Counts::default();
        events.emit(Event::Progress(Progress { phase: Phase::Send, done: rows, total: None, rate, elapsed, counts }));
    };
    // The token's user is read while the list is read.
    let read = async {
        tokio::join!(
            token_person(&target.client, &account),
            export::run(&target.client, &account, &ask, &mut shape, &place, progress)
        )
    };
    let (person, exported) = run_cancellable(&target.runtime, &request.cancel, "stopped; no file was written", read)?;
    target.forward_notices(events);
    let exported = exported?;
    let manifest = build_manifest(request, &account, &ask, &shape);
    let mut manifest = Manifest { user: person, started, ..manifest };
    manifest.gaps = pulled.gaps;
    manifest.add(&ask, &exported);
    let manifest_file = place.file.as_deref().map(Manifest::beside);
    if let Some(file) = &manifest_file {
        manifest.write(file)?;
    }
    // An export since a given day does not cover the days before. Shortened texts do not count as missing records.
    if exported.doubt().is_none() && request.since.as_deref().is_none_or(|since| since == LAST) {
        export_history.record(began_at, events);
    }
    Ok(ExportResult { manifest, file: place.file, manifest_file, notes: events.take_notes() })
}

/// When exports of the same records of an account were made, as the store keeps it.
struct ExportHistory<'a> {
    state: &'a Path,
    account: &'a AccountKey,
    /// Kind and filters, in one text.
    what: &'a str,
}

impl ExportHistory<'_> {
    /// The Unix second from which changes are read; `None` where no complete export is recorded.
    fn last(&self, events: &mut EventSink<'_>) -> Result<Option<i64>, EngineError> {
        let last = Store::open(self.state)?.last_export(self.account, self.what)?;
        let message = match last {
            Some(at) => {
                message!("the export holds what has changed since {since}", since = format_time(at - OVERLAP_S))
            }
            None => "no complete export of this is recorded: everything is read".into(),
        };
        events.note(Note::new("since-last", message));
        Ok(last.map(|at| at - OVERLAP_S))
    }

    /// Records a complete export that began at this Unix second. An export that cannot be recorded is still good: the next
    /// one reads more than it needs.
    fn record(&self, began_at: i64, events: &mut EventSink<'_>) {
        let done = Store::open(self.state).map_err(|problem| problem.message.to_string());
        let done =
            done.and_then(|store| store.note_export(self.account, self.what, began_at).map_err(|e| e.to_string()));
        if let Err(why) = done {
            let message = message!("this export is not recorded for \"--since last\": {why}", why);
            events.note(Note::new("export-not-remembered", message));
        }
    }
}

/// The output file; an existing file stays unless `force` is set.
fn output_place(request: &ExportRequest) -> Result<Destination, EngineError> {
    let Some(format) = Format::of(&request.to) else {
        let message = message!("{value} has no known file format", value = quoted(&request.to.display().to_string()));
        return Err(EngineError::refused(
            "export-file",
            message,
            "use a name that ends in .xlsx, .csv or .jsonl; - is JSON lines on stdout",
        ));
    };
    if format == Format::Jsonl && !request.columns.is_empty() {
        let message = "JSON lines hold the service's records unchanged; they have no columns";
        return Err(EngineError::refused("export-columns", message, "leave out --columns, or write a .csv or .xlsx"));
    }
    if format == Format::Jsonl && !request.linked.is_empty() {
        let message = "JSON lines hold the service's records unchanged; linked records have only their ids there";
        let hint = "leave out --linked, and export the linked records separately; or write a .csv or .xlsx";
        return Err(EngineError::refused("export-linked", message, hint));
    }
    check_csv_options(request, format)?;
    if request.to == Path::new("-") {
        return Ok(Destination { format, file: None, force: true });
    }
    let folder = request.to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let message = message!("the folder {value} does not exist", value = quoted(&folder.display().to_string()));
        return Err(EngineError::refused("export-file", message, "create it, or name another file with --to"));
    }
    if private::is_there(&request.to) && !request.force {
        return Err(already_exists(&request.to));
    }
    Ok(Destination { format, file: Some(request.to.clone()), force: request.force })
}

/// Options of a CSV apply only to a CSV, and have to leave it readable.
fn check_csv_options(request: &ExportRequest, format: Format) -> Result<(), EngineError> {
    let CsvOptions { delimiter, decimal, bom } = request.csv;
    let options = [("--delimiter", delimiter.is_some()), ("--decimal", decimal.is_some()), ("--bom", bom.is_some())];
    if let Some((name, _)) = options.iter().find(|(_, given)| *given && format != Format::Csv) {
        let message = message!("{name} applies only to a .csv", name = *name);
        return Err(EngineError::refused("export-csv", message, "leave it out, or name a .csv with --to"));
    }
    let unfit = |c: char| !delimiter_allowed(c) || c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    if let Some(unfit) = delimiter.filter(|c| unfit(*c)) {
        let value = quoted(&unfit.to_string());
        let message = message!("{value} cannot be the delimiter of a CSV", value);
        return Err(EngineError::refused("export-csv", message, "name one such as ; or , or tab or |"));
    }
    Ok(())
}

fn already_exists(file: &Path) -> EngineError {
    let message = message!("{value} already exists", value = quoted(&file.display().to_string()));
    EngineError::refused("export-file", message, "name another file, or add --force to replace it")
}

fn parse_filters(request: &ExportRequest) -> Result<Vec<(String, Vec<u64>)>, EngineError> {
    let entity = request.kind.spec().entity;
    let mut filters: Vec<(String, Vec<u64>)> = Vec::new();
    let ids = request.ids.iter().map(|id| Ok((ID_KEY.to_owned(), *id)));
    for filter in ids.chain(request.filters.iter().map(|text| parse_filter(text, entity))) {
        let (key, value) = filter?;
        match filters.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value),
            None => filters.push((key, vec![value])),
        }
    }
    if filters.iter().any(|(_, values)| values.len() > IDS_MAX) {
        let message = message!("there are more than {max} values, which do not fit into a request", max = IDS_MAX);
        return Err(EngineError::refused(
            "export-filter",
            message,
            "export them in parts, or everything without a filter",
        ));
    }
    if request.since.is_some() && !entity.has_key(UPDATED_AT) {
        let message = message!(
            "the service does not say when a record of the kind \"{kind}\" was changed",
            kind = request.kind.name()
        );
        return Err(EngineError::refused("export-filter", message, "leave out --since"));
    }
    Ok(filters)
}

fn parse_filter(text: &str, entity: Entity) -> Result<(String, u64), EngineError> {
    let invalid = |message: Message, hint: Message| Err(EngineError::refused("export-filter", message, hint));
    let Some((key, value)) = text.split_once('=').map(|(key, value)| (key.trim(), value.trim())) else {
        return invalid(
            message!("{value} is not a valid filter", value = quoted(text)),
            "filters are written responsible_user_id=504141".into(),
        );
    };
    let fits = |known: &&str| entity.has_key(known);
    if !FILTERS.iter().filter(|known| fits(known)).any(|known| *known == key) {
        let known: Vec<&str> = FILTERS.into_iter().filter(fits).collect();
        let hint = message!("the service ignores unknown filters; known are: {known}", known = known.join(", "));
        let (collection, value) = (entity.collection(), quoted(key));
        return invalid(message!("{collection} cannot be filtered by {value}", collection, value), hint);
    }
    match value.parse() {
        Ok(value) => Ok((key.to_owned(), value)),
        Err(_) => invalid(
            message!("{value} is not a valid id", value = quoted(value)),
            "filters take ids, as account show --json prints them".into(),
        ),
    }
}

/// The links whose columns are shown.
fn parse_links(request: &ExportRequest) -> Result<Vec<LinkKind>, EngineError> {
    let known = request.kind.spec().entity.links();
    let names: Vec<&str> = known.iter().map(|link| link.name()).collect();
    let mut links = Vec::new();
    for name in request.linked.iter().map(|name| name.trim()) {
        let Some(link) = known.iter().find(|link| link.name() == name) else {
            let (value, kind) = (quoted(name), request.kind.name());
            let message = message!("{kind} has no linked {value}", value, kind);
            let hint = match names.as_slice() {
                [] => "leave out --linked".into(),
                names => message!("it has {names}", names = names.join(", ")),
            };
            return Err(EngineError::refused("export-linked", message, hint));
        };
        if !links.contains(link) {
            links.push(*link);
        }
    }
    Ok(links)
}

/// The parts of the account that turn ids into names.
fn wanted_parts(request: &ExportRequest, links: &[LinkKind]) -> SnapshotScope {
    let spec = request.kind.spec();
    let entity = spec.entity;
    let catalog = spec.catalog.map(|kind| match (&request.catalog, kind) {
        (Some(name), _) => CatalogRef::Named(name.clone()),
        (None, CatalogKind::Invoices) => CatalogRef::Typed(INVOICES),
        (None, CatalogKind::Any) => CatalogRef::Named(String::new()),
    });
    let is_linked = |entity: Entity| links.iter().any(|link| *link != LinkKind::Customer && link.entity() == entity);
    SnapshotScope {
        pipelines: true,
        users: true,
        loss_reasons: true,
        fields: Owner::ENTITIES.into_iter().filter(|owner| *owner == entity || is_linked(*owner)).collect(),
        catalog_list: spec.catalog.is_some(),
        catalogs: catalog.into_iter().collect(),
        segments: entity == Entity::Customers,
        statuses: entity == Entity::Customers,
        ..SnapshotScope::default()
    }
}

/// Builds the query. `mapped` is the catalog of the mapping, if there is one.
fn build_query(
    request: &ExportRequest,
    filters: Vec<(String, Vec<u64>)>,
    mapped: Option<u64>,
    account: &Account,
) -> Result<ExportQuery, EngineError> {
    let spec = request.kind.spec();
    let mode = &account.basics.customers_mode;
    if !spec.needs.met_by(mode) {
        let message =
            message!("there is no {kind} in this account: its customers are \"{mode}\"", kind = spec.name, mode);
        return Err(EngineError::refused(
            "customers-mode",
            message,
            "amoport account customers-mode changes that, for everyone in the account",
        ));
    }
    let catalog = match spec.catalog {
        Some(_) if mapped.is_some() => mapped,
        Some(kind) => Some(find_catalog(request, kind, account)?),
        None if request.catalog.is_some() => {
            let message = message!("records of the kind \"{kind}\" are in no catalog", kind = spec.name);
            return Err(EngineError::refused("export-catalog", message, "leave out --catalog"));
        }
        None => None,
    };
    let since =
        request.since.as_deref().filter(|text| *text != LAST).map(|text| parse_since(text, account)).transpose()?;
    let (text, with) = (request.query.clone(), request.with.clone());
    Ok(ExportQuery { entity: spec.entity, catalog, filters, since, text, with, twice: request.twice })
}

fn find_catalog(request: &ExportRequest, kind: CatalogKind, account: &Account) -> Result<u64, EngineError> {
    match (&request.catalog, kind) {
        (Some(name), _) => account.catalog(name).map(|catalog| catalog.id).map_err(|miss| {
            let hint = match miss {
                LookupError::Unknown { near } => {
                    did_you_mean(name, near.iter().map(String::as_str)).unwrap_or_else(|| catalog_names(account))
                }
                LookupError::Ambiguous { choices } => {
                    message!("name it by its id: {names}", names = choices.join(", "))
                }
                LookupError::Unusable { why } => why,
            };
            let message = message!("no single catalog is named {value}", value = quoted(name));
            EngineError::refused("export-catalog", message, hint)
        }),
        (None, CatalogKind::Invoices) => {
            let found = account.catalog_of(&CatalogRef::Typed(INVOICES)).map(|catalog| catalog.id);
            let hint = || message!("name one with --catalog; {lists}", lists = catalog_names(account));
            let none = || EngineError::refused("export-catalog", "no catalog given for the invoices", hint());
            found.ok_or_else(none)
        }
        (None, CatalogKind::Any) => {
            let hint = message!("add --catalog; {lists}", lists = catalog_names(account));
            Err(EngineError::refused("export-catalog", "no catalog given", hint))
        }
    }
}

/// The catalogs of the account, for a hint.
fn catalog_names(account: &Account) -> Message {
    let names: Vec<String> = account.catalogs.iter().map(|catalog| quoted(&catalog.name).to_string()).collect();
    match names.as_slice() {
        [] => "the account has no catalogs yet".into(),
        names => message!("known are {names}", names = names.join(", ")),
    }
}

/// Unix seconds of a date or time; a day begins at midnight in the account's time zone.
fn parse_since(text: &str, account: &Account) -> Result<i64, EngineError> {
    let invalid = || {
        let hint = "write 2026-11-20 or 2026-11-20T10:00, in the account's zone, or 2026-11-20T10:00+03:00, or last";
        EngineError::refused("export-since", message!("{value} is not a valid date", value = quoted(text)), hint)
    };
    if let Ok(at) = text.trim().parse::<jiff::Timestamp>() {
        return Ok(at.as_second());
    }
    let at: jiff::civil::DateTime = text.trim().parse().map_err(|_| invalid())?;
    let at = at.in_tz(account.timezone().unwrap_or("UTC")).map_err(|_| invalid())?;
    Ok(at.timestamp().as_second())
}

fn select_columns(
    request: &ExportRequest,
    ask: &ExportQuery,
    links: &[LinkKind],
    account: &Account,
) -> Result<TableColumns, EngineError> {
    let all = TableColumns::of(ask.entity, ask.catalog, account).with_links(links, account);
    if request.columns.is_empty() {
        return Ok(all);
    }
    let titles: Vec<&str> = request.columns.iter().map(|title| title.trim()).collect();
    all.only(&titles).map_err(|title| {
        let hint = did_you_mean(title, all.titles())
            .unwrap_or_else(|| message!("known are {names}", names = all.titles().collect::<Vec<_>>().join(", ")));
        EngineError::refused("export-columns", message!("unknown column {value}", value = quoted(title)), hint)
    })
}

/// The hidden data of a workbook by which it can be imported again.
fn build_stamp(request: &ExportRequest, ask: &ExportQuery, account: &Account, name: &str, at: &str) -> Stamp {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let seed = format!("{name} {} {nanos} {}", request.kind.name(), std::process::id());
    let catalog = ask.catalog.and_then(|id| account.catalogs.iter().find(|catalog| catalog.id == id));
    Stamp {
        kind: request.kind,
        export: prepare::sha256_hex(&seed)[..16].to_owned(),
        account: name.to_owned(),
        account_id: Some(account.basics.id),
        catalog: ask.catalog,
        catalog_name: catalog.map(|catalog| catalog.name.clone()),
        timezone: account.timezone().map(str::to_owned),
        at: at.to_owned(),
    }
}

async fn token_person(client: &Client, account: &Account) -> Person {
    let id = account.basics.current_user;
    let TokenUser { name, is_admin } = client.token_user(id).await;
    Person { id, name, is_admin }
}

fn build_manifest(request: &ExportRequest, account: &Account, ask: &ExportQuery, shape: &TableLayout) -> Manifest {
    let has_columns = Format::of(&request.to) != Some(Format::Jsonl);
    Manifest {
        schema: 1,
        kind: request.kind.name().to_owned(),
        account: account.base.clone(),
        catalog: ask.catalog,
        timezone: account.timezone().map(str::to_owned),
        ended: now(),
        mapping: request.mapping.as_ref().map(|path| path.display().to_string()),
        not_exported: shape.not_exported(),
        linked: shape.links().iter().map(|link| link.name().to_owned()).collect(),
        columns: if has_columns { shape.titles() } else { Vec::new() },
        file: request.to.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        ..Manifest::default()
    }
}

fn now() -> String {
    format_time(prepare::now())
}

fn format_time(unix_s: i64) -> String {
    jiff::Timestamp::from_second(unix_s).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl From<ExportError> for EngineError {
    fn from(error: ExportError) -> EngineError {
        let text = message!("{error}", error = error.to_string());
        let problem = Problem::new(Stage::Read, "export-file", text);
        match error {
            ExportError::Service(failure) => {
                let mut ended = EngineError::from(failure);
                ended.problems.push(Problem::new(Stage::Read, "export-file", "no file was written"));
                ended
            }
            ExportError::AlreadyExists(file) => already_exists(&file),
            ExportError::NoReader => EngineError::new(ErrorKind::NoReader, problem),
            ExportError::Write { .. } | ExportError::Workbook(_) => {
                let problem = problem.hint("is the disk full, or the folder read-only?");
                EngineError::new(ErrorKind::Fault, problem)
            }
        }
    }
}
