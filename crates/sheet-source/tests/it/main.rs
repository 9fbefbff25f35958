//! Tests with files as users have them, through the public interface.

#[path = "../../../../tests/fixtures/own_process.rs"]
mod own_process;

mod csv_files;
mod csv_out;
mod encodings;
mod memory;
mod workbooks;
