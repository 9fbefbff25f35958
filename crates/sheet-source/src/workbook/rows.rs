//! Reads a sheet of a workbook as rows, on its own thread, which sends rows in batches. Readers of cells borrow the
//! open workbook, which is easiest on a stack of its own; reading and processing use two cores; and a panic stays in
//! the thread.

use crate::cell::value::{self, CellValue};
use crate::cell::{Scalar, formula};
use crate::file::error::{REPAIR, WorkbookError};
use crate::file::input::SourceFile;
use crate::file::layout::{FileFormat, Layout, ReadOptions};
use crate::message;
use crate::problem::{Note, Problem, column_letter};
use crate::row::{LINK_INDEX_BASE, Row, RowKind};
use crate::workbook::book::Workbook;
use crate::workbook::catch_panic::catch_panic;
use crate::workbook::choose::{SheetChoice, choose};
use crate::workbook::sheet::RawCell;
use crate::workbook::sheet::merged::{MergePosition, MergedCells};
use crate::workbook::sheet::metadata::SheetMetadata;
use crate::workbook::two_row_header::TwoRowHeader;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Batches at once: one being read, one waiting, one being filled.
const BATCHES_WAITING: usize = 1;
const BATCH_ROWS: usize = 1024;
/// The first batch is small, so that the first row arrives early.
const FIRST_BATCH_ROWS: usize = 8;
const BATCH_CELLS: usize = 16_384;
const BATCH_TEXT_BYTES: usize = 1 << 20;
/// No real row contains more: the longest cell of Excel is 128 KiB.
const ROW_TEXT_BYTES_MAX: usize = 16 << 20;
/// The readers need little; damaged files can nest deeply.
const STACK_BYTES: usize = 8 << 20;

/// Rows in one buffer, without blank cells and blank rows.
#[derive(Default)]
struct PackedBatch {
    text: String,
    cells: Vec<PackedCell>,
    rows: Vec<PackedRow>,
}

struct PackedRow {
    number: u32,
    kind: RowKind,
    all_formulas: bool,
    /// The index after its last cell.
    end: usize,
}

struct PackedCell {
    column: u32,
    text_end: u32,
    value: Scalar,
}

enum SheetMessage {
    Opened(Box<Layout>),
    Rows(PackedBatch),
    Failed(Box<Problem>),
    /// The end of the rows, with the notes that came up.
    End(Vec<Note>),
}

pub struct SheetReader {
    messages: Receiver<SheetMessage>,
    used: SyncSender<PackedBatch>,
    batch: PackedBatch,
    next_row: usize,
    notes: Vec<Note>,
    failed: Option<Box<Problem>>,
    ended: bool,
    file: PathBuf,
}

/// Opens the workbook and finds the sheet and the header row; the first row that `read` returns is the header.
pub fn open(
    path: &Path,
    file: SourceFile,
    format: FileFormat,
    options: &ReadOptions,
) -> Result<(SheetReader, Layout), Problem> {
    let (sender, messages) = sync_channel(BATCHES_WAITING);
    let (used, returned) = sync_channel(BATCHES_WAITING + 2);
    let (own_path, options) = (path.to_owned(), options.clone());
    let spawned = thread::Builder::new().name("workbook".into()).stack_size(STACK_BYTES).spawn(move || {
        let (batch, merged) = (PackedBatch::default(), MergedCells::default());
        let sheet_sender = SheetSender { path: own_path, sender, returned, batch, sent: false, merged, filled_to: 0 };
        run(file, format, &options, sheet_sender);
    });
    if let Err(error) = spawned {
        return Err(WorkbookError::Io(error).into_problem(path, None));
    }
    match messages.recv() {
        Ok(SheetMessage::Opened(layout)) => {
            let batch = PackedBatch::default();
            let (next_row, notes, file) = (0, Vec::new(), path.to_owned());
            let sheet = SheetReader { messages, used, batch, next_row, notes, failed: None, ended: false, file };
            Ok((sheet, *layout))
        }
        Ok(SheetMessage::Failed(problem)) => Err(*problem),
        Ok(SheetMessage::Rows(_) | SheetMessage::End(_)) | Err(_) => {
            Err(WorkbookError::Damaged(String::new()).into_problem(path, None))
        }
    }
}

