//! Reads the snapshot of an account: a handful of lists, once per run.

use super::{Account, SNAPSHOT_SCHEMA, SnapshotScope};
use crate::http::{Client, Failure};
use crate::lists::List;
use amo_model::parts::{self, Basics, Catalog, CatalogElement, CustomField, Named, Pipeline, User};
use amo_model::{
    ACCOUNT_PATH, CUSTOM_FIELDS_PATH, Entity, FieldKind, INVOICES, LOSS_REASONS_PATH, Needs, Owner, PAGE_MAX,
    PIPELINES_PATH, USERS_PATH, Wrapping, answer,
};
use futures_util::future;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::pin::pin;
use tokio::sync::SetOnce;

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

/// Reads a snapshot; `now` in unix seconds. All lists that do not depend on another are asked at once, together with the
/// account's own data, which `on_basics` gets as soon as they are read. Lists that the token may not read are gaps and not
/// failures, because a mapping may not need them.
pub async fn pull(
    client: &Client,
    scope: &SnapshotScope,
    now: i64,
    on_basics: impl FnOnce(&Basics),
) -> Result<(Account, Vec<Gap>), Failure> {
    let reader = SnapshotReader { client, scope, basics: SetOnce::new() };
    let basics = async {
        let read = basics(client).await?;
        on_basics(&read);
        // It is set here and nowhere else.
        let _ = reader.basics.set(read);
        Ok::<_, Failure>(())
    };
    let lists = reader.lists();
    let (mut basics, mut lists) = (pin!(basics), pin!(lists));
    // What is wrong with the account's own data says more than what is wrong with a list.
    let lists = tokio::select! {
        biased;
        known = &mut basics => {
            known?;
            lists.await
        }
        lists = &mut lists => {
            basics.await?;
            lists
        }
    }?;
    reader.complete(lists, now).await
}

/// Reads a snapshot of an account whose own data were read already; `now` in unix seconds.
pub async fn pull_with(
    client: &Client,
    basics: Basics,
    scope: &SnapshotScope,
    now: i64,
) -> Result<(Account, Vec<Gap>), Failure> {
    let reader = SnapshotReader { client, scope, basics: SetOnce::new_with(Some(basics)) };
    let lists = reader.lists().await?;
    reader.complete(lists, now).await
}

struct SnapshotReader<'a> {
    client: &'a Client,
    scope: &'a SnapshotScope,
    /// Set as soon as the account's own data are read; lists are asked meanwhile.
    basics: SetOnce<Basics>,
}

/// A list, and why it could not be read.
struct ListRead<T> {
    items: Vec<T>,
    gap: Option<Gap>,
}

impl<T> ListRead<T> {
    fn none() -> ListRead<T> {
        ListRead { items: Vec::new(), gap: None }
    }

    fn take(self, gaps: &mut Vec<Gap>) -> Vec<T> {
        gaps.extend(self.gap);
        self.items
    }
}

/// The lists that depend on no other.
struct FirstLists {
    pipelines: ListRead<Pipeline>,
    users: ListRead<User>,
    loss_reasons: ListRead<Named>,
    catalogs: ListRead<Catalog>,
    segments: ListRead<Named>,
    statuses: ListRead<Named>,
    customers: Option<ListRead<Named>>,
    fields: Vec<(Owner, ListRead<CustomField>)>,
}

