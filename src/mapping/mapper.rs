//! One row at a time: cells in, a record's JSON or its problems out. All problems of a row are told, not only the
//! first. The same code serves the import, the dry run and `check`, so a preview cannot differ from what is sent.

use super::edits::Edit;
use super::names::{KeyQuery, Keyed, Names, from_ledger};
use super::plan::Plan;
use super::row::RowContext;
use super::suspect::Suspicion;
use super::tally::{Tally, WHERE_EMPTY};
use amo_model::compare::Marker;
use amo_model::payload::{FieldValue, ObjectWriter, REQUEST_ID};
use amo_model::{Action, Entity, ID_KEY, TEXT_MAX};
use amo_model::{INVOICES, PRODUCTS};
use rust_decimal::Decimal;
use sheet_source::message;
use sheet_source::problem::{Message, Note, Problem, quoted};
use sheet_source::{ROW_CUT, Row, RowKind, Scalar};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// What a row came to.
#[derive(Debug)]
pub enum Mapped {
    Record(Record),
    /// The mapping's `where` leaves it out; or, with a reason, it is no record by itself: the titles once more, a total.
    Skipped(Option<Problem>),
    /// A row of changes that says nothing but which record it means.
    Unchanged {
        key: Option<String>,
        id: u64,
    },
    /// Another run of the same source deals with it.
    Elsewhere,
    Rejected {
        key: Option<String>,
        problems: Vec<Problem>,
    },
}

/// One item of a request.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Its first row.
    pub row: u32,
    pub key: Option<String>,
    /// The id in the CRM, for records that are changed or deleted and not made.
    pub id: Option<u64>,
    /// What it belongs to and goes out with: the customer of a purchase.
    pub parent: Option<u64>,
    /// The item's JSON, `request_id` included.
    pub body: Vec<u8>,
    /// What it is linked to after it is made or changed.
    pub links: Vec<Link>,
    /// What the lines of an invoice come to, for holding it against what comes back.
    pub total: Option<Decimal>,
    /// Values of lists that the account has and that go with this change, though nobody has said that this is meant.
    pub lost: u32,
    /// The account has linked it to another company, which stays beside that of the row.
    pub beside: bool,
}

/// A link of a record, for the link endpoint. [doc]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub to: Entity,
    pub id: u64,
    /// Of an element: where it stands, and how many.
    pub catalog: Option<u64>,
    pub quantity: Option<Decimal>,
    /// Of a contact: whether it is the main one.
    pub main: Option<bool>,
}

/// A record's name in its run: `r17`.
pub fn request_id(row: u32) -> String {
    format!("r{row}")
}

/// The row of a request id that came back.
pub fn row_of(request_id: &str) -> Option<u32> {
    request_id.strip_prefix('r')?.parse().ok()
}

/// Whether a row is one of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Taken,
    /// The mapping's `where` leaves it out, or the source says itself that it is none.
    LeftOut,
    /// It looks like none, or like a piece of one.
    Refused(Option<Suspicion>),
}

/// Why a record may not have all its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// The row of this number stands below it and does not say where it belongs.
    Unsaid(u32),
    /// The row of this number belongs to it, and is rejected.
    Refused(u32),
}

/// The code of a key that may be one which is known in another form.
pub(super) const KEY_FORMAT: &str = "key-format";

/// Between the parts of a key of several columns.
pub(super) const KEY_JOIN: &str = " / ";

pub struct Mapper {
    plan: Arc<Plan>,
    run: String,
    objects: Vec<ObjectWriter>,
    /// The values of sections that fill a custom field, one behind the other.
    lists: Vec<Vec<u8>>,
    names: Names,
    /// Hashes of the keys met, and the row of each. A hash of 64 bits keeps a million keys in 36 MB; that two keys
    /// of a million share one has odds of 1 to 30 million, and then a row is reported, not lost.
    keys: HashMap<u64, u32>,
    /// Records made so far, where the account has room for a few only.
    made: usize,
    /// Types of lists that are taken, as of now.
    types: Vec<String>,
    /// The record at hand is in the account already, and needs no room in it.
    is_there: bool,
    tally: Tally,
}

