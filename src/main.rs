//! The program: see `amoport::cli`.

#![forbid(unsafe_code)]

/// The threads of a check wait for each other in the allocator of musl.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    std::process::exit(amoport::cli::main());
}
