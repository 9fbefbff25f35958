//! What the program brings along: samples and mappings to begin with.

use crate::program;

use program::{Folder, Service};

#[test]
fn a_sample_is_written_and_imported_and_replaces_nothing() {
    let (service, folder) = (Service::start(), Folder::new());
    let sample = |args: &[&str]| folder.run(&service, &[&["-q", "sample"], args].concat());
    let written = sample(&["segment", "--into", "here"]).expect(0);
    let command = "try it: amoport import here/samples/segments.csv --mapping here/mappings/segments.toml --sandbox";
    assert!(written.stderr.contains(command), "{}", written.stderr);
    let import = ["import", "here/samples/segments.csv", "--mapping", "here/mappings/segments.toml"];
    folder.run(&service, &import).expect(0);

    sample(&["segment", "--into", "here"]).expect(0);
    sample(&["segment", "--action", "update", "--into", "here"]).expect(0);
    folder.write("here/mappings/leads.toml", "mine");
    let refused = sample(&["lead", "--into", "here"]).expect(2);
    assert!(refused.stderr.contains("here/mappings/leads.toml"), "{}", refused.stderr);
    assert!(!folder.path().join("here/samples/leads.csv").exists(), "nothing was written");
    assert_eq!(std::fs::read_to_string(folder.path().join("here/mappings/leads.toml")).expect("the file"), "mine");

    let here = sample(&["segment"]).expect(0);
    assert!(here.stderr.contains("import samples/segments.csv --mapping mappings/segments.toml"), "{}", here.stderr);
    let none = sample(&["lead", "--action", "delete"]).expect(2);
    assert!(none.stderr.contains("create, update"), "{}", none.stderr);
    let unknown = sample(&["deal"]).expect(2);
    assert!(unknown.stderr.contains("complex-lead"), "{}", unknown.stderr);
}

#[test]
fn a_new_mapping_imports_a_file_with_its_titles() {
    let (service, folder) = (Service::start(), Folder::new());
    let new = |args: &[&str]| folder.run(&service, &[&["-q", "mapping", "new"], args].concat());
    new(&["contact", "-o", "contacts.toml"]).expect(0);
    folder.write("contacts.csv", "Name\nИрина\nОлег\n");
    let imported = folder.run(&service, &["import", "contacts.csv", "-m", "contacts.toml"]).expect(0);
    assert!(imported.stderr.contains("created 2 of 2"), "{}", imported.stderr);

    let taken = new(&["lead", "-o", "contacts.toml"]).expect(2);
    assert!(taken.stderr.contains("contacts.toml") && taken.stderr.contains("already exists"), "{}", taken.stderr);
    let printed = new(&["invoice", "--action", "update"]).expect(0);
    assert!(printed.stdout.contains("kind               = \"invoice\""), "{}", printed.stdout);
    let none = new(&["transaction", "--action", "update"]).expect(2);
    assert!(none.stderr.contains("create, delete"), "{}", none.stderr);
}
