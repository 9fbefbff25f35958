//! Reading what an account is made of: a handful of lists, asked once per run.

use super::{Client, Failure};
use crate::account::{Account, SNAPSHOT_SCHEMA, Wanted};
use amo_model::parts::{self, Basics, Catalog, Field, Named};
use amo_model::{Entity, FieldKind, INVOICES, Needs, Owner, PAGE_MAX, Wrapping, answer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// Pages of a directory; a million elements is more than anybody names one by one.
const PAGES_MAX: u32 = 4_000;

/// A part of the account that could not be read, and why; the snapshot is without it.
pub type Gap = (String, Failure);

/// Who the account is.
pub async fn basics(client: &Client) -> Result<Basics, Failure> {
    let reply = client.read("account", &[("with", "datetime_settings")]).await?;
    let not_an_account = || Failure::Unreadable("this is not an account of amoCRM or Kommo".to_owned());
    let value: Value = serde_json::from_slice(&reply.body).map_err(|_| not_an_account())?;
    parts::basics(&value).ok_or_else(not_an_account)
}

/// Reads the account, as far as it is wanted.
pub async fn pull(client: &Client, wanted: &Wanted, now: i64) -> Result<(Account, Vec<Gap>), Failure> {
    rest(client, basics(client).await?, wanted, now).await
}

/// What an account is made of, as far as it is wanted. Lists that the token may not see are gaps, not failures: a mapping that
/// does not need them works all the same.
pub async fn rest(client: &Client, basics: Basics, wanted: &Wanted, now: i64) -> Result<(Account, Vec<Gap>), Failure> {
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
    let pull = Pull { client, gaps: Mutex::default() };
    let mode = account.basics.customers_mode.clone();
    // One behind the other these would take as many answer times, before anything else can begin.
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
        pull.list("leads/pipelines", "pipelines", "pipelines", parts::pipeline),
        pull.list("users", "users", "users", parts::user),
        pull.list("leads/loss_reasons", "loss_reasons", "loss reasons", parts::named),
        pull.lists(wanted),
        pull.segments(wanted, &mode),
        pull.statuses(wanted, &mode),
        pull.customers(wanted, &mode),
        pull.entity_fields(wanted, &mode),
    )?;
    pull.list_fields(&mut account, wanted).await?;
    pull.elements(&mut account, wanted).await?;
    Ok((account, pull.gaps.into_inner().unwrap_or_else(PoisonError::into_inner)))
}

struct Pull<'a> {
    client: &'a Client,
    gaps: Mutex<Vec<Gap>>,
}

