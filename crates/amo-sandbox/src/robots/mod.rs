//! Robots of the account, which change records without a request: a list of scripts with trigger, conditions and steps.
//! Pure; `http` runs them when they are due.

mod script;
mod steps;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::changes::changeset::Changeset;
use crate::faults::roll;
use crate::world::{Commit, RecordTable, World};
use script::RobotStep;

/// A script of `POST /_sandbox/robots`, such as
/// `[{"of": "leads", "if": {"pipeline_id": 7}, "do": ["rename", {"price": 500}], "percent": 50, "delay_ms": 100}]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Robot {
    pub of: RecordTable,
    pub on: Trigger,
    /// Keys of a record and the value that each must have, or a list of values of which it must have one.
    #[serde(rename = "if", skip_serializing_if = "Map::is_empty")]
    pub conditions: Map<String, Value>,
    #[serde(rename = "do", with = "script::one_or_many")]
    pub steps: Vec<RobotStep>,
    /// The percentage of the records that it changes.
    pub percent: f64,
    pub seed: u64,
    /// The delay after the change that triggered it; 0 is before the response to that change.
    pub delay_ms: u64,
}

impl Default for Robot {
    fn default() -> Robot {
        Robot {
            of: RecordTable::Leads,
            on: Trigger::Create,
            conditions: Map::new(),
            steps: vec![RobotStep::Rename(None)],
            percent: 100.0,
            seed: 1,
            delay_ms: 0,
        }
    }
}

/// What triggers a robot. Changes made by robots trigger none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A new record for which the conditions hold.
    Create,
    /// A change after which the conditions hold and before which they did not; without conditions, any change.
    Change,
}

/// A robot that is to change a record.
#[derive(Debug, Clone)]
pub struct RobotTask {
    /// By the server's clock, in milliseconds.
    pub due_ms: u64,
    robot: Arc<Robot>,
    id: u64,
}

/// The tasks of robots that a change triggers; the world is that before the change.
pub fn tasks(robots: &[Arc<Robot>], world: &World, change: &Commit, now_ms: u64) -> Vec<RobotTask> {
    let tasks_of = |robot: &&Arc<Robot>| {
        let ids = change.put.iter().filter(|put| put.0 == robot.of && robot.is_triggered(world, put.1, put.4.get()));
        let task = |id| RobotTask { due_ms: now_ms.saturating_add(robot.delay_ms), robot: Arc::clone(robot), id };
        ids.map(|put| put.1).filter(|id| robot.selects(*id)).map(task).collect::<Vec<_>>()
    };
    robots.iter().flat_map(|robot| tasks_of(&robot)).collect()
}

impl Robot {
    fn selects(&self, id: u64) -> bool {
        const WHOLE: u64 = 10_000;
        ((roll(self.seed, id) % WHOLE) as f64) < self.percent * WHOLE as f64 / 100.0
    }

    fn is_triggered(&self, world: &World, id: u64, after: &str) -> bool {
        match (self.on, world.records(self.of).get(id)) {
            (Trigger::Create, None) => self.conditions_hold(after),
            (Trigger::Change, Some(_)) if self.conditions.is_empty() => true,
            (Trigger::Change, Some(before)) => self.conditions_hold(after) && !self.conditions_hold(&before.json),
            (Trigger::Create, Some(_)) | (Trigger::Change, None) => false,
        }
    }

    fn conditions_hold(&self, record: &str) -> bool {
        if self.conditions.is_empty() {
            return true;
        }
        let record: Map<String, Value> = serde_json::from_str(record).unwrap_or_default();
        self.conditions.iter().all(|(key, wanted)| match (record.get(key), wanted) {
            (Some(is), Value::Array(any)) => any.contains(is),
            (Some(is), wanted) => is == wanted,
            (None, _) => false,
        })
    }
}

impl RobotTask {
    /// The change of the record; nothing where it has been deleted since.
    pub fn run(&self, world: &World, now: i64) -> Commit {
        let mut changes = Changeset::new(world, now);
        let dice = roll(self.robot.seed, self.id.wrapping_neg());
        if world.records(self.robot.of).get(self.id).is_some() {
            steps::run(&mut changes, (self.robot.of, self.id), &self.robot.steps, dice);
        }
        changes.into_commit()
    }
}
