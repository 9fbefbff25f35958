//! One sheet of a workbook as rows. The workbook is read on a thread of its own, which hands over rows in batches:
//! `calamine`'s reader of cells borrows the open workbook, and one that stays put on a stack needs no trick to live
//! beside it; reading and everything after it share the work of two cores; and a panic inside stays inside.

use super::cell::{Row, Scalar};
use super::choose::{Choice, choose};
use super::input::Input;
use super::layout::{Format, Layout, ReadOptions};
use super::quiet::quietly;
use super::value;
use super::workbook::{Found, REPAIR, Trouble, Workbook};
use crate::message;
use crate::problem::{Note, Problem, column_letter};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Batches under way at once: one being read, one waiting, one being filled.
const BATCHES_WAITING: usize = 1;
const BATCH_ROWS: usize = 256;
/// The first batch is small, so that the first row is there soon.
const FIRST_BATCH_ROWS: usize = 8;
const BATCH_CELLS: usize = 16_384;
const BATCH_TEXT_BYTES: usize = 1 << 20;
/// One row cannot honestly hold more: Excel's longest cell is 128 KiB.
const ROW_TEXT_BYTES_MAX: usize = 16 << 20;
/// `calamine` needs little; damaged files may nest deeply.
const STACK_BYTES: usize = 8 << 20;

/// Rows packed one behind the other, blank cells and blank rows left out.
#[derive(Default)]
struct Batch {
    text: String,
    cells: Vec<Packed>,
    /// The number of each row and where its cells end.
    rows: Vec<(u32, usize)>,
}

struct Packed {
    column: u32,
    text_end: u32,
    value: Scalar,
}

enum Message {
    Opened(Box<Layout>),
    Rows(Batch),
    Failed(Box<Problem>),
    /// All rows have been sent; things worth telling that came up on the way.
    End(Vec<Note>),
}

pub struct SheetIn {
    messages: Receiver<Message>,
    used: SyncSender<Batch>,
    batch: Batch,
    next_row: usize,
    notes: Vec<Note>,
    failed: Option<Box<Problem>>,
    ended: bool,
    file: PathBuf,
}

/// Opens the workbook and finds sheet and header row; the first row `read` gives is the header.
pub fn open(path: &Path, file: Input, format: Format, options: &ReadOptions) -> Result<(SheetIn, Layout), Problem> {
    let (sender, messages) = sync_channel(BATCHES_WAITING);
    let (used, returned) = sync_channel(BATCHES_WAITING + 2);
    let (own_path, options) = (path.to_owned(), options.clone());
    let reading = thread::Builder::new().name("workbook".into()).stack_size(STACK_BYTES).spawn(move || {
        let sending = Sending { path: own_path, sender, returned, batch: Batch::default(), sent: false };
        run(file, format, &options, sending);
    });
    if let Err(error) = reading {
        return Err(Trouble::Io(error).problem(path, None));
    }
    match messages.recv() {
        Ok(Message::Opened(layout)) => {
            let batch = Batch::default();
            let (next_row, notes, file) = (0, Vec::new(), path.to_owned());
            let sheet = SheetIn { messages, used, batch, next_row, notes, failed: None, ended: false, file };
            Ok((sheet, *layout))
        }
        Ok(Message::Failed(problem)) => Err(*problem),
        Ok(Message::Rows(_) | Message::End(_)) | Err(_) => Err(Trouble::Damaged(String::new()).problem(path, None)),
    }
}

/// The whole life of the reading thread. When the reader of rows has gone away, sending fails and it ends.
fn run(file: Input, format: Format, options: &ReadOptions, mut sending: Sending) {
    let path = sending.path.clone();
    let last_words = sending.sender.clone();
    let result = quietly(|| {
        let mut book = Workbook::open(file, format).map_err(|trouble| trouble.problem(&path, None))?;
        let choice = choose(&path, &mut book, options)?;
        let _ = sending.sender.send(Message::Opened(Box::new(layout(&book, &choice))));
        sending.rows(&mut book, &choice)
    });
    let message = match result {
        Some(Ok(notes)) => Message::End(notes),
        Some(Err(problem)) => Message::Failed(Box::new(problem)),
        None => Message::Failed(Box::new(Trouble::Damaged(String::new()).problem(&path, None))),
    };
    let _ = last_words.send(message);
}

fn layout(book: &Workbook, choice: &Choice) -> Layout {
    let names = |visible: bool| {
        book.sheets.iter().filter(|s| s.table && s.visible == visible).map(|s| s.name.clone()).collect()
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
        guessed: choice.guessed.clone(),
        encoding_open: false,
        notes: choice.notes.clone(),
    }
}

struct Sending {
    path: PathBuf,
    sender: SyncSender<Message>,
    returned: Receiver<Batch>,
    batch: Batch,
    sent: bool,
}

