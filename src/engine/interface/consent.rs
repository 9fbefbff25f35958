//! Asks the user before something that cannot be undone.

use crate::engine::interface::error::EngineError;
use sheet_source::message;
use sheet_source::problem::Message;
use std::fmt;
use std::sync::Arc;

/// The user's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    Yes,
    No,
    /// There is no user to ask.
    Nobody,
}

/// The user's consent to something that cannot be undone.
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

    /// Asks for consent to `what`; an error if it is not given.
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
