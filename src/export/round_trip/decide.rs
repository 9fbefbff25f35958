//! Finding the edited rows of a workbook. A row whose cells are as exported is skipped. The records of the others are read from
//! the account and shown as the export would show them, so that a change in the sheet, a change in the account, and another
//! notation of a number can be distinguished.

use super::fresh::AddedRow;
use super::judge::{CellDecision, CellFacts, SentCells, decide_cell};
use crate::export::table::cell::AccountNames;
use crate::export::table::columns::TableColumns;
use crate::export::table::exported_column::{ColumnMeaning, ExportedColumn};
use crate::export::table::hashes::{CellHashes, hash_of};
use crate::export::table::hashes::{Hashes, canonical, hashes};
use crate::export::table::hidden::{HiddenSheet, as_read};
use crate::export::table::linked::LinkedRow;
use crate::mapping::{Edit, Mapper, Plan, Refusal};
use amo_client::account::Account;
use amo_client::{Client, Failure, List};
use amo_model::compact::CompactJson;
use amo_model::{Entity, IDS_MAX, parts};
use sheet_source::message;
use sheet_source::problem::{Arg, Message, Problem, column_letter, quoted};
use sheet_source::{Header, Row, Scalar, Table};
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
    pub client: &'a Client,
    pub hidden: &'a HiddenSheet,
    pub plan: &'a Arc<Plan>,
    pub columns: &'a TableColumns,
    pub account: &'a Account,
    pub entity: Entity,
    /// What earlier imports of this file sent, by id.
    pub sent: HashMap<u64, SentCells>,
    /// Exported values by id, where the workbook does not have them and earlier imports have found them out.
    pub bases: HashMap<u64, CellHashes>,
    /// True where the sheet wins in conflicts.
    pub force: bool,
    pub rows: Option<(u32, u32)>,
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

/// Finds the edits of a table.
pub async fn decide(mut table: Table, context: &DecisionContext<'_>) -> Result<Decisions, DecideError> {
    let mut finder = EditFinder::new(context, &table.header);
    let mut row = Row::default();
    while table.read(&mut row).map_err(DecideError::Source)? {
        if finder.id_position.is_some_and(|id| row.get(id).is_empty()) {
            // All added rows, wanted or not: equal ones are distinguished by their number.
            finder.added(&row);
        } else if context.rows.is_none_or(|(first, last)| (first..=last).contains(&row.number)) {
            finder.row(&row);
        } else {
            finder.note_id(&row);
        }
        if finder.pending.len() >= IDS_MAX {
            finder.compare_pending().await?;
        }
    }
    finder.compare_pending().await?;
    Ok(finder.finish())
}

/// An edited row whose record has to be read.
struct PendingRow {
    row: Row,
    id: u64,
    sheet: Hashes,
    exported: Hashes,
    /// Its index among the rows of the export.
    index: usize,
}

/// The current values of a record in the account.
pub(super) struct AccountCells {
    pub hashes: Hashes,
    pub cells: CellHashes,
}

/// Finds the edits of a table, row by row.
pub(super) struct EditFinder<'a> {
    pub context: &'a DecisionContext<'a>,
    mapper: Mapper,
    names: AccountNames,
    /// The index in the sheet of each exported column.
    positions: Vec<Option<usize>>,
    id_position: Option<usize>,
    width: usize,
    /// By index of the exported row: the row of the sheet with its id.
    seen: Vec<u32>,
    pending: Vec<PendingRow>,
    duplicates: Vec<(u32, u32, u64)>,
    /// Added rows, by their index in the result.
    added: Vec<(usize, Hashes)>,
    decided: Decisions,
}

