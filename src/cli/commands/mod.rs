//! One file per command: it builds the request, calls the engine and prints the result. `go_on` is the command to continue with
//! after a stop.

pub mod account;
pub mod check;
pub mod export;
pub mod go_on;
pub mod import;
pub mod peek;
pub mod runs;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod starters;
