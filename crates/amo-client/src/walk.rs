//! Which pages of a list to ask for, to see everything above an id. Pure: `pages` asks and tells the ids that came.
//!
//! Some lists honour `order[id]`; of others nobody has seen it honoured, and an unknown order is ignored with a 200. An
//! order is believed only when the list turns round on being asked to, or when every page looked at rises; otherwise
//! the whole list is read. A look that ends too early would send again what is there.

use std::collections::HashSet;

/// A page to ask for, and in which order of ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    pub page: u32,
    pub falling: bool,
}

/// The list is not in the order it is known to honour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfOrder;

/// A walk through a list that ends once everything above `watermark` was seen.
#[derive(Debug)]
pub struct Walk {
    watermark: u64,
    /// The order is known to be honoured; a list that does not is an error and not read otherwise.
    sure: bool,
    at: At,
    seen: HashSet<u64>,
    /// The ids of the first two pages, as they came.
    head: Vec<u64>,
    newest: u64,
    /// It rises, and was not seen to do as it is asked.
    risen: bool,
    /// The page before, of a list that is read whole: one that ignores the page's number repeats it.
    before: Vec<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Newest first, this page next.
    Falling(u32),
    First,
    Second,
    /// Page 1 once more, asked the other way round.
    Turned,
    /// The list rises: looking for its last page. `good` has rows; `bad`, once known, has none.
    Gallop {
        good: u32,
        bad: Option<u32>,
    },
    /// From the last page of a rising list to its front.
    Back(u32),
    /// All of it, this page next.
    All(u32),
    /// All of it comes at once.
    Whole,
    End,
}

impl Walk {
    /// `order[id]` is honoured.
    pub fn ordered(watermark: u64) -> Walk {
        Walk { sure: true, ..Walk::at(At::Falling(1), watermark) }
    }

    /// Nobody knows in which order the list comes.
    pub fn unsure(watermark: u64) -> Walk {
        Walk::at(At::First, watermark)
    }

    /// The list comes whole.
    pub fn whole() -> Walk {
        Walk::at(At::Whole, 0)
    }

    /// Every page, whatever the order.
    pub fn all() -> Walk {
        Walk::at(At::All(1), 0)
    }

    fn at(at: At, watermark: u64) -> Walk {
        let (seen, head, before) = (HashSet::new(), Vec::new(), Vec::new());
        Walk { watermark, sure: false, at, seen, head, newest: 0, risen: false, before }
    }

    /// The page to ask for next; `None` when enough was seen.
    pub fn ask(&self) -> Option<Ask> {
        let falling = |page| Some(Ask { page, falling: true });
        match self.at {
            At::First | At::Whole => falling(1),
            At::Second => falling(2),
            At::Turned => Some(Ask { page: 1, falling: false }),
            At::Gallop { good, bad: None } => falling(good * 2),
            At::Gallop { good, bad: Some(bad) } => falling(good + (bad - good) / 2),
            At::Falling(page) | At::Back(page) | At::All(page) => falling(page),
            At::End => None,
        }
    }

    /// The highest id seen so far.
    pub fn highest(&self) -> u64 {
        self.seen.iter().copied().max().unwrap_or(0)
    }

    /// True when the walk is over because the pages looked at rise; those in between may not, where the list is sorted by
    /// something that rises with the ids.
    pub fn is_over_by_rising(&self) -> bool {
        self.risen && self.at == At::End
    }

    /// What rises is not believed: the rest is read as well.
    pub fn read_all(&mut self) {
        self.risen = false;
        self.at = At::All(3);
    }

    /// The ids of the page that was asked for; none where it is beyond the end. Says which of them are new.
    pub fn took(&mut self, ids: &[u64]) -> Result<HashSet<u64>, OutOfOrder> {
        let news: HashSet<u64> = ids.iter().copied().filter(|id| self.seen.insert(*id)).collect();
        self.at = match self.at {
            At::Falling(page) => self.fell(page, ids)?,
            At::First if ids.is_empty() => At::End,
            At::First => {
                self.head = ids.to_vec();
                At::Second
            }
            // Lists that ignore the page repeat themselves.
            At::Second if news.is_empty() => At::End,
            At::Second => {
                // What is made meanwhile pushes rows to the next page.
                self.head.extend(ids.iter().filter(|id| news.contains(id)));
                if falls(&self.head) {
                    At::Turned
                } else if rises(&self.head) {
                    At::Gallop { good: 2, bad: None }
                } else {
                    At::All(3)
                }
            }
            // It turned round, so it does as it is asked.
            At::Turned if rises(ids) && ids.iter().all(|id| Some(id) <= self.head.last()) => {
                self.newest = self.head.first().copied().unwrap_or(0);
                if self.head.last().is_some_and(|last| *last <= self.watermark) { At::End } else { At::Falling(3) }
            }
            At::Turned => At::All(3),
            At::Gallop { good, bad } => self.galloped(good, bad, ids),
            At::Back(_) if !self.goes_on(ids) => At::All(3),
            At::Back(page) if page <= 3 || ids.iter().all(|id| *id <= self.watermark) => At::End,
            At::Back(page) => At::Back(page - 1),
            At::All(_) if ids.is_empty() || ids == self.before => At::End,
            At::All(page) => {
                self.before = ids.to_vec();
                At::All(page + 1)
            }
            At::Whole | At::End => At::End,
        };
        match self.at {
            At::Gallop { .. } => self.risen = true,
            At::All(_) => self.risen = false,
            _ => {}
        }
        Ok(news)
    }

