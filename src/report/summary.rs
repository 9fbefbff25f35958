//! `run.json`: a run in numbers, for other programs, which rely on its keys.

use super::beside::PartialFile;
use super::{ReportError, write_error};
use crate::store::{Counts, FrozenWord, Links, Run};
use serde::Serialize;
use sheet_source::problem::Note;
use std::io::Write;
use std::path::PathBuf;

const SCHEMA: u32 = 1;

#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    pub schema: u32,
    pub run: String,
    pub exit_code: Option<i64>,
    pub outcome: String,
    pub kind: String,
    pub action: String,
    pub source: SourceSummary,
    pub account: String,
    /// Unknown for runs that version 0.1 made in a sandbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<u64>,
    /// The run whose rejected rows these were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<String>,
    pub counts: Counts,
    /// Only if records were linked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links: Option<Links>,
    pub requests: Requests,
    pub elapsed_ms: i64,
    /// Notes of every part of the run.
    pub notes: Vec<Note>,
    pub files: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct SourceSummary {
    pub path: String,
    pub sha256: String,
    /// Rows below the header that are not empty.
    pub rows: i64,
}

#[derive(Debug, Clone, Serialize)]
pub struct Requests {
    pub sent: i64,
    pub retried: i64,
    pub throttled: i64,
}

impl Summary {
    pub fn of(run: &Run, counts: Counts, notes: Vec<Note>, files: &[PathBuf]) -> Summary {
        Summary {
            schema: SCHEMA,
            run: run.name.clone(),
            exit_code: run.exit_code,
            outcome: run.outcome.word().to_owned(),
            kind: run.head.kind.word().to_owned(),
            action: run.head.action.word().to_owned(),
            source: SourceSummary {
                path: run.head.source.path.clone(),
                sha256: run.head.source.sha256.clone(),
                rows: run.source_rows,
            },
            account: run.head.account.clone(),
            account_id: run.head.account_id,
            retry_of: run.head.source.retry_of.clone(),
            counts,
            links: None,
            requests: Requests { sent: run.sent, retried: run.retried, throttled: run.throttled },
            elapsed_ms: run.elapsed_ms,
            notes,
            files: files.iter().map(|file| file.display().to_string()).collect(),
        }
    }

    /// The same with the links that the run made; `None` where it made none.
    pub fn with_links(self, links: Links) -> Summary {
        Summary { links: Some(links).filter(|links| links.any()), ..self }
    }

    pub fn write(&self, mut part: PartialFile) -> Result<(), ReportError> {
        let mut json = serde_json::to_vec_pretty(self).map_err(|e| ReportError::Store(e.into()))?;
        json.push(b'\n');
        part.file.write_all(&json).map_err(write_error(&part.path))
    }
}
