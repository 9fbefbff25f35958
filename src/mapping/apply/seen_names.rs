//! The keys and ids of the records so far, each with its row. A name takes 14 bytes, whatever its length; with the free
//! slots, a million names take 15 to 17 MB.
//!
//! A name is known by 80 bits of two hashes, which are seeded at random in each process. Equal names have equal hashes,
//! so no duplicate gets through. The odds that any two different names have the same 80 bits are 1 to 2.4 × 10¹² in a
//! source of a million names, and 1 to 2.4 × 10¹⁰ in one of ten million. Then the later row is rejected with both row
//! numbers; it is not lost, and passes when it is imported again, with other seeds. Nobody can make such a file on
//! purpose.
//!
//! The table has open addressing and consists of pages. Entries stand in the order of their hashes, since the home of a
//! name, the first slot where it may stand, grows with its hash. So the table grows in place, from its end to its
//! beginning, without a second copy.

use crate::mapping::hashing::{SeededState, two_states};
use std::hash::BuildHasher;

/// Slots of a page.
const PAGE_SLOTS: usize = 1 << 10;
/// Slots at the end that are no home of a name: entries near the end have room to move up.
const TAIL_SLOTS: usize = 1 << 7;
/// The table grows when more than 31 of 32 homes are taken.
const LOAD_MAX: (usize, usize) = (31, 32);
/// A table grows by a page for each of so many that it has.
const GROWTH_PAGES: usize = 8;
/// Slots of a word of bits.
const BITS: usize = u64::BITS as usize;

pub(super) struct SeenNames {
    hashers: [SeededState; 2],
    pages: Vec<Box<[SeenName; PAGE_SLOTS]>>,
    /// A bit for each slot: set where it is taken. The next free slot is found without reading entries.
    taken: Vec<u64>,
    /// Slots that may be the home of a name.
    homes: usize,
    len: usize,
    /// The slots of entries that move, kept to allocate once.
    moved: Vec<usize>,
}

/// A name that is known. Packed: with padding it would take 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(Rust, packed(2))]
struct SeenName {
    /// 0 in a free slot.
    hash: u64,
    check: u16,
    row: u32,
}

const FREE: SeenName = SeenName { hash: 0, check: 0, row: 0 };

impl SeenNames {
    pub(super) fn new() -> SeenNames {
        SeenNames { hashers: two_states(), pages: Vec::new(), taken: Vec::new(), homes: 0, len: 0, moved: Vec::new() }
    }

    /// The earlier row with this name, which is a kind of names and one of them; `None` records the row under it.
    pub(super) fn seen(&mut self, name: (&str, &str), row: u32) -> Option<u32> {
        let [hash, check] = self.hashers.each_ref().map(|hasher| hasher.hash_one(name));
        self.put(SeenName { hash: hash.max(1), check: check as u16, row })
    }

    fn put(&mut self, new: SeenName) -> Option<u32> {
        if self.len * LOAD_MAX.1 >= self.homes * LOAD_MAX.0 {
            self.grow();
        }
        loop {
            let mut slot = home(new.hash, self.homes);
            while slot < self.slots() {
                let there = self.get(slot);
                if there.hash == new.hash && there.check == new.check {
                    return Some(there.row);
                }
                if there.hash == FREE.hash || there.hash > new.hash {
                    break;
                }
                slot += 1;
            }
            if self.insert(slot, new) {
                self.len += 1;
                return None;
            }
            // No slot is free up to the end; homes stay where they are.
            self.add_pages(1);
        }
    }

    /// Puts an entry into a slot, and moves the entries from there to the next free slot up by one. False if there is no
    /// free slot.
    fn insert(&mut self, slot: usize, new: SeenName) -> bool {
        let Some(free) = self.free_from(slot) else { return false };
        self.take(free);
        let mut carried = new;
        let (first, last) = (slot / PAGE_SLOTS, free / PAGE_SLOTS);
        for (n, page) in (first..).zip(&mut self.pages[first..=last]) {
            let from = if n == first { slot % PAGE_SLOTS } else { 0 };
            let to = if n == last { free % PAGE_SLOTS } else { PAGE_SLOTS - 1 };
            let above = page[to];
            page.copy_within(from..to, from + 1);
            page[from] = carried;
            carried = above;
        }
        true
    }

    /// Adds pages and moves every entry to its place in the larger table, from the last to the first. Entries between
    /// two free slots stay between the larger places of these slots, so no entry meets one that has not moved yet.
    fn grow(&mut self) {
        let mut end = self.slots();
        self.add_pages(1 + self.pages.len() / GROWTH_PAGES);
        self.homes = self.slots() - TAIL_SLOTS;
        while end > 0 {
            let begin = self.free_before(end).map_or(0, |free| free + 1);
            self.spread(begin, end);
            end = begin.saturating_sub(1);
        }
    }

    /// Moves the entries of neighbouring slots to their places.
    fn spread(&mut self, begin: usize, end: usize) {
        let mut moved = std::mem::take(&mut self.moved);
        moved.clear();
        let mut next = 0;
        for slot in begin..end {
            let place = home(self.get(slot).hash, self.homes).max(next);
            moved.push(place);
            next = place + 1;
        }
        if next > self.slots() {
            self.add_pages(1 + (next - self.slots()) / PAGE_SLOTS);
        }
        for (slot, place) in (begin..end).zip(&moved).rev() {
            let entry = std::mem::replace(self.get_mut(slot), FREE);
            *self.get_mut(*place) = entry;
            self.leave(slot);
            self.take(*place);
        }
        self.moved = moved;
    }

