//! Faults on demand: which request fails and how, by a script or by chance from a seed. It only decides; `http` carries
//! out what a fault does to the world and to a connection.

mod action;
mod seeded;
pub mod damage;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use action::{FaultAction, FaultEffect, FaultResponse, Oddity};
pub use seeded::{SeededFaults, roll};

use crate::world::RecordTable;

/// The default delay of late responses and late requests, in milliseconds.
pub const LATE_MS: u64 = 2000;
/// The default `Retry-After` of a 429, in seconds.
pub const RETRY_AFTER_S: u64 = 1;

/// What `POST /_sandbox/faults` takes; `{}` clears all. For example:
/// `{"script": [{"on": "POST leads", "nth": 3, "do": "half", "answer": 502}], "seeded": {"seed": 42, "percent": 5}}`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// The delay of every response of the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<Latency>,
    /// Additional delay for each record of the request: large batches are slow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_item_ms: Option<f64>,
    /// Records that are refused although they have no errors.
    pub refuse: Vec<ForcedRefusal>,
    pub script: Vec<FaultRule>,
    /// Faults for requests that no rule of the script matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seeded: Option<SeededFaults>,
}

impl std::str::FromStr for Faults {
    type Err = String;

    /// The JSON of `POST /_sandbox/faults`, as an argument.
    fn from_str(text: &str) -> Result<Faults, String> {
        serde_json::from_str(text).map_err(|e| e.to_string())
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Latency {
    Fixed(u64),
    Between(u64, u64),
}

impl Latency {
    /// `dice` is any number.
    pub fn pick(self, dice: u64) -> u64 {
        match self {
            Latency::Fixed(ms) => ms,
            Latency::Between(a, b) => a.min(b).saturating_add(dice % a.abs_diff(b).saturating_add(1)),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForcedRefusal {
    /// Compared with the comment or the text where a record has no name: transactions, tasks, notes.
    pub name_contains: String,
    pub path: String,
    #[serde(default = "default_code")]
    pub code: String,
    #[serde(default = "default_detail")]
    pub detail: String,
    /// Only records of this table, such as `leads`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<RecordTable>,
}

fn default_code() -> String {
    "NotSupportedChoice".to_owned()
}

fn default_detail() -> String {
    "The value you selected is not a valid choice.".to_owned()
}

impl ForcedRefusal {
    pub fn matches(&self, table: RecordTable, item: &Map<String, Value>) -> bool {
        let text = || item.get("text").or(item.get("params").and_then(|params| params.get("text")));
        let name = item.get("name").or(item.get("comment")).or_else(text);
        self.of.is_none_or(|of| of == table) && self.has_name(name)
    }

    /// Parts of the account, such as catalogs, match where no table is named.
    pub fn matches_other(&self, item: &Value) -> bool {
        self.of.is_none() && self.has_name(item.get("name"))
    }

    fn has_name(&self, name: Option<&Value>) -> bool {
        name.and_then(Value::as_str).is_some_and(|name| name.contains(&self.name_contains))
    }
}

/// A rule of the script: the requests it matches, which of them fail, and how.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// `POST leads`, `* leads/*`, `GET **`: a method or `*`, and a path below `/api/v4/` where `*` is one part and a
    /// final `**` is any rest.
    pub on: String,
    /// Only from the nth match on, counted from 1; `times` times, by default once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// Only every second, third, … match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// The maximum number of faults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    #[serde(rename = "do")]
    pub action: FaultAction,
    /// Whether the request is carried out before the fault; the default is that of the word. `half`, `commit-late` and
    /// `drop-values` ignore it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_commit: Option<bool>,
    /// What the connection sees, in place of what the word says: `504`, `reset`, `hang`, `cut`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<FaultAction>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<Latency>,
    /// For `late` and `commit-late`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_ms: Option<u64>,
    /// `Retry-After` of a 429, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    #[serde(default, skip_deserializing)]
    pub seen: u64,
    #[serde(default, skip_deserializing)]
    pub fired: u64,
}

/// The fault of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestFault {
    /// The word that caused it.
    pub word: String,
    pub effect: FaultEffect,
    pub response: FaultResponse,
    pub late_ms: u64,
    pub retry_after: u64,
    /// The number of requests that get 401 after a token has expired.
    pub times: u64,
    /// A random number for the choices that are left.
    pub dice: u64,
}

/// The parts of a request that faults look at.
#[derive(Debug, Clone, Copy)]
pub struct RequestLine<'a> {
    pub method: &'a str,
    /// Below `/api/v4/`.
    pub path: &'a str,
    /// False for paths outside the API, such as `/oauth2/access_token`.
    pub in_api: bool,
}

impl Faults {
    /// The fault of this request and its delay in milliseconds; counts the request for every rule that matches.
    pub fn next(&mut self, line: RequestLine, dice: u64) -> (Option<RequestFault>, u64) {
        let mut latency_ms = self.latency_ms.map_or(0, |l| l.pick(dice));
        let mut fault = None;
        for rule in &mut self.script {
            if !matches(&rule.on, line.method, line.path) {
                continue;
            }
            rule.seen += 1;
            if fault.is_some() || !rule.is_due() {
                continue;
            }
            rule.fired += 1;
            latency_ms = rule.latency_ms.map_or(latency_ms, |l| l.pick(dice));
            fault = Some(rule.fault(dice));
        }
        if let Some(seeded) = self.seeded.as_mut().filter(|_| line.in_api) {
            match &fault {
                Some(_) => seeded.seen += 1,
                None => fault = seeded.draw(line.method == "GET"),
            }
        }
        if let Some(fault) = fault.as_ref().filter(|f| f.response == FaultResponse::LateTruth) {
            latency_ms = latency_ms.max(fault.late_ms);
        }
        (fault, latency_ms)
    }

    /// The additional delay of a request with this number of items, in milliseconds.
    pub fn latency_of(&self, items: usize) -> u64 {
        self.latency_item_ms.map_or(0, |ms| (ms * items as f64) as u64)
    }

    /// True where the next request of this kind is reset before its body is read; counts nothing.
    pub fn resets_before_body(&self, line: RequestLine) -> bool {
        let resets = |action: &FaultAction| action.response == FaultResponse::ResetBefore;
        let possible = self.script.iter().any(|r| resets(&r.action) || r.answer.as_ref().is_some_and(resets))
            || self.seeded.as_ref().is_some_and(|s| s.kinds.iter().chain(&s.read_kinds).any(resets));
        possible
            && self
                .clone()
                .next(line, 0)
                .0
                .is_some_and(|f| (f.effect, f.response) == (FaultEffect::Nothing, FaultResponse::ResetBefore))
    }
}

impl FaultRule {
    fn is_due(&self) -> bool {
        let once = self.nth.is_some() || self.action.response == FaultResponse::Expired;
        let times = match self.times {
            // A token expires once; `times` is the number of requests that get 401 then.
            Some(_) if self.action.response == FaultResponse::Expired => 1,
            Some(times) => times,
            None if once => 1,
            None => u64::MAX,
        };
        let reached = self.nth.is_none_or(|nth| self.seen >= nth);
        let in_step = self.every.is_none_or(|every| self.seen.is_multiple_of(every.max(1)));
        reached && in_step && self.fired < times
    }

    fn fault(&self, dice: u64) -> RequestFault {
        let effect = match (self.after_commit, self.action.effect) {
            (Some(true), FaultEffect::Nothing) => FaultEffect::All,
            (Some(false), FaultEffect::All) => FaultEffect::Nothing,
            (Some(_) | None, effect) => effect,
        };
        RequestFault {
            word: self.action.word().to_owned(),
            effect,
            response: self.answer.as_ref().map_or(self.action.response, |answer| answer.response),
            late_ms: self.late_ms.unwrap_or(LATE_MS),
            retry_after: self.retry_after.unwrap_or(RETRY_AFTER_S),
            times: self.times.unwrap_or(u64::MAX),
            dice,
        }
    }
}

fn matches(pattern: &str, method: &str, path: &str) -> bool {
    let (wanted_method, wanted_path) = pattern.trim().split_once(' ').unwrap_or(("*", pattern.trim()));
    if wanted_method != "*" && !wanted_method.eq_ignore_ascii_case(method) {
        return false;
    }
    let mut parts = path.trim_matches('/').split('/');
    for wanted in wanted_path.trim().trim_matches('/').split('/') {
        match (wanted, parts.next()) {
            ("**", _) => return true,
            ("*", Some(_)) => {}
            (wanted, Some(part)) if wanted == part => {}
            (_, Some(_) | None) => return false,
        }
    }
    parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_methods_and_paths() {
        for (pattern, method, path, hit) in [
            ("POST leads", "POST", "leads", true),
            ("POST leads", "GET", "leads", false),
            ("POST leads", "POST", "leads/complex", false),
            ("* leads/*", "GET", "leads/17", true),
            ("GET **", "GET", "leads/17/notes", true),
            ("** ", "GET", "x", true),
            ("PATCH leads/*/x", "PATCH", "leads/1", false),
        ] {
            assert_eq!(matches(pattern, method, path), hit, "{pattern} {method} {path}");
        }
    }

    #[test]
    fn a_rule_fires_on_the_requests_that_it_names() {
        let line = RequestLine { method: "POST", path: "leads", in_api: true };
        for (rule, fires) in [
            (r#"{"on":"POST leads","nth":2,"do":"504"}"#, vec![2]),
            (r#"{"on":"POST leads","nth":2,"times":2,"do":"504"}"#, vec![2, 3]),
            (r#"{"on":"POST leads","every":2,"do":"reset"}"#, vec![2, 4, 6]),
            (r#"{"on":"POST leads","times":1,"do":"cut"}"#, vec![1]),
            (r#"{"on":"POST leads","do":429}"#, vec![1, 2, 3, 4, 5, 6]),
            (r#"{"on":"POST leads","do":"token-expired"}"#, vec![1]),
            (r#"{"on":"POST leads","nth":3,"times":4,"do":"token-expired"}"#, vec![3]),
        ] {
            let mut faults = Faults { script: vec![serde_json::from_str(rule).expect("a rule")], ..Faults::default() };
            let fired: Vec<i32> = (1..=6).filter(|_| faults.next(line, 0).0.is_some()).collect();
            assert_eq!(fired, fires, "{rule}");
        }
    }
}
