//! Which run is meant: by its name, by its account, or the newest there is.

use crate::engine::interface::error::EngineError;
use crate::engine::target::Target;
use crate::store::{Run, Store};
use amo_client::private::shown::shown;
use sheet_source::message;
use std::ffi::OsStr;
use std::path::Path;

/// What is done with a run where nobody knows yet whether the account that is said is the run's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsurePolicy {
    /// The account is asked before anything is done.
    AskAccount,
    Refuse,
}

/// The run of this name; an error where it is another account's than the one that is said.
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

/// The newest run that is wanted, of the account that is said.
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

/// A run's reports lie in a folder of its own name. A store that names another one, or a link in its place, would have them
/// written over somebody's files.
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

/// None is meant: of the account that is said, or at all.
pub fn no_run_error(target: &Target, at_all: &'static str) -> EngineError {
    let message = match target.recorded_name() {
        said if said.is_empty() => at_all.into(),
        said => message!("{at_all} that went into \"{said}\"", at_all, said = shown(&said)),
    };
    EngineError::refused("no-run", message, "see: amoport runs")
}
