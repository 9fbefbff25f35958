//! Reads the snapshot of an account: a handful of lists, once per run.

use super::{Account, SNAPSHOT_SCHEMA, SnapshotScope};
use crate::http::{Client, Failure};
use crate::lists::List;
use amo_model::parts::{self, Basics, Catalog, CustomField, Named};
use amo_model::{
    ACCOUNT_PATH, CUSTOM_FIELDS_PATH, Entity, FieldKind, INVOICES, LOSS_REASONS_PATH, Needs, Owner, PAGE_MAX,
    PIPELINES_PATH, USERS_PATH, Wrapping, answer,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// The most pages of one list: a million elements are more than a mapping names.
const PAGES_MAX: u32 = 4_000;

/// A part of the account that could not be read, and why. The snapshot lacks it.
pub type Gap = (String, Failure);

/// Reads the account's own data.
pub async fn basics(client: &Client) -> Result<Basics, Failure> {
    let reply = client.read(ACCOUNT_PATH, &[("with", "datetime_settings")]).await?;
    let not_an_account = || Failure::Unreadable("this is not an account of amoCRM or Kommo".to_owned());
    let value: Value = serde_json::from_slice(&reply.body).map_err(|_| not_an_account())?;
    parts::basics(&value).ok_or_else(not_an_account)
}

/// Reads a snapshot; `now` in unix seconds.
pub async fn pull(client: &Client, scope: &SnapshotScope, now: i64) -> Result<(Account, Vec<Gap>), Failure> {
    pull_with(client, basics(client).await?, scope, now).await
}

/// Reads a snapshot of an account whose own data were read already; `now` in unix seconds. Lists that the token may not read
/// are gaps and not failures, because a mapping may not need them.
pub async fn pull_with(
    client: &Client,
    basics: Basics,
    scope: &SnapshotScope,
    now: i64,
) -> Result<(Account, Vec<Gap>), Failure> {
    let mut account = Account {
        schema: SNAPSHOT_SCHEMA,
        base: client.base().as_str().trim_end_matches('/').to_owned(),
        pulled_at: now,
        basics,
        pipelines: Vec::new(),
        users: Vec::new(),
        loss_reasons: Vec::new(),
        catalogs: Vec::new(),
        fields: BTreeMap::new(),
        segments: Vec::new(),
        customer_statuses: Vec::new(),
        elements: BTreeMap::new(),
        customers: None,
    };
    let reader = SnapshotReader { client, scope, gaps: Mutex::default() };
    let mode = account.basics.customers_mode.clone();
    // In parallel, since nothing else can begin before all of them have come.
    (
        account.pipelines,
        account.users,
        account.loss_reasons,
        account.catalogs,
        account.segments,
        account.customer_statuses,
        account.customers,
        account.fields,
    ) = tokio::try_join!(
        reader.list(PIPELINES_PATH, "pipelines", "pipelines", parts::pipeline),
        reader.list(USERS_PATH, "users", "users", parts::user),
        reader.list(LOSS_REASONS_PATH, "loss_reasons", "loss reasons", parts::named),
        reader.catalogs(),
        reader.segments(&mode),
        reader.statuses(&mode),
        reader.customers(&mode),
        reader.entity_fields(&mode),
    )?;
    reader.catalog_fields(&mut account).await?;
    reader.elements(&mut account).await?;
    Ok((account, reader.gaps.into_inner().unwrap_or_else(PoisonError::into_inner)))
}

struct SnapshotReader<'a> {
    client: &'a Client,
    scope: &'a SnapshotScope,
    gaps: Mutex<Vec<Gap>>,
}

