//! Compares the rows of a source with what earlier runs have sent of it, run by run.

use crate::engine::begin::sent_before::changed;
use crate::engine::begin::sent_before::earlier::SourceIdentity;
use crate::engine::begin::sent_before::equal::{ByHash, EarlierRow, HeldRows};
use crate::engine::begin::sent_before::hash_table;
use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::error::EngineError;
use crate::engine::source;
use crate::store::{Run, Store};
use crate::upload::SentRows;
use sheet_source::message;
use sheet_source::problem::{Note, Problem};
use sheet_source::{RowHasher, RowHashes, Table};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// The result of comparing a source with earlier runs.
#[derive(Debug, Default)]
pub struct SourceComparison {
    pub sent: SentRows,
    /// Earlier runs sent rows from this path, and none of these is still in it.
    pub new_delivery: bool,
    pub notes: Vec<Note>,
    /// Records that were deleted from the account, and whose rows are created again.
    pub remade: Vec<u64>,
}

/// The source as it is now.
pub struct CurrentSource<'a> {
    pub identity: &'a SourceIdentity<'a>,
    pub rows: &'a RowHashes,
    pub titles: &'a [String],
    /// Keys identify its rows where their order does not.
    pub keyed: bool,
    /// The table, to be read once more where only some of its columns can be compared; `None` where it cannot be read.
    pub table: Option<(&'a Table, &'a Cancel)>,
}

/// Compares the source with what `runs`, newest first, have sent of it. Rows whose records are `deleted` count as not sent.
pub fn compare(
    store: &Store,
    runs: &[Run],
    deleted: &HashSet<u64>,
    source: &CurrentSource<'_>,
) -> Result<SourceComparison, EngineError> {
    let CurrentSource { identity: origin, rows: now, titles, keyed, table } = *source;
    let mut comparing = Comparer { store, runs, deleted, origin, now, titles, table, narrowed: Vec::new() };
    let states = comparing.earlier_runs()?;
    let mut held = HeldRows::none(now.len());
    comparing.hold_equal(&states, &mut held)?;
    let mut compared = SourceComparison::default();
    let sent: u64 = states.iter().filter(|state| state.comparable).map(|state| state.sent).sum();
    if held.count() == 0 && sent > 0 {
        compared.new_delivery = true;
        compared.notes.extend(comparing.new_delivery_note(&states)?);
    }
    let changed = comparing.changed(&states, &held, keyed)?;
    let rows = held.rows().iter().zip(now.numbers()).filter_map(|(held, number)| Some((*number, (*held)?)));
    let name = |run: u32| runs[run as usize].name.as_str();
    compared.sent = SentRows::new(
        rows.map(|(number, sent)| (number, name(sent.run), sent.id)),
        changed.iter().map(|(number, sent)| (*number, name(sent.run), sent.id)),
    );
    Ok(compared)
}

/// For a run that kept no rows of its source: what runs of the same bytes have sent.
pub fn sent_rows_by_number(
    store: &Store,
    (runs, deleted): (&[Run], &HashSet<u64>),
    origin: &SourceIdentity<'_>,
) -> Result<SentRows, EngineError> {
    let mut rows: HashMap<u32, (usize, Option<u64>)> = HashMap::new();
    for (n, run) in runs.iter().enumerate().filter(|(_, run)| origin.same_bytes(&SourceIdentity::of(&run.head))) {
        for (row, id) in rows_sent_by(store, run, deleted)? {
            let known = rows.entry(row).or_insert((n, id));
            if known.1.is_none() {
                *known = (n, id);
            }
        }
    }
    let rows = rows.into_iter().map(|(row, (run, id))| (row, runs[run].name.as_str(), id));
    Ok(SentRows::new(rows, std::iter::empty()))
}

/// The rows that a run has sent, without those whose records are deleted.
fn rows_sent_by(store: &Store, run: &Run, deleted: &HashSet<u64>) -> Result<Vec<(u32, Option<u64>)>, EngineError> {
    let mut rows = store.sent_rows(run.run)?;
    rows.retain(|(_, id)| id.is_none_or(|id| !deleted.contains(&id)));
    Ok(rows)
}

/// How the rows of an earlier run are matched with those of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MatchMethod {
    /// By row numbers: the bytes are the same.
    Numbers,
    /// By whole rows.
    Rows,
    /// By the columns of the earlier run; an index into `Comparer::narrowed`.
    Narrowed(usize),
    /// The run kept no rows.
    NotKept,
    /// A column of the earlier run is missing now.
    OtherColumns,
}

