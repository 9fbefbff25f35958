//! The gate that every request passes. The rule of `limiter` is applied twice: to the sends of this process, at the rate of
//! `--rate`, by a monotonic clock, and to the sends of all processes, at the service's limit, in a file that they share.
//! `governor` spaces the sends of this process. Without a shared file the first state alone decides.

use super::limiter::{Halt, HaltReason, LIMIT_MAX, LimiterState, SPACING};
use super::shared::{Joined, SharedError, SharedLimiter};
use crate::clock::Clock;
use crate::http::failure::Failure;
use amo_model::RATE_MAX;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use sheet_source::message;
use sheet_source::problem::Message;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A waiting request reads the shared state this often, since other processes change it.
const POLL_MAX: Duration = Duration::from_secs(1);
/// A wait as long as this is not part of the ordinary pace, and the user is told.
const HOLD_REPORTED_MIN: Duration = Duration::from_secs(5);
/// The pause before a file that another process has locked is tried again.
const BUSY_PAUSE: Duration = Duration::from_millis(5);
/// A file that is locked for longer belongs to a process that hangs.
const BUSY_MAX: Duration = Duration::from_secs(10);
/// Each try waits for the lock for `shared::BUSY_WAIT`.
const JOIN_TRIES: u32 = 50;
/// How often the other requests check for the answer to the one trial request after a halt.
const TRIAL_PAUSE: Duration = Duration::from_millis(50);
/// After this time the answer to the trial request counts as lost: longer than any request may take.
const TRIAL_MAX: Duration = Duration::from_secs(120);
/// A send that leaves later than this after its stamp corrects the stamp: the commit of the shared file lies between the two
/// and may wait for the disk.
const LATE_US: i64 = 1_000;

/// The pace of one client.
pub struct Pace {
    clock: Clock,
    /// Requests a second for this process.
    rate: usize,
    started: Instant,
    /// Requests pass in the order in which they came: the lock is fair and held while sleeping.
    queue: tokio::sync::Mutex<()>,
    gate: Mutex<GateState>,
    /// With a burst of 1: the default burst let 13 requests through in one second. [measured]
    spacing: DefaultDirectRateLimiter,
    /// Takes warnings for the user.
    warn: Box<dyn Fn(Message) + Send + Sync>,
    /// Notified when a wait may have become shorter.
    changed: tokio::sync::Notify,
    /// Called for a hold as soon as a request waits for its end.
    on_hold: OnHold,
}

/// Takes how long nothing will be sent, because of a 429.
pub type OnHold = Arc<dyn Fn(Duration) + Send + Sync>;

struct GateState {
    own: LimiterState,
    shared: Option<SharedLimiter>,
    busy_since: Option<Instant>,
    /// The number of the halt that this process found when it began; it may send one trial request all the same.
    found_halt: Option<u64>,
    /// When the trial request got its turn; `None` while none is in flight.
    trial_since: Option<Instant>,
    /// Why nothing is sent any more.
    halted: Option<HaltReason>,
    /// For how long nothing is sent, as of the last reading.
    held_us: i64,
    /// When the last hold that was reported ends, on this process's clock.
    reported_until_us: i64,
    /// The last reading showed 429s or a halt, which an accepted request would end.
    has_trouble: bool,
}

/// The right to send one request now, with its stamps in both states.
#[derive(Debug, Clone, Copy, Default)]
pub struct Turn {
    own_us: i64,
    shared_us: i64,
}

/// When a request left, on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct SendTime {
    turn: Turn,
    own_us: i64,
    shared_us: i64,
}

enum Admission {
    Now(Turn),
    /// After this wait.
    In(Duration),
    /// Never: the send that follows is refused.
    Halted,
}

