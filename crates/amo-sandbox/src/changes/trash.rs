//! What a person deletes in the CRM.

use super::changeset::Plan;
use super::purchases;
use crate::world::Shelf;

/// Into the trash with a record, where its kind has one.
pub fn throw_away(plan: &mut Plan, shelf: Shelf, id: u64) {
    if shelf == Shelf::Transactions {
        // Its customer's sums follow.
        purchases::delete(plan, id, None);
    } else if shelf.has_trash() {
        plan.trash(shelf, id);
    } else {
        plan.remove(shelf, id);
    }
}
