//! The sum of an invoice, as the service computes it: price times quantity, minus the discount of the line. [seed]

use amo_model::{DISCOUNT_AMOUNT, DISCOUNT_PERCENT, ITEM_PRICE, ITEM_QUANTITY};
use rust_decimal::{Decimal, RoundingStrategy};

/// One line.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Line {
    price: Option<Decimal>,
    quantity: Option<Decimal>,
    discount: Option<Decimal>,
    percent: Option<Decimal>,
}

/// The sum of the lines so far; unknown if a line has no price or quantity, or if it overflows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Total {
    #[default]
    None,
    Of(Decimal),
    Unknown,
}

impl Line {
    /// Sets the price or the quantity; ignores other keys.
    pub fn key(&mut self, key: &str, value: Decimal) {
        match key {
            ITEM_PRICE => self.price = Some(value),
            ITEM_QUANTITY => self.quantity = Some(value),
            _ => {}
        }
    }

    pub fn discount(&mut self, kind: &str, value: Decimal) {
        match kind {
            DISCOUNT_AMOUNT => self.discount = Some(value),
            DISCOUNT_PERCENT => self.percent = Some(value),
            _ => {}
        }
    }

    pub fn is_discounted(self) -> bool {
        self.discount.is_some() || self.percent.is_some()
    }

    fn sum(self) -> Option<Decimal> {
        let whole = self.price?.checked_mul(self.quantity?)?;
        let percent = self.percent.unwrap_or(Decimal::ZERO);
        let off = whole.checked_mul(percent)?.checked_div(Decimal::ONE_HUNDRED)?;
        let sum = whole.checked_sub(off)?.checked_sub(self.discount.unwrap_or(Decimal::ZERO))?;
        Some(sum.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero))
    }
}

impl Total {
    pub fn add(&mut self, line: Line) {
        *self = match (*self, line.sum()) {
            (Total::None, Some(sum)) => Total::Of(sum),
            (Total::Of(before), Some(sum)) => before.checked_add(sum).map_or(Total::Unknown, Total::Of),
            (Total::Unknown, _) | (_, None) => Total::Unknown,
        };
    }

    pub fn known(self) -> Option<Decimal> {
        match self {
            Total::Of(sum) => Some(sum),
            Total::None | Total::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(price: &str, quantity: &str, discount: &str, percent: &str) -> Line {
        let number = |text: &str| text.parse().ok();
        Line { price: number(price), quantity: number(quantity), discount: number(discount), percent: number(percent) }
    }

    #[test]
    fn lines_come_to_what_the_documents_say() {
        for (lines, expected) in [
            (vec![line("10", "5", "25", "")], Some("25")),
            (vec![line("2.55", "6", "", ""), line("3.39", "6", "", "")], Some("35.64")),
            (vec![line("99.99", "1", "", "10")], Some("89.99")),
            (vec![line("0.005", "1", "", "")], Some("0.01")),
            (vec![line("10", "", "", ""), line("1", "1", "", "")], None),
            (vec![line("79228162514264337593543950335", "2", "", "")], None),
            (vec![], None),
        ] {
            let mut total = Total::default();
            lines.into_iter().for_each(|line| total.add(line));
            assert_eq!(total.known().map(|sum| sum.normalize().to_string()).as_deref(), expected);
        }
    }
}
