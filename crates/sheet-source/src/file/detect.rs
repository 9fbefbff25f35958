//! Detects what a file is by its content: a workbook of one of four formats, text, or something that is not a table,
//! with a hint what to do. The name and its extension do not count: half of all `.xls` files are web pages.

use super::error::{FEWER_CELLS, SAVE_AS_XLSX, io_problem};
use crate::file::bytes::{u16_at, u32_at, u64_at};
use crate::file::input::SourceFile;
use crate::file::layout::FileFormat;
use crate::file::markup_text::{MarkupKind, detect_markup};
use crate::file::unpack::{self, ZipPart};
use crate::message;
use crate::problem::{Message, Problem};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

const CUT_OFF: &str = "copy or download the file again, or open it in Excel and save it again";

/// An `.xls` is held in memory whole, twice while it opens; with all its 65 536 rows it is about 25 MB.
const XLS_BYTES_MAX: u64 = 64 << 20;
/// The directory of a zip file; a workbook has some dozens of parts with a hundred bytes each.
const DIRECTORY_BYTES_MAX: u64 = 16 << 20;

/// True for the first bytes of formats whose parts are not read in file order: zip archives and old workbooks.
pub fn is_container(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") || start.starts_with(&[0xD0, 0xCF, 0x11, 0xE0])
}

/// The format that the first bytes show; `None` for text, as far as they tell.
pub fn detect_format(path: &Path, file: &mut SourceFile, start: &[u8]) -> Result<Option<FileFormat>, Problem> {
    let length = file.length();
    match start {
        [b'P', b'K', 3, 4, ..] => detect_zip_format(path, file, length).map(Some),
        [b'P', b'K', 5, 6, ..] => Err(not_a_table(path, "an empty archive", "choose the workbook itself")),
        [0xD0, 0xCF, 0x11, 0xE0, ..] if length > XLS_BYTES_MAX => {
            let message = message!(
                "this .xls workbook is {size} MB; the limit is {max} MB",
                size = length >> 20,
                max = XLS_BYTES_MAX >> 20
            );
            Err(Problem::in_file(path, "file-too-big", message).hint(SAVE_AS_XLSX))
        }
        [0xD0, 0xCF, 0x11, 0xE0, ..] => Ok(Some(FileFormat::Xls)),
        [9, 0 | 2 | 4 | 8, ..] => Err(not_a_table(path, "a workbook of Excel 4 or older", SAVE_AS_XLSX)),
        [0xFF, 0xFE, 0, 0, ..] => {
            Err(Problem::in_file(path, "encoding", "this text is UTF-32, which is not supported")
                .hint("save it as UTF-8"))
        }
        _ => match MAGIC.iter().find(|(magic, _)| start.starts_with(magic)) {
            Some((_, what)) => Err(not_a_table(path, what, "choose a CSV file or an Excel workbook")),
            None => Ok(None),
        },
    }
}

const MAGIC: [(&[u8], &str); 8] = [
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xFF\xD8\xFF", "a picture"),
    (b"GIF8", "a picture"),
    (b"Rar!", "an archive"),
    (b"7z\xBC\xAF", "an archive"),
    (b"\x1F\x8B", "an archive"),
    (b"{\\rtf", "a text document"),
];

fn not_a_table(path: &Path, kind: &'static str, hint: &'static str) -> Problem {
    Problem::in_file(path, "not-a-table", message!("this is {kind}, not a table", kind)).hint(hint)
}

/// The problem of a text that is not a table: web pages and XML, often under the name `.xls`, JSON, and binary data.
pub fn check_text(path: &Path, text: &str) -> Option<Problem> {
    const CONTROL_PER_CENT_MAX: usize = 10;
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    match detect_markup(text) {
        Some(MarkupKind::WebPage) => {
            let message = match ending.as_str() {
                "" => message!("this is a web page, not a table"),
                ending => message!("this is a web page saved as .{ending}, not a table", ending),
            };
            return Some(Problem::in_file(path, "html-file", message).hint(SAVE_AS_XLSX));
        }
        Some(MarkupKind::XmlSpreadsheet) => {
            return Some(not_a_table(path, "an XML spreadsheet of Excel 2003", SAVE_AS_XLSX));
        }
        Some(MarkupKind::Xml) => {
            return Some(not_a_table(path, "an XML file", "export a CSV file or an Excel workbook instead"));
        }
        None => {}
    }
    if matches!(ending.as_str(), "json" | "jsonl" | "ndjson") && text.trim_start().starts_with(['{', '[']) {
        return Some(not_a_table(path, "a JSON file", "export a CSV file or an Excel workbook instead"));
    }
    let control = |c: &char| c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r');
    let (all, control_chars) = (text.chars().count(), text.chars().filter(control).count());
    (control_chars * 100 > all * CONTROL_PER_CENT_MAX)
        .then(|| not_a_table(path, "not text", "choose a CSV file or an Excel workbook"))
        .map(|problem| Problem { message: "this file is neither text nor a workbook".into(), ..problem })
}

