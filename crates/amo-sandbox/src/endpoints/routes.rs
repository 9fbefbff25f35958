//! The table of routes, and the route of a request.

use super::account::{self, catalogs, custom_fields, field_writes, pipelines, sources, users};
use super::customers::{
    self, admin_only, in_periodicity_mode, in_segments_mode, segments, statuses, transactions, with_customers,
    with_customers_or_422,
};
use super::records::{complex, elements, entities, events, links, notes, tags, unsorted};
use super::{Route, oauth, route};
use crate::world::RecordTable;
use amo_model::{Entity, Owner};

pub static ROUTES: &[Route] = &[
    route("GET", "account", account::get),
    route("GET", "leads", |c| entities::list(c, RecordTable::Leads)),
    route("POST", "leads", |c| entities::create(c, RecordTable::Leads)),
    route("PATCH", "leads", |c| entities::update(c, RecordTable::Leads)),
    route("POST", "leads/complex", complex::create),
    route("POST", "leads/unsorted/forms", unsorted::forms),
    route("POST", "leads/unsorted/sip", unsorted::sip),
    route("GET", "leads/pipelines", pipelines::list),
    route("POST", "leads/pipelines", pipelines::create),
    route("GET", "leads/pipelines/{id}", pipelines::get),
    route("PATCH", "leads/pipelines/{id}", pipelines::update_one),
    route("DELETE", "leads/pipelines/{id}", pipelines::delete),
    route("GET", "leads/pipelines/{id}/statuses", pipelines::stages),
    route("POST", "leads/pipelines/{id}/statuses", pipelines::create_stages),
    route("GET", "leads/pipelines/{id}/statuses/{id}", pipelines::stage),
    route("PATCH", "leads/pipelines/{id}/statuses/{id}", pipelines::update_stage),
    route("DELETE", "leads/pipelines/{id}/statuses/{id}", pipelines::delete_stage),
    route("GET", "leads/loss_reasons", users::loss_reasons),
    route("GET", "leads/loss_reasons/{id}", users::loss_reason_by_id),
    route("GET", "leads/custom_fields", |c| custom_fields::list(c, Owner::Entity(Entity::Leads))),
    route("GET", "leads/custom_fields/{id}", |c| custom_fields::get(c, Owner::Entity(Entity::Leads))),
    route("GET", "leads/tags", |c| tags::list(c, RecordTable::Leads)),
    route("POST", "leads/tags", |c| tags::create(c, RecordTable::Leads)),
    route("GET", "leads/links", |c| links::list_of_many(c, RecordTable::Leads)),
    route("POST", "leads/link", |c| links::link(c, RecordTable::Leads)),
    route("POST", "leads/unlink", |c| links::unlink(c, RecordTable::Leads)),
    route("GET", "leads/{id}/links", |c| links::list_of_one(c, RecordTable::Leads)),
    route("POST", "leads/{id}/link", |c| links::link(c, RecordTable::Leads)),
    route("POST", "leads/{id}/unlink", |c| links::unlink(c, RecordTable::Leads)),
    route("GET", "leads/{id}", |c| entities::get(c, RecordTable::Leads)),
    route("PATCH", "leads/{id}", |c| entities::update_one(c, RecordTable::Leads)),
    route("GET", "contacts", |c| entities::list(c, RecordTable::Contacts)),
    route("POST", "contacts", |c| entities::create(c, RecordTable::Contacts)),
    route("PATCH", "contacts", |c| entities::update(c, RecordTable::Contacts)),
    route("GET", "contacts/custom_fields", |c| custom_fields::list(c, Owner::Entity(Entity::Contacts))),
    route("GET", "contacts/custom_fields/{id}", |c| custom_fields::get(c, Owner::Entity(Entity::Contacts))),
    route("GET", "contacts/tags", |c| tags::list(c, RecordTable::Contacts)),
    route("POST", "contacts/tags", |c| tags::create(c, RecordTable::Contacts)),
    route("GET", "contacts/links", |c| links::list_of_many(c, RecordTable::Contacts)),
    route("POST", "contacts/link", |c| links::link(c, RecordTable::Contacts)),
    route("POST", "contacts/unlink", |c| links::unlink(c, RecordTable::Contacts)),
    route("GET", "contacts/{id}/links", |c| links::list_of_one(c, RecordTable::Contacts)),
    route("POST", "contacts/{id}/link", |c| links::link(c, RecordTable::Contacts)),
    route("POST", "contacts/{id}/unlink", |c| links::unlink(c, RecordTable::Contacts)),
    route("GET", "contacts/{id}", |c| entities::get(c, RecordTable::Contacts)),
    route("PATCH", "contacts/{id}", |c| entities::update_one(c, RecordTable::Contacts)),
    route("GET", "companies", |c| entities::list(c, RecordTable::Companies)),
    route("POST", "companies", |c| entities::create(c, RecordTable::Companies)),
    route("PATCH", "companies", |c| entities::update(c, RecordTable::Companies)),
    route("GET", "companies/custom_fields", |c| custom_fields::list(c, Owner::Entity(Entity::Companies))),
    route("GET", "companies/custom_fields/{id}", |c| custom_fields::get(c, Owner::Entity(Entity::Companies))),
    route("GET", "companies/tags", |c| tags::list(c, RecordTable::Companies)),
    route("POST", "companies/tags", |c| tags::create(c, RecordTable::Companies)),
    route("GET", "companies/links", |c| links::list_of_many(c, RecordTable::Companies)),
    route("POST", "companies/link", |c| links::link(c, RecordTable::Companies)),
    route("POST", "companies/unlink", |c| links::unlink(c, RecordTable::Companies)),
    route("GET", "companies/{id}/links", |c| links::list_of_one(c, RecordTable::Companies)),
    route("POST", "companies/{id}/link", |c| links::link(c, RecordTable::Companies)),
    route("POST", "companies/{id}/unlink", |c| links::unlink(c, RecordTable::Companies)),
    route("GET", "companies/{id}", |c| entities::get(c, RecordTable::Companies)),
    route("PATCH", "companies/{id}", |c| entities::update_one(c, RecordTable::Companies)),
    route("PATCH", "customers/mode", |c| admin_only(c, customers::set_mode)),
    route("GET", "customers", |c| with_customers(c, |c| entities::list(c, RecordTable::Customers))),
    route("POST", "customers", |c| with_customers(c, |c| entities::create(c, RecordTable::Customers))),
    route("PATCH", "customers", |c| with_customers(c, |c| entities::update(c, RecordTable::Customers))),
    route("GET", "customers/custom_fields", |c| {
        with_customers_or_422(c, |c| custom_fields::list(c, Owner::Entity(Entity::Customers)))
    }),
    route("GET", "customers/custom_fields/{id}", |c| {
        with_customers_or_422(c, |c| custom_fields::get(c, Owner::Entity(Entity::Customers)))
    }),
    route("GET", "customers/segments/custom_fields", |c| {
        with_customers_or_422(c, |c| custom_fields::list(c, Owner::Entity(Entity::Segments)))
    }),
    route("GET", "customers/segments/custom_fields/{id}", |c| {
        with_customers_or_422(c, |c| custom_fields::get(c, Owner::Entity(Entity::Segments)))
    }),
    route("GET", "customers/segments", |c| in_segments_mode(c, segments::list)),
    route("GET", "customers/segments/{id}", |c| in_segments_mode(c, segments::get)),
    route("POST", "customers/segments", |c| in_segments_mode(c, |c| admin_only(c, segments::create))),
    route("PATCH", "customers/segments/{id}", |c| in_segments_mode(c, |c| admin_only(c, segments::update))),
    route("DELETE", "customers/segments/{id}", |c| in_segments_mode(c, |c| admin_only(c, segments::delete))),
    route("GET", "customers/statuses", |c| in_periodicity_mode(c, statuses::list)),
    route("GET", "customers/statuses/{id}", |c| in_periodicity_mode(c, statuses::get)),
    route("POST", "customers/statuses", |c| in_periodicity_mode(c, |c| admin_only(c, statuses::create))),
    route("PATCH", "customers/statuses/{id}", |c| in_periodicity_mode(c, |c| admin_only(c, statuses::update))),
    route("DELETE", "customers/statuses/{id}", |c| in_periodicity_mode(c, |c| admin_only(c, statuses::delete))),
    route("GET", "customers/transactions", |c| with_customers(c, transactions::list)),
    route("GET", "customers/transactions/{id}", |c| with_customers(c, transactions::get)),
    route("DELETE", "customers/transactions/{id}", |c| with_customers(c, transactions::delete)),
    route("GET", "customers/{id}/transactions", |c| with_customers(c, transactions::list_of_customer)),
    route("POST", "customers/{id}/transactions", |c| with_customers(c, transactions::create)),
    route("GET", "customers/{id}/transactions/{id}", |c| with_customers(c, transactions::get_of_customer)),
    route("DELETE", "customers/{id}/transactions/{id}", |c| with_customers(c, transactions::delete_of_customer)),
    route("POST", "customers/{id}/bonus_points", |c| with_customers(c, customers::bonus_points)),
    route("GET", "customers/tags", |c| with_customers(c, |c| tags::list(c, RecordTable::Customers))),
    route("POST", "customers/tags", |c| with_customers(c, |c| tags::create(c, RecordTable::Customers))),
    route("GET", "customers/links", |c| with_customers(c, |c| links::list_of_many(c, RecordTable::Customers))),
    route("POST", "customers/link", |c| with_customers(c, |c| links::link(c, RecordTable::Customers))),
    route("POST", "customers/unlink", |c| with_customers(c, |c| links::unlink(c, RecordTable::Customers))),
    route("GET", "customers/{id}/links", |c| with_customers(c, |c| links::list_of_one(c, RecordTable::Customers))),
    route("POST", "customers/{id}/link", |c| with_customers(c, |c| links::link(c, RecordTable::Customers))),
    route("POST", "customers/{id}/unlink", |c| with_customers(c, |c| links::unlink(c, RecordTable::Customers))),
    route("GET", "customers/{id}", |c| with_customers(c, |c| entities::get(c, RecordTable::Customers))),
    route("PATCH", "customers/{id}", |c| with_customers(c, |c| entities::update_one(c, RecordTable::Customers))),
    route("GET", "catalogs", catalogs::list),
    route("POST", "catalogs", catalogs::create),
    route("PATCH", "catalogs", catalogs::update),
    route("GET", "catalogs/{id}", catalogs::get),
    route("PATCH", "catalogs/{id}", catalogs::update_one),
    route("GET", "catalogs/{id}/elements", elements::list),
    route("POST", "catalogs/{id}/elements", elements::create),
    route("PATCH", "catalogs/{id}/elements", elements::update),
    route("GET", "catalogs/{id}/elements/{id}", elements::get),
    route("PATCH", "catalogs/{id}/elements/{id}", elements::update_one),
    route("GET", "catalogs/{id}/custom_fields", custom_fields::list_of_catalog),
    route("GET", "catalogs/{id}/custom_fields/{id}", custom_fields::get_of_catalog),
    route("GET", "sources", sources::list),
    route("POST", "sources", sources::create),
    route("PATCH", "sources", sources::update),
    route("GET", "sources/{id}", sources::get),
    route("PATCH", "sources/{id}", sources::update_one),
    route("DELETE", "sources/{id}", sources::delete),
    route("GET", "events", events::list),
    route("GET", "users", users::users),
    route("GET", "users/{id}", users::user),
];

