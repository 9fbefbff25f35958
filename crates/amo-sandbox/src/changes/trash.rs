//! What a person deletes in the CRM.

use super::changeset::Changeset;
use super::purchases;
use crate::world::{RecordKey, RecordTable};

/// Into the trash with a record, where its kind has one.
pub fn delete(changes: &mut Changeset, (table, id): RecordKey) {
    if table == RecordTable::Transactions {
        // Its customer's sums follow.
        purchases::delete(changes, id, None);
    } else if table.has_trash() {
        changes.trash(table, id);
    } else {
        changes.remove(table, id);
    }
}
