//! What an update would change of the account as it is now, for those who look and send nothing: read and compared by the very
//! code of the import, pages of records overlapping.

use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::error::EngineError;
use crate::engine::prepare::known_keys::RecordFate;
use crate::engine::prepare::{self, unless_cancelled};
use crate::engine::target::Opened;
use crate::mapping::{Plan, Record};
use crate::upload::feed::QueuedRecord;
use crate::upload::present::{self, PresenceCounts};
use crate::upload::{IN_FLIGHT, reads_before_update};
use amo_client::clock::Clock;
use amo_client::{Client, Failure};
use amo_model::IDS_MAX;
use sheet_source::Row;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

pub struct Present {
    client: Arc<Client>,
    plan: Arc<Plan>,
    clock: Clock,
    cancel: Cancel,
    runtime: Runtime,
    page: Vec<QueuedRecord>,
    under_way: VecDeque<JoinHandle<Result<PresenceCounts, Failure>>>,
    looked: PresenceCounts,
}

impl Present {
    /// `None` where nothing is looked at before it is sent.
    pub fn of(target: &Opened, plan: &Arc<Plan>, cancel: &Cancel) -> Result<Option<Present>, EngineError> {
        if !reads_before_update(plan) {
            return Ok(None);
        }
        Ok(Some(Present {
            client: Arc::clone(&target.client),
            plan: Arc::clone(plan),
            clock: target.clock,
            cancel: cancel.clone(),
            runtime: prepare::runtime()?,
            page: Vec::new(),
            under_way: VecDeque::new(),
            looked: PresenceCounts::default(),
        }))
    }

    pub fn meet(&mut self, record: Record, row: &Row, more: &[Row]) -> Result<RecordFate, EngineError> {
        self.page.push(QueuedRecord { record, row: row.clone(), more: more.to_vec() });
        if self.page.len() == IDS_MAX {
            self.ask();
        }
        while self.under_way.len() > IN_FLIGHT {
            self.wait()?;
        }
        Ok(RecordFate::Waits)
    }

    /// What all of it came to.
    pub fn looked(mut self) -> Result<PresenceCounts, EngineError> {
        self.ask();
        while !self.under_way.is_empty() {
            self.wait()?;
        }
        Ok(self.looked)
    }

    fn ask(&mut self) {
        let page = std::mem::take(&mut self.page);
        if page.is_empty() {
            return;
        }
        let (client, plan, clock) = (Arc::clone(&self.client), Arc::clone(&self.plan), self.clock);
        let asked = async move { present::compare_with_account(&client, &plan, clock, page).await };
        self.under_way.push_back(self.runtime.spawn(asked));
    }

    fn wait(&mut self) -> Result<(), EngineError> {
        let Some(asked) = self.under_way.pop_front() else { return Ok(()) };
        let looked = unless_cancelled(&self.runtime, &self.cancel, "nothing was sent", asked)?;
        let looked = looked.map_err(|_| EngineError::fault("reading the account has failed inside amoport"))?;
        self.looked.add(looked?);
        Ok(())
    }
}
