//! Hashes of whole rows, to compare two readings of a table: the same file with other line ends, saved again, or with
//! added rows. A row is the texts of its cells under their titles, in any order of columns; empty cells do not count.

use crate::row::Row;
use crate::row::header::{Header, fold};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64, xxh3_64_with_seed};

/// Hashes rows of a table by all or some of its columns.
#[derive(Debug)]
pub struct RowHasher {
    /// The columns, each with the hash of its title.
    columns: Vec<(usize, u64)>,
    /// Cells from this column on, after the last title, are hashed too.
    beyond: Option<usize>,
}

impl RowHasher {
    pub fn new(header: &Header) -> RowHasher {
        let names = header.unique_names();
        let columns = header.repeated_columns().map(|index| (index, title_seed(&names[index]))).collect();
        RowHasher { columns, beyond: (!header.is_rejects()).then_some(header.len()) }
    }

    /// Hashes only the columns with these titles; `None` if one is missing.
    pub fn of_titles(header: &Header, titles: &[String]) -> Option<RowHasher> {
        let own: HashMap<String, usize> = header.unique_names().iter().map(|name| fold(name)).zip(0..).collect();
        let wanted = Header::new(titles);
        let names = wanted.unique_names();
        let names = wanted.repeated_columns().map(|index| &names[index]);
        let columns = names.map(|name| Some((*own.get(&fold(name))?, title_seed(name)))).collect::<Option<_>>()?;
        Some(RowHasher { columns, beyond: None })
    }

    /// True if two tables have the same columns in any order, so that whole rows can be compared.
    pub fn same_columns(titles: &[String], others: &[String]) -> bool {
        comparable_names(titles) == comparable_names(others)
    }

    #[inline]
    pub fn hash(&self, row: &Row) -> u64 {
        let cell = |(index, seed): (usize, u64)| match row.get(index).text {
            "" => 0,
            text => xxh3_64_with_seed(text.as_bytes(), seed),
        };
        let beyond = self.beyond.map_or(0..0, |first| first..row.len().max(first));
        let columns = self.columns.iter().copied().chain(beyond.map(|index| (index, index as u64)));
        // A sum does not depend on the order of the columns.
        columns.map(cell).fold(0, u64::wrapping_add)
    }
}

/// The column names in a fixed order, without those that a file of rejected rows adds and without missing titles at
/// the end.
fn comparable_names(titles: &[String]) -> Vec<String> {
    let last = titles.iter().rposition(|title| !title.is_empty()).map_or(0, |last| last + 1);
    let header = Header::new(&titles[..last]);
    let all = header.unique_names();
    let mut names: Vec<String> = header.repeated_columns().map(|index| fold(&all[index])).collect();
    names.sort_unstable();
    names
}

fn title_seed(title: &str) -> u64 {
    xxh3_64(fold(title).as_bytes())
}

/// The non-blank rows of a source in order: 12 bytes each, since there can be millions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowHashes {
    numbers: Vec<u32>,
    hashes: Vec<u64>,
}

impl RowHashes {
    #[inline]
    pub fn push(&mut self, number: u32, hash: u64) {
        self.numbers.push(number);
        self.hashes.push(hash);
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// As Excel shows them.
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// The index of a row.
    pub fn position(&self, number: u32) -> Option<usize> {
        self.numbers.binary_search(&number).ok()
    }

    /// A hash of the whole source, equal for the same rows in the same order; in hexadecimal.
    pub fn digest(&self) -> String {
        let mut digest = Xxh3Default::new();
        self.hashes.iter().for_each(|hash| digest.update(&hash.to_le_bytes()));
        format!("{:032x}", digest.digest128())
    }
}

/// The hashes of the rows read so far, shared with the table that reads them.
#[derive(Debug, Clone, Default)]
pub struct SharedRowHashes(Arc<Mutex<RowHashes>>);

impl SharedRowHashes {
    pub(crate) fn push(&self, number: u32, hash: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(number, hash);
    }

