//! The outcomes of a batch's records, by the answer of the service. Pure.

use crate::mapping::{Plan, blame, request_id};
use crate::store::{Outcome, Status};
use crate::upload::doubt::reconcile::{self, Finding, InDoubt, PriorKnowledge};
use crate::upload::feed::{QueuedRecord, place, rejected};
use crate::upload::links;
use amo_model::answer::{self, ItemError, ItemErrors, WrittenItem};
use amo_model::{Action, BodyShape, ID_KEY};
use serde_json::Value;
use sheet_source::Row;
use sheet_source::message;
use sheet_source::problem::{Message, Problem, Stage, quoted};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// The code of a record that the account holds twice.
pub const DOUBLED: &str = "doubled";
/// What the user can do.
pub const DOUBLED_HINT: &str = "look at both cards, and join or delete one of them in the CRM";

/// The facts that all records of an answered batch share.
#[derive(Debug, Clone, Copy)]
pub struct Answered {
    pub http_status: Option<u16>,
    pub attempts: u32,
}

/// The records of a batch, matched with the items of its answer.
#[derive(Debug, Default)]
pub struct AnswerMatch {
    pub done: Vec<(QueuedRecord, Outcome)>,
    /// Records that the answer does not mention: they are in doubt.
    pub unmentioned: Vec<QueuedRecord>,
    /// Ids that the answer gives without naming a record.
    pub unnamed: Vec<u64>,
}

/// Matches the items of an answer with the records that they name: by request_id, changed records also by id. Items without a
/// name are matched by their content: neither their order nor their number proves anything. `watermark` is the highest id known
/// before the records were sent.
pub fn match_answer(
    plan: &Plan,
    (records, watermark): (Vec<QueuedRecord>, u64),
    items: &[WrittenItem],
    answered: Answered,
) -> AnswerMatch {
    let mut matched = AnswerMatch::default();
    if plan.write.shape == BodyShape::Nothing {
        matched.done.extend(records.into_iter().map(|queued| {
            let outcome = deleted(&queued, answered);
            (queued, outcome)
        }));
        return matched;
    }
    let by_request = by_request_id(items);
    let by_id: HashMap<u64, &WrittenItem> = items.iter().map(|item| (item.id, item)).collect();
    let mut open = Vec::new();
    for queued in records {
        let own = by_request.get(request_id(queued.record.row).as_str()).map_or(&[][..], Vec::as_slice);
        // A changed record is the item with its id, whatever request_id the answer gives.
        let item = match queued.record.id {
            Some(id) => by_id.get(&id).copied(),
            None => own.first().copied(),
        };
        match item {
            Some(item) => {
                let mut outcome = found(plan, &queued, item, answered);
                outcome.problems.extend(second_id(plan, &queued, own));
                matched.done.push((queued, outcome));
            }
            None => open.push(queued),
        }
    }
    let unnamed: Vec<&WrittenItem> = items
        .iter()
        .filter(|item| item.shown.is_some() && item.id > watermark && plan.action == Action::Create)
        .collect();
    for (queued, item) in match_shown(plan, open, &unnamed) {
        match item {
            Some(item) => {
                let outcome = found(plan, &queued, item, answered);
                matched.done.push((queued, outcome));
            }
            None => matched.unmentioned.push(queued),
        }
    }
    let taken: HashSet<u64> = matched.done.iter().filter_map(|(_, outcome)| outcome.id).collect();
    matched.unnamed = unnamed.iter().map(|item| item.id).filter(|id| !taken.contains(id)).collect();
    matched
}

