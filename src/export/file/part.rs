//! A file on its way, under a name of its own beside the one that it is for.

use amo_client::private;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Exports of one process into one file at once, and halves that killed ones left behind.
const PARTS_MAX: u32 = 1_000;

/// A file that is gone unless it is kept.
pub struct Part {
    pub path: PathBuf,
    /// It was put in its place.
    kept: bool,
}

impl Part {
    /// Beside `target`, under a name that no other export writes to, of this process or of another.
    pub fn create(target: &Path) -> io::Result<(Part, File)> {
        for n in 0..PARTS_MAX {
            let mut name = target.file_name().unwrap_or_default().to_owned();
            name.push(format!(".{}-{n}.part", std::process::id()));
            let path = target.with_file_name(name);
            match private::create(&path) {
                Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made.map(|file| (Part { path, kept: false }, file)),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Puts the file in its place. A link that stands there is replaced and never followed.
    pub fn put(mut self, target: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, target)?;
        self.kept = true;
        Ok(())
    }

    /// The same with the mode of the file that stands there, for somebody may have chosen it.
    pub fn replace(self, target: &Path) -> io::Result<()> {
        if let Some(replaced) = std::fs::symlink_metadata(target).ok().filter(|metadata| metadata.is_file()) {
            std::fs::set_permissions(&self.path, replaced.permissions())?;
        }
        self.put(target)
    }
}

/// Writes a file that is there whole or not at all.
pub fn write_whole(target: &Path, content: &[u8]) -> io::Result<()> {
    written(target, content)?.put(target)
}

/// The same in the place of a file of which the mode is kept.
pub fn replace_whole(target: &Path, content: &[u8]) -> io::Result<()> {
    written(target, content)?.replace(target)
}

fn written(target: &Path, content: &[u8]) -> io::Result<Part> {
    let (part, mut file) = Part::create(target)?;
    file.write_all(content)?;
    file.sync_all()?;
    Ok(part)
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.kept {
            // Nobody needs the half of a file; that it cannot be removed changes nothing.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
