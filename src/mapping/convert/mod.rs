//! Converters from a cell to the value of its target, or an error. Pure functions, one per file: `text`, `number`,
//! `money`, `date`, `flag`, `phone`, `email`, `url`, `json`; `split` and `lists` split a cell into several values,
//! `print` formats date cells as text.
//!
//! Ambiguous input is an error, never a guess. Converters do not see empty cells; the mapping handles these, and words
//! such as "нет данных", before a converter is called.

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

/// Why a value cannot be converted to its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueError {
    /// Stable, in kebab-case.
    pub code: &'static str,
    /// Names the quoted value; lower case, no full stop.
    pub message: Message,
    /// What to do.
    pub hint: Option<Message>,
}

impl ValueError {
    /// `fault` follows the quoted value: `is not a valid number`.
    fn new(code: &'static str, value: &str, fault: impl Into<Message>) -> ValueError {
        let message = message!("{value} {fault}", value = quoted(value), fault = fault.into());
        ValueError { code, message, hint: None }
    }

    fn hint(mut self, hint: impl Into<Message>) -> ValueError {
        self.hint = Some(hint.into());
        self
    }
}
