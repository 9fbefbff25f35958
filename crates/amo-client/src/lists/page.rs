//! Which list is read, and one page of it.

use crate::http::{Client, Failure};
use crate::pace::Turn;
use amo_model::Entity;
use amo_model::page::{self, Page};
use serde_json::Value;

/// The most pages of one list, where nothing else ends it: a million records of 250 a page.
pub(super) const PAGES_MAX: u32 = 4_000;

/// What to read of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    pub entity: Entity,
    pub catalog: Option<u64>,
    /// Parameters of the address, such as `filter`, `with` and `query`, without page, limit and order.
    pub query: Vec<(String, String)>,
    /// Read the list again until a pass finds nothing that the passes before have missed.
    pub twice: bool,
}

/// A list of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    pub(crate) entity: Entity,
    /// Below `/api/v4/`.
    pub(crate) path: String,
}

impl List {
    /// The list of an entity; of a catalog's elements, where it is one of elements.
    pub fn of(entity: Entity, catalog: Option<u64>) -> List {
        let path = entity.path().replace("{catalog}", &catalog.unwrap_or(0).to_string());
        List { entity, path }
    }

    /// The transactions of one customer.
    pub fn transactions_of(customer: u64) -> List {
        List { entity: Entity::Transactions, path: format!("customers/{customer}/transactions") }
    }

    pub(super) fn incomplete(&self, what: &str) -> Failure {
        let path = &self.path;
        Failure::Incomplete(format!("the list of {path} {what}, so missing records cannot be told from deleted ones"))
    }

    pub(super) fn unreadable(&self, what: &str) -> Failure {
        Failure::Unreadable(format!("the list of {} {what}", self.path))
    }
}

impl Client {
    /// The records of one page; none beyond the end of the list.
    pub(crate) async fn page_records(&self, list: &List, query: &[(&str, &str)]) -> Result<Vec<Value>, Failure> {
        Ok(self.page_and_next(list, query).await?.0)
    }

    /// The records of one page with what the entity's lists are asked to embed, and whether the answer names a next page.
    pub(super) async fn page_with_embedded(
        &self,
        list: &List,
        mut query: Vec<(&str, &str)>,
    ) -> Result<(Vec<Value>, bool), Failure> {
        let with = list.entity.spec().with;
        if !with.is_empty() {
            query.push(("with", with));
        }
        self.page_and_next(list, &query).await
    }

    async fn page_and_next(&self, list: &List, query: &[(&str, &str)]) -> Result<(Vec<Value>, bool), Failure> {
        let turn = self.turn().await;
        let Page { rows, next } = self.raw_page(turn, list, query).await?;
        let unreadable = |_| list.unreadable("is not as documented");
        let rows = rows.iter().map(|row| serde_json::from_str(row.get()).map_err(unreadable));
        Ok((rows.collect::<Result<_, _>>()?, next))
    }

    /// One page, each record as the text that the service wrote.
    pub(super) async fn raw_page(&self, turn: Turn, list: &List, query: &[(&str, &str)]) -> Result<Page, Failure> {
        match self.read_in_turn(turn, &list.path, query).await {
            Ok(reply) if reply.status == 204 => Ok(Page::default()),
            Ok(reply) => {
                page::page(&reply.body, list.entity.collection()).ok_or_else(|| list.unreadable("is not as documented"))
            }
            // An empty list of transactions is answered with "Transactions not found". [client live]
            Err(Failure::Missing { status: 404, .. }) if list.entity == Entity::Transactions => Ok(Page::default()),
            Err(failure) => Err(failure),
        }
    }
}
