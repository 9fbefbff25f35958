//! The command to continue with after a stop, ready to copy into a shell.

use crate::engine::{EngineError, ErrorKind, OLDER_STATE, ReadableByOthers, RunResult};
use crate::store::SANDBOX;
use std::path::Path;

/// The command that resumes a run, from any folder.
pub fn resume_command(result: &RunResult, token_file: Option<&Path>, others: ReadableByOthers) -> String {
    let location = &result.location;
    let path = |path: &Path| path.display().to_string();
    let mut words = vec!["amoport".to_owned(), "resume".to_owned(), result.summary.run.clone()];
    match location.account.as_str() {
        SANDBOX => words.push("--sandbox".to_owned()),
        account => words.extend(["--account".to_owned(), account.to_owned()]),
    }
    words.extend(["--state".to_owned(), path(&location.state), "--runs".to_owned(), path(&location.runs)]);
    // The token file given now may be newer than the run's.
    let now = token_file.map(|file| std::path::absolute(file).unwrap_or_else(|_| file.to_owned()));
    if let Some(file) = now.as_deref().or(location.token_file.as_deref()) {
        words.extend(["--token-file".to_owned(), path(file)]);
    }
    words.extend((others == ReadableByOthers::Allowed).then(|| "--allow-open-token-file".to_owned()));
    shell_line(words.iter().map(String::as_str))
}

/// The same command again, where that continues: after an import that the service refused before anything was sent, since there
/// is no run to resume; or with `--older-state`, after an error about an older store.
pub fn retry_command(error: &EngineError, imports: bool) -> Option<String> {
    let is_older = error.problems.iter().any(|problem| problem.code == OLDER_STATE);
    let is_refused = imports && error.kind == ErrorKind::Service;
    if !is_older && !is_refused {
        return None;
    }
    let mut words = vec!["amoport".to_owned()];
    words.extend(std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()));
    words.extend(is_older.then(|| "--older-state".to_owned()));
    Some(shell_line(words.iter().map(String::as_str)))
}

fn shell_line<'w>(words: impl Iterator<Item = &'w str>) -> String {
    words.map(shell_quoted).collect::<Vec<_>>().join(" ")
}

/// A word quoted for the shell.
fn shell_quoted(word: &str) -> String {
    const PLAIN: &str = "_-./:=,@%+";
    let plain = |c: char| c.is_alphanumeric() || PLAIN.contains(c) || (cfg!(windows) && c == '\\');
    match (!word.is_empty() && word.chars().all(plain), cfg!(windows)) {
        (true, _) => word.to_owned(),
        (false, true) => format!("\"{}\"", word.replace('"', "\\\"")),
        (false, false) => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_the_words_back() {
        let words = ["plain", "two words", "it's", "", "$HOME", "a\"b", "Выгрузка 1", "\\", "a;b", "*", "https://a.ru"];
        let script = format!("printf '%s\\n' {}", shell_line(words.into_iter()));
        let output = std::process::Command::new("sh").args(["-c", &script]).output().expect("a shell").stdout;
        assert_eq!(String::from_utf8_lossy(&output).lines().collect::<Vec<_>>(), words);
        assert_eq!(
            shell_line(["amoport", "--account", "https://a.amocrm.ru"].into_iter()),
            "amoport --account https://a.amocrm.ru"
        );
    }
}
