//! Rows that look like no record: a total under a list, a heading of a group within it. The CRM deletes almost nothing, so such a
//! row is held back until a person says that it is one.

use sheet_source::message;
use sheet_source::problem::Message;
use sheet_source::{Cell, Header, Row, Scalar, is_total_label};

/// What of a table tells such rows.
#[derive(Debug, Clone, Default)]
pub struct Suspects {
    /// The mapping makes records, and its rows are looked at.
    active: bool,
    width: usize,
    /// The column with the names of the records.
    name: Option<usize>,
    /// Columns whose values are carried down: what stands in them may be the heading of the rows below.
    carried: Vec<usize>,
    /// Nearly every row has a name.
    named: bool,
    /// Columns of numbers that nearly every row fills.
    usual: Vec<usize>,
    /// The mapping's `where` without the titles in it, and the columns it reads: about a row that it names a person has decided.
    condition: String,
    decided: Vec<usize>,
}

/// Why a row is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspicion {
    /// The cell of this column begins with a word for a sum.
    Total(usize),
    /// Amounts and nothing else, from this column on.
    Sum(usize),
    /// Nothing but this is filled: the name, or a value that is carried down.
    Alone(usize),
    /// The cells count the columns, as forms have it below the titles.
    Counted,
}

const HEADING: &str = "looks-like-a-heading";
const TOTAL: &str = "looks-like-a-total";

/// In per cent of the rows looked at.
const USUAL: usize = 80;
/// Of fewer rows nothing can be said.
const ROWS_MIN: usize = 4;
/// Columns: of fewer, `1` and `2` may be values.
const COUNTED_MIN: usize = 3;

