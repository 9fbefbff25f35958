//! The second pass: records that were made or changed are linked to what their rows name. Links of many records share a
//! request. Linking twice does no harm [inferred], so a lost answer is sent again, and a resumed run links whatever is
//! not noted as linked.

use super::feed::{self, Fed, Loaded};
use super::run::{End, lock};
use super::settle;
use super::verdict::{Stop, TRIES_MAX, backoff, stop_of, will_pass};
use crate::api::{Client, Failure, Reply};
use crate::entity::answer::{self, ItemErrors};
use crate::entity::{Action, At, Entity, LINKS_MAX, Wire};
use crate::mapping::plan::{Input, TargetPlan};
use crate::mapping::{Link, Plan};
use crate::message;
use crate::problem::{Problem, Stage};
use crate::store::{Journal, Linked, Links, Outcome, Status, StoreError, StoredProblem};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// What a pass is given.
pub struct Linking {
    pub client: Arc<Client>,
    pub plan: Arc<Plan>,
    pub journal: Arc<Mutex<Journal>>,
    /// The source, mapped once more.
    pub feed: mpsc::Receiver<Vec<Fed>>,
    /// Rows to link, with their ids in the account.
    pub ids: BTreeMap<u32, u64>,
    pub in_flight: usize,
    /// Turns true when the user interrupts.
    pub stop: watch::Receiver<bool>,
}

/// True where the mapping links its records to anything.
pub fn wanted(plan: &Plan) -> bool {
    let link = |target: &TargetPlan| matches!(target, TargetPlan::Field(spec) if matches!(spec.wire, Wire::Link(_)));
    plan.sections.iter().any(|section| {
        (section.spec.at == At::LinkedElements && !section.values.is_empty())
            || section.values.iter().any(|value| link(&value.target))
    })
}

/// One link on its way.
#[derive(Debug, Clone)]
struct Item {
    row: u32,
    id: u64,
    link: Link,
}

#[derive(Debug)]
struct Request {
    items: Vec<Item>,
    tries: u32,
    pause: Duration,
}

/// A record with links under way.
struct Open {
    loaded: Loaded,
    left: usize,
    links: Links,
    problems: Vec<StoredProblem>,
}

/// What the end of a request means for its links.
#[derive(Debug, PartialEq)]
enum Verdict {
    Done,
    Again {
        pause: Duration,
        why: String,
    },
    /// Refused for these, by their place in the request; the rest goes again.
    Reject(BTreeMap<usize, Refusal>),
    Halve(String),
    Stop(Stop),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    code: String,
    said: String,
}

struct Linker {
    plan: Arc<Plan>,
    journal: Arc<Mutex<Journal>>,
    path: String,
    again: VecDeque<Request>,
    waiting: Vec<Item>,
    open: HashMap<u32, Open>,
    /// The source could not be read to its end.
    broken: Option<Problem>,
    end: Option<End>,
}

/// Links what the feed hands over; says how it ended: finished, interrupted, or stopped by the service.
pub async fn link(linking: Linking) -> Result<End, StoreError> {
    let Linking { client, plan, journal, mut feed, ids, in_flight, mut stop } = linking;
    let path = format!("{}/link", plan.kind.spec().entity.path());
    let (again, waiting, open) = (VecDeque::new(), Vec::new(), HashMap::new());
    let mut linker = Linker { plan, journal, path, again, waiting, open, broken: None, end: None };
    let mut tasks: JoinSet<Landed> = JoinSet::new();
    let mut ended = false;
    loop {
        while linker.end.is_none() && tasks.len() < in_flight {
            let Some(request) = linker.next(ended) else { break };
            tasks.spawn(send(Arc::clone(&client), linker.path.clone(), request, stop.clone()));
        }
        if tasks.is_empty() && (linker.end.is_some() || (ended && linker.idle())) {
            // What could not be read is not linked, and a run is not done before.
            let read = linker.broken.map_or(End::Finished, End::Source);
            return Ok(linker.end.unwrap_or(read));
        }
        tokio::select! {
            biased;
            stopped = stop.wait_for(|stop| *stop), if linker.end.is_none() => {
                if stopped.is_ok() {
                    linker.end = Some(End::Interrupted);
                }
            }
            Some(landed) = tasks.join_next() => match landed {
                Ok((request, Some(end))) => linker.landed(request, &end)?,
                Ok((_, None)) => {}
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            },
            parcel = feed.recv(), if !ended && linker.end.is_none() && linker.waiting.len() < LINKS_MAX => match parcel {
                Some(parcel) => ended = linker.take(parcel, &ids)?,
                None => {
                    ended = true;
                    linker.broken = Some(feed::died());
                }
            },
        }
    }
}

