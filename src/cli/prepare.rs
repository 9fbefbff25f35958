//! What every job with a mapping begins with: the mapping read, the source opened and told about, the account asked,
//! the plan compiled. The import, the dry run, the check and the resumed run go through here alike.

use super::args::{Common, SourceArgs};
use super::exit::{Ended, Exit};
use super::say;
use crate::account::{Account, SNAPSHOT_SCHEMA, Wanted};
use crate::api::{Client, pull};
use crate::entity::{Entity, Kind};
use crate::export::KeyOf;
use crate::mapping::{self, Ledger, Plan, Written, compile};
use crate::problem::{Problem, Stage};
use crate::report::REJECT_COLUMNS;
use crate::store::{SourceHead, Store, ledger_name};
use crate::table::{ReadOptions, Row, Table};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Opens the source for a mapping and says what was found or guessed.
pub fn source(file: &Path, written: &Written, args: &SourceArgs, common: &Common) -> Result<Table, Ended> {
    let said = &written.source.read;
    let options = ReadOptions {
        sheet: args.sheet.clone().or_else(|| said.sheet.clone()),
        header_row: args.header_row.or(said.header_row),
        encoding: args.encoding.clone().or_else(|| said.encoding.clone()),
        delimiter: args.delimiter.or(said.delimiter),
        titles: compile::titles(written),
    };
    let table = match rejects_of_a_run(file, &options) {
        Some(table) => table,
        None => Table::open(file, &options)?,
    };
    say::note(common, format!("{}: {}", file.display(), table.layout));
    Ok(table)
}

/// A reject file of an earlier run has its titles in the first row of its one sheet, wherever the mapping says they
/// are in the source.
fn rejects_of_a_run(file: &Path, options: &ReadOptions) -> Option<Table> {
    let elsewhere = options.sheet.is_some() || options.header_row.is_some_and(|row| row > 1);
    let ending = file.extension()?.to_str()?.to_lowercase();
    if !elsewhere || !matches!(ending.as_str(), "csv" | "xlsx") {
        return None;
    }
    let first = ReadOptions { header_row: Some(1), sheet: None, ..options.clone() };
    let table = Table::open(file, &first).ok()?;
    let ours = REJECT_COLUMNS.iter().all(|column| table.header.titles().any(|title| title == *column));
    ours.then_some(table)
}

/// The source of a run, opened again exactly as it was.
pub fn reopen(source: &SourceHead) -> Result<Table, Ended> {
    let options = ReadOptions {
        sheet: source.sheet.clone(),
        header_row: Some(source.header_row),
        encoding: source.encoding.clone(),
        delimiter: source.delimiter,
        titles: Vec::new(),
    };
    Ok(Table::open(Path::new(&source.path), &options)?)
}

/// Asks the account what it is made of; what the token may not see is told and left out.
pub fn account(client: &Client, wanted: &Wanted, common: &Common) -> Result<Account, Ended> {
    Ok(account_and_gaps(client, wanted, common)?.0)
}

/// The same, with what could not be read.
pub fn account_and_gaps(client: &Client, wanted: &Wanted, common: &Common) -> Result<(Account, Vec<String>), Ended> {
    let (account, gaps) = runtime()?.block_on(pull::pull(client, wanted, now()))?;
    for (what, failure) in &gaps {
        say::note(common, format!("the account's {what} cannot be read, names of these are not known: {failure}"));
    }
    Ok((account, gaps.into_iter().map(|(what, _)| what).collect()))
}

/// A snapshot saved by `account pull`.
pub fn account_file(path: &Path) -> Result<Account, Ended> {
    let unreadable = |message: String| -> Ended {
        Problem::in_file(path, "account-file", message).hint("make it with: amoport account pull -o FILE").into()
    };
    let text = std::fs::read(path).map_err(|e| unreadable(format!("the snapshot cannot be read: {e}")))?;
    let account: Account =
        serde_json::from_slice(&text).map_err(|e| unreadable(format!("this is no snapshot of an account: {e}")))?;
    match account.schema {
        SNAPSHOT_SCHEMA => Ok(account),
        other => Err(unreadable(format!("the snapshot has format {other}, this amoport knows {SNAPSHOT_SCHEMA}"))),
    }
}

/// The same source, opened once more.
pub fn again(table: &Table) -> Result<Table, Ended> {
    let layout = &table.layout;
    let options = ReadOptions {
        sheet: layout.sheet.clone(),
        header_row: Some(layout.header_row),
        encoding: layout.encoding.map(str::to_owned),
        delimiter: layout.delimiter,
        titles: Vec::new(),
    };
    Ok(Table::open(Path::new(&table.source().file), &options)?)
}

