//! Reading what the account shows of rows that were sent back, so that the next import of the same file can distinguish its own
//! changes from those of others.

use super::decide::{DecideError, Decider, DecisionContext};
use super::judge::SentCells;
use super::records::{RecordsById, read_records};
use amo_client::{Client, List};
use amo_model::compact::CompactJson;
use amo_model::{IDS_MAX, parts};

/// The id of the robot, which makes changes without a user. [seed]
const ROBOT: u64 = 0;

/// Reads the records with the ids of `written`. Those of `refused` are settled without being read.
pub async fn read_sent(
    (client, list): (&Client, &List),
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
        let found = read_records(client, list, ids).await.map_err(DecideError::Service)?;
        seen.extend(ids.iter().map(|id| (*id, settled(*id, &found, &decider, asked_before))));
    }
    Ok(seen)
}

/// What is known of a record that was sent, after a look at it.
fn settled(id: u64, found: &RecordsById, decider: &Decider<'_>, asked_before: bool) -> SentCells {
    let mut sent = decider.context.sent.get(&id).cloned().unwrap_or_default();
    match found.get(&id) {
        Some(item) if is_ours(item, decider) => sent.arrived(&decider.shown(item).1.cells, asked_before),
        // It is deleted, or another user has changed it since.
        _ => {
            sent.settle();
            sent
        }
    }
}

/// True where no other user was the last to change a record.
fn is_ours(item: &CompactJson, decider: &Decider<'_>) -> bool {
    let by = parts::id(&item["updated_by"]);
    by.is_none_or(|by| by == ROBOT || by == decider.context.account.basics.current_user)
}
