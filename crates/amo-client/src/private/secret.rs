//! A secret from a file of its own, from the environment or from a program: read whole, held to what a secret can be, and told by
//! its place alone when it is not.

use super::shown;
use secrecy::SecretString;
use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Far more than tokens take: they are JWTs of about a kilobyte.
const SIZE_MAX: u64 = 64 * 1024;
/// Where containers are handed their secrets; services of systemd find theirs by a variable.
const HANDED_IN: &str = "/run/secrets";
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// What is done about a secret that other users of the machine can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Others {
    #[default]
    Refused,
    /// Somebody has said that it is meant.
    Allowed,
}

/// Why something cannot be taken for a secret; it quotes nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", sentence(.why, .hint.as_deref()))]
pub struct Unfit {
    pub why: String,
    /// What to do, where that is not to look at the place.
    pub hint: Option<String>,
}

fn sentence(why: &str, hint: Option<&str>) -> String {
    hint.map_or_else(|| why.to_owned(), |hint| format!("{why}: {hint}"))
}

impl Unfit {
    pub fn new(why: impl Into<String>) -> Unfit {
        Unfit { why: why.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Unfit {
        Unfit { hint: Some(hint.into()), ..self }
    }
}

/// What a file holds.
#[derive(Debug)]
pub struct Kept<T> {
    pub held: T,
    /// Others can read the file, and it is taken all the same.
    pub warning: Option<String>,
}

/// The one line of a file.
pub fn read(path: &Path, others: Others) -> Result<Kept<SecretString>, Unfit> {
    let Kept { held, warning } = bytes(path, others)?;
    let file = path.display().to_string();
    let text = String::from_utf8(held).map_err(|_| {
        Unfit::new(format!("{file} is no UTF-8 text")).hint("write the token alone into it, as plain text")
    })?;
    Ok(Kept { held: line(&file, &text)?, warning })
}

/// The text of `place`, without what editors put around it.
pub fn line(place: &str, text: &str) -> Result<SecretString, Unfit> {
    let text = text.trim_start_matches('\u{feff}').trim();
    let unfit = |what: &str| {
        Err(Unfit::new(format!("{place} {what}")).hint("the token stands in one line, with nothing before or after it"))
    };
    if text.is_empty() {
        return Err(Unfit::new(format!("{place} is empty")));
    }
    if text.contains(['\n', '\r']) {
        return unfit("holds several lines");
    }
    // The last stands for bytes that were no text.
    if text.contains(|c: char| c.is_control() || c == '\u{fffd}') {
        return unfit("holds characters that no token has");
    }
    Ok(SecretString::from(text.to_owned()))
}

/// All of a small file that is nobody else's.
pub fn bytes(path: &Path, others: Others) -> Result<Kept<Vec<u8>>, Unfit> {
    let unreadable = |error: std::io::Error| match shown::is_token_for_a_file(path) {
        true => Unfit::new(format!("there is no file {}", shown::NOT_SHOWN))
            .hint("give the name of a file with the token in it, not the token itself"),
        false => Unfit::new(format!("{} cannot be read: {error}", path.display())),
    };
    // A pipe is not even opened: whoever fills it may never come.
    plain(path, &std::fs::metadata(path).map_err(unreadable)?)?;
    let mut file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    plain(path, &metadata)?;
    let warning = seen_by_others(path, &metadata, others)?;
    let mut held = Vec::new();
    file.by_ref().take(SIZE_MAX + 1).read_to_end(&mut held).map_err(unreadable)?;
    if held.len() as u64 > SIZE_MAX {
        let why = format!("{} is larger than {} KiB, and no token is", path.display(), SIZE_MAX / 1024);
        return Err(Unfit::new(why));
    }
    Ok(Kept { held, warning })
}

/// What comes on standard input.
pub fn input() -> Result<SecretString, Unfit> {
    const PLACE: &str = "standard input";
    let mut text = Vec::new();
    let read = std::io::stdin().lock().take(SIZE_MAX + 1).read_to_end(&mut text);
    read.map_err(|error| Unfit::new(format!("{PLACE} cannot be read: {error}")))?;
    match text.len() as u64 > SIZE_MAX {
        true => Err(Unfit::new(format!("{PLACE} is longer than any token"))),
        false => line(PLACE, &String::from_utf8_lossy(&text)),
    }
}

fn plain(path: &Path, metadata: &Metadata) -> Result<(), Unfit> {
    let file = path.display();
    match (metadata.is_file(), metadata.is_dir()) {
        (true, _) => Ok(()),
        (_, true) => Err(Unfit::new(format!("{file} is a folder"))),
        _ => Err(Unfit::new(format!("{file} is a pipe or a device"))
            .hint("write the token into a file, or name the program that prints it with token-command")),
    }
}

#[cfg(unix)]
fn seen_by_others(path: &Path, metadata: &Metadata, others: Others) -> Result<Option<String>, Unfit> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode();
    if mode & 0o077 == 0 || others == Others::Allowed {
        return Ok(None);
    }
    let why = format!("{} can be read or changed by other users (mode {:03o})", path.display(), mode & 0o777);
    match is_handed_in(path) {
        true => Ok(Some(why)),
        false => {
            let hint = format!("chmod 600 {}; or add --allow-open-token-file, if that is meant", path.display());
            Err(Unfit::new(why).hint(hint))
        }
    }
}

/// Windows keeps rights in lists, which are not looked at.
#[cfg(not(unix))]
fn seen_by_others(_path: &Path, _metadata: &Metadata, _others: Others) -> Result<Option<String>, Unfit> {
    Ok(None)
}

/// Whoever hands secrets to containers and services decides on their modes.
#[cfg(unix)]
fn is_handed_in(path: &Path) -> bool {
    let folders = [Some(PathBuf::from(HANDED_IN)), std::env::var_os(CREDENTIALS).map(PathBuf::from)];
    let Ok(path) = path.canonicalize() else { return false };
    let folders = folders.into_iter().flatten().filter_map(|folder| folder.canonicalize().ok());
    // A folder named by an empty or careless variable would let everything through.
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
            assert!(read.err().is_none_or(|unfit| !unfit.to_string().contains("zzq")), "{text:?}");
        }
    }
}
