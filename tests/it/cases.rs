//! The whole program from outside. Every folder in `tests/cases/` is a case: its files, and a `case.toml` that says
//! what to run and what must come of it. A case runs in a temporary folder of its own, against its own sandbox.
//!
//! `AMOPORT_CASE=words cargo test --test it cases` runs the cases whose name holds the words;
//! `AMOPORT_BLESS=1` rewrites the expected files.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_amoport");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// How long a reader of the account waits after a 429, and how often: the limit is one of a second.
const PATIENCE: Duration = Duration::from_millis(300);
const TOO_FAST_MAX: usize = 200;
/// Cases run at the same time.
const THREADS: usize = 8;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What it shows, for the reader of the file.
    #[allow(dead_code)]
    about: String,
    step: Vec<Step>,
}

/// One thing to do, by exactly one of `run`, `get`, `post`, `delete`, `edit` and `serve`; and what must come of it.
///
/// In all texts `{samples}` and `{mappings}` are the folders of the repository, `{run}` is the folder of the newest
/// run, `{run1}` that of the first; `{id:5}`, `{contact:5}` and `{company:5}` are the ids that the newest run gave to
/// what stands in row 5; `{host}` and `{token}` are those of the standing sandbox.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// The program's arguments.
    run: Option<Vec<String>>,
    #[serde(default)]
    exit: i32,
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Texts that must appear.
    #[serde(default)]
    stdout: Vec<String>,
    #[serde(default)]
    stderr: Vec<String>,
    /// Texts that must appear in neither.
    #[serde(default)]
    without: Vec<String>,
    /// `counts` of the newest run's `run.json`; those not named are 0.
    counts: Option<BTreeMap<String, u64>>,
    /// A file that came (`stdout`, `stderr`, or one in the case's folder) and the one in the case that it must be equal to.
    #[serde(default)]
    same: BTreeMap<String, String>,

    /// A path of the sandbox to read; the sandbox is started for it if none stands.
    get: Option<String>,
    status: Option<u16>,
    /// JSON pointers into the answer and what must be there.
    #[serde(default)]
    at: BTreeMap<String, toml::Value>,
    /// JSON pointers to arrays and how long they must be.
    #[serde(default)]
    len: BTreeMap<String, usize>,
    /// Custom fields of the record read, by name; `+79000000001 (MOB)` for values that have a kind, an empty text for
    /// a field without a value.
    #[serde(default)]
    fields: BTreeMap<String, toml::Value>,
    tags: Option<Vec<String>>,

    /// A path of the standing sandbox, of its control corner or of the API, that takes `body`.
    post: Option<String>,
    #[serde(default)]
    body: String,
    /// A path of the API whose record somebody else deletes.
    delete: Option<String>,

    /// A file to edit, and what to replace in it; each must be found.
    edit: Option<String>,
    #[serde(default)]
    replace: Vec<(String, String)>,
    #[serde(default = "utf8")]
    encoding: String,

    /// Starts (`true`) or stops (`false`) a standing sandbox on the case's state.
    serve: Option<bool>,
}

fn utf8() -> String {
    "utf-8".to_owned()
}

