//! The texts that cells of a binary workbook share, one behind the other in one allocation.

#[derive(Debug, Default)]
pub struct SharedTexts {
    text: String,
    ends: Vec<u32>,
}

impl SharedTexts {
    /// Adds what `write` appends as the next text; `None` once all of it is more than can be counted.
    pub fn add<E>(&mut self, write: impl FnOnce(&mut String) -> Result<(), E>) -> Result<Option<()>, E> {
        write(&mut self.text)?;
        Ok(u32::try_from(self.text.len()).ok().map(|end| self.ends.push(end)))
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