fn detect_zip_format(path: &Path, file: &mut SourceFile, length: u64) -> Result<FileFormat, Problem> {
    let parts = match read_directory(file, length) {
        Ok(Some(parts)) => parts,
        Ok(None) => {
            let message = "this workbook is damaged: its end is missing, as after an interrupted copy or download";
            return Err(Problem::in_file(path, "damaged-workbook", message).hint(CUT_OFF));
        }
        Err(error) => return Err(io_problem(path, &error)),
    };
    let parts = unpack::parts(file).unwrap_or(parts);
    let has = |name: &str| parts.iter().any(|part| part.name.replace('\\', "/").eq_ignore_ascii_case(name));
    let within = |folder: &str| parts.iter().any(|part| part.name.starts_with(folder));
    let format = if has("xl/workbook.bin") {
        FileFormat::Xlsb
    } else if within("word/") || within("ppt/") {
        return Err(not_a_table(path, "a text document or a presentation", "choose a CSV file or an Excel workbook"));
    } else if within("Index/") {
        return Err(not_a_table(path, "an Apple Numbers file", "export it from Numbers as Excel (.xlsx) or CSV"));
    } else if has("[Content_Types].xml") || has("xl/workbook.xml") {
        FileFormat::Xlsx
    } else if has("content.xml") || has("mimetype") {
        FileFormat::Ods
    } else {
        return Err(not_a_table(path, "an archive", "unpack it and choose the file inside"));
    };
    match parts.iter().find_map(|part| oversized(part, length, format)) {
        Some(message) => Err(Problem::in_file(path, "file-too-big", message).hint(FEWER_CELLS)),
        None => Ok(format),
    }
}

fn oversized(part: &ZipPart, file_length: u64, format: FileFormat) -> Option<Message> {
    /// A packed byte cannot unpack to more: a directory with a higher ratio is wrong, and the part can be small.
    /// [zlib]
    const RATIO_MAX: u64 = 1_032;
    // Pictures are never unpacked.
    let name = part.name.to_ascii_lowercase();
    if ![".xml", ".bin", ".rels"].iter().any(|ending| name.ends_with(ending)) {
        return None;
    }
    let packed = part.packed.min(file_length);
    let size = part.size.min(packed.saturating_mul(RATIO_MAX));
    let limit = unpack::size_limit(&part.name, packed, format);
    (size > limit).then(|| {
        message!(
            "one part of this workbook ({part}) unpacks to {size} MB, which is over the limit",
            size = size >> 20,
            part = &part.name
        )
    })
}

/// The parts of a zip file, from the directory at its end; `None` if there is none.
fn read_directory(file: &mut SourceFile, length: u64) -> io::Result<Option<Vec<ZipPart>>> {
    const END_BYTES: u64 = 22;
    const COMMENT_BYTES_MAX: u64 = 65_535;
    /// Space for the end of a zip64 directory.
    const FEW_BYTES: u64 = 1_024;
    // Hardly any workbook has a comment.
    let mut found = None;
    for bytes in [END_BYTES + FEW_BYTES, END_BYTES + COMMENT_BYTES_MAX] {
        let tail_start = length.saturating_sub(bytes);
        let tail = read_at(file, tail_start, length - tail_start)?;
        if let Some(end) = memchr::memmem::rfind(&tail, b"PK\x05\x06") {
            found = Some((tail, end));
            break;
        }
    }
    let Some((tail, end)) = found else { return Ok(None) };
    let (Some(size), Some(start)) = (u32_at(&tail, end + 12), u32_at(&tail, end + 16)) else { return Ok(None) };
    let (mut size, mut start) = (u64::from(size), u64::from(start));
    if size == u64::from(u32::MAX) || start == u64::from(u32::MAX) {
        let Some(large) = memchr::memmem::rfind(&tail[..end], b"PK\x06\x06") else { return Ok(None) };
        match (u64_at(&tail, large + 40), u64_at(&tail, large + 48)) {
            (Some(s), Some(at)) => (size, start) = (s, at),
            _ => return Ok(None),
        }
    }
    if size > DIRECTORY_BYTES_MAX || start.saturating_add(size) > length {
        return Ok(None);
    }
    let bytes = read_at(file, start, size)?;
    Ok(Some(parse_directory(&bytes)))
}

fn parse_directory(directory: &[u8]) -> Vec<ZipPart> {
    const ENTRY_BYTES: usize = 46;
    let mut parts = Vec::new();
    let mut at = 0;
    while directory[at..].starts_with(b"PK\x01\x02") {
        let length = |place| u16_at(directory, at + place).map(usize::from);
        let (Some(packed), Some(size), Some(name), Some(extra), Some(comment)) =
            (u32_at(directory, at + 20), u32_at(directory, at + 24), length(28), length(30), length(32))
        else {
            break;
        };
        let name_start = at + ENTRY_BYTES;
        let extra_start = name_start + name;
        let Some(bytes) = directory.get(name_start..extra_start) else { break };
        let name = String::from_utf8_lossy(bytes).into_owned();
        let extra_bytes = directory.get(extra_start..extra_start + extra).unwrap_or_default();
        let (size, packed) = zip64_sizes(extra_bytes, size, packed);
        parts.push(ZipPart { name, packed, size });
        at = extra_start + extra + comment;
        if at > directory.len() {
            break;
        }
    }
    parts
}

/// Unpacked and packed size, from the extra field if they do not or may not fit into four bytes: a program that
/// writes a stream does not know them in advance. [APPNOTE 4.5.3]
fn zip64_sizes(mut extra: &[u8], size: u32, packed: u32) -> (u64, u64) {
    const LARGE: u16 = 1;
    while let (Some(kind), Some(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let Some(field) = extra.get(4..4 + usize::from(length)) else { break };
        if kind == LARGE {
            let mut at = 0;
            let mut long = |short: u32| match short {
                u32::MAX => {
                    at += 8;
                    u64_at(field, at - 8).unwrap_or(short.into())
                }
                _ => short.into(),
            };
            return (long(size), long(packed));
        }
        extra = &extra[4 + field.len()..];
    }
    (size.into(), packed.into())
}

fn read_at(file: &mut SourceFile, start: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}
