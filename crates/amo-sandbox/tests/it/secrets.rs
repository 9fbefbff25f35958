//! The secrets of a world: drawn or taken from a file, stored, and readable by their owner only.

use std::path::Path;

use amo_sandbox::Options;
use serde_json::{Value, json};

use crate::{Running, no_limit};

fn oauth(s: &Running) -> Value {
    s.control("GET", "oauth", "").is(200).json()
}

fn account(s: &Running) -> Value {
    s.get("account").is(200).json()["id"].clone()
}

#[test]
fn a_seed_decides_no_secret() {
    let (one, two) = (Running::unlimited(), Running::unlimited());
    assert_eq!(account(&one), account(&two), "ids are the seed's");
    assert_ne!(one.sandbox.token(), two.sandbox.token());
    let (of_one, of_two) = (oauth(&one), oauth(&two));
    for secret in ["client_secret", "code"] {
        assert_ne!(of_one[secret], of_two[secret]);
    }
    let pair = |s: &Running, known: &Value| {
        let ask = json!({"client_id": known["client_id"], "client_secret": known["client_secret"],
            "redirect_uri": known["redirect_uri"], "grant_type": "authorization_code", "code": known["code"]});
        s.plain("POST", "/oauth2/access_token", "", &ask.to_string()).is(200).json()
    };
    let (of_one, of_two) = (pair(&one, &of_one), pair(&two, &of_two));
    for secret in ["access_token", "refresh_token"] {
        assert_ne!(of_one[secret], of_two[secret]);
    }
}

#[test]
fn the_token_survives_resets_and_restarts_and_oauth_tokens_survive_restarts() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = || Running::start(Some(folder.path()), no_limit());
    let s = open();
    let (token, first) = (s.sandbox.token().to_owned(), oauth(&s));
    assert_eq!(token.len(), 64);
    drop(s);
    let s = open();
    assert_eq!((s.sandbox.token(), &oauth(&s)["client_secret"]), (token.as_str(), &first["client_secret"]));
    let ask = |s: &Running, code: &Value| {
        let ask = json!({"client_id": first["client_id"], "client_secret": first["client_secret"],
            "redirect_uri": first["redirect_uri"], "grant_type": "authorization_code", "code": code});
        s.plain("POST", "/oauth2/access_token", "", &ask.to_string())
    };
    let pair = ask(&s, &first["code"]).is(200).json();
    let access = format!("authorization: Bearer {}\r\n", pair["access_token"].as_str().expect("a token"));
    s.plain("GET", "/api/v4/account", &access, "").is(200);
    s.control("POST", "reset", "").is(200);
    // The same token is valid on the open connection and after a restart.
    assert_eq!(s.sandbox.token(), token);
    s.get("account").is(200);
    s.plain("GET", "/api/v4/account", &access, "").is(401);
    let anew = oauth(&s);
    assert_eq!(anew["client_secret"], first["client_secret"]);
    assert_ne!(anew["code"], first["code"]);
    let other = ask(&s, &anew["code"]).is(200).json();
    assert_ne!(other["access_token"], pair["access_token"], "no token is given twice");
    drop(s);
    let s = open();
    assert_eq!(s.sandbox.token(), token);
    s.get("account").is(200);
}

#[test]
fn a_world_of_an_earlier_version_keeps_its_tokens_and_derives_new_ones_from_a_key() {
    // A log of version 0.1: its tokens can be derived from the seed.
    const TOKEN: &str = "954f6de677feda97d18dd7d48f881f2a273b903555bd343eeca29431ed4e40db";
    const SECRET: &str = "41b425eafb2dbb1a6d08448f6d1f8dfefcd2ac92b6bcfebe174e8598760abe51";
    let world = format!(
        "{{\"amoport_sandbox_world\":1,\"seed\":1}}\n{{\"at\":0,\"auth\":{{\"token\":\"{TOKEN}\",\
         \"client_id\":\"00000000-0000-4000-8000-0000000000aa\",\"client_secret\":\"{SECRET}\",\
         \"codes\":[],\"pair\":null,\"made\":0,\"seed\":1}}}}\n"
    );
    let codes = [0, 1].map(|_| {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("world.jsonl"), &world).expect("written");
        let s = Running::start(Some(folder.path()), no_limit());
        assert_eq!(s.sandbox.token(), TOKEN);
        s.get("account").is(200);
        let known = oauth(&s);
        assert_eq!(known["client_secret"], SECRET);
        drop(s);
        let kept = std::fs::read_to_string(folder.path().join("world.jsonl")).expect("the log");
        assert_eq!(Running::start(Some(folder.path()), no_limit()).sandbox.token(), TOKEN);
        assert!(kept.contains("\"key\":\"") && !kept.contains("\"key\":\"\""), "{kept}");
        known["code"].clone()
    });
    assert_ne!(codes[0], codes[1], "they have the same seed, and another key");
    // A log without tokens gets unpredictable ones, once.
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("world.jsonl"), "{\"amoport_sandbox_world\":1,\"seed\":1}\n").expect("written");
    let open = || Running::start(Some(folder.path()), no_limit());
    let token = open().sandbox.token().to_owned();
    assert_ne!(token, TOKEN);
    assert_eq!(open().sandbox.token(), token);
}

#[test]
fn a_given_token_stays_the_token_of_the_world() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = |token: Option<&str>| {
        Running::of(Options {
            state: Some(folder.path().to_owned()),
            switches: no_limit(),
            token: token.map(|token| token.to_owned().into()),
            ..Options::default()
        })
    };
    let drawn = open(None).sandbox.token().to_owned();
    let s = open(Some("given-1"));
    assert_eq!(s.sandbox.token(), "given-1");
    let id = s.made("leads", json!({}));
    s.plain("GET", "/api/v4/account", &format!("authorization: Bearer {drawn}\r\n"), "").is(401);
    drop(s);
    let s = open(None);
    assert_eq!(s.sandbox.token(), "given-1");
    s.get(&format!("leads/{id}")).is(200);
    s.control("POST", "reset", "").is(200);
    assert_eq!(s.sandbox.token(), "given-1");
    drop(s);
    assert_eq!(open(Some("given-2")).sandbox.token(), "given-2");
    assert_eq!(open(None).sandbox.token(), "given-2");
}

#[cfg(unix)]
#[test]
fn files_of_the_world_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state/sandbox");
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    let loosen = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("it may be changed");
    };
    for round in 0..2 {
        let s = Running::start(Some(&state), no_limit());
        s.made("leads", json!({}));
        s.control("POST", "reset", "").is(200);
        let files: Vec<_> =
            std::fs::read_dir(&state).expect("a folder").map(|file| file.expect("a file").path()).collect();
        assert_eq!(files.len(), 3, "lock, server.json and world.jsonl: {files:?}");
        for file in &files {
            assert_eq!(mode(file), 0o600, "{} in round {round}", file.display());
        }
        assert_eq!(mode(&state), 0o700, "round {round}");
        drop(s);
        // As a copy would be, or a folder made by somebody else.
        loosen(&state, 0o755);
        loosen(&state.join("world.jsonl"), 0o644);
        loosen(&state.join("lock"), 0o644);
    }
}
