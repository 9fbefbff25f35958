//! `amoport export`: what an account holds, in a file, with a proof beside it that it is all there is.

use super::args::{Common, ExportArgs};
use super::exit::{Ended, Exit};
use super::progress::Progress;
use super::target::Target;
use super::{backwards, job, prepare, say};
use crate::account::{Account, CatalogRef, Miss, Wanted};
use crate::api::{Client, Failure};
use crate::entity::{CatalogKind, Entity, ID_KEY, IDS_MAX, INVOICES, Kind, Link, Owner, UPDATED_AT, parts};
use crate::export::{
    self, Ask, Columns, ExportError, Exported, FILTERS, Format, MANIFEST_SUFFIX, Manifest, Person, Place, Shape, Stamp,
};
use crate::mapping;
use crate::problem::{Problem, Stage, did_you_mean, quoted};
use crate::store::Store;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;

/// `--since`: where the last complete export began.
const LAST: &str = "last";
/// Read once more before that: clocks differ, and a change shows up in a list a while after it was made. [client]
const OVERLAP_S: i64 = 600;

pub fn run(args: &ExportArgs, common: &Common) -> Result<Exit, Ended> {
    let place = place(args, common)?;
    let filters = filters(args)?;
    let links = links(args)?;
    let mapping = backwards::mapping(args, place.format)?;
    let started = now();
    let target = Target::open(&args.target, common, args.rate)?;
    let wanted = mapping.as_ref().map_or_else(|| wanted(args, &links), mapping::wanted::wanted);
    let (account, gaps) = prepare::account_and_gaps(&target.client, &wanted, common)?;
    let account = Arc::new(account);
    let plan = mapping.as_ref().map(|written| backwards::plan(written, &account, &target.account, &args.to, common));
    let plan = plan.transpose()?;
    let mut ask = ask(args, filters, plan.as_ref().and_then(|plan| plan.catalog), &account)?;
    let (what, began_at) = (ask.what(args.kind.name()), prepare::now());
    if args.since.as_deref() == Some(LAST) {
        ask.since = last(&what, &target.account, common)?;
    }
    let mut shape = match (&mapping, plan) {
        (Some(written), Some(plan)) => backwards::shape(written, plan, place.format, &target.account, common),
        _ => {
            let stamp = stamp(args, &ask, &account, &target.account, &started);
            columns(args, &ask, &links, &account)?.stamped(stamp).into()
        }
    };
    let remembered = target.account;
    let client = Arc::new(target.client);
    let mut progress = Progress::start(common, 0);
    // Who reads is asked while the list is read.
    let (person, ended) = prepare::runtime()?.block_on(async {
        tokio::join!(person(&client, &account), async {
            tokio::select! {
                ended = export::run(&client, &account, &ask, &mut shape, &place, |rows| progress.rows(rows)) => Ok(ended),
                exit = job::one_signal() => Err(exit),
            }
        })
    });
    progress.finish();
    let exported = match ended {
        Ok(exported) => exported?,
        Err(exit) => {
            let problem = Problem::new(Stage::Read, "interrupted", "stopped; no file was written");
            return Err(Ended { exit, problems: vec![problem] });
        }
    };
    let mut manifest = manifest(args, &account, &ask, &shape, person, started);
    manifest.gaps = gaps;
    manifest.tell(&ask, &exported);
    if let Some(file) = &place.file {
        manifest.write(&Manifest::beside(file))?;
    }
    let exit = tell(&manifest, &exported, &place, common);
    // What was asked for since a day of one's own says nothing of the days before.
    if exit == Exit::Done && args.since.as_deref().is_none_or(|since| since == LAST) {
        remember(&remembered, &what, began_at, common);
    }
    Ok(exit)
}

