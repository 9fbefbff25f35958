//! What ARCHITECTURE.md says of the structure holds: crates and modules depend only on what it allows, a public type has
//! one meaning, files are made for their owner only. (That every mapping has its sample and its case, and that the
//! shipped schema is current, is checked in `cases.rs`.)

use std::collections::{BTreeMap, BTreeSet};
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

/// Name to the names it may use, from a table in ARCHITECTURE.md; `None` for all.
fn rules(head: &str) -> BTreeMap<String, Option<Vec<String>>> {
    let page = read(&root().join("ARCHITECTURE.md"));
    let table = page.split(head).nth(1).unwrap_or_else(|| panic!("ARCHITECTURE.md has no table {head}"));
    let mut rules = BTreeMap::new();
    for line in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let name = ticked(cells[0]).remove(0);
        let uses = (cells[2] != "all").then(|| ticked(cells[2]));
        rules.insert(name, uses);
    }
    rules
}

const CRATES: &str = "| crate | holds | may use |";
const MODULES: &str = "| module | holds | may use |";

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

/// The sources of the program and of its crates, without tests.
fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    for entry in std::fs::read_dir(root().join("crates")).expect("crates").flatten() {
        rust_files(&entry.path().join("src"), &mut files);
    }
    files.retain(|path| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        !name.ends_with("tests.rs") && name != "oracle.rs"
    });
    assert!(files.len() > 300, "{} files", files.len());
    files
}

/// Without comments and without the tests at the end of the file.
fn code(path: &Path) -> String {
    let text = read(path);
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The first parts of the paths that begin with `crate::`, those in groups included.
fn modules_used(code: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    let mut used = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + 7..];
        let Some(group) = rest.strip_prefix('{') else {
            used.insert(word(rest));
            continue;
        };
        let (mut depth, mut begins) = (0, true);
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                c if begins && depth == 0 && !c.is_whitespace() => {
                    used.insert(word(&group[i..]));
                    begins = false;
                }
                _ => {}
            }
        }
    }
    used
}

#[test]
fn paths_in_groups_are_found() {
    let code = "use crate::{a::{x, y}, b,\n c::Z};\nuse crate::d;\nlet e = crate::e::f(crate::g);";
    let used: Vec<String> = modules_used(code).into_iter().collect();
    assert_eq!(used, ["a", "b", "c", "d", "e", "g"]);
}

#[test]
fn modules_use_only_what_architecture_md_allows() {
    let rules = rules(MODULES);
    let src = root().join("src");
    let mut broken = Vec::new();
    for file in sources() {
        let Ok(inside) = file.strip_prefix(&src) else { continue };
        let module = inside.iter().next().expect("a module").to_string_lossy().trim_end_matches(".rs").to_owned();
        if matches!(module.as_str(), "lib" | "main") {
            continue;
        }
        let allowed = rules.get(&module).unwrap_or_else(|| panic!("ARCHITECTURE.md does not know the module {module}"));
        let Some(allowed) = allowed else { continue };
        for used in modules_used(&code(&file)) {
            if used != module && !allowed.contains(&used) {
                broken.push(format!("{} uses {used}", inside.display()));
            }
        }
    }
    assert!(broken.is_empty(), "not allowed by ARCHITECTURE.md:\n{}", broken.join("\n"));
}

#[test]
fn the_modules_of_the_page_are_those_of_the_program() {
    let declared: Vec<String> = read(&root().join("src/lib.rs"))
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ").map(|rest| rest.trim_end_matches(';').to_owned()))
        .collect();
    let known: BTreeSet<String> = rules(MODULES).into_keys().collect();
    assert_eq!(declared.iter().cloned().collect::<BTreeSet<_>>(), known);
    // A module uses only those above it: the order of lib.rs is the order of reading.
    for (module, uses) in rules(MODULES) {
        let place = |name: &str| declared.iter().position(|d| d == name);
        for used in uses.unwrap_or_default() {
            assert!(place(&used) < place(&module), "{module} stands above {used}, which it uses");
        }
    }
}

