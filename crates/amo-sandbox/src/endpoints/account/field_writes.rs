//! Writes of `{entity}/custom_fields` and of their groups; for administrators only. [doc]

use serde_json::{Value, json};

use crate::account::builtin::KIND_INVOICES;
use crate::account::{AccountState, FieldDefinition, FieldGroup};
use crate::check::{ObjectReader, read_field};
use crate::endpoints::Call;
use crate::endpoints::account::custom_fields::model;
use crate::endpoints::account::writes::{
    BatchItem, CollectionWrite, delete as delete_one, with_request_id, write_batch, write_one,
};
use crate::endpoints::customers::disabled;
use crate::endpoints::reply::ApiResponse;
use crate::endpoints::{Route, route};
use crate::read::{View, self_link, values};
use amo_model::field_type::available;
use amo_model::{Entity, FieldKind, Owner};

/// Ids of new fields start here; those of the built-in account are lower.
const FIRST_ID: u64 = 700_001;
const FIRST_GROUP: u64 = 63_431_752_236_083;
/// Fields that segments have at most. [seed]
const SEGMENT_FIELDS_MAX: usize = 30;

macro_rules! routes_of {
    ($path:literal, $owner:expr, $own:literal) => {
        [
            route("POST", concat!($path, "/custom_fields"), |c| create(c, $owner(c))),
            route("PATCH", concat!($path, "/custom_fields"), |c| update(c, $owner(c))),
            route("PATCH", concat!($path, "/custom_fields/{id}"), |c| update_one(c, $owner(c), c.id($own))),
            route("DELETE", concat!($path, "/custom_fields/{id}"), |c| delete(c, $owner(c), c.id($own))),
            route("GET", concat!($path, "/custom_fields/groups"), |c| groups(c, $owner(c))),
            route("POST", concat!($path, "/custom_fields/groups"), |c| create_groups(c, $owner(c))),
        ]
    };
}

/// The same six routes for every owner of fields; the routes of reads are in `routes`.
pub static ROUTES: &[[Route; 6]] = &[
    routes_of!("leads", |_: &Call| Owner::Entity(Entity::Leads), 0),
    routes_of!("contacts", |_: &Call| Owner::Entity(Entity::Contacts), 0),
    routes_of!("companies", |_: &Call| Owner::Entity(Entity::Companies), 0),
    routes_of!("customers", |_: &Call| Owner::Entity(Entity::Customers), 0),
    routes_of!("customers/segments", |_: &Call| Owner::Entity(Entity::Segments), 0),
    routes_of!("catalogs/{id}", |c: &Call| Owner::Catalog(c.id(0)), 1),
];

fn path(owner: Owner) -> String {
    format!("{}/custom_fields", owner.path())
}

/// The response where the owner is a catalog that does not exist, or customers are switched off.
fn missing_owner(call: &Call, owner: Owner) -> Option<ApiResponse> {
    match owner {
        Owner::Catalog(id) if call.world.account.catalog(id).is_none() => {
            Some(ApiResponse::problem(404, "Catalog not found")) // [inferred]
        }
        Owner::Entity(Entity::Customers | Entity::Segments) if !call.world.account.has_customers() => Some(disabled()),
        Owner::Catalog(_) | Owner::Entity(_) => None,
    }
}

fn batch(
    call: &Call,
    owner: Owner,
    is_new: bool,
    change: impl FnMut(&mut AccountState, &mut BatchItem) -> Option<Value>,
) -> ApiResponse {
    if let Some(reply) = missing_owner(call, owner) {
        return reply;
    }
    write_batch(call, &CollectionWrite { path: &path(owner), key: "custom_fields", is_new, counted: true }, change)
}

fn create(call: &Call, owner: Owner) -> ApiResponse {
    batch(call, owner, true, |account, item| {
        let mut reader = ObjectReader::new(item.node.reborrow())?;
        reader.require(&["name", "type"]);
        let kind = FieldKind::from_name(reader.text("type", 0).unwrap_or("text"));
        if !allows_type(account, owner, kind) {
            reader.invalid_choice("type");
        }
        let most = if owner == Owner::Entity(Entity::Segments) { SEGMENT_FIELDS_MAX } else { usize::MAX };
        if account.fields(owner).count() >= most {
            reader.node.too_many(most); // [seed], the code [inferred]
        }
        let last = account.fields(owner).map(|f| f.sort).max().unwrap_or(500);
        let new = FieldDefinition { sort: last.saturating_add(1), ..FieldDefinition::new(0, owner, "", kind) };
        let mut field = read_field(account, call.switches.name_max, new, &mut reader);
        reader.text("request_id", 0);
        reader.finish();
        if item.has_errors() {
            return None;
        }
        field.id = account.new_id(FIRST_ID);
        let answer = answer_item(call, &field, item);
        account.fields.push(field);
        Some(answer)
    })
}

/// Only catalogs of invoices have lines, payer and supplier. [doc]
fn allows_type(account: &AccountState, owner: Owner, kind: FieldKind) -> bool {
    let of_invoices = matches!(kind, FieldKind::Items | FieldKind::Payer | FieldKind::Supplier);
    let is_invoices = match owner {
        Owner::Catalog(id) => account.catalog(id).is_some_and(|c| c.kind == KIND_INVOICES),
        Owner::Entity(_) => false,
    };
    available(kind, owner) && (!of_invoices || is_invoices)
}

