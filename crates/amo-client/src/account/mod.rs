//! What is known of an account.
//!
//! - here: `Account`, a snapshot of pipelines, users, fields and catalogs, and the look-up of ids by name. Data only; names are
//!   compared folded (case, spaces, `ё`)
//! - `snapshot` reads it, `changes` compares an old one with a new one, `example` is one for tests
//! - `directory`: ids of very many elements or customers by name
//! - `record_states`: whether records still exist; `token_user`: the user of the token

mod changes;
mod directory;
mod example;
mod record_states;
pub mod snapshot;
mod token_user;

pub use changes::changes;
pub use directory::Directory;
pub use example::example;
pub use record_states::{RecordState, RecordStates, Visibility};
pub use token_user::TokenUser;

use amo_model::parts::{Basics, Catalog, CatalogElement, CustomField, LeadStage, Named, Pipeline, User};
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
    pub fields: BTreeMap<Owner, Vec<CustomField>>,
    #[serde(default)]
    pub segments: Vec<Named>,
    #[serde(default)]
    pub customer_statuses: Vec<Named>,
    /// By catalog: elements that a mapping may name by SKU or name. Catalogs that the mapping does not need are left out.
    #[serde(default)]
    pub elements: BTreeMap<u64, Vec<CatalogElement>>,
    /// Customers, where a mapping names them; else they are not read.
    #[serde(default)]
    pub customers: Option<Vec<Named>>,
}

/// What a snapshot holds beyond the account's own data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnapshotScope {
    pub pipelines: bool,
    pub users: bool,
    pub loss_reasons: bool,
    /// Entities whose custom fields may be named.
    pub fields: Vec<Entity>,
    /// The list of catalogs.
    pub catalog_list: bool,
    /// The fields of all catalogs, and the elements of all but those of invoices.
    pub all_catalogs: bool,
    /// Catalogs whose elements are made or changed, so that their fields are needed.
    pub catalogs: Vec<CatalogRef>,
    /// Catalogs whose elements are referred to.
    pub elements: Vec<CatalogRef>,
    /// Fields that may be chained lists; the elements of their catalogs are needed.
    pub chains: Vec<(Entity, String)>,
    pub customers: bool,
    pub segments: bool,
    pub statuses: bool,
}

impl SnapshotScope {
    /// The scope of an existing snapshot without elements and customers, to read it again.
    pub fn like(account: &Account) -> SnapshotScope {
        let mut scope = SnapshotScope {
            pipelines: !account.pipelines.is_empty(),
            users: !account.users.is_empty(),
            loss_reasons: !account.loss_reasons.is_empty(),
            segments: !account.segments.is_empty(),
            statuses: !account.customer_statuses.is_empty(),
            ..SnapshotScope::default()
        };
        for owner in account.fields.keys() {
            match owner {
                Owner::Entity(entity) => scope.fields.push(*entity),
                Owner::Catalog(id) => scope.catalogs.push(CatalogRef::Named(id.to_string())),
            }
        }
        scope
    }
}

/// How a catalog is referred to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogRef {
    /// By name or id.
    Named(String),
    /// The first of its type: `products`, `invoices`, `suppliers`.
    Typed(&'static str),
}

/// Why a name does not lead to one id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupError {
    /// Nothing has this name; the most similar names, best first.
    Unknown { near: Vec<String> },
    /// Several things have this name; how each can be told from the others.
    Ambiguous { choices: Vec<String> },
    /// It exists, but the service would refuse it; why.
    Unusable { why: Message },
}

impl Account {
    /// The time zone in which the account's days begin.
    pub fn timezone(&self) -> Option<&str> {
        self.basics.timezone.as_deref()
    }

    pub fn main_pipeline(&self) -> Option<&Pipeline> {
        self.pipelines.iter().find(|p| p.is_main).or_else(|| self.pipelines.first())
    }

