//! Private files and secrets. Rows, reports and snapshots are people's data and tokens open the account, so files and folders
//! are made here with rights for their owner only, whatever the umask.
//!
//! - `secret` reads a token from a file, an environment variable or standard input
//! - `shown` decides what a message may quote of a text that could be a token or hold a password
//! - `redact` takes secrets out of answers

pub mod redact;
pub mod secret;
pub mod shown;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Reads a file that the user has named. A pipe or a device is not opened: it may never be filled, and the program would wait
/// without a word.
pub fn plain(path: &Path) -> io::Result<Vec<u8>> {
    if is_pipe(path) {
        return Err(io::Error::other("it is a pipe or a device, not a file"));
    }
    std::fs::read(path)
}

/// Reads a file that the user has named, as UTF-8 text.
pub fn plain_text(path: &Path) -> io::Result<String> {
    String::from_utf8(plain(path)?).map_err(|e| io::Error::new(ErrorKind::InvalidData, e))
}

/// True for a pipe, a device or a socket: its content can be read once, and may never come.
pub fn is_pipe(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// Makes a folder and its parents. An existing one is left as it is.
pub fn folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes a file that must not exist yet, so that nothing is replaced and no link is followed.
pub fn create(path: &Path) -> io::Result<File> {
    options().read(true).write(true).create_new(true).open(path)
}

/// Makes a file in the place of one that a killed process has left under this name.
pub fn create_anew(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => create(path),
    }
}

/// Opens a file that is used as a lock only; makes it where it does not exist.
pub fn lock(path: &Path) -> io::Result<File> {
    // Some file systems lock only files that are open for writing.
    options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Opens a file to append to; makes it where it does not exist.
pub fn append(path: &Path) -> io::Result<File> {
    options().append(true).create(true).open(path)
}

/// Makes the file of a database, or narrows its rights, before SQLite opens it: the files that SQLite puts beside it get the
/// same mode.
pub fn database(path: &Path) -> io::Result<()> {
    match create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // Earlier versions left the mode to the umask. Another user's file cannot be changed, and is opened as it is.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600));
    }
    Ok(())
}

/// True where something has this name, even a dangling link.
pub fn is_there(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

fn options() -> OpenOptions {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