impl Mapper {
    /// `run` is the run's name, for markers of records without a key.
    pub fn new(plan: Arc<Plan>, run: &str) -> Mapper {
        let objects = plan.sections.iter().map(|_| ObjectWriter::default()).collect();
        let lists = plan.sections.iter().map(|_| Vec::new()).collect();
        let names = Names::new(plan.lookups);
        let types = plan.room.iter().flat_map(|room| room.types.clone()).collect();
        Mapper {
            plan,
            run: run.to_owned(),
            objects,
            lists,
            names,
            keys: HashMap::new(),
            made: 0,
            types,
            is_there: false,
            tally: Tally::default(),
        }
    }

    /// What the mapping has done to many rows without refusing any.
    pub fn notes(&self) -> Vec<Note> {
        let of_keys = self.plan.book.ledger.notes();
        self.plan.notes.iter().cloned().chain(self.tally.notes(&self.plan)).chain(of_keys).collect()
    }

    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Whether a row is one of a record.
    pub fn verdict(&self, row: &Row) -> Verdict {
        match row.seen {
            RowKind::Hidden if self.plan.skips_hidden => Verdict::LeftOut,
            RowKind::Header | RowKind::Totals => Verdict::LeftOut,
            RowKind::Cut | RowKind::Rest => Verdict::Refused(None),
            RowKind::Plain | RowKind::Hidden if !self.is_wanted(row) => Verdict::LeftOut,
            RowKind::Plain | RowKind::Hidden => match self.suspicion(row) {
                Some(why) => Verdict::Refused(Some(why)),
                None => Verdict::Taken,
            },
        }
    }

    /// False where the mapping's `where` leaves the row out. A condition that fails, or reads what nobody knows, leaves no row
    /// out.
    fn is_wanted(&self, row: &Row) -> bool {
        self.plan.condition.as_ref().is_none_or(|condition| {
            condition.reads().any(|column| row.get(column).value == Scalar::Uncomputed)
                || condition.render(row).map_or(true, |made| !made.text.is_empty())
        })
    }

    /// A row that is none of a record; `why` it looks like that, where it only does.
    pub fn apart(&mut self, row: &Row, why: Option<Suspicion>) -> Mapped {
        let plan = Arc::clone(&self.plan);
        let at = RowContext::new(&plan, row);
        let mut skipped = |code: &'static str, message: &'static str| {
            self.tally.skip(code, row.number);
            Mapped::Skipped(Some(at.problem(None, code, message)))
        };
        match row.seen {
            RowKind::Hidden if self.plan.skips_hidden => {
                return skipped("hidden-row", "the sheet does not show the row");
            }
            RowKind::Header => return skipped("repeated-header", "the row holds the titles of the columns once more"),
            RowKind::Totals => return skipped("totals-row", "the workbook calls this a row of totals"),
            RowKind::Cut | RowKind::Rest => {
                let message = match row.seen {
                    RowKind::Cut => "the row below looks like the rest of this one, which a line break has cut",
                    _ => "this looks like the rest of the row above, which a line break has cut",
                };
                let hint = "put the cell with the line break between quotes, or fill the missing cells of both rows";
                let problem = at.problem(None, ROW_CUT, message).hint(hint);
                return Mapped::Rejected { key: at.key(), problems: vec![problem] };
            }
            RowKind::Plain | RowKind::Hidden => {}
        }
        match why {
            Some(why) => Mapped::Rejected { key: at.key(), problems: vec![why.problem(&at)] },
            None => {
                if plan.condition.as_ref().is_some_and(|condition| condition.render(row).is_ok_and(|made| made.empty)) {
                    self.tally.skip(WHERE_EMPTY, row.number);
                }
                Mapped::Skipped(None)
            }
        }
    }

    /// Why the row looks like no record. Rows of an exported workbook say themselves what they are.
    fn suspicion(&self, row: &Row) -> Option<Suspicion> {
        if self.plan.edits.get().is_some() { None } else { self.plan.suspects.why(row, self.plan.header.code_of(row)) }
    }

    /// Whether what comes next is in the account already.
    pub fn is_there(&mut self, is_there: bool) {
        self.is_there = is_there;
    }