    pub fn pipeline(&self, name: &str) -> Result<&Pipeline, LookupError> {
        let pipeline = by_name(&self.pipelines, name, |p| &p.name, |p| p.id)?;
        if pipeline.is_archive {
            return Err(LookupError::Unusable {
                why: message!("the pipeline \"{pipeline}\" is archived", pipeline = &pipeline.name),
            });
        }
        Ok(pipeline)
    }

    pub fn pipeline_by_id(&self, id: u64) -> Option<&Pipeline> {
        self.pipelines.iter().find(|p| p.id == id)
    }

    /// A stage of one pipeline. The stage of unsorted leads cannot be set by an ordinary write. [client]
    pub fn stage<'a>(&'a self, pipeline: &'a Pipeline, name: &str) -> Result<&'a LeadStage, LookupError> {
        let stage = by_name(&pipeline.stages, name, |s| &s.name, |s| s.id)?;
        if stage.kind == STATUS_TYPE_UNSORTED {
            let why = message!(
                "\"{stage}\" is the stage of incoming leads, which only the service sets (see [lead.metadata])",
                stage = &stage.name
            );
            return Err(LookupError::Unusable { why });
        }
        Ok(stage)
    }

    /// A stage of any pipeline, for updates that name no pipeline.
    pub fn stage_anywhere(&self, name: &str) -> Result<&LeadStage, LookupError> {
        let wanted = fold(name);
        let mut found: Vec<(&Pipeline, &LeadStage)> = Vec::new();
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
                Err(LookupError::Unknown { near: owned(nearest(name, names)) })
            }
            // 142 and 143 are the same id in every pipeline. [doc]
            [(_, first), rest @ ..] if rest.iter().all(|(_, s)| s.id == first.id) => Ok(first),
            many => Err(LookupError::Ambiguous {
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
    pub fn user(&self, name: &str) -> Result<&User, LookupError> {
        let wanted = fold(name);
        let user = match self.users.iter().find(|u| !u.email.is_empty() && fold(&u.email) == wanted) {
            Some(user) => user,
            None => by_name(&self.users, name, |u| &u.name, |u| u.id)
                .map_err(|error| self.choices_by_email(&wanted, error))?,
        };
        Ok(user)
    }

    /// A user who may be responsible: the service refuses those who have left. [inferred]
    pub fn active_user(&self, name: &str) -> Result<&User, LookupError> {
        let user = self.user(name)?;
        if !user.is_active {
            let active = self.users.iter().filter(|u| u.is_active).map(|u| format!("\"{}\"", u.name));
            let active: Vec<String> = active.take(5).collect();
            let why =
                message!("the user \"{user}\" is not active; active users are {active}", user = &user.name, active);
            return Err(LookupError::Unusable { why });
        }
        Ok(user)
    }

    fn choices_by_email(&self, wanted: &str, error: LookupError) -> LookupError {
        match error {
            LookupError::Ambiguous { .. } => {
                let same = self.users.iter().filter(|u| fold(&u.name) == wanted);
                LookupError::Ambiguous { choices: same.map(|u| u.email.clone()).collect() }
            }
            LookupError::Unknown { .. } | LookupError::Unusable { .. } => error,
        }
    }

    pub fn loss_reason(&self, name: &str) -> Result<&Named, LookupError> {
        by_name(&self.loss_reasons, name, |r| &r.name, |r| r.id)
    }

    pub fn catalog(&self, name: &str) -> Result<&Catalog, LookupError> {
        by_name(&self.catalogs, name, |c| &c.name, |c| c.id)
    }

    pub fn catalog_of(&self, wanted: &CatalogRef) -> Option<&Catalog> {
        match wanted {
            CatalogRef::Named(name) => self.catalog(name).ok(),
            CatalogRef::Typed(kind) => self.catalogs.iter().find(|catalog| catalog.kind == *kind),
        }
    }

    pub fn segment(&self, name: &str) -> Result<&Named, LookupError> {
        by_name(&self.segments, name, |s| &s.name, |s| s.id)
    }

    pub fn customer_status(&self, name: &str) -> Result<&Named, LookupError> {
        by_name(&self.customer_statuses, name, |s| &s.name, |s| s.id)
    }

    pub fn fields(&self, owner: Owner) -> &[CustomField] {
        self.fields.get(&owner).map_or(&[], Vec::as_slice)
    }

    /// A custom field by `id:294471`, by code, or by name.
    pub fn field(&self, owner: Owner, name: &str) -> Result<&CustomField, LookupError> {
        let fields = self.fields(owner);
        if let Some(id) = name.trim().strip_prefix("id:") {
            let id: Option<u64> = id.trim().parse().ok();
            let near = Vec::new();
            return fields.iter().find(|f| Some(f.id) == id).ok_or(LookupError::Unknown { near });
        }
        let trimmed = name.trim();
        if let Some(field) = fields.iter().find(|f| f.code.as_deref() == Some(trimmed)) {
            return Ok(field);
        }
        let wanted = fold(name);
        let found: Vec<&CustomField> = fields.iter().filter(|f| fold(&f.name) == wanted).collect();
        match found.as_slice() {
            [one] => Ok(one),
            [] => {
                let names = fields.iter().flat_map(|f| [Some(f.name.as_str()), f.code.as_deref()]).flatten();
                Err(LookupError::Unknown { near: owned(nearest(name, names)) })
            }
            many => Err(LookupError::Ambiguous { choices: many.iter().map(|f| format!("\"id:{}\"", f.id)).collect() }),
        }
    }

    /// All names by which `field` finds a field, for `is_named`: to check many names that may be unknown, which `field` would each
    /// compare with all known names.
    pub fn field_names(&self, owner: Owner) -> HashSet<String> {
        let names =
            |field: &CustomField| [Some(fold(&field.name)), field.code.clone(), Some(format!("id:{}", field.id))];
        self.fields(owner).iter().flat_map(names).flatten().collect()
    }

    /// True where a name is one of `field_names`.
    pub fn is_named(names: &HashSet<String>, name: &str) -> bool {
        let trimmed = name.trim();
        let id = || trimmed.strip_prefix("id:").is_some_and(|id| names.contains(&format!("id:{}", id.trim())));
        names.contains(trimmed) || names.contains(&fold(name)) || id()
    }

    /// The names of the stages that an import may set, in order.
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
) -> Result<&'a T, LookupError> {
    let folded = fold(wanted);
    let mut found = all.iter().filter(|item| fold(name(item)) == folded);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => {
            let same = all.iter().filter(|item| fold(name(item)) == folded);
            Err(LookupError::Ambiguous { choices: same.map(|item| id(item).to_string()).collect() })
        }
        (None, _) => {
            let number = wanted.trim().parse::<u64>().ok();
            all.iter().find(|item| Some(id(item)) == number).ok_or_else(|| LookupError::Unknown {
                near: owned(nearest(wanted, all.iter().map(|i| name(i).as_str()))),
            })
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
    fn names_lead_to_ids_and_errors_say_why_not() {
        let account = example();
        assert_eq!(account.pipeline("продажи").map(|p| p.id), Ok(1));
        assert_eq!(account.pipeline("2").map(|p| p.id), Ok(2));
        assert_eq!(account.user("ANNA@example.com").map(|u| u.id), Ok(5));
        assert_eq!(
            account.user("Иван Петров"),
            Err(LookupError::Ambiguous { choices: vec!["ivan@example.com".into(), "ivan2@example.com".into()] })
        );
        assert!(matches!(account.active_user("Елена Попова"), Err(LookupError::Unusable { .. })));
        let sales = account.pipeline("Продажи").unwrap();
        assert!(matches!(account.stage(sales, "Неразобранное"), Err(LookupError::Unusable { .. })));
        assert_eq!(account.stage(sales, "Переговори"), Err(LookupError::Unknown { near: vec!["Переговоры".into()] }));
        assert_eq!(account.stage_anywhere("Успешно").map(|s| s.id), Ok(142));
    }
}
