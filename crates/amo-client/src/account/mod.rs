//! A snapshot of what an account is made of, and the ways from a name to an id. It is data only: `api::pull` fills it,
//! the store keeps it, the mapping asks it. Names are compared folded (case, spaces, `ё`).

mod changes;
mod directory;
mod example;

pub use changes::changes;
pub use directory::Directory;
pub use example::example;

use amo_model::parts::{Basics, Catalog, Field, Item, Named, Pipeline, Stage, User};
use amo_model::{Entity, Owner, STATUS_TYPE_UNSORTED};
use serde::{Deserialize, Serialize};
use sheet_source::fold;
use sheet_source::message;
use sheet_source::problem::{Message, nearest};
use std::collections::{BTreeMap, HashSet};

/// The snapshot's format; a file with another number is not read.
pub const SNAPSHOT_SCHEMA: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    pub schema: u32,
    /// The host's address, `https://example.amocrm.ru`.
    pub base: String,
    /// Unix seconds.
    pub pulled_at: i64,
    pub basics: Basics,
    pub pipelines: Vec<Pipeline>,
    pub users: Vec<User>,
    pub loss_reasons: Vec<Named>,
    pub catalogs: Vec<Catalog>,
    pub fields: BTreeMap<Owner, Vec<Field>>,
    #[serde(default)]
    pub segments: Vec<Named>,
    #[serde(default)]
    pub customer_statuses: Vec<Named>,
    /// Elements of lists that a mapping names by article or name; a list that nothing needs is not there.
    #[serde(default)]
    pub elements: BTreeMap<u64, Vec<Item>>,
    /// Customers, where a mapping names them; they are not asked for otherwise.
    #[serde(default)]
    pub customers: Option<Vec<Named>>,
}

/// What of an account is needed beyond its pipelines and users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Entities whose custom fields may be named.
    pub fields: Vec<Entity>,
    /// The lists themselves.
    pub lists: bool,
    /// The fields and elements of all lists but those of invoices.
    pub all_lists: bool,
    /// Lists whose elements are made or changed: their fields are needed.
    pub catalogs: Vec<CatalogRef>,
    /// Lists whose elements are referred to.
    pub elements: Vec<CatalogRef>,
    /// Fields of these names go through lists, if they are chains.
    pub chains: Vec<(Entity, String)>,
    pub customers: bool,
    pub segments: bool,
    pub statuses: bool,
}

impl Wanted {
    /// What an account's snapshot holds, to be asked for once more; elements and customers apart.
    pub fn like(account: &Account) -> Wanted {
        let mut wanted = Wanted {
            segments: !account.segments.is_empty(),
            statuses: !account.customer_statuses.is_empty(),
            ..Wanted::default()
        };
        for owner in account.fields.keys() {
            match owner {
                Owner::Entity(entity) => wanted.fields.push(*entity),
                Owner::Catalog(id) => wanted.catalogs.push(CatalogRef::Named(id.to_string())),
            }
        }
        wanted
    }
}

/// A list, as somebody refers to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogRef {
    /// By name or id.
    Named(String),
    /// The first of its type: `products`, `invoices`, `suppliers`.
    Typed(&'static str),
}

/// A name that leads to no one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    /// Nothing has it; the nearest names, best first.
    Unknown { near: Vec<String> },
    /// Several things have it; how each can be told from the others.
    Ambiguous { choices: Vec<String> },
    /// It is there, but the service would refuse it; why.
    Unusable { why: Message },
}

impl Account {
    /// The zone that decides an account's midnight.
    pub fn timezone(&self) -> Option<&str> {
        self.basics.timezone.as_deref()
    }

    pub fn main_pipeline(&self) -> Option<&Pipeline> {
        self.pipelines.iter().find(|p| p.is_main).or_else(|| self.pipelines.first())
    }

    pub fn pipeline(&self, name: &str) -> Result<&Pipeline, Miss> {
        let pipeline = by_name(&self.pipelines, name, |p| &p.name, |p| p.id)?;
        if pipeline.is_archive {
            return Err(Miss::Unusable {
                why: message!("the pipeline \"{pipeline}\" is archived", pipeline = &pipeline.name),
            });
        }
        Ok(pipeline)
    }

    pub fn pipeline_by_id(&self, id: u64) -> Option<&Pipeline> {
        self.pipelines.iter().find(|p| p.id == id)
    }

