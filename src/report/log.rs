//! `log.jsonl`: what happened and when, a line each. It holds numbers, statuses and words of ours; no token, nothing
//! of the user's rows.

use amo_client::private;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

pub struct RunLog {
    out: BufWriter<File>,
}

impl RunLog {
    /// Opens the log, going on where an earlier stretch of the run ended.
    pub fn open(path: &Path) -> std::io::Result<RunLog> {
        let file = private::append(path)?;
        Ok(RunLog { out: BufWriter::new(file) })
    }

    /// Notes an event at `at_ms` (Unix milliseconds) with its details, which must be a JSON object. A log that cannot
    /// be written stops nobody: the journal is what counts.
    pub fn note(&mut self, at_ms: i64, event: &str, details: Value) {
        let mut line = json!({"at_ms": at_ms, "event": event});
        if let (Value::Object(line), Value::Object(details)) = (&mut line, details) {
            line.extend(details);
        }
        let _ = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
    }
}
