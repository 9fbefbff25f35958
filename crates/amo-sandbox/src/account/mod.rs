//! The parts of an account: pipelines, users, fields, catalogs. Data and look-ups only; the built-in account is in
//! `builtin`.

pub mod builtin;
pub mod template;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use amo_model::{FieldKind, Owner, STATUS_TYPE_UNSORTED, STATUS_WON};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountState {
    pub id: u64,
    pub name: String,
    pub subdomain: String,
    pub country: String,
    pub currency: String,
    pub timezone: String,
    pub language: String,
    pub customers_mode: String,
    /// The owner of the token.
    pub current_user: u64,
    pub created_at: i64,
    pub pipelines: Vec<LeadPipeline>,
    pub users: Vec<AccountUser>,
    pub loss_reasons: Vec<LossReason>,
    pub catalogs: Vec<CatalogDefinition>,
    pub fields: Vec<FieldDefinition>,
    pub field_groups: Vec<FieldGroup>,
    pub sources: Vec<LeadSource>,
    /// Number of parts made through the API so far, so that no id is given twice.
    pub made: u64,
    /// In their order; the system's cannot be deleted.
    pub customer_statuses: Vec<CustomerStatus>,
    pub segments: Vec<Segment>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LeadPipeline {
    pub id: u64,
    pub name: String,
    pub sort: i64,
    pub is_main: bool,
    pub is_unsorted_on: bool,
    pub statuses: Vec<PipelineStage>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PipelineStage {
    pub id: u64,
    pub name: String,
    pub sort: i64,
    pub color: String,
    /// `type` on the wire: 1 is the stage of unsorted leads. [doc]
    pub kind: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountUser {
    pub id: u64,
    pub name: String,
    pub email: String,
    pub is_admin: bool,
    pub is_active: bool,
    pub group_id: u64,
}

/// The letters of `rights`. [doc]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Right {
    #[serde(rename = "A")]
    All,
    #[serde(rename = "G")]
    Group,
    #[serde(rename = "M")]
    Own,
    #[serde(rename = "D")]
    None,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LossReason {
    pub id: u64,
    pub name: String,
    pub sort: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CatalogDefinition {
    pub id: u64,
    pub name: String,
    /// `products`, `invoices`, `regular` [seed], `suppliers` [client live].
    pub kind: String,
    pub sort: i64,
    pub created_by: u64,
    pub updated_by: u64,
    pub created_at: i64,
    pub updated_at: i64,
    pub can_add_elements: bool,
    pub can_show_in_cards: bool,
    pub can_link_multiple: bool,
    pub can_be_deleted: bool,
    /// A string, though the table of the seed says int. [client]
    pub sdk_widget_code: Option<String>,
}

/// A tab of a card, with its fields.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FieldGroup {
    pub id: String,
    pub owner: Owner,
    pub name: String,
    pub sort: i64,
}

/// A stage of customers in the mode periodicity.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CustomerStatus {
    pub id: u64,
    pub name: String,
    pub color: String,
    /// `type` on the wire. [seed]
    pub kind: i64,
    /// `conditions` on the wire; they cannot be written. [seed]
    pub conditions: Value,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Segment {
    pub id: u64,
    pub name: String,
    pub color: String,
    /// Ids of price fields.
    pub prices: Vec<u64>,
    /// Ids of fields and their values, as records store them.
    pub fields: Vec<(u64, Vec<Value>)>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// A source of leads and the pipeline of its leads.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LeadSource {
    pub id: u64,
    pub name: String,
    pub external_id: String,
    pub pipeline_id: u64,
    pub is_default: bool,
    pub services: Vec<serde_json::Value>,
}

/// A catalog of a `chained_list`, and its parent catalog.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChainLink {
    pub catalog_id: u64,
    pub parent_catalog_id: Option<u64>,
    pub title: Option<String>,
}

/// A stage where a field is required or hidden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldStage {
    pub pipeline_id: u64,
    pub status_id: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FieldDefinition {
    pub id: u64,
    pub owner: Owner,
    pub name: String,
    pub code: Option<String>,
    pub kind: FieldKind,
    pub sort: i64,
    pub is_predefined: bool,
    pub choices: Vec<Choice>,
    /// The catalogs of a `chained_list`, in their order.
    pub chain: Vec<ChainLink>,
    pub group_id: Option<String>,
    pub is_api_only: bool,
    /// Only fields of catalogs use this and `is_required`. [doc]
    pub is_visible: bool,
    pub is_required: bool,
    pub remind: Option<String>,
    pub currency: Option<String>,
    /// Where a `linked_entity` searches: `contacts`, `companies`, `contacts_and_companies`, or the id of a catalog.
    /// [doc]
    pub search_in: Option<String>,
    pub tracking_callback: Option<String>,
    pub required_statuses: Vec<FieldStage>,
    pub hidden_statuses: Vec<FieldStage>,
}

/// An option of a field: an enum of a select, a type of phone, a branch of a category tree.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Choice {
    pub id: u64,
    pub parent_id: Option<u64>,
    pub value: String,
    pub sort: i64,
    pub code: Option<String>,
}

impl AccountState {
    /// The same account with another id. The subdomain follows the id unless a snapshot has set it.
    pub fn with_id(self, id: u64) -> AccountState {
        let made = self.subdomain.is_empty() || self.subdomain == format!("sandbox{}", self.id);
        let subdomain = if made { format!("sandbox{id}") } else { self.subdomain };
        AccountState { id, subdomain, ..self }
    }

