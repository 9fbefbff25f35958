//! The program: see `amoport::cli`.

#![forbid(unsafe_code)]

fn main() {
    std::process::exit(amoport::cli::main());
}
