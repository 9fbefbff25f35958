//! Reading what the account shows of rows that were sent back, so that the next import of the same file can distinguish its own
//! changes from those of others.

use super::decide::{DecideError, Decider, DecisionContext};
use super::judge::SentCells;
use amo_model::compact::CompactJson;
use amo_model::{IDS_MAX, parts};

/// The id of the robot, which makes changes without a user. [seed]
const ROBOT: u64 = 0;

/// Reads the records with the ids of `written`. Those of `refused` are settled without being read.
pub async fn read_sent(
    context: &DecisionContext<'_>,
    written: &[u64],
    refused: &[u64],
    asked_before: bool,
) -> Result<Vec<(u64, SentCells)>, DecideError> {
    let known = |id: &u64| Some((*id, context.sent.get(id)?.clone()));
    let mut seen: Vec<(u64, SentCells)> = refused.iter().filter_map(known).collect();
    seen.iter_mut().for_each(|(_, sent)| sent.refused());
    let (decider, mut written) = (Decider::new(context), written.to_vec());
    written.retain(|id| context.sent.contains_key(id));
    for ids in written.chunks(IDS_MAX) {
        read_page(&decider, ids, asked_before, &mut seen).await?;
    }
    Ok(seen)
}

/// Reads a page of records.
async fn read_page(
    decider: &Decider<'_>,
    ids: &[u64],
    asked_before: bool,
    seen: &mut Vec<(u64, SentCells)>,
) -> Result<(), DecideError> {
    let found = decider.read_records(ids).await?;
    for id in ids {
        let mut sent = decider.context.sent.get(id).cloned().unwrap_or_default();
        match found.get(id) {
            Some(item) if is_ours(item, decider) => sent = sent.arrived(&decider.shown(item).1.cells, asked_before),
            // It is deleted, or another user has changed it since.
            _ => sent.settle(),
        }
        seen.push((*id, sent));
    }
    Ok(())
}

/// True where no other user was the last to change a record.
fn is_ours(item: &CompactJson, decider: &Decider<'_>) -> bool {
    let by = parts::id(&item["updated_by"]);
    by.is_none_or(|by| by == ROBOT || by == decider.context.account.basics.current_user)
}
