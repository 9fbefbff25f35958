#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod account;
pub mod auth;
pub mod clock;
mod http;
mod lists;
pub mod pace;
pub mod private;

pub use account::{RecordState, RecordStates, TokenUser, Visibility, snapshot};
pub use auth::Auth;
pub use http::{
    ANSWER_TIMEOUT, AddressError, Client, ClientError, Counters, Failure, Reply, classify, count_requests,
    drop_at_first_turn, meaning, parse_base,
};
pub use lists::{List, ListAhead, ListError, ListItem, ListQuery, ListSummary, SeenIds};
pub use pace::{Pace, Turn};
