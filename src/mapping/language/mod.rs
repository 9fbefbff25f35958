//! The mapping file: read into a tree with places (`tree`, `lines`), what is often wrong with how it is written (`quotes`,
//! `doubled`, `unclosed`), the tree read into a syntax tree whose keys and shapes are checked (`reader`, `origin`, `joined`,
//! `values_file`, result in `ast`), and the JSON schema for editors (`schema`). Nothing here knows the source or the account.

pub mod ast;
mod doubled;
mod joined;
mod lines;
mod node;
mod origin;
mod quotes;
pub mod reader;
pub mod schema;
pub mod tree;
mod unclosed;
mod values_file;