impl SnapshotReader<'_> {
    /// In parallel, since nothing else can begin before all of them have come.
    async fn lists(&self) -> Result<FirstLists, Failure> {
        let scope = self.scope;
        let (pipelines, users, loss_reasons, catalogs, segments, statuses, customers, fields) = tokio::try_join!(
            self.wanted(scope.pipelines, PIPELINES_PATH, "pipelines", parts::pipeline),
            self.wanted(scope.users, USERS_PATH, "users", parts::user),
            self.loss_reasons(),
            self.catalogs(),
            // Segments and statuses exist in one mode each; in the other one the service answers 422. [seed]
            self.of_mode(Needs::Segments, scope.segments, Entity::Segments, "segments"),
            self.of_mode(Needs::Periodicity, scope.statuses, Entity::Statuses, "statuses of customers"),
            self.of_mode(Needs::Customers, scope.customers, Entity::Customers, "customers"),
            future::try_join_all(scope.fields.iter().map(|entity| self.entity_fields(*entity))),
        )?;
        let (segments, statuses) = (segments.unwrap_or_else(ListRead::none), statuses.unwrap_or_else(ListRead::none));
        let fields = fields.into_iter().flatten().collect();
        Ok(FirstLists { pipelines, users, loss_reasons, catalogs, segments, statuses, customers, fields })
    }

    /// Adds the lists that depend on the first ones.
    async fn complete(&self, lists: FirstLists, now: i64) -> Result<(Account, Vec<Gap>), Failure> {
        let mut gaps = Vec::new();
        let mut account = Account {
            schema: SNAPSHOT_SCHEMA,
            base: self.client.base().as_str().trim_end_matches('/').to_owned(),
            pulled_at: now,
            basics: self.basics.wait().await.clone(),
            pipelines: lists.pipelines.take(&mut gaps),
            users: lists.users.take(&mut gaps),
            loss_reasons: lists.loss_reasons.take(&mut gaps),
            catalogs: lists.catalogs.take(&mut gaps),
            fields: BTreeMap::new(),
            segments: lists.segments.take(&mut gaps),
            customer_statuses: lists.statuses.take(&mut gaps),
            elements: BTreeMap::new(),
            customers: lists.customers.map(|customers| customers.take(&mut gaps)),
        };
        for (owner, fields) in lists.fields {
            account.fields.insert(owner, fields.take(&mut gaps));
        }
        let catalogs = self.catalogs_of_elements(&mut account, &mut gaps).await?;
        let (fields, elements) = tokio::try_join!(
            future::try_join_all(
                self.catalogs_of_fields(&account).into_iter().map(|id| self.fields_of(Owner::Catalog(id)))
            ),
            future::try_join_all(catalogs.into_iter().map(|id| self.elements(id))),
        )?;
        for (owner, fields) in fields {
            account.fields.insert(owner, fields.take(&mut gaps));
        }
        for (catalog, items) in elements {
            account.elements.insert(catalog, items.take(&mut gaps));
        }
        Ok((account, gaps))
    }

    async fn wanted<T>(
        &self,
        is_wanted: bool,
        path: &str,
        collection: &'static str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<ListRead<T>, Failure> {
        if is_wanted { self.list(path, collection, collection, read).await } else { Ok(ListRead::none()) }
    }

    async fn loss_reasons(&self) -> Result<ListRead<Named>, Failure> {
        if !self.scope.loss_reasons {
            return Ok(ListRead::none());
        }
        self.list(LOSS_REASONS_PATH, "loss_reasons", "loss reasons", parts::named).await
    }

    async fn catalogs(&self) -> Result<ListRead<Catalog>, Failure> {
        let scope = self.scope;
        if !scope.catalog_list && scope.catalogs.is_empty() && scope.elements.is_empty() {
            return Ok(ListRead::none());
        }
        self.list(Entity::Catalogs.path(), "catalogs", "lists", parts::catalog).await
    }

    /// A list that exists only in some modes of customers. It is asked before the mode is known, and not believed in another
    /// one. `None` where it is not wanted or does not exist.
    async fn of_mode(
        &self,
        needs: Needs,
        is_wanted: bool,
        entity: Entity,
        what: &str,
    ) -> Result<Option<ListRead<Named>>, Failure> {
        if !is_wanted || !self.may_exist(needs) {
            return Ok(None);
        }
        let list = self.list(entity.path(), entity.collection(), what, parts::named).await?;
        Ok(self.exists(needs).await.then_some(list))
    }

    async fn entity_fields(&self, entity: Entity) -> Result<Option<(Owner, ListRead<CustomField>)>, Failure> {
        let needs = match entity {
            Entity::Customers => Needs::Customers,
            Entity::Segments => Needs::Segments,
            _ => Needs::Nothing,
        };
        if !self.may_exist(needs) {
            return Ok(None);
        }
        let fields = self.fields_of(Owner::Entity(entity)).await?;
        Ok(self.exists(needs).await.then_some(fields))
    }

    /// False where the mode is known already and another one is needed.
    fn may_exist(&self, needs: Needs) -> bool {
        self.basics.get().is_none_or(|basics| needs.met_by(&basics.customers_mode))
    }

    async fn exists(&self, needs: Needs) -> bool {
        needs == Needs::Nothing || needs.met_by(&self.basics.wait().await.customers_mode)
    }

    fn catalogs_of_fields(&self, account: &Account) -> BTreeSet<u64> {
        let named = self.scope.catalogs.iter().filter_map(|c| account.catalog_of(c)).map(|catalog| catalog.id);
        let all = account.catalogs.iter().filter(|_| self.scope.all_catalogs).map(|catalog| catalog.id);
        named.chain(all).collect()
    }

    async fn fields_of(&self, owner: Owner) -> Result<(Owner, ListRead<CustomField>), Failure> {
        let path = format!("{}/{CUSTOM_FIELDS_PATH}", owner.path());
        let fields = self.list(&path, "custom_fields", &format!("fields of {}", owner.path()), parts::field).await?;
        Ok((owner, fields))
    }

    async fn elements(&self, catalog: u64) -> Result<(u64, ListRead<CatalogElement>), Failure> {
        let list = List::of(Entity::Elements, Some(catalog));
        Ok((catalog, self.list(&list.path, "elements", "elements of catalogs", parts::element).await?))
    }

    /// The catalogs whose elements are needed. Messages name the catalog in which an element is not found, so the list of
    /// catalogs is read where there are some.
    async fn catalogs_of_elements(&self, account: &mut Account, gaps: &mut Vec<Gap>) -> Result<BTreeSet<u64>, Failure> {
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
            let list = self.list(Entity::Catalogs.path(), "catalogs", "lists", parts::catalog).await?;
            account.catalogs = list.take(gaps);
        }
        Ok(catalogs)
    }

    /// A refusal of one list is a gap; what every other request would meet as well is a failure.
    async fn list<T>(
        &self,
        path: &str,
        collection: &str,
        what: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<ListRead<T>, Failure> {
        match read_all_pages(self.client, path, collection, read).await {
            Ok(items) => Ok(ListRead { items, gap: None }),
            Err(
                failure @ (Failure::Forbidden(_)
                | Failure::Refused { .. }
                | Failure::Missing { .. }
                | Failure::Gateway { .. }
                | Failure::Unpaid(_)),
            ) => Ok(ListRead { items: Vec::new(), gap: Some((what.to_owned(), failure)) }),
            Err(failure) => Err(failure),
        }
    }
}

