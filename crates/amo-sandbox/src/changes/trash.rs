//! Records deleted by a person in the CRM.

use super::changeset::Changeset;
use super::purchases;
use crate::world::{RecordKey, RecordTable};

/// Moves a record to the trash, or deletes it for good where its table has no trash.
pub fn delete(changes: &mut Changeset, (table, id): RecordKey) {
    if table == RecordTable::Transactions {
        // The totals of its customer change with it.
        purchases::delete(changes, id, None);
    } else if table.has_trash() {
        changes.trash(table, id);
    } else {
        changes.remove(table, id);
    }
}