/// A task's end: the request back, with what became of it. `None`: it was stopped before it was sent.
type Landed = (Request, Option<Result<Reply, Failure>>);

async fn send(client: Arc<Client>, path: String, mut request: Request, mut stop: watch::Receiver<bool>) -> Landed {
    let turn = async {
        if !request.pause.is_zero() {
            client.pace().clock().sleep(request.pause).await;
        }
        client.pace().turn().await;
    };
    tokio::select! {
        biased;
        Ok(_) = stop.wait_for(|stop| *stop) => return (request, None),
        () = turn => {}
    }
    request.tries += 1;
    let body = body(&request.items).to_string().into_bytes();
    let end = client.write(Action::Create.method(), &path, Some(body)).await;
    (request, Some(end))
}

/// The mass form of the link endpoint. [doc]
fn body(items: &[Item]) -> Value {
    let items = items.iter().map(|Item { id, link, .. }| {
        let mut item = json!({"entity_id": id, "to_entity_id": link.id, "to_entity_type": to_type(link.to)});
        let mut metadata = serde_json::Map::new();
        if let Some(catalog) = link.catalog {
            metadata.insert("catalog_id".to_owned(), catalog.into());
        }
        if let Some(quantity) = link.quantity.and_then(|q| serde_json::from_str::<Value>(&q.to_string()).ok()) {
            metadata.insert("quantity".to_owned(), quantity);
        }
        if let Some(main) = link.main {
            metadata.insert("is_main".to_owned(), main.into());
        }
        if !metadata.is_empty() {
            item["metadata"] = Value::Object(metadata);
        }
        item
    });
    items.collect()
}

/// The word for what is linked to: elements have another one here than in their own list. [doc]
fn to_type(entity: Entity) -> &'static str {
    match entity {
        Entity::Elements => "catalog_elements",
        Entity::Leads
        | Entity::Contacts
        | Entity::Companies
        | Entity::Customers
        | Entity::Transactions
        | Entity::Catalogs
        | Entity::Segments
        | Entity::Statuses => entity.collection(),
    }
}

fn verdict(end: &Result<Reply, Failure>, items: usize, tries: u32) -> Verdict {
    let again = |pause: Duration, why: String| match end {
        Err(failure) if tries >= TRIES_MAX => Verdict::Stop(stop_of(failure.clone())),
        Ok(_) if tries >= TRIES_MAX => Verdict::Stop(Stop::Failing(tries)),
        Ok(_) | Err(_) => Verdict::Again { pause, why },
    };
    match end {
        Ok(reply) => match answer::embedded_errors(&reply.body) {
            Some(errors) => Verdict::Halve(errors),
            // Somebody in between has answered.
            None if answer::is_page(&reply.body) => again(backoff(tries), "the answer is a page".to_owned()),
            None => Verdict::Done,
        },
        Err(Failure::Throttled { .. }) => again(Duration::ZERO, "429".to_owned()),
        Err(
            failure @ (Failure::NeverSent(_)
            | Failure::Lost(_)
            | Failure::Unreadable(_)
            | Failure::Broken { .. }
            | Failure::Missing { page: true, .. }),
        ) => again(backoff(tries), failure.to_string()),
        Err(Failure::Refused { detail, .. }) if will_pass(detail) => again(backoff(tries), detail.clone()),
        Err(Failure::Refused { detail, errors, .. }) => {
            let named = named(errors, items);
            if named.is_empty() { Verdict::Halve(detail.clone()) } else { Verdict::Reject(named) }
        }
        // Whether the address or one of the ids is unknown is not said.
        Err(Failure::Missing { detail, .. }) => Verdict::Halve(detail.clone()),
        Err(
            failure @ (Failure::Unauthorized(_)
            | Failure::Unpaid(_)
            | Failure::Forbidden(_)
            | Failure::Blocked
            | Failure::Halted),
        ) => Verdict::Stop(stop_of(failure.clone())),
    }
}

/// Links have no request_id; their place stands in its stead, or at the start of the path. [inferred]
fn named(errors: &[ItemErrors], items: usize) -> BTreeMap<usize, Refusal> {
    let mut named = BTreeMap::new();
    for item in errors {
        for error in &item.errors {
            let by_path = error.path.split('.').next().and_then(|first| first.parse().ok());
            let place = by_path.or_else(|| item.request_id.as_ref().and_then(|id| id.parse().ok()));
            if let Some(place) = place.filter(|place: &usize| *place < items) {
                let (code, said) = (error.code.clone(), error.detail.clone());
                named.entry(place).or_insert(Refusal { code, said });
            }
        }
    }
    named
}