/// From when on to read; `None`, all of it, the first time.
fn last(what: &str, account: &str, common: &Common) -> Result<Option<i64>, Ended> {
    let last = Store::open(&common.state)?.last_export(account, what)?;
    match last {
        Some(at) => say::note(common, format!("what has changed since {}", moment(at - OVERLAP_S))),
        None => say::note(common, "no complete export of this is remembered: all of it is read"),
    }
    Ok(last.map(|at| at - OVERLAP_S))
}

/// An export that cannot be remembered is none the worse for it: the next one reads more than it needs.
fn remember(account: &str, what: &str, began_at: i64, common: &Common) {
    let done = Store::open(&common.state).map_err(|problem| problem.message.to_string());
    let done = done.and_then(|store| store.exported(account, what, began_at).map_err(|e| e.to_string()));
    if let Err(why) = done {
        say::note(common, format!("\"--since {LAST}\" will not know of this export: {why}"));
    }
}

/// Where it goes; a file that is there stays unless it is said otherwise.
fn place(args: &ExportArgs, common: &Common) -> Result<Place, Ended> {
    let Some(format) = Format::of(&args.to) else {
        let message = format!("{} names no format", quoted(&args.to.display().to_string()));
        return Err(Ended::usage("export-file", message, "end it in .xlsx, .csv or .jsonl; - is JSON lines on stdout"));
    };
    if format == Format::Jsonl && !args.columns.is_empty() {
        let message = "JSON lines hold what the service gives, unchanged; they have no columns";
        return Err(Ended::usage("export-columns", message, "leave out --columns, or write a .csv or .xlsx"));
    }
    if format == Format::Jsonl && !args.linked.is_empty() {
        let message = "JSON lines hold what the service gives, unchanged; what is linked has only its id there";
        let hint = "leave out --linked, and export what is linked by itself; or write a .csv or .xlsx";
        return Err(Ended::usage("export-linked", message, hint));
    }
    if args.to == Path::new("-") {
        if common.json {
            let message = "the rows and --json would both go to stdout";
            return Err(Ended::usage("export-file", message, "leave out --json, or write to a file"));
        }
        return Ok(Place { format, file: None, force: true });
    }
    let folder = args.to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let message = format!("there is no folder {}", quoted(&folder.display().to_string()));
        return Err(Ended::usage("export-file", message, "make it, or name another file with --to"));
    }
    if args.to.exists() && !args.force {
        return Err(there(&args.to));
    }
    Ok(Place { format, file: Some(args.to.clone()), force: args.force })
}

fn there(file: &Path) -> Ended {
    let message = format!("{} is there already", quoted(&file.display().to_string()));
    Ended::usage("export-file", message, "name another file, or add --force to replace it")
}

fn filters(args: &ExportArgs) -> Result<Vec<(String, Vec<u64>)>, Ended> {
    let entity = args.kind.spec().entity;
    let mut filters: Vec<(String, Vec<u64>)> = Vec::new();
    let ids = args.id.iter().map(|id| Ok((ID_KEY.to_owned(), *id)));
    for filter in ids.chain(args.filter.iter().map(|text| filter(text, entity))) {
        let (key, value) = filter?;
        match filters.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value),
            None => filters.push((key, vec![value])),
        }
    }
    if filters.iter().any(|(_, values)| values.len() > IDS_MAX) {
        let message = format!("these are more than {IDS_MAX} values, which an address does not hold");
        return Err(Ended::usage("export-filter", message, "ask for some of them at a time, or for all and no filter"));
    }
    if args.since.is_some() && !entity.has_key(UPDATED_AT) {
        let message =
            format!("the service does not say when a record of the kind \"{}\" was changed", args.kind.name());
        return Err(Ended::usage("export-filter", message, "leave out --since"));
    }
    Ok(filters)
}

