//! Which pages of a list to request, to see every record above an id. Pure: `above_id` requests the pages and reports the ids
//! that came.
//!
//! Some lists honour `order[id]`. Of others this is not known, and an order that a list does not know is ignored with a 200.
//! So an order is trusted only when the list is reversed on request, or when every page read rises; otherwise the whole
//! list is read. A search that ended too early would send records again that exist already.

use std::collections::HashSet;

/// A page to request, in one order of ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortedPage {
    /// From 1.
    pub page: u32,
    pub descending: bool,
}

/// The list does not come in the order that it is known to honour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfOrder;

/// Decides page by page what to read, until every record above `watermark` was seen.
#[derive(Debug)]
pub struct AboveIdPager {
    watermark: u64,
    /// The order is known to be honoured. A list that does not honour it is an error, and is not read in another way.
    sure: bool,
    step: PagerStep,
    seen: HashSet<u64>,
    /// The ids of the first two pages, as they came.
    head: Vec<u64>,
    newest: u64,
    /// The pages read rise, and the list was not seen to honour the order.
    risen: bool,
    /// The page before, where all pages are read: a list that ignores the number of the page repeats it.
    before: Vec<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PagerStep {
    /// Newest first, this page next.
    Descending(u32),
    First,
    Second,
    /// Page 1 again, in the other order.
    Reversed,
    /// The list rises, and its last page is searched for by doubling, then by halving. `good` has records; `bad`, once known,
    /// has none.
    Gallop {
        good: u32,
        bad: Option<u32>,
    },
    /// From the last page of a rising list towards its first.
    Back(u32),
    /// All pages, this one next.
    All(u32),
    /// The list has one page.
    Single,
    End,
}

impl AboveIdPager {
    /// For a list that honours `order[id]`.
    pub fn ordered(watermark: u64) -> AboveIdPager {
        AboveIdPager { sure: true, ..AboveIdPager::starting_at(PagerStep::Descending(1), watermark) }
    }

    /// For a list whose order is not known.
    pub fn unknown_order(watermark: u64) -> AboveIdPager {
        AboveIdPager::starting_at(PagerStep::First, watermark)
    }

    /// For a list that comes in one page.
    pub fn single_page() -> AboveIdPager {
        AboveIdPager::starting_at(PagerStep::Single, 0)
    }

    /// For every page of a list, whatever its order.
    pub fn all_pages() -> AboveIdPager {
        AboveIdPager::starting_at(PagerStep::All(1), 0)
    }

    fn starting_at(step: PagerStep, watermark: u64) -> AboveIdPager {
        let (seen, head, before) = (HashSet::new(), Vec::new(), Vec::new());
        AboveIdPager { watermark, sure: false, step, seen, head, newest: 0, risen: false, before }
    }

    /// The page to request next; `None` when enough was seen.
    pub fn next_page(&self) -> Option<SortedPage> {
        let descending = |page| Some(SortedPage { page, descending: true });
        match self.step {
            PagerStep::First | PagerStep::Single => descending(1),
            PagerStep::Second => descending(2),
            PagerStep::Reversed => Some(SortedPage { page: 1, descending: false }),
            PagerStep::Gallop { good, bad: None } => descending(good * 2),
            PagerStep::Gallop { good, bad: Some(bad) } => descending(good + (bad - good) / 2),
            PagerStep::Descending(page) | PagerStep::Back(page) | PagerStep::All(page) => descending(page),
            PagerStep::End => None,
        }
    }

    /// The highest id seen so far.
    pub fn highest(&self) -> u64 {
        self.seen.iter().copied().max().unwrap_or(0)
    }

    /// True when reading has ended because the pages read rise. Those in between may not, where the list is sorted by something
    /// that happens to rise with the ids.
    pub fn ended_by_rising(&self) -> bool {
        self.risen && self.step == PagerStep::End
    }

    /// Reads the other pages as well, because the rising order is not trusted.
    pub fn read_all(&mut self) {
        self.risen = false;
        self.step = PagerStep::All(3);
    }

