//! Stops a use case from outside: requests in flight are waited for, the rest is not sent, and the run can be resumed.

use std::sync::{Arc, OnceLock};
use tokio_util::sync::CancellationToken;

/// The source of the stop; it decides the exit code of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// Ctrl-C, a stop button: 130.
    Interrupt,
    /// SIGTERM: 143.
    Terminate,
}

impl Interruption {
    pub fn exit_code(self) -> i64 {
        match self {
            Interruption::Interrupt => 130,
            Interruption::Terminate => 143,
        }
    }
}

/// A handle that stops every use case that has a clone of it.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    token: CancellationToken,
    by: Arc<OnceLock<Interruption>>,
}

impl Cancel {
    pub fn new() -> Cancel {
        Cancel::default()
    }

    pub fn cancel(&self) {
        self.cancel_by(Interruption::Interrupt);
    }

    /// The first caller decides the exit code.
    pub fn cancel_by(&self, by: Interruption) {
        let _ = self.by.set(by);
        self.token.cancel();
    }

    pub fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    /// A handle that is stopped with this one, and can be stopped alone.
    pub fn child(&self) -> Cancel {
        Cancel { token: self.token.child_token(), by: Arc::clone(&self.by) }
    }

    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    pub fn by(&self) -> Interruption {
        self.by.get().copied().unwrap_or(Interruption::Interrupt)
    }
}
