//! Files and folders of the world, made so that nobody but their owner can read them, whatever the umask: the world has
//! a token in it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Makes a folder and those above it. One that is there stays as it is.
pub fn folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes a file in the place of what a process that was killed has left under this name; no link is followed.
pub fn create_anew(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => options().read(true).write(true).create_new(true).open(path),
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

fn options() -> OpenOptions {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
