//! Which rows of a workbook say something new. A row whose cells are as they were exported is not looked at again; of the
//! others the account is asked, and what it says now is shown as the export would show it: so a change of the sheet and a
//! change of the account can be told apart, and both from a number that is only written in another way.

use super::super::cell::Names;
use super::super::columns::Columns;
use super::super::hidden::{Described, Hashes, Hidden, Is, as_read, canonical, hashes};
use super::super::linked::Whole;
use crate::account::Account;
use crate::api::{Client, Failure};
use crate::entity::lean::Lean;
use crate::entity::{Entity, IDS_MAX, parts};
use crate::mapping::{Edit, Mapper, Plan, Refusal};
use crate::message;
use crate::problem::{Arg, Message, Problem, column_letter, quoted};
use crate::table::{Found, Header, Row, Scalar, Table};
use sha2::{Digest, Sha256};
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

/// What is asked.
pub struct Deciding<'a> {
    pub client: &'a Client,
    pub hidden: &'a Hidden,
    pub plan: &'a Arc<Plan>,
    pub columns: &'a Columns,
    pub account: &'a Account,
    pub entity: Entity,
    /// What earlier imports of the workbook sent, by id.
    pub sent: HashMap<u64, Sent>,
    /// The sheet wins over what the account says now.
    pub force: bool,
    pub rows: Option<(u32, u32)>,
}

/// What an earlier import of a workbook sent to a record, as hashes of what can be sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Of the row that was sent; `None` where it is not known to have arrived.
    pub sheet: Option<u64>,
    /// Of the record, as the account showed it then.
    pub account: Option<u64>,
}

/// A row without an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fresh {
    pub row: u32,
    /// A hash of its cells, by title.
    pub content: String,
    /// A record that was exported with these very cells, and whose id stands in no row.
    pub lost: Option<u64>,
    /// It has no name, where the export has a column of names.
    pub nameless: bool,
    /// It holds nothing but formulas.
    pub formulas: bool,
}

impl Fresh {
    fn of(row: &Row, hidden: &Hidden, places: &[Option<usize>]) -> Fresh {
        let is_name = |column: &Described| matches!(&column.is, Is::Own(path) if path == "name");
        let name = hidden.columns.iter().position(is_name).and_then(|index| places[index]);
        Fresh {
            row: row.number,
            content: content(hidden, places, row),
            lost: None,
            nameless: name.is_some_and(|name| row.get(name).is_empty()),
            formulas: row.all_formulas,
        }
    }
}

