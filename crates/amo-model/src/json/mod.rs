//! The JSON of the CRM, in both directions.
//!
//! - `payload` writes the items of a request, `answer` reads what comes back for them and what an error says
//! - `page` splits a page of a list into records, `compact` is one such record as a small tree
//! - `parts` reads what an account is made of: numbers, flags and ids in every form, pipelines, users, fields

pub mod answer;
pub mod compact;
pub mod page;
pub mod parts;
pub mod payload;
