//! Turns arguments into requests of the engine.

use crate::cli::args::{
    CheckArgs, CommonArgs, ExportArgs, ImportArgs, ReportArgs, ResumeArgs, SourceArgs, TargetArgs, VerifyWord,
    WhichArgs,
};
use crate::cli::terminal::ask;
use crate::cli::terminal::say;
use crate::engine::{
    self, Cancel, CheckRequest, EngineError, ExportRequest, Folders, ImportRequest, ReportRequest, ResumeRequest,
    SourceOptions, Target, Token,
};
use crate::export::CsvOptions;
use crate::store::Verify;
use std::path::Path;
use std::time::Duration;

/// The folder of the runs, if none is named.
const RUNS: &str = "runs";

pub fn folders(common: &CommonArgs) -> Result<Folders, EngineError> {
    Folders::checked(common.state.as_deref(), common.runs.as_deref().unwrap_or(Path::new(RUNS)))
}

/// `cancel` ends a question without an answer.
pub fn target(args: &TargetArgs, cancel: &Cancel) -> Result<Target, EngineError> {
    let target = base_target(&args.which)?.with_consent(ask::consent(false, cancel)).others(args.open.others());
    Ok(match &args.token_file {
        Some(file) => target.token(Token::File(file.clone())),
        None => target,
    })
}

fn base_target(args: &WhichArgs) -> Result<Target, EngineError> {
    let target = match (&args.account, args.sandbox) {
        (None, false) => Ok(Target::unspecified()),
        (Some(_), true) => {
            Err(EngineError::refused("no-account", "both --sandbox and --account are given", "choose one of them"))
        }
        (None, true) => Ok(Target::sandbox()),
        (Some(account), false) => Ok(Target::account(account)),
    };
    Ok(target?.on_hold(say::hold))
}

fn source_options(args: &SourceArgs) -> SourceOptions {
    SourceOptions {
        sheet: args.sheet.clone(),
        header_row: args.header_row,
        hidden_rows: args.hidden_rows,
        encoding: args.encoding.clone(),
        delimiter: args.delimiter,
    }
}

pub fn import(args: &ImportArgs, common: &CommonArgs) -> Result<ImportRequest, EngineError> {
    let cancel = Cancel::new();
    let target = match &args.like {
        Some(file) => target(&args.target, &cancel)?.like(engine::account_template(file)?),
        None => target(&args.target, &cancel)?,
    };
    Ok(ImportRequest {
        mapping: args.mapping.clone(),
        read: source_options(&args.source),
        limit: args.limit,
        rows: args.rows,
        batch: args.batch,
        rate: args.rate,
        max_errors: args.max_errors,
        settle_s: args.settle,
        verify: match args.verify {
            VerifyWord::All => Verify::All,
            VerifyWord::Sample => Verify::Sample,
            VerifyWord::None => Verify::None,
        },
        again: args.again,
        same_keys: args.same_keys,
        remake_deleted: args.remake_deleted,
        older_state: args.older_state,
        force: args.force,
        as_new: args.as_new,
        consent: ask::consent(args.yes, &cancel),
        cancel,
        ..ImportRequest::new(
            &args.file,
            target.answer_timeout(Duration::from_secs(args.answer_timeout)),
            folders(common)?,
        )
    })
}

pub fn check(args: &CheckArgs, common: &CommonArgs) -> Result<CheckRequest, EngineError> {
    let cancel = Cancel::new();
    let import = ImportRequest {
        mapping: args.mapping.clone(),
        read: source_options(&args.source),
        rows: args.rows,
        same_keys: args.same_keys,
        // These flags apply only to workbooks without a mapping.
        force: args.force && args.mapping.is_none(),
        as_new: args.as_new && args.mapping.is_none(),
        cancel: cancel.clone(),
        ..ImportRequest::new(&args.file, target(&args.target, &cancel)?, folders(common)?)
    };
    Ok(CheckRequest { import, snapshot: args.account_file.clone() })
}

pub fn resume(args: &ResumeArgs, common: &CommonArgs) -> Result<ResumeRequest, EngineError> {
    let cancel = Cancel::new();
    Ok(ResumeRequest {
        run: args.run.clone(),
        target: match args.answer_timeout {
            Some(seconds) => target(&args.target, &cancel)?.answer_timeout(Duration::from_secs(seconds)),
            None => target(&args.target, &cancel)?,
        },
        resend_unknown: args.resend_unknown,
        older_state: args.older_state,
        cancel,
        ..ResumeRequest::new(folders(common)?)
    })
}

pub fn report(args: &ReportArgs, common: &CommonArgs) -> Result<ReportRequest, EngineError> {
    Ok(ReportRequest {
        run: args.run.clone(),
        into_runs: common.runs.is_some(),
        target: base_target(&args.which)?,
        ..ReportRequest::new(folders(common)?)
    })
}

pub fn export(args: &ExportArgs, common: &CommonArgs) -> Result<ExportRequest, EngineError> {
    let cancel = Cancel::new();
    Ok(ExportRequest {
        catalog: args.catalog.clone(),
        ids: args.id.clone(),
        since: args.since.clone(),
        query: args.query.clone(),
        with: args.with.clone(),
        columns: args.columns.clone(),
        mapping: args.mapping.clone(),
        linked: args.linked.clone(),
        csv: CsvOptions { delimiter: args.delimiter, decimal: args.decimal, bom: args.bom },
        filters: args.filter.clone(),
        twice: args.twice,
        force: args.force,
        rate: args.rate,
        cancel: cancel.clone(),
        ..ExportRequest::new(args.kind, &args.to, target(&args.target, &cancel)?, folders(common)?)
    })
}
