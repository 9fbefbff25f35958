//! The first of the two readings of a source: SHA-256, number of rows and groups, and what the mapping makes of it, where that
//! is needed before sending. One pass over the bytes serves all of these.

use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::error::{EngineError, check_cancelled};
use crate::engine::source;
use crate::mapping::plan::Groups;
use crate::mapping::{Mapper, Plan};
use crate::store::Status;
use crate::upload::Doubt;
use crate::upload::feed::groups::FirstReading;
use crate::upload::feed::{self, QueuedRecord, RowEvent, Select};
use sheet_source::problem::Problem;
use sheet_source::{Fingerprint, ReadOptions, Row, RowHashes, SharedRowHashes, Table};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio_util::sync::DropGuard;

/// What the mapping makes of the source, in numbers of records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MappedCounts {
    /// Records that can be sent.
    pub records: u64,
    pub rejected: u64,
    /// Records that earlier runs have sent or may have sent.
    pub sent: u64,
    /// Rejected records of which the user has to decide whether they were sent.
    pub undecided: u64,
}

/// The result of the first reading.
#[derive(Debug)]
pub struct Survey {
    pub fingerprint: Fingerprint,
    /// Number of selected rows, where they were counted.
    pub rows: Option<u64>,
    pub groups: Option<Groups>,
    /// Hashes of all rows, where they were asked for.
    pub hashes: Option<RowHashes>,
    /// The problem that ended the reading early.
    pub failed: Option<Problem>,
}

/// What the first reading collects.
#[derive(Debug, Clone, Default)]
pub struct SurveyOptions {
    pub rows: bool,
    /// Columns whose cells together identify a group of rows.
    pub groups: Vec<usize>,
    pub select: Option<(u32, u32)>,
    /// Hashes of all rows, to compare with other runs of the source.
    pub hashes: bool,
}

/// A reading on a thread of its own. It stops when this is dropped.
pub struct SurveyTask {
    thread: JoinHandle<Result<Survey, EngineError>>,
    _given_up: DropGuard,
}

impl SurveyTask {
    pub fn start(file: &Path, options: &ReadOptions, counting: SurveyOptions, cancel: &Cancel) -> SurveyTask {
        let (file, options): (PathBuf, ReadOptions) = (file.to_owned(), options.clone());
        let cancel = cancel.child();
        let _given_up = cancel.token().clone().drop_guard();
        SurveyTask { thread: std::thread::spawn(move || run_survey(&file, &options, &counting, &cancel)), _given_up }
    }

