//! Asks a person before something is done that cannot be undone.

use crate::engine::interface::error::EngineError;
use sheet_source::message;
use sheet_source::problem::Message;
use std::fmt;
use std::sync::Arc;

/// The answer to a question before something is done that cannot be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    Yes,
    No,
    /// There is nobody to ask.
    Nobody,
}

/// Whether that may be done.
#[derive(Clone, Default)]
pub enum Consent {
    Given,
    #[default]
    Missing,
    Ask(Arc<dyn Fn(&Message) -> Confirmation + Send + Sync>),
}

impl fmt::Debug for Consent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Consent::Given => "Given",
            Consent::Missing => "Missing",
            Consent::Ask(_) => "Ask",
        })
    }
}

impl Consent {
    pub fn is_given(&self) -> bool {
        matches!(self, Consent::Given)
    }

    /// `what` is about to be done.
    pub fn obtain(&self, what: Message) -> Result<(), EngineError> {
        let answer = match self {
            Consent::Given => Confirmation::Yes,
            Consent::Missing => Confirmation::Nobody,
            Consent::Ask(ask) => ask(&what),
        };
        match answer {
            Confirmation::Yes => Ok(()),
            Confirmation::No => {
                Err(EngineError::refused("not-confirmed", "nothing was done", "answer y to confirm it, or add --yes"))
            }
            Confirmation::Nobody => {
                let message = message!("{what}: there is no terminal to confirm this", what);
                Err(EngineError::refused("not-confirmed", message, "add --yes to confirm it"))
            }
        }
    }
}
