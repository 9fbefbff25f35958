//! Definitions of custom fields in writes. Which key goes with which type and owner [doc].

use serde_json::Value;

use crate::account::{AccountState, ChainLink, Choice, FieldDefinition, FieldStage};
use crate::check::ObjectReader;
use amo_model::{Entity, FieldKind, Owner};

/// Ids of new options start here.
const FIRST_OPTION: u64 = 1_100_001;
/// Not documented. [inferred]
const CODE_MAX: usize = 255;
/// The group that every owner has; others are made.
pub const GROUP_DEFAULT: &str = "default";

/// `field` with the keys that were sent. Keys that do not go with its type or owner are not read, and so refused.
pub fn read_field(
    account: &mut AccountState,
    name_max: usize,
    mut field: FieldDefinition,
    sent: &mut ObjectReader,
) -> FieldDefinition {
    if let Some(name) = sent.name("name", name_max) {
        field.name = name.to_owned();
    }
    if let Some(code) = sent.text("code", CODE_MAX) {
        if account.fields(field.owner).any(|f| f.id != field.id && f.code.as_deref() == Some(code)) {
            sent.invalid_choice("code"); // [client]
        }
        field.code = Some(code.to_owned());
    }
    field.sort = sent.int("sort").unwrap_or(field.sort);
    if let Some(group) = sent.text("group_id", CODE_MAX) {
        let known = account.field_groups.iter().any(|g| g.owner == field.owner && g.id == group);
        if !known && group != GROUP_DEFAULT {
            sent.invalid_choice("group_id");
        }
        field.group_id = Some(group.to_owned());
    }
    sent.value("settings");
    sent.value("triggers");
    read_by_owner(account, &mut field, sent);
    read_by_type(account, &mut field, sent);
    field
}

/// Only catalogs have `is_visible` and `is_required`, only the others `is_api_only`. [doc]
fn read_by_owner(account: &AccountState, field: &mut FieldDefinition, sent: &mut ObjectReader) {
    match field.owner {
        Owner::Catalog(_) => {
            field.is_visible = sent.bool("is_visible").unwrap_or(field.is_visible);
            field.is_required = sent.bool("is_required").unwrap_or(field.is_required);
        }
        Owner::Entity(Entity::Segments) => {}
        Owner::Entity(_) => field.is_api_only = sent.bool("is_api_only").unwrap_or(field.is_api_only),
    }
    if field.owner == Owner::Entity(Entity::Leads) {
        for (key, stages) in
            [("required_statuses", &mut field.required_statuses), ("hidden_statuses", &mut field.hidden_statuses)]
        {
            let named = sent.each(key, |stage| {
                stage.require(&["pipeline_id", "status_id"]);
                let (pipeline_id, status_id) = (stage.id("pipeline_id"), stage.id("status_id"));
                let (pipeline_id, status_id) = (pipeline_id?, status_id?);
                match account.pipeline(pipeline_id) {
                    None => stage.invalid_choice("pipeline_id"),
                    Some(pipeline) if pipeline.status(status_id).is_none() => stage.invalid_choice("status_id"),
                    Some(_) => {}
                }
                Some(FieldStage { pipeline_id, status_id })
            });
            *stages = named.unwrap_or_else(|| std::mem::take(stages));
        }
    }
}

