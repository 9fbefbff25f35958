//! The target account and its token: the sandbox inside this process, or a host. A token comes from a file, the environment, a
//! command, the system's credentials, or a pair of OAuth tokens that renews itself; it is never printed. `config` looks up
//! names, `hosts` says where a token may go, `trust` which files are trusted, `sandbox` starts the sandbox, `runtime` waits for
//! answers.

pub mod config;
mod credentials;
pub mod hosts;
mod open;
pub mod sandbox;
pub mod runtime;
pub mod trust;

pub(super) use credentials::oauth_app;
use credentials::token_in_environment;
use open::{Notices, shared_pace};
pub(super) use open::{OpenAccount, halted_note, new_client};

use crate::engine::interface::consent::Consent;
use crate::engine::interface::error::EngineError;
use crate::engine::interface::event::{EventSink, Wait, WaitReason};
pub(super) use crate::store::SANDBOX;
use crate::store::{RunHead, Store};
use amo_client::clock::Clock;
use amo_client::pace::OnHold;
use amo_client::private::secret::ReadableByOthers;
use amo_client::{ANSWER_TIMEOUT, Pace};
use amo_model::RATE_MAX;
use config::{Settings, absolute_path, base_url, is_address};
use hosts::AddressOrigin;
use reqwest::Url;
use sandbox::AccountTemplate;
use secrecy::SecretString;
use sheet_source::message;
use sheet_source::problem::Problem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The account of a use case.
#[derive(Debug, Clone)]
pub struct Target {
    which: TargetKind,
    token: Option<Token>,
    /// `None`: the default, or that of the resumed run.
    answer_timeout: Option<Duration>,
    /// The file in which the name is looked up; `None`: the user's config, then the working folder.
    config: Option<PathBuf>,
    /// Who named the host.
    origin: AddressOrigin,
    /// Asks the user about a host that is not allowed.
    consent: Consent,
    /// The template of a new world of the sandbox.
    like: Option<Box<AccountTemplate>>,
    /// Whether files with secrets may be readable by other users.
    others: ReadableByOthers,
    on_hold: HoldListener,
}

/// Is called with the length of a hold, from any thread.
#[derive(Clone)]
struct HoldListener(OnHold);

impl std::fmt::Debug for HoldListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hold")
    }
}

#[derive(Debug, Clone, PartialEq)]
enum TargetKind {
    /// Not given. It is reported after problems of mapping and source.
    Unspecified,
    Sandbox,
    /// An address, or a name in a config.
    Account(String),
    /// A sandbox on this machine, whose clock may be faster.
    Local {
        base: Url,
        clock: Clock,
    },
}

/// A token that is given explicitly.
#[derive(Debug, Clone)]
pub enum Token {
    File(PathBuf),
    Value(SecretString),
}

impl Target {
    fn of(which: TargetKind) -> Target {
        let (origin, consent, others) = (AddressOrigin::User, Consent::Missing, ReadableByOthers::Refused);
        let (config, on_hold) = (None, HoldListener(Arc::new(|_| {})));
        Target { which, token: None, answer_timeout: None, config, origin, consent, like: None, others, on_hold }
    }

    /// The same with this timeout for an answer.
    pub fn answer_timeout(self, answer_timeout: Duration) -> Target {
        Target { answer_timeout: Some(answer_timeout), ..self }
    }

    /// The same with a way to ask the user whether a token may go to a host that a file in the working folder names.
    pub fn with_consent(self, consent: Consent) -> Target {
        Target { consent, ..self }
    }

    /// The same with a listener for long holds (`Wait`): the service has asked this process or another one for a pause.
    pub fn on_hold(self, listen: impl Fn(Wait) + Send + Sync + 'static) -> Target {
        let listen = move |at_most| listen(Wait { reason: WaitReason::Throttled, at_most });
        Target { on_hold: HoldListener(Arc::new(listen)), ..self }
    }

    pub(super) fn others_policy(&self) -> ReadableByOthers {
        self.others
    }

    /// Whether a token, or the secret of an integration, may go to this address.
    pub(super) fn permit(&self, base: &Url, settings: &Settings) -> Result<(), EngineError> {
        hosts::permit(base, &self.origin, &settings.by, &self.consent)
    }

    /// The pace of a login.
    pub(super) fn login_pace(&self, base: &Url, events: &mut EventSink<'_>) -> Pace {
        self.with_hold_listener(shared_pace(base, RATE_MAX, &Notices::default(), events))
    }

    fn with_hold_listener(&self, pace: Pace) -> Pace {
        pace.on_hold(Arc::clone(&self.on_hold.0))
    }

    /// The same, with files of secrets that other users can read allowed or refused.
    pub fn others(self, others: ReadableByOthers) -> Target {
        Target { others, ..self }
    }

    /// No account; that is an error as soon as one is needed.
    pub fn unspecified() -> Target {
        Target::of(TargetKind::Unspecified)
    }

    /// The sandbox inside this process; its world is kept in the state folder.
    pub fn sandbox() -> Target {
        Target::of(TargetKind::Sandbox)
    }

    /// An account: `https://example.amocrm.ru`, or a name in the user's config or in `amoport.toml`. Its token is looked for in
    /// `AMOPORT_TOKEN`, in the account's settings, and among systemd's credentials.
    pub fn account(name: impl Into<String>) -> Target {
        Target::of(TargetKind::Account(name.into()))
    }

