//! The gate, with real waits: sliding seconds, halts, and a shared file that fails.

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
async fn no_sliding_second_has_more_than_seven_turns_of_all_that_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let pace = || {
        let shared = SharedLimiter::open(folder.path(), "https://a", Clock::REAL).unwrap();
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
async fn after_a_halt_one_trial_request_is_sent_and_the_others_wait_for_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let open = || SharedLimiter::open(folder.path(), "https://a", Clock::REAL).unwrap();
    let pace = |shared| Pace::new(RATE_MAX, Clock::REAL).sharing(shared, |_| {});
    let (before, running) = (pace(open()), pace(open()));
    before.ended(before.left(Turn::default()), &Err::<(), _>(Failure::Blocked));
    running.turn().await;
    assert_eq!(running.refusal(), Some(Failure::Blocked), "a running process stops");
    let later = pace(open());
    let turn = later.turn().await;
    assert_eq!(later.refusal(), None, "a later process may try");
    let sent = later.left(turn);
    let second = tokio::time::timeout(Duration::from_millis(300), later.turn()).await;
    assert!(second.is_err(), "the second waits for the first one's answer");
    later.ended(sent, &Ok(()));
    later.turn().await;
    assert_eq!((later.refusal(), open().found()), (None, None));
}

#[tokio::test]
async fn a_shared_file_that_fails_is_reported_and_no_longer_used() {
    static WARNINGS: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let folder = tempfile::tempdir().unwrap();
    let shared = SharedLimiter::open(folder.path(), "https://a", Clock::REAL).unwrap();
    let pace =
        Pace::new(RATE_MAX, Clock::REAL).sharing(shared, |message| WARNINGS.lock().unwrap().push(message.to_string()));
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
    let warnings = WARNINGS.lock().unwrap();
    assert!(warnings.len() == 1 && warnings[0].contains("one import into this account at a time"), "{warnings:?}");
}
