//! Stopping from outside: what is in flight is waited for, the rest is left, and the run can go on later.

use std::sync::{Arc, OnceLock};
use tokio_util::sync::CancellationToken;

/// Who asked for the stop; it decides the exit code that the run is noted with.
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

/// A handle that stops whatever was given a clone of it.
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

    /// The first one to ask is remembered.
    pub fn cancel_by(&self, by: Interruption) {
        let _ = self.by.set(by);
        self.token.cancel();
    }

    pub fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Stops with this one, and can be stopped alone.
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
