//! Resolves names in the account snapshot and the ledger.

use super::ledger::{KeyQuery, Ledger, from_ledger};
use super::{ElementBy, LookupKind, Resolved};
use crate::mapping::convert::ValueError;
use amo_client::account::{Account, Directory, LookupError};
use amo_model::parts::CustomField;
use amo_model::{FieldKind, Owner};
use sheet_source::fold;
use sheet_source::message;
use sheet_source::problem::{Arg, Message, did_you_mean, quoted};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Resolves names to ids.
#[derive(Debug, Clone)]
pub struct Resolver {
    pub account: Arc<Account>,
    pub ledger: Ledger,
    /// Elements by catalog.
    elements: Arc<BTreeMap<u64, Directory>>,
    customers: Option<Arc<Directory>>,
}

impl Resolver {
    pub fn new(account: Arc<Account>, ledger: Ledger) -> Resolver {
        let elements = account.elements.iter().map(|(catalog, items)| {
            let things = items.iter().map(|item| (item.id, item.name.as_str(), item.sku.as_deref()));
            (*catalog, Directory::of(things))
        });
        let customers = account.customers.as_ref().map(|customers| {
            Arc::new(Directory::of(customers.iter().map(|customer| (customer.id, customer.name.as_str(), None))))
        });
        Resolver { elements: Arc::new(elements.collect()), customers, account, ledger }
    }

    /// `pipeline` is where a stage is looked up; `None` is the main one.
    pub fn resolve(&self, kind: &LookupKind, pipeline: Option<u64>, name: &str) -> Resolved {
        let account = &*self.account;
        let miss = |miss: LookupError, noun: Message| {
            let (message, hint) = describe_miss(&miss, name, noun);
            let unknown = matches!(miss, LookupError::Unknown { .. } | LookupError::Unusable { .. });
            (unknown, ValueError { code: "unknown-name", message, hint })
        };
        match *kind {
            LookupKind::Pipeline => with_known_names(
                account.pipeline(name).map(|p| p.id).map_err(|m| miss(m, "pipeline".into())),
                &account.pipelines,
                |p| &p.name,
            ),
            LookupKind::LossReason => {
                let found = account.loss_reason(name).map(|r| r.id).map_err(|m| miss(m, "loss reason".into()));
                with_known_names(found, &account.loss_reasons, |r| &r.name)
            }
            LookupKind::ActiveUser => with_known_names(
                account.active_user(name).map(|u| u.id).map_err(|m| miss(m, "user".into())),
                &account.users,
                |u| &u.name,
            ),
            LookupKind::UserOrRobot if name == "0" => Ok(0),
            LookupKind::UserOrRobot => with_known_names(
                account.user(name).map(|u| u.id).map_err(|m| miss(m, "user".into())),
                &account.users,
                |u| &u.name,
            ),
            LookupKind::Stage { anywhere: true } => {
                account.stage_anywhere(name).map(|s| s.id).map_err(|m| miss(m, "stage".into()))
            }
            LookupKind::Stage { anywhere: false } => stage(account, pipeline, name, miss),
            LookupKind::Option(ref field) => option(field, name),
            LookupKind::Segment => with_known_names(
                account.segment(name).map(|s| s.id).map_err(|m| miss(m, "segment".into())),
                &account.segments,
                |s| &s.name,
            ),
            LookupKind::CustomerStatus => {
                let found = account.customer_status(name).map(|s| s.id).map_err(|m| miss(m, "customer status".into()));
                with_known_names(found, &account.customer_statuses, |s| &s.name)
            }
            LookupKind::Catalog => with_known_names(
                account.catalog(name).map(|c| c.id).map_err(|m| miss(m, "catalog".into())),
                &account.catalogs,
                |c| &c.name,
            ),
            LookupKind::PriceField { catalog } => price_field(account, catalog, name, miss),
            LookupKind::Customer => match &self.customers {
                Some(customers) => customers
                    .by_name(name)
                    .map_err(|m| with_hint(miss(m, "customer".into()), "import the customers first")),
                None => Err((false, not_in_snapshot(name, "customers"))),
            },
            LookupKind::Element { catalog, by } => match self.elements.get(&catalog) {
                Some(elements) => match by {
                    ElementBy::Sku => elements.by_sku(name),
                    ElementBy::Name => elements.by_name(name),
                    ElementBy::Either => elements.by_either(name),
                }
                .map_err(|m| {
                    with_hint(miss(m, element_noun(account, catalog, by)), "import it into that catalog first")
                }),
                None => Err((false, not_in_snapshot(name, "elements of this catalog"))),
            },
            LookupKind::Ledger { entity, catalog, ref titles } => {
                let titles = titles.as_deref();
                from_ledger(&self.ledger, KeyQuery { entity, catalog, key: name, titles, made: false })
            }
        }
    }

