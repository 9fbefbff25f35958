//! `log.jsonl`: one line per event, with its time. It holds numbers, statuses and words of amoport; no token, nothing of the
//! user's rows.

use amo_client::private;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

pub struct RunLog {
    out: BufWriter<File>,
}

impl RunLog {
    /// Opens the log and appends to that of an earlier part of the run.
    pub fn open(path: &Path) -> std::io::Result<RunLog> {
        let file = private::append(path)?;
        Ok(RunLog { out: BufWriter::new(file) })
    }

    /// Writes an event at `at_ms` (Unix milliseconds) with its details, which must be a JSON object. Write errors are ignored:
    /// the journal is what counts.
    pub fn note(&mut self, at_ms: i64, event: &str, details: Value) {
        let mut line = json!({"at_ms": at_ms, "event": event});
        if let (Value::Object(line), Value::Object(details)) = (&mut line, details) {
            line.extend(details);
        }
        let _ = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
    }
}
