//! The parameter tables of the documents: names and types of every field, by endpoint. `fields/*.txt` hold them; a head
//! line is a direction, a method and a path, the lines below it are the fields.

use crate::documents::index::folder;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Query,
    Request,
    Answer,
}

#[derive(Debug)]
pub struct Table {
    pub document: &'static str,
    pub direction: Direction,
    pub method: String,
    /// Below `/api/v4/`.
    pub path: String,
    pub fields: Vec<Field>,
}

#[derive(Debug)]
pub struct Field {
    /// As the documents write it: `_embedded[tags][0][id]`. `with=word` is a word that `with` takes.
    pub name: String,
    pub kind: String,
}

pub const DOCUMENTS: [&str; 4] = ["leads", "customers", "statuses-and-segments", "catalogs"];

impl Direction {
    fn from_word(word: &str) -> Direction {
        match word {
            "query" => Direction::Query,
            "request" => Direction::Request,
            "answer" => Direction::Answer,
            _ => panic!("{word} is no direction"),
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Direction::Query => "query",
            Direction::Request => "request",
            Direction::Answer => "answer",
        }
    }
}

impl Table {
    pub fn endpoint(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

impl Field {
    /// What is said of an element stands within `metadata` in the examples, beside it in the tables.
    pub fn within_metadata(&self) -> Option<String> {
        let said = self.name.strip_prefix("_embedded[catalog_elements][0]")?;
        let is_said = matches!(said, "[quantity]" | "[catalog_id]" | "[price_id]");
        is_said.then(|| format!("_embedded[catalog_elements][0][metadata]{said}"))
    }

    /// `["_embedded", "tags", "0", "id"]`
    pub fn steps(&self) -> Vec<&str> {
        steps(&self.name)
    }
}

pub fn steps(name: &str) -> Vec<&str> {
    name.split(['[', ']']).filter(|step| !step.is_empty()).collect()
}

pub fn all() -> Vec<Table> {
    DOCUMENTS.into_iter().flat_map(of_document).collect()
}

fn of_document(document: &'static str) -> Vec<Table> {
    let path = folder().join("fields").join(format!("{document}.txt"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut tables: Vec<Table> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match (line.starts_with(' '), words.as_slice()) {
            (false, [direction, method, path]) => tables.push(Table {
                document,
                direction: Direction::from_word(direction),
                method: (*method).to_owned(),
                path: (*path).to_owned(),
                fields: Vec::new(),
            }),
            (true, [name, kind]) => {
                let fields = &mut tables.last_mut().expect("a head line first").fields;
                fields.push(Field { name: (*name).to_owned(), kind: (*kind).to_owned() });
            }
            _ => panic!("{document}: {line}"),
        }
    }
    tables
}
