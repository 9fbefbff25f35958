//! Stands between the program and the sandbox, and passes on what a seed makes of the answers. HTTP of a few lines, one request a
//! connection.

use crate::odd_answers::dice::Dice;
use crate::odd_answers::spoil::{Answer, How, spoiled};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Which answers are spoiled.
#[derive(Debug, Clone, Copy)]
pub enum Spoils {
    All,
    /// To what is written.
    Writes,
    /// To what is read when something was written.
    LaterReads,
    /// To whatever has this in its address.
    Of(&'static str),
    /// Not to what the account is asked first of all.
    ButAccount,
}

pub struct Proxy {
    url: String,
    shared: Arc<Shared>,
}

struct Shared {
    service: String,
    seed: u64,
    spoils: Spoils,
    how: How,
    percent: usize,
    requests: AtomicU64,
    wrote: AtomicBool,
    spoiled: AtomicU64,
    over: AtomicBool,
}

/// Who asks more often than this does not come to an end: a list that never ends is given up after 4,000 pages.
pub const REQUESTS_MAX: u64 = 30_000;

impl Proxy {
    pub fn start(service: &str, seed: u64, spoils: Spoils, (how, percent): (How, usize)) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let shared = Arc::new(Shared {
            service: service.trim_start_matches("http://").to_owned(),
            seed,
            spoils,
            how,
            percent,
            requests: AtomicU64::new(0),
            wrote: AtomicBool::new(false),
            spoiled: AtomicU64::new(0),
            over: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.over.load(Ordering::Relaxed) {
                    return;
                }
                let serving = Arc::clone(&serving);
                // Whoever hangs up is not answered.
                std::thread::spawn(move || serving.serve(stream));
            }
        });
        Proxy { url, shared }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    pub fn spoiled(&self) -> u64 {
        self.shared.spoiled.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut head = String::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let lower = line.to_lowercase();
            if let Some(said) = lower.strip_prefix("content-length:") {
                length = said.trim().parse().ok()?;
            }
            if line == "\r\n" {
                break;
            }
            if !lower.starts_with("host:") && !lower.starts_with("connection:") {
                head.push_str(&line);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let answer = self.answer(&head, &body)?;
        let (status, body) = answer;
        let told = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(told.as_bytes()).ok()?;
        stream.write_all(&body).ok()
    }

    fn answer(&self, head: &str, body: &[u8]) -> Option<Answer> {
        let n = self.requests.fetch_add(1, Ordering::Relaxed);
        if n >= REQUESTS_MAX {
            return Some((401, b"{}".to_vec()));
        }
        let answer = self.asked(head, body)?;
        let writes = !head.starts_with("GET");
        let later = self.wrote.fetch_or(writes, Ordering::Relaxed);
        let meant = match self.spoils {
            Spoils::All => true,
            Spoils::Writes => writes,
            Spoils::LaterReads => !writes && later,
            Spoils::Of(word) => head.lines().next()?.contains(word),
            Spoils::ButAccount => n >= 12,
        };
        // What becomes of an answer hangs on the request alone: many are under way together.
        let request = head
            .bytes()
            .chain(body.iter().copied())
            .fold(self.seed, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut dice = Dice(request);
        if !meant || !dice.chance(self.percent) {
            return Some(answer);
        }
        self.spoiled.fetch_add(1, Ordering::Relaxed);
        Some(spoiled(answer, self.how, &mut dice))
    }

    /// What the sandbox says.
    fn asked(&self, head: &str, body: &[u8]) -> Option<Answer> {
        let mut stream = TcpStream::connect(&self.service).ok()?;
        let request = format!("{head}host: {}\r\nconnection: close\r\n\r\n", self.service);
        stream.write_all(request.as_bytes()).ok()?;
        stream.write_all(body).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let told = String::from_utf8_lossy(&answer[..end]).to_lowercase();
        let status = told.split(' ').nth(1)?.parse().ok()?;
        let body = answer.split_off(end);
        Some((status, if told.contains("transfer-encoding: chunked") { joined(&body)? } else { body }))
    }
}

/// The chunks of a body as one.
fn joined(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = chunks.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&chunks[..line]).ok()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunks.get(line + 2..line + 2 + size)?);
        chunks = chunks.get(line + 4 + size..)?;
    }
}