fn filter(text: &str, entity: Entity) -> Result<(String, u64), Ended> {
    let bad = |message: String, hint: &str| Err(Ended::usage("export-filter", message, hint));
    let Some((key, value)) = text.split_once('=').map(|(key, value)| (key.trim(), value.trim())) else {
        return bad(format!("{} is no filter", quoted(text)), "filters are written responsible_user_id=504141");
    };
    let fits = |known: &&str| entity.has_key(known);
    if !FILTERS.iter().filter(|known| fits(known)).any(|known| *known == key) {
        let known: Vec<&str> = FILTERS.into_iter().filter(fits).collect();
        let hint = format!("the service ignores filters it does not know; these can be checked: {}", known.join(", "));
        return bad(format!("{} cannot be filtered by {}", entity.collection(), quoted(key)), &hint);
    }
    match value.parse() {
        Ok(value) => Ok((key.to_owned(), value)),
        Err(_) => bad(format!("{} is no id", quoted(value)), "filters are by ids, as account show --json has them"),
    }
}

/// What the rows are to show of others.
fn links(args: &ExportArgs) -> Result<Vec<Link>, Ended> {
    let known = args.kind.spec().entity.links();
    let names: Vec<&str> = known.iter().map(|link| link.name()).collect();
    let mut links = Vec::new();
    for name in args.linked.iter().map(|name| name.trim()) {
        let Some(link) = known.iter().find(|link| link.name() == name) else {
            let message = format!("no linked {} can be shown for {}", quoted(name), args.kind.name());
            let hint = match names.as_slice() {
                [] => "leave out --linked".to_owned(),
                names => format!("it can show {}", names.join(", ")),
            };
            return Err(Ended::usage("export-linked", message, &hint));
        };
        if !links.contains(link) {
            links.push(*link);
        }
    }
    Ok(links)
}

/// What has to be known to give names instead of ids.
fn wanted(args: &ExportArgs, links: &[Link]) -> Wanted {
    let spec = args.kind.spec();
    let entity = spec.entity;
    let catalog = spec.catalog.map(|kind| match (&args.catalog, kind) {
        (Some(name), _) => CatalogRef::Named(name.clone()),
        (None, CatalogKind::Invoices) => CatalogRef::Typed(INVOICES),
        (None, CatalogKind::Any) => CatalogRef::Named(String::new()),
    });
    let is_linked = |entity: Entity| links.iter().any(|link| *link != Link::Customer && link.entity() == entity);
    Wanted {
        fields: Owner::ENTITIES.into_iter().filter(|owner| *owner == entity || is_linked(*owner)).collect(),
        lists: spec.catalog.is_some(),
        catalogs: catalog.into_iter().collect(),
        segments: entity == Entity::Customers,
        statuses: entity == Entity::Customers,
        ..Wanted::default()
    }
}

/// `mapped` is the list whose elements a mapping makes.
fn ask(
    args: &ExportArgs,
    filters: Vec<(String, Vec<u64>)>,
    mapped: Option<u64>,
    account: &Account,
) -> Result<Ask, Ended> {
    let spec = args.kind.spec();
    let mode = &account.basics.customers_mode;
    if !spec.needs.met_by(mode) {
        let message = format!("there is no {} in this account: its customers are \"{mode}\"", spec.name);
        return Err(Ended::usage(
            "customers-mode",
            message,
            "amoport account customers-mode changes that, for everybody",
        ));
    }
    let catalog = match spec.catalog {
        Some(_) if mapped.is_some() => mapped,
        Some(kind) => Some(catalog(args, kind, account)?),
        None if args.catalog.is_some() => {
            let message = format!("records of the kind \"{}\" stand in no list", spec.name);
            return Err(Ended::usage("export-catalog", message, "leave out --catalog"));
        }
        None => None,
    };
    let since = args.since.as_deref().filter(|text| *text != LAST).map(|text| since(text, account)).transpose()?;
    let (text, with) = (args.query.clone(), args.with.clone());
    Ok(Ask { entity: spec.entity, catalog, filters, since, text, with, twice: args.twice })
}

