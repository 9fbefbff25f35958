//! From what the service said of a batch to the outcomes of its records. Pure.

use super::feed::{QueuedRecord, rejected};
use super::links;
use super::reconcile::{self, Finding, InDoubt, PriorKnowledge};
use super::verify::{DOUBLED, DOUBLED_HINT};
use crate::mapping::{Plan, request_id, trace};
use crate::store::{Outcome, Status};
use amo_model::answer::{self, ItemError, ItemErrors, WrittenItem};
use amo_model::{Action, BodyShape, ID_KEY};
use serde_json::Value;
use sheet_source::Row;
use sheet_source::message;
use sheet_source::problem::{Message, Place, Problem, Stage, quoted};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What is the same for all records of an answered batch.
#[derive(Debug, Clone, Copy)]
pub struct Answered {
    pub http_status: Option<u16>,
    pub attempts: u32,
}

/// What an answer says of the records of its batch.
#[derive(Debug, Default)]
pub struct Told {
    pub done: Vec<(QueuedRecord, Outcome)>,
    /// Records that it does not mention: they are in doubt.
    pub silent: Vec<QueuedRecord>,
    /// Ids that it gives without saying for which record.
    pub unnamed: Vec<u64>,
}

/// Takes the items of an answer for the records that they name: by request_id, what is changed by its id as well. Items that
/// name nobody are held against the records by what they show: neither their order says anything, nor that there is but one.
/// `watermark` is the highest id known before the records were sent.
pub fn done(
    plan: &Plan,
    (records, watermark): (Vec<QueuedRecord>, u64),
    items: &[WrittenItem],
    answered: Answered,
) -> Told {
    let mut told = Told::default();
    if plan.write.shape == BodyShape::Nothing {
        told.done.extend(records.into_iter().map(|loaded| {
            let outcome = deleted(&loaded, answered);
            (loaded, outcome)
        }));
        return told;
    }
    let by_request = by_request_id(items);
    let by_id: HashMap<u64, &WrittenItem> = items.iter().map(|item| (item.id, item)).collect();
    let mut open = Vec::new();
    for loaded in records {
        let own = by_request.get(request_id(loaded.record.row).as_str()).map_or(&[][..], Vec::as_slice);
        // What is changed is the one of its id, whatever the answer says.
        let item = match loaded.record.id {
            Some(id) => by_id.get(&id).copied(),
            None => own.first().copied(),
        };
        match item {
            Some(item) => {
                let mut outcome = found(plan, &loaded, item, answered);
                outcome.problems.extend(second_id(plan, &loaded, own));
                told.done.push((loaded, outcome));
            }
            None => open.push(loaded),
        }
    }
    let unnamed: Vec<&WrittenItem> = items
        .iter()
        .filter(|item| item.shown.is_some() && item.id > watermark && plan.action == Action::Create)
        .collect();
    for (loaded, item) in shown(plan, open, &unnamed) {
        match item {
            Some(item) => {
                let outcome = found(plan, &loaded, item, answered);
                told.done.push((loaded, outcome));
            }
            None => told.silent.push(loaded),
        }
    }
    let taken: HashSet<u64> = told.done.iter().filter_map(|(_, outcome)| outcome.id).collect();
    told.unnamed = unnamed.iter().map(|item| item.id).filter(|id| !taken.contains(id)).collect();
    told
}

/// Records, each with the item that shows it.
fn shown<'i>(
    plan: &Plan,
    records: Vec<QueuedRecord>,
    items: &[&'i WrittenItem],
) -> Vec<(QueuedRecord, Option<&'i WrittenItem>)> {
    let held: Vec<Value> = items
        .iter()
        .map(|item| {
            match (item.shown.as_deref().cloned().unwrap_or_default(), records.first().and_then(|l| l.record.parent)) {
                (shown, Some(parent)) => reconcile::owned(shown, parent),
                (shown, None) => shown,
            }
        })
        .collect();
    let (ids, named) = (HashSet::new(), items.iter().map(|item| item.id).collect());
    let in_doubt: Vec<InDoubt<'_>> = records.iter().map(InDoubt::fresh).collect();
    let known = PriorKnowledge {
        marker: plan.marker,
        user: plan.account.basics.current_user,
        named: &named,
        ..PriorKnowledge::nothing(&ids)
    };
    let found = reconcile::match_records(&in_doubt, &held.iter().collect::<Vec<_>>(), known);
    let item = |found| match found {
        Finding::There { id, .. } => items.iter().find(|item| item.id == id).copied(),
        Finding::Missing | Finding::Unclear(_) => None,
    };
    records.into_iter().zip(found.into_iter().map(item)).collect()
}

