//! One request: it is noted as sent, waits for its turn, is sent, and its answer is read. Records and links go the same way.

use crate::mapping::Plan;
use crate::store::{BatchNo, BatchOf, Journal, OutgoingBatch, StoreError, lock_journal};
use crate::upload::UploadOptions;
use crate::upload::feed::QueuedRecord;
use crate::upload::links::{self, LinkItem};
use crate::upload::verdict::{Attempts, RequestKind};
use amo_client::{Client, Failure, Reply};
use amo_model::{Action, BodyShape, payload};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

/// The content of a batch.
#[derive(Debug)]
pub(super) enum Load {
    Records(Vec<QueuedRecord>),
    /// Links of records that are made or changed.
    Links(Vec<LinkItem>),
}

impl Load {
    pub fn len(&self) -> usize {
        match self {
            Load::Records(records) => records.len(),
            Load::Links(items) => items.len(),
        }
    }

    pub fn of(&self) -> BatchOf {
        match self {
            Load::Records(_) => BatchOf::Records,
            Load::Links(_) => BatchOf::Links,
        }
    }

    /// The rows of the source that it comes from, each once.
    fn rows(&self) -> Vec<u32> {
        match self {
            Load::Records(records) => records.iter().map(|queued| queued.record.row).collect(),
            Load::Links(items) => {
                // Links of one record are neighbours.
                let mut rows: Vec<u32> = items.iter().map(|item| item.row).collect();
                rows.dedup();
                rows
            }
        }
    }

    /// Two halves; itself, as an error, where it is a single item.
    pub fn halves(self) -> Result<(Load, Load), Load> {
        let half = self.len() / 2;
        match self {
            Load::Records(mut records) if half > 0 => {
                let second = records.split_off(half);
                Ok((Load::Records(records), Load::Records(second)))
            }
            Load::Links(mut items) if half > 0 => {
                let second = items.split_off(half);
                Ok((Load::Links(items), Load::Links(second)))
            }
            alone @ (Load::Records(_) | Load::Links(_)) => Err(alone),
        }
    }
}

/// A batch on its way, with the history of its sending.
#[derive(Debug)]
pub(super) struct Batch {
    pub no: BatchNo,
    pub load: Load,
    /// How often it was sent.
    pub tries: u32,
    /// How long to wait before it is sent.
    pub pause: Duration,
    /// The highest id that was known when it was sent.
    pub watermark: u64,
    /// In Unix milliseconds.
    pub sent_at_ms: i64,
    /// The service may have acted on an earlier sending.
    pub repeated: bool,
    /// An earlier answer did not mention these records.
    pub unmentioned: bool,
}

impl Batch {
    pub fn attempts(&self) -> Attempts {
        Attempts { tries: self.tries, repeated: self.repeated }
    }

    /// The parent of all of its records, where the address names it.
    pub fn parent(&self) -> Option<u64> {
        match &self.load {
            Load::Records(records) => records.first().and_then(|queued| queued.record.parent),
            Load::Links(_) => None,
        }
    }

    /// The kind of its request, as far as the meaning of an answer depends on it.
    pub fn request_kind<'p>(&self, plan: &'p Plan) -> RequestKind<'p> {
        match &self.load {
            Load::Records(_) => {
                RequestKind::Records { write: plan.write, collection: plan.kind.spec().entity.collection() }
            }
            Load::Links(_) => RequestKind::Links,
        }
    }
}

/// The batch, with the result of its request and how long that took; `None` where it was stopped before it was sent.
pub(super) type SendResult = (Batch, Option<(Result<Reply, Failure>, Duration)>);

/// The context that all tasks share.
pub(super) struct TaskContext {
    pub client: Arc<Client>,
    pub plan: Arc<Plan>,
    pub journal: Arc<Mutex<Journal>>,
    /// The highest id that is known to exist.
    pub watermark: AtomicU64,
    pub turnstile: Turnstile,
    /// True while nothing may be sent: a doubt is open, or the run is stopping. Tasks that wait for their turn return their
    /// batch unsent.
    pub hold: watch::Sender<bool>,
}

/// Lets one request at a time wait for its turn. A batch is made up when it enters, so that its size is as the newest answers
/// have it, and a crash leaves at most one batch in needless doubt.
pub(super) struct Turnstile {
    places: Arc<Semaphore>,
    /// Notified when the place becomes free.
    left: Arc<Notify>,
}

/// The place in the turnstile, until it is dropped.
pub(super) struct TurnstilePlace {
    permit: Option<OwnedSemaphorePermit>,
    left: Option<Arc<Notify>>,
}

impl Default for Turnstile {
    fn default() -> Turnstile {
        Turnstile { places: Arc::new(Semaphore::new(1)), left: Arc::default() }
    }
}

impl Turnstile {
    /// The place, where it is free.
    pub fn enter(&self) -> Option<TurnstilePlace> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(TurnstilePlace { permit: Some(permit), left: Some(Arc::clone(&self.left)) })
    }

    /// The place, once it is free.
    async fn wait(&self) -> TurnstilePlace {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.places).acquire_owned().await.ok();
        TurnstilePlace { permit, left: Some(Arc::clone(&self.left)) }
    }

    /// Waits until a request has left its place since this was last awaited.
    pub async fn left(&self) {
        self.left.notified().await;
    }
}

