//! Reads the tree of a mapping file into a syntax tree and checks keys and shapes. All problems of a file are collected
//! in one pass.

use super::ast::{
    CATALOG_KEY, GROUP_KEY, ListMode, MappingAst, ObjectPart, Origin, SOURCE_KEYS, Section, SourceTable, Spanned,
    TOP_KEYS, TargetRef, VALUE_KEYS, VERSION, Value,
};
use super::lines::Text;
use super::node::{Data, Entry, Node, Tree};
use crate::mapping::Draft;
use amo_model::{Action, FieldSpec, Kind, SectionSpec, Wire};
use sheet_source::HiddenRows;
use sheet_source::message;
use sheet_source::problem::{Message, Place, Problem, did_you_mean, nearest};
use std::path::PathBuf;

/// The number of problems that get hints with similar or known names; searching for them is slow.
pub const HINTS_MAX: usize = 1_000;

/// Reads the tree. If the kind or the action is unknown, the most similar one is assumed, so that the rest is checked
/// as well.
pub fn read(text: Text, tree: Tree) -> Draft {
    let Tree { root, problems, broken } = tree;
    let mut reader = Reader { text: &text, problems: Vec::new(), files: Vec::new(), any_action: false };
    let Data::Table(entries) = &root.data else {
        let message = message!("a mapping is a table, found {found}", found = root.what());
        let problems = vec![text.problem(root.offset, "mapping-shape", message)];
        return Draft { ast: None, problems, unread: broken };
    };
    let head = reader.head(entries);
    let mut ast = head.map(|(kind, action)| MappingAst {
        text: text.clone(),
        incomplete: !reader.problems.is_empty() || !broken.is_empty(),
        has_problems: false,
        kind,
        action,
        key: Vec::new(),
        key_space: None,
        catalog: None,
        group: Vec::new(),
        marker: None,
        files: Vec::new(),
        source: SourceTable::default(),
        sections: vec![],
    });
    if let Some(ast) = &mut ast {
        reader.entries(entries, ast);
        let item = &ast.kind.spec().sections[0];
        let has_item = ast.sections.iter().any(|section| std::ptr::eq(section.spec, item));
        if !has_item && !ast.incomplete {
            let name = item.name;
            reader.problem(root.offset, "mapping-shape", message!("missing table [{section}]", section = name)).hint =
                Some(message!("add [{section}] with at least one field, for example name = \"…\"", section = name));
        }
        ast.files = std::mem::take(&mut reader.files);
        ast.has_problems = !reader.problems.is_empty() || !problems.is_empty();
    }
    let mut found = reader.problems;
    found.retain(|problem| !matches!(problem.place, Place::Text { line, .. } if broken.contains(&line)));
    found.extend(problems);
    sort_by_position(&mut found);
    Draft { ast, problems: found, unread: broken }
}

/// Sorts the problems of a mapping by line and column.
pub(crate) fn sort_by_position(problems: &mut [Problem]) {
    problems.sort_by_key(|problem| match problem.place {
        Place::Text { line, column, .. } => (line, column),
        Place::Nowhere | Place::File(_) | Place::Cell { .. } => (usize::MAX, 0),
    });
}

pub(super) struct Reader<'a> {
    pub(super) text: &'a Text,
    pub(super) problems: Vec<Problem>,
    pub(super) files: Vec<PathBuf>,
    /// The action is unknown, so the fields of all actions are accepted.
    pub(super) any_action: bool,
}

