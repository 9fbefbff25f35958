//! Reads the rows of a CSV on its own thread, so that reading and processing use two cores. Used batches go back to
//! the thread, so memory does not grow with the number of rows. The reader of workbooks has its own thread too.

use crate::cell::Scalar;
use crate::csv::dialect::CutRowMarker;
use crate::csv::reader::CsvReader;
use crate::file::error;
use crate::problem::{Problem, Stage};
use crate::row::header::Header;
use crate::row::{ROW_CUT, Row, RowKind};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Batches at once: one in use, one waiting, one being filled.
const BATCHES_WAITING: usize = 1;
/// Rows of a batch: with fewer, a tenth of the time goes into waking threads; with more, the batch does not fit into
/// the cache.
const BATCH_ROWS: usize = 1024;
const BATCH_TEXT_BYTES: usize = 1 << 20;

pub struct ReadAhead {
    messages: Receiver<BatchMessage>,
    used: SyncSender<RowBatch>,
    batch: RowBatch,
    next: usize,
    ended: bool,
}

/// Rows that are reused; the first `filled` of them are valid.
#[derive(Default)]
struct RowBatch {
    rows: Vec<Row>,
    filled: usize,
}

enum BatchMessage {
    Rows(RowBatch),
    Failed(Box<Problem>),
    End,
}

impl ReadAhead {
    /// `cut_rows`: whether to look for rows that a line break has cut.
    pub fn start(csv: CsvReader, header: &Header, cut_rows: bool, path: &Path) -> Result<ReadAhead, Problem> {
        let cut_marker = CutRowMarker::new(header.len());
        let reader = BatchReader { csv, header: header.clone(), cut_rows, cut_marker, lookahead: None };
        let (sender, messages) = sync_channel(BATCHES_WAITING);
        let (used, returned) = sync_channel(BATCHES_WAITING + 2);
        let reading = thread::Builder::new().name("csv".into()).spawn(move || run(reader, &sender, &returned));
        match reading {
            Ok(_) => Ok(ReadAhead { messages, used, batch: RowBatch::default(), next: 0, ended: false }),
            Err(error) => Err(error::io_problem(path, &error)),
        }
    }

    /// Works like `CsvReader::read`; the old content of `row` is reused later.
    pub fn read(&mut self, row: &mut Row) -> Result<bool, Problem> {
        while self.next == self.batch.filled {
            if self.ended {
                return Ok(false);
            }
            match self.messages.recv() {
                Ok(BatchMessage::Rows(batch)) => {
                    let used = std::mem::replace(&mut self.batch, batch);
                    self.next = 0;
                    // Fails once the thread has ended; nobody needs the batch then.
                    let _ = self.used.try_send(used);
                }
                Ok(BatchMessage::Failed(problem)) => return Err(*problem),
                Ok(BatchMessage::End) => self.ended = true,
                // The thread reports its end; an end without a report means missing rows.
                Err(_) => {
                    return Err(Problem::new(Stage::Read, "fault", "internal error while reading the source")
                        .hint("please report the lines above"));
                }
            }
        }
        std::mem::swap(row, &mut self.batch.rows[self.next]);
        self.next += 1;
        Ok(true)
    }
}

/// What the thread fills batches from.
struct BatchReader {
    csv: CsvReader,
    header: Header,
    cut_rows: bool,
    cut_marker: CutRowMarker,
    /// The row after the last batch, read to see whether it continues the row before it.
    lookahead: Option<Row>,
}

/// Reads to the end of the file, or until the receiver is dropped. After a problem, reading continues where possible.
fn run(mut reader: BatchReader, sender: &SyncSender<BatchMessage>, returned: &Receiver<RowBatch>) {
    loop {
        let mut batch = returned.try_recv().unwrap_or_default();
        let ended = reader.fill(&mut batch);
        let rows = batch.filled == 0 || sender.send(BatchMessage::Rows(batch)).is_ok();
        let more = match ended {
            Ok(true) => true,
            Ok(false) => {
                let _ = sender.send(BatchMessage::End);
                false
            }
            Err(problem) => sender.send(BatchMessage::Failed(Box::new(problem))).is_ok(),
        };
        if !rows || !more {
            return;
        }
    }
}

