//! What is measured, as data: groups of contenders that run in turn, and the lines read off them. A group makes its inputs
//! when it is asked for, so that each can be run alone.

mod export;
mod jobs;
mod reading;
mod start;
mod store;
mod upload;

use crate::bench::Bench;
use crate::gauge::Taken;
use crate::rounds::{Contender, Group, Limit, Line, Round};

/// A group by its name; how many rounds it takes in a full run and in a quick one.
pub struct Entry {
    pub name: &'static str,
    pub rounds: (usize, usize),
    pub make: for<'a> fn(&'a Bench) -> Result<Group<'a>, String>,
}

pub const ALL: &[Entry] = &[
    Entry { name: "jobs-300ms", rounds: (5, 2), make: jobs::quick_answers },
    Entry { name: "jobs-1s", rounds: (5, 1), make: jobs::slow_answers },
    Entry { name: "jobs-slow", rounds: (5, 2), make: jobs::slow },
    Entry { name: "jobs-busy", rounds: (1, 1), make: jobs::busy },
    Entry { name: "jobs-tail", rounds: (5, 1), make: jobs::tail },
    Entry { name: "csv", rounds: (3, 3), make: reading::csv },
    Entry { name: "windows-1251", rounds: (5, 3), make: reading::windows_1251 },
    Entry { name: "xlsx", rounds: (3, 3), make: reading::xlsx },
    Entry { name: "xlsx-memory", rounds: (3, 1), make: reading::xlsx_memory },
    Entry { name: "growth-check", rounds: (5, 3), make: reading::growth },
    Entry { name: "export", rounds: (3, 3), make: export::export },
    Entry { name: "growth-export", rounds: (3, 3), make: export::growth },
    Entry { name: "pages", rounds: (3, 1), make: export::pages },
    Entry { name: "upload-300ms-batch-250", rounds: (3, 1), make: upload::steady },
    Entry { name: "upload-1s-batch-250", rounds: (3, 1), make: upload::slow },
    Entry { name: "upload-uneven-batch-250", rounds: (3, 1), make: upload::uneven },
    Entry { name: "growth-upload", rounds: (3, 3), make: upload::growth },
    Entry { name: "first-request", rounds: (5, 3), make: start::first_request },
    Entry { name: "start", rounds: (5, 3), make: start::start },
    Entry { name: "journal", rounds: (5, 3), make: store::journal },
    Entry { name: "resume", rounds: (5, 3), make: store::resume },
];

impl Entry {
    /// Whether it is one of those that a person has named: by its own name, or by that of its family (`jobs`).
    pub fn is_named(&self, name: &str) -> bool {
        self.name == name || self.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
    }

    pub fn is_jobs(&self) -> bool {
        self.is_named("jobs")
    }
}

fn line(name: impl Into<String>, what: &str, against: &str, figure: impl Fn(&Round) -> f64 + 'static) -> Line {
    Line {
        name: name.into(),
        what: what.to_owned(),
        against: against.to_owned(),
        unit: " ×",
        must: None,
        aim: None,
        figure: Box::new(figure),
        yardstick: None,
    }
}

impl Line {
    fn unit(self, unit: &'static str) -> Line {
        Line { unit, ..self }
    }

    fn at_most(self, must: f64, aim: f64) -> Line {
        Line { must: Some(Limit::Most(must)), aim: Some(Limit::Most(aim)), ..self }
    }

    /// Rounds in which this contender was disturbed do not count.
    fn beside(self, contender: impl Into<String>, took: fn(&Taken) -> f64) -> Line {
        let contender = contender.into();
        Line { yardstick: Some(Box::new(move |round: &Round| took(&round[&contender]))), ..self }
    }

    fn at_least(self, must: f64, aim: f64) -> Line {
        Line { must: Some(Limit::Least(must)), aim: Some(Limit::Least(aim)), ..self }
    }
}

fn cpu_of(taken: &Taken) -> f64 {
    taken.cpu
}

fn wall_of(taken: &Taken) -> f64 {
    taken.wall
}

/// How CPU of one relates to CPU of another.
fn cpu(over: &'static str, under: &'static str) -> impl Fn(&Round) -> f64 {
    move |round| round[over].cpu / round[under].cpu
}

fn wall(over: &'static str, under: &'static str) -> impl Fn(&Round) -> f64 {
    move |round| round[over].wall / round[under].wall
}

fn rss(name: &'static str) -> impl Fn(&Round) -> f64 {
    move |round| round[name].rss
}

fn told(name: &'static str, what: &'static str) -> impl Fn(&Round) -> f64 {
    move |round| round[name].told(what)
}

/// CPU of a row in the upper part of the work against one in the lower part: start-up falls out of both.
fn growth([small, middle, large]: [&'static str; 3], [a, b, c]: [usize; 3]) -> impl Fn(&Round) -> f64 {
    move |round| {
        let of = |name: &str| round[name].cpu;
        let lower = (of(middle) - of(small)) / (b - a) as f64;
        let upper = (of(large) - of(middle)) / (c - b) as f64;
        upper / lower
    }
}

/// Rows in words: `1M`, `200k`.
fn count(rows: usize) -> String {
    match rows {
        rows if rows >= 1_000_000 && rows.is_multiple_of(1_000_000) => format!("{}M", rows / 1_000_000),
        rows if rows >= 1_000 && rows.is_multiple_of(1_000) => format!("{}k", rows / 1_000),
        rows => rows.to_string(),
    }
}

/// Those of the peers that are there.
fn joined<'a>(own: Vec<Contender<'a>>, peers: impl IntoIterator<Item = Option<Contender<'a>>>) -> Vec<Contender<'a>> {
    own.into_iter().chain(peers.into_iter().flatten()).collect()
}

/// A group without the lines of peers that are not there: a line says by its name whom it needs.
fn group<'a>(contenders: Vec<Contender<'a>>, lines: Vec<(&'static str, Line)>) -> Group<'a> {
    let mut group = Group { contenders, lines: Vec::new() };
    let there: Vec<Line> =
        lines.into_iter().filter(|(needs, _)| needs.is_empty() || group.has(needs)).map(|(_, line)| line).collect();
    group.lines = there;
    group
}
