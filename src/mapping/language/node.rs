//! The tree of a mapping file: values, tables, and where each begins.

use sheet_source::problem::Problem;
use std::collections::HashSet;

/// A value and the byte at which it begins.
#[derive(Debug, Clone)]
pub struct Node {
    pub at: usize,
    pub data: Data,
}

#[derive(Debug, Clone)]
pub enum Data {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    List(Vec<Node>),
    Table(Vec<Entry>),
    /// Something no mapping needs (a date, `null`); the word says what it is.
    Other(&'static str),
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub key: String,
    pub key_at: usize,
    pub node: Node,
}

impl Node {
    /// What it is, for "expected a text, found a list".
    pub fn what(&self) -> &'static str {
        match &self.data {
            Data::Text(_) => "a text",
            Data::Int(_) => "a whole number",
            Data::Float(_) => "a number",
            Data::Bool(_) => "true or false",
            Data::List(_) => "a list",
            Data::Table(_) => "a table",
            Data::Other(word) => word,
        }
    }
}

/// A file as far as it could be read: what it says, and what is wrong with how it is written.
#[derive(Debug)]
pub struct Tree {
    pub root: Node,
    pub problems: Vec<Problem>,
    /// Lines that could not be read: what is missing or odd there is no fault of its own.
    pub broken: HashSet<usize>,
}
