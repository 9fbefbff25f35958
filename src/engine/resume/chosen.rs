//! Finds a run by its name, or the newest run of an account.

use crate::engine::interface::error::EngineError;
use crate::engine::target::Target;
use crate::store::{Run, Store};
use amo_client::private::shown::shown;
use sheet_source::message;
use std::ffi::OsStr;
use std::path::Path;

/// What to do with a run if it is unknown whether the given account is the run's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsurePolicy {
    /// The run is taken; the account's identity is read before anything is done.
    AskAccount,
    Refuse,
}

/// The run with this name; an error if it belongs to another account than the given one.
pub fn find_by_name(store: &Store, name: &str, target: &Target, unsure: UnsurePolicy) -> Result<Run, EngineError> {
    let Some(run) = store.run_named(name)? else {
        return Err(EngineError::refused(
            "no-run",
            message!("there is no run \"{name}\"", name = shown(name)),
            "see: amoport runs",
        ));
    };
    let (was, said) = (&run.head.account, shown(&target.recorded_name()).into_owned());
    let (message, hint) = match target.is_account_of(store, &run.head)? {
        Some(true) => return check_run_folder(run),
        None if unsure == UnsurePolicy::AskAccount && target.has_explicit_token() => return check_run_folder(run),
        None => (
            message!(
                "run {name} went into {was}, and it is unknown whether \"{said}\" is that account",
                name,
                was,
                said
            ),
            "leave out --account; to resume the run at its new address, add --token-file",
        ),
        Some(false) => (
            message!("run {name} went into {was}, and \"{said}\" is another account", name, was, said),
            "leave out --account, or name a run into that account",
        ),
    };
    Err(EngineError::refused("other-account", message, hint))
}

/// The newest wanted run of the given account.
pub fn find_newest(
    store: &Store,
    target: &Target,
    unsure: UnsurePolicy,
    wanted: impl Fn(&Run) -> bool,
) -> Result<Option<Run>, EngineError> {
    let (mut failed, mut unverified) = (None, None);
    for run in store.runs()?.into_iter().filter(wanted) {
        match target.is_account_of(store, &run.head) {
            Ok(Some(true)) => return check_run_folder(run).map(Some),
            Ok(Some(false)) => {}
            Ok(None) => unverified = unverified.or(Some(run)),
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) => Err(error),
        None => unverified
            .filter(|_| unsure == UnsurePolicy::AskAccount && target.has_explicit_token())
            .map(check_run_folder)
            .transpose(),
    }
}

/// An error if the run's folder does not have its name, or is a link: its reports could overwrite other files.
fn check_run_folder(run: Run) -> Result<Run, EngineError> {
    let folder = Path::new(&run.head.folder);
    let is_link = std::fs::symlink_metadata(folder).is_ok_and(|there| there.is_symlink());
    if folder.file_name() == Some(OsStr::new(&run.name)) && !is_link {
        return Ok(run);
    }
    let message = message!(
        "the reports of run {run} would be written to {folder}, which is not that run's folder",
        run = &run.name,
        folder = folder.display().to_string()
    );
    Err(EngineError::refused("runs-folder", message, "restore the run's own folder"))
}

/// The error if no run is found: of the given account, or at all.
pub fn no_run_error(target: &Target, at_all: &'static str) -> EngineError {
    let message = match target.recorded_name() {
        said if said.is_empty() => at_all.into(),
        said => message!("{at_all} that went into \"{said}\"", at_all, said = shown(&said)),
    };
    EngineError::refused("no-run", message, "see: amoport runs")
}
