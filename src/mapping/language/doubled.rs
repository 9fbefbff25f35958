//! Keys that stand twice in one table. The first one counts for whatever else is said of the file.

use super::lines::Text;
use super::node::{Data, Entry, Node};
use sheet_source::message;
use sheet_source::problem::Problem;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// The names of the tables on the way to a key, and its own.
type Path = Vec<String>;

/// Where each stands first.
#[derive(Default)]
struct First {
    keys: HashMap<Path, usize>,
    headers: HashMap<Path, usize>,
}

/// `twice` are the keys that TOML has met a second time; `root` holds the first ones.
pub fn of_toml(text: &Text, source: &str, root: &Node, twice: &[Range<usize>]) -> Vec<Problem> {
    if twice.is_empty() {
        return Vec::new();
    }
    let headers = headers(source);
    let mut first = First::default();
    places(root, &mut Vec::new(), &mut first.keys);
    for (at, table) in &headers {
        first
            .headers
            .extend(table.clone().filter(|table| !first.headers.contains_key(table)).map(|table| (table, *at)));
    }
    twice.iter().map(|key| told(text, source, &first, &headers, key.clone())).collect()
}

fn told(text: &Text, source: &str, first: &First, headers: &[(usize, Option<Path>)], key: Range<usize>) -> Problem {
    let (start, _) = text.bounds(text.line(key.start));
    let before = source.get(start..key.start).unwrap_or("").trim_start();
    let above = headers[..headers.partition_point(|(at, _)| *at <= key.start)].last();
    let own = names(&format!("{} = 0", source.get(key.clone()).unwrap_or("")));
    let path = match (before.is_empty(), before.starts_with('['), above) {
        (true, _, None) => own,
        (true, _, Some((_, Some(table)))) => own.map(|own| table.iter().cloned().chain(own).collect()),
        (false, true, Some((_, table))) => table.clone(),
        _ => None,
    };
    let name = path.as_ref().and_then(|path| path.last()).map_or(source.get(key.clone()).unwrap_or(""), String::as_str);
    // Of a table that stands twice the reader keeps the second place.
    let among = if before.is_empty() { &first.keys } else { &first.headers };
    let at = path.as_ref().and_then(|path| among.get(path).or_else(|| first.keys.get(path)).copied());
    let line = at.filter(|at| *at < key.start).map(|at| text.line(at));
    let (message, hint) = match (line, &path) {
        (Some(line), Some(path)) if !before.is_empty() => (
            message!("[{table}] stands twice, first in line {line}", table = path.join("."), line),
            "put all its lines below one of the two",
        ),
        (Some(line), Some(path)) if path.len() > 1 => (
            message!(
                "\"{key}\" stands twice in [{table}], first in line {line}",
                key = name,
                table = path[..path.len() - 1].join("."),
                line
            ),
            KEEP_ONE,
        ),
        (Some(line), _) => (message!("\"{key}\" stands twice, first in line {line}", key = name, line), KEEP_ONE),
        (None, _) => (message!("\"{key}\" stands twice", key = name), KEEP_ONE),
    };
    text.problem(key.start, "key-doubled", message).hint(hint)
}

const KEEP_ONE: &str = "keep one of the two; several columns for one field are a list: [\"column 1\", \"column 2\"]";

fn places(node: &Node, path: &mut Path, found: &mut HashMap<Path, usize>) {
    let Data::Table(entries) = &node.data else { return };
    for entry in entries {
        path.push(entry.key.clone());
        found.entry(path.clone()).or_insert(entry.key_at);
        places(&entry.node, path, found);
        path.pop();
    }
}

/// The lines that begin a table, and which.
fn headers(source: &str) -> Vec<(usize, Option<Path>)> {
    let mut at = 0;
    let mut found = Vec::new();
    for line in source.split_inclusive('\n') {
        let trimmed = line.trim_start();
        if trimmed.starts_with('[') {
            found.push((at + line.len() - trimmed.len(), names(line)));
        }
        at += line.len();
    }
    found
}

/// The names that a line of TOML goes through, `["lead", "fields"]` for `[lead.fields]`.
fn names(line: &str) -> Option<Path> {
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

/// JSON takes a doubled key without a word; what stands twice is told and left out.
pub fn of_json(text: &Text, node: &mut Node, problems: &mut Vec<Problem>) {
    match &mut node.data {
        Data::List(list) => list.iter_mut().for_each(|node| of_json(text, node, problems)),
        Data::Table(entries) => {
            let mut lines: HashMap<String, usize> = HashMap::new();
            let mut later: HashSet<usize> = HashSet::new();
            for Entry { key, key_at, .. } in entries.iter() {
                let Some(line) = lines.get(key) else {
                    lines.insert(key.clone(), text.line(*key_at));
                    continue;
                };
                let message = message!("\"{key}\" stands twice in one object, first in line {line}", key, line = *line);
                problems.push(text.problem(*key_at, "key-doubled", message).hint(KEEP_ONE));
                later.insert(*key_at);
            }
            entries.retain(|entry| !later.contains(&entry.key_at));
            entries.iter_mut().for_each(|entry| of_json(text, &mut entry.node, problems));
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
        let told: Vec<String> =
            problems.iter().map(|p| format!("{} {}", p.place, p.message)).filter(|p| p.contains("twice")).collect();
        let expected = [
            "m.toml:3:1 \"kind\" stands twice, first in line 2",
            "m.toml:6:1 \"name\" stands twice in [lead], first in line 5",
            "m.toml:9:2 [lead] stands twice, first in line 4",
            "m.toml:10:25 \"column\" stands twice",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn json_does_not_pass_over_a_key_that_stands_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.json");
        std::fs::write(&path, "{\"version\": 1, \"kind\": \"lead\",\n\"lead\": {\"name\": \"A\",\n\"name\": \"B\"}}")
            .unwrap();
        let problems = draft(&path).problems;
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].message.to_string(), "\"name\" stands twice in one object, first in line 2");
    }
}
