//! Web addresses. Nothing is added: `example.com` stays as it is, because whether its site speaks https is not known.

use super::Unfit;
use super::text::plain;

pub fn url(text: &str) -> Result<&str, Unfit> {
    let address = plain(text);
    let unfit = |what: &'static str| {
        Err(Unfit::new("url", text, what)
            .hint("a web address looks like https://example.com/page; several in one cell need split"))
    };
    if address.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return unfit("has a space, so it is not one web address");
    }
    let (scheme, rest) = address.split_once("://").unwrap_or(("https", address));
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        || !scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    {
        return unfit("is not a web address");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if !user.is_empty() && !address.contains("://") {
        return unfit("is an e-mail address, not a web address");
    }
    let host = host.split(':').next().unwrap_or("");
    let labels = host.split('.');
    if labels.clone().count() < 2 || labels.into_iter().any(str::is_empty) {
        return unfit("is not a web address: there is no name with a dot in it");
    }
    if !host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_')) {
        return unfit("is not a web address: its name has a character that names do not have");
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
            let unfit = url(input).unwrap_err();
            assert_eq!(unfit.code, "url");
            assert!(unfit.message.to_string().starts_with(&format!("\"{input}\" ")), "{}", unfit.message);
        }
    }
}
