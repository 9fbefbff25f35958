//! The shared strings of a workbook in one allocation.

use crate::file::unpack::SHARED_STRINGS_BYTES_MAX;

pub const STRINGS_TOO_LONG: &str = "its texts are too long to hold in memory";

const BYTES_MAX: usize = SHARED_STRINGS_BYTES_MAX as usize;
/// A text is identified by its end.
const _: () = assert!(BYTES_MAX < u32::MAX as usize);

#[derive(Debug, Default)]
pub struct StringTable {
    text: String,
    ends: Vec<u32>,
}

impl StringTable {
    /// Adds the text that `write` appends; `None` if the limit is exceeded.
    pub fn add<T, E>(&mut self, write: impl FnOnce(&mut String) -> Result<T, E>) -> Result<Option<T>, E> {
        let written = write(&mut self.text)?;
        if self.text.len() > BYTES_MAX {
            return Ok(None);
        }
        self.ends.push(self.text.len() as u32);
        Ok(Some(written))
    }

    /// Frees unused memory after the last text.
    pub fn finish(&mut self) {
        self.text.shrink_to_fit();
    }

    pub fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)? as usize;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        Some(&self.text[start..end])
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_by_their_number() {
        let mut texts = StringTable::default();
        for one in ["a", "", "яё"] {
            let added: Result<_, ()> = texts.add(|text| {
                text.push_str(one);
                Ok(one.len())
            });
            assert_eq!(added, Ok(Some(one.len())));
        }
        assert_eq!([0, 1, 2, 3].map(|index| texts.get(index)), [Some("a"), Some(""), Some("яё"), None]);
        assert_eq!(texts.add(|_| Err::<(), _>("broken")), Err("broken"));
        assert_eq!(texts.len(), 3);
    }
}
