//! Why a workbook cannot be read, and the problem that the user sees.

use super::unpack::TooLarge;
use crate::message;
use crate::problem::Problem;
use std::io;
use std::path::Path;
use zip::result::ZipError;

pub const SAVE_AS_XLSX: &str = "open it in Excel and save it as an Excel workbook (.xlsx)";
pub const FEWER_CELLS: &str = "delete the empty rows and columns around the data, or save the sheet as CSV";

/// Why a workbook, or a sheet of it, cannot be read.
pub enum WorkbookError {
    Encrypted,
    /// An `.xls` without a workbook: a document of another program, or an encrypted one.
    NoWorkbook,
    Missing,
    /// A part that unpacks to more than the limit.
    TooLarge {
        part: String,
        megabytes: u64,
    },
    Io(io::Error),
    /// What is wrong, in plain words; can be empty.
    Damaged(String),
}

impl WorkbookError {
    pub fn damaged(detail: &str) -> WorkbookError {
        WorkbookError::Damaged(detail.to_owned())
    }

    pub fn into_problem(self, path: &Path, sheet: Option<&str>) -> Problem {
        match self {
            WorkbookError::Encrypted => Problem::in_file(path, "encrypted", "this workbook is protected by a password")
                .hint("open it in Excel, remove the password (File, Info, Protect Workbook) and save it"),
            WorkbookError::NoWorkbook => {
                Problem::in_file(path, "not-a-table", "this is a document of another program, not a workbook")
                    .hint("choose a CSV file or an Excel workbook")
            }
            WorkbookError::TooLarge { part, megabytes } => {
                let message = message!(
                    "one part of this workbook ({part}) unpacks to more than {size} MB, which is over the limit",
                    size = megabytes,
                    part
                );
                Problem::in_file(path, "file-too-big", message).hint(FEWER_CELLS)
            }
            WorkbookError::Missing => {
                let message = match sheet {
                    Some(sheet) => {
                        message!("this workbook is damaged: the data of sheet \"{sheet}\" is missing", sheet)
                    }
                    None => message!("this workbook is damaged: the data of a sheet is missing"),
                };
                Problem::in_file(path, "damaged-workbook", message).hint(REPAIR)
            }
            WorkbookError::Io(error) => io_problem(path, &error),
            WorkbookError::Damaged(detail) => {
                let message = if detail.is_empty() {
                    message!("this workbook is damaged")
                } else {
                    message!("this workbook is damaged ({detail})", detail)
                };
                Problem::in_file(path, "damaged-workbook", message).hint(REPAIR)
            }
        }
    }
}

pub const REPAIR: &str = "open it in Excel, let Excel repair it, and save it; or copy or download it again";

impl WorkbookError {
    /// An error without a system code comes from unpacking: an early end or a wrong checksum.
    pub fn from_unpacking(error: io::Error) -> WorkbookError {
        if error.raw_os_error().is_some() {
            return WorkbookError::Io(error);
        }
        if let Some(TooLarge { part, megabytes }) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
            return WorkbookError::TooLarge { part: part.clone(), megabytes: *megabytes };
        }
        WorkbookError::damaged(match error.kind() {
            io::ErrorKind::UnexpectedEof => "one part ends too early",
            _ => "one part cannot be unpacked",
        })
    }

    pub fn from_zip(error: ZipError) -> WorkbookError {
        match error {
            ZipError::Io(error) => WorkbookError::from_unpacking(error),
            ZipError::FileNotFound => WorkbookError::Missing,
            ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) | ZipError::InvalidPassword => {
                WorkbookError::Encrypted
            }
            ZipError::CompressionMethodNotSupported(_) | ZipError::UnsupportedArchive(_) => {
                WorkbookError::damaged("its compression method is not supported")
            }
            _ => WorkbookError::damaged("its zip directory is broken"),
        }
    }
}

pub fn empty_file(path: &Path) -> Problem {
    Problem::in_file(path, "empty-file", "this file is empty").hint("choose a file with a header row and rows under it")
}

/// The problem for an error of the operating system, in plain words.
pub fn io_problem(path: &Path, error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::NotFound => {
            Problem::in_file(path, "no-such-file", "file not found").hint("check the name and the current folder")
        }
        io::ErrorKind::PermissionDenied => {
            Problem::in_file(path, "unreadable-file", "reading this file is not permitted")
                .hint("close it in other programs, or ask for permission to read it")
        }
        io::ErrorKind::IsADirectory => {
            Problem::in_file(path, "unreadable-file", "this is a folder, not a file").hint("name a file in it")
        }
        _ => Problem::in_file(
            path,
            "unreadable-file",
            message!("this file cannot be read: {error}", error = error.to_string()),
        ),
    }
}