impl Pull<'_> {
    async fn lists(&self, wanted: &Wanted) -> Result<Vec<Catalog>, Failure> {
        if !wanted.lists && wanted.catalogs.is_empty() && wanted.elements.is_empty() {
            return Ok(Vec::new());
        }
        self.list("catalogs", "catalogs", "lists", parts::catalog).await
    }

    /// Segments and statuses exist in one mode each; asked for in the other, the service says 422. [seed]
    async fn segments(&self, wanted: &Wanted, mode: &str) -> Result<Vec<Named>, Failure> {
        if !wanted.segments || !Needs::Segments.met_by(mode) {
            return Ok(Vec::new());
        }
        self.list(Entity::Segments.path(), "segments", "segments", parts::named).await
    }

    async fn statuses(&self, wanted: &Wanted, mode: &str) -> Result<Vec<Named>, Failure> {
        if !wanted.statuses || !Needs::Periodicity.met_by(mode) {
            return Ok(Vec::new());
        }
        self.list(Entity::Statuses.path(), "statuses", "statuses of customers", parts::named).await
    }

    async fn customers(&self, wanted: &Wanted, mode: &str) -> Result<Option<Vec<Named>>, Failure> {
        if !wanted.customers || !Needs::Customers.met_by(mode) {
            return Ok(None);
        }
        self.list("customers", "customers", "customers", parts::named).await.map(Some)
    }

    async fn entity_fields(&self, wanted: &Wanted, mode: &str) -> Result<BTreeMap<Owner, Vec<Field>>, Failure> {
        let mut fields = BTreeMap::new();
        for entity in &wanted.fields {
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

    async fn list_fields(&self, account: &mut Account, wanted: &Wanted) -> Result<(), Failure> {
        let named = wanted.catalogs.iter().filter_map(|c| account.catalog_of(c)).map(|catalog| catalog.id);
        let all = account.catalogs.iter().filter(|_| wanted.all_lists).map(|catalog| catalog.id);
        let catalogs: BTreeSet<u64> = named.chain(all).collect();
        for owner in catalogs.into_iter().map(Owner::Catalog) {
            let fields = self.fields_of(owner).await?;
            account.fields.insert(owner, fields);
        }
        Ok(())
    }

    async fn fields_of(&self, owner: Owner) -> Result<Vec<Field>, Failure> {
        let path = format!("{}/custom_fields", owner.path());
        self.list(&path, "custom_fields", &format!("fields of {}", owner.path()), parts::field).await
    }

    async fn elements(&self, account: &mut Account, wanted: &Wanted) -> Result<(), Failure> {
        let mut catalogs: BTreeSet<u64> =
            wanted.elements.iter().filter_map(|c| account.catalog_of(c)).map(|c| c.id).collect();
        if wanted.all_lists {
            // Nothing refers to an invoice, and there may be very many.
            catalogs.extend(account.catalogs.iter().filter(|c| c.kind != INVOICES).map(|c| c.id));
        }
        let mut known: HashMap<Owner, HashSet<String>> = HashMap::new();
        for (entity, name) in &wanted.chains {
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
            // Messages name the list in which something is not found.
            account.catalogs = self.list("catalogs", "catalogs", "lists", parts::catalog).await?;
        }
        for catalog in catalogs {
            let path = format!("catalogs/{catalog}/elements");
            let items = self.list(&path, "elements", "elements of lists", parts::item).await?;
            account.elements.insert(catalog, items);
        }
        Ok(())
    }

    /// Refusals of one list are gaps; what would hit every other request too is a failure.
    async fn list<T>(
        &self,
        path: &str,
        collection: &str,
        what: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Vec<T>, Failure> {
        match list(self.client, path, collection, read).await {
            Ok(list) => Ok(list),
            Err(
                failure @ (Failure::Forbidden(_)
                | Failure::Refused { .. }
                | Failure::Missing { .. }
                | Failure::Between { .. }
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

/// A whole list, page by page. A page that is not full and has no link to the next is the last, but not of elements
/// and customers: there both have been seen in the middle of a list. A list that ignores paging (`leads/pipelines`)
/// repeats itself and is noticed by its ids. [client live]
async fn list<T>(
    client: &Client,
    path: &str,
    collection: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<T>, Failure> {
    let limit = PAGE_MAX.to_string();
    let mut found = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for page in 1..=PAGES_MAX {
        let reply = client.read(path, &[("page", &page.to_string()), ("limit", &limit)]).await?;
        if reply.status == 204 {
            break;
        }
        let unreadable = || Failure::Unreadable(format!("the list of {collection} is not what the documents say"));
        let value: Value = serde_json::from_slice(&reply.body).map_err(|_| unreadable())?;
        let items = answer::items(&value, Wrapping::Embedded, collection).ok_or_else(unreadable)?;
        let count = items.len();
        let mut news = 0;
        for item in items {
            if parts::id(&item["id"]).is_none_or(|id| seen.insert(id)) {
                news += 1;
                found.extend(read(item));
            }
        }
        let more = !value["_links"]["next"].is_null();
        let sure = !matches!(collection, "elements" | "customers");
        if news == 0 || (sure && count < PAGE_MAX && !more) {
            break;
        }
    }
    Ok(found)
}
