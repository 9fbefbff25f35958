//! Asks before something that cannot be undone.

use crate::cli::terminal::say;
use crate::engine::{Cancel, Confirmation, Consent};
use sheet_source::problem::Message;
use std::io::{BufRead, IsTerminal, Write};
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// How often cancellation is checked.
const POLL_EVERY: Duration = Duration::from_millis(50);

/// `--yes`, or a question on the terminal.
pub fn consent(yes: bool, cancel: &Cancel) -> Consent {
    if yes {
        return Consent::Given;
    }
    let cancel = cancel.clone();
    Consent::Ask(Arc::new(move |question| ask_terminal(question, &cancel)))
}

fn ask_terminal(question: &Message, cancel: &Cancel) -> Confirmation {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Confirmation::Nobody;
    }
    say::line(&question.to_string());
    let _ = write!(std::io::stderr().lock(), "Go on? [y/N] ");
    let Some(answer) = read_answer(cancel) else { return Confirmation::Nobody };
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" | "д" | "да" => Confirmation::Yes,
        _ => Confirmation::No,
    }
}

/// The typed line; `None` if stdin cannot be read, or a signal comes first.
fn read_answer(cancel: &Cancel) -> Option<String> {
    let (sender, typed) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        let _ = sender.send(read.is_ok().then_some(answer));
    });
    loop {
        match typed.recv_timeout(POLL_EVERY) {
            Ok(answer) => return answer,
            Err(RecvTimeoutError::Timeout) if !cancel.is_cancelled() => {}
            Err(_) => return None,
        }
    }
}
