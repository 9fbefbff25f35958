//! The world on disk: `world.jsonl`, a line for each commit, written before the answer goes out; a lock; and
//! `server.json`, by which other processes find a standing server. All files of the room are touched here.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::account::Account;
use super::world::{Commit, World};
use crate::problem::{Place, Problem, Stage};

const FORMAT: u32 = 1;
/// Below this a log is never worth rewriting.
const COMPACT_MIN_BYTES: u64 = 4 << 20;

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    amoport_sandbox_world: u32,
    seed: u64,
}

/// A world's folder, held by this process alone until it is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    log: File,
    _lock: File,
}

impl Folder {
    /// Takes the folder and reads the world in it, or starts one with `seed`.
    pub fn open(path: &Path, account: Account, seed: u64) -> Result<(Folder, World), Problem> {
        create_private_dir(path).map_err(|e| unusable(path, "cannot be made", &e))?;
        let lock = take_lock(path)?;
        let log_path = path.join("world.jsonl");
        let (world, bytes, live) = load(&log_path, account, seed)?;
        let stale = bytes > COMPACT_MIN_BYTES && live < bytes / 2;
        if bytes == 0 || stale {
            rewrite(&log_path, &world).map_err(|e| unusable(&log_path, "cannot be written", &e))?;
        }
        let log = open_log(&log_path).map_err(|e| unusable(&log_path, "cannot be opened", &e))?;
        Ok((Folder { path: path.to_owned(), log, _lock: lock }, world))
    }

    /// One write for the whole line: a killed process leaves it whole, or torn at the very end of the file.
    pub fn append(&mut self, commit: &Commit) -> io::Result<()> {
        let mut line = serde_json::to_vec(commit)?;
        line.push(b'\n');
        self.log.write_all(&line)
    }

    /// Puts `world` in the place of all that was.
    pub fn replace(&mut self, world: &World) -> io::Result<()> {
        let log_path = self.path.join("world.jsonl");
        rewrite(&log_path, world)?;
        self.log = open_log(&log_path)?;
        Ok(())
    }

    pub fn announce(&self, url: &str, token: &str, standing: bool) -> io::Result<()> {
        let text = serde_json::json!({"url": url, "token": token, "pid": std::process::id(), "standing": standing})
            .to_string();
        let fresh = self.path.join("server.json.new");
        let _ = fs::remove_file(&fresh);
        private(OpenOptions::new().write(true).create_new(true)).open(&fresh)?.write_all(text.as_bytes())?;
        fs::rename(&fresh, self.path.join("server.json"))
    }

    pub fn withdraw(&self) {
        // It may be gone already, and a stale one only makes the next process look in vain.
        let _ = fs::remove_file(self.path.join("server.json"));
    }
}

/// A server that another process serves by hand from a folder.
#[derive(Debug, Deserialize)]
pub struct Standing {
    pub url: String,
    pub token: String,
    #[serde(default)]
    standing: bool,
}

/// The server standing over the world in `path`, if there is one: announced, and its lock held.
pub fn standing(path: &Path) -> Option<Standing> {
    let found: Standing = serde_json::from_str(&fs::read_to_string(path.join("server.json")).ok()?).ok()?;
    let lock = File::options().read(true).write(true).open(path.join("lock")).ok()?;
    // A lock that can be had belongs to nobody: the announcement was left behind by a process that was killed.
    let held = matches!(lock.try_lock(), Err(TryLockError::WouldBlock));
    (held && found.standing).then_some(found)
}

fn take_lock(path: &Path) -> Result<File, Problem> {
    let lock_path = path.join("lock");
    let lock = private(OpenOptions::new().write(true).create(true).truncate(false))
        .open(&lock_path)
        .map_err(|e| unusable(&lock_path, "cannot be opened", &e))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            let who = fs::read_to_string(path.join("server.json"))
                .ok()
                .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
                .map_or(String::new(), |s| format!(" (process {}, {})", s["pid"], s["url"].as_str().unwrap_or("")));
            let message = format!("the sandbox's world is in use by another process{who}");
            Err(Problem::new(Stage::Send, "sandbox-busy", message)
                .at(Place::File(path.to_owned()))
                .hint("stop that process, or use another state folder"))
        }
        Err(TryLockError::Error(e)) => Err(unusable(&lock_path, "cannot be locked", &e)),
    }
}

