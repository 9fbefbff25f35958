//! Carries out the steps of a robot. No user is the author of the change.

use serde_json::{Value, json};

use crate::changes::changeset::Changeset;
use crate::changes::{links, trash, write};
use crate::check::{CheckedItem, TagRef};
use crate::robots::script::RobotStep;
use crate::world::{PRICED_BY_ROBOT, RecordBody, RecordKey, RecordTable, attached};

/// The author of a change that no user has made. [doc]
const NOBODY: u64 = 0;
/// The upper limit of a random price.
const PRICE_MAX: u64 = 1_000_000;

/// Carries out the steps in order, until one has deleted the record.
pub fn run(changes: &mut Changeset, record: RecordKey, steps: &[RobotStep], dice: u64) {
    for step in steps {
        match step {
            RobotStep::Delete => return trash::delete(changes, record),
            RobotStep::Merge if merge(changes, record) => return,
            RobotStep::Merge => {}
            step => change(changes, record, step, dice),
        }
    }
}

fn change(changes: &mut Changeset, (table, id): RecordKey, step: &RobotStep, dice: u64) {
    let Some(draft) = changes.get(table, id) else { return };
    let mut accepted = CheckedItem { id, ..CheckedItem::default() };
    let mut set = |key: &str, value| drop(accepted.set.insert(key.to_owned(), value));
    match step {
        RobotStep::Rename(Some(name)) => set("name", json!(name.replace("{id}", &id.to_string()))),
        RobotStep::Rename(None) => {
            set("name", json!(format!("Робот {}", dice % PRICE_MAX)));
            if table == RecordTable::Leads {
                set("price", json!(dice % PRICE_MAX));
            }
        }
        RobotStep::Price(price) => set("price", json!(price)),
        RobotStep::Move { pipeline_id, status_id } => {
            let current = draft.json.get("pipeline_id").and_then(Value::as_u64);
            let account = changes.account();
            // Every pipeline has the stages 142 and 143, so a lead stays in its own. [doc]
            let pipeline = pipeline_id.or_else(|| current.filter(|id| account.stage(Some(*id), *status_id).is_some()));
            accepted.stage = account.stage(pipeline, *status_id);
        }
        RobotStep::HandOver(user) => match user.or_else(|| another_user(changes)) {
            Some(user) => set("responsible_user_id", json!(user)),
            None => return,
        },
        RobotStep::Tag(name) => accepted.tags.add.push(TagRef::Name(name.clone())),
        RobotStep::Delete | RobotStep::Merge => return,
    }
    let is_priced = accepted.set.contains_key("price");
    if let Some(mut changed) = write::update(changes, table, accepted) {
        changed.updated_at = draft.updated_at;
        if is_priced {
            changed.json.insert(PRICED_BY_ROBOT.to_owned(), json!(true));
        }
        set_updated(changes, &mut changed);
        changes.put(table, id, changed);
    }
}

fn another_user(changes: &Changeset) -> Option<u64> {
    let me = changes.world.account.current_user;
    changes.world.account.users.iter().find(|u| u.is_active && u.id != me).map(|u| u.id)
}

fn set_updated(changes: &Changeset, draft: &mut RecordBody) {
    draft.updated_at = draft.updated_at.max(changes.now);
    draft.json.insert("updated_by".to_owned(), json!(NOBODY));
}

/// False where no older record has the name.
fn merge(changes: &mut Changeset, (table, id): RecordKey) -> bool {
    let Some(draft) = changes.get(table, id) else { return false };
    let name = draft.json.get("name").cloned().unwrap_or_default();
    let older = changes.world.records(table).iter().map(|(older, _)| older).take_while(|older| *older < id);
    let same = |older: &u64| changes.get(table, *older).is_some_and(|o| o.json.get("name") == Some(&name));
    let Some((older, mut into)) = older.filter(|o| same(o)).find_map(|o| Some((o, changes.get(table, o)?))) else {
        return false;
    };
    set_updated(changes, &mut into);
    changes.put(table, older, into);
    for to in RecordTable::ALL {
        for (other, meta) in changes.linked(table, id, to) {
            if attached::KINDS.contains(&to) {
                changes.unlink((table, id), (to, other)); // otherwise it would be deleted with the record
            }
            links::link(changes, (table, older), (to, other), meta.as_ref());
        }
    }
    trash::delete(changes, (table, id));
    true
}
