//! Detects rows that are probably no records: totals below a list, headings within it. The CRM deletes almost nothing,
//! so such a row is rejected until the mapping allows it.

use sheet_source::message;
use sheet_source::problem::Message;
use sheet_source::{Cell, Header, Row, Scalar, is_total_label};

/// The properties of a table by which such rows are detected.
#[derive(Debug, Clone, Default)]
pub struct Suspects {
    /// The mapping creates records, so rows are checked.
    active: bool,
    width: usize,
    /// The column with the names of the records.
    name: Option<usize>,
    /// Columns with `fill-down`: a value in them may be the heading of the rows below.
    carried: Vec<usize>,
    /// Nearly all rows have a name.
    named: bool,
    /// Numeric columns that nearly all rows fill.
    usual: Vec<usize>,
    /// The `where` of the mapping without column titles, and the columns it reads: the mapping decides about the rows
    /// it names.
    condition: String,
    decided: Vec<usize>,
}

/// Why a row is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspicion {
    /// The cell of this column begins with a word for a total.
    Total(usize),
    /// The row has only amounts, from this column on.
    UnlabelledSum(usize),
    /// The row has only this cell: the name, or a value with `fill-down`.
    Heading(usize),
    /// The cells number the columns, as in forms below the header.
    ColumnNumbers,
}

const HEADING: &str = "looks-like-a-heading";
const TOTAL: &str = "looks-like-a-total";

/// A column is usual if so many per cent of the sampled rows fill it.
const USUAL: usize = 80;
/// The fewest sampled rows for a decision.
const ROWS_MIN: usize = 4;
/// The fewest columns of a numbering row; in fewer, `1` and `2` may be values.
const COUNTED_MIN: usize = 3;

impl Suspects {
    /// `name` is the column of record names, `numbers` are numeric columns, `sample` holds the first rows of the
    /// source.
    pub fn of(name: Option<usize>, numbers: impl Iterator<Item = usize>, header: &Header, sample: &[Row]) -> Suspects {
        let fill = |index: usize| sample.iter().filter(|row| !row.get(index).is_empty()).count();
        // Of all rows except the suspicious one.
        let usual = |index: usize| sample.len() >= ROWS_MIN && fill(index) * 100 >= (sample.len() - 1) * USUAL;
        Suspects {
            active: true,
            width: header.source_len(),
            name,
            named: name.is_some_and(usual),
            usual: numbers.filter(|index| usual(*index)).collect(),
            ..Suspects::default()
        }
    }

    /// Adds the `where` of the mapping and the columns it reads.
    pub fn with_condition(self, condition: &str, decided: Vec<usize>) -> Suspects {
        Suspects { condition: without_titles(condition), decided, ..self }
    }

    /// For rows that are records of their own; `carried` are the columns with `fill-down`.
    pub fn for_single_rows(self, carried: Vec<usize>) -> Suspects {
        Suspects { carried, ..self }
    }

    /// For records of several rows: the first row may have only a name, the others none.
    pub fn for_groups(self) -> Suspects {
        Suspects { named: false, usual: Vec::new(), ..self }
    }

    /// For updates and deletions: their rows name existing records.
    pub fn disabled() -> Suspects {
        Suspects::default()
    }

    /// Why a row is probably no record. `code` is the problem code of an earlier import for rows of a reject file,
    /// whose rows are mostly of this kind.
    pub fn suspicion(&self, row: &Row, code: &str) -> Option<Suspicion> {
        if !self.active {
            return None;
        }
        let label = match self.name {
            _ if row.is_total => (0..row.len()).find(|index| !row.get(*index).is_empty()),
            // The total may follow the name of a group that every row repeats.
            Some(name) if is_total_label(row.get(name).text) => Some(name),
            // A total below a column, without a word.
            Some(name) if (self.named || code == TOTAL) && row.get(name).is_empty() => return self.bare_sum(row),
            _ => None,
        };
        if let Some(label) = label
            && self.is_total(row, label)
        {
            return Some(Suspicion::Total(label));
        }
        if self.numbers_columns(row) {
            return Some(Suspicion::ColumnNumbers);
        }
        let heading = code == HEADING || self.expects_numbers();
        self.heading(row).filter(|_| heading).map(Suspicion::Heading)
    }

    /// A name may begin with such a word; a total has only amounts after it, or is that word alone.
    fn is_total(&self, row: &Row, label: usize) -> bool {
        let behind = || self.filled(row, label + 1);
        let alone = behind().next().is_none();
        behind().all(is_amount)
            && (!alone || is_one_word(row.get(label).text))
            && !self.is_named_in_condition(row.get(label).text)
    }

    fn bare_sum(&self, row: &Row) -> Option<Suspicion> {
        let own = |index: &usize| !row.get(*index).is_empty() && !self.carried.contains(index);
        let mut filled = (0..row.len().min(self.width)).filter(own);
        let first = filled.next()?;
        let sum = is_amount(row.get(first)) && filled.all(|index| is_amount(row.get(index)));
        (sum && !self.is_named_in_condition(row.get(first).text)).then_some(Suspicion::UnlabelledSum(first))
    }

