//! Asking before something is done that cannot be undone.

use super::exit::Ended;
use super::say;
use std::io::{BufRead, IsTerminal, Write};

/// Goes on after `--yes`, or after a yes on the terminal; where nobody can be asked, nothing is done.
pub fn confirm(what: &str, yes: bool) -> Result<(), Ended> {
    if yes {
        return Ok(());
    }
    let nobody = || Ended::usage("not-confirmed", format!("{what}: nobody can be asked here"), "add --yes to do it");
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(nobody());
    }
    say::line(what);
    let _ = write!(std::io::stderr().lock(), "Go on? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(|_| nobody())?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" | "д" | "да" => Ok(()),
        _ => Err(Ended::usage("not-confirmed", "nothing was done", "answer y to do it, or add --yes")),
    }
}
