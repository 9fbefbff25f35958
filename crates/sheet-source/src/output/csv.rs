//! Writes a CSV row by row, in the encoding and dialect of the source.

use encoding_rs::{EncoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use std::fs::File;
use std::io::{self, BufWriter, Write};

/// Replaces characters that the encoding does not have.
const UNKNOWN_LETTER: u8 = b'?';

/// Writes rows in a given encoding and dialect; lines end with CR LF, as Excel writes them.
pub struct CsvWriter {
    rows: csv::Writer<EncodingWriter>,
}

impl CsvWriter {
    /// `encoding` is a name as in `Layout::encoding`; `None` and unknown names mean UTF-8.
    pub fn new(file: File, encoding: Option<&'static str>, bom: bool, delimiter: char) -> io::Result<CsvWriter> {
        let encoding = encoding.and_then(|name| Encoding::for_label(name.as_bytes())).unwrap_or(UTF_8);
        let mut file = BufWriter::new(file);
        if bom {
            let mark: &[u8] = match encoding {
                e if e == UTF_8 => b"\xEF\xBB\xBF",
                e if e == UTF_16LE => b"\xFF\xFE",
                e if e == UTF_16BE => b"\xFE\xFF",
                _ => b"",
            };
            file.write_all(mark)?;
        }
        let rows = csv::WriterBuilder::new()
            .delimiter(if delimiter.is_ascii() { delimiter as u8 } else { b';' })
            .terminator(csv::Terminator::CRLF)
            .flexible(true)
            .from_writer(EncodingWriter { file, encoding, pending: Vec::new(), out: Vec::new() });
        Ok(CsvWriter { rows })
    }

    pub fn write_row<I, S>(&mut self, cells: I) -> io::Result<()>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        self.rows.write_record(cells.into_iter().map(|cell| AsByteStr(cell))).map_err(io::Error::from)
    }

    /// Flushes the buffer. Without it, errors of the last writes are lost.
    pub fn finish(mut self) -> io::Result<()> {
        self.rows.flush()
    }
}

struct AsByteStr<S>(S);

impl<S: AsRef<str>> AsRef<[u8]> for AsByteStr<S> {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref().as_bytes()
    }
}

/// Takes UTF-8 in chunks that can end inside a character, and writes it in another encoding.
struct EncodingWriter {
    file: BufWriter<File>,
    encoding: &'static Encoding,
    pending: Vec<u8>,
    out: Vec<u8>,
}

impl Write for EncodingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.encoding == UTF_8 {
            return self.file.write(bytes);
        }
        self.pending.extend_from_slice(bytes);
        let complete = match std::str::from_utf8(&self.pending) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let text = String::from_utf8_lossy(&self.pending[..complete]);
        self.out.clear();
        encode(&text, self.encoding, &mut self.out);
        self.file.write_all(&self.out)?;
        self.pending.drain(..complete);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn encode(text: &str, encoding: &'static Encoding, out: &mut Vec<u8>) {
    // The Encoding Standard has no encoder for UTF-16.
    if encoding == UTF_16LE {
        out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    } else if encoding == UTF_16BE {
        out.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
    } else {
        let mut encoder = encoding.new_encoder();
        let mut rest = text;
        loop {
            let room = encoder.max_buffer_length_from_utf8_without_replacement(rest.len()).unwrap_or(rest.len() * 4);
            out.reserve(room + 1);
            let (result, used) = encoder.encode_from_utf8_to_vec_without_replacement(rest, out, true);
            rest = &rest[used..];
            match result {
                EncoderResult::InputEmpty => return,
                EncoderResult::OutputFull => {}
                EncoderResult::Unmappable(_) => out.push(UNKNOWN_LETTER),
            }
        }
    }
}
