//! Robots of the account, which change new records behind everybody's back: they rename and price, delete, or merge. Which
//! of the records a robot takes, and what it writes, its seed decides. Pure; when a robot comes, `http` sees to.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::attached;
use super::faults::roll;
use super::links;
use super::plan::{Draft, Plan};
use super::world::{Commit, Shelf, World};

/// A line of what `POST /_sandbox/robots` takes, such as `[{"of": "leads", "do": "rename", "percent": 50, "delay_ms": 100}]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Robot {
    pub of: Shelf,
    #[serde(rename = "do")]
    pub deed: Deed,
    /// How many of the new records it takes.
    pub percent: f64,
    pub seed: u64,
    /// How long after their making; 0 is before their answer goes out.
    pub delay_ms: u64,
}

impl Default for Robot {
    fn default() -> Robot {
        Robot { of: Shelf::Leads, deed: Deed::Rename, percent: 100.0, seed: 1, delay_ms: 0 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// And prices, what has a price.
    Rename,
    /// To another user, who is responsible from now on.
    HandOver,
    /// Into the trash.
    Delete,
    /// Into the oldest record of the same name, which takes over the links; where there is none, it is left alone.
    Merge,
}

/// A robot on its way to a record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Errand {
    /// By the server's clock, in milliseconds.
    pub due_ms: u64,
    robot: Robot,
    id: u64,
}

/// Who is said to have made a change that nobody made. [doc]
const NOBODY: u64 = 0;
/// No price is higher.
const PRICE_MAX: u64 = 1_000_000;

/// What robots will do about a change that is just about to be made.
pub fn errands(robots: &[Robot], world: &World, change: &Commit, now_ms: u64) -> Vec<Errand> {
    let is_new = |shelf: Shelf, id: u64| world.records(shelf).get(id).is_none();
    let new: Vec<(Shelf, u64)> =
        change.put.iter().map(|put| (put.0, put.1)).filter(|(s, id)| is_new(*s, *id)).collect();
    let taken = |robot: &Robot| -> Vec<Errand> {
        let ids = new.iter().filter(|(shelf, id)| *shelf == robot.of && robot.takes(*id)).map(|(_, id)| *id);
        ids.map(|id| Errand { due_ms: now_ms.saturating_add(robot.delay_ms), robot: *robot, id }).collect()
    };
    robots.iter().flat_map(taken).collect()
}

impl Robot {
    fn takes(&self, id: u64) -> bool {
        const WHOLE: u64 = 10_000;
        ((roll(self.seed, id) % WHOLE) as f64) < self.percent * WHOLE as f64 / 100.0
    }
}

impl Errand {
    /// What it changes; nothing where the record is gone by now.
    pub fn run(&self, world: &World, now: i64) -> Commit {
        let mut plan = Plan::new(world, now);
        let (shelf, id) = (self.robot.of, self.id);
        if world.records(shelf).get(id).is_some() {
            match self.robot.deed {
                Deed::Rename => rename(&mut plan, shelf, id, roll(self.robot.seed, id.wrapping_neg())),
                Deed::HandOver => hand_over(&mut plan, shelf, id),
                Deed::Delete => plan.throw_away(shelf, id),
                Deed::Merge => merge(&mut plan, shelf, id),
            }
        }
        plan.into_commit()
    }
}

fn rename(plan: &mut Plan, shelf: Shelf, id: u64, dice: u64) {
    let Some(mut draft) = plan.get(shelf, id) else { return };
    if attached::KINDS.contains(&shelf) {
        return; // They have no name.
    }
    draft.json.insert("name".to_owned(), json!(format!("Робот {}", dice % PRICE_MAX)));
    if let Some(price) = draft.json.get_mut("price").filter(|_| shelf == Shelf::Leads) {
        *price = json!(dice % PRICE_MAX);
    }
    touch(plan, &mut draft);
    plan.put(shelf, id, draft);
}

fn hand_over(plan: &mut Plan, shelf: Shelf, id: u64) {
    let Some(mut draft) = plan.get(shelf, id) else { return };
    let me = plan.world.account.current_user;
    let Some(other) = plan.world.account.users.iter().find(|u| u.is_active && u.id != me) else { return };
    draft.json.insert("responsible_user_id".to_owned(), json!(other.id));
    touch(plan, &mut draft);
    plan.put(shelf, id, draft);
}

fn touch(plan: &Plan, draft: &mut Draft) {
    draft.updated_at = draft.updated_at.max(plan.now);
    draft.json.insert("updated_by".to_owned(), json!(NOBODY));
}

fn merge(plan: &mut Plan, shelf: Shelf, id: u64) {
    let Some(draft) = plan.get(shelf, id) else { return };
    let name = draft.json.get("name").cloned().unwrap_or_default();
    let older = plan.world.records(shelf).iter().map(|(older, _)| older).take_while(|older| *older < id);
    let same = |older: &u64| plan.get(shelf, *older).is_some_and(|o| o.json.get("name") == Some(&name));
    let Some((older, mut into)) = older.filter(|o| same(o)).find_map(|o| Some((o, plan.get(shelf, o)?))) else {
        return;
    };
    touch(plan, &mut into);
    plan.put(shelf, older, into);
    for to in Shelf::ALL {
        for (other, meta) in plan.linked(shelf, id, to) {
            if attached::KINDS.contains(&to) {
                plan.unlink(shelf, id, to, other); // Else it would go with the record.
            }
            links::make(plan, (shelf, older), (to, other), meta.as_ref());
        }
    }
    plan.throw_away(shelf, id);
}
