//! Which rows of a workbook say something new. A row whose cells are as they were exported is not looked at again; of the
//! others the account is asked, and what it says now is shown as the export would show it: so a change of the sheet and a
//! change of the account can be told apart, and both from a number that is only written in another way.

use super::super::cell::Names;
use super::super::cell_hashes::{CellHashes, hash_of};
use super::super::columns::Columns;
use super::super::hidden::{Described, Hashes, Hidden, Is, as_read, canonical, hashes};
use super::super::linked::Whole;
use super::fresh::Fresh;
use super::judge::{Facts, Sent, Verdict, judge};
use crate::mapping::{Edit, Mapper, Plan, Refusal};
use amo_client::account::Account;
use amo_client::{Client, Failure, List};
use amo_model::compact::CompactJson;
use amo_model::{Entity, IDS_MAX, parts};
use sheet_source::message;
use sheet_source::problem::{Arg, Message, Problem, column_letter, quoted};
use sheet_source::{ColumnMatch, Header, Row, Scalar, Table};
use std::collections::HashMap;
use std::sync::Arc;

/// Cells named in a warning.
const NAMED_MAX: usize = 5;
/// Values that mean nothing without the others: a stage is one of its pipeline, a reason belongs to the lost stage, and
/// the parts of a name make the whole.
const TOGETHER: [(&str, &str); 6] = [
    ("status_id", "pipeline_id"),
    ("pipeline_id", "status_id"),
    ("loss_reason_id", "status_id"),
    ("loss_reason_id", "pipeline_id"),
    ("first_name", "last_name"),
    ("last_name", "first_name"),
];

/// Those of them that may go alone where the other was changed by somebody else.
const PARTS: [&str; 2] = ["first_name", "last_name"];

/// What is asked.
pub struct Deciding<'a> {
    pub client: &'a Client,
    pub hidden: &'a Hidden,
    pub plan: &'a Arc<Plan>,
    pub columns: &'a Columns,
    pub account: &'a Account,
    pub entity: Entity,
    /// What earlier imports of this very file sent, by id.
    pub sent: HashMap<u64, Sent>,
    /// What was exported, where the workbook does not say it of each cell and earlier imports have found it out.
    pub bases: HashMap<u64, CellHashes>,
    /// The sheet wins where both were changed.
    pub force: bool,
    pub rows: Option<(u32, u32)>,
}

#[derive(Debug, Default)]
pub struct Decided {
    pub edits: HashMap<u32, Edit>,
    pub fresh: Vec<Fresh>,
    pub changed: u64,
    /// The records that are to be changed, and what is sent of them.
    pub sending: Vec<(u64, Sent)>,
    pub conflicts: u64,
    /// Rejected for another reason.
    pub refused: u64,
    /// Ids that the export had and the sheet has no more.
    pub left_alone: Vec<u64>,
    /// Cells changed that are not for the import to change: how many, and the first of them.
    pub read_only: (u64, Vec<String>),
}

pub enum Trouble {
    Source(Problem),
    Service(Failure),
}

pub async fn decide(mut table: Table, asked: &Deciding<'_>) -> Result<Decided, Trouble> {
    let mut walk = Walk::new(asked, &table.header);
    let mut row = Row::default();
    while table.read(&mut row).map_err(Trouble::Source)? {
        if walk.id_place.is_some_and(|id| row.get(id).is_empty()) {
            // All of them, wanted or not: what tells them apart is how often the same was met.
            walk.fresh(&row);
        } else if asked.rows.is_none_or(|(first, last)| (first..=last).contains(&row.number)) {
            walk.row(&row);
        } else {
            walk.pass(&row);
        }
        if walk.pending.len() >= IDS_MAX {
            walk.look().await?;
        }
    }
    walk.look().await?;
    Ok(walk.finish())
}

/// Where each of the export's columns stands in the sheet by now.
pub(super) fn places(hidden: &Hidden, header: &Header) -> Vec<Option<usize>> {
    let place = |column: &Described| match header.find(&column.title) {
        ColumnMatch::One(index) => Some(index),
        ColumnMatch::Many(_) | ColumnMatch::None => None,
    };
    hidden.columns.iter().map(place).collect()
}

