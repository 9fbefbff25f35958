//! What a state folder remembers of workbooks that were sent back: read before rows are decided, written when a run has
//! ended.

use super::after::After;
use super::exit::Ended;
use super::{prepare, say};
use crate::entity::Action;
use crate::export::back::{self, Deciding, Sent, Trouble};
use crate::export::{Columns, Hidden};
use crate::store::{Returned, Store};
use crate::table::Table;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use tokio::sync::watch;

/// What earlier imports of this workbook sent.
pub fn sent(store: &Store, hidden: &Hidden) -> Result<HashMap<u64, Sent>, Ended> {
    let known = store.returned(&hidden.stamp.export)?.into_iter();
    Ok(known.map(|(id, Returned { sheet, account })| (id, Sent { sheet, account })).collect())
}

impl After<'_> {
    /// Looks at what a workbook has changed, so that its next import does not take these changes for somebody else's.
    /// The import itself is done, whatever comes of it.
    pub async fn remember(&self, mut stop: watch::Receiver<bool>) -> Result<(), Ended> {
        if self.head.mapping.made.is_none() || self.plan.action != Action::Update {
            return Ok(());
        }
        let rows: BTreeMap<u32, u64> =
            self.store.written(self.run())?.into_iter().map(|(row, written)| (row, written.id)).collect();
        if rows.is_empty() || self.source_changed().is_some() {
            return Ok(());
        }
        let Ok(hidden) = Hidden::read(Path::new(&self.head.source.path)) else { return Ok(()) };
        let table = prepare::reopen(&self.head.source)?;
        let looked = tokio::select! {
            biased;
            Ok(_) = stop.wait_for(|stop| *stop) => return Ok(()),
            looked = self.look(&hidden, table, &rows) => looked,
        };
        match looked {
            Ok(seen) => self.store.has_returned(&hidden.stamp.export, &seen)?,
            Err(Trouble::Source(problem)) => return Err(problem.into()),
            Err(Trouble::Service(failure)) => {
                say::line(&format!("the changed records could not be looked at again: {failure}"));
                say::line("export again before you edit these rows further: they would be told as conflicts");
            }
        }
        Ok(())
    }

    async fn look(
        &self,
        hidden: &Hidden,
        table: Table,
        rows: &BTreeMap<u32, u64>,
    ) -> Result<Vec<(u64, Returned)>, Trouble> {
        let account = &*self.plan.account;
        let kind = hidden.stamp.kind;
        let columns = Columns::of(kind.spec().entity, hidden.stamp.catalog, account);
        let deciding = Deciding {
            client: self.client,
            hidden,
            plan: self.plan,
            columns: &columns.of_earlier(&hidden.columns, kind),
            account,
            entity: kind.spec().entity,
            sent: HashMap::new(),
            force: false,
            rows: None,
        };
        let seen = back::seen(table, &deciding, rows).await?;
        Ok(seen.into_iter().map(|(id, Sent { sheet, account })| (id, Returned { sheet, account })).collect())
    }
}