    /// A record of one row.
    pub fn apply(&mut self, row: &Row) -> Mapped {
        let plan = Arc::clone(&self.plan);
        let edit = plan.edits.get().map(|edits| edits.of(row.number));
        if edit == Some(&Edit::Elsewhere) {
            return Mapped::Elsewhere;
        }
        match self.verdict(row) {
            Verdict::Taken => {}
            Verdict::LeftOut => return self.apart(row, None),
            Verdict::Refused(why) => return self.apart(row, why),
        }
        match edit {
            Some(Edit::Total) => {
                self.tally.skip("totals-row", row.number);
                let problem = RowContext::new(&plan, row).problem(
                    None,
                    "totals-row",
                    "the row has no ID and holds nothing but formulas",
                );
                Mapped::Skipped(Some(problem))
            }
            None | Some(Edit::Plain | Edit::Elsewhere) => self.record(row, &[]),
            Some(Edit::Same) => match plan.id_column().and_then(|column| row.get(column).text.trim().parse().ok()) {
                Some(id) => Mapped::Unchanged { key: None, id },
                // Nothing was decided of such a row, so it is told as any other.
                None => self.record(row, &[]),
            },
            Some(Edit::Change(columns)) => self.record_of(row, &[], Asked { columns: Some(columns), key: None }),
            Some(Edit::New(key)) => self.record_of(row, &[], Asked { columns: None, key: Some(key) }),
            Some(Edit::Made { key, id }) => Mapped::Unchanged { key: Some(key.clone()), id: *id },
            Some(Edit::Refused(refusals)) => {
                let key = RowContext::new(&plan, row).key();
                let problems = refusals.iter().map(|refusal| refusal.problem(&plan, row.number)).collect();
                Mapped::Rejected { key, problems }
            }
        }
    }

    /// What these columns of a row come to, for holding it against another row; `None` where that cannot be said.
    pub fn item(&mut self, row: &Row, columns: &[usize]) -> Option<Vec<u8>> {
        let plan = Arc::clone(&self.plan);
        let mut at = RowContext::new(&plan, row);
        at.columns = Some(columns);
        self.sections(&mut at, row, &[]);
        if !at.problems.is_empty() {
            return None;
        }
        Some(self.body(&plan, &at, 0, None))
    }

    /// Takes note of a row that was mapped and sent by an earlier stretch of the run, without mapping it again, which would
    /// be most of the time of resuming; false where more than its key may matter for others.
    pub fn passes(&mut self, row: &Row) -> bool {
        let plan = Arc::clone(&self.plan);
        let alone = plan.action == Action::Create && plan.room.is_none() && plan.groups.is_none();
        if !alone || plan.edits.get().is_some() {
            return false;
        }
        if let Some(key) = RowContext::new(&plan, row).key() {
            self.met(("key", &key), row.number);
        }
        true
    }

    /// A row of which nothing says what record it belongs to.
    pub fn groupless(&self, row: &Row) -> Mapped {
        let mut at = RowContext::new(&self.plan, row);
        let columns = self.plan.groups.as_ref().map(|groups| groups.columns.clone()).unwrap_or_default();
        at.sound(&columns);
        if at.problems.is_empty() {
            let message = "the cell that says which record the row belongs to is empty";
            at.problems.push(at.problem(columns.first().copied(), "no-group", message).hint(self.fill_down()));
        }
        Mapped::Rejected { key: at.key(), problems: at.problems }
    }

    /// What can be done about a row without the cell that says which record it belongs to.
    fn fill_down(&self) -> Message {
        let column = self.plan.groups.as_ref().and_then(|groups| groups.columns.first().copied());
        let title = column.map(|column| self.plan.header.column(column).title).unwrap_or_else(|| "".into());
        message!(
            "fill the cell; or, where an empty cell means the one above it, say fill-down = \"{column}\" under [source]; or leave the row out with \"where\"",
            column = title.to_string()
        )
    }

