//! The records that the token's user may see: all, those of his group, his own, or none. Pure.

use serde::Deserialize;

use crate::account::Right;
use crate::switches::Switches;
use crate::world::{RecordTable, World, attached};

/// The token's user is an administrator, by the account and by the switch.
pub fn is_admin(world: &World, switches: &Switches) -> bool {
    let account = &world.account;
    switches.token_is_admin && account.user(account.current_user).is_some_and(|user| user.is_admin)
}

/// The users whose records are visible.
#[derive(Debug, PartialEq)]
pub struct RecordVisibility {
    users: Vec<u64>,
}

impl RecordVisibility {
    /// `None` where all records are visible.
    pub fn for_token_user(world: &World, switches: &Switches) -> Option<RecordVisibility> {
        if is_admin(world, switches) {
            return None;
        }
        let account = &world.account;
        let group = account.user(account.current_user).map(|user| user.group_id);
        let users = match switches.token_view {
            Right::All => return None,
            Right::Group => account.users.iter().filter(|u| Some(u.group_id) == group).map(|u| u.id).collect(),
            Right::Own => vec![account.current_user],
            Right::None => Vec::new(),
        };
        Some(RecordVisibility { users })
    }

    /// Transactions are visible with their customer, notes with their owner [doc], tasks with it or with their
    /// responsible user [inferred]; elements have a right of their own. [doc]
    pub fn allows(&self, world: &World, table: RecordTable, id: u64) -> bool {
        match table {
            RecordTable::Elements => true,
            RecordTable::Transactions => world
                .linked(table, id, RecordTable::Customers)
                .any(|(customer, _)| self.owns(world, RecordTable::Customers, customer)),
            RecordTable::Leads | RecordTable::Contacts | RecordTable::Companies | RecordTable::Customers => {
                self.owns(world, table, id)
            }
            RecordTable::Notes => self.owns_attached(world, table, id),
            RecordTable::Tasks => self.owns(world, table, id) || self.owns_attached(world, table, id),
        }
    }

    fn owns_attached(&self, world: &World, table: RecordTable, id: u64) -> bool {
        attached::owner(world, table, id).is_some_and(|(kind, owner)| self.owns(world, kind, owner))
    }

    /// A record belongs to its responsible user.
    fn owns(&self, world: &World, table: RecordTable, id: u64) -> bool {
        #[derive(Deserialize)]
        struct Owned {
            #[serde(default)]
            responsible_user_id: Option<u64>,
        }
        let owned = world.records(table).get(id).and_then(|r| serde_json::from_str::<Owned>(&r.json).ok());
        owned.and_then(|owned| owned.responsible_user_id).is_some_and(|user| self.users.contains(&user))
    }
}
