//! The sandbox as a process of its own, so that the tool's CPU is the tool's alone; and its control corner, over a plain
//! socket, so that looking costs next to nothing.

use crate::gauge::unix_ms;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub struct Service {
    process: Child,
    pub url: String,
    pub token: String,
}

/// The limit of the service, where the world may have been without one.
pub const PACED: &str = r#"{"rate_max": 7, "block_after": 10}"#;
/// No limit, for what is measured without the pace.
pub const UNPACED: &str = r#"{"rate_max": 1000000, "block_after": 0}"#;
/// The most records of a page.
pub const PAGE: usize = 250;
/// Between two looks at the sandbox.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const WAIT_MAX_MS: f64 = 300_000.0;

impl Service {
    /// Serves the world in the folder, or a new one.
    pub fn start(amoport: &Path, state: &Path) -> Result<Service, String> {
        let mut process = Command::new(amoport)
            .args(["sandbox", "--port", "0", "--json", "--state"])
            .arg(state)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("the sandbox does not start: {e}"))?;
        let mut line = String::new();
        if let Some(out) = process.stdout.take() {
            BufReader::new(out).read_line(&mut line).map_err(|e| format!("the sandbox says nothing: {e}"))?;
        }
        let said: Value = serde_json::from_str(&line).map_err(|e| format!("the sandbox said \"{line}\": {e}"))?;
        let text = |key: &str| said[key].as_str().unwrap_or_default().to_owned();
        Ok(Service { process, url: text("url"), token: text("token") })
    }

    /// An empty world, counters at nothing, and how it behaves from now on.
    pub fn reset(&self, switches: &str, faults: &str) -> Result<(), String> {
        self.corner("POST", "reset", "")?;
        self.behave(switches, faults)
    }

    /// The same with the world as it is.
    pub fn restart(&self, switches: &str, faults: &str) -> Result<(), String> {
        self.corner("POST", "reset?keep=world", "")?;
        self.behave(switches, faults)
    }

    fn behave(&self, switches: &str, faults: &str) -> Result<(), String> {
        self.corner("POST", "switches", switches)?;
        self.corner("POST", "faults", faults)?;
        Ok(())
    }

    pub fn stats(&self) -> Result<Value, String> {
        self.corner("GET", "stats", "")
    }

    /// Records of the world in the order of their ids, whatever is set as faults.
    pub fn records(&self, of: &str, fields: &str, most: usize) -> Result<Vec<Value>, String> {
        let answer = self.corner("GET", &format!("entities/{of}?fields={fields}&limit={most}"), "")?;
        Ok(answer["rows"].as_array().cloned().unwrap_or_default())
    }

    /// Records for the world, past all limits: faults and counts begin anew afterwards.
    pub fn write(&self, method: &str, path: &str, items: &Value) -> Result<(), String> {
        self.restart(UNPACED, "{}")?;
        self.ask(method, &format!("/api/v4/{path}"), &items.to_string())?;
        Ok(())
    }

    pub fn leads(&self) -> Result<u64, String> {
        Ok(self.stats()?["entities"]["leads"].as_u64().unwrap_or(0))
    }

    pub fn log(&self) -> Result<Vec<Entry>, String> {
        let log = self.corner("GET", "requests", "")?;
        Ok(log.as_array().into_iter().flatten().map(Entry::of).collect())
    }

    /// Waits until records have come in; false where `ended` says that nothing will come any more.
    pub fn await_records(&self, mut ended: impl FnMut() -> bool) -> Result<bool, String> {
        let begun = unix_ms();
        while unix_ms() - begun < WAIT_MAX_MS {
            if self.stats()?["by_route"]["POST leads"].as_u64() > Some(0) {
                return Ok(true);
            }
            if ended() {
                return Ok(false);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(false)
    }

    fn corner(&self, method: &str, corner: &str, body: &str) -> Result<Value, String> {
        self.ask(method, &format!("/_sandbox/{corner}"), body)
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Result<Value, String> {
        let failed = |e: &dyn std::fmt::Display| format!("{method} {path}: {e}");
        let host = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).map_err(|e| failed(&e))?;
        let (token, length) = (&self.token, body.len());
        let head = format!(
            "{method} {path} HTTP/1.0\r\nhost: {host}\r\ncontent-type: application/json\r\nauthorization: Bearer {token}\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(format!("{head}{body}").as_bytes()).map_err(|e| failed(&e))?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(|e| failed(&e))?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| failed(&"no answer"))?;
        if !head.starts_with("HTTP/1.0 2") && !head.starts_with("HTTP/1.1 2") {
            return Err(failed(&body));
        }
        serde_json::from_str(body).map_err(|e| failed(&e))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A request as the sandbox saw it.
pub struct Entry {
    pub at_ms: f64,
    pub method: String,
    pub path: String,
    pub query: String,
    pub status: u64,
    pub items: f64,
    pub latency_ms: f64,
}

impl Entry {
    fn of(entry: &Value) -> Entry {
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let number = |key: &str| entry[key].as_f64().unwrap_or(0.0);
        Entry {
            at_ms: number("at_ms"),
            method: text("method"),
            path: text("path"),
            query: text("query"),
            status: entry["status"].as_u64().unwrap_or(0),
            items: number("items"),
            latency_ms: number("latency"),
        }
    }

    pub fn brings_records(&self) -> bool {
        self.method == "POST" && self.path.ends_with("/leads")
    }

    pub fn asks_for_records(&self) -> bool {
        self.method == "GET" && self.path.ends_with("/leads")
    }
}

/// Records a second between the first batch and the last one, by their arrivals: what the last one brought came after.
pub fn records_a_second(log: &[Entry]) -> f64 {
    let batches: Vec<&Entry> = log.iter().filter(|entry| entry.brings_records() && entry.status == 200).collect();
    let (Some(first), Some((last, before))) = (batches.first(), batches.split_last()) else { return f64::NAN };
    let records: f64 = before.iter().map(|batch| batch.items).sum();
    records * 1e3 / (last.at_ms - first.at_ms)
}

/// Pages a second from the first question to the last answer; pages with nothing on them are not counted.
pub fn pages_a_second(log: &[Entry], pages: f64) -> f64 {
    let asked = log.iter().filter(|entry| entry.asks_for_records());
    let (mut first, mut last, mut full) = (f64::INFINITY, 0.0_f64, 0.0_f64);
    for entry in asked.filter(|entry| entry.items > 1.0) {
        first = first.min(entry.at_ms);
        last = last.max(entry.at_ms + entry.latency_ms);
        full += 1.0;
    }
    full.min(pages) * 1e3 / (last - first)
}

/// How the answers' time is said to the sandbox.
pub fn latency(from_ms: u64, to_ms: u64) -> String {
    json!({"latency_ms": [from_ms, to_ms]}).to_string()
}