/// The model with `request_id` [client live]; its options may be keyed by their index. [doc Kommo]
fn answer_item(call: &Call, field: &FieldDefinition, item: &BatchItem) -> Value {
    let mut model = model(&call.view(), field);
    if call.switches.enums_keyed
        && let Some(Value::Array(enums)) = model.get_mut("enums").map(Value::take)
    {
        model["enums"] = enums.into_iter().enumerate().map(|(i, option)| (i.to_string(), option)).collect();
    }
    with_request_id(model, item.echoed_request_id(call, json!(item.index.to_string())))
}

fn update(call: &Call, owner: Owner) -> ApiResponse {
    batch(call, owner, false, |account, item| change(call, owner, account, item))
}

fn update_one(call: &Call, owner: Owner, id: u64) -> ApiResponse {
    let batch = CollectionWrite { path: &path(owner), key: "custom_fields", is_new: false, counted: true };
    missing_owner(call, owner)
        .unwrap_or_else(|| write_one(call, &batch, id, |account, item| change(call, owner, account, item)))
}

/// Keys that only reads of a field show. Reads show keys of other types and owners as well, without a value.
const SHOWN: &[&str] = &[
    "account_id",
    "is_deletable",
    "is_predefined",
    "entity_type",
    "catalog_id",
    "is_api_only",
    "enums",
    "nested",
    "required_statuses",
    "hidden_statuses",
    "tracking_callback",
    "remind",
    "currency",
    "chained_lists",
    "search_in",
    "is_visible",
    "is_required",
    "_links",
];

/// The type of a field cannot be changed. [doc]
fn change(call: &Call, owner: Owner, account: &mut AccountState, item: &mut BatchItem) -> Option<Value> {
    let mut reader = ObjectReader::new(item.node.reborrow())?;
    let id = BatchItem::own_id(item.id, &mut reader);
    let place = account.fields.iter().position(|f| Some(f.id) == id && f.owner == owner);
    let Some(place) = place else {
        if id.is_some() {
            reader.invalid_choice("id");
        }
        return None;
    };
    let before = account.fields[place].clone();
    reader.ignore(call.switches, SHOWN);
    reader.ignore_unchanged(call.switches, "type", &json!(values::kind(&call.view(), &before)));
    let field = read_field(account, call.switches.name_max, before, &mut reader);
    reader.text("request_id", 0);
    reader.finish();
    if item.has_errors() {
        return None;
    }
    let answer = answer_item(call, &field, item);
    account.fields[place] = field;
    Some(answer)
}

/// Deletes the field's values as well. The service's own fields cannot be deleted. [doc] `is_deletable`
fn delete(call: &Call, owner: Owner, id: u64) -> ApiResponse {
    if let Some(reply) = missing_owner(call, owner) {
        return reply;
    }
    delete_one(call, |account| {
        let before = account.fields.len();
        account.fields.retain(|f| f.id != id || f.owner != owner || f.is_predefined);
        let is_gone = account.fields.len() < before;
        for segment in account.segments.iter_mut().filter(|_| is_gone) {
            segment.prices.retain(|price| *price != id);
        }
        is_gone
    })
}

/// All groups on one page; the default group is first. [doc]
fn groups(call: &Call, owner: Owner) -> ApiResponse {
    if let Some(reply) = missing_owner(call, owner) {
        return reply;
    }
    let view = call.view();
    let first = FieldGroup { id: "default".to_owned(), owner, name: "Основное".to_owned(), sort: 0 };
    let made = call.world.account.field_groups.iter().filter(|g| g.owner == owner);
    let all: Vec<Value> = std::iter::once(&first).chain(made).map(|g| group_model(&view, g)).collect();
    let (items, url) = (all.len(), view.url(&format!("{}/groups", path(owner))));
    let links = self_link(url);
    ApiResponse::ok(&json!({"_total_items": items, "_links": links, "_embedded": {"custom_field_groups": all}}))
        .with_items(items)
}

fn create_groups(call: &Call, owner: Owner) -> ApiResponse {
    if let Some(reply) = missing_owner(call, owner) {
        return reply;
    }
    let path = format!("{}/groups", path(owner));
    let batch = CollectionWrite { path: &path, key: "custom_field_groups", is_new: true, counted: true };
    write_batch(call, &batch, |account, item| {
        let mut reader = ObjectReader::new(item.node.reborrow())?;
        reader.require(&["name"]);
        let name = reader.name("name", call.switches.name_max);
        let sort = reader.int("sort").unwrap_or(0);
        reader.text("request_id", 0);
        reader.finish();
        let name = name.filter(|_| !item.has_errors())?.to_owned();
        let id = format!("{}_{}", owner.name(), account.new_id(FIRST_GROUP));
        let group = FieldGroup { id, owner, name, sort };
        let answer = with_request_id(
            group_model(&call.view(), &group),
            item.echoed_request_id(call, json!(item.index.to_string())),
        );
        account.field_groups.push(group);
        Some(answer)
    })
}

fn group_model(view: &View, group: &FieldGroup) -> Value {
    json!({
        "id": group.id, "name": group.name, "is_predefined": group.id == "default", "type": "common",
        "entity_type": group.owner.name(), "sort": group.sort,
        "_links": self_link(view.url(&format!("{}/groups/{}", path(group.owner), group.id)))
    })
}