fn by_request_id(items: &[WrittenItem]) -> HashMap<&str, Vec<&WrittenItem>> {
    let mut by_request: HashMap<&str, Vec<&WrittenItem>> = HashMap::new();
    for item in items {
        for id in &item.request_ids {
            by_request.entry(id.as_str()).or_default().push(item);
        }
    }
    by_request
}

/// An answer that names two ids for one record: it was made twice.
fn second_id(plan: &Plan, loaded: &QueuedRecord, own: &[&WrittenItem]) -> Option<Problem> {
    let first = own.first()?;
    let other = own.iter().find(|other| other.id != first.id)?;
    let message = message!("the answer gives it two ids, {id} and {other}", id = first.id, other = other.id);
    Some(at(plan, loaded, None, Stage::Reconcile, DOUBLED, message).hint(DOUBLED_HINT))
}

/// A record's end, with what every end of it has.
pub fn outcome(loaded: &QueuedRecord, status: Status) -> Outcome {
    Outcome {
        key: loaded.record.key.clone(),
        more: loaded.more.iter().map(|row| row.number).collect(),
        ..Outcome::new(loaded.record.row, status)
    }
}

/// The outcome of a record whose turn did not come.
pub fn unprocessed(loaded: &QueuedRecord) -> Outcome {
    outcome(loaded, Status::Unprocessed)
}

/// The outcome of a record that the account shows as it is wanted, and to which nothing was sent for that.
pub fn as_wanted(loaded: &QueuedRecord, status: Status) -> Outcome {
    Outcome { id: loaded.record.id, ..outcome(loaded, status) }
}

pub fn deleted(loaded: &QueuedRecord, answered: Answered) -> Outcome {
    with_answer(Outcome { id: loaded.record.id, ..outcome(loaded, Status::Deleted) }, answered)
}

/// A record whose item came back, in the answer or in a look at the account.
pub fn found(plan: &Plan, loaded: &QueuedRecord, item: &WrittenItem, answered: Answered) -> Outcome {
    // Several request ids on one item: the later inputs were merged into the first. [seed]
    let first = item.request_ids.len() < 2 || item.request_ids[0] == request_id(loaded.record.row);
    let status = match plan.action {
        Action::Update | Action::Delete => Status::Updated,
        Action::Create if item.merged || !first => Status::Merged,
        Action::Create => Status::Created,
    };
    let made = Outcome {
        id: Some(item.id),
        contact_id: item.contact_id,
        company_id: item.company_id,
        url: item.url.clone(),
        problems: counted_anew(plan, loaded, item),
        links: links::kept(plan, loaded),
        ..outcome(loaded, status)
    };
    with_answer(made, answered)
}

/// The service counts invoices itself; that it came to something else is worth a look, and no rejection.
fn counted_anew(plan: &Plan, loaded: &QueuedRecord, item: &WrittenItem) -> Vec<Problem> {
    let note = |code, message: Message| {
        at(plan, loaded, None, Stage::Reconcile, code, message).hint("look at the invoice and its lines")
    };
    let warned = item
        .warning
        .as_ref()
        .map(|warning| note("recalculated", message!("the service says: {warning}", warning = warning.to_string())));
    let differs = match (loaded.record.total, item.total) {
        (Some(sent), Some(held)) if sent != held => {
            let message = message!(
                "the lines come to {sent}, and to {held} as the service counts",
                sent = sent.to_string(),
                held = held.to_string()
            );
            Some(note("total-differs", message))
        }
        _ => None,
    };
    warned.into_iter().chain(differs).collect()
}

/// A record that was sent and of which nobody here knows the end.
pub fn unknown(plan: &Plan, loaded: &QueuedRecord, why: &str, answered: Answered) -> Outcome {
    unclear(plan, loaded, (why, &[]), answered)
}

/// The same where the account shows what may be the record: `ids` are some of that.
pub fn unclear(plan: &Plan, loaded: &QueuedRecord, (why, ids): (&str, &[u64]), answered: Answered) -> Outcome {
    let message = message!("it is not known whether the record reached the account: {why}", why);
    let hint = match ids {
        [] => "look for it in the account before importing it again".into(),
        [id] => message!("look at {id}, which may be it, before importing it again", id = *id),
        [id, other, ..] => {
            message!(
                "look at {id} and {other}, one of which may be it, before importing it again",
                id = *id,
                other = *other
            )
        }
    };
    let problem = at(plan, loaded, None, Stage::Reconcile, "unknown", message).hint(hint);
    with_answer(Outcome { problems: vec![problem], ..outcome(loaded, Status::Unknown) }, answered)
}