impl MatchMethod {
    fn narrowed(self) -> Option<usize> {
        match self {
            MatchMethod::Narrowed(reading) => Some(reading),
            MatchMethod::Numbers | MatchMethod::Rows | MatchMethod::NotKept | MatchMethod::OtherColumns => None,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct EarlierRun {
    how: MatchMethod,
    /// Number of rows it has sent.
    sent: u64,
    /// Runs of one delivery have the same number.
    delivery: u32,
    /// Its rows are in the same order as those of the source: neither is a file of rejected rows, or both are of the same run.
    comparable: bool,
}

struct Comparer<'a> {
    store: &'a Store,
    /// Newest first.
    runs: &'a [Run],
    deleted: &'a HashSet<u64>,
    origin: &'a SourceIdentity<'a>,
    now: &'a RowHashes,
    titles: &'a [String],
    table: Option<(&'a Table, &'a Cancel)>,
    /// The source by the columns of earlier runs.
    narrowed: Vec<(Vec<String>, RowHashes)>,
}

impl Comparer<'_> {
    fn earlier_runs(&mut self) -> Result<Vec<EarlierRun>, EngineError> {
        let mut delivery = 0;
        let mut states = Vec::with_capacity(self.runs.len());
        for run in self.runs {
            let sent = rows_sent_by(self.store, run, self.deleted)?.len() as u64;
            let how = if sent == 0 { MatchMethod::NotKept } else { self.match_method(run)? };
            let comparable = run.head.source.retry_of.as_deref() == self.origin.retry_of;
            states.push(EarlierRun { how, sent, delivery, comparable });
            delivery += u32::from(run.head.source.new_delivery);
        }
        Ok(states)
    }

    fn match_method(&mut self, run: &Run) -> Result<MatchMethod, EngineError> {
        let source = &run.head.source;
        if self.origin.same_bytes(&SourceIdentity::of(&run.head)) {
            return Ok(MatchMethod::Numbers);
        }
        if source.rows_digest.is_none() {
            return Ok(MatchMethod::NotKept);
        }
        if RowHasher::same_columns(&source.titles, self.titles) {
            return Ok(MatchMethod::Rows);
        }
        if let Some(known) = self.narrowed.iter().position(|(titles, _)| *titles == source.titles) {
            return Ok(MatchMethod::Narrowed(known));
        }
        let Some((table, cancel)) = self.table else { return Ok(MatchMethod::OtherColumns) };
        let Some(hasher) = RowHasher::of_titles(&table.header, &source.titles) else {
            return Ok(MatchMethod::OtherColumns);
        };
        let rows = hash_table(source::reopen_table(table)?, &hasher, cancel)?;
        self.narrowed.push((source.titles.clone(), rows));
        Ok(MatchMethod::Narrowed(self.narrowed.len() - 1))
    }

    fn rows_for(&self, how: MatchMethod) -> Option<&RowHashes> {
        match how {
            MatchMethod::Rows => Some(self.now),
            MatchMethod::Narrowed(n) => self.narrowed.get(n).map(|(_, rows)| rows),
            MatchMethod::Numbers | MatchMethod::NotKept | MatchMethod::OtherColumns => None,
        }
    }

    /// Holds back rows that are equal to sent ones: the newest run first, and rows with a known id before those without.
    fn hold_equal(&self, states: &[EarlierRun], held: &mut HeldRows) -> Result<(), EngineError> {
        let mut by_hash: HashMap<Option<usize>, ByHash<'_>> = HashMap::new();
        let mut unknown: Vec<(u32, MatchMethod, u64)> = Vec::new();
        // A record that one run sent and another left out counts once.
        let mut counted: HashSet<u64> = HashSet::new();
        let mut hold = |run: u32, how: MatchMethod, mark: u64, id: Option<u64>, held: &mut HeldRows| {
            let sent = EarlierRow { run, id };
            let Some(rows) = self.rows_for(how) else {
                self.now.position(mark as u32).map(|position| held.hold(position, sent));
                return;
            };
            by_hash.entry(how.narrowed()).or_insert_with(|| ByHash::new(rows)).hold(mark, sent, held);
        };
        // A file of rejected rows holds no row that the rejecting run, or a run before it, has sent.
        let rejecting = self.runs.iter().find(|run| Some(run.name.as_str()) == self.origin.retry_of);
        if let Some(rejecting) = rejecting {
            for run in self.runs.iter().filter(|run| run.run <= rejecting.run) {
                counted.extend(self.store.sent_rows(run.run)?.into_iter().filter_map(|(_, id)| id));
            }
        }
        for (n, (run, state)) in self.runs.iter().zip(states).enumerate() {
            let is_before = rejecting.is_some_and(|rejecting| run.run <= rejecting.run && !state.comparable);
            if is_before || matches!(state.how, MatchMethod::NotKept | MatchMethod::OtherColumns) {
                continue;
            }
            let then = if state.how == MatchMethod::Numbers { None } else { self.store.source_rows(run.run)? };
            for (row, id) in rows_sent_by(self.store, run, self.deleted)? {
                let mark = match &then {
                    None => u64::from(row),
                    Some(then) => match then.position(row) {
                        Some(position) => then.hashes()[position],
                        None => continue,
                    },
                };
                match id {
                    Some(known) if !counted.insert(known) => {}
                    Some(_) => hold(n as u32, state.how, mark, id, held),
                    None => unknown.push((n as u32, state.how, mark)),
                }
            }
        }
        unknown.into_iter().for_each(|(run, how, mark)| hold(run, how, mark, None, held));
        Ok(())
    }

    /// The note where nothing that was sent is in the source; an error where that cannot be known.
    fn new_delivery_note(&self, states: &[EarlierRun]) -> Result<Option<Note>, EngineError> {
        let newest = |wanted: fn(MatchMethod) -> bool| {
            self.runs.iter().zip(states).find(|(_, state)| state.comparable && state.sent > 0 && wanted(state.how))
        };
        if let Some((run, _)) = newest(|how| how == MatchMethod::OtherColumns) {
            let message = message!(
                "run {run} imported this file with other columns, so equal rows cannot be recognized",
                run = &run.name
            );
            let hint = "restore the columns, or add --again if all rows are new records";
            return Err(Problem::in_file(Path::new(&self.path()), "source.columns-changed", message).hint(hint).into());
        }
        let (message, run) = match newest(|how| how != MatchMethod::NotKept) {
            Some((run, _)) => (
                message!(
                    "no row that earlier runs sent from this path (the last of them {run}) is still in the file: it is taken for a new file and imported completely",
                    run = &run.name
                ),
                Some(run),
            ),
            None => {
                let run = newest(|_| true).map(|(run, _)| run);
                let name = run.map_or("", |run| run.name.as_str());
                let message = message!(
                    "run {run} imported a file from this path with an earlier version, which kept nothing to compare with: the file is taken for a new one",
                    run = name
                );
                (message, run)
            }
        };
        Ok(run.map(|_| Note::new("new-delivery", message)))
    }

    fn path(&self) -> String {
        self.origin.absolute.unwrap_or_default().to_owned()
    }

    /// Rows that replace sent ones, by their numbers, for deliveries of which some rows are still there.
    fn changed(
        &self,
        states: &[EarlierRun],
        held: &HeldRows,
        keyed: bool,
    ) -> Result<Vec<(u32, EarlierRow)>, EngineError> {
        let standing: HashSet<u32> =
            held.rows().iter().flatten().map(|sent| states[sent.run as usize].delivery).collect();
        let mut changed: HashMap<usize, EarlierRow> = HashMap::new();
        for (n, (run, state)) in self.runs.iter().zip(states).enumerate() {
            let stands = state.comparable && standing.contains(&state.delivery);
            let Some(now) = self.rows_for(state.how).filter(|_| stands) else { continue };
            let Some(then) = self.store.source_rows(run.run)? else { continue };
            let sent: HashMap<usize, Option<u64>> = rows_sent_by(self.store, run, self.deleted)?
                .into_iter()
                .filter_map(|(row, id)| Some((then.position(row)?, id)))
                .collect();
            let free = |position: usize| held.rows()[position].is_none();
            for (position, old) in changed::find_replacements(&then, &|old| sent.contains_key(&old), now, &free, keyed)
            {
                let id = old.and_then(|old| sent.get(&old).copied().flatten());
                changed.entry(position).or_insert(EarlierRow { run: n as u32, id });
            }
        }
        Ok(changed.into_iter().map(|(position, sent)| (self.now.numbers()[position], sent)).collect())
    }
}
