//! Steps of robots as they are written, and what of a script cannot be carried out in this account.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::account::Account;
use crate::robots::Robot;
use crate::world::{Shelf, attached};

/// A word, or `{word: argument}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Step {
    /// To a text in which `{id}` stands for the id of the record; without one to a name drawn by the seed, and with it
    /// to a drawn price, where the record has one.
    Rename(Option<String>),
    Price(u64),
    /// Into a stage, of the pipeline that is named or of the one that has it.
    Move {
        pipeline_id: Option<u64>,
        status_id: u64,
    },
    /// To this user or to another one than the token's, who is responsible from now on.
    HandOver(Option<u64>),
    /// With a tag more.
    Tag(String),
    /// Into the trash.
    Delete,
    /// Into the oldest record of the same name, which takes over the links; where there is none, it is left alone.
    Merge,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stage {
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline_id: Option<u64>,
    status_id: u64,
}

/// What a price may be in a write.
const PRICE_MAX: u64 = i64::MAX as u64;

const STEPS: &str = "a step is \"rename\", \"hand_over\", \"delete\", \"merge\", {\"rename\": \"Lead {id}\"}, {\"price\": 500}, {\"move\": {\"status_id\": 142}}, {\"hand_over\": USER} or {\"tag\": \"NAME\"}";

impl TryFrom<Value> for Step {
    type Error = String;

    fn try_from(written: Value) -> Result<Step, String> {
        let (word, argument) = match &written {
            Value::String(word) => (word.as_str(), None),
            Value::Object(step) => match step.iter().next() {
                Some((word, argument)) if step.len() == 1 => (word.as_str(), Some(argument)),
                _ => return Err(format!("{written} is no step: {STEPS}")),
            },
            _ => return Err(format!("{written} is no step: {STEPS}")),
        };
        let step = match (word, argument) {
            ("rename", None) => Some(Step::Rename(None)),
            ("rename", Some(name)) => name.as_str().map(|name| Step::Rename(Some(name.to_owned()))),
            ("price", Some(price)) => price.as_u64().map(Step::Price),
            ("move", Some(stage)) => Stage::deserialize(stage)
                .ok()
                .map(|stage| Step::Move { pipeline_id: stage.pipeline_id, status_id: stage.status_id }),
            ("hand_over", None) => Some(Step::HandOver(None)),
            ("hand_over", Some(user)) => user.as_u64().map(|user| Step::HandOver(Some(user))),
            ("tag", Some(name)) => name.as_str().filter(|name| !name.is_empty()).map(|n| Step::Tag(n.to_owned())),
            ("delete", None) => Some(Step::Delete),
            ("merge", None) => Some(Step::Merge),
            _ => None,
        };
        step.ok_or_else(|| format!("{written} is no step: {STEPS}"))
    }
}

impl From<Step> for Value {
    fn from(step: Step) -> Value {
        match step {
            Step::Rename(None) => json!("rename"),
            Step::Rename(Some(name)) => json!({"rename": name}),
            Step::Price(price) => json!({"price": price}),
            Step::Move { pipeline_id, status_id } => json!({"move": Stage { pipeline_id, status_id }}),
            Step::HandOver(None) => json!("hand_over"),
            Step::HandOver(Some(user)) => json!({"hand_over": user}),
            Step::Tag(name) => json!({"tag": name}),
            Step::Delete => json!("delete"),
            Step::Merge => json!("merge"),
        }
    }
}

/// `"do"` is a step or a list of steps.
pub mod one_or_many {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    use crate::robots::Step;

    pub fn serialize<S: Serializer>(steps: &[Step], to: S) -> Result<S::Ok, S::Error> {
        match steps {
            [one] => one.serialize(to),
            many => many.serialize(to),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Step>, D::Error> {
        let steps = match Value::deserialize(from)? {
            Value::Array(steps) => steps,
            one => vec![one],
        };
        steps.into_iter().map(|step| Step::try_from(step).map_err(D::Error::custom)).collect()
    }
}

impl Robot {
    /// What this account does not have or this kind of record cannot do.
    pub fn flaw(&self, account: &Account) -> Option<String> {
        if !(0.0..=100.0).contains(&self.percent) {
            return Some(format!("percent is {}, and goes from 0 to 100", self.percent));
        }
        flaw_of_conditions(&self.conditions, self.of)
            .or_else(|| self.steps.iter().find_map(|s| s.flaw(self.of, account)))
    }
}

/// A misspelt key would keep the robot away without a word.
fn flaw_of_conditions(conditions: &Map<String, Value>, of: Shelf) -> Option<String> {
    let known: &[&str] = match of {
        Shelf::Leads => &["name", "price", "pipeline_id", "status_id", "responsible_user_id", "created_by"],
        Shelf::Customers => &["name", "next_price", "status_id", "responsible_user_id", "created_by"],
        Shelf::Elements => &["name", "catalog_id", "created_by"],
        Shelf::Transactions => &["price", "customer_id", "created_by"],
        Shelf::Notes => &["note_type", "created_by"],
        Shelf::Tasks => &["text", "task_type_id", "is_completed", "responsible_user_id", "created_by"],
        Shelf::Contacts | Shelf::Companies => &["name", "responsible_user_id", "created_by"],
    };
    let unknown = conditions.keys().find(|key| !known.contains(&key.as_str()))?;
    Some(format!("if: {unknown} is no condition for {}, which has {}", of.path(), known.join(", ")))
}

impl Step {
    fn flaw(&self, of: Shelf, account: &Account) -> Option<String> {
        match self {
            Step::Price(_) | Step::Move { .. } if of != Shelf::Leads => {
                Some(format!("{} goes with leads, not with {}", Value::from(self.clone()), of.path()))
            }
            Step::Rename(_) | Step::Merge if attached::KINDS.contains(&of) || of == Shelf::Transactions => {
                Some(format!("{} have no name", of.path()))
            }
            Step::HandOver(_) if matches!(of, Shelf::Elements | Shelf::Transactions | Shelf::Notes) => {
                Some(format!("nobody is responsible for {}", of.path()))
            }
            Step::Rename(Some(name)) if name.is_empty() => Some("rename: the name is empty".to_owned()),
            Step::Price(price) if *price > PRICE_MAX => Some(format!("price: {price} is more than {PRICE_MAX}")),
            Step::Tag(_) if matches!(of, Shelf::Elements | Shelf::Transactions | Shelf::Notes | Shelf::Tasks) => {
                Some(format!("{} have no tags", of.path()))
            }
            Step::Move { pipeline_id, status_id } if account.stage(*pipeline_id, *status_id).is_none() => {
                Some(format!(
                    "move: there is no stage {status_id} in {}",
                    match pipeline_id {
                        Some(id) => format!("pipeline {id}"),
                        None => "any pipeline".to_owned(),
                    }
                ))
            }
            Step::HandOver(Some(user)) if !account.user(*user).is_some_and(|u| u.is_active) => {
                Some(format!("hand_over: there is no active user {user}"))
            }
            _ => None,
        }
    }
}
