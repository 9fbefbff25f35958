//! What the mapping would have to read to come to an id: names, articles, keys, each tried by the mapping's own look-up.

use crate::mapping::plan::{ElementBy, LookupWhat, Plan, TargetPlan};
use crate::mapping::resolve;
use crate::mapping::written::Literal;
use amo_model::parts::{CatalogElement, CustomField, FieldOption};
use amo_model::{Entity, Owner};
use std::collections::HashMap;
use std::sync::Arc;

/// The key under which an earlier import has made an id.
pub type KeyOf = dyn Fn(Entity, Option<u64>, u64) -> Option<String>;

/// Words remembered; a column of names holds few different ones.
const KEPT_MAX: usize = 20_000;

/// An id that is looked for, and where its name is read.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub target: &'a TargetPlan,
    pub what: &'a LookupWhat,
    /// The pipeline in which the mapping looks for a stage; the item's own one.
    pub within: Option<u64>,
    pub pipeline: Option<u64>,
    pub id: u64,
}

/// A word, and whether the mapping finds the id by it.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    pub text: String,
    pub found: bool,
}

/// By target and origin, pipeline and id.
type Place = (usize, usize, u64, u64);

pub struct Words {
    plan: Arc<Plan>,
    keys: Box<KeyOf>,
    /// Elements by id: name and article.
    items: HashMap<u64, CatalogElement>,
    customers: HashMap<u64, String>,
    kept: HashMap<Place, Word>,
}

impl Words {
    pub fn new(plan: Arc<Plan>, keys: Box<KeyOf>) -> Words {
        let account = &plan.account;
        let items = account.elements.values().flatten().map(|item| (item.id, item.clone())).collect();
        let customers = account.customers.iter().flatten().map(|one| (one.id, one.name.clone())).collect();
        Words { keys, items, customers, kept: HashMap::new(), plan }
    }

    pub fn key(&self, entity: Entity, catalog: Option<u64>, id: u64) -> Option<String> {
        (self.keys)(entity, catalog, id)
    }

    /// The first word by which the mapping finds the id: one of its own translations, the name, whatever else there is.
    pub fn of(&mut self, place: (usize, usize), wanted: Wanted<'_>, translation: &[(String, Literal)]) -> Word {
        let place = (place.0, place.1, wanted.pipeline.unwrap_or(0), wanted.id);
        if let Some(word) = self.kept.get(&place) {
            return word.clone();
        }
        let word = self.find(wanted, translation);
        if self.kept.len() < KEPT_MAX {
            self.kept.insert(place, word.clone());
        }
        word
    }

    fn find(&self, wanted: Wanted<'_>, translation: &[(String, Literal)]) -> Word {
        let finds =
            |text: &str| resolve(&self.plan.book, wanted.what, wanted.within, text, wanted.target) == Ok(wanted.id);
        let translated = translation.iter().find(|(_, written)| !written.is_empty() && finds(written));
        if let Some((found, _)) = translated {
            return Word { text: found.clone(), found: true };
        }
        let names = self.names(wanted);
        let known = names.iter().find(|name| finds(name));
        let text = known.or(names.first()).cloned().unwrap_or_else(|| wanted.id.to_string());
        Word { text, found: known.is_some() }
    }

    /// All that the id may be called, the best first.
    fn names(&self, wanted: Wanted<'_>) -> Vec<String> {
        let account = &self.plan.account;
        let id = wanted.id;
        let mut names: Vec<String> = match *wanted.what {
            LookupWhat::Pipeline => account.pipeline_by_id(id).map(|p| p.name.clone()).into_iter().collect(),
            LookupWhat::Stage { .. } => {
                let own = wanted.pipeline.and_then(|id| account.pipeline_by_id(id));
                let stages = own.into_iter().chain(&account.pipelines).flat_map(|p| &p.stages);
                stages.filter(|stage| stage.id == id).map(|stage| stage.name.clone()).take(1).collect()
            }
            LookupWhat::LossReason => named(account.loss_reasons.iter().map(|r| (r.id, &r.name)), id),
            LookupWhat::UserOrRobot if id == 0 => vec!["0".to_owned()],
            LookupWhat::ActiveUser | LookupWhat::UserOrRobot => {
                let user = account.users.iter().find(|user| user.id == id);
                user.map(|user| vec![user.name.clone(), user.email.clone()]).unwrap_or_default()
            }
            LookupWhat::Option { .. } => match wanted.target {
                TargetPlan::Custom { field, .. } => options(field, id),
                TargetPlan::Field(_) => Vec::new(),
            },
            LookupWhat::Segment => named(account.segments.iter().map(|s| (s.id, &s.name)), id),
            LookupWhat::CustomerStatus => named(account.customer_statuses.iter().map(|s| (s.id, &s.name)), id),
            LookupWhat::Catalog => named(account.catalogs.iter().map(|c| (c.id, &c.name)), id),
            LookupWhat::Customer => self.customers.get(&id).cloned().into_iter().collect(),
            LookupWhat::PriceField { catalog } => {
                named(account.fields(Owner::Catalog(catalog)).iter().map(|f| (f.id, &f.name)), id)
            }
            LookupWhat::Element { by, .. } => self.items.get(&id).map(|item| element(item, by)).unwrap_or_default(),
            LookupWhat::Ledger { entity, catalog, .. } => self.key(entity, catalog, id).into_iter().collect(),
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
    let article = item.sku.clone();
    match by {
        ElementBy::Article => article.into_iter().collect(),
        ElementBy::Name => vec![item.name.clone()],
        ElementBy::Either => article.into_iter().chain([item.name.clone()]).collect(),
    }
}

/// An option's text, and its path where it hangs on a branch of a tree.
fn options(field: &CustomField, id: u64) -> Vec<String> {
    let find = |id: u64| field.options.iter().find(|option| option.id == id);
    let Some(option) = find(id) else { return Vec::new() };
    let mut path = vec![option.value.as_str()];
    let mut parent: Option<&FieldOption> = option.parent.and_then(find);
    // A tree that runs in a circle ends here.
    while let Some(branch) = parent.filter(|_| path.len() <= field.options.len()) {
        path.push(&branch.value);
        parent = branch.parent.and_then(find);
    }
    path.reverse();
    vec![option.value.clone(), path.join(" / ")]
}
