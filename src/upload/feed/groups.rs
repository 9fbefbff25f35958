//! Rows that make one record together are held until the last of them has been read. Their number is known from a first
//! reading, so that they need not be neighbours, and no record is sent with a part of its rows. The first reading itself takes
//! neighbouring rows for a record, and finds out whether that was right.

use crate::mapping::plan::Groups;
use crate::mapping::{IncompleteGroup, RowRole, SeededState, Suspicion};
use sheet_source::Row;
use std::collections::HashMap;

/// Rows that are complete with the row just read.
#[derive(Debug, PartialEq)]
pub enum Unit {
    /// All rows of a record, at least one.
    Record(Vec<Row>),
    /// The same, but a row is missing or may be missing.
    Incomplete(Vec<Row>, IncompleteGroup),
    /// A row without a record: the mapping leaves it out or refuses it, or it does not look like one.
    Apart(Row, Option<Suspicion>),
    /// A row without the columns that name its group.
    Groupless(Row),
}

/// Rows that wait for others.
pub enum Gathering<'a> {
    Counted(Counted<'a>),
    Adjacent(Adjacent),
}

impl<'a> Gathering<'a> {
    /// By the counts of a first reading; without them, this is the first reading.
    pub fn new(groups: &'a Groups) -> Gathering<'a> {
        match groups.rows.is_empty() {
            true => Gathering::Adjacent(Adjacent {
                groups: Groups { columns: groups.columns.clone(), ..Groups::default() },
                open: None,
                scattered: false,
            }),
            false => Gathering::Counted(Counted {
                groups,
                left: groups.rows.clone(),
                open: HashMap::default(),
                above: None,
                incomplete: HashMap::default(),
                complete: None,
            }),
        }
    }

    pub fn add(&mut self, row: &Row, role: RowRole) -> Vec<Unit> {
        match self {
            Gathering::Counted(counted) => counted.add(row, role),
            Gathering::Adjacent(adjacent) => adjacent.add(row, role),
        }
    }

    /// The unit that waits for the row after it; to be called at the end.
    pub fn rest(&mut self) -> Option<Unit> {
        match self {
            Gathering::Counted(counted) => counted.complete.take(),
            Gathering::Adjacent(adjacent) => adjacent.open.take().and_then(PartialRecord::close),
        }
    }

    /// The counts of a first reading.
    pub fn counted(self) -> Option<FirstReading> {
        match self {
            Gathering::Counted(_) => None,
            Gathering::Adjacent(Adjacent { groups, scattered, .. }) => Some(FirstReading { groups, scattered }),
        }
    }
}

/// The groups of a source, counted.
#[derive(Debug, Clone)]
pub struct FirstReading {
    pub groups: Groups,
    /// True where the rows of some record are not neighbours, so that the records of this reading are wrong.
    pub scattered: bool,
}

/// Neighbouring rows, taken for a record.
pub struct Adjacent {
    groups: Groups,
    open: Option<PartialRecord>,
    scattered: bool,
}

/// The rows of a record read so far.
#[derive(Default)]
struct PartialRecord {
    group: u64,
    rows: Vec<Row>,
    lack: Option<IncompleteGroup>,
}

impl PartialRecord {
    fn close(self) -> Option<Unit> {
        match self.lack {
            _ if self.rows.is_empty() => None,
            Some(lack) => Some(Unit::Incomplete(self.rows, lack)),
            None => Some(Unit::Record(self.rows)),
        }
    }
}

impl Adjacent {
    fn add(&mut self, row: &Row, role: RowRole) -> Vec<Unit> {
        let group = self.groups.of(row);
        let seen = group.is_some_and(|group| self.groups.rows.contains_key(&group));
        self.groups.count(row);
        let (apart, group) = match (role, group) {
            (RowRole::Excluded, _) => return vec![Unit::Apart(row.clone(), None)],
            (RowRole::Rejected(why), None) => return vec![Unit::Apart(row.clone(), why)],
            (RowRole::Rejected(why), Some(group)) => (Some(Unit::Apart(row.clone(), why)), group),
            (RowRole::Included, Some(group)) => (None, group),
            (RowRole::Included, None) => {
                let lack = Some(IncompleteGroup::Ungrouped(row.number));
                let above = self.open.take().and_then(|open| PartialRecord { lack, ..open }.close());
                return above.into_iter().chain([Unit::Groupless(row.clone())]).collect();
            }
        };
        let mut units = Vec::new();
        if self.open.as_ref().is_none_or(|open| open.group != group) {
            self.scattered |= seen;
            units.extend(
                self.open.replace(PartialRecord { group, ..PartialRecord::default() }).and_then(PartialRecord::close),
            );
        }
        if let Some(open) = &mut self.open {
            match apart {
                Some(_) => open.lack = open.lack.or(Some(IncompleteGroup::Rejected(row.number))),
                None => open.rows.push(row.clone()),
            }
        }
        units.extend(apart);
        units
    }
}

/// Rows that are held until the last of their record has been read, and the row after it.
pub struct Counted<'a> {
    groups: &'a Groups,
    /// Number of rows that each group still lacks.
    left: HashMap<u64, u32, SeededState>,
    open: HashMap<u64, Vec<Row>, SeededState>,
    /// The record of the row before.
    above: Option<u64>,
    /// Groups that lack a row, or may lack one.
    incomplete: HashMap<u64, IncompleteGroup, SeededState>,
    /// A record whose last row was the row before.
    complete: Option<Unit>,
}

