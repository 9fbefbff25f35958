//! Access checks: only programs of this machine may use the sandbox. A page in a browser may not, whatever name it
//! points at 127.0.0.1 (DNS rebinding) and whatever it posts across sites. Pure.

use std::net::{Ipv4Addr, Ipv6Addr};

use hyper::http::uri::{Authority, Uri};
use hyper::{HeaderMap, Version, header};

const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// The reason why a request is refused before it is read further.
pub fn refusal(version: Version, uri: &Uri, headers: &HeaderMap) -> Option<&'static str> {
    let hosts: Vec<&[u8]> = headers.get_all(header::HOST).iter().map(|value| value.as_bytes()).collect();
    match hosts[..] {
        // HTTP/1.0 has no Host header, and no browser speaks it.
        [] if version == Version::HTTP_10 => {}
        [] => return Some("it has no Host header"),
        [host] if is_loopback(host) => {}
        [_] => return Some("its Host is none of this machine: the sandbox is 127.0.0.1, [::1] or localhost"),
        _ => return Some("it has several Host headers"),
    }
    if uri.authority().is_some_and(|authority| !is_loopback(authority.as_str().as_bytes())) {
        return Some("it asks for another host: the sandbox is 127.0.0.1, [::1] or localhost");
    }
    if !headers.get_all(header::ORIGIN).iter().all(|origin| is_loopback_origin(origin.as_bytes())) {
        return Some("its Origin is none of this machine: pages of other sites may not use the sandbox");
    }
    let is_own_site = |site: &[u8]| matches!(site, b"same-origin" | b"none");
    if !headers.get_all(SEC_FETCH_SITE).iter().all(|site| is_own_site(site.as_bytes())) {
        return Some("its Sec-Fetch-Site says that a page of another site has made it");
    }
    None
}

/// `http://localhost:3000`; not `null`, which pages without an origin send.
fn is_loopback_origin(origin: &[u8]) -> bool {
    let host = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
    host.is_some_and(is_loopback)
}

/// A host with or without a port. Numbers are parsed strictly: other spellings that a resolver accepts, such as
/// `0177.1`, are refused.
fn is_loopback(host: &[u8]) -> bool {
    let Ok(authority) = Authority::try_from(host) else { return false };
    let (text, name) = (authority.as_str(), authority.host());
    let port = text.strip_prefix(name).map(|rest| rest.strip_prefix(':').unwrap_or(rest));
    // Nothing before the name, such as `user@`, and only a number as port.
    if !port.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit())) {
        return false;
    }
    if let Some(v6) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return v6.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback());
    }
    name.eq_ignore_ascii_case("localhost") || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for host in ["127.0.0.1", "127.0.0.1:8080", "127.9.8.7:1", "[::1]", "[::1]:80", "localhost", "LOCALHOST:65535"]
        {
            assert!(is_loopback(host.as_bytes()), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:80",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "128.0.0.1",
            "0.0.0.0",
            "0177.0.0.1",
            "127.1",
            "2130706433",
            "[::2]:80",
            "[::ffff:10.0.0.1]",
            "::1",
            "user@127.0.0.1",
            "127.0.0.1:80@evil.example",
            "127.0.0.1:port",
            "127.0.0.1/evil",
            "localhost, evil.example",
            "\u{e9}",
        ] {
            assert!(!is_loopback(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn origins_of_this_machine_are_loopback() {
        for origin in ["http://127.0.0.1:8080", "http://localhost", "https://[::1]:3000"] {
            assert!(is_loopback_origin(origin.as_bytes()), "{origin}");
        }
        for origin in
            ["null", "", "https://evil.example", "file://localhost", "http://127.0.0.1.evil.example", "127.0.0.1"]
        {
            assert!(!is_loopback_origin(origin.as_bytes()), "{origin}");
        }
    }
}
