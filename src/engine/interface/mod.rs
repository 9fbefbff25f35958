//! What a front end gives and gets: requests, results, events, errors, consent, and the way to stop.

pub mod cancel;
pub mod consent;
pub mod error;
pub mod event;
pub mod request;
pub mod result;
