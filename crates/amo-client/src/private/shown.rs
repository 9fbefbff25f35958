//! What a message may quote of a text that the user has given: no password of an address, and nothing that looks like a token.

use std::borrow::Cow;
use std::path::Path;

/// Replaces what is not shown.
pub const NOT_SHOWN: &str = "(not shown: it looks like a token)";
/// Characters. Names are shorter; tokens, codes and secrets are longer.
const TOKEN_LENGTH_MIN: usize = 40;
/// How every JWT begins: `{"` in base64.
const JWT: &str = "eyJ";
const JWT_LENGTH_MIN: usize = 16;

/// A text as a message may quote it.
pub fn shown(text: &str) -> Cow<'_, str> {
    if is_token(text) { Cow::Borrowed(NOT_SHOWN) } else { without_password(text) }
}

/// An address without its user and password: `https://name:password@host/` becomes `https://host/`.
pub fn without_password(text: &str) -> Cow<'_, str> {
    // The last @ counts: a password may contain any character, and a host contains no @.
    let Some(sign) = text.rfind('@') else { return Cow::Borrowed(text) };
    let scheme = text.find("://").map_or(0, |colon| colon + 3);
    match scheme <= sign {
        true => Cow::Owned(format!("{}{}", &text[..scheme], &text[sign + 1..])),
        false => Cow::Borrowed(&text[sign + 1..]),
    }
}

/// True for a text of the shape or the length of a token.
pub fn is_token(text: &str) -> bool {
    let text = text.trim();
    let text = text.strip_prefix("Bearer ").unwrap_or(text).trim();
    let is_token_char = |c: char| c.is_ascii_alphanumeric() || "._~+=-".contains(c);
    let length_min = if text.starts_with(JWT) { JWT_LENGTH_MIN } else { TOKEN_LENGTH_MIN };
    text.len() >= length_min && text.chars().all(is_token_char)
}

/// True for a path that is not a file and looks like a token given by mistake.
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
        for (text, quoted) in [
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
            assert_eq!(shown(text), quoted, "{text}");
        }
    }
}
