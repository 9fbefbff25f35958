//! Finds the header row of a sample: by the requested titles, otherwise by its shape. Pure.

use super::Row;
use super::header::{ColumnMatch, Header, fold};
use crate::cell::{Cell, Scalar};
use std::collections::HashSet;

/// Rows examined for the delimiter and the header.
pub const SAMPLE_ROWS: usize = 50;

/// How many of the requested titles a row contains.
pub fn count_titles(row: &Row, titles: &[String]) -> usize {
    if titles.is_empty() {
        return 0;
    }
    let header = Header::new(row.iter().map(|cell| cell.text.to_owned()));
    let by_letter = |title: &str| title.trim_start().starts_with("col:");
    titles.iter().filter(|title| !by_letter(title) && header.find(title) != ColumnMatch::None).count()
}

/// The row with the most requested titles, and their number; `None` if no row has any.
pub fn find_by_titles(rows: &[Row], titles: &[String]) -> Option<(usize, usize)> {
    let counts = rows.iter().map(|row| count_titles(row, titles)).enumerate();
    // The first of the best, so that a repeated header further down does not win.
    counts.filter(|(_, count)| *count > 0).max_by_key(|(index, count)| (*count, usize::MAX - index))
}

/// The index of the most likely header row: by the requested titles, otherwise by shape.
pub fn find_header(rows: &[Row], titles: &[String]) -> Option<usize> {
    find_by_titles(rows, titles).map(|(index, _)| index).or_else(|| find_by_shape(rows))
}

/// The first row that is about as wide as the table and is not a line of a preface.
fn find_by_shape(rows: &[Row]) -> Option<usize> {
    // A formula without a result is not a title, and does not show where titles are.
    let holds = |cell: &Cell<'_>| !cell.is_empty() && cell.value != Scalar::Uncomputed;
    let filled: Vec<usize> = rows.iter().map(|row| row.iter().filter(holds).count()).collect();
    let mut sorted = filled.clone();
    sorted.sort_unstable();
    // Not the widest row, which can be one line of prose full of delimiters.
    let usual = *sorted.get(sorted.len() * 4 / 5)?;
    let wide = usual.div_ceil(2).max(usual.min(2));
    let wide_enough = |index: &usize| filled[*index] >= wide;
    let all = || (0..rows.len()).filter(wide_enough);
    let first = all().find(|index| !is_one_word_repeated(&rows[*index])).or_else(|| all().next())?;
    Some(find_below_preface(rows, &filled, first).unwrap_or(first))
}

/// `Организация: | ООО Ромашка` above the table: one or two cells, and further down a row at least twice as wide with
/// distinct words and numbers below it.
fn find_below_preface(rows: &[Row], filled: &[usize], first: usize) -> Option<usize> {
    const PREFACE_CELLS: usize = 2;
    const HEADER_CELLS: usize = 4;
    let next = (first..rows.len()).find(|index| filled[*index] > PREFACE_CELLS)?;
    let header = next > first && filled[next] >= HEADER_CELLS && is_distinct_words(&rows[next]);
    let padded = rows[first].iter().position(|c| c.is_empty()).is_some_and(|gap| gap < filled[first]);
    let numbers = rows.get(next + 1).is_some_and(|row| row.iter().any(|c| has_digit(c.text)));
    (header && !padded && numbers).then_some(next)
}

/// One word over nearly every column is a band above the header, not the header.
fn is_one_word_repeated(row: &Row) -> bool {
    const REPEATS_MIN: usize = 4;
    let words: Vec<String> = row.iter().filter(|c| !c.is_empty()).map(|c| fold(c.text)).collect();
    let distinct: HashSet<&String> = words.iter().collect();
    words.len() >= distinct.len() * REPEATS_MIN
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_digit())
}

fn is_distinct_words(row: &Row) -> bool {
    let mut seen = HashSet::new();
    let words = row.iter().filter(|c| !c.is_empty());
    words.fold(true, |all, c| all && c.value == Scalar::Text && !has_digit(c.text) && seen.insert(fold(c.text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csv::dialect::CsvSample;

    #[test]
    fn the_header_is_below_titles_and_prefaces() {
        for (text, row) in [
            ("a;b;c\n1;2;3\n", 1),
            ("Отчёт;;\nза 2026 год;;\n;;\nИмя;Бюджет;Этап\nA;1;\n", 4),
            ("name;;phone;\nA;x;1;y\n", 1),
            ("Имя\nИван\n", 1),
            ("Организация:;ООО Ромашка;;;\nИмя;Бюджет;Этап;Город\nA;1;x;y\nB;1;x;y\n", 2),
            (";план;план;план;план\nИмя;Янв;Фев;Мар;Апр\nA;1;2;3;4\n", 2),
            ("\n\nИмя;Город\nИван;Москва\n", 3),
        ] {
            let rows = CsvSample { text, whole: true }.rows(b';');
            assert_eq!(find_header(&rows, &[]).map(|index| rows[index].number), Some(row), "{text}");
        }
    }

    #[test]
    fn titles_asked_for_outrank_shape() {
        let text = "a;b;c;d\nИмя;;Город;\nx;1;2;3\n";
        let rows = CsvSample { text, whole: true }.rows(b';');
        assert_eq!(find_header(&rows, &["город".into(), "имя".into()]), Some(1));
        assert_eq!(find_header(&rows, &["нет такой".into()]), Some(0));
    }
}