/// Marks the fragments of a cut row in a reject file, where errors stand in place of the missing cells.
pub fn restore_cut_marks(first: &mut Row, second: &mut Row, header: &Header) {
    let cut = [&*first, second].iter().all(|row| header.reject_code(row) == ROW_CUT);
    if cut && second.iter().any(|cell| cell.value == Scalar::Error) {
        first.kind = if first.kind == RowKind::Continuation { RowKind::Continuation } else { RowKind::Cut };
        second.kind = RowKind::Continuation;
    }
}

impl BatchReader {
    /// Fills the batch as far as possible; false at the end of the file.
    fn fill(&mut self, batch: &mut RowBatch) -> Result<bool, Problem> {
        let more = self.read_rows(batch);
        let rows = &mut batch.rows[..batch.filled];
        if !self.cut_rows && !self.is_rejects() {
            return more;
        }
        for index in 1..rows.len() {
            let (before, from) = rows.split_at_mut(index);
            self.mark_cut(&mut before[index - 1], &mut from[0]);
        }
        if let (Ok(true), Some(last)) = (&more, rows.last_mut()) {
            let mut next = Row::default();
            if !self.csv.read(&mut next)? {
                return Ok(false);
            }
            self.mark_cut(last, &mut next);
            self.lookahead = Some(next);
        }
        more
    }

    /// True if the source is a reject file.
    fn is_rejects(&self) -> bool {
        self.header.is_rejects()
    }

    /// Marks two adjacent rows that a line break can have cut.
    fn mark_cut(&mut self, first: &mut Row, second: &mut Row) {
        if self.is_rejects() {
            restore_cut_marks(first, second, &self.header);
        }
        if self.cut_rows {
            self.cut_marker.mark(first, second);
        }
    }

    fn read_rows(&mut self, batch: &mut RowBatch) -> Result<bool, Problem> {
        let mut bytes = 0;
        batch.filled = 0;
        while batch.filled < BATCH_ROWS && bytes < BATCH_TEXT_BYTES {
            if batch.rows.len() == batch.filled {
                batch.rows.push(Row::default());
            }
            let row = &mut batch.rows[batch.filled];
            match self.lookahead.take() {
                Some(lookahead) => *row = lookahead,
                None => {
                    if !self.csv.read(row)? {
                        return Ok(false);
                    }
                }
            }
            self.header.classify(row);
            bytes += row.text_bytes();
            batch.filled += 1;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use crate::{ReadOptions, Row, Table};

    /// The number and the cells of each row, or the code of its problem.
    fn all(mut table: Table) -> Vec<Result<Row, String>> {
        let mut found = Vec::new();
        let mut row = Row::default();
        loop {
            match table.read(&mut row) {
                Ok(true) => found.push(Ok(row.clone())),
                Ok(false) => return found,
                Err(problem) if problem.code == "encoding" => found.push(Err(problem.code.to_string())),
                Err(problem) => {
                    found.push(Err(problem.code.to_string()));
                    return found;
                }
            }
        }
    }

    #[test]
    fn rows_and_problems_read_ahead_come_in_the_order_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let long = "x".repeat(super::BATCH_TEXT_BYTES / 2);
        let mut file = "№;имя\n".to_owned().into_bytes();
        for n in 0..2_000 {
            match n {
                700 => file.extend_from_slice(b"700;\xFF\n"),
                900..905 => file.extend_from_slice(format!("{n};{long}\n").as_bytes()),
                _ => file.extend_from_slice(format!("{n};=\"0{n}\"\n\n").as_bytes()),
            }
        }
        for ending in ["", "2000;\"never closed"] {
            let mut file = file.clone();
            file.extend_from_slice(ending.as_bytes());
            std::fs::write(&path, file).unwrap();
            let open = || Table::open(&path, &ReadOptions::default()).unwrap();
            let (alone, ahead) = (all(open()), all(open().read_ahead().unwrap()));
            assert_eq!(alone.len(), 2_000 + usize::from(!ending.is_empty()));
            assert!(alone == ahead, "{ending}");
        }
    }
}
