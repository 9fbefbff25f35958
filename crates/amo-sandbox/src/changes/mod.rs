//! How the world changes: `changeset` collects what a request is about to change, `write` makes and changes records,
//! `links`, `purchases` and `notes` do what follows from that, `trash` deletes as a person does. Nothing is changed before the commit.

pub mod changeset;
pub mod links;
pub mod notes;
pub mod purchases;
pub mod trash;
pub mod write;
