//! Records that wait to be sent, and which of them make the next batch. Pure.
//!
//! Most kinds have one lane, in the order of the source. Records with a parent, the transactions of customers, have a lane for
//! each parent: a request holds records of one parent, and a parent never has two requests in flight, so that the values of its
//! last transaction arrive last. Lanes are filled from a window of the source, since otherwise each transaction of a file in
//! order of time would cost a request.

use crate::upload::feed::QueuedRecord;
use std::collections::{HashMap, VecDeque};

/// Number of records that are held back so that records of one parent meet; some tens of megabytes at most.
pub const WINDOW: usize = 4_000;

/// Records that wait, by parent.
#[derive(Debug)]
pub struct Lanes {
    by_parent: bool,
    /// By parent; all under `None` where records have no parent.
    lanes: HashMap<Option<u64>, Lane>,
    len: usize,
    /// Number of lanes opened so far.
    opened: u64,
}

#[derive(Debug)]
struct Lane {
    /// Its number among all lanes ever opened.
    opened: u64,
    records: VecDeque<QueuedRecord>,
}

impl Lanes {
    pub fn new(by_parent: bool) -> Lanes {
        Lanes { by_parent, lanes: HashMap::new(), len: 0, opened: 0 }
    }

    pub fn push(&mut self, queued: QueuedRecord) {
        let parent = queued.record.parent.filter(|_| self.by_parent);
        let opened = &mut self.opened;
        let lane = self.lanes.entry(parent).or_insert_with(|| {
            *opened += 1;
            Lane { opened: *opened, records: VecDeque::new() }
        });
        lane.records.push_back(queued);
        self.len += 1;
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// True where the records of a lane do not fit into one batch of this size.
    pub fn has_more_than(&self, size: usize) -> bool {
        self.lanes.values().any(|lane| lane.records.len() > size)
    }

    /// True where there is room for more rows: less than a batch waits, or less than the window.
    pub fn wants_more(&self, size: usize) -> bool {
        self.len < if self.by_parent { WINDOW } else { size }
    }

    /// The next batch, of at most `size` records. `last` is true when the source has ended, `busy` for parents that have a
    /// request in flight. A batch that is not full is taken when nothing can be added any more: then the fullest.
    pub fn take(&mut self, size: usize, last: bool, busy: impl Fn(u64) -> bool) -> Option<Vec<QueuedRecord>> {
        let part = last || (self.by_parent && self.len >= WINDOW);
        let (parent, _) = self
            .lanes
            .iter()
            .filter(|(parent, lane)| !parent.is_some_and(&busy) && (part || lane.records.len() >= size))
            .max_by_key(|(_, lane)| (lane.records.len().min(size), std::cmp::Reverse(lane.opened)))?;
        let parent = *parent;
        let lane = self.lanes.get_mut(&parent)?;
        let batch: Vec<QueuedRecord> = lane.records.drain(..size.min(lane.records.len())).collect();
        if lane.records.is_empty() {
            self.lanes.remove(&parent);
        }
        self.len -= batch.len();
        (!batch.is_empty()).then_some(batch)
    }

    /// All that is left, lane by lane.
    pub fn drain(&mut self) -> Vec<QueuedRecord> {
        self.len = 0;
        let mut lanes: Vec<Lane> = self.lanes.drain().map(|(_, lane)| lane).collect();
        lanes.sort_by_key(|lane| lane.opened);
        lanes.into_iter().flat_map(|lane| lane.records).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::Record;
    use proptest::prelude::*;
    use sheet_source::Row;
    use std::collections::HashSet;

    fn queued(row: u32, parent: Option<u64>) -> QueuedRecord {
        QueuedRecord { record: Record { row, parent, ..Record::default() }, row: Row::default(), more: Vec::new() }
    }

    fn lanes(parents: &[u64]) -> Lanes {
        let mut lanes = Lanes::new(true);
        parents.iter().zip(2..).for_each(|(parent, row)| lanes.push(queued(row, Some(*parent))));
        lanes
    }

    fn rows(batch: Option<Vec<QueuedRecord>>) -> Vec<u32> {
        batch.unwrap_or_default().iter().map(|queued| queued.record.row).collect()
    }

    #[test]
    fn without_parents_batches_are_full_and_in_the_order_of_the_source() {
        let mut lanes = Lanes::new(false);
        (2..7).for_each(|row| lanes.push(queued(row, None)));
        assert!(!lanes.wants_more(5) && lanes.wants_more(6));
        assert_eq!(rows(lanes.take(3, false, |_| true)), [2, 3, 4]);
        assert_eq!(rows(lanes.take(3, false, |_| true)), [] as [u32; 0]);
        assert_eq!(rows(lanes.take(3, true, |_| true)), [5, 6]);
        assert!(lanes.is_empty() && lanes.take(3, true, |_| true).is_none());
    }

    #[test]
    fn a_batch_is_of_one_parent_the_fullest_first_and_the_oldest_of_equals() {
        let mut some = lanes(&[7, 8, 8, 9, 7, 8, 5]);
        assert_eq!(rows(some.take(4, false, |_| false)), [] as [u32; 0], "more of them may come");
        assert_eq!(rows(some.take(3, false, |_| false)), [3, 4, 7], "a full batch waits for nothing");
        assert_eq!(rows(some.take(3, true, |_| false)), [2, 6]);
        assert_eq!(rows(some.take(3, true, |parent| parent == 9)), [8]);
        assert_eq!(rows(some.take(3, true, |parent| parent == 9)), [] as [u32; 0], "never two of one parent");
        assert_eq!(rows(some.take(3, true, |_| false)), [5]);
    }

    #[test]
    fn a_full_window_lets_a_part_go() {
        let parents: Vec<u64> = (0..WINDOW as u64).collect();
        let mut full = lanes(&parents);
        assert!(!full.wants_more(50));
        assert_eq!(rows(full.take(50, false, |_| false)), [2]);
        assert!(full.wants_more(50) && full.take(50, false, |_| false).is_none());
    }

    #[test]
    fn what_is_left_comes_out_whole() {
        let mut some = lanes(&[7, 8, 7]);
        assert_eq!(some.drain().iter().map(|l| l.record.row).collect::<Vec<_>>(), [2, 4, 3]);
        assert!(some.is_empty());
    }

    proptest! {
        /// Batches come and go at random; each parent's rows leave in their order, one batch at a time, and all of them.
        #[test]
        fn nothing_is_lost_and_each_parent_keeps_its_order(
            parents in prop::collection::vec(0_u64..6, 0..200),
            size in 1_usize..9,
            dice in prop::collection::vec(any::<u8>(), 50),
        ) {
            let mut lanes = Lanes::new(true);
            let mut source = parents.iter().zip(2_u32..);
            let mut under_way: VecDeque<u64> = VecDeque::new();
            let mut out: HashMap<u64, Vec<u32>> = HashMap::new();
            let (mut ended, mut idle) = (false, 0);
            for n in 0.. {
                if dice[n % dice.len()] % 3 == 0 && !ended {
                    match source.next() {
                        Some((parent, row)) => lanes.push(queued(row, Some(*parent))),
                        None => ended = true,
                    }
                } else if dice[n % dice.len()] % 3 == 1 {
                    under_way.pop_front();
                }
                if n % 7 == 0 {
                    // The source and the answers go on, whatever the dice say.
                    under_way.pop_front();
                    match source.next() {
                        Some((parent, row)) => lanes.push(queued(row, Some(*parent))),
                        None => ended = true,
                    }
                }
                let busy: HashSet<u64> = under_way.iter().copied().collect();
                let Some(batch) = lanes.take(size, ended, |parent| busy.contains(&parent)) else {
                    idle = if ended && lanes.is_empty() { idle + 1 } else { 0 };
                    if idle > 3 { break } else { continue }
                };
                prop_assert!(!batch.is_empty() && batch.len() <= size);
                let parent = batch[0].record.parent.unwrap();
                prop_assert!(!busy.contains(&parent));
                prop_assert!(batch.iter().all(|queued| queued.record.parent == Some(parent)));
                out.entry(parent).or_default().extend(batch.iter().map(|queued| queued.record.row));
                under_way.push_back(parent);
            }
            for parent in 0..6 {
                let sent = out.remove(&parent).unwrap_or_default();
                let rows = parents.iter().zip(2_u32..).filter(|(p, _)| **p == parent);
                let expected: Vec<u32> = rows.map(|(_, row)| row).collect();
                prop_assert_eq!(sent, expected);
            }
        }
    }
}
