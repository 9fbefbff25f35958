//! Reading lists of records.
//!
//! - `page`: which list is read, and one page of it
//! - `all_pages`: all records of a list, several pages at a time, and the proof that none was missed; `all_pages_pager` decides
//!   which pages to request, `seen_ids` which records are new
//! - `above_id`: the records above an id; `above_id_pager` decides which pages to request
//! - `by_ids`: records by their ids

mod above_id;
mod above_id_pager;
mod all_pages;
mod all_pages_pager;
mod by_ids;
mod page;
mod seen_ids;

pub use all_pages::{ListError, ListItem, ListQuery, ListSummary};
pub use page::List;
pub use seen_ids::SeenIds;
