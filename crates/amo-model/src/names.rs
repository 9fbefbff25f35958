//! Fixed names of the API: paths, keys and ids that are the same in every account.

/// The prefix of every path of the API.
pub const API_PREFIX: &str = "/api/v4/";
/// Where tokens are granted; not below `API_PREFIX`. [doc]
pub const TOKEN_PATH: &str = "/oauth2/access_token";
/// The account itself. [doc]
pub const ACCOUNT_PATH: &str = "account";
/// Pipelines of leads with their stages. [doc]
pub const PIPELINES_PATH: &str = "leads/pipelines";
/// Why leads are lost. [doc]
pub const LOSS_REASONS_PATH: &str = "leads/loss_reasons";
/// Users; only administrators may read them. [doc]
pub const USERS_PATH: &str = "users";
/// The last part of the path of a list of custom fields, behind that of their owner. [doc]
pub const CUSTOM_FIELDS_PATH: &str = "custom_fields";
/// Where customers are switched on and off. [seed]
pub const CUSTOMERS_MODE_PATH: &str = "customers/mode";

/// The key of an item's own id.
pub const ID_KEY: &str = "id";
/// The key of an item's custom fields.
pub const FIELDS_KEY: &str = "custom_fields_values";
/// The key of the moment of the last change.
pub const UPDATED_AT: &str = "updated_at";
/// The key of a transaction's comment. It can carry a marker, since transactions have no custom fields. [inferred]
pub const COMMENT: &str = "comment";
/// The keys that say together where a lead stands: a stage belongs to one pipeline. [doc]
pub const STAGE_KEYS: [&str; 4] = ["pipeline_id", "status_id", "loss_reason_id", "closed_at"];

/// Every pipeline has these two stages. [doc]
pub const STATUS_WON: u64 = 142;
pub const STATUS_LOST: u64 = 143;
/// The `type` of a pipeline's stage for unsorted leads. [doc]
pub const STATUS_TYPE_UNSORTED: i64 = 1;