#[test]
fn every_case_holds() {
    let wanted = std::env::var("AMOPORT_CASE").unwrap_or_default();
    let mut names = case_names();
    names.retain(|name| name.contains(&wanted));
    names.reverse();
    let left = Mutex::new(names);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(name) = { left.lock().unwrap().pop() } {
                    if let Err(failure) = run_case(&name) {
                        failures.lock().unwrap().push(format!("\n==== tests/cases/{name}\n{failure}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} cases failed\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_mapping_that_ships_has_a_sample_of_its_name_and_a_case() {
    let root = Path::new(ROOT);
    let samples = names_in(&root.join("samples"), "");
    let cases: String = case_names()
        .iter()
        .map(|name| fs::read_to_string(root.join("tests/cases").join(name).join("case.toml")).unwrap())
        .collect();
    let mappings = names_in(&root.join("mappings"), ".toml");
    assert!(!mappings.is_empty());
    for mapping in mappings {
        let text = fs::read_to_string(root.join("mappings").join(&mapping)).unwrap();
        assert!(text.starts_with("#:schema ./mapping.schema.json\n"), "mappings/{mapping} does not name its schema");
        let stem = mapping.trim_end_matches("toml");
        let sample = samples.iter().find(|sample| sample.starts_with(stem));
        let sample = sample.unwrap_or_else(|| panic!("there is no samples/{stem}* for mappings/{mapping}"));
        for used in [format!("{{mappings}}/{mapping}"), format!("{{samples}}/{sample}")] {
            assert!(cases.contains(&used), "no case uses {used}");
        }
    }
}

#[test]
fn the_schema_that_ships_is_the_one_the_program_prints() {
    let path = Path::new(ROOT).join("mappings/mapping.schema.json");
    let printed = Command::new(PROGRAM).args(["mapping", "schema"]).output().unwrap().stdout;
    if blessing() {
        fs::write(&path, &printed).unwrap();
    }
    let kept = fs::read(&path).unwrap();
    assert!(kept == printed, "run: amoport mapping schema > mappings/mapping.schema.json");
}

fn blessing() -> bool {
    std::env::var_os("AMOPORT_BLESS").is_some()
}

fn names_in(folder: &Path, end: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(end));
    names.sort();
    names
}

fn case_names() -> Vec<String> {
    let folder = Path::new(ROOT).join("tests/cases");
    let mut names = names_in(&folder, "");
    names.retain(|name| folder.join(name).is_dir());
    names
}

fn run_case(name: &str) -> Result<(), String> {
    let home = Path::new(ROOT).join("tests/cases").join(name);
    let text = fs::read_to_string(home.join("case.toml")).map_err(|e| format!("case.toml: {e}"))?;
    let case: Case = toml::from_str(&text).map_err(|e| format!("case.toml: {e}"))?;
    let room = tempfile::tempdir().map_err(|e| e.to_string())?;
    for file in names_in(&home, "") {
        if home.join(&file).is_file() {
            fs::copy(home.join(&file), room.path().join(&file)).map_err(|e| format!("{file}: {e}"))?;
        }
    }
    let mut running = Running { home, room: room.path().to_owned(), runs: Vec::new(), server: None };
    for (index, step) in case.step.iter().enumerate() {
        running.step(step).map_err(|failure| format!("step {}: {failure}", index + 1))?;
    }
    Ok(())
}

/// A case on its way.
struct Running {
    home: PathBuf,
    room: PathBuf,
    /// Folders of the runs so far, oldest first.
    runs: Vec<String>,
    server: Option<Server>,
}

impl Running {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        let texts = [&step.get, &step.post, &step.delete, &step.edit];
        let verbs = texts.into_iter().flatten().count() + usize::from(step.run.is_some() || step.serve.is_some());
        if verbs != 1 || (step.run.is_some() && step.serve.is_some()) {
            return Err("a step has exactly one of run, get, post, delete, edit and serve".to_owned());
        }
        if step.get.is_none() && self.server.as_ref().is_some_and(|server| !server.standing) {
            self.server = None;
        }
        if let Some(args) = &step.run {
            self.run(args, step)
        } else if let Some(path) = &step.get {
            self.get(path, step).map_err(|failure| format!("GET {path}: {failure}"))
        } else if let Some(path) = &step.post {
            self.change("POST", path, &self.expand(&step.body))
        } else if let Some(path) = &step.delete {
            self.change("DELETE", path, "")
        } else if let Some(file) = &step.edit {
            self.edit(file, step)
        } else {
            self.server = None;
            if step.serve == Some(true) {
                self.server = Some(Server::start(&self.room, true)?);
            }
            Ok(())
        }
    }

    fn change(&self, method: &str, path: &str, body: &str) -> Result<(), String> {
        let server = self.server.as_ref().ok_or("no sandbox stands; add a step with serve = true")?;
        let (status, answer) = server.ask(method, &self.expand(path), body)?;
        if matches!(status, 200 | 204) { Ok(()) } else { Err(format!("{method} {path}: {status} {answer}")) }
    }

    fn expand(&self, text: &str) -> String {
        let mut text =
            text.replace("{samples}", &format!("{ROOT}/samples")).replace("{mappings}", &format!("{ROOT}/mappings"));
        for (index, run) in self.runs.iter().enumerate() {
            text = text.replace(&format!("{{run{}}}", index + 1), run);
            text = text.replace(&format!("{{run-name{}}}", index + 1), run.trim_start_matches("runs/"));
        }
        if let Some(run) = self.runs.last() {
            let name = run.trim_start_matches("runs/");
            text = text.replace("{run}", run).replace("{run-name}", name);
            for (word, column) in [("{id:", "id"), ("{contact:", "contact_id"), ("{company:", "company_id")] {
                while let Some((before, after)) = text.split_once(word) {
                    let (row, rest) = after.split_once('}').unwrap_or((after, ""));
                    text = format!("{before}{}{rest}", self.result(run, row, column));
                }
            }
        }
        if let Some(server) = &self.server {
            text = text.replace("{host}", &server.url).replace("{token}", &server.token);
        }
        text
    }

    /// A cell of a run's `results.csv`. Batches are on their way together, so ids do not follow the rows.
    fn result(&self, run: &str, row: &str, column: &str) -> String {
        let path = self.room.join(run).join("results.csv");
        let Ok(mut results) = csv::Reader::from_path(&path) else { return format!("no {}", path.display()) };
        let mut lines = results.deserialize::<BTreeMap<String, String>>().flatten();
        let found = lines.find(|line| line.get("row").is_some_and(|at| at == row));
        found.and_then(|line| line.get(column).cloned()).unwrap_or_else(|| format!("no row {row}"))
    }

    fn run(&mut self, args: &[String], step: &Step) -> Result<(), String> {
        let args: Vec<String> = args.iter().map(|arg| self.expand(arg)).collect();
        let mut command = Command::new(PROGRAM);
        command.args(&args).current_dir(&self.room).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AMOPORT_") {
                command.env_remove(name);
            }
        }
        // The pace that all processes share would outlive the case, and its port may come again.
        command.env("AMOPORT_RATE_DIR", self.room.join("rate")).env("XDG_CONFIG_HOME", self.room.join("config"));
        command.envs(step.env.iter().map(|(name, value)| (name, self.expand(value))));
        let output = command.output().map_err(|e| e.to_string())?;
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        self.note_new_runs();
        let mut wrong = String::new();
        let code = output.status.code();
        if code != Some(step.exit) {
            let _ = writeln!(wrong, "exit code {code:?}, expected {}", step.exit);
        }
        let (shown_out, shown_err) = (masked(&stdout), masked(&stderr));
        for (name, shown, texts) in [("stdout", &shown_out, &step.stdout), ("stderr", &shown_err, &step.stderr)] {
            for text in texts {
                if !shown.contains(&masked(&self.expand(text))) {
                    let _ = writeln!(wrong, "not in {name}: {text}");
                }
            }
        }
        for text in &step.without {
            if shown_out.contains(text) || shown_err.contains(text) {
                let _ = writeln!(wrong, "should not be said: {text}");
            }
        }
        if let Some(counts) = &step.counts {
            wrong.push_str(&self.wrong_counts(counts));
        }
        for (came, kept) in &step.same {
            let text = match came.as_str() {
                "stdout" => stdout.to_string(),
                "stderr" => stderr.to_string(),
                file => {
                    let path = self.room.join(self.expand(file));
                    let bytes = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
                    decoded(&bytes, &step.encoding).into_owned()
                }
            };
            wrong.push_str(&self.wrong_file(&masked(&text), came, kept)?);
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let told = format!("$ amoport {}\n{wrong}--- stdout\n{stdout}\n--- stderr\n{stderr}", args.join(" "));
        Err(told)
    }

    fn note_new_runs(&mut self) {
        if let Ok(entries) = fs::read_dir(self.room.join("runs")) {
            for entry in entries.flatten() {
                let run = format!("runs/{}", entry.file_name().to_string_lossy());
                if !self.runs.contains(&run) {
                    self.runs.push(run);
                }
            }
        }
    }

    fn wrong_counts(&self, expected: &BTreeMap<String, u64>) -> String {
        let Some(run) = self.runs.last() else { return "there is no run\n".to_owned() };
        let summary = fs::read(self.room.join(run).join("run.json")).unwrap_or_default();
        let summary: Value = serde_json::from_slice(&summary).unwrap_or_default();
        let mut found: BTreeMap<String, u64> = summary["counts"]
            .as_object()
            .map(|counts| counts.iter().map(|(name, n)| (name.clone(), n.as_u64().unwrap_or(0))).collect())
            .unwrap_or_default();
        found.retain(|_, n| *n > 0);
        if found == *expected { String::new() } else { format!("counts {found:?}, expected {expected:?}\n") }
    }

    fn wrong_file(&self, text: &str, came: &str, kept: &str) -> Result<String, String> {
        let path = self.home.join(kept);
        if blessing() {
            fs::write(&path, text).map_err(|e| e.to_string())?;
            return Ok(String::new());
        }
        let expected = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        if expected == text {
            return Ok(String::new());
        }
        let mut wrong = format!("{came} differs from {kept}\n");
        let (mut found, mut wanted) = (text.lines(), expected.lines());
        for line in 1.. {
            match (found.next(), wanted.next()) {
                (None, None) => break,
                (a, b) if a == b => {}
                (a, b) => {
                    let _ =
                        writeln!(wrong, "line {line}\n  came     {}\n  expected {}", a.unwrap_or(""), b.unwrap_or(""));
                }
            }
        }
        Ok(wrong)
    }

    fn edit(&mut self, file: &str, step: &Step) -> Result<(), String> {
        let path = self.room.join(self.expand(file));
        let encoding = encoding_rs::Encoding::for_label(step.encoding.as_bytes()).ok_or("unknown encoding")?;
        let bytes = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let (text, _) = encoding.decode_without_bom_handling(&bytes);
        let mut text = text.into_owned();
        for (old, new) in &step.replace {
            if !text.contains(old) {
                return Err(format!("\"{old}\" is not in {file}:\n{text}"));
            }
            text = text.replace(old, &self.expand(new));
        }
        fs::write(&path, encoding.encode(&text).0).map_err(|e| e.to_string())
    }

    fn get(&mut self, path: &str, step: &Step) -> Result<(), String> {
        if self.server.is_none() {
            self.server = Some(Server::start(&self.room, false)?);
        }
        let Some(server) = &self.server else { return Ok(()) };
        let mut answer = server.ask("GET", &self.expand(path), "")?;
        // A standing sandbox counts these reads with those of the program that has just ended.
        for _ in 0..TOO_FAST_MAX {
            if answer.0 != 429 || step.status == Some(429) {
                break;
            }
            std::thread::sleep(PATIENCE);
            answer = server.ask("GET", &self.expand(path), "")?;
        }
        let (status, text) = answer;
        let json: Value = serde_json::from_str(&text).unwrap_or_default();
        let mut wrong = String::new();
        if status != step.status.unwrap_or(200) {
            let _ = writeln!(wrong, "status {status}");
        }
        for (pointer, expected) in &step.at {
            let found = json.pointer(pointer).cloned().unwrap_or_default();
            // Ids come from a text, and are numbers in the world.
            let same = match expected {
                toml::Value::String(text) if text.contains('{') => {
                    found == self.expand(text).parse::<u64>().unwrap_or(0)
                }
                _ => found == as_json(expected),
            };
            if !same {
                let _ = writeln!(wrong, "{pointer} is {found}, expected {expected}");
            }
        }
        for (pointer, expected) in &step.len {
            let found = json.pointer(pointer).and_then(Value::as_array).map(Vec::len);
            if found != Some(*expected) {
                let _ = writeln!(wrong, "{pointer} holds {found:?}, expected {expected}");
            }
        }
        for (name, expected) in &step.fields {
            let found = custom_field(&json, name);
            if found != as_json(expected) {
                let _ = writeln!(wrong, "the field \"{name}\" is {found}, expected {expected}");
            }
        }
        if let Some(expected) = &step.tags {
            let tags = json.pointer("/_embedded/tags").and_then(Value::as_array).cloned().unwrap_or_default();
            let mut found: Vec<&str> = tags.iter().filter_map(|tag| tag["name"].as_str()).collect();
            let mut expected: Vec<&str> = expected.iter().map(String::as_str).collect();
            found.sort_unstable();
            expected.sort_unstable();
            if found != expected {
                let _ = writeln!(wrong, "the tags are {found:?}, expected {expected:?}");
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(format!("{wrong}in {text}")) }
    }
}

fn as_json(expected: &toml::Value) -> Value {
    serde_json::to_value(expected).unwrap_or_default()
}

fn owned((key, value): (&String, &Value)) -> (String, Value) {
    (key.clone(), value.clone())
}

/// A field's value, or the list of its values where there are several; empty where there is none.
fn custom_field(record: &Value, name: &str) -> Value {
    let fields = record["custom_fields_values"].as_array().cloned().unwrap_or_default();
    let Some(field) = fields.iter().find(|field| field["field_name"] == name) else { return "".into() };
    let mut values: Vec<Value> = field["values"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|value| match (&value["value"], &value["enum_code"]) {
            (Value::String(text), Value::String(code)) => Value::String(format!("{text} ({code})")),
            // A step of a chain of lists has no value of its own.
            (Value::Null, _) => value.clone(),
            // Values in parts are read with the keys of all countries.
            (Value::Object(parts), _) => parts.iter().filter(|(_, part)| !part.is_null()).map(owned).collect(),
            (inner, _) => inner.clone(),
        })
        .collect();
    if values.len() == 1 { values.remove(0) } else { Value::Array(values) }
}

fn decoded<'a>(bytes: &'a [u8], encoding: &str) -> std::borrow::Cow<'a, str> {
    match encoding_rs::Encoding::for_label(encoding.as_bytes()) {
        Some(encoding) => encoding.decode_without_bom_handling(bytes).0,
        None => String::from_utf8_lossy(bytes),
    }
}

