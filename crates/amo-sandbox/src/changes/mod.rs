//! Changes of the world. Nothing is changed before the commit is applied.
//!
//! - `changeset`: the changes of one request
//! - `write`: records created and updated
//! - `links`, `purchases`, `notes`: what follows from these
//! - `trash`: records deleted by a person

pub mod changeset;
pub mod links;
pub mod notes;
pub mod purchases;
pub mod trash;
pub mod write;
