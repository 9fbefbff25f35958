//! The decision about one cell of an exported row, by its exported value, its value in the sheet, its value in the account now,
//! and what this file has sent before. Pure.

use crate::export::table::exported_column::ExportedColumn;
use crate::export::table::hashes::CellHashes;

/// The values of a cell, as hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellFacts {
    pub sheet: u32,
    pub account: u32,
    /// The exported value, where it is known.
    pub base: Option<u32>,
    /// What this file has sent, and what the account showed because of that.
    pub sent: Option<u32>,
    pub ours: Option<u32>,
}

/// The decision about a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellDecision {
    Nothing,
    Send,
    /// It was changed in the sheet and in the account.
    ChangedMeanwhile,
    /// It shows the exported value, but this file has sent another one.
    PutBack,
}

/// Decides about a cell. `same_file` is true where the row still shows what this file has sent, so that no other copy has taken
/// its place.
pub fn decide_cell(cell: CellFacts, same_file: bool) -> CellDecision {
    if cell.sheet == cell.account {
        return CellDecision::Nothing;
    }
    if cell.base == Some(cell.sheet) {
        // Another copy in the place of the file looks like this as well, without an intended change.
        return if cell.sent.is_some_and(|sent| sent != cell.sheet) {
            CellDecision::PutBack
        } else {
            CellDecision::Nothing
        };
    }
    let by_this_file = [cell.ours, cell.sent].contains(&Some(cell.account));
    match cell.base == Some(cell.account) || by_this_file && same_file {
        true => CellDecision::Send,
        false => CellDecision::ChangedMeanwhile,
    }
}

/// What one file has sent to a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SentCells {
    /// Cells that were sent.
    pub sent: CellHashes,
    /// Cells that are being sent: it is not known whether they have arrived.
    pub sending: CellHashes,
    /// Values of the account before.
    pub before: CellHashes,
    /// Values of the account afterwards, which come from this file.
    pub ours: CellHashes,
    /// Exported values, where the workbook does not have them and they were found out.
    pub base: CellHashes,
    /// For earlier versions, which stored no cells: a hash of the row in the account after the last import of this file.
    pub left: Option<u64>,
}

impl SentCells {
    /// The value of a cell that was sent last, where it is known.
    pub fn of(&self, column: usize) -> Option<u32> {
        self.sending.get(column).or_else(|| self.sent.get(column))
    }

    /// True where no sent cell shows its exported value again.
    pub fn is_still_shown(&self, columns: &[ExportedColumn], sheet: &CellHashes, base: &CellHashes) -> bool {
        (0..columns.len()).all(|n| match (self.of(n), base.get(n)) {
            (Some(sent), Some(base)) => sent == base || sheet.get(n) != Some(base),
            _ => true,
        })
    }

    /// Notes what is about to be sent, and the values of the account before that.
    pub fn sending(mut self, columns: &[usize], sheet: &CellHashes, before: CellHashes) -> SentCells {
        self.settle();
        for column in columns {
            self.sending.set(*column, sheet.get(*column));
        }
        SentCells { before, ..self }
    }

    /// Notes the values of the account afterwards: of the sent cells and, where the account was read just before, of cells that
    /// the service has changed with them.
    pub fn arrived(mut self, after: &CellHashes, asked_before: bool) -> SentCells {
        for column in 0..after.len() {
            let sent = self.sending.get(column).is_some();
            let link_requests = self.before.get(column).is_some_and(|before| after.get(column) != Some(before));
            if sent || asked_before && link_requests {
                self.ours.set(column, after.get(column));
            }
        }
        self.settle();
        self
    }

    /// Takes the cells that were being sent for sent.
    pub fn settle(&mut self) {
        for column in 0..self.sending.len() {
            if let Some(hash) = self.sending.get(column) {
                self.sent.set(column, Some(hash));
            }
        }
        self.refused();
    }

