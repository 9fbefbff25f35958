//! Column titles, and how a title in a mapping finds its column.
//!
//! Titles are compared after folding: NFC, lower case, `ё` as `е`, any run of white space (also no-break) as one
//! space, invisible characters dropped. A repeated title is named `Title [1]`, `Title [2]`, …; any column, also one
//! without a title, can be named by its letter as `col:C`.

use crate::cell::escape::is_escaped;
use crate::problem::{Column, column_letter};
use crate::row::totals::is_total_label;
use crate::row::{COLUMNS_MAX, LINK_INDEX_BASE, Row, RowKind};
use std::collections::HashMap;
use std::sync::Arc;
use unicode_normalization::UnicodeNormalization;

#[derive(Debug, Clone, Default)]
pub struct Header {
    titles: Vec<Arc<str>>,
    /// The first column with a title.
    first: Option<usize>,
    folded: HashMap<String, Vec<usize>>,
    /// The lower titles, if titles are joined from two rows.
    lower: HashMap<String, Vec<usize>>,
    /// Columns of the source itself; a reject file adds others after them.
    source_columns: usize,
    /// True for the header of a reject file.
    rejects: bool,
}

/// The columns that a reject file adds to those of the source.
pub const REJECT_COLUMNS: [&str; 3] = ["_row", "_code", "_message"];

/// The sheet name of a workbook of rejected rows from a CSV: as in a `rejected.csv`, it does not show which rows were
/// short.
pub const CSV_REJECTS_SHEET: &str = "rejected (csv)";

/// Joins the parts of a title from two rows.
pub const TITLE_JOIN: &str = " / ";
/// `Title@link` means the link addresses of a column.
pub const LINK: &str = "@link";

/// The columns that match a title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnMatch {
    One(usize),
    /// Several columns have the title.
    Many(Vec<usize>),
    None,
}

