//! The ids of a list that were seen.

use std::collections::BTreeSet;

/// The ids seen so far. A rising list costs 8 bytes a record.
#[derive(Debug, Default)]
pub struct SeenIds {
    rising: Vec<u64>,
    strays: BTreeSet<u64>,
}

/// Whether an id was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    New,
    /// New, but below an id that came before.
    NewBelow,
    Repeated,
}

impl SeenIds {
    /// Adds an id, and says whether it is new.
    pub fn take(&mut self, id: u64) -> Novelty {
        match self.rising.last() {
            Some(last) if id <= *last => {
                if self.rising.binary_search(&id).is_ok() || !self.strays.insert(id) {
                    Novelty::Repeated
                } else {
                    Novelty::NewBelow
                }
            }
            Some(_) | None => {
                self.rising.push(id);
                Novelty::New
            }
        }
    }

    /// The lowest and the highest id.
    pub fn bounds(&self) -> Option<(u64, u64)> {
        let low = self.rising.first().into_iter().chain(self.strays.first()).min()?;
        // A stray is always below an id of `rising`.
        Some((*low, *self.rising.last()?))
    }

    pub fn contains(&self, id: u64) -> bool {
        self.rising.binary_search(&id).is_ok() || self.strays.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_new_once() {
        let mut seen = SeenIds::default();
        let took: Vec<Novelty> = [3, 5, 5, 4, 4, 3, 9].into_iter().map(|id| seen.take(id)).collect();
        use Novelty::{New, NewBelow, Repeated};
        assert_eq!(took, [New, New, Repeated, NewBelow, Repeated, Repeated, New]);
        assert!(seen.contains(4) && !seen.contains(6) && seen.bounds() == Some((3, 9)));
    }
}
