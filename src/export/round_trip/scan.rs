//! Finding the rows of a workbook that differ from the export, on a thread of its own. It needs nothing of the account, so it
//! runs while the account is read.

use super::fresh::AddedRow;
use super::judge::SentCells;
use super::refusals::{refusal, with_value};
use crate::export::table::exported_column::ExportedColumn;
use crate::export::table::hashes::{Hashes, hashes};
use crate::export::table::hidden::HiddenSheet;
use crate::mapping::Refusal;
use amo_model::IDS_MAX;
use sheet_source::message;
use sheet_source::problem::{Problem, quoted};
use sheet_source::{Header, Row, Table};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Number of chunks of edited rows that wait for their records. Each is one request for records.
const CHUNKS_MAX: usize = 4;

/// The places of exported columns in the sheet.
#[derive(Debug, Clone)]
pub struct SheetLayout {
    /// The index in the sheet of each exported column.
    pub positions: Vec<Option<usize>>,
    pub id_position: Option<usize>,
    /// Number of columns of the sheet.
    pub width: usize,
}

impl SheetLayout {
    pub fn of(hidden: &HiddenSheet, header: &Header) -> SheetLayout {
        let positions = hidden.places(header);
        let id = hidden.columns.iter().position(ExportedColumn::is_id);
        SheetLayout { id_position: id.and_then(|index| positions[index]), positions, width: header.len() }
    }

    /// The id of a row; `None` where its cell has none.
    pub fn id(&self, row: &Row) -> Option<u64> {
        self.id_position.and_then(|position| row.get(position).text.trim().parse().ok())
    }

    fn hashes(&self, hidden: &HiddenSheet, row: &Row) -> Hashes {
        hashes(&hidden.columns, self.positions.iter().map(|position| position.map(|at| row.get(at))))
    }
}

/// A row that differs from the exported one, or that was sent before. Its record has to be read.
#[derive(Debug)]
pub struct EditedRow {
    pub row: Row,
    pub id: u64,
    pub sheet: Hashes,
    pub exported: Hashes,
    /// Its index among the rows of the export.
    pub index: usize,
}

/// What a whole sheet shows without its account.
#[derive(Debug, Default)]
pub struct SheetFacts {
    pub added: Vec<AddedRow>,
    /// A row, an earlier row with the same id, and the id.
    pub duplicates: Vec<(u32, u32, u64)>,
    /// Rows whose id is not one of the export.
    pub refused: Vec<(u32, Refusal)>,
    /// Ids of exported records that the sheet does not have any more; empty where only some rows are wanted.
    pub left_alone: Vec<u64>,
}

/// An item that the thread hands over.
pub enum ScannedItem {
    /// At most `IDS_MAX` rows.
    Edited(Vec<EditedRow>),
    End(SheetFacts),
    Broken(Problem),
}

/// A sheet that is being read. The thread ends with this value.
pub struct EditScan {
    receiver: mpsc::Receiver<ScannedItem>,
    sent: Arc<HashMap<u64, SentCells>>,
}

/// What a scan compares with.
pub struct ScanContext {
    pub hidden: Arc<HiddenSheet>,
    /// What earlier imports of this file sent, by id.
    pub sent: Arc<HashMap<u64, SentCells>>,
    /// First and last wanted row, as Excel shows them.
    pub rows: Option<(u32, u32)>,
}

impl EditScan {
    /// Begins to read the rows of a table.
    pub fn start(table: Table, context: ScanContext) -> EditScan {
        let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
        let sent = Arc::clone(&context.sent);
        std::thread::spawn(move || {
            let end = match scan(table, &context, &sender) {
                Ok(Some(facts)) => ScannedItem::End(facts),
                // The receiver is gone: nothing more is wanted.
                Ok(None) => return,
                Err(problem) => ScannedItem::Broken(problem),
            };
            let _ = sender.blocking_send(end);
        });
        EditScan { receiver, sent }
    }

    /// What earlier imports of this file sent, by id.
    pub fn sent(&self) -> Arc<HashMap<u64, SentCells>> {
        Arc::clone(&self.sent)
    }

