//! The gate every request passes: the rule of `rate`, kept twice. This process's own sends are spaced by `governor` and
//! remembered by a clock that never jumps, under the `--rate` asked for; the sends of all processes, under the
//! service's limit, in a file they share. Without such a file the first stands for both.

use super::Failure;
use crate::clock::Clock;
use crate::rate::{Halt, Joined, LIMIT_MAX, Memory, SPACING, Shared, SharedError, Why};
use amo_model::RATE_MAX;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use sheet_source::message;
use sheet_source::problem::Message;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Who waits looks up this often, for what other processes may have noted.
const GLANCE: Duration = Duration::from_secs(1);
/// A wait as long as this is no matter of the ordinary pace, and the person is told.
const HOLD_TOLD: Duration = Duration::from_secs(5);
/// The pause before a file that another process holds is asked again.
const BUSY_PAUSE: Duration = Duration::from_millis(5);
/// A file that is held for longer belongs to a process that hangs.
const BUSY_MAX: Duration = Duration::from_secs(10);
/// Each waits for a moment by itself.
const JOIN_TRIES: u32 = 50;
/// Between two looks for the answer to the one request that goes ahead after a halt.
const SCOUT_PAUSE: Duration = Duration::from_millis(50);
/// An answer that has not come by then will not come: longer than any request may take.
const SCOUT_MAX: Duration = Duration::from_secs(120);
/// Between a stamp in the shared file and the send lies the file's commit, which may wait for the disk though nothing
/// asks it to. A send that is later than this corrects its stamp.
const LATE_US: i64 = 1_000;

pub struct Pace {
    clock: Clock,
    rate: usize,
    started: Instant,
    /// First come, first served: the lock is fair and held while sleeping.
    queue: tokio::sync::Mutex<()>,
    gate: Mutex<Gate>,
    /// With a burst of 1: the default burst let 13 requests through in one second.
    spacing: DefaultDirectRateLimiter,
    /// Hears what the person should know.
    tell: Box<dyn Fn(Message) + Send + Sync>,
    /// A wait may be shorter now.
    changed: tokio::sync::Notify,
    /// Hears of a hold as soon as somebody waits for its end.
    on_hold: OnHold,
}

/// Takes how long nothing will be sent.
pub type OnHold = Arc<dyn Fn(Duration) + Send + Sync>;

struct Gate {
    own: Memory,
    shared: Option<Shared>,
    busy_since: Option<Instant>,
    /// The halt that was there before this process sent anything: it may try one request.
    found: Option<u64>,
    /// When that one request got its turn; `None` while there is none on its way.
    scout: Option<Instant>,
    /// Nothing is sent any more.
    halted: Option<Why>,
    /// For how long nobody sends, as the last look has shown.
    held_us: i64,
    /// When the last hold ends that was told, on this process's clock.
    told_us: i64,
    /// The last look at the memories showed troubles that an accepted request would end.
    uneasy: bool,
}

/// The right to send one request now. Its stamps are in the own memory and in the shared one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Turn {
    own_us: i64,
    shared_us: i64,
}

/// When a request left, on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Left {
    turn: Turn,
    own_us: i64,
    shared_us: i64,
}

enum Asked {
    Now(Turn),
    In(Duration),
    /// Never: the send that follows is refused.
    Halted,
}

impl Pace {
    /// `rate` requests a second, at most `RATE_MAX`, for this process alone.
    pub fn new(rate: u32, clock: Clock) -> Pace {
        let gate = Gate {
            own: Memory::default(),
            shared: None,
            busy_since: None,
            found: None,
            scout: None,
            halted: None,
            held_us: 0,
            told_us: 0,
            uneasy: false,
        };
        // No period is impossible but zero, and the spacing is not that.
        let quota = Quota::with_period(clock.real(SPACING)).unwrap_or_else(|| Quota::per_second(NonZeroU32::MIN));
        Pace {
            clock,
            spacing: RateLimiter::direct(quota.allow_burst(NonZeroU32::MIN)),
            rate: rate.clamp(1, RATE_MAX) as usize,
            started: Instant::now(),
            queue: tokio::sync::Mutex::default(),
            gate: Mutex::new(gate),
            tell: Box::new(|_| {}),
            changed: tokio::sync::Notify::new(),
            on_hold: Arc::new(|_| {}),
        }
    }

    /// The same, which tells of long holds.
    pub fn on_hold(self, on_hold: OnHold) -> Pace {
        Pace { on_hold, ..self }
    }

