//! The initial state of a world: the built-in account with its elements, or those of a snapshot of another account.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::builtin;
use crate::account::{
    AccountState, AccountUser, CatalogDefinition, ChainLink, Choice, CustomerStatus, FieldDefinition, LeadPipeline,
    LossReason, PipelineStage, Segment,
};
use amo_model::{FieldKind, Owner, parts};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InitialState {
    pub account: AccountState,
    /// Id and JSON, as the world stores them.
    pub elements: Vec<(u64, Value)>,
    pub is_built_in: bool,
}

/// The parts of a snapshot that a new world is made from.
#[derive(Debug, Clone)]
pub struct AccountTemplate {
    pub basics: parts::Basics,
    pub pipelines: Vec<parts::Pipeline>,
    pub users: Vec<parts::User>,
    pub loss_reasons: Vec<parts::Named>,
    pub catalogs: Vec<parts::Catalog>,
    pub fields: BTreeMap<Owner, Vec<parts::CustomField>>,
    pub segments: Vec<parts::Named>,
    pub customer_statuses: Vec<parts::Named>,
    pub elements: BTreeMap<u64, Vec<parts::CatalogElement>>,
}

impl InitialState {
    pub fn built_in() -> InitialState {
        InitialState { account: builtin::account(), elements: builtin::elements::elements(), is_built_in: true }
    }

    /// Names and ids are those of the snapshot, except the account's id.
    pub fn like(like: &AccountTemplate) -> InitialState {
        let elements = like.elements.iter().flat_map(|(catalog, items)| {
            let fields = like.fields.get(&Owner::Catalog(*catalog)).map_or(&[][..], Vec::as_slice);
            let sku = fields.iter().find(|field| field.code.as_deref() == Some(parts::SKU)).map(|field| field.id);
            items.iter().map(move |item| (item.id, element(*catalog, sku, item, like.basics.current_user)))
        });
        InitialState { account: account(like), elements: elements.collect(), is_built_in: false }
    }

    pub fn with_account_id(self, id: u64) -> InitialState {
        InitialState { account: self.account.with_id(id), ..self }
    }

    /// The account's id is not compared.
    pub fn is_same_as(&self, other: &InitialState) -> bool {
        let comparable = |initial: &InitialState| json!(initial.clone().with_account_id(0));
        comparable(self) == comparable(other)
    }
}

fn element(catalog: u64, sku_field: Option<u64>, item: &parts::CatalogElement, user: u64) -> Value {
    let sku = sku_field.zip(item.sku.as_ref()).map(|(field, sku)| json!([field, [{"value": sku}]]));
    let fields: Vec<Value> = sku.into_iter().collect();
    json!({"name": item.name, "created_by": user, "updated_by": user, "catalog_id": catalog, "fields": fields})
}

/// Parts that a snapshot does not have (sources, colours, rights) are those of the built-in account, or absent.
fn account(like: &AccountTemplate) -> AccountState {
    let shipped = builtin::account();
    let basics = &like.basics;
    let sent = |text: &str, or: String| if text.is_empty() { or } else { text.to_owned() };
    AccountState {
        name: basics.name.clone(),
        subdomain: basics.subdomain.clone(),
        country: sent(&basics.country, shipped.country),
        currency: sent(&basics.currency, shipped.currency),
        timezone: basics.timezone.clone().unwrap_or(shipped.timezone),
        customers_mode: sent(&basics.customers_mode, shipped.customers_mode),
        current_user: basics.current_user,
        pipelines: like.pipelines.iter().filter(|p| !p.is_archive).zip(1..).map(pipeline).collect(),
        users: users(like),
        loss_reasons: like.loss_reasons.iter().map(loss_reason).collect(),
        catalogs: like.catalogs.iter().zip(1..).map(|(c, sort)| catalog(c, sort, basics.current_user)).collect(),
        fields: like
            .fields
            .iter()
            .flat_map(|(owner, fields)| fields.iter().zip(1..).map(|f| field(*owner, f)))
            .collect(),
        sources: Vec::new(),
        customer_statuses: customer_statuses(&like.customer_statuses),
        segments: like.segments.iter().map(|named| segment(named, shipped.created_at)).collect(),
        ..builtin::account()
    }
}