#[derive(Debug, Default)]
pub struct Decided {
    pub edits: HashMap<u32, Edit>,
    pub fresh: Vec<Fresh>,
    pub changed: u64,
    /// The records that are to be changed.
    pub ids: Vec<u64>,
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

/// The rows without an id, and no more of the table.
pub fn fresh(mut table: Table, hidden: &Hidden) -> Result<Vec<Fresh>, Problem> {
    let places = places(hidden, &table.header);
    let id = hidden.columns.iter().position(Described::is_id).and_then(|index| places[index]);
    let (mut fresh, mut row) = (Vec::new(), Row::default());
    while table.read(&mut row)? {
        if id.is_some_and(|id| row.get(id).is_empty()) {
            fresh.push(Fresh::of(&row, hidden, &places));
        }
    }
    Ok(fresh)
}

/// Where each of the export's columns stands in the sheet by now.
fn places(hidden: &Hidden, header: &Header) -> Vec<Option<usize>> {
    let place = |column: &Described| match header.find(&column.title) {
        Found::One(index) => Some(index),
        Found::Many(_) | Found::None => None,
    };
    hidden.columns.iter().map(place).collect()
}

/// A hash of a row's cells, whatever their order, and whatever columns were added to them.
fn content(hidden: &Hidden, places: &[Option<usize>], row: &Row) -> String {
    let mut hasher = Sha256::new();
    for (column, place) in hidden.columns.iter().zip(places) {
        let Some(text) = place.map(|at| canonical(row.get(at))).filter(|text| !text.is_empty()) else { continue };
        for part in [column.title.as_str(), &text] {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
    }
    hasher.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

/// An edited row that waits for what the account says.
pub(super) struct Pending {
    pub row: Row,
    pub id: u64,
    pub sheet: Hashes,
    exported: Hashes,
    sent: Option<Sent>,
}

impl Pending {
    /// What the row was when it last said what the account said, where that is known.
    fn unedited(&self) -> Option<u64> {
        self.sent.map_or(Some(self.exported.writable), |sent| sent.sheet)
    }

    /// What the account shows while nobody else has changed the record.
    fn untouched(&self) -> u64 {
        self.sent.and_then(|sent| sent.account).unwrap_or(self.exported.writable)
    }
}

pub(super) struct Walk<'a> {
    pub asked: &'a Deciding<'a>,
    mapper: Mapper,
    names: Names,
    /// Where each of the export's columns stands in the sheet by now.
    pub places: Vec<Option<usize>>,
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
        let id = self.id_place.and_then(|place| row.get(place).text.trim().parse().ok());
        if let Some((index, _)) =
            id.and_then(|id| self.asked.hidden.find(id)).filter(|(index, _)| self.seen[*index] == 0)
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
        let one = self.pending(row, id, exported);
        if one.sheet.others != exported.others || one.unedited() != Some(one.sheet.writable) {
            self.pending.push(one);
        }
    }

    pub fn pending(&self, row: &Row, id: u64, exported: Hashes) -> Pending {
        let sheet = self.hashes(row);
        Pending { row: row.clone(), id, sheet, exported, sent: self.asked.sent.get(&id).copied() }
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
        let found = self.found(&pending).await?;
        for one in &pending {
            match found.get(&one.id) {
                Some(item) => self.compare(one, item),
                None if one.unedited() != Some(one.sheet.writable) => {
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
    pub async fn found(&self, pending: &[Pending]) -> Result<HashMap<u64, Lean>, Trouble> {
        let ids: Vec<u64> = pending.iter().map(|one| one.id).collect();
        let catalog = self.asked.plan.catalog;
        let found = self.asked.client.by_ids(self.asked.entity, catalog, &ids).await.map_err(Trouble::Service)?;
        Ok(found.into_iter().filter_map(|item| Some((parts::id(&item["id"])?, item.into()))).collect())
    }

    /// A record as the export would show it, and its hashes.
    pub fn shown(&self, item: &Lean) -> (Row, Hashes) {
        let mut shown = Row::default();
        let whole = Whole { item: item.clone(), linked: Vec::new() };
        as_read(self.asked.columns.cells(&whole, &self.names), &mut shown);
        let columns = &self.asked.hidden.columns;
        let now = hashes(columns, (0..columns.len()).map(|index| Some(shown.get(index))));
        (shown, now)
    }

    /// False where all that differs from the account was changed there. A column that was taken out of the sheet says
    /// nothing, so the account's cell stands in for it.
    fn edited(&self, one: &Pending, shown: &Row) -> bool {
        if one.unedited() == Some(one.sheet.writable) {
            return false;
        }
        let cells = self.places.iter().enumerate();
        let whole = cells.map(|(index, place)| Some(place.map_or_else(|| shown.get(index), |at| one.row.get(at))));
        one.sent.is_some() || hashes(&self.asked.hidden.columns, whole).writable != one.exported.writable
    }

    fn compare(&mut self, one: &Pending, item: &Lean) {
        let (shown, now) = self.shown(item);
        let edited = self.edited(one, &shown);
        let columns = &self.asked.hidden.columns;
        let account = self.in_place(&shown, one.row.number);
        if one.sheet.others != one.exported.others && now.others != one.exported.others {
            // The account's have changed too, so it cannot be said which.
            self.decided.read_only.0 += 1;
            if self.decided.read_only.1.len() < NAMED_MAX {
                self.decided.read_only.1.push(format!("row {}", one.row.number));
            }
        }
        let mut differing = Vec::new();
        for (n, column) in columns.iter().enumerate() {
            let Some(place) = self.places[n] else { continue };
            if !column.is_compared() || canonical(one.row.get(place)) == canonical(account.get(place)) {
                continue;
            }
            if !column.writable || !self.fills(place) {
                if one.sheet.others != one.exported.others && now.others == one.exported.others
                    || column.writable && edited
                {
                    self.read_only(one.row.number, place);
                }
                continue;
            }
            if edited && !self.same(&one.row, &account, place) {
                differing.push(place);
            }
        }
        if differing.is_empty() {
            return;
        }
        if self.asked.force || now.writable == one.untouched() {
            self.decided.changed += 1;
            self.decided.ids.push(one.id);
            let columns = self.together(differing, &one.row);
            self.decided.edits.insert(one.row.number, Edit::Change(columns));
            return;
        }
        self.decided.conflicts += 1;
        let refusals = differing.into_iter().map(|place| conflict(place, &one.row, &account)).collect();
        self.decided.edits.insert(one.row.number, Edit::Refused(refusals));
    }

    /// True where two rows mean the same in this column.
    pub fn same(&mut self, a: &Row, b: &Row, place: usize) -> bool {
        let (a, b) = (self.mapper.item(a, &[place]), self.mapper.item(b, &[place]));
        a.is_some() && a == b
    }

    /// True where the mapping sends this column.
    pub fn fills(&self, place: usize) -> bool {
        self.asked.plan.fills(place)
    }

    /// The account's cells as a row of the sheet.
    pub fn in_place(&self, shown: &Row, number: u32) -> Row {
        let mut row = Row::default();
        row.clear(number);
        for at in 0..self.width {
            match self.places.iter().position(|place| *place == Some(at)) {
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

    /// With what they mean nothing without; an empty cell means nothing here.
    fn together(&self, mut places: Vec<usize>, row: &Row) -> Vec<usize> {
        let path_of = |place: usize| {
            let index = self.places.iter().position(|known| *known == Some(place))?;
            match &self.asked.hidden.columns[index].is {
                Is::Own(path) => Some(path.as_str()),
                Is::Field { .. } | Is::Address | Is::Other => None,
            }
        };
        let said: Vec<&str> = places.iter().filter_map(|place| path_of(*place)).collect();
        let with: Vec<&str> = TOGETHER.iter().filter(|(one, _)| said.contains(one)).map(|(_, other)| *other).collect();
        for place in 0..self.width {
            let wanted = path_of(place).is_some_and(|path| with.contains(&path));
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

fn conflict(place: usize, sheet: &Row, account: &Row) -> Refusal {
    let (here, there) = (sheet.get(place).text, account.get(place).text);
    let told = |text: &str| if text.trim().is_empty() { Arg::from("nothing") } else { quoted(text) };
    let message = message!(
        "the record was changed in the account meanwhile: {here} here, {there} there",
        here = told(here),
        there = told(there)
    );
    refusal("changed-meanwhile", Some(place), Some(here), message, "export again, or add --force to let the sheet win")
}
