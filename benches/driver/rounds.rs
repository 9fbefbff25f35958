//! Contenders in turn, A B C … A B C, and what is read off the rounds. Ratios are taken pair by pair within a round, so
//! that a machine that is slow for a while is slow for both sides.

use crate::gauge::Taken;
use std::collections::BTreeMap;

/// What every contender of one round took, by its name.
pub type Round = BTreeMap<String, Taken>;
type Take<'a> = Box<dyn FnMut() -> Result<Taken, String> + 'a>;
pub type Figure = Box<dyn Fn(&Round) -> f64>;

/// A round whose yardstick took more than so many times its own least was disturbed: its ratio says nothing.
const DISTURBED: f64 = 1.5;

pub struct Contender<'a> {
    pub name: String,
    /// As a person would type it.
    pub command: String,
    pub take: Take<'a>,
}

impl<'a> Contender<'a> {
    pub fn new(
        name: impl Into<String>,
        command: String,
        take: impl FnMut() -> Result<Taken, String> + 'a,
    ) -> Contender<'a> {
        Contender { name: name.into(), command, take: Box::new(take) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    Most(f64),
    Least(f64),
}

impl Limit {
    fn holds(self, figure: f64) -> bool {
        match self {
            Limit::Most(most) => figure <= most,
            Limit::Least(least) => figure >= least,
        }
    }

    fn told(self, unit: &str) -> String {
        match self {
            Limit::Most(most) => format!("≤ {}{unit}", short(most)),
            Limit::Least(least) => format!("≥ {}{unit}", short(least)),
        }
    }
}

/// One line of the table.
pub struct Line {
    pub name: String,
    pub what: String,
    pub against: String,
    /// With the space before it, if there is one.
    pub unit: &'static str,
    pub must: Option<Limit>,
    pub aim: Option<Limit>,
    pub figure: Figure,
    /// What the yardstick of the line took in a round, where it has one that can be disturbed.
    pub yardstick: Option<Figure>,
}

/// What is measured together, because ratios are taken between its contenders.
pub struct Group<'a> {
    pub contenders: Vec<Contender<'a>>,
    pub lines: Vec<Line>,
}

#[derive(Debug, Clone)]
pub struct Measured {
    pub name: String,
    /// The line as cells of the table.
    pub cells: [String; 7],
    pub missed: bool,
}

impl Group<'_> {
    /// All rounds; `tell` hears of each contender.
    pub fn run(&mut self, rounds: usize, tell: impl Fn(&str)) -> Result<Vec<Round>, String> {
        let mut taken = Vec::new();
        for number in 1..=rounds {
            let mut round = Round::new();
            for contender in &mut self.contenders {
                let took = (contender.take)()?;
                let told: Vec<String> =
                    took.told.iter().map(|(name, value)| format!("{name} {}", short(*value))).collect();
                tell(&format!(
                    "{number}/{rounds} {}: {:.3} s, CPU {:.3} s, {:.1} MB {}",
                    contender.name,
                    took.wall,
                    took.cpu,
                    took.rss,
                    told.join(", ")
                ));
                round.insert(contender.name.clone(), took);
            }
            taken.push(round);
        }
        Ok(taken)
    }

    pub fn measured(&self, rounds: &[Round]) -> Vec<Measured> {
        self.lines.iter().map(|line| measured(line, rounds)).collect()
    }

    pub fn has(&self, contender: &str) -> bool {
        self.contenders.iter().any(|other| other.name == contender)
    }
}

fn measured(line: &Line, rounds: &[Round]) -> Measured {
    let calm = calm(line, rounds);
    let mut figures: Vec<f64> = calm.iter().map(|round| (line.figure)(round)).collect();
    figures.sort_by(f64::total_cmp);
    let (low, high) = (figures.first().copied().unwrap_or(f64::NAN), figures.last().copied().unwrap_or(f64::NAN));
    let median = median(&figures);
    let unit = line.unit;
    let taken = format!("{} of {}", figures.len(), rounds.len());
    let told = format!("**{}{unit}** ({} – {}; {taken})", short(median), short(low), short(high));
    let holds = |limit: Option<Limit>| limit.map(|limit| limit.holds(median));
    let (verdict, missed) = match (holds(line.must), holds(line.aim)) {
        (None, None) => ("–", false),
        (_, Some(true)) => ("aim", false),
        (Some(true), _) => ("must", false),
        (_, _) => ("missed", true),
    };
    let limit = |limit: Option<Limit>| limit.map_or("–".to_owned(), |limit| limit.told(unit));
    let cells = [
        line.name.clone(),
        line.what.clone(),
        line.against.clone(),
        told,
        limit(line.must),
        limit(line.aim),
        verdict.to_owned(),
    ];
    Measured { name: line.name.clone(), cells, missed }
}

/// The rounds whose yardstick was not disturbed; all of them where the line has none.
fn calm<'r>(line: &Line, rounds: &'r [Round]) -> Vec<&'r Round> {
    let Some(yardstick) = &line.yardstick else { return rounds.iter().collect() };
    let least = rounds.iter().map(yardstick).fold(f64::INFINITY, f64::min);
    rounds.iter().filter(|round| yardstick(round) <= least * DISTURBED).collect()
}

/// Of figures in order.
pub fn median(figures: &[f64]) -> f64 {
    match (figures.len(), figures.len() / 2) {
        (0, _) => f64::NAN,
        (odd, middle) if odd % 2 == 1 => figures[middle],
        (_, middle) => f64::midpoint(figures[middle - 1], figures[middle]),
    }
}

/// Three digits that matter, and never fewer than the whole number has.
pub fn short(figure: f64) -> String {
    match figure.abs() {
        0.0 => "0".to_owned(),
        size if size >= 100.0 => format!("{figure:.0}"),
        size if size >= 10.0 => trimmed(format!("{figure:.1}")),
        size if size >= 0.01 => trimmed(format!("{figure:.2}")),
        _ => format!("{figure:.4}"),
    }
}

fn trimmed(figure: String) -> String {
    figure.trim_end_matches('0').trim_end_matches('.').to_owned()
}
