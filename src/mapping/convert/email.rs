//! E-mail addresses: text around the address is removed, invalid addresses are refused.

use super::ValueError;
use super::text::plain;
use sheet_source::message;
use std::borrow::Cow;

/// Longest address and longest part before the `@`, in octets. RFC 5321, 4.5.3.1
const ADDRESS_MAX: usize = 254;
const LOCAL_MAX: usize = 64;

/// Removes `mailto:`, `<…>` and a name before `<`; the domain becomes lower case, the part before the `@` is kept as
/// written.
pub fn email(text: &str) -> Result<Cow<'_, str>, ValueError> {
    if is_simple(text) {
        return Ok(Cow::Borrowed(text));
    }
    parse_full(text)
}

/// True for a lower-case Latin address with nothing around it and valid dots and dashes.
fn is_simple(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let Some((_, top)) = domain.rsplit_once('.') else { return false };
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    // Single dots and dashes between letters are valid on both sides of the @.
    let words = |part: &str| {
        let mut before = false;
        part.bytes().all(|b| {
            let fits = letter(b) || (before && matches!(b, b'.' | b'-'));
            before = letter(b);
            fits
        }) && before
    };
    local.len() <= LOCAL_MAX
        && text.len() <= ADDRESS_MAX
        && words(local)
        && words(domain)
        && top.len() >= 2
        && top.bytes().any(|b| !b.is_ascii_digit())
}

fn parse_full(text: &str) -> Result<Cow<'_, str>, ValueError> {
    let address = strip_decoration(text);
    let invalid =
        |what: &'static str| Err(ValueError::new("email", text, what).hint("an address looks like name@example.com"));
    let Some((local, domain)) = address.split_once('@') else {
        return invalid("is not a valid e-mail address: it has no @");
    };
    if domain.contains('@') {
        return Err(ValueError::new("email", text, "has more than one @")
            .hint("use split for several addresses in one cell, for example split = [\",\", \";\"]"));
    }
    if address.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return invalid("is not a valid e-mail address: it contains a space");
    }
    if local.is_empty() || local.len() > LOCAL_MAX || address.len() > ADDRESS_MAX {
        return invalid("is not a valid e-mail address: the part before the @ is empty or too long");
    }
    if local.starts_with('.') || local.ends_with('.') || local.contains("..") || !local.chars().all(is_local_char) {
        return invalid("is not a valid e-mail address: the part before the @ has an invalid character");
    }
    if !is_domain(domain) {
        return invalid("is not a valid e-mail address: the part after the @ is not a domain");
    }
    // A letter of another alphabet that looks like a Latin one is the most common typo here.
    if let Some(stray) = stray_letter(local, domain) {
        return Err(ValueError::new(
            "email",
            text,
            message!("contains the letter \"{letter}\" of another alphabet", letter = stray),
        )
        .hint("write the address again with the Latin keyboard"));
    }
    if domain.chars().any(|c| !c.to_lowercase().eq([c])) {
        return Ok(Cow::Owned(format!("{local}@{}", domain.to_lowercase())));
    }
    Ok(Cow::Borrowed(address))
}

fn strip_decoration(text: &str) -> &str {
    let mut address = plain(text);
    if let Some((_, inside)) = address.rsplit_once('<')
        && let Some(inside) = inside.strip_suffix('>')
    {
        address = inside;
    }
    match address.split_at_checked("mailto:".len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("mailto:") => plain(rest),
        _ => plain(address),
    }
}

fn is_local_char(c: char) -> bool {
    c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
}

fn is_domain(domain: &str) -> bool {
    let label_ok = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let Some((_, top)) = domain.rsplit_once('.') else { return false };
    domain.split('.').all(label_ok) && top.chars().count() >= 2 && !top.bytes().all(|b| b.is_ascii_digit())
}

/// A letter outside ASCII before an ASCII domain, or in a part of the domain that also has ASCII letters.
fn stray_letter(local: &str, domain: &str) -> Option<char> {
    let foreign = |part: &str| part.chars().find(|c| !c.is_ascii());
    let mixed = |label: &str| label.contains(|c: char| c.is_ascii_alphabetic());
    if domain.is_ascii() {
        return foreign(local);
    }
    domain.split('.').filter(|label| mixed(label)).find_map(foreign).filter(|c| matches!(c, '\u{370}'..='\u{52f}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_what_stands_around_them() {
        for (input, expected) in [
            ("ivan@mail.ru", "ivan@mail.ru"),
            (" Ivan.Petrov@Mail.RU\u{a0}", "Ivan.Petrov@mail.ru"),
            ("mailto:ivan@mail.ru", "ivan@mail.ru"),
            ("MAILTO: ivan@mail.ru", "ivan@mail.ru"),
            ("<ivan@mail.ru>", "ivan@mail.ru"),
            ("Иван Петров <ivan@mail.ru>", "ivan@mail.ru"),
            ("почта@домен.рф", "почта@домен.рф"),
            ("info@Домен.РФ", "info@домен.рф"),
            ("a+b@sub-1.example.com", "a+b@sub-1.example.com"),
            ("o'neil@example.com", "o'neil@example.com"),
            ("joão@exemplo.com.br", ""),
            ("ana@españa.es", "ana@españa.es"),
        ] {
            match email(input) {
                Ok(address) => assert_eq!(address, expected),
                Err(error) => assert_eq!(expected, "", "{}", error.message),
            }
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for (input, reason) in [
            ("нет", "no @"),
            ("https://example.com", "no @"),
            ("a@b.ru, c@d.ru", "more than one @"),
            ("ivan petrov@mail.ru", "space"),
            ("@mail.ru", "empty"),
            ("ivan@", "domain"),
            ("ivan@mail", "domain"),
            ("ivan@mail..ru", "domain"),
            ("ivan@-mail.ru", "domain"),
            ("ivan@mail.1", "domain"),
            ("ivan.@mail.ru", "character"),
            ("iv(an)@mail.ru", "character"),
            ("ivаn@mail.ru", "\"а\" of another alphabet"),
            ("ivan@mаil.ru", "\"а\" of another alphabet"),
        ] {
            let error = email(input).unwrap_err();
            assert_eq!(error.code, "email");
            assert!(error.message.to_string().starts_with(&format!("\"{input}\" ")), "{}", error.message);
            assert!(error.message.to_string().contains(reason), "{} should say {reason}", error.message);
        }
    }

    proptest::proptest! {
        #[test]
        fn a_usual_address_stays_as_it_is(text in "[a-z0-9.@-]{1,12}@[a-z0-9.-]{1,12}") {
            if is_simple(&text) {
                proptest::prop_assert_eq!(parse_full(&text).ok(), Some(Cow::Borrowed(text.as_str())));
            }
        }
    }
}
