#![doc = include_str!("../README.md")]
//!
//! ## Modules
//!
//! Each uses only those above it.
//!
//! - `account`: the parts of an account (users, pipelines, fields, catalogs), the built-in one, one made from a snapshot
//! - `switches`: the open questions about the API, one switch each
//! - `world`: the account, its records, tags, links and tokens, and which records a user may see
//! - `faults`: which request fails and how
//! - `check`: validation of writes
//! - `read`: lists, filters, and records as the API shows them
//! - `changes`: records created, updated, linked and deleted
//! - `robots`: changes that the account makes by itself
//! - `endpoints`: the routes and their responses
//! - `state`: the world on disk
//! - `http`: the server, rate limit, request log and `/_sandbox/`
//!
//! Files are touched in `state` only, sockets in `http` only; all else is pure.

#![forbid(unsafe_code)]

mod account;
mod changes;
mod check;
mod endpoints;
mod faults;
mod http;
mod read;
mod robots;
mod start_error;
mod state;
mod switches;
mod world;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;

pub use account::Right;
pub use account::template::AccountTemplate;
use account::template::InitialState;
pub use faults::{FaultAction, FaultRule, Faults, ForcedRefusal, Latency, SeededFaults};
pub use start_error::StartError;
pub use state::RunningServer;
pub use switches::{Partial, RateKey, RequestIds, Switches, Throttling};

/// Unix seconds, as the sandbox sees them.
pub type UnixClock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The clock of the machine.
pub fn system_clock() -> UnixClock {
    Arc::new(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
    })
}

/// An unpredictable number: the system seeds the hash maps of the standard library.
fn random_number() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// 256 unpredictable bits, as text.
fn secret_key() -> Result<String, StartError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(StartError::system)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[derive(Clone)]
pub struct Options {
    /// 0 for any free port.
    pub port: u16,
    /// The folder of the world; `None` keeps it in memory only.
    pub state: Option<PathBuf>,
    /// Decides the id of a new world's account and the random faults; `None` draws one.
    pub seed: Option<u64>,
    /// The token of the world from now on; `None` keeps the current one or draws one.
    pub token: Option<SecretString>,
    /// The template of a new world's account; an existing world has to be like it.
    pub like: Option<AccountTemplate>,
    pub switches: Switches,
    /// In force from the first request on, and again after a reset.
    pub faults: Faults,
    pub clock: UnixClock,
    /// True for a server that runs until it is killed, so that other processes may rely on it.
    pub by_hand: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            port: 0,
            state: None,
            seed: None,
            token: None,
            like: None,
            switches: Switches::default(),
            faults: Faults::default(),
            clock: system_clock(),
            by_hand: false,
        }
    }
}

/// A running server on a thread of its own; it stops when this is dropped.
#[derive(Debug)]
pub struct Sandbox {
    url: String,
    token: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Loads the world, binds to 127.0.0.1 and serves. The server listens when this returns.
    pub fn start(options: Options) -> Result<Sandbox, StartError> {
        let new = state::NewWorld {
            seed: options.seed.unwrap_or_else(random_number),
            key: secret_key()?,
            like: options.like.as_ref().map(InitialState::like),
            token: options.token.as_ref().map(|token| token.expose_secret().to_owned()),
        };
        let (folder, world) = match &options.state {
            Some(path) => {
                let (folder, world) = state::WorldFolder::open(path, new)?;
                (Some(folder), world)
            }
            None => (None, new.world()),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))
            .map_err(|error| StartError::Port { port: options.port, error })?;
        listener.set_nonblocking(true).map_err(|error| StartError::Port { port: options.port, error })?;
        let port = listener.local_addr().map_err(|error| StartError::Port { port: options.port, error })?.port();
        let url = format!("http://127.0.0.1:{port}");
        let token = world.auth.token.clone();
        if let Some(folder) = &folder {
            folder.announce(&url, &token, options.by_hand).map_err(StartError::system)?;
        }
        let live_world = http::LiveWorld::new(world, folder);
        let server = Arc::new(http::Server::new(live_world, url.clone(), options));
        let (stop, stopped) = oneshot::channel();
        let thread = spawn(listener, server, stopped)?;
        Ok(Sandbox { url, token, stop: Some(stop), thread: Some(thread) })
    }

    /// `http://127.0.0.1:1234`, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The long-lived token; it stays the same for the life of the world, and after a reset.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Stops serving. The port and the state folder are free when this returns.
    pub fn stop(self) {}

    /// Serves until the process is killed.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Two workers are enough: delays sleep, and work on the world is done under one lock anyway.
const WORKERS: usize = 2;

fn spawn(
    listener: TcpListener,
    server: Arc<http::Server>,
    stopped: oneshot::Receiver<()>,
) -> Result<JoinHandle<()>, StartError> {
    let (ready, is_ready) = mpsc::channel();
    let serve = move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return drop(ready.send(Err(error))),
        };
        let _ = ready.send(Ok(()));
        // The listener fails only when the process ends, and then nobody can be told.
        let _ = runtime.block_on(http::serve(listener, server.clone(), stopped));
        drop(runtime);
        server.close();
    };
    let thread = std::thread::Builder::new().name("sandbox".to_owned()).spawn(serve).map_err(StartError::system)?;
    match is_ready.recv() {
        Ok(Ok(())) => Ok(thread),
        Ok(Err(error)) => Err(StartError::system(error)),
        Err(_) => Err(StartError::system("its thread ended at once")),
    }
}
