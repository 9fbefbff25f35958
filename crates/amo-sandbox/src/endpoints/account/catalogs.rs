//! `catalogs`: the catalogs of the account. [seed]

use serde_json::{Value, json};

use crate::account::builtin::{KIND_INVOICES, KIND_PRODUCTS, KIND_SUPPLIERS};
use crate::account::{AccountState, CatalogDefinition};
use crate::check::ObjectReader;
use crate::endpoints::Call;
use crate::endpoints::account::writes::{BatchItem, CollectionWrite, with_request_id, write_batch, write_one};
use crate::endpoints::reply::ApiResponse;
use crate::read::list::Paging;
use crate::read::{View, self_link};
use amo_model::CATALOGS_MAX;

/// Ids of new catalogs start here; those of the built-in account are lower.
const FIRST_ID: u64 = 1009;

/// In the order of `sort`, as in the example; `type` is a plain key of the query. [client]
pub fn list(call: &Call) -> ApiResponse {
    if let Some(reply) = call.forbidden() {
        return reply;
    }
    let view = call.view();
    let kind = call.query.get("type");
    let mut wanted: Vec<&CatalogDefinition> =
        call.world.account.catalogs.iter().filter(|c| kind.is_none_or(|kind| c.kind == kind)).collect();
    wanted.sort_by_key(|c| (c.sort, c.id));
    let paging = Paging::from_query(call.query);
    let more = wanted.len() > paging.skip().saturating_add(paging.limit) || call.switches.next_always;
    let rows = wanted.into_iter().skip(paging.skip()).take(paging.limit).map(|c| model(&view, c)).collect();
    call.page("catalogs", "catalogs", rows, more)
}

pub fn get(call: &Call) -> ApiResponse {
    if let Some(reply) = call.forbidden() {
        return reply;
    }
    match call.world.account.catalog(call.id(0)) {
        Some(catalog) => ApiResponse::ok(&model(&call.view(), catalog)).with_items(1),
        None => call.unknown_id(),
    }
}

pub fn model(view: &View, catalog: &CatalogDefinition) -> Value {
    json!({
        "id": catalog.id, "name": catalog.name, "created_by": catalog.created_by, "updated_by": catalog.updated_by,
        "created_at": catalog.created_at, "updated_at": catalog.updated_at, "sort": catalog.sort,
        "type": catalog.kind, "can_add_elements": catalog.can_add_elements,
        "can_show_in_cards": catalog.can_show_in_cards, "can_link_multiple": catalog.can_link_multiple,
        "can_be_deleted": catalog.can_be_deleted, "sdk_widget_code": catalog.sdk_widget_code,
        "account_id": view.world.account.id, "_links": self_link(view.url(&format!("catalogs/{}", catalog.id)))
    })
}

/// The model with `request_id` and without `sdk_widget_code`, as in both examples of writes. [seed]
fn written_model(view: &View, catalog: &CatalogDefinition, request_id: Option<Value>) -> Value {
    let mut model = model(view, catalog);
    if let Value::Object(model) = &mut model {
        model.shift_remove("sdk_widget_code");
    }
    with_request_id(model, request_id)
}

pub fn create(call: &Call) -> ApiResponse {
    let batch = CollectionWrite { path: "catalogs", key: "catalogs", is_new: true, counted: false };
    write_batch(call, &batch, |account, item| {
        let catalog = check_new(call, account, item)?;
        let request_id = item.echoed_request_id(call, json!(item.index.to_string()));
        let answer = written_model(&call.view(), &catalog, request_id);
        account.catalogs.push(catalog);
        Some(answer)
    })
}