impl Header {
    pub fn new<S: AsRef<str>>(titles: impl IntoIterator<Item = S>) -> Header {
        let mut titles: Vec<Arc<str>> = titles.into_iter().map(|t| trim_title(t.as_ref()).into()).collect();
        let reject_columns_at =
            titles.windows(REJECT_COLUMNS.len()).position(|three| three.iter().map(|t| &**t).eq(REJECT_COLUMNS));
        let rejects = reject_columns_at.is_some();
        let source_columns = reject_columns_at.unwrap_or(titles.len());
        if rejects {
            // A spreadsheet fills up the header if cells follow the last title.
            let filled = titles.iter().rposition(|title| !title.is_empty()).map_or(0, |last| last + 1);
            titles.truncate(filled);
            for title in titles.iter_mut().filter(|title| is_escaped(title)) {
                *title = title[1..].into();
            }
        }
        let added = source_columns..source_columns + REJECT_COLUMNS.len();
        let mut folded: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, title) in titles.iter().enumerate() {
            // The source itself can have columns with these names.
            if !(title.is_empty() || rejects && added.contains(&index)) {
                folded.entry(fold(title)).or_default().push(index);
            }
        }
        let first = titles.iter().position(|title| !title.is_empty());
        let mut header = Header { titles, first, folded, lower: HashMap::new(), source_columns, rejects };
        if rejects {
            header.index_lower_titles();
        }
        header
    }

    /// A header without titles: columns are named by their letters.
    pub fn without_titles(width: usize) -> Header {
        Header::new(std::iter::repeat_n("", width))
    }

    /// Titles joined from two rows are also found by the lower one.
    pub fn of_two_rows<S: AsRef<str>>(titles: impl IntoIterator<Item = S>) -> Header {
        let mut header = Header::new(titles);
        header.index_lower_titles();
        header
    }

    fn index_lower_titles(&mut self) {
        for (index, title) in self.titles.iter().enumerate() {
            if let Some((_, lower)) = title.rsplit_once(TITLE_JOIN) {
                self.lower.entry(fold(lower)).or_default().push(index);
            }
        }
    }

    /// The number of columns without those that a reject file adds.
    pub fn source_len(&self) -> usize {
        self.source_columns
    }

    /// True for the header of a reject file.
    pub fn is_rejects(&self) -> bool {
        self.rejects
    }

    /// The columns that a reject file of this table repeats: all except those that an earlier reject file added.
    pub fn repeated_columns(&self) -> impl Iterator<Item = usize> + use<> {
        let added = self.source_columns..self.source_columns + if self.rejects { REJECT_COLUMNS.len() } else { 0 };
        (0..self.titles.len()).filter(move |index| !added.contains(index))
    }

    /// The code with which an earlier import rejected a row of its reject file.
    #[inline]
    pub fn reject_code<'r>(&self, row: &'r Row) -> &'r str {
        if self.rejects { row.get(self.source_columns + 1).text } else { "" }
    }

    /// The title as written, without surrounding white space.
    #[inline]
    pub fn title(&self, index: usize) -> &str {
        self.titles.get(index).map_or("", |title| title)
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.titles.len()
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.titles.is_empty()
    }

    pub fn column(&self, index: usize) -> Column {
        let index = if index >= LINK_INDEX_BASE { index - LINK_INDEX_BASE } else { index };
        Column { index, title: self.titles.get(index).cloned().unwrap_or_else(|| "".into()) }
    }

    /// A unique name for each column: the title, `Title [n]` for repeated titles, `col:C` for columns without one.
    pub fn unique_names(&self) -> Vec<String> {
        (0..self.titles.len())
            .map(|index| {
                let title = &self.titles[index];
                if title.is_empty() {
                    return format!("col:{}", column_letter(index));
                }
                match self.folded.get(&fold(title)) {
                    Some(all) if all.len() > 1 => {
                        let nth = all.iter().position(|i| *i == index).map_or(1, |p| p + 1);
                        format!("{title} [{nth}]")
                    }
                    _ => title.to_string(),
                }
            })
            .collect()
    }

    pub fn find(&self, wanted: &str) -> ColumnMatch {
        if let Some(all) = self.folded.get(&fold(wanted)) {
            return match all.as_slice() {
                [one] => ColumnMatch::One(*one),
                many => ColumnMatch::Many(many.to_vec()),
            };
        }
        if let Some(letter) = wanted.trim().strip_prefix("col:") {
            // A column named by its letter counts as present, also beyond the last title.
            return column_index(letter)
                .filter(|index| *index < COLUMNS_MAX)
                .map_or(ColumnMatch::None, ColumnMatch::One);
        }
        if let Some((title, nth)) = parse_numbered(wanted)
            && let Some(index) = self.folded.get(&fold(title)).and_then(|all| all.get(nth - 1))
        {
            return ColumnMatch::One(*index);
        }
        if let Some(all) = self.lower.get(&fold(wanted)) {
            return match all.as_slice() {
                [one] => ColumnMatch::One(*one),
                many => ColumnMatch::Many(many.to_vec()),
            };
        }
        if let Some(title) = wanted.trim_end().strip_suffix(LINK)
            && let ColumnMatch::One(index) = self.find(title)
        {
            return ColumnMatch::One(index + LINK_INDEX_BASE);
        }
        ColumnMatch::None
    }

    /// True for a row that repeats the header: all titles and nothing else.
    #[inline]
    pub fn is_repeated_by(&self, row: &Row) -> bool {
        let Some(first) = self.first else { return false };
        // The first bytes of the first cell rule out nearly every row.
        let (text, title) = (row.get(first).text.as_bytes(), self.titles[first].as_bytes());
        let begins = text.iter().zip(title).take(4).all(|(a, b)| a == b);
        if !begins && !text.first().is_some_and(u8::is_ascii_whitespace) {
            return false;
        }
        let same = |index: usize| trim_title(row.get(index).text) == *self.title(index);
        (0..row.len().max(self.titles.len())).all(same)
    }

    /// Sets the kind of the row: a repeated header, or a row of totals. The thread that fills the row calls this,
    /// while the text is in its cache.
    pub fn classify(&self, row: &mut Row) {
        let first = row.iter().find(|cell| !cell.is_empty());
        row.is_total = first.is_some_and(|cell| is_total_label(cell.text));
        if row.kind == RowKind::Plain && self.is_repeated_by(row) {
            row.kind = RowKind::Header;
        }
    }

    /// True if the title requests link addresses.
    pub fn wants_link(title: &str) -> bool {
        title.trim_end().ends_with(LINK)
    }

    pub fn titles(&self) -> impl Iterator<Item = &str> {
        self.titles.iter().map(|title| &**title)
    }
}

