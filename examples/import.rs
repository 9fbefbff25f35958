//! An import through the library: stopped half-way, gone on with, and where its report is. Run it with
//! `cargo run --example import`; the pretend account inside this process takes the records.

use amoport::engine::{self, Event, Folders, ImportRequest, ResumeRequest, RunResult, Target};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?.keep();
    let folders = Folders::new(folder.join("state"), folder.join("runs"));
    let request = ImportRequest {
        batch: Some(50),
        ..ImportRequest::new("samples/leads.csv", Target::sandbox(), folders.clone())
    }
    .mapping("mappings/leads.toml");

    // A stop button: what is in flight is waited for, the rest is left.
    let stop = request.cancel.clone();
    let stopped = engine::import(&request, &mut |event| {
        if let Event::Progress(progress) = event
            && progress.done >= 300
        {
            stop.cancel();
        }
    })?;
    say("stopped", &stopped);

    let resume = ResumeRequest { run: Some(stopped.summary.run.clone()), ..ResumeRequest::new(folders) };
    let finished = engine::resume(&resume, &mut |_| {})?;
    say("finished", &finished);
    println!("report: {}", finished.folder.join("results.xlsx").display());
    Ok(())
}

fn say(what: &str, result: &RunResult) {
    println!("{what}: {} of {} records are made", result.summary.counts.created, result.summary.counts.read);
}
