//! Snapshots of accounts that are kept for ten minutes, for use cases that send nothing: they need not wait for lists that were
//! read a moment ago. A kept snapshot is not believed where it leads to a problem: the account is asked meanwhile, and what it
//! says then counts.

use super::first_reads::AccountRead;
use super::{now, sha256_hex};
use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::error::EngineError;
use crate::engine::interface::event::EventSink;
use crate::engine::target::OpenAccount;
use crate::export::replace_whole;
use amo_client::account::{Account, SNAPSHOT_SCHEMA, SnapshotScope};
use amo_client::private;
use sheet_source::message;
use sheet_source::problem::Note;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Seconds for which a snapshot is kept.
const KEPT_S: i64 = 600;

/// Where the snapshot of a scope is kept. What a token sees is nobody else's, so the name depends on it.
fn path(state: &Path, target: &OpenAccount, scope: &SnapshotScope) -> PathBuf {
    let name = sha256_hex(&format!("{} {} {scope:?}", target.address, target.client.auth().token_digest()));
    state.join("kept").join(format!("{}.json", &name[..16]))
}

/// True where the snapshot may be kept. The names of customers are personal data and may be very many.
fn may_be_kept(target: &OpenAccount, scope: &SnapshotScope) -> bool {
    target.keeps_lists && !scope.customers
}

/// A snapshot that is not older than ten minutes. A clock that was set back makes it older.
pub fn find(state: &Path, target: &OpenAccount, scope: &SnapshotScope) -> Option<Account> {
    if !may_be_kept(target, scope) {
        return None;
    }
    let text = private::plain(&path(state, target, scope)).ok()?;
    let account: Account = serde_json::from_slice(&text).ok()?;
    let age = now() - account.pulled_at;
    (account.schema == SNAPSHOT_SCHEMA && (0..KEPT_S).contains(&age)).then_some(account)
}

/// Keeps a snapshot. Where that fails, the next use case reads the account again.
pub fn keep(state: &Path, target: &OpenAccount, scope: &SnapshotScope, account: &Account) {
    if !may_be_kept(target, scope) {
        return;
    }
    let path = path(state, target, scope);
    let folder = path.parent().unwrap_or(state);
    if private::folder(folder).is_err() {
        return;
    }
    drop_old(folder);
    if let Ok(text) = serde_json::to_vec(account) {
        let _ = replace_whole(&path, &text);
    }
}

/// Removes files that nobody will read any more.
fn drop_old(folder: &Path) {
    let Ok(files) = std::fs::read_dir(folder) else { return };
    for file in files.flatten() {
        let age = file.metadata().and_then(|file| file.modified()).ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age.as_secs() >= KEPT_S.unsigned_abs()) {
            let _ = std::fs::remove_file(file.path());
        }
    }
}

/// The note that says how old a kept snapshot is.
pub fn note(account: &Account) -> Note {
    let message = match now() - account.pulled_at {
        0..60 => {
            "the account's lists were read less than a minute ago and are not read again; an import reads them".into()
        }
        60..120 => "the account's lists were read a minute ago and are not read again; an import reads them".into(),
        seconds => message!(
            "the account's lists were read {minutes} minutes ago and are not read again; an import reads them",
            minutes = seconds / 60
        ),
    };
    Note::new("account-kept", message)
}

/// A kept snapshot that is in use while the account is asked.
pub struct KeptAccount {
    read: AccountRead,
    target: Arc<OpenAccount>,
    account: Arc<Account>,
    cancel: Cancel,
}

impl KeptAccount {
    pub fn new(read: AccountRead, target: Arc<OpenAccount>, account: Arc<Account>, cancel: &Cancel) -> KeptAccount {
        KeptAccount { read, target, account, cancel: cancel.clone() }
    }

    /// Waits for what the account says now: `None` where it is the same.
    pub fn confirm(self, events: &mut EventSink<'_>) -> Result<Option<Account>, EngineError> {
        let now = self.read.finish(&self.target, &self.cancel, events)?.account;
        let same = Account { pulled_at: now.pulled_at, ..Account::clone(&self.account) } == now;
        Ok((!same).then_some(now))
    }
}
