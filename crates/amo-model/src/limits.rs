//! The limits and fixed words of the API, each beside the fact it comes from.

/// Records in one request. [doc], [seed]
pub const BATCH_MAX: usize = 250;
/// Leads in one `leads/complex` request. [seed]
pub const COMPLEX_BATCH_MAX: usize = 50;
/// "recommended ≤ 50" [doc]
pub const BATCH_RECOMMENDED: usize = 50;
/// Rows of one page. [seed]
pub const PAGE_MAX: usize = 250;
/// Lists of an account; one of invoices, one of products. [seed]
pub const CATALOGS_MAX: usize = 10;
/// Segments of an account. [seed]
pub const SEGMENTS_MAX: usize = 100;
/// Statuses of customers, those of the system counted. [seed]
pub const CUSTOMER_STATUSES_MAX: usize = 30;
/// Values of a `chained_list`. [doc]
pub const CHAIN_MAX: usize = 5;
/// Links in one request; no maximum is documented. [inferred]
pub const LINKS_MAX: usize = 50;
/// Custom fields of one entity in a complex lead. [seed]
pub const COMPLEX_FIELDS_MAX: usize = 40;
/// Not documented; 255 is assumed. [inferred]
pub const NAME_MAX: usize = 255;
/// Text custom fields; longer ones are refused though the pages of the CRM take them. [client]
pub const TEXT_MAX: usize = 256;
/// `textarea`: no limit seen, 64 KiB assumed. [inferred]
pub const TEXTAREA_MAX: usize = 65_536;
/// Requests in one second for one integration. [doc]
pub const RATE_MAX: u32 = 7;
/// Every pipeline has these two stages. [doc]
pub const STATUS_WON: u64 = 142;
pub const STATUS_LOST: u64 = 143;
/// `type` of a pipeline's stage for unsorted leads. [doc]
pub const STATUS_TYPE_UNSORTED: i64 = 1;
/// The key of a purchase's comment, which can carry a marker: purchases have no custom fields. [inferred]
pub const COMMENT: &str = "comment";
/// The key of an item's own id.
pub const ID_KEY: &str = "id";
/// Where the custom fields of an item stand.
pub const FIELDS_KEY: &str = "custom_fields_values";
/// What says where a lead stands. They mean something together: a stage is one of a pipeline. [doc]
pub const STAGE_KEYS: [&str; 4] = ["pipeline_id", "status_id", "loss_reason_id", "closed_at"];
/// When an item was changed.
pub const UPDATED_AT: &str = "updated_at";
/// Ids in one address: as many as a page holds. With ids of ten digits they make 8 KB, which gateways take. [inferred]
pub const IDS_MAX: usize = 250;
/// Prefix of every path of the API.
pub const API_PREFIX: &str = "/api/v4/";
/// Where customers are switched on and off. [seed]
pub const CUSTOMERS_MODE_PATH: &str = "customers/mode";
pub const TOKEN_PATH: &str = "/oauth2/access_token";