impl Reader<'_> {
    pub(super) fn problem(&mut self, offset: usize, code: &'static str, message: impl Into<Message>) -> &mut Problem {
        let index = self.problems.len();
        self.problems.push(self.text.problem(offset, code, message));
        &mut self.problems[index]
    }

    pub(super) fn unknown_key(&mut self, entry: &Entry, place: impl Into<Message>, known: &[&str]) {
        let hint = (self.problems.len() < HINTS_MAX).then(|| {
            did_you_mean(&entry.key, known.iter().copied()).unwrap_or_else(|| message!("known keys: {known}", known))
        });
        self.problem(
            entry.key_offset,
            "unknown-key",
            message!("unknown key \"{key}\" {place}", key = &entry.key, place = place.into()),
        )
        .hint = hint;
    }

    /// Reads the top-level entries.
    fn entries(&mut self, entries: &[Entry], ast: &mut MappingAst) {
        let (kind, action) = (ast.kind, ast.action);
        for entry in entries {
            match entry.key.as_str() {
                "version" | "kind" | "action" | "$schema" => {}
                "key" => ast.key = self.expect_texts(entry),
                "key-space" => ast.key_space = self.expect_text(entry),
                "marker" => ast.marker = self.expect_text(entry),
                CATALOG_KEY if kind.spec().catalog.is_some() => ast.catalog = self.scalar(entry),
                GROUP_KEY if kind.spec().grouped() && action != Action::Delete => ast.group = self.expect_texts(entry),
                "source" => ast.source = self.source(entry),
                _ => self.section(entry, ast),
            }
        }
    }

    fn head(&mut self, entries: &[Entry]) -> Option<(Kind, Action)> {
        let find = |key: &str| entries.iter().find(|e| e.key == key);
        match find("version").map(|e| (&e.node.data, e.node.offset)) {
            Some((Data::Int(VERSION), _)) => {}
            Some((_, offset)) => {
                self.problem(offset, "mapping-version", "unknown version of the mapping language").hint =
                    Some(message!("write version = {version}", version = VERSION));
            }
            None => {
                self.problem(0, "mapping-version", "the mapping has no version").hint =
                    Some(message!("add version = {version} at its beginning", version = VERSION));
            }
        }
        let names: Vec<&str> = Kind::ALL.into_iter().map(Kind::name).collect();
        let kind = match find("kind") {
            None => {
                self.problem(0, "mapping-kind", "the mapping has no kind").hint =
                    Some(message!("add kind = \"…\", one of: {known}", known = names.as_slice()));
                None
            }
            Some(entry) => self.word(entry, Kind::from_name, &names, "kind"),
        };
        let near_kind = || nearest_word(find("kind")?, &names).and_then(Kind::from_name);
        let kind = kind.or_else(near_kind).or_else(|| kind_of(entries))?;
        let action = match find("action") {
            None => Some(Action::Create),
            Some(entry) => {
                let names: Vec<&str> = kind.spec().writes.iter().map(|w| w.action.name()).collect();
                let known = |word: &str| Action::from_name(word).filter(|action| kind.spec().write(*action).is_some());
                let action = self.word(entry, known, &names, message!("action for a {kind}", kind = kind.name()));
                action.or_else(|| nearest_word(entry, &names).and_then(known))
            }
        };
        self.any_action = action.is_none();
        Some((kind, action.unwrap_or(Action::Create)))
    }

    /// Reads a keyword.
    pub(super) fn word<T>(
        &mut self,
        entry: &Entry,
        from: impl Fn(&str) -> Option<T>,
        known: &[&str],
        noun: impl Into<Message>,
    ) -> Option<T> {
        let text = self.expect_text(entry)?;
        let found = from(&text.value);
        if found.is_none() {
            let hint =
                did_you_mean(&text.value, known.iter().copied()).unwrap_or_else(|| message!("known: {known}", known));
            self.problem(
                text.offset,
                "unknown-word",
                message!("unknown {noun} \"{value}\"", noun = noun.into(), value = &text.value),
            )
            .hint = Some(hint);
        }
        found
    }

    pub(super) fn expect_text(&mut self, entry: &Entry) -> Option<Spanned<String>> {
        match &entry.node.data {
            Data::Text(text) => Some(Spanned { offset: entry.node.offset, value: text.clone() }),
            _ => {
                let message =
                    message!("\"{key}\" takes a text, found {found}", key = &entry.key, found = entry.node.what());
                self.problem(entry.node.offset, "mapping-shape", message);
                None
            }
        }
    }

    /// Reads a text or a list of texts.
    pub(super) fn expect_texts(&mut self, entry: &Entry) -> Vec<Spanned<String>> {
        let nodes = match &entry.node.data {
            Data::List(list) => list.iter().collect(),
            _ => vec![&entry.node],
        };
        if nodes.is_empty() && matches!(entry.key.as_str(), "key" | GROUP_KEY) {
            let message = message!("\"{key}\" is an empty list", key = &entry.key);
            self.problem(entry.node.offset, "mapping-shape", message).hint =
                Some("name a column, or leave the line out".into());
        }
        let mut expect_texts = Vec::new();
        for node in nodes {
            match &node.data {
                Data::Text(text) => expect_texts.push(Spanned { offset: node.offset, value: text.clone() }),
                _ => {
                    let message = message!(
                        "\"{key}\" takes a text or a list of texts, found {found}",
                        key = &entry.key,
                        found = node.what()
                    );
                    self.problem(node.offset, "mapping-shape", message);
                }
            }
        }
        expect_texts
    }

    fn source(&mut self, entry: &Entry) -> SourceTable {
        let mut source = SourceTable::default();
        let Data::Table(entries) = &entry.node.data else {
            let message = message!("\"source\" is a table, found {found}", found = entry.node.what());
            self.problem(entry.node.offset, "mapping-shape", message);
            return source;
        };
        for entry in entries {
            match entry.key.as_str() {
                "sheet" => match &entry.node.data {
                    Data::Int(number) => source.read.sheet = Some(number.to_string()),
                    _ => source.read.sheet = self.expect_text(entry).map(|t| t.value),
                },
                "header-row" => match &entry.node.data {
                    Data::Int(row @ 0..=1_048_576) => source.read.header_row = Some(*row as u32),
                    _ => {
                        let message = "\"header-row\" takes a row number, or 0 for no header";
                        self.problem(entry.node.offset, "mapping-shape", message);
                    }
                },
                "hidden-rows" => {
                    source.read.hidden_rows =
                        self.word(entry, HiddenRows::from_word, &HiddenRows::WORDS, "mode of hidden rows");
                }
                "currency" => source.currency = self.currency(entry),
                "fill-down" => source.fill_down = self.expect_texts(entry),
                "encoding" => source.read.encoding = self.expect_text(entry).map(|t| t.value),
                "delimiter" => source.read.delimiter = self.expect_char(entry, ""),
                "decimal" => source.decimal = self.expect_char(entry, ".,"),
                "dates" => source.dates = self.expect_texts(entry),
                "timezone" => source.timezone = self.expect_text(entry),
                "where" => source.condition = self.expect_text(entry),
                _ => self.unknown_key(entry, "in [source]", SOURCE_KEYS),
            }
        }
        source
    }

    /// Reads a single character; `decimal` takes only a dot or a comma.
    fn expect_char(&mut self, entry: &Entry, only: &str) -> Option<char> {
        let text = self.expect_text(entry)?;
        let mut chars = text.value.chars();
        let decimal = entry.key == "decimal";
        match (chars.next(), chars.next()) {
            (Some(c), None) if !decimal || only.contains(c) => Some(c),
            _ => {
                let wanted = if decimal { "\".\" or \",\"" } else { "one character" };
                self.problem(
                    text.offset,
                    "mapping-shape",
                    message!(
                        "\"{key}\" takes {wanted}, found \"{value}\"",
                        key = &entry.key,
                        wanted,
                        value = &text.value
                    ),
                );
                None
            }
        }
    }

    /// Reads `[lead]` with `[lead.fields]` and nested tables such as `[lead.metadata]`.
    fn section(&mut self, entry: &Entry, ast: &mut MappingAst) {
        let spec = ast.kind.spec();
        let Some(section) = spec.section(&entry.key) else {
            let known: Vec<&str> = TOP_KEYS
                .iter()
                .copied()
                .chain(Some(CATALOG_KEY).filter(|_| spec.catalog.is_some()))
                .chain(Some(GROUP_KEY).filter(|_| spec.grouped() && ast.action != Action::Delete))
                .chain(spec.sections.iter().map(|s| s.name).filter(|name| !name.contains('.')))
                .filter(|k| *k != "$schema")
                .collect();
            let place = message!("in a mapping of kind \"{kind}\"", kind = spec.name);
            // For example, [contact] belongs to complex-lead, not to lead.
            let others: Vec<&str> = Kind::ALL
                .into_iter()
                .map(Kind::spec)
                .filter(|other| other.entity == spec.entity && other.section(&entry.key).is_some())
                .map(|other| other.name)
                .collect();
            self.unknown_key(entry, place, &known);
            if let (false, Some(problem)) = (others.is_empty(), self.problems.last_mut()) {
                let (key, kinds) = (&entry.key, others.join(" or "));
                problem.hint = Some(message!("[{key}] belongs in mappings of kind = \"{kinds}\"", key, kinds));
            }
            return;
        };
        let Data::Table(entries) = &entry.node.data else {
            let message = message!("\"{key}\" is a table, found {found}", key = &entry.key, found = entry.node.what());
            self.problem(entry.node.offset, "mapping-shape", message);
            return;
        };
        let mut values = Vec::new();
        for inner in entries {
            let path = format!("{}.{}", section.name, inner.key);
            // A deletion takes only the id of its record.
            let filled = ast.action != Action::Delete;
            if inner.key == "fields" && section.custom_fields.is_some() && filled {
                self.custom_fields(inner, &mut values);
            } else if filled && spec.section(&path).is_some() {
                self.section(&Entry { key: path, ..inner.clone() }, ast);
            } else {
                self.field(section, inner, ast.action, &mut values);
            }
        }
        ast.sections.push(Section { spec: section, offset: entry.key_offset, values });
    }

    fn field(&mut self, section: &'static SectionSpec, entry: &Entry, action: Action, values: &mut Vec<Value>) {
        let any = self.any_action;
        let allowed = |field: &&FieldSpec| any || field.taken_on(action);
        let Some(field) = section.fields.iter().find(|field| field.name == entry.key && allowed(field)) else {
            let mut known: Vec<&str> = section.fields.iter().filter(allowed).map(|f| f.name).collect();
            if section.custom_fields.is_some() && action != Action::Delete {
                known.push("fields");
            }
            let place = message!(
                "in [{section}] of a mapping with action \"{action}\"",
                section = section.name,
                action = action.name()
            );
            return self.unknown_key(entry, place, &known);
        };
        if let Some(origins) = self.origins(entry) {
            let field = if action == Action::Update { tags_field(section, field, &origins) } else { field };
            values.push(Value {
                offset: entry.key_offset,
                target: TargetRef::Field(field),
                origins,
                parts: Vec::new(),
            });
        }
    }

    fn custom_fields(&mut self, entry: &Entry, values: &mut Vec<Value>) {
        let Data::Table(entries) = &entry.node.data else {
            let message = message!("\"fields\" is a table, found {found}", found = entry.node.what());
            self.problem(entry.node.offset, "mapping-shape", message);
            return;
        };
        for field in entries {
            let (offset, target) = (field.key_offset, TargetRef::Custom(field.key.clone()));
            if let Some(parts) = object_parts(&field.node) {
                let parts = parts.iter().filter_map(|part| self.part(part)).collect();
                values.push(Value { offset, target, origins: Vec::new(), parts });
            } else if let Some(origins) = self.origins(field) {
                values.push(Value { offset, target, origins, parts: Vec::new() });
            }
        }
    }

    fn part(&mut self, entry: &Entry) -> Option<ObjectPart> {
        let origins = self.origins(entry)?;
        Some(ObjectPart { offset: entry.key_offset, name: entry.key.clone(), origins })
    }
}