    /// The column of the only cell, if it is a name or a value with `fill-down`.
    fn heading(&self, row: &Row) -> Option<usize> {
        let heads = |index: usize| self.name == Some(index) || self.carried.contains(&index);
        let mut filled = (0..row.len().min(self.width)).filter(|index| !row.get(*index).is_empty());
        let first = filled.next().filter(|first| heads(*first))?;
        let name_alone = self.name == Some(first) && filled.clone().next().is_none();
        let head = name_alone || self.carried.contains(&first) && filled.all(heads);
        (head && !self.is_named_in_condition(row.get(first).text)).then_some(first)
    }

    fn numbers_columns(&self, row: &Row) -> bool {
        let counted = |index: usize| row.get(index).text.trim().parse() == Ok(index + 1);
        self.width >= COUNTED_MIN && (0..self.width).all(counted) && !self.is_named_in_condition(row.get(0).text)
    }

    fn expects_numbers(&self) -> bool {
        !self.usual.is_empty() && !self.usual.iter().any(|index| self.decided.contains(index))
    }

    /// Non-empty cells within the header, from a column on, without the columns of a reject file.
    fn filled<'r>(&'r self, row: &'r Row, from: usize) -> impl Iterator<Item = Cell<'r>> {
        (from..row.len().min(self.width)).map(|index| row.get(index)).filter(|cell| !cell.is_empty())
    }

    /// True if the `where` of the mapping contains the text in quotes, as the hint writes it.
    fn is_named_in_condition(&self, text: &str) -> bool {
        let named = |quote: char| self.condition.contains(&format!("{quote}{text}{quote}", text = in_quotes(text)));
        !self.condition.is_empty() && (named('\'') || named('"'))
    }
}

/// A text as it can be written in a condition.
fn in_quotes(text: &str) -> String {
    text.trim().replace(['\'', '\\'], "")
}

/// A condition without `row['…']`: a column title may be `Итого`.
fn without_titles(condition: &str) -> String {
    let mut parts = condition.split("row[");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(part.split_once(']').map_or("", |(_, behind)| behind));
    }
    kept
}

fn is_one_word(text: &str) -> bool {
    text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).count() == 1
}

/// True for an amount: digits with signs and units around them.
fn is_amount(cell: Cell<'_>) -> bool {
    if cell.text.trim_matches(['-', '−', '–', '—', ' ']).is_empty() {
        return true;
    }
    let written = |c: char| {
        c.is_ascii_digit()
            || c.is_whitespace()
            || matches!(c, '.' | ',' | '-' | '−' | '+' | '%' | '₽' | '$' | '€' | '\'')
    };
    match cell.value {
        Scalar::Number(_) | Scalar::Formatted(..) | Scalar::Serial(_) | Scalar::Uncomputed | Scalar::Error => true,
        Scalar::Empty | Scalar::Bool(_) => false,
        Scalar::Text => {
            let text = cell.text.trim();
            let digits = text.trim_end_matches(|c: char| c.is_alphabetic() || c == '.');
            !digits.is_empty() && digits.chars().all(written) && text.len() - digits.len() <= "руб.".len()
        }
    }
}

impl Suspicion {
    /// The column of the suspicious cell.
    pub fn column(self) -> usize {
        match self {
            Suspicion::Total(column) | Suspicion::UnlabelledSum(column) | Suspicion::Heading(column) => column,
            Suspicion::ColumnNumbers => 0,
        }
    }