fn catalog(args: &ExportArgs, kind: CatalogKind, account: &Account) -> Result<u64, Ended> {
    let lists =
        || account.catalogs.iter().map(|catalog| format!("\"{}\"", catalog.name)).collect::<Vec<_>>().join(", ");
    match (&args.catalog, kind) {
        (Some(name), _) => account.catalog(name).map(|catalog| catalog.id).map_err(|miss| {
            let hint = match miss {
                Miss::Unknown { near } => did_you_mean(name, near.iter().map(String::as_str))
                    .map(|hint| hint.to_string())
                    .unwrap_or_else(|| format!("there are {}", lists())),
                Miss::Ambiguous { choices } => format!("name it by its id: {}", choices.join(", ")),
                Miss::Unusable { why } => why.to_string(),
            };
            Ended::usage("export-catalog", format!("there is no one list called {}", quoted(name)), &hint)
        }),
        (None, CatalogKind::Invoices) => {
            let found = account.catalog_of(&CatalogRef::Typed(INVOICES)).map(|catalog| catalog.id);
            let none =
                || Ended::usage("export-catalog", "this account has no list of invoices", "name one with --catalog");
            found.ok_or_else(none)
        }
        (None, CatalogKind::Any) => {
            let hint = format!("add --catalog; there are {}", lists());
            Err(Ended::usage("export-catalog", "it is not said which list", &hint))
        }
    }
}

/// A day begins at the account's midnight.
fn since(text: &str, account: &Account) -> Result<i64, Ended> {
    let bad = || {
        let hint = "write 2026-11-20 or 2026-11-20T10:00, in the account's zone, or 2026-11-20T10:00+03:00, or last";
        Ended::usage("export-since", format!("{} is no date", quoted(text)), hint)
    };
    if let Ok(at) = text.trim().parse::<jiff::Timestamp>() {
        return Ok(at.as_second());
    }
    let at: jiff::civil::DateTime = text.trim().parse().map_err(|_| bad())?;
    let at = at.in_tz(account.timezone().unwrap_or("UTC")).map_err(|_| bad())?;
    Ok(at.timestamp().as_second())
}

fn columns(args: &ExportArgs, ask: &Ask, links: &[Link], account: &Account) -> Result<Columns, Ended> {
    let all = Columns::of(ask.entity, ask.catalog, account).with_links(links, account);
    if args.columns.is_empty() {
        return Ok(all);
    }
    let titles: Vec<&str> = args.columns.iter().map(|title| title.trim()).collect();
    all.only(&titles).map_err(|title| {
        let hint = did_you_mean(title, all.titles())
            .map(|hint| hint.to_string())
            .unwrap_or_else(|| format!("there are {}", all.titles().collect::<Vec<_>>().join(", ")));
        Ended::usage("export-columns", format!("there is no column {}", quoted(title)), &hint)
    })
}

/// What a workbook says of itself, so that it can be imported again.
fn stamp(args: &ExportArgs, ask: &Ask, account: &Account, name: &str, at: &str) -> Stamp {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let seed = format!("{name} {} {nanos} {}", args.kind.name(), std::process::id());
    let catalog = ask.catalog.and_then(|id| account.catalogs.iter().find(|catalog| catalog.id == id));
    Stamp {
        kind: args.kind,
        export: Sha256::digest(seed).iter().take(8).map(|byte| format!("{byte:02x}")).collect(),
        account: name.to_owned(),
        catalog: ask.catalog,
        catalog_name: catalog.map(|catalog| catalog.name.clone()),
        timezone: account.timezone().map(str::to_owned),
        at: at.to_owned(),
    }
}

/// Only admins may ask for users, others hear 403. [doc]
async fn person(client: &Client, account: &Account) -> Person {
    let id = account.basics.current_user;
    let (name, is_admin) = match client.read(&format!("users/{id}"), &[]).await {
        Ok(reply) => {
            let user: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            let is_admin = user["rights"].get("is_admin").map(parts::flag);
            (user["name"].as_str().map(str::to_owned), is_admin)
        }
        Err(Failure::Forbidden(_)) => (None, Some(false)),
        Err(_) => (None, None),
    };
    Person { id, name, is_admin }
}

