//! A language as the encoding detector knows it: words it is recognised by.

/// A language and words of it, in small letters.
pub struct Language {
    /// Units, particles and other short words that fill whole columns.
    pub short: &'static str,
    pub words: &'static str,
}
