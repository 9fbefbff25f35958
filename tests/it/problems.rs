//! Every problem code has its entry in `amoport::problems`, and `docs/problems.md` is made of them.
//! `AMOPORT_BLESS=1 cargo test --test it problems` writes the page.

mod scan;

use amoport::problems::{self, AREAS, ProblemClass, ProblemCode};
use scan::Scan;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The crates that make problems; `amo-model` knows none, and what the sandbox answers is the service's.
const SOURCES: [&str; 4] =
    ["src", "crates/sheet-source/src", "crates/amo-client/src", "crates/amo-sandbox/src/start_error.rs"];

/// The table itself makes none.
const TABLE: &str = "src/problems";

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
    files.retain(|path| !path.starts_with(root().join(TABLE)));
    assert!(files.len() > 250, "{} files", files.len());
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        (path.strip_prefix(root()).expect("ours").to_owned(), text)
    };
    Scan::of(&files.into_iter().map(read).collect::<Vec<_>>())
}

fn entries() -> impl Iterator<Item = &'static ProblemCode> {
    AREAS.iter().flat_map(|area| area.codes)
}

#[test]
fn every_code_has_an_entry_and_every_entry_a_code() {
    let scan = scanned();
    assert!(scan.faults.is_empty(), "these codes cannot be read from the sources:\n{}", scan.faults.join("\n"));
    let known: BTreeSet<&str> = entries().map(|entry| entry.code).collect();
    let missing: Vec<String> = scan
        .made
        .iter()
        .filter(|(code, _)| !known.contains(code.as_str()))
        .map(|(code, sites)| format!("{code}: {sites:?}"))
        .collect();
    assert!(missing.is_empty(), "codes without an entry in src/problems:\n{}", missing.join("\n"));
    let unused: Vec<&&str> = known.iter().filter(|code| !scan.made.contains_key(**code)).collect();
    assert!(unused.is_empty(), "entries in src/problems that nothing makes: {unused:?}");
}