    /// Takes the ids of the page that was requested, none where it is beyond the end. Returns those that are new.
    pub fn add_page(&mut self, ids: &[u64]) -> Result<HashSet<u64>, OutOfOrder> {
        let new_ids: HashSet<u64> = ids.iter().copied().filter(|id| self.seen.insert(*id)).collect();
        self.step = match self.step {
            PagerStep::Descending(page) => self.after_descending(page, ids)?,
            PagerStep::First if ids.is_empty() => PagerStep::End,
            PagerStep::First => {
                self.head = ids.to_vec();
                PagerStep::Second
            }
            // A list that ignores the number of the page repeats the first.
            PagerStep::Second if new_ids.is_empty() => PagerStep::End,
            PagerStep::Second => {
                // Records that are made meanwhile push others on to the next page.
                self.head.extend(ids.iter().filter(|id| new_ids.contains(id)));
                if is_falling(&self.head) {
                    PagerStep::Reversed
                } else if is_rising(&self.head) {
                    PagerStep::Gallop { good: 2, bad: None }
                } else {
                    PagerStep::All(3)
                }
            }
            // The list was reversed, so it honours the order.
            PagerStep::Reversed if is_rising(ids) && ids.iter().all(|id| Some(id) <= self.head.last()) => {
                self.newest = self.head.first().copied().unwrap_or(0);
                if self.head.last().is_some_and(|last| *last <= self.watermark) {
                    PagerStep::End
                } else {
                    PagerStep::Descending(3)
                }
            }
            PagerStep::Reversed => PagerStep::All(3),
            PagerStep::Gallop { good, bad } => self.after_gallop(good, bad, ids),
            PagerStep::Back(_) if !self.continues(ids) => PagerStep::All(3),
            PagerStep::Back(page) if page <= 3 || ids.iter().all(|id| *id <= self.watermark) => PagerStep::End,
            PagerStep::Back(page) => PagerStep::Back(page - 1),
            PagerStep::All(_) if ids.is_empty() || ids == self.before => PagerStep::End,
            PagerStep::All(page) => {
                self.before = ids.to_vec();
                PagerStep::All(page + 1)
            }
            PagerStep::Single | PagerStep::End => PagerStep::End,
        };
        match self.step {
            PagerStep::Gallop { .. } => self.risen = true,
            PagerStep::All(_) => self.risen = false,
            _ => {}
        }
        Ok(new_ids)
    }

    /// A short page does not end a list: gateways cap pages.
    fn after_descending(&mut self, page: u32, ids: &[u64]) -> Result<PagerStep, OutOfOrder> {
        if page == 1 {
            self.newest = ids.first().copied().unwrap_or(0);
        }
        // Records that are made meanwhile push others on to the next page, where they come a second time.
        if !is_falling(ids) || ids.iter().any(|id| *id > self.newest) {
            return if self.sure { Err(OutOfOrder) } else { Ok(PagerStep::All(1)) };
        }
        match ids.last() {
            None => Ok(PagerStep::End),
            Some(last) if *last <= self.watermark => Ok(PagerStep::End),
            Some(_) => Ok(PagerStep::Descending(page + 1)),
        }
    }

    fn after_gallop(&self, good: u32, bad: Option<u32>, ids: &[u64]) -> PagerStep {
        let requested = bad.map_or(good * 2, |bad| good + (bad - good) / 2);
        let (good, bad) = match ids.is_empty() {
            true => (good, Some(requested)),
            false if self.continues(ids) => (requested, bad),
            false => return PagerStep::All(3),
        };
        match bad {
            // The first two pages were read already.
            Some(bad) if bad - good <= 1 && good <= 2 => PagerStep::End,
            Some(bad) if bad - good <= 1 => PagerStep::Back(good),
            Some(_) | None => PagerStep::Gallop { good, bad },
        }
    }

