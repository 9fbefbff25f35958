//! What the account shows of the rows of a workbook that were sent back: the next import of the same file can tell what it has
//! done itself from a change that somebody else has made since.

use super::decide::{Deciding, Trouble, Walk};
use super::judge::Sent;
use amo_model::compact::CompactJson;
use amo_model::{IDS_MAX, parts};
use sheet_source::{Row, Table};
use std::collections::BTreeMap;

/// Who notes a change that no user has made. [seed]
const ROBOT: u64 = 0;

/// Looks at the records of these rows; of each is known whether it was written, or refused.
pub async fn seen(
    mut table: Table,
    asked: &Deciding<'_>,
    rows: &BTreeMap<u32, bool>,
    asked_before: bool,
) -> Result<Vec<(u64, Sent)>, Trouble> {
    let walk = Walk::new(asked, &table.header);
    let (mut written, mut seen, mut row) = (Vec::new(), Vec::new(), Row::default());
    while table.read(&mut row).map_err(Trouble::Source)? {
        let (Some(is_written), Some(id)) = (rows.get(&row.number), walk.id(&row)) else { continue };
        let Some(sent) = asked.sent.get(&id) else { continue };
        if *is_written {
            written.push(id);
        } else {
            let mut sent = sent.clone();
            sent.refused();
            seen.push((id, sent));
        }
        if written.len() >= IDS_MAX {
            look(&walk, &std::mem::take(&mut written), asked_before, &mut seen).await?;
        }
    }
    look(&walk, &written, asked_before, &mut seen).await?;
    Ok(seen)
}

async fn look(walk: &Walk<'_>, ids: &[u64], asked_before: bool, seen: &mut Vec<(u64, Sent)>) -> Result<(), Trouble> {
    if ids.is_empty() {
        return Ok(());
    }
    let found = walk.found(ids).await?;
    for id in ids {
        let mut sent = walk.asked.sent.get(id).cloned().unwrap_or_default();
        match found.get(id) {
            Some(item) if is_ours(item, walk) => sent = sent.arrived(&walk.shown(item).1.cells, asked_before),
            // It is gone, or somebody else has changed it since.
            _ => sent.settle(),
        }
        seen.push((*id, sent));
    }
    Ok(())
}

/// True where nobody else was the last to change a record.
fn is_ours(item: &CompactJson, walk: &Walk<'_>) -> bool {
    let by = parts::id(&item["updated_by"]);
    by.is_none_or(|by| by == ROBOT || by == walk.asked.account.basics.current_user)
}
