//! What the journal costs: the store's own calls, and the same number of bytes appended to a file.

use super::{in_file, tell};
use amo_model::{Action, Entity, Kind};
use amoport::store::{
    BatchOf, Journal, MappingHead, NewRun, Outcome, OutgoingBatch, Reopen, Resumed, RunEnd, RunHead, RunOutcome,
    SourceHead, Status, Store, StoreError, Verify,
};
use sheet_source::FileFormat;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

pub const BATCH: usize = 250;
/// The first row under the header.
const FIRST_ROW: u32 = 2;

/// A batch is noted as sent and noted as answered: two appends, each on the disk before anything goes on.
pub fn append(file: &Path, batches: usize) -> Result<(), String> {
    let mut out = File::create(file).map_err(in_file(file))?;
    let (mut size, mut text) = (0, String::new());
    for batch in 0..batches {
        let first = FIRST_ROW as usize + batch * BATCH;
        text.clear();
        let _ = writeln!(text, r#"{{"batch":{batch},"state":"sent","rows":"{first}-{}"}}"#, first + BATCH - 1);
        size += synced(&mut out, &text).map_err(in_file(file))?;
        text.clear();
        for row in first..first + BATCH {
            let _ = writeln!(text, r#"{{"row":{row},"status":"created","id":{}}}"#, 30_000_000 + 2 * row);
        }
        size += synced(&mut out, &text).map_err(in_file(file))?;
    }
    tell("size", size);
    Ok(())
}

fn synced(out: &mut File, text: &str) -> std::io::Result<usize> {
    out.write_all(text.as_bytes())?;
    out.sync_data()?;
    Ok(text.len())
}

pub fn journal(folder: &Path, batches: usize) -> Result<(), String> {
    let store = Store::open(folder).map_err(|e| e.to_string())?;
    let new = NewRun { name: "measured", head: &head("", 7), snapshot: "{}", started_at: 0, edits: &[], rows: None };
    let mut journal = Journal::begin(store, &new).map_err(told)?;
    let mut rows = FIRST_ROW..;
    for _ in 0..batches {
        note(&mut journal, &rows.by_ref().take(BATCH).collect::<Vec<_>>()).map_err(told)?;
    }
    drop(journal);
    let size: u64 = std::fs::read_dir(folder)
        .map_err(in_file(folder))?
        .flatten()
        .filter_map(|entry| entry.metadata().ok())
        .map(|file| file.len())
        .sum();
    tell("size", size);
    Ok(())
}

/// Goes on in the newest run of a store as if so many of its rows had been made, and leaves it interrupted.
pub fn outcomes(folder: &Path, rows: usize) -> Result<(), String> {
    let open = || Store::open(folder).map_err(|e| e.to_string());
    let store = open()?;
    let run = store.runs().map_err(told)?.into_iter().next().ok_or("there is no run in this store")?;
    let Resumed { mut journal, doubts, mut done, .. } =
        Journal::resume(open()?, &run, Reopen::Continue).map_err(told)?;
    for doubt in doubts {
        let made: Vec<Outcome> = doubt.rows.iter().map(|row| made(*row)).collect();
        journal.settle_doubt(doubt.batch, &made).map_err(told)?;
        done.extend(doubt.rows);
    }
    let last = u32::try_from(rows).unwrap_or(u32::MAX).saturating_add(FIRST_ROW);
    let left: Vec<u32> = (FIRST_ROW..last).filter(|row| !done.contains(row)).collect();
    for batch in left.chunks(BATCH) {
        note(&mut journal, batch).map_err(told)?;
    }
    let end = RunEnd {
        outcome: RunOutcome::Interrupted,
        exit_code: 130,
        elapsed_ms: 0,
        sent: 0,
        retried: 0,
        throttled: 0,
        source_rows: 0,
    };
    journal.end(&end).map_err(told)?;
    tell("outcomes", journal.counts().created);
    Ok(())
}

fn note(journal: &mut Journal, rows: &[u32]) -> Result<(), StoreError> {
    let batch = journal.next_batch();
    let sending = OutgoingBatch { batch, of: BatchOf::Records, rows, owner: None, keys: &[], watermark: 0, at_ms: 0 };
    journal.sent(&sending)?;
    let outcomes: Vec<Outcome> = rows.iter().map(|row| made(*row)).collect();
    journal.answered(batch, 200, &outcomes)
}

fn made(row: u32) -> Outcome {
    let id = Some(30_000_000 + 2 * u64::from(row));
    Outcome { id, http_status: Some(200), attempts: 1, ..Outcome::new(row, Status::Created) }
}

fn told(error: StoreError) -> String {
    error.to_string()
}

/// A run of leads.
pub fn head(url: &str, rate: u32) -> RunHead {
    RunHead {
        source: SourceHead {
            path: String::new(),
            sha256: String::new(),
            sheet: None,
            header_row: 1,
            format: FileFormat::Csv,
            encoding: None,
            bom: false,
            delimiter: Some(';'),
            titles: Vec::new(),
            hidden_rows: None,
            links: false,
            fill_down: Vec::new(),
            absolute: None,
            rows_digest: None,
            new_delivery: false,
            retry_of: None,
        },
        mapping: MappingHead { path: String::new(), absolute: None, sha256: String::new(), made: None },
        kind: Kind::Lead,
        entity: Entity::Leads,
        action: Action::Create,
        account: url.to_owned(),
        account_id: None,
        target: url.to_owned(),
        config: None,
        token_file: None,
        base: url.to_owned(),
        folder: String::new(),
        batch: Some(BATCH),
        settle: 1,
        answer_timeout: 90,
        verify: Verify::None,
        rate,
        rows: None,
        look_from: None,
        limit: None,
        again: true,
        key_space: None,
        key_titles: None,
        remake_deleted: false,
        remade: Vec::new(),
        same_keys: false,
        catalog: None,
        decimal: None,
        keeps_links: true,
    }
}