/// The world, the bytes of its log, and about how many of them still matter.
fn load(path: &Path, account: Account, seed: u64) -> Result<(World, u64, u64), Problem> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok((World::new(account, seed), 0, 0)),
        Err(e) => return Err(unusable(path, "cannot be read", &e)),
    };
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut line = Vec::new();
    let mut good: u64 = 0;
    let mut world: Option<World> = None;
    let mut seen = (0_u64, 0_u64);
    for number in 1.. {
        line.clear();
        let read = reader.read_until(b'\n', &mut line).map_err(|e| unusable(path, "cannot be read", &e))?;
        if line.last() != Some(&b'\n') {
            break; // The end, or a last line that was torn when the process died: that request was never answered.
        }
        match &mut world {
            None => world = Some(World::new(account.clone(), header(path, &line)?.seed)),
            Some(world) => {
                let commit: Commit = serde_json::from_slice(&line).map_err(|e| damaged(path, number, &e))?;
                seen = (seen.0 + commit.put.len() as u64, seen.1 + read as u64);
                world.apply(commit);
            }
        }
        good += read as u64;
    }
    drop(reader);
    let Some(world) = world else { return Ok((World::new(account, seed), 0, 0)) };
    cut(path, good).map_err(|e| unusable(path, "cannot be mended", &e))?;
    let kept: u64 = super::world::Shelf::ALL.iter().map(|s| world.records(*s).count() as u64).sum();
    let live = if seen.0 == 0 { good } else { (seen.1 as f64 * (kept as f64 / seen.0 as f64)) as u64 };
    Ok((world, good, live))
}

fn header(path: &Path, line: &[u8]) -> Result<Header, Problem> {
    let header: Header = serde_json::from_slice(line).map_err(|e| damaged(path, 1, &e))?;
    if header.amoport_sandbox_world != FORMAT {
        return Err(Problem::in_file(path, "sandbox-world", "this world was written by another version of amoport")
            .hint("remove the file to start a new world"));
    }
    Ok(header)
}

/// Takes the torn end away, so that the next line does not grow out of it.
fn cut(path: &Path, good: u64) -> io::Result<()> {
    if fs::metadata(path)?.len() > good {
        OpenOptions::new().write(true).open(path)?.set_len(good)?;
    }
    Ok(())
}

fn rewrite(path: &Path, world: &World) -> io::Result<()> {
    let fresh = path.with_extension("jsonl.new");
    let file = private(OpenOptions::new().write(true).create(true).truncate(true)).open(&fresh)?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    serde_json::to_writer(&mut out, &Header { amoport_sandbox_world: FORMAT, seed: world.seed })?;
    out.write_all(b"\n")?;
    for commit in world.commits() {
        serde_json::to_writer(&mut out, &commit)?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    drop(out);
    fs::rename(&fresh, path)
}

fn open_log(path: &Path) -> io::Result<File> {
    private(OpenOptions::new().append(true).create(true)).open(path)
}

/// The token is in these files: nobody else may read them.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn unusable(path: &Path, what: &str, error: &io::Error) -> Problem {
    Problem::new(Stage::Send, "sandbox-state", format!("the sandbox's state {what}: {error}"))
        .at(Place::File(path.to_owned()))
        .hint("see that the folder exists and may be written")
}

fn damaged(path: &Path, line: usize, error: &serde_json::Error) -> Problem {
    Problem::new(Stage::Send, "sandbox-world", format!("this line is not one of a sandbox's world: {error}"))
        .at(Place::Text { file: path.to_owned(), line, column: error.column().max(1) })
        .hint("remove the file to start a new world")
}
