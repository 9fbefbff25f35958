//! The world on disk: `world.jsonl` with a line for each commit, written before the response is sent; a lock; and
//! `server.json`, by which other processes find a running server. All files of the crate are touched here.

mod files;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::StartError;
use crate::account::AccountState;
use crate::account::template::InitialState;
use crate::faults::roll;
use crate::world::auth::WorldTokens;
use crate::world::{Commit, World};

const FORMAT: u32 = 1;
/// `RunningServer::find` holds the lock for a moment; a server that starts waits that long.
const LOCK_TRIES: u32 = 4;
const LOCK_PAUSE: Duration = Duration::from_millis(25);
/// A smaller log is never compacted.
const COMPACT_MIN_BYTES: u64 = 4 << 20;

#[derive(Debug, Serialize, Deserialize)]
struct LogHeader {
    amoport_sandbox_world: u32,
    seed: u64,
    /// The account's own id; worlds of earlier versions all had that of the built-in account.
    #[serde(default)]
    account_id: Option<u64>,
    /// The initial state, where it is not the built-in one.
    #[serde(rename = "beginning", default, skip_serializing_if = "Option::is_none")]
    initial: Option<InitialState>,
}

/// The settings of a world that does not exist yet.
#[derive(Debug)]
pub struct NewWorld {
    pub seed: u64,
    /// The key that secrets are derived from; also given to an existing world that has none.
    pub key: String,
    pub like: Option<InitialState>,
    /// The token from now on, for an existing world as well.
    pub token: Option<String>,
}

impl NewWorld {
    pub fn world(self) -> World {
        let id = AccountState::account_id_from(roll(self.seed, 0));
        let mut auth = WorldTokens::new(self.key);
        if let Some(token) = self.token {
            auth.token = token;
        }
        World::new(Arc::new(self.like.unwrap_or_else(InitialState::built_in).with_account_id(id)), self.seed, auth)
    }
}

/// The folder of a world, locked by this process until it is dropped.
#[derive(Debug)]
pub struct WorldFolder {
    path: PathBuf,
    log: File,
    _lock: File,
}

impl WorldFolder {
    /// Locks the folder and reads its world, or creates one from `new`.
    pub fn open(path: &Path, new: NewWorld) -> Result<(WorldFolder, World), StartError> {
        let (wanted, token) = (new.like.clone(), new.token.clone());
        files::folder(path).map_err(StartError::state(path, "cannot be made"))?;
        make_private(path);
        let lock = acquire_lock(path)?;
        // Left by a killed process: it must not announce this one while the world is being read.
        let _ = fs::remove_file(path.join("server.json"));
        let log_path = path.join("world.jsonl");
        let LoadedWorld { mut world, bytes, live, is_settled } = load(&log_path, new)?;
        if wanted.is_some_and(|wanted| !world.initial.is_same_as(&wanted)) {
            return Err(StartError::Unlike { folder: path.to_owned() });
        }
        let stale = bytes > COMPACT_MIN_BYTES && live < bytes / 2;
        let other = token.filter(|token| *token != world.auth.token);
        let has_other = other.is_some();
        if let Some(token) = other {
            world.auth.token = token;
        }
        if bytes == 0 || stale || !is_settled || has_other {
            rewrite(&log_path, &world).map_err(StartError::state(&log_path, "cannot be written"))?;
        }
        let log = files::append(&log_path).map_err(StartError::state(&log_path, "cannot be opened"))?;
        Ok((WorldFolder { path: path.to_owned(), log, _lock: lock }, world))
    }

    /// One write for the whole line: after a kill the line is complete, or torn at the end of the file.
    pub fn append(&mut self, commit: &Commit) -> io::Result<()> {
        let mut line = serde_json::to_vec(commit)?;
        line.push(b'\n');
        self.log.write_all(&line)
    }

    /// Replaces the whole log by `world`.
    pub fn replace(&mut self, world: &World) -> io::Result<()> {
        let log_path = self.path.join("world.jsonl");
        rewrite(&log_path, world)?;
        self.log = files::append(&log_path)?;
        Ok(())
    }

