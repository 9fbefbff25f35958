//! What has arrived of a workbook that was sent back. Where the account says what the sheet says, the two are remembered:
//! the next import of the same workbook can tell a further edit from a change that somebody else has made since.

use super::decide::{Deciding, Pending, Sent, Trouble, Walk};
use crate::entity::IDS_MAX;
use crate::export::hidden::canonical;
use crate::table::{Row, Table};
use std::collections::BTreeMap;

/// Looks at the records of these rows, by row. Those that do not say what the sheet says are left out: somebody has
/// changed them meanwhile, or the service made something else of them.
pub async fn seen(
    mut table: Table,
    asked: &Deciding<'_>,
    rows: &BTreeMap<u32, u64>,
) -> Result<Vec<(u64, Sent)>, Trouble> {
    let mut walk = Walk::new(asked, &table.header);
    let (mut pending, mut seen, mut row) = (Vec::new(), Vec::new(), Row::default());
    while table.read(&mut row).map_err(Trouble::Source)? {
        let Some(id) = rows.get(&row.number) else { continue };
        let Some((_, exported)) = asked.hidden.find(*id) else { continue };
        pending.push(walk.pending(&row, *id, exported));
        if pending.len() >= IDS_MAX {
            look(&mut walk, &std::mem::take(&mut pending), &mut seen).await?;
        }
    }
    look(&mut walk, &pending, &mut seen).await?;
    Ok(seen)
}

async fn look(walk: &mut Walk<'_>, pending: &[Pending], seen: &mut Vec<(u64, Sent)>) -> Result<(), Trouble> {
    if pending.is_empty() {
        return Ok(());
    }
    let found = walk.found(pending).await?;
    for one in pending {
        let Some(item) = found.get(&one.id) else { continue };
        let (shown, now) = walk.shown(item);
        let account = walk.in_place(&shown, one.row.number);
        if says(walk, &one.row, &account) {
            let sent = Sent { sheet: Some(one.sheet.writable), account: Some(now.writable) };
            seen.push((one.id, sent));
        }
    }
    Ok(())
}

/// True where the account says what the sheet says, in every column that could be sent.
fn says(walk: &mut Walk<'_>, sheet: &Row, account: &Row) -> bool {
    let columns = walk.asked.hidden.columns.iter().zip(&walk.places);
    let sent: Vec<usize> = columns
        .filter(|(column, _)| column.writable && !column.is_id())
        .filter_map(|(_, place)| *place)
        .filter(|place| walk.fills(*place))
        .filter(|place| canonical(sheet.get(*place)) != canonical(account.get(*place)))
        .collect();
    sent.into_iter().all(|place| walk.same(sheet, account, place))
}
