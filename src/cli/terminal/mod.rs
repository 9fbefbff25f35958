//! The terminal: lines and questions on stderr, data on stdout, progress, signals.

pub mod ask;
pub mod listen;
pub mod progress;
pub mod say;
pub mod signals;
