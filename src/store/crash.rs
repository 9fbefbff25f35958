//! Failpoints: `AMOPORT_CRASH=sent-after:3` kills the program, like a power cut, when it passes the point `sent-after` for the
//! third time. Only builds with debug assertions have them; a release build does not read the variable.

#[cfg(debug_assertions)]
pub use armed::point;

/// All points, in the order in which a batch and its run pass them.
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

    static TARGET: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    pub fn point(name: &str) {
        let target = TARGET.get_or_init(|| {
            let target = std::env::var("AMOPORT_CRASH").ok()?;
            let (name, nth) = target.split_once(':')?;
            Some((name.to_owned(), nth.parse().ok()?))
        });
        let Some((wanted, nth)) = target else { return };
        if wanted == name && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *nth {
            kill_process();
        }
    }

    /// Kills the program without destructors and flushing: only what is on the disk stays.
    fn kill_process() -> ! {
        #[cfg(unix)]
        {
            let me = std::process::id().to_string();
            let _ = std::process::Command::new("kill").args(["-KILL", &me]).status();
        }
        std::process::abort()
    }
}
