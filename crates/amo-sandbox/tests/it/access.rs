//! Access checks: only programs of this machine with the token are served. Pages in a browser, strangers, slow senders
//! and endless bodies are refused.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use amo_sandbox::{Options, RateKey, Switches};
use serde_json::{Value, json};

use crate::Running;

/// The longest wait for a response; a busy machine is slow.
const LONG: Duration = Duration::from_secs(60);

fn connect(s: &Running) -> TcpStream {
    let address = s.sandbox.url().strip_prefix("http://").expect("plain http");
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(LONG)).expect("a time-out");
    stream
}

/// Sends exactly these bytes and returns all bytes of the response: none where the connection just ends.
fn said(s: &Running, bytes: &[u8]) -> String {
    let mut stream = connect(s);
    let mut answer = Vec::new();
    // A client that is refused while it still sends may find the connection closed.
    let _ = stream.write_all(bytes);
    if let Err(error) = stream.read_to_end(&mut answer) {
        let is_end = !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        assert!(is_end, "the connection stays open after {:?}", String::from_utf8_lossy(&answer));
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// A request with the token, these header lines and a body.
fn request(s: &Running, line: &str, lines: &str, body: &str) -> String {
    let (token, length) = (s.sandbox.token(), body.len());
    format!(
        "{line}\r\n{lines}authorization: Bearer {token}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// A request to each part of the server, with an effect that would be seen.
const DOORS: [(&str, &str); 5] = [
    ("POST /api/v4/leads", "[{}]"),
    ("GET /api/v4/account", ""),
    ("POST /oauth2/access_token", "{}"),
    ("POST /_sandbox/reset", ""),
    ("GET /_sandbox/oauth", ""),
];

/// Each part refuses a request with these lines, and nothing has happened.
#[track_caller]
fn assert_refused_everywhere(s: &Running, version: &str, lines: &str, why: &str) {
    let before = (s.stats(), s.control("GET", "requests", "").json());
    for (line, body) in DOORS {
        let answer = said(s, request(s, &format!("{line} {version}"), lines, body).as_bytes());
        assert_eq!(status(&answer), 403, "{line} {lines}: {answer}");
        assert!(answer.contains(why) && answer.contains("content-type: text/plain"), "{line} {lines}: {answer}");
        assert!(!answer.contains("access-control-allow"), "{answer}");
    }
    assert_eq!((s.stats(), s.control("GET", "requests", "").json()), before, "{lines}");
}

#[track_caller]
fn assert_accepted(s: &Running, line: &str, lines: &str) {
    let answer = said(s, request(s, line, lines, "").as_bytes());
    assert_eq!(status(&answer), 200, "{line} {lines}: {answer}");
}

#[test]
fn another_host_name_is_refused() {
    let s = Running::unlimited();
    s.made("leads", json!({}));
    for host in [
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "10.0.0.1",
        "0.0.0.0",
        "2130706433",
        "[::2]",
        "user@127.0.0.1",
        "",
    ] {
        assert_refused_everywhere(&s, "HTTP/1.1", &format!("host: {host}\r\n"), "its Host is none of this machine");
    }
    assert_refused_everywhere(&s, "HTTP/1.1", "", "it has no Host header");
    assert_refused_everywhere(&s, "HTTP/1.1", "host: localhost\r\nhost: localhost\r\n", "several Host headers");
    let elsewhere = "GET http://evil.example/api/v4/account HTTP/1.1";
    let answer = said(&s, request(&s, elsewhere, "host: localhost\r\n", "").as_bytes());
    assert_eq!(status(&answer), 403, "{answer}");
    for host in ["localhost", "LocalHost:1", "127.0.0.1", "127.200.3.4:65535", "[::1]", "[::1]:8080"] {
        assert_accepted(&s, "GET /api/v4/account HTTP/1.1", &format!("host: {host}\r\n"));
        assert_accepted(&s, "GET /_sandbox/stats HTTP/1.1", &format!("host: {host}\r\n"));
    }
    assert_accepted(&s, "GET /api/v4/account HTTP/1.0", "");
    assert_eq!(s.leads(), 1);
}

#[test]
fn pages_of_other_sites_are_refused() {
    let s = Running::unlimited();
    s.made("leads", json!({}));
    let lines = |more: &str| format!("host: localhost\r\ncontent-type: text/plain\r\n{more}\r\n");
    for origin in
        ["https://evil.example", "null", "http://localhost.evil.example", "chrome-extension://abcdef", "file://", ""]
    {
        assert_refused_everywhere(&s, "HTTP/1.1", &lines(&format!("origin: {origin}")), "its Origin is none");
    }
    for site in ["cross-site", "same-site", "anything"] {
        assert_refused_everywhere(&s, "HTTP/1.1", &lines(&format!("sec-fetch-site: {site}")), "its Sec-Fetch-Site");
    }
    // A browser asks this before it sends a request that is not simple.
    let preflight = "OPTIONS /api/v4/leads HTTP/1.1";
    let asked = lines("origin: https://evil.example\r\naccess-control-request-method: POST");
    assert_eq!(status(&said(&s, request(&s, preflight, &asked, "").as_bytes())), 403);
    for more in [
        "origin: http://localhost:3000",
        "origin: http://127.0.0.1:1\r\nsec-fetch-site: same-origin",
        "sec-fetch-site: none",
    ] {
        assert_accepted(&s, "GET /api/v4/leads HTTP/1.1", &lines(more));
    }
    assert_eq!(s.leads(), 1);
}

#[test]
fn control_endpoints_need_the_token_of_the_world() {
    let s = Running::unlimited();
    s.made("leads", json!({}));
    let pair = pair(&s);
    let access = pair["access_token"].as_str().expect("a token");
    let other = Running::unlimited();
    let before = s.stats();
    for (method, corner, body) in [
        ("GET", "stats", ""),
        ("GET", "requests", ""),
        ("GET", "entities/leads", ""),
        ("GET", "switches", ""),
        ("POST", "switches", r#"{"rate_max": 1}"#),
        ("GET", "faults", ""),
        ("POST", "faults", r#"{"latency_ms": 5}"#),
        ("GET", "robots", ""),
        ("POST", "robots", r#"[{"of": "leads", "do": "delete"}]"#),
        ("GET", "oauth", ""),
        ("POST", "expire", ""),
        ("POST", "late", ""),
        ("POST", "delete", r#"{"leads": [10000001]}"#),
        ("POST", "reset", ""),
        ("GET", "nothing", ""),
    ] {
        for headers in [
            String::new(),
            "authorization: Bearer \r\n".to_owned(),
            "authorization: Bearer wrong\r\n".to_owned(),
            format!("authorization: Basic {}\r\n", s.sandbox.token()),
            format!("authorization: Bearer {}\r\n", other.sandbox.token()),
            format!("authorization: Bearer {access}\r\n"),
        ] {
            let answer = s.plain(method, &format!("/_sandbox/{corner}"), &headers, body).is(401);
            let told = answer.json()["error"].as_str().expect("a text").to_owned();
            assert!(told.contains("needs the world's token"), "{told}");
        }
    }
    assert_eq!(s.stats(), before);
    assert_eq!(s.control("GET", "switches", "").json()["rate_max"], 1_000_000);
    let header = format!("authorization: Bearer {access}\r\n");
    s.plain("GET", "/api/v4/account", &header, "").is(200);
}

/// The tokens of a login.
fn pair(s: &Running) -> Value {
    let known = s.control("GET", "oauth", "").is(200).json();
    let ask = json!({"client_id": known["client_id"], "client_secret": known["client_secret"],
        "redirect_uri": known["redirect_uri"], "grant_type": "authorization_code", "code": known["code"]});
    s.plain("POST", "/oauth2/access_token", "", &ask.to_string()).is(200).json()
}

#[test]
fn a_stranger_affects_neither_the_rate_limit_nor_the_faults() {
    for rate_key in [RateKey::Token, RateKey::Address] {
        let s = Running::of(Options { switches: Switches { rate_key, ..Switches::default() }, ..Options::default() });
        s.faults(json!({"script": [{"on": "GET account", "nth": 1, "do": "404"}]}));
        for n in 0..40 {
            s.plain("GET", "/api/v4/account", &format!("authorization: Bearer {n}\r\n"), "").is(401);
            s.plain("GET", &format!("/{n}"), "", "").is(401);
        }
        s.get("account").is(404);
        s.get("account").is(200);
        let stats = s.stats();
        assert_eq!(
            (&stats["throttled"], &stats["blocked"], &stats["requests"]),
            (&json!(0), &json!(false), &json!(82))
        );
    }
}

#[test]
fn too_many_token_requests_block_nobody_and_do_not_fill_the_log() {
    let s = Running::start(None, Switches::default());
    let answers: Vec<u16> = (0..40)
        .map(|n| s.plain("POST", "/oauth2/access_token", &format!("authorization: Bearer {n}\r\n"), "{}").status)
        .collect();
    assert!(answers.iter().all(|status| [401, 429].contains(status)), "{answers:?}");
    s.get("account").is(200);
    assert_eq!(s.stats()["blocked"], false);
    let (long, token) = ("a".repeat(30_000), s.sandbox.token());
    for path in [format!("/oauth2/access_token?{long}"), format!("/api/v4/{long}?{long}")] {
        s.plain("POST", &path, "", "{}");
    }
    let log = s.control("GET", "requests", "").is(200).body;
    assert!(log.len() < 30_000, "what strangers say is cut: {}", log.len());
    s.plain("GET", &format!("/api/v4/leads?query={long}"), &format!("authorization: Bearer {token}\r\n"), "");
    assert!(s.control("GET", "requests", "").body.len() > 30_000, "what others say is not");
}

#[test]
fn a_strangers_body_has_a_time_limit() {
    let s = Running::unlimited();
    let host = "host: localhost\r\n";
    // None of the announced body has arrived when the response comes, or only its beginning.
    for (line, length, begun, wanted) in [
        ("POST /api/v4/leads", 50_000_000_000_u64, 0, 401),
        ("POST /api/v4/leads", 60_000_000, 1 << 20, 401),
        ("POST /_sandbox/faults", 60_000_000, 1 << 20, 401),
        ("POST /oauth2/access_token", 65_537, 0, 413),
        ("POST /elsewhere", 50_000_000_000, 0, 401),
    ] {
        let mut stream = connect(&s);
        let head = format!("{line} HTTP/1.1\r\n{host}content-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("sent");
        stream.write_all(&vec![b' '; begun]).expect("sent");
        let mut start = [0; 12];
        stream.read_exact(&mut start).expect("an answer");
        assert_eq!(status(&String::from_utf8_lossy(&start)), wanted, "{line} {length}");
    }
    // A body without a length.
    let mut stream = connect(&s);
    let head = format!("POST /oauth2/access_token HTTP/1.1\r\n{host}transfer-encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
    let chunk = format!("8000\r\n{}\r\n", " ".repeat(0x8000));
    for _ in 0..3 {
        stream.write_all(chunk.as_bytes()).expect("sent");
    }
    let mut start = [0; 12];
    stream.read_exact(&mut start).expect("an answer");
    assert_eq!(status(&String::from_utf8_lossy(&start)), 413);
    // With the token a body may be longer, though not endless.
    let leads = format!("[{{}}{}]", " ".repeat(1 << 20));
    s.send("POST", "leads", &leads).is(200);
    let mut stream = connect(&s);
    let token = s.sandbox.token();
    let head = format!(
        "POST /api/v4/leads HTTP/1.1\r\n{host}authorization: Bearer {token}\r\ncontent-length: 67108865\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    stream.read_exact(&mut start).expect("an answer");
    assert_eq!(status(&String::from_utf8_lossy(&start)), 413);
    assert_eq!(s.leads(), 1);
}

#[test]
fn a_client_that_sends_all_before_reading_gets_the_response() {
    let s = Running::unlimited();
    let body = " ".repeat(20 << 20);
    s.plain("POST", "/api/v4/leads", "authorization: Bearer expired\r\n", &body).is(401);
    s.plain("POST", "/_sandbox/faults", "", &body).is(401);
    s.plain("POST", "/oauth2/access_token", "", &body).is(413);
    s.plain("POST", "/api/v4/leads", "origin: null\r\n", &body).is(403);
    // The next request on the same connection gets its response as well.
    let mut stream = connect(&s);
    let (small, token) = (" ".repeat(1 << 20), s.sandbox.token());
    let first =
        format!("POST /api/v4/leads HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{small}", small.len());
    let second = format!(
        "GET /api/v4/account HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all((first + &second).as_bytes()).expect("sent");
    let mut answers = String::new();
    stream.read_to_string(&mut answers).expect("answers");
    assert!(answers.starts_with("HTTP/1.1 401") && answers.contains("HTTP/1.1 200"), "{answers}");
}

#[test]
fn a_slow_head_times_out_and_an_idle_connection_stays() {
    let s = Running::unlimited();
    // Opened in advance, as clients do, and used after the slow one has timed out: after ten seconds.
    let mut idle = connect(&s);
    let mut used = connect(&s);
    let ask = |stream: &mut TcpStream| {
        let token = s.sandbox.token();
        let head = format!("GET /api/v4/leads HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("sent");
        let mut start = [0; 12];
        stream.read_exact(&mut start).expect("an answer");
        assert_eq!(&start, b"HTTP/1.1 204");
    };
    ask(&mut used);
    let mut slow = connect(&s);
    slow.write_all(b"GET /api/v4/leads HTTP/1.1\r\nhost: localhost\r\nx-filler: ").expect("sent");
    slow.set_read_timeout(Some(Duration::from_millis(250))).expect("a time-out");
    let begun = Instant::now();
    loop {
        // Single bytes do not keep it alive.
        if slow.write_all(b"a").is_err() {
            break;
        }
        match slow.read(&mut [0; 1]) {
            Ok(0) => break,
            Ok(_) => panic!("there is nothing to answer"),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
        assert!(begun.elapsed() < LONG, "the slow one is still there");
    }
    assert!(begun.elapsed() > Duration::from_secs(5), "it had time to speak");
    ask(&mut idle);
    // The rest of its first response, a head, comes before the second.
    let mut rest = [0; 4096];
    let _ = used.read(&mut rest).expect("the rest of the head");
    ask(&mut used);
}

#[test]
fn a_slow_body_with_the_token_is_read() {
    let s = Running::unlimited();
    let mut stream = connect(&s);
    let token = s.sandbox.token();
    let head = format!(
        "POST /api/v4/leads HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nconnection: close\r\ncontent-length: 4\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    // Longer than the time limit of a head.
    for byte in [b"[", b"{", b"}", b"]"] {
        std::thread::sleep(Duration::from_secs(4));
        stream.write_all(byte).expect("sent");
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert_eq!(status(&answer), 200, "{answer}");
}

#[test]
fn malformed_requests_get_a_response_or_a_closed_connection() {
    let s = Running::unlimited();
    let token = s.sandbox.token();
    let with = |head: &str, body: &[u8]| [head.replace("TOKEN", token).as_bytes(), body].concat();
    let long = "a".repeat(200_000);
    for bytes in [
        b"\r\n\r\n\r\n".to_vec(),
        b"\0\0\0\0\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(100),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\nhost: localhost\r\n\r\n".to_vec(),
        b"GET \xff\xfe HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(),
        b"GET //[ HTTP/1.1\r\nhost: [\r\nconnection: close\r\n\r\n".to_vec(),
        b"CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\nconnection: close\r\n\r\n".to_vec(),
        format!("GET /{long} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").into_bytes(),
        format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {long}\r\nconnection: close\r\n\r\n").into_bytes(),
        format!("GET / HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "x: y\r\n".repeat(5000)).into_bytes(),
        b"GET / HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer \xff\xff\r\nconnection: close\r\n\r\n".to_vec(),
        b"POST /oauth2/access_token HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n".to_vec(),
        b"POST /oauth2/access_token HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab".to_vec(),
        b"POST /oauth2/access_token HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_vec(),
        b"POST /oauth2/access_token HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n".to_vec(),
        with("POST /api/v4/leads HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer TOKEN\r\nconnection: close\r\ncontent-length: 4\r\n\r\n", b"\xff\xfe\0\0"),
        with("POST /api/v4/leads HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer TOKEN\r\nconnection: close\r\ncontent-length: 100000\r\n\r\n", &[b'['; 100_000]),
        with("GET /_sandbox/entities/%ff?limit=-1&after=99999999999999999999 HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer TOKEN\r\nconnection: close\r\n\r\n", b""),
        with("GET /_sandbox/ HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer TOKEN\r\nconnection: close\r\n\r\n", b""),
    ] {
        let answer = said(&s, &bytes);
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
        assert!(answer.is_empty() || (400..500).contains(&status(&answer)), "{shown:?}: {answer}");
        s.get("account").is(200);
    }
    assert_eq!(s.leads(), 0);
}
