//! Web addresses. They are not changed: `example.com` gets no scheme, because it is unknown whether the site supports
//! https.

use super::ValueError;
use super::text::plain;

pub fn url(text: &str) -> Result<&str, ValueError> {
    let address = plain(text);
    let invalid = |what: &'static str| {
        Err(ValueError::new("url", text, what)
            .hint("a web address looks like https://example.com/page; use split for several in one cell"))
    };
    if address.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return invalid("contains a space, so it is not a single web address");
    }
    let (scheme, rest) = address.split_once("://").unwrap_or(("https", address));
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        || !scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    {
        return invalid("is not a valid web address");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if !user.is_empty() && !address.contains("://") {
        return invalid("is an e-mail address, not a web address");
    }
    let host = host.split(':').next().unwrap_or("");
    let labels = host.split('.');
    if labels.clone().count() < 2 || labels.into_iter().any(str::is_empty) {
        return invalid("is not a valid web address: the host has no dot");
    }
    if !host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_')) {
        return invalid("is not a valid web address: the host has an invalid character");
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_addresses_stay_as_they_are() {
        for (input, expected) in [
            ("https://example.com/a?b=c#d", "https://example.com/a?b=c#d"),
            (" example.com ", "example.com"),
            ("www.example.com/страница", "www.example.com/страница"),
            ("http://домен.рф", "http://домен.рф"),
            ("http://user@host.example:8080/", "http://user@host.example:8080/"),
            ("vk.com/id1", "vk.com/id1"),
            ("t.me/name", "t.me/name"),
        ] {
            assert_eq!(url(input), Ok(expected));
        }
    }

    #[test]
    fn what_has_a_space_or_no_name_with_a_dot_is_refused() {
        for input in
            ["нет", "a b.com", "https://", "https://localhost", ".com", "a..b", "://a.b", "ivan@mail.ru", "a,b.c"]
        {
            let error = url(input).unwrap_err();
            assert_eq!(error.code, "url");
            assert!(error.message.to_string().starts_with(&format!("\"{input}\" ")), "{}", error.message);
        }
    }
}
