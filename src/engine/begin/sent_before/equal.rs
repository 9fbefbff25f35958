//! Which rows of a source are equal to sent rows: n sent rows hold back n equal ones. Pure.

use sheet_source::RowHashes;

/// A row that an earlier run has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EarlierRow {
    /// Index of the run.
    pub run: u32,
    /// Its id in the account; `None` where it is unknown.
    pub id: Option<u64>,
}

/// The sent row that holds back each row of the source, by position.
#[derive(Debug)]
pub struct HeldRows {
    rows: Vec<Option<EarlierRow>>,
    count: usize,
}

impl HeldRows {
    pub fn none(rows: usize) -> HeldRows {
        HeldRows { rows: vec![None; rows], count: 0 }
    }

    /// Holds back the row at a position. False if it is held back already.
    pub fn hold(&mut self, position: usize, sent: EarlierRow) -> bool {
        let free = self.rows[position].is_none();
        if free {
            self.rows[position] = Some(sent);
            self.count += 1;
        }
        free
    }

    /// How many rows are held back.
    pub fn count(&self) -> usize {
        self.count
    }

    pub fn rows(&self) -> &[Option<EarlierRow>] {
        &self.rows
    }
}

/// The rows of the source by hash, with 8 bytes per row.
pub struct ByHash<'n> {
    now: &'n RowHashes,
    order: Vec<u32>,
    /// For the first of equal rows in `order`: how many of them were taken.
    given: Vec<u32>,
}

impl<'n> ByHash<'n> {
    pub fn new(now: &'n RowHashes) -> ByHash<'n> {
        ByHash { now, order: by_hash(now), given: vec![0; now.len()] }
    }

    /// Holds back one row with this hash. False if none is left.
    pub fn hold(&mut self, hash: u64, sent: EarlierRow, held: &mut HeldRows) -> bool {
        let hashes = self.now.hashes();
        let start = self.order.partition_point(|&at| hashes[at as usize] < hash);
        let Some(given) = self.given.get_mut(start) else { return false };
        while let Some(&at) = self.order.get(start + *given as usize).filter(|at| hashes[**at as usize] == hash) {
            *given += 1;
            if held.hold(at as usize, sent) {
                return true;
            }
        }
        false
    }
}

/// Positions sorted by hash, equal ones in the order of the source.
pub fn by_hash(rows: &RowHashes) -> Vec<u32> {
    let mut order: Vec<u32> = (0..rows.len() as u32).collect();
    order.sort_by_key(|&at| rows.hashes()[at as usize]);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_rows_are_held_back_as_equal_ones_were_sent() {
        let now: RowHashes = [(2, 7), (3, 5), (4, 7), (6, 7), (7, 9)].into_iter().collect();
        let (mut by_hash, mut held) = (ByHash::new(&now), HeldRows::none(now.len()));
        let sent = |id: u64| EarlierRow { run: 0, id: Some(id) };
        let asked = [(7, 1), (8, 2), (7, 3), (5, 4), (5, 5)];
        let found = asked.map(|(hash, id)| by_hash.hold(hash, sent(id), &mut held));
        assert_eq!(found, [true, false, true, true, false]);
        assert!(held.hold(3, sent(6)));
        assert!(!held.hold(3, sent(7)));
        assert!(!by_hash.hold(7, sent(8), &mut held), "the third one was taken by its place");
        let ids: Vec<Option<u64>> = held.rows().iter().map(|held| held.and_then(|sent| sent.id)).collect();
        assert_eq!(ids, [Some(1), Some(4), Some(3), Some(6), None]);
        assert_eq!(held.count(), 4);
    }
}
