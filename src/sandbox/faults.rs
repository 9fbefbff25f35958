//! Faults on demand: which request goes wrong, and how. Decides only; what each does to a connection is `http`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::world::Shelf;

/// What `POST /_sandbox/faults` takes; `{}` clears all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Before every answer of the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<Latency>,
    /// Records refused though nothing is wrong with them.
    pub refuse: Vec<Refusal>,
    pub script: Vec<Rule>,
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
            Latency::Between(a, b) => a.min(b) + dice % (a.abs_diff(b) + 1),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    pub name_contains: String,
    pub path: String,
    #[serde(default = "default_code")]
    pub code: String,
    #[serde(default = "default_detail")]
    pub detail: String,
    /// Only records of this kind, `leads` say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Shelf>,
}

fn default_code() -> String {
    "NotSupportedChoice".to_owned()
}

fn default_detail() -> String {
    "The value you selected is not a valid choice.".to_owned()
}

impl Refusal {
    pub fn means(&self, shelf: Shelf, item: &Map<String, Value>) -> bool {
        let name = item.get("name").and_then(Value::as_str);
        self.of.is_none_or(|of| of == shelf) && name.is_some_and(|n| n.contains(&self.name_contains))
    }
}

/// One line of the script: the requests it is about, which of them, what happens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// `POST leads`, `* leads/*`, `GET **`: a method or `*`, a path below `/api/v4/` in which `*` is one part and a last
    /// `**` is all that follows.
    pub on: String,
    /// Only from the nth of them on, counted from 1; as often as `times` says, once where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// Only every second, third, … of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// How often at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    #[serde(rename = "do")]
    pub action: Action,
    /// The request is carried out first. Said nothing, only `cut` and `slow` do so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_commit: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<Latency>,
    #[serde(default, skip_deserializing)]
    pub seen: u64,
    #[serde(default, skip_deserializing)]
    pub fired: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Action {
    /// An answer with this status in place of the true one.
    Status(u16),
    /// A 400 that does not say which items are wrong.
    Unnamed400,
    /// The connection is reset without an answer.
    Reset,
    /// The answer breaks off half-way.
    Cut,
    /// Nothing but the rule's latency.
    Slow,
}

impl TryFrom<String> for Action {
    type Error = String;

    fn try_from(word: String) -> Result<Action, String> {
        match word.as_str() {
            "unnamed-400" => Ok(Action::Unnamed400),
            "reset" => Ok(Action::Reset),
            "cut" => Ok(Action::Cut),
            "slow" => Ok(Action::Slow),
            _ => match word.parse() {
                Ok(status @ 400..=599) => Ok(Action::Status(status)),
                _ => Err(format!("\"{word}\" is not a status from 400 to 599, unnamed-400, reset, cut or slow")),
            },
        }
    }
}

impl From<Action> for String {
    fn from(action: Action) -> String {
        match action {
            Action::Status(status) => status.to_string(),
            Action::Unnamed400 => "unnamed-400".to_owned(),
            Action::Reset => "reset".to_owned(),
            Action::Cut => "cut".to_owned(),
            Action::Slow => "slow".to_owned(),
        }
    }
}

/// What becomes of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    pub action: Action,
    pub after_commit: bool,
}

impl Faults {
    /// The fault of this request and the milliseconds it takes; counts the request for every rule it is about.
    pub fn next(&mut self, method: &str, path: &str, dice: u64) -> (Option<Fault>, u64) {
        let mut latency_ms = self.latency_ms.map_or(0, |l| l.pick(dice));
        let mut fault = None;
        for rule in &mut self.script {
            if !matches(&rule.on, method, path) {
                continue;
            }
            rule.seen += 1;
            if fault.is_some() || !rule.due() {
                continue;
            }
            rule.fired += 1;
            latency_ms = rule.latency_ms.map_or(latency_ms, |l| l.pick(dice));
            let by_itself = matches!(rule.action, Action::Cut | Action::Slow);
            fault = Some(Fault { action: rule.action, after_commit: rule.after_commit.unwrap_or(by_itself) });
        }
        (fault, latency_ms)
    }
}

impl Rule {
    fn due(&self) -> bool {
        let times = match (self.times, self.nth) {
            (Some(times), _) => times,
            (None, Some(_)) => 1,
            (None, None) => u64::MAX,
        };
        let reached = self.nth.is_none_or(|nth| self.seen >= nth);
        let in_step = self.every.is_none_or(|every| self.seen.is_multiple_of(every.max(1)));
        reached && in_step && self.fired < times
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
    fn patterns_mean_methods_and_parts_of_paths() {
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
    fn a_script_fires_when_its_turn_comes() {
        for (rule, fires) in [
            (r#"{"on":"POST leads","nth":2,"do":"504"}"#, vec![2]),
            (r#"{"on":"POST leads","nth":2,"times":2,"do":"504"}"#, vec![2, 3]),
            (r#"{"on":"POST leads","every":2,"do":"reset"}"#, vec![2, 4, 6]),
            (r#"{"on":"POST leads","times":1,"do":"cut"}"#, vec![1]),
            (r#"{"on":"POST leads","do":"429"}"#, vec![1, 2, 3, 4, 5, 6]),
        ] {
            let mut faults = Faults { script: vec![serde_json::from_str(rule).expect("a rule")], ..Faults::default() };
            let fired: Vec<i32> = (1..=6).filter(|_| faults.next("POST", "leads", 0).0.is_some()).collect();
            assert_eq!(fired, fires, "{rule}");
        }
    }
}
