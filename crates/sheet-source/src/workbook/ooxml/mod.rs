//! Office Open XML: the zip package (`package`) and its XML (`xml`), read as `.xlsx` or as `.xlsb`.

pub mod package;
pub mod xlsb;
pub mod xlsx;
pub mod xml;