/// A row that waits for what the account says.
struct Pending {
    row: Row,
    id: u64,
    sheet: Hashes,
    exported: Hashes,
    /// Its place among the rows of the export.
    index: usize,
}

/// What the account says of a record now.
pub(super) struct Now {
    pub hashes: Hashes,
    pub cells: CellHashes,
}

pub(super) struct Walk<'a> {
    pub asked: &'a Deciding<'a>,
    mapper: Mapper,
    names: Names,
    /// Where each of the export's columns stands in the sheet by now.
    places: Vec<Option<usize>>,
    id_place: Option<usize>,
    width: usize,
    /// By the place of its id: the row that had it.
    seen: Vec<u32>,
    pending: Vec<Pending>,
    twice: Vec<(u32, u32, u64)>,
    /// Rows without an id, by their place among those decided.
    fresh: Vec<(usize, Hashes)>,
    decided: Decided,
}

impl<'a> Walk<'a> {
    pub fn new(asked: &'a Deciding<'a>, header: &Header) -> Walk<'a> {
        let places = places(asked.hidden, header);
        let id = asked.hidden.columns.iter().position(Described::is_id);
        Walk {
            mapper: Mapper::new(Arc::clone(asked.plan), ""),
            names: Names::of(asked.account),
            id_place: id.and_then(|index| places[index]),
            places,
            width: header.len(),
            seen: vec![0; asked.hidden.len()],
            pending: Vec::new(),
            twice: Vec::new(),
            fresh: Vec::new(),
            decided: Decided::default(),
            asked,
        }
    }

    fn fresh(&mut self, row: &Row) {
        self.fresh.push((self.decided.fresh.len(), self.hashes(row)));
        self.decided.fresh.push(Fresh::of(row, self.asked.hidden, &self.places));
    }

    /// A row that is not wanted: its id is not lost.
    fn pass(&mut self, row: &Row) {
        if let Some((index, _)) =
            self.id(row).and_then(|id| self.asked.hidden.find(id)).filter(|(index, _)| self.seen[*index] == 0)
        {
            self.seen[index] = row.number;
        }
    }

    fn hashes(&self, row: &Row) -> Hashes {
        hashes(&self.asked.hidden.columns, self.places.iter().map(|place| place.map(|at| row.get(at))))
    }

    /// New rows that are exported ones, of which only the id was emptied: made, they would be doubles.
    fn lost(&mut self) {
        if self.fresh.is_empty() {
            return;
        }
        let mut lost: HashMap<Hashes, Vec<u64>> = HashMap::new();
        for (id, _) in self.asked.hidden.ids().zip(&self.seen).filter(|(_, row)| **row == 0) {
            let Some((_, hashes)) = self.asked.hidden.find(id) else { continue };
            lost.entry(hashes).or_default().push(id);
        }
        for (index, hashes) in std::mem::take(&mut self.fresh) {
            self.decided.fresh[index].lost = lost.get_mut(&hashes).and_then(Vec::pop);
        }
    }

    fn row(&mut self, row: &Row) {
        let Some(id_place) = self.id_place else { return };
        let cell = row.get(id_place);
        let text = cell.text.trim();
        let Some((index, exported)) = text.parse().ok().and_then(|id| self.asked.hidden.find(id)) else {
            let message = message!("{value} is no id of this export", value = quoted(text));
            let hint = "empty the cell to make a new record; others stay out of this workbook";
            return self.refuse(row.number, refusal("unknown-id", Some(id_place), Some(text), message, hint));
        };
        // It was just parsed.
        let id: u64 = text.parse().unwrap_or_default();
        if self.seen[index] != 0 {
            self.twice.push((row.number, self.seen[index], id));
            return;
        }
        self.seen[index] = row.number;
        let sheet = self.hashes(row);
        if sheet != exported || self.asked.sent.contains_key(&id) {
            self.pending.push(Pending { row: row.clone(), id, sheet, exported, index });
        }
    }

    pub fn id(&self, row: &Row) -> Option<u64> {
        self.id_place.and_then(|place| row.get(place).text.trim().parse().ok())
    }

    /// The column of the export that stands here.
    fn column_at(&self, place: usize) -> Option<usize> {
        self.places.iter().position(|known| *known == Some(place))
    }

    fn refuse(&mut self, row: u32, refusal: Refusal) {
        self.decided.refused += 1;
        self.decided.edits.insert(row, Edit::Refused(vec![refusal]));
    }

    async fn look(&mut self) -> Result<(), Trouble> {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return Ok(());
        }
        let ids: Vec<u64> = pending.iter().map(|one| one.id).collect();
        let found = self.found(&ids).await?;
        for one in &pending {
            match found.get(&one.id) {
                Some(item) => self.compare(one, item),
                None if self.is_edited(one) => {
                    let message = message!("{id} is not in the account any more", id = one.id);
                    let hint = "it was deleted, or merged into another; empty the ID cell to make it anew";
                    let id = one.id.to_string();
                    self.refuse(one.row.number, refusal("gone", self.id_place, Some(&id), message, hint));
                }
                None => {}
            }
        }
        Ok(())
    }

    /// What the account says of these records.
    pub async fn found(&self, ids: &[u64]) -> Result<HashMap<u64, CompactJson>, Trouble> {
        let list = List::of(self.asked.entity, self.asked.plan.catalog);
        let found = self.asked.client.records_by_id(&list, ids).await.map_err(Trouble::Service)?;
        Ok(found.into_iter().filter_map(|item| Some((parts::id(&item["id"])?, item.into()))).collect())
    }

    /// A record as the export would show it, and its hashes.
    pub fn shown(&self, item: &CompactJson) -> (Row, Now) {
        let mut shown = Row::default();
        let whole = Whole { item: item.clone(), ..Whole::default() };
        as_read(self.asked.columns.cells(&whole, &self.names), &mut shown);
        let columns = &self.asked.hidden.columns;
        let cells = || (0..columns.len()).map(|index| Some(shown.get(index)));
        let now = Now { hashes: hashes(columns, cells()), cells: CellHashes::of(columns, cells()) };
        (shown, now)
    }

    /// The cells of a row of the sheet.
    fn cells(&self, row: &Row) -> CellHashes {
        CellHashes::of(&self.asked.hidden.columns, self.places.iter().map(|place| place.map(|at| row.get(at))))
    }

    /// What each cell of a row was, where that was kept.
    fn exported(&self, one: &Pending) -> Option<CellHashes> {
        self.asked.hidden.cells(one.index).or_else(|| self.asked.bases.get(&one.id).cloned())
    }

    /// True where a cell that could be sent is another than was exported.
    fn is_edited(&self, one: &Pending) -> bool {
        let Some(base) = self.exported(one) else { return one.sheet.writable != one.exported.writable };
        let sheet = self.cells(&one.row);
        (0..base.len()).any(|n| sheet.get(n).is_some_and(|cell| base.get(n) != Some(cell)))
    }

    /// What each cell of a row was, as far as that can be known. A workbook of version 0.1 says it of whole rows only: it is
    /// what the sheet or the account shows, where one of them still is as it was.
    fn base(&self, one: &Pending, shown: &Row, now: &Now) -> CellHashes {
        if let Some(cells) = self.exported(one) {
            return cells;
        }
        // A column that was taken out of the sheet says nothing, so the account's cell stands in for it.
        let columns = &self.asked.hidden.columns;
        let whole = || {
            let cells = self.places.iter().enumerate();
            cells.map(|(index, place)| Some(place.map_or_else(|| shown.get(index), |at| one.row.get(at))))
        };
        if hashes(columns, whole()).writable == one.exported.writable {
            CellHashes::of(columns, whole())
        } else if now.hashes.writable == one.exported.writable {
            now.cells.clone()
        } else {
            CellHashes::default()
        }
    }

    fn compare(&mut self, one: &Pending, item: &CompactJson) {
        let (shown, now) = self.shown(item);
        let account = self.in_place(&shown, one.row.number);
        let (base, sheet) = (self.base(one, &shown, &now), self.cells(&one.row));
        let columns = &self.asked.hidden.columns;
        let mut sent = self.asked.sent.get(&one.id).cloned().unwrap_or_default();
        if sent.left.take() == Some(now.hashes.writable) {
            sent.ours = now.cells.clone();
        }
        let same_file = sent.is_still_shown(columns, &sheet, &base);
        let others_edited = one.sheet.others != one.exported.others;
        if others_edited && now.hashes.others != one.exported.others {
            // The account's have changed too, so it cannot be said which.
            self.decided.read_only.0 += 1;
            if self.decided.read_only.1.len() < NAMED_MAX {
                self.decided.read_only.1.push(format!("row {}", one.row.number));
            }
        }
        let (mut sending, mut conflicts) = (Vec::new(), Vec::new());
        for (n, column) in columns.iter().enumerate() {
            let Some(place) = self.places[n] else { continue };
            if !column.is_compared() || canonical(one.row.get(place)) == canonical(account.get(place)) {
                continue;
            }
            let facts = Facts {
                sheet: hash_of(one.row.get(place)),
                account: hash_of(account.get(place)),
                base: base.get(n),
                sent: sent.of(n),
                ours: sent.ours.get(n),
            };
            if !column.writable || !self.fills(place) {
                let others = others_edited && now.hashes.others == one.exported.others;
                if !column.writable && others || column.writable && facts.base != Some(facts.sheet) {
                    self.read_only(one.row.number, place);
                }
                continue;
            }
            match judge(facts, same_file) {
                Verdict::Nothing => {}
                _ if self.same(&one.row, &account, place) => {}
                Verdict::Send => sending.push(place),
                Verdict::ChangedMeanwhile => {
                    conflicts.push((place, conflict(place, &one.row, &account, facts.base.is_some())));
                }
                Verdict::PutBack => conflicts.push((place, put_back(place, &one.row, &account))),
            }
        }
        if self.asked.force {
            sending.extend(conflicts.drain(..).map(|(place, _)| place));
        }
        let base = if self.asked.hidden.cells(one.index).is_none() { base } else { CellHashes::default() };
        let sent = Sent { base, ..sent };
        self.settle(one, &account, (sending, conflicts), |columns| sent.sending(columns, &sheet, now.cells));
    }

    /// Sends these cells of a row, with what they mean nothing without, unless that or another cell is in conflict.
    fn settle(
        &mut self,
        one: &Pending,
        account: &Row,
        (sending, mut conflicts): (Vec<usize>, Vec<(usize, Refusal)>),
        sent: impl FnOnce(&[usize]) -> Sent,
    ) {
        if sending.is_empty() && conflicts.is_empty() {
            return;
        }
        let mut places = self.together(sending.clone(), &one.row);
        for place in places.clone() {
            let cell = |row: &Row| canonical(row.get(place)).into_owned();
            if sending.contains(&place) || cell(&one.row) == cell(account) || self.same(&one.row, account, place) {
                continue;
            }
            // It was not edited, and sent along it would undo what somebody has changed.
            if self.path_of(place).is_some_and(|path| PARTS.contains(&path)) {
                places.retain(|other| *other != place);
            } else if !self.asked.force && !conflicts.iter().any(|(known, _)| *known == place) {
                conflicts.push((place, conflict(place, &one.row, account, true)));
            }
        }
        if conflicts.is_empty() {
            self.decided.changed += 1;
            // The service takes the reason of a loss away with the lost stage. [client, weak]
            if sending.iter().any(|place| self.path_of(*place) == Some("status_id")) {
                places
                    .retain(|place| self.path_of(*place) != Some("loss_reason_id") || !one.row.get(*place).is_empty());
            }
            let columns: Vec<usize> = sending.iter().filter_map(|place| self.column_at(*place)).collect();
            self.decided.sending.push((one.id, sent(&columns)));
            self.decided.edits.insert(one.row.number, Edit::Change(places));
        } else {
            self.decided.conflicts += 1;
            let refusals = conflicts.into_iter().map(|(_, refusal)| refusal).collect();
            self.decided.edits.insert(one.row.number, Edit::Refused(refusals));
        }
    }

    /// True where two rows mean the same in this column.
    fn same(&mut self, a: &Row, b: &Row, place: usize) -> bool {
        let (a, b) = (self.mapper.item(a, &[place]), self.mapper.item(b, &[place]));
        a.is_some() && a == b
    }

    /// True where the mapping sends this column.
    fn fills(&self, place: usize) -> bool {
        self.asked.plan.fills(place)
    }

    /// The account's cells as a row of the sheet.
    fn in_place(&self, shown: &Row, number: u32) -> Row {
        let mut row = Row::default();
        row.clear(number);
        for at in 0..self.width {
            match self.column_at(at) {
                Some(index) => {
                    let cell = shown.get(index);
                    row.push(cell.text, cell.value);
                }
                None => row.push("", Scalar::Empty),
            }
        }
        row
    }

    fn read_only(&mut self, row: u32, place: usize) {
        let (count, named) = &mut self.decided.read_only;
        *count += 1;
        if named.len() < NAMED_MAX {
            named.push(format!("{}{row}", column_letter(place)));
        }
    }

    fn path_of(&self, place: usize) -> Option<&'a str> {
        match &self.asked.hidden.columns[self.column_at(place)?].is {
            Is::Own(path) => Some(path.as_str()),
            Is::Field { .. } | Is::Address | Is::Other => None,
        }
    }

    /// With what they mean nothing without; an empty cell means nothing here.
    fn together(&self, mut places: Vec<usize>, row: &Row) -> Vec<usize> {
        let said: Vec<&str> = places.iter().filter_map(|place| self.path_of(*place)).collect();
        let with: Vec<&str> = TOGETHER.iter().filter(|(one, _)| said.contains(one)).map(|(_, other)| *other).collect();
        for place in 0..self.width {
            let wanted = self.path_of(place).is_some_and(|path| with.contains(&path));
            if wanted && !places.contains(&place) && self.fills(place) && !row.get(place).is_empty() {
                places.push(place);
            }
        }
        places.sort_unstable();
        places
    }

    fn finish(mut self) -> Decided {
        self.lost();
        for (row, earlier, id) in std::mem::take(&mut self.twice) {
            self.decided.sending.retain(|(known, _)| *known != id);
            for (row, other) in [(row, earlier), (earlier, row)] {
                let message = message!("{id} stands in row {row} as well", id, row = other);
                let hint = "keep one of the rows; for a copy that is to be a record of its own empty the ID cell";
                match self.decided.edits.get(&row) {
                    Some(Edit::Change(_)) => self.decided.changed -= 1,
                    Some(Edit::Refused(_)) => continue,
                    _ => {}
                }
                self.refuse(row, refusal("id-twice", self.id_place, Some(&id.to_string()), message, hint));
            }
        }
        if self.asked.rows.is_none() {
            let ids = self.asked.hidden.ids().zip(&self.seen);
            self.decided.left_alone = ids.filter(|(_, row)| **row == 0).map(|(id, _)| id).collect();
        }
        self.decided
    }
}