fn read_by_type(account: &mut AccountState, field: &mut FieldDefinition, sent: &mut ObjectReader) {
    match field.kind {
        FieldKind::Select | FieldKind::Multiselect | FieldKind::Radiobutton => read_options(account, field, sent),
        FieldKind::Category => read_tree(account, field, sent),
        FieldKind::Birthday => {
            let remind = sent.one_of("remind", &["never", "day", "week", "month"]);
            field.remind = remind.map(str::to_owned).or(field.remind.take()).or(Some("never".to_owned()));
        }
        FieldKind::Monetary => {
            let currency = sent.text("currency", 3);
            field.currency = currency.map(str::to_owned).or(field.currency.take()).or(Some(account.currency.clone()));
        }
        FieldKind::TrackingData => {
            let callback = sent.text("tracking_callback", 0);
            field.tracking_callback = callback.map(str::to_owned).or(field.tracking_callback.take());
        }
        FieldKind::ChainedList => {
            let chain = sent.each("chained_lists", |link| {
                link.require(&["catalog_id"]);
                let (catalog, parent) = (link.id("catalog_id"), link.id("parent_catalog_id"));
                let title = link.text("title", CODE_MAX).map(str::to_owned);
                for (key, id) in [("catalog_id", catalog), ("parent_catalog_id", parent)] {
                    if id.is_some_and(|id| account.catalog(id).is_none()) {
                        link.invalid_choice(key);
                    }
                }
                Some(ChainLink { catalog_id: catalog?, parent_catalog_id: parent, title })
            });
            field.chain = chain.unwrap_or_else(|| std::mem::take(&mut field.chain));
        }
        FieldKind::LinkedEntity => read_search_in(account, field, sent),
        _ => {}
    }
}

/// A word or the id of a catalog, which may be a number. [doc]
fn read_search_in(account: &AccountState, field: &mut FieldDefinition, sent: &mut ObjectReader) {
    let place = match sent.value("search_in") {
        None => return,
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => {
            let path = sent.node.key_path("search_in");
            return sent.node.errors.wrong_type(path, "string");
        }
    };
    let is_catalog = place.parse().is_ok_and(|id| account.catalog(id).is_some());
    if !is_catalog && !["contacts", "companies", "contacts_and_companies"].contains(&place.as_str()) {
        sent.invalid_choice("search_in");
    }
    field.search_in = Some(place);
}

/// All options: one that is sent with its id keeps it, one that is left out is deleted. [doc]
fn read_options(account: &mut AccountState, field: &mut FieldDefinition, sent: &mut ObjectReader) {
    let before = std::mem::take(&mut field.choices);
    let mut next = 0;
    let options = sent.each("enums", |option| {
        option.require(&["value"]);
        let value = option.name("value", CODE_MAX).unwrap_or("");
        let id = existing_option(&before, option);
        let sort = option.int("sort").unwrap_or(next);
        next += 1;
        let code = option.text("code", CODE_MAX).map(str::to_owned);
        let id = id.unwrap_or_else(|| account.new_id(FIRST_OPTION));
        Some(Choice { id, parent_id: None, value: value.to_owned(), sort, code })
    });
    field.choices = options.unwrap_or(before);
}

fn existing_option(before: &[Choice], option: &mut ObjectReader) -> Option<u64> {
    let id = option.id("id")?;
    if !before.iter().any(|c| c.id == id) {
        option.invalid_choice("id");
    }
    Some(id)
}

/// The same for a tree: a branch names its parent by id, or by the `request_id` of the parent in this request. [doc]
fn read_tree(account: &mut AccountState, field: &mut FieldDefinition, sent: &mut ObjectReader) {
    let before = std::mem::take(&mut field.choices);
    let mut request_ids: Vec<(String, u64)> = Vec::new();
    let mut next = 0;
    let branches = sent.each("nested", |branch| {
        branch.require(&["value"]);
        let value = branch.name("value", CODE_MAX).unwrap_or("");
        let id = existing_option(&before, branch).unwrap_or_else(|| account.new_id(FIRST_OPTION));
        let sort = branch.int("sort").unwrap_or(next);
        next += 1;
        let by_id = branch.id("parent_id");
        if by_id.is_some_and(|parent| !before.iter().any(|c| c.id == parent)) {
            branch.invalid_choice("parent_id");
        }
        let parent_name = branch.text("parent_request_id", 0);
        let by_name = parent_name.map(|name| request_ids.iter().find(|(n, _)| n == name).map(|(_, id)| *id));
        if by_name == Some(None) {
            branch.invalid_choice("parent_request_id");
        }
        request_ids.extend(branch.text("request_id", 0).map(|name| (name.to_owned(), id)));
        Some(Choice { id, parent_id: by_id.or(by_name.flatten()), value: value.to_owned(), sort, code: None })
    });
    field.choices = branches.unwrap_or(before);
}
