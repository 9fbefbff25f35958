//! Secrets in places where they do not belong: nothing that is printed or kept repeats them, and a file that is no good place for
//! one is refused with the reason.

use crate::program;

use program::{Folder, Ran, Service, ran};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

const PROGRAM: &str = env!("CARGO_BIN_EXE_amoport");
const MAPPING: &str = "version = 1\nkind = \"lead\"\nkey = \"n\"\n[lead]\nname = \"name\"\n";
const PASSWORD: &str = "S3cr3t-pass";
const TOKEN: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJzZWNyZXQifQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("rows.csv", "n,name\n1,A\n2,B\n");
    folder.write("rows.toml", MAPPING);
    folder
}

/// The program with nothing in its environment but what is given.
fn command(folder: &Folder, args: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AMOPORT_")) {
        command.env_remove(name);
    }
    command.current_dir(folder.path()).args(args).env("AMOPORT_RATE_DIR", folder.path().join("pace"));
    command.env("XDG_CONFIG_HOME", folder.path().join("config"));
    command.envs(environment.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(folder: &Folder, args: &[&str], environment: &[(&str, &str)]) -> Ran {
    ran(command(folder, args, environment).output().expect("the program runs"))
}

#[track_caller]
fn assert_without(ran: &Ran, secret: &str) {
    assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{}\n{}", ran.stdout, ran.stderr);
}

/// Every file below, of databases and zips as they lie there.
fn all_bytes(folder: &Path, found: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("a name").path()) {
        match entry.is_dir() {
            true => all_bytes(&entry, found),
            false => found.extend(std::fs::read(entry).expect("a file")),
        }
    }
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

const VERBS: [&[&str]; 7] = [
    &["import", "rows.csv", "-m", "rows.toml"],
    &["check", "rows.csv", "-m", "rows.toml"],
    &["export", "lead", "--to", "leads.csv"],
    &["account", "show"],
    &["auth", "status"],
    &["resume"],
    &["report"],
];

#[test]
fn a_password_in_an_address_is_never_shown() {
    let folder = folder();
    for address in [
        format!("https://user:{PASSWORD}@example.amocrm.ru"),
        format!("http://user:{PASSWORD}@example.amocrm.ru"),
        format!("user:{PASSWORD}@example.amocrm.ru"),
        format!("https://user:{PASSWORD}@exa mple"),
        format!("https://user:a/{PASSWORD}@example.amocrm.ru"),
        format!("ftp://{PASSWORD}@example.amocrm.ru"),
    ] {
        for verb in VERBS {
            let said = [verb, &["--account", &address]].concat();
            assert_without(&run(&folder, &said, &[("AMOPORT_TOKEN", TOKEN)]).expect(2), PASSWORD);
            let told = run(&folder, &[verb, &["--json"]].concat(), &[("AMOPORT_ACCOUNT", &address)]).expect(2);
            assert_without(&told, PASSWORD);
        }
        folder.write("amoport.toml", format!("[accounts.main]\nurl = \"{address}\"\n"));
        for verb in &VERBS[..5] {
            let said = [*verb, &["--account", "main"]].concat();
            assert_without(&run(&folder, &said, &[("AMOPORT_TOKEN", TOKEN)]).expect(2), PASSWORD);
        }
    }
    let address = format!("https://user:{PASSWORD}@example.amocrm.ru");
    let login = run(&folder, &["auth", "login", "--account", &address, "--code-file", "-"], &[]).expect(2);
    assert_without(&login, PASSWORD);
    assert_without(&run(&folder, &["import", "--help"], &[("AMOPORT_ACCOUNT", &address)]).expect(0), PASSWORD);
    assert!(
        !folder.path().join(".amoport").exists() || {
            let mut kept = Vec::new();
            all_bytes(&folder.path().join(".amoport"), &mut kept);
            !holds(&kept, PASSWORD)
        }
    );
}

#[test]
fn a_password_of_a_proxy_is_never_shown() {
    let folder = folder();
    for proxy in [
        format!("http://user:{PASSWORD}@127.0.0.1:1"),
        format!("https://user:{PASSWORD}@localhost:1"),
        format!("nonsense://user:{PASSWORD}@localhost:1"),
        format!("user:{PASSWORD}@exa mple"),
    ] {
        let variables = [("HTTPS_PROXY", proxy.as_str()), ("AMOPORT_TOKEN", TOKEN)];
        let account = ["auth", "status", "--account", "https://localhost:1"];
        let told = run(&folder, &account, &variables);
        assert_ne!(told.code, 0);
        assert_without(&told, PASSWORD);
    }
}

#[test]
fn a_password_in_a_store_is_never_shown() {
    let (service, folder) = (Service::start(), folder());
    service.faults(r#"{"script": [{"on": "POST leads", "nth": 2, "do": "403"}]}"#);
    folder.run(&service, &["import", "rows.csv", "-m", "rows.toml", "--batch", "1"]).expect(4);
    let store = rusqlite::Connection::open(folder.path().join(".amoport/store.db")).expect("a store");
    let head: String = store.query_row("SELECT head FROM run", [], |row| row.get(0)).expect("a run");
    let mut head: Value = serde_json::from_str(&head).expect("JSON");
    for key in ["account", "target", "base"] {
        let address = head[key].as_str().expect("an address").replace("http://", &format!("http://user:{PASSWORD}@"));
        assert!(address.contains(PASSWORD), "{key}");
        head[key] = address.into();
    }
    store.execute("UPDATE run SET head = ?", [head.to_string()]).expect("it is written");
    drop(store);
    for args in [&["runs"][..], &["runs", "--json"], &["report"], &["report", "--json"], &["resume", "--json"]] {
        let told = folder.run(&service, args);
        assert!(told.code == 0 || told.code == 4, "{args:?}: {}", told.stderr);
        assert_without(&told, PASSWORD);
    }
    let mut left = Vec::new();
    all_bytes(&folder.path().join("runs"), &mut left);
    assert!(!left.is_empty() && !holds(&left, PASSWORD));
}

#[test]
fn a_token_that_is_given_as_a_name_is_not_shown() {
    let folder = folder();
    let code = "def50200".repeat(20);
    let account = ["--account", "https://localhost:1"];
    for secret in [TOKEN, &code] {
        let verbs = &VERBS[..6];
        for verb in verbs {
            let told = run(&folder, &[*verb, &account, &["--token-file", secret]].concat(), &[]).expect(2);
            assert_without(&told, secret);
            let told = run(&folder, &[*verb, &["--account", secret]].concat(), &[]).expect(2);
            assert_without(&told, secret);
        }
        let told = run(&folder, &[VERBS[3], &account, &["--token-file", secret]].concat(), &[]).expect(2);
        assert!(told.stderr.contains("give the name of a file that contains the token"), "{}", told.stderr);
        let told =
            run(&folder, &[VERBS[3], &["--json"], &account].concat(), &[("AMOPORT_TOKEN_FILE", secret)]).expect(2);
        assert_without(&told, secret);
        folder.write(
            "amoport.toml",
            format!("[accounts.main]\nurl = \"https://localhost:1\"\ntoken-file = \"{secret}\"\n"),
        );
        assert_without(&run(&folder, &[VERBS[3], &["--account", "main"]].concat(), &[]).expect(2), secret);
        let oauth =
            "client-id = \"i\"\nclient-secret-file = \"secret\"\nredirect-uri = \"https://r\"\ntoken-store = \"t\"\n";
        folder.write("amoport.toml", format!("[accounts.main]\nurl = \"https://localhost:1\"\n{oauth}"));
        folder.secret("secret", "the secret of the integration");
        let login = run(&folder, &["auth", "login", "--account", "main", "--code-file", secret], &[]).expect(2);
        assert_without(&login, secret);
        // What clap itself has to say.
        for args in [
            &["account", "show", secret][..],
            &["import", "rows.csv", "--batch", secret],
            &["import", "rows.csv", &format!("--rate={secret}")],
            &["export", secret, "--to", "leads.csv"],
            &[secret],
        ] {
            let told = run(&folder, args, &[]).expect(2);
            assert!(!told.stderr.is_empty());
            assert_without(&told, secret);
        }
        assert_without(&run(&folder, &["import", "rows.csv"], &[("AMOPORT_BATCH", secret)]).expect(2), secret);
        assert_without(&run(&folder, &["import", "--help"], &[("AMOPORT_TOKEN_FILE", secret)]).expect(0), secret);
    }
}

/// Stands before the sandbox and puts the token of the request in the place of a word, wherever the answer has it; what names
/// that word and should be made is refused with a sentence about the token.
fn echo(service: &Service) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let sandbox = Arc::new(service.url().trim_start_matches("http://").to_owned());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let sandbox = Arc::clone(&sandbox);
            std::thread::spawn(move || repeat(&stream, &sandbox));
        }
    });
    url
}

