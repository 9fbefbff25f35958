//! Deciding about the edited rows of a workbook. Their records are read from the account and shown as the export would show
//! them, so that a change in the sheet, a change in the account, and another notation of a number can be distinguished.

use super::fresh::AddedRow;
use super::judge::{CellDecision, CellFacts, SentCells, decide_cell};
use super::records::{EditedRecords, ReadItem, RecordsById};
use super::refusals::{conflict, put_back, refusal, with_value};
use super::scan::{EditedRow, SheetFacts, SheetLayout};
use crate::export::table::cell::AccountNames;
use crate::export::table::columns::TableColumns;
use crate::export::table::exported_column::ColumnMeaning;
use crate::export::table::hashes::{CellHashes, hash_of};
use crate::export::table::hashes::{Hashes, canonical, hashes};
use crate::export::table::hidden::{HiddenSheet, as_read};
use crate::export::table::linked::LinkedRow;
use crate::mapping::{Edit, Mapper, Plan, Refusal};
use amo_client::Failure;
use amo_client::account::Account;
use amo_model::compact::CompactJson;
use sheet_source::message;
use sheet_source::problem::{Problem, column_letter};
use sheet_source::{Row, Scalar};
use std::collections::HashMap;
use std::sync::Arc;

/// Number of cells that a warning names.
const NAMED_MAX: usize = 5;
/// Values that are sent together: a stage belongs to its pipeline, a loss reason to the lost stage, and the parts of a name
/// make the whole.
const TOGETHER: [(&str, &str); 6] = [
    ("status_id", "pipeline_id"),
    ("pipeline_id", "status_id"),
    ("loss_reason_id", "status_id"),
    ("loss_reason_id", "pipeline_id"),
    ("first_name", "last_name"),
    ("last_name", "first_name"),
];

/// Of these, values that are sent alone where another user has changed the other one.
const PARTS: [&str; 2] = ["first_name", "last_name"];

/// What edits are decided by.
pub struct DecisionContext<'a> {
    pub hidden: &'a HiddenSheet,
    pub layout: &'a SheetLayout,
    pub plan: &'a Arc<Plan>,
    pub columns: &'a TableColumns,
    pub account: &'a Account,
    /// What earlier imports of this file sent, by id.
    pub sent: Arc<HashMap<u64, SentCells>>,
    /// Exported values by id, where the workbook does not have them and earlier imports have found them out.
    pub bases: HashMap<u64, CellHashes>,
    /// True where the sheet wins in conflicts.
    pub force: bool,
}

/// The edits of a workbook.
#[derive(Debug, Default)]
pub struct Decisions {
    pub edits: HashMap<u32, Edit>,
    pub added: Vec<AddedRow>,
    pub changed: u64,
    /// The records to change, with the cells to send.
    pub sending: Vec<(u64, SentCells)>,
    pub conflicts: u64,
    /// Number of rows that are rejected for other reasons.
    pub refused: u64,
    /// Ids of exported records that the sheet does not have any more.
    pub left_alone: Vec<u64>,
    /// Changed cells that an import cannot change: their number, and the first of them.
    pub read_only: (u64, Vec<String>),
}

/// Why edits cannot be decided.
pub enum DecideError {
    Source(Problem),
    Service(Failure),
}

/// Decides about the edited rows of a sheet; `None` where its reading ended without a result.
pub async fn decide(
    mut records: EditedRecords,
    context: &DecisionContext<'_>,
) -> Result<Option<Decisions>, DecideError> {
    let mut decider = Decider::new(context);
    while let Some(item) = records.next().await {
        match item? {
            ReadItem::Page(rows, found) => decider.compare_rows(&rows, &found),
            ReadItem::End(facts) => return Ok(Some(decider.finish(facts))),
        }
    }
    Ok(None)
}

/// The current values of a record in the account.
pub(super) struct AccountCells {
    pub hashes: Hashes,
    pub cells: CellHashes,
}

/// Decides about edited rows.
pub(super) struct Decider<'a> {
    pub context: &'a DecisionContext<'a>,
    mapper: Mapper,
    names: AccountNames,
    decided: Decisions,
}