/// The most similar keyword.
fn nearest_word<'n>(entry: &Entry, names: &[&'n str]) -> Option<&'n str> {
    let Data::Text(text) = &entry.node.data else { return None };
    nearest(text, names.iter().copied()).first().copied()
}

/// Guesses the kind from the tables of the file.
fn kind_of(entries: &[Entry]) -> Option<Kind> {
    let has = |name: &str| entries.iter().any(|entry| entry.key == name);
    let fitting = Kind::ALL.into_iter().filter(|kind| has(kind.spec().sections[0].name));
    let count = |kind: &Kind| kind.spec().sections.iter().filter(|section| has(section.name)).count();
    // The first one wins a tie.
    fitting.rev().max_by_key(count)
}

/// The entries of a table of object parts: it has at least one part name and no key of an origin.
fn object_parts(node: &Node) -> Option<&[Entry]> {
    let Data::Table(entries) = &node.data else { return None };
    let part = |entry: &Entry| amo_model::part_names().any(|name| name == entry.key);
    let of_origin = |entry: &Entry| VALUE_KEYS.contains(&entry.key.as_str());
    (entries.iter().any(part) && !entries.iter().any(of_origin)).then_some(entries)
}

/// The tag field that `list` asks for: `tags` adds tags, `all_tags` replaces them.
fn tags_field(section: &'static SectionSpec, field: &'static FieldSpec, origins: &[Origin]) -> &'static FieldSpec {
    let has_mode =
        |mode: ListMode| origins.iter().any(|origin| origin.list.as_ref().is_some_and(|list| list.value == mode));
    let wanted = match field.wire {
        Wire::Tags("tags_to_add") if has_mode(ListMode::Replace) => Wire::EmbeddedTags,
        Wire::EmbeddedTags if has_mode(ListMode::Add) => Wire::Tags("tags_to_add"),
        _ => return field,
    };
    section.fields.iter().find(|other| other.on_update && other.wire == wanted).unwrap_or(field)
}

