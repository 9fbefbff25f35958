//! Reads origins: a column, several joined columns, a constant or a template, with the other keys of the table.

use super::ast::{
    As, By, ListMode, Literal, OnEmpty, OnUnknown, Origin, Spanned, Translation, VALUE_KEYS, ValueSource,
};
use super::joined;
use super::node::{Data, Entry, Node};
use super::reader::Reader;
use super::values_file;
use sheet_source::message;
use sheet_source::problem::{Message, quoted};
use sheet_source::{Scalar, fold, is_currency_code};
use std::collections::HashMap;

impl Reader<'_> {
    pub(super) fn origins(&mut self, entry: &Entry) -> Option<Vec<Origin>> {
        let nodes = match &entry.node.data {
            Data::List(list) => list.iter().collect(),
            _ => vec![&entry.node],
        };
        let origins: Vec<Origin> = nodes.into_iter().filter_map(|node| self.origin(&entry.key, node)).collect();
        (!origins.is_empty()).then_some(origins)
    }

    /// Reads a column title, or a table with exactly one of `column`, `value`, `template`.
    fn origin(&mut self, name: &str, node: &Node) -> Option<Origin> {
        let plain = |source: ValueSource| Origin {
            offset: node.offset,
            source,
            default: None,
            required: false,
            split: Vec::new(),
            values: None,
            values_file: None,
            as_: None,
            format: None,
            round: None,
            enum_: None,
            on_empty: None,
            on_unknown: None,
            by: None,
            currency: None,
            fill_down: false,
            cut: None,
            list: None,
            overwrite: None,
        };
        let entries = match &node.data {
            Data::Text(title) => {
                return Some(plain(ValueSource::Column(Spanned { offset: node.offset, value: title.clone() })));
            }
            Data::Table(entries) => entries,
            _ => {
                let message = message!(
                    "\"{field}\" takes a column title or a table, found {found}",
                    field = name,
                    found = node.what()
                );
                self.problem(node.offset, "mapping-shape", message).hint =
                    Some("write a constant as { value = … }".into());
                return None;
            }
        };
        let mut from: Vec<ValueSource> = Vec::new();
        for entry in entries {
            match entry.key.as_str() {
                "column" if matches!(entry.node.data, Data::List(_)) => {
                    from.extend(self.joined(entry, entries).map(ValueSource::Template));
                }
                "column" => from.extend(self.expect_text(entry).map(ValueSource::Column)),
                "value" => from.extend(self.literal(entry).map(ValueSource::Constant)),
                "template" => from.extend(self.expect_text(entry).map(ValueSource::Template)),
                _ => {}
            }
        }
        let sources = entries.iter().filter(|e| matches!(e.key.as_str(), "column" | "value" | "template")).count();
        if sources != 1 {
            let message = message!(
                "\"{field}\" needs exactly one of column, value and template, found {count}",
                field = name,
                count = sources
            );
            let hint = match sources {
                0 => "write { column = \"…\" } with the title of a column",
                _ => "keep one of them",
            };
            self.problem(node.offset, "mapping-shape", message).hint = Some(hint.into());
        }
        let is_list = |e: &Entry| e.key == "column" && matches!(e.node.data, Data::List(_));
        if let Some(joined) = entries.iter().find(|e| e.key == "joined").filter(|_| !entries.iter().any(is_list)) {
            self.problem(joined.key_offset, "mapping-shape", "\"joined\" needs several columns").hint =
                Some("write { column = [\"…\", \"…\"], joined = \" \" }".into());
        }
        // The other keys are checked even without a source: one of them may be the misspelt source.
        let source = from.into_iter().next();
        let known = source.is_some();
        let mut origin =
            plain(source.unwrap_or(ValueSource::Constant(Spanned { offset: node.offset, value: Literal::default() })));
        for entry in entries {
            self.value_key(entry, &mut origin);
        }
        known.then_some(origin)
    }

    /// Reads several columns that are joined without empty cells, as a template.
    fn joined(&mut self, columns: &Entry, entries: &[Entry]) -> Option<Spanned<String>> {
        let offset = columns.node.offset;
        let Some(joined) = entries.iter().find(|entry| entry.key == "joined") else {
            self.problem(offset, "mapping-shape", "several columns need \"joined\", the text between them").hint =
                Some("write { column = [\"…\", \"…\"], joined = \" \" }".into());
            return None;
        };
        // The others are checked even if one of them is wrong.
        let between = self.expect_text(joined);
        let titles = self.expect_texts(columns);
        let cells: Vec<Option<String>> = titles.iter().map(|title| self.cell_of(title)).collect();
        if matches!(&columns.node.data, Data::List(list) if list.len() < 2) {
            self.problem(offset, "mapping-shape", "\"joined\" needs at least two columns");
            return None;
        }
        let (between, cells) = (between?, cells.into_iter().collect::<Option<Vec<_>>>()?);
        Some(Spanned { offset, value: joined::template(&cells, &between.value) })
    }

    fn cell_of(&mut self, title: &Spanned<String>) -> Option<String> {
        let cell = joined::cell(&title.value);
        if cell.is_none() {
            let message = message!("the title {title} cannot be used in joined columns", title = quoted(&title.value));
            self.problem(title.offset, "mapping-shape", message).hint =
                Some("name the column by its letter: col:C".into());
        }
        cell
    }

    fn value_key(&mut self, entry: &Entry, origin: &mut Origin) {
        let offset = entry.node.offset;
        match entry.key.as_str() {
            "column" | "value" | "template" | "joined" => {}
            "default" => origin.default = self.literal(entry),
            "required" => origin.required = self.flag(entry),
            "split" => {
                origin.split = self.expect_texts(entry).into_iter().map(|t| t.value).filter(|s| !s.is_empty()).collect()
            }
            "values" => (origin.values, origin.values_file) = self.translation(entry),
            "as" => {
                origin.as_ =
                    self.word(entry, As::from_word, As::WORDS, "conversion").map(|value| Spanned { offset, value })
            }
            "format" => origin.format = self.expect_text(entry),
            "round" => origin.round = self.expect_text(entry),
            "enum" => origin.enum_ = self.scalar(entry),
            "on-empty" => {
                origin.on_empty = self
                    .word(entry, OnEmpty::from_word, OnEmpty::WORDS, "policy")
                    .map(|value| Spanned { offset, value });
            }
            "on-unknown" => {
                origin.on_unknown = self
                    .word(entry, OnUnknown::from_word, OnUnknown::WORDS, "policy")
                    .map(|value| Spanned { offset, value });
            }
            "currency" => origin.currency = self.currency(entry),
            "fill-down" => origin.fill_down = self.flag(entry),
            "cut" => origin.cut = self.length(entry),
            "list" => {
                origin.list = self
                    .word(entry, ListMode::from_word, ListMode::WORDS, "list mode")
                    .map(|value| Spanned { offset, value });
            }
            "overwrite" => origin.overwrite = self.expect_bool(entry).map(|value| Spanned { offset, value }),
            "by" => {
                origin.by = self
                    .word(entry, By::from_word, By::WORDS, "kind of reference")
                    .map(|value| Spanned { offset, value })
            }
            _ => self.unknown_key(entry, "of a value", VALUE_KEYS),
        }
    }

    pub(super) fn flag(&mut self, entry: &Entry) -> bool {
        self.expect_bool(entry).unwrap_or(false)
    }

    pub(super) fn expect_bool(&mut self, entry: &Entry) -> Option<bool> {
        let Data::Bool(flag) = entry.node.data else {
            let message =
                message!("\"{key}\" takes true or false, found {found}", key = &entry.key, found = entry.node.what());
            self.problem(entry.node.offset, "mapping-shape", message);
            return None;
        };
        Some(flag)
    }

    /// Reads a number of characters.
    pub(super) fn length(&mut self, entry: &Entry) -> Option<Spanned<usize>> {
        let offset = entry.node.offset;
        let length = match entry.node.data {
            Data::Int(length) => usize::try_from(length).ok().filter(|length| *length > 0),
            _ => None,
        };
        if length.is_none() {
            let found: Message = match entry.node.data {
                Data::Int(length) => message!("{length}", length),
                _ => entry.node.what().into(),
            };
            let message =
                message!("\"{key}\" takes a number of characters above 0, found {found}", key = &entry.key, found);
            self.problem(offset, "mapping-shape", message).hint = Some("write cut = 256".into());
        }
        length.map(|value| Spanned { offset, value })
    }

    /// Reads a currency code.
    pub(super) fn currency(&mut self, entry: &Entry) -> Option<Spanned<String>> {
        let text = self.expect_text(entry)?;
        let code = text.value.trim().to_uppercase();
        if !is_currency_code(&code) {
            let message = message!("\"{value}\" is not a valid currency code", value = &text.value);
            self.problem(text.offset, "unknown-word", message).hint =
                Some("write three letters, such as \"RUB\", \"USD\" or \"EUR\"".into());
            return None;
        }
        Some(Spanned { offset: text.offset, value: code })
    }

    /// Reads a constant: a text, a number, true or false.
    pub(super) fn scalar(&mut self, entry: &Entry) -> Option<Spanned<String>> {
        let text = match &entry.node.data {
            Data::Text(text) => text.clone(),
            Data::Int(int) => int.to_string(),
            Data::Float(float) => float.to_string(),
            Data::Bool(flag) => flag.to_string(),
            Data::List(_) | Data::Table(_) | Data::Other(_) => {
                let message = message!(
                    "\"{key}\" takes a text, a number or true/false, found {found}",
                    key = &entry.key,
                    found = entry.node.what()
                );
                self.problem(entry.node.offset, "mapping-shape", message);
                return None;
            }
        };
        Some(Spanned { offset: entry.node.offset, value: text })
    }

    /// Reads a constant with its type.
    fn literal(&mut self, entry: &Entry) -> Option<Spanned<Literal>> {
        let Spanned { offset, value: text } = self.scalar(entry)?;
        let value = match entry.node.data {
            Data::Int(int) => Some(Scalar::Number(int as f64)),
            Data::Float(float) => Some(Scalar::Number(float)),
            _ => None,
        };
        Some(Spanned { offset, value: Literal { text, value } })
    }

    /// Reads `values`: a table, or a file beside the mapping. The second value is the file, if the mapping does not say
    /// whether it has a header.
    pub(super) fn translation(&mut self, entry: &Entry) -> (Option<Spanned<Translation>>, Option<String>) {
        let offset = entry.node.offset;
        match &entry.node.data {
            Data::Table(entries) => match values_file::reference(entries) {
                Some((path, header)) => {
                    let header = header.map(|header| self.flag(header));
                    let pairs = self.translation_file(offset, path, header);
                    (pairs, header.is_none().then(|| path.to_owned()))
                }
                None => {
                    let pairs: Translation =
                        entries.iter().filter_map(|e| Some((e.key.clone(), self.literal(e)?))).collect();
                    self.check_unambiguous(entries, &pairs);
                    (Some(Spanned { offset, value: pairs }), None)
                }
            },
            Data::Text(path) => (self.translation_file(offset, path, None), Some(path.clone())),
            _ => {
                let message = message!(
                    "\"values\" takes a table or the path of a CSV or a workbook, found {found}",
                    found = entry.node.what()
                );
                self.problem(offset, "mapping-shape", message);
                (None, None)
            }
        }
    }

    /// Cells are matched case-insensitively, so keys that differ only in case are equal.
    fn check_unambiguous(&mut self, entries: &[Entry], pairs: &Translation) {
        let mut seen: HashMap<String, &str> = HashMap::new();
        for (found, written) in pairs {
            let earlier = *seen.entry(fold(found)).or_insert(&written.value);
            let Some(entry) =
                entries.iter().find(|entry| entry.key == *found).filter(|_| earlier != written.value.text)
            else {
                continue;
            };
            let message = message!(
                "{value} repeats a key above, whose case differs, with another translation",
                value = quoted(found)
            );
            self.problem(entry.key_offset, "mapping-shape", message).hint = Some("keep one of the two".into());
        }
    }

    fn translation_file(&mut self, offset: usize, path: &str, header: Option<bool>) -> Option<Spanned<Translation>> {
        let beside = self.text.file.parent().unwrap_or(std::path::Path::new("")).join(path);
        self.files.push(beside.clone());
        match values_file::read(&beside, header == Some(true)) {
            Ok(pairs) => {
                let pairs = pairs.into_iter().map(|(found, written)| (found, Spanned { offset, value: written }));
                Some(Spanned { offset, value: pairs.collect() })
            }
            Err(why) => {
                let message = message!("cannot read the values file: {problem}", problem = why);
                self.problem(offset, "values-file", message).hint =
                    Some("it needs two columns: the text of the cell, and its value".into());
                None
            }
        }
    }
}
