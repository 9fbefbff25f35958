//! The JSON of the CRM, in both directions.
//!
//! - `payload` writes the items of a request, `answer` reads what comes back for them and what an error says
//! - `page` takes the rows of a list out of a body, `lean` is one such row in a small tree
//! - `parts` reads what an account is made of: numbers, flags and ids however they are spelled, pipelines, users, fields

pub mod answer;
pub mod compact;
pub mod page;
pub mod parts;
pub mod payload;
