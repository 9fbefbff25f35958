//! What the token's user sees of the records: all of them, those of his group, his own, none. Pure.

use serde::Deserialize;

use crate::account::Right;
use crate::switches::Switches;
use crate::world::{Shelf, World, attached};

/// The token's user is an administrator, in the account and by the switch.
pub fn is_admin(world: &World, switches: &Switches) -> bool {
    let account = &world.account;
    switches.token_is_admin && account.user(account.current_user).is_some_and(|user| user.is_admin)
}

/// Less than everything: the records of these users.
#[derive(Debug, PartialEq)]
pub struct Sight {
    users: Vec<u64>,
}

impl Sight {
    /// `None` where all is seen.
    pub fn of(world: &World, switches: &Switches) -> Option<Sight> {
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
        Some(Sight { users })
    }

    /// Purchases are seen with their customer, notes with their record [doc], tasks with it or by who has to do them
    /// [inferred]; elements stand under a right of their own. [doc]
    pub fn sees(&self, world: &World, shelf: Shelf, id: u64) -> bool {
        match shelf {
            Shelf::Elements => true,
            Shelf::Transactions => world
                .linked(shelf, id, Shelf::Customers)
                .any(|(customer, _)| self.owns(world, Shelf::Customers, customer)),
            Shelf::Leads | Shelf::Contacts | Shelf::Companies | Shelf::Customers => self.owns(world, shelf, id),
            Shelf::Notes => self.owns_owner(world, shelf, id),
            Shelf::Tasks => self.owns(world, shelf, id) || self.owns_owner(world, shelf, id),
        }
    }

    fn owns_owner(&self, world: &World, shelf: Shelf, id: u64) -> bool {
        attached::owner(world, shelf, id).is_some_and(|(kind, owner)| self.owns(world, kind, owner))
    }

    /// A record is whose who is responsible for it.
    fn owns(&self, world: &World, shelf: Shelf, id: u64) -> bool {
        #[derive(Deserialize)]
        struct Owned {
            #[serde(default)]
            responsible_user_id: Option<u64>,
        }
        let owned = world.records(shelf).get(id).and_then(|r| serde_json::from_str::<Owned>(&r.json).ok());
        owned.and_then(|owned| owned.responsible_user_id).is_some_and(|user| self.users.contains(&user))
    }
}