/// The most pages of a list that are asked at once.
const PAGES_AT_ONCE: u32 = 8;

/// Reads all pages of a list: first the pages that it must have, then twice as many at once while they are full. A page that is
/// not full and has no link to a next one is the last, except of elements and customers, where both have been seen in the
/// middle of a list. A list that ignores paging (`leads/pipelines`) repeats itself, which its ids show. [client live]
async fn read_all_pages<T>(
    client: &Client,
    path: &str,
    collection: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Vec<T>, Failure> {
    let short_page_ends = !matches!(collection, "elements" | "customers");
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let (mut first, mut at_once) = (1, if short_page_ends { 1 } else { 2 });
    while first <= PAGES_MAX {
        let pages = (first..first + at_once).map(|page| read_page(client, path, collection, page));
        for page in future::try_join_all(pages).await? {
            let Some(Page { items, has_next }) = page else { return Ok(found) };
            let mut new_items = 0;
            for item in &items {
                if parts::id(&item["id"]).is_none_or(|id| seen.insert(id)) {
                    new_items += 1;
                    found.extend(read(item));
                }
            }
            if new_items == 0 || (short_page_ends && items.len() < PAGE_MAX && !has_next) {
                return Ok(found);
            }
        }
        (first, at_once) = (first + at_once, (at_once * 2).min(PAGES_AT_ONCE));
    }
    Ok(found)
}

struct Page {
    items: Vec<Value>,
    has_next: bool,
}

/// A page of a list; `None` where the list has no such page.
async fn read_page(client: &Client, path: &str, collection: &str, page: u32) -> Result<Option<Page>, Failure> {
    let (page, limit) = (page.to_string(), PAGE_MAX.to_string());
    let reply = client.read(path, &[("page", &page), ("limit", &limit)]).await?;
    if reply.status == 204 {
        return Ok(None);
    }
    let unreadable = || Failure::Unreadable(format!("the list of {collection} is not as documented"));
    let value: Value = serde_json::from_slice(&reply.body).map_err(|_| unreadable())?;
    let items = answer::items(&value, Wrapping::Embedded, collection).ok_or_else(unreadable)?;
    Ok(Some(Page { items: items.into_iter().cloned().collect(), has_next: !value["_links"]["next"].is_null() }))
}
