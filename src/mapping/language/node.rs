//! The tree of a mapping file: values and tables with their byte offsets.

use sheet_source::problem::Problem;
use std::collections::HashSet;

/// A value and its byte offset.
#[derive(Debug, Clone)]
pub struct Node {
    pub offset: usize,
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
    /// A type that no mapping needs (a date, `null`), by name.
    Other(&'static str),
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub key: String,
    pub key_offset: usize,
    pub node: Node,
}

impl Node {
    /// The type of the value for messages: "expected a text, found a list".
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

/// A parsed file, as far as it could be read, with its syntax problems.
#[derive(Debug)]
pub struct Tree {
    pub root: Node,
    pub problems: Vec<Problem>,
    /// Numbers of lines that could not be read; problems on these lines are not reported.
    pub broken: HashSet<usize>,
}
