//! Requests and answers.
//!
//! - `client`: the one client; every request goes through its pace and carries its token
//! - `renew`: another token after a 401, and the first pair of a login
//! - `address`: which addresses may be sent a token
//! - `connections`: connections that are opened ahead of the requests that need them; `tls`: which certificates are trusted
//! - `body`: answers within bounds; `failure`: the ways a call can fail; `transport`: errors without an answer

mod address;
mod body;
mod client;
mod connections;
pub(crate) mod failure;
mod renew;
mod tls;
mod transport;

pub use address::{AddressError, parse_base};
pub use client::{ANSWER_TIMEOUT, Client, Counters, count_requests, drop_at_first_turn};
pub use failure::{ClientError, Failure, Reply, classify, meaning};
