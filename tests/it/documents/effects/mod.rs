//! What each word of a query does: every `with`, filter, order, page and flag that the documents and the clients name,
//! with a world in which its answer can only come of it. A word whose entry fails counts as not served.
//!
//! A query has its words between angle brackets: `filter[<id>][]={b}`. They are sent as they are, then each of them is
//! misspelt in turn, and then the entry must fail; names in braces stand for ids of the prepared world.

mod attached;
mod contacts;
mod customers;
mod directories;
mod lists;
mod leads;
mod words;
mod worlds;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::documents::server::{Answer, Server};

/// What stands for the names in braces.
pub type Names = BTreeMap<String, String>;

/// What prepares a world.
pub type World = fn(&Server) -> Names;

/// What is seen when the word is heeded.
#[derive(Debug, Clone, Copy)]
pub enum Seen {
    /// These rows and no others, in this order.
    Rows(&'static [&'static str]),
    /// Of the rows that were prepared these, in this order; what ships with the account is passed over.
    Prepared(&'static [&'static str]),
    /// A record with these values at these JSON pointers; `*` is any text. Without the word they are null, empty or not there.
    Shows(&'static str, &'static [(&'static str, &'static str)]),
}

/// One word of one route, and how its effect is shown.
pub struct Effect {
    /// As the documents write it: `customers/{id}`.
    pub route: &'static str,
    /// Marked, as the head of this file says.
    pub query: String,
    pub seen: Seen,
    pub world: World,
    /// One that has to be on.
    pub switch: Option<&'static str>,
    pub file: &'static str,
}

/// How an entry went.
pub struct Outcome {
    pub effect: Effect,
    pub result: Result<String, String>,
}

impl Effect {
    /// `with=contacts`, `filter[id]`, `order[id]=desc`, `limit`: what the first marked pair is about.
    pub fn word(&self) -> String {
        let pair = self.query.split('&').find(|pair| pair.contains('<')).expect("a marked word");
        let pair = pair.replace(['<', '>'], "");
        let (key, _) = pair.split_once('=').expect("a pair");
        match key.split('[').collect::<Vec<_>>().as_slice() {
            ["with"] | ["order", _] => pair,
            ["filter", name, ..] => format!("filter[{name}"),
            _ => key.trim_end_matches("[]").to_owned(),
        }
    }

    /// The query with its nth word misspelt.
    fn misspelt(&self, nth: usize) -> String {
        let mut ends = self.query.match_indices('>');
        let (end, _) = ends.nth(nth).expect("as many words");
        format!("{}zz{}", &self.query[..end], &self.query[end..])
    }

    /// All its words misspelt.
    fn nonsense(&self) -> String {
        self.query.replace('>', "zz>")
    }

    /// The query without the marked pairs.
    fn without(&self) -> String {
        self.query.split('&').filter(|pair| !pair.contains('<')).collect::<Vec<_>>().join("&")
    }

    /// What is seen; else why the word cannot be said to be heeded.
    fn run(&self) -> Result<String, String> {
        let server = Server::start();
        if let Some(switch) = self.switch {
            server.corner("switches", &json!({switch: true}));
        }
        let names = (self.world)(&server);
        let read = |query: &str| {
            let query = query.replace(['<', '>'], "");
            server.get(&fill(&format!("{}?{query}", self.route), &names))
        };
        let heeded = read(&self.query);
        self.check(&heeded, &names).map_err(|why| format!("the word is not heeded: {why}"))?;
        for nth in 0..self.query.matches('>').count() {
            let query = self.misspelt(nth);
            if self.check(&read(&query), &names).is_ok() {
                return Err(format!("`{query}` does the same"));
            }
        }
        let (nonsense, without) = (read(&self.nonsense()), read(&self.without()));
        if bare(&nonsense) != bare(&without) {
            return Err(format!("a misspelt word does something: {} instead of {}", nonsense.body, without.body));
        }
        self.tell(&without, &names)
    }

    fn check(&self, answer: &Answer, names: &Names) -> Result<(), String> {
        let differs = |now: String| Err(format!("{} {now} instead of {:?}", answer.status, self.seen));
        match self.seen {
            Seen::Rows(wanted) => {
                let rows = rows(answer, names);
                if answer.is_good() && rows == wanted { Ok(()) } else { differs(format!("{rows:?}")) }
            }
            Seen::Prepared(wanted) => {
                let mut rows = rows(answer, names);
                rows.retain(|row| row != OTHER);
                if answer.is_good() && rows == wanted { Ok(()) } else { differs(format!("{rows:?}")) }
            }
            Seen::Shows(name, values) => {
                let item = item(answer, names, name);
                let is_there = |(at, wanted): &&(&str, &str)| is_like(item.pointer(at), &fill(wanted, names));
                match values.iter().find(|value| !is_there(value)) {
                    None => Ok(()),
                    Some((at, _)) => differs(format!("{at} {item}")),
                }
            }
        }
    }

