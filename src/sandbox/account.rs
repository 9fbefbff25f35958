//! What an account is made of: pipelines, users, fields, lists. Data and look-ups only; the account that ships is
//! in `builtin`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::entity::{FieldKind, Owner, STATUS_TYPE_UNSORTED, STATUS_WON};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    pub id: u64,
    pub name: String,
    pub subdomain: String,
    pub country: String,
    pub currency: String,
    pub timezone: String,
    pub language: String,
    pub customers_mode: String,
    /// Whose token it is.
    pub current_user: u64,
    pub created_at: i64,
    pub pipelines: Vec<Pipeline>,
    pub users: Vec<User>,
    pub loss_reasons: Vec<LossReason>,
    pub catalogs: Vec<Catalog>,
    pub fields: Vec<Field>,
    pub sources: Vec<Source>,
    /// In their order; those of the system stay.
    pub customer_statuses: Vec<CustomerStatus>,
    pub segments: Vec<Segment>,
    /// Ids of what is deleted are not given again.
    pub last_customer_status: u64,
    pub last_segment: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pipeline {
    pub id: u64,
    pub name: String,
    pub sort: i64,
    pub is_main: bool,
    pub statuses: Vec<Status>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    pub id: u64,
    pub name: String,
    pub sort: i64,
    pub color: String,
    /// `type` on the wire: 1 is the stage of unsorted leads. [doc]
    pub kind: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    pub id: u64,
    pub name: String,
    pub email: String,
    pub is_admin: bool,
    pub is_active: bool,
    pub group_id: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LossReason {
    pub id: u64,
    pub name: String,
    pub sort: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Catalog {
    pub id: u64,
    pub name: String,
    /// `products`, `invoices`, `regular`. [seed]
    pub kind: String,
    pub sort: i64,
}

/// A stage of customers who buy periodically.
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
    /// Ids of fields and their values, as records keep them.
    pub fields: Vec<(u64, Vec<Value>)>,
    pub created_at: i64,
    pub updated_at: i64,
}

/// A source of leads and the pipeline its leads go to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Source {
    pub id: u64,
    pub external_id: String,
    pub pipeline_id: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Field {
    pub id: u64,
    pub owner: Owner,
    pub name: String,
    pub code: Option<String>,
    pub kind: FieldKind,
    pub sort: i64,
    pub is_predefined: bool,
    pub choices: Vec<Choice>,
    /// The lists a `chained_list` goes through.
    pub chain: Vec<u64>,
}

/// An option of a field: an enum of a select, a kind of phone, a branch of a category tree.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Choice {
    pub id: u64,
    pub parent_id: Option<u64>,
    pub value: String,
    pub sort: i64,
    pub code: Option<String>,
}

impl Account {
    pub fn pipeline(&self, id: u64) -> Option<&Pipeline> {
        self.pipelines.iter().find(|p| p.id == id)
    }

    /// Where a lead goes of which nothing is said. [seed]
    pub fn main_pipeline(&self) -> Option<&Pipeline> {
        self.pipelines.iter().find(|p| p.is_main).or(self.pipelines.first())
    }

    /// The pipeline a stage belongs to; 142 and 143 belong to all, so that the main one is meant. [inferred]
    pub fn pipeline_of_status(&self, status: u64) -> Option<&Pipeline> {
        let main = self.main_pipeline()?;
        if main.status(status).is_some() {
            return Some(main);
        }
        self.pipelines.iter().find(|p| p.status(status).is_some())
    }

    pub fn user(&self, id: u64) -> Option<&User> {
        self.users.iter().find(|u| u.id == id)
    }

    pub fn loss_reason(&self, id: u64) -> Option<&LossReason> {
        self.loss_reasons.iter().find(|r| r.id == id)
    }

    pub fn catalog(&self, id: u64) -> Option<&Catalog> {
        self.catalogs.iter().find(|c| c.id == id)
    }

    pub fn source(&self, external_id: &str) -> Option<&Source> {
        self.sources.iter().find(|s| s.external_id == external_id)
    }

    pub fn customer_status(&self, id: u64) -> Option<&CustomerStatus> {
        self.customer_statuses.iter().find(|s| s.id == id)
    }

    /// Where a customer stands of whom nothing is said: of the system's ones, that which waits for a purchase. [inferred]
    pub fn first_customer_status(&self) -> Option<u64> {
        self.customer_statuses.iter().find(|s| s.kind == CustomerStatus::EXPECTED).map(|s| s.id)
    }

    pub fn segment(&self, id: u64) -> Option<&Segment> {
        self.segments.iter().find(|s| s.id == id)
    }

    /// Customers are switched on, in whichever mode. [doc] for the words
    pub fn has_customers(&self) -> bool {
        self.has_segments() || self.has_periodicity()
    }

    /// `dynamic` is another word for it. [doc]
    pub fn has_segments(&self) -> bool {
        matches!(self.customers_mode.as_str(), "segments" | "dynamic")
    }

    pub fn has_periodicity(&self) -> bool {
        self.customers_mode == "periodicity"
    }

    pub fn fields(&self, owner: Owner) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(move |f| f.owner == owner)
    }

    pub fn field(&self, id: u64) -> Option<&Field> {
        self.fields.iter().find(|f| f.id == id)
    }
}

impl CustomerStatus {
    /// `type`s. [seed]
    pub const PLAIN: i64 = 0;
    pub const EXPECTED: i64 = 1;
    pub const NOT_BOUGHT: i64 = 2;
    pub const CLOSED: i64 = 3;
    pub const BOUGHT: i64 = 4;

    /// `is_default` on the wire: one of the system. [seed]
    pub fn is_system(&self) -> bool {
        self.kind != CustomerStatus::PLAIN
    }
}

impl Pipeline {
    pub fn status(&self, id: u64) -> Option<&Status> {
        self.statuses.iter().find(|s| s.id == id)
    }

    /// The first stage a person would see.
    pub fn first_status(&self) -> u64 {
        self.statuses.iter().find(|s| s.kind != STATUS_TYPE_UNSORTED).map_or(STATUS_WON, |s| s.id)
    }

    pub fn unsorted_status(&self) -> Option<u64> {
        self.statuses.iter().find(|s| s.kind == STATUS_TYPE_UNSORTED).map(|s| s.id)
    }
}

impl Field {
    pub fn choice(&self, id: u64) -> Option<&Choice> {
        self.choices.iter().find(|c| c.id == id)
    }

    /// Exactly as written: another case is another text. [inferred]
    pub fn choice_by_value(&self, value: &str) -> Option<&Choice> {
        self.choices.iter().find(|c| c.value == value)
    }

    pub fn choice_by_code(&self, code: &str) -> Option<&Choice> {
        self.choices.iter().find(|c| c.code.as_deref() == Some(code))
    }
}