    /// A short page is no end: gateways cap pages.
    fn fell(&mut self, page: u32, ids: &[u64]) -> Result<At, OutOfOrder> {
        if page == 1 {
            self.newest = ids.first().copied().unwrap_or(0);
        }
        // What is made meanwhile pushes rows to the next page, where they come a second time.
        if !falls(ids) || ids.iter().any(|id| *id > self.newest) {
            return if self.sure { Err(OutOfOrder) } else { Ok(At::All(1)) };
        }
        match ids.last() {
            None => Ok(At::End),
            Some(last) if *last <= self.watermark => Ok(At::End),
            Some(_) => Ok(At::Falling(page + 1)),
        }
    }

    fn galloped(&self, good: u32, bad: Option<u32>, ids: &[u64]) -> At {
        let asked = bad.map_or(good * 2, |bad| good + (bad - good) / 2);
        let (good, bad) = match ids.is_empty() {
            true => (good, Some(asked)),
            false if self.goes_on(ids) => (asked, bad),
            false => return At::All(3),
        };
        match bad {
            // The first two pages were seen.
            Some(bad) if bad - good <= 1 && good <= 2 => At::End,
            Some(bad) if bad - good <= 1 => At::Back(good),
            Some(_) | None => At::Gallop { good, bad },
        }
    }

    /// A later page of a rising list.
    fn goes_on(&self, ids: &[u64]) -> bool {
        rises(ids) && ids.first() > self.head.last()
    }
}

fn falls(ids: &[u64]) -> bool {
    ids.is_sorted_by(|a, b| a > b)
}

fn rises(ids: &[u64]) -> bool {
    ids.is_sorted_by(|a, b| a < b)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 5;

    /// How a list of the service behaves.
    #[derive(Debug, Clone, Copy)]
    enum Service {
        Honours,
        Rises,
        Falls,
        Shuffled,
        Repeats,
    }

    fn page(service: Service, rows: &[u64], ask: Ask) -> Vec<u64> {
        let mut rows = rows.to_vec();
        match service {
            Service::Honours if !ask.falling => {}
            Service::Honours | Service::Falls => rows.reverse(),
            Service::Rises => {}
            Service::Shuffled => rows.sort_by_key(|id| id.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            Service::Repeats => return rows,
        }
        rows.chunks(PAGE).nth(ask.page as usize - 1).unwrap_or_default().to_vec()
    }

    fn walked(mut walk: Walk, service: Service, rows: &[u64]) -> (Walk, u32) {
        let mut asked = 0;
        while let Some(ask) = walk.ask() {
            asked += 1;
            assert!(asked < 1_000, "{service:?} {rows:?}");
            walk.took(&page(service, rows, ask)).unwrap();
        }
        (walk, asked)
    }

    #[test]
    fn everything_above_the_watermark_is_seen_whatever_the_order() {
        let all = [Service::Honours, Service::Rises, Service::Falls, Service::Shuffled, Service::Repeats];
        for service in all {
            for count in 0..80_u64 {
                let rows: Vec<u64> = (1..=count).map(|n| n * 3).collect();
                for watermark in [0, 3, count, count * 2, count * 3, u64::MAX] {
                    let (walk, _) = walked(Walk::unsure(watermark), service, &rows);
                    let above = rows.iter().filter(|id| **id > watermark);
                    assert!(above.into_iter().all(|id| walk.seen.contains(id)), "{service:?} {count} {watermark}");
                    assert_eq!(walk.highest(), rows.last().copied().unwrap_or(0), "{service:?} {count} {watermark}");
                }
            }
        }
    }

    #[test]
    fn a_long_list_is_not_read_whole_where_its_order_can_be_believed() {
        let rows: Vec<u64> = (1..=5_000).collect();
        for (service, most) in [(Service::Honours, 6), (Service::Rises, 30)] {
            let (_, asked) = walked(Walk::unsure(4_990), service, &rows);
            assert!(asked <= most, "{service:?}: {asked} of 1000 pages");
        }
        assert_eq!(walked(Walk::ordered(4_990), Service::Honours, &rows).1, 3);
        assert_eq!(walked(Walk::whole(), Service::Repeats, &rows).1, 1);
    }

    #[test]
    fn a_row_pushed_on_to_the_next_page_does_not_make_an_order_doubtful() {
        let mut walk = Walk::unsure(0);
        walk.took(&[9, 8, 7]).unwrap();
        walk.took(&[7, 6, 5]).unwrap();
        assert_eq!(walk.ask(), Some(Ask { page: 1, falling: false }), "is it turned round?");
        walk.took(&[1, 2, 3]).unwrap();
        assert_eq!(walk.ask(), Some(Ask { page: 3, falling: true }));
    }

    #[test]
    fn a_list_known_to_honour_the_order_must() {
        let mut walk = Walk::ordered(0);
        assert_eq!(walk.took(&[1, 2, 3]), Err(OutOfOrder));
        let mut walk = Walk::ordered(0);
        walk.took(&[9, 8]).unwrap();
        assert!(walk.took(&[8, 7]).is_ok_and(|news| news.len() == 1), "pushed on by what was made meanwhile");
        assert_eq!(walk.took(&[10]), Err(OutOfOrder));
    }
}
