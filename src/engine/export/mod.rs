//! Writes what an account holds to a file, with a manifest that shows whether it is complete. `query` says which
//! records, `mapped` is the export with a mapping.

pub mod mapped;
mod query;

use crate::engine::interface::error::{EngineError, ErrorKind};
use crate::engine::interface::event::{Event, EventSink, Phase, Progress};
use crate::engine::interface::request::ExportRequest;
use crate::engine::prepare;
use crate::engine::target::runtime::run_cancellable;
use crate::engine::target::{OpenAccount, SANDBOX};
use crate::export::{
    self, CsvOptions, Destination, ExportError, ExportQuery, Format, InverseMapping, Manifest, Person, Stamp,
    TableColumns, TableLayout,
};
use crate::mapping;
use crate::store::{AccountKey, Counts};
use amo_client::account::{Account, CatalogRef, SnapshotScope};
use amo_client::private;
use amo_client::{Client, ListAhead, TokenUser};
use amo_model::{CatalogKind, Entity, INVOICES, LinkKind, Owner};
use query::{ExportHistory, LAST};
use sheet_source::delimiter_allowed;
use sheet_source::message;
use sheet_source::problem::{Note, Problem, Stage, did_you_mean, quoted};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

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
    let filters = query::parse_filters(request)?;
    let links = parse_links(request)?;
    let mapping = mapped::read_mapping(request, place.format)?;
    let (started, began_at) = (now(), prepare::now());
    let target = OpenAccount::open(&request.target, state, request.rate, events)?;
    let read_ahead = |query: ExportQuery| target.client.read_ahead(query.list(), target.runtime.handle());
    // Pages are requested beside the account's own data and lists, as far as it is known which.
    let ahead = query::early(request, &filters, None, |_| None).map(read_ahead);
    let basics = prepare::read_basics(&target, &request.cancel, events).map_err(|error| unwritten(error, &ahead))?;
    let (id, user) = (basics.id, basics.current_user);
    let person = target.runtime.spawn(token_person(Arc::clone(&target.client), user));
    // An unusable store is reported where it is needed.
    let account_key = prepare::account_key(state, &target, id).unwrap_or_else(|_| AccountKey::of_id(id));
    let last = |what: &str| ExportHistory { state, account: &account_key, what }.read().ok();
    let ahead = ahead.or_else(|| query::early(request, &filters, Some(&basics), last).map(read_ahead));
    let wanted = mapping.as_ref().map_or_else(|| wanted_parts(request, &links), mapping::wanted::wanted);
    let pulled = prepare::read_parts(&target, (basics, &wanted), &request.cancel, events);
    let pulled = pulled.map_err(|error| unwritten(error, &ahead))?;
    let account = Arc::new(pulled.account);
    let plan = mapping.as_ref().map(|written| mapped::compile_plan(written, &account, &account_key, request));
    let plan = plan.transpose()?;
    let mut ask = query::build_query(request, filters, plan.as_ref().and_then(|plan| plan.catalog), &account)?;
    let what = ask.scope(request.kind.name());
    let history = ExportHistory { state, account: &account_key, what: &what };
    if request.since.as_deref() == Some(LAST) {
        ask.since = history.last(events)?;
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
    let list = ahead.filter(|ahead| *ahead.query() == ask.list()).unwrap_or_else(|| read_ahead(ask.clone()));
    let read = async {
        let exported = export::write(list, &target.client, (&account, &ask), (&mut shape, &place), progress).await;
        (person.await.unwrap_or(Person { id: user, ..Person::default() }), exported)
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
        history.record(began_at, events);
    }
    Ok(ExportResult { manifest, file: place.file, manifest_file, notes: events.take_notes() })
}

/// The error of reading the account, which says what an error of the list says where that has failed as well.
fn unwritten(error: EngineError, ahead: &Option<ListAhead>) -> EngineError {
    if ahead.as_ref().is_some_and(ListAhead::has_failed) { without_file(error) } else { error }
}

fn without_file(mut error: EngineError) -> EngineError {
    error.problems.push(Problem::new(Stage::Read, "export-file", "no file was written"));
    error
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

async fn token_person(client: Arc<Client>, id: u64) -> Person {
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
            ExportError::Service(failure) => without_file(EngineError::from(failure)),
            ExportError::AlreadyExists(file) => already_exists(&file),
            ExportError::NoReader => EngineError::new(ErrorKind::NoReader, problem),
            ExportError::Write { .. } | ExportError::Workbook(_) => {
                let problem = problem.hint("is the disk full, or the folder read-only?");
                EngineError::new(ErrorKind::Fault, problem)
            }
        }
    }
}
