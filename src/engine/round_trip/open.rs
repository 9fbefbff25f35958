//! Opening an exported workbook: its hidden sheet, its account, and the scan of its rows, which runs meanwhile.

use super::returned;
use crate::engine::interface::error::EngineError;
use crate::engine::interface::event::{Event, EventSink};
use crate::engine::interface::request::ImportRequest;
use crate::engine::prepare;
use crate::engine::prepare::first_reads::{AccountRead, ReadsBeside};
use crate::engine::prepare::flawed;
use crate::engine::source;
use crate::engine::target::OpenAccount;
use crate::export::round_trip::{EditScan, EditedRecords, Generated, Purpose, ScanContext};
use crate::export::{self, HiddenSheet, HiddenSheetError};
use crate::mapping::{self, MappingAst, wanted::wanted};
use crate::store::{AccountKey, Store};
use amo_client::List;
use amo_client::account::{Account, SnapshotScope};
use amo_model::{Action, Kind};
use sheet_source::message;
use sheet_source::problem::{Message, Problem};
use sheet_source::{ColumnMatch, HiddenRows, Table};
use std::path::Path;
use std::sync::Arc;

/// A workbook and its account.
pub(super) struct OpenWorkbook {
    pub(super) hidden: Arc<HiddenSheet>,
    /// The sheet with the rows, to be opened again for each reading.
    pub(super) table: Table,
    pub(super) target: OpenAccount,
    pub(super) account: Account,
    pub(super) account_key: AccountKey,
    pub(super) same_account: bool,
    /// SHA-256 of the file as it was when its rows were decided.
    pub(super) sha256: String,
}

/// A workbook whose edited rows are being found and read.
pub(super) struct OpenedWorkbook {
    pub(super) workbook: OpenWorkbook,
    /// `None` where every row becomes a new record.
    pub(super) records: Option<EditedRecords>,
    /// For the first run of the workbook.
    pub(super) reads: Option<ReadsBeside>,
}

/// Opens the workbook and reads its account. The sheet and the records of its edited rows are read meanwhile.
pub(super) fn open_workbook(
    request: &ImportRequest,
    sends: bool,
    events: &mut EventSink<'_>,
) -> Result<OpenedWorkbook, EngineError> {
    request.target.announce(events);
    let (file, state) = (request.source.as_path(), &request.folders.state);
    if let Some(problem) = flawed::check_misplaced(file, None) {
        return Err(problem.into());
    }
    let sha256 = source::sha256(file)?;
    let hidden = Arc::new(HiddenSheet::read(file).map_err(|why| workbook_error(why, file))?);
    if !hidden.columns.iter().any(|column| column.is_id()) {
        let message = "this export has no ID column, so rows cannot be matched to records";
        let problem = Problem::in_file(file, "no-mapping", message);
        return Err(problem.hint("export again with the column ID, or name a mapping with --mapping").into());
    }
    let target = OpenAccount::open(&request.target, state, request.rate, events)?;
    // The lists are those of a workbook that comes home, until the account says otherwise.
    let expected = scope_of(request, &hidden, true)?;
    let mut read = AccountRead::begin(&target, &expected, events);
    let reads = sends.then(|| ReadsBeside::begin(&target, &mut read, None));
    let table = open_sheet(request, &hidden, events)?;
    let records = match purposes(hidden.stamp.kind, request.as_new) {
        [Purpose::AsNew, ..] => None,
        _ => {
            let sent = Arc::new(returned::sent_before(state, &hidden, file)?);
            let context = ScanContext { hidden: Arc::clone(&hidden), sent, rows: request.rows };
            let scan = EditScan::start(source::reopen_table(&table)?, context);
            let list = List::of(hidden.stamp.kind.spec().entity, hidden.stamp.catalog);
            Some(EditedRecords::begin(scan, &target.runtime, Arc::clone(&target.client), list))
        }
    };
    let read = read.finish(&target, &request.cancel, events)?;
    let basics = read.account.basics.clone();
    let account_key = prepare::account_key(state, &target, basics.id)?;
    let same_account = is_same_account(&hidden, &target, basics.id, state)?;
    if !same_account && !request.as_new {
        return Err(other_account(&hidden, &target, file));
    }
    let scope = scope_of(request, &hidden, same_account)?;
    let account = match scope == expected {
        true => read.account,
        false => prepare::read_parts(&target, (basics, &scope), &request.cancel, events)?.account,
    };
    let workbook = OpenWorkbook { hidden, table, target, account, account_key, same_account, sha256 };
    Ok(OpenedWorkbook { workbook, records, reads })
}