fn refusal(code: &str, column: Option<usize>, value: Option<&str>, message: Message, hint: &'static str) -> Refusal {
    let (code, value) = (code.to_owned(), value.map(str::to_owned));
    Refusal { code, column, value, message, hint: Some(hint.into()) }
}

fn conflict(place: usize, sheet: &Row, account: &Row, base_known: bool) -> Refusal {
    let (here, there) = (sheet.get(place).text, account.get(place).text);
    let told = |text: &str| if text.trim().is_empty() { Arg::from("nothing") } else { quoted(text) };
    let message = message!(
        "the record was changed in the account meanwhile: {here} here, {there} there",
        here = told(here),
        there = told(there)
    );
    let hint = match base_known {
        true => "export again, or add --force to let the sheet win",
        false => {
            "the version that exported this workbook kept no cells, so all that differ are told; export again, \
             or add --force to let the sheet win"
        }
    };
    refusal("changed-meanwhile", Some(place), Some(here), message, hint)
}

fn put_back(place: usize, sheet: &Row, account: &Row) -> Refusal {
    let (here, there) = (sheet.get(place).text, account.get(place).text);
    let told = |text: &str| if text.trim().is_empty() { Arg::from("nothing") } else { quoted(text) };
    let message = message!(
        "the cell shows what was exported, {here}, and this file has sent another value before: {there} there",
        here = told(here),
        there = told(there)
    );
    let hint =
        "if the old value is meant, add --force; if this is another copy of the export, save it under another name";
    refusal("put-back", Some(place), Some(here), message, hint)
}
