//! Where the seconds of a job went: of each contender whose requests were looked at, the round with the median wall.

use crate::gauge::Taken;
use crate::rounds::{Group, Round};

pub const TITLES: &str =
    "| job | wall | yardstick | R | D | requests made | what they were for: number (from – to, s) |
| --- | --- | --- | --- | --- | --- | --- |";

pub struct Seconds {
    name: String,
    taken: Taken,
}

pub fn of(group: &Group, rounds: &[Round]) -> Vec<Seconds> {
    let names = group.contenders.iter().map(|contender| &contender.name);
    let of = |name: &String| {
        let mut taken: Vec<&Taken> = rounds.iter().filter_map(|round| round.get(name)).collect();
        taken.sort_by(|a, b| a.wall.total_cmp(&b.wall));
        let middle = (*taken.get(taken.len() / 2)?).clone();
        (!middle.phases.is_empty()).then(|| Seconds { name: name.clone(), taken: middle })
    };
    names.filter_map(of).collect()
}

impl Seconds {
    pub fn cells(&self) -> [String; 7] {
        let taken = &self.taken;
        let told = |name: &str, digits: usize| match taken.told.get(name) {
            Some(figure) => format!("{figure:.digits$}"),
            None => "–".to_owned(),
        };
        let phases: Vec<String> = taken
            .phases
            .iter()
            .map(|phase| format!("{} {} ({:.2} – {:.2})", phase.purpose, phase.requests, phase.from, phase.to))
            .collect();
        [
            self.name.clone(),
            format!("{:.2} s", taken.wall),
            told("yardstick_s", 2),
            told("needed", 0),
            told("follow", 0),
            told("requests", 0),
            phases.join(", "),
        ]
    }
}