    /// The same, sharing the account's limit with all processes that have opened this memory. Should it fail in mid-run,
    /// the pace goes on without it and `tell` hears of it.
    pub fn sharing(self, shared: Shared, tell: impl Fn(Message) + Send + Sync + 'static) -> Pace {
        let mut gate = self.gate.into_inner().unwrap_or_else(PoisonError::into_inner);
        gate.found = shared.found().map(|(halt, _)| halt.no);
        gate.shared = Some(shared);
        Pace { gate: Mutex::new(gate), tell: Box::new(tell), ..self }
    }

    /// The account has told its id: from now on its pace is shared with all who speak to it, by whatever address. What comes
    /// back is a halt that was noted there, and how long ago that was.
    pub fn join(&self, id: u64) -> Option<(Halt, Duration)> {
        let gate = &mut *self.gate();
        let mut why = SharedError::Busy;
        for _ in 0..JOIN_TRIES {
            let shared = gate.shared.as_mut()?;
            match shared.join(id) {
                Ok(Joined::Before) => return None,
                Ok(Joined::Now) => {
                    let found = shared.found();
                    gate.found = found.map(|(halt, _)| halt.no);
                    return found;
                }
                Err(SharedError::Busy | SharedError::Moved) => {}
                Err(error) => {
                    why = error;
                    break;
                }
            }
        }
        gate.shared = None;
        (self.tell)(alone(&why));
        None
    }

    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Waits for this request's turn. When somebody has been told to stop for good it returns at once, and the send
    /// that follows fails.
    pub async fn turn(&self) -> Turn {
        let _first = self.queue.lock().await;
        let clock = DefaultClock::default();
        while let Err(early) = self.spacing.check() {
            // `until_ready` sleeps on another timer than tokio's, so the waiting is done here.
            tokio::time::sleep(early.wait_time_from(clock.now())).await;
        }
        loop {
            match self.ask() {
                Asked::Now(turn) => return turn,
                Asked::Halted => return Turn::default(),
                Asked::In(wait) => {
                    self.tell_hold();
                    tokio::select! {
                        () = self.clock.sleep(wait.min(GLANCE)) => {}
                        () = self.changed.notified() => {}
                    }
                }
            }
        }
    }

    /// Once for each hold, though it may grow a little while requests that are under way come back.
    fn tell_hold(&self) {
        let told_from_us = i64::try_from(HOLD_TOLD.as_micros()).unwrap_or(i64::MAX);
        let own_us = self.own_us();
        let gate = &mut *self.gate();
        if gate.held_us < told_from_us {
            return;
        }
        let until_us = own_us.saturating_add(gate.held_us);
        let told_us = std::mem::replace(&mut gate.told_us, until_us);
        if until_us > told_us.saturating_add(told_from_us) {
            (self.on_hold)(Duration::from_micros(gate.held_us.unsigned_abs()));
        }
    }

    fn ask(&self) -> Asked {
        let rate = self.rate;
        let own_us = self.own_us();
        let gate = &mut *self.gate();
        if gate.halted.is_some() {
            return Asked::Halted;
        }
        let own_wait = gate.own.wait(own_us, rate);
        let (found, scouting) = (gate.found, gate.scout.is_some_and(|since| self.clock.since(since) < SCOUT_MAX));
        let own_held_us = gate.own.held_us(own_us);
        let mut held_us = own_held_us;
        let look = |memory: &mut Memory, now_us: i64| {
            held_us = own_held_us.max(memory.held_us(now_us));
            let uneasy = memory.uneasy();
            let turn = match memory.halt() {
                Some(halt) if Some(halt.no) != found => Err(Looked::Halt(halt)),
                Some(_) if scouting => Err(Looked::Scouting),
                Some(_) | None if own_wait > 0 => Err(Looked::Wait(own_wait)),
                Some(_) | None => memory.take(now_us, LIMIT_MAX).map_err(Looked::Wait),
            };
            (turn.map(|()| (memory.halt().is_some(), now_us)), uneasy)
        };
        let seen = self.with_shared(gate, look);
        gate.held_us = held_us;
        let (looked, uneasy) = match seen {
            Some(Ok(looked)) => looked,
            Some(Err(pause)) => return Asked::In(pause),
            None if own_wait > 0 => (Err(Looked::Wait(own_wait)), false),
            None => (Ok((false, 0)), false),
        };
        gate.uneasy = uneasy || gate.own.uneasy();
        match looked {
            Ok((scout, shared_us)) => {
                gate.scout = scout.then(Instant::now);
                // Stamped once more after the file was written: lateness never becomes a burst.
                let own_us = self.own_us().max(own_us);
                gate.own.stamp(own_us);
                Asked::Now(Turn { own_us, shared_us })
            }
            Err(Looked::Wait(us)) => Asked::In(Duration::from_micros(u64::try_from(us).unwrap_or(1))),
            Err(Looked::Scouting) => Asked::In(SCOUT_PAUSE),
            Err(Looked::Halt(halt)) => {
                gate.halted = Some(halt.why);
                Asked::Halted
            }
        }
    }