/// The work of the reading thread. Once the receiver is dropped, sending fails and the thread ends.
fn run(file: SourceFile, format: FileFormat, options: &ReadOptions, mut sheet_sender: SheetSender) {
    let path = sheet_sender.path.clone();
    let final_sender = sheet_sender.sender.clone();
    let result = catch_panic(|| {
        let mut book = Workbook::open(file, format).map_err(|error| error.into_problem(&path, None))?;
        let choice = choose(&path, &mut book, options)?;
        let (hidden_rows, links, fill_down) = (options.hidden_rows, options.links, options.fill_down.clone());
        let layout = Layout { hidden_rows, links, fill_down, ..layout(&book, &choice) };
        let _ = sheet_sender.sender.send(SheetMessage::Opened(Box::new(layout)));
        sheet_sender.merged = MergedCells::new(&choice.metadata.merged, first_row(&choice));
        sheet_sender.send_rows(&mut book, &choice)
    });
    let message = match result {
        Some(Ok(notes)) => SheetMessage::End(notes),
        Some(Err(problem)) => SheetMessage::Failed(Box::new(problem)),
        None => SheetMessage::Failed(Box::new(WorkbookError::Damaged(String::new()).into_problem(&path, None))),
    };
    let _ = final_sender.send(message);
}

/// The first row below the header, counted from 0.
fn first_row(choice: &SheetChoice) -> u32 {
    choice.header_row + u32::from(choice.two_rows)
}

fn layout(book: &Workbook, choice: &SheetChoice) -> Layout {
    let names = |visible: bool| {
        book.sheets.iter().filter(|s| s.is_worksheet && s.visible == visible).map(|s| s.name.clone()).collect()
    };
    Layout {
        format: book.format,
        encoding: None,
        bom: false,
        delimiter: None,
        sheet: Some(choice.sheet.clone()),
        sheets: names(true),
        hidden_sheets: names(false),
        header_row: choice.header_row,
        two_rows: choice.two_rows,
        links: false,
        fill_down: Vec::new(),
        hidden_rows: None,
        hidden: choice.metadata.count_hidden_from(first_row(choice)),
        cut_rows: false,
        sample: choice.sample.iter().filter(|row| row.number > first_row(choice)).cloned().collect(),
        guessed: choice.guessed.clone(),
        encoding_undecided: false,
        encoding_doubt: None,
        notes: choice.notes.clone(),
    }
}

struct SheetSender {
    path: PathBuf,
    sender: SyncSender<SheetMessage>,
    returned: Receiver<PackedBatch>,
    batch: PackedBatch,
    sent: bool,
    merged: MergedCells,
    /// The column up to which the last row is filled from merged cells.
    filled_to: u32,
}

/// A cell to add to the batch, whose text is already there.
struct PendingCell {
    row: u32,
    column: u32,
    /// The offset of its text in the batch.
    text_start: usize,
    value: Scalar,
    formula: bool,
}

