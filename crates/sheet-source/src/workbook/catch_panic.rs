//! Panics while a workbook is read, caught and kept silent. Damaged ones are told as errors; should one still meet a bug, of
//! the libraries or of ours, to the person that is a damaged workbook like any other, and the words of a panic on the
//! screen would only frighten.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static SILENT: Cell<bool> = const { Cell::new(false) };
}

/// What `work` gives, or `None` when it panicked. Other threads, and other work of this one, report as ever.
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
    // Everything the work touches is dropped with it or by the caller, unread.
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    SILENT.set(false);
    result.ok()
}
