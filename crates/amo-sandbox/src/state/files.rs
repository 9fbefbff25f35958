//! Files and folders that only their owner can read, whatever the umask: the world contains a token.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Creates a folder and its parents. An existing one is left as it is.
pub fn folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Creates a file in place of one that a killed process has left; no link is followed.
pub fn create_anew(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => options().read(true).write(true).create_new(true).open(path),
    }
}

/// Opens a lock file, which is never read; creates it if need be.
pub fn lock(path: &Path) -> io::Result<File> {
    // Opened for writing as well: some file systems lock only such files.
    options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Opens a file for appending; creates it if need be.
pub fn append(path: &Path) -> io::Result<File> {
    options().append(true).create(true).open(path)
}

fn options() -> OpenOptions {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