impl SheetSender {
    fn send_rows(&mut self, book: &mut Workbook, choice: &SheetChoice) -> Result<Vec<Note>, Problem> {
        let epoch_1904 = book.epoch_1904;
        let mut stopped: Option<Problem> = None;
        let mut uncomputed: (usize, Option<String>) = (0, None);
        let mut header = TwoRowHeader::new(choice);
        let result = book.visit_cells(&choice.sheet, &mut |found| {
            if found.row + 1 < choice.header_row {
                return ControlFlow::Continue(());
            }
            let found = RawCell { value: formula::resolve_constant(found.value, found.formula), ..found };
            if matches!(found.value, CellValue::Uncomputed(_)) {
                uncomputed.0 += 1;
                uncomputed.1.get_or_insert_with(|| cell_name(&found));
            }
            let pending = match header.as_mut().is_some_and(|header| header.add(&found, epoch_1904)) {
                true => Ok(true),
                false => {
                    let more = self.put_header(header.take());
                    more.and_then(|more| Ok(more && self.add_cell(&found, epoch_1904, &choice.metadata)?))
                }
            };
            match pending {
                Ok(true) => ControlFlow::Continue(()),
                Ok(false) => ControlFlow::Break(()),
                Err(problem) => {
                    stopped = Some(problem);
                    ControlFlow::Break(())
                }
            }
        });
        if stopped.is_none() && header.is_some() {
            stopped = self.put_header(header).err();
        }
        let ended = self.finish_row(&choice.metadata);
        // The rows before the error are valid, and are sent first.
        self.flush();
        if let Some(problem) = stopped.or(ended.err()) {
            return Err(problem);
        }
        result.map_err(|error| error.into_problem(&self.path, Some(&choice.sheet)))?;
        let mut notes = self.merged_note();
        notes.extend(uncomputed_note(uncomputed));
        Ok(notes)
    }