    /// True for a later page of a rising list.
    fn continues(&self, ids: &[u64]) -> bool {
        is_rising(ids) && ids.first() > self.head.last()
    }
}

fn is_falling(ids: &[u64]) -> bool {
    ids.is_sorted_by(|a, b| a > b)
}

fn is_rising(ids: &[u64]) -> bool {
    ids.is_sorted_by(|a, b| a < b)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 5;

    /// How the service lists.
    #[derive(Debug, Clone, Copy)]
    enum Behaviour {
        Honours,
        Rises,
        Falls,
        Shuffled,
        Repeats,
    }

    fn page(service: Behaviour, rows: &[u64], request: SortedPage) -> Vec<u64> {
        let mut rows = rows.to_vec();
        match service {
            Behaviour::Honours if !request.descending => {}
            Behaviour::Honours | Behaviour::Falls => rows.reverse(),
            Behaviour::Rises => {}
            Behaviour::Shuffled => rows.sort_by_key(|id| id.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            Behaviour::Repeats => return rows,
        }
        rows.chunks(PAGE).nth(request.page as usize - 1).unwrap_or_default().to_vec()
    }

    fn read(mut pager: AboveIdPager, service: Behaviour, rows: &[u64]) -> (AboveIdPager, u32) {
        let mut requests = 0;
        while let Some(request) = pager.next_page() {
            requests += 1;
            assert!(requests < 1_000, "{service:?} {rows:?}");
            pager.add_page(&page(service, rows, request)).unwrap();
        }
        (pager, requests)
    }

    #[test]
    fn everything_above_the_watermark_is_seen_whatever_the_order() {
        let all = [Behaviour::Honours, Behaviour::Rises, Behaviour::Falls, Behaviour::Shuffled, Behaviour::Repeats];
        for service in all {
            for count in 0..80_u64 {
                let rows: Vec<u64> = (1..=count).map(|n| n * 3).collect();
                for watermark in [0, 3, count, count * 2, count * 3, u64::MAX] {
                    let (pager, _) = read(AboveIdPager::unknown_order(watermark), service, &rows);
                    let above = rows.iter().filter(|id| **id > watermark);
                    assert!(above.into_iter().all(|id| pager.seen.contains(id)), "{service:?} {count} {watermark}");
                    assert_eq!(pager.highest(), rows.last().copied().unwrap_or(0), "{service:?} {count} {watermark}");
                }
            }
        }
    }

    #[test]
    fn a_long_list_is_not_read_as_a_whole_where_its_order_can_be_trusted() {
        let rows: Vec<u64> = (1..=5_000).collect();
        for (service, most) in [(Behaviour::Honours, 6), (Behaviour::Rises, 30)] {
            let (_, requests) = read(AboveIdPager::unknown_order(4_990), service, &rows);
            assert!(requests <= most, "{service:?}: {requests} of 1000 pages");
        }
        assert_eq!(read(AboveIdPager::ordered(4_990), Behaviour::Honours, &rows).1, 3);
        assert_eq!(read(AboveIdPager::single_page(), Behaviour::Repeats, &rows).1, 1);
    }

    #[test]
    fn a_record_pushed_on_to_the_next_page_does_not_break_an_order() {
        let mut pager = AboveIdPager::unknown_order(0);
        pager.add_page(&[9, 8, 7]).unwrap();
        pager.add_page(&[7, 6, 5]).unwrap();
        assert_eq!(pager.next_page(), Some(SortedPage { page: 1, descending: false }), "asks for the reverse");
        pager.add_page(&[1, 2, 3]).unwrap();
        assert_eq!(pager.next_page(), Some(SortedPage { page: 3, descending: true }));
    }

    #[test]
    fn a_list_known_to_honour_the_order_has_to() {
        let mut pager = AboveIdPager::ordered(0);
        assert_eq!(pager.add_page(&[1, 2, 3]), Err(OutOfOrder));
        let mut pager = AboveIdPager::ordered(0);
        pager.add_page(&[9, 8]).unwrap();
        assert!(pager.add_page(&[8, 7]).is_ok_and(|new_ids| new_ids.len() == 1), "pushed on by new records");
        assert_eq!(pager.add_page(&[10]), Err(OutOfOrder));
    }
}