/// Cargo keeps a crate from using what its manifest does not name; the manifests name what the page says.
#[test]
fn crates_depend_on_what_architecture_md_allows() {
    let rules = rules(CRATES);
    let folders = std::fs::read_dir(root().join("crates")).expect("crates").flatten();
    let names: BTreeSet<String> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(rules.keys().cloned().collect::<BTreeSet<_>>(), names);
    for (name, uses) in rules {
        let manifest = read(&root().join("crates").join(&name).join("Cargo.toml"));
        let dependencies = manifest.split("[dependencies]").nth(1).expect("dependencies");
        let dependencies = dependencies.split("\n[").next().expect("their table");
        let ours = dependencies.lines().filter_map(|line| line.split(['.', ' ', '=']).next());
        let ours: BTreeSet<String> = ours.filter(|d| names.contains(*d)).map(str::to_owned).collect();
        let allowed: BTreeSet<String> = uses.expect("a list").into_iter().collect();
        assert_eq!(ours, allowed, "{name}");
    }
}

/// Where files and folders are made so that nobody but their owner can read them; everything else makes them through these.
const MAKERS: [&str; 2] = ["amo-client/src/private", "amo-sandbox/src/state/files.rs"];

#[test]
fn files_and_folders_are_made_for_their_owner_only() {
    const MAKING: [&str; 7] =
        ["File::create", "fs::write(", "create_dir", "DirBuilder", ".create(true)", ".create_new(true)", ".save(path"];
    let is_maker = |path: &Path| MAKERS.iter().any(|maker| path.to_string_lossy().replace('\\', "/").contains(maker));
    let mut others = Vec::new();
    for file in sources().into_iter().filter(|path| !is_maker(path)) {
        let code = code(&file);
        // `OutputFile::create` is not `File::create`.
        let makes = |making: &str| {
            code.match_indices(making)
                .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
        };
        for making in MAKING.iter().filter(|making| makes(making)) {
            others.push(format!("{}: {making}", file.display()));
        }
    }
    assert!(others.is_empty(), "others could read what is made here; use {MAKERS:?}:\n{}", others.join("\n"));
}

/// Type names with two meanings, and why.
const TWO_MEANINGS: [(&str, &str); 0] = [];

/// The names of public types in a text, with `pub(crate)` and the like.
fn public_types(code: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = |line: &str| line.split(|c: char| !is_name(c)).map(str::to_owned).collect::<Vec<String>>();
    let lines = code.lines().map(str::trim_start).filter(|line| line.starts_with("pub"));
    lines
        .filter_map(|line| {
            let words = words(line);
            let keyword = words
                .iter()
                .position(|word| matches!(word.as_str(), "struct" | "enum" | "trait" | "type" | "union"))?;
            let visibility = ["pub", "crate", "super", "in", "", "engine", "upload", "store", "cli", "mapping"];
            let only_visibility = words[..keyword].iter().all(|word| visibility.contains(&word.as_str()));
            only_visibility.then(|| words[keyword + 1].clone())
        })
        .collect()
}

#[test]
fn public_types_are_found() {
    let code =
        "pub struct A {\n    pub(crate) enum B<T> {\nstruct C;\npub fn d(type_: E) {}\npub(in crate::engine) trait F {";
    assert_eq!(public_types(code).into_iter().collect::<Vec<_>>(), ["A", "B", "F"]);
}

/// A reader who meets the name of a type anywhere in the workspace knows which one is meant.
#[test]
fn a_public_type_name_has_one_meaning() {
    let mut files: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in sources() {
        for name in public_types(&code(&path)) {
            files.entry(name).or_default().push(path.clone());
        }
    }
    assert!(files.len() > 400, "{} types", files.len());
    let allowed = |name: &str| TWO_MEANINGS.iter().any(|(known, _)| *known == name);
    let several: Vec<_> = files.iter().filter(|(name, files)| files.len() > 1 && !allowed(name)).collect();
    assert!(several.is_empty(), "defined more than once; give one of them the term of its field: {several:#?}");
    let unused: Vec<_> =
        TWO_MEANINGS.iter().filter(|(name, _)| files.get(*name).is_none_or(|files| files.len() < 2)).collect();
    assert!(unused.is_empty(), "not on this list any more: {unused:?}");
}