    /// Adds the joined header of two rows.
    fn put_header(&mut self, head: Option<TwoRowHeader>) -> Result<bool, Problem> {
        let Some(head) = head else { return Ok(true) };
        for (column, title) in head.titles() {
            let text_start = self.batch.text.len();
            self.batch.text.push_str(&title);
            let pending = PendingCell { row: head.row, column, text_start, value: Scalar::Text, formula: false };
            if !self.put(pending, RowKind::Plain)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Adds a cell to the batch; false if the receiver is gone.
    fn add_cell(&mut self, found: &RawCell<'_>, epoch_1904: bool, metadata: &SheetMetadata) -> Result<bool, Problem> {
        let (row, column) = (found.row, found.column);
        let text_start = self.batch.text.len();
        let value = value::write(found.value, epoch_1904, &mut self.batch.text);
        if self.batch.text.len() == text_start && value != Scalar::Uncomputed {
            return Ok(true);
        }
        let pending = PendingCell { row, column, text_start, value, formula: found.formula };
        let plain = self.merged.is_empty() && metadata.links.is_empty();
        if plain || self.batch.rows.last().is_some_and(|last| last.number > row + 1) {
            let known = self.batch.rows.last().is_some_and(|last| last.number == row + 1);
            return self.put(pending, if known { RowKind::Plain } else { row_kind(row, metadata) });
        }
        self.add_merged_cell(pending, metadata)
    }

    fn add_merged_cell(&mut self, pending: PendingCell, metadata: &SheetMetadata) -> Result<bool, Problem> {
        let PendingCell { row, column, text_start, value, .. } = pending;
        let new_row = self.batch.rows.last().is_none_or(|last| last.number != row + 1);
        let text = self.batch.text.split_off(text_start);
        if new_row {
            self.finish_row(metadata)?;
            if !self.merged.start_row(row) {
                return Err(self.damaged("its merged cells overlap"));
            }
        }
        match self.merged.position(row, column) {
            MergePosition::Unmerged => {}
            MergePosition::First => self.merged.set_value(row, column, &text, value),
            MergePosition::Covered => return Ok(true),
        }
        let from = if new_row { 0 } else { self.filled_to };
        if !self.fill_merged(row, from..column, row_kind(row, metadata))? {
            return Ok(false);
        }
        self.filled_to = column;
        let pending = PendingCell { text_start: self.batch.text.len(), ..pending };
        self.batch.text.push_str(&text);
        self.put(pending, row_kind(row, metadata))
    }

    /// Fills the row from merged cells above it.
    fn fill_merged(&mut self, row: u32, columns: std::ops::Range<u32>, kind: RowKind) -> Result<bool, Problem> {
        let mut filled: Vec<(u32, String, Scalar)> = Vec::new();
        self.merged.fill_row(row, columns, |column, text, value| filled.push((column, text.to_owned(), value)));
        for (column, text, value) in filled {
            let text_start = self.batch.text.len();
            self.batch.text.push_str(&text);
            // A filled value does not decide whether all cells are formulas.
            let formula = true;
            if !self.put(PendingCell { row, column, text_start, value, formula }, kind)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Fills the last row to the right of its last cell, and adds its link addresses.
    fn finish_row(&mut self, metadata: &SheetMetadata) -> Result<(), Problem> {
        let wanted = self.filled_to != u32::MAX && !(self.merged.is_empty() && metadata.links.is_empty());
        let Some(last) = self.batch.rows.last().filter(|_| wanted) else { return Ok(()) };
        let (row, kind) = (last.number - 1, last.kind);
        // The row is already in the batch, so nothing is sent.
        self.fill_merged(row, self.filled_to..u32::MAX, kind)?;
        self.filled_to = u32::MAX;
        if metadata.links.is_empty() {
            return Ok(());
        }
        let start = self.batch.rows.len().checked_sub(2).map_or(0, |before| self.batch.rows[before].end);
        let columns: Vec<u32> = self.batch.cells[start..].iter().map(|cell| cell.column).collect();
        for column in columns {
            if let Some(address) = metadata.links.get(&(row, column)) {
                self.batch.text.push_str(address);
                let (column, text_end) = (LINK_INDEX_BASE as u32 + column, self.batch.text.len() as u32);
                self.batch.cells.push(PackedCell { column, text_end, value: Scalar::Text });
            }
        }
        if let Some(last) = self.batch.rows.last_mut() {
            last.end = self.batch.cells.len();
        }
        Ok(())
    }

    fn put(&mut self, pending: PendingCell, kind: RowKind) -> Result<bool, Problem> {
        let PendingCell { row, column, text_start, value, formula } = pending;
        let number = row + 1;
        match self.batch.rows.last() {
            Some(last) if last.number == number => {
                if self.batch.cells.last().is_some_and(|cell| cell.column >= column) {
                    return Err(self.damaged("the cells of a row are out of order"));
                }
            }
            Some(last) if last.number > number => return Err(self.damaged("its rows are out of order")),
            _ => {
                if self.is_full() {
                    // The text of the cell moves to the next batch.
                    let text = self.batch.text.split_off(text_start);
                    if !self.flush() {
                        return Ok(false);
                    }
                    self.batch.text.push_str(&text);
                }
                let end = self.batch.cells.len();
                self.batch.rows.push(PackedRow { number, kind, all_formulas: true, end });
            }
        }
        let text_end = self.batch.text.len();
        if text_end > BATCH_TEXT_BYTES + ROW_TEXT_BYTES_MAX {
            let message =
                message!("row {row} holds more than {max} MB of text", row = number, max = ROW_TEXT_BYTES_MAX >> 20);
            return Err(Problem::in_file(&self.path, "row-too-long", message).hint("shorten its cells"));
        }
        self.batch.cells.push(PackedCell { column, text_end: text_end as u32, value });
        if let Some(last) = self.batch.rows.last_mut() {
            last.end = self.batch.cells.len();
            last.all_formulas &= formula || value == Scalar::Empty;
        }
        Ok(true)
    }

    fn merged_note(&self) -> Vec<Note> {
        let (count, Some(first)) = self.merged.filled else { return Vec::new() };
        let letter = |column: u32| column_letter(column as usize);
        let area = format!("{}{}:{}{}", letter(first.left), first.top + 1, letter(first.right), first.bottom + 1);
        let message = match count {
            1 => message!("cells {area} are merged: each of their rows gets the value", area),
            _ => message!(
                "{count} groups of cells are merged over several rows, the first is {area}: each row gets the value",
                count,
                area
            ),
        };
        vec![Note::new("merged-cells", message).count(count)]
    }

    fn is_full(&self) -> bool {
        let rows = if self.sent { BATCH_ROWS } else { FIRST_BATCH_ROWS };
        let batch = &self.batch;
        batch.rows.len() >= rows || batch.cells.len() >= BATCH_CELLS || batch.text.len() >= BATCH_TEXT_BYTES
    }

    fn flush(&mut self) -> bool {
        self.sent = true;
        if self.batch.rows.is_empty() {
            return true;
        }
        let empty = self.returned.try_recv().unwrap_or_default();
        self.sender.send(SheetMessage::Rows(std::mem::replace(&mut self.batch, empty))).is_ok()
    }

    fn damaged(&self, detail: &str) -> Problem {
        WorkbookError::Damaged(detail.to_owned()).into_problem(&self.path, None)
    }
}

fn uncomputed_note((count, first): (usize, Option<String>)) -> Option<Note> {
    let first = first?;
    let message = match count {
        1 => message!(
            "the formula in {first} was never calculated; open the file in Excel or LibreOffice and save it",
            first
        ),
        _ => message!(
            "{count} formulas were never calculated, the first in {first}; open the file in Excel or LibreOffice and save it",
            count,
            first
        ),
    };
    Some(Note::new("formula-without-result", message).count(count as u64))
}

/// The kind of a row, known before its cells.
fn row_kind(row: u32, metadata: &SheetMetadata) -> RowKind {
    if metadata.is_hidden(row) {
        RowKind::Hidden
    } else if metadata.totals.binary_search(&row).is_ok() {
        RowKind::Totals
    } else {
        RowKind::Plain
    }
}

fn cell_name(found: &RawCell<'_>) -> String {
    format!("{}{}", column_letter(found.column as usize), found.row + 1)
}

impl SheetReader {
    /// Fills `row` with the next row that has cells; false at the end.
    pub fn read(&mut self, row: &mut Row) -> Result<bool, Problem> {
        if let Some(failed) = &self.failed {
            return Err((**failed).clone());
        }
        while self.next_row == self.batch.rows.len() {
            if self.ended {
                return Ok(false);
            }
            self.next_batch()?;
        }
        let before = self.next_row.checked_sub(1).map_or(0, |previous| self.batch.rows[previous].end);
        let packed = &self.batch.rows[self.next_row];
        let end = packed.end;
        row.clear(packed.number);
        (row.kind, row.all_formulas) = (packed.kind, packed.all_formulas);
        let mut text_start = before.checked_sub(1).map_or(0, |cell| self.batch.cells[cell].text_end as usize);
        for cell in &self.batch.cells[before..end] {
            let text_end = cell.text_end as usize;
            let text = &self.batch.text[text_start..text_end];
            match (cell.column as usize).checked_sub(LINK_INDEX_BASE) {
                Some(column) => row.push_link(column, text),
                None => row.push_at(cell.column as usize, text, cell.value),
            }
            text_start = text_end;
        }
        self.next_row += 1;
        Ok(true)
    }

    fn next_batch(&mut self) -> Result<(), Problem> {
        match self.messages.recv() {
            Ok(SheetMessage::Rows(batch)) => {
                let mut used = std::mem::replace(&mut self.batch, batch);
                self.next_row = 0;
                used.text.clear();
                used.cells.clear();
                used.rows.clear();
                // The thread has ended and needs no batch.
                let _ = self.used.try_send(used);
            }
            Ok(SheetMessage::Failed(problem)) => {
                self.failed = Some(problem.clone());
                return Err(*problem);
            }
            Ok(SheetMessage::End(notes)) => {
                self.notes = notes;
                self.ended = true;
            }
            // The thread reports its end; an end without a report means missing rows.
            Ok(SheetMessage::Opened(_)) | Err(_) => {
                let message = "reading this workbook stopped unexpectedly";
                let problem = Problem::in_file(&self.file, "damaged-workbook", message).hint(REPAIR);
                self.failed = Some(Box::new(problem.clone()));
                return Err(problem);
            }
        }
        Ok(())
    }

    /// Notes from reading; complete once `read` has returned false.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }
}
