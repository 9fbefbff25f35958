//! What the steps of a robot change. The change is nobody's.

use serde_json::{Value, json};

use crate::changes::changeset::Plan;
use crate::changes::{links, trash, write};
use crate::check::{Clean, TagRef};
use crate::robots::script::Step;
use crate::world::{Draft, PRICED_BY_ROBOT, Shelf, attached};

/// Who is said to have made a change that nobody made. [doc]
const NOBODY: u64 = 0;
/// No drawn price is higher.
const PRICE_MAX: u64 = 1_000_000;

/// All steps, in their order; nothing follows a step that took the record away.
pub fn run(plan: &mut Plan, shelf: Shelf, id: u64, steps: &[Step], dice: u64) {
    for step in steps {
        match step {
            Step::Delete => return trash::throw_away(plan, shelf, id),
            Step::Merge if merge(plan, shelf, id) => return,
            Step::Merge => {}
            step => change(plan, shelf, id, step, dice),
        }
    }
}

fn change(plan: &mut Plan, shelf: Shelf, id: u64, step: &Step, dice: u64) {
    let Some(draft) = plan.get(shelf, id) else { return };
    let mut clean = Clean { id, ..Clean::default() };
    let mut set = |key: &str, value| drop(clean.set.insert(key.to_owned(), value));
    match step {
        Step::Rename(Some(name)) => set("name", json!(name.replace("{id}", &id.to_string()))),
        Step::Rename(None) => {
            set("name", json!(format!("Робот {}", dice % PRICE_MAX)));
            if shelf == Shelf::Leads {
                set("price", json!(dice % PRICE_MAX));
            }
        }
        Step::Price(price) => set("price", json!(price)),
        Step::Move { pipeline_id, status_id } => {
            let stands_in = draft.json.get("pipeline_id").and_then(Value::as_u64);
            let account = plan.account();
            // Every pipeline has the stages 142 and 143: a lead stays in its own. [doc]
            let home = pipeline_id.or_else(|| stands_in.filter(|id| account.stage(Some(*id), *status_id).is_some()));
            clean.stage = account.stage(home, *status_id);
        }
        Step::HandOver(user) => match user.or_else(|| another_user(plan)) {
            Some(user) => set("responsible_user_id", json!(user)),
            None => return,
        },
        Step::Tag(name) => clean.tags.add.push(TagRef::Name(name.clone())),
        Step::Delete | Step::Merge => return,
    }
    let is_priced = clean.set.contains_key("price");
    if let Some(mut changed) = write::update(plan, shelf, clean) {
        changed.updated_at = draft.updated_at;
        if is_priced {
            changed.json.insert(PRICED_BY_ROBOT.to_owned(), json!(true));
        }
        touch(plan, &mut changed);
        plan.put(shelf, id, changed);
    }
}

fn another_user(plan: &Plan) -> Option<u64> {
    let me = plan.world.account.current_user;
    plan.world.account.users.iter().find(|u| u.is_active && u.id != me).map(|u| u.id)
}

fn touch(plan: &Plan, draft: &mut Draft) {
    draft.updated_at = draft.updated_at.max(plan.now);
    draft.json.insert("updated_by".to_owned(), json!(NOBODY));
}

/// False where no older record has the name.
fn merge(plan: &mut Plan, shelf: Shelf, id: u64) -> bool {
    let Some(draft) = plan.get(shelf, id) else { return false };
    let name = draft.json.get("name").cloned().unwrap_or_default();
    let older = plan.world.records(shelf).iter().map(|(older, _)| older).take_while(|older| *older < id);
    let same = |older: &u64| plan.get(shelf, *older).is_some_and(|o| o.json.get("name") == Some(&name));
    let Some((older, mut into)) = older.filter(|o| same(o)).find_map(|o| Some((o, plan.get(shelf, o)?))) else {
        return false;
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
    trash::throw_away(plan, shelf, id);
    true
}
