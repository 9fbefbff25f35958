//! A server that means harm: answers without an end, bombs, lists of millions, endless nesting. Whoever reads them stops in time and
//! says so, in little memory; whoever has written something knows that he does not know.

use crate::program;

use flate2::{Compression, write::GzEncoder};
use program::{Folder, Ran, Service, http};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use wait4::Wait4;

/// What an answer is like.
#[derive(Debug, Clone, Copy)]
enum Evil {
    Endless,
    /// Zeros that are ten gigabytes when they are unpacked.
    Bomb,
    ThreeMillionItems,
    /// Not many items, but more in them than in any answer.
    ThreeMillionValues,
    Nested,
    EndlessHead,
    EndlessError,
}

impl Evil {
    /// Until it is told, or the client has hung up.
    fn tell(self, stream: &mut TcpStream) -> std::io::Result<()> {
        let mut head = |status: &str, more: &str| {
            let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n{more}");
            stream.write_all(head.as_bytes())
        };
        let block = [b' '; 1 << 16];
        match self {
            Evil::Endless | Evil::EndlessError => {
                head(if matches!(self, Evil::Endless) { "200 OK" } else { "502 Bad Gateway" }, "\r\n")?;
                loop {
                    stream.write_all(&block)?;
                }
            }
            Evil::EndlessHead => {
                head("200 OK", "")?;
                loop {
                    stream.write_all(b"x-more: more of the same\r\n")?;
                }
            }
            Evil::Bomb => {
                head("200 OK", "content-encoding: gzip\r\n\r\n")?;
                let mut packed = GzEncoder::new(stream, Compression::fast());
                for _ in 0..(10_u64 << 30) / block.len() as u64 {
                    packed.write_all(&[0; 1 << 16])?;
                }
                packed.finish().map(drop)
            }
            Evil::ThreeMillionItems | Evil::ThreeMillionValues => {
                head("200 OK", "\r\n")?;
                let (before, one, after) = match self {
                    Evil::ThreeMillionItems => ("", r#"{"id":1},"#, r#"{"id":1}"#),
                    _ => (r#"{"id":1,"x":["#, "{},", "{}]}"),
                };
                stream.write_all(format!(r#"{{"id":1,"_embedded":{{"leads":[{before}"#).as_bytes())?;
                for _ in 0..3_000 {
                    stream.write_all(one.repeat(1_000).as_bytes())?;
                }
                stream.write_all(format!("{after}]}}}}").as_bytes())
            }
            Evil::Nested => {
                head("200 OK", "\r\n")?;
                let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
                stream.write_all(format!(r#"{{"id":1,"_embedded":{{"leads":[{open}{close}]}}}}"#).as_bytes())
            }
        }
    }
}

/// Stands before the sandbox, and answers itself where it is told to.
struct Hostile {
    url: String,
}

impl Hostile {
    fn before(service: &Service, evil: Evil, answers: fn(&str) -> bool) -> Hostile {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let behind = Arc::new((service.url().to_owned(), service.token().to_owned()));
        // It ends with the process of the test.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let behind = Arc::clone(&behind);
                std::thread::spawn(move || serve(stream, &behind, evil, answers));
            }
        });
        Hostile { url }
    }

    /// Runs the program against it; what it said, and the most memory it took, in megabytes.
    fn run(&self, folder: &Folder, service: &Service, args: &[&str]) -> (Ran, u64) {
        let mut command: Command = folder.command(service, &[]);
        command.args(args).args(["--account", &self.url]);
        let (out, err) = (folder.path().join("out"), folder.path().join("err"));
        command.stdout(std::fs::File::create(&out).expect("a file"));
        command.stderr(std::fs::File::create(&err).expect("a file"));
        let child = command.spawn().expect("the program runs");
        let watched = Arc::new(AtomicU64::new(0));
        let watching = watch_peak(child.id(), Arc::clone(&watched));
        let used = child.wait4().expect("the program ends");
        watching.join().expect("the peak is read");
        let text = |path| String::from_utf8(std::fs::read(path).expect("a file")).expect("UTF-8");
        let ran = Ran { code: used.status.code().unwrap_or(-1), stdout: text(out), stderr: text(err) };
        // What the system counts for a process begins with the memory of the one that started it, which here is large.
        let peak = if cfg!(target_os = "linux") { watched.load(Relaxed) } else { used.rusage.maxrss };
        (ran, peak / (1 << 20))
    }
}

/// Reads the most memory that a process has taken, in bytes, again and again until it has ended.
fn watch_peak(process: u32, peak: Arc<AtomicU64>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let program = Path::new(env!("CARGO_BIN_EXE_amoport")).file_name().expect("a name").to_string_lossy();
        while let Ok(status) = std::fs::read_to_string(format!("/proc/{process}/status")) {
            let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            let Some(kilobytes) = line("VmHWM:") else { return };
            // Before it becomes the program, its memory is that of the test.
            if line("Name:") == Some(&program) {
                let kilobytes: u64 = kilobytes.trim_end_matches("kB").trim().parse().expect("a number");
                peak.fetch_max(kilobytes << 10, Relaxed);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    })
}

fn serve(
    mut stream: TcpStream,
    (service, token): &(String, String),
    evil: Evil,
    answers: fn(&str) -> bool,
) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut request, mut line, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut request).ok()?;
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).ok()?;
        if let Some(said) = line.to_lowercase().strip_prefix("content-length:") {
            length = said.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut words = request.split(' ');
    let (method, path) = (words.next()?, words.next()?);
    // It is carried out, whatever is said of it.
    let (status, told) = http(service, method, path, token, std::str::from_utf8(&body).ok()?);
    if answers(&request) {
        return evil.tell(&mut stream).ok();
    }
    let told = if told.is_null() { String::new() } else { told.to_string() };
    let length = told.len();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all((head + &told).as_bytes()).ok()
}

/// A body and what is made of it while it is read; a run takes a tenth of it without any harm done to it.
const PEAK_MAX_MB: u64 = 300;

#[test]
fn an_answer_without_bounds_stops_a_reader_with_4_and_takes_little_memory() {
    if !crate::own_process::is_mine("hostile::an_answer_without_bounds_stops_a_reader_with_4_and_takes_little_memory") {
        return;
    }
    let tried = [
        (Evil::Endless, "it is larger than 64 MB"),
        (Evil::Bomb, "it is larger than 64 MB"),
        (Evil::ThreeMillionItems, "it contains a list of more than 10,000 items"),
        (Evil::ThreeMillionValues, "it contains more than 2,000,000 values"),
        (Evil::Nested, "it is nested more than 100 deep"),
        (Evil::EndlessError, "it is larger than 64 MB"),
        (Evil::EndlessHead, "message head is too large"),
    ];
    std::thread::scope(|scope| {
        for (evil, why) in tried {
            scope.spawn(move || {
                let (service, folder) = (Service::start(), Folder::new());
                for (args, answers) in [
                    (&["account", "show"][..], (|_: &str| true) as fn(&str) -> bool),
                    (&["export", "lead", "--to", "leads.jsonl"], |request| request.contains("/leads?")),
                ] {
                    let server = Hostile::before(&service, evil, answers);
                    let (ran, peak) = server.run(&folder, &service, args);
                    println!("{evil:?}: {args:?} ends with {}, {peak} MB: {}", ran.code, ran.stderr.trim());
                    let ran = ran.expect(4);
                    assert!(ran.stderr.contains(why), "{}", ran.stderr);
                    assert!(peak < PEAK_MAX_MB, "{evil:?}: {peak} MB");
                    assert!(!folder.path().join("leads.jsonl").exists());
                }
            });
        }
    });
}

#[test]
fn a_write_with_an_answer_without_bounds_is_in_doubt_and_nothing_is_made_twice() {
    std::thread::scope(|scope| {
        for evil in [
            Evil::Endless,
            Evil::Bomb,
            Evil::ThreeMillionItems,
            Evil::ThreeMillionValues,
            Evil::Nested,
            Evil::EndlessError,
        ] {
            scope.spawn(move || {
                let (service, folder) = (Service::start(), Folder::new());
                folder.write("leads.csv", "n,name\n1,Один\n2,Два\n3,Три\n");
                folder.write("leads.toml", "version = 1\nkind = \"lead\"\nkey = \"n\"\n[lead]\nname = \"name\"\n");
                let server = Hostile::before(&service, evil, |request| request.starts_with("POST"));
                let args = ["import", "leads.csv", "-m", "leads.toml", "--json"];
                let (ran, peak) = server.run(&folder, &service, &args);
                println!("{evil:?}: an import ends with {}, {peak} MB", ran.code);
                let counts = ran.expect(0).json()["counts"].clone();
                assert_eq!(counts["created"], 3, "found in the account: {counts}");
                assert_eq!((service.requests("POST leads"), service.entities("leads")), (1, 3));
                assert!(peak < PEAK_MAX_MB, "{evil:?}: {peak} MB");
            });
        }
    });
}
