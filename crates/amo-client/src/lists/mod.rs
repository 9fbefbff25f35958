//! Reading lists of records.
//!
//! - `page`: which list is read, and one page of it
//! - `all_pages`: all records of a list, several pages at a time, and the proof that none was missed; `all_pages_pager` decides
//!   which pages to request, `page_requests` has those under way, `seen_ids` knows which records are new
//! - `ahead`: a list that is read before it is known what becomes of its records
//! - `above_id`: the records above an id; `above_id_pager` decides which pages to request
//! - `by_ids`: records by their ids

mod above_id;
mod above_id_pager;
mod ahead;
mod all_pages;
mod all_pages_pager;
mod by_ids;
mod page;
mod page_requests;
mod seen_ids;

pub use ahead::ListAhead;
pub use all_pages::{ListError, ListItem, ListSummary};
pub use page::{List, ListQuery};
pub use seen_ids::SeenIds;
