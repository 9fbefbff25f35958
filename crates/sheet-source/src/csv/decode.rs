//! A text file as a stream of UTF-8 in one reused buffer. UTF-8 passes through unchanged (and unchecked: the reader
//! checks each row); other encodings are decoded in chunks of fixed size, so memory does not depend on the size of
//! the file.

use crate::row::has_control_chars;
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};
use std::io::{self, Read};

/// Bytes read at a time; small enough to stay in the processor's second-level cache.
const CHUNK_BYTES: usize = 128 << 10;

/// The end-of-file mark of DOS, which old accounting programs still write.
const CTRL_Z: u8 = 0x1A;

pub struct TextInput {
    input: Box<dyn Read + Send>,
    decoding: Option<Decoding>,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    last: bool,
    malformed: bool,
    has_control: bool,
}

struct Decoding {
    decoder: Decoder,
    raw: Vec<u8>,
    start: usize,
    end: usize,
    last: bool,
}

impl TextInput {
    /// `input` starts after any byte order mark.
    pub fn new(input: Box<dyn Read + Send>, encoding: &'static Encoding) -> TextInput {
        let decoding = (encoding != UTF_8).then(|| Decoding {
            decoder: encoding.new_decoder_without_bom_handling(),
            raw: vec![0; CHUNK_BYTES],
            start: 0,
            end: 0,
            last: false,
        });
        let bytes = vec![0; CHUNK_BYTES];
        TextInput { input, decoding, bytes, start: 0, end: 0, last: false, malformed: false, has_control: false }
    }

    /// Bytes that are read but not consumed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// True if nothing follows `bytes`.
    pub fn is_last(&self) -> bool {
        self.last
    }

    /// True if decoding stopped early: what follows `bytes` is not valid in the encoding.
    pub fn is_malformed(&self) -> bool {
        self.malformed
    }

    /// True once any control character was read: until then no row needs to be searched for one.
    pub fn has_control_chars(&self) -> bool {
        self.has_control
    }

    pub fn consume(&mut self, count: usize) {
        self.start += count;
        debug_assert!(self.start <= self.end);
    }

    /// Appends more bytes to the unread ones; at the end of the input `is_last` becomes true.
    pub fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.bytes.len() - self.end < CHUNK_BYTES / 2 {
            self.bytes.resize(self.bytes.len() * 2, 0);
        }
        let before = self.end;
        while self.end == before && !self.last {
            match &mut self.decoding {
                None => {
                    let count = read(&mut self.input, &mut self.bytes[self.end..])?;
                    self.end += count;
                    self.last = count == 0;
                }
                Some(decoding) => {
                    let (count, status) = decoding.decode(&mut self.input, &mut self.bytes[self.end..])?;
                    self.end += count;
                    self.last = status != DecodeStatus::More;
                    self.malformed = status == DecodeStatus::Malformed;
                }
            }
        }
        self.has_control |= has_control_chars(&self.bytes[before..self.end]);
        if self.last && !self.malformed && self.bytes().last() == Some(&CTRL_Z) {
            self.end -= 1;
        }
        Ok(())
    }
}

#[derive(PartialEq)]
enum DecodeStatus {
    More,
    End,
    Malformed,
}

impl Decoding {
    fn decode(&mut self, input: &mut impl Read, out: &mut [u8]) -> io::Result<(usize, DecodeStatus)> {
        if self.start == self.end && !self.last {
            self.start = 0;
            self.end = read(input, &mut self.raw)?;
            self.last = self.end == 0;
        }
        let raw = &self.raw[self.start..self.end];
        let (result, used, written) = self.decoder.decode_to_utf8_without_replacement(raw, out, self.last);
        self.start += used;
        let status = match result {
            DecoderResult::InputEmpty if self.last => DecodeStatus::End,
            DecoderResult::InputEmpty | DecoderResult::OutputFull => DecodeStatus::More,
            DecoderResult::Malformed(..) => DecodeStatus::Malformed,
        };
        Ok((written, status))
    }
}

fn read(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(buffer) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::{UTF_16LE, WINDOWS_1251};

    fn all(bytes: Vec<u8>, encoding: &'static Encoding) -> (Vec<u8>, bool) {
        let mut input = TextInput::new(Box::new(io::Cursor::new(bytes)), encoding);
        while !input.is_last() {
            input.fill().expect("memory can be read");
        }
        (input.bytes().to_vec(), input.is_malformed())
    }

    #[test]
    fn long_text_survives_the_pieces() {
        let text = "Пётр и Fevronia; ".repeat(40_000);
        assert_eq!(all(text.clone().into_bytes(), UTF_8), (text.clone().into_bytes(), false));
        assert_eq!(all(WINDOWS_1251.encode(&text).0.into_owned(), WINDOWS_1251), (text.clone().into_bytes(), false));
        let wide = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(all(wide, UTF_16LE), (text.into_bytes(), false));
    }

    #[test]
    fn half_a_letter_at_the_end_is_reported_and_ctrl_z_is_not_text() {
        assert_eq!(all(b"a\0b\0c".to_vec(), UTF_16LE), (b"ab".to_vec(), true));
        assert_eq!(all(b"a;b\r\n\x1A".to_vec(), UTF_8), (b"a;b\r\n".to_vec(), false));
    }
}
