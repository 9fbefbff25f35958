//! Records that earlier runs of a source created and that were deleted from the account: reported, or with `--remake-deleted`
//! left out of what was sent, so that their rows, and no others, are created again.

use crate::engine::begin::sent_before::compare::SourceComparison;
use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::error::EngineError;
use crate::engine::prepare;
use crate::engine::target::runtime::{self};
use crate::mapping::Plan;
use crate::store::Run;
use crate::upload::SentRows;
use crate::upload::feed::known::IdLookup;
use amo_client::{Client, RecordState};
use sheet_source::message;
use sheet_source::problem::Note;
use std::collections::HashSet;

/// A lookup of sent records in the account.
#[derive(Clone, Copy)]
pub struct AccountLookup<'a> {
    pub client: &'a Client,
    pub plan: &'a Plan,
    /// The runs that sent the records.
    pub runs: &'a [Run],
    pub cancel: &'a Cancel,
    /// Deleted records are created again.
    pub remake: bool,
    /// The selected rows, and the maximum number of records.
    pub rows: Option<(u32, u32)>,
    pub limit: Option<u64>,
}

/// Ids of the deleted records that these runs created again.
pub fn remade_ids(runs: &[Run]) -> HashSet<u64> {
    runs.iter().flat_map(|run| &run.head.remade).copied().collect()
}

/// Compares a source with what earlier runs have sent of it, and once more without the deleted records if these are created
/// again; `known` are ids that were created again before.
pub fn compare_without_deleted(
    mut compare: impl FnMut(&HashSet<u64>) -> Result<SourceComparison, EngineError>,
    mut known: HashSet<u64>,
    lookup: Option<AccountLookup<'_>>,
) -> Result<SourceComparison, EngineError> {
    let mut compared = compare(&known)?;
    let Some(lookup) = lookup else { return Ok(compared) };
    let deleted = lookup.find_deleted(&compared.sent)?;
    if deleted.is_empty() {
        return Ok(compared);
    }
    if !lookup.remake {
        let count = deleted.len() as u64;
        let message = match count {
            1 => message!(
                "1 record that an earlier run of this file created is no longer in the account; --remake-deleted creates it again, and no other"
            ),
            count => message!(
                "{count} records that earlier runs of this file created are no longer in the account; --remake-deleted creates these again, and no others",
                count
            ),
        };
        compared.notes.push(Note::new("deleted-in-account", message).count(count));
        return Ok(compared);
    }
    // A record that counts as created again has to be created, and it is unknown which records come before the limit.
    if lookup.limit.is_some() {
        let message = "--remake-deleted creates all deleted records again, and --limit could end the run before that";
        return Err(EngineError::refused("flags", message, "name the rows instead: --rows FIRST-LAST"));
    }
    known.extend(&deleted);
    Ok(SourceComparison { remade: deleted, ..compare(&known)? })
}

impl AccountLookup<'_> {
    fn find_deleted(&self, sent: &SentRows) -> Result<Vec<u64>, EngineError> {
        let now = prepare::now();
        let began = |run: &str| self.runs.iter().find(|known| known.name == run).map_or(now, |run| run.started_at);
        // A row that is not selected is not created again.
        let rows = self.rows.filter(|_| self.remake);
        let made: Vec<(u64, i64)> = sent.ids(rows).into_iter().map(|(id, run)| (id, began(run))).collect();
        if made.is_empty() {
            return Ok(Vec::new());
        }
        let (runtime, mut lookup) = (runtime::runtime()?, IdLookup::new(self.remake));
        let standing = lookup.standing(self.client, self.plan, &made, now);
        let standing = runtime::run_cancellable(&runtime, self.cancel, "nothing was sent", standing)?;
        let mut deleted: Vec<u64> =
            standing.into_iter().filter(|(_, standing)| *standing == RecordState::NotFound).map(|(id, _)| id).collect();
        deleted.sort_unstable();
        Ok(deleted)
    }
}
