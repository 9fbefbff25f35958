//! Switches for the questions that the documents leave open or answer in two ways, each set to the likeliest answer. No
//! behaviour; the modules that it concerns read them.

use serde::{Deserialize, Serialize};

use crate::account::Right;

pub use amo_model::PAGE_DEFAULT;

/// One day.
const LAG_MAX_S: f64 = 86_400.0;

/// A batch with refused items. No source says what happens; the body of the error lists only the refused ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Partial {
    /// Nothing is written. [inferred]
    None,
    /// 400 names the refused items; the others are written without a word in the response.
    Silent,
    /// 200 with the written items and `validation-errors` beside them.
    Told,
}

/// The response to a throttled request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Throttling {
    /// A page of the gateway. [client]
    Html,
    /// The same page with `Retry-After: 1`.
    Header,
    /// problem+json with `retry_after`. [doc Kommo]
    Json,
}

/// The `request_id` of an answer, whether or not one was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestIds {
    /// As sent; the index as a string where none was sent. [seed]
    String,
    /// As a number where it can be read as one. [seed] for elements
    Int,
    /// The index of the item as a number, whatever was sent. [seed] for elements sent without one
    Index,
    /// None. [seed] for edited leads
    Missing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RateKey {
    Token,
    Address,
}

/// The switches, as `GET /_sandbox/switches` shows them; a `POST` there sets those that it names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "snake_case")]
pub struct Switches {
    pub partial: Partial,
    /// Items of an answer to a write are in another order than they were sent.
    pub shuffled: bool,
    pub throttling: Throttling,
    /// Number of 429s within a minute after which every response is 403; 0 switches the block off.
    pub block_after: u32,
    /// Throttled requests count against the limit as well.
    pub throttled_count: bool,
    /// The requests that are counted together.
    pub rate_key: RateKey,
    /// Maximum number of requests in a sliding second.
    pub rate_max: u32,
    /// The first page has no link to the next one.
    pub next_dropped: bool,
    pub request_ids: RequestIds,
    /// `datetime_settings` and `amojo_rights` of the account are beside its name, not in `_embedded` [client].
    pub account_settings_outside: bool,
    /// Keys that only reads show are refused in writes, since no table of writes has them [seed]; clients send whole
    /// records and whole entries of custom fields back, which the service accepts. [client]
    pub read_keys_refused: bool,
    /// `PATCH …/{id}` answers wrapped in `_embedded`. [doc Kommo]
    pub patch_wrapped: bool,
    /// `_embedded.tags: null` removes all tags, as the seed shows; a live client saw it ignored.
    pub null_clears_tags: bool,
    /// `enum_code` is accepted in a multiselect; it was seen refused. [client live]
    pub multiselect_enum_code: bool,
    /// Filters on custom fields work; accounts have them on request only. [doc]
    pub field_filters: bool,
    /// Status of a request with too many complex leads. [inferred]
    pub complex_excess_status: u16,
    /// Status of a batch above 250. [doc Kommo]
    pub batch_excess_status: u16,
    /// Seconds, or fractions, until lists show a new record. [client]
    pub list_lag_s: f64,
    /// The same until `query` finds it. [client]
    pub query_lag_s: f64,
    /// Maximum length of a text field in characters; 0 for no limit.
    pub text_max: usize,
    /// Maximum length of a name in characters; 0 for no limit.
    pub name_max: usize,
    /// Status of an answer to a write that created something: 200 [doc amo] or 201 [doc Kommo].
    pub created_status: u16,
    /// `date` fields move to the account's midnight. [client]
    pub date_shift: bool,
    /// Status for an unknown record: 204 [seed] or 404.
    pub unknown_id_status: u16,
    /// Later pages are refused; 0 for no limit.
    pub page_max: u64,
    /// Validation errors have an unknown code.
    pub unknown_codes: bool,
    /// `leads/complex` looks for contacts with the same phone or e-mail. Off, as for most integrations. [client]
    pub duplicate_control: bool,
    /// Catalogs and elements have a link to the next page whether or not there is one, as the examples show. [seed]
    pub next_always: bool,
    /// Elements of a page without `limit`: once 50, later seen as 100. [client]
    pub elements_page: usize,
    /// `order` of elements is honoured; no source. [inferred]
    pub elements_order: bool,
    /// The index of an element sent without `request_id` is a string, as recorded [client live], not a number [seed].
    pub element_places_text: bool,
    /// PATCH requires `name` of catalogs and elements, as the tables say [seed]; probably a copy of the table of POST.
    pub patch_needs_name: bool,
    /// Status of a request for elements of an unknown catalog. [inferred]
    pub unknown_catalog_status: u16,
    /// Elements of the service's own catalog of suppliers can be written.
    pub suppliers_writable: bool,
    /// Reads of an invoice show name and numbers of its supplier [client], not its id alone. [seed]
    pub supplier_papers: bool,
    /// Price fields have the type `numeric`, as in an example [seed]; elsewhere the type is `price`. [doc]
    pub price_numeric: bool,
    /// Any `vat_rate_id` is refused; the table of rates is not known.
    pub vat_rates_refused: bool,
    /// Every read of an invoice warns that it was recalculated.
    pub invoice_warned: bool,
    /// Options of a field are an object keyed by their index in answers to writes. [doc Kommo]
    pub enums_keyed: bool,
    /// The token's user is an administrator, who alone may change the account and see catalogs; else 403. [seed], [doc]
    pub token_is_admin: bool,
    /// What a token's user who is no administrator sees in lists: `A` all records, `G` those of his group, `M` his own,
    /// `D` none. [doc] for the letters, [seed] that rights apply to lists; hidden records are as unknown ones.
    /// [inferred]
    pub token_view: Right,
    /// `users/{id}` shows the token's own user although he is no administrator; the table says administrators only.
    /// [doc]
    pub own_user_shown: bool,
    /// The plan has no customers: switching them on is 402. [seed]
    pub customers_unpaid: bool,
    /// Where customers are switched off, all their routes are 422; else their list is 400 "Error 426.". [client live]
    pub customers_off_422: bool,
    /// `order` of customers is honoured; else they are ordered by id. [inferred]
    pub customers_order: bool,
    /// Answers to changed customers have them under `leads` [seed]; recorded under `customers`. [client live]
    pub customers_as_leads: bool,
    /// Answers to new customers have names and times as well. [client live]
    pub customers_told: bool,
    /// The status "purchase expected" has the type of the closed one, as in the example; the table says 1. [seed]
    pub expected_as_closed: bool,
    /// `next_date` moves to the account's midnight, as in all examples. [seed]
    pub next_date_shift: bool,
    /// Answers to new transactions have them under `customers` [seed]; recorded under `transactions`. [client live]
    pub transactions_as_customers: bool,
    /// Lists of transactions have a link to the next page although there is none. [seed]
    pub transactions_next_always: bool,
    /// Status of an empty list of transactions: 404 [client live], or 204.
    pub no_transactions_status: u16,
    /// Status of the deletion of an unknown transaction. [inferred]
    pub gone_transaction_status: u16,
    /// Transactions show the `metadata` they were sent with; no source. [client] for its keys
    pub transaction_metadata: bool,
    /// A company replaces the company of a lead or customer; else the second is refused. [inferred]
    pub company_replaced: bool,
    /// Status of an empty list of links: 204, or 200 with an empty array. [inferred]
    pub no_links_status: u16,
    /// A linked element moves its lead back to the first stage. [client]
    pub element_resets_stage: bool,
}

