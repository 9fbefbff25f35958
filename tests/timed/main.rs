//! What goes by the clock or counts what this process reads: apart from the other tests, which would be in its way.

#[path = "../fixtures/own_process.rs"]
mod own_process;
#[path = "../fixtures/program.rs"]
mod program;
#[path = "../fixtures/support/mod.rs"]
mod support;

mod holds;
mod pace;
mod reads;
mod road;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static MACHINE: RwLock<()> = RwLock::new(());

/// The whole machine: no other test of this program runs meanwhile.
fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// Beside other tests, but not beside one that is `alone`.
fn among_others() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}
