//! How fast requests go out.
//!
//! - `gate`: `Pace`, which every request passes before it is sent
//! - `limiter`: the rule itself, pure: the last sends of an account, and when the next one is allowed
//! - `shared`: the same state in a file, for all processes of the user

mod gate;
mod limiter;
mod shared;

pub(crate) use gate::SendTime;
pub use gate::{OnHold, Pace, Turn, not_shared_message};
pub use limiter::{Halt, HaltReason, SPACING};
pub use shared::{Joined, SharedError, SharedLimiter, default_folder};
