//! The program: see `amoport::cli`.

fn main() {
    std::process::exit(amoport::cli::main());
}
