//! Duplicate keys in a table. The first one is kept for the remaining checks.

use super::lines::Text;
use super::node::{Data, Entry, Node};
use sheet_source::message;
use sheet_source::problem::Problem;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// The tables on the way to a key and the key itself: `["lead", "fields", "Имя"]`.
type Path = Vec<String>;

/// Offsets of the keys and headers of a TOML text.
struct KeyIndex<'s> {
    source: &'s str,
    /// Where each key stands first.
    keys: HashMap<Path, usize>,
    /// Where each table header stands first.
    first_headers: HashMap<Path, usize>,
    /// All headers, in the order of the text.
    headers: Vec<(usize, Option<Path>)>,
}

/// `duplicates` are the spans of keys that the parser found a second time; `root` holds the first ones.
pub fn find_in_toml(text: &Text, source: &str, root: &Node, duplicates: &[Range<usize>]) -> Vec<Problem> {
    if duplicates.is_empty() {
        return Vec::new();
    }
    let index = KeyIndex::of(source, root);
    duplicates.iter().map(|key| index.describe(text, key.clone())).collect()
}

impl<'s> KeyIndex<'s> {
    fn of(source: &'s str, root: &Node) -> KeyIndex<'s> {
        let headers = headers(source);
        let mut keys = HashMap::new();
        index_keys(root, &mut Vec::new(), &mut keys);
        let mut first_headers = HashMap::new();
        for (offset, table) in &headers {
            if let Some(table) = table {
                first_headers.entry(table.clone()).or_insert(*offset);
            }
        }
        KeyIndex { source, keys, first_headers, headers }
    }

    /// The problem of a key that stands here a second time.
    fn describe(&self, text: &Text, key: Range<usize>) -> Problem {
        let (start, _) = text.bounds(text.line(key.start));
        let before = self.source.get(start..key.start).unwrap_or("").trim_start();
        let above = self.headers[..self.headers.partition_point(|(offset, _)| *offset <= key.start)].last();
        let written = self.source.get(key.clone()).unwrap_or("");
        let own = key_path(&format!("{written} = 0"));
        let path = match (before.is_empty(), before.starts_with('['), above) {
            (true, _, None) => own,
            (true, _, Some((_, Some(table)))) => own.map(|own| table.iter().cloned().chain(own).collect()),
            (false, true, Some((_, table))) => table.clone(),
            _ => None,
        };
        let name = path.as_ref().and_then(|path| path.last()).map_or(written, String::as_str);
        // The parser keeps the second place of a table that stands twice.
        let among = if before.is_empty() { &self.keys } else { &self.first_headers };
        let first = path.as_ref().and_then(|path| among.get(path).or_else(|| self.keys.get(path)).copied());
        let line = first.filter(|first| *first < key.start).map(|first| text.line(first));
        let (message, hint) = match (line, &path) {
            (Some(line), Some(path)) if !before.is_empty() => (
                message!("duplicate table [{table}], first defined in line {line}", table = path.join("."), line),
                "merge the two into one",
            ),
            (Some(line), Some(path)) if path.len() > 1 => (
                message!(
                    "duplicate key \"{key}\" in [{table}], first defined in line {line}",
                    key = name,
                    table = path[..path.len() - 1].join("."),
                    line
                ),
                KEEP_ONE,
            ),
            (Some(line), _) => {
                (message!("duplicate key \"{key}\", first defined in line {line}", key = name, line), KEEP_ONE)
            }
            (None, _) => (message!("duplicate key \"{key}\"", key = name), KEEP_ONE),
        };
        text.problem(key.start, "key-doubled", message).hint(hint)
    }
}

const KEEP_ONE: &str =
    "keep one of the two; a field filled from several columns takes a list: [\"column 1\", \"column 2\"]";

fn index_keys(node: &Node, path: &mut Path, found: &mut HashMap<Path, usize>) {
    let Data::Table(entries) = &node.data else { return };
    for entry in entries {
        path.push(entry.key.clone());
        found.entry(path.clone()).or_insert(entry.key_offset);
        index_keys(&entry.node, path, found);
        path.pop();
    }
}

/// The table headers of a TOML text: byte offset and path.
fn headers(source: &str) -> Vec<(usize, Option<Path>)> {
    let mut offset = 0;
    let mut found = Vec::new();
    for line in source.split_inclusive('\n') {
        let trimmed = line.trim_start();
        if trimmed.starts_with('[') {
            found.push((offset + line.len() - trimmed.len(), key_path(line)));
        }
        offset += line.len();
    }
    found
}

/// The path of a TOML line: `["lead", "fields"]` for `[lead.fields]`.
fn key_path(line: &str) -> Option<Path> {
    fn descend(table: &DeTable<'_>, path: &mut Path) {
        if let Some((key, value)) = table.iter().next() {
            path.push(key.get_ref().to_string());
            if let DeValue::Table(inner) = value.get_ref() {
                descend(inner, path);
            }
        }
    }
    let mut path = Vec::new();
    descend(DeTable::parse(line).ok()?.get_ref(), &mut path);
    (!path.is_empty()).then_some(path)
}

/// The JSON parser accepts duplicate keys; they are reported and removed here.
pub fn remove_from_json(text: &Text, node: &mut Node, problems: &mut Vec<Problem>) {
    match &mut node.data {
        Data::List(list) => list.iter_mut().for_each(|node| remove_from_json(text, node, problems)),
        Data::Table(entries) => {
            let mut lines: HashMap<String, usize> = HashMap::new();
            let mut later: HashSet<usize> = HashSet::new();
            for Entry { key, key_offset, .. } in entries.iter() {
                let Some(line) = lines.get(key) else {
                    lines.insert(key.clone(), text.line(*key_offset));
                    continue;
                };
                let message =
                    message!("duplicate key \"{key}\" in one object, first defined in line {line}", key, line = *line);
                problems.push(text.problem(*key_offset, "key-doubled", message).hint(KEEP_ONE));
                later.insert(*key_offset);
            }
            entries.retain(|entry| !later.contains(&entry.key_offset));
            entries.iter_mut().for_each(|entry| remove_from_json(text, &mut entry.node, problems));
        }
        Data::Text(_) | Data::Int(_) | Data::Float(_) | Data::Bool(_) | Data::Other(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::mapping::{draft, read_text};

    #[test]
    fn a_key_that_stands_twice_is_told_with_the_line_of_the_first() {
        let text = "version = 1\nkind = \"lead\"\nkind = \"lead\"\n[lead]\nname = \"A\"\n\"name\" = \"B\"\n[lead.fields]\n\
                    name = \"A\"\n[lead]\nprice = { column = \"A\", column = \"B\" }\n";
        let problems = read_text("m.toml".as_ref(), text).unwrap_err();
        let messages: Vec<String> =
            problems.iter().map(|p| format!("{} {}", p.place, p.message)).filter(|p| p.contains("duplicate")).collect();
        let expected = [
            "m.toml:3:1 duplicate key \"kind\", first defined in line 2",
            "m.toml:6:1 duplicate key \"name\" in [lead], first defined in line 5",
            "m.toml:9:2 duplicate table [lead], first defined in line 4",
            "m.toml:10:25 duplicate key \"column\"",
        ];
        assert_eq!(messages, expected);
    }

    #[test]
    fn json_does_not_pass_over_a_key_that_stands_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.json");
        std::fs::write(&path, "{\"version\": 1, \"kind\": \"lead\",\n\"lead\": {\"name\": \"A\",\n\"name\": \"B\"}}")
            .unwrap();
        let problems = draft(&path).problems;
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].message.to_string(), "duplicate key \"name\" in one object, first defined in line 2");
    }
}