    /// The first free slot from here on.
    fn free_from(&self, slot: usize) -> Option<usize> {
        let (word, bit) = (slot / BITS, slot % BITS);
        let first = !self.taken.get(word)? >> bit;
        if first != 0 {
            return Some(slot + first.trailing_zeros() as usize);
        }
        let next = (word + 1..).zip(&self.taken[word + 1..]).find(|(_, taken)| **taken != u64::MAX);
        next.map(|(word, taken)| word * BITS + taken.trailing_ones() as usize)
    }

    /// The last free slot before this one.
    fn free_before(&self, slot: usize) -> Option<usize> {
        let (word, bit) = (slot / BITS, slot % BITS);
        let own = self.taken.get(word).map_or(0, |taken| !taken & ((1 << bit) - 1));
        if own != 0 {
            return Some(word * BITS + own.ilog2() as usize);
        }
        let before = (0..word).zip(&self.taken[..word]).rev().find(|(_, taken)| **taken != u64::MAX);
        before.map(|(word, taken)| word * BITS + (!taken).ilog2() as usize)
    }

    fn take(&mut self, slot: usize) {
        self.taken[slot / BITS] |= 1 << (slot % BITS);
    }

    fn leave(&mut self, slot: usize) {
        self.taken[slot / BITS] &= !(1 << (slot % BITS));
    }

    fn add_pages(&mut self, count: usize) {
        self.pages.extend(std::iter::repeat_with(|| Box::new([FREE; PAGE_SLOTS])).take(count));
        self.taken.resize(self.slots() / BITS, 0);
    }

    fn slots(&self) -> usize {
        self.pages.len() * PAGE_SLOTS
    }

    fn get(&self, slot: usize) -> SeenName {
        self.pages[slot / PAGE_SLOTS][slot % PAGE_SLOTS]
    }

    fn get_mut(&mut self, slot: usize) -> &mut SeenName {
        &mut self.pages[slot / PAGE_SLOTS][slot % PAGE_SLOTS]
    }
}

/// The first slot where an entry with this hash may stand.
fn home(hash: u64, homes: usize) -> usize {
    ((u128::from(hash) * homes as u128) >> u64::BITS) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};
    use std::collections::HashMap;

    /// Every entry is found from its home, and entries stand in the order of their hashes.
    fn check_order(keys: &SeenNames) {
        let (mut last, mut len) = (0, 0);
        for slot in 0..keys.slots() {
            let hash = keys.get(slot).hash;
            assert_eq!(keys.taken[slot / BITS] >> (slot % BITS) & 1 == 1, hash != FREE.hash, "slot {slot}");
            if hash == FREE.hash {
                continue;
            }
            let home = home(hash, keys.homes);
            assert!(hash >= last && home <= slot, "slot {slot}");
            assert!((home..slot).all(|between| keys.get(between).hash != FREE.hash), "slot {slot}");
            (last, len) = (hash, len + 1);
        }
        assert_eq!(len, keys.len);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn names_are_known_as_a_map_knows_them(names in vec((any::<bool>(), "[a-cа-в]{0,4}"), 0..2500)) {
            let (mut keys, mut known) = (SeenNames::new(), HashMap::new());
            for (row, (id, name)) in (1..).zip(&names) {
                let name = (if *id { "id" } else { "key" }, name.as_str());
                let earlier = known.get(&name).copied();
                prop_assert_eq!(keys.seen(name, row), earlier);
                known.entry(name).or_insert(row);
            }
            check_order(&keys);
        }

        // Few bits of hash and check: what good hashes do once in a thousand years happens here all the time.
        #[test]
        fn entries_with_neighbouring_hashes_stay_apart(
            entries in vec((0_u64..40, any::<bool>(), 0_u16..40), 0..1500),
            spread in 0_u32..60,
        ) {
            let (mut keys, mut known) = (SeenNames::new(), HashMap::new());
            for (row, (hash, end, check)) in (1..).zip(entries) {
                let hash = (hash << spread).max(1);
                let hash = if end { u64::MAX - hash } else { hash };
                let earlier = known.get(&(hash, check)).copied();
                prop_assert_eq!(keys.put(SeenName { hash, check, row }), earlier);
                known.entry((hash, check)).or_insert(row);
            }
            check_order(&keys);
        }
    }

    #[test]
    fn many_names_are_all_found_again_in_little_memory() {
        const NAMES: u32 = 60_000;
        let mut keys = SeenNames::new();
        let name = |row: u32| format!("Z-{row:07}");
        for row in 1..=NAMES {
            assert_eq!(keys.seen(("key", &name(row)), row), None);
            let free = keys.slots() - keys.len;
            assert!(free <= keys.len / 4 + 2 * PAGE_SLOTS, "{free} of {} slots are free", keys.slots());
        }
        check_order(&keys);
        for row in 1..=NAMES {
            assert_eq!(keys.seen(("key", &name(row)), row + 1), Some(row));
        }
        assert_eq!(size_of::<SeenName>(), 14);
    }

    #[test]
    fn a_name_that_repeats_takes_one_slot() {
        let mut keys = SeenNames::new();
        assert_eq!(keys.seen(("key", "same"), 2), None);
        assert!((3..20_000).all(|row| keys.seen(("key", "same"), row) == Some(2)));
        assert_eq!((keys.len, keys.pages.len()), (1, 1));
    }
}
