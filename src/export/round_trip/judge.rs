//! What is to become of one cell of a row that was exported. The export's base decides: what it was then, what the sheet says,
//! what the account says now, and what this very file has sent before. Pure.

use crate::export::table::exported_column::ExportedColumn;
use crate::export::table::hashes::CellHashes;

/// One cell, as hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    pub sheet: u32,
    pub account: u32,
    /// As it was exported, where that is known of the cell.
    pub base: Option<u32>,
    /// What this file has sent of it, and what the account was seen to show because of that.
    pub sent: Option<u32>,
    pub ours: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Nothing,
    Send,
    /// It was changed here and there.
    ChangedMeanwhile,
    /// It shows what was exported, and this file has sent something else.
    PutBack,
}

/// `same_file`: the row still shows what this file has sent of it, so it is no other copy that has taken its place.
pub fn judge(cell: Facts, same_file: bool) -> Verdict {
    if cell.sheet == cell.account {
        return Verdict::Nothing;
    }
    if cell.base == Some(cell.sheet) {
        // A copy in the place of the file looks like this as well, and means nothing by it.
        return if cell.sent.is_some_and(|sent| sent != cell.sheet) { Verdict::PutBack } else { Verdict::Nothing };
    }
    let by_this_file = [cell.ours, cell.sent].contains(&Some(cell.account));
    match cell.base == Some(cell.account) || by_this_file && same_file {
        true => Verdict::Send,
        false => Verdict::ChangedMeanwhile,
    }
}

/// What one file has sent to a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// The cells that it has sent.
    pub sent: CellHashes,
    /// Those on their way: of these it is not known whether they have arrived.
    pub sending: CellHashes,
    /// What the account showed before.
    pub before: CellHashes,
    /// What the account was seen to show because of it.
    pub ours: CellHashes,
    /// What was exported, where the workbook does not say it of each cell and it was found out.
    pub base: CellHashes,
    /// Of an earlier version, which kept no cells: a hash of the row as this file has left it in the account.
    pub left: Option<u64>,
}

impl Sent {
    /// What was sent of a cell at last, as far as that is known.
    pub fn of(&self, column: usize) -> Option<u32> {
        self.sending.get(column).or_else(|| self.sent.get(column))
    }

    /// True where no cell that was sent shows again what was exported.
    pub fn is_still_shown(&self, columns: &[ExportedColumn], sheet: &CellHashes, base: &CellHashes) -> bool {
        (0..columns.len()).all(|n| match (self.of(n), base.get(n)) {
            (Some(sent), Some(base)) => sent == base || sheet.get(n) != Some(base),
            _ => true,
        })
    }

    /// Notes what is about to be sent, and what the account shows before that.
    pub fn sending(mut self, columns: &[usize], sheet: &CellHashes, before: CellHashes) -> Sent {
        self.settle();
        for column in columns {
            self.sending.set(*column, sheet.get(*column));
        }
        Sent { before, ..self }
    }

    /// Notes what the account shows after it: of the cells that were sent and, where it was asked just before, of those
    /// that the service has changed along with them.
    pub fn arrived(mut self, after: &CellHashes, asked_before: bool) -> Sent {
        for column in 0..after.len() {
            let sent = self.sending.get(column).is_some();
            let along = self.before.get(column).is_some_and(|before| after.get(column) != Some(before));
            if sent || asked_before && along {
                self.ours.set(column, after.get(column));
            }
        }
        self.settle();
        self
    }

    /// Takes what was on its way for sent.
    pub fn settle(&mut self) {
        for column in 0..self.sending.len() {
            if let Some(hash) = self.sending.get(column) {
                self.sent.set(column, Some(hash));
            }
        }
        self.refused();
    }

    /// Nothing of what was on its way was taken.
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
        let facts = |base, sheet, account| Facts { sheet, account, base: Some(base), sent: None, ours: None };
        let sent = |facts, sent, ours| Facts { sent: Some(sent), ours: Some(ours), ..facts };
        for (facts, verdict) in [
            // Not edited: never sent, whatever the account says.
            (facts(1, 1, 1), Verdict::Nothing),
            (facts(1, 1, 2), Verdict::Nothing),
            // Edited, and the account as it was.
            (facts(1, 2, 1), Verdict::Send),
            (facts(1, 2, 2), Verdict::Nothing),
            (facts(1, 2, 3), Verdict::ChangedMeanwhile),
            // This file has set what the account says, or not.
            (sent(facts(1, 4, 3), 3, 3), Verdict::Send),
            // As the service has written it.
            (sent(facts(1, 4, 3), 2, 3), Verdict::Send),
            (sent(facts(1, 4, 9), 3, 3), Verdict::ChangedMeanwhile),
            (sent(facts(1, 3, 9), 3, 3), Verdict::ChangedMeanwhile),
            // Back at what was exported.
            (sent(facts(1, 1, 3), 3, 3), Verdict::PutBack),
            (sent(facts(1, 1, 1), 3, 3), Verdict::Nothing),
            (sent(facts(1, 1, 3), 1, 1), Verdict::Nothing),
            // Of a workbook that says nothing of its cells.
            (Facts { base: None, ..facts(0, 1, 2) }, Verdict::ChangedMeanwhile),
            (Facts { base: None, ..sent(facts(0, 1, 2), 2, 2) }, Verdict::Send),
        ] {
            assert_eq!(judge(facts, true), verdict, "{facts:?}");
        }
        assert_eq!(judge(sent(facts(1, 4, 3), 3, 3), false), Verdict::ChangedMeanwhile);
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
        let columns: Vec<ExportedColumn> =
            (0..3).map(|_| ExportedColumn { title: String::new(), is: ColumnMeaning::Other, writable: true }).collect();
        let base = cells("111");
        let sent = Sent { sent: cells("2-3"), ..Sent::default() };
        for (sheet, shown) in
            [("213", true), ("513", true), ("253", true), ("111", false), ("115", false), ("211", false)]
        {
            assert_eq!(sent.is_still_shown(&columns, &cells(sheet), &base), shown, "{sheet}");
        }
    }

    #[test]
    fn what_changes_along_with_what_was_sent_is_ours() {
        let sending = Sent::default().sending(&[0], &cells("2111"), cells("1119"));
        assert_eq!((sending.of(0), sending.of(1)), (Some(2), None));
        // The service has set the second; the third was changed before by somebody, the last is as it was.
        let arrived = sending.clone().arrived(&cells("2319"), true);
        assert_eq!(
            (&arrived.sent, &arrived.ours, &arrived.sending),
            (&cells("2"), &cells("23"), &CellHashes::default())
        );
        // Long after it was asked, others may have changed it meanwhile.
        assert_eq!(sending.arrived(&cells("2319"), false).ours, cells("2"));
    }

    #[test]
    fn what_was_refused_was_not_sent() {
        let known = Sent { sent: cells("3"), ours: cells("3"), ..Sent::default() };
        let mut refused = known.clone().sending(&[0, 1], &cells("45"), cells("31"));
        assert_eq!((refused.of(0), refused.of(1)), (Some(4), Some(5)));
        refused.refused();
        assert_eq!(refused, known);
        // What nobody knows of is taken for sent, when more of the row is.
        let twice = known.sending(&[0], &cells("4"), cells("3")).sending(&[1], &cells("45"), cells("41"));
        assert_eq!((twice.sent, twice.sending.get(0), twice.sending.get(1)), (cells("4"), None, Some(5)));
    }
}