    /// A sandbox on this machine, for benchmarks and rehearsals: waits and the pace use `clock`, which may be faster than the
    /// machine's. Any other address is an error, so the pace of a real account cannot be lifted. A run into it is resumed like
    /// any other: by the machine's clock, at the usual pace.
    pub fn local(url: &str, clock: Clock) -> Result<Target, EngineError> {
        let base = base_url(url)?;
        if base.scheme() != "http" {
            let message = message!("{url} is not on this machine", url);
            return Err(EngineError::refused(
                "account-address",
                message,
                "give the address of a sandbox on this machine",
            ));
        }
        Ok(Target::of(TargetKind::Local { base, clock }))
    }

    /// The same with this token.
    pub fn token(self, token: Token) -> Target {
        Target { token: Some(token), ..self }
    }

    /// The same with a template for a new world of the sandbox, from `engine::account_template`.
    pub fn like(self, like: AccountTemplate) -> Target {
        Target { like: Some(Box::new(like)), ..self }
    }

    pub(super) fn is_sandbox(&self) -> bool {
        self.which == TargetKind::Sandbox
    }

    /// As a run's head keeps it.
    pub(super) fn recorded_name(&self) -> String {
        match &self.which {
            TargetKind::Unspecified => String::new(),
            TargetKind::Sandbox => SANDBOX.to_owned(),
            TargetKind::Account(name) => name.clone(),
            TargetKind::Local { base, .. } => base.as_str().trim_end_matches('/').to_owned(),
        }
    }

    /// The target of a run: the one it began with, overridden by what is given now.
    pub(super) fn for_run(&self, head: &RunHead) -> Target {
        let renamed = self.which != TargetKind::Unspecified && self.recorded_name() != head.target;
        let answer_timeout = Some(self.answer_timeout.unwrap_or(Duration::from_secs(head.answer_timeout)));
        // For another name, the run's token is not used.
        if renamed && (self.token.is_some() || token_in_environment().is_some()) {
            return Target { answer_timeout, ..self.clone() };
        }
        let target = if head.target == SANDBOX { Target::sandbox() } else { Target::account(&head.target) };
        // A token in the environment is newer than the run's token file.
        let then = head.token_file.as_ref().filter(|_| token_in_environment().is_none());
        let token = self.token.clone().or_else(|| then.map(|file| Token::File(file.into())));
        let origin = AddressOrigin::Store {
            given: Some(self.recorded_name()).filter(|address| is_address(address)),
            names_token: self.token.is_none() && token.is_some(),
        };
        let (config, consent) = (head.config.as_ref().map(PathBuf::from), self.consent.clone());
        let (others, on_hold) = (self.others, self.on_hold.clone());
        Target { token, answer_timeout, config, origin, consent, others, on_hold, ..target }
    }

    fn effective_timeout(&self) -> Duration {
        self.answer_timeout.unwrap_or(ANSWER_TIMEOUT)
    }

    /// As a run's head keeps it.
    pub(super) fn token_file(&self) -> Option<String> {
        match &self.token {
            Some(Token::File(path)) => absolute_path(path),
            Some(Token::Value(_)) | None => None,
        }
    }

    /// As a run's head keeps it.
    pub(super) fn config(&self) -> Option<String> {
        match &self.which {
            TargetKind::Account(name) if !is_address(name) => {
                let file = self.config.clone().map_or_else(|| config::config_file_for(name), Ok);
                absolute_path(&file.unwrap_or_else(|_| PathBuf::from(config::FILE)))
            }
            _ => None,
        }
    }

    /// Emits the account before any other event. Its problems are reported when it is opened.
    pub(super) fn announce(&self, events: &mut EventSink<'_>) {
        if let Ok(Some(address)) = self.address(self.config.as_deref()) {
            events.account(&address);
        }
    }

    /// The address, with names looked up in `config`.
    fn address(&self, config: Option<&Path>) -> Result<Option<String>, EngineError> {
        Ok(match &self.which {
            TargetKind::Unspecified => None,
            TargetKind::Sandbox => Some(SANDBOX.to_owned()),
            TargetKind::Account(name) => Some(address(&base_url(&Settings::look_up(name, config)?.url)?)),
            TargetKind::Local { base, .. } => Some(address(base)),
        })
    }

    /// True if a token is given, so the account's identity can be read.
    pub(super) fn has_explicit_token(&self) -> bool {
        self.token.is_some() || token_in_environment().is_some()
    }

    /// Whether this is the account of the run; `None` if the store has never seen its address. The name that the run began with
    /// has the meaning of then.
    pub(super) fn is_account_of(&self, store: &Store, head: &RunHead) -> Result<Option<bool>, EngineError> {
        let same_name = self.recorded_name() == head.target;
        let config = if same_name { head.config.as_ref().map(Path::new) } else { self.config.as_deref() };
        match self.address(config) {
            Ok(None) => Ok(Some(true)),
            Ok(Some(address)) if address == head.account => Ok(Some(true)),
            Ok(Some(address)) => Ok(match (store.account_at(&address)?, head.account_id) {
                (Some(id), Some(own)) => Some(id == own),
                (_, None) => Some(false),
                (None, Some(_)) => None,
            }),
            // The config file is missing, and only the name is left.
            Err(_) if same_name => Ok(Some(true)),
            Err(error) => Err(error),
        }
    }
}

/// The address as the store keeps it.
fn address(base: &Url) -> String {
    base.as_str().trim_end_matches('/').to_owned()
}

/// The address of a sandbox that a state folder announces. Plain http is only for this machine.
fn on_this_machine(url: &str, folder: &Path) -> Result<Url, EngineError> {
    base_url(url).ok().filter(|base| base.scheme() == "http").ok_or_else(|| {
        let message = message!("a sandbox runs on this machine, and this file says {url}", url);
        Problem::in_file(&folder.join("server.json"), "sandbox-elsewhere", message)
            .hint("somebody else wrote that file: remove it, or use another --state folder")
            .into()
    })
}