fn check_new(call: &Call, account: &mut AccountState, item: &mut BatchItem) -> Option<CatalogDefinition> {
    let mut reader = ObjectReader::new(item.node.reborrow())?;
    reader.require(&["name"]);
    let name = reader.name("name", call.switches.name_max);
    let kind = reader.one_of("type", &["regular", KIND_INVOICES, KIND_PRODUCTS]).unwrap_or("regular");
    if kind != "regular" && account.catalog_of_kind(kind).is_some() {
        reader.invalid_choice("type"); // [seed] one of each type; the code [inferred]
    }
    // The service's own catalog of suppliers does not count. [inferred]
    if account.catalogs.iter().filter(|c| c.kind != KIND_SUPPLIERS).count() >= CATALOGS_MAX {
        reader.node.too_many(CATALOGS_MAX); // [seed], the code [inferred]
    }
    let sort = reader.int("sort");
    let (can_add_elements, can_link_multiple) = (reader.bool("can_add_elements"), reader.bool("can_link_multiple"));
    reader.text("request_id", 0);
    reader.finish();
    if item.has_errors() {
        return None;
    }
    let last = account.catalogs.iter().map(|c| c.sort).max().unwrap_or(0);
    Some(CatalogDefinition {
        id: account.new_id(FIRST_ID),
        name: name?.to_owned(),
        kind: kind.to_owned(),
        sort: sort.unwrap_or(last.saturating_add(10)),
        created_by: account.current_user,
        updated_by: account.current_user,
        created_at: call.now,
        updated_at: call.now,
        can_add_elements: can_add_elements.unwrap_or(true),
        can_show_in_cards: false,
        can_link_multiple: can_link_multiple.unwrap_or(true),
        can_be_deleted: kind != KIND_PRODUCTS, // [seed]
        sdk_widget_code: None,
    })
}

/// Keys that only reads of a catalog show.
const SHOWN: &[&str] = &[
    "created_by",
    "updated_by",
    "created_at",
    "updated_at",
    "can_show_in_cards",
    "can_be_deleted",
    "sdk_widget_code",
    "account_id",
    "_links",
];

const UPDATES: CollectionWrite = CollectionWrite { path: "catalogs", key: "catalogs", is_new: false, counted: false };

pub fn update(call: &Call) -> ApiResponse {
    write_batch(call, &UPDATES, |account, item| change(call, account, item))
}

pub fn update_one(call: &Call) -> ApiResponse {
    write_one(call, &UPDATES, call.id(0), |account, item| change(call, account, item))
}

fn change(call: &Call, account: &mut AccountState, item: &mut BatchItem) -> Option<Value> {
    let mut reader = ObjectReader::new(item.node.reborrow())?;
    let id = BatchItem::own_id(item.id, &mut reader);
    let found = account.catalogs.iter_mut().find(|c| Some(c.id) == id && c.kind != KIND_SUPPLIERS);
    if id.is_some() && found.is_none() {
        reader.invalid_choice("id");
    }
    if call.switches.patch_needs_name {
        reader.require(&["name"]);
    }
    let name = reader.name("name", call.switches.name_max);
    let (can_add_elements, can_link_multiple) = (reader.bool("can_add_elements"), reader.bool("can_link_multiple"));
    reader.text("request_id", 0);
    reader.ignore(call.switches, SHOWN);
    // Type and `sort` are set on creation only [seed]; other values are refused.
    if let Some(catalog) = &found {
        reader.ignore_unchanged(call.switches, "type", &json!(catalog.kind));
        reader.ignore_unchanged(call.switches, "sort", &json!(catalog.sort));
    }
    reader.finish();
    let catalog = found.filter(|_| !item.has_errors())?;
    catalog.name = name.map_or_else(|| catalog.name.clone(), str::to_owned);
    catalog.can_add_elements = can_add_elements.unwrap_or(catalog.can_add_elements);
    catalog.can_link_multiple = can_link_multiple.unwrap_or(catalog.can_link_multiple);
    catalog.updated_at = call.now;
    catalog.updated_by = account.current_user;
    // The default is the id as a string. [seed]
    let request_id = item.echoed_request_id(call, json!(catalog.id.to_string()));
    Some(written_model(&call.view(), catalog, request_id))
}