    /// True if the elements of a catalog are loaded.
    pub fn knows_elements(&self, catalog: u64) -> bool {
        self.elements.contains_key(&catalog)
    }

    pub fn knows_customers(&self) -> bool {
        self.customers.is_some()
    }
}

/// Adds a hint if there are no similar names.
fn with_hint((unknown, mut error): (bool, ValueError), advice: &'static str) -> (bool, ValueError) {
    error.hint.get_or_insert_with(|| message!("correct the cell, or {advice}", advice = Message::from(advice)));
    (unknown, error)
}

/// The most known names in a hint.
const KNOWN_MAX: usize = 10;

/// Adds the known names as a hint if there are no similar ones.
fn with_known_names<T>(found: Resolved, all: &[T], name: impl Fn(&T) -> &String) -> Resolved {
    found.map_err(|(unknown, mut error)| {
        error.hint.get_or_insert_with(|| {
            let known: Vec<&str> = all.iter().take(KNOWN_MAX).map(|thing| name(thing).as_str()).collect();
            match known.is_empty() {
                true => "the account has none".into(),
                false => {
                    let more = if all.len() > KNOWN_MAX { ", …" } else { "" };
                    message!("known: {known}{more}", known, more)
                }
            }
        });
        (unknown, error)
    })
}

fn stage(
    account: &Account,
    pipeline: Option<u64>,
    name: &str,
    miss: impl Fn(LookupError, Message) -> (bool, ValueError),
) -> Resolved {
    let pipeline = pipeline.and_then(|id| account.pipeline_by_id(id)).or_else(|| account.main_pipeline());
    let Some(pipeline) = pipeline else {
        let message = message!("{value} cannot be looked up: the account has no pipelines", value = quoted(name));
        return Err((false, ValueError { code: "unknown-name", message, hint: None }));
    };
    account.stage(pipeline, name).map(|s| s.id).map_err(|m| {
        let (unknown, mut error) = miss(m, message!("stage of the pipeline \"{pipeline}\"", pipeline = &pipeline.name));
        let elsewhere = account.pipelines_with_stage(name);
        if error.hint.is_none() && elsewhere.is_empty() {
            let names: Vec<&str> = Account::stage_names(pipeline).collect();
            error.hint = Some(message!("its stages are: {stages}", stages = names));
        } else if !elsewhere.is_empty() && !elsewhere.contains(&pipeline.name.as_str()) {
            error.hint = Some(message!(
                "it is a stage of \"{pipelines}\"; name that pipeline",
                pipelines = elsewhere.join("\", \"")
            ));
        }
        (unknown, error)
    })
}

fn element_noun(account: &Account, catalog: u64, by: ElementBy) -> Message {
    let known = account.catalogs.iter().find(|c| c.id == catalog);
    let catalog = known.map_or_else(|| catalog.to_string(), |catalog| format!("\"{}\"", catalog.name));
    let by = match by {
        ElementBy::Sku => "SKU",
        ElementBy::Name => "name",
        ElementBy::Either => "SKU or name",
    };
    message!("{by} in the catalog {catalog}", by, catalog)
}

/// A field of type `price`, by name, code or id. [seed]
fn price_field(
    account: &Account,
    catalog: u64,
    name: &str,
    miss: impl Fn(LookupError, Message) -> (bool, ValueError),
) -> Resolved {
    let owner = Owner::Catalog(catalog);
    let by_id = account.fields(owner).iter().find(|field| name.trim().parse() == Ok(field.id)).ok_or(());
    let is_price = |field: &CustomField| FieldKind::from_name(&field.kind) == FieldKind::Price;
    let prices: Vec<CustomField> = account.fields(owner).iter().filter(|field| is_price(field)).cloned().collect();
    let found = by_id.or_else(|()| account.field(owner, name)).map_err(|m| miss(m, "product field".into()));
    match found {
        Ok(field) if is_price(field) => Ok(field.id),
        Ok(field) => {
            let message =
                message!("{value} is a field of type {kind}, not a price", value = quoted(name), kind = &field.kind);
            with_known_names(Err((false, ValueError { code: "unknown-name", message, hint: None })), &prices, |field| {
                &field.name
            })
        }
        Err(miss) => with_known_names(Err(miss), &prices, |field| &field.name),
    }
}

fn not_in_snapshot(name: &str, things: &'static str) -> ValueError {
    let message =
        message!("{value} cannot be looked up: the account snapshot has no {things}", value = quoted(name), things);
    ValueError { code: "unknown-name", message, hint: Some("check against the account itself".into()) }
}

/// Separators in a path of an option tree.
const BRANCH: [char; 3] = ['/', '>', '\\'];

