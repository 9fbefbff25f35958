//! Catches panics while a workbook is read, without printing them. Damaged workbooks give errors; if one still
//! triggers a bug, of a library or of ours, the user sees a damaged workbook and no panic message.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static SILENT: Cell<bool> = const { Cell::new(false) };
}

/// The result of `work`, or `None` if it panicked. Other threads, and other work of this thread, report panics as
/// usual.
pub fn catch_panic<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let default_hook = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !SILENT.get() {
                default_hook(panic);
            }
        }));
    });
    SILENT.set(true);
    // Everything that the work touches is dropped with it or by the caller, unread.
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    SILENT.set(false);
    result.ok()
}