    pub fn join(self) -> Result<Survey, EngineError> {
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn run_survey(
    file: &Path,
    options: &ReadOptions,
    counting: &SurveyOptions,
    cancel: &Cancel,
) -> Result<Survey, EngineError> {
    if !counting.rows && !counting.hashes && counting.groups.is_empty() {
        let fingerprint = source::fingerprint(file)?;
        return Ok(Survey { fingerprint, rows: None, groups: None, hashes: None, failed: None });
    }
    let (mut table, reading) = Table::open_with_fingerprint(file, options)?;
    let mut groups = Groups { columns: counting.groups.clone(), ..Groups::default() };
    let (mut rows, mut row, mut failed) = (0, Row::default(), None);
    let hashes = counting.hashes.then(|| table.hash_rows());
    while table.read(&mut row).unwrap_or_else(|problem| {
        failed = Some(problem);
        false
    }) {
        rows += u64::from(counting.select.is_none_or(|(first, last)| (first..=last).contains(&row.number)));
        if !groups.columns.is_empty() {
            groups.count(&row);
        }
        check_cancelled(cancel)?;
    }
    drop(table);
    let fingerprint = reading.finish(file)?;
    let groups = (!groups.columns.is_empty()).then_some(groups);
    Ok(Survey { fingerprint, rows: Some(rows), groups, hashes: hashes.map(SharedRowHashes::take), failed })
}

/// The result of reading the source through its mapping.
pub struct MappedReading<T> {
    /// The result that the caller computes from the records.
    pub found: T,
    pub fingerprint: Fingerprint,
    /// The plan with the groups of the source, if rows are grouped.
    pub plan: Arc<Plan>,
    /// Hashes of all rows, if all were read.
    pub hashes: Option<RowHashes>,
}

/// Reads the source once for its fingerprint, its groups and the counts of the mapping.
pub fn count_mapped(
    table: &Table,
    plan: Plan,
    select: &Select,
    cancel: &Cancel,
) -> Result<MappedReading<MappedCounts>, EngineError> {
    let mapped = read_mapped(table, plan, |table, plan| count_table(table, plan, select, cancel))?;
    // A limit may have ended the reading before the end.
    Ok(MappedReading { hashes: mapped.hashes.filter(|_| select.limit.is_none()), ..mapped })
}

/// The same for the records of selected rows.
pub fn map_records(
    table: &Table,
    plan: Plan,
    run: &str,
    (wanted, rows): (HashSet<u32>, Option<(u32, u32)>),
) -> Result<MappedReading<HashMap<u32, QueuedRecord>>, EngineError> {
    read_mapped(table, plan, |table, plan| {
        let mapper = Mapper::new(Arc::clone(plan), run);
        let (records, walked) = Doubt::records(table, mapper, wanted.clone(), rows)?;
        Ok((records, walked.counted))
    })
}

/// Reads the source through its mapping. If the rows of a record are scattered over the source, which is not known before, it
/// is read a second time.
fn read_mapped<T: Default>(
    table: &Table,
    plan: Plan,
    read: impl Fn(Table, &Arc<Plan>) -> Result<(T, Option<FirstReading>), EngineError>,
) -> Result<MappedReading<T>, EngineError> {
    let file = table.source().file.clone();
    let (mut again, reading) = Table::open_with_fingerprint(Path::new(&file), &source::same_options(table))?;
    let hashes = again.hash_rows();
    let mut plan = Arc::new(plan);
    let first = read(again, &plan);
    let fingerprint = reading.finish(Path::new(&file))?;
    if table.reopen_with_evidence(&fingerprint)?.is_some_and(|judged| !judged.same_layout(table)) {
        // The source was read in the encoding of its start, which is not that of the whole file; the caller reads it again.
        return Ok(MappedReading { found: T::default(), fingerprint, plan, hashes: None });
    }
    let (mut found, counted) = first?;
    let hashes = Some(hashes.take());
    let Some(columns) = plan.groups.as_ref().map(|groups| groups.columns.clone()) else {
        return Ok(MappedReading { found, fingerprint, plan, hashes });
    };
    let (groups, scattered) = match counted {
        Some(FirstReading { groups, scattered }) => (groups, scattered),
        // The reading ended at the limit of the run.
        None => (count_groups(columns, table)?, true),
    };
    match Arc::get_mut(&mut plan) {
        Some(plan) => plan.groups = Some(groups),
        None => return Err(EngineError::fault("the plan is shared where it has to be unique")),
    }
    if scattered {
        found = read(source::reopen_table(table)?, &plan)?.0;
    }
    Ok(MappedReading { found, fingerprint, plan, hashes })
}

/// Reads the source for the rows of each group.
pub fn count_groups(columns: Vec<usize>, table: &Table) -> Result<Groups, EngineError> {
    let mut groups = Groups { columns, ..Groups::default() };
    let (mut table, mut row) = (source::reopen_table(table)?, Row::default());
    while table.read(&mut row)? {
        groups.count(&row);
    }
    Ok(groups)
}

/// The counts of a mapping whose groups are known.
pub fn count_prepared(
    table: &Table,
    plan: &Arc<Plan>,
    select: &Select,
    cancel: &Cancel,
) -> Result<MappedCounts, EngineError> {
    Ok(count_table(source::reopen_table(table)?, plan, select, cancel)?.0)
}

fn count_table(
    table: Table,
    plan: &Arc<Plan>,
    select: &Select,
    cancel: &Cancel,
) -> Result<(MappedCounts, Option<FirstReading>), EngineError> {
    let mut counts = MappedCounts::default();
    let walked = feed::walk(table, Mapper::new(Arc::clone(plan), ""), select, |event| {
        match event {
            RowEvent::Record { .. } | RowEvent::Known { .. } => counts.records += 1,
            RowEvent::Local(outcome) | RowEvent::Unmapped(outcome) => {
                counts.rejected += u64::from(outcome.status == Status::Rejected);
            }
        }
        !cancel.is_cancelled()
    })?;
    check_cancelled(cancel)?;
    Ok((MappedCounts { sent: walked.sent, undecided: walked.undecided, ..counts }, walked.counted))
}
