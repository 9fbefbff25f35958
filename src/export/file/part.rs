//! A file that is being written, under another name beside its target.

use amo_client::private;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The highest number of unfinished files of one target: of exports at the same time, or left behind by killed ones.
const PARTS_MAX: u32 = 1_000;

/// An unfinished file, which is removed when this is dropped.
pub struct UnfinishedFile {
    pub path: PathBuf,
    /// True once it was renamed to its target.
    finished: bool,
}

impl UnfinishedFile {
    /// Creates it beside `target`, under a name that no other export uses.
    pub fn create(target: &Path) -> io::Result<(UnfinishedFile, File)> {
        for n in 0..PARTS_MAX {
            let mut name = target.file_name().unwrap_or_default().to_owned();
            name.push(format!(".{}-{n}.part", std::process::id()));
            let path = target.with_file_name(name);
            match private::create(&path) {
                Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made.map(|file| (UnfinishedFile { path, finished: false }, file)),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Renames the file to its target. A link in its place is replaced and never followed.
    pub fn put(mut self, target: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, target)?;
        self.finished = true;
        Ok(())
    }

    /// The same, but keeps the mode of the file that is replaced.
    pub fn replace(self, target: &Path) -> io::Result<()> {
        if let Some(replaced) = std::fs::symlink_metadata(target).ok().filter(|metadata| metadata.is_file()) {
            std::fs::set_permissions(&self.path, replaced.permissions())?;
        }
        self.put(target)
    }
}

/// Writes a file completely or not at all.
pub fn write_whole(target: &Path, content: &[u8]) -> io::Result<()> {
    written(target, content)?.put(target)
}

/// The same, but keeps the mode of a file that is replaced.
pub fn replace_whole(target: &Path, content: &[u8]) -> io::Result<()> {
    written(target, content)?.replace(target)
}

fn written(target: &Path, content: &[u8]) -> io::Result<UnfinishedFile> {
    let (part, mut file) = UnfinishedFile::create(target)?;
    file.write_all(content)?;
    file.sync_all()?;
    Ok(part)
}

impl Drop for UnfinishedFile {
    fn drop(&mut self) {
        if !self.finished {
            // An unfinished file is useless; a failure to remove it does not matter.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
