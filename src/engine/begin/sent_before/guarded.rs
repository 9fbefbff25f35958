//! What an import would hold back or refuse of a source, for use cases that send nothing.

use crate::engine::begin::sent_before::retried::find_retried_run;
use crate::engine::begin::sent_before::{
    AccountLookup, CurrentSource, GuardOverride, SourceComparison, SourceIdentity, check_anything_new,
    check_no_open_run, compare, compare_without_deleted, earlier_runs, hash_rows, remade_ids,
};
use crate::engine::check::present::PresenceCheck;
use crate::engine::interface::error::{EngineError, ErrorKind};
use crate::engine::interface::request::ImportRequest;
use crate::engine::prepare::kept::KeptAccount;
use crate::engine::prepare::known_keys::KnownKeys;
use crate::engine::source;
use crate::engine::source::survey::MappedCounts;
use crate::mapping::Plan;
use crate::store::{AccountKey, Run, Store};
use crate::upload::SentRows;
use amo_client::Client;
use amo_client::account::Account;
use amo_model::Action;
use sheet_source::problem::{Note, Problem};
use sheet_source::{RowHashes, Table};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The source whose guard is checked.
#[derive(Clone, Copy)]
pub struct GuardQuery<'a> {
    pub state: &'a Path,
    pub account: &'a AccountKey,
    pub file: &'a Path,
    pub keyed: bool,
    /// Looks for records; `None` with a snapshot.
    pub client: Option<&'a Client>,
}

#[derive(Default)]
pub struct GuardResult {
    /// Looks up keys that would hold records back.
    pub keys: Option<KnownKeys>,
    /// Compares the records of an update with the account.
    pub present: Option<PresenceCheck>,
    /// The kept snapshot by which rows are mapped, until the first problem.
    pub kept: Option<KeptAccount>,
    /// The account as it is now, where the kept snapshot is out of date.
    pub changed: Option<Account>,
    pub sent: Arc<SentRows>,
    pub notes: Vec<Note>,
    path: PathBuf,
    keyed: bool,
    /// Problems that would keep the import from beginning.
    refused: Vec<Problem>,
}

impl GuardResult {
    pub fn of(
        query: &GuardQuery<'_>,
        table: &Table,
        plan: &Plan,
        import: &ImportRequest,
    ) -> Result<GuardResult, EngineError> {
        let lifted = GuardOverride { again: import.again, by_keys: import.same_keys && query.keyed };
        let none = GuardResult { path: query.file.to_owned(), keyed: query.keyed, ..GuardResult::default() };
        let Some(store) = Store::existing(query.state)?.filter(|_| plan.action == Action::Create) else {
            return Ok(none);
        };
        let what =
            |run: &Run| (run.head.kind, run.head.action, run.head.catalog) == (plan.kind, plan.action, plan.catalog);
        if !store.runs_into(query.account)?.iter().any(what) {
            return Ok(none);
        }
        let now = hash_rows(table, &import.cancel)?;
        let (absolute, sha256) =
            (crate::engine::begin::sent_before::absolute_path(query.file), source::sha256(query.file)?);
        let digest = (!now.is_empty()).then(|| RowHashes::digest(&now));
        let origin = SourceIdentity {
            account: query.account.clone(),
            kind: plan.kind,
            action: plan.action,
            catalog: plan.catalog,
            absolute: absolute.as_deref(),
            sha256: &sha256,
            sheet: table.layout.sheet.as_deref(),
            digest: digest.as_deref(),
            retry_of: None,
        };
        let retried = find_retried_run(&store, &origin, table, &import.cancel)?;
        let origin = SourceIdentity { retry_of: retried.as_deref(), ..origin };
        let runs = earlier_runs(&store, &origin, lifted, None)?;
        let open = check_no_open_run(&store, &runs, query.file, import.rows);
        let titles: Vec<String> = table.header.titles().map(str::to_owned).collect();
        let current = CurrentSource {
            identity: &origin,
            rows: &now,
            titles: &titles,
            keyed: query.keyed,
            table: Some((table, &import.cancel)),
        };
        let comparing = |deleted: &HashSet<u64>| compare(&store, &runs, deleted, &current);
        let looking = |client| AccountLookup {
            client,
            plan,
            runs: &runs,
            cancel: &import.cancel,
            remake: import.remake_deleted,
            rows: import.rows,
            limit: import.limit,
        };
        let compared = compare_without_deleted(comparing, remade_ids(&runs), query.client.map(looking));
        let mut refused = Vec::new();
        let mut refusal = |error: EngineError| match error.kind {
            ErrorKind::Refused => {
                refused.extend(error.problems);
                Ok(())
            }
            _ => Err(error),
        };
        open.or_else(&mut refusal)?;
        let compared = match compared {
            Ok(compared) => compared,
            Err(error) => {
                refusal(error)?;
                SourceComparison::default()
            }
        };
        Ok(GuardResult { sent: Arc::new(compared.sent), notes: compared.notes, refused, ..none })
    }

    /// Adds a problem that would keep the import from beginning.
    pub fn add_refusal(&mut self, problem: Option<Problem>) {
        self.refused.splice(0..0, problem);
    }

    /// The problems with which the import would refuse the source.
    pub fn refusals(&self, weighed: MappedCounts) -> Vec<Problem> {
        match check_anything_new(&self.path, &self.sent, weighed, self.keyed) {
            Err(error) if self.refused.is_empty() => error.problems,
            Err(_) | Ok(()) => self.refused.clone(),
        }
    }
}
