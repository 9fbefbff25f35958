//! How a table is laid out once all its rows are known: columns that nobody has filled stand last, and each column has one
//! format, which shows its numbers whole. Pure.

use crate::export::table::cell::Cell;
use crate::export::table::columns::Head;

/// Characters of a number that Excel shows without a format; of longer ones it leaves digits out. [Excel]
const GENERAL_MAX: usize = 11;
/// Decimals of an amount that are shown where they are typed, however few there are in the column.
const DECIMALS_MIN: usize = 6;
/// Excel keeps no more digits.
const DECIMALS_MAX: usize = 15;

/// What stands in a column.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    filled: bool,
    /// Characters of its longest number, without sign and grouping.
    longest: usize,
    /// Those before the decimal point.
    whole_digits: usize,
    decimals: usize,
    /// A date with a time of day is among them.
    times: bool,
}

impl Seen {
    pub fn note(&mut self, cell: &Cell) {
        self.filled |= *cell != Cell::Empty;
        self.times |= matches!(cell, Cell::Instant(_));
        if let (Cell::Number(number), Some(_)) = (cell, cell.as_number()) {
            let number = number.normalize();
            let decimals = number.scale() as usize;
            let digits = number.mantissa().unsigned_abs().checked_ilog10().map_or(1, |log| log as usize + 1);
            let whole = digits.saturating_sub(decimals).max(1);
            self.whole_digits = self.whole_digits.max(whole);
            self.decimals = self.decimals.max(decimals);
            self.longest = self.longest.max(whole + if decimals > 0 { decimals + 1 } else { 0 });
        }
    }

    /// The format of its dates.
    pub fn date_format(&self) -> &'static str {
        if self.times { "dd.mm.yyyy hh:mm" } else { "dd.mm.yyyy" }
    }

    /// The format of its numbers, the same for all; none where Excel shows them whole without. What is typed in their place later is
    /// shown whole as well, so there is none without decimals.
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

    /// Characters of its longest number as the format shows it; a number that does not fit is shown as ####.
    pub fn number_width(&self, money: bool) -> usize {
        match (money, self.longest) {
            (_, 0) => 0,
            // With a sign.
            (true, _) => self.whole_digits + self.whole_digits / 3 + 2 + self.decimals.max(2),
            (false, _) => self.whole_digits + 2 + self.decimals,
        }
    }
}

/// The columns in the order in which they are written, and how many of them at the end are folded away.
#[derive(Debug, PartialEq, Eq)]
pub struct Order {
    pub columns: Vec<usize>,
    pub folded: usize,
}

/// `chosen` columns stay where a person has put them. A table without rows says of no column that nobody fills it.
pub fn order(seen: &[Seen], chosen: bool) -> Order {
    let (filled, empty): (Vec<usize>, Vec<usize>) = (0..seen.len()).partition(|column| seen[*column].filled);
    if chosen || filled.is_empty() {
        return Order { columns: (0..seen.len()).collect(), folded: 0 };
    }
    let folded = empty.len();
    Order { columns: filled.into_iter().chain(empty).collect(), folded }
}

/// Things that belong to columns, in another order of these.
pub fn arranged<T: Default>(all: Vec<T>, order: &[usize]) -> Vec<T> {
    let mut all = all;
    order.iter().map(|column| all.get_mut(*column).map(std::mem::take).unwrap_or_default()).collect()
}

/// A column as a sheet has it.
#[derive(Debug, Clone, Default)]
pub struct Laid {
    pub head: Head,
    pub seen: Seen,
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::Decimal;

    fn seen(numbers: &[&str]) -> Seen {
        let mut seen = Seen::default();
        for number in numbers {
            seen.note(&Cell::Number(number.parse::<Decimal>().unwrap()));
        }
        seen
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
            let seen = seen(numbers);
            assert_eq!(seen.number_format(true).as_deref(), Some(money), "{numbers:?}");
            assert_eq!(seen.number_format(false).as_deref(), plain, "{numbers:?}");
        }
        assert_eq!(
            (seen(&["-1234567.5"]).number_width(true), seen(&[]).number_width(true)),
            ("-1 234 567.50".len(), 0)
        );
    }

    #[test]
    fn dates_of_a_column_have_one_format() {
        let (mut dates, day) = (Seen::default(), jiff::civil::date(2026, 11, 27));
        dates.note(&Cell::Day(day));
        assert_eq!(dates.date_format(), "dd.mm.yyyy");
        dates.note(&Cell::Instant(day.at(10, 0, 0, 0)));
        assert_eq!(dates.date_format(), "dd.mm.yyyy hh:mm");
    }

    #[test]
    fn columns_that_nobody_fills_stand_last_unless_a_person_has_put_them_there() {
        let seen = [seen(&["1"]), seen(&[]), seen(&["2"]), seen(&[])];
        assert_eq!(order(&seen, false), Order { columns: vec![0, 2, 1, 3], folded: 2 });
        assert_eq!(order(&seen, true), Order { columns: vec![0, 1, 2, 3], folded: 0 });
        assert_eq!(order(&seen[1..2], false), Order { columns: vec![0], folded: 0 });
        assert_eq!(arranged(vec!["a", "b", "c"], &[2, 0, 1]), ["c", "a", "b"]);
    }
}