impl Pace {
    /// A pace of `rate` requests a second, at most `RATE_MAX`, for this process alone.
    pub fn new(rate: u32, clock: Clock) -> Pace {
        let gate = GateState {
            own: LimiterState::default(),
            shared: None,
            busy_since: None,
            found_halt: None,
            trial_since: None,
            halted: None,
            held_us: 0,
            reported_until_us: 0,
            has_trouble: false,
        };
        // Only a period of zero is invalid, and the spacing is not zero.
        let quota = Quota::with_period(clock.real(SPACING)).unwrap_or_else(|| Quota::per_second(NonZeroU32::MIN));
        Pace {
            clock,
            spacing: RateLimiter::direct(quota.allow_burst(NonZeroU32::MIN)),
            rate: rate.clamp(1, RATE_MAX) as usize,
            started: Instant::now(),
            queue: tokio::sync::Mutex::default(),
            gate: Mutex::new(gate),
            warn: Box::new(|_| {}),
            changed: tokio::sync::Notify::new(),
            on_hold: Arc::new(|_| {}),
        }
    }

    /// The same pace with a callback for long holds.
    pub fn on_hold(self, on_hold: OnHold) -> Pace {
        Pace { on_hold, ..self }
    }

    /// The same pace, which shares the account's limit with all processes that have opened this file. If the file fails later,
    /// the pace goes on without it and `warn` gets a message.
    pub fn sharing(self, shared: SharedLimiter, warn: impl Fn(Message) + Send + Sync + 'static) -> Pace {
        let mut gate = self.gate.into_inner().unwrap_or_else(PoisonError::into_inner);
        gate.found_halt = shared.found().map(|(halt, _)| halt.no);
        gate.shared = Some(shared);
        Pace { gate: Mutex::new(gate), warn: Box::new(warn), ..self }
    }

    /// The id of the account is known: from now on the pace is shared with all processes that use this account, by whatever
    /// address. Returns a halt that was noted there, and how long ago that was.
    pub fn join(&self, id: u64) -> Option<(Halt, Duration)> {
        let gate = &mut *self.gate();
        let mut error = SharedError::Busy;
        for _ in 0..JOIN_TRIES {
            let shared = gate.shared.as_mut()?;
            match shared.join(id) {
                Ok(Joined::Already) => return None,
                Ok(Joined::Now) => {
                    let found = shared.found();
                    gate.found_halt = found.map(|(halt, _)| halt.no);
                    return found;
                }
                Err(SharedError::Busy | SharedError::Moved) => {}
                Err(other) => {
                    error = other;
                    break;
                }
            }
        }
        gate.shared = None;
        (self.warn)(not_shared_message(&error));
        None
    }

    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Waits for the turn of a request. After a halt it returns at once, and the send that follows fails.
    pub async fn turn(&self) -> Turn {
        let _guard = self.queue.lock().await;
        let clock = DefaultClock::default();
        while let Err(early) = self.spacing.check() {
            // `until_ready` sleeps on another timer than tokio's, so the waiting is done here.
            tokio::time::sleep(early.wait_time_from(clock.now())).await;
        }
        loop {
            match self.admission() {
                Admission::Now(turn) => return turn,
                Admission::Halted => return Turn::default(),
                Admission::In(wait) => {
                    self.report_hold();
                    tokio::select! {
                        () = self.clock.sleep(wait.min(POLL_MAX)) => {}
                        () = self.changed.notified() => {}
                    }
                }
            }
        }
    }

    /// Reports each hold once, although it may grow a little while answers to requests in flight come in.
    fn report_hold(&self) {
        let reported_min_us = i64::try_from(HOLD_REPORTED_MIN.as_micros()).unwrap_or(i64::MAX);
        let own_us = self.own_us();
        let gate = &mut *self.gate();
        if gate.held_us < reported_min_us {
            return;
        }
        let until_us = own_us.saturating_add(gate.held_us);
        let reported_until_us = std::mem::replace(&mut gate.reported_until_us, until_us);
        if until_us > reported_until_us.saturating_add(reported_min_us) {
            (self.on_hold)(Duration::from_micros(gate.held_us.unsigned_abs()));
        }
    }