    /// Takes the hashes of the rows read so far.
    pub fn take(self) -> RowHashes {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl FromIterator<(u32, u64)> for RowHashes {
    fn from_iter<I: IntoIterator<Item = (u32, u64)>>(rows: I) -> RowHashes {
        let mut all = RowHashes::default();
        rows.into_iter().for_each(|(number, hash)| all.push(number, hash));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ReadOptions, Table};

    fn hashes(name: &str, text: &[u8], titles: Option<&[&str]>) -> RowHashes {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let mut table = Table::open(&path, &ReadOptions::default()).unwrap();
        let hasher = match titles {
            None => RowHasher::new(&table.header),
            Some(titles) => {
                let titles: Vec<String> = titles.iter().map(|title| title.to_string()).collect();
                RowHasher::of_titles(&table.header, &titles).unwrap()
            }
        };
        let (mut row, mut all) = (Row::default(), RowHashes::default());
        while table.read(&mut row).unwrap() {
            all.push(row.number, hasher.hash(&row));
        }
        all
    }

    const PLAIN: &str = "Имя,Цена,Имя\nИван,5,a\nПётр,,b\n";

    #[test]
    fn what_holds_the_same_cells_is_the_same_however_it_is_written() {
        let plain = hashes("a.csv", PLAIN.as_bytes(), None);
        assert_eq!(plain.len(), 2);
        let (cp1251, _, _) = encoding_rs::WINDOWS_1251.encode(PLAIN);
        for (what, text) in [
            ("CRLF", PLAIN.replace('\n', "\r\n").into_bytes()),
            ("BOM", format!("\u{feff}{PLAIN}").into_bytes()),
            ("delimiter", PLAIN.replace(',', ";").into_bytes()),
            ("quotes", PLAIN.replace("Иван", "\"Иван\"").into_bytes()),
            ("blank line", PLAIN.replace("\nПётр", "\n\nПётр").into_bytes()),
            ("short rows and an empty column", "Имя,Цена,Имя,Пусто\nИван,5,a\nПётр,,b,\n".into()),
            ("order of columns", "Цена,Имя,Имя\n5,Иван,a\n,Пётр,b\n".into()),
            ("encoding", cp1251.into_owned()),
        ] {
            let other = hashes("b.csv", &text, None);
            assert_eq!(other.hashes(), plain.hashes(), "{what}");
            assert_eq!(other.digest(), plain.digest(), "{what}");
        }
    }

    #[test]
    fn what_holds_other_cells_is_not() {
        let plain = hashes("a.csv", PLAIN.as_bytes(), None);
        for text in [
            "Имя,Цена,Имя\nИван,6,a\nПётр,,b\n",
            "Имя,Сумма,Имя\nИван,5,a\nПётр,,b\n",
            "Имя,Цена,Имя\nИван,a,5\nПётр,,b\n",
            "Имя,Цена,Имя\nПётр,,b\nИван,5,a\n",
            "Имя,Цена,Имя\nИван,5,a,beyond\nПётр,,b\n",
        ] {
            assert_ne!(hashes("b.csv", text.as_bytes(), None).digest(), plain.digest(), "{text}");
        }
    }

    #[test]
    fn an_added_column_is_left_out_by_the_titles_of_before() {
        let plain = hashes("a.csv", PLAIN.as_bytes(), None);
        let wider = "Новый,Имя,Цена,Имя\nx,Иван,5,a\ny,Пётр,,b\n".as_bytes();
        assert_ne!(hashes("b.csv", wider, None).digest(), plain.digest());
        assert_eq!(hashes("b.csv", wider, Some(&["Имя", "Цена", "Имя"])).digest(), plain.digest());
        assert!(RowHasher::of_titles(&Header::new(["Имя"]), &["Цена".to_owned()]).is_none());
    }
}
