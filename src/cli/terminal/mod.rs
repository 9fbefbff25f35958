//! The terminal: `say` prints lines, `ask` asks questions, `listen` prints events, `progress` shows the progress, `signals`
//! handles Ctrl-C and SIGTERM.

pub mod ask;
pub mod listen;
pub mod progress;
pub mod say;
pub mod signals;
