//! Events of a use case, for a progress bar, a page or a log. They hold no data of the user except the values that problems
//! quote.

use crate::engine::interface::result::{CheckResult, RunResult};
use crate::store::Counts;
use crate::upload;
use sheet_source::Layout;
use sheet_source::problem::{Note, Problem};
use std::time::Duration;

#[derive(Debug, Clone)]
pub enum Event {
    /// The account, before any other event: its address, or `sandbox`.
    Account(String),
    Phase(Phase),
    /// The source is open, with its layout as found or guessed.
    Source {
        file: String,
        layout: Box<Layout>,
    },
    /// A note that is not a problem of a record. The notes of a run are in its `run.json` too.
    Note(Note),
    /// A problem of a record that is rejected, or would be.
    Problem(Box<Problem>),
    /// A run begins.
    Started {
        run: String,
    },
    Progress(Progress),
    /// The use case waits.
    Wait(Wait),
    /// One request for records or links, or one lookup in the account, for a log.
    Upload(upload::UploadEvent),
    /// Records were read back and equal what was sent.
    ReadBack {
        checked: u64,
    },
    /// A run has ended, or this part of it; its report is written.
    Ended(Box<RunResult>),
    /// A check has ended. Of a workbook without a mapping there may be two.
    Checked(Box<CheckResult>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The source is read once before anything is sent.
    Survey,
    /// The account's structure is read.
    Account,
    /// The rows of a workbook are compared with the account.
    Decide,
    Send,
    Link,
    ReadBack,
    Report,
}

/// The progress of a phase.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    pub phase: Phase,
    /// Records, or rows of a list.
    pub done: u64,
    /// `None` where they are not counted.
    pub total: Option<u64>,
    /// Per second, since the phase began.
    pub rate: f64,
    pub elapsed: Duration,
    pub counts: Counts,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    pub reason: WaitReason,
    /// The maximum.
    pub at_most: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitReason {
    /// The service asked for fewer requests (429).
    Throttled,
    /// A request failed and is sent again.
    Retry,
    /// Records whose answer was lost are looked for in the account.
    Settle,
}

/// Passes events to the caller, and keeps the notes for the run.
pub struct EventSink<'a> {
    events: &'a mut dyn FnMut(Event),
    notes: Vec<Note>,
    /// Notes that were emitted: a source that is read for two runs gives the same notes twice, and they are emitted once.
    emitted: Vec<Note>,
    /// The account that was named.
    account: Option<String>,
}

impl<'a> EventSink<'a> {
    pub fn new(events: &'a mut dyn FnMut(Event)) -> EventSink<'a> {
        EventSink { events, notes: Vec::new(), emitted: Vec::new(), account: None }
    }

    pub fn emit(&mut self, event: Event) {
        (self.events)(event);
    }

    /// Emits the account, once.
    pub fn account(&mut self, address: &str) {
        if self.account.as_deref() != Some(address) {
            self.account = Some(address.to_owned());
            self.emit(Event::Account(address.to_owned()));
        }
    }

    pub fn note(&mut self, note: Note) {
        if !self.emitted.contains(&note) {
            self.emitted.push(note.clone());
            self.emit(Event::Note(note.clone()));
        }
        self.notes.push(note);
    }

    pub fn notes(&mut self, notes: impl IntoIterator<Item = Note>) {
        notes.into_iter().for_each(|note| self.note(note));
    }

    /// Keeps notes that were emitted before, for another run.
    pub fn keep_notes(&mut self, notes: &[Note]) {
        self.notes.extend_from_slice(notes);
    }

    /// Takes the notes since the last call.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }
}