/// `amoport sandbox` on the state folder of a case, killed when it is dropped.
struct Server {
    child: Child,
    url: String,
    token: String,
    /// Started by the case, and not just to look at the world.
    standing: bool,
}

impl Server {
    fn start(room: &Path, standing: bool) -> Result<Server, String> {
        let mut child = Command::new(PROGRAM)
            .args(["sandbox", "--json", "--port", "0"])
            .current_dir(room)
            .env("XDG_CONFIG_HOME", room.join("config"))
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| e.to_string())?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).map_err(|e| e.to_string())?;
        }
        let said: Value = serde_json::from_str(&line).map_err(|e| format!("the sandbox said \"{line}\": {e}"))?;
        let text = |key: &str| said[key].as_str().unwrap_or_default().to_owned();
        let server = Server { child, url: text("url"), token: text("token"), standing };
        if !standing {
            server.ask("POST", "/_sandbox/switches", r#"{"rate_max": 1000}"#)?;
        }
        Ok(server)
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Result<(u16, String), String> {
        let host = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).map_err(|e| e.to_string())?;
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        stream.write_all(request.as_bytes()).map_err(|e| e.to_string())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).map_err(|e| e.to_string())?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer has no body")?;
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or("the answer has no status")?;
        Ok((status, body.to_owned()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What differs from run to run, made the same: run names become `TIME-leads`, addresses `http://HOST`, the seconds a
/// run took `N.N s`, the repository's folder `.`.
fn masked(text: &str) -> String {
    let text = text.replace(&format!("{ROOT}/"), "");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        if let Some(after) = stamp(rest) {
            out.push_str("TIME");
            rest = after;
        } else if let Some(after) = rest.strip_prefix("http://127.0.0.1:") {
            out.push_str("http://HOST");
            rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
        } else if let Some(after) = rest.strip_prefix(" requests in ") {
            out.push_str(" requests in N.N");
            rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// What follows `20261121T194500Z`.
fn stamp(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let form = bytes.get(..16)?.iter().enumerate().all(|(index, byte)| match index {
        8 => *byte == b'T',
        15 => *byte == b'Z',
        _ => byte.is_ascii_digit(),
    });
    form.then(|| &text[16..])
}
