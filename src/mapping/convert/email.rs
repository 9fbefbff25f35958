//! E-mail addresses: what stands around the address is taken off, and what cannot be one is refused.

use super::Unfit;
use super::text::plain;
use sheet_source::message;
use std::borrow::Cow;

/// Longest address and longest part before the `@`, in octets. RFC 5321, 4.5.3.1
const ADDRESS_MAX: usize = 254;
const LOCAL_MAX: usize = 64;

/// `mailto:`, `<…>` and a name before `<` go; the domain becomes lower case, the part before the `@` stays as written.
pub fn email(text: &str) -> Result<Cow<'_, str>, Unfit> {
    if is_usual(text) {
        return Ok(Cow::Borrowed(text));
    }
    considered(text)
}

/// An address in small Latin letters with nothing around it: what is left to ask of it is where its dots and dashes are.
fn is_usual(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let Some((_, top)) = domain.rsplit_once('.') else { return false };
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    // Dots and dashes between letters, never side by side, are right on both sides of the @.
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

fn considered(text: &str) -> Result<Cow<'_, str>, Unfit> {
    let address = bare(text);
    let unfit =
        |what: &'static str| Err(Unfit::new("email", text, what).hint("an address looks like name@example.com"));
    let Some((local, domain)) = address.split_once('@') else {
        return unfit("is not an e-mail address: there is no @ in it");
    };
    if domain.contains('@') {
        return Err(Unfit::new("email", text, "has more than one @")
            .hint("several addresses in one cell need split, for example split = [\",\", \";\"]"));
    }
    if address.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return unfit("has a space in the e-mail address");
    }
    if local.is_empty() || local.len() > LOCAL_MAX || address.len() > ADDRESS_MAX {
        return unfit("is not an e-mail address: the part before the @ is empty or too long");
    }
    if local.starts_with('.') || local.ends_with('.') || local.contains("..") || !local.chars().all(local_char) {
        return unfit("is not an e-mail address: the part before the @ has a character that cannot stand there");
    }
    if !domain_ok(domain) {
        return unfit("is not an e-mail address: what follows the @ is not a domain");
    }
    // A letter of another alphabet that looks like a Latin one is the commonest slip of the keyboard here.
    if let Some(stray) = stray_letter(local, domain) {
        return Err(Unfit::new(
            "email",
            text,
            message!("has the letter \"{letter}\" of another alphabet", letter = stray),
        )
        .hint("write the address again with the Latin keyboard"));
    }
    if domain.chars().any(|c| !c.to_lowercase().eq([c])) {
        return Ok(Cow::Owned(format!("{local}@{}", domain.to_lowercase())));
    }
    Ok(Cow::Borrowed(address))
}

fn bare(text: &str) -> &str {
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

fn local_char(c: char) -> bool {
    c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
}

fn domain_ok(domain: &str) -> bool {
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
                Err(unfit) => assert_eq!(expected, "", "{}", unfit.message),
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
            let unfit = email(input).unwrap_err();
            assert_eq!(unfit.code, "email");
            assert!(unfit.message.to_string().starts_with(&format!("\"{input}\" ")), "{}", unfit.message);
            assert!(unfit.message.to_string().contains(reason), "{} should say {reason}", unfit.message);
        }
    }

    proptest::proptest! {
        #[test]
        fn a_usual_address_stays_as_it_is(text in "[a-z0-9.@-]{1,12}@[a-z0-9.-]{1,12}") {
            if is_usual(&text) {
                proptest::prop_assert_eq!(considered(&text).ok(), Some(Cow::Borrowed(text.as_str())));
            }
        }
    }
}