/// People have deleted what was made of the record before anybody could look, and it is made again.
pub fn made_anew(plan: &Plan, loaded: &QueuedRecord, id: u64) -> Problem {
    let message = message!("it was made before as {id}, which lies in the account's trash, and is made anew", id);
    at(plan, loaded, None, Stage::Reconcile, "made-anew", message)
        .hint("if somebody has deleted it on purpose, delete the new one as well")
}

/// A record whose address names what the account does not have: itself, or what it belongs to.
pub fn absent(plan: &Plan, loaded: &QueuedRecord, answered: Answered) -> Outcome {
    let (path, what, id, hint) = if plan.write.names_record() {
        ("id", plan.kind.name(), loaded.record.id, "correct the id or leave the row out")
    } else {
        ("customer_id", "customer", loaded.record.parent, "correct the customer, or import it first")
    };
    let column = trace::column_of(plan, &loaded.record.body, path);
    let message = message!("the account has no {kind} {id}", kind = what.replace('-', " "), id = id.unwrap_or(0));
    let mut problem = at(plan, loaded, column, Stage::Send, "not-found", message).hint(hint);
    problem.value = column.map(|index| loaded.row.get(index).text.to_owned());
    refused_for(loaded, &[problem], answered)
}

/// A record to change that the account does not show.
pub fn not_visible(plan: &Plan, loaded: &QueuedRecord) -> Outcome {
    let own = trace::column_of(plan, &loaded.record.body, ID_KEY);
    let column = own.or_else(|| plan.key.first().copied());
    let kind = plan.kind.name().replace('-', " ");
    let message = message!("the account shows no {kind} {id}", kind, id = loaded.record.id.unwrap_or(0));
    let mut problem = at(plan, loaded, column, Stage::Send, "not-visible", message)
        .hint("correct the id or leave the row out; it may be deleted, or the token's user may not see it");
    problem.value = column.map(|index| loaded.row.get(index).text.to_owned());
    rejected(&loaded.row, &loaded.more, loaded.record.key.clone(), &[problem])
}

fn refused_for(loaded: &QueuedRecord, problems: &[Problem], answered: Answered) -> Outcome {
    with_answer(rejected(&loaded.row, &loaded.more, loaded.record.key.clone(), problems), answered)
}

/// The named records of a refused batch, rejected; and the rest, to go again. `Err` when nobody of this batch is
/// named: then the batch comes back whole. Who stands alone in a request is meant, named or not. [inferred]
pub fn refused(
    plan: &Plan,
    batch: Vec<QueuedRecord>,
    errors: &[ItemErrors],
    answered: Answered,
) -> Result<(Vec<Outcome>, Vec<QueuedRecord>), Vec<QueuedRecord>> {
    let mut named: HashMap<&str, Vec<&ItemError>> = HashMap::new();
    for item in errors {
        if let Some(id) = &item.request_id {
            named.entry(id.as_str()).or_default().extend(&item.errors);
        }
    }
    if let [alone] = batch.as_slice() {
        let errors: Vec<&ItemError> = errors.iter().flat_map(|item| &item.errors).collect();
        return Ok((vec![rejected_by_service(plan, alone, &errors, answered)], Vec::new()));
    }
    let (mut outcomes, mut rest) = (Vec::new(), Vec::new());
    for loaded in batch {
        match named.get(request_id(loaded.record.row).as_str()) {
            Some(errors) => outcomes.push(rejected_by_service(plan, &loaded, errors, answered)),
            None => rest.push(loaded),
        }
    }
    if outcomes.is_empty() { Err(rest) } else { Ok((outcomes, rest)) }
}

fn rejected_by_service(plan: &Plan, loaded: &QueuedRecord, errors: &[&ItemError], answered: Answered) -> Outcome {
    let mut problems: Vec<Problem> = errors.iter().map(|error| service_problem(plan, loaded, error)).collect();
    if problems.is_empty() {
        problems.push(at(
            plan,
            loaded,
            None,
            Stage::Send,
            "refused",
            "the service refused the record and did not say why",
        ));
    }
    refused_for(loaded, &problems, answered)
}

fn with_answer(outcome: Outcome, answered: Answered) -> Outcome {
    Outcome { http_status: answered.http_status, attempts: answered.attempts, ..outcome }
}

/// A record that stood alone when the service said no without naming anybody.
pub fn rejected_alone(plan: &Plan, loaded: &QueuedRecord, why: &str, answered: Answered) -> Outcome {
    let problem =
        at(plan, loaded, None, Stage::Send, "refused", message!("the service refused the record: {why}", why))
            .hint("the service does not say which value it is; look at the row, or ask the service's support");
    refused_for(loaded, &[problem], answered)
}

