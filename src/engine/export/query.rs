//! The query of an export: the words of the request become parameters of a list. `early` is the part of it that is known
//! before the account's lists are, so that pages are requested at the same time.

use crate::engine::interface::error::EngineError;
use crate::engine::interface::event::EventSink;
use crate::engine::interface::request::ExportRequest;
use crate::export::{ExportQuery, FILTERS};
use crate::store::{AccountKey, Store};
use amo_client::account::{Account, CatalogRef, LookupError};
use amo_model::parts::Basics;
use amo_model::{CatalogKind, Entity, ID_KEY, IDS_MAX, INVOICES, Needs, UPDATED_AT};
use sheet_source::message;
use sheet_source::problem::{Message, Note, did_you_mean, quoted};
use std::path::Path;

/// The value of `since` that means the start of the last complete export.
pub const LAST: &str = "last";
/// Seconds before that start that are read again: clocks differ, and a change appears in a list with a delay. [client]
const OVERLAP_S: i64 = 600;

/// Keys to filter by, with their allowed values.
pub type Filters = Vec<(String, Vec<u64>)>;

/// When exports of the same records of an account were made, as the store keeps it.
pub struct ExportHistory<'a> {
    pub state: &'a Path,
    pub account: &'a AccountKey,
    /// Kind and filters, in one text.
    pub what: &'a str,
}

impl ExportHistory<'_> {
    /// The Unix second from which changes are read; `None` where no complete export is recorded.
    pub fn read(&self) -> Result<Option<i64>, EngineError> {
        let last = Store::open(self.state)?.last_export(self.account, self.what)?;
        Ok(last.map(|at| at - OVERLAP_S))
    }

    /// The same, with a note.
    pub fn last(&self, events: &mut EventSink<'_>) -> Result<Option<i64>, EngineError> {
        let last = self.read()?;
        let message = match last {
            Some(at) => message!("the export holds what has changed since {since}", since = super::format_time(at)),
            None => "no complete export of this is recorded: everything is read".into(),
        };
        events.note(Note::new("since-last", message));
        Ok(last)
    }

    /// Records a complete export that began at this Unix second. An export that cannot be recorded is still good: the next
    /// one reads more than it needs.
    pub fn record(&self, began_at: i64, events: &mut EventSink<'_>) {
        let done = Store::open(self.state).map_err(|problem| problem.message.to_string());
        let done =
            done.and_then(|store| store.note_export(self.account, self.what, began_at).map_err(|e| e.to_string()));
        if let Err(why) = done {
            let message = message!("this export is not recorded for \"--since last\": {why}", why);
            events.note(Note::new("export-not-remembered", message));
        }
    }
}

pub fn parse_filters(request: &ExportRequest) -> Result<Filters, EngineError> {
    let entity = request.kind.spec().entity;
    let mut filters = Filters::new();
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

/// Builds the query. `mapped` is the catalog of the mapping, if there is one.
pub fn build_query(
    request: &ExportRequest,
    filters: Filters,
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
    Ok(query(request, filters, catalog, since))
}

fn query(request: &ExportRequest, filters: Filters, catalog: Option<u64>, since: Option<i64>) -> ExportQuery {
    let (text, with) = (request.query.clone(), request.with.clone());
    ExportQuery { entity: request.kind.spec().entity, catalog, filters, since, text, with, twice: request.twice }
}

/// The query of an export, where it does not depend on the account's lists: the kind is in no catalog. Without the account's
/// own data (`basics`) it must not depend on its mode, its time zone and its earlier exports either. `build_query` decides
/// what is exported; this only says what to request meanwhile.
pub fn early(
    request: &ExportRequest,
    filters: &Filters,
    basics: Option<&Basics>,
    last: impl FnOnce(&str) -> Option<Option<i64>>,
) -> Option<ExportQuery> {
    let spec = request.kind.spec();
    let has_mode = basics.map_or(spec.needs == Needs::Nothing, |basics| spec.needs.met_by(&basics.customers_mode));
    if !has_mode || spec.catalog.is_some() || request.catalog.is_some() {
        return None;
    }
    let always = query(request, filters.clone(), None, None);
    let since = match request.since.as_deref() {
        None => None,
        Some(LAST) => last(&always.scope(spec.name))?,
        Some(text) => Some(instant(text).or_else(|| local_time(text, zone_of(basics?)))?),
    };
    Some(ExportQuery { since, ..always })
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
    instant(text).or_else(|| local_time(text, zone_of(&account.basics))).ok_or_else(invalid)
}

/// The second of a time that names its offset.
fn instant(text: &str) -> Option<i64> {
    text.trim().parse::<jiff::Timestamp>().ok().map(|at| at.as_second())
}

/// The second of a date or time of the account's zone.
fn local_time(text: &str, zone: &str) -> Option<i64> {
    let at: jiff::civil::DateTime = text.trim().parse().ok()?;
    Some(at.in_tz(zone).ok()?.timestamp().as_second())
}

fn zone_of(basics: &Basics) -> &str {
    basics.timezone.as_deref().unwrap_or("UTC")
}
