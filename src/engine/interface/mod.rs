//! What a front end exchanges with the engine: `request`, `result`, `event`, `error`, `consent`, and `cancel` to stop a use
//! case.

pub mod cancel;
pub mod consent;
pub mod error;
pub mod event;
pub mod request;
pub mod result;