    pub fn announce(&self, url: &str, token: &str, by_hand: bool) -> io::Result<()> {
        let text =
            serde_json::json!({"url": url, "token": token, "pid": std::process::id(), "by_hand": by_hand}).to_string();
        let fresh = self.path.join("server.json.new");
        files::create_anew(&fresh)?.write_all(text.as_bytes())?;
        fs::rename(&fresh, self.path.join("server.json"))
    }

    pub fn remove_announcement(&self) {
        // The file may be gone already; a stale one costs the next process one failed look-up.
        let _ = fs::remove_file(self.path.join("server.json"));
    }
}

/// A server of another process, as it has announced itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RunningServer {
    pub url: String,
    pub token: String,
    pub pid: u32,
    /// True for `amoport sandbox`; a sandbox inside an import ends with it.
    #[serde(default)]
    pub by_hand: bool,
}

impl RunningServer {
    /// The server that holds this folder now; the announcement of a killed one does not count.
    pub fn find(path: &Path) -> Option<RunningServer> {
        let lock = File::open(path.join("lock")).ok()?;
        match lock.try_lock_shared() {
            Err(TryLockError::WouldBlock) => read_announcement(path),
            Ok(()) | Err(TryLockError::Error(_)) => None,
        }
    }
}

fn acquire_lock(path: &Path) -> Result<File, StartError> {
    let lock_path = path.join("lock");
    let lock = files::lock(&lock_path).map_err(StartError::state(&lock_path, "cannot be opened"))?;
    for _ in 0..LOCK_TRIES {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(e)) => return Err(StartError::state(&lock_path, "cannot be locked")(e)),
        }
    }
    let by = read_announcement(path).map(|other| (other.pid, other.url));
    Err(StartError::Busy { folder: path.to_owned(), by })
}

fn read_announcement(path: &Path) -> Option<RunningServer> {
    serde_json::from_str(&fs::read_to_string(path.join("server.json")).ok()?).ok()
}

struct LoadedWorld {
    world: World,
    /// Size of the log; 0 for a new world.
    bytes: u64,
    /// About how many of the bytes are still current.
    live: u64,
    /// The log has the account's id and the key of its tokens.
    is_settled: bool,
}

/// The world of a log, or a new one.
fn load(path: &Path, new: NewWorld) -> Result<LoadedWorld, StartError> {
    let fresh = |new: NewWorld| LoadedWorld { world: new.world(), bytes: 0, live: 0, is_settled: false };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(fresh(new)),
        Err(e) => return Err(StartError::state(path, "cannot be read")(e)),
    };
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut line = Vec::new();
    let mut good: u64 = 0;
    let mut world: Option<World> = None;
    let mut seen = (0_u64, 0_u64);
    let (mut has_id, mut has_key) = (false, false);
    for number in 1.. {
        line.clear();
        let read = reader.read_until(b'\n', &mut line).map_err(StartError::state(path, "cannot be read"))?;
        if line.last() != Some(&b'\n') {
            break; // the end, or a last line torn when the process died: that request had no response
        }
        match &mut world {
            None => {
                let header = header(path, &line)?;
                has_id = header.account_id.is_some();
                let id = header.account_id.unwrap_or_else(|| AccountState::account_id_from(crate::random_number()));
                let initial = header.initial.unwrap_or_else(InitialState::built_in);
                // The world's own tokens come with a commit.
                let auth = WorldTokens::new(new.key.clone());
                world = Some(World::new(Arc::new(initial.with_account_id(id)), header.seed, auth));
            }
            Some(world) => {
                let commit: Commit = serde_json::from_slice(&line).map_err(|e| damaged(path, number, &e))?;
                has_key = commit.auth.as_ref().map_or(has_key, WorldTokens::has_key);
                seen = (seen.0 + commit.put.len() as u64, seen.1 + read as u64);
                world.apply(commit);
            }
        }
        good += read as u64;
    }
    drop(reader);
    let Some(mut world) = world else { return Ok(fresh(new)) };
    // An earlier version derived the tokens from the seed: these stay, and new ones are derived from the key.
    if !world.auth.has_key() {
        world.auth = world.auth.with_key(new.key);
    }
    let is_settled = has_id && has_key;
    truncate(path, good).map_err(StartError::state(path, "cannot be mended"))?;
    let kept: u64 = crate::world::RecordTable::ALL.iter().map(|s| world.records(*s).count() as u64).sum();
    let live = if seen.0 == 0 { good } else { (seen.1 as f64 * (kept as f64 / seen.0 as f64)) as u64 };
    Ok(LoadedWorld { world, bytes: good, live, is_settled })
}