/// What makes a code says how far it reaches.
#[test]
fn the_class_of_an_entry_is_what_the_sources_make() {
    let scan = scanned();
    let mut wrong = Vec::new();
    for entry in entries() {
        let made = |by: &str| scan.made[entry.code].iter().any(|site| site.by == by);
        let others = scan.made[entry.code]
            .iter()
            .any(|site| !["Note::new", "Note::warning", "note_failure"].contains(&site.by.as_str()));
        let is = |class: ProblemClass| entry.classes().any(|known| known == class);
        let wanted = [
            (ProblemClass::Note, made("Note::new")),
            (ProblemClass::Warning, made("Note::warning") || made("note_failure")),
        ];
        let unlike = wanted.iter().any(|(class, made)| is(*class) != *made);
        if unlike || (is(ProblemClass::Error) || is(ProblemClass::Row)) != others {
            let classes: Vec<&str> = entry.classes().map(ProblemClass::word).collect();
            wrong.push(format!("{} is {classes:?}: {:?}", entry.code, scan.made[entry.code]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn entries_are_sorted_and_stand_once() {
    for area in &AREAS {
        assert!(area.codes.is_sorted_by_key(|entry| entry.code), "{} is not sorted by code", area.title);
    }
    let codes: Vec<&str> = entries().map(|entry| entry.code).collect();
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len(), "a code stands twice");
    for entry in entries() {
        assert_eq!(problems::find(entry.code), Some(entry));
        for text in [entry.meaning, entry.action] {
            assert!(!text.is_empty() && !text.ends_with('.') && !text.contains('\n'), "{}: {text}", entry.code);
        }
    }
    assert_eq!(problems::find("NotSupportedChoice"), None);
}

fn page() -> String {
    let mut page = String::from(HEAD);
    for class in ProblemClass::ALL {
        let count = entries().filter(|entry| entry.classes().any(|known| known == class)).count();
        let _ = writeln!(page, "| {} | {} | {count} |", class.word(), reach(class));
    }
    for area in &AREAS {
        let _ = write!(page, "\n## {}\n\nMet in: {}.\n\n", area.title, area.met_in);
        page.push_str("| code | class | meaning | what to do |\n| --- | --- | --- | --- |\n");
        for entry in area.codes {
            let classes: Vec<&str> = entry.classes().map(ProblemClass::word).collect();
            let only = entry.met_in.map(|commands| format!(" ({commands})")).unwrap_or_default();
            let (meaning, action) = (cell(entry.meaning), cell(entry.action));
            let _ = writeln!(page, "| `{}` | {}{only} | {meaning} | {action} |", entry.code, classes.join(", "));
        }
    }
    page
}

const HEAD: &str = "\
# Problem codes

Every message of amoport has a code that stays the same whatever the message becomes and in whatever language it is. `cargo test --test it problems`
makes this page from `src/problems` and fails where a code is missing or the page differs; `AMOPORT_BLESS=1` writes it anew.

A code stands in `problems[].code` of `--json`, in the column `code` of `results.csv` and `problems.csv`, in `_code` of the rejected rows, and
in `notes[].code` of `run.json`. Messages beside it say the place, the value and what to do about this one; here is what all of them have in common.

Codes that are not here are the service's own, such as `NotSupportedChoice` or `FieldMissing`: where the service refuses a record or a link and says
why, its code stands in the place of `refused` or `link-refused`, and its words in the message.

| class | reach | codes |
| --- | --- | --- |
";

fn reach(class: ProblemClass) -> &'static str {
    match class {
        ProblemClass::Error => "ends the command, with the exit code of the kind of error",
        ProblemClass::Row => "of one row or record: it is rejected or left out, or something about it is worth a look",
        ProblemClass::Warning => "worth a look; the command goes on",
        ProblemClass::Note => "worth knowing; `--quiet` leaves it out",
    }
}

/// A sentence as a cell of a table.
fn cell(text: &str) -> String {
    let mut letters = text.replace('|', "\\|").chars().collect::<Vec<_>>();
    if let Some(first) = letters.first_mut() {
        *first = first.to_ascii_uppercase();
    }
    letters.into_iter().collect()
}

#[test]
fn the_page_is_made_of_the_entries() {
    let (file, page) = (root().join("docs/problems.md"), page());
    if std::env::var_os("AMOPORT_BLESS").is_some() {
        std::fs::write(&file, &page).expect("the page");
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(there == page, "docs/problems.md differs; AMOPORT_BLESS=1 writes it anew");
}

/// What the scan is made to find, and what it is made to refuse.
#[test]
fn the_scan_finds_codes_wherever_they_are_made() {
    let text = r#"
        const NAMED: &str = "constant";
        const SEVERAL: [&str; 2] = ["of-an-array", NAMED];
        impl Problem { fn new(stage: Stage, code: &'static str, message: Message) -> Problem { Problem { code: code.into() } } }
        fn wrapper(code: &'static str) { Problem::new(Stage::Read, code, message()); }
        fn told() -> (&'static str, Message) { if is_so() { ("of-a-function", m()) } else { ("of-a-branch",
        "of-a-call", m()) } }
        fn all() {
            wrapper("wrapped");
            let problems = vec![Problem::new(Stage::Read, "in-a-macro", m())];
            let refused = |code, message: Message| Problem::new(Stage::Read, code, message);
            refused("by-a-closure", m());
            Problem::new(Stage::Read, NAMED, m());
            let (code, message) = told();
            Problem::new(Stage::Read, code, message);
            for (count, code) in [(1, "of-a-list")] { Problem::new(Stage::Read, code, m()); }
            let done = [(1, "of-a-chain")];
            done.into_iter().map(|(count, code)| Note { code: Cow::Borrowed(code) });
            problem.code = "assigned".into();
            wrapper(one());
        }
        fn one() -> &'static str { "of-a-call" }
        fn code(&self) -> &'static str { match self { A => "of-a-method", B => "of-a-method-too" } }
        #[cfg(test)]
        mod tests { fn t() { wrapper("of-a-test"); } }
    "#;
    let scan = Scan::of(&[(PathBuf::from("a.rs"), text.to_owned())]);
    assert!(scan.faults.is_empty(), "{:?}", scan.faults);
    let found: Vec<&str> = scan.made.keys().map(String::as_str).collect();
    let wanted = [
        "assigned",
        "by-a-closure",
        "constant",
        "in-a-macro",
        "of-a-branch",
        "of-a-call",
        "of-a-chain",
        "of-a-function",
        "of-a-list",
        "of-a-method",
        "of-a-method-too",
        "wrapped",
    ];
    assert_eq!(found, wanted);

    let odd = r#"
        struct Blame { code: String }
        fn wrapper(word: &'static str) { Problem { code: word.into() } }
        fn other(code: &str) { Problem { code: code.into() } }
        fn made() { Problem { code: format!("{a}-{b}").into() }; }
        fn asked() { Problem { code: elsewhere::word(1).into() }; }
    "#;
    let scan = Scan::of(&[(PathBuf::from("b.rs"), odd.to_owned())]);
    assert_eq!(scan.faults.len(), 5, "{:#?}", scan.faults);
}