impl Default for Switches {
    fn default() -> Switches {
        Switches {
            partial: Partial::None,
            shuffled: false,
            throttling: Throttling::Html,
            block_after: 10,
            throttled_count: false,
            rate_key: RateKey::Token,
            rate_max: amo_model::RATE_MAX,
            next_dropped: false,
            request_ids: RequestIds::String,
            account_settings_outside: false,
            read_keys_refused: false,
            patch_wrapped: false,
            null_clears_tags: false,
            multiselect_enum_code: false,
            field_filters: false,
            complex_excess_status: 400,
            batch_excess_status: 422,
            list_lag_s: 0.0,
            query_lag_s: 0.0,
            text_max: amo_model::TEXT_MAX,
            name_max: amo_model::NAME_MAX,
            created_status: 200,
            date_shift: true,
            unknown_id_status: 204,
            page_max: 0,
            unknown_codes: false,
            duplicate_control: false,
            next_always: true,
            elements_page: PAGE_DEFAULT,
            elements_order: false,
            element_places_text: false,
            patch_needs_name: false,
            unknown_catalog_status: 404,
            suppliers_writable: false,
            supplier_papers: true,
            price_numeric: false,
            vat_rates_refused: false,
            invoice_warned: false,
            enums_keyed: false,
            token_is_admin: true,
            token_view: Right::All,
            own_user_shown: false,
            customers_unpaid: false,
            customers_off_422: false,
            customers_order: false,
            customers_as_leads: false,
            customers_told: false,
            expected_as_closed: false,
            next_date_shift: false,
            transactions_as_customers: false,
            transactions_next_always: true,
            no_transactions_status: 404,
            gone_transaction_status: 404,
            transaction_metadata: false,
            company_replaced: false,
            no_links_status: 204,
            element_resets_stage: false,
        }
    }
}

impl Switches {
    /// The first invalid switch: a status outside 200 to 599, or a lag outside 0 to a day.
    pub fn find_error(&self) -> Option<String> {
        let statuses = [
            ("complex_excess_status", self.complex_excess_status),
            ("batch_excess_status", self.batch_excess_status),
            ("created_status", self.created_status),
            ("unknown_id_status", self.unknown_id_status),
            ("unknown_catalog_status", self.unknown_catalog_status),
            ("no_transactions_status", self.no_transactions_status),
            ("gone_transaction_status", self.gone_transaction_status),
            ("no_links_status", self.no_links_status),
        ];
        let lags = [("list_lag_s", self.list_lag_s), ("query_lag_s", self.query_lag_s)];
        let bad_status = statuses.into_iter().find(|(_, status)| !(200..=599).contains(status));
        let bad_lag = lags.into_iter().find(|(_, lag)| !(0.0..=LAG_MAX_S).contains(lag));
        let of_status = |(name, status)| format!("{name} is {status}, and a status goes from 200 to 599");
        let of_lag = |(name, lag)| format!("{name} is {lag}, and a lag goes from 0 to {LAG_MAX_S} seconds");
        bad_status.map(of_status).or_else(|| bad_lag.map(of_lag))
    }
}
