//! What tests need of a network: a road to the sandbox with TLS, delays and connections that end, certificates for it,
//! and the measures of what came in.

// Each test file uses its own part of this.
#![allow(dead_code)]

pub mod certificate;
pub mod measure;
pub mod road;
