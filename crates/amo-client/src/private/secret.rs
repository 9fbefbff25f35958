//! Reads a secret from a file, the environment or a program, and checks that it can be one. Errors name the place and quote
//! nothing of the content.

use super::shown;
use secrecy::SecretString;
use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes. Far more than tokens need, which are JWTs of about a kilobyte.
const SIZE_MAX: u64 = 64 * 1024;
/// Where containers find their secrets. Services of systemd find theirs by the variable below.
const CONTAINER_SECRETS: &str = "/run/secrets";
const SYSTEMD_CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Whether a secret is taken from a file that other users of the machine can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadableByOthers {
    #[default]
    Refused,
    /// The user has said that this is intended.
    Allowed,
}

/// Why a secret cannot be used. It quotes nothing of the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", sentence(.why, .hint.as_deref()))]
pub struct SecretError {
    pub why: String,
    /// What to do, where looking at the place is not enough.
    pub hint: Option<String>,
}

fn sentence(why: &str, hint: Option<&str>) -> String {
    hint.map_or_else(|| why.to_owned(), |hint| format!("{why}: {hint}"))
}

impl SecretError {
    pub fn new(why: impl Into<String>) -> SecretError {
        SecretError { why: why.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> SecretError {
        SecretError { hint: Some(hint.into()), ..self }
    }
}

/// A secret from a file.
#[derive(Debug)]
pub struct FromFile<T> {
    pub content: T,
    /// Other users can read the file, and it is used all the same.
    pub warning: Option<String>,
}

/// Reads a secret from a file of one line.
pub fn read(path: &Path, others: ReadableByOthers) -> Result<FromFile<SecretString>, SecretError> {
    let FromFile { content, warning } = bytes(path, others)?;
    let file = path.display().to_string();
    let text = String::from_utf8(content).map_err(|_| {
        SecretError::new(format!("{file} is not UTF-8 text")).hint("write only the token into it, as plain text")
    })?;
    Ok(FromFile { content: line(&file, &text)?, warning })
}

/// Takes a text for a secret, without the byte order mark and blanks around it. `place` names it in errors.
pub fn line(place: &str, text: &str) -> Result<SecretString, SecretError> {
    let text = text.trim_start_matches('\u{feff}').trim();
    let error = |what: &str| {
        Err(SecretError::new(format!("{place} {what}"))
            .hint("write the token on one line, with nothing before or after it"))
    };
    if text.is_empty() {
        return Err(SecretError::new(format!("{place} is empty")));
    }
    if text.contains(['\n', '\r']) {
        return error("has several lines");
    }
    // U+FFFD replaces bytes that were not valid UTF-8.
    if text.contains(|c: char| c.is_control() || c == '\u{fffd}') {
        return error("contains characters that no token has");
    }
    Ok(SecretString::from(text.to_owned()))
}

/// Reads a small file that only its owner can read.
pub fn bytes(path: &Path, others: ReadableByOthers) -> Result<FromFile<Vec<u8>>, SecretError> {
    let unreadable = |error: std::io::Error| match shown::is_token_for_a_file(path) {
        true => SecretError::new(format!("there is no file {}", shown::NOT_SHOWN))
            .hint("give the name of a file that contains the token, not the token itself"),
        false => SecretError::new(format!("{} cannot be read: {error}", path.display())),
    };
    // A pipe is not opened: it may never be filled.
    require_file(path, &std::fs::metadata(path).map_err(unreadable)?)?;
    let mut file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    require_file(path, &metadata)?;
    let warning = check_mode(path, &metadata, others)?;
    let mut content = Vec::new();
    file.by_ref().take(SIZE_MAX + 1).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() as u64 > SIZE_MAX {
        let why = format!("{} is larger than {} KiB, too large for a token", path.display(), SIZE_MAX / 1024);
        return Err(SecretError::new(why));
    }
    Ok(FromFile { content, warning })
}

/// Reads a secret from standard input.
pub fn input() -> Result<SecretString, SecretError> {
    const PLACE: &str = "standard input";
    let mut text = Vec::new();
    let read = std::io::stdin().lock().take(SIZE_MAX + 1).read_to_end(&mut text);
    read.map_err(|error| SecretError::new(format!("{PLACE} cannot be read: {error}")))?;
    match text.len() as u64 > SIZE_MAX {
        true => Err(SecretError::new(format!("{PLACE} is too long for a token"))),
        false => line(PLACE, &String::from_utf8_lossy(&text)),
    }
}

fn require_file(path: &Path, metadata: &Metadata) -> Result<(), SecretError> {
    let file = path.display();
    match (metadata.is_file(), metadata.is_dir()) {
        (true, _) => Ok(()),
        (_, true) => Err(SecretError::new(format!("{file} is a folder"))),
        _ => Err(SecretError::new(format!("{file} is a pipe or a device"))
            .hint("write the token into a file, or name the program that prints it with token-command")),
    }
}

#[cfg(unix)]
fn check_mode(path: &Path, metadata: &Metadata, others: ReadableByOthers) -> Result<Option<String>, SecretError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode();
    if mode & 0o077 == 0 || others == ReadableByOthers::Allowed {
        return Ok(None);
    }
    let why = format!("{} can be read or changed by other users (mode {:03o})", path.display(), mode & 0o777);
    match is_given_to_service(path) {
        true => Ok(Some(why)),
        false => {
            let hint = format!("chmod 600 {}; or add --allow-open-token-file, if that is intended", path.display());
            Err(SecretError::new(why).hint(hint))
        }
    }
}

/// The access control lists of Windows are not checked.
#[cfg(not(unix))]
fn check_mode(_path: &Path, _metadata: &Metadata, _others: ReadableByOthers) -> Result<Option<String>, SecretError> {
    Ok(None)
}

/// True for a secret that the container runtime or systemd provides; they decide on its mode.
#[cfg(unix)]
fn is_given_to_service(path: &Path) -> bool {
    let folders = [Some(PathBuf::from(CONTAINER_SECRETS)), std::env::var_os(SYSTEMD_CREDENTIALS).map(PathBuf::from)];
    let Ok(path) = path.canonicalize() else { return false };
    let folders = folders.into_iter().flatten().filter_map(|folder| folder.canonicalize().ok());
    // A variable that names the root folder would let every file through.
    folders.filter(|folder| folder.parent().is_some()).any(|folder| path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_secret_is_one_line_without_control_characters() {
        for (text, kept) in [
            ("token", Some("token")),
            ("\u{feff}token\r\n", Some("token")),
            ("  token \n\n", Some("token")),
            ("to\nzzq", None),
            ("token\r\nother\r\n", None),
            ("to\tzzq", None),
            ("to\0zzq", None),
            ("to\u{85}zzq", None),
            ("to\u{fffd}zzq", None),
            ("\u{feff}\n", None),
            ("", None),
        ] {
            let read = line("the file", text);
            assert_eq!(read.as_ref().ok().map(|secret| secret.expose_secret()), kept, "{text:?}");
            assert!(read.err().is_none_or(|error| !error.to_string().contains("zzq")), "{text:?}");
        }
    }
}
