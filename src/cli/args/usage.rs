//! The output of clap: the help, with values of the environment, and usage errors. Words that may be secrets are not repeated.

use crate::cli::terminal::say;
use amo_client::private::shown::shown;

/// Prints the help or the usage error, and returns the exit code; it is 2 for a usage error, like `Exit::Usage`.
pub fn print_clap_error(error: &clap::Error) -> i32 {
    let rendered = error.render().to_string();
    let hidden_text = redact_secrets(&rendered, quotable_words());
    if error.use_stderr() {
        // Without the colours of clap: they could not be told from escape sequences in a repeated argument.
        say::lines(hidden_text.trim_end());
    } else if hidden_text == rendered {
        // The output may be closed.
        let _ = error.print();
    } else {
        say::data(hidden_text.trim_end());
    }
    error.exit_code()
}

/// Everything that clap may quote: the words of the command line, the values after their `=`, and its variables.
fn quotable_words() -> Vec<String> {
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let parts = words.flat_map(|word| {
        let value = word.split_once('=').map(|(_, value)| value.to_owned());
        value.into_iter().chain([word])
    });
    let ours = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AMOPORT_"));
    parts.chain(ours.map(|(_, value)| value.to_string_lossy().into_owned())).collect()
}

fn redact_secrets(text: &str, mut words: Vec<String>) -> String {
    // The longest first: one may be a part of another.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.iter().fold(text.to_owned(), |text, word| match shown(word) {
        hidden_text if hidden_text == *word => text,
        hidden_text => text.replace(word.as_str(), &hidden_text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_may_be_secrets_are_not_repeated() {
        let token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9";
        let words = [&format!("--batch={token}"), token, "https://user:secret@a.ru", "--rate"].map(str::to_owned);
        let text = format!("--batch={token} '{token}' https://user:secret@a.ru --rate");
        let hidden_text = redact_secrets(&text, words.to_vec());
        assert!(
            !hidden_text.contains("eyJ")
                && !hidden_text.contains("secret@")
                && hidden_text.ends_with("https://a.ru --rate"),
            "{hidden_text}"
        );
    }
}
