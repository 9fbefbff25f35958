//! Every problem code has its entry in `amoport::problems`, and `docs/problems.md` is made of them.
//! `AMOPORT_BLESS=1 cargo test --test it problems` writes the page.

mod scan;

use scan::Scan;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The crates that make problems; `amo-model` knows none, and what the sandbox answers is the service's.
const SOURCES: [&str; 4] =
    ["src", "crates/sheet-source/src", "crates/amo-client/src", "crates/amo-sandbox/src/start_error.rs"];

fn rust_files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_file() {
        found.push(path.to_owned());
        return;
    }
    for entry in std::fs::read_dir(path).expect("a folder").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() || name.ends_with(".rs") && !name.ends_with("tests.rs") && name != "oracle.rs" {
            rust_files(&path, found);
        }
    }
}

fn scanned() -> Scan {
    let mut files = Vec::new();
    for source in SOURCES {
        rust_files(&root().join(source), &mut files);
    }
    assert!(files.len() > 250, "{} files", files.len());
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        (path.strip_prefix(root()).expect("ours").to_owned(), text)
    };
    Scan::of(&files.into_iter().map(read).collect::<Vec<_>>())
}

#[test]
fn every_code_has_an_entry() {
    let scan = scanned();
    for (code, sites) in &scan.made {
        for site in sites {
            println!("{code}\t{}\t{}", site.by, site.file.display());
        }
    }
    assert!(scan.faults.is_empty(), "{}", scan.faults.join("\n"));
}
