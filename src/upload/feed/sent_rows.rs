//! Rows of the same source that earlier runs have sent. A record of these rows is not created again, whatever the mapping.
//! Pure.

use crate::mapping::Plan;
use crate::store::{Outcome, Status};
use crate::upload::feed::{place, rejected};
use sheet_source::Row;
use sheet_source::message;
use sheet_source::problem::{Message, Problem, Stage};

/// The sent rows of a source, at 16 bytes each, since a source may have a million rows.
#[derive(Debug, Clone, Default)]
pub struct SentRows {
    /// Sorted by row.
    sent: Vec<SentRow>,
    /// Rows that are now in the place of sent ones, sorted by row.
    changed: Vec<SentRow>,
    /// The names of the runs that have sent them, in the order of appearance.
    runs: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
struct SentRow {
    row: u32,
    /// The index of the run.
    run: u32,
    /// Its id in the account; 0 where that is unknown.
    id: u64,
}

/// The outcome of a sent row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowOutcome<'s> {
    pub run: &'s str,
    /// `None` where it is not known whether it arrived.
    pub id: Option<u64>,
}

/// The outcome of a record that is held back.
#[derive(Debug)]
pub enum HeldOutcome {
    /// Left out: it is in the account.
    Sent(Outcome),
    /// Rejected: it is not known whether it is in the account.
    Unknown(Outcome),
    /// Rejected: other rows of it were not sent, or one of its rows may be a sent one that was changed.
    Undecided(Outcome),
}

/// The code of rows that are left out since they were sent.
pub const SENT_BEFORE: &str = "sent-before";

impl SentRows {
    /// Rows with the runs that have sent them and the ids that they got. Each row is once in one of the lists.
    pub fn new<'n>(
        sent: impl Iterator<Item = (u32, &'n str, Option<u64>)>,
        changed: impl Iterator<Item = (u32, &'n str, Option<u64>)>,
    ) -> SentRows {
        let mut rows = SentRows::default();
        rows.sent = rows.sorted(sent);
        rows.changed = rows.sorted(changed);
        rows
    }

    fn sorted<'n>(&mut self, rows: impl Iterator<Item = (u32, &'n str, Option<u64>)>) -> Vec<SentRow> {
        let mut sorted: Vec<SentRow> = rows
            .map(|(row, run, id)| {
                // Rows mostly come run by run.
                let known = self.runs.iter().rposition(|known| known == run);
                let run = known.unwrap_or_else(|| {
                    self.runs.push(run.to_owned());
                    self.runs.len() - 1
                });
                SentRow { row, run: run as u32, id: id.unwrap_or(0) }
            })
            .collect();
        sorted.sort_by_key(|sent| sent.row);
        sorted
    }

    pub fn is_empty(&self) -> bool {
        self.sent.is_empty() && self.changed.is_empty()
    }

    /// The name of the newest run. Run names begin with their time.
    pub fn newest_run(&self) -> &str {
        self.runs.iter().max().map_or("", String::as_str)
    }

    /// The ids of the rows in the account, each once, with the run that has sent it; with `rows` only of this range.
    pub fn ids(&self, rows: Option<(u32, u32)>) -> Vec<(u64, &str)> {
        let wanted = |sent: &&SentRow| rows.is_none_or(|(first, last)| (first..=last).contains(&sent.row));
        let known = self.sent.iter().chain(&self.changed).filter(|sent| sent.id != 0).filter(wanted);
        let mut ids: Vec<(u64, &str)> =
            known.filter_map(|sent| Some((sent.id, self.runs.get(sent.run as usize)?.as_str()))).collect();
        ids.sort_unstable();
        ids.dedup_by_key(|(id, _)| *id);
        ids
    }

    /// The outcome of a sent row.
    pub fn find(&self, row: u32) -> Option<RowOutcome<'_>> {
        self.find_in(&self.sent, row)
    }

    /// The outcome of the row in whose place this one is.
    pub fn find_changed(&self, row: u32) -> Option<RowOutcome<'_>> {
        self.find_in(&self.changed, row)
    }

    fn find_in(&self, rows: &[SentRow], row: u32) -> Option<RowOutcome<'_>> {
        let found = rows[rows.binary_search_by_key(&row, |sent| sent.row).ok()?];
        let run = self.runs.get(found.run as usize)?;
        Some(RowOutcome { run, id: (found.id != 0).then_some(found.id) })
    }

    /// The outcome that holds a record back; `None` where none of its rows was sent. `more` are its rows after the first.
    pub fn hold_back(&self, plan: &Plan, row: &Row, more: &[Row], key: Option<&String>) -> Option<HeldOutcome> {
        let numbers = || std::iter::once(row).chain(more).map(|row| row.number);
        let problem = |code: &'static str, message: Message| {
            Problem::new(Stage::Map, code, message).at(place(plan, row.number, None))
        };
        if let Some((number, sent)) = numbers().find_map(|number| Some((number, self.find_changed(number)?))) {
            let problem = changed_problem(number, sent, problem);
            return Some(HeldOutcome::Undecided(rejected(row, more, key.cloned(), &[problem])));
        }
        let (number, sent) = numbers().find_map(|number| Some((number, self.find(number)?)))?;
        let run = sent.run;
        let whole = numbers().all(|number| self.find(number).is_some());
        if !whole {
            let message =
                message!("run {run} has sent row {number} of this record, but not its other rows", run, number);
            let problem = problem("sent-in-part", message)
                .hint("add the other rows to the record in the account, or with an update");
            return Some(HeldOutcome::Undecided(rejected(row, more, key.cloned(), &[problem])));
        }
        let Some(id) = sent.id else {
            let message = message!("run {run} has sent this row, and it is not known whether it arrived", run);
            let hint =
                "look for it in the account; if it is not there, empty its cell _code in rejected.xlsx and import that";
            let problem = problem("sent-unknown", message).hint(hint);
            return Some(HeldOutcome::Unknown(rejected(row, more, key.cloned(), &[problem])));
        };
        let message = message!("run {run} has sent this row, which is {id} in the account", run, id);
        let more = more.iter().map(|row| row.number).collect();
        let problems = vec![problem(SENT_BEFORE, message)];
        let skipped = Outcome::new(row.number, Status::Skipped);
        Some(HeldOutcome::Sent(Outcome { key: key.cloned(), id: Some(id), more, problems, ..skipped }))
    }
}

