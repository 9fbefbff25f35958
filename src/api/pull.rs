//! Reading what an account is made of: a handful of lists, asked once per run.

use super::{Client, Failure};
use crate::account::{Account, SNAPSHOT_SCHEMA, Wanted};
use crate::entity::parts::{self, Basics};
use crate::entity::{Entity, FieldKind, INVOICES, Needs, Owner, PAGE_MAX, Wrapping, answer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Pages of a directory; a million elements is more than anybody names one by one.
const PAGES_MAX: u32 = 4_000;

/// A part of the account that could not be read, and why; the snapshot is without it.
pub type Gap = (String, Failure);

/// Reads the account, as far as it is wanted. Lists that the token may not see are gaps, not failures: a mapping that
/// does not need them works all the same.
pub async fn pull(client: &Client, wanted: &Wanted, now: i64) -> Result<(Account, Vec<Gap>), Failure> {
    let reply = client.read("account", &[("with", "datetime_settings")]).await?;
    let not_an_account = || Failure::Unreadable("this is not an account of amoCRM or Kommo".to_owned());
    let value: Value = serde_json::from_slice(&reply.body).map_err(|_| not_an_account())?;
    let basics: Basics = parts::basics(&value).ok_or_else(not_an_account)?;
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
    let mut pull = Pull { client, gaps: Vec::new() };
    account.pipelines = pull.list("leads/pipelines", "pipelines", "pipelines", parts::pipeline).await?;
    account.users = pull.list("users", "users", "users", parts::user).await?;
    account.loss_reasons = pull.list("leads/loss_reasons", "loss_reasons", "loss reasons", parts::named).await?;
    pull.customers(&mut account, wanted).await?;
    pull.fields(&mut account, wanted).await?;
    pull.elements(&mut account, wanted).await?;
    Ok((account, pull.gaps))
}

struct Pull<'a> {
    client: &'a Client,
    gaps: Vec<Gap>,
}

impl Pull<'_> {
    /// Segments and statuses exist in one mode each; asked for in the other, the service says 422. [seed]
    async fn customers(&mut self, account: &mut Account, wanted: &Wanted) -> Result<(), Failure> {
        let mode = account.basics.customers_mode.clone();
        if wanted.segments && Needs::Segments.met_by(&mode) {
            let path = Entity::Segments.path();
            account.segments = self.list(path, "segments", "segments", parts::named).await?;
        }
        if wanted.statuses && Needs::Periodicity.met_by(&mode) {
            let path = Entity::Statuses.path();
            account.customer_statuses = self.list(path, "statuses", "statuses of customers", parts::named).await?;
        }
        if wanted.customers && Needs::Customers.met_by(&mode) {
            account.customers = Some(self.list("customers", "customers", "customers", parts::named).await?);
        }
        Ok(())
    }

    async fn fields(&mut self, account: &mut Account, wanted: &Wanted) -> Result<(), Failure> {
        let mode = account.basics.customers_mode.clone();
        let mut owners: Vec<Owner> = Vec::new();
        for entity in &wanted.fields {
            let needs = match entity {
                Entity::Customers => Needs::Customers,
                Entity::Segments => Needs::Segments,
                _ => Needs::Nothing,
            };
            if needs.met_by(&mode) {
                owners.push(Owner::Entity(*entity));
            }
        }
        if wanted.lists || !wanted.catalogs.is_empty() || !wanted.elements.is_empty() {
            account.catalogs = self.list("catalogs", "catalogs", "lists", parts::catalog).await?;
        }
        if wanted.all_lists {
            owners.extend(account.catalogs.iter().map(|catalog| Owner::Catalog(catalog.id)));
        }
        owners.extend(wanted.catalogs.iter().filter_map(|c| account.catalog_of(c)).map(|c| Owner::Catalog(c.id)));
        for owner in owners {
            let path = format!("{}/custom_fields", owner.path());
            let what = format!("fields of {}", owner.path());
            let fields = self.list(&path, "custom_fields", &what, parts::field).await?;
            account.fields.insert(owner, fields);
        }
        Ok(())
    }

    async fn elements(&mut self, account: &mut Account, wanted: &Wanted) -> Result<(), Failure> {
        let mut catalogs: BTreeSet<u64> =
            wanted.elements.iter().filter_map(|c| account.catalog_of(c)).map(|c| c.id).collect();
        if wanted.all_lists {
            // Nothing refers to an invoice, and there may be very many.
            catalogs.extend(account.catalogs.iter().filter(|c| c.kind != INVOICES).map(|c| c.id));
        }
        for (entity, name) in &wanted.chains {
            let field = account.field(Owner::Entity(*entity), name).ok();
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
        &mut self,
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
                | Failure::Unpaid(_)),
            ) => {
                self.gaps.push((what.to_owned(), failure));
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
        if reply.status == 204 || reply.body.is_empty() {
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