impl Linker {
    fn idle(&self) -> bool {
        self.again.is_empty() && self.waiting.is_empty()
    }

    fn next(&mut self, last: bool) -> Option<Request> {
        if let Some(request) = self.again.pop_front() {
            return Some(request);
        }
        let full = self.waiting.len() >= LINKS_MAX;
        if self.waiting.is_empty() || !(full || last) {
            return None;
        }
        let items = self.waiting.drain(..LINKS_MAX.min(self.waiting.len())).collect();
        Some(Request { items, tries: 0, pause: Duration::ZERO })
    }

    /// True when the source has ended.
    fn take(&mut self, parcel: Vec<Fed>, ids: &BTreeMap<u32, u64>) -> Result<bool, StoreError> {
        let mut ended = false;
        for fed in parcel {
            match fed {
                Fed::Record(loaded) => {
                    let row = loaded.record.row;
                    let Some(id) = ids.get(&row) else { continue };
                    let links = &loaded.record.links;
                    if links.is_empty() {
                        continue;
                    }
                    self.waiting.extend(links.iter().map(|link| Item { row, id: *id, link: link.clone() }));
                    let left = links.len();
                    self.open.insert(row, Open { loaded, left, links: Links::default(), problems: Vec::new() });
                }
                Fed::Local(outcome) => self.unmapped(outcome, ids)?,
                Fed::End { .. } => ended = true,
                Fed::Broken(problem) => {
                    ended = true;
                    self.broken = Some(problem);
                }
            }
        }
        Ok(ended)
    }

    /// A record that was sent and whose row says something else now, a key that is no longer known: its links cannot be
    /// made, and that must not go unsaid.
    fn unmapped(&mut self, outcome: Outcome, ids: &BTreeMap<u32, u64>) -> Result<(), StoreError> {
        if !ids.contains_key(&outcome.row) || outcome.status != Status::Rejected {
            return Ok(());
        }
        let told = |problem: StoredProblem| StoredProblem {
            stage: Stage::Send.word().to_owned(),
            code: "not-linked".to_owned(),
            message: message!("the record is made and could not be linked: {problem}", problem = problem.message)
                .to_string(),
            ..problem
        };
        let problems = outcome.problems.into_iter().map(told).collect();
        let links = Links { made: 0, refused: 1 };
        lock(&self.journal).linked(&[Linked { row: outcome.row, links, problems }])
    }

    fn landed(&mut self, request: Request, end: &Result<Reply, Failure>) -> Result<(), StoreError> {
        match verdict(end, request.items.len(), request.tries) {
            Verdict::Done => self.done(request.items.into_iter().map(|item| (item, None)).collect()),
            Verdict::Again { pause, .. } => {
                self.again.push_front(Request { pause, ..request });
                Ok(())
            }
            Verdict::Reject(named) => {
                let (mut refused, mut rest) = (Vec::new(), Vec::new());
                for (n, item) in request.items.into_iter().enumerate() {
                    match named.get(&n) {
                        Some(refusal) => refused.push((item, Some(refusal.clone()))),
                        None => rest.push(item),
                    }
                }
                self.send_again(rest);
                self.done(refused)
            }
            Verdict::Halve(said) => {
                let mut items = request.items;
                if let [alone] = items.as_slice() {
                    return self.done(vec![(alone.clone(), Some(Refusal { code: String::new(), said }))]);
                }
                let second = items.split_off(items.len() / 2);
                self.send_again(second);
                self.send_again(items);
                Ok(())
            }
            Verdict::Stop(why) => {
                self.end = self.end.take().or(Some(End::Service(why)));
                Ok(())
            }
        }
    }

    fn send_again(&mut self, items: Vec<Item>) {
        if !items.is_empty() {
            self.again.push_front(Request { items, tries: 0, pause: Duration::ZERO });
        }
    }

    /// Links that were made or refused; records without any more of them are noted.
    fn done(&mut self, items: Vec<(Item, Option<Refusal>)>) -> Result<(), StoreError> {
        let mut complete = Vec::new();
        for (item, refusal) in items {
            let Some(open) = self.open.get_mut(&item.row) else { continue };
            open.left -= 1;
            match refusal {
                None => open.links.made += 1,
                Some(refusal) => {
                    open.links.refused += 1;
                    open.problems.push(refused(&self.plan, &open.loaded, &item.link, &refusal));
                }
            }
            if open.left == 0
                && let Some(open) = self.open.remove(&item.row)
            {
                complete.push(Linked { row: item.row, links: open.links, problems: open.problems });
            }
        }
        lock(&self.journal).linked(&complete)
    }
}

