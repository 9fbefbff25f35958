//! Which pages of a list to request, to read all of it with several requests in flight. Pure: `all_pages` requests the pages
//! and reports what came.
//!
//! Neither a missing `next` nor a short page ends a list: both have been seen in the middle of one. [client] Two empty pages in
//! a row do.
//!
//! Pages overlap. The service counts the records of a page from the front of the list as it is at that moment. A record that
//! is deleted meanwhile moves all that follow forward, and one that moves from an unread page to a read one is missed
//! unnoticed. So each page is requested with a size of its own, such that it begins with records of the page before it; where
//! it does not, the list has moved. That costs 8 pages in a hundred; reading twice would cost a hundred.

use std::collections::BTreeSet;

/// Pages that are in flight or wait for one before them. At 7 requests a second this covers answers of three seconds.
const AHEAD_MAX: u32 = 24;
/// Pages that are requested before the first has come: those that every list with records needs, the first one and two empty
/// ones after it. More are requested when the first has come and is full.
const AHEAD_FIRST: u32 = 3;
/// Pages that are requested after one that is not full, so that two empty ones can end the list.
const AHEAD_LEAST: u32 = 2;
/// The most pages of one list, which hold 23 million records; a longer list counts as one that does not end.
pub const PAGES_MAX: u32 = 100_000;
/// The least number of records that a page shares with the one before it.
const OVERLAP: u64 = 1;

/// A page to request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// The number of the request, from 1.
    pub no: u32,
    /// The number of the page in pages of `limit` records, from 1.
    pub page: u64,
    pub limit: u64,
}

/// Decides what to request in one pass through a list.
#[derive(Debug)]
pub struct AllPagesPager {
    next: PageRequest,
    /// Pages that were given on, in order.
    given: u32,
    /// How many pages beyond those may be requested. Grows with full pages, so that a short list costs few requests.
    window: u32,
    limit: u64,
    longest: usize,
    /// The numbers of pages without records.
    empty: BTreeSet<u32>,
    /// Nothing more is requested.
    halted: bool,
    /// The last page with records so far.
    last: u32,
}

impl AllPagesPager {
    pub fn new(limit: usize) -> AllPagesPager {
        let limit = limit as u64;
        AllPagesPager {
            next: PageRequest { no: 1, page: 1, limit },
            given: 0,
            window: AHEAD_FIRST,
            limit,
            longest: 0,
            empty: BTreeSet::new(),
            halted: false,
            last: 0,
        }
    }

    /// The next page to request; `None` while enough are in flight, and once an end was seen.
    pub fn next_page(&mut self) -> Option<PageRequest> {
        let request = self.next;
        (self.wants(request.no) && !self.halted).then(|| {
            self.next = self.after(request);
            request
        })
    }

    /// True for the number of a page that would be requested now, if the pages before it were.
    pub fn wants(&self, no: u32) -> bool {
        let near = no <= self.given + self.window && no <= PAGES_MAX;
        // One page after the first empty one is requested as well, which shows whether that is the end.
        near && self.empty.first().is_none_or(|end| no <= end + 1)
    }

    /// The last page requested was not sent, and may be requested again.
    pub fn take_back(&mut self, last: PageRequest) {
        self.next = last;
    }

    /// Of the pages that begin within `request`, the one that reaches farthest.
    fn after(&self, request: PageRequest) -> PageRequest {
        let covered = request.page * request.limit;
        let page =
            |limit: u64| PageRequest { no: request.no + 1, page: covered.saturating_sub(OVERLAP) / limit + 1, limit };
        // A size below half of the limit never reaches farther than one above it.
        let sizes = (self.limit / 2 + 1..=self.limit).rev();
        sizes.map(page).max_by_key(|page| (page.page * page.limit, page.limit)).unwrap_or(request)
    }

    /// A page came, in any order.
    pub fn received(&mut self, no: u32, rows: usize) {
        if rows == 0 {
            self.empty.insert(no);
        } else {
            self.last = self.last.max(no);
        }
    }

    /// The next page in order was given on; it had so many records.
    pub fn given(&mut self, rows: usize, limit: u64) {
        self.given += 1;
        let full = rows as u64 >= limit || (self.longest > 0 && rows >= self.longest);
        self.window = if full { (self.window * 2).min(AHEAD_MAX) } else { AHEAD_LEAST };
        self.longest = self.longest.max(rows);
    }

    /// Requests nothing more.
    pub fn halt(&mut self) {
        self.halted = true;
    }

    /// The number of the first of two empty pages in a row.
    pub fn end(&self) -> Option<u32> {
        self.empty.iter().copied().find(|no| self.empty.contains(&(no + 1)))
    }

    /// True where records came after an empty page, because the list has moved in between.
    pub fn has_gap(&self) -> bool {
        self.empty.first().is_some_and(|end| self.last > *end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a list of so many records; returns how many pages were requested, and the end.
    fn read(rows: u64) -> (u32, Option<u32>) {
        let mut pager = AllPagesPager::new(250);
        let (mut requests, mut covered) = (0, 0);
        loop {
            let mut pages = Vec::new();
            while let Some(page) = pager.next_page() {
                pages.push(page);
            }
            if pages.is_empty() || pager.end().is_some() {
                return (requests, pager.end());
            }
            requests += pages.len() as u32;
            for page in pages {
                let from = (page.page - 1) * page.limit;
                assert!(from < covered || covered == 0, "page {page:?} leaves a gap after {covered}");
                covered = page.page * page.limit;
                let count = rows.saturating_sub(from).min(page.limit) as usize;
                pager.received(page.no, count);
                pager.given(count, page.limit);
            }
        }
    }

    #[test]
    fn pages_overlap_and_two_empty_ones_end_a_list() {
        for (rows, requests, end) in [(0, 3, 1), (3, 3, 2), (250, 4, 3), (251, 4, 3), (2_000, 27, 10)] {
            assert_eq!(read(rows), (requests, Some(end)), "{rows}");
        }
        // 8 in a hundred more than 4,000, and those in flight when the end came.
        let (requests, end) = read(1_000_000);
        assert!(end.is_some_and(|end| end < 4_400) && requests <= 4_400 + AHEAD_MAX, "{requests}");
    }

    #[test]
    fn requests_in_flight_are_bounded_and_one_goes_beyond_an_end() {
        let mut pager = AllPagesPager::new(250);
        let mut most = 0;
        for _ in 0..40 {
            let mut count = 0;
            while let Some(page) = pager.next_page() {
                pager.received(page.no, 250);
                count += 1;
            }
            most = most.max(count);
            pager.given(250, 250);
        }
        assert!(most <= AHEAD_MAX, "{most}");
        pager.received(500, 0);
        assert_eq!((pager.end(), pager.has_gap()), (None, false), "its records may be hidden from this user");
        pager.received(501, 0);
        assert_eq!(pager.end(), Some(500));
        pager.received(502, 1);
        assert!(pager.has_gap());
        let mut short = AllPagesPager::new(250);
        short.received(1, 0);
        assert_eq!(
            (
                short.next_page().map(|request| request.no),
                short.next_page().map(|request| request.no),
                short.next_page()
            ),
            (Some(1), Some(2), None)
        );
    }
}