impl SnapshotReader<'_> {
    async fn catalogs(&self) -> Result<Vec<Catalog>, Failure> {
        let scope = self.scope;
        if !scope.catalog_list && scope.catalogs.is_empty() && scope.elements.is_empty() {
            return Ok(Vec::new());
        }
        self.list(Entity::Catalogs.path(), "catalogs", "lists", parts::catalog).await
    }

    /// Segments and statuses exist in one mode each; in the other one the service answers 422. [seed]
    async fn segments(&self, mode: &str) -> Result<Vec<Named>, Failure> {
        if !self.scope.segments || !Needs::Segments.met_by(mode) {
            return Ok(Vec::new());
        }
        self.list(Entity::Segments.path(), "segments", "segments", parts::named).await
    }

    async fn statuses(&self, mode: &str) -> Result<Vec<Named>, Failure> {
        if !self.scope.statuses || !Needs::Periodicity.met_by(mode) {
            return Ok(Vec::new());
        }
        self.list(Entity::Statuses.path(), "statuses", "statuses of customers", parts::named).await
    }

    async fn customers(&self, mode: &str) -> Result<Option<Vec<Named>>, Failure> {
        if !self.scope.customers || !Needs::Customers.met_by(mode) {
            return Ok(None);
        }
        self.list(Entity::Customers.path(), "customers", "customers", parts::named).await.map(Some)
    }

    async fn entity_fields(&self, mode: &str) -> Result<BTreeMap<Owner, Vec<CustomField>>, Failure> {
        let mut fields = BTreeMap::new();
        for entity in &self.scope.fields {
            let needs = match entity {
                Entity::Customers => Needs::Customers,
                Entity::Segments => Needs::Segments,
                _ => Needs::Nothing,
            };
            if needs.met_by(mode) {
                let owner = Owner::Entity(*entity);
                fields.insert(owner, self.fields_of(owner).await?);
            }
        }
        Ok(fields)
    }

    async fn catalog_fields(&self, account: &mut Account) -> Result<(), Failure> {
        let named = self.scope.catalogs.iter().filter_map(|c| account.catalog_of(c)).map(|catalog| catalog.id);
        let all = account.catalogs.iter().filter(|_| self.scope.all_catalogs).map(|catalog| catalog.id);
        let catalogs: BTreeSet<u64> = named.chain(all).collect();
        for owner in catalogs.into_iter().map(Owner::Catalog) {
            let fields = self.fields_of(owner).await?;
            account.fields.insert(owner, fields);
        }
        Ok(())
    }

    async fn fields_of(&self, owner: Owner) -> Result<Vec<CustomField>, Failure> {
        let path = format!("{}/{CUSTOM_FIELDS_PATH}", owner.path());
        self.list(&path, "custom_fields", &format!("fields of {}", owner.path()), parts::field).await
    }

    async fn elements(&self, account: &mut Account) -> Result<(), Failure> {
        let mut catalogs: BTreeSet<u64> =
            self.scope.elements.iter().filter_map(|c| account.catalog_of(c)).map(|c| c.id).collect();
        if self.scope.all_catalogs {
            // Nothing refers to invoices, and there may be very many.
            catalogs.extend(account.catalogs.iter().filter(|c| c.kind != INVOICES).map(|c| c.id));
        }
        let mut known: HashMap<Owner, HashSet<String>> = HashMap::new();
        for (entity, name) in &self.scope.chains {
            let owner = Owner::Entity(*entity);
            let names = known.entry(owner).or_insert_with(|| account.field_names(owner));
            if !Account::is_named(names, name) {
                continue;
            }
            let field = account.field(owner, name).ok();
            let chained = field.filter(|field| FieldKind::from_name(&field.kind) == FieldKind::ChainedList);
            catalogs.extend(chained.iter().flat_map(|field| &field.chain));
        }
        if !catalogs.is_empty() && account.catalogs.is_empty() {
            // Messages name the catalog in which an element is not found.
            account.catalogs = self.list(Entity::Catalogs.path(), "catalogs", "lists", parts::catalog).await?;
        }
        for catalog in catalogs {
            let list = List::of(Entity::Elements, Some(catalog));
            let items = self.list(&list.path, "elements", "elements of catalogs", parts::element).await?;
            account.elements.insert(catalog, items);
        }
        Ok(())
    }

    /// A refusal of one list is a gap; what every other request would meet as well is a failure.
    async fn list<T>(
        &self,
        path: &str,
        collection: &str,
        what: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Vec<T>, Failure> {
        match read_all_pages(self.client, path, collection, read).await {
            Ok(list) => Ok(list),
            Err(
                failure @ (Failure::Forbidden(_)
                | Failure::Refused { .. }
                | Failure::Missing { .. }
                | Failure::Gateway { .. }
                | Failure::Unpaid(_)),
            ) => {
                let mut gaps = self.gaps.lock().unwrap_or_else(PoisonError::into_inner);
                gaps.push((what.to_owned(), failure));
                Ok(Vec::new())
            }
            Err(failure) => Err(failure),
        }
    }
}

/// Reads all pages of a list, one after the other. A page that is not full and has no link to a next one is the last, except
/// of elements and customers, where both have been seen in the middle of a list. A list that ignores paging
/// (`leads/pipelines`) repeats itself, which its ids show. [client live]
async fn read_all_pages<T>(
    client: &Client,
    path: &str,
    collection: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<T>, Failure> {
    let limit = PAGE_MAX.to_string();
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    for page in 1..=PAGES_MAX {
        let reply = client.read(path, &[("page", &page.to_string()), ("limit", &limit)]).await?;
        if reply.status == 204 {
            break;
        }
        let unreadable = || Failure::Unreadable(format!("the list of {collection} is not as documented"));
        let value: Value = serde_json::from_slice(&reply.body).map_err(|_| unreadable())?;
        let items = answer::items(&value, Wrapping::Embedded, collection).ok_or_else(unreadable)?;
        let count = items.len();
        let mut new_items = 0;
        for item in items {
            if parts::id(&item["id"]).is_none_or(|id| seen.insert(id)) {
                new_items += 1;
                found.extend(read(item));
            }
        }
        let more = !value["_links"]["next"].is_null();
        let short_page_ends = !matches!(collection, "elements" | "customers");
        if new_items == 0 || (short_page_ends && count < PAGE_MAX && !more) {
            break;
        }
    }
    Ok(found)
}
