//! Where a value comes from, as a mapping file says it: a column, several joined, a constant or a template, with the words that
//! stand beside it.

use super::ast::{As, At, By, From, ListMode, Literal, OnEmpty, OnUnknown, Origin, Translation, VALUE_KEYS};
use super::joined;
use super::node::{Data, Entry, Node};
use super::reader::Walk;
use super::values_file;
use sheet_source::message;
use sheet_source::problem::{Message, quoted};
use sheet_source::{Scalar, fold, is_currency_code};
use std::collections::HashMap;

impl Walk<'_> {
    pub(super) fn origins(&mut self, entry: &Entry) -> Option<Vec<Origin>> {
        let nodes = match &entry.node.data {
            Data::List(list) => list.iter().collect(),
            _ => vec![&entry.node],
        };
        let origins: Vec<Origin> = nodes.into_iter().filter_map(|node| self.origin(&entry.key, node)).collect();
        (!origins.is_empty()).then_some(origins)
    }

    /// A bare column title, or a table with exactly one of `column`, `value`, `template`.
    fn origin(&mut self, name: &str, node: &Node) -> Option<Origin> {
        let plain = |from: From| Origin {
            at: node.at,
            from,
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
            Data::Text(title) => return Some(plain(From::Column(At { at: node.at, it: title.clone() }))),
            Data::Table(entries) => entries,
            _ => {
                let message = message!(
                    "\"{field}\" takes a column title or a table, found {found}",
                    field = name,
                    found = node.what()
                );
                self.problem(node.at, "mapping-shape", message).hint =
                    Some("a constant is written { value = … }".into());
                return None;
            }
        };
        let mut from: Vec<From> = Vec::new();
        for entry in entries {
            match entry.key.as_str() {
                "column" if matches!(entry.node.data, Data::List(_)) => {
                    from.extend(self.joined(entry, entries).map(From::Template));
                }
                "column" => from.extend(self.a_text(entry).map(From::Column)),
                "value" => from.extend(self.literal(entry).map(From::Constant)),
                "template" => from.extend(self.a_text(entry).map(From::Template)),
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
            self.problem(node.at, "mapping-shape", message).hint = Some(hint.into());
        }
        let is_list = |e: &Entry| e.key == "column" && matches!(e.node.data, Data::List(_));
        if let Some(joined) = entries.iter().find(|e| e.key == "joined").filter(|_| !entries.iter().any(is_list)) {
            self.problem(joined.key_at, "mapping-shape", "\"joined\" joins several columns").hint =
                Some("write { column = [\"…\", \"…\"], joined = \" \" }".into());
        }
        // Without a source its other keys are looked at all the same: one of them may be the source, misspelt.
        let source = from.into_iter().next();
        let known = source.is_some();
        let mut origin = plain(source.unwrap_or(From::Constant(At { at: node.at, it: Literal::default() })));
        for entry in entries {
            self.value_key(entry, &mut origin);
        }
        known.then_some(origin)
    }

    /// Several columns in one text, empty ones left out, as the template that makes it.
    fn joined(&mut self, columns: &Entry, entries: &[Entry]) -> Option<At<String>> {
        let at = columns.node.at;
        let Some(joined) = entries.iter().find(|entry| entry.key == "joined") else {
            self.problem(at, "mapping-shape", "several columns are joined by what \"joined\" says").hint =
                Some("write { column = [\"…\", \"…\"], joined = \" \" }".into());
            return None;
        };
        // Whatever is wrong with one of them, the others are looked at all the same.
        let between = self.a_text(joined);
        let titles = self.texts(columns);
        let cells: Vec<Option<String>> = titles.iter().map(|title| self.cell_of(title)).collect();
        if matches!(&columns.node.data, Data::List(list) if list.len() < 2) {
            self.problem(at, "mapping-shape", "to be joined there have to be two columns or more");
            return None;
        }
        let (between, cells) = (between?, cells.into_iter().collect::<Option<Vec<_>>>()?);
        Some(At { at, it: joined::template(&cells, &between.it) })
    }

    fn cell_of(&mut self, title: &At<String>) -> Option<String> {
        let cell = joined::cell(&title.it);
        if cell.is_none() {
            let message = message!("the title {title} cannot stand among joined columns", title = quoted(&title.it));
            self.problem(title.at, "mapping-shape", message).hint = Some("name the column by its letter: col:C".into());
        }
        cell
    }

    fn value_key(&mut self, entry: &Entry, origin: &mut Origin) {
        let at = entry.node.at;
        match entry.key.as_str() {
            "column" | "value" | "template" | "joined" => {}
            "default" => origin.default = self.literal(entry),
            "required" => origin.required = self.flag(entry),
            "split" => origin.split = self.texts(entry).into_iter().map(|t| t.it).filter(|s| !s.is_empty()).collect(),
            "values" => (origin.values, origin.values_file) = self.translation(entry),
            "as" => origin.as_ = self.word(entry, As::from_word, As::WORDS, "conversion").map(|it| At { at, it }),
            "format" => origin.format = self.a_text(entry),
            "round" => origin.round = self.a_text(entry),
            "enum" => origin.enum_ = self.scalar(entry),
            "on-empty" => {
                origin.on_empty =
                    self.word(entry, OnEmpty::from_word, OnEmpty::WORDS, "policy").map(|it| At { at, it });
            }
            "on-unknown" => {
                origin.on_unknown =
                    self.word(entry, OnUnknown::from_word, OnUnknown::WORDS, "policy").map(|it| At { at, it });
            }
            "currency" => origin.currency = self.currency(entry),
            "fill-down" => origin.fill_down = self.flag(entry),
            "cut" => origin.cut = self.length(entry),
            "list" => {
                origin.list =
                    self.word(entry, ListMode::from_word, ListMode::WORDS, "way with a list").map(|it| At { at, it });
            }
            "overwrite" => origin.overwrite = self.yes_or_no(entry).map(|it| At { at, it }),
            "by" => origin.by = self.word(entry, By::from_word, By::WORDS, "way to refer").map(|it| At { at, it }),
            _ => self.unknown_key(entry, "of a value", VALUE_KEYS),
        }
    }

    pub(super) fn flag(&mut self, entry: &Entry) -> bool {
        self.yes_or_no(entry).unwrap_or(false)
    }

    pub(super) fn yes_or_no(&mut self, entry: &Entry) -> Option<bool> {
        let Data::Bool(flag) = entry.node.data else {
            let message =
                message!("\"{key}\" takes true or false, found {found}", key = &entry.key, found = entry.node.what());
            self.problem(entry.node.at, "mapping-shape", message);
            return None;
        };
        Some(flag)
    }

    /// How many characters.
    pub(super) fn length(&mut self, entry: &Entry) -> Option<At<usize>> {
        let at = entry.node.at;
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
            self.problem(at, "mapping-shape", message).hint = Some("write cut = 256".into());
        }
        length.map(|it| At { at, it })
    }

    /// The code of a currency.
    pub(super) fn currency(&mut self, entry: &Entry) -> Option<At<String>> {
        let text = self.a_text(entry)?;
        let code = text.it.trim().to_uppercase();
        if !is_currency_code(&code) {
            let message = message!("\"{value}\" is no code of a currency", value = &text.it);
            self.problem(text.at, "unknown-word", message).hint =
                Some("write three letters, such as \"RUB\", \"USD\" or \"EUR\"".into());
            return None;
        }
        Some(At { at: text.at, it: code })
    }

    /// A constant: a text, a number, true or false.
    pub(super) fn scalar(&mut self, entry: &Entry) -> Option<At<String>> {
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
                self.problem(entry.node.at, "mapping-shape", message);
                return None;
            }
        };
        Some(At { at: entry.node.at, it: text })
    }

    /// The same as a value.
    fn literal(&mut self, entry: &Entry) -> Option<At<Literal>> {
        let At { at, it: text } = self.scalar(entry)?;
        let value = match entry.node.data {
            Data::Int(int) => Some(Scalar::Number(int as f64)),
            Data::Float(float) => Some(Scalar::Number(float)),
            _ => None,
        };
        Some(At { at, it: Literal { text, value } })
    }

    /// `values`: a table, or a file beside the mapping; and which file, where nobody says whether it has titles.
    pub(super) fn translation(&mut self, entry: &Entry) -> (Option<At<Translation>>, Option<String>) {
        let at = entry.node.at;
        match &entry.node.data {
            Data::Table(entries) => match values_file::named(entries) {
                Some((path, header)) => {
                    let header = header.map(|header| self.flag(header));
                    let pairs = self.translation_file(at, path, header);
                    (pairs, header.is_none().then(|| path.to_owned()))
                }
                None => {
                    let pairs: Translation =
                        entries.iter().filter_map(|e| Some((e.key.clone(), self.literal(e)?))).collect();
                    self.one_for_each(entries, &pairs);
                    (Some(At { at, it: pairs }), None)
                }
            },
            Data::Text(path) => (self.translation_file(at, path, None), Some(path.clone())),
            _ => {
                let message = message!(
                    "\"values\" takes a table or the path of a CSV or a workbook, found {found}",
                    found = entry.node.what()
                );
                self.problem(at, "mapping-shape", message);
                (None, None)
            }
        }
    }

    /// Cells are found without regard to case, so two keys that differ in that alone are one text.
    fn one_for_each(&mut self, entries: &[Entry], pairs: &Translation) {
        let mut seen: HashMap<String, &str> = HashMap::new();
        for (found, written) in pairs {
            let earlier = *seen.entry(fold(found)).or_insert(&written.it);
            let Some(entry) = entries.iter().find(|entry| entry.key == *found).filter(|_| earlier != written.it.text)
            else {
                continue;
            };
            let message = message!(
                "{value} is one text with a key above, whatever its case, and has another translation",
                value = quoted(found)
            );
            self.problem(entry.key_at, "mapping-shape", message).hint = Some("keep one of the two".into());
        }
    }

    fn translation_file(&mut self, at: usize, path: &str, header: Option<bool>) -> Option<At<Translation>> {
        let beside = self.text.file.parent().unwrap_or(std::path::Path::new("")).join(path);
        self.files.push(beside.clone());
        match values_file::read(&beside, header == Some(true)) {
            Ok(pairs) => {
                let pairs = pairs.into_iter().map(|(found, written)| (found, At { at, it: written }));
                Some(At { at, it: pairs.collect() })
            }
            Err(why) => {
                let message = message!("the table of values cannot be read: {problem}", problem = why);
                self.problem(at, "values-file", message).hint =
                    Some("it is a CSV or a workbook with two columns: found, written".into());
                None
            }
        }
    }
}
