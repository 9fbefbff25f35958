//! Named points at which a test kills the program: `AMOPORT_CRASH=sent-after:3` ends it, as a power cut would, when the
//! point `sent-after` is passed for the third time. Only builds with debug assertions have them; a release build passes
//! them without a look at the variable.

#[cfg(debug_assertions)]
pub use armed::point;

/// Every point there is, in the order in which a batch and its run meet them.
pub const POINTS: [&str; 20] = [
    "local-before",
    "local-after",
    "sent-before",
    "sent-after",
    "not-taken-before",
    "not-taken-after",
    "answered-before",
    "answered-after",
    "doubt-before",
    "doubt-after",
    "settle-before",
    "settle-after",
    "leave-before",
    "leave-after",
    "linked-before",
    "linked-after",
    "end-before",
    "end-after",
    "report-begun",
    "report-move",
];

/// Does nothing in a release build.
#[cfg(not(debug_assertions))]
pub fn point(_: &str) {}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static ASKED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    pub fn point(name: &str) {
        let asked = ASKED.get_or_init(|| {
            let asked = std::env::var("AMOPORT_CRASH").ok()?;
            let (name, nth) = asked.split_once(':')?;
            Some((name.to_owned(), nth.parse().ok()?))
        });
        let Some((wanted, nth)) = asked else { return };
        if wanted == name && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *nth {
            die();
        }
    }

    /// No destructor runs, nothing is flushed: what is on the disk is all there is.
    fn die() -> ! {
        #[cfg(unix)]
        {
            let me = std::process::id().to_string();
            let _ = std::process::Command::new("kill").args(["-KILL", &me]).status();
        }
        std::process::abort()
    }
}
