//! The house keeps its own rules: rooms use only the rooms that ARCHITECTURE.md allows. (That every mapping has its sample
//! and its case, and that the shipped schema is current, is held by `tests/cases.rs`.)

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The words between backticks.
fn ticked(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Room to the rooms it may use, from the table in ARCHITECTURE.md; `None` for all.
fn rules() -> BTreeMap<String, Option<Vec<String>>> {
    let page = read(&root().join("ARCHITECTURE.md"));
    let table = page.split("| room | holds | may use |").nth(1).expect("ARCHITECTURE.md has the table of rooms");
    let mut rules = BTreeMap::new();
    for line in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let room = ticked(cells[0]).remove(0);
        let uses = (cells[2] != "all").then(|| ticked(cells[2]));
        rules.insert(room, uses);
    }
    rules
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Macros stand at the root of the crate, whatever room they belong to.
const MACROS: [(&str, &str); 1] = [("message", "problem")];

/// The rooms that a source text names by `crate::room`, comments left out.
fn rooms_used(text: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for (at, _) in line.match_indices("crate::") {
            let room: String = line[at + 7..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            let owner = MACROS.iter().find(|(name, _)| *name == room).map(|(_, owner)| (*owner).to_owned());
            let room = owner.unwrap_or(room);
            if !room.is_empty() {
                rooms.push(room);
            }
        }
    }
    rooms
}

#[test]
fn rooms_use_only_what_architecture_md_allows() {
    let rules = rules();
    let src = root().join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let mut broken = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&src).expect("a file of src");
        let room = inside.iter().next().expect("a room").to_string_lossy().trim_end_matches(".rs").to_owned();
        if matches!(room.as_str(), "lib" | "main") {
            continue;
        }
        let allowed = rules.get(&room).unwrap_or_else(|| panic!("ARCHITECTURE.md does not know the room {room}"));
        let Some(allowed) = allowed else { continue };
        for used in rooms_used(&read(&file)) {
            if used != room && !allowed.contains(&used) {
                broken.push(format!("{} uses {used}", inside.display()));
            }
        }
    }
    assert!(broken.is_empty(), "not allowed by ARCHITECTURE.md:\n{}", broken.join("\n"));
}

#[test]
fn the_rooms_of_the_page_are_the_rooms_of_the_house() {
    let declared: Vec<String> = read(&root().join("src/lib.rs"))
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ").map(|rest| rest.trim_end_matches(';').to_owned()))
        .collect();
    let mut known: Vec<String> = rules().into_keys().collect();
    let mut sorted = declared.clone();
    sorted.sort();
    known.sort();
    assert_eq!(sorted, known);
    // A room may use those above it only: the order of lib.rs is the order of reading.
    for (room, uses) in rules() {
        let place = |name: &str| declared.iter().position(|d| d == name);
        for used in uses.unwrap_or_default() {
            assert!(place(&used) < place(&room), "{room} stands above {used}, which it uses");
        }
    }
}

#[test]
fn files_and_folders_are_made_through_private_alone() {
    const MAKING: [&str; 7] =
        ["File::create", "fs::write(", "create_dir", "DirBuilder", ".create(true)", ".create_new(true)", ".save(path"];
    let src = root().join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let of_tests = |path: &Path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("tests.rs") || name == "oracle.rs")
    };
    files.retain(|path| !path.starts_with(src.join("private")) && !of_tests(path));
    let mut others = Vec::new();
    for file in files {
        let text = read(&file);
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for making in MAKING.iter().filter(|making| code.contains(**making)) {
            others.push(format!("{}: {making}", file.display()));
        }
    }
    assert!(others.is_empty(), "others could read what is made here; src/private makes it:\n{}", others.join("\n"));
}
