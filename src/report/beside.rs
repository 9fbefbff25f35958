//! A report on its way: every file is written beside its place, and all are put in their places when the last one is whole,
//! `run.json` at the end. So no file there is ever half of one, and where `run.json` is, the others belong to it.

use super::{ReportError, SUMMARY, write_error};
use crate::store::crash;
use amo_client::private;
use std::ffi::OsString;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What the name of a file on its way has behind that of its place.
const PART: &str = ".part";

/// A file on its way.
pub struct PartialFile {
    pub file: File,
    pub path: PathBuf,
}

pub struct ReportFiles<'f> {
    folder: &'f Path,
    names: &'static [&'static str],
}

impl<'f> ReportFiles<'f> {
    /// `names` are all files that a report may have, `run.json` last. Takes away what a process that was killed has left.
    pub fn new(folder: &'f Path, names: &'static [&'static str]) -> Result<ReportFiles<'f>, ReportError> {
        let beside = ReportFiles { folder, names };
        for name in names {
            remove(&beside.part_path(name))?;
        }
        Ok(beside)
    }

    /// A file to write, not yet in its place.
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

    /// Puts the files that were written in their places, and takes away those of an earlier report that this one does not have.
    pub fn publish(self) -> Result<(), ReportError> {
        for name in self.names {
            sync_part(&self.part_path(name))?;
        }
        // An earlier run.json that says the same goes with any of the files; another one would lie about the new ones.
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
        // Not every system can do it with a folder; what is lost with the power then is the move, never a part of a file.
        let _ = File::open(self.folder).and_then(|folder| folder.sync_all());
        Ok(())
    }
}

impl Drop for ReportFiles<'_> {
    fn drop(&mut self) {
        // Nobody needs the half of a report; what cannot be removed goes with the next one.
        for name in self.names {
            let _ = std::fs::remove_file(self.part_path(name));
        }
    }
}

/// Makes sure that it lies on the disk before it takes the place of another.
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
