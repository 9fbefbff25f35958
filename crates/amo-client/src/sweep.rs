//! Which pages of a list to ask for, to have all of it in order while several are under way, and which rows are new. Pure:
//! `listing` asks and tells what came.
//!
//! Neither a missing `next` nor a short page ends a list: both have been seen in the middle of one. [client] Two empty pages
//! do, one behind the other.
//!
//! Pages overlap. The service counts a page's rows from the list's front as it is at that moment; a row that is deleted
//! meanwhile moves all that come behind it up, and the one that crosses from a page not yet read to one that was is lost
//! without a trace. So each page is asked for with a size of its own, such that it begins with rows of the page before it: where
//! it does not, the list has moved. That costs 8 pages in a hundred; reading twice would cost a hundred.

use std::collections::BTreeSet;

/// Pages under way or waiting for one before them. At 7 requests a second this covers answers of three seconds.
const AHEAD_MAX: u32 = 24;
/// As many are asked for before the first has come: what may be sent while an answer takes a second. Where answers come
/// sooner a small list costs less.
const AHEAD_FIRST: u32 = 8;
/// Behind a page that is not full, so that two empty ones can end the list.
const AHEAD_LEAST: u32 = 2;
/// Pages of one list: 23 million rows; more is a list that does not end.
pub const PAGES_MAX: u32 = 100_000;
/// Rows of a page that lie in the one before it, at least.
const OVERLAP: u64 = 1;

/// A page to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// Its place among those that are asked for; 1 is the first.
    pub no: u32,
    pub page: u64,
    pub limit: u64,
}

/// One walk through a list from its front to its end.
#[derive(Debug)]
pub struct Sweep {
    next: Ask,
    /// Pages that were given on, in order.
    given: u32,
    /// How far beyond them may be asked: grows with full pages, so that a small list costs few requests.
    window: u32,
    limit: u64,
    longest: usize,
    /// Pages without rows.
    empty: BTreeSet<u32>,
    /// Nothing more is asked for.
    halted: bool,
    /// The last page with rows that anybody saw.
    last: u32,
}

impl Sweep {
    pub fn new(limit: usize) -> Sweep {
        let limit = limit as u64;
        Sweep {
            next: Ask { no: 1, page: 1, limit },
            given: 0,
            window: AHEAD_FIRST,
            limit,
            longest: 0,
            empty: BTreeSet::new(),
            halted: false,
            last: 0,
        }
    }

    /// The next page to ask for; `None` while enough are under way, and once an end was seen.
    pub fn ask(&mut self) -> Option<Ask> {
        let ask = self.next;
        let near = ask.no <= self.given + self.window && ask.no <= PAGES_MAX;
        // One more than the first empty page, which tells whether that is the end.
        let within = self.empty.first().is_none_or(|end| ask.no <= end + 1);
        (near && within && !self.halted).then(|| {
            self.next = self.behind(ask);
            ask
        })
    }

    /// The page that reaches farthest of those that begin within `ask`.
    fn behind(&self, ask: Ask) -> Ask {
        let covered = ask.page * ask.limit;
        let page = |limit: u64| Ask { no: ask.no + 1, page: covered.saturating_sub(OVERLAP) / limit + 1, limit };
        // A size of less than half would never reach farther than one of more.
        let sizes = (self.limit / 2 + 1..=self.limit).rev();
        sizes.map(page).max_by_key(|ask| (ask.page * ask.limit, ask.limit)).unwrap_or(ask)
    }

    /// A page came, in whatever order.
    pub fn came(&mut self, no: u32, rows: usize) {
        if rows == 0 {
            self.empty.insert(no);
        } else {
            self.last = self.last.max(no);
        }
    }

    /// The next page was given on, which had so many rows.
    pub fn gave(&mut self, rows: usize, limit: u64) {
        self.given += 1;
        let full = rows as u64 >= limit || (self.longest > 0 && rows >= self.longest);
        self.window = if full { (self.window * 2).min(AHEAD_MAX) } else { AHEAD_LEAST };
        self.longest = self.longest.max(rows);
    }

    pub fn halt(&mut self) {
        self.halted = true;
    }

    /// The first of two empty pages, one behind the other.
    pub fn end(&self) -> Option<u32> {
        self.empty.iter().copied().find(|no| self.empty.contains(&(no + 1)))
    }

    /// Rows came from behind an empty page: the list moved in between.
    pub fn torn(&self) -> bool {
        self.empty.first().is_some_and(|end| self.last > *end)
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

    /// Reads a list of so many rows, each answer at once; says how many pages were asked for.
    fn read(rows: u64) -> (u32, Option<u32>) {
        let mut sweep = Sweep::new(250);
        let (mut asked, mut covered) = (0, 0);
        loop {
            let mut pages = Vec::new();
            while let Some(page) = sweep.ask() {
                pages.push(page);
            }
            if pages.is_empty() || sweep.end().is_some() {
                return (asked, sweep.end());
            }
            asked += pages.len() as u32;
            for page in pages {
                let from = (page.page - 1) * page.limit;
                assert!(from < covered || covered == 0, "page {page:?} leaves a gap behind {covered}");
                covered = page.page * page.limit;
                let count = rows.saturating_sub(from).min(page.limit) as usize;
                sweep.came(page.no, count);
                sweep.gave(count, page.limit);
            }
        }
    }

    #[test]
    fn pages_overlap_and_two_empty_ones_end_a_list() {
        for (rows, asked, end) in [(0, 8, 1), (3, 8, 2), (250, 8, 3), (251, 8, 3), (2_000, 32, 10)] {
            assert_eq!(read(rows), (asked, Some(end)), "{rows}");
        }
        // Eight in a hundred more than 4,000, and what was under way when the end came.
        let (asked, end) = read(1_000_000);
        assert!(end.is_some_and(|end| end < 4_400) && asked <= 4_400 + AHEAD_MAX, "{asked}");
    }

    #[test]
    fn no_more_than_so_many_are_under_way_and_one_beyond_an_end() {
        let mut sweep = Sweep::new(250);
        let mut most = 0;
        for _ in 0..40 {
            let mut count = 0;
            while let Some(page) = sweep.ask() {
                sweep.came(page.no, 250);
                count += 1;
            }
            most = most.max(count);
            sweep.gave(250, 250);
        }
        assert!(most <= AHEAD_MAX, "{most}");
        sweep.came(500, 0);
        assert_eq!((sweep.end(), sweep.torn()), (None, false), "one may be hidden from this user");
        sweep.came(501, 0);
        assert_eq!(sweep.end(), Some(500));
        sweep.came(502, 1);
        assert!(sweep.torn());
        let mut small = Sweep::new(250);
        small.came(1, 0);
        assert_eq!(
            (small.ask().map(|ask| ask.no), small.ask().map(|ask| ask.no), small.ask()),
            (Some(1), Some(2), None)
        );
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