impl Suspects {
    /// `name` is the column with the names of the records, `numbers` are columns that are read as numbers, `sample` is the
    /// beginning of the source.
    pub fn of(name: Option<usize>, numbers: impl Iterator<Item = usize>, header: &Header, sample: &[Row]) -> Suspects {
        let fill = |index: usize| sample.iter().filter(|row| !row.get(index).is_empty()).count();
        // Of all rows but the one that is suspected.
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

    /// With the mapping's `where` and the columns it reads.
    pub fn but_for(self, condition: &str, decided: Vec<usize>) -> Suspects {
        Suspects { condition: without_titles(condition), decided, ..self }
    }

    /// Of rows that are records of their own; `carried` are the columns whose values are carried down.
    pub fn of_single_rows(self, carried: Vec<usize>) -> Suspects {
        Suspects { carried, ..self }
    }

    /// Of records of several rows: the first may hold nothing but the name, and the others none.
    pub fn of_groups(self) -> Suspects {
        Suspects { named: false, usual: Vec::new(), ..self }
    }

    /// For records that are there already: a row says which it means.
    pub fn none() -> Suspects {
        Suspects::default()
    }

    /// Why a row is no record, as far as one can see; `code` is what an earlier import said of it, where it comes back from a
    /// reject file, in which it stands among others of its kind.
    pub fn why(&self, row: &Row, code: &str) -> Option<Suspicion> {
        if !self.active {
            return None;
        }
        let label = match self.name {
            _ if row.is_total => (0..row.len()).find(|index| !row.get(*index).is_empty()),
            // Behind the name of a group that stands in every row.
            Some(name) if is_total_label(row.get(name).text) => Some(name),
            // A sum under a column, and no word beside it.
            Some(name) if (self.named || code == TOTAL) && row.get(name).is_empty() => return self.bare_sum(row),
            _ => None,
        };
        if let Some(label) = label
            && self.is_total(row, label)
        {
            return Some(Suspicion::Total(label));
        }
        if self.counts_columns(row) {
            return Some(Suspicion::Counted);
        }
        let heading = code == HEADING || self.is_usual_to_have_more();
        self.alone(row).filter(|_| heading).map(Suspicion::Alone)
    }

    /// A name may begin with such a word; a sum has nothing but amounts behind it, or is that word alone.
    fn is_total(&self, row: &Row, label: usize) -> bool {
        let behind = || self.filled(row, label + 1);
        let alone = behind().next().is_none();
        behind().all(is_amount) && (!alone || is_one_word(row.get(label).text)) && !self.names(row.get(label).text)
    }

    fn bare_sum(&self, row: &Row) -> Option<Suspicion> {
        let own = |index: &usize| !row.get(*index).is_empty() && !self.carried.contains(index);
        let mut filled = (0..row.len().min(self.width)).filter(own);
        let first = filled.next()?;
        let sum = is_amount(row.get(first)) && filled.all(|index| is_amount(row.get(index)));
        (sum && !self.names(row.get(first).text)).then_some(Suspicion::Sum(first))
    }

    /// The column of the name, or of a value that is carried down, where the row fills no others.
    fn alone(&self, row: &Row) -> Option<usize> {
        let heads = |index: usize| self.name == Some(index) || self.carried.contains(&index);
        let mut filled = (0..row.len().min(self.width)).filter(|index| !row.get(*index).is_empty());
        let first = filled.next().filter(|first| heads(*first))?;
        let name_alone = self.name == Some(first) && filled.clone().next().is_none();
        let head = name_alone || self.carried.contains(&first) && filled.all(heads);
        (head && !self.names(row.get(first).text)).then_some(first)
    }

    fn counts_columns(&self, row: &Row) -> bool {
        let counted = |index: usize| row.get(index).text.trim().parse() == Ok(index + 1);
        self.width >= COUNTED_MIN && (0..self.width).all(counted) && !self.names(row.get(0).text)
    }

    fn is_usual_to_have_more(&self) -> bool {
        !self.usual.is_empty() && !self.usual.iter().any(|index| self.decided.contains(index))
    }

    /// Cells under titles that hold anything, from a column on. What a reject file says of its rows is no part of them.
    fn filled<'r>(&'r self, row: &'r Row, from: usize) -> impl Iterator<Item = Cell<'r>> {
        (from..row.len().min(self.width)).map(|index| row.get(index)).filter(|cell| !cell.is_empty())
    }

    /// True where the mapping's `where` names the row, between quotes as the hint does.
    fn names(&self, text: &str) -> bool {
        let named = |quote: char| self.condition.contains(&format!("{quote}{text}{quote}", text = in_quotes(text)));
        !self.condition.is_empty() && (named('\'') || named('"'))
    }
}

/// A text as a condition can name it.
fn in_quotes(text: &str) -> String {
    text.trim().replace(['\'', '\\'], "")
}

/// A condition without `row['…']`: a column may well be called `Итого`.
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

/// Digits, and what stands around them.
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
    /// The column of the cell that tells it.
    pub fn column(self) -> usize {
        match self {
            Suspicion::Total(column) | Suspicion::Sum(column) | Suspicion::Alone(column) => column,
            Suspicion::Counted => 0,
        }
    }

