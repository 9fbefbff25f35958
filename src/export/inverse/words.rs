//! Texts by which the mapping finds an id: names, SKUs, keys, each tried with the mapping's own lookup.

use crate::mapping::language::ast::Literal;
use crate::mapping::lookup::{ElementBy, LookupKind};
use crate::mapping::plan::Plan;
use amo_model::parts::{CatalogElement, CustomField, FieldOption};
use amo_model::{Entity, Owner};
use std::collections::HashMap;
use std::sync::Arc;

/// The key under which an earlier import created an id.
pub type KeyOf = dyn Fn(Entity, Option<u64>, u64) -> Option<String>;

/// Number of cached names; a column of names has few different ones.
const CACHED_MAX: usize = 20_000;

/// An id and the lookup by which the mapping finds it.
#[derive(Debug, Clone, Copy)]
pub struct NameQuery<'a> {
    pub what: &'a LookupKind,
    /// The pipeline in which the mapping looks for a stage.
    pub within: Option<u64>,
    /// The pipeline of the record.
    pub pipeline: Option<u64>,
    pub id: u64,
}

/// A text for an id, and whether the mapping finds the id by it.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportedName {
    pub text: String,
    pub found: bool,
}

/// Target, origin, pipeline and id.
type CacheKey = (usize, usize, u64, u64);

/// Finds texts for ids.
pub struct NameFinder {
    plan: Arc<Plan>,
    keys: Box<KeyOf>,
    /// Elements by id.
    items: HashMap<u64, CatalogElement>,
    customers: HashMap<u64, String>,
    cache: HashMap<CacheKey, ExportedName>,
}

impl NameFinder {
    pub fn new(plan: Arc<Plan>, keys: Box<KeyOf>) -> NameFinder {
        let account = &plan.account;
        let items = account.elements.values().flatten().map(|item| (item.id, item.clone())).collect();
        let customers = account.customers.iter().flatten().map(|one| (one.id, one.name.clone())).collect();
        NameFinder { keys, items, customers, cache: HashMap::new(), plan }
    }

    /// The key under which an earlier import created an id.
    pub fn key(&self, entity: Entity, catalog: Option<u64>, id: u64) -> Option<String> {
        (self.keys)(entity, catalog, id)
    }

    /// The first text by which the mapping finds the id: one of its own translations, the name, or another one.
    pub fn of(
        &mut self,
        place: (usize, usize),
        query: NameQuery<'_>,
        translation: &[(String, Literal)],
    ) -> ExportedName {
        let place = (place.0, place.1, query.pipeline.unwrap_or(0), query.id);
        if let Some(word) = self.cache.get(&place) {
            return word.clone();
        }
        let word = self.find(query, translation);
        if self.cache.len() < CACHED_MAX {
            self.cache.insert(place, word.clone());
        }
        word
    }

    fn find(&self, query: NameQuery<'_>, translation: &[(String, Literal)]) -> ExportedName {
        let finds = |text: &str| self.plan.resolver.resolve(query.what, query.within, text) == Ok(query.id);
        let translated = translation.iter().find(|(_, written)| !written.is_empty() && finds(written));
        if let Some((found, _)) = translated {
            return ExportedName { text: found.clone(), found: true };
        }
        let names = self.names(query);
        let known = names.iter().find(|name| finds(name));
        let text = known.or(names.first()).cloned().unwrap_or_else(|| query.id.to_string());
        ExportedName { text, found: known.is_some() }
    }

    /// Possible texts for the id, the best first.
    fn names(&self, query: NameQuery<'_>) -> Vec<String> {
        let account = &self.plan.account;
        let id = query.id;
        let mut names: Vec<String> = match *query.what {
            LookupKind::Pipeline => account.pipeline_by_id(id).map(|p| p.name.clone()).into_iter().collect(),
            LookupKind::Stage { .. } => {
                let own = query.pipeline.and_then(|id| account.pipeline_by_id(id));
                let stages = own.into_iter().chain(&account.pipelines).flat_map(|p| &p.stages);
                stages.filter(|stage| stage.id == id).map(|stage| stage.name.clone()).take(1).collect()
            }
            LookupKind::LossReason => named(account.loss_reasons.iter().map(|r| (r.id, &r.name)), id),
            LookupKind::UserOrRobot if id == 0 => vec!["0".to_owned()],
            LookupKind::ActiveUser | LookupKind::UserOrRobot => {
                let user = account.users.iter().find(|user| user.id == id);
                user.map(|user| vec![user.name.clone(), user.email.clone()]).unwrap_or_default()
            }
            LookupKind::Option(ref field) => options(field, id),
            LookupKind::Segment => named(account.segments.iter().map(|s| (s.id, &s.name)), id),
            LookupKind::CustomerStatus => named(account.customer_statuses.iter().map(|s| (s.id, &s.name)), id),
            LookupKind::Catalog => named(account.catalogs.iter().map(|c| (c.id, &c.name)), id),
            LookupKind::Customer => self.customers.get(&id).cloned().into_iter().collect(),
            LookupKind::PriceField { catalog } => {
                named(account.fields(Owner::Catalog(catalog)).iter().map(|f| (f.id, &f.name)), id)
            }
            LookupKind::Element { by, .. } => self.items.get(&id).map(|item| element(item, by)).unwrap_or_default(),
            LookupKind::Ledger { entity, catalog, .. } => self.key(entity, catalog, id).into_iter().collect(),
        };
        names.retain(|name| !name.is_empty());
        names.push(id.to_string());
        names.push(format!("id:{id}"));
        names
    }
}

fn named<'a>(mut all: impl Iterator<Item = (u64, &'a String)>, id: u64) -> Vec<String> {
    all.find(|(known, _)| *known == id).map(|(_, name)| name.clone()).into_iter().collect()
}

fn element(item: &CatalogElement, by: ElementBy) -> Vec<String> {
    let sku = item.sku.clone();
    match by {
        ElementBy::Sku => sku.into_iter().collect(),
        ElementBy::Name => vec![item.name.clone()],
        ElementBy::Either => sku.into_iter().chain([item.name.clone()]).collect(),
    }
}

/// The text of an option, and its path in a tree of options.
fn options(field: &CustomField, id: u64) -> Vec<String> {
    let find = |id: u64| field.options.iter().find(|option| option.id == id);
    let Some(option) = find(id) else { return Vec::new() };
    let mut path = vec![option.value.as_str()];
    let mut parent: Option<&FieldOption> = option.parent.and_then(find);
    // The length is limited, for a circle in the tree.
    while let Some(branch) = parent.filter(|_| path.len() <= field.options.len()) {
        path.push(&branch.value);
        parent = branch.parent.and_then(find);
    }
    path.reverse();
    vec![option.value.clone(), path.join(" / ")]
}
