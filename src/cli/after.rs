//! What follows the upload of a run: its records are linked, then some are read back. Both read the source once more.

use super::args::Common;
use super::exit::Ended;
use super::{prepare, say};
use crate::account::{Wanted, changes};
use crate::api::{Client, pull};
use crate::entity::answer::NOT_A_CHOICE;
use crate::mapping::{Mapper, Plan};
use crate::problem::Problem;
use crate::report;
use crate::store::{Head, Journal, Store, Verify};
use crate::upload::feed::{self, Fed, Select};
use crate::upload::links::{self, Linking};
use crate::upload::verify::{self, VerifyError};
use crate::upload::{End, IN_FLIGHT};
use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, watch};

pub struct After<'a> {
    pub client: &'a Arc<Client>,
    pub plan: &'a Arc<Plan>,
    pub journal: &'a Arc<Mutex<Journal>>,
    pub store: &'a Store,
    pub head: &'a Head,
    pub name: &'a str,
}

impl After<'_> {
    /// Links the records of an upload that came to its end, or to the end of what could be read; a run is not done before
    /// they are linked. Says how the run ended, all in all.
    pub async fn link(&self, end: End, stop: &watch::Receiver<bool>, common: &Common) -> Result<End, Ended> {
        let broken = matches!(&end, End::Source(problem) if problem.code != feed::FAULT);
        if !links::wanted(self.plan) || !(broken || matches!(end, End::Finished)) {
            return Ok(end);
        }
        let ids = self.store.unlinked(self.run())?;
        if ids.is_empty() {
            return Ok(end);
        }
        if let Some(changed) = self.source_changed() {
            return Ok(End::Source(changed));
        }
        say::detail(common, format!("linking what {} records name", ids.len()));
        let linking = Linking {
            client: Arc::clone(self.client),
            plan: Arc::clone(self.plan),
            journal: Arc::clone(self.journal),
            feed: self.feed(ids.keys().copied().collect())?,
            ids,
            in_flight: IN_FLIGHT,
            stop: stop.clone(),
        };
        let linked = links::link(linking).await?;
        Ok(if broken { end } else { linked })
    }

    /// Why the source is not the one that was uploaded: what another one says would be linked to these records.
    pub(super) fn source_changed(&self) -> Option<Problem> {
        let source = &self.head.source;
        let file = Path::new(&source.path);
        match prepare::sha256(file) {
            Ok(now) => prepare::unchanged(file, &now, &source.sha256, "source").err(),
            Err(unreadable) => unreadable.problems.into_iter().next(),
        }
    }

    /// Compares what the account holds with what was sent, as far as `--verify` says. That it could not be done is told;
    /// the import itself is done all the same.
    pub async fn read_back(&self, mut stop: watch::Receiver<bool>, common: &Common) -> Result<(), Ended> {
        tokio::select! {
            biased;
            Ok(_) = stop.wait_for(|stop| *stop) => {
                say::line("reading back is broken off; the import itself is done");
                Ok(())
            }
            read = self.verify(common) => read,
        }
    }

    async fn verify(&self, common: &Common) -> Result<(), Ended> {
        let how = self.head.verify;
        let ids = verify::choose(self.store.written(self.run())?, how);
        if ids.is_empty() {
            return Ok(());
        }
        let feed = self.feed(ids.keys().copied().collect())?;
        let above = if how == Verify::All { self.store.first_watermark(self.run())? } else { None };
        match verify::read_back(self.client, self.plan, self.journal, feed, &ids, above).await {
            Ok(verified) if verified.clean() => {
                say::detail(common, format!("read back {} records: all as sent", verified.checked));
            }
            Ok(verified) => {
                let gone = match verified.kept {
                    0 => String::new(),
                    some => format!("{some} were deleted and are still shown, "),
                };
                say::line(&format!(
                    "read back {} records: {gone}{} differ from what was sent, {} are not there, {} have a twin; see {}",
                    verified.checked,
                    verified.differing,
                    verified.missing,
                    verified.doubled,
                    Path::new(&self.head.folder).join(report::PROBLEMS).display()
                ));
            }
            Err(VerifyError::Store(error)) => return Err(error.into()),
            Err(VerifyError::Service(failure)) => {
                say::line(&format!("the account could not be read back: {failure}"));
            }
        }
        Ok(())
    }

    /// A choice that the account had when the run began and that the service refuses now: asks the account again, and
    /// says what has changed in it.
    pub async fn tell_changes(&self) -> Result<(), Ended> {
        if !self.store.has_problem(self.run(), NOT_A_CHOICE)? {
            return Ok(());
        }
        let then = &self.plan.account;
        // Whoever cannot read it now has been told what the service refused.
        let Ok((now, _)) = pull::pull(self.client, &Wanted::like(then), prepare::now()).await else { return Ok(()) };
        let changes = changes(then, &now);
        for change in &changes {
            say::line(&format!("the account has changed since this run began: {change}"));
        }
        if !changes.is_empty() {
            say::line("import the rejected rows again; amoport reads the account anew for every import");
        }
        Ok(())
    }

    pub(super) fn run(&self) -> i64 {
        self.journal.lock().unwrap_or_else(std::sync::PoisonError::into_inner).run()
    }

    /// Some rows of the source, mapped again.
    fn feed(&self, rows: HashSet<u32>) -> Result<mpsc::Receiver<Vec<Fed>>, Ended> {
        // Of the same stretch: a key that stands outside of it as well is met once here, as it was then.
        let select = Select { only: Some(rows), rows: self.head.rows, ..Select::default() };
        let mapper = Mapper::new(Arc::clone(self.plan), self.name);
        Ok(feed::start(prepare::reopen(&self.head.source)?, mapper, select))
    }
}
