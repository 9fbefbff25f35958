//! The history of a batch: all states and legal steps in one function. An illegal step is an internal error and stops the run
//! before anything else is sent.
//!
//! ```text
//! planned ── send ──▶ sent ── answer ──▶ answered ── settle ──▶ settled
//!    ▲                 │ └── doubt ──▶ in doubt ─── settle ──────▲
//!    └── not taken ────┘
//! ```

/// The number of a batch in its run.
pub type BatchNo = u32;

/// The state of a batch. `Sent` means that it may or may not have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchState {
    Planned,
    Sent,
    Answered,
    InDoubt,
    Settled,
}

/// A step of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is about to be sent; written durably before that.
    Send,
    /// The service certainly did not act on it (never sent, or 429): it may be sent again.
    NotTaken,
    /// The service has answered.
    Answer,
    /// The answer was lost.
    Doubt,
    /// Each of its records has an outcome, or is in another batch.
    Settle,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a batch that is {from:?} cannot take the step {step:?}")]
pub struct IllegalStep {
    pub from: BatchState,
    pub step: Step,
}

/// The state after a step.
pub fn step(from: BatchState, step: Step) -> Result<BatchState, IllegalStep> {
    match (from, step) {
        (BatchState::Planned, Step::Send) => Ok(BatchState::Sent),
        (BatchState::Sent, Step::NotTaken) => Ok(BatchState::Planned),
        (BatchState::Sent, Step::Answer) => Ok(BatchState::Answered),
        (BatchState::Sent, Step::Doubt) => Ok(BatchState::InDoubt),
        (BatchState::Answered, Step::Settle) | (BatchState::InDoubt, Step::Settle) => Ok(BatchState::Settled),
        (BatchState::Planned, Step::NotTaken | Step::Answer | Step::Doubt | Step::Settle)
        | (BatchState::Sent, Step::Send | Step::Settle)
        | (BatchState::Answered | BatchState::InDoubt, Step::Send | Step::NotTaken | Step::Answer | Step::Doubt)
        | (BatchState::Settled, Step::Send | Step::NotTaken | Step::Answer | Step::Doubt | Step::Settle) => {
            Err(IllegalStep { from, step })
        }
    }
}

/// SQL for batches that were sent and have no outcome. The words are the same as in the index, which is named, since SQLite
/// would otherwise read all batches of a run.
pub const OPEN: &str = "FROM batch INDEXED BY batch_open WHERE state IN ('sent', 'in-doubt') AND";

impl BatchState {
    pub const ALL: [BatchState; 5] =
        [BatchState::Planned, BatchState::Sent, BatchState::Answered, BatchState::InDoubt, BatchState::Settled];

    /// The word in the store.
    pub fn word(self) -> &'static str {
        match self {
            BatchState::Planned => "planned",
            BatchState::Sent => "sent",
            BatchState::Answered => "answered",
            BatchState::InDoubt => "in-doubt",
            BatchState::Settled => "settled",
        }
    }

    pub fn from_word(word: &str) -> Option<BatchState> {
        BatchState::ALL.into_iter().find(|state| state.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [Step; 5] = [Step::Send, Step::NotTaken, Step::Answer, Step::Doubt, Step::Settle];

    #[test]
    fn open_batches_are_found_by_their_index() {
        let open = format!("state IN ('{}', '{}')", BatchState::Sent.word(), BatchState::InDoubt.word());
        assert!(OPEN.contains(&open), "{open}");
        let folder = tempfile::tempdir().unwrap();
        let store = crate::store::Store::open(folder.path()).unwrap();
        let sql = format!("EXPLAIN QUERY PLAN SELECT rows {OPEN} run = 1");
        let plan: String = store.db.query_row(&sql, [], |row| row.get(3)).unwrap();
        assert!(plan.contains("batch_open"), "{plan}");
    }

    #[test]
    fn a_batch_is_settled_only_by_an_answer_or_a_doubt_and_is_never_sent_twice_without_being_not_taken() {
        let legal: Vec<(BatchState, Step, BatchState)> = BatchState::ALL
            .into_iter()
            .flat_map(|from| STEPS.map(|s| (from, s)))
            .filter_map(|(from, s)| step(from, s).ok().map(|to| (from, s, to)))
            .collect();
        assert_eq!(
            legal,
            [
                (BatchState::Planned, Step::Send, BatchState::Sent),
                (BatchState::Sent, Step::NotTaken, BatchState::Planned),
                (BatchState::Sent, Step::Answer, BatchState::Answered),
                (BatchState::Sent, Step::Doubt, BatchState::InDoubt),
                (BatchState::Answered, Step::Settle, BatchState::Settled),
                (BatchState::InDoubt, Step::Settle, BatchState::Settled),
            ]
        );
    }

    #[test]
    fn states_keep_their_words() {
        for state in BatchState::ALL {
            assert_eq!(BatchState::from_word(state.word()), Some(state));
        }
    }
}