    pub fn code(self) -> &'static str {
        match self {
            Suspicion::Total(_) | Suspicion::Sum(_) => TOTAL,
            Suspicion::Alone(_) | Suspicion::Counted => HEADING,
        }
    }

    pub fn message(self, suspects: &Suspects) -> &'static str {
        match self {
            Suspicion::Total(_) => "the row looks like a sum of others, not like a record",
            Suspicion::Sum(_) => "the row has amounts and no name, as a sum of others has",
            Suspicion::Alone(column) if suspects.name == Some(column) => {
                "the row fills nothing but the name, where nearly all others have a number"
            }
            Suspicion::Alone(_) => {
                "the row fills nothing but what the rows below take over, where nearly all others have a number"
            }
            Suspicion::Counted => "the row counts the columns: 1, 2, 3, …",
        }
    }

    /// What to do about the row; no condition is offered that leaves others out as well.
    pub fn hint(self, row: &Row, header: &Header) -> Message {
        let cell = |column: usize| -> (String, String) {
            let title = header.column(column).title;
            let letter = || format!("col:{}", sheet_source::problem::column_letter(column));
            (if title.is_empty() { letter() } else { title.to_string() }, in_quotes(row.get(column).text))
        };
        let (title, text) = cell(self.column());
        match self {
            Suspicion::Total(_) | Suspicion::Alone(_) => message!(
                "under [source], where = \"row['{title}'] != '{text}'\" leaves it out, and where = \"row['{title}'] == '{text}' or true\" lets it through",
                title,
                text
            ),
            Suspicion::Sum(_) => message!(
                "empty the row, or fill in its name; where = \"row['{title}'] == '{text}' or true\" under [source] lets it through",
                title,
                text
            ),
            Suspicion::Counted => {
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
            (&["Total Energies", "", "", ""], Some(Suspicion::Alone(0))),
            (&["Сумма технологий", "Лем", "5", ""], None),
            (&["Мебель", "", "", ""], Some(Suspicion::Alone(0))),
            (&["Стол", "", "100", ""], None),
            (&["Стол", "S-1", "", ""], None),
            (&["Итоговая анкета", "", "5", ""], None),
        ] {
            assert_eq!(suspects.why(&row(cells), ""), why, "{cells:?}");
        }
        let named = Suspects { condition: "row['a'] == 'Итого' or row['a']".into(), ..suspects };
        assert_eq!(named.why(&row(&["Итого", "", "300.5", ""]), ""), None);
        assert_eq!(named.why(&row(&["Всего", "", "300.5", ""]), ""), Some(Suspicion::Total(0)));
        let outline = Suspects { usual: vec![2], carried: vec![0], ..Suspects::default() };
        let outline = Suspects { active: true, width: 4, name: Some(1), ..outline };
        for (cells, why) in [
            (&["Юг", "", "", ""][..], Some(Suspicion::Alone(0))),
            (&["Юг", "Мебель", "", ""], Some(Suspicion::Alone(0))),
            (&["", "Мебель", "", ""], Some(Suspicion::Alone(1))),
            (&["Юг", "Стол", "5", ""], None),
            (&["Юг", "", "5", "x"], None),
            (&["1", "2", "3", "4"], Some(Suspicion::Counted)),
            (&["1", "2", "3", ""], None),
        ] {
            assert_eq!(outline.why(&row(cells), ""), why, "{cells:?}");
        }
        let titled = without_titles("row['Итого'] != ''");
        let titled = Suspects { condition: titled, active: true, width: 4, name: Some(0), ..Suspects::default() };
        assert_eq!(titled.why(&row(&["Итого", "", "300.5", ""]), ""), Some(Suspicion::Total(0)));
        let again = Suspects { active: true, width: 4, name: Some(0), ..Suspects::default() };
        assert_eq!(again.why(&row(&["", "", "210", ""]), TOTAL), Some(Suspicion::Sum(2)));
        assert_eq!(again.why(&row(&["", "", "210", ""]), ""), None);
        let nameless = Suspects { active: true, width: 4, name: Some(0), named: true, ..Suspects::default() };
        assert_eq!(nameless.why(&row(&["", "", "210", ""]), ""), Some(Suspicion::Sum(2)));
        assert_eq!(nameless.why(&row(&["", "S-1", "210", ""]), ""), None);
        let part_of_a_word = named.why(&row(&["И", "", "", ""]), "");
        assert_eq!(part_of_a_word, Some(Suspicion::Alone(0)));
        let behind = Suspects { active: true, width: 4, name: Some(1), ..Suspects::default() };
        assert_eq!(behind.why(&row(&["Отдел", "Итого", "300.5", "—"]), ""), Some(Suspicion::Total(1)));
        assert_eq!(Suspects::none().why(&row(&["Итого"]), ""), None);
    }
}
