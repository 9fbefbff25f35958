//! Events of a use case: what a progress bar, a page and a log need. They hold no data of the user but the values that
//! problems quote.

use crate::engine::interface::result::{CheckResult, RunResult};
use crate::store::Counts;
use crate::upload;
use sheet_source::Layout;
use sheet_source::problem::{Note, Problem};
use std::time::Duration;

#[derive(Debug, Clone)]
pub enum Event {
    /// The account that is meant, before anything else is said: its address, or `sandbox`.
    Account(String),
    Phase(Phase),
    /// The source is open: what was found, or guessed, about it.
    Source {
        file: String,
        layout: Box<Layout>,
    },
    /// Something worth knowing that is no problem of a record. Those of a run stand in its `run.json` as well.
    Note(Note),
    /// A problem of a record that is rejected, or would be.
    Problem(Box<Problem>),
    /// A run begins.
    Started {
        run: String,
    },
    Progress(Progress),
    /// Something is waited for.
    Wait(Wait),
    /// One request for records or links, or one look into the account: for a log.
    Upload(upload::UploadEvent),
    /// Records were read back and are as they were sent.
    ReadBack {
        checked: u64,
    },
    /// A run has ended, or this stretch of it; its report is written.
    Ended(Box<RunResult>),
    /// A check has ended. Of a workbook without a mapping there may be two.
    Checked(Box<CheckResult>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The source is read through once, before anything is sent.
    Survey,
    /// The account is asked what it is made of.
    Account,
    /// The rows of a workbook are held against the account.
    Decide,
    Send,
    Link,
    ReadBack,
    Report,
}

/// How far a phase has got.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    pub phase: Phase,
    /// Records, or rows of a list that is read.
    pub done: u64,
    /// `None` where they are not counted.
    pub total: Option<u64>,
    /// In a second, since the phase began.
    pub rate: f64,
    pub elapsed: Duration,
    pub counts: Counts,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    pub reason: WaitReason,
    /// At the longest.
    pub at_most: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitReason {
    /// The service asked for fewer requests (429).
    Throttled,
    /// A request failed and goes again.
    Retry,
    /// Records whose answer was lost are looked for in the account.
    Settle,
}

/// Takes what is heard on the way: hands it to whoever listens, and keeps the notes for the run.
pub struct EventSink<'a> {
    events: &'a mut dyn FnMut(Event),
    notes: Vec<Note>,
    /// A source that is read for two runs says the same of itself twice; it is heard once.
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

    /// Names the account, once.
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

    /// Keeps notes that were heard before, for another run.
    pub fn keep_notes(&mut self, notes: &[Note]) {
        self.notes.extend_from_slice(notes);
    }

    /// The notes since the last time they were taken.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }
}
