//! One batch on its way: noted as sent, its turn awaited, sent, its answer read.

use super::Options;
use super::feed::Loaded;
use super::run::lock;
use super::verdict::Tried;
use crate::api::{Client, Failure, Reply};
use crate::entity::{Action, Shape, payload};
use crate::mapping::Plan;
use crate::store::{BatchNo, Journal, Sending, StoreError};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;

#[derive(Debug)]
pub(super) struct Batch {
    pub no: BatchNo,
    pub records: Vec<Loaded>,
    pub tries: u32,
    /// Not before this.
    pub pause: Duration,
    /// The highest id known when it was sent.
    pub watermark: u64,
    /// It may have been acted on an earlier time.
    pub repeated: bool,
    /// An answer was silent about these records already.
    pub silent: bool,
}

impl Batch {
    pub fn tried(&self) -> Tried {
        Tried { tries: self.tries, repeated: self.repeated }
    }

    /// What all of its records belong to, where that stands in the address.
    pub fn parent(&self) -> Option<u64> {
        self.records.first().and_then(|loaded| loaded.record.parent)
    }
}

/// A task's end: the batch back, with what became of its request. `None`: it was stopped before it was sent.
pub(super) type Landed = (Batch, Option<(Result<Reply, Failure>, Duration)>);

/// What the tasks share.
pub(super) struct Shared {
    pub client: Arc<Client>,
    pub plan: Arc<Plan>,
    pub journal: Arc<Mutex<Journal>>,
    /// The highest id known to exist.
    pub watermark: AtomicU64,
    /// Held from noting a batch as sent until its turn has come: so a crash leaves one batch in needless doubt at most.
    pub turnstile: tokio::sync::Mutex<()>,
    /// True while nothing may go out: a doubt is open, or the run is stopping. Tasks that wait for their turn give their
    /// batch back unsent.
    pub hold: watch::Sender<bool>,
}

pub(super) async fn send(shared: Arc<Shared>, options: Options, mut batch: Batch) -> Result<Landed, StoreError> {
    let mut hold = shared.hold.subscribe();
    let turn = async {
        // A timer of nothing would still shuffle the batches; without one they go out in the source's order.
        if !batch.pause.is_zero() {
            options.clock.sleep(batch.pause).await;
        }
        shared.turnstile.lock().await
    };
    let turn = tokio::select! {
        biased;
        _ = hold.wait_for(|hold| *hold) => return Ok((batch, None)),
        turn = turn => turn,
    };
    let rows: Vec<u32> = batch.records.iter().map(|loaded| loaded.record.row).collect();
    batch.watermark = shared.watermark.load(Ordering::Relaxed);
    let creates = shared.plan.write.action == Action::Create;
    let keys: Vec<&str> = batch.records.iter().filter(|_| creates).filter_map(|l| l.record.key.as_deref()).collect();
    let at_ms = options.clock.unix_ms();
    let (watermark, again) = (batch.watermark, options.again);
    let owner = batch.parent();
    let sending = Sending { batch: batch.no, rows: &rows, owner, keys: &keys, watermark, at_ms, again };
    if !lock(&shared.journal).sent(&sending)? {
        return Ok((batch, None));
    }
    let stopped = tokio::select! {
        biased;
        () = shared.client.pace().turn() => false,
        // A pause that the service asked for may be long, and whoever interrupts should not wait for it.
        _ = hold.wait_for(|hold| *hold) => true,
    };
    if stopped {
        lock(&shared.journal).not_taken(batch.no, None)?;
        return Ok((batch, None));
    }
    drop(turn);
    batch.tries += 1;
    let write = shared.plan.write;
    let id = batch.records.first().and_then(|loaded| loaded.record.id);
    let address = write.address(shared.plan.catalog, batch.parent(), id);
    let body = body(write.shape, &batch.records);
    let started = Instant::now();
    let end = shared.client.write(write.action.method(), &address, body).await;
    Ok((batch, Some((end, options.clock.since(started)))))
}

fn body(shape: Shape, records: &[Loaded]) -> Option<Vec<u8>> {
    match shape {
        Shape::Array => Some(payload::batch(records.iter().map(|loaded| loaded.record.body.as_slice()))),
        Shape::Object => Some(records.first().map(|loaded| loaded.record.body.clone()).unwrap_or_default()),
        Shape::Nothing => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::Record;
    use crate::table::Row;

    #[test]
    fn a_body_is_an_array_one_object_or_nothing() {
        let loaded = |body: &str| Loaded {
            record: Record { body: body.as_bytes().to_vec(), ..Record::default() },
            row: Row::default(),
            more: Vec::new(),
        };
        let two = [loaded(r#"{"a":1}"#), loaded(r#"{"b":2}"#)];
        for (shape, records, expected) in [
            (Shape::Array, &two[..], Some(r#"[{"a":1},{"b":2}]"#)),
            (Shape::Array, &two[..1], Some(r#"[{"a":1}]"#)),
            (Shape::Object, &two[..1], Some(r#"{"a":1}"#)),
            (Shape::Nothing, &two[..1], None),
        ] {
            let body = body(shape, records).map(|body| String::from_utf8(body).unwrap());
            assert_eq!(body.as_deref(), expected, "{shape:?}");
        }
    }
}