/// `POST /oauth2/access_token`: outside the API's prefix, without a bearer token.
pub static TOKEN: Route = route("POST", "oauth2/access_token", oauth::token);

/// The route of a request.
pub enum RouteMatch {
    Route(&'static Route, Vec<u64>),
    OtherMethod,
    Nothing,
}

/// All routes below `/api/v4/`.
pub fn all() -> impl Iterator<Item = &'static Route> {
    let notes = notes::NOTES.iter().flatten().chain(notes::TASKS);
    ROUTES.iter().chain(field_writes::ROUTES.iter().flatten()).chain(notes)
}

/// `path` is below `/api/v4/`.
pub fn find(method: &str, path: &str) -> RouteMatch {
    let mut other_method = false;
    for route in all() {
        if let Some(ids) = match_path(route.pattern, path) {
            if route.method == method {
                return RouteMatch::Route(route, ids);
            }
            other_method = true;
        }
    }
    if other_method { RouteMatch::OtherMethod } else { RouteMatch::Nothing }
}

/// The numbers of a path that matches the pattern.
fn match_path(pattern: &str, path: &str) -> Option<Vec<u64>> {
    let mut ids = Vec::new();
    let mut parts = path.trim_end_matches('/').split('/');
    for wanted in pattern.split('/') {
        let part = parts.next()?;
        if wanted == "{id}" {
            ids.push(part.parse().ok()?);
        } else if wanted != part {
            return None;
        }
    }
    parts.next().is_none().then_some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_their_routes() {
        for (method, path, pattern, wanted) in [
            ("GET", "leads", "leads", &[][..]),
            ("GET", "leads/17", "leads/{id}", &[17]),
            ("GET", "leads/pipelines/", "leads/pipelines", &[]),
            ("GET", "leads/pipelines/1/statuses/142", "leads/pipelines/{id}/statuses/{id}", &[1, 142]),
            ("GET", "catalogs/1001/custom_fields", "catalogs/{id}/custom_fields", &[1001]),
            ("GET", "leads/17/notes", "leads/{id}/notes", &[17]),
            ("PATCH", "customers/notes/3", "customers/notes/{id}", &[3]),
            ("GET", "tasks", "tasks", &[]),
        ] {
            match find(method, path) {
                RouteMatch::Route(route, ids) => assert_eq!((route.pattern, &ids[..]), (pattern, wanted)),
                RouteMatch::OtherMethod | RouteMatch::Nothing => panic!("{method} {path} finds nothing"),
            }
        }
        assert!(matches!(find("DELETE", "leads/17"), RouteMatch::OtherMethod));
        for path in ["", "lead", "leads/x", "leads/17/x", "leads/-1"] {
            assert!(matches!(find("GET", path), RouteMatch::Nothing), "{path}");
        }
    }
}
