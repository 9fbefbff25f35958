//! Parses TOML and JSON into one tree of keys and values with byte offsets. Syntax errors are reported here; the keys
//! are checked by `reader`.

use super::doubled;
use super::lines::Text;
use super::node::{Data, Entry, Node, Tree};
use super::quotes::{Curly, straightened};
use super::unclosed::{self, Unclosed};
use amo_client::private;
use jsonc_parser::ParseOptions;
use sheet_source::message;
use sheet_source::problem::{Message, Problem, quoted};
use std::borrow::Cow;
use std::collections::HashSet;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Reads and parses a mapping: JSON when the file's name ends in `.json`, TOML otherwise.
pub fn read(path: &Path) -> Result<(Text, Tree), Vec<Problem>> {
    let unreadable =
        |message: Message, hint: &'static str| vec![Problem::in_file(path, "mapping-unreadable", message).hint(hint)];
    let bytes = private::plain(path).map_err(|e| {
        unreadable(
            message!("cannot read the mapping: {error}", error = e.to_string()),
            "check the path given with --mapping",
        )
    })?;
    if WORKBOOKS.iter().any(|start| bytes.starts_with(start)) {
        return Err(unreadable(
            "this is a workbook, not a mapping".into(),
            "pass the source first, then the mapping with -m",
        ));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(bytes);
    let text = String::from_utf8(bytes)
        .map_err(|_| unreadable("the mapping is not UTF-8 text".into(), "save the mapping as UTF-8"))?;
    let text = Text::new(path, &text);
    let tree = if is_json(path) { from_json_text(&text)? } else { parse_toml(&text) };
    Ok((text, tree))
}

/// The most errors of one kind that are searched one after another.
const FAULTS_MAX: usize = 20;

/// Magic bytes of ZIP and compound files.
const WORKBOOKS: [&[u8]; 2] = [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"];

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}

/// Parses a TOML text.
pub fn from_toml_text(path: &Path, text: &str) -> (Text, Tree) {
    let text = Text::new(path, text);
    let tree = parse_toml(&text);
    (text, tree)
}

fn parse_toml(text: &Text) -> Tree {
    let tree = toml_tree(text, &text.text);
    if tree.broken.is_empty() {
        return tree;
    }
    let Some((straight, curly)) = straightened(&text.text, false) else { return tree };
    let mut mended = toml_tree(text, &straight);
    // If that fixes nothing, the quotes belong to the text.
    if mended.broken.len() >= tree.broken.len() {
        return tree;
    }
    mended.problems.extend(curly.iter().map(|one| curly_quotes(text, one)));
    mended
}

fn curly_quotes(text: &Text, one: &Curly) -> Problem {
    let inner = quoted(&one.inner);
    text.problem(one.offset, "curly-quotes", message!("{value} is in curly quotes", value = &one.inner))
        .hint(message!("use straight quotes: {inner}; word processors and messengers replace them", inner))
}

/// `source` is the text, or a corrected one of the same length.
fn toml_tree(text: &Text, source: &str) -> Tree {
    let (mut problems, mut broken, mut twice) = (Vec::new(), HashSet::new(), Vec::new());
    let source = &without_unclosed(text, source, &mut problems, &mut broken);
    let (table, errors) = DeTable::parse_recoverable(source);
    let offset = table.span().start;
    let root = from_toml_table(offset, table.into_inner());
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        if error.message() == "duplicate key" {
            twice.push(span);
            continue;
        }
        broken.insert(text.line(span.start));
        let reason = error.message().replace('\n', ", ");
        problems.push(
            text.problem(span.start, "mapping-syntax", message!("invalid TOML: {error}", error = reason))
                .hint("put column titles and other texts in double quotes: name = \"Имя клиента\""),
        );
    }
    below_broken_headers(source, &mut broken);
    problems.extend(doubled::find_in_toml(text, source, &root, &twice));
    Tree { root, problems, broken }
}

/// The source with the lines of unclosed brackets blanked; each bracket is reported.
fn without_unclosed<'s>(
    text: &Text,
    source: &'s str,
    problems: &mut Vec<Problem>,
    broken: &mut HashSet<usize>,
) -> Cow<'s, str> {
    let mut source = Cow::Borrowed(source);
    for _ in 0..FAULTS_MAX {
        let Some(Unclosed { offset, closing, lines }) = unclosed::first(&source) else { break };
        let opening = source[offset..].chars().next().unwrap_or(closing).to_string();
        let closing = closing.to_string();
        problems.push(
            text.problem(offset, "mapping-syntax", message!("invalid TOML: {opening} is not closed", opening))
                .hint(message!("add the missing {closing}", closing)),
        );
        broken.extend(text.line(lines.start)..=text.line(lines.end - 1));
        let blank =
            source[lines.clone()].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect::<String>();
        source.to_mut().replace_range(lines, &blank);
    }
    source
}

/// Lines below an unreadable table header belong to an unknown table.
fn below_broken_headers(source: &str, broken: &mut HashSet<usize>) {
    let mut lost = false;
    for (n, line) in source.lines().enumerate() {
        if line.trim_start().starts_with('[') {
            lost = broken.contains(&(n + 1));
        } else if lost {
            broken.insert(n + 1);
        }
    }
}

fn from_toml_table(offset: usize, table: DeTable<'_>) -> Node {
    let entries = table
        .into_iter()
        .map(|(key, value)| Entry {
            key_offset: key.span().start,
            key: key.into_inner().into_owned(),
            node: from_toml(value),
        })
        .collect();
    Node { offset, data: Data::Table(entries) }
}