    /// A stage of one pipeline. The stage of unsorted leads cannot be set by a plain write. [client]
    pub fn stage<'a>(&'a self, pipeline: &'a Pipeline, name: &str) -> Result<&'a Stage, Miss> {
        let stage = by_name(&pipeline.stages, name, |s| &s.name, |s| s.id)?;
        if stage.kind == STATUS_TYPE_UNSORTED {
            let why = message!(
                "\"{stage}\" is the stage of incoming leads and is given by the service alone (see [lead.metadata])",
                stage = &stage.name
            );
            return Err(Miss::Unusable { why });
        }
        Ok(stage)
    }

    /// A stage looked for in all pipelines, for updates that name no pipeline.
    pub fn stage_anywhere(&self, name: &str) -> Result<&Stage, Miss> {
        let wanted = fold(name);
        let mut found: Vec<(&Pipeline, &Stage)> = Vec::new();
        for pipeline in self.pipelines.iter().filter(|p| !p.is_archive) {
            found.extend(
                pipeline
                    .stages
                    .iter()
                    .filter(|s| s.kind != STATUS_TYPE_UNSORTED && fold(&s.name) == wanted)
                    .map(|stage| (pipeline, stage)),
            );
        }
        match found.as_slice() {
            [] => {
                let names = self.pipelines.iter().flat_map(|p| p.stages.iter().map(|s| s.name.as_str()));
                Err(Miss::Unknown { near: owned(nearest(name, names)) })
            }
            // 142 and 143 are the same id in every pipeline. [doc]
            [(_, first), rest @ ..] if rest.iter().all(|(_, s)| s.id == first.id) => Ok(first),
            many => Err(Miss::Ambiguous {
                choices: many.iter().map(|(p, s)| format!("\"{}\" of the pipeline \"{}\"", s.name, p.name)).collect(),
            }),
        }
    }

    /// The other pipelines that have a stage of this name, for a message.
    pub fn pipelines_with_stage(&self, name: &str) -> Vec<&str> {
        let wanted = fold(name);
        let has = |p: &&Pipeline| p.stages.iter().any(|s| fold(&s.name) == wanted);
        self.pipelines.iter().filter(has).map(|p| p.name.as_str()).collect()
    }

    /// A user by name, e-mail or id.
    pub fn user(&self, name: &str) -> Result<&User, Miss> {
        let wanted = fold(name);
        let user = match self.users.iter().find(|u| !u.email.is_empty() && fold(&u.email) == wanted) {
            Some(user) => user,
            None => by_name(&self.users, name, |u| &u.name, |u| u.id)
                .map_err(|miss| self.tell_users_apart(&wanted, miss))?,
        };
        Ok(user)
    }

    /// A user who may be responsible: the service refuses those who have left. [inferred]
    pub fn active_user(&self, name: &str) -> Result<&User, Miss> {
        let user = self.user(name)?;
        if !user.is_active {
            let active = self.users.iter().filter(|u| u.is_active).map(|u| format!("\"{}\"", u.name));
            let active: Vec<String> = active.take(5).collect();
            let why =
                message!("the user \"{user}\" is not active; active users are {active}", user = &user.name, active);
            return Err(Miss::Unusable { why });
        }
        Ok(user)
    }

    fn tell_users_apart(&self, wanted: &str, miss: Miss) -> Miss {
        match miss {
            Miss::Ambiguous { .. } => {
                let same = self.users.iter().filter(|u| fold(&u.name) == wanted);
                Miss::Ambiguous { choices: same.map(|u| u.email.clone()).collect() }
            }
            Miss::Unknown { .. } | Miss::Unusable { .. } => miss,
        }
    }

    pub fn loss_reason(&self, name: &str) -> Result<&Named, Miss> {
        by_name(&self.loss_reasons, name, |r| &r.name, |r| r.id)
    }

    pub fn catalog(&self, name: &str) -> Result<&Catalog, Miss> {
        by_name(&self.catalogs, name, |c| &c.name, |c| c.id)
    }

    pub fn catalog_of(&self, wanted: &CatalogRef) -> Option<&Catalog> {
        match wanted {
            CatalogRef::Named(name) => self.catalog(name).ok(),
            CatalogRef::Typed(kind) => self.catalogs.iter().find(|catalog| catalog.kind == *kind),
        }
    }

    pub fn segment(&self, name: &str) -> Result<&Named, Miss> {
        by_name(&self.segments, name, |s| &s.name, |s| s.id)
    }

