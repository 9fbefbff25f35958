//! Records that earlier runs of a source have made and that are gone from the account: told, or left out of what was sent, so that
//! their rows are made anew and no others.

use super::compare::Comparison;
use crate::engine::cancel::Cancel;
use crate::engine::error::EngineError;
use crate::engine::prepare;
use crate::mapping::Plan;
use crate::store::Run;
use crate::upload::SentRows;
use crate::upload::known::IdLookup;
use amo_client::{Client, RecordState};
use sheet_source::message;
use sheet_source::problem::Note;
use std::collections::HashSet;

/// Where it is looked.
#[derive(Clone, Copy)]
pub struct Looking<'a> {
    pub client: &'a Client,
    pub plan: &'a Plan,
    /// Which have sent what is looked for.
    pub runs: &'a [Run],
    pub cancel: &'a Cancel,
    /// What is gone is made anew.
    pub remake: bool,
    /// The rows that are asked for, and how many records of them at most.
    pub rows: Option<(u32, u32)>,
    pub limit: Option<u64>,
}

/// What these runs have made anew.
pub fn remade(runs: &[Run]) -> HashSet<u64> {
    runs.iter().flat_map(|run| &run.head.remade).copied().collect()
}

/// Compares a source with what earlier runs have sent of it, and once more without what is gone, where that is made anew; `known`
/// was made anew before.
pub fn without_gone(
    mut compare: impl FnMut(&HashSet<u64>) -> Result<Comparison, EngineError>,
    mut known: HashSet<u64>,
    looking: Option<Looking<'_>>,
) -> Result<Comparison, EngineError> {
    let mut compared = compare(&known)?;
    let Some(looking) = looking else { return Ok(compared) };
    let gone = looking.gone(&compared.sent)?;
    if gone.is_empty() {
        return Ok(compared);
    }
    if !looking.remake {
        let count = gone.len() as u64;
        let message = match count {
            1 => message!(
                "1 record that an earlier run of this file has made is not in the account any more; --remake-deleted makes it anew, and no other"
            ),
            count => message!(
                "{count} records that earlier runs of this file have made are not in the account any more; --remake-deleted makes these anew, and no others",
                count
            ),
        };
        compared.notes.push(Note::new("deleted-in-account", message).count(count));
        return Ok(compared);
    }
    // What is counted as made anew has to be, and nobody knows which records come before the limit.
    if looking.limit.is_some() {
        let message = "--remake-deleted makes anew whatever is gone, and --limit would end the run before";
        return Err(EngineError::refused("flags", message, "say which rows it is for: --rows FIRST-LAST"));
    }
    known.extend(&gone);
    Ok(Comparison { remade: gone, ..compare(&known)? })
}

impl Looking<'_> {
    fn gone(&self, sent: &SentRows) -> Result<Vec<u64>, EngineError> {
        let now = prepare::now();
        let began = |run: &str| self.runs.iter().find(|known| known.name == run).map_or(now, |run| run.started_at);
        // A row that is not asked for now is none to be made anew.
        let rows = self.rows.filter(|_| self.remake);
        let made: Vec<(u64, i64)> = sent.ids(rows).into_iter().map(|(id, run)| (id, began(run))).collect();
        if made.is_empty() {
            return Ok(Vec::new());
        }
        let (runtime, mut lookup) = (prepare::runtime()?, IdLookup::new(self.remake));
        let standing = lookup.standing(self.client, self.plan, &made, now);
        let standing = prepare::unless_cancelled(&runtime, self.cancel, "nothing was sent", standing)?;
        let mut gone: Vec<u64> =
            standing.into_iter().filter(|(_, standing)| *standing == RecordState::NotFound).map(|(id, _)| id).collect();
        gone.sort_unstable();
        Ok(gone)
    }
}
