//! Reading what the account shows of rows that were sent back, so that the next import of the same file can distinguish its own
//! changes from those of others.

use super::decide::{DecideError, Decider, DecisionContext};
use super::judge::SentCells;
use amo_model::compact::CompactJson;
use amo_model::{IDS_MAX, parts};
use sheet_source::{Row, Table};
use std::collections::BTreeMap;

/// The id of the robot, which makes changes without a user. [seed]
const ROBOT: u64 = 0;

/// Reads the records of these rows. `rows` is true for rows that were written, and false for refused ones.
pub async fn read_sent(
    mut table: Table,
    context: &DecisionContext<'_>,
    rows: &BTreeMap<u32, bool>,
    asked_before: bool,
) -> Result<Vec<(u64, SentCells)>, DecideError> {
    let decider = Decider::new(context);
    let (mut written, mut seen, mut row) = (Vec::new(), Vec::new(), Row::default());
    while table.read(&mut row).map_err(DecideError::Source)? {
        let (Some(is_written), Some(id)) = (rows.get(&row.number), context.layout.id(&row)) else { continue };
        let Some(sent) = context.sent.get(&id) else { continue };
        if *is_written {
            written.push(id);
        } else {
            let mut sent = sent.clone();
            sent.refused();
            seen.push((id, sent));
        }
        if written.len() >= IDS_MAX {
            read_page(&decider, &std::mem::take(&mut written), asked_before, &mut seen).await?;
        }
    }
    read_page(&decider, &written, asked_before, &mut seen).await?;
    Ok(seen)
}

/// Reads a page of records.
async fn read_page(
    decider: &Decider<'_>,
    ids: &[u64],
    asked_before: bool,
    seen: &mut Vec<(u64, SentCells)>,
) -> Result<(), DecideError> {
    if ids.is_empty() {
        return Ok(());
    }
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
