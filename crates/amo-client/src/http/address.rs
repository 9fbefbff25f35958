//! The address of an account, checked before a token is sent to it.

use crate::private::shown::shown;
use reqwest::Url;
use std::net::IpAddr;

/// Why an address cannot be used as a base; the sentence is for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("\"{0}\" is not a valid address; write https://example.amocrm.ru")]
    NotAnAddress(String),
    #[error(
        "the address of \"{0}\" contains a user or a password, which is not shown; write https://example.amocrm.ru"
    )]
    Password(String),
    #[error("\"{0}\" would send the token unencrypted; use https:// (plain http:// is allowed for this machine only)")]
    Plain(String),
}

/// The base address of an account: a host with https, or with plain http on this machine only, because the token is sent
/// to it. Path, query and fragment are cut off.
pub fn parse_base(text: &str) -> Result<Url, AddressError> {
    let quoted = || shown(text.trim()).into_owned();
    let bad =
        || if text.contains('@') { AddressError::Password(quoted()) } else { AddressError::NotAnAddress(quoted()) };
    let url = Url::parse(text.trim()).map_err(|_| bad())?;
    let host = url.host_str().ok_or_else(bad)?;
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    let loopback = host == "localhost" || address.is_some_and(|ip| ip.is_loopback());
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        "http" => return Err(AddressError::Plain(quoted())),
        _ => return Err(bad()),
    }
    let mut base = url.clone();
    base.set_path("");
    base.set_query(None);
    base.set_fragment(None);
    // A name or password in the address would end up in logs.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad());
    }
    Ok(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_https_or_this_machine() {
        for (text, base) in [
            ("https://example.amocrm.ru", Some("https://example.amocrm.ru/")),
            (" https://example.kommo.com/leads/list?x=1 ", Some("https://example.kommo.com/")),
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080/")),
            ("http://localhost:1", Some("http://localhost:1/")),
            ("http://[::1]:1", Some("http://[::1]:1/")),
            ("http://example.amocrm.ru", None),
            ("http://127.0.0.1.example.com", None),
            ("ftp://example.amocrm.ru", None),
            ("https://user:secret@example.amocrm.ru", None),
            ("example", None),
            ("", None),
        ] {
            assert_eq!(parse_base(text).ok().map(|url| url.to_string()).as_deref(), base, "{text}");
        }
    }
}
