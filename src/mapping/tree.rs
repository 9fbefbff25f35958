//! A mapping file as a tree in which every key and value knows where it stands. TOML and JSON both become this tree,
//! so all that follows is written once. Syntax errors end here; what the keys mean is `written`'s business.

use crate::message;
use crate::problem::{Message, Place, Problem, Stage};
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

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

/// The text of a mapping file, for turning byte offsets into lines and columns.
#[derive(Debug, Clone)]
pub struct Text {
    pub file: PathBuf,
    pub text: String,
}

impl Text {
    /// Line and column, both counted from 1, the column in characters.
    pub fn place(&self, at: usize) -> Place {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place::Text {
            file: self.file.clone(),
            line: before.bytes().filter(|b| *b == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    pub fn problem(&self, at: usize, code: &'static str, message: impl Into<Message>) -> Problem {
        Problem::new(Stage::Map, code, message).at(self.place(at))
    }
}

/// Reads and parses a mapping: JSON when the file's name ends in `.json`, TOML otherwise.
pub fn read(path: &Path) -> Result<(Text, Node), Vec<Problem>> {
    let unreadable =
        |message: Message, hint: &'static str| vec![Problem::in_file(path, "mapping-unreadable", message).hint(hint)];
    let bytes = std::fs::read(path).map_err(|e| {
        unreadable(
            message!("the mapping cannot be read: {error}", error = e.to_string()),
            "check the path given with --mapping",
        )
    })?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(bytes);
    let text = String::from_utf8(bytes)
        .map_err(|_| unreadable("the mapping is not UTF-8 text".into(), "save the mapping as UTF-8"))?;
    let text = Text { file: path.to_owned(), text };
    let json = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"));
    let tree = if json { parse_json(&text) } else { parse_toml(&text) };
    tree.map(|node| (text, node))
}

/// The same from a text in TOML.
pub fn of_toml(path: &Path, text: &str) -> Result<(Text, Node), Vec<Problem>> {
    let text = Text { file: path.to_owned(), text: text.to_owned() };
    parse_toml(&text).map(|node| (text, node))
}

fn parse_toml(text: &Text) -> Result<Node, Vec<Problem>> {
    let (table, errors) = DeTable::parse_recoverable(&text.text);
    if errors.is_empty() {
        let at = table.span().start;
        return Ok(from_toml_table(at, table.into_inner()));
    }
    Err(errors
        .iter()
        .map(|error| {
            let at = error.span().map_or(0, |span| span.start);
            text.problem(
                at,
                "mapping-syntax",
                message!("this is not TOML: {error}", error = error.message().replace('\n', ", ")),
            )
            .hint("column titles and other texts stand in double quotes: name = \"Имя клиента\"")
        })
        .collect())
}

fn from_toml_table(at: usize, table: DeTable<'_>) -> Node {
    let entries = table
        .into_iter()
        .map(|(key, value)| Entry {
            key_at: key.span().start,
            key: key.into_inner().into_owned(),
            node: from_toml(value),
        })
        .collect();
    Node { at, data: Data::Table(entries) }
}

fn from_toml(value: Spanned<DeValue<'_>>) -> Node {
    let at = value.span().start;
    let data = match value.into_inner() {
        DeValue::String(text) => Data::Text(text.into_owned()),
        DeValue::Integer(int) => match i64::from_str_radix(int.as_str(), int.radix()) {
            Ok(int) => Data::Int(int),
            Err(_) => Data::Other("a number too large"),
        },
        DeValue::Float(float) => match float.as_str().parse() {
            Ok(float) => Data::Float(float),
            Err(_) => Data::Other("a number out of range"),
        },
        DeValue::Boolean(flag) => Data::Bool(flag),
        DeValue::Datetime(_) => Data::Other("a date without quotes"),
        DeValue::Array(list) => Data::List(list.into_iter().map(from_toml).collect()),
        DeValue::Table(table) => return from_toml_table(at, table),
    };
    Node { at, data }
}

fn parse_json(text: &Text) -> Result<Node, Vec<Problem>> {
    let strict = jsonc_parser::ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let syntax = |at: usize, error: Message| {
        vec![text.problem(at, "mapping-syntax", message!("this is not JSON: {error}", error))]
    };
    let parsed = jsonc_parser::parse_to_ast(&text.text, &jsonc_parser::CollectOptions::default(), &strict)
        .map_err(|error| syntax(error.range().start, Message::verbatim(error.kind().to_string().to_lowercase())))?;
    match parsed.value {
        Some(value) => Ok(from_json(value)),
        None => Err(syntax(0, "the file is empty".into())),
    }
}

fn from_json(value: jsonc_parser::ast::Value<'_>) -> Node {
    use jsonc_parser::ast::Value;
    let (at, data) = match value {
        Value::StringLit(text) => (text.range.start, Data::Text(text.value.into_owned())),
        Value::NumberLit(number) => (
            number.range.start,
            match (number.value.parse::<i64>(), number.value.parse::<f64>()) {
                (Ok(int), _) => Data::Int(int),
                (Err(_), Ok(float)) => Data::Float(float),
                (Err(_), Err(_)) => Data::Other("a number out of range"),
            },
        ),
        Value::BooleanLit(flag) => (flag.range.start, Data::Bool(flag.value)),
        Value::NullKeyword(null) => (null.range.start, Data::Other("null")),
        Value::Array(list) => (list.range.start, Data::List(list.elements.into_iter().map(from_json).collect())),
        Value::Object(object) => {
            let entries = object.properties.into_iter().map(|property| Entry {
                key_at: property.range.start,
                key: property.name.into_string(),
                node: from_json(property.value),
            });
            (object.range.start, Data::Table(entries.collect()))
        }
    };
    Node { at, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(file: &str, text: &str) -> Text {
        Text { file: file.into(), text: text.into() }
    }

    #[test]
    fn every_syntax_error_of_a_file_comes_out_with_its_line_and_column() {
        let problems = parse_toml(&text("m.toml", "kind = \"lead\"\nИмя = 1\n[lead]\nname = \n")).unwrap_err();
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(told[0].starts_with("m.toml:2:1: this is not TOML"), "{told:?}");
        assert!(told.iter().any(|t| t.starts_with("m.toml:4:")), "{told:?}");
    }

    #[test]
    fn toml_and_json_become_the_same_tree() {
        let toml = parse_toml(&text("m.toml", "version = 1\n[lead]\nname = \"Имя\"\ntags = [\"a\", \"b\"]")).unwrap();
        let json =
            parse_json(&text("m.json", r#"{"version": 1, "lead": {"name": "Имя", "tags": ["a", "b"]}}"#)).unwrap();
        let shape = |node: &Node| {
            fn walk(node: &Node, out: &mut String) {
                match &node.data {
                    Data::Table(entries) => {
                        entries.iter().for_each(|e| {
                            out.push_str(&e.key);
                            walk(&e.node, out);
                        });
                    }
                    Data::List(list) => list.iter().for_each(|n| walk(n, out)),
                    other => out.push_str(&format!("{other:?}")),
                }
            }
            let mut out = String::new();
            walk(node, &mut out);
            out
        };
        assert_eq!(shape(&toml), shape(&json));
    }

    #[test]
    fn json_with_a_fault_says_where() {
        let problems = parse_json(&text("m.json", "{\"version\": 1,\n \"lead\" {}}")).unwrap_err();
        assert!(problems[0].to_string().starts_with("m.json:2:"), "{}", problems[0]);
    }
}
