//! The steps after the upload of a run: reads some of its records back, and reports what has changed in the account meanwhile.
//! The import is done, whatever the result.

use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::error::EngineError;
use crate::engine::interface::event::{Event, EventSink, Phase};
use crate::engine::prepare;
use crate::engine::source;
use crate::mapping::{Mapper, Plan};
use crate::report;
use crate::store::{Journal, RecordIds, RunHead, Store, Verify};
use crate::upload::LIST_LAG;
use crate::upload::feed::{self, FeedItem, QueuedRecord, Select};
use crate::upload::verify::{SentBodies, Verified, Verifier, VerifyError};
use amo_client::account::{SnapshotScope, changes};
use amo_client::{Client, snapshot};
use amo_model::Action;
use amo_model::answer::NOT_A_CHOICE;
use sheet_source::message;
use sheet_source::problem::Note;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

pub struct PostProcessing<'a> {
    pub client: &'a Arc<Client>,
    pub plan: &'a Arc<Plan>,
    pub journal: &'a Arc<Mutex<Journal>>,
    pub store: &'a Store,
    pub head: &'a RunHead,
    pub name: &'a str,
    /// The account's earlier state was read in an earlier part of the run, perhaps long ago.
    pub resumed: bool,
}

fn note_failure(done: Result<(), EngineError>, code: &'static str, events: &mut EventSink<'_>) {
    if let Err(error) = done {
        let message = message!("the import is done; a step after it failed: {error}", error = error.to_string());
        events.note(Note::warning(code, message));
    }
}