#[cfg(test)]
mod tests {
    use crate::mapping::compile::{SourceContext, compile};
    use crate::mapping::{Ledger, draft};
    use amo_client::account::example as account;
    use sheet_source::Header;
    use sheet_source::problem::Source;
    use std::sync::Arc;

    fn drafted(name: &str, text: &str) -> super::Draft {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        draft(&path)
    }

    /// Ten minutes and more, where each is counted from the first byte or compared with every known name.
    #[test]
    fn two_hundred_thousand_unknown_keys_are_told_wherever_they_stand() {
        const MANY: usize = 200_000;
        let start = "version = 1\nkind = \"lead\"\n[lead]\nname = \"A\"\n";
        let keys = |between: &str| (0..MANY).map(|n| format!("k{n} = \"x\"{between}")).collect::<String>();
        let json: String = (0..MANY).map(|n| format!(",\"ключ{n}\":1")).collect();
        let twice: String = (0..MANY).map(|n| format!("k{} = 1\n", n / 2)).collect();
        for (name, text) in [
            ("lines.toml", format!("{start}{}", keys("\n"))),
            ("line.toml", format!("{start}price = {{ column = \"A\", {} }}", keys(", ").trim_end_matches(", "))),
            ("line.json", format!("{{\"version\":1,\"kind\":\"lead\",\"lead\":{{\"name\":\"A\"{json}}}}}")),
            ("twice.toml", format!("{start}{twice}")),
        ] {
            assert_eq!(drafted(name, &text).problems.len(), MANY, "{name}");
        }
    }

