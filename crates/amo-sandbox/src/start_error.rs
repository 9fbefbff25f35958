//! Why a sandbox could not start.

use std::io;
use std::path::{Path, PathBuf};

/// `Display` says what is wrong, `hint` what to do.
#[derive(Debug)]
pub enum StartError {
    /// Another process uses the world; `by` is its process id and address, where it has announced them.
    Busy {
        folder: PathBuf,
        by: Option<(u32, String)>,
    },
    /// The port cannot be bound on 127.0.0.1.
    Port {
        port: u16,
        error: io::Error,
    },
    /// `action` says what could not be done with the file.
    State {
        file: PathBuf,
        action: &'static str,
        error: io::Error,
    },
    /// A line of the world's log cannot be read; line and column count from 1.
    Damaged {
        file: PathBuf,
        line: usize,
        column: usize,
        error: String,
    },
    OtherVersion {
        file: PathBuf,
    },
    /// The existing world was made with another `--like`.
    Unlike {
        folder: PathBuf,
    },
    /// The system has no random bytes, no thread or no runtime to give.
    System {
        error: String,
    },
}

impl StartError {
    pub(crate) fn state(file: &Path, action: &'static str) -> impl FnOnce(io::Error) -> StartError {
        let file = file.to_owned();
        move |error| StartError::State { file, action, error }
    }

    pub(crate) fn system(error: impl std::fmt::Display) -> StartError {
        StartError::System { error: error.to_string() }
    }

    /// A code that does not change with the wording of the message.
    pub fn code(&self) -> &'static str {
        match self {
            StartError::Busy { .. } => "sandbox-busy",
            StartError::Port { .. } => "sandbox-port",
            StartError::State { .. } => "sandbox-state",
            StartError::Damaged { .. } | StartError::OtherVersion { .. } => "sandbox-world",
            StartError::Unlike { .. } => "sandbox-like",
            StartError::System { .. } => "sandbox-start",
        }
    }

    /// The file or folder that the error is about.
    pub fn file(&self) -> Option<&Path> {
        match self {
            StartError::Busy { folder: file, .. }
            | StartError::Unlike { folder: file }
            | StartError::State { file, .. }
            | StartError::Damaged { file, .. }
            | StartError::OtherVersion { file } => Some(file),
            StartError::Port { .. } | StartError::System { .. } => None,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            StartError::Busy { .. } => Some("stop that process, or use another state folder"),
            StartError::Port { .. } => Some("use --port 0 for any free port"),
            StartError::State { .. } => Some("check that the folder exists and can be written"),
            StartError::Damaged { .. } | StartError::OtherVersion { .. } => {
                Some("remove the file to start a new world")
            }
            StartError::Unlike { .. } => {
                Some("leave --like out to keep this world, remove the folder, or use another state folder")
            }
            StartError::System { .. } => None,
        }
    }
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StartError::Busy { by: Some((process, url)), .. } => {
                write!(f, "the sandbox's world is in use by another process (process {process}, {url})")
            }
            StartError::Busy { by: None, .. } => write!(f, "the sandbox's world is in use by another process"),
            StartError::Port { port, error } => write!(f, "the sandbox cannot listen on 127.0.0.1:{port}: {error}"),
            StartError::State { action, error, .. } => write!(f, "the sandbox's state {action}: {error}"),
            StartError::Damaged { error, .. } => write!(f, "not a valid line of a sandbox's world: {error}"),
            StartError::OtherVersion { .. } => write!(f, "this world was written by another version of amoport"),
            StartError::Unlike { .. } => write!(f, "this world was made with another --like"),
            StartError::System { error } => write!(f, "the sandbox cannot start: {error}"),
        }
    }
}

impl std::error::Error for StartError {}