    /// A record that lacks a row, or may: none goes out with a part of its rows.
    pub fn incomplete(&self, row: &Row, lack: Lack) -> Mapped {
        let at = RowContext::new(&self.plan, row);
        let problem = match lack {
            Lack::Unsaid(below) => {
                let message = message!(
                    "row {below} does not say which record it belongs to, and may be a part of this one",
                    below
                );
                at.problem(None, "group-incomplete", message).hint(self.fill_down())
            }
            Lack::Refused(other) => {
                let message = message!("row {other} of this record is rejected", other);
                at.problem(None, "group-incomplete", message).hint("correct that row, or take it out")
            }
        };
        Mapped::Rejected { key: at.key(), problems: vec![problem] }
    }

    /// A record of a row, and of others that belong to it.
    pub fn record(&mut self, row: &Row, more: &[Row]) -> Mapped {
        self.record_of(row, more, Asked { columns: None, key: None })
    }

    fn record_of(&mut self, row: &Row, more: &[Row], asked: Asked<'_>) -> Mapped {
        let plan = Arc::clone(&self.plan);
        let mut at = RowContext::new(&plan, row);
        at.columns = asked.columns;
        for row in std::iter::once(row).chain(more) {
            at.row = row;
            at.condition();
            at.beyond_header();
        }
        at.row = row;
        at.sound(&plan.key);
        let key = asked.key.map(str::to_owned).or_else(|| at.key());
        let key = if plan.key.is_empty() { key } else { self.known_key(key, &mut at) };
        self.sections(&mut at, row, more);
        at.row = row;
        if plan.id_by_key && !at.problems.iter().any(|problem| problem.code == KEY_FORMAT) {
            self.id_by_key(key.as_deref(), &mut at);
        }
        let empty = self.objects.iter().all(ObjectWriter::is_empty) && self.lists.iter().all(Vec::is_empty);
        if empty && plan.action != Action::Delete && at.problems.is_empty() {
            let problem = at.problem(None, "nothing-to-send", "the row holds none of the values the mapping sends");
            at.problems.push(problem.hint("fill the row, or leave it out with \"where\" under [source]"));
        }
        if at.problems.is_empty() {
            self.check_key(key.as_deref(), &mut at);
        }
        if at.problems.is_empty() {
            self.check_room(key.as_deref(), &mut at);
        }
        if !at.problems.is_empty() {
            return Mapped::Rejected { key, problems: at.problems };
        }
        if let Some(id) = at.own_id.filter(|id| self.changes_nothing(&at, *id)) {
            return Mapped::Unchanged { key, id };
        }
        self.tally.record(&plan, &at);
        let body = self.body(&plan, &at, row.number, key.as_deref());
        let (id, parent, links, total) = (at.own_id, at.parent, at.links, at.total.known());
        Mapped::Record(Record { row: row.number, key, id, parent, body, links, total, lost: 0, beside: false })
    }