fn manifest(args: &ExportArgs, account: &Account, ask: &Ask, shape: &Shape, user: Person, started: String) -> Manifest {
    let has_columns = Format::of(&args.to) != Some(Format::Jsonl);
    Manifest {
        schema: 1,
        kind: args.kind.name().to_owned(),
        account: account.base.clone(),
        catalog: ask.catalog,
        user,
        timezone: account.timezone().map(str::to_owned),
        started,
        ended: now(),
        mapping: args.mapping.as_ref().map(|path| path.display().to_string()),
        not_exported: shape.not_exported(),
        linked: shape.links().iter().map(|link| link.name().to_owned()).collect(),
        columns: if has_columns { shape.titles() } else { Vec::new() },
        file: args.to.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        ..Manifest::default()
    }
}

fn tell(manifest: &Manifest, exported: &Exported, place: &Place, common: &Common) -> Exit {
    let exit = if manifest.complete { Exit::Done } else { Exit::Rejected };
    let to = place.file.as_ref().map(|file| format!(" in {}", file.display())).unwrap_or_default();
    say::note(common, format!("{} {} rows{to}", exported.rows, manifest.kind));
    if !manifest.missing_ids.is_empty() {
        let ids: Vec<String> = manifest.missing_ids.iter().map(u64::to_string).collect();
        say::note(common, format!("not there: {}", ids.join(", ")));
    }
    if exported.filtered > 0 {
        say::note(common, format!("{} rows more came that the filters exclude; they are left out", exported.filtered));
    }
    if !manifest.not_exported.is_empty() {
        say::note(common, format!("not exported: {}", manifest.not_exported.join("; ")));
    }
    if exported.linked_missing > 0 {
        let message = format!("{} linked records cannot be read, deleted or hidden from", exported.linked_missing);
        say::note(common, format!("{message} the token's user; their cells are empty"));
    }
    if manifest.user.is_admin == Some(false) {
        say::note(common, "the token's user is no administrator: the list holds what this user may see");
    }
    if let Some(reason) = &manifest.reason {
        say::line(&format!("not certainly complete: {reason}; run it again"));
    }
    if common.json {
        let mut told = serde_json::to_value(manifest).unwrap_or_default();
        told["exit_code"] = (exit as i64).into();
        told["manifest"] = place.file.as_ref().map(|file| format!("{}{MANIFEST_SUFFIX}", file.display())).into();
        say::data(&told.to_string());
    }
    exit
}

fn now() -> String {
    moment(prepare::now())
}

fn moment(unix_s: i64) -> String {
    jiff::Timestamp::from_second(unix_s).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl From<ExportError> for Ended {
    fn from(error: ExportError) -> Ended {
        let problem = Problem::new(Stage::Read, "export-file", error.to_string());
        match error {
            ExportError::Service(failure) => {
                let mut ended = Ended::from(failure);
                ended.problems.push(Problem::new(Stage::Read, "export-file", "no file was written"));
                ended
            }
            ExportError::There(file) => there(&file),
            ExportError::NoReader => Ended { exit: Exit::Rejected, problems: vec![problem] },
            ExportError::Write { .. } | ExportError::Workbook(_) => {
                let problem = problem.hint("is the disk full, or the folder read-only?");
                Ended { exit: Exit::Fault, problems: vec![problem] }
            }
        }
    }
}

/// The kinds that can be asked for, for `clap`.
pub fn kind(text: &str) -> Result<Kind, String> {
    Kind::exported().find(|kind| kind.name() == text).ok_or_else(|| {
        let names: Vec<&str> = Kind::exported().map(Kind::name).collect();
        format!("kinds are {}", names.join(", "))
    })
}
