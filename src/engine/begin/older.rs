//! A store that is older than what was sent from it: a backup was restored, a copy is used, or its last pages were lost. It
//! would send records again. The user's folder, which keeps the newest send of each store, shows it.

use crate::engine::interface::error::EngineError;
use crate::engine::interface::event::EventSink;
use crate::engine::prepare;
use crate::store::{LastSend, Run, RunHead, Sends, Store};
use amo_client::pace;
use amo_client::private;
use amo_model::Action;
use sheet_source::message;
use sheet_source::problem::{Message, Note, Problem};
use std::path::Path;

/// The problem code of a store that is older than what was sent from it. The front end adds how to continue.
pub const OLDER_STATE: &str = "older-state";

/// Checks before anything is sent that the store is not older than what was sent from it. With `allowed` an older store is
/// accepted, and the store notes that it is older. Returns where the run keeps its sends; `None` where it cannot keep them.
pub fn check_not_older(store: &Store, allowed: bool, events: &mut EventSink<'_>) -> Result<Option<Sends>, EngineError> {
    let (sends, forgotten) = match find_forgotten(store)? {
        Ok(known) => known,
        Err(why) => {
            let message = message!(
                "no record of sends is kept outside the state folder ({why}): a state folder restored from a backup goes unnoticed",
                why
            );
            events.note(Note::new("sends-not-kept", message));
            return Ok(None);
        }
    };
    match forgotten {
        Some(send) if !allowed => return Err(older_state_problem(store, &send)?.into()),
        Some(_) => store.note_restored(prepare::now_ms())?,
        None if allowed && store.restored_at()?.is_none() => {
            let message = "this state folder knows everything that was sent from it: --older-state has no effect";
            events.note(Note::new("not-older", message));
        }
        None => {}
    }
    Ok(Some(sends))
}

/// The same check for a use case that sends nothing; the problem is returned, not raised.
pub fn older_problem(state: &Path, allowed: bool) -> Result<Option<Problem>, EngineError> {
    let Some(store) = Store::existing(state)?.filter(|_| !allowed) else { return Ok(None) };
    let Ok((_, Some(send))) = find_forgotten(&store)? else { return Ok(None) };
    Ok(Some(older_state_problem(&store, &send)?))
}

/// The sends in the user's folder, and the newest send of this store if the store does not know it. The inner error says why
/// there is no such folder.
fn find_forgotten(store: &Store) -> Result<Result<(Sends, Option<LastSend>), String>, EngineError> {
    let began_at = store.began_at()?;
    let known = || {
        let folder = pace::default_folder().ok_or("no home folder")?;
        private::folder(&folder).map_err(|e| e.to_string())?;
        let sends = Sends::open(&folder).map_err(|e| e.to_string())?;
        let last = sends.last(store, began_at).map_err(|e| e.to_string())?;
        Ok::<_, String>((sends, last))
    };
    let (sends, last) = match known() {
        Ok(known) => known,
        Err(why) => return Ok(Err(why)),
    };
    let Some(last) = last else { return Ok(Ok((sends, None))) };
    let known = store.knows(&last)?;
    Ok(Ok((sends, (!known).then_some(last))))
}

fn older_state_problem(store: &Store, send: &LastSend) -> Result<Problem, EngineError> {
    let knows = match store.last_sent_at()? {
        Some(at) => message!("its last known send is at {at}", at = format_time(at)),
        None => "it knows of no send".into(),
    };
    let message = message!(
        "this state folder is older than what was sent from it: {knows}, but run {run} sent a batch at {at}, from \"{path}\"; nothing was sent now",
        knows,
        run = &send.run,
        path = &send.path,
        at = format_time(send.sent_at_ms)
    );
    Ok(Problem::in_file(store.path(), OLDER_STATE, message).hint(
        "use the newest copy of the folder, if there is one; or add --older-state to the command: records are then looked for in the account before they are sent",
    ))
}

/// UTC, to the second.
fn format_time(unix_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(unix_ms).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The id above which a new run looks for its records before it sends them. Other files may have been sent in the time that an
/// older store does not know; only the user knows which.
pub fn look_from(
    store: &Store,
    head: &RunHead,
    allowed: bool,
    events: &mut EventSink<'_>,
) -> Result<Option<u64>, EngineError> {
    let (Action::Create, Some(at)) = (head.action, store.restored_at()?) else { return Ok(None) };
    if allowed {
        return Ok(store.complete_up_to(&head.account_key(), head.entity)?);
    }
    let message = message!(
        "this state folder was found on {at} to be older than what was sent from it: it does not know the files sent in the lost time; import these with --older-state",
        at = format_time(at)
    );
    events.note(Note::warning("went-back", message));
    Ok(None)
}

/// The same for a resumed run, which keeps the id from one part to the next.
pub fn extend_look_from(store: &Store, run: &mut Run, allowed: bool) -> Result<(), EngineError> {
    let head = &mut run.head;
    if !allowed || head.action != Action::Create {
        return Ok(());
    }
    let sure = store.complete_up_to(&head.account_key(), head.entity)?;
    let from = head.look_from.into_iter().chain(sure).min();
    if let Some(id) = from.filter(|_| from != head.look_from) {
        store.set_look_from(run.run, id)?;
        head.look_from = from;
    }
    Ok(())
}

/// A run is resumed only where it was begun: from a copy of the state folder it would be sent a second time.
pub fn check_not_copy(store: &Store, run: &Run) -> Result<(), EngineError> {
    let Some(original) = store.copy_of() else { return Ok(()) };
    let original: Message = message!("{folder}", folder = original.display());
    let message = message!(
        "this state folder is a copy of {original}, where run {run} can be resumed too; nothing was sent",
        original = &original,
        run = &run.name
    );
    let hint =
        message!("resume there, with --state {original}; or delete that folder if this one replaces it", original);
    Err(Problem::in_file(store.path(), "copied-state", message).hint(hint).into())
}