const WORD: &str = "ECHO";
const REFUSED: &str = "REFUSED";

/// One request of one connection.
fn repeat(stream: &TcpStream, sandbox: &str) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let value = |name: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
    };
    let mut body = vec![0; value("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let token = value("authorization").unwrap_or_default().trim_start_matches("Bearer ").to_owned();
    let (status, answer) = match String::from_utf8_lossy(&body).contains(REFUSED) {
        true => (
            "400 Bad Request".to_owned(),
            format!(
                r#"{{"title":"Bad Request","status":400,"detail":"the token {token} may not do this","validation-errors":[{{"request_id":"r3","errors":[{{"code":"{token}","path":"name","detail":"{token} has no such name"}}]}}]}}"#
            ),
        ),
        false => asked(sandbox, &head, &body),
    };
    let answer = answer.replace(WORD, &token);
    let length = answer.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    let _ = (&*stream).write_all((head + &answer).as_bytes());
}

/// What the sandbox answers.
fn asked(sandbox: &str, head: &str, body: &[u8]) -> (String, String) {
    let mut to = TcpStream::connect(sandbox).expect("the sandbox listens");
    let ours = |line: &&str| {
        let line = line.to_ascii_lowercase();
        !["connection:", "accept-encoding:", "host:"].iter().any(|name| line.starts_with(name))
    };
    let lines: Vec<&str> = head.trim_end().lines().filter(ours).collect();
    let head = lines.join("\r\n") + &format!("\r\nhost: {sandbox}\r\nconnection: close\r\n\r\n");
    to.write_all(&[head.as_bytes(), body].concat()).expect("the request is written");
    let mut answer = Vec::new();
    to.read_to_end(&mut answer).expect("an answer");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.lines().next().and_then(|line| line.split_once(' ')).expect("a status").1.to_owned();
    let bare = match (body.find(['{', '[']), body.rfind(['}', ']'])) {
        (Some(start), Some(end)) => body[start..=end].to_owned(),
        _ => String::new(),
    };
    (status, bare)
}

#[test]
fn a_token_that_an_answer_repeats_is_neither_shown_nor_kept() {
    let (service, folder) = (Service::start(), folder());
    let token = service.token().to_owned();
    service.post("/api/v4/leads/custom_fields", &format!(r#"[{{"name": "field {WORD}", "type": "text"}}]"#));
    service.post("/api/v4/leads", &format!(r#"[{{"name": "a lead of {WORD}"}}]"#));
    folder.write("rows.csv", format!("n,name\n1,A {WORD}\n2,{REFUSED}\n"));
    let url = echo(&service);
    let mut seen = 0;
    for (args, code) in [
        (&["account", "show"][..], 0),
        (&["account", "show", "--json"], 0),
        (&["account", "pull", "-o", "account.json"], 0),
        (&["auth", "status"], 0),
        (&["check", "rows.csv", "-m", "rows.toml"], 0),
        (&["import", "rows.csv", "-m", "rows.toml", "--verify", "all", "--batch", "1", "-v"], 1),
        (&["report", "--json"], 0),
        (&["export", "lead", "--to", "leads.csv"], 0),
        (&["export", "lead", "--to", "leads.xlsx"], 0),
        (&["export", "lead", "--to", "-"], 0),
    ] {
        let account = ["--account", &url];
        let told = run(&folder, &[args, &account].concat(), &[("AMOPORT_TOKEN", &token)]).expect(code);
        assert_without(&told, &token);
        seen += usize::from(told.stdout.contains("(secret)") || told.stderr.contains("(secret)"));
    }
    assert!(seen >= 4, "the answers have repeated it");
    let mut kept = Vec::new();
    all_bytes(folder.path(), &mut kept);
    assert!(!holds(&kept, &token), "a file holds the token");
    let refused = folder.of_run("problems.csv");
    assert!(refused.contains("(secret) has no such name"), "{refused}");
}

/// Answers everything with one status and all that the request has said.
fn parrot(status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut said = vec![0; 64 * 1024];
            let read = stream.read(&mut said).unwrap_or(0);
            let said = String::from_utf8_lossy(&said[..read]).into_owned();
            let answer = serde_json::json!({"title": "no", "status": 0, "detail": said}).to_string();
            let length = answer.len();
            let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n");
            let _ = stream.write_all((head + "connection: close\r\n\r\n" + &answer).as_bytes());
        }
    });
    url
}

#[test]
fn no_refusal_repeats_a_token_a_code_or_the_secret_of_an_integration() {
    let folder = folder();
    for status in ["400 A", "401 A", "402 A", "403 A", "404 A", "409 A", "422 A"] {
        let url = parrot(status);
        let told = run(&folder, &["account", "show", "--account", &url], &[("AMOPORT_TOKEN", TOKEN)]).expect(4);
        assert_without(&told, TOKEN);
        assert!(told.stderr.contains("(secret)"), "{status}: {}", told.stderr);
        let (code, secret, refresh) = ("def50200code".repeat(8), "integration".repeat(5), "refresh".repeat(8));
        let known = "client-id = \"i\"\nclient-secret-file = \"secret\"\nredirect-uri = \"https://r\"\ntoken-store = \"tokens\"\n";
        folder.write("amoport.toml", format!("[accounts.main]\nurl = \"{url}\"\n{known}"));
        folder.secret("secret", &secret);
        folder.secret("code", &code);
        let login = run(&folder, &["auth", "login", "--account", "main", "--code-file", "code"], &[]).expect(4);
        folder.secret("tokens", format!(r#"{{"access_token": "{TOKEN}", "refresh_token": "{refresh}"}}"#));
        let refreshed = run(&folder, &["account", "show", "--account", "main"], &[]).expect(4);
        for hidden in [TOKEN, &code, &secret, &refresh] {
            assert_without(&login, hidden);
            assert_without(&refreshed, hidden);
        }
        assert!(login.stderr.contains("(secret)"), "{status}: {}", login.stderr);
        std::fs::remove_file(folder.path().join("tokens")).expect("the tokens");
    }
}

#[test]
fn a_file_that_holds_more_than_a_token_or_none_is_refused_with_the_reason() {
    let (service, folder) = (Service::start(), folder());
    let account = ["account", "show", "--account", service.url(), "--token-file", "token"];
    let token = service.token();
    let large = "x".repeat(64 * 1024 + 1);
    for (content, why) in [
        (format!("{token}\nother"), "has several lines"),
        (format!("{token}\r\nother\r\n"), "has several lines"),
        (format!("{token}\rother"), "has several lines"),
        (format!("to\tken{token}"), "contains characters that no token has"),
        (format!("to\0ken{token}"), "contains characters that no token has"),
        (String::new(), "is empty"),
        ("\u{feff} \n".to_owned(), "is empty"),
        (large, "is larger than 64 KiB"),
    ] {
        folder.secret("token", &content);
        let refused = run(&folder, &account, &[]).expect(2);
        assert!(refused.stderr.contains(why), "{why}: {}", refused.stderr);
        assert_without(&refused, token);
    }
    // What a shell of Windows writes by default.
    let wide: Vec<u8> = [0xFF, 0xFE].into_iter().chain(token.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    folder.secret("token", wide);
    assert!(run(&folder, &account, &[]).expect(2).stderr.contains("is not UTF-8 text"));
    for good in [format!("{token}\n"), format!("\u{feff}{token}\r\n"), format!("  {token}  \n\n")] {
        folder.secret("token", good);
        run(&folder, &account, &[]).expect(0);
    }
    std::fs::remove_file(folder.path().join("token")).expect("the token");
    std::fs::create_dir(folder.path().join("token")).expect("a folder");
    assert!(run(&folder, &account, &[]).expect(2).stderr.contains("is a folder"));
    for (value, why) in [
        (format!("{token}\nother"), "AMOPORT_TOKEN has several lines"),
        (format!("to\u{1}ken{token}"), "AMOPORT_TOKEN contains characters that no token has"),
    ] {
        let refused = run(&folder, &account[..4], &[("AMOPORT_TOKEN", &value)]).expect(2);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
        assert_without(&refused, token);
    }
    run(&folder, &account[..4], &[("AMOPORT_TOKEN", &format!("{token}\n"))]).expect(0);
    std::fs::create_dir_all(folder.path().join("config/amoport")).expect("folders");
    folder.write(
        "config/amoport/config.toml",
        format!("[accounts.main]\nurl = \"{}\"\ntoken-command = [\"printf\", \"a\\nb\"]\n", service.url()),
    );
    let refused = run(&folder, &["account", "show", "--account", "main"], &[]).expect(2);
    assert!(refused.stderr.contains("what token-command prints has several lines"), "{}", refused.stderr);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_no_token_file_and_nobody_waits_for_it() {
    let folder = folder();
    let made = Command::new("mkfifo").arg(folder.path().join("token")).status().expect("mkfifo");
    assert!(made.success());
    let account = ["account", "show", "--account", "https://localhost:1", "--token-file"];
    for pipe in ["token", "/dev/null"] {
        let refused = run(&folder, &[&account[..], &[pipe]].concat(), &[]).expect(2);
        assert!(refused.stderr.contains("is a pipe or a device"), "{}", refused.stderr);
    }
}

#[cfg(unix)]
mod modes {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn opened(folder: &Folder, name: &str) {
        std::fs::set_permissions(folder.path().join(name), PermissionsExt::from_mode(0o644)).expect("a mode");
    }

    #[test]
    fn a_file_with_a_secret_that_others_can_read_is_refused_unless_that_is_allowed() {
        let (service, folder) = (Service::start(), folder());
        folder.secret("token", service.token());
        opened(&folder, "token");
        let account = ["--account", service.url(), "--token-file", "token"];
        for verb in &VERBS[..5] {
            let refused = run(&folder, &[*verb, &account].concat(), &[]).expect(2);
            assert!(refused.stderr.contains("chmod 600 token"), "{}", refused.stderr);
            assert!(refused.stderr.contains("--allow-open-token-file"), "{}", refused.stderr);
        }
        let show = [VERBS[3], &account].concat();
        let taken = run(&folder, &[&show[..], &["--allow-open-token-file"]].concat(), &[]).expect(0);
        assert!(!taken.stderr.contains("other users"), "{}", taken.stderr);
        run(&folder, &show, &[("AMOPORT_ALLOW_OPEN_TOKEN_FILE", "true")]).expect(0);
    }

    #[test]
    fn what_a_service_is_handed_is_taken_with_a_warning() {
        let (service, folder) = (Service::start(), folder());
        std::fs::create_dir(folder.path().join("credentials")).expect("a folder");
        folder.secret("credentials/amoport-token", service.token());
        opened(&folder, "credentials/amoport-token");
        let credentials = folder.path().join("credentials").display().to_string();
        let handed = [("CREDENTIALS_DIRECTORY", credentials.as_str())];
        let show = ["account", "show", "--account", service.url()];
        let taken = run(&folder, &show, &handed).expect(0);
        assert!(taken.stderr.contains("can be read or changed by other users (mode 644)"), "{}", taken.stderr);
        // A link out of the folder is no credential.
        folder.secret("token", service.token());
        opened(&folder, "token");
        std::os::unix::fs::symlink(folder.path().join("token"), folder.path().join("credentials/link"))
            .expect("a link");
        let linked = [&show[..], &["--token-file", "credentials/link"]].concat();
        run(&folder, &linked, &handed).expect(2);
    }

    #[test]
    fn the_secret_the_code_and_the_tokens_of_an_integration_are_their_owners_alone() {
        let (service, folder) = (Service::start(), folder());
        let known = service.get("/_sandbox/oauth");
        let text = |key: &str| known[key].as_str().expect("a text").to_owned();
        let (url, id, redirect) = (service.url(), text("client_id"), text("redirect_uri"));
        folder.write(
            "amoport.toml",
            format!(
                "[accounts.main]\nurl = \"{url}\"\nclient-id = \"{id}\"\nclient-secret-file = \"secret\"\n\
                 redirect-uri = \"{redirect}\"\ntoken-store = \"tokens\"\n"
            ),
        );
        run(&folder, &["auth", "allow", url], &[]).expect(0);
        folder.secret("secret", text("client_secret"));
        folder.secret("code", text("code"));
        let login = ["auth", "login", "--account", "main", "--code-file", "code"];
        for name in ["secret", "code"] {
            opened(&folder, name);
            let refused = run(&folder, &login, &[]).expect(2);
            assert!(refused.stderr.contains(&format!("chmod 600 {name}")), "{}", refused.stderr);
            assert_without(&refused, &text("code"));
            program::private(&folder.path().join(name));
        }
        opened(&folder, "code");
        run(&folder, &[&login[..], &["--allow-open-token-file"]].concat(), &[]).expect(0);
        run(&folder, &["account", "show", "--account", "main"], &[]).expect(0);
        opened(&folder, "tokens");
        let refused = run(&folder, &["account", "show", "--account", "main"], &[]).expect(2);
        assert!(refused.stderr.contains("other users (mode 644): chmod 600"), "{}", refused.stderr);
    }

    #[test]
    fn the_line_to_go_on_allows_what_was_allowed() {
        let (service, folder) = (Service::start(), folder());
        folder.secret("token", service.token());
        opened(&folder, "token");
        service.faults(r#"{"script": [{"on": "POST leads", "nth": 2, "do": "403"}]}"#);
        let import = ["import", "rows.csv", "-m", "rows.toml", "--batch", "1", "--account", service.url()];
        let stopped = run(&folder, &[&import[..], &["--token-file", "token", "--allow-open-token-file"]].concat(), &[]);
        let stopped = stopped.expect(4);
        let line =
            stopped.stderr.lines().last().unwrap_or_default().strip_prefix("to go on: amoport ").expect("a line");
        let words: Vec<&str> = line.split(' ').collect();
        run(&folder, &words, &[]).expect(0);
        assert_eq!(service.entities("leads"), 2);
    }
}
