//! amoport carries spreadsheets into amoCRM / Kommo and back. The rooms, in reading order; a room may use those
//! above it, never those below (`tests/house.rs` holds the code to it).

#![forbid(unsafe_code)]

pub mod problem;
pub mod private;
pub mod clock;
pub mod table;
pub mod entity;
pub mod account;
pub mod mapping;
pub mod rate;
pub mod api;
pub mod store;
pub mod upload;
pub mod report;
pub mod export;
pub mod sandbox;
pub mod engine;
pub mod cli;