/// `Title [2]` is the second column of that title.
fn parse_numbered(wanted: &str) -> Option<(&str, usize)> {
    let inner = wanted.trim_end().strip_suffix(']')?;
    let (title, nth) = inner.rsplit_once('[')?;
    let nth: usize = nth.trim().parse().ok()?;
    (nth >= 1).then_some((title, nth))
}

/// `A` is 0; `None` if Excel has no such column.
fn column_index(letter: &str) -> Option<usize> {
    let letter = letter.trim();
    if letter.is_empty() || letter.len() > 3 || !letter.bytes().all(|b| b.is_ascii_alphabetic()) {
        return None;
    }
    Some(letter.bytes().fold(0, |sum, b| sum * 26 + usize::from(b.to_ascii_uppercase() - b'A') + 1) - 1)
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
}

fn trim_title(title: &str) -> String {
    let visible: String = title.chars().filter(|c| !is_invisible(*c)).collect();
    visible.trim().to_owned()
}

/// The form in which titles and names are compared.
#[inline]
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.nfc().filter(|c| !is_invisible(*c)).flat_map(char::to_lowercase) {
        if c.is_whitespace() {
            gap = true;
            continue;
        }
        if gap && !folded.is_empty() {
            folded.push(' ');
        }
        gap = false;
        folded.push(if c == 'ё' { 'е' } else { c });
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_rejected_rows_is_known_after_a_spreadsheet_has_filled_up_its_header() {
        let columns = |titles: &[&str]| {
            let header = Header::new(titles);
            (header.is_rejects(), header.source_len(), header.repeated_columns().collect::<Vec<usize>>(), header.len())
        };
        for (titles, expected) in [
            (&["Имя", "_row", "_code", "_message"][..], (true, 1, vec![0], 4)),
            (&["Имя", "_row", "_code", "_message", "", ""], (true, 1, vec![0], 4)),
            (&["Имя", "_row", "_code", "_message", "Заметка"], (true, 1, vec![0, 4], 5)),
            (&["", "", "_row", "_code", "_message"], (true, 2, vec![0, 1], 5)),
            (&["_code", "Имя"], (false, 2, vec![0, 1], 2)),
            (&["Имя", "_row", "_message", "_code"], (false, 4, vec![0, 1, 2, 3], 4)),
        ] {
            assert_eq!(columns(titles), expected, "{titles:?}");
        }
        let header = Header::new(["_code", "'=x", "''y'", "_row", "_code", "_message"]);
        assert_eq!(header.find("_code"), ColumnMatch::One(0), "the source's own");
        assert_eq!((header.find("=x"), header.find("'y'")), (ColumnMatch::One(1), ColumnMatch::One(2)));
        assert_eq!(Header::new(["'=x"]).find("'=x"), ColumnMatch::One(0));
    }

    #[test]
    fn titles_are_found_despite_case_spaces_and_composition() {
        let header = Header::new(["Название сделки", "Бюджет ", "Ответственныи\u{306}", "Товар", "", "товар", "Объём"]);
        for (wanted, found) in [
            ("название  сделки", ColumnMatch::One(0)),
            ("\u{feff}Название\u{a0}сделки", ColumnMatch::One(0)),
            ("Бюджет", ColumnMatch::One(1)),
            ("Ответственный", ColumnMatch::One(2)),
            ("Товар", ColumnMatch::Many(vec![3, 5])),
            ("Товар [2]", ColumnMatch::One(5)),
            ("Товар [3]", ColumnMatch::None),
            ("col:E", ColumnMatch::One(4)),
            ("col:ZZ", ColumnMatch::One(701)),
            ("col:ZZZ", ColumnMatch::None),
            ("объем", ColumnMatch::One(6)),
            ("Нет такой", ColumnMatch::None),
        ] {
            assert_eq!(header.find(wanted), found, "{wanted}");
        }
        assert_eq!(
            header.unique_names(),
            [
                "Название сделки",
                "Бюджет",
                "Ответственный".nfd().collect::<String>().as_str(),
                "Товар [1]",
                "col:E",
                "товар [2]",
                "Объём"
            ]
        );
    }
}