impl Counted<'_> {
    fn add(&mut self, row: &Row, role: RowRole) -> Vec<Unit> {
        let group = self.groups.of(row);
        let takes = role == RowRole::Included;
        let groupless = takes && group.is_none();
        let mut units = Vec::new();
        units.extend(self.complete.take().map(|unit| match unit {
            Unit::Record(rows) if groupless => Unit::Incomplete(rows, IncompleteGroup::Ungrouped(row.number)),
            unit => unit,
        }));
        match (role, group) {
            (RowRole::Excluded, _) => units.push(Unit::Apart(row.clone(), None)),
            (RowRole::Rejected(why), group) => {
                units.push(Unit::Apart(row.clone(), why));
                if let Some(group) = group {
                    self.incomplete.entry(group).or_insert(IncompleteGroup::Rejected(row.number));
                }
            }
            (RowRole::Included, None) => {
                if let Some(above) = self.above.filter(|above| self.open.contains_key(above)) {
                    self.incomplete.entry(above).or_insert(IncompleteGroup::Ungrouped(row.number));
                }
                units.push(Unit::Groupless(row.clone()));
            }
            (RowRole::Included, Some(group)) => self.open.entry(group).or_default().push(row.clone()),
        }
        if takes {
            self.above = group;
        }
        let Some(group) = group else { return units };
        let left = self.left.entry(group).or_insert(1);
        *left = left.saturating_sub(1);
        if *left == 0 {
            self.left.remove(&group);
            let incomplete = self.incomplete.remove(&group);
            self.complete = self.open.remove(&group).map(|rows| match incomplete {
                Some(lack) => Unit::Incomplete(rows, lack),
                None => Unit::Record(rows),
            });
            if !takes {
                // The last row of the group is not part of the record: nothing can follow.
                units.extend(self.complete.take());
            }
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

    fn left_out(is: bool) -> RowRole {
        if is { RowRole::Excluded } else { RowRole::Included }
    }

    #[test]
    fn a_rejected_row_holds_back_the_record_it_belongs_to() {
        let rows = [row(2, "A"), row(3, "A"), row(4, "B"), row(5, "C"), row(6, "C"), row(7, "")];
        let mut groups = Groups { columns: vec![0], ..Groups::default() };
        rows.iter().for_each(|row| groups.count(row));
        for mut gathering in
            [Gathering::new(&groups), Gathering::new(&Groups { columns: vec![0], ..Groups::default() })]
        {
            let mut lacking = Vec::new();
            let mut whole = 0;
            // Rows 3 and 5 are rejected, the second and the first of theirs; row 7 belongs to none.
            let refused = |number: u32| matches!(number, 3 | 5 | 7);
            let role = |n: u32| if refused(n) { RowRole::Rejected(None) } else { RowRole::Included };
            let mut units: Vec<Unit> = rows.iter().flat_map(|row| gathering.add(row, role(row.number))).collect();
            units.extend(gathering.rest());
            for unit in units {
                match unit {
                    Unit::Incomplete(rows, lack) => lacking.push((rows[0].number, lack)),
                    Unit::Record(_) => whole += 1,
                    Unit::Apart(row, _) => assert!(refused(row.number)),
                    Unit::Groupless(row) => panic!("row {}", row.number),
                }
            }
            assert_eq!(
                (lacking, whole),
                (vec![(2, IncompleteGroup::Rejected(3)), (6, IncompleteGroup::Rejected(5))], 1)
            );
        }
    }

    #[test]
    fn rows_of_a_record_are_gathered_wherever_they_stand() {
        let rows = [row(2, "A"), row(3, "B"), row(4, "A"), row(5, ""), row(6, "B"), row(7, "C"), row(8, "A")];
        let mut groups = Groups { columns: vec![0], ..Groups::default() };
        rows.iter().for_each(|row| groups.count(row));
        let mut gathering = Gathering::new(&groups);
        let mut described = Vec::new();
        for row in &rows {
            // Row 6 is left out, and is the last of its record all the same.
            for unit in gathering.add(row, left_out(row.number == 6)) {
                described.push(match unit {
                    Unit::Record(rows) => rows.iter().map(|row| row.number).collect::<Vec<u32>>(),
                    Unit::Incomplete(rows, _) => [9].into_iter().chain(rows.iter().map(|row| row.number)).collect(),
                    Unit::Apart(row, _) => vec![0, row.number],
                    Unit::Groupless(row) => vec![1, row.number],
                });
            }
        }
        // Row 5 may be a part of the record above it.
        assert_eq!(described, [vec![1, 5], vec![0, 6], vec![3], vec![7]]);
        assert!(
            matches!(gathering.rest(), Some(Unit::Incomplete(rows, IncompleteGroup::Ungrouped(5))) if rows.len() == 3)
        );
        let Gathering::Counted(counted) = gathering else { panic!("they were counted") };
        assert!(counted.open.is_empty() && counted.left.is_empty());
    }

    #[test]
    fn a_first_reading_takes_neighbours_for_a_record_and_says_where_they_were_not() {
        let none = Groups { columns: vec![0], ..Groups::default() };
        let described = |rows: &[(u32, &str)]| {
            let mut gathering = Gathering::new(&none);
            let mut described = Vec::new();
            let mut units: Vec<Unit> =
                rows.iter().flat_map(|(n, group)| gathering.add(&row(*n, group), left_out(*n == 9))).collect();
            units.extend(gathering.rest());
            for unit in units {
                described.push(match unit {
                    Unit::Record(rows) => rows.iter().map(|row| row.number).collect::<Vec<u32>>(),
                    Unit::Incomplete(rows, _) => [9].into_iter().chain(rows.iter().map(|row| row.number)).collect(),
                    Unit::Apart(row, _) => vec![0, row.number],
                    Unit::Groupless(row) => vec![1, row.number],
                });
            }
            let first = gathering.counted().unwrap();
            (described, first.scattered, first.groups.rows.len())
        };
        let side_by_side = described(&[(2, "A"), (3, "A"), (4, ""), (5, "B"), (9, "B")]);
        assert_eq!(side_by_side, (vec![vec![9, 2, 3], vec![1, 4], vec![0, 9], vec![5]], false, 2));
        assert!(described(&[(2, "A"), (3, "B"), (4, "A")]).1);
        assert!(described(&[]).0.is_empty());
    }
}
