//! Which run is meant: by its name, by its account, or the newest there is.

use super::error::EngineError;
use super::target::Target;
use crate::message;
use crate::store::{Run, Store};

/// The run of this name; an error where it is another account's than the one that is said.
pub(super) fn named(store: &Store, name: &str, target: &Target) -> Result<Run, EngineError> {
    let Some(run) = store.run_named(name)? else {
        return Err(EngineError::refused("no-run", message!("there is no run \"{name}\"", name), "see: amoport runs"));
    };
    if target.is_account_of(store, &run.head)? {
        return Ok(run);
    }
    let (was, said) = (&run.head.account, target.kept());
    let message = message!("run {name} went into {was}, and \"{said}\" is another account", name, was, said);
    Err(EngineError::refused("other-account", message, "leave out --account, or name a run into that account"))
}

/// The newest run that is wanted, of the account that is said.
pub(super) fn newest(
    store: &Store,
    target: &Target,
    wanted: impl Fn(&Run) -> bool,
) -> Result<Option<Run>, EngineError> {
    let mut unknown = None;
    for run in store.runs()?.into_iter().filter(wanted) {
        match target.is_account_of(store, &run.head) {
            Ok(true) => return Ok(Some(run)),
            Ok(false) => {}
            Err(error) => unknown = Some(error),
        }
    }
    unknown.map_or(Ok(None), Err)
}
