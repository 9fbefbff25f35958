//! Records: `entities` are leads, contacts, companies and customers; each other kind has a file of its own. `links` and
//! `tags` go with several kinds, `events` are read off the records.

pub mod complex;
pub mod elements;
pub mod entities;
pub mod events;
pub mod links;
pub mod notes;
pub mod tags;
pub mod unsorted;
