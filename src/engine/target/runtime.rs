//! The runtime on which a use case asks an account, and waiting on it.

use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::error::{EngineError, ErrorKind};
use sheet_source::message;
use sheet_source::problem::{Problem, Stage};
use tokio::runtime::Runtime;

/// Threads for the connections, apart from the loop's: a request that had its turn must not wait for the loop to write
/// its journal, or it bunches with the next one. Mapping has a thread of its own.
const WORKERS: usize = 2;

/// A runtime of a use case.
pub fn runtime() -> Result<Runtime, EngineError> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build().map_err(|e| {
        let message = message!("the async runtime cannot start: {error}", error = e.to_string());
        EngineError::new(ErrorKind::Fault, Problem::new(Stage::Send, "runtime", message))
    })
}

/// Waits for `work`. A cancel ends the wait with an `Interrupted` error that has `message`.
pub fn run_cancellable<T>(
    runtime: &Runtime,
    cancel: &Cancel,
    message: &'static str,
    work: impl Future<Output = T>,
) -> Result<T, EngineError> {
    runtime.block_on(async {
        tokio::select! {
            biased;
            () = cancel.token().cancelled() => Err(EngineError::interrupted(cancel.by(), message)),
            done = work => Ok(done),
        }
    })
}
