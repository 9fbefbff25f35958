//! The reads with which a use case begins. None of them depends on another, so all are asked at once; only the rights of the
//! token's user follow the account's own data, which name the user.

use super::{Pulled, now, take_gaps};
use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::error::EngineError;
use crate::engine::interface::event::{Event, EventSink, Phase};
use crate::engine::target::runtime::run_cancellable;
use crate::engine::target::{OpenAccount, halted_note};
use crate::upload::{FirstWatermark, Rights};
use amo_client::account::{Account, SnapshotScope};
use amo_client::pace::Halt;
use amo_client::snapshot::Gap;
use amo_client::{Failure, List, TokenUser, count_requests, snapshot};
use amo_model::parts::Basics;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;

/// The account's own data and lists, which are being read. The reading ends with this value.
pub struct AccountRead {
    snapshot: AbortOnDropHandle<Result<(Account, Vec<Gap>), Failure>>,
    /// The user of the token, once the account's own data are read; taken by `ReadsBeside`.
    current_user: Option<oneshot::Receiver<u64>>,
    /// A halt of the account's pace that was found when its id became known.
    halted: Arc<Mutex<Option<(Halt, Duration)>>>,
}

impl AccountRead {
    /// Begins to read what `scope` needs.
    pub fn begin(target: &OpenAccount, scope: &SnapshotScope, events: &mut EventSink<'_>) -> AccountRead {
        events.emit(Event::Phase(Phase::Account));
        let halted = Arc::new(Mutex::new(None));
        let (user_known, current_user) = oneshot::channel();
        let (client, found, scope) = (Arc::clone(&target.client), Arc::clone(&halted), scope.clone());
        let snapshot = target.runtime.spawn(async move {
            let pace = client.pace();
            let on_basics = |basics: &Basics| {
                // From now on the pace is shared with all processes that use the account, by whatever address.
                *found.lock().unwrap_or_else(PoisonError::into_inner) = pace.join(basics.id);
                let _ = user_known.send(basics.current_user);
            };
            snapshot::pull(&client, &scope, now(), on_basics).await
        });
        AccountRead { snapshot: AbortOnDropHandle::new(snapshot), current_user: Some(current_user), halted }
    }

    /// Waits for the account; parts that the token may not see are noted and left out.
    pub fn finish(
        self,
        target: &OpenAccount,
        cancel: &Cancel,
        events: &mut EventSink<'_>,
    ) -> Result<Pulled, EngineError> {
        let pulled = run_cancellable(&target.runtime, cancel, "nothing was sent", self.snapshot)?;
        // The task is not cancelled while its handle lives, so it has panicked.
        let pulled = pulled.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        target.forward_notices(events);
        let found = self.halted.lock().unwrap_or_else(PoisonError::into_inner).take();
        events.notes(found.map(halted_note));
        let (account, gaps) = pulled?;
        Ok(take_gaps(account, gaps, events))
    }
}

/// What an upload needs of the account and its mapping does not.
pub struct ReadsBeside {
    pub rights: Rights,
    /// `None` where the mapping decides whose newest record it is.
    pub watermark: Option<FirstWatermark>,
    /// Requests of these reads so far.
    pub requests: Arc<AtomicU64>,
}

impl ReadsBeside {
    /// Begins to read the rights of the token's user and, with `list`, its newest record.
    pub fn begin(target: &OpenAccount, account: &mut AccountRead, list: Option<List>) -> ReadsBeside {
        let requests = Arc::new(AtomicU64::new(0));
        let watermark =
            list.map(|list| FirstWatermark::read(&target.runtime, &target.client, list, Arc::clone(&requests)));
        let user = account.current_user.take();
        let user = async move {
            match user {
                Some(user) => user.await.ok(),
                None => None,
            }
        };
        ReadsBeside { rights: read_rights(target, user, &requests), watermark, requests }
    }

    /// The same for a run whose account is known.
    pub fn of_user(target: &OpenAccount, user: u64) -> ReadsBeside {
        let requests = Arc::new(AtomicU64::new(0));
        let rights = read_rights(target, std::future::ready(Some(user)), &requests);
        ReadsBeside { rights, watermark: None, requests }
    }
}

/// Begins to read the rights of a user, who is `None` where the account's own data could not be read.
fn read_rights(
    target: &OpenAccount,
    user: impl Future<Output = Option<u64>> + Send + 'static,
    requests: &Arc<AtomicU64>,
) -> Rights {
    let client = Arc::clone(&target.client);
    let rights = async move {
        match user.await {
            Some(user) => client.token_user(user).await,
            None => TokenUser::default(),
        }
    };
    let task = target.runtime.spawn(count_requests(Arc::clone(requests), rights));
    Rights::Asked(AbortOnDropHandle::new(task))
}