    #[test]
    fn as_many_unknown_fields_and_columns_are_told() {
        const MANY: usize = 200_000;
        let start = "version = 1\nkind = \"lead\"\n[lead]\nname = \"A\"\n[lead.fields]\n";
        let fields: String = (0..MANY).map(|n| format!("\"f{n}\" = \"c{n}\"\n")).collect();
        let ast = drafted("fields.toml", &format!("{start}{fields}")).complete().unwrap();
        let source = Arc::new(Source { file: "s.csv".into(), sheet: None });
        let origins = SourceContext::without_rows(Header::new(vec!["A".to_owned()]), source, Ledger::empty());
        let problems = compile(&ast, origins, Arc::new(account())).unwrap_err();
        assert_eq!(problems.len(), 2 * MANY);
    }

    #[test]
    fn where_the_kind_or_the_action_is_not_known_all_else_is_told() {
        for (text, expected) in [
            ("version = 1\nkind = \"leed\"\n[lead]\nnmae = \"A\"", &["mapping: unknown-word", "nmae"][..]),
            ("[lead]\nnmae = \"A\"", &["has no version", "has no kind", "nmae"]),
            ("version = 1\nkind = \"lead\"\naction = \"x\"\n[lead]\nid = \"A\"\nnmae = \"A\"", &["action", "nmae"]),
            ("version = 1\nkind = \"lead\"\n[lead\nnmae = \"A\"", &["invalid TOML"]),
            ("version = 1\n[contact]\nnmae = \"A\"\n[lead]\nnmae = 1", &["no kind", "nmae", "nmae"]),
        ] {
            let messages: Vec<String> =
                drafted("m.toml", text).problems.iter().map(|p| format!("{}: {p}", p.code)).collect();
            assert_eq!(messages.len(), expected.len(), "{messages:#?}");
            for (message, expected) in messages.iter().zip(expected) {
                let expected = expected.strip_prefix("mapping: ").unwrap_or(expected);
                assert!(message.contains(expected), "{message} instead of {expected}");
            }
        }
    }
}
