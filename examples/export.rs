//! An export through the library: leads of the pretend account in this process become a workbook. Run it with
//! `cargo run --example export`.

use std::path::Path;

use amo_model::Kind;
use amoport::engine::{self, ExportRequest, Folders, ImportRequest, Target};

type Failure = Box<dyn std::error::Error>;

/// Writes `leads.xlsx` into the folder and returns how many rows it has.
fn export(folder: &Path) -> Result<u64, Failure> {
    let folders = Folders::new(folder.join("state"), folder.join("runs"));
    let leads =
        ImportRequest::new("samples/leads.csv", Target::sandbox(), folders.clone()).mapping("mappings/leads.toml");
    engine::import(&leads, &mut |_| {})?;

    let request = ExportRequest {
        columns: vec!["ID".to_owned(), "Название".to_owned(), "Бюджет".to_owned()],
        ..ExportRequest::new(Kind::Lead, folder.join("leads.xlsx"), Target::sandbox(), folders)
    };
    let result = engine::export(&request, &mut |_| {})?;
    Ok(result.manifest.rows)
}

fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    println!("{} rows in leads.xlsx", export(folder.path())?);
    Ok(())
}

#[test]
fn it_exports_what_it_has_imported() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(export(folder.path()).expect("an export"), 1000);
    assert!(folder.path().join("leads.xlsx").exists());
}
