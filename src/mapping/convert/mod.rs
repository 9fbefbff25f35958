//! Converters: from a cell to the value its target needs, or why that cannot be. Pure functions, one a file.
//!
//! Unclear input is a problem, never a guess. A converter does not see empty cells; what to do with those, and with
//! words such as "нет данных", is for the mapping to say before a converter is asked.

pub mod date;
pub mod email;
pub mod flag;
pub mod json;
pub mod lists;
pub mod money;
pub mod number;
pub mod phone;
pub mod print;
pub mod split;
pub mod text;
pub mod url;

#[cfg(test)]
mod tests;

use sheet_source::message;
use sheet_source::problem::{Message, quoted};

/// Why a value cannot become what its target needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// Stable, in kebab-case.
    pub code: &'static str,
    /// Begins with the quoted value; lower case, no full stop.
    pub message: Message,
    /// What to do.
    pub hint: Option<Message>,
}

impl Unfit {
    /// `fault` goes on after the quoted value: `is not a number`.
    fn new(code: &'static str, value: &str, fault: impl Into<Message>) -> Unfit {
        let message = message!("{value} {fault}", value = quoted(value), fault = fault.into());
        Unfit { code, message, hint: None }
    }

    fn hint(mut self, hint: impl Into<Message>) -> Unfit {
        self.hint = Some(hint.into());
        self
    }
}