    /// The next item; `None` after the end, or where the thread ended without one.
    pub async fn next(&mut self) -> Option<ScannedItem> {
        self.receiver.recv().await
    }
}

/// Reads the table. `None` where nobody wants the rest.
fn scan(
    mut table: Table,
    context: &ScanContext,
    sender: &mpsc::Sender<ScannedItem>,
) -> Result<Option<SheetFacts>, Problem> {
    let mut scanner = Scanner::new(context, SheetLayout::of(&context.hidden, &table.header));
    let mut row = Row::default();
    while table.read(&mut row)? {
        if scanner.layout.id_position.is_some_and(|id| row.get(id).is_empty()) {
            // All added rows, wanted or not: equal ones are distinguished by their number.
            scanner.added(&row);
        } else if context.rows.is_none_or(|(first, last)| (first..=last).contains(&row.number)) {
            scanner.row(&row);
        } else {
            scanner.note_id(&row);
        }
        if scanner.edited.len() >= IDS_MAX {
            let edited = std::mem::take(&mut scanner.edited);
            if sender.blocking_send(ScannedItem::Edited(edited)).is_err() {
                return Ok(None);
            }
        }
    }
    let edited = std::mem::take(&mut scanner.edited);
    if !edited.is_empty() && sender.blocking_send(ScannedItem::Edited(edited)).is_err() {
        return Ok(None);
    }
    Ok(Some(scanner.finish()))
}

struct Scanner<'a> {
    context: &'a ScanContext,
    layout: SheetLayout,
    /// By index of the exported row: the row of the sheet with its id; 0 for none.
    seen: Vec<u32>,
    edited: Vec<EditedRow>,
    /// The hashes of the added rows, in their order.
    added: Vec<Hashes>,
    facts: SheetFacts,
}

impl<'a> Scanner<'a> {
    fn new(context: &'a ScanContext, layout: SheetLayout) -> Scanner<'a> {
        Scanner {
            layout,
            seen: vec![0; context.hidden.len()],
            edited: Vec::new(),
            added: Vec::new(),
            facts: SheetFacts::default(),
            context,
        }
    }

    fn added(&mut self, row: &Row) {
        self.added.push(self.layout.hashes(&self.context.hidden, row));
        self.facts.added.push(AddedRow::of(row, &self.context.hidden, &self.layout.positions));
    }

    /// Notes the id of a row that is not wanted.
    fn note_id(&mut self, row: &Row) {
        let found = self.layout.id(row).and_then(|id| self.context.hidden.find(id));
        if let Some((index, _)) = found.filter(|(index, _)| self.seen[*index] == 0) {
            self.seen[index] = row.number;
        }
    }

    fn row(&mut self, row: &Row) {
        let Some(id_position) = self.layout.id_position else { return };
        let id = self.layout.id(row);
        let Some((id, (index, exported))) = id.and_then(|id| Some((id, self.context.hidden.find(id)?))) else {
            let text = row.get(id_position).text.trim();
            let message = message!("{value} is not an id of this export", value = quoted(text));
            let hint = "empty the cell to create a new record; other records cannot be changed by this workbook";
            let why = with_value(refusal("unknown-id", Some(id_position), message, hint), text);
            return self.facts.refused.push((row.number, why));
        };
        if self.seen[index] != 0 {
            self.facts.duplicates.push((row.number, self.seen[index], id));
            return;
        }
        self.seen[index] = row.number;
        let sheet = self.layout.hashes(&self.context.hidden, row);
        if sheet != exported || self.context.sent.contains_key(&id) {
            self.edited.push(EditedRow { row: row.clone(), id, sheet, exported, index });
        }
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
        for (added, hashes) in self.facts.added.iter_mut().zip(&self.added) {
            added.exported_id = lost.get_mut(hashes).and_then(Vec::pop);
        }
    }

    fn finish(mut self) -> SheetFacts {
        self.find_emptied_ids();
        if self.context.rows.is_none() {
            let ids = self.context.hidden.ids().zip(&self.seen);
            self.facts.left_alone = ids.filter(|(_, row)| **row == 0).map(|(id, _)| id).collect();
        }
        self.facts
    }
}