    fn admission(&self) -> Admission {
        let rate = self.rate;
        let own_us = self.own_us();
        let gate = &mut *self.gate();
        if gate.halted.is_some() {
            return Admission::Halted;
        }
        let own_wait = gate.own.wait(own_us, rate);
        let (found, has_trial) =
            (gate.found_halt, gate.trial_since.is_some_and(|since| self.clock.since(since) < TRIAL_MAX));
        let own_held_us = gate.own.held_us(own_us);
        let mut held_us = own_held_us;
        let try_take = |limiter: &mut LimiterState, now_us: i64| {
            held_us = own_held_us.max(limiter.held_us(now_us));
            let has_trouble = limiter.has_trouble();
            let turn = match limiter.halt() {
                Some(halt) if Some(halt.no) != found => Err(NotAdmitted::Halt(halt)),
                Some(_) if has_trial => Err(NotAdmitted::TrialInFlight),
                Some(_) | None if own_wait > 0 => Err(NotAdmitted::Wait(own_wait)),
                Some(_) | None => limiter.take(now_us, LIMIT_MAX).map_err(NotAdmitted::Wait),
            };
            (turn.map(|()| (limiter.halt().is_some(), now_us)), has_trouble)
        };
        let taken = self.with_shared(gate, try_take);
        gate.held_us = held_us;
        let (taken, has_trouble) = match taken {
            Some(Ok(taken)) => taken,
            Some(Err(pause)) => return Admission::In(pause),
            None if own_wait > 0 => (Err(NotAdmitted::Wait(own_wait)), false),
            None => (Ok((false, 0)), false),
        };
        gate.has_trouble = has_trouble || gate.own.has_trouble();
        match taken {
            Ok((is_trial, shared_us)) => {
                gate.trial_since = is_trial.then(Instant::now);
                // Stamped again after the file was written, so that a late write does not lead to a burst.
                let own_us = self.own_us().max(own_us);
                gate.own.stamp(own_us);
                Admission::Now(Turn { own_us, shared_us })
            }
            Err(NotAdmitted::Wait(us)) => Admission::In(Duration::from_micros(u64::try_from(us).unwrap_or(1))),
            Err(NotAdmitted::TrialInFlight) => Admission::In(TRIAL_PAUSE),
            Err(NotAdmitted::Halt(halt)) => {
                gate.halted = Some(halt.why);
                Admission::Halted
            }
        }
    }

    /// How long nothing is sent after a 429, as far as this process knows.
    pub fn held(&self) -> Duration {
        let own_us = self.own_us();
        let held_us = self.gate().own.held_us(own_us);
        Duration::from_micros(u64::try_from(held_us).unwrap_or(0))
    }

    /// Why a request must not be sent although it has its turn.
    pub(crate) fn refusal(&self) -> Option<Failure> {
        self.gate().halted.map(|why| match why {
            HaltReason::Blocked => Failure::Blocked,
            HaltReason::Throttled => Failure::Halted,
        })
    }

    /// The request leaves now.
    pub(crate) fn left(&self, turn: Turn) -> SendTime {
        let gate = &mut *self.gate();
        let shared_us = gate.shared.as_ref().map_or(0, SharedLimiter::now_us);
        let sent = SendTime { turn, own_us: self.own_us(), shared_us };
        let late_us = (sent.own_us - turn.own_us).max(sent.shared_us - turn.shared_us);
        if late_us > LATE_US {
            gate.own.arrived(turn.own_us, sent.own_us);
            self.update_shared(gate, |limiter, _| limiter.arrived(turn.shared_us, sent.shared_us));
            return SendTime { turn: Turn { own_us: sent.own_us, shared_us: sent.shared_us }, ..sent };
        }
        sent
    }

    /// The request waits for its connection and may arrive at any time.
    pub(crate) fn is_late(&self, sent: SendTime) {
        let gate = &mut *self.gate();
        gate.own.is_late(sent.turn.own_us);
        self.update_shared(gate, |limiter, _| limiter.is_late(sent.turn.shared_us));
    }