    /// How long everybody is held after a 429, as far as this process knows.
    pub fn held(&self) -> Duration {
        let own_us = self.own_us();
        let held_us = self.gate().own.held_us(own_us);
        Duration::from_micros(u64::try_from(held_us).unwrap_or(0))
    }

    /// Why a request must not be sent although it had its turn.
    pub(super) fn refusal(&self) -> Option<Failure> {
        self.gate().halted.map(|why| match why {
            Why::Blocked => Failure::Blocked,
            Why::Throttled => Failure::Halted,
        })
    }

    /// The request leaves now.
    pub(super) fn left(&self, turn: Turn) -> Left {
        let gate = &mut *self.gate();
        let shared_us = gate.shared.as_ref().map_or(0, Shared::now_us);
        let left = Left { turn, own_us: self.own_us(), shared_us };
        let late_us = (left.own_us - turn.own_us).max(left.shared_us - turn.shared_us);
        if late_us > LATE_US {
            gate.own.arrived(turn.own_us, left.own_us);
            self.note(gate, |memory, _| memory.arrived(turn.shared_us, left.shared_us));
            return Left { turn: Turn { own_us: left.own_us, shared_us: left.shared_us }, ..left };
        }
        left
    }

    /// The request waits for its connection: it may come in at any time.
    pub(super) fn is_late(&self, left: Left) {
        let gate = &mut *self.gate();
        gate.own.is_late(left.turn.own_us);
        self.note(gate, |memory, _| memory.is_late(left.turn.shared_us));
    }

    /// The request that had to wait leaves now, or has come in by now.
    pub(super) fn arrived(&self, left: Left) {
        let own_us = self.own_us();
        let gate = &mut *self.gate();
        gate.own.arrived(left.turn.own_us, own_us);
        self.note(gate, |memory, now_us| memory.arrived(left.turn.shared_us, now_us));
        self.changed.notify_one();
    }

    /// What the end of a request says about the pace.
    pub(super) fn ended<T>(&self, left: Left, end: &Result<T, Failure>) {
        let gate = &mut *self.gate();
        let own_us = self.own_us();
        gate.scout = None;
        match end {
            Err(Failure::Throttled { wait }) => {
                gate.own.throttled(own_us, left.own_us, *wait);
                self.note(gate, |memory, now_us| memory.throttled(now_us, left.shared_us, *wait));
            }
            Err(Failure::Blocked) => {
                gate.own.blocked(own_us);
                self.note(gate, Memory::blocked);
            }
            Ok(_)
            | Err(
                Failure::Refused { .. }
                | Failure::Unauthorized(_)
                | Failure::Unpaid(_)
                | Failure::Forbidden(_)
                | Failure::Missing { .. }
                | Failure::Between { .. },
            ) => {
                gate.own.passed(left.own_us);
                if gate.uneasy {
                    self.note(gate, |memory, _| memory.passed(left.shared_us));
                }
            }
            // Nothing came, or nothing that says whether the gate is open.
            Err(
                Failure::NeverSent(_)
                | Failure::Lost(_)
                | Failure::Unproven(_)
                | Failure::Unreadable(_)
                | Failure::Broken { .. }
                | Failure::Halted,
            ) => {}
        }
        gate.uneasy = gate.uneasy || gate.own.uneasy();
        gate.halted = gate.halted.or(gate.own.halt().map(|halt| halt.why));
        self.changed.notify_one();
    }

    /// Changes the shared memory; a file that is busy is asked again for a moment, since a 429 must not be forgotten.
    fn note(&self, gate: &mut Gate, change: impl Fn(&mut Memory, i64)) {
        for _ in 0..5 {
            match self.with_shared(gate, &change) {
                Some(Err(_)) => {}
                Some(Ok(())) | None => return,
            }
        }
    }

    /// `None` without a shared memory, or when it has just failed; an error is a pause before asking again.
    fn with_shared<T>(&self, gate: &mut Gate, work: impl FnOnce(&mut Memory, i64) -> T) -> Option<Result<T, Duration>> {
        let why = match gate.shared.as_mut()?.change(work) {
            Ok(done) => {
                gate.busy_since = None;
                return Some(Ok(done));
            }
            Err(SharedError::Moved) => {
                gate.found = gate.shared.as_ref()?.found().map(|(halt, _)| halt.no);
                return Some(Err(Duration::ZERO));
            }
            Err(SharedError::Busy) => {
                let since = *gate.busy_since.get_or_insert_with(Instant::now);
                if since.elapsed() < BUSY_MAX {
                    return Some(Err(BUSY_PAUSE));
                }
                SharedError::Busy
            }
            Err(why @ SharedError::Unusable(_)) => why,
        };
        gate.shared = None;
        (self.tell)(alone(&why));
        None
    }

