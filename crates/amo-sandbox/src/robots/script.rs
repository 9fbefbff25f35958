//! Steps of robots as they are written, and the errors of scripts that this account cannot carry out.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::account::AccountState;
use crate::robots::Robot;
use crate::world::{RecordTable, attached};

/// A word, or `{word: argument}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum RobotStep {
    /// Sets a name in which `{id}` stands for the id of the record; without one a random name, and for leads a random
    /// price.
    Rename(Option<String>),
    Price(u64),
    /// Moves a lead to a stage of the named pipeline, else of the one that has it.
    Move {
        pipeline_id: Option<u64>,
        status_id: u64,
    },
    /// Makes this user responsible, or one other than the token's.
    HandOver(Option<u64>),
    /// Adds a tag.
    Tag(String),
    /// Moves the record to the trash.
    Delete,
    /// Merges the record into the oldest one of the same name, which takes over its links; does nothing where there is
    /// none.
    Merge,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StageArgument {
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline_id: Option<u64>,
    status_id: u64,
}

/// The highest price that a write accepts.
const PRICE_MAX: u64 = i64::MAX as u64;

const STEPS: &str = "a step is \"rename\", \"hand_over\", \"delete\", \"merge\", {\"rename\": \"Lead {id}\"}, {\"price\": 500}, {\"move\": {\"status_id\": 142}}, {\"hand_over\": USER} or {\"tag\": \"NAME\"}";

impl TryFrom<Value> for RobotStep {
    type Error = String;

    fn try_from(written: Value) -> Result<RobotStep, String> {
        let (word, argument) = match &written {
            Value::String(word) => (word.as_str(), None),
            Value::Object(step) => match step.iter().next() {
                Some((word, argument)) if step.len() == 1 => (word.as_str(), Some(argument)),
                _ => return Err(format!("{written} is no step: {STEPS}")),
            },
            _ => return Err(format!("{written} is no step: {STEPS}")),
        };
        let step = match (word, argument) {
            ("rename", None) => Some(RobotStep::Rename(None)),
            ("rename", Some(name)) => name.as_str().map(|name| RobotStep::Rename(Some(name.to_owned()))),
            ("price", Some(price)) => price.as_u64().map(RobotStep::Price),
            ("move", Some(stage)) => StageArgument::deserialize(stage)
                .ok()
                .map(|stage| RobotStep::Move { pipeline_id: stage.pipeline_id, status_id: stage.status_id }),
            ("hand_over", None) => Some(RobotStep::HandOver(None)),
            ("hand_over", Some(user)) => user.as_u64().map(|user| RobotStep::HandOver(Some(user))),
            ("tag", Some(name)) => name.as_str().filter(|name| !name.is_empty()).map(|n| RobotStep::Tag(n.to_owned())),
            ("delete", None) => Some(RobotStep::Delete),
            ("merge", None) => Some(RobotStep::Merge),
            _ => None,
        };
        step.ok_or_else(|| format!("{written} is no step: {STEPS}"))
    }
}

impl From<RobotStep> for Value {
    fn from(step: RobotStep) -> Value {
        match step {
            RobotStep::Rename(None) => json!("rename"),
            RobotStep::Rename(Some(name)) => json!({"rename": name}),
            RobotStep::Price(price) => json!({"price": price}),
            RobotStep::Move { pipeline_id, status_id } => json!({"move": StageArgument { pipeline_id, status_id }}),
            RobotStep::HandOver(None) => json!("hand_over"),
            RobotStep::HandOver(Some(user)) => json!({"hand_over": user}),
            RobotStep::Tag(name) => json!({"tag": name}),
            RobotStep::Delete => json!("delete"),
            RobotStep::Merge => json!("merge"),
        }
    }
}

/// `"do"` is a step or a list of steps.
pub mod one_or_many {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    use crate::robots::RobotStep;

    pub fn serialize<S: Serializer>(steps: &[RobotStep], to: S) -> Result<S::Ok, S::Error> {
        match steps {
            [one] => one.serialize(to),
            many => many.serialize(to),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<RobotStep>, D::Error> {
        let steps = match Value::deserialize(from)? {
            Value::Array(steps) => steps,
            one => vec![one],
        };
        steps.into_iter().map(|step| RobotStep::try_from(step).map_err(D::Error::custom)).collect()
    }
}

impl Robot {
    /// The first error: a part that this account does not have, or a step that does not go with the table.
    pub fn find_error(&self, account: &AccountState) -> Option<String> {
        if !(0.0..=100.0).contains(&self.percent) {
            return Some(format!("percent is {}, and goes from 0 to 100", self.percent));
        }
        condition_error(&self.conditions, self.of)
            .or_else(|| self.steps.iter().find_map(|s| s.find_error(self.of, account)))
    }
}

/// An unknown key is an error: otherwise the robot would never run, without a message.
fn condition_error(conditions: &Map<String, Value>, of: RecordTable) -> Option<String> {
    let known: &[&str] = match of {
        RecordTable::Leads => &["name", "price", "pipeline_id", "status_id", "responsible_user_id", "created_by"],
        RecordTable::Customers => &["name", "next_price", "status_id", "responsible_user_id", "created_by"],
        RecordTable::Elements => &["name", "catalog_id", "created_by"],
        RecordTable::Transactions => &["price", "customer_id", "created_by"],
        RecordTable::Notes => &["note_type", "created_by"],
        RecordTable::Tasks => &["text", "task_type_id", "is_completed", "responsible_user_id", "created_by"],
        RecordTable::Contacts | RecordTable::Companies => &["name", "responsible_user_id", "created_by"],
    };
    let unknown = conditions.keys().find(|key| !known.contains(&key.as_str()))?;
    Some(format!("if: {unknown} is no condition for {}, which has {}", of.path(), known.join(", ")))
}

impl RobotStep {
    fn find_error(&self, of: RecordTable, account: &AccountState) -> Option<String> {
        match self {
            RobotStep::Price(_) | RobotStep::Move { .. } if of != RecordTable::Leads => {
                Some(format!("{} goes with leads, not with {}", Value::from(self.clone()), of.path()))
            }
            RobotStep::Rename(_) | RobotStep::Merge
                if attached::KINDS.contains(&of) || of == RecordTable::Transactions =>
            {
                Some(format!("{} have no name", of.path()))
            }
            RobotStep::HandOver(_)
                if matches!(of, RecordTable::Elements | RecordTable::Transactions | RecordTable::Notes) =>
            {
                Some(format!("nobody is responsible for {}", of.path()))
            }
            RobotStep::Rename(Some(name)) if name.is_empty() => Some("rename: the name is empty".to_owned()),
            RobotStep::Price(price) if *price > PRICE_MAX => Some(format!("price: {price} is more than {PRICE_MAX}")),
            RobotStep::Tag(_)
                if matches!(
                    of,
                    RecordTable::Elements | RecordTable::Transactions | RecordTable::Notes | RecordTable::Tasks
                ) =>
            {
                Some(format!("{} have no tags", of.path()))
            }
            RobotStep::Move { pipeline_id, status_id } if account.stage(*pipeline_id, *status_id).is_none() => {
                Some(format!(
                    "move: there is no stage {status_id} in {}",
                    match pipeline_id {
                        Some(id) => format!("pipeline {id}"),
                        None => "any pipeline".to_owned(),
                    }
                ))
            }
            RobotStep::HandOver(Some(user)) if !account.user(*user).is_some_and(|u| u.is_active) => {
                Some(format!("hand_over: there is no active user {user}"))
            }
            _ => None,
        }
    }
}