    /// The request that had to wait leaves now, or has arrived by now.
    pub(crate) fn arrived(&self, sent: SendTime) {
        let own_us = self.own_us();
        let gate = &mut *self.gate();
        gate.own.arrived(sent.turn.own_us, own_us);
        self.update_shared(gate, |limiter, now_us| limiter.arrived(sent.turn.shared_us, now_us));
        self.changed.notify_one();
    }

    /// The request has ended; its end may say something about the pace.
    pub(crate) fn ended<T>(&self, sent: SendTime, end: &Result<T, Failure>) {
        let gate = &mut *self.gate();
        let own_us = self.own_us();
        gate.trial_since = None;
        match end {
            Err(Failure::Throttled { wait }) => {
                gate.own.throttled(own_us, sent.own_us, *wait);
                self.update_shared(gate, |limiter, now_us| limiter.throttled(now_us, sent.shared_us, *wait));
            }
            Err(Failure::Blocked) => {
                gate.own.blocked(own_us);
                self.update_shared(gate, LimiterState::blocked);
            }
            Ok(_)
            | Err(
                Failure::Refused { .. }
                | Failure::Unauthorized(_)
                | Failure::Unpaid(_)
                | Failure::Forbidden(_)
                | Failure::Missing { .. }
                | Failure::Gateway { .. },
            ) => {
                gate.own.passed(sent.own_us);
                if gate.has_trouble {
                    self.update_shared(gate, |limiter, _| limiter.passed(sent.shared_us));
                }
            }
            // These say nothing about the pace.
            Err(
                Failure::NeverSent(_)
                | Failure::Lost(_)
                | Failure::Incomplete(_)
                | Failure::Unreadable(_)
                | Failure::Excessive(_)
                | Failure::ServerError { .. }
                | Failure::Halted,
            ) => {}
        }
        gate.has_trouble = gate.has_trouble || gate.own.has_trouble();
        gate.halted = gate.halted.or(gate.own.halt().map(|halt| halt.why));
        self.changed.notify_one();
    }

    /// Changes the shared state. A locked file is tried again a few times, since a 429 must not be lost.
    fn update_shared(&self, gate: &mut GateState, change: impl Fn(&mut LimiterState, i64)) {
        for _ in 0..5 {
            match self.with_shared(gate, &change) {
                Some(Err(_)) => {}
                Some(Ok(())) | None => return,
            }
        }
    }

    /// Works on the shared state. `None` where there is none, or when it has just failed; an error is the pause before the next
    /// try.
    fn with_shared<T>(
        &self,
        gate: &mut GateState,
        work: impl FnOnce(&mut LimiterState, i64) -> T,
    ) -> Option<Result<T, Duration>> {
        let error = match gate.shared.as_mut()?.change(work) {
            Ok(done) => {
                gate.busy_since = None;
                return Some(Ok(done));
            }
            Err(SharedError::Moved) => {
                gate.found_halt = gate.shared.as_ref()?.found().map(|(halt, _)| halt.no);
                return Some(Err(Duration::ZERO));
            }
            Err(SharedError::Busy) => {
                let since = *gate.busy_since.get_or_insert_with(Instant::now);
                if since.elapsed() < BUSY_MAX {
                    return Some(Err(BUSY_PAUSE));
                }
                SharedError::Busy
            }
            Err(error @ SharedError::Unusable(_)) => error,
        };
        gate.shared = None;
        (self.warn)(not_shared_message(&error));
        None
    }

    /// A panic under this lock cannot leave the state half changed, so that a poisoned lock is used all the same.
    fn gate(&self) -> MutexGuard<'_, GateState> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn own_us(&self) -> i64 {
        i64::try_from(self.clock.since(self.started).as_micros()).unwrap_or(i64::MAX)
    }
}

/// Why a request may not be sent now.
enum NotAdmitted {
    /// Microseconds.
    Wait(i64),
    TrialInFlight,
    Halt(Halt),
}

/// The warning that the pace cannot be shared.
pub fn not_shared_message(error: &SharedError) -> Message {
    message!(
        "the rate limit cannot be shared with other processes ({why}): run one import into this account at a time, or set AMOPORT_RATE_DIR to a writable folder",
        why = error.to_string()
    )
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