/// Examples of what a reader would make, and what benches make.
const NOT_THERE: [&str; 4] =
    ["src/engine/quota.rs", "src/cli/commands/quota.rs", "src/mapping/convert/percent.rs", "benches/data"];

/// Names that a text of Rust defines: items, variants, fields.
fn defined(text: &str) -> BTreeSet<String> {
    const KEYWORDS: [&str; 8] = ["fn", "struct", "enum", "trait", "type", "mod", "const", "static"];
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut names = BTreeSet::new();
    for line in text.lines().map(str::trim_start) {
        let words: Vec<&str> = line.split(|c: char| !is_name(c)).filter(|word| !word.is_empty()).collect();
        let items = words.windows(2).filter(|pair| KEYWORDS.contains(&pair[0])).map(|pair| pair[1]);
        names.extend(items.map(str::to_owned));
        // A variant or a field begins its line.
        let first = words.iter().find(|word| !matches!(**word, "pub" | "crate" | "super" | "in"));
        names.extend(first.map(|word| (*word).to_owned()));
    }
    names
}

/// `crate::module::name` in backticks: the last name is defined below the crate or module that the first one names.
#[test]
fn names_that_documents_give_are_defined_there() {
    let mut homes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in sources() {
        let below =
            path.strip_prefix(root()).expect("a source").components().map(|part| part.as_os_str().to_string_lossy());
        let parts: Vec<String> = below.map(|part| part.trim_end_matches(".rs").to_owned()).collect();
        let names: BTreeSet<String> = defined(&read(&path)).into_iter().chain(parts.iter().cloned()).collect();
        // `crates/NAME/src/…`, `src/MODULE/…`
        let home = if parts[0] == "crates" { parts[1].replace('-', "_") } else { parts[1].clone() };
        homes.entry("amoport".to_owned()).or_default().extend(names.iter().cloned());
        homes.entry(home).or_default().extend(names);
    }
    let is_path = |text: &str| {
        let name = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        text.contains("::") && text.split("::").all(name)
    };
    let (mut missing, mut checked) = (Vec::new(), 0);
    for page in pages().iter().filter(|page| !page.ends_with("CHANGELOG.md")) {
        for path in ticked(&read(page)).iter().map(|text| text.trim_end_matches("()")).filter(|text| is_path(text)) {
            let (first, last) = (path.split("::").next().expect("a part"), path.rsplit("::").next().expect("a part"));
            checked += 1;
            match homes.get(first) {
                Some(names) if names.contains(last) => {}
                Some(_) => missing.push(format!("{}: {path}", page.display())),
                // A path that begins within a module, such as `verify::Sample`.
                None if homes.values().any(|names| names.contains(first) && names.contains(last)) => {}
                None => missing.push(format!("{}: {path}", page.display())),
            }
        }
    }
    assert!(checked > 100, "{checked} names");
    assert!(missing.is_empty(), "named and not defined:\n{}", missing.join("\n"));
}

/// ARCHITECTURE.md, README.md and the like, the pages of docs, the decisions.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for folder in [root(), root().join("docs"), root().join("docs/decisions")] {
        let entries = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
        pages.extend(entries.filter(|path| path.extension().is_some_and(|e| e == "md")));
    }
    assert!(pages.len() > 80, "{} pages", pages.len());
    pages
}

#[test]
fn paths_that_documents_name_are_there() {
    const BEGINNINGS: [&str; 8] =
        ["tests/", "crates/", "docs/", "examples/", "benches/", "src/", "mappings/", "samples/"];
    let pages = pages();
    let mut missing = Vec::new();
    for page in pages.iter().filter(|page| !page.ends_with("CHANGELOG.md")) {
        for path in ticked(&read(page)) {
            let is_path =
                BEGINNINGS.iter().any(|begin| path.starts_with(begin)) && !path.contains([' ', '*', '{', '…']);
            if is_path && !NOT_THERE.contains(&path.as_str()) && !root().join(&path).exists() {
                missing.push(format!("{}: {path}", page.display()));
            }
        }
    }
    assert!(missing.is_empty(), "named and not there:\n{}", missing.join("\n"));
}
