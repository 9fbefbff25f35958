//! The routes of the API: method, path, function. A function reads a call and returns a response with its commit; it
//! changes nothing itself. Pure.

pub mod account;
mod batch;
pub mod customers;
mod oauth;
mod records;
pub mod reply;
pub mod routes;

use serde_json::{Value, json};

use crate::check::CheckContext;
use crate::endpoints::reply::ApiResponse;
use crate::faults::ForcedRefusal;
use crate::read::list::Paging;
use crate::read::query::Query;
use crate::read::{View, href};
use crate::switches::Switches;
use crate::world::{RecordTable, World, rights};

/// One request, and all that its function may read.
pub struct Call<'a> {
    pub world: &'a World,
    pub switches: &'a Switches,
    pub refusals: &'a [ForcedRefusal],
    /// Unix seconds.
    pub now: i64,
    pub now_ms: i64,
    pub base: &'a str,
    pub query: &'a Query,
    /// The numbers in the path, in order.
    pub ids: &'a [u64],
    pub body: &'a [u8],
}

impl<'a> Call<'a> {
    pub fn view(&self) -> View<'a> {
        View { world: self.world, base: self.base, query: self.query, switches: self.switches }
    }

    pub fn check_context(&self) -> CheckContext<'a> {
        CheckContext { world: self.world, switches: self.switches, refusals: self.refusals, container: self.id(0) }
    }

    /// 403 for what only administrators may do. [seed], [doc]
    fn forbidden(&self) -> Option<ApiResponse> {
        (!self.is_admin()).then(|| ApiResponse::problem(403, "Forbidden"))
    }

    fn is_admin(&self) -> bool {
        rights::is_admin(self.world, self.switches)
    }

    /// True for a record that exists and that the token's user may see.
    fn is_visible(&self, table: RecordTable, id: u64) -> bool {
        self.check_context().visible(table, id).is_some()
    }

    /// The nth number of the path, 0 where there is none; no record has the id 0.
    fn id(&self, n: usize) -> u64 {
        self.ids.get(n).copied().unwrap_or(0)
    }

    fn json(&self) -> Option<Value> {
        serde_json::from_slice(self.body).ok()
    }

    /// The response to a body that is empty or not JSON. [doc]
    fn blank_body() -> ApiResponse {
        ApiResponse::problem(400, "Request data can't be blank")
    }

    /// The response to an unknown id: 204 [seed], unless a switch says otherwise.
    fn unknown_id(&self) -> ApiResponse {
        match self.switches.unknown_id_status {
            204 => ApiResponse::no_content(),
            status => ApiResponse::problem(status, "Not found"),
        }
    }

    /// The response to pages after the last one that a switch allows.
    fn page_out_of_range(&self) -> Option<ApiResponse> {
        let (page, max) = (Paging::from_query(self.query).page, self.switches.page_max);
        (max > 0 && page > max).then(|| ApiResponse::problem(400, "Page is out of range")) // [inferred]
    }

    fn links(&self, path: &str, more: bool, last: Option<u64>) -> Value {
        let Paging { page, limit } = Paging::from_query(self.query);
        let to = |page: u64| href(format!("{}?{}", self.view().url(path), self.query.for_page(page, limit)));
        let mut links = json!({"self": to(page)});
        if more && !(page == 1 && self.switches.next_dropped) {
            links["next"] = to(page + 1);
        }
        // `first` and `prev` only after the first page. [seed]
        if page > 1 {
            links["first"] = to(1);
            links["prev"] = to(page - 1);
        }
        if let Some(last) = last.filter(|last| *last > page) {
            links["last"] = to(last);
        }
        links
    }

    /// A page of a list without a total. [seed]
    fn page(&self, path: &str, key: &str, rows: Vec<Value>, more: bool) -> ApiResponse {
        if rows.is_empty() {
            return ApiResponse::no_content();
        }
        let items = rows.len();
        let page = Paging::from_query(self.query).page;
        ApiResponse::ok(&json!({"_page": page, "_links": self.links(path, more, None), "_embedded": {key: rows}}))
            .with_items(items)
    }

    /// A page of a list with a total: `_total_items`, `_page_count`. [doc]
    fn counted_page(&self, path: &str, key: &str, all: Vec<Value>) -> ApiResponse {
        let paging = Paging::from_query(self.query);
        let total = all.len();
        let count = total.div_ceil(paging.limit) as u64;
        let rows: Vec<Value> = all.into_iter().skip(paging.skip()).take(paging.limit).collect();
        if rows.is_empty() {
            return ApiResponse::no_content();
        }
        let items = rows.len();
        let links = self.links(path, paging.page < count, Some(count));
        ApiResponse::ok(&json!({
            "_total_items": total, "_page": paging.page, "_page_count": count, "_links": links,
            "_embedded": {key: rows}
        }))
        .with_items(items)
    }
}

pub struct Route {
    pub method: &'static str,
    /// Below `/api/v4/`; `{id}` is a number.
    pub pattern: &'static str,
    pub run: fn(&Call) -> ApiResponse,
}

pub const fn route(method: &'static str, pattern: &'static str, run: fn(&Call) -> ApiResponse) -> Route {
    Route { method, pattern, run }
}
