//! What a table shows of the rows: columns of one's own choice, or those of a mapping read backwards.

use super::backwards::Backwards;
use super::cell::{Cell, Names};
use super::columns::{Columns, Head};
use super::dialect::Dialect;
use super::hidden::{Described, Stamp};
use super::linked::{Along, Whole};
use amo_model::LinkKind;

pub enum Shape {
    Columns(Box<Columns>),
    Mapping(Box<Backwards>),
}

impl From<Columns> for Shape {
    fn from(columns: Columns) -> Shape {
        Shape::Columns(Box::new(columns))
    }
}

impl Shape {
    pub fn titles(&self) -> Vec<String> {
        match self {
            Shape::Columns(columns) => columns.titles().map(str::to_owned).collect(),
            Shape::Mapping(mapping) => mapping.titles().map(str::to_owned).collect(),
        }
    }

    pub fn heads(&self) -> Vec<Head> {
        match self {
            Shape::Columns(columns) => columns.heads(),
            Shape::Mapping(_) => self.titles().into_iter().map(|title| Head { title, ..Head::default() }).collect(),
        }
    }

    /// A person has said which columns there are, in which order.
    pub fn is_chosen(&self) -> bool {
        match self {
            Shape::Columns(columns) => columns.is_chosen(),
            Shape::Mapping(_) => true,
        }
    }

    /// What a workbook keeps to itself; one that follows a mapping has the mapping to go back by.
    pub fn hidden(&self) -> Option<(&Stamp, Vec<Described>)> {
        match self {
            Shape::Columns(columns) => columns.stamp().map(|stamp| (stamp, columns.described(stamp.kind))),
            Shape::Mapping(_) => None,
        }
    }

    pub fn links(&self) -> &[LinkKind] {
        match self {
            Shape::Columns(columns) => columns.links(),
            Shape::Mapping(mapping) => mapping.links(),
        }
    }

    /// What has to be read along with the items.
    pub fn along(&self) -> Vec<Along> {
        match self {
            Shape::Columns(columns) => columns.along(),
            Shape::Mapping(mapping) => mapping.links().iter().map(|link| Along::main(*link)).collect(),
        }
    }

    pub fn dialect(&self) -> Dialect {
        match self {
            Shape::Columns(columns) => columns.dialect().clone(),
            Shape::Mapping(mapping) => mapping.dialect().clone(),
        }
    }

    /// Fields of a row that should have had a column; a mapping names those that it wants.
    pub fn unlisted(&self, row: &Whole) -> Vec<u64> {
        match self {
            Shape::Columns(columns) => columns.unlisted(row).collect(),
            Shape::Mapping(_) => Vec::new(),
        }
    }

    /// The rows that an item becomes.
    pub fn rows(&mut self, row: &Whole, names: &Names) -> Vec<Vec<Cell>> {
        match self {
            Shape::Columns(columns) => vec![columns.cells(row, names).collect()],
            Shape::Mapping(mapping) => mapping.rows(row),
        }
    }

    /// What the mapping has no column for, and what could not be put into one.
    pub fn not_exported(&self) -> Vec<String> {
        match self {
            Shape::Columns(_) => Vec::new(),
            Shape::Mapping(mapping) => {
                let lost = mapping.lost().iter().map(|(what, times)| format!("{what} ({times} times)"));
                mapping.untold().iter().cloned().chain(lost).collect()
            }
        }
    }
}
