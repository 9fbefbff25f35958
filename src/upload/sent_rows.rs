//! Rows of the very same source that earlier runs have sent. A record that is made of them is not made again, whatever mapping
//! makes it. Pure.

use crate::mapping::Plan;
use crate::message;
use crate::problem::{Message, Stage};
use crate::store::{Outcome, Status};
use crate::table::Row;
use crate::upload::feed::rejected;
use crate::upload::settle::at_row;

/// Many of them at 16 bytes each, since a source has a million rows.
#[derive(Debug, Clone, Default)]
pub struct SentRows {
    /// In the order of the rows once all are added.
    rows: Vec<SentRow>,
    /// The runs that have sent them.
    runs: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
struct SentRow {
    row: u32,
    /// Which of the runs.
    run: u32,
    /// What it became in the account; 0 where nobody knows.
    id: u64,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent<'s> {
    pub run: &'s str,
    /// `None` where nobody knows whether it arrived.
    pub id: Option<u64>,
}

/// The outcome of a record that is held back.
#[derive(Debug)]
pub enum Held {
    /// Left out: it is in the account.
    Sent(Outcome),
    /// Rejected: nobody knows whether it is.
    Unknown(Outcome),
    /// Rejected: other rows of it were not sent.
    Part(Outcome),
}

/// The code of rows that are left out for this.
pub const SENT_BEFORE: &str = "sent-before";

impl SentRows {
    /// Adds the rows of a run, the newest one first; its ids count before those of older ones.
    pub fn add(&mut self, run: &str, rows: impl IntoIterator<Item = (u32, Option<u64>)>) {
        let number = self.runs.len() as u32;
        let before = self.rows.len();
        let sent = |(row, id): (u32, Option<u64>)| SentRow { row, run: number, id: id.unwrap_or(0) };
        self.rows.extend(rows.into_iter().map(sent));
        if self.rows.len() > before {
            self.runs.push(run.to_owned());
        }
    }

    /// To be called once all is added.
    pub fn complete(&mut self) {
        // What is known to have arrived counts before what is not.
        self.rows.sort_by_key(|sent| (sent.row, sent.id == 0, sent.run));
        self.rows.dedup_by_key(|sent| sent.row);
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The run that was added first.
    pub fn newest_run(&self) -> &str {
        self.runs.first().map_or("", String::as_str)
    }

    pub fn find(&self, row: u32) -> Option<Sent<'_>> {
        let found = self.rows[self.rows.binary_search_by_key(&row, |sent| sent.row).ok()?];
        let run = self.runs.get(found.run as usize)?;
        Some(Sent { run, id: (found.id != 0).then_some(found.id) })
    }

    /// What holds a record back; `None` where none of its rows was sent.
    pub fn held(&self, plan: &Plan, row: &Row, more: &[Row], key: Option<&String>) -> Option<Held> {
        let numbers = || std::iter::once(row).chain(more).map(|row| row.number);
        let (number, sent) = numbers().find_map(|number| Some((number, self.find(number)?)))?;
        let run = sent.run;
        let whole = numbers().all(|number| self.find(number).is_some());
        let problem = |code: &'static str, message: Message| at_row(plan, row.number, None, Stage::Map, code, message);
        if !whole {
            let message =
                message!("run {run} has sent row {number} of this record, and others of its rows not", run, number);
            let problem = problem("sent-in-part", message).hint(
                "import the other rows by themselves, from a file of their own; --again makes all of it once more",
            );
            return Some(Held::Part(rejected(row, more, key.cloned(), &[problem])));
        }
        let Some(id) = sent.id else {
            let message = message!("run {run} has sent this row, and nobody knows whether it arrived", run);
            let hint =
                message!("look for it in the account; amoport resume {run} --resend-unknown makes it once more", run);
            let problem = problem("sent-unknown", message).hint(hint);
            return Some(Held::Unknown(rejected(row, more, key.cloned(), &[problem])));
        };
        let message = message!("run {run} has sent this row, and it is {id} in the account", run, id);
        let more = more.iter().map(|row| row.number).collect();
        let problems = vec![problem(SENT_BEFORE, message)];
        let skipped = Outcome::new(row.number, Status::Skipped);
        Some(Held::Sent(Outcome { key: key.cloned(), id: Some(id), more, problems, ..skipped }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_with_what_is_known_of_it() {
        let mut sent = SentRows::default();
        sent.add("b", [(7, None), (2, Some(20)), (3, Some(30))]);
        sent.add("nothing", []);
        sent.add("a", [(7, Some(70)), (3, Some(31)), (9, None)]);
        sent.complete();
        let found = |row: u32| sent.find(row).map(|sent| (sent.run, sent.id));
        let all: Vec<_> = [1, 2, 3, 7, 8, 9].into_iter().map(found).collect();
        let expected =
            [None, Some(("b", Some(20))), Some(("b", Some(30))), Some(("a", Some(70))), None, Some(("a", None))];
        assert_eq!(all, expected);
    }
}