/// Opens the sheet with the exported rows.
fn open_sheet(request: &ImportRequest, hidden: &HiddenSheet, events: &mut EventSink<'_>) -> Result<Table, EngineError> {
    let file = request.source.as_path();
    let purpose = purposes(hidden.stamp.kind, request.as_new)[0];
    let written = parse_mapping(file, &export::round_trip::generate(hidden, purpose, None, None, true))?;
    let mut options = source::read_options(&written, &request.read);
    // Every row of the export has a record, visible or not: a row that a filter hides can be changed too.
    options.hidden_rows = Some(HiddenRows::Import);
    let table = source::open_table(file, &options)?;
    let layout = Box::new(table.layout.clone());
    events.emit(Event::Source { file: file.display().to_string(), layout });
    source::check_unambiguous(&table)?;
    let id = hidden.columns.iter().find(|column| column.is_id()).map_or("ID", |column| column.title.as_str());
    if !matches!(table.header.find(id), ColumnMatch::One(_)) {
        let message =
            message!("the sheet does not have exactly one column \"{id}\", so rows cannot be matched to records", id);
        let hint = "restore the column, or copy the edits into a new export";
        return Err(Problem::in_file(file, "no-id", message).hint(hint).into());
    }
    Ok(table)
}

fn other_account(hidden: &HiddenSheet, target: &OpenAccount, file: &Path) -> EngineError {
    let message = match &hidden.stamp.account {
        from if *from == target.address => {
            message!("this workbook was exported from {from}, which is another account now", from)
        }
        from => {
            message!(
                "this workbook was exported from {from}, and {other} is another account",
                from,
                other = &target.address
            )
        }
    };
    let hint = "import it into its own account; or add --as-new to make every row as a new record in this one, \
                its ID kept as the key";
    Problem::in_file(file, "other-account", message).hint(hint).into()
}

/// What the mappings of a workbook need of the account, and the names that its cells show.
fn scope_of(request: &ImportRequest, hidden: &HiddenSheet, same_account: bool) -> Result<SnapshotScope, EngineError> {
    let file = request.source.as_path();
    let mut all = SnapshotScope::default();
    for purpose in purposes(hidden.stamp.kind, request.as_new) {
        let written = parse_mapping(file, &export::round_trip::generate(hidden, *purpose, None, None, same_account))?;
        merge_wanted(&mut all, wanted(&written));
    }
    merge_wanted(&mut all, export::round_trip::names_wanted(hidden.stamp.kind.spec().entity));
    // Their cells hold ids, as JSON, so no element is looked up.
    all.chains.clear();
    Ok(all)
}

/// True if the workbook was exported from this account. A workbook of an earlier version names only an address, which may be a
/// former one of the account.
fn is_same_account(hidden: &HiddenSheet, target: &OpenAccount, id: u64, state: &Path) -> Result<bool, EngineError> {
    let stamp = &hidden.stamp;
    if stamp.account_id.is_some() || stamp.account == target.address {
        return Ok(stamp.account_id.unwrap_or(id) == id);
    }
    let known = Store::existing(state)?.map(|store| store.account_at(&stamp.account)).transpose()?;
    Ok(known.flatten() == Some(id))
}

fn merge_wanted(into: &mut SnapshotScope, more: SnapshotScope) {
    into.fields.extend(more.fields);
    into.fields.sort();
    into.fields.dedup();
    for catalog in more.catalogs {
        if !into.catalogs.contains(&catalog) {
            into.catalogs.push(catalog);
        }
    }
    for elements in more.elements {
        if !into.elements.contains(&elements) {
            into.elements.push(elements);
        }
    }
    into.chains.extend(more.chains);
    into.pipelines |= more.pipelines;
    into.users |= more.users;
    into.loss_reasons |= more.loss_reasons;
    into.catalog_list |= more.catalog_list;
    into.segments |= more.segments;
    into.statuses |= more.statuses;
    into.customers |= more.customers;
}

/// Transactions are created and deleted, never changed. [seed]
pub(super) fn purposes(kind: Kind, as_new: bool) -> &'static [Purpose] {
    match (as_new, kind.spec().write(Action::Update)) {
        (true, _) => &[Purpose::AsNew],
        (false, Some(_)) => &[Purpose::Update, Purpose::Create],
        (false, None) => &[Purpose::Create],
    }
}

fn workbook_error(why: HiddenSheetError, file: &Path) -> EngineError {
    let (message, hint): (Message, &str) = match why {
        HiddenSheetError::Unreadable(problem) => return problem.into(),
        HiddenSheetError::Plain => {
            let message = "no mapping given; only a workbook that amoport export wrote without a mapping can be imported without one";
            (message.into(), "name a mapping with --mapping")
        }
        HiddenSheetError::Newer => (
            "this workbook was exported by a newer amoport".into(),
            "use that version, or name a mapping with --mapping",
        ),
        HiddenSheetError::Split => (
            "this export fills several sheets, and only one of them would be read".into(),
            "export it with --filter, --since or --id in parts that fit one sheet",
        ),
        HiddenSheetError::Damaged(what) => (
            message!("{what} is not as amoport export writes it", what),
            "export again, or name a mapping with --mapping",
        ),
    };
    Problem::in_file(file, "no-mapping", message).hint(hint).into()
}

pub(super) fn parse_mapping(file: &Path, made: &Generated) -> Result<MappingAst, EngineError> {
    Ok(mapping::read_text(file, &made.text)?)
}
