//! The files of a report while they are written: each is written beside its final path, and all are moved when the last one is
//! complete, `run.json` at the end. So no file is ever incomplete, and the files beside `run.json` belong to it.

use super::{ReportError, SUMMARY, write_error};
use crate::store::crash;
use amo_client::private;
use std::ffi::OsString;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Suffix of a file that is being written.
const PART: &str = ".part";

/// A file that is being written.
pub struct PartialFile {
    pub file: File,
    pub path: PathBuf,
}

pub struct ReportFiles<'f> {
    folder: &'f Path,
    names: &'static [&'static str],
}

impl<'f> ReportFiles<'f> {
    /// `names` are all files that a report can have, `run.json` last. Removes what a killed process has left.
    pub fn new(folder: &'f Path, names: &'static [&'static str]) -> Result<ReportFiles<'f>, ReportError> {
        let beside = ReportFiles { folder, names };
        for name in names {
            remove(&beside.part_path(name))?;
        }
        Ok(beside)
    }

    /// Creates a file, not yet at its final path.
    pub fn create(&self, name: &str) -> Result<PartialFile, ReportError> {
        let path = self.part_path(name);
        let file = private::create(&path).map_err(write_error(&path))?;
        Ok(PartialFile { file, path })
    }

    fn part_path(&self, name: &str) -> PathBuf {
        let mut part = OsString::from(name);
        part.push(PART);
        self.folder.join(part)
    }

    /// Moves the written files to their final paths, and removes files of an earlier report that this one does not have.
    pub fn publish(self) -> Result<(), ReportError> {
        for name in self.names {
            sync_part(&self.part_path(name))?;
        }
        // An equal earlier run.json fits the new files; a different one would be wrong about them.
        let place = self.folder.join(SUMMARY);
        let same = std::fs::read(&place).ok() == std::fs::read(self.part_path(SUMMARY)).ok();
        if !same {
            remove(&place)?;
        }
        for name in self.names {
            crash::point("report-move");
            let (part, place) = (self.part_path(name), self.folder.join(name));
            match part.exists() {
                true => std::fs::rename(&part, &place).map_err(write_error(&place))?,
                false => remove(&place)?,
            }
        }
        // Not every system can sync a folder; a power failure can then undo the move, but never leave a part of a file.
        let _ = File::open(self.folder).and_then(|folder| folder.sync_all());
        Ok(())
    }
}

impl Drop for ReportFiles<'_> {
    fn drop(&mut self) {
        // An incomplete report is useless; what cannot be removed now is removed with the next report.
        for name in self.names {
            let _ = std::fs::remove_file(self.part_path(name));
        }
    }
}

/// Syncs the file to the disk before it replaces another.
fn sync_part(part: &Path) -> Result<(), ReportError> {
    match File::options().write(true).open(part) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        opened => opened.and_then(|file| file.sync_all()).map_err(write_error(part)),
    }
}

fn remove(path: &Path) -> Result<(), ReportError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(write_error(path)(error)),
        _ => Ok(()),
    }
}