/// Finds an option by its text, path, code or id. The service compares texts exactly, so the id is sent. [client]
fn option(field: &CustomField, name: &str) -> Resolved {
    let wanted = fold(name);
    let by_text: Vec<u64> = field.options.iter().filter(|o| fold(&o.value) == wanted).map(|o| o.id).collect();
    match by_text.as_slice() {
        [one] => return Ok(*one),
        [] => {}
        // Equal texts on two branches of a tree need a path. In a flat list the first one is used.
        [first, ..] if field.options.iter().all(|o| o.parent.is_none()) => return Ok(*first),
        many => {
            let choices = many.iter().filter_map(|id| path(field, *id)).collect();
            let (message, hint) = describe_miss(
                &LookupError::Ambiguous { choices },
                name,
                message!("option of \"{field}\"", field = &field.name),
            );
            return Err((false, ValueError { code: "unknown-option", message, hint }));
        }
    }
    let by_path = || {
        let parts: Vec<String> = name.split(BRANCH).map(fold).collect();
        let fits = |id: u64| path(field, id).is_some_and(|p| p.split(BRANCH).map(fold).eq(parts.iter().cloned()));
        field.options.iter().find(|o| parts.len() > 1 && fits(o.id))
    };
    let by_code = || field.options.iter().find(|o| o.code.as_deref() == Some(name));
    let by_id = || field.options.iter().find(|o| name.parse() == Ok(o.id));
    if let Some(option) = by_path().or_else(by_code).or_else(by_id) {
        return Ok(option.id);
    }
    let names: Vec<&str> = field.options.iter().map(|o| o.value.as_str()).collect();
    let hint = did_you_mean(name, names.iter().copied()).unwrap_or_else(|| {
        let more = if names.len() > 20 { ", …" } else { "" };
        message!("its options are: {options}{more}", options = &names[..names.len().min(20)], more)
    });
    let message = message!("unknown option of \"{field}\": {value}", value = quoted(name), field = &field.name);
    Err((true, ValueError { code: "unknown-option", message, hint: Some(hint) }))
}

/// The path of an option: `Мебель / Столы`.
fn path(field: &CustomField, id: u64) -> Option<String> {
    let mut parts = Vec::new();
    let mut next = Some(id);
    // Guards against cycles.
    while let Some(id) = next.filter(|_| parts.len() <= field.options.len()) {
        let option = field.options.iter().find(|o| o.id == id)?;
        parts.push(option.value.as_str());
        next = option.parent;
    }
    parts.reverse();
    Some(parts.join(" / "))
}

/// Describes a failed lookup as message and hint; `noun` is singular.
pub fn describe_miss(miss: &LookupError, wanted: &str, noun: impl Into<Message>) -> (Message, Option<Message>) {
    let (value, noun) = (quoted(wanted), noun.into());
    match miss {
        LookupError::Unknown { near } => {
            let hint =
                (!near.is_empty()).then(|| message!("did you mean {names}?", names = Arg::Choices(near.clone())));
            (message!("unknown {noun}: {value}", value, noun), hint)
        }
        LookupError::Ambiguous { choices } => {
            let hint = message!("write one of {choices}", choices = choices.as_slice());
            (message!("ambiguous {noun}: {value}", value, noun), Some(hint))
        }
        LookupError::Unusable { why } => {
            let hint = "write another one, or translate it with \"values\" in the mapping".into();
            (message!("{value} cannot be used: {why}", value, why), Some(hint))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use amo_model::parts::FieldOption;

    #[test]
    fn options_of_a_tree_are_found_by_name_and_by_path() {
        let option = |id, value: &str, parent| FieldOption { id, value: value.into(), code: None, parent };
        let field = CustomField {
            id: 1,
            name: "Группа".into(),
            code: None,
            kind: "category".into(),
            options: vec![
                option(1, "Мебель", None),
                option(2, "Столы", Some(1)),
                option(3, "Техника", None),
                option(4, "Столы", Some(3)),
                option(5, "Лампы", Some(3)),
            ],
            chain: vec![],
            search_in: None,
            currency: None,
        };
        assert_eq!(option_id(&field, "лампы"), Ok(5));
        assert_eq!(option_id(&field, "Мебель / Столы"), Ok(2));
        assert_eq!(option_id(&field, "техника>столы"), Ok(4));
        assert_eq!(option_id(&field, "3"), Ok(3));
        assert!(option_id(&field, "Столы").unwrap_err().contains("ambiguous option"));
        assert!(option_id(&field, "Мебель / Лампы").unwrap_err().contains("unknown option"));
    }

    fn option_id(field: &CustomField, name: &str) -> Result<u64, String> {
        option(field, name).map_err(|(_, error)| error.message.to_string())
    }
}
