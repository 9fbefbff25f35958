//! Values of fields: their types, and how a value that was sent compares with the one that the account holds.
//!
//! - `field_type`: the types of custom fields
//! - `compare`: is this the record that was sent? Values that were dropped or changed by robots do not decide it
//! - `equals`: would a change send what the account holds already? Stricter than `compare`
//! - `held`: where a value that a mapping writes stands in a record that is read

pub mod compare;
pub mod equals;
pub mod field_type;
pub mod held;