fn header(path: &Path, line: &[u8]) -> Result<LogHeader, StartError> {
    let header: LogHeader = serde_json::from_slice(line).map_err(|e| damaged(path, 1, &e))?;
    if header.amoport_sandbox_world != FORMAT {
        return Err(StartError::OtherVersion { file: path.to_owned() });
    }
    Ok(header)
}

/// Removes a torn last line, so that the next one does not continue it.
fn truncate(path: &Path, good: u64) -> io::Result<()> {
    if fs::metadata(path)?.len() > good {
        OpenOptions::new().write(true).open(path)?.set_len(good)?;
    }
    Ok(())
}

fn rewrite(path: &Path, world: &World) -> io::Result<()> {
    let fresh = path.with_extension("jsonl.new");
    let file = files::create_anew(&fresh)?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let header = LogHeader {
        amoport_sandbox_world: FORMAT,
        seed: world.seed,
        account_id: Some(world.account.id),
        initial: (!world.initial.is_built_in).then(|| (*world.initial).clone()),
    };
    serde_json::to_writer(&mut out, &header)?;
    out.write_all(b"\n")?;
    for commit in world.commits() {
        serde_json::to_writer(&mut out, &commit)?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    drop(out);
    fs::rename(&fresh, path)
}

/// Existing files may have been made or copied with other permissions. On a file system without permissions nothing can
/// be done.
fn make_private(folder: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let only_mine = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode));
        let _ = only_mine(folder, 0o700);
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                let _ = only_mine(&entry.path(), 0o600);
            }
        }
    }
    #[cfg(not(unix))]
    let _ = folder;
}