    /// What is seen, and what is seen without the word. What a word shows must be empty or not there without it.
    fn tell(&self, without: &Answer, names: &Names) -> Result<String, String> {
        match self.seen {
            Seen::Rows(rows) => Ok(format!("{}, not {}", listed(rows), listed(&self::rows(without, names)))),
            Seen::Prepared(rows) => {
                let mut others = self::rows(without, names);
                others.retain(|row| row != OTHER);
                Ok(format!("{}, not {}", listed(rows), listed(&others)))
            }
            Seen::Shows(name, values) => {
                let item = item(without, names, name);
                let mut told = Vec::new();
                for (at, wanted) in values {
                    match item.pointer(at) {
                        None | Some(Value::Null) => {}
                        Some(Value::Array(items)) if items.is_empty() => {}
                        Some(value) => return Err(format!("{at} is {value} without it")),
                    }
                    let wanted = if *wanted == "*" { "a text".to_owned() } else { format!("`{wanted}`") };
                    told.push(format!("`{}`: {wanted}", at[1..].replace('/', ".")));
                }
                Ok(format!("{}; empty or not there without it", told.join(", ")))
            }
        }
    }
}

fn listed<T: AsRef<str>>(rows: &[T]) -> String {
    let rows: Vec<&str> = rows.iter().map(AsRef::as_ref).collect();
    if rows.is_empty() { "nothing".to_owned() } else { rows.join(" ") }
}

const OTHER: &str = "other";

/// The names of the rows of an answer, in their order.
fn rows(answer: &Answer, names: &Names) -> Vec<String> {
    let json = answer.json();
    let rows = json["_embedded"].as_object().and_then(|embedded| embedded.values().find_map(Value::as_array));
    rows.into_iter().flatten().map(|row| name_of(row, names)).collect()
}

/// By its own id; links by what they lead to, events by what they are about.
fn name_of(row: &Value, names: &Names) -> String {
    let named = |key: &&str| {
        let id = row.get(*key)?.to_string();
        names.iter().find(|(_, value)| **value == id).map(|(name, _)| name.clone())
    };
    ["id", "to_entity_id", "entity_id"].iter().find_map(named).unwrap_or_else(|| OTHER.to_owned())
}

/// The row of that name, or the answer itself where it is no list.
fn item(answer: &Answer, names: &Names, name: &str) -> Value {
    let json = answer.json();
    let id: Option<u64> = names.get(name).and_then(|id| id.parse().ok());
    let is_it = |value: &Value| id.is_some() && value["id"].as_u64() == id;
    if is_it(&json) || !names.contains_key(name) {
        return json;
    }
    let rows = json["_embedded"].as_object().and_then(|embedded| embedded.values().find_map(Value::as_array));
    rows.into_iter().flatten().find(|row| is_it(row)).cloned().unwrap_or_default()
}

/// Links beside what is said do not matter.
fn is_like(found: Option<&Value>, wanted: &str) -> bool {
    let Some(found) = found else { return false };
    if wanted == "*" {
        return found.as_str().is_some_and(|text| !text.is_empty());
    }
    let wanted: Value = serde_json::from_str(wanted).unwrap_or_else(|e| panic!("{wanted}: {e}"));
    holds(found, &wanted)
}

/// All that is wanted is there; lists are as long as they are wanted.
fn holds(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| found.get(key).is_some_and(|found| holds(found, wanted)))
        }
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| holds(found, wanted))
        }
        (found, wanted) => found == wanted,
    }
}

/// Without links, which repeat the query.
fn bare(answer: &Answer) -> (u16, Value) {
    let mut json = answer.json();
    crate::documents::probe::strip_links(&mut json);
    (answer.status, json)
}

