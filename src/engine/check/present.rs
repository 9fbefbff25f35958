//! What an update would change in the account, for use cases that send nothing: records are read and compared by the code of
//! the import, several pages at a time.

use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::error::EngineError;
use crate::engine::prepare::known_keys::RecordFate;
use crate::engine::target::OpenAccount;
use crate::engine::target::runtime::{run_cancellable, runtime};
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

pub struct PresenceCheck {
    client: Arc<Client>,
    plan: Arc<Plan>,
    clock: Clock,
    cancel: Cancel,
    runtime: Runtime,
    page: Vec<QueuedRecord>,
    in_flight: VecDeque<JoinHandle<Result<PresenceCounts, Failure>>>,
    looked: PresenceCounts,
}

impl PresenceCheck {
    /// `None` if the import reads nothing before it sends.
    pub fn of(target: &OpenAccount, plan: &Arc<Plan>, cancel: &Cancel) -> Result<Option<PresenceCheck>, EngineError> {
        if !reads_before_update(plan) {
            return Ok(None);
        }
        Ok(Some(PresenceCheck {
            client: Arc::clone(&target.client),
            plan: Arc::clone(plan),
            clock: target.client.pace().clock(),
            cancel: cancel.clone(),
            runtime: runtime()?,
            page: Vec::new(),
            in_flight: VecDeque::new(),
            looked: PresenceCounts::default(),
        }))
    }

    pub fn add_record(&mut self, record: Record, row: &Row, more: &[Row]) -> Result<RecordFate, EngineError> {
        self.page.push(QueuedRecord { record, row: row.clone(), more: more.to_vec() });
        if self.page.len() == IDS_MAX {
            self.request_page();
        }
        while self.in_flight.len() > IN_FLIGHT {
            self.wait_for_page()?;
        }
        Ok(RecordFate::Waits)
    }

    /// Waits for all pages and returns the counts.
    pub fn finish(mut self) -> Result<PresenceCounts, EngineError> {
        self.request_page();
        while !self.in_flight.is_empty() {
            self.wait_for_page()?;
        }
        Ok(self.looked)
    }

    fn request_page(&mut self) {
        let page = std::mem::take(&mut self.page);
        if page.is_empty() {
            return;
        }
        let (client, plan, clock) = (Arc::clone(&self.client), Arc::clone(&self.plan), self.clock);
        let reading = async move { present::compare_with_account(&client, &plan, clock, page).await };
        self.in_flight.push_back(self.runtime.spawn(reading));
    }

    fn wait_for_page(&mut self) -> Result<(), EngineError> {
        let Some(reading) = self.in_flight.pop_front() else { return Ok(()) };
        let looked = run_cancellable(&self.runtime, &self.cancel, "nothing was sent", reading)?;
        let looked = looked.map_err(|_| EngineError::fault("reading the account failed"))?;
        self.looked.add(looked?);
        Ok(())
    }
}
