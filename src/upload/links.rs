//! Links of records: they are stored with the outcome of their record, sent after all records, and noted record by record.
//! Linking twice does no harm [inferred]. This file only builds, reads and counts them; the loop sends them.

use crate::mapping::plan::{Input, TargetPlan};
use crate::mapping::{Link, Plan};
use crate::store::{Journal, LinkOutcomes, Links, PendingLink, StoreError};
use crate::upload::feed::{QueuedRecord, place};
use amo_model::answer::{ItemErrors, WrittenLink};
use amo_model::{Entity, LINKS_MAX, Placement, Wire};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sheet_source::message;
use sheet_source::problem::{Problem, Stage};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// True where the mapping makes links.
pub fn has_links(plan: &Plan) -> bool {
    let link = |target: &TargetPlan| matches!(target, TargetPlan::Field(spec) if matches!(spec.wire, Wire::Link(_)));
    plan.sections.iter().any(|section| {
        (section.spec.at == Placement::LinkedElements && !section.values.is_empty())
            || section.values.iter().any(|value| link(&value.target))
    })
}

/// A link as the store holds it, with the cell that it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct StoredLink {
    #[serde(with = "crate::store::words")]
    to: Entity,
    id: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    catalog: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quantity: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    main: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

/// The links of a record as JSON for the store.
pub(super) fn stored_links(plan: &Plan, queued: &QueuedRecord) -> Vec<String> {
    let stored = queued.record.links.iter().map(|link| {
        let column = column(plan, link);
        StoredLink {
            to: link.to,
            id: link.id,
            catalog: link.catalog,
            quantity: link.quantity.map(|quantity| quantity.to_string()),
            main: link.main,
            column,
            value: column.map(|index| queued.row.get(index).text.to_owned()),
        }
    });
    // Texts and numbers always become JSON.
    stored.map(|stored| serde_json::to_string(&stored).unwrap_or_default()).collect()
}

/// A link to send.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LinkItem {
    pub row: u32,
    /// The id of the record.
    id: u64,
    link: Link,
    column: Option<usize>,
    value: Option<String>,
}

impl LinkItem {
    /// True where the answer is about this link. An answer about one record does not name the record.
    pub fn matches(&self, link: &WrittenLink) -> bool {
        link.from.is_none_or(|from| from == self.id) && link.to == self.link.id && link.to_kind == self.link.to.linked()
    }
}

fn from_store(pending: &PendingLink) -> Result<LinkItem, StoreError> {
    let stored: StoredLink = serde_json::from_str(&pending.json)?;
    let quantity = stored.quantity.map(|text| text.parse());
    let quantity = quantity.transpose().map_err(|_| StoreError::Invalid(format!("link {}", pending.json)))?;
    let link = Link { to: stored.to, id: stored.id, catalog: stored.catalog, quantity, main: stored.main };
    Ok(LinkItem { row: pending.row, id: pending.id, link, column: stored.column, value: stored.value })
}

/// The address of the bulk link endpoint. [doc]
pub(super) fn address(plan: &Plan) -> String {
    format!("{}/link", plan.kind.spec().entity.path())
}