impl Sending {
    fn rows(&mut self, book: &mut Workbook, choice: &Choice) -> Result<Vec<Note>, Problem> {
        let epoch_1904 = book.epoch_1904;
        let mut stopped: Option<Problem> = None;
        let mut uncomputed: (usize, Option<String>) = (0, None);
        let result = book.cells(&choice.sheet, &mut |found| {
            if found.row + 1 < choice.header_row {
                return ControlFlow::Continue(());
            }
            if found.uncomputed {
                uncomputed.0 += 1;
                uncomputed.1.get_or_insert_with(|| place(&found));
            }
            match self.take(&found, epoch_1904) {
                Ok(true) => ControlFlow::Continue(()),
                Ok(false) => ControlFlow::Break(()),
                Err(problem) => {
                    stopped = Some(problem);
                    ControlFlow::Break(())
                }
            }
        });
        // What came before the trouble is good, and goes out first.
        self.flush();
        if let Some(problem) = stopped {
            return Err(problem);
        }
        result.map_err(|trouble| trouble.problem(&self.path, Some(&choice.sheet)))?;
        Ok(match uncomputed {
            (0, _) => Vec::new(),
            (count, first) => {
                let first = first.unwrap_or_default();
                let message = match count {
                    1 => message!(
                        "1 formula has no stored result and reads as empty, the first in {first}; open the file in Excel and save it to store them",
                        first
                    ),
                    _ => message!(
                        "{count} formulas have no stored result and read as empty, the first in {first}; open the file in Excel and save it to store them",
                        count,
                        first
                    ),
                };
                vec![Note::new("formula-without-result", message).count(count as u64)]
            }
        })
    }

    /// Adds a cell to the batch; false when nobody wants more.
    fn take(&mut self, found: &Found<'_>, epoch_1904: bool) -> Result<bool, Problem> {
        let (number, column) = (found.row + 1, found.column);
        let before = self.batch.text.len();
        let value = value::write(found.value, epoch_1904, &mut self.batch.text);
        if self.batch.text.len() == before {
            return Ok(true);
        }
        match self.batch.rows.last() {
            Some(&(row, _)) if row == number => {
                if self.batch.cells.last().is_some_and(|cell| cell.column >= column) {
                    return Err(self.damaged("the cells of a row are out of order"));
                }
            }
            Some(&(row, _)) if row > number => return Err(self.damaged("its rows are out of order")),
            _ => {
                if self.is_full() {
                    // The cell's text moves to the next batch.
                    let text = self.batch.text.split_off(before);
                    if !self.flush() {
                        return Ok(false);
                    }
                    self.batch.text.push_str(&text);
                }
                self.batch.rows.push((number, self.batch.cells.len()));
            }
        }
        let text_end = self.batch.text.len();
        if text_end > BATCH_TEXT_BYTES + ROW_TEXT_BYTES_MAX {
            let message =
                message!("row {row} holds more than {max} MB of text", row = number, max = ROW_TEXT_BYTES_MAX >> 20);
            return Err(Problem::in_file(&self.path, "row-too-long", message).hint("shorten its cells"));
        }
        self.batch.cells.push(Packed { column, text_end: text_end as u32, value });
        if let Some((_, end)) = self.batch.rows.last_mut() {
            *end = self.batch.cells.len();
        }
        Ok(true)
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
        self.sender.send(Message::Rows(std::mem::replace(&mut self.batch, empty))).is_ok()
    }

    fn damaged(&self, detail: &str) -> Problem {
        Trouble::Damaged(detail.to_owned()).problem(&self.path, None)
    }
}

fn place(found: &Found<'_>) -> String {
    format!("{}{}", column_letter(found.column as usize), found.row + 1)
}

impl SheetIn {
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
        let before = self.next_row.checked_sub(1).map_or(0, |previous| self.batch.rows[previous].1);
        let (number, end) = self.batch.rows[self.next_row];
        row.clear(number);
        let mut text_start = before.checked_sub(1).map_or(0, |cell| self.batch.cells[cell].text_end as usize);
        for cell in &self.batch.cells[before..end] {
            let text_end = cell.text_end as usize;
            row.push_at(cell.column as usize, &self.batch.text[text_start..text_end], cell.value);
            text_start = text_end;
        }
        self.next_row += 1;
        Ok(true)
    }

    fn next_batch(&mut self) -> Result<(), Problem> {
        match self.messages.recv() {
            Ok(Message::Rows(batch)) => {
                let mut used = std::mem::replace(&mut self.batch, batch);
                self.next_row = 0;
                used.text.clear();
                used.cells.clear();
                used.rows.clear();
                // Once the thread has ended nobody needs it any more.
                let _ = self.used.try_send(used);
            }
            Ok(Message::Failed(problem)) => {
                self.failed = Some(problem.clone());
                return Err(*problem);
            }
            Ok(Message::End(notes)) => {
                self.notes = notes;
                self.ended = true;
            }
            // The thread says when it is done; were it gone without a word, rows might be missing.
            Ok(Message::Opened(_)) | Err(_) => {
                let message = "reading this workbook broke off";
                let problem = Problem::in_file(&self.file, "damaged-workbook", message).hint(REPAIR);
                self.failed = Some(Box::new(problem.clone()));
                return Err(problem);
            }
        }
        Ok(())
    }

    /// Things that came up while reading; complete once `read` has given false.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }
}