/// A validation error carried back to the cell it came from.
fn service_problem(plan: &Plan, loaded: &QueuedRecord, error: &ItemError) -> Problem {
    let column = trace::column_of(plan, &loaded.record.body, &error.path);
    let row = row_behind(loaded, &error.path);
    let value = column.map(|index| row.get(index).text.to_owned());
    let told = match &value {
        Some(value) => message!("the service refused {value}: {said}", value = quoted(value), said = said(error)),
        None => message!("the service refused \"{path}\": {said}", path = &error.path, said = said(error)),
    };
    let mut problem = at_row(plan, row.number, column, Stage::Send, "refused", told);
    if !error.code.is_empty() {
        problem.code = Cow::Owned(error.code.clone());
    }
    problem.value = value;
    problem.hint = Some(hint(error).into());
    problem
}

/// The row behind a path: of a record made from several rows, each of which gave one line, that of the line.
fn row_behind<'l>(loaded: &'l QueuedRecord, path: &str) -> &'l Row {
    let steps: Vec<&str> = path.split('.').collect();
    let (list, line) = match steps.as_slice() {
        ["custom_fields_values", field, "values", line, ..] => (format!("/custom_fields_values/{field}/values"), line),
        ["_embedded", key, line, ..] => (format!("/_embedded/{key}"), line),
        _ => return &loaded.row,
    };
    let lines = || {
        let item: serde_json::Value = serde_json::from_slice(&loaded.record.body).ok()?;
        Some(item.pointer(&list)?.as_array()?.len())
    };
    // Several values of one cell are no lines.
    let line = line.parse::<usize>().ok().filter(|_| !loaded.more.is_empty() && lines() == Some(loaded.more.len() + 1));
    line.and_then(|line| loaded.more.get(line.checked_sub(1)?)).unwrap_or(&loaded.row)
}

fn said(error: &ItemError) -> Message {
    if error.detail.is_empty() {
        Message::verbatim(&error.code)
    } else {
        message!("{detail} ({code})", detail = error.detail.trim_end_matches('.'), code = &error.code)
    }
}

/// What usually helps against a code of the service; the list is open. [doc][client]
fn hint(error: &ItemError) -> &'static str {
    match error.code.as_str() {
        answer::NOT_A_CHOICE if error.path == "id" || error.path.ends_with(".id") => {
            "the account has no record with this id; correct the id or leave the row out"
        }
        answer::NOT_A_CHOICE => {
            "the account no longer has this field, option, stage or user; run amoport account pull and check again"
        }
        "InvalidType" => {
            "the field's type in the account differs from what was sent; run amoport account pull and check again"
        }
        "FieldNotExpected" => "the service does not take this value here; leave it out of the mapping",
        "FieldMissing" | "NotBlank" => "fill the cell, or give a default in the mapping",
        _ => "correct the value and import the row again",
    }
}

/// A problem of a record, at its row or one of its cells.
pub fn at(
    plan: &Plan,
    loaded: &QueuedRecord,
    column: Option<usize>,
    stage: Stage,
    code: &'static str,
    message: impl Into<Message>,
) -> Problem {
    at_row(plan, loaded.record.row, column, stage, code, message)
}

pub fn at_row(
    plan: &Plan,
    row: u32,
    column: Option<usize>,
    stage: Stage,
    code: &'static str,
    message: impl Into<Message>,
) -> Problem {
    let column = column.map(|index| plan.header.column(index));
    Problem::new(stage, code, message).at(Place::Cell { source: Arc::clone(&plan.source), row, column })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::Record;

    #[test]
    fn a_refused_line_stands_in_its_own_row() {
        let row = |number: u32| {
            let mut row = Row::default();
            row.number = number;
            row
        };
        let body = r#"{"custom_fields_values":[{"field_id":1,"values":[{"value":"x"}]},{"field_id":2,"values":[1,2,3]}],
            "_embedded":{"tags":[1,2],"catalog_elements":[1,2,3]}}"#;
        let record = Record { row: 5, body: body.as_bytes().to_vec(), ..Record::default() };
        let three = QueuedRecord { record, row: row(5), more: vec![row(6), row(9)] };
        for (path, expected) in [
            ("custom_fields_values.1.values.0.value", 5),
            ("custom_fields_values.1.values.2.value.quantity", 9),
            ("custom_fields_values.0.values.0.value", 5),
            ("_embedded.catalog_elements.1.id", 6),
            ("_embedded.tags.1.name", 5),
            ("custom_fields_values.1.values.7.value", 5),
            ("name", 5),
        ] {
            assert_eq!(row_behind(&three, path).number, expected, "{path}");
        }
    }
}
