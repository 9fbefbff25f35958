//! One file a command: it makes the request, calls the engine and prints what comes back.

pub mod account;
pub mod check;
pub mod export;
pub mod go_on;
pub mod import;
pub mod peek;
pub mod runs;
#[cfg(feature = "sandbox")]
pub mod sandbox;
