//! amoport carries spreadsheets into amoCRM / Kommo and back. The modules stand in reading order; each uses only those
//! above it (`tests/it/house.rs` checks it). Begin with [`engine`].

#![forbid(unsafe_code)]

pub mod mapping;
pub mod store;
pub mod upload;
pub mod report;
pub mod export;
pub mod engine;
pub mod problems;
pub mod samples;
pub mod cli;