    pub fn customer_status(&self, name: &str) -> Result<&Named, Miss> {
        by_name(&self.customer_statuses, name, |s| &s.name, |s| s.id)
    }

    pub fn fields(&self, owner: Owner) -> &[Field] {
        self.fields.get(&owner).map_or(&[], Vec::as_slice)
    }

    /// A custom field by `id:294471`, by code, or by name.
    pub fn field(&self, owner: Owner, name: &str) -> Result<&Field, Miss> {
        let fields = self.fields(owner);
        if let Some(id) = name.trim().strip_prefix("id:") {
            let id: Option<u64> = id.trim().parse().ok();
            let near = Vec::new();
            return fields.iter().find(|f| Some(f.id) == id).ok_or(Miss::Unknown { near });
        }
        let trimmed = name.trim();
        if let Some(field) = fields.iter().find(|f| f.code.as_deref() == Some(trimmed)) {
            return Ok(field);
        }
        let wanted = fold(name);
        let found: Vec<&Field> = fields.iter().filter(|f| fold(&f.name) == wanted).collect();
        match found.as_slice() {
            [one] => Ok(one),
            [] => {
                let names = fields.iter().flat_map(|f| [Some(f.name.as_str()), f.code.as_deref()]).flatten();
                Err(Miss::Unknown { near: owned(nearest(name, names)) })
            }
            many => Err(Miss::Ambiguous { choices: many.iter().map(|f| format!("\"id:{}\"", f.id)).collect() }),
        }
    }

    /// What `field` finds one or several by, as `named` writes it: for many names that may be unknown, each of which `field` would
    /// compare with all that are known.
    pub fn field_names(&self, owner: Owner) -> HashSet<String> {
        let names = |field: &Field| [Some(fold(&field.name)), field.code.clone(), Some(format!("id:{}", field.id))];
        self.fields(owner).iter().flat_map(names).flatten().collect()
    }

    /// True where a name is among `field_names`.
    pub fn is_named(names: &HashSet<String>, name: &str) -> bool {
        let trimmed = name.trim();
        let id = || trimmed.strip_prefix("id:").is_some_and(|id| names.contains(&format!("id:{}", id.trim())));
        names.contains(trimmed) || names.contains(&fold(name)) || id()
    }

    /// The names of the stages a person may write, in order.
    pub fn stage_names(pipeline: &Pipeline) -> impl Iterator<Item = &str> {
        pipeline.stages.iter().filter(|s| s.kind != STATUS_TYPE_UNSORTED).map(|s| s.name.as_str())
    }
}

/// Finds by name, then by id written as digits.
fn by_name<'a, T>(
    all: &'a [T],
    wanted: &str,
    name: impl Fn(&T) -> &String,
    id: impl Fn(&T) -> u64,
) -> Result<&'a T, Miss> {
    let folded = fold(wanted);
    let mut found = all.iter().filter(|item| fold(name(item)) == folded);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => {
            let same = all.iter().filter(|item| fold(name(item)) == folded);
            Err(Miss::Ambiguous { choices: same.map(|item| id(item).to_string()).collect() })
        }
        (None, _) => {
            let number = wanted.trim().parse::<u64>().ok();
            all.iter()
                .find(|item| Some(id(item)) == number)
                .ok_or_else(|| Miss::Unknown { near: owned(nearest(wanted, all.iter().map(|i| name(i).as_str()))) })
        }
    }
}

fn owned(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_ids_and_misses_say_why() {
        let account = example();
        assert_eq!(account.pipeline("продажи").map(|p| p.id), Ok(1));
        assert_eq!(account.pipeline("2").map(|p| p.id), Ok(2));
        assert_eq!(account.user("ANNA@example.com").map(|u| u.id), Ok(5));
        assert_eq!(
            account.user("Иван Петров"),
            Err(Miss::Ambiguous { choices: vec!["ivan@example.com".into(), "ivan2@example.com".into()] })
        );
        assert!(matches!(account.active_user("Елена Попова"), Err(Miss::Unusable { .. })));
        let sales = account.pipeline("Продажи").unwrap();
        assert!(matches!(account.stage(sales, "Неразобранное"), Err(Miss::Unusable { .. })));
        assert_eq!(account.stage(sales, "Переговори"), Err(Miss::Unknown { near: vec!["Переговоры".into()] }));
        assert_eq!(account.stage_anywhere("Успешно").map(|s| s.id), Ok(142));
    }
}
