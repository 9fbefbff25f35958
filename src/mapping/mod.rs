//! From a row to a record: the mapping file as written, compiled, and applied; converters, one a file.

pub mod convert;