fn from_toml(value: Spanned<DeValue<'_>>) -> Node {
    let offset = value.span().start;
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
        DeValue::Table(table) => return from_toml_table(offset, table),
    };
    Node { offset, data }
}

fn from_json_text(text: &Text) -> Result<Tree, Vec<Problem>> {
    let (mut root, mut problems) = match (parse_json(&text.text, &STRICT), straightened(&text.text, true)) {
        (Ok(root), _) => (root, Vec::new()),
        (Err(_), Some((straight, curly))) if parse_json(&straight, &STRICT).is_ok() => {
            let root = parse_json(&straight, &STRICT).map_err(|why| vec![json_error(text, why)])?;
            (root, curly.iter().map(|one| curly_quotes(text, one)).collect())
        }
        // The meaning is clear, so the rest is checked as well.
        (Err(why), _) => match parse_json(&text.text, &LOOSE) {
            Ok(root) => (root, strict_errors(text)),
            Err(_) => return Err(vec![json_error(text, why)]),
        },
    };
    doubled::remove_from_json(text, &mut root, &mut problems);
    Ok(Tree { root, problems, broken: HashSet::new() })
}

fn json_error(text: &Text, (offset, error): (usize, Message)) -> Problem {
    text.problem(offset, "mapping-syntax", message!("invalid JSON: {error}", error))
}

/// Strict JSON errors in a text that the loose parser accepts: every extra comma, and the first error of another kind.
fn strict_errors(text: &Text) -> Vec<Problem> {
    let (mut problems, mut source) = (Vec::new(), text.text.to_string());
    while let Err((offset, why)) = parse_json(&source, &STRICT) {
        problems.push(json_error(text, (offset, why)));
        if !source[offset..].starts_with(',') || problems.len() >= FAULTS_MAX {
            break;
        }
        source.replace_range(offset..=offset, " ");
    }
    problems
}

const STRICT: ParseOptions = ParseOptions {
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

/// JSON with common extensions.
const LOOSE: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: true,
    allow_trailing_commas: true,
    allow_missing_commas: true,
    allow_single_quoted_strings: true,
    ..STRICT
};

/// Returns the byte offset and the message of an error.
fn parse_json(source: &str, allowed: &ParseOptions) -> Result<Node, (usize, Message)> {
    let parsed = jsonc_parser::parse_to_ast(source, &jsonc_parser::CollectOptions::default(), allowed)
        .map_err(|error| (error.range().start, Message::verbatim(error.kind().to_string().to_lowercase())))?;
    parsed.value.map(from_json).ok_or((0, "the file is empty".into()))
}

/// True for a file with a mapping's `kind` or `version`, whatever its name and format.
pub fn is_mapping(path: &Path) -> bool {
    let Ok((_, tree)) = read(path) else { return false };
    let Data::Table(entries) = &tree.root.data else { return false };
    entries.iter().any(|entry| matches!(entry.key.as_str(), "kind" | "version"))
}

fn from_json(value: jsonc_parser::ast::Value<'_>) -> Node {
    use jsonc_parser::ast::Value;
    let (offset, data) = match value {
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
                key_offset: property.range.start,
                key: property.name.into_string(),
                node: from_json(property.value),
            });
            (object.range.start, Data::Table(entries.collect()))
        }
    };
    Node { offset, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(file: &str, text: &str) -> Text {
        Text::new(file, text)
    }

    #[test]
    fn every_syntax_error_of_a_file_comes_out_with_its_line_and_column() {
        let problems = parse_toml(&text("m.toml", "kind = \"lead\"\nИмя = 1\n[lead]\nname = \n")).problems;
        let messages: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(messages[0].starts_with("m.toml:2:1: invalid TOML"), "{messages:?}");
        assert!(messages.iter().any(|t| t.starts_with("m.toml:4:")), "{messages:?}");
    }

    #[test]
    fn toml_and_json_become_the_same_tree() {
        let toml = parse_toml(&text("m.toml", "version = 1\n[lead]\nname = \"Имя\"\ntags = [\"a\", \"b\"]"));
        let json =
            from_json_text(&text("m.json", r#"{"version": 1, "lead": {"name": "Имя", "tags": ["a", "b"]}}"#)).unwrap();
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
        assert_eq!(shape(&toml.root), shape(&json.root));
    }

    #[test]
    fn json_with_a_fault_says_where() {
        let problems = from_json_text(&text("m.json", "{\"version\": 1,\n \"lead\" {}}")).unwrap_err();
        assert!(problems[0].to_string().starts_with("m.json:2:"), "{}", problems[0]);
    }

    #[test]
    fn a_file_with_curly_quotes_is_read_as_if_they_were_straight_and_they_are_told() {
        let tree = parse_toml(&text("m.toml", "kind = “lead”\n[lead]\nname = «Имя»\nnmae = 1"));
        let messages: Vec<String> = tree.problems.iter().map(ToString::to_string).collect();
        assert!(
            messages[0].starts_with("m.toml:1:8: lead is in curly quotes; use straight quotes: \"lead\""),
            "{messages:?}"
        );
        assert_eq!((messages.len(), tree.broken.len()), (2, 0), "{messages:?}");
        let Data::Table(entries) = &tree.root.data else { panic!("a table") };
        assert!(matches!(&entries[0].node.data, Data::Text(kind) if kind == "lead"));
        let json = from_json_text(&text("m.json", "{“kind”: \"lead”}")).unwrap();
        assert_eq!(json.problems.len(), 2);
    }
}
