//! The program run from outside, and the sandbox it talks to: what the tests of whole runs share. HTTP is spoken here
//! byte by byte, so that a test cannot share a mistake with the client.

// Each test file uses its own part of this.
#![allow(dead_code)]

use amoport::sandbox::{Options, Sandbox};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// A sandbox of its own for a test, in memory.
pub struct Service {
    sandbox: Sandbox,
    /// Where the processes that use it share their pace: ports come again, and so would what is remembered of them.
    rate_dir: tempfile::TempDir,
}

impl Service {
    pub fn start() -> Service {
        let sandbox = Sandbox::start(Options::default()).expect("a sandbox starts on a free port");
        Service { sandbox, rate_dir: tempfile::tempdir().expect("a temporary folder") }
    }

    pub fn rate_dir(&self) -> &Path {
        self.rate_dir.path()
    }

    /// Where the user of these processes has his own settings.
    pub fn config_home(&self) -> PathBuf {
        config_home(self.rate_dir())
    }

    pub fn url(&self) -> &str {
        self.sandbox.url()
    }

    pub fn token(&self) -> &str {
        self.sandbox.token()
    }

    pub fn get(&self, path: &str) -> Value {
        // The service counts these reads as it counts the program's, so it may ask for a little patience.
        for _ in 0..TOO_FAST_MAX {
            let (status, answer) = http(self.url(), "GET", path, self.token(), "");
            if status != 429 {
                return answer;
            }
            std::thread::sleep(PATIENCE);
        }
        panic!("GET {path}: asked to slow down again and again");
    }

    pub fn post(&self, path: &str, body: &str) -> Value {
        let (status, answer) = http(self.url(), "POST", path, self.token(), body);
        assert!(status < 300, "POST {path}: {status} {answer}");
        answer
    }

    pub fn faults(&self, faults: &str) {
        self.post("/_sandbox/faults", faults);
    }

    /// How many requests of a route came in, `POST leads` say.
    pub fn requests(&self, route: &str) -> u64 {
        self.get("/_sandbox/stats")["by_route"][route].as_u64().unwrap_or(0)
    }

    pub fn entities(&self, name: &str) -> u64 {
        self.get("/_sandbox/stats")["entities"][name].as_u64().unwrap_or(0)
    }

    /// Every lead of the account, page by page.
    pub fn all(&self, entity: &str) -> Vec<Value> {
        let mut all = Vec::new();
        for page in 1.. {
            let answer = self.get(&format!("/api/v4/{entity}?limit=250&page={page}"));
            match answer["_embedded"][entity].as_array() {
                Some(items) => all.extend(items.iter().cloned()),
                None => break,
            }
        }
        all
    }
}

/// How long a reader of the account waits after a 429, and how often: the limit is one of a second.
const PATIENCE: Duration = Duration::from_millis(300);
const TOO_FAST_MAX: usize = 200;

/// The settings of a user whose state is in `rate_dir`, so that no test reads or writes those of whoever runs it.
pub fn config_home(rate_dir: &Path) -> PathBuf {
    rate_dir.join("config")
}

/// One request; the answer's status and its JSON, `Null` where it has none.
pub fn http(base: &str, method: &str, path: &str, token: &str, body: &str) -> (u16, Value) {
    let host = base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).expect("the sandbox listens");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("the request is written");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the answer is read");
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("an answer has a status");
    let json = match (body.find(['{', '[']), body.rfind(['}', ']'])) {
        // The body may come in chunks, whose sizes stand before and after it.
        (Some(start), Some(end)) => serde_json::from_str(&body[start..=end]).unwrap_or(Value::Null),
        _ => Value::Null,
    };
    (status, json)
}

/// A folder in which the program runs; gone with the test.
pub struct Folder {
    dir: tempfile::TempDir,
}

pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The one JSON object of `--json`.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}\n{}", self.stdout, self.stderr))
    }

    #[track_caller]
    pub fn expect(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

impl Folder {
    pub fn new() -> Folder {
        Folder { dir: tempfile::tempdir().expect("a temporary folder") }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, content).expect("a file is written");
        path
    }

    /// A file that only its owner can read.
    pub fn secret(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.write(name, content);
        private(&path);
        path
    }

    pub fn command(&self, service: &Service, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amoport"));
        command.current_dir(self.path()).args(args).env("AMOPORT_TOKEN", service.token());
        command.env("AMOPORT_RATE_DIR", service.rate_dir()).env("XDG_CONFIG_HOME", service.config_home());
        if matches!(args.first(), Some(&("import" | "check" | "account" | "auth" | "export"))) {
            command.args(["--account", service.url()]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, service: &Service, args: &[&str]) -> Ran {
        ran(self.command(service, args).output().expect("the program runs"))
    }

    /// Lets the token of this service's user go to an address that a file in this folder names.
    pub fn allow(&self, service: &Service, url: &str) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amoport"));
        command.args(["auth", "allow", url]).env("XDG_CONFIG_HOME", service.config_home());
        ran(command.current_dir(self.path()).output().expect("the program runs")).expect(0);
    }

    pub fn spawn(&self, service: &Service, args: &[&str]) -> Child {
        self.command(service, args).spawn().expect("the program runs")
    }

    /// The folders of the runs, the oldest first.
    pub fn runs(&self) -> Vec<PathBuf> {
        let runs = std::fs::read_dir(self.path().join("runs")).into_iter().flatten();
        let mut runs: Vec<PathBuf> = runs.map(|run| run.expect("a folder").path()).collect();
        runs.sort();
        runs
    }

    /// A file of the newest run.
    pub fn of_run(&self, name: &str) -> String {
        std::fs::read_to_string(self.runs().last().expect("a run").join(name)).expect("a file of the run")
    }

    /// `results.csv` of the newest run as rows of named cells.
    pub fn results(&self) -> Vec<std::collections::HashMap<String, String>> {
        csv::Reader::from_reader(self.of_run("results.csv").as_bytes())
            .deserialize()
            .collect::<Result<_, _>>()
            .expect("results.csv is a CSV")
    }
}

/// Takes the file from all but its owner.
pub fn private(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).expect("a mode");
    }
    #[cfg(not(unix))]
    let _ = path;
}

pub fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