    /// Forgets the cells that were being sent: they were refused.
    pub fn refused(&mut self) {
        (self.sending, self.before) = (CellHashes::default(), CellHashes::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::table::exported_column::ColumnMeaning;

    #[test]
    fn the_base_of_the_export_decides() {
        let facts = |base, sheet, account| CellFacts { sheet, account, base: Some(base), sent: None, ours: None };
        let sent = |facts, sent, ours| CellFacts { sent: Some(sent), ours: Some(ours), ..facts };
        for (facts, verdict) in [
            // Not edited: never sent, whatever the account has.
            (facts(1, 1, 1), CellDecision::Nothing),
            (facts(1, 1, 2), CellDecision::Nothing),
            // Edited, and the account as it was.
            (facts(1, 2, 1), CellDecision::Send),
            (facts(1, 2, 2), CellDecision::Nothing),
            (facts(1, 2, 3), CellDecision::ChangedMeanwhile),
            // The account has the value of this file, or not.
            (sent(facts(1, 4, 3), 3, 3), CellDecision::Send),
            // As the service has written it.
            (sent(facts(1, 4, 3), 2, 3), CellDecision::Send),
            (sent(facts(1, 4, 9), 3, 3), CellDecision::ChangedMeanwhile),
            (sent(facts(1, 3, 9), 3, 3), CellDecision::ChangedMeanwhile),
            // Back at the exported value.
            (sent(facts(1, 1, 3), 3, 3), CellDecision::PutBack),
            (sent(facts(1, 1, 1), 3, 3), CellDecision::Nothing),
            (sent(facts(1, 1, 3), 1, 1), CellDecision::Nothing),
            // A workbook without hashes of cells.
            (CellFacts { base: None, ..facts(0, 1, 2) }, CellDecision::ChangedMeanwhile),
            (CellFacts { base: None, ..sent(facts(0, 1, 2), 2, 2) }, CellDecision::Send),
        ] {
            assert_eq!(decide_cell(facts, true), verdict, "{facts:?}");
        }
        assert_eq!(decide_cell(sent(facts(1, 4, 3), 3, 3), false), CellDecision::ChangedMeanwhile);
    }

    fn cells(text: &str) -> CellHashes {
        let mut cells = CellHashes::default();
        for (n, digit) in text.chars().enumerate() {
            cells.set(n, digit.to_digit(10));
        }
        cells
    }

    #[test]
    fn a_copy_in_the_place_of_a_file_is_known_by_what_it_does_not_show() {
        let columns: Vec<ExportedColumn> = (0..3)
            .map(|_| ExportedColumn { title: String::new(), meaning: ColumnMeaning::Other, writable: true })
            .collect();
        let base = cells("111");
        let sent = SentCells { sent: cells("2-3"), ..SentCells::default() };
        for (sheet, shown) in
            [("213", true), ("513", true), ("253", true), ("111", false), ("115", false), ("211", false)]
        {
            assert_eq!(sent.is_still_shown(&columns, &cells(sheet), &base), shown, "{sheet}");
        }
    }

    #[test]
    fn values_that_change_with_sent_ones_are_ours() {
        let sending = SentCells::default().sending(&[0], &cells("2111"), cells("1119"));
        assert_eq!((sending.of(0), sending.of(1)), (Some(2), None));
        // The service has set the second; another user changed the third before; the last is unchanged.
        let arrived = sending.clone().arrived(&cells("2319"), true);
        assert_eq!(
            (&arrived.sent, &arrived.ours, &arrived.sending),
            (&cells("2"), &cells("23"), &CellHashes::default())
        );
        // Long after the account was read, others may have changed it.
        assert_eq!(sending.arrived(&cells("2319"), false).ours, cells("2"));
    }

    #[test]
    fn what_was_refused_was_not_sent() {
        let known = SentCells { sent: cells("3"), ours: cells("3"), ..SentCells::default() };
        let mut refused = known.clone().sending(&[0, 1], &cells("45"), cells("31"));
        assert_eq!((refused.of(0), refused.of(1)), (Some(4), Some(5)));
        refused.refused();
        assert_eq!(refused, known);
        // A cell of unknown outcome is taken for sent when more of the row is sent.
        let duplicates = known.sending(&[0], &cells("4"), cells("3")).sending(&[1], &cells("45"), cells("41"));
        assert_eq!(
            (duplicates.sent, duplicates.sending.get(0), duplicates.sending.get(1)),
            (cells("4"), None, Some(5))
        );
    }
}