impl<'a> Decider<'a> {
    pub fn new(context: &'a DecisionContext<'a>) -> Decider<'a> {
        Decider {
            mapper: Mapper::new(Arc::clone(context.plan), ""),
            names: AccountNames::of(context.account),
            decided: Decisions::default(),
            context,
        }
    }

    /// The exported column at an index of the sheet.
    fn column_at(&self, position: usize) -> Option<usize> {
        self.context.layout.positions.iter().position(|known| *known == Some(position))
    }

    fn refuse(&mut self, row: u32, refusal: Refusal) {
        self.decided.refused += 1;
        self.decided.edits.insert(row, Edit::Refused(vec![refusal]));
    }

    fn compare_rows(&mut self, edited: &[EditedRow], found: &RecordsById) {
        for one in edited {
            match found.get(&one.id) {
                Some(item) => self.compare(one, item),
                None if self.is_edited(one) => {
                    let message = message!("{id} is not in the account any more", id = one.id);
                    let hint = "it was deleted, or merged into another; empty the ID cell to create it again";
                    let id = one.id.to_string();
                    self.refuse(
                        one.row.number,
                        with_value(refusal("gone", self.context.layout.id_position, message, hint), &id),
                    );
                }
                None => {}
            }
        }
    }

    /// A record as the export shows it, with its hashes.
    pub fn shown(&self, item: &CompactJson) -> (Row, AccountCells) {
        let mut shown = Row::default();
        let whole = LinkedRow { item: item.clone(), ..LinkedRow::default() };
        as_read(self.context.columns.cells(&whole, &self.names), &mut shown);
        let columns = &self.context.hidden.columns;
        let cells = || (0..columns.len()).map(|index| Some(shown.get(index)));
        let account_now = AccountCells { hashes: hashes(columns, cells()), cells: CellHashes::of(columns, cells()) };
        (shown, account_now)
    }

    /// The hashes of a row of the sheet.
    fn cells(&self, row: &Row) -> CellHashes {
        CellHashes::of(
            &self.context.hidden.columns,
            self.context.layout.positions.iter().map(|position| position.map(|at| row.get(at))),
        )
    }

    /// The exported cells of a row, where they are known.
    fn exported(&self, one: &EditedRow) -> Option<CellHashes> {
        self.context.hidden.cells(one.index).or_else(|| self.context.bases.get(&one.id).cloned())
    }

    /// True where a writable cell differs from the exported one.
    fn is_edited(&self, one: &EditedRow) -> bool {
        let Some(base) = self.exported(one) else { return one.sheet.writable != one.exported.writable };
        let sheet = self.cells(&one.row);
        (0..base.len()).any(|n| sheet.get(n).is_some_and(|cell| base.get(n) != Some(cell)))
    }

    /// The exported cells of a row, as far as they can be known. A workbook of version 0.1 has hashes of whole rows only: then
    /// they are those of the sheet or of the account, where one of them is unchanged.
    fn base(&self, one: &EditedRow, shown: &Row, account_now: &AccountCells) -> CellHashes {
        if let Some(cells) = self.exported(one) {
            return cells;
        }
        // The cell of a removed column is replaced by the account's.
        let columns = &self.context.hidden.columns;
        let whole = || {
            let cells = self.context.layout.positions.iter().enumerate();
            cells.map(|(index, position)| Some(position.map_or_else(|| shown.get(index), |at| one.row.get(at))))
        };
        if hashes(columns, whole()).writable == one.exported.writable {
            CellHashes::of(columns, whole())
        } else if account_now.hashes.writable == one.exported.writable {
            account_now.cells.clone()
        } else {
            CellHashes::default()
        }
    }

    fn compare(&mut self, one: &EditedRow, item: &CompactJson) {
        let (shown, account_now) = self.shown(item);
        let account = self.in_place(&shown, one.row.number);
        let (base, sheet) = (self.base(one, &shown, &account_now), self.cells(&one.row));
        let columns = &self.context.hidden.columns;
        let mut sent = self.context.sent.get(&one.id).cloned().unwrap_or_default();
        if sent.left.take() == Some(account_now.hashes.writable) {
            sent.ours = account_now.cells.clone();
        }
        let same_file = sent.is_still_shown(columns, &sheet, &base);
        let others_edited = one.sheet.others != one.exported.others;
        if others_edited && account_now.hashes.others != one.exported.others {
            // The cells of the account have changed too, so the edited cell is not known.
            self.decided.read_only.0 += 1;
            if self.decided.read_only.1.len() < NAMED_MAX {
                self.decided.read_only.1.push(format!("row {}", one.row.number));
            }
        }
        let (mut sending, mut conflicts) = (Vec::new(), Vec::new());
        for (n, column) in columns.iter().enumerate() {
            let Some(position) = self.context.layout.positions[n] else { continue };
            if !column.is_compared() || canonical(one.row.get(position)) == canonical(account.get(position)) {
                continue;
            }
            let facts = CellFacts {
                sheet: hash_of(one.row.get(position)),
                account: hash_of(account.get(position)),
                base: base.get(n),
                sent: sent.of(n),
                ours: sent.ours.get(n),
            };
            if !column.writable || !self.fills(position) {
                let others = others_edited && account_now.hashes.others == one.exported.others;
                if !column.writable && others || column.writable && facts.base != Some(facts.sheet) {
                    self.read_only(one.row.number, position);
                }
                continue;
            }
            match decide_cell(facts, same_file) {
                CellDecision::Nothing => {}
                _ if self.same(&one.row, &account, position) => {}
                CellDecision::Send => sending.push(position),
                CellDecision::ChangedMeanwhile => {
                    conflicts.push((position, conflict(position, &one.row, &account, facts.base.is_some())));
                }
                CellDecision::PutBack => conflicts.push((position, put_back(position, &one.row, &account))),
            }
        }
        if self.context.force {
            sending.extend(conflicts.drain(..).map(|(position, _)| position));
        }
        let base = if self.context.hidden.cells(one.index).is_none() { base } else { CellHashes::default() };
        let sent = SentCells { base, ..sent };
        self.settle(one, &account, (sending, conflicts), |columns| sent.sending(columns, &sheet, account_now.cells));
    }

    /// Sends these cells of a row and the values that belong to them, unless one of them or another cell is in conflict.
    fn settle(
        &mut self,
        one: &EditedRow,
        account: &Row,
        (sending, mut conflicts): (Vec<usize>, Vec<(usize, Refusal)>),
        sent: impl FnOnce(&[usize]) -> SentCells,
    ) {
        if sending.is_empty() && conflicts.is_empty() {
            return;
        }
        let mut positions = self.together(sending.clone(), &one.row);
        for position in positions.clone() {
            let cell = |row: &Row| canonical(row.get(position)).into_owned();
            if sending.contains(&position) || cell(&one.row) == cell(account) || self.same(&one.row, account, position)
            {
                continue;
            }
            // It was not edited; sent with the others it would undo a change of another user.
            if self.path_of(position).is_some_and(|path| PARTS.contains(&path)) {
                positions.retain(|other| *other != position);
            } else if !self.context.force && !conflicts.iter().any(|(known, _)| *known == position) {
                conflicts.push((position, conflict(position, &one.row, account, true)));
            }
        }
        if conflicts.is_empty() {
            self.decided.changed += 1;
            // The service removes the loss reason with the lost stage. [client, weak]
            if sending.iter().any(|position| self.path_of(*position) == Some("status_id")) {
                positions.retain(|position| {
                    self.path_of(*position) != Some("loss_reason_id") || !one.row.get(*position).is_empty()
                });
            }
            let columns: Vec<usize> = sending.iter().filter_map(|position| self.column_at(*position)).collect();
            self.decided.sending.push((one.id, sent(&columns)));
            self.decided.edits.insert(one.row.number, Edit::Change(positions));
        } else {
            self.decided.conflicts += 1;
            let refusals = conflicts.into_iter().map(|(_, refusal)| refusal).collect();
            self.decided.edits.insert(one.row.number, Edit::Refused(refusals));
        }
    }

    /// True where two rows have the same meaning in this column.
    fn same(&mut self, a: &Row, b: &Row, position: usize) -> bool {
        let (a, b) = (self.mapper.item(a, &[position]), self.mapper.item(b, &[position]));
        a.is_some() && a == b
    }

    /// True where the mapping sends this column.
    fn fills(&self, position: usize) -> bool {
        self.context.plan.fills(position)
    }

    /// The account's cells in the columns of the sheet.
    fn in_place(&self, shown: &Row, number: u32) -> Row {
        let mut row = Row::default();
        row.clear(number);
        for at in 0..self.context.layout.width {
            match self.column_at(at) {
                Some(index) => {
                    let cell = shown.get(index);
                    row.push(cell.text, cell.value);
                }
                None => row.push("", Scalar::Empty),
            }
        }
        row
    }

    /// Notes a changed cell that cannot be sent.
    fn read_only(&mut self, row: u32, position: usize) {
        let (count, named) = &mut self.decided.read_only;
        *count += 1;
        if named.len() < NAMED_MAX {
            named.push(format!("{}{row}", column_letter(position)));
        }
    }

    /// The path of a value that every account has, by the index of its column in the sheet.
    fn path_of(&self, position: usize) -> Option<&'a str> {
        match &self.context.hidden.columns[self.column_at(position)?].meaning {
            ColumnMeaning::Own(path) => Some(path.as_str()),
            ColumnMeaning::Field { .. } | ColumnMeaning::Address | ColumnMeaning::Other => None,
        }
    }

    /// Adds the columns of `TOGETHER` that are not empty.
    fn together(&self, mut positions: Vec<usize>, row: &Row) -> Vec<usize> {
        let paths: Vec<&str> = positions.iter().filter_map(|position| self.path_of(*position)).collect();
        let with: Vec<&str> = TOGETHER.iter().filter(|(one, _)| paths.contains(one)).map(|(_, other)| *other).collect();
        for position in 0..self.context.layout.width {
            let wanted = self.path_of(position).is_some_and(|path| with.contains(&path));
            if wanted && !positions.contains(&position) && self.fills(position) && !row.get(position).is_empty() {
                positions.push(position);
            }
        }
        positions.sort_unstable();
        positions
    }

    fn finish(mut self, facts: SheetFacts) -> Decisions {
        for (row, why) in facts.refused {
            self.refuse(row, why);
        }
        for (row, earlier, id) in facts.duplicates {
            self.decided.sending.retain(|(known, _)| *known != id);
            for (row, other) in [(row, earlier), (earlier, row)] {
                let message = message!("{id} is in row {row} as well", id, row = other);
                let hint = "keep one of the rows; to make the copy a record of its own, empty its ID cell";
                match self.decided.edits.get(&row) {
                    Some(Edit::Change(_)) => self.decided.changed -= 1,
                    Some(Edit::Refused(_)) => continue,
                    _ => {}
                }
                self.refuse(
                    row,
                    with_value(refusal("id-twice", self.context.layout.id_position, message, hint), &id.to_string()),
                );
            }
        }
        Decisions { added: facts.added, left_alone: facts.left_alone, ..self.decided }
    }
}
