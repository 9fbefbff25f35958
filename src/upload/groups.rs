//! Rows that make one record together: held until the last of them has been read. How many there are is known from a
//! first reading, so that they need not stand side by side, and so that no record goes out with a part of its rows.

use crate::mapping::plan::Groups;
use crate::table::Row;
use std::collections::HashMap;

/// What a row has brought to an end.
#[derive(Debug, PartialEq)]
pub enum Unit {
    /// All rows of a record, at least one.
    Record(Vec<Row>),
    /// The mapping leaves the row out.
    Skipped(Row),
    /// Nothing says what record it belongs to.
    Groupless(Row),
}

/// The rows waiting for others.
pub struct Gathering<'a> {
    groups: &'a Groups,
    left: HashMap<u64, u32>,
    open: HashMap<u64, Vec<Row>>,
}

impl<'a> Gathering<'a> {
    pub fn new(groups: &'a Groups) -> Gathering<'a> {
        Gathering { groups, left: groups.rows.clone(), open: HashMap::new() }
    }

    /// `takes` is false where the mapping's `where` leaves the row out.
    pub fn add(&mut self, row: &Row, takes: bool) -> Vec<Unit> {
        let group = self.groups.of(row);
        let mut units = Vec::new();
        match (takes, group) {
            (false, _) => units.push(Unit::Skipped(row.clone())),
            (true, None) => units.push(Unit::Groupless(row.clone())),
            (true, Some(group)) => self.open.entry(group).or_default().push(row.clone()),
        }
        let Some(group) = group else { return units };
        let left = self.left.entry(group).or_insert(1);
        *left = left.saturating_sub(1);
        if *left == 0 {
            self.left.remove(&group);
            units.extend(self.open.remove(&group).map(Unit::Record));
        }
        units
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u32, group: &str) -> Row {
        let mut row = Row::default();
        row.clear(number);
        row.push_text(group);
        row
    }

    #[test]
    fn rows_of_a_record_are_gathered_wherever_they_stand() {
        let rows = [row(2, "A"), row(3, "B"), row(4, "A"), row(5, ""), row(6, "B"), row(7, "C"), row(8, "A")];
        let mut groups = Groups { columns: vec![0], ..Groups::default() };
        rows.iter().for_each(|row| groups.count(row));
        let mut gathering = Gathering::new(&groups);
        let mut told = Vec::new();
        for row in &rows {
            // Row 6 is left out, and is the last of its record all the same.
            for unit in gathering.add(row, row.number != 6) {
                told.push(match unit {
                    Unit::Record(rows) => rows.iter().map(|row| row.number).collect::<Vec<u32>>(),
                    Unit::Skipped(row) => vec![0, row.number],
                    Unit::Groupless(row) => vec![1, row.number],
                });
            }
        }
        assert_eq!(told, [vec![1, 5], vec![0, 6], vec![3], vec![7], vec![2, 4, 8]]);
        assert!(gathering.open.is_empty() && gathering.left.is_empty());
    }
}