/// The body of a bulk link request. [doc]
pub(super) fn body(items: &[LinkItem]) -> Value {
    let items = items.iter().map(|LinkItem { id, link, .. }| {
        let mut item = json!({"entity_id": id, "to_entity_id": link.id, "to_entity_type": link.to.linked()});
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

/// The refusal of a link by the service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LinkRefusal {
    pub code: String,
    pub detail: String,
}

/// Refusals by the position of their link in the request, which must be below `items`. Links have no request_id: the answer
/// gives the position in its stead, or at the start of the path. [inferred]
pub(super) fn refused_positions(errors: &[ItemErrors], items: usize) -> BTreeMap<usize, LinkRefusal> {
    let mut refused = BTreeMap::new();
    for item in errors {
        for error in &item.errors {
            let by_path = error.path.split('.').next().and_then(|first| first.parse().ok());
            let position = by_path.or_else(|| item.request_id.as_ref().and_then(|id| id.parse().ok()));
            if let Some(position) = position.filter(|position: &usize| *position < items) {
                let (code, detail) = (error.code.clone(), error.detail.clone());
                refused.entry(position).or_insert(LinkRefusal { code, detail });
            }
        }
    }
    refused
}

/// Links that wait in the store, of which a part is read, and the records that have links in flight.
#[derive(Debug, Default)]
pub(super) struct LinkQueue {
    waiting: VecDeque<LinkItem>,
    records: HashMap<u32, LinkingRecord>,
    /// The row of the last link that was read from the store.
    read_to: u32,
    read_all: bool,
}

/// A record with links in flight.
#[derive(Debug, Default)]
struct LinkingRecord {
    left: usize,
    links: Links,
    problems: Vec<Problem>,
}

/// Number of links that are read from the store at once: enough for four requests.
const READ_AT_ONCE: usize = 4 * LINKS_MAX;

impl LinkQueue {
    pub fn is_empty(&self) -> bool {
        self.read_all && self.waiting.is_empty()
    }

    /// The links of the next request.
    pub fn take(&mut self, journal: &Journal) -> Result<Option<Vec<LinkItem>>, StoreError> {
        if self.waiting.len() < LINKS_MAX && !self.read_all {
            let more = journal.pending_links(self.read_to, READ_AT_ONCE)?;
            self.read_all = more.len() < READ_AT_ONCE;
            for pending in &more {
                self.records.entry(pending.row).or_default().left += 1;
                self.waiting.push_back(from_store(pending)?);
                self.read_to = pending.row;
            }
        }
        let items: Vec<LinkItem> = self.waiting.drain(..LINKS_MAX.min(self.waiting.len())).collect();
        Ok((!items.is_empty()).then_some(items))
    }

    /// Takes links that were made or refused. The result are the records that have no more links.
    pub fn done(&mut self, plan: &Plan, items: Vec<(LinkItem, Option<LinkRefusal>)>) -> Vec<LinkOutcomes> {
        let mut complete = Vec::new();
        for (item, refusal) in items {
            let Some(record) = self.records.get_mut(&item.row) else { continue };
            record.left -= 1;
            match refusal {
                None => record.links.made += 1,
                Some(refusal) => {
                    record.links.refused += 1;
                    record.problems.push(refusal_problem(plan, &item, &refusal));
                }
            }
            if record.left == 0
                && let Some(record) = self.records.remove(&item.row)
            {
                complete.push(LinkOutcomes { row: item.row, links: record.links, problems: record.problems });
            }
        }
        complete
    }
}

fn refusal_problem(plan: &Plan, item: &LinkItem, refusal: &LinkRefusal) -> Problem {
    let what = item.link.to.linked().replace('_', " ");
    let reason = if refusal.detail.is_empty() { "no reason given" } else { &refusal.detail };
    let message = message!("the service refused the link to {id} of {what}: {reason}", id = item.link.id, what, reason);
    let mut problem = Problem::new(Stage::Send, "link-refused", message)
        .at(place(plan, item.row, item.column))
        .hint("the record itself is in the account; link it by hand, or correct the cell for the next import");
    if !refusal.code.is_empty() {
        problem.code = refusal.code.clone().into();
    }
    problem.value = item.value.clone();
    problem
}

/// The column that a link comes from.
fn column(plan: &Plan, link: &Link) -> Option<usize> {
    let names = |at: Placement, target: &TargetPlan| match target {
        TargetPlan::Field(spec) => match spec.wire {
            Wire::Link(entity) => entity == link.to,
            Wire::ElementId => at == Placement::LinkedElements && link.to == Entity::Elements,
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
    use amo_model::answer::ItemError;
    use rust_decimal::Decimal;

    fn to(entity: Entity, id: u64) -> Link {
        Link { to: entity, id, catalog: None, quantity: None, main: None }
    }

    #[test]
    fn links_of_many_records_make_one_body() {
        let element = Link { catalog: Some(9), quantity: Some(Decimal::new(25, 1)), ..to(Entity::Elements, 5) };
        let main = Link { main: Some(true), ..to(Entity::Contacts, 6) };
        let items = [(2, 1, element), (2, 1, main), (3, 4, to(Entity::Companies, 7))];
        let items = items.map(|(row, id, link)| LinkItem { row, id, link, column: None, value: None });
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
    fn a_refusal_names_links_by_position() {
        let error = |path: &str| ItemError { code: "c".into(), path: path.into(), detail: "d".into() };
        let of = |request_id: Option<&str>, path: &str| {
            let item = ItemErrors { request_id: request_id.map(str::to_owned), errors: vec![error(path)] };
            refused_positions(&[item], 3).into_keys().collect::<Vec<_>>()
        };
        assert_eq!(of(Some("1"), "to_entity_id"), [1]);
        assert_eq!(of(None, "1.to_entity_id"), [1]);
        assert_eq!(of(Some("7"), "to_entity_id"), [] as [usize; 0]);
    }

    #[test]
    fn a_link_comes_back_from_the_store_as_it_was() {
        let stored = StoredLink {
            to: Entity::Elements,
            id: 5,
            catalog: Some(9),
            quantity: Some("2.50".into()),
            main: None,
            column: Some(3),
            value: Some("A-1".into()),
        };
        let json = serde_json::to_string(&stored).unwrap();
        let link = Link { catalog: Some(9), quantity: Some(Decimal::new(250, 2)), ..to(Entity::Elements, 5) };
        let expected = LinkItem { row: 2, id: 1, link, column: Some(3), value: Some("A-1".into()) };
        assert_eq!(from_store(&PendingLink { row: 2, id: 1, json }).unwrap(), expected);
    }
}