impl<'a> EditFinder<'a> {
    pub fn new(context: &'a DecisionContext<'a>, header: &Header) -> EditFinder<'a> {
        let positions = context.hidden.places(header);
        let id = context.hidden.columns.iter().position(ExportedColumn::is_id);
        EditFinder {
            mapper: Mapper::new(Arc::clone(context.plan), ""),
            names: AccountNames::of(context.account),
            id_position: id.and_then(|index| positions[index]),
            positions,
            width: header.len(),
            seen: vec![0; context.hidden.len()],
            pending: Vec::new(),
            duplicates: Vec::new(),
            added: Vec::new(),
            decided: Decisions::default(),
            context,
        }
    }

    fn added(&mut self, row: &Row) {
        self.added.push((self.decided.added.len(), self.hashes(row)));
        self.decided.added.push(AddedRow::of(row, self.context.hidden, &self.positions));
    }

    /// Notes the id of a row that is not wanted.
    fn note_id(&mut self, row: &Row) {
        if let Some((index, _)) =
            self.id(row).and_then(|id| self.context.hidden.find(id)).filter(|(index, _)| self.seen[*index] == 0)
        {
            self.seen[index] = row.number;
        }
    }

    fn hashes(&self, row: &Row) -> Hashes {
        hashes(&self.context.hidden.columns, self.positions.iter().map(|position| position.map(|at| row.get(at))))
    }

    /// Finds added rows that are exported ones without their id: created, they would be duplicates.
    fn find_emptied_ids(&mut self) {
        if self.added.is_empty() {
            return;
        }
        let mut lost: HashMap<Hashes, Vec<u64>> = HashMap::new();
        for (id, _) in self.context.hidden.ids().zip(&self.seen).filter(|(_, row)| **row == 0) {
            let Some((_, hashes)) = self.context.hidden.find(id) else { continue };
            lost.entry(hashes).or_default().push(id);
        }
        for (index, hashes) in std::mem::take(&mut self.added) {
            self.decided.added[index].exported_id = lost.get_mut(&hashes).and_then(Vec::pop);
        }
    }

    fn row(&mut self, row: &Row) {
        let Some(id_position) = self.id_position else { return };
        let cell = row.get(id_position);
        let text = cell.text.trim();
        let Some((index, exported)) = text.parse().ok().and_then(|id| self.context.hidden.find(id)) else {
            let message = message!("{value} is not an id of this export", value = quoted(text));
            let hint = "empty the cell to create a new record; other records cannot be changed by this workbook";
            return self.refuse(row.number, with_value(refusal("unknown-id", Some(id_position), message, hint), text));
        };
        // Parsed above.
        let id: u64 = text.parse().unwrap_or_default();
        if self.seen[index] != 0 {
            self.duplicates.push((row.number, self.seen[index], id));
            return;
        }
        self.seen[index] = row.number;
        let sheet = self.hashes(row);
        if sheet != exported || self.context.sent.contains_key(&id) {
            self.pending.push(PendingRow { row: row.clone(), id, sheet, exported, index });
        }
    }

    pub fn id(&self, row: &Row) -> Option<u64> {
        self.id_position.and_then(|position| row.get(position).text.trim().parse().ok())
    }

    /// The exported column at an index of the sheet.
    fn column_at(&self, position: usize) -> Option<usize> {
        self.positions.iter().position(|known| *known == Some(position))
    }

    fn refuse(&mut self, row: u32, refusal: Refusal) {
        self.decided.refused += 1;
        self.decided.edits.insert(row, Edit::Refused(vec![refusal]));
    }

    async fn compare_pending(&mut self) -> Result<(), DecideError> {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return Ok(());
        }
        let ids: Vec<u64> = pending.iter().map(|one| one.id).collect();
        let found = self.read_records(&ids).await?;
        for one in &pending {
            match found.get(&one.id) {
                Some(item) => self.compare(one, item),
                None if self.is_edited(one) => {
                    let message = message!("{id} is not in the account any more", id = one.id);
                    let hint = "it was deleted, or merged into another; empty the ID cell to create it again";
                    let id = one.id.to_string();
                    self.refuse(one.row.number, with_value(refusal("gone", self.id_position, message, hint), &id));
                }
                None => {}
            }
        }
        Ok(())
    }

    /// The records of the account by id.
    pub async fn read_records(&self, ids: &[u64]) -> Result<HashMap<u64, CompactJson>, DecideError> {
        let catalog = self.context.plan.catalog;
        let found = self
            .context
            .client
            .records_by_id(&List::of(self.context.entity, catalog), ids)
            .await
            .map_err(DecideError::Service)?;
        Ok(found.into_iter().filter_map(|item| Some((parts::id(&item["id"])?, item.into()))).collect())
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
            self.positions.iter().map(|position| position.map(|at| row.get(at))),
        )
    }

    /// The exported cells of a row, where they are known.
    fn exported(&self, one: &PendingRow) -> Option<CellHashes> {
        self.context.hidden.cells(one.index).or_else(|| self.context.bases.get(&one.id).cloned())
    }

    /// True where a writable cell differs from the exported one.
    fn is_edited(&self, one: &PendingRow) -> bool {
        let Some(base) = self.exported(one) else { return one.sheet.writable != one.exported.writable };
        let sheet = self.cells(&one.row);
        (0..base.len()).any(|n| sheet.get(n).is_some_and(|cell| base.get(n) != Some(cell)))
    }

    /// The exported cells of a row, as far as they can be known. A workbook of version 0.1 has hashes of whole rows only: then
    /// they are those of the sheet or of the account, where one of them is unchanged.
    fn base(&self, one: &PendingRow, shown: &Row, account_now: &AccountCells) -> CellHashes {
        if let Some(cells) = self.exported(one) {
            return cells;
        }
        // The cell of a removed column is replaced by the account's.
        let columns = &self.context.hidden.columns;
        let whole = || {
            let cells = self.positions.iter().enumerate();
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

    fn compare(&mut self, one: &PendingRow, item: &CompactJson) {
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
            let Some(position) = self.positions[n] else { continue };
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
        one: &PendingRow,
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
        for at in 0..self.width {
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
        for position in 0..self.width {
            let wanted = self.path_of(position).is_some_and(|path| with.contains(&path));
            if wanted && !positions.contains(&position) && self.fills(position) && !row.get(position).is_empty() {
                positions.push(position);
            }
        }
        positions.sort_unstable();
        positions
    }

    fn finish(mut self) -> Decisions {
        self.find_emptied_ids();
        for (row, earlier, id) in std::mem::take(&mut self.duplicates) {
            self.decided.sending.retain(|(known, _)| *known != id);
            for (row, other) in [(row, earlier), (earlier, row)] {
                let message = message!("{id} is in row {row} as well", id, row = other);
                let hint = "keep one of the rows; to make the copy a record of its own, empty its ID cell";
                match self.decided.edits.get(&row) {
                    Some(Edit::Change(_)) => self.decided.changed -= 1,
                    Some(Edit::Refused(_)) => continue,
                    _ => {}
                }
                self.refuse(row, with_value(refusal("id-twice", self.id_position, message, hint), &id.to_string()));
            }
        }
        if self.context.rows.is_none() {
            let ids = self.context.hidden.ids().zip(&self.seen);
            self.decided.left_alone = ids.filter(|(_, row)| **row == 0).map(|(id, _)| id).collect();
        }
        self.decided
    }
}

fn refusal(code: &'static str, column: Option<usize>, message: Message, hint: &'static str) -> Refusal {
    Refusal { code: code.to_owned(), column, value: None, message, hint: Some(hint.into()) }
}

fn with_value(refusal: Refusal, value: &str) -> Refusal {
    Refusal { value: Some(value.to_owned()), ..refusal }
}

fn conflict(position: usize, sheet: &Row, account: &Row, base_known: bool) -> Refusal {
    let (here, there) = (sheet.get(position).text, account.get(position).text);
    let shown_text = |text: &str| if text.trim().is_empty() { Arg::from("nothing") } else { quoted(text) };
    let message = message!(
        "the record was changed in the account meanwhile: {here} in the sheet, {there} in the account",
        here = shown_text(here),
        there = shown_text(there)
    );
    let hint = match base_known {
        true => "export again, or add --force to let the sheet win",
        false => {
            "the version that exported this workbook stored no cells, so all differences are reported; export again, \
             or add --force to let the sheet win"
        }
    };
    with_value(refusal("changed-meanwhile", Some(position), message, hint), here)
}

fn put_back(position: usize, sheet: &Row, account: &Row) -> Refusal {
    let (here, there) = (sheet.get(position).text, account.get(position).text);
    let shown_text = |text: &str| if text.trim().is_empty() { Arg::from("nothing") } else { quoted(text) };
    let message = message!(
        "the cell has the exported value, {here}, but this file has sent another one before: {there} in the account",
        here = shown_text(here),
        there = shown_text(there)
    );
    let hint =
        "to send the exported value, add --force; if this is another copy of the export, save it under another name";
    with_value(refusal("put-back", Some(position), message, hint), here)
}
