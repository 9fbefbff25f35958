//! Which pages of a list to ask for, to have all of it in order while several are under way, and which rows are new. Pure:
//! `listing` asks and tells what came.
//!
//! Neither a missing `next` nor a short page ends a list: both have been seen in the middle of one. [client] An empty page does.

use std::collections::BTreeSet;

/// Pages under way or waiting for one before them. At 7 requests a second this covers answers of three seconds.
const AHEAD_MAX: u32 = 24;
/// Pages of one list: 25 million rows; more is a list that does not end.
pub const PAGES_MAX: u32 = 100_000;

/// One walk through a list from its front to its first empty page.
#[derive(Debug)]
pub struct Sweep {
    next: u32,
    /// Pages that were given on, in order.
    given: u32,
    /// How far beyond them may be asked: grows with full pages, so that a small list costs few requests.
    window: u32,
    limit: usize,
    longest: usize,
    /// The first page without rows.
    end: Option<u32>,
    /// Nothing more is asked for.
    halted: bool,
    /// The last page with rows that anybody saw.
    last: u32,
}

impl Sweep {
    pub fn new(limit: usize) -> Sweep {
        Sweep { next: 1, given: 0, window: 1, limit, longest: 0, end: None, halted: false, last: 0 }
    }

    /// The next page to ask for; `None` while enough are under way, and once an end was seen.
    pub fn ask(&mut self) -> Option<u32> {
        let page = self.next;
        let near = page <= self.given + self.window && page <= PAGES_MAX;
        (near && self.end.is_none() && !self.halted).then(|| {
            self.next += 1;
            page
        })
    }

    /// A page came, in whatever order.
    pub fn came(&mut self, page: u32, rows: usize) {
        if rows == 0 {
            self.end = Some(self.end.map_or(page, |end| end.min(page)));
        } else {
            self.last = self.last.max(page);
        }
    }

    /// The next page was given on.
    pub fn gave(&mut self, rows: usize) {
        self.given += 1;
        let full = rows >= self.limit || (self.longest > 0 && rows >= self.longest);
        self.window = if full { (self.window * 2).min(AHEAD_MAX) } else { 1 };
        self.longest = self.longest.max(rows);
    }

    pub fn halt(&mut self) {
        self.halted = true;
    }

    /// The first empty page.
    pub fn end(&self) -> Option<u32> {
        self.end
    }

    /// Rows came from behind the first empty page: the list moved in between.
    pub fn torn(&self) -> bool {
        self.end.is_some_and(|end| self.last > end)
    }
}

/// Which ids were seen. A list that rises costs 8 bytes a row.
#[derive(Debug, Default)]
pub struct Seen {
    rising: Vec<u64>,
    strays: BTreeSet<u64>,
}

/// What an id is to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    New,
    /// New, but below one that came before.
    Fallen,
    Repeated,
}

impl Seen {
    pub fn take(&mut self, id: u64) -> News {
        match self.rising.last() {
            Some(last) if id <= *last => {
                if self.rising.binary_search(&id).is_ok() || !self.strays.insert(id) {
                    News::Repeated
                } else {
                    News::Fallen
                }
            }
            Some(_) | None => {
                self.rising.push(id);
                News::New
            }
        }
    }

    /// The lowest and the highest id.
    pub fn ends(&self) -> Option<(u64, u64)> {
        let low = self.rising.first().into_iter().chain(self.strays.first()).min()?;
        // A stray is below the one that made it stray.
        Some((*low, *self.rising.last()?))
    }

    pub fn has(&self, id: u64) -> bool {
        self.rising.binary_search(&id).is_ok() || self.strays.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a list of pages of these lengths, each answer at once; says how many pages were asked for.
    fn read(lengths: &[usize]) -> (u32, Option<u32>) {
        let mut sweep = Sweep::new(250);
        let mut asked = 0;
        loop {
            let mut pages = Vec::new();
            while let Some(page) = sweep.ask() {
                pages.push(page);
            }
            if pages.is_empty() {
                return (asked, sweep.end());
            }
            asked += pages.len() as u32;
            for page in pages {
                let rows = lengths.get(page as usize - 1).copied().unwrap_or(0);
                sweep.came(page, rows);
                sweep.gave(rows);
            }
        }
    }

    #[test]
    fn only_an_empty_page_ends_a_list_and_a_small_one_costs_few_requests() {
        for (lengths, asked, end) in [
            (&[][..], 1, 1),
            (&[3][..], 2, 2),
            (&[250][..], 3, 2),
            (&[250, 100][..], 3, 3),
            (&[100, 250, 7, 7, 250][..], 7, 6),
        ] {
            assert_eq!(read(lengths), (asked, Some(end)), "{lengths:?}");
        }
        let (asked, end) = read(&[250; 100]);
        assert!(end == Some(101) && asked <= 101 + AHEAD_MAX, "{asked}");
    }

    #[test]
    fn no_more_than_so_many_are_under_way_and_none_beyond_an_end() {
        let mut sweep = Sweep::new(250);
        let mut most = 0;
        for _ in 0..40 {
            let mut count = 0;
            while let Some(page) = sweep.ask() {
                sweep.came(page, 250);
                count += 1;
            }
            most = most.max(count);
            sweep.gave(250);
        }
        assert!(most <= AHEAD_MAX, "{most}");
        sweep.came(500, 0);
        assert_eq!((sweep.ask(), sweep.torn()), (None, false));
        sweep.came(501, 1);
        assert!(sweep.torn());
    }

    #[test]
    fn every_id_is_new_once() {
        let mut seen = Seen::default();
        let took: Vec<News> = [3, 5, 5, 4, 4, 3, 9].into_iter().map(|id| seen.take(id)).collect();
        use News::{Fallen, New, Repeated};
        assert_eq!(took, [New, New, Repeated, Fallen, Repeated, Repeated, New]);
        assert!(seen.has(4) && !seen.has(6) && seen.ends() == Some((3, 9)));
    }
}
