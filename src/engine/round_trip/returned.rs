//! What a state folder keeps of workbooks that were sent back: read before rows are decided, written when a run has ended.

use crate::engine::begin::sent_before;
use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::error::EngineError;
use crate::engine::run::after::PostProcessing;
use crate::engine::source;
use crate::export::round_trip::{DecideError, DecisionContext, SentCells, SheetLayout};
use crate::export::{CellHashes, HiddenSheet, TableColumns, round_trip};
use crate::mapping::Edit;
use crate::store::{SentBack, Store};
use amo_client::List;
use amo_model::Action;
use sheet_source::message;
use sheet_source::problem::Note;
use sheet_source::{Row, Table};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

/// The path of a file, which identifies its changes among those of other copies.
pub(super) fn place_of(file: &Path) -> String {
    sent_before::absolute_path(file).unwrap_or_else(|| file.display().to_string())
}

/// What earlier imports of this file sent, by id; nothing where there is no store.
pub(super) fn sent_before(
    state: &Path,
    hidden: &HiddenSheet,
    file: &Path,
) -> Result<HashMap<u64, SentCells>, EngineError> {
    match Store::existing(state)? {
        Some(store) => sent(&store, hidden, file),
        None => Ok(HashMap::new()),
    }
}

/// What earlier imports of this file sent, by id.
fn sent(store: &Store, hidden: &HiddenSheet, file: &Path) -> Result<HashMap<u64, SentCells>, EngineError> {
    let place = place_of(file);
    let mut sent: HashMap<u64, SentCells> = sent_by_earlier_versions(store, hidden, &place)?;
    for (id, kept) in store.sent_back(&hidden.stamp.export, &place)? {
        let known = SentCells {
            sent: parse_hashes(&kept.sent),
            sending: parse_hashes(&kept.sending),
            before: parse_hashes(&kept.before),
            ours: parse_hashes(&kept.ours),
            base: parse_hashes(&kept.base),
            left: None,
        };
        sent.insert(id, known);
    }
    Ok(sent)
}

/// What earlier versions kept of the records that runs of this file changed.
fn sent_by_earlier_versions(
    store: &Store,
    hidden: &HiddenSheet,
    place: &str,
) -> Result<HashMap<u64, SentCells>, EngineError> {
    let rows = store.account_hashes_of_format_five(&hidden.stamp.export)?;
    let mut sent = HashMap::new();
    if rows.is_empty() {
        return Ok(sent);
    }
    for run in store.runs()? {
        let is_update = run.head.mapping.made.is_some() && run.head.action == Action::Update;
        if is_update && place_of(run.head.source.file()) == place {
            let ids = store.written(run.run)?.into_values().map(|written| written.id);
            sent.extend(
                ids.filter_map(|id| Some((id, SentCells { left: Some(*rows.get(&id)?), ..SentCells::default() }))),
            );
        }
    }
    Ok(sent)
}

fn parse_hashes(text: &str) -> CellHashes {
    CellHashes::from_text(text).unwrap_or_default()
}

/// What was exported, for workbooks that do not hold it for each cell.
pub(super) fn bases(store: &Store, hidden: &HiddenSheet) -> Result<HashMap<u64, CellHashes>, EngineError> {
    let known = store.bases(&hidden.stamp.export)?.into_iter();
    Ok(known.map(|(id, base)| (id, parse_hashes(&base))).collect())
}

pub(super) fn to_stored(records: &[(u64, SentCells)]) -> Vec<(u64, SentBack)> {
    let stored = |sent: &SentCells| SentBack {
        sent: sent.sent.to_text(),
        sending: sent.sending.to_text(),
        before: sent.before.to_text(),
        ours: sent.ours.to_text(),
        base: sent.base.to_text(),
    };
    records.iter().map(|(id, sent)| (*id, stored(sent))).collect()
}

/// The ids in these rows of the sheet.
fn ids_of(mut table: Table, layout: &SheetLayout, rows: &BTreeSet<u32>) -> Result<Vec<u64>, EngineError> {
    let (mut ids, mut row) = (Vec::new(), Row::default());
    while table.read(&mut row)? {
        ids.extend(layout.id(&row).filter(|_| rows.contains(&row.number)));
    }
    Ok(ids)
}

impl PostProcessing<'_> {
    /// Reads the records that a workbook has changed, so that its next import does not take these changes for conflicts.
    /// Returns what to tell where they could not be read.
    pub async fn remember_workbook(&self, cancel: &Cancel) -> Result<Vec<Note>, EngineError> {
        if self.head.mapping.made.is_none() || self.plan.action != Action::Update {
            return Ok(Vec::new());
        }
        let Some(edits) = &self.plan.edits else { return Ok(Vec::new()) };
        let written = self.store.written(self.run())?;
        let unknown = self.store.unknown_rows(self.run())?;
        let changes = edits.rows.iter().filter(|(row, edit)| matches!(edit, Edit::Change(_)) && !unknown.contains(row));
        let refused: BTreeSet<u32> = changes.map(|(row, _)| *row).filter(|row| !written.contains_key(row)).collect();
        let file = self.head.source.file();
        // The content of another workbook was not sent.
        let same = || source::sha256(file).is_ok_and(|now| now == self.head.source.sha256);
        if written.is_empty() && refused.is_empty() || !same() {
            return Ok(Vec::new());
        }
        let Ok(hidden) = HiddenSheet::read(file) else { return Ok(Vec::new()) };
        let table = source::open_for_run(&self.head.source)?;
        let layout = SheetLayout::of(&hidden, &table.header);
        let written: Vec<u64> = written.into_values().map(|written| written.id).collect();
        let refused = if refused.is_empty() { Vec::new() } else { ids_of(table, &layout, &refused)? };
        let sent = sent(self.store, &hidden, file)?;
        let looked = tokio::select! {
            biased;
            () = cancel.token().cancelled() => return Ok(Vec::new()),
            looked = self.read_changed((&hidden, &layout), (&written, &refused), sent) => looked,
        };
        match looked {
            Ok(seen) => {
                self.store.note_sent_back(&hidden.stamp.export, &place_of(file), &to_stored(&seen))?;
                Ok(Vec::new())
            }
            Err(DecideError::Source(problem)) => Err(problem.into()),
            Err(DecideError::Service(failure)) => {
                let failure = failure.to_string();
                let unread = message!("the changed records could not be read again: {failure}", failure);
                let effect =
                    "values that the service stored in another form are reported as conflicts if you edit them again";
                Ok(vec![Note::warning("not-looked-at", unread), Note::warning("not-looked-at", effect)])
            }
        }
    }

    async fn read_changed(
        &self,
        (hidden, layout): (&HiddenSheet, &SheetLayout),
        (written, refused): (&[u64], &[u64]),
        sent: HashMap<u64, SentCells>,
    ) -> Result<Vec<(u64, SentCells)>, DecideError> {
        let account = &*self.plan.account;
        let kind = hidden.stamp.kind;
        let columns = TableColumns::of(kind.spec().entity, hidden.stamp.catalog, account);
        let deciding = DecisionContext {
            hidden,
            layout,
            plan: self.plan,
            columns: &columns.of_earlier(&hidden.columns, kind),
            account,
            sent: Arc::new(sent),
            bases: HashMap::new(),
            force: false,
        };
        let list = List::of(kind.spec().entity, hidden.stamp.catalog);
        round_trip::read_sent((self.client, &list), &deciding, written, refused, !self.resumed).await
    }
}