    /// An account id from a random number: eight digits, as real ones have. [client live]
    pub fn account_id_from(number: u64) -> u64 {
        10_000_000 + number % 90_000_000
    }

    /// The account id after a reset; the same seed gives the same sequence of ids.
    pub fn next_account_id(&self) -> u64 {
        AccountState::account_id_from(
            self.id.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 16,
        )
    }

    /// An id for a new part of the account, from `first` on; each kind has its own `first`.
    pub fn new_id(&mut self, first: u64) -> u64 {
        loop {
            self.made += 1;
            let id = first + 2 * (self.made - 1);
            if !self.has(id) {
                return id;
            }
        }
    }

    /// True where a part of the account has this id. Ids of an account made from a snapshot may be any.
    fn has(&self, id: u64) -> bool {
        self.pipeline(id).is_some()
            || self.pipelines.iter().any(|p| p.status(id).is_some())
            || self.fields.iter().any(|f| f.id == id || f.choice(id).is_some())
            || self.catalog(id).is_some()
            || self.sources.iter().any(|s| s.id == id)
            || self.segment(id).is_some()
            || self.customer_status(id).is_some()
    }

    /// The first catalog of this type.
    pub fn catalog_of_kind(&self, kind: &str) -> Option<&CatalogDefinition> {
        self.catalogs.iter().find(|c| c.kind == kind)
    }

    pub fn field_by_code(&self, owner: Owner, code: &str) -> Option<&FieldDefinition> {
        self.fields(owner).find(|f| f.code.as_deref() == Some(code))
    }

    pub fn pipeline(&self, id: u64) -> Option<&LeadPipeline> {
        self.pipelines.iter().find(|p| p.id == id)
    }

    /// The pipeline of a lead without one. [seed]
    pub fn main_pipeline(&self) -> Option<&LeadPipeline> {
        self.pipelines.iter().find(|p| p.is_main).or(self.pipelines.first())
    }

    /// The pipeline that has the stage; all have 142 and 143, so the main one is returned for these. [inferred]
    pub fn pipeline_of_status(&self, status: u64) -> Option<&LeadPipeline> {
        let main = self.main_pipeline()?;
        if main.status(status).is_some() {
            return Some(main);
        }
        self.pipelines.iter().find(|p| p.status(status).is_some())
    }

    /// A pipeline and its stage: the named pipeline, else the one that has the stage.
    pub fn stage(&self, pipeline: Option<u64>, status: u64) -> Option<(u64, u64)> {
        let home = match pipeline {
            Some(id) => self.pipeline(id)?,
            None => self.pipeline_of_status(status)?,
        };
        home.status(status).map(|status| (home.id, status.id))
    }

    pub fn user(&self, id: u64) -> Option<&AccountUser> {
        self.users.iter().find(|u| u.id == id)
    }