/// Matches records with items by content. The result has each record with its item.
fn match_shown<'i>(
    plan: &Plan,
    records: Vec<QueuedRecord>,
    items: &[&'i WrittenItem],
) -> Vec<(QueuedRecord, Option<&'i WrittenItem>)> {
    let held: Vec<Value> = items
        .iter()
        .map(|item| {
            match (item.shown.as_deref().cloned().unwrap_or_default(), records.first().and_then(|l| l.record.parent)) {
                (shown, Some(parent)) => reconcile::with_owner(shown, parent),
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
        Finding::Found { id, .. } => items.iter().find(|item| item.id == id).copied(),
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

/// The problem of a record for which the answer names two ids: it was created twice.
fn second_id(plan: &Plan, queued: &QueuedRecord, own: &[&WrittenItem]) -> Option<Problem> {
    let first = own.first()?;
    let other = own.iter().find(|other| other.id != first.id)?;
    let message = message!("the answer gives it two ids, {id} and {other}", id = first.id, other = other.id);
    let place = place(plan, queued.record.row, None);
    Some(Problem::new(Stage::Reconcile, DOUBLED, message).at(place).hint(DOUBLED_HINT))
}

/// The outcome of a record, with its key and rows.
pub fn outcome(queued: &QueuedRecord, status: Status) -> Outcome {
    Outcome {
        key: queued.record.key.clone(),
        more: queued.more.iter().map(|row| row.number).collect(),
        ..Outcome::new(queued.record.row, status)
    }
}

/// The outcome of a record that was not sent.
pub fn unprocessed(queued: &QueuedRecord) -> Outcome {
    outcome(queued, Status::Unprocessed)
}

/// The outcome of a record that is in the account as wanted, so that nothing was sent.
pub fn already_as_wanted(queued: &QueuedRecord, status: Status) -> Outcome {
    Outcome { id: queued.record.id, ..outcome(queued, status) }
}

/// The outcome of a deleted record.
pub fn deleted(queued: &QueuedRecord, answered: Answered) -> Outcome {
    with_answer(Outcome { id: queued.record.id, ..outcome(queued, Status::Deleted) }, answered)
}

/// The outcome of a record whose item is in the answer, or was found in the account.
pub fn found(plan: &Plan, queued: &QueuedRecord, item: &WrittenItem, answered: Answered) -> Outcome {
    // Several request ids on one item: the later inputs were merged into the first. [seed]
    let first = item.request_ids.len() < 2 || item.request_ids[0] == request_id(queued.record.row);
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
        problems: invoice_notes(plan, queued, item),
        links: links::stored_links(plan, queued),
        ..outcome(queued, status)
    };
    with_answer(made, answered)
}

/// Notes on an invoice whose total the service calculates differently: worth a look, and no rejection.
fn invoice_notes(plan: &Plan, queued: &QueuedRecord, item: &WrittenItem) -> Vec<Problem> {
    let note = |code, message: Message| {
        let place = place(plan, queued.record.row, None);
        Problem::new(Stage::Reconcile, code, message).at(place).hint("look at the invoice and its lines")
    };
    let warned = item
        .warning
        .as_ref()
        .map(|warning| note("recalculated", message!("the service warns: {warning}", warning = warning.to_string())));
    let differs = match (queued.record.total, item.total) {
        (Some(sent), Some(held)) if sent != held => {
            let message = message!(
                "the total of the lines is {sent}, but {held} in the account",
                sent = sent.to_string(),
                held = held.to_string()
            );
            Some(note("total-differs", message))
        }
        _ => None,
    };
    warned.into_iter().chain(differs).collect()
}

/// The outcome of a record that was sent and may or may not be in the account.
pub fn unknown(plan: &Plan, queued: &QueuedRecord, why: &str, answered: Answered) -> Outcome {
    unclear(plan, queued, (why, &[]), answered)
}

/// The same where the account has records that may be it: `ids` are some of them.
pub fn unclear(plan: &Plan, queued: &QueuedRecord, (why, ids): (&str, &[u64]), answered: Answered) -> Outcome {
    let message = message!("it is not known whether the record reached the account: {why}", why);
    let hint = match ids {
        [] => "look for it in the account before importing it again".into(),
        [id] => message!("look at {id}, which may be this record, before importing it again", id = *id),
        [id, other, ..] => {
            message!(
                "look at {id} and {other}, one of which may be this record, before importing it again",
                id = *id,
                other = *other
            )
        }
    };
    let place = place(plan, queued.record.row, None);
    let problem = Problem::new(Stage::Reconcile, "unknown", message).at(place).hint(hint);
    with_answer(Outcome { problems: vec![problem], ..outcome(queued, Status::Unknown) }, answered)
}

/// The note on a record that is created again, since people deleted it before the first look.
pub fn recreated_note(plan: &Plan, queued: &QueuedRecord, id: u64) -> Problem {
    let message =
        message!("the record was created before as {id}, which is in the account's trash, and is created again", id);
    Problem::new(Stage::Reconcile, "made-anew", message)
        .at(place(plan, queued.record.row, None))
        .hint("if it was deleted on purpose, delete the new one as well")
}

/// The outcome of a record that the account does not have, or whose parent it does not have.
pub fn not_found(plan: &Plan, queued: &QueuedRecord, answered: Answered) -> Outcome {
    let (path, what, id, hint) = if plan.write.names_record() {
        ("id", plan.kind.name(), queued.record.id, "correct the id or leave the row out")
    } else {
        ("customer_id", "customer", queued.record.parent, "correct the customer, or import it first")
    };
    let column = blame::column_of(plan, &queued.record.body, path);
    let message = message!("the account has no {kind} {id}", kind = what.replace('-', " "), id = id.unwrap_or(0));
    let place = place(plan, queued.record.row, column);
    let mut problem = Problem::new(Stage::Send, "not-found", message).at(place).hint(hint);
    problem.value = column.map(|index| queued.row.get(index).text.to_owned());
    refused_for(queued, &[problem], answered)
}

/// The outcome of a record to change that the account does not show.
pub fn not_visible(plan: &Plan, queued: &QueuedRecord) -> Outcome {
    let own = blame::column_of(plan, &queued.record.body, ID_KEY);
    let column = own.or_else(|| plan.key.first().copied());
    let kind = plan.kind.name().replace('-', " ");
    let message = message!("the account shows no {kind} {id}", kind, id = queued.record.id.unwrap_or(0));
    let mut problem = Problem::new(Stage::Send, "not-visible", message)
        .at(place(plan, queued.record.row, column))
        .hint("correct the id or leave the row out; the record may be deleted, or hidden from the token's user");
    problem.value = column.map(|index| queued.row.get(index).text.to_owned());
    rejected(&queued.row, &queued.more, queued.record.key.clone(), &[problem])
}

fn refused_for(queued: &QueuedRecord, problems: &[Problem], answered: Answered) -> Outcome {
    with_answer(rejected(&queued.row, &queued.more, queued.record.key.clone(), problems), answered)
}

/// Rejects the named records of a refused batch; the rest is to be sent again. `Err` returns the whole batch where the answer
/// names none of it. A refusal of a single record is about that record, named or not. [inferred]
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
    for queued in batch {
        match named.get(request_id(queued.record.row).as_str()) {
            Some(errors) => outcomes.push(rejected_by_service(plan, &queued, errors, answered)),
            None => rest.push(queued),
        }
    }
    if outcomes.is_empty() { Err(rest) } else { Ok((outcomes, rest)) }
}

fn rejected_by_service(plan: &Plan, queued: &QueuedRecord, errors: &[&ItemError], answered: Answered) -> Outcome {
    let mut problems: Vec<Problem> = errors.iter().map(|error| service_problem(plan, queued, error)).collect();
    if problems.is_empty() {
        let message = "the service refused the record without a reason";
        problems.push(Problem::new(Stage::Send, "refused", message).at(place(plan, queued.record.row, None)));
    }
    refused_for(queued, &problems, answered)
}

fn with_answer(outcome: Outcome, answered: Answered) -> Outcome {
    Outcome { http_status: answered.http_status, attempts: answered.attempts, ..outcome }
}

/// The outcome of a single record that the service refused without naming it.
pub fn rejected_alone(plan: &Plan, queued: &QueuedRecord, why: &str, answered: Answered) -> Outcome {
    let problem = Problem::new(Stage::Send, "refused", message!("the service refused the record: {why}", why))
        .at(place(plan, queued.record.row, None))
        .hint("the service does not name the value; check the row, or ask the service's support");
    refused_for(queued, &[problem], answered)
}

/// The problem for a validation error, at the cell that caused it.
fn service_problem(plan: &Plan, queued: &QueuedRecord, error: &ItemError) -> Problem {
    let column = blame::column_of(plan, &queued.record.body, &error.path);
    let row = row_behind(queued, &error.path);
    let value = column.map(|index| row.get(index).text.to_owned());
    let reason = describe_error(error);
    let message = match &value {
        Some(value) => message!("the service refused {value}: {reason}", value = quoted(value), reason),
        None => message!("the service refused \"{path}\": {reason}", path = &error.path, reason),
    };
    let mut problem = Problem::new(Stage::Send, "refused", message).at(place(plan, row.number, column));
    if !error.code.is_empty() {
        problem.code = Cow::Owned(error.code.clone());
    }
    problem.value = value;
    problem.hint = Some(hint_for(error).into());
    problem
}

/// The row that a path comes from. Of a record of several rows, each of which gave one line, it is the row of the line.
fn row_behind<'l>(queued: &'l QueuedRecord, path: &str) -> &'l Row {
    let steps: Vec<&str> = path.split('.').collect();
    let (list, line) = match steps.as_slice() {
        ["custom_fields_values", field, "values", line, ..] => (format!("/custom_fields_values/{field}/values"), line),
        ["_embedded", key, line, ..] => (format!("/_embedded/{key}"), line),
        _ => return &queued.row,
    };
    let lines = || {
        let item: serde_json::Value = serde_json::from_slice(&queued.record.body).ok()?;
        Some(item.pointer(&list)?.as_array()?.len())
    };
    // Several values of one cell are not lines.
    let line = line.parse::<usize>().ok().filter(|_| !queued.more.is_empty() && lines() == Some(queued.more.len() + 1));
    line.and_then(|line| queued.more.get(line.checked_sub(1)?)).unwrap_or(&queued.row)
}

fn describe_error(error: &ItemError) -> Message {
    if error.detail.is_empty() {
        Message::verbatim(&error.code)
    } else {
        message!("{detail} ({code})", detail = error.detail.trim_end_matches('.'), code = &error.code)
    }
}

/// The usual remedy for an error code of the service; other codes exist. [doc][client]
fn hint_for(error: &ItemError) -> &'static str {
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
        "FieldNotExpected" => "the service does not accept this value here; leave it out of the mapping",
        "FieldMissing" | "NotBlank" => "fill the cell, or give a default in the mapping",
        _ => "correct the value and import the row again",
    }
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
