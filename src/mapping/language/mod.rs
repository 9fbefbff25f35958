//! The mapping file. `tree` parses TOML and JSON into the nodes of `node`, with offsets that `lines` turns into lines
//! and columns; `quotes`, `doubled` and `unclosed` find common syntax errors. `reader` and `origin` (with `joined` and
//! `values_file`) check keys and shapes and build the `ast`. `schema` is the JSON schema for editors, `starter` a
//! commented mapping to begin with. Nothing here knows the source or the account.

pub mod ast;
mod doubled;
mod joined;
mod lines;
mod node;
mod origin;
mod quotes;
pub mod reader;
pub mod schema;
pub mod starter;
pub mod tree;
mod unclosed;
mod values_file;
