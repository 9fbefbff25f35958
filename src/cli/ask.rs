//! Asking before something is done that cannot be undone.

use super::say;
use crate::engine::{Answer, Consent};
use crate::problem::Message;
use std::io::{BufRead, IsTerminal, Write};
use std::sync::Arc;

/// `--yes`, or a question on the terminal.
pub fn consent(yes: bool) -> Consent {
    if yes { Consent::Given } else { Consent::Ask(Arc::new(ask)) }
}

fn ask(what: &Message) -> Answer {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Answer::Nobody;
    }
    say::line(&what.to_string());
    let _ = write!(std::io::stderr().lock(), "Go on? [y/N] ");
    let mut answer = String::new();
    if std::io::stdin().lock().read_line(&mut answer).is_err() {
        return Answer::Nobody;
    }
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" | "д" | "да" => Answer::Yes,
        _ => Answer::No,
    }
}