/// The codes of rows that may be in the account already.
const HELD_BACK: [&str; 3] = ["sent-unknown", "sent-in-part", ROW_CHANGED];
const ROW_CHANGED: &str = "source.row-changed";

/// The outcome of a row of a reject file that an earlier import held back, since it may be in the account already: it is held
/// back until the user empties its code.
pub fn held_back_before(plan: &Plan, row: &Row, more: &[Row], key: Option<&String>) -> Option<Outcome> {
    let code_of = |row: &Row| HELD_BACK.into_iter().find(|code| *code == plan.header.reject_code(row));
    let code = std::iter::once(row).chain(more).find_map(code_of)?;
    let message = "an earlier import held this row back, since it may be in the account already";
    let problem = Problem::new(Stage::Map, code, message)
        .at(place(plan, row.number, None))
        .hint("look for it in the account; to create it anyway, empty its cell _code");
    Some(rejected(row, more, key.cloned(), &[problem]))
}

/// The problem of a row that may be a sent one with changes: created again, it would be a duplicate.
fn changed_problem(number: u32, sent: RowOutcome<'_>, problem: impl Fn(&'static str, Message) -> Problem) -> Problem {
    let run = sent.run;
    let message = match sent.id {
        Some(id) => message!(
            "row {number} is in the place of a row that run {run} has sent, which is {id} in the account: it may be the same row, changed",
            number,
            run,
            id
        ),
        None => message!(
            "row {number} is new, and rows that run {run} has sent are not in the source any more: it may be one of them, changed",
            number,
            run
        ),
    };
    problem(ROW_CHANGED, message).hint(
        "if it is, change the record in the account or with an update; if it is another record, empty its cell _code in rejected.xlsx and import that",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_with_what_is_known_of_it() {
        let sent = [(7, "b", Some(70)), (2, "b", Some(20)), (3, "a", None)];
        let sent = SentRows::new(sent.into_iter(), [(9, "c", None), (8, "a", Some(80))].into_iter());
        let described = |sent: Option<RowOutcome<'_>>| sent.map(|sent| (sent.run.to_owned(), sent.id));
        let run = |name: &str, id| Some((name.to_owned(), id));
        let all: Vec<_> = [1, 2, 3, 7, 8].into_iter().map(|row| described(sent.find(row))).collect();
        assert_eq!(all, [None, run("b", Some(20)), run("a", None), run("b", Some(70)), None]);
        let changed: Vec<_> = [7, 8, 9].into_iter().map(|row| described(sent.find_changed(row))).collect();
        assert_eq!(changed, [None, run("a", Some(80)), run("c", None)]);
        assert_eq!(sent.newest_run(), "c");
    }
}
