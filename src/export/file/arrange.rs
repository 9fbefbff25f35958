//! The arrangement of a table once all its rows are known: empty columns are last, and each column has one format that shows
//! its numbers completely. Pure.

use crate::export::table::cell::TableCell;
use crate::export::table::columns::Head;

/// The highest number of characters of a number that Excel shows completely without a format. [Excel]
const GENERAL_MAX: usize = 11;
/// Decimals of an amount that the format can show, even where the column has fewer.
const DECIMALS_MIN: usize = 6;
/// The number of digits that Excel stores.
const DECIMALS_MAX: usize = 15;

/// What the cells of a column have in common.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ColumnStats {
    filled: bool,
    /// Number of characters of its longest number, without sign and grouping.
    longest: usize,
    /// The same before the decimal point.
    whole_digits: usize,
    decimals: usize,
    /// True where a date with a time of day is among them.
    times: bool,
}

impl ColumnStats {
    /// Takes note of a cell; true where that has changed something.
    pub fn note(&mut self, cell: &TableCell) -> bool {
        let before = *self;
        self.filled |= *cell != TableCell::Empty;
        self.times |= matches!(cell, TableCell::Instant(_));
        if let (TableCell::Number(number), Some(_)) = (cell, cell.as_number()) {
            let number = number.normalize();
            let decimals = number.scale() as usize;
            let digits = number.mantissa().unsigned_abs().checked_ilog10().map_or(1, |log| log as usize + 1);
            let whole = digits.saturating_sub(decimals).max(1);
            self.whole_digits = self.whole_digits.max(whole);
            self.decimals = self.decimals.max(decimals);
            self.longest = self.longest.max(whole + if decimals > 0 { decimals + 1 } else { 0 });
        }
        *self != before
    }

    /// The format of its dates.
    pub fn date_format(&self) -> &'static str {
        if self.times { "dd.mm.yyyy hh:mm" } else { "dd.mm.yyyy" }
    }

    /// The format of its numbers; none where Excel shows them completely without one. Numbers that are typed later must be
    /// shown completely as well, so no format cuts decimals off.
    pub fn number_format(&self, money: bool) -> Option<String> {
        if money {
            let decimals = self.decimals.clamp(DECIMALS_MIN, DECIMALS_MAX);
            return Some(format!("#,##0.00{}", "#".repeat(decimals - 2)));
        }
        match (self.longest > GENERAL_MAX, self.decimals) {
            (false, _) => None,
            // 100,000,000,000 has a digit more than Excel shows.
            (true, 0) => Some("[<100000000000]General;0".to_owned()),
            (true, decimals) => Some(format!("0.{}", "0".repeat(decimals.min(DECIMALS_MAX)))),
        }
    }

    /// Number of characters of its longest number in its format; a number that does not fit is shown as ####.
    pub fn number_width(&self, money: bool) -> usize {
        match (money, self.longest) {
            (_, 0) => 0,
            // With the sign.
            (true, _) => self.whole_digits + self.whole_digits / 3 + 2 + self.decimals.max(2),
            (false, _) => self.whole_digits + 2 + self.decimals,
        }
    }
}

/// The order of the columns, and the number of columns at the end that are collapsed.
#[derive(Debug, PartialEq, Eq)]
pub struct ColumnOrder {
    pub columns: Vec<usize>,
    pub collapsed: usize,
}

/// The order of columns: filled ones first. `chosen` columns stay where the user has put them. In a table without rows no
/// column counts as empty.
pub fn order(stats: &[ColumnStats], chosen: bool) -> ColumnOrder {
    let (filled, empty): (Vec<usize>, Vec<usize>) = (0..stats.len()).partition(|column| stats[*column].filled);
    if chosen || filled.is_empty() {
        return ColumnOrder { columns: (0..stats.len()).collect(), collapsed: 0 };
    }
    let collapsed = empty.len();
    ColumnOrder { columns: filled.into_iter().chain(empty).collect(), collapsed }
}

/// What of a layout the XML of rows depends on: the order of the columns, and the formats of their numbers and dates.
#[derive(Debug, PartialEq)]
pub struct RowLayout {
    pub order: ColumnOrder,
    formats: Vec<(Option<String>, &'static str)>,
}

/// The layout of a table with these columns.
pub fn layout(stats: &[ColumnStats], heads: &[Head], chosen: bool) -> RowLayout {
    let formats = stats.iter().zip(heads).map(|(stats, head)| (stats.number_format(head.money), stats.date_format()));
    RowLayout { order: order(stats, chosen), formats: formats.collect() }
}

/// Items of columns in the order of the columns.
pub fn in_order<T: Default>(all: Vec<T>, order: &[usize]) -> Vec<T> {
    let mut all = all;
    order.iter().map(|column| all.get_mut(*column).map(std::mem::take).unwrap_or_default()).collect()
}

/// A column of a sheet.
#[derive(Debug, Clone, Default)]
pub struct SheetColumn {
    pub head: Head,
    pub stats: ColumnStats,
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::Decimal;

    fn stats(numbers: &[&str]) -> ColumnStats {
        let mut stats = ColumnStats::default();
        for number in numbers {
            stats.note(&TableCell::Number(number.parse::<Decimal>().unwrap()));
        }
        stats
    }

    #[test]
    fn a_column_has_one_format_and_shows_every_digit() {
        for (numbers, money, plain) in [
            (&[][..], "#,##0.00####", None),
            (&["500", "777.5"], "#,##0.00####", None),
            (&["1234567.891"], "#,##0.00####", None),
            (&["0.12345678"], "#,##0.00######", None),
            (&["1", "1.0000000000"], "#,##0.00####", None),
            (&["0.00000000001"], "#,##0.00#########", Some("0.00000000000")),
            (&["12345678901"], "#,##0.00####", None),
            (&["-12345678901"], "#,##0.00####", None),
            (&["7", "500100732259"], "#,##0.00####", Some("[<100000000000]General;0")),
            (&["12345678.123"], "#,##0.00####", Some("0.000")),
            (&["500100732259", "0.5"], "#,##0.00####", Some("0.0")),
        ] {
            let stats = stats(numbers);
            assert_eq!(stats.number_format(true).as_deref(), Some(money), "{numbers:?}");
            assert_eq!(stats.number_format(false).as_deref(), plain, "{numbers:?}");
        }
        assert_eq!(
            (stats(&["-1234567.5"]).number_width(true), stats(&[]).number_width(true)),
            ("-1 234 567.50".len(), 0)
        );
    }

    #[test]
    fn dates_of_a_column_have_one_format() {
        let (mut dates, day) = (ColumnStats::default(), jiff::civil::date(2026, 11, 27));
        dates.note(&TableCell::Day(day));
        assert_eq!(dates.date_format(), "dd.mm.yyyy");
        dates.note(&TableCell::Instant(day.at(10, 0, 0, 0)));
        assert_eq!(dates.date_format(), "dd.mm.yyyy hh:mm");
    }

    #[test]
    fn empty_columns_are_last_unless_the_user_has_chosen_the_order() {
        let stats = [stats(&["1"]), stats(&[]), stats(&["2"]), stats(&[])];
        assert_eq!(order(&stats, false), ColumnOrder { columns: vec![0, 2, 1, 3], collapsed: 2 });
        assert_eq!(order(&stats, true), ColumnOrder { columns: vec![0, 1, 2, 3], collapsed: 0 });
        assert_eq!(order(&stats[1..2], false), ColumnOrder { columns: vec![0], collapsed: 0 });
        assert_eq!(in_order(vec!["a", "b", "c"], &[2, 0, 1]), ["c", "a", "b"]);
    }
}
