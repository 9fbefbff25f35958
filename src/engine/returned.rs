//! What a state folder remembers of workbooks that were sent back: read before rows are decided, written when a run has
//! ended.

use super::after::After;
use super::cancel::Cancel;
use super::error::EngineError;
use super::event::Teller;
use super::source;
use crate::entity::Action;
use crate::export::back::{self, Deciding, Sent, Trouble};
use crate::export::{Columns, Hidden};
use crate::message;
use crate::problem::Note;
use crate::store::{Returned, Store};
use crate::table::Table;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// What earlier imports of this workbook sent.
pub(super) fn sent(store: &Store, hidden: &Hidden) -> Result<HashMap<u64, Sent>, EngineError> {
    let known = store.returned(&hidden.stamp.export)?.into_iter();
    Ok(known.map(|(id, Returned { sheet, account })| (id, Sent { sheet, account })).collect())
}

impl After<'_> {
    /// Looks at what a workbook has changed, so that its next import does not take these changes for somebody else's.
    pub(super) async fn remember(&self, cancel: &Cancel, tell: &mut Teller<'_>) -> Result<(), EngineError> {
        if self.head.mapping.made.is_none() || self.plan.action != Action::Update {
            return Ok(());
        }
        let rows: BTreeMap<u32, u64> =
            self.store.written(self.run())?.into_iter().map(|(row, written)| (row, written.id)).collect();
        let file = Path::new(&self.head.source.path);
        // What another workbook says is nothing that was sent.
        let same = || source::sha256(file).is_ok_and(|now| now == self.head.source.sha256);
        if rows.is_empty() || !same() {
            return Ok(());
        }
        let Ok(hidden) = Hidden::read(file) else { return Ok(()) };
        let table = source::reopen(&self.head.source)?;
        let looked = tokio::select! {
            biased;
            () = cancel.token().cancelled() => return Ok(()),
            looked = self.look(&hidden, table, &rows) => looked,
        };
        match looked {
            Ok(seen) => self.store.has_returned(&hidden.stamp.export, &seen)?,
            Err(Trouble::Source(problem)) => return Err(problem.into()),
            Err(Trouble::Service(failure)) => {
                let failure = failure.to_string();
                let message = message!("the changed records could not be looked at again: {failure}", failure);
                tell.note(Note::warning("not-looked-at", message));
                let message = "export again before you edit these rows further: they would be told as conflicts";
                tell.note(Note::warning("not-looked-at", message));
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
