//! What is its owner's alone: files and folders made so that nobody else can read them, whatever the umask. Rows, reports and
//! snapshots are people's data, and tokens open the account: `secret` reads them, `shown` says what may be quoted of a text that could
//! be one, `hidden` takes them out of answers.

pub mod hidden;
pub mod secret;
pub mod shown;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

/// All of a file that a person has named for what stands in it. A pipe or a device is not even opened: whoever fills it may
/// never come, and nobody would know what is waited for.
pub fn plain(path: &Path) -> io::Result<Vec<u8>> {
    if is_pipe(path) {
        return Err(io::Error::other("it is a pipe or a device, not a file"));
    }
    std::fs::read(path)
}

/// The same as text.
pub fn plain_text(path: &Path) -> io::Result<String> {
    String::from_utf8(plain(path)?).map_err(|e| io::Error::new(ErrorKind::InvalidData, e))
}

/// A pipe, a device or a socket: what it gives comes once, and may never come.
pub fn is_pipe(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// Makes a folder and those above it. One that is there stays as it is.
pub fn folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes a file that must not be there yet, so that nothing is replaced and no link is followed.
pub fn create(path: &Path) -> io::Result<File> {
    options().read(true).write(true).create_new(true).open(path)
}

/// The same, in the place of what a process that was killed has left under this name.
pub fn create_anew(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => create(path),
    }
}

/// Opens a file that is locked and never read; makes it if need be.
pub fn lock(path: &Path) -> io::Result<File> {
    // Opened for writing as well: some file systems lock only such.
    options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Opens a file to write at its end; makes it if need be.
pub fn append(path: &Path) -> io::Result<File> {
    options().append(true).create(true).open(path)
}

/// Makes sure of the file of a database before SQLite opens it: what SQLite lays beside the file has the file's own mode.
pub fn database(path: &Path) -> io::Result<()> {
    match create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // Earlier versions left it to the umask. A file that is another user's cannot be changed, and is opened as it is.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600));
    }
    Ok(())
}

/// Whether something has this name, be it a link that leads nowhere.
pub fn is_there(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

fn options() -> OpenOptions {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