fn refused(plan: &Plan, loaded: &Loaded, link: &Link, refusal: &Refusal) -> StoredProblem {
    let column = column(plan, link);
    let what = to_type(link.to).replace('_', " ");
    let said = [refusal.said.as_str(), "it does not say why"].into_iter().find(|said| !said.is_empty());
    let message = message!(
        "the service refused the link to {id} of {kind}: {said}",
        id = link.id,
        kind = what,
        said = said.unwrap_or_default()
    );
    let mut problem = settle::at(plan, loaded, column, Stage::Send, "link-refused", message)
        .hint("the record itself is in the account; link it by hand, or correct the cell for the next time");
    if !refusal.code.is_empty() {
        problem.code = refusal.code.clone().into();
    }
    problem.value = column.map(|index| loaded.row.get(index).text.to_owned());
    StoredProblem::from(&problem)
}

/// The column that names what is linked to.
fn column(plan: &Plan, link: &Link) -> Option<usize> {
    let names = |at: At, target: &TargetPlan| match target {
        TargetPlan::Field(spec) => match spec.wire {
            Wire::Link(entity) => entity == link.to,
            Wire::ElementId => at == At::LinkedElements && link.to == Entity::Elements,
            _ => false,
        },
        TargetPlan::Custom { .. } => false,
    };
    let mut values = plan.sections.iter().flat_map(|s| s.values.iter().map(|value| (s.spec.at, value)));
    let (_, value) = values.find(|(at, value)| names(*at, &value.target))?;
    value.origins.iter().find_map(|origin| match origin.input {
        Input::Column(index) => Some(index),
        Input::Constant(_) | Input::Template(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::answer::ItemError;
    use rust_decimal::Decimal;

    fn to(entity: Entity, id: u64) -> Link {
        Link { to: entity, id, catalog: None, quantity: None, main: None }
    }

    #[test]
    fn links_of_many_records_make_one_body() {
        let element = Link { catalog: Some(9), quantity: Some(Decimal::new(25, 1)), ..to(Entity::Elements, 5) };
        let main = Link { main: Some(true), ..to(Entity::Contacts, 6) };
        let items = [(2, 1, element), (2, 1, main), (3, 4, to(Entity::Companies, 7))];
        let items = items.map(|(row, id, link)| Item { row, id, link });
        assert_eq!(
            body(&items),
            json!([
                {"entity_id": 1, "to_entity_id": 5, "to_entity_type": "catalog_elements",
                    "metadata": {"catalog_id": 9, "quantity": 2.5}},
                {"entity_id": 1, "to_entity_id": 6, "to_entity_type": "contacts", "metadata": {"is_main": true}},
                {"entity_id": 4, "to_entity_id": 7, "to_entity_type": "companies"},
            ])
        );
    }

    #[test]
    fn every_end_of_a_request_for_links_has_its_verdict() {
        let error = |path: &str| ItemError { code: "c".into(), path: path.into(), detail: "d".into() };
        let refused = |request_id: Option<&str>, path: &str| {
            let item = ItemErrors { request_id: request_id.map(str::to_owned), errors: vec![error(path)] };
            Err(Failure::Refused { status: 400, detail: "no".into(), errors: vec![item] })
        };
        let second = Verdict::Reject(BTreeMap::from([(1, Refusal { code: "c".into(), said: "d".into() })]));
        let of = |end: &Result<Reply, Failure>, tries| verdict(end, 3, tries);
        assert_eq!(of(&refused(Some("1"), "to_entity_id"), 1), second);
        assert_eq!(of(&refused(None, "1.to_entity_id"), 1), second);
        assert_eq!(of(&refused(Some("7"), "to_entity_id"), 1), Verdict::Halve("no".into()));
        let ok = |body: &str| Ok(Reply { status: 200, retry_after: None, body: body.as_bytes().to_vec() });
        assert_eq!(of(&ok(r#"{"_embedded":{"links":[]}}"#), 1), Verdict::Done);
        let lost = Err(Failure::Lost("reset".into()));
        assert!(matches!(of(&lost, 1), Verdict::Again { .. }), "linking twice does no harm");
        assert_eq!(of(&lost, TRIES_MAX), Verdict::Stop(Stop::Unreachable("reset".into())));
        assert_eq!(of(&Err(Failure::Blocked), 1), Verdict::Stop(Stop::Blocked));
        assert_eq!(of(&Err(Failure::Unpaid("x".into())), 1), Verdict::Stop(Stop::Unpaid("x".into())));
        let missing = Err(Failure::Missing { status: 404, detail: "x".into(), page: false });
        assert_eq!(of(&missing, 1), Verdict::Halve("x".into()));
    }
}
