//! Prints the events of a use case: notes, progress, and the last lines of a run.

use crate::cli::args::CommonArgs;
use crate::cli::commands::go_on;
use crate::cli::terminal::progress::{Bar, format_counts};
use crate::cli::terminal::say;
use crate::cli::terminal::signals::RunStarted;
use crate::engine::{Event, Next, Phase, ReadableByOthers, RunResult};
use crate::report;
use crate::upload;
use sheet_source::problem::Severity;
use std::path::Path;

/// Prints the events of a use case.
pub struct EventPrinter<'a> {
    common: &'a CommonArgs,
    /// The token file given now, for the command that resumes the run.
    token_file: Option<&'a Path>,
    others: ReadableByOthers,
    bar: Bar,
    run_started: RunStarted,
}

impl<'a> EventPrinter<'a> {
    pub fn new(common: &'a CommonArgs) -> EventPrinter<'a> {
        EventPrinter {
            common,
            token_file: None,
            others: ReadableByOthers::Refused,
            bar: Bar::new(common),
            run_started: RunStarted::default(),
        }
    }

    /// The same with the token file given now.
    pub fn token_file(self, token_file: Option<&'a Path>) -> EventPrinter<'a> {
        EventPrinter { token_file, ..self }
    }

    /// The same, with files of secrets that other users can read allowed or refused.
    pub fn others(self, others: ReadableByOthers) -> EventPrinter<'a> {
        EventPrinter { others, ..self }
    }

    /// The flag that a run has begun, for the signal handler.
    pub fn run_started(&self) -> &RunStarted {
        &self.run_started
    }

    /// True if the progress is shown, so that counting the records is useful.
    pub fn shows_progress(&self) -> bool {
        self.bar.shows()
    }

    pub fn on_event(&mut self, event: Event) {
        match event {
            Event::Account(address) => say::note(self.common, format!("account: {address}")),
            Event::Source { file, layout } => say::note(self.common, format!("{file}: {layout}")),
            Event::Note(note) => match note.level {
                Severity::Info => say::note(self.common, note.message.to_string()),
                Severity::Warning => say::line(&note.message.to_string()),
            },
            Event::Started { .. } => self.run_started.set(),
            Event::Phase(Phase::Send) => self.bar.start(),
            Event::Phase(Phase::Link) => say::detail(self.common, "linking the records"),
            Event::Phase(Phase::Report) => self.bar.finish(),
            Event::Phase(Phase::Survey | Phase::Account | Phase::Decide | Phase::ReadBack) => {}
            Event::Progress(progress) => self.bar.update(&progress),
            Event::Upload(event) => self.print_upload(&event),
            Event::ReadBack { checked } => {
                say::detail(self.common, format!("read back {checked} records: all as sent"));
            }
            Event::Ended(result) => {
                let command = || go_on::resume_command(&result, self.token_file, self.others);
                print_end(&result, self.common, command);
            }
            // Printed with upload events, by the check commands, and at the end of a run.
            Event::Wait(_) | Event::Problem(_) | Event::Checked(_) => {}
        }
    }

    fn print_upload(&self, event: &upload::UploadEvent) {
        match event {
            upload::UploadEvent::Answered { batch, records, status, ms, .. } => {
                let status = status.unwrap_or(0);
                say::detail(self.common, format!("batch {batch}: {records} records, answer {status} in {ms} ms"));
            }
            upload::UploadEvent::Retry { batch, why, .. } => {
                say::detail(self.common, format!("batch {batch} is sent again: {why}"));
            }
            upload::UploadEvent::InDoubt { batch, records, why, at_most } if at_most.is_zero() => {
                let text = format!("batch {batch}: {why}; checking whether its other {records} records were created");
                say::detail(self.common, text);
            }
            upload::UploadEvent::InDoubt { batch, records, why, at_most } => {
                let (until, whole) = (say::time_in(*at_most), "looking for its records in the account");
                let text = format!("batch {batch}: {why}; {whole} ({records}), until {until} at the latest");
                say::note(self.common, text);
            }
            upload::UploadEvent::Looked { found, missing, unclear, last: true } => {
                let text = format!("search: {found} found, {missing} not found, {unclear} unclear");
                say::note(self.common, text);
            }
            upload::UploadEvent::Looked { last: false, .. }
            | upload::UploadEvent::Rights { .. }
            | upload::UploadEvent::Counts(_)
            | upload::UploadEvent::Rejected(_)
            | upload::UploadEvent::Linked { .. } => {}
        }
    }

    pub fn finish(&mut self) {
        self.bar.finish();
    }
}

/// Prints the last lines of a run: problems, counts, paths, and how to continue.
fn print_end(result: &RunResult, common: &CommonArgs, command: impl Fn() -> String) {
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
    print_counts(result, common);
    match result.next {
        Next::Nothing => {}
        Next::Resume => say::line(&format!("to go on: {}", command())),
        Next::ImportFrom(row) => {
            say::line(&format!("to go on: fix the source and import the rest with --rows {row}-"));
        }
    }
    if common.json {
        say::data(&serde_json::to_string(&result.summary).unwrap_or_default());
    }
}

fn print_counts(result: &RunResult, common: &CommonArgs) {
    let summary = &result.summary;
    let (read, requests, seconds) = (summary.counts.read, summary.requests.sent, summary.elapsed_ms as f64 / 1000.0);
    if read == 0 && summary.counts.skipped == 0 {
        say::note(common, "the source holds no records");
    }
    let counts = format_counts(&summary.counts);
    say::note(common, format!("{counts} of {read} records · {requests} requests in {seconds:.1} s"));
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
            // The hidden data of the workbook is not in the reject file.
            true => format!("correct these rows in {} and import that again", summary.source.path),
        };
        say::note(common, format!("rejected: {} ({how})", say::file(rejected)));
    }
}