/// Compiles the mapping. Where rows are grouped, the source is read through once to see which belong together.
pub fn plan(written: &Written, table: &Table, account: Account, ledger: Ledger) -> Result<Arc<Plan>, Ended> {
    let origins = compile::Origins { header: table.header.clone(), source: table.source(), ledger };
    let mut plan = compile::compile(written, origins, Arc::new(account))?;
    if let Some(groups) = &mut plan.groups {
        let mut again = again(table)?;
        let mut row = Row::default();
        while again.read(&mut row)? {
            groups.count(&row);
        }
    }
    Ok(Arc::new(plan))
}

/// Under which names the ledger keeps the keys of an entity: leads are made in two ways, and elements count in the list
/// they stand in.
fn ledgers(entity: Entity, catalog: Option<u64>) -> Vec<String> {
    let kinds = Kind::ALL.into_iter().filter(|kind| kind.spec().entity == entity);
    kinds.map(|kind| ledger_name(kind, catalog.filter(|_| kind.spec().catalog.is_some()))).collect()
}

/// Keys that imports from this state folder into this account have made.
fn ledger(common: &Common, account: &str) -> Ledger {
    let (store, account) = (LazyStore::new(common), account.to_owned());
    Ledger::new(move |entity, catalog, key| {
        store.with(|store| store.made_key(&account, &ledgers(entity, catalog), key).map_err(|e| e.to_string()))
    })
}

/// The key of an id, from the same ledgers; one that cannot be read knows none.
pub fn keys_of(common: &Common, account: &str) -> Box<KeyOf> {
    let (store, account) = (LazyStore::new(common), account.to_owned());
    Box::new(move |entity, catalog, id| {
        let key = |store: &Store| store.key_of(&account, &ledgers(entity, catalog), id).map_err(|e| e.to_string());
        store.with(key).ok().flatten()
    })
}

/// The same for an import, which makes no key again that another run has made; `run` is its own, where it goes on.
pub fn ledger_of(common: &Common, account: &str, run: Option<i64>, again: bool) -> Ledger {
    let (store, name) = (LazyStore::new(common), account.to_owned());
    ledger(common, account).holding_back(move |entity, key| {
        // Who cannot look counts it, and rejects a row rather than sending one too many.
        let made = || {
            store.with(|store| store.made_elsewhere(&name, &ledgers(entity, None), key, run).map_err(|e| e.to_string()))
        };
        !again && made().unwrap_or(false)
    })
}

/// The store, opened when it is first asked.
struct LazyStore {
    state: PathBuf,
    store: Mutex<Option<Store>>,
}

impl LazyStore {
    fn new(common: &Common) -> LazyStore {
        LazyStore { state: common.state.clone(), store: Mutex::new(None) }
    }

    fn with<T>(&self, ask: impl FnOnce(&Store) -> Result<T, String>) -> Result<T, String> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let open = match store.take() {
            Some(open) => open,
            None => Store::open(&self.state).map_err(|e| e.to_string())?,
        };
        ask(store.insert(open))
    }
}

/// Reads a mapping file.
pub fn mapping(path: &Path) -> Result<Written, Ended> {
    Ok(mapping::read(path)?)
}

/// SHA-256 of a mapping and of the files it names: the two together decide what a row becomes.
pub fn mapping_sha256(path: &Path, written: &Written) -> Result<String, Ended> {
    let mut sha = sha256(path)?;
    for file in &written.files {
        sha.push_str(&sha256(file)?);
    }
    let joined = Sha256::digest(sha.as_bytes());
    Ok(joined.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A run goes on with the very files it began with, which have these sums.
pub fn unchanged(file: &Path, now: &str, then: &str, what: &str) -> Result<(), Problem> {
    if now == then {
        return Ok(());
    }
    let message = format!("the {what} has changed since the run began");
    let hint = "put the old file back to go on with the run, or import the new one as a run of its own";
    Err(Problem::in_file(file, "changed", message).hint(hint))
}

/// SHA-256 of a file, in hex.
pub fn sha256(path: &Path) -> Result<String, Ended> {
    let unreadable = |e: std::io::Error| -> Ended {
        Problem::in_file(path, "unreadable", format!("the file cannot be read: {e}")).hint("check the path").into()
    };
    let mut file = std::fs::File::open(path).map_err(unreadable)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = file.read(&mut buffer).map_err(unreadable)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Threads for the connections, apart from the loop's: a request that had its turn must not wait for the loop to write
/// its journal, or it bunches with the next one. Mapping has a thread of its own.
const WORKERS: usize = 2;

pub fn runtime() -> Result<tokio::runtime::Runtime, Ended> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build().map_err(|e| Ended {
        exit: Exit::Fault,
        problems: vec![Problem::new(Stage::Send, "runtime", format!("the system gives no runtime: {e}"))],
    })
}

/// Unix seconds.
pub fn now() -> i64 {
    now_ms() / 1000
}

pub fn now_ms() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