    pub fn code(self) -> &'static str {
        match self {
            Suspicion::Total(_) | Suspicion::UnlabelledSum(_) => TOTAL,
            Suspicion::Heading(_) | Suspicion::ColumnNumbers => HEADING,
        }
    }

    pub fn message(self, suspects: &Suspects) -> &'static str {
        match self {
            Suspicion::Total(_) => "the row looks like a total, not like a record",
            Suspicion::UnlabelledSum(_) => "the row has amounts but no name, like a total",
            Suspicion::Heading(column) if suspects.name == Some(column) => {
                "the row has only a name, but nearly all others have a number"
            }
            Suspicion::Heading(_) => {
                "the row has only values that the rows below inherit, but nearly all others have a number"
            }
            Suspicion::ColumnNumbers => "the row numbers the columns: 1, 2, 3, …",
        }
    }

    /// How to skip or keep the row; the conditions do not affect other rows.
    pub fn hint(self, row: &Row, header: &Header) -> Message {
        let cell = |column: usize| -> (String, String) {
            let title = header.column(column).title;
            let letter = || format!("col:{}", sheet_source::problem::column_letter(column));
            (if title.is_empty() { letter() } else { title.to_string() }, in_quotes(row.get(column).text))
        };
        let (title, text) = cell(self.column());
        match self {
            Suspicion::Total(_) | Suspicion::Heading(_) => message!(
                "under [source], where = \"row['{title}'] != '{text}'\" leaves it out, and where = \"row['{title}'] == '{text}' or true\" keeps it",
                title,
                text
            ),
            Suspicion::UnlabelledSum(_) => message!(
                "empty the row, or fill in its name; where = \"row['{title}'] == '{text}' or true\" under [source] keeps it",
                title,
                text
            ),
            Suspicion::ColumnNumbers => {
                let (next, second) = cell(1);
                message!(
                    "under [source], where = \"row['{title}'] != '{text}' or row['{next}'] != '{second}'\" leaves it out",
                    title,
                    text,
                    next,
                    second
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Row {
        let mut row = Row::default();
        row.clear(2);
        cells.iter().for_each(|cell| row.push_text(cell));
        row.is_total = cells.iter().find(|cell| !cell.is_empty()).is_some_and(|cell| is_total_label(cell));
        row
    }

    #[test]
    fn sums_and_headings_are_told_from_records() {
        let suspects = Suspects { active: true, width: 4, name: Some(0), usual: vec![2], ..Suspects::default() };
        for (cells, why) in [
            (&["Итого", "", "300.5", ""][..], Some(Suspicion::Total(0))),
            (&["ИТОГО:", "", "", ""], Some(Suspicion::Total(0))),
            (&["", "Всего по списку", "1 200,50 руб.", ""], Some(Suspicion::Total(1))),
            (&["Grand total", "", "5", ""], Some(Suspicion::Total(0))),
            (&["Total Energies", "Paris", "5", ""], None),
            (&["Total Energies", "", "", ""], Some(Suspicion::Heading(0))),
            (&["Сумма технологий", "Лем", "5", ""], None),
            (&["Мебель", "", "", ""], Some(Suspicion::Heading(0))),
            (&["Стол", "", "100", ""], None),
            (&["Стол", "S-1", "", ""], None),
            (&["Итоговая анкета", "", "5", ""], None),
        ] {
            assert_eq!(suspects.suspicion(&row(cells), ""), why, "{cells:?}");
        }
        let named = Suspects { condition: "row['a'] == 'Итого' or row['a']".into(), ..suspects };
        assert_eq!(named.suspicion(&row(&["Итого", "", "300.5", ""]), ""), None);
        assert_eq!(named.suspicion(&row(&["Всего", "", "300.5", ""]), ""), Some(Suspicion::Total(0)));
        let outline = Suspects { usual: vec![2], carried: vec![0], ..Suspects::default() };
        let outline = Suspects { active: true, width: 4, name: Some(1), ..outline };
        for (cells, why) in [
            (&["Юг", "", "", ""][..], Some(Suspicion::Heading(0))),
            (&["Юг", "Мебель", "", ""], Some(Suspicion::Heading(0))),
            (&["", "Мебель", "", ""], Some(Suspicion::Heading(1))),
            (&["Юг", "Стол", "5", ""], None),
            (&["Юг", "", "5", "x"], None),
            (&["1", "2", "3", "4"], Some(Suspicion::ColumnNumbers)),
            (&["1", "2", "3", ""], None),
        ] {
            assert_eq!(outline.suspicion(&row(cells), ""), why, "{cells:?}");
        }
        let titled = without_titles("row['Итого'] != ''");
        let titled = Suspects { condition: titled, active: true, width: 4, name: Some(0), ..Suspects::default() };
        assert_eq!(titled.suspicion(&row(&["Итого", "", "300.5", ""]), ""), Some(Suspicion::Total(0)));
        let again = Suspects { active: true, width: 4, name: Some(0), ..Suspects::default() };
        assert_eq!(again.suspicion(&row(&["", "", "210", ""]), TOTAL), Some(Suspicion::UnlabelledSum(2)));
        assert_eq!(again.suspicion(&row(&["", "", "210", ""]), ""), None);
        let nameless = Suspects { active: true, width: 4, name: Some(0), named: true, ..Suspects::default() };
        assert_eq!(nameless.suspicion(&row(&["", "", "210", ""]), ""), Some(Suspicion::UnlabelledSum(2)));
        assert_eq!(nameless.suspicion(&row(&["", "S-1", "210", ""]), ""), None);
        let part_of_a_word = named.suspicion(&row(&["И", "", "", ""]), "");
        assert_eq!(part_of_a_word, Some(Suspicion::Heading(0)));
        let behind = Suspects { active: true, width: 4, name: Some(1), ..Suspects::default() };
        assert_eq!(behind.suspicion(&row(&["Отдел", "Итого", "300.5", "—"]), ""), Some(Suspicion::Total(1)));
        assert_eq!(Suspects::disabled().suspicion(&row(&["Итого"]), ""), None);
    }
}
