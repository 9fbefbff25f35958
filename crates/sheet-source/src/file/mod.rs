//! A source file: opened, told apart by its content, unpacked, and described.
//!
//! `layout` holds what the user says about a source and what is found in it; `input` is the file or a copy of it in
//! memory; `kind` tells workbooks, text and other files apart, with `markup_text` for web pages and XML; `unpack` bounds
//! what comes out of a zip file; `error` says why a workbook cannot be read; `fingerprint` covers all bytes of a file.

pub mod bytes;
pub mod error;
pub mod fingerprint;
pub mod input;
pub mod detect;
pub mod layout;
pub mod markup_text;
pub mod unpack;
