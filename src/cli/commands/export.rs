//! `amoport export`: writes what an account holds to a file, with a manifest beside it.

use crate::cli::args::requests;
use crate::cli::args::{CommonArgs, ExportArgs};
use crate::cli::exit::Exit;
use crate::cli::terminal::listen::EventPrinter;
use crate::cli::terminal::say;
use crate::cli::terminal::signals;
use crate::engine::{self, EngineError, ExportResult};
use std::path::Path;

pub fn run(args: &ExportArgs, common: &CommonArgs) -> Result<Exit, EngineError> {
    if args.to == Path::new("-") && common.json {
        let message = "the rows and --json would both go to stdout";
        return Err(EngineError::refused("export-file", message, "leave out --json, or write to a file"));
    }
    let request = requests::export(args, common)?;
    let mut printer = EventPrinter::new(common);
    signals::handle_signals(&request.cancel, printer.run_started());
    let result = engine::export(&request, &mut |event| printer.on_event(event));
    printer.finish();
    Ok(print_result(&result?, common))
}

fn print_result(result: &ExportResult, common: &CommonArgs) -> Exit {
    let manifest = &result.manifest;
    let exit = if manifest.complete { Exit::Done } else { Exit::Rejected };
    let to = result.file.as_ref().map(|file| format!(" in {}", file.display())).unwrap_or_default();
    say::note(common, format!("{} {} rows{to}", manifest.rows, manifest.kind));
    if !manifest.missing_ids.is_empty() {
        let ids: Vec<String> = manifest.missing_ids.iter().map(u64::to_string).collect();
        say::note(common, format!("not found: {}", ids.join(", ")));
    }
    if manifest.filtered_out > 0 {
        let rows = manifest.filtered_out;
        say::note(common, format!("{rows} more rows were returned that the filters exclude; they are left out"));
    }
    if !manifest.not_exported.is_empty() {
        say::note(common, format!("not exported: {}", manifest.not_exported.join("; ")));
    }
    if manifest.linked_missing > 0 {
        let message = format!("{} linked records cannot be read, deleted or hidden from", manifest.linked_missing);
        say::note(common, format!("{message} the token's user; only their ids are exported"));
    }
    if manifest.user.is_admin == Some(false) {
        say::note(common, "the token's user is not an administrator: the export holds what this user may see");
    }
    if let Some(reason) = &manifest.reason {
        let (doubt, advice) = match manifest.cut {
            0 => ("possibly incomplete", "run it again"),
            _ => ("incomplete", "an export to .csv holds such texts whole"),
        };
        say::line(&format!("{doubt}: {reason}; {advice}"));
    }
    if common.json {
        let mut json = serde_json::to_value(manifest).unwrap_or_default();
        json["exit_code"] = (exit as i64).into();
        json["manifest"] = result.manifest_file.as_ref().map(|file| file.display().to_string()).into();
        say::data(&json.to_string());
    }
    exit
}
