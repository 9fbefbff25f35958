//! A source file: opened, identified by its content, unpacked and described.
//!
//! `layout` has what the user asks of a source and what is found in it; `input` is the file or a copy in memory;
//! `detect` identifies workbooks, text and other files, with `markup_text` for web pages and XML; `unpack` limits
//! what comes out of a zip file; `error` says why a workbook cannot be read; `fingerprint` covers all bytes of a
//! file.

pub mod bytes;
pub mod error;
pub mod fingerprint;
pub mod input;
pub mod detect;
pub mod layout;
pub mod markup_text;
pub mod unpack;
