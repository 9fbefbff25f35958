//! What is heard on the way of a use case, in words: notes, progress, and the last lines of a run.

use super::args::CommonArgs;
use super::progress::{Bar, counted};
use super::signals::RunStarted;
use super::{go_on, say};
use crate::engine::{Event, Next, Phase, ReadableByOthers, RunResult};
use crate::report;
use crate::upload;
use sheet_source::problem::Severity;
use std::path::Path;

/// Listens to a use case.
pub struct Listener<'a> {
    common: &'a CommonArgs,
    /// What is to be said of the token when a run is gone on with.
    token_file: Option<&'a Path>,
    others: ReadableByOthers,
    bar: Bar,
    sending: RunStarted,
}

impl<'a> Listener<'a> {
    pub fn new(common: &'a CommonArgs) -> Listener<'a> {
        Listener {
            common,
            token_file: None,
            others: ReadableByOthers::Refused,
            bar: Bar::new(common),
            sending: RunStarted::default(),
        }
    }

    /// The same with the file that the token comes from now.
    pub fn token_file(self, token_file: Option<&'a Path>) -> Listener<'a> {
        Listener { token_file, ..self }
    }

    /// The same where secrets are taken from files that other users can read.
    pub fn others(self, others: ReadableByOthers) -> Listener<'a> {
        Listener { others, ..self }
    }

    /// Told when a run has begun, for whoever answers signals.
    pub fn sending(&self) -> &RunStarted {
        &self.sending
    }

    /// True where a total would be shown, so that counting the records is worth it.
    pub fn shows_progress(&self) -> bool {
        self.bar.shows()
    }

    pub fn hear(&mut self, event: Event) {
        match event {
            Event::Account(address) => say::note(self.common, format!("account: {address}")),
            Event::Source { file, layout } => say::note(self.common, format!("{file}: {layout}")),
            Event::Note(note) => match note.level {
                Severity::Info => say::note(self.common, note.message.to_string()),
                Severity::Warning => say::line(&note.message.to_string()),
            },
            Event::Started { .. } => self.sending.begins(),
            Event::Phase(Phase::Send) => self.bar.start(),
            Event::Phase(Phase::Link) => say::detail(self.common, "linking what the records name"),
            Event::Phase(Phase::Report) => self.bar.finish(),
            Event::Phase(Phase::Survey | Phase::Account | Phase::Decide | Phase::ReadBack) => {}
            Event::Progress(progress) => self.bar.update(&progress),
            Event::Upload(event) => self.upload(&event),
            Event::ReadBack { checked } => {
                say::detail(self.common, format!("read back {checked} records: all as sent"));
            }
            Event::Ended(result) => {
                let go_on = || go_on::resume(&result, self.token_file, self.others);
                ended(&result, self.common, go_on);
            }
            // Said by `upload`, by the verb that checks, and at the end of a run.
            Event::Wait(_) | Event::Problem(_) | Event::Checked(_) => {}
        }
    }

    fn upload(&self, event: &upload::UploadEvent) {
        match event {
            upload::UploadEvent::Answered { batch, records, status, ms, .. } => {
                let status = status.unwrap_or(0);
                say::detail(self.common, format!("batch {batch}: {records} records, answer {status} in {ms} ms"));
            }
            upload::UploadEvent::Again { batch, why, .. } => {
                say::detail(self.common, format!("batch {batch} goes again: {why}"));
            }
            upload::UploadEvent::InDoubt { batch, records, why, at_most } if at_most.is_zero() => {
                let text = format!("batch {batch}: {why}; looking whether its other {records} records were made");
                say::detail(self.common, text);
            }
            upload::UploadEvent::InDoubt { batch, records, why, at_most } => {
                let (until, whole) = (say::time_in(*at_most), "looking for its records in the account");
                let text = format!("batch {batch}: {why}; {whole} ({records}), until {until} at the latest");
                say::note(self.common, text);
            }
            upload::UploadEvent::Looked { found, missing, unclear, last: true } => {
                let text = format!("looked: {found} found, {missing} not there, {unclear} unclear");
                say::note(self.common, text);
            }
            upload::UploadEvent::Looked { last: false, .. }
            | upload::UploadEvent::Counts(_)
            | upload::UploadEvent::Rejected(_)
            | upload::UploadEvent::Linked { .. } => {}
        }
    }

    pub fn finish(&mut self) {
        self.bar.finish();
    }
}

/// The last lines: problems, counts, paths, and how to go on.
fn ended(result: &RunResult, common: &CommonArgs, go_on: impl Fn() -> String) {
    if let Some(stopped) = &result.stopped {
        say::line(&stopped.to_string());
    }
    let problems = result.folder.join(report::PROBLEMS);
    for problem in &result.problems {
        say::line(&problem.to_string());
    }
    if result.more_problems {
        say::line(&format!("… and more, all in {}", say::file(&problems)));
    }
    counts(result, common);
    match result.next {
        Next::Nothing => {}
        Next::Resume => say::line(&format!("to go on: {}", go_on())),
        Next::ImportFrom(row) => {
            say::line(&format!("to go on: mend the source and import its rest with --rows {row}-"));
        }
    }
    if common.json {
        say::data(&serde_json::to_string(&result.summary).unwrap_or_default());
    }
}

fn counts(result: &RunResult, common: &CommonArgs) {
    let summary = &result.summary;
    let (read, requests, seconds) = (summary.counts.read, summary.requests.sent, summary.elapsed_ms as f64 / 1000.0);
    if read == 0 && summary.counts.skipped == 0 {
        say::note(common, "the source holds no records");
    }
    let counted = counted(&summary.counts);
    say::note(common, format!("{counted} of {read} records · {requests} requests in {seconds:.1} s"));
    if let Some(links) = summary.links {
        let refused = match links.refused {
            0 => String::new(),
            some => format!(", {some} refused; see {}", say::file(&result.folder.join(report::PROBLEMS))),
        };
        say::note(common, format!("{} links made{refused}", links.made));
    }
    say::note(common, format!("results: {}", say::file(&result.folder.join(report::RESULTS_XLSX))));
    if let Some(rejected) = &result.rejected {
        let how = match result.made_mapping {
            false => "correct it and import it with the same mapping".to_owned(),
            // What the workbook hides is not in the file of the rejected.
            true => format!("correct these rows in {} and import that again", summary.source.path),
        };
        say::note(common, format!("rejected: {} ({how})", say::file(rejected)));
    }
}
