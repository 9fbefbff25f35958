//! Where the documents are silent or contradict each other: one switch for each doubt, set to the likeliest answer.
//! Holds no behaviour; the rooms that behave read it.

use serde::{Deserialize, Serialize};

use crate::account::Right;

pub use amo_model::PAGE_DEFAULT;

/// A day.
const LAG_MAX_S: f64 = 86_400.0;

/// What becomes of a batch of which some items are refused. Nobody has told; the error's body lists only the refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Partial {
    /// Nothing is written. [inferred]
    None,
    /// 400 names the refused; the others are written all the same, and nobody says so.
    Silent,
    /// 200 with the written ones, and `validation-errors` beside them.
    Told,
}

/// How a throttled request is answered.
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

/// How `request_id` comes back where it was left out or given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestIds {
    /// As sent; the index as a string where it was left out. [seed]
    String,
    /// As a number wherever it reads as one. [seed] for elements
    Int,
    /// The item's place as a number, whatever was sent. [seed] for elements sent without one
    Index,
    /// Not at all. [seed] for edited leads
    Missing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RateKey {
    Token,
    Address,
}

/// The doubts, as `GET /_sandbox/switches` shows them; a `POST` there changes the ones it names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "snake_case")]
pub struct Switches {
    pub partial: Partial,
    /// Items of an answer to a write come in another order than they were sent.
    pub shuffled: bool,
    pub throttling: Throttling,
    /// 429s within a minute after which everything is 403; 0 switches the block off.
    pub block_after: u32,
    /// Throttled requests fill the second, too.
    pub throttled_count: bool,
    /// Whose requests are counted together.
    pub rate_key: RateKey,
    /// Requests a sliding second may hold.
    pub rate_max: u32,
    /// The link to the next page is left out of the first one.
    pub next_dropped: bool,
    pub request_ids: RequestIds,
    /// `datetime_settings` and `amojo_rights` of the account stand beside its name, not in `_embedded` [client].
    pub account_settings_outside: bool,
    /// Keys that only reads show are refused in writes, as no table of writes names them [seed]; clients send whole records
    /// and whole entries of custom fields back, and these are taken. [client]
    pub read_keys_refused: bool,
    /// `PATCH …/{id}` answers wrapped in `_embedded`. [doc Kommo]
    pub patch_wrapped: bool,
    /// `_embedded.tags: null` takes all tags away, as the seed shows; a live client saw it ignored.
    pub null_clears_tags: bool,
    /// `enum_code` is taken in a multiselect; it was seen refused. [client live]
    pub multiselect_enum_code: bool,
    /// Filters on custom fields work; accounts have that off until they ask. [doc]
    pub field_filters: bool,
    /// Status of a request with too many complex leads. [inferred]
    pub complex_excess_status: u16,
    /// Status of a batch above 250. [doc Kommo]
    pub batch_excess_status: u16,
    /// Seconds, or parts of one, until lists show a new record. [client]
    pub list_lag_s: f64,
    /// The same until `query` finds it. [client]
    pub query_lag_s: f64,
    /// Characters of a text field; 0 for no limit.
    pub text_max: usize,
    /// Characters of a name; 0 for no limit.
    pub name_max: usize,
    /// Status of an answer to a write that made something: 200 [doc amo] or 201 [doc Kommo].
    pub created_status: u16,
    /// `date` fields move to the account's midnight. [client]
    pub date_shift: bool,
    /// Status of a record that is not there: 204 [seed] or 404.
    pub unknown_id_status: u16,
    /// Pages after this one are refused; 0 for none.
    pub page_max: u64,
    /// Validation errors carry a code nobody knows.
    pub unknown_codes: bool,
    /// `leads/complex` looks for contacts with the same phone or e-mail. Off, as for most integrations. [client]
    pub duplicate_control: bool,
    /// Lists and elements name a next page whether or not there is one, as the examples show. [seed]
    pub next_always: bool,
    /// Elements of a page where no limit is asked for: once 50, later seen as 100. [client]
    pub elements_page: usize,
    /// `order` of elements is honoured; nobody has told. [inferred]
    pub elements_order: bool,
    /// The place of an element sent without `request_id` is a string, as recorded [client live], not a number [seed].
    pub element_places_text: bool,
    /// The tables say that `name` of lists and elements is required of PATCH, too [seed]; copied there, we think.
    pub patch_needs_name: bool,
    /// Status of a request for elements of a list that is not there. [inferred]
    pub unknown_catalog_status: u16,
    /// Elements of the service's own list of suppliers can be written.
    pub suppliers_writable: bool,
    /// Reads of an invoice show name and numbers of its supplier [client], not its id alone. [seed]
    pub supplier_papers: bool,
    /// Fields of prices call themselves numeric, as an example does [seed]; elsewhere their type is `price`. [doc]
    pub price_numeric: bool,
    /// Any `vat_rate_id` is refused; the table of them is not known.
    pub vat_rates_refused: bool,
    /// Every invoice read warns that it was counted anew.
    pub invoice_warned: bool,
    /// Options of a field come as an object keyed by their places in answers to writes. [doc Kommo]
    pub enums_keyed: bool,
    /// The token's user is an admin, who alone may change the account and see lists; else 403. [seed], [doc]
    pub token_is_admin: bool,
    /// What lists show to a token's user who is no admin: `A` all, `G` his group's, `M` his own, `D` nothing. [doc] for the
    /// letters, [seed] that lists go by rights; what is not seen is as if it were not there. [inferred]
    pub token_view: Right,
    /// `users/{id}` tells a user who is no admin of himself; the table says admins only. [doc]
    pub own_user_shown: bool,
    /// The tariff has no customers: switching them on is 402. [seed]
    pub customers_unpaid: bool,
    /// Where customers are switched off all that is theirs is 422; else their list is 400 "Error 426.". [client live]
    pub customers_off_422: bool,
    /// `order` of customers is honoured; else they rise by id. [inferred]
    pub customers_order: bool,
    /// Answers to changed customers have them under `leads` [seed]; recorded under `customers`. [client live]
    pub customers_as_leads: bool,
    /// Answers to new customers tell names and times, too. [client live]
    pub customers_told: bool,
    /// The status that waits for a purchase has the type of the closed one, as in the example; the table says 1. [seed]
    pub expected_as_closed: bool,
    /// `next_date` moves to the account's midnight, where all examples have it. [seed]
    pub next_date_shift: bool,
    /// Answers to new transactions have them under `customers` [seed]; recorded under `transactions`. [client live]
    pub transactions_as_customers: bool,
    /// The link to a next page of transactions, though there is none. [seed]
    pub transactions_next_always: bool,
    /// Status of a list of no transactions: 404 [client live], or 204.
    pub no_transactions_status: u16,
    /// Status of the deletion of a transaction that is not there. [inferred]
    pub gone_transaction_status: u16,
    /// Transactions show the `metadata` they came with; nobody has told. [client] for its keys
    pub transaction_metadata: bool,
    /// A company takes the place of another one at a lead or customer; else the second is refused. [inferred]
    pub company_replaced: bool,
    /// Status of a list of no links: 204, or 200 with an empty array. [inferred]
    pub no_links_status: u16,
    /// A linked element puts its lead back to the first stage. [client]
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
    /// A status that no answer can have, or a time that never comes.
    pub fn flaw(&self) -> Option<String> {
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
