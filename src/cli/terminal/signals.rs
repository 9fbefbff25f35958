//! Ctrl-C and SIGTERM: the first one stops the run in order, the second one ends the process at once; the journal makes both
//! safe.

use crate::cli::exit::Exit;
use crate::cli::terminal::say;
use crate::engine::{Cancel, Interruption};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a run has begun: only then there are requests in flight to wait for.
#[derive(Clone, Default)]
pub struct RunStarted(Arc<AtomicBool>);

impl RunStarted {
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Handles signals on a thread of its own, as long as the process lives. If the thread cannot start, signals end the process as
/// usual.
pub fn handle_signals(cancel: &Cancel, run_started: &RunStarted) {
    let (cancel, run_started) = (cancel.clone(), run_started.clone());
    let listening = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let by = next_signal().await;
            if run_started.0.load(Ordering::Relaxed) {
                say::line("stopping: waiting for the requests in flight; once more to stop at once");
            }
            cancel.cancel_by(by);
            let exit = match next_signal().await {
                Interruption::Interrupt => Exit::Interrupted,
                Interruption::Terminate => Exit::Terminated,
            };
            std::process::exit(exit as i32);
        });
    };
    let _ = std::thread::Builder::new().name("signals".into()).spawn(listening);
}

#[cfg(unix)]
async fn next_signal() -> Interruption {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => Interruption::Interrupt,
            _ = terminate.recv() => Interruption::Terminate,
        },
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
            Interruption::Interrupt
        }
    }
}

#[cfg(not(unix))]
async fn next_signal() -> Interruption {
    let _ = tokio::signal::ctrl_c().await;
    Interruption::Interrupt
}
