//! What a person deletes in the CRM.

use super::changeset::Changeset;
use super::purchases;
use crate::world::RecordTable;

/// Into the trash with a record, where its kind has one.
pub fn throw_away(changes: &mut Changeset, table: RecordTable, id: u64) {
    if table == RecordTable::Transactions {
        // Its customer's sums follow.
        purchases::delete(changes, id, None);
    } else if table.has_trash() {
        changes.trash(table, id);
    } else {
        changes.remove(table, id);
    }
}
