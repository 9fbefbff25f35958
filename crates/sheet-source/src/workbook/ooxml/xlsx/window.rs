//! A part of the file, unpacked in blocks and read as text.

use super::{NeedsFallback, ScanResult, ScanStop};
use std::io::Read;

pub const BLOCK_BYTES: usize = 128 << 10;
/// Excel reads no larger element: its longest cell is a hundredth of it.
const ELEMENT_BYTES_MAX: usize = 16 << 20;

pub struct TextWindow<R> {
    source: R,
    text: String,
    /// Unpacked bytes that are the start of a character.
    bytes: Vec<u8>,
    ended: bool,
}

impl<R: Read> TextWindow<R> {
    pub fn new(source: R) -> TextWindow<R> {
        TextWindow { source, text: String::new(), bytes: Vec::new(), ended: false }
    }

    /// Runs one step after the other through the text. A step gets the available text and its own offset, and returns
    /// the offset of the next step, or `None` at the end; it changes nothing unless it succeeds.
    pub fn for_each(
        &mut self,
        mut step: impl FnMut(&str, usize) -> ScanResult<Option<usize>>,
    ) -> Result<(), NeedsFallback> {
        loop {
            let mut at = 0;
            let stop = loop {
                match step(&self.text, at) {
                    Ok(Some(next)) => at = next,
                    Ok(None) => return Ok(()),
                    Err(stop) => break stop,
                }
            };
            match stop {
                ScanStop::Incomplete => self.read_more(at)?,
                ScanStop::NeedsFallback => return Err(NeedsFallback),
            }
        }
    }

    /// Drops the text before `at` and reads at least as much as is left, so that a large element is scanned again
    /// only a few times.
    fn read_more(&mut self, at: usize) -> Result<(), NeedsFallback> {
        self.text.drain(..at);
        if self.ended || self.text.len() > ELEMENT_BYTES_MAX {
            return Err(NeedsFallback);
        }
        let wanted = self.text.len().max(BLOCK_BYTES);
        let read = self.source.by_ref().take(wanted as u64).read_to_end(&mut self.bytes).map_err(|_| NeedsFallback)?;
        self.ended = read < wanted;
        let whole = self.bytes.len() - if self.ended { 0 } else { incomplete_char_bytes(&self.bytes) };
        self.text.push_str(simdutf8::basic::from_utf8(&self.bytes[..whole]).map_err(|_| NeedsFallback)?);
        self.bytes.drain(..whole);
        Ok(())
    }
}

/// The number of bytes at the end that are the start of a character.
fn incomplete_char_bytes(bytes: &[u8]) -> usize {
    const CONTINUES: std::ops::Range<u8> = 0x80..0xC0;
    let last = bytes.iter().rev().take(3).position(|byte| !CONTINUES.contains(byte));
    let Some(back) = last.map(|before| before + 1) else { return 0 };
    let needed = match bytes[bytes.len() - back] {
        0xF0.. => 4,
        0xE0.. => 3,
        0xC0.. => 2,
        _ => 1,
    };
    if needed > back { back } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_never_cut() {
        let text = "aя€😀".repeat(BLOCK_BYTES / 8);
        for shift in 0..4 {
            let shifted = "x".repeat(shift) + &text;
            let mut seen = String::new();
            let mut window = TextWindow::new(shifted.as_bytes());
            let end = window.for_each(|text, at| {
                seen.push_str(&text[at..]);
                if at < text.len() { Ok(Some(text.len())) } else { Err(ScanStop::Incomplete) }
            });
            assert!(end.is_err(), "the text ends");
            assert!(seen == shifted);
        }
    }

    #[test]
    fn invalid_text_needs_the_fallback() {
        let mut window = TextWindow::new(&b"<a>\xFF</a>"[..]);
        assert!(window.for_each(|_, _| Err(ScanStop::Incomplete)).is_err());
        assert_eq!(window.text, "");
    }
}
