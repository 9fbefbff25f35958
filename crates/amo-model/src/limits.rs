//! The limits of the API, each with the source of the fact.

/// Records in one request. [doc], [seed]
pub const BATCH_MAX: usize = 250;
/// Leads in one `leads/complex` request. [seed]
pub const COMPLEX_BATCH_MAX: usize = 50;
/// Records in one request, as the documents recommend: "recommended ≤ 50". [doc]
pub const BATCH_RECOMMENDED: usize = 50;
/// Links in one request; no maximum is documented. [inferred]
pub const LINKS_MAX: usize = 50;
/// Records of one page. [seed]
pub const PAGE_MAX: usize = 250;
/// Records of a page where no limit is asked for. [doc]
pub const PAGE_DEFAULT: usize = 50;
/// Ids in one address, as many as a page has records. With ids of ten digits they make 8 KB, which gateways take. [inferred]
pub const IDS_MAX: usize = 250;
/// Requests in one second, for one integration over all its processes. [doc]
pub const RATE_MAX: u32 = 7;
/// Catalogs of an account; one of them of invoices, one of products. [seed]
pub const CATALOGS_MAX: usize = 10;
/// Segments of an account. [seed]
pub const SEGMENTS_MAX: usize = 100;
/// Statuses of customers, including the system's. [seed]
pub const CUSTOMER_STATUSES_MAX: usize = 30;
/// Values of a `chained_list`. [doc]
pub const CHAIN_MAX: usize = 5;
/// Custom fields of one entity in a complex lead. [seed]
pub const COMPLEX_FIELDS_MAX: usize = 40;
/// Characters of a name. Not documented; 255 is assumed. [inferred]
pub const NAME_MAX: usize = 255;
/// Characters of a text field. Longer texts are refused, although the CRM's own pages take them. [client]
pub const TEXT_MAX: usize = 256;
/// Characters of a `textarea`. No limit was seen; 65,536 is assumed. [inferred]
pub const TEXTAREA_MAX: usize = 65_536;
