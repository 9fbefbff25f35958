//! What a job needs at the least: which requests, and how many answers have to follow each other. Pure.
//!
//! The yardstick of a job is (R − 1)/7 + D · L seconds: R requests, of which the first goes out at once and the others 7 a
//! second, and D answers of L seconds that nobody can have before the one before it.
//!
//! D is 2 for a job that only reads: the account and what its lists name, then what hangs on that. It is 3 for a job that
//! writes: what the account is, the records, the read-back. A job of several batches that knows nothing of the account's speed
//! sends one batch ahead and waits for its answer: 4.

use crate::service::PAGE;

/// Records that one request may bring.
pub const BATCH: usize = 250;
/// Leads that one request may bring with their contacts and companies.
const COMPLEX_BATCH: usize = 50;
/// Requests a second.
const RATE: f64 = 7.0;
/// Pages without records that prove the end of a list of records.
const END: usize = 2;

pub struct NeededRequests {
    requests: Vec<(&'static str, usize)>,
    /// Answers that have to follow each other.
    pub follow: usize,
}

impl NeededRequests {
    /// R.
    pub fn made(&self) -> usize {
        self.requests.iter().map(|(_, count)| count).sum()
    }

    pub fn batches(&self) -> usize {
        self.requests.iter().filter(|(purpose, _)| *purpose == "batches").map(|(_, count)| count).sum()
    }

    pub fn seconds(&self, latency_s: f64) -> f64 {
        (self.made() as f64 - 1.0) / RATE + self.follow as f64 * latency_s
    }

    /// A job of several batches that does not know which size the account takes quickly waits for the first.
    fn probing(self, remembered: bool) -> NeededRequests {
        let probes = usize::from(!remembered && self.batches() > 1);
        NeededRequests { follow: self.follow + probes, ..self }
    }
}

/// The lists that the mapping of leads uses.
const LISTS_OF_LEADS: [(&str, usize); 3] = [("pipelines", 1), ("users", 1), ("fields", 1)];

/// What every job that creates records needs, beside the lists that its mapping uses.
fn creating(lists: &[(&'static str, usize)], batches: usize, read_back: usize) -> NeededRequests {
    let mut requests = vec![("account", 1), ("rights", 1), ("watermark", 1)];
    requests.extend_from_slice(lists);
    requests.extend([("batches", batches), ("read back", read_back)]);
    NeededRequests { requests, follow: 3 }
}

/// The mapping names stages, users and fields of leads, so these three lists. The account's own data say which account and
/// time zone it is; the rights, whether records that are not seen do not exist; the watermark, which records are new if an
/// answer is lost. One request reads 100 records back.
pub fn leads(rows: usize, remembered: bool) -> NeededRequests {
    creating(&LISTS_OF_LEADS, rows.div_ceil(BATCH), 1).probing(remembered)
}

/// As leads, with fields of three kinds, and leads, contacts and companies to read back. Their batches may not grow beyond what
/// they begin with, so there is nothing to try.
pub fn complex_leads(rows: usize) -> NeededRequests {
    creating(&[("pipelines", 1), ("users", 1), ("fields", 3)], rows.div_ceil(COMPLEX_BATCH), 3)
}

/// The mapping names fields of contacts and nothing else of the account.
pub fn contacts(rows: usize, remembered: bool) -> NeededRequests {
    creating(&[("fields", 1)], rows.div_ceil(BATCH), 1).probing(remembered)
}

/// Customers are found by name, so all of them have to be read; a page of them that is not full does not prove an end. The
/// purchases of a customer have an address of their own: a request for each customer.
pub fn purchases(customers: usize) -> NeededRequests {
    creating(&[("customers", customers.div_ceil(PAGE) + 1)], customers, 1)
}

/// The mapping names nothing of the account. The records are read before they are written; their ids stand in the file, so
/// that needs no answer before it.
pub fn updates(rows: usize, remembered: bool) -> NeededRequests {
    let requests = vec![
        ("account", 1),
        ("rights", 1),
        ("records", rows.div_ceil(PAGE)),
        ("batches", rows.div_ceil(BATCH)),
        ("read back", 1),
    ];
    NeededRequests { requests, follow: 3 }.probing(remembered)
}

/// All columns: names of stages, users, loss reasons and fields. Each page shares records with the one before it. Of which
/// pages there are, only the first can be requested without having seen one.
pub fn export(rows: usize) -> NeededRequests {
    let requests = vec![
        ("account", 1),
        ("pipelines", 1),
        ("users", 1),
        ("loss reasons", 1),
        ("fields", 1),
        ("rights", 1),
        ("pages", overlapping_pages(rows)),
        ("end", END),
    ];
    NeededRequests { requests, follow: 2 }
}

/// The columns of an exported workbook name the same lists. What is not edited needs nothing more; an edited record is read,
/// changed and read back.
pub fn round_trip(edited: usize) -> NeededRequests {
    let mut requests = vec![("account", 1), ("pipelines", 1), ("users", 1), ("loss reasons", 1), ("fields", 1)];
    if edited == 0 {
        return NeededRequests { requests, follow: 2 };
    }
    requests.extend([
        ("rights", 1),
        ("records", edited.div_ceil(PAGE)),
        ("batches", edited.div_ceil(BATCH)),
        ("read back", 1),
    ]);
    NeededRequests { requests, follow: 3 }
}

/// As leads, without anything that is sent. Its yardstick is 2 L and the work on the file.
pub fn check() -> NeededRequests {
    let requests = [("account", 1)].into_iter().chain(LISTS_OF_LEADS).collect();
    NeededRequests { requests, follow: 2 }
}

/// The fewest pages that hold so many records, if each begins within the one before it: pages are counted in multiples of
/// their size, so the sizes differ.
fn overlapping_pages(rows: usize) -> usize {
    let (mut covered, mut pages) = (PAGE, 1);
    while covered < rows {
        let ends = (PAGE / 2 + 1..=PAGE).map(|limit| ((covered - 1) / limit + 1) * limit);
        covered = ends.max().unwrap_or(covered + 1);
        pages += 1;
    }
    pages
}
