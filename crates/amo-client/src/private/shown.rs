//! What may be shown of a text that a person has given: no password of an address, and nothing that looks like a token.

use std::borrow::Cow;
use std::path::Path;

/// Stands for what is not shown.
pub const NOT_SHOWN: &str = "(not shown: it looks like a token)";
/// Names are shorter than this, tokens, codes and secrets longer.
const LONG: usize = 40;
/// How every JWT begins: `{"` in base64.
const JWT: &str = "eyJ";
const JWT_LONG: usize = 16;

/// A text that is quoted in a message.
pub fn shown(text: &str) -> Cow<'_, str> {
    if is_token(text) { Cow::Borrowed(NOT_SHOWN) } else { without_password(text) }
}

/// An address without what stands before its host: `https://name:password@host/` is `https://host/`.
pub fn without_password(text: &str) -> Cow<'_, str> {
    // Taken for more than it may be: a password may hold any sign, and a host holds no @.
    let Some(at) = text.rfind('@') else { return Cow::Borrowed(text) };
    let scheme = text.find("://").map_or(0, |colon| colon + 3);
    match scheme <= at {
        true => Cow::Owned(format!("{}{}", &text[..scheme], &text[at + 1..])),
        false => Cow::Borrowed(&text[at + 1..]),
    }
}

/// It has the shape of a token, or is as long and as random as one.
pub fn is_token(text: &str) -> bool {
    let text = text.trim();
    let text = text.strip_prefix("Bearer ").unwrap_or(text).trim();
    let of_token = |c: char| c.is_ascii_alphanumeric() || "._~+=-".contains(c);
    let long = if text.starts_with(JWT) { JWT_LONG } else { LONG };
    text.len() >= long && text.chars().all(of_token)
}

/// It was given as the name of a file, and is none.
pub fn is_token_for_a_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or(path.as_os_str());
    is_token(&name.to_string_lossy()) && std::fs::symlink_metadata(path).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_tokens_are_not_shown() {
        let long = "def5020072".repeat(6);
        for (text, told) in [
            ("https://user:secret@example.amocrm.ru/x", "https://example.amocrm.ru/x"),
            ("https://user:se/cr@t?@example.amocrm.ru", "https://example.amocrm.ru"),
            ("user:secret@example", "example"),
            ("secret@x://y", "x://y"),
            ("https://example.amocrm.ru", "https://example.amocrm.ru"),
            ("main", "main"),
            ("eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln", NOT_SHOWN),
            ("Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9", NOT_SHOWN),
            (&long, NOT_SHOWN),
            (
                "выгрузка-сделок-за-третий-квартал-две-тысячи-двадцать-шестого.csv",
                "выгрузка-сделок-за-третий-квартал-две-тысячи-двадцать-шестого.csv",
            ),
            ("", ""),
        ] {
            assert_eq!(shown(text), told, "{text}");
        }
    }
}