/// Names in braces give way to what they stand for; what an address cannot hold is escaped.
fn fill(text: &str, names: &Names) -> String {
    let filled = names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value));
    if text.starts_with(['{', '[', '"']) {
        return filled;
    }
    let mut escaped = String::new();
    for byte in filled.bytes() {
        if byte.is_ascii() && byte != b' ' {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// Every entry, run once.
pub fn outcomes() -> &'static [Outcome] {
    static OUTCOMES: OnceLock<Vec<Outcome>> = OnceLock::new();
    OUTCOMES.get_or_init(|| {
        let effects =
            [leads::all(), contacts::all(), customers::all(), attached::all(), lists::all(), directories::all()];
        let run = |effect: Effect| Outcome { result: effect.run(), effect };
        effects.into_iter().flatten().map(run).collect()
    })
}

/// Where no entry of a word fails, and there is one. A word without a name of its own, as `filter`, is heeded where one of its is.
pub fn is_heeded(route: &str, word: &str) -> bool {
    let is_about = |outcome: &&Outcome| {
        let own = outcome.effect.word();
        let within = matches!(word, "with" | "filter" | "order");
        outcome.effect.route == route
            && outcome.effect.switch.is_none()
            && (own == word || within && own.starts_with(word))
    };
    let mut about = outcomes().iter().filter(is_about).peekable();
    about.peek().is_some() && about.all(|outcome| outcome.result.is_ok())
}

const HEAD: &str = "
## Effects: with, filters, order

Every word of a query that the documents, the developers' pages or the clients name, and what is seen when the sandbox is asked for it: the rows of a prepared
world and the ones that come without the word, or what a record shows only with it. Each request goes over HTTP, then again with every word between `<` and `>` misspelt, which
must not show the same. The entries are in `tests/it/documents/effects`. Four records `a b c d` rise in this order by their ids, and in another one by whatever else orders them.

| route | word | shown by | what is seen |
| --- | --- | --- | --- |
";

/// The section of `docs/coverage.md`.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    for Outcome { effect, result } in outcomes() {
        let told = result.as_ref().map_or("–", String::as_str);
        let switch = effect.switch.map_or(String::new(), |switch| format!(" with the switch `{switch}`"));
        let (route, word, query) = (effect.route, effect.word(), effect.query.replace('|', "\\|"));
        let _ = writeln!(page, "| `{route}` | `{word}` | `{}`: `{query}`{switch} | {told} |", effect.file);
    }
    page.push_str("\nNot shown, and why:\n\n| route | word | why not |\n| --- | --- | --- |\n");
    for (route, word, why) in words::GAPS {
        let _ = writeln!(page, "| `{route}` | `{word}` | {why} |");
    }
    page
}

#[test]
fn every_word_has_the_effect_it_promises() {
    let failed = |o: &Outcome| {
        let why = o.result.as_ref().err()?;
        Some(format!("{}?{}: {why}", o.effect.route, o.effect.query))
    };
    let failed: Vec<String> = outcomes().iter().filter_map(failed).collect();
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), outcomes().len(), failed.join("\n"));
}

#[test]
fn every_word_that_is_named_has_an_entry_or_a_reason() {
    let shown: Vec<(&str, String)> = outcomes().iter().map(|o| (o.effect.route, o.effect.word())).collect();
    let named = words::named();
    let is_shown = |route: &str, word: &str| shown.iter().any(|(r, w)| *r == route && w == word);
    let is_gap = |route: &str, word: &str| words::GAPS.iter().any(|(r, w, _)| *r == route && *w == word);
    let missing: Vec<_> = named.iter().filter(|(route, word)| !is_shown(route, word) && !is_gap(route, word)).collect();
    assert!(missing.is_empty(), "named and never shown: {missing:#?}");
    let idle: Vec<_> = words::GAPS.iter().filter(|(route, word, _)| is_shown(route, word)).collect();
    assert!(idle.is_empty(), "a reason why not, and it is shown: {idle:#?}");
    let is_named = |route: &str, word: &str| named.iter().any(|(r, w)| r == route && w == word);
    let strange: Vec<_> = shown.iter().filter(|(route, word)| !is_named(route, word)).collect();
    assert!(strange.is_empty(), "shown, though nobody names it: {strange:#?}");
    let strange: Vec<_> = words::GAPS.iter().filter(|(route, word, _)| !is_named(route, word)).collect();
    assert!(strange.is_empty(), "a reason about what nobody names: {strange:#?}");
}

/// The entries themselves can fail: a word that the sandbox does not know shows nothing.
#[test]
fn a_word_that_does_nothing_is_not_shown() {
    for (query, seen) in [
        ("filter[<shoe_size>][]={b}", Seen::Rows(&["b"])),
        ("order[<shoe_size>]=desc", Seen::Rows(&["d", "c", "b", "a"])),
        ("with=<shoes>", Seen::Shows("a", &[("/_embedded/shoes", "[]")])),
        // What comes without the word, too, is no effect of it.
        ("filter[<shoe_size>][]={b}", Seen::Rows(&["a", "b", "c", "d"])),
        ("with=<shoes>", Seen::Shows("a", &[("/id", "{a}")])),
    ] {
        let effect = Effect { query: query.to_owned(), seen, ..leads::plain() };
        assert!(effect.run().is_err(), "{query}");
    }
}