impl PostProcessing<'_> {
    /// Runs all steps. A failure is noted, and the run is closed with its report anyway.
    pub async fn run_all(&self, sample: Vec<QueuedRecord>, cancel: &Cancel, events: &mut EventSink<'_>) {
        let twice = self.sent_twice();
        if matches!(twice, Ok(Some(_))) {
            self.wait_for_lists(cancel).await;
        }
        // The workbook is read while the account answers the read-back.
        let read = self.read_back(sample, cancel, events);
        let (read, remembered) = tokio::join!(read, self.remember_workbook(cancel));
        note_failure(read, "read-back", events);
        note_failure(remembered.map(|notes| events.notes(notes)), "not-looked-at", events);
        note_failure(self.look_for_twins(twice, cancel, events).await, "read-back", events);
        note_failure(self.report_account_changes(events).await, "account-changed", events);
    }

    /// Compares the account with what was sent, as far as the run's `verify` says.
    async fn read_back(
        &self,
        sample: Vec<QueuedRecord>,
        cancel: &Cancel,
        events: &mut EventSink<'_>,
    ) -> Result<(), EngineError> {
        let Some((bodies, ids, above)) = self.sent_bodies(sample)? else { return Ok(()) };
        events.emit(Event::Phase(Phase::ReadBack));
        let verifier = self.verifier();
        let read = verifier.read_back(bodies, &ids, above);
        tokio::select! {
            biased;
            () = cancel.token().cancelled() => {
                events.note(Note::warning("read-back", "the read-back is interrupted; the import is done"));
                Ok(())
            }
            read = read => self.report_read_back(read, events),
        }
    }

    /// What to read back: the bodies that were sent, their ids, and the id above which duplicates are looked for.
    #[allow(clippy::type_complexity)]
    fn sent_bodies(
        &self,
        sample: Vec<QueuedRecord>,
    ) -> Result<Option<(SentBodies, BTreeMap<u32, RecordIds>, Option<u64>)>, EngineError> {
        let run = self.run();
        let found = match self.head.verify {
            Verify::None => return Ok(None),
            Verify::Sample => {
                let ids = self.store.written_rows(run, sample.iter().map(|loaded| loaded.record.row))?;
                (SentBodies::Sample(sample), ids, None)
            }
            Verify::All => {
                let ids = self.store.written(run)?;
                let above = self.store.first_watermark(run)?.filter(|_| self.plan.action == Action::Create);
                (SentBodies::All(self.feed_rows(ids.keys().copied().collect())?), ids, above)
            }
        };
        Ok((!found.1.is_empty()).then_some(found))
    }

    /// A duplicate of a record that was sent again may appear in its list with a delay.
    async fn wait_for_lists(&self, cancel: &Cancel) {
        tokio::select! {
            biased;
            () = cancel.token().cancelled() => {}
            () = self.client.pace().clock().sleep(LIST_LAG) => {}
        }
    }

    /// Rows that were sent again, and the id above which their duplicates would be.
    fn sent_twice(&self) -> Result<Option<(HashSet<u32>, u64)>, EngineError> {
        match self.plan.action {
            Action::Create => Ok(self.journal.lock().unwrap_or_else(PoisonError::into_inner).sent_twice()?),
            Action::Update | Action::Delete => Ok(None),
        }
    }

    /// A record that was not found and sent again may have arrived late, so that the account holds it twice. A read-back of all
    /// records sees that by itself.
    async fn look_for_twins(
        &self,
        twice: Result<Option<(HashSet<u32>, u64)>, EngineError>,
        cancel: &Cancel,
        events: &mut EventSink<'_>,
    ) -> Result<(), EngineError> {
        let Some((rows, watermark)) = twice?.filter(|_| self.head.verify != Verify::All) else { return Ok(()) };
        let count = rows.len();
        let verifier = self.verifier();
        let looked = verifier.find_duplicates(self.feed_rows(rows)?, watermark);
        let looked = tokio::select! {
            biased;
            () = cancel.token().cancelled() => None,
            looked = looked => Some(looked),
        };
        match looked {
            Some(Ok(Verified { doubled: 0, .. })) => Ok(()),
            Some(Ok(Verified { doubled, .. })) => {
                let problems = Path::new(&self.head.folder).join(report::PROBLEMS).display().to_string();
                let message = message!(
                    "{doubled} records that were sent again have a duplicate; see {problems}",
                    doubled,
                    problems
                );
                events.note(Note::warning("read-back", message).count(doubled));
                Ok(())
            }
            Some(Err(VerifyError::Store(error))) => Err(error.into()),
            None | Some(Err(VerifyError::Service(_))) => {
                let message = message!(
                    "{count} records were sent again, and whether the account holds them twice could not be checked",
                    count
                );
                events.note(Note::warning("read-back", message));
                Ok(())
            }
        }
    }

    fn report_read_back(
        &self,
        read: Result<Verified, VerifyError>,
        events: &mut EventSink<'_>,
    ) -> Result<(), EngineError> {
        match read {
            Ok(verified) if verified.clean() => events.emit(Event::ReadBack { checked: verified.checked }),
            Ok(verified) => {
                let gone = match verified.still_there {
                    0 => "".into(),
                    some => message!("{some} were deleted and are still shown, ", some),
                };
                let problems = Path::new(&self.head.folder).join(report::PROBLEMS).display().to_string();
                let message = message!(
                    "read back {checked} records: {gone}{differing} differ from what was sent, {missing} not found, {doubled} have a duplicate; see {problems}",
                    checked = verified.checked,
                    gone,
                    differing = verified.differing,
                    missing = verified.missing,
                    doubled = verified.doubled,
                    problems
                );
                let count = verified.differing + verified.missing + verified.doubled + verified.still_there;
                events.note(Note::warning("read-back", message).count(count));
            }
            Err(VerifyError::Store(error)) => return Err(error.into()),
            Err(VerifyError::Service(failure)) => {
                let message = message!("the records could not be read back: {failure}", failure = failure.to_string());
                events.note(Note::warning("read-back", message));
            }
        }
        Ok(())
    }

    /// If the service refused an option that the account had when the run began: reads the account again, and reports what has
    /// changed.
    async fn report_account_changes(&self, events: &mut EventSink<'_>) -> Result<(), EngineError> {
        if !self.store.has_problem(self.run(), NOT_A_CHOICE)? {
            return Ok(());
        }
        let then = &self.plan.account;
        // If the account cannot be read now, the refusals are reported already.
        let pulled = snapshot::pull(self.client, &SnapshotScope::like(then), prepare::now(), |_| {}).await;
        let Ok((now, _)) = pulled else { return Ok(()) };
        let changes = changes(then, &now);
        for change in &changes {
            let message = message!("the account has changed since this run began: {change}", change);
            events.note(Note::warning("account-changed", message));
        }
        if !changes.is_empty() {
            let message = "import the rejected rows again; amoport reads the account for every import";
            events.note(Note::warning("account-changed", message));
        }
        Ok(())
    }

    pub fn run(&self) -> i64 {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).run()
    }

    fn verifier(&self) -> Verifier<'_> {
        Verifier { client: self.client, plan: self.plan, journal: self.journal }
    }

    /// Maps some rows of the source again.
    fn feed_rows(&self, rows: HashSet<u32>) -> Result<mpsc::Receiver<Vec<FeedItem>>, EngineError> {
        // Within the same range of rows: a key that also occurs outside of it is used once here, as it was then.
        let select = Select { only: Some(rows), rows: self.head.rows, ..Select::default() };
        let mapper = Mapper::new(Arc::clone(self.plan), self.name);
        Ok(feed::start(source::open_for_run(&self.head.source)?, mapper, select))
    }
}
