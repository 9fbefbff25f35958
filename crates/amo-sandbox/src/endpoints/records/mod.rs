//! Records: `entities` are leads, contacts, companies and customers; each other table has a file of its own. `links`
//! and `tags` serve several tables, `events` are read off the records.

pub mod complex;
pub mod elements;
pub mod entities;
pub mod events;
pub mod links;
pub mod notes;
pub mod tags;
pub mod unsorted;