impl TurnstilePlace {
    /// Leaves where there was nothing to send, which is no news.
    pub fn leave_unused(mut self) {
        self.left = None;
    }
}

impl Drop for TurnstilePlace {
    fn drop(&mut self) {
        drop(self.permit.take());
        if let Some(left) = &self.left {
            left.notify_one();
        }
    }
}

/// Sends one batch in its turn. The result has no answer where the batch was stopped before it was sent.
pub(super) async fn send(
    shared: Arc<TaskContext>,
    options: UploadOptions,
    mut batch: Batch,
    place: TurnstilePlace,
) -> Result<SendResult, StoreError> {
    let mut hold = shared.hold.subscribe();
    let place = async {
        if batch.pause.is_zero() {
            return place;
        }
        // Others go meanwhile.
        drop(place);
        options.clock.sleep(batch.pause).await;
        shared.turnstile.wait().await
    };
    let place = tokio::select! {
        biased;
        _ = hold.wait_for(|hold| *hold) => return Ok((batch, None)),
        place = place => place,
    };
    batch.watermark = shared.watermark.load(Ordering::Relaxed);
    batch.sent_at_ms = options.clock.unix_ms();
    if !note_sent(&shared, &batch)? {
        return Ok((batch, None));
    }
    // Built before its turn, so that it can be sent at once.
    let (method, address, body) = request(&shared.plan, &batch);
    let permit = tokio::select! {
        biased;
        permit = shared.client.turn() => Some(permit),
        // A pause that the service asked for may be long, and an interrupt should not wait for it.
        _ = hold.wait_for(|hold| *hold) => None,
    };
    let Some(permit) = permit else {
        lock_journal(&shared.journal).not_taken(batch.no, None)?;
        return Ok((batch, None));
    };
    drop(place);
    batch.tries += 1;
    let started = Instant::now();
    let end = shared.client.write(permit, method, &address, body).await;
    Ok((batch, Some((end, options.clock.since(started)))))
}

/// Notes a batch as sent in the journal. False where one of its keys has become known meanwhile.
fn note_sent(shared: &TaskContext, batch: &Batch) -> Result<bool, StoreError> {
    let creates = shared.plan.write.action == Action::Create;
    let keys: Vec<&str> = match &batch.load {
        Load::Records(records) if creates => records.iter().filter_map(|l| l.record.key.as_deref()).collect(),
        Load::Records(_) | Load::Links(_) => Vec::new(),
    };
    lock_journal(&shared.journal).sent(&OutgoingBatch {
        batch: batch.no,
        of: batch.load.of(),
        rows: &batch.load.rows(),
        owner: batch.parent(),
        keys: &keys,
        watermark: batch.watermark,
        at_ms: batch.sent_at_ms,
    })
}

fn request(plan: &Plan, batch: &Batch) -> (&'static str, String, Option<Vec<u8>>) {
    match &batch.load {
        Load::Records(records) => {
            let write = plan.write;
            let id = records.first().and_then(|queued| queued.record.id);
            let address = write.address(plan.catalog, batch.parent(), id);
            (write.action.method(), address, body(write.shape, records))
        }
        Load::Links(items) => {
            let body = links::body(items).to_string().into_bytes();
            (Action::Create.method(), links::address(plan), Some(body))
        }
    }
}

fn body(shape: BodyShape, records: &[QueuedRecord]) -> Option<Vec<u8>> {
    match shape {
        BodyShape::Array => Some(payload::batch(records.iter().map(|queued| queued.record.body.as_slice()))),
        BodyShape::Object => Some(records.first().map(|queued| queued.record.body.clone()).unwrap_or_default()),
        BodyShape::Nothing => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::Record;
    use sheet_source::Row;

    fn queued(body: &str) -> QueuedRecord {
        QueuedRecord {
            record: Record { body: body.as_bytes().to_vec(), ..Record::default() },
            row: Row::default(),
            more: Vec::new(),
        }
    }

    #[test]
    fn a_body_is_an_array_one_object_or_nothing() {
        let two = [queued(r#"{"a":1}"#), queued(r#"{"b":2}"#)];
        for (shape, records, expected) in [
            (BodyShape::Array, &two[..], Some(r#"[{"a":1},{"b":2}]"#)),
            (BodyShape::Array, &two[..1], Some(r#"[{"a":1}]"#)),
            (BodyShape::Object, &two[..1], Some(r#"{"a":1}"#)),
            (BodyShape::Nothing, &two[..1], None),
        ] {
            let body = body(shape, records).map(|body| String::from_utf8(body).unwrap());
            assert_eq!(body.as_deref(), expected, "{shape:?}");
        }
    }

    #[test]
    fn a_load_is_halved_until_it_stands_alone() {
        let three = Load::Records(vec![queued("1"), queued("2"), queued("3")]);
        let (one, two) = three.halves().unwrap();
        assert_eq!((one.len(), two.len()), (1, 2));
        assert_eq!(one.halves().unwrap_err().len(), 1);
    }
}