    /// No call under this lock can leave it half changed.
    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn own_us(&self) -> i64 {
        i64::try_from(self.clock.since(self.started).as_micros()).unwrap_or(i64::MAX)
    }
}

/// What a look at the shared memory said, when it was not "now".
enum Looked {
    Wait(i64),
    Scouting,
    Halt(Halt),
}

/// What to say when the pace cannot be shared.
pub fn alone(why: &SharedError) -> Message {
    message!(
        "the pace cannot be shared with other processes ({why}): run one import into this account at a time, or name a folder you may write to with AMOPORT_RATE_DIR",
        why = why.to_string()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worst(mut stamps: Vec<Instant>, second: Duration) -> usize {
        stamps.sort();
        let in_second = |i: usize| stamps[i..].iter().take_while(|s| **s < stamps[i] + second).count();
        (0..stamps.len()).map(in_second).max().unwrap_or(0)
    }

    async fn turns(pace: Arc<Pace>, count: usize) -> Vec<Instant> {
        let turns: Vec<_> = (0..count)
            .map(|_| {
                let pace = Arc::clone(&pace);
                tokio::spawn(async move {
                    pace.turn().await;
                    Instant::now()
                })
            })
            .collect();
        let mut stamps = Vec::new();
        for turn in turns {
            stamps.push(turn.await.unwrap());
        }
        stamps
    }

    #[tokio::test]
    async fn no_sliding_second_holds_more_than_seven_turns_of_all_who_share_a_memory() {
        let folder = tempfile::tempdir().unwrap();
        let pace = || {
            let shared = Shared::open(folder.path(), "https://a", Clock::REAL).unwrap();
            Arc::new(Pace::new(RATE_MAX, Clock::REAL).sharing(shared, |_| {}))
        };
        let started = Instant::now();
        let (one, two) = tokio::join!(turns(pace(), 8), turns(pace(), 8));
        assert!(worst([one, two].concat(), Duration::from_secs(1)) <= RATE_MAX as usize);
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(2_020) && took < Duration::from_millis(2_500), "{took:?}");
    }

    #[tokio::test]
    async fn a_faster_clock_makes_faster_turns() {
        let pace = Arc::new(Pace::new(RATE_MAX, Clock::faster(10.0)));
        let started = Instant::now();
        turns(pace, 15).await;
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(202) && took < Duration::from_millis(500), "{took:?}");
    }

    #[tokio::test]
    async fn after_a_halt_one_request_goes_ahead_and_the_others_wait_for_its_answer() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Shared::open(folder.path(), "https://a", Clock::REAL).unwrap();
        let pace = |shared| Pace::new(RATE_MAX, Clock::REAL).sharing(shared, |_| {});
        let (before, running) = (pace(open()), pace(open()));
        before.ended(before.left(Turn::default()), &Err::<(), _>(Failure::Blocked));
        running.turn().await;
        assert_eq!(running.refusal(), Some(Failure::Blocked), "who was running stops");
        let later = pace(open());
        let turn = later.turn().await;
        assert_eq!(later.refusal(), None, "who comes later may try");
        let left = later.left(turn);
        let second = tokio::time::timeout(Duration::from_millis(300), later.turn()).await;
        assert!(second.is_err(), "the second waits for the first one's answer");
        later.ended(left, &Ok(()));
        later.turn().await;
        assert_eq!((later.refusal(), open().found()), (None, None));
    }

    #[tokio::test]
    async fn a_memory_that_fails_is_told_of_and_left_behind() {
        static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let folder = tempfile::tempdir().unwrap();
        let shared = Shared::open(folder.path(), "https://a", Clock::REAL).unwrap();
        let pace = Pace::new(RATE_MAX, Clock::REAL).sharing(shared, |told| TOLD.lock().unwrap().push(told.to_string()));
        pace.turn().await;
        let other = rusqlite::Connection::open(
            std::fs::read_dir(folder.path())
                .unwrap()
                .flatten()
                .map(|e| e.path())
                .find(|p| p.extension().is_some_and(|e| e == "db"))
                .unwrap(),
        )
        .unwrap();
        other.execute_batch("DROP TABLE pace").unwrap();
        pace.turn().await;
        pace.turn().await;
        let told = TOLD.lock().unwrap();
        assert!(told.len() == 1 && told[0].contains("one import into this account at a time"), "{told:?}");
    }
}