fn pipeline((from, sort): (&parts::Pipeline, i64)) -> LeadPipeline {
    const COLOR: &str = "#99ccff";
    let status = |(stage, sort): (&parts::LeadStage, i64)| PipelineStage {
        id: stage.id,
        name: stage.name.clone(),
        sort,
        color: COLOR.to_owned(),
        kind: stage.kind,
    };
    let statuses = from.stages.iter().zip((10..).step_by(10)).map(status).collect();
    let is_unsorted_on = from.stages.iter().any(|stage| stage.kind == amo_model::STATUS_TYPE_UNSORTED);
    LeadPipeline { id: from.id, name: from.name.clone(), sort, is_main: from.is_main, is_unsorted_on, statuses }
}

/// The token's user is an administrator, and is added where the snapshot has no users.
fn users(like: &AccountTemplate) -> Vec<AccountUser> {
    let me = like.basics.current_user;
    let user = |from: &parts::User| AccountUser {
        id: from.id,
        name: from.name.clone(),
        email: from.email.clone(),
        is_admin: from.id == me,
        is_active: from.is_active,
        group_id: 0,
    };
    let mut users: Vec<AccountUser> = like.users.iter().map(user).collect();
    if !users.iter().any(|user| user.id == me) {
        let (name, email) = (format!("user {me}"), String::new());
        users.push(AccountUser { id: me, name, email, is_admin: true, is_active: true, group_id: 0 });
    }
    users
}

fn loss_reason(named: &parts::Named) -> LossReason {
    LossReason { id: named.id, name: named.name.clone(), sort: 100_000 }
}

fn catalog(from: &parts::Catalog, sort: i64, user: u64) -> CatalogDefinition {
    let shipped = builtin::account();
    let similar = shipped.catalogs.iter().find(|c| c.kind == from.kind).or(shipped.catalogs.last());
    CatalogDefinition {
        id: from.id,
        name: from.name.clone(),
        kind: from.kind.clone(),
        sort,
        created_by: user,
        updated_by: user,
        created_at: shipped.created_at,
        updated_at: shipped.created_at,
        can_add_elements: similar.is_none_or(|c| c.can_add_elements),
        can_show_in_cards: false,
        can_link_multiple: true,
        can_be_deleted: similar.is_none_or(|c| c.can_be_deleted),
        sdk_widget_code: None,
    }
}

fn field(owner: Owner, (from, sort): (&parts::CustomField, i64)) -> FieldDefinition {
    let parents = std::iter::once(None).chain(from.chain.iter().copied().map(Some));
    let chain = from.chain.iter().zip(parents);
    let choice = |(option, sort): (&parts::FieldOption, i64)| Choice {
        id: option.id,
        parent_id: option.parent,
        value: option.value.clone(),
        sort,
        code: option.code.clone(),
    };
    FieldDefinition {
        code: from.code.clone(),
        is_predefined: from.code.is_some(),
        choices: from.options.iter().zip(1..).map(choice).collect(),
        chain: chain
            .map(|(catalog_id, parent_catalog_id)| ChainLink {
                catalog_id: *catalog_id,
                parent_catalog_id,
                title: None,
            })
            .collect(),
        search_in: from.search_in.clone(),
        currency: from.currency.clone(),
        sort,
        ..FieldDefinition::new(from.id, owner, &from.name, FieldKind::from_name(&from.kind))
    }
}

/// New customers get the first status; a snapshot does not say which of the others are the system's.
fn customer_statuses(named: &[parts::Named]) -> Vec<CustomerStatus> {
    const COLOR: &str = "#99ccff";
    let kinds = std::iter::once(CustomerStatus::EXPECTED).chain(std::iter::repeat(CustomerStatus::PLAIN));
    let status = |(named, kind): (&parts::Named, i64)| CustomerStatus {
        id: named.id,
        name: named.name.clone(),
        color: COLOR.to_owned(),
        kind,
        conditions: json!([]),
    };
    named.iter().zip(kinds).map(status).collect()
}

fn segment(named: &parts::Named, at: i64) -> Segment {
    const COLOR: &str = "2176ff";
    Segment {
        id: named.id,
        name: named.name.clone(),
        color: COLOR.to_owned(),
        prices: Vec::new(),
        fields: Vec::new(),
        created_at: at,
        updated_at: at,
    }
}
