//! What is printed for people is what is there; data that another program reads stays as it is.

use crate::program;

use program::{Folder, Service};

/// Clears the screen, turns letters round, is not seen.
const ODD: &str = "a\u{1b}[2J\u{202e}b\u{2069}c";
const SHOWN: &str = "a\\u{1b}[2J\\u{202e}b\\u{2069}c";

#[test]
fn names_and_cells_do_not_steer_a_terminal_and_data_stays() {
    let (service, folder) = (Service::start(), Folder::new());
    folder.write("odd.csv", format!("n,{ODD}\n1,{ODD}\n"));
    let peek = folder.run(&service, &["peek", "odd.csv"]).expect(0);
    assert!(peek.stdout.contains(&format!("B  {SHOWN}: {SHOWN}")), "{}", peek.stdout);
    let data = folder.run(&service, &["peek", "odd.csv", "--to", "csv"]).expect(0);
    assert_eq!(data.stdout, format!("n,{ODD}\n1,{ODD}\n"), "no terminal");
    let missing = folder.run(&service, &["peek", &format!("{ODD}\nall is well.csv")]).expect(2);
    assert!(missing.stderr.starts_with(&format!("{SHOWN}\\nall is well.csv: ")), "{}", missing.stderr);
    // As TOML writes it.
    let key = r"a\u001b[2J\u202eb\u2069c";
    folder.write("odd.toml", format!("version = 1\nkind = \"lead\"\n[lead]\n\"{key}\" = \"n\"\n"));
    let mapping = folder.run(&service, &["check", "odd.csv", "-m", "odd.toml"]).expect(2);
    assert!(mapping.stderr.contains(SHOWN), "{}", mapping.stderr);
    let usage = folder.run(&service, &["import", "--batch", "\u{202e}b\u{7}", "odd.csv"]).expect(2);
    // clap itself leaves out what steers.
    assert!(usage.stderr.contains("\\u{202e}b'"), "{}", usage.stderr);
    for told in [&peek.stdout, &missing.stderr, &mapping.stderr, &usage.stderr] {
        assert!(!told.contains(['\u{1b}', '\u{7}', '\u{202e}', '\u{2069}']), "{told}");
    }
}
