//! The API's own documents held against the program: each example is read or sent, each contradiction between them is
//! borne, each field they name is covered or has a reason why not.
//!
//! `AMOPORT_BLESS=1 cargo test --test it documents` rewrites `docs/coverage.md`.

mod answers;
mod contradictions;
mod coverage;
mod effects;
mod fields;
mod gaps;
mod index;
mod prepared;
mod probe;
mod recorded;
mod requests;
mod server;
