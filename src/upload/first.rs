//! Reads that begin before the upload, beside those of the mapping.

use amo_client::{Client, Failure, List, TokenUser, count_requests};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio_util::task::AbortOnDropHandle;

/// An older watermark is read again: what others have created since would be looked through after each lost answer.
const FRESH: Duration = Duration::from_secs(60);

/// Whether the token's user sees everything in the account.
#[derive(Debug)]
pub enum Rights {
    /// It is being read.
    Asked(AbortOnDropHandle<TokenUser>),
    Known(bool),
}

/// The highest id of a list before the upload, which is being read.
#[derive(Debug)]
pub struct FirstWatermark {
    read: AbortOnDropHandle<Result<u64, Failure>>,
    asked: Instant,
}

impl FirstWatermark {
    /// Begins to read the highest id of a list. Its requests are counted in `requests`.
    pub fn read(runtime: &Runtime, client: &Arc<Client>, list: List, requests: Arc<AtomicU64>) -> FirstWatermark {
        let client = Arc::clone(client);
        let read = runtime.spawn(count_requests(requests, async move { client.highest_id(&list).await }));
        FirstWatermark { read: AbortOnDropHandle::new(read), asked: Instant::now() }
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.asked.elapsed() < FRESH
    }

    pub(super) async fn highest(self) -> Result<u64, Failure> {
        // The task is not cancelled while its handle lives, so it has panicked.
        self.read.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }
}
