//! A language in the encoding detector: words that identify it.

/// A language and words of it, in lower case.
pub struct Language {
    /// Units, particles and other short words that fill whole columns.
    pub short: &'static str,
    pub words: &'static str,
}