fn damaged(path: &Path, line: usize, error: &serde_json::Error) -> StartError {
    StartError::Damaged { file: path.to_owned(), line, column: error.column().max(1), error: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::builtin;
    use crate::world::attached;
    use crate::world::{IdSequence, RecordTable};

    fn new(seed: u64) -> NewWorld {
        NewWorld { seed, key: format!("key {seed}"), like: None, token: None }
    }

    fn commit(id: u64, at: i64) -> Commit {
        let filler = "я".repeat(300);
        let line = format!(
            r#"{{"at":{at},"put":[["leads",{id},1,{at},{{"name":"{filler}"}}]],"tag":[["leads",{id},"t{id}"]],
            "link":[["leads",{id},"contacts",7,{{"is_main":true}}]]}}"#
        );
        serde_json::from_str(&line).expect("a commit as the log has it")
    }

    #[test]
    fn a_log_full_of_old_versions_is_compacted_without_loss() {
        const LAST: u64 = 10_000_007;
        const DESK: u64 = 4_900_001;
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("world.jsonl");
        let (mut open, world) = WorldFolder::open(folder.path(), new(5)).expect("a fresh folder");
        let token = world.auth.token;
        let mut account = builtin::account();
        account.customers_mode = "periodicity".to_owned();
        let changed = Commit { account: Some(Box::new(account)), ..Commit::default() };
        open.append(&changed).expect("appended");
        open.append(&commit(9, 1)).expect("appended");
        for at in 0..9000 {
            open.append(&commit(1 + at as u64 % 3, at)).expect("appended");
        }
        open.append(&commit(LAST, 1)).expect("appended");
        let note = r#"{"at":2,"put":[["notes",30000001,2,2,{"note_type":"common"}]],"link":[["notes",30000001,"leads",2,null]]}"#;
        open.append(&serde_json::from_str(note).expect("a commit as the log has it")).expect("appended");
        let gone = format!(
            r#"{{"at":1,"cut":[["contacts",7,"leads",3]],"gone":[["leads",9],["leads",{LAST}],["elements",{DESK}]]}}"#
        );
        open.append(&serde_json::from_str(&gone).expect("a commit as the log has it")).expect("appended");
        drop(open);
        let before = fs::metadata(&log).expect("the log").len();
        for round in 0..2 {
            let (open, world) = WorldFolder::open(folder.path(), new(6)).expect("the same folder");
            drop(open);
            assert_eq!(world.auth.token, token, "round {round}");
            assert_eq!(world.records(RecordTable::Leads).count(), 3);
            assert!(world.next_id(IdSequence::Leads) > LAST, "an id is given once");
            assert_eq!(world.records(RecordTable::Elements).count(), InitialState::built_in().elements.len() - 1);
            assert_eq!(
                world.records(RecordTable::Elements).in_container(builtin::CATALOG_PRODUCTS).next(),
                Some(DESK + 2)
            );
            assert_eq!(world.records(RecordTable::Leads).get(3).map(|r| r.updated_at), Some(8999));
            assert_eq!(world.tags(RecordTable::Leads).name(2), Some("t2"));
            let linked: Vec<_> = world.linked(RecordTable::Contacts, 7, RecordTable::Leads).map(|(id, _)| id).collect();
            assert_eq!(linked, [1, 2]);
            assert_eq!(attached::owner(&world, RecordTable::Notes, 30_000_001), Some((RecordTable::Leads, 2)));
            assert_eq!(world.next_id(IdSequence::Notes), 30_000_003);
            assert_eq!(world.account.customers_mode, "periodicity");
            assert_eq!(world.initial.account.customers_mode, "segments");
            assert_eq!(
                world.linked(RecordTable::Leads, 1, RecordTable::Contacts).next(),
                Some((7, Some(r#"{"is_main":true}"#)))
            );
            assert!(fs::metadata(&log).expect("the log").len() < before / 100);
        }
    }

    #[test]
    fn tags_of_a_log_without_colours_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = r#"{"amoport_sandbox_world":1,"seed":1}
{"at":1,"put":[["leads",3,1,1,{"name":"Волга","tags":[7,8]}]],"tag":[["leads",7,"старый"]]}
{"at":2,"tag":[["leads",8,"новый","DDEBB5"]]}
"#;
        fs::write(folder.path().join("world.jsonl"), log).expect("written");
        for round in 0..2 {
            let (open, world) = WorldFolder::open(folder.path(), new(1)).expect("the folder");
            drop(open);
            let tags = world.tags(RecordTable::Leads);
            assert_eq!((tags.name(7), tags.color(7)), (Some("старый"), None), "round {round}");
            assert_eq!((tags.name(8), tags.color(8)), (Some("новый"), Some("DDEBB5")));
            assert_eq!(world.records(RecordTable::Leads).count(), 1);
        }
    }

    #[test]
    fn a_damaged_log_is_an_error_with_its_line() {
        for (text, message) in [
            ("nonsense\n", "world.jsonl:1:"),
            ("{\"amoport_sandbox_world\":99,\"seed\":1}\n", "another version"),
            ("{\"amoport_sandbox_world\":1,\"seed\":1}\n{\"put\":7}\n", "world.jsonl:2:"),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            fs::write(folder.path().join("world.jsonl"), text).expect("written");
            let error = WorldFolder::open(folder.path(), new(1)).expect_err("a problem");
            let shown = match &error {
                StartError::Damaged { file, line, .. } => format!("{}:{line}: {error}", file.display()),
                _ => error.to_string(),
            };
            assert!(shown.contains(message), "{shown}");
        }
    }
}