    fn sections<'r>(&mut self, at: &mut RowContext<'r>, first: &'r Row, more: &'r [Row]) {
        let plan = at.plan;
        let mut bare = Vec::new();
        for (n, section) in plan.sections.iter().enumerate() {
            at.bare = false;
            let (object, list) = (&mut self.objects[n], &mut self.lists[n]);
            list.clear();
            object.clear();
            let others: &[Row] = if section.spec.repeats { more } else { &[] };
            for row in std::iter::once(first).chain(others) {
                object.clear();
                at.row = row;
                at.section(section, object, &mut self.names);
                if section.field.is_some() && !object.is_empty() {
                    object.value_object(list);
                }
            }
            if at.bare {
                bare.push(n);
            }
            if !section.spec.repeats {
                at.agreement(section, first, more, &mut self.names);
            }
        }
        at.row = first;
        for n in bare {
            if self.parts_of(plan, n) == 0 {
                self.objects[n].clear();
            }
        }
        self.count_fields(at);
    }

    /// How many values in parts a section's object will get.
    fn parts_of(&self, plan: &Plan, holder: usize) -> usize {
        if self.lists.iter().all(Vec::is_empty) {
            return 0;
        }
        let parts = plan.sections.iter().zip(&self.lists);
        parts.filter(|(part, list)| part.holder == holder && !list.is_empty()).count()
    }

    /// Values in parts and the marker count, too.
    fn count_fields(&self, at: &mut RowContext<'_>) {
        for (n, section) in at.plan.sections.iter().enumerate() {
            let Some(max) = section.spec.custom_fields_max else { continue };
            let marker = usize::from(at.plan.marker.is_some() && section.spec.is_item());
            let count = self.objects[n].fields_count() + self.parts_of(at.plan, n) + marker;
            if count > max {
                let message = message!(
                    "{count} custom fields in [{section}], the service takes {max}",
                    count,
                    section = section.spec.name,
                    max
                );
                let problem = at.problem(None, "too-many-fields", message);
                at.problems.push(problem.hint("empty some of the cells, and fill these fields by an update"));
            }
        }
    }

    /// Sent, it would be counted as changed, by us and by the service.
    fn changes_nothing(&self, at: &RowContext<'_>, id: u64) -> bool {
        let Some((item, others)) = self.objects.split_first() else { return false };
        let nothing = others.iter().all(ObjectWriter::is_empty) && self.lists.iter().all(Vec::is_empty);
        at.plan.action == Action::Update
            && nothing
            && item.holds_nothing_but(ID_KEY, id)
            && at.links.is_empty()
            && at.elements.is_empty()
    }

    /// The record to change, found by the key under which an earlier import made it.
    fn id_by_key(&mut self, key: Option<&str>, at: &mut RowContext<'_>) {
        let plan = at.plan;
        let column = plan.key.first().copied();
        let Some(key) = key else {
            let problem = at.problem(column, "no-key", "the row does not say which record is meant");
            at.problems.push(problem.hint("fill the column of the key"));
            return;
        };
        let (entity, catalog) = (plan.kind.spec().entity, plan.catalog);
        let titles: Vec<String> = plan.key_titles().collect();
        match from_ledger(&plan.book.ledger, KeyQuery { entity, catalog, key, titles: Some(&titles), made: false }) {
            Ok(id) => {
                at.own_id = Some(id);
                if !plan.write.names_record()
                    && let Some(item) = self.objects.first_mut()
                {
                    item.id(ID_KEY, id);
                }
            }
            Err((_, unfit)) => {
                let mut problem = at.problem(column, unfit.code, unfit.message).value(key);
                problem.hint = unfit.hint;
                at.problems.push(problem);
            }
        }
    }

    /// An earlier version kept the keys of number cells without what their format shows: `000123` may be known as `123`.
    fn known_key(&self, key: Option<String>, at: &mut RowContext<'_>) -> Option<String> {
        let (Some(shown), Some(bare)) = (&key, at.bare_key()) else { return key };
        let (entity, catalog) = (at.plan.kind.spec().entity, at.plan.catalog);
        let titles: Vec<String> = at.plan.key_titles().collect();
        let made = at.plan.action == Action::Create;
        let find = |key: &str| {
            let asked = KeyQuery { entity, catalog, key, titles: Some(&titles), made };
            at.plan.book.ledger.find(asked).ok().flatten()
        };
        if *shown == bare || find(shown).is_some() {
            return key;
        }
        let Some(Keyed::Id(id) | Keyed::Unsure { id, .. }) = find(&bare) else { return key };
        if at.plan.book.ledger.takes_keys_for_the_same() {
            return Some(bare);
        }
        let message = message!(
            "{bare} was imported before and is {id}; nothing says whether {key} is the same",
            bare = quoted(&bare),
            id,
            key = quoted(shown)
        );
        let column = at.plan.key.first().copied();
        let problem = at.problem(column, KEY_FORMAT, message).value(shown);
        at.problems.push(problem.hint("add --same-keys if it is the same"));
        key
    }

    /// What the account has no more room for would be refused, or worse, take the place of something else. [seed]
    fn check_room(&mut self, key: Option<&str>, at: &mut RowContext<'_>) {
        let plan = at.plan;
        let Some(room) = &plan.room else { return };
        // It is there, and counted, and will not be made again.
        if self.is_there {
            return;
        }
        if let Some(key) = key {
            let titles: Vec<String> = plan.key_titles().collect();
            let (entity, catalog) = (plan.kind.spec().entity, plan.catalog);
            let asked = KeyQuery { entity, catalog, key, titles: Some(&titles), made: true };
            // Who cannot look counts it, and rejects a row rather than sending one too many.
            if plan.book.ledger.find(asked).is_ok_and(|found| found.is_some()) {
                return;
            }
        }
        if room.taken + self.made >= room.max {
            let (max, things, taken) = (room.max, room.what, room.taken);
            let message = message!(
                "the account takes {max} {things}, has {taken}, and {made} are made before this row",
                max,
                things,
                taken,
                made = self.made
            );
            let problem = at.problem(None, "limit", message);
            at.problems.push(problem.hint(message!("delete some {things} in the CRM, or import fewer", things)));
            return;
        }
        let single = at.catalog_type.take().filter(|kind| kind == PRODUCTS || kind == INVOICES);
        if let Some(kind) = single {
            if self.types.contains(&kind) {
                let message =
                    message!("an account has one list of type {kind}, and this would be a second", kind = &kind);
                let problem = at.problem(None, "limit", message).value(kind);
                at.problems.push(problem.hint("use the one there is, or make a list of type regular"));
                return;
            }
            self.types.push(kind);
        }
        self.made += 1;
    }

    /// Two records of one source with the same key: the later one is rejected, naming the earlier. So are two changes of
    /// one record: batches overtake each other, and the older values could win.
    fn check_key(&mut self, key: Option<&str>, at: &mut RowContext<'_>) {
        if let Some(key) = key {
            if at.plan.marker.is_some() && key.chars().count() > TEXT_MAX {
                let message = message!(
                    "{value} is too long for the marker, which takes {max} characters",
                    value = quoted(key),
                    max = TEXT_MAX
                );
                let problem = at.problem(at.plan.key.first().copied(), "too-long", message).value(key);
                at.problems.push(problem.hint("shorten the key, or leave \"marker\" out"));
            }
            if let Some(earlier) = self.met(("key", key), at.row.number) {
                let message = message!("{value} is already the key of row {earlier}", value = quoted(key), earlier);
                let problem = at.problem(at.plan.key.first().copied(), "key-twice", message).value(key);
                at.problems.push(problem.hint("keep one of the rows, or correct the key"));
            }
        }
        if let Some(id) = at.own_id
            && let Some(earlier) = self.met(("id", &id.to_string()), at.row.number)
        {
            let message = message!("{id} is changed by row {earlier} already", id, earlier);
            let problem = at.problem(None, "id-twice", message).value(id.to_string());
            at.problems.push(problem.hint("keep one of the rows, with all the changes"));
        }
    }

    /// The row that had the same name before; else this one has it from now on.
    fn met(&mut self, name: (&str, &str), row: u32) -> Option<u32> {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        match self.keys.entry(hasher.finish()) {
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(row);
                None
            }
            std::collections::hash_map::Entry::Occupied(earlier) => Some(*earlier.get()),
        }
    }

    fn body(&mut self, plan: &Plan, at: &RowContext<'_>, row: u32, key: Option<&str>) -> Vec<u8> {
        for (section, list) in plan.sections.iter().zip(&self.lists) {
            if let (Some(field), false) = (&section.field, list.is_empty()) {
                self.objects[section.holder].field_objects(field.id, list);
            }
        }
        let Some((item, embedded)) = self.objects.split_first_mut() else { return Vec::new() };
        for (section, object) in plan.sections[1..].iter().zip(embedded) {
            item.embed(section.spec.at, object);
        }
        if !at.elements.is_empty() {
            item.elements(at.elements.iter().copied());
        }
        if let (Some(field), Some(total)) = (plan.total_field, at.total.known()) {
            item.field(field, [FieldValue::Number(total)]);
        }
        if let Some(mark) = plan.marker {
            let marker = key.map_or_else(|| format!("{}/{}", self.run, request_id(row)), str::to_owned);
            match mark {
                Marker::Field(field) => item.field(field, [FieldValue::Text(&marker)]),
                Marker::Key(key) => item.text(key, &marker),
            }
        }
        if plan.write.echo {
            item.text(REQUEST_ID, &request_id(row));
        }
        let mut body = Vec::new();
        item.finish(&mut body);
        body
    }
}

/// What is asked of a row beside its cells.
struct Asked<'a> {
    /// These columns and no others.
    columns: Option<&'a [usize]>,
    /// This key and not that of its cells.
    key: Option<&'a str>,
}