    /// A group has a number and a name only.
    pub fn group_name(&self, id: u64) -> String {
        if id == 0 { "Отдел продаж".to_owned() } else { format!("Отдел {id}") }
    }

    pub fn loss_reason(&self, id: u64) -> Option<&LossReason> {
        self.loss_reasons.iter().find(|r| r.id == id)
    }

    pub fn catalog(&self, id: u64) -> Option<&CatalogDefinition> {
        self.catalogs.iter().find(|c| c.id == id)
    }

    pub fn source(&self, external_id: &str) -> Option<&LeadSource> {
        self.sources.iter().find(|s| s.external_id == external_id)
    }

    pub fn customer_status(&self, id: u64) -> Option<&CustomerStatus> {
        self.customer_statuses.iter().find(|s| s.id == id)
    }

    /// The status of a new customer: the system's status "purchase expected". [inferred]
    pub fn first_customer_status(&self) -> Option<u64> {
        self.customer_statuses.iter().find(|s| s.kind == CustomerStatus::EXPECTED).map(|s| s.id)
    }

    pub fn segment(&self, id: u64) -> Option<&Segment> {
        self.segments.iter().find(|s| s.id == id)
    }

    /// True in any mode but `disabled`. [doc] for the modes
    pub fn has_customers(&self) -> bool {
        self.has_segments() || self.has_periodicity()
    }

    /// `dynamic` is another name of this mode. [doc]
    pub fn has_segments(&self) -> bool {
        matches!(self.customers_mode.as_str(), "segments" | "dynamic")
    }

    pub fn has_periodicity(&self) -> bool {
        self.customers_mode == "periodicity"
    }

    pub fn fields(&self, owner: Owner) -> impl Iterator<Item = &FieldDefinition> {
        self.fields.iter().filter(move |f| f.owner == owner)
    }

    pub fn field(&self, id: u64) -> Option<&FieldDefinition> {
        self.fields.iter().find(|f| f.id == id)
    }
}

impl CustomerStatus {
    /// Values of `type`. [seed]
    pub const PLAIN: i64 = 0;
    pub const EXPECTED: i64 = 1;
    pub const NOT_BOUGHT: i64 = 2;
    pub const CLOSED: i64 = 3;
    pub const BOUGHT: i64 = 4;

    /// `is_default` on the wire: a status of the system. [seed]
    pub fn is_system(&self) -> bool {
        self.kind != CustomerStatus::PLAIN
    }
}

impl LeadPipeline {
    pub fn status(&self, id: u64) -> Option<&PipelineStage> {
        self.statuses.iter().find(|s| s.id == id)
    }

    /// The first stage after that of unsorted leads.
    pub fn first_status(&self) -> u64 {
        self.statuses.iter().find(|s| s.kind != STATUS_TYPE_UNSORTED).map_or(STATUS_WON, |s| s.id)
    }

    pub fn unsorted_status(&self) -> Option<u64> {
        self.statuses.iter().find(|s| s.kind == STATUS_TYPE_UNSORTED).map(|s| s.id)
    }
}

impl FieldDefinition {
    /// A field with default values for all other properties.
    pub fn new(id: u64, owner: Owner, name: &str, kind: FieldKind) -> FieldDefinition {
        FieldDefinition {
            id,
            owner,
            name: name.to_owned(),
            code: None,
            kind,
            sort: 0,
            is_predefined: false,
            choices: Vec::new(),
            chain: Vec::new(),
            group_id: None,
            is_api_only: false,
            is_visible: true,
            is_required: false,
            remind: None,
            currency: None,
            search_in: None,
            tracking_callback: None,
            required_statuses: Vec::new(),
            hidden_statuses: Vec::new(),
        }
    }

    pub fn choice(&self, id: u64) -> Option<&Choice> {
        self.choices.iter().find(|c| c.id == id)
    }

    /// The case of letters counts. [inferred]
    pub fn choice_by_value(&self, value: &str) -> Option<&Choice> {
        self.choices.iter().find(|c| c.value == value)
    }

    pub fn choice_by_code(&self, code: &str) -> Option<&Choice> {
        self.choices.iter().find(|c| c.code.as_deref() == Some(code))
    }
}
