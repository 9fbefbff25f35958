//! `docs/sandbox.md` agrees with a running sandbox: endpoints, switches with their defaults, faults, control endpoints.
//! `AMOPORT_BLESS=1` writes its two generated tables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Running;

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sandbox.md")
}

/// The text between `<!-- NAME -->` and `<!-- /NAME -->`, and the text before and after it.
fn part<'a>(text: &'a str, name: &str) -> (&'a str, &'a str, &'a str) {
    let (from, to) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = text.split_once(&from).unwrap_or_else(|| panic!("no {from}"));
    let (inside, after) = rest.split_once(&to).unwrap_or_else(|| panic!("no {to}"));
    (before, inside, after)
}

fn holds(name: &str, table: &str) {
    let text = std::fs::read_to_string(page()).expect("the page");
    let (before, inside, after) = part(&text, name);
    if std::env::var_os("AMOPORT_BLESS").is_some() {
        let new = format!("{before}<!-- {name} -->\n{table}<!-- /{name} -->{after}");
        std::fs::write(page(), new).expect("the page is written");
    } else {
        assert_eq!(inside, table, "AMOPORT_BLESS=1 cargo test -p amo-sandbox page writes it anew");
    }
}

fn routes(s: &Running) -> String {
    let mut methods: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let routes = s.control("GET", "routes", "").is(200).json();
    for route in routes.as_array().expect("routes") {
        let text = |key: &str| route[key].as_str().expect("a text").to_owned();
        methods.entry(text("path")).or_default().push(text("method"));
    }
    let mut table = "| path below `/api/v4/` | methods |\n| --- | --- |\n".to_owned();
    for (path, mut methods) in methods {
        methods.sort_by_key(|m| ["GET", "POST", "PATCH", "DELETE"].iter().position(|known| m == known));
        table += &format!("| `{path}` | {} |\n", methods.join(", "));
    }
    table
}

/// The comment of each switch in the source, followed by the comments of its values.
fn comments() -> BTreeMap<String, String> {
    let source =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/switches.rs")).expect("the switches");
    let (mut comments, mut comment) = (BTreeMap::new(), String::new());
    let (mut of, mut values): (String, BTreeMap<String, String>) = (String::new(), BTreeMap::new());
    for line in source.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("/// ") {
            comment = format!("{comment} {text}").trim().to_owned();
        } else if let Some(name) = line.strip_prefix("pub enum ") {
            of = name.trim_end_matches(" {").to_owned();
            values.insert(of.clone(), std::mem::take(&mut comment));
        } else if let Some((name, of)) = line.strip_prefix("pub ").and_then(|l| l.split_once(": ")) {
            let own = std::mem::take(&mut comment);
            let of = values.get(of.trim_end_matches(',')).cloned().unwrap_or_default();
            comments.insert(name.to_owned(), format!("{own} {}", of.trim()).trim().to_owned());
        } else if line.ends_with(',') && line.chars().next().is_some_and(char::is_uppercase) {
            let said = std::mem::take(&mut comment);
            let said = if said.is_empty() { said } else { format!(": {}", said.trim_end_matches('.')) };
            let value = format!(" `{}`{said};", kebab(line.trim_end_matches(',')));
            values.entry(of.clone()).or_default().push_str(&value);
        } else if !line.starts_with("#[") {
            comment.clear();
        }
    }
    comments
}

fn kebab(name: &str) -> String {
    let parts = name.char_indices().map(|(i, c)| match c.is_uppercase() && i > 0 {
        true => format!("-{}", c.to_lowercase()),
        false => c.to_lowercase().to_string(),
    });
    parts.collect()
}

fn switches(s: &Running) -> String {
    let comments = comments();
    let all = s.control("GET", "switches", "").is(200).json();
    let mut table = "| switch | default | what it says |\n| --- | --- | --- |\n".to_owned();
    for (name, default) in all.as_object().expect("switches") {
        let said = comments.get(name).map_or("", |c| c.trim_end_matches(';'));
        assert!(!said.is_empty(), "{name} has no comment in src/switches.rs");
        table += &format!("| `{name}` | `{}` | {} |\n", shown(default), said.replace('|', "\\|"));
    }
    table
}

fn shown(default: &Value) -> String {
    default.as_str().map_or_else(|| default.to_string(), str::to_owned)
}

#[test]
fn endpoints_and_switches_of_the_page_are_those_of_the_sandbox() {
    let s = Running::start(None, amo_sandbox::Switches::default());
    holds("routes", &routes(&s));
    holds("switches", &switches(&s));
}

#[test]
fn faults_and_corners_of_the_sandbox_are_on_the_page() {
    let s = Running::unlimited();
    let text = std::fs::read_to_string(page()).expect("the page");
    let said = s.control("POST", "faults", r#"{"script":[{"on":"*","do":"dance"}]}"#).is(400).json();
    let words = said["error"].as_str().expect("an error").split_once("one of ").expect("the words").1.to_owned();
    let words = words.split(" at line").next().expect("the words").to_owned();
    let corners = s.control("GET", "nowhere", "").is(404).json()["error"].as_str().expect("an error").to_owned();
    let corners = corners.strip_prefix("the corner has ").expect("the corners").replace(" and other entities", "");
    let named = |word: &str| text.contains(&format!("`{word}`"));
    for word in words.split(", ") {
        assert!(named(word), "the page has no fault {word}");
    }
    let page = |corner: &str| ["GET ", "POST ", "GET`, `POST "].iter().any(|m| text.contains(&format!("`{m}{corner}")));
    for corner in corners.split(", ") {
        assert!(page(corner), "the page has no corner {corner}");
    }
    assert!(words.split(", ").count() > 20 && corners.split(", ").count() > 10, "{words}; {corners}");
}

#[test]
fn scripts_of_robots_on_the_page_are_taken() {
    let s = Running::unlimited();
    let text = std::fs::read_to_string(page()).expect("the page");
    let robots = text.split_once("## Robots").expect("the part").1;
    let script = robots.split("```json\n").nth(1).and_then(|t| t.split("```").next()).expect("a script");
    s.control("POST", "robots", script).is(200);
    let steps: Vec<&str> = robots
        .lines()
        .skip_while(|line| !line.starts_with("| step"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .flat_map(|line| line.split('|').nth(1).unwrap_or_default().split('`').skip(1).step_by(2))
        .collect();
    assert_eq!(steps.len(), 9);
    for step in steps {
        let step = step.replace(r#""pipeline_id": 7"#, &format!("\"pipeline_id\": {}", crate::MAIN));
        s.control("POST", "robots", &format!("[{{\"do\": {step}}}]")).is(200);
    }
    let faults = text.split_once("## Faults").expect("the part").1;
    let faults = faults.split("```json\n").nth(1).and_then(|t| t.split("```").next()).expect("faults");
    s.control("POST", "faults", faults).is(200);
}
