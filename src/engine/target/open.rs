//! An account that is opened for requests: its client with token and pace, and the sandbox behind it where it is one.

use super::config::{Settings, base_url};
use super::credentials::find_auth;
use super::sandbox::SandboxServer;
use super::{Target, TargetKind};
use super::{address, hosts, on_this_machine, runtime, sandbox};
use crate::engine::interface::error::{EngineError, ErrorKind};
use crate::engine::interface::event::EventSink;
use crate::store::SANDBOX;
use amo_client::auth::Auth;
use amo_client::clock::Clock;
use amo_client::pace::{self, Halt, HaltReason, SharedError, SharedLimiter};
use amo_client::{Client, ClientError, Pace};
use reqwest::Url;
use secrecy::SecretString;
use sheet_source::message;
use sheet_source::problem::{Message, Note, Problem, Stage};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;

/// An account opened for requests; the embedded sandbox lives as long as this.
pub struct OpenAccount {
    /// The account's address; `sandbox` for the sandbox, whose address changes with every start.
    pub address: String,
    /// The target as a run's head keeps it.
    pub target: String,
    pub client: Arc<Client>,
    /// Lists that were read a moment ago may be kept for use cases that send nothing: they are those of a service.
    pub keeps_lists: bool,
    /// Messages of the pace, from any thread.
    notices: Notices,
    /// The runtime for requests to the account.
    pub runtime: Runtime,
    _sandbox: Option<SandboxServer>,
}

pub(super) type Notices = Arc<Mutex<Vec<Message>>>;

impl OpenAccount {
    pub fn open(
        target: &Target,
        state: &Path,
        rate: u32,
        events: &mut EventSink<'_>,
    ) -> Result<OpenAccount, EngineError> {
        match &target.which {
            TargetKind::Unspecified => Err(EngineError::refused(
                "no-account",
                "no account given",
                "add --sandbox to try it out, or --account https://NAME.amocrm.ru",
            )),
            TargetKind::Sandbox => OpenAccount::sandbox(target, state, rate, events),
            TargetKind::Account(name) => OpenAccount::host(name, target, rate, events),
            TargetKind::Local { base, clock } => {
                events.account(&address(base));
                OpenAccount::local(base.clone(), *clock, target, rate)
            }
        }
    }

    fn sandbox(
        target: &Target,
        state: &Path,
        rate: u32,
        events: &mut EventSink<'_>,
    ) -> Result<OpenAccount, EngineError> {
        events.account(SANDBOX);
        let folder = state.join("sandbox");
        let notices = Notices::default();
        let served = sandbox::open(&folder, target.like.as_deref())?;
        let (base, pace) = match &served.own {
            // It serves only this process.
            Some(_) => (base_url(&served.url)?, Pace::new(rate, Clock::REAL)),
            None => {
                let base = on_this_machine(&served.url, &folder)?;
                let pace = shared_pace(&base, rate, &notices, events);
                (base, pace)
            }
        };
        let token = SecretString::from(served.token);
        let client = new_client(base, token.into(), target.with_hold_listener(pace))?;
        let account = OpenAccount::new(target, client, notices)?;
        Ok(OpenAccount { address: SANDBOX.to_owned(), _sandbox: served.own, ..account })
    }

    /// Opens a sandbox on this machine, with a pace of this process.
    fn local(base: Url, clock: Clock, target: &Target, rate: u32) -> Result<OpenAccount, EngineError> {
        let (auth, _) = find_auth(base.as_str(), target, &Settings::default())?;
        let client = new_client(base, auth, target.with_hold_listener(Pace::new(rate, clock)))?;
        OpenAccount::new(target, client, Notices::default())
    }

    fn host(name: &str, target: &Target, rate: u32, events: &mut EventSink<'_>) -> Result<OpenAccount, EngineError> {
        let settings = Settings::look_up(name, target.config.as_deref())?;
        let base = base_url(&settings.url)?;
        events.account(&address(&base));
        target.permit(&base, &settings)?;
        let (auth, warning) = find_auth(name, target, &settings)?;
        events.notes(warning);
        hosts::remember_given(&base, &target.origin, &settings.by);
        let notices = Notices::default();
        let pace = shared_pace(&base, rate, &notices, events);
        let account = OpenAccount::new(target, new_client(base, auth, target.with_hold_listener(pace))?, notices)?;
        Ok(OpenAccount { keeps_lists: true, ..account })
    }

    fn new(target: &Target, client: Client, notices: Notices) -> Result<OpenAccount, EngineError> {
        let client = client.with_answer_timeout(target.effective_timeout());
        Ok(OpenAccount {
            address: address(client.base()),
            target: target.recorded_name(),
            client: Arc::new(client),
            keeps_lists: false,
            notices,
            runtime: runtime::runtime()?,
            _sandbox: None,
        })
    }

    /// Shares the pace by the account's id, once it is known.
    pub fn confirm_account(&self, id: u64, events: &mut EventSink<'_>) {
        if let Some(found) = self.client.pace().join(id) {
            events.note(halted_note(found));
        }
        self.forward_notices(events);
    }

    /// Emits the messages of the pace since the last call.
    pub fn forward_notices(&self, events: &mut EventSink<'_>) {
        let notices = std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner));
        events.notes(notices.into_iter().map(|message| Note::warning("pace-not-shared", message)));
    }
}

pub fn new_client(base: Url, auth: Auth, pace: Pace) -> Result<Client, EngineError> {
    Client::new(base, auth, pace).map_err(|error| {
        let message = message!("{error}", error = error.to_string());
        match error {
            ClientError::Certificates(_) => {
                let hint = "name a file of certificates with SSL_CERT_FILE, or unset that variable";
                EngineError::refused("certificates", message, hint)
            }
            ClientError::Setup(_) => EngineError::new(ErrorKind::Fault, Problem::new(Stage::Send, "client", message)),
        }
    })
}

/// The pace that all processes of this user share for an account; if it cannot be shared, a pace of this process and a note.
pub(super) fn shared_pace(base: &Url, rate: u32, notices: &Notices, events: &mut EventSink<'_>) -> Pace {
    let clock = Clock::REAL;
    let alone = Pace::new(rate, clock);
    let shared = match pace::default_folder() {
        Some(folder) => SharedLimiter::open(&folder, base.as_str(), clock),
        None => Err(SharedError::Unusable("no home folder".to_owned())),
    };
    match shared {
        Ok(shared) => {
            if let Some(found) = shared.found() {
                events.note(halted_note(found));
            }
            let notices = Arc::clone(notices);
            alone.sharing(shared, move |message| notices.lock().unwrap_or_else(PoisonError::into_inner).push(message))
        }
        Err(why) => {
            events.note(Note::new("pace-not-shared", pace::not_shared_message(&why)));
            alone
        }
    }
}

/// The note of a halt that was found, and of how long ago it was noted.
pub fn halted_note((halt, ago): (Halt, Duration)) -> Note {
    let ago = format_age(ago);
    let message = match halt.why {
        HaltReason::Blocked => message!(
            "the service blocked this account or address (403) {ago}; one request is tried before any other",
            ago
        ),
        HaltReason::Throttled => {
            message!("the service kept asking to slow down (429) {ago}; one request is tried before any other", ago)
        }
    };
    Note::new("halted-before", message)
}

fn format_age(ago: Duration) -> Message {
    match ago.as_secs() {
        0..120 => "a moment ago".into(),
        s @ 120..7_200 => message!("{minutes} minutes ago", minutes = s / 60),
        s @ 7_200..172_800 => message!("{hours} hours ago", hours = s / 3_600),
        s => message!("{days} days ago", days = s / 86_400),
    }
}
