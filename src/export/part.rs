//! A file on its way, under a name of its own beside the one that it is for.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Exports of one process into one file at once, and halves that killed ones left behind.
const PARTS_MAX: u32 = 1_000;

/// A file that is gone unless it is kept.
pub struct Part {
    pub path: PathBuf,
    /// It was put in its place.
    pub kept: bool,
}

impl Part {
    /// Beside `target`, under a name that no other export writes to, of this process or of another.
    pub fn create(target: &Path) -> io::Result<Part> {
        for n in 0..PARTS_MAX {
            let mut name = target.file_name().unwrap_or_default().to_owned();
            name.push(format!(".{}-{n}.part", std::process::id()));
            let path = target.with_file_name(name);
            match File::options().write(true).create_new(true).open(&path) {
                Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made.map(|_| Part { path, kept: false }),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

/// Writes a file that is there whole or not at all.
pub fn write_whole(target: &Path, content: &[u8]) -> io::Result<()> {
    let mut part = Part::create(target)?;
    let mut file = File::create(&part.path)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&part.path, target)?;
    part.kept = true;
    Ok(())
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.kept {
            // Nobody needs the half of a file; that it cannot be removed changes nothing.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
