//! The target account and its token: the sandbox inside this process, or a host. A token comes from a file, the environment, a
//! command, the system's credentials, or a pair of OAuth tokens that renews itself; it is never printed. `config` looks up
//! names, `hosts` says where a token may go, `trust` which files are trusted, `sandbox` starts the sandbox, `runtime` waits for
//! answers.

pub mod config;
pub mod hosts;
pub mod sandbox;
pub mod runtime;
pub mod trust;

use crate::engine::interface::consent::Consent;
use crate::engine::interface::error::{EngineError, ErrorKind};
use crate::engine::interface::event::{EventSink, Wait, WaitReason};
pub(super) use crate::store::SANDBOX;
use crate::store::{RunHead, Store};
use amo_client::auth::{App, Auth, TokenSource, TokenStore};
use amo_client::clock::Clock;
use amo_client::pace::{self, Halt, HaltReason, OnHold, SharedError, SharedLimiter};
use amo_client::private::secret::{self, ReadableByOthers, SecretError};
use amo_client::{ANSWER_TIMEOUT, Client, ClientError, Pace};
use amo_model::RATE_MAX;
use config::{OAuth, Settings, absolute_path, base_url, is_address};
use hosts::AddressOrigin;
use reqwest::Url;
use sandbox::{AccountTemplate, SandboxServer};
use secrecy::{ExposeSecret, SecretString};
use sheet_source::message;
use sheet_source::problem::{Message, Note, Problem, Stage};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;

/// The hint for a variable that holds more than a token.
const NOT_ALONE: &str = "put only the token into the variable";
/// The name of the systemd credential.
const CREDENTIAL: &str = "amoport-token";

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

/// An account opened for requests; the embedded sandbox lives as long as this.
pub(super) struct OpenAccount {
    /// The account's address; `sandbox` for the sandbox, whose address changes with every start.
    pub address: String,
    /// The target as a run's head keeps it.
    pub target: String,
    pub client: Arc<Client>,
    pub clock: Clock,
    /// Messages of the pace, from any thread.
    notices: Notices,
    /// The runtime for requests to the account.
    pub runtime: Runtime,
    _sandbox: Option<SandboxServer>,
}

type Notices = Arc<Mutex<Vec<Message>>>;

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
        let client = new_client(base, token.into(), target.with_hold_listener(pace))?
            .with_answer_timeout(target.effective_timeout());
        Ok(OpenAccount {
            address: SANDBOX.to_owned(),
            target: target.recorded_name(),
            client: Arc::new(client),
            clock: Clock::REAL,
            notices,
            runtime: runtime::runtime()?,
            _sandbox: served.own,
        })
    }

    /// Opens a sandbox on this machine, with a pace of this process.
    fn local(base: Url, clock: Clock, target: &Target, rate: u32) -> Result<OpenAccount, EngineError> {
        let (auth, _) = find_auth(base.as_str(), target, &Settings::default())?;
        let client = new_client(base, auth, target.with_hold_listener(Pace::new(rate, clock)))?
            .with_answer_timeout(target.effective_timeout());
        let (address, notices) = (address(client.base()), Notices::default());
        Ok(OpenAccount {
            address,
            target: target.recorded_name(),
            client: Arc::new(client),
            clock,
            notices,
            runtime: runtime::runtime()?,
            _sandbox: None,
        })
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
        let client =
            new_client(base, auth, target.with_hold_listener(pace))?.with_answer_timeout(target.effective_timeout());
        let (address, clock) = (address(client.base()), Clock::REAL);
        Ok(OpenAccount {
            address,
            target: target.recorded_name(),
            client: Arc::new(client),
            clock,
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

pub(super) fn new_client(base: Url, auth: Auth, pace: Pace) -> Result<Client, EngineError> {
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
fn shared_pace(base: &Url, rate: u32, notices: &Notices, events: &mut EventSink<'_>) -> Pace {
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

fn halted_note((halt, ago): (Halt, Duration)) -> Note {
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

/// Finds the token, in this order: the given token, `AMOPORT_TOKEN`, the account's token store, file or command, systemd's
/// credentials.
fn find_auth(name: &str, target: &Target, settings: &Settings) -> Result<(Auth, Option<Note>), EngineError> {
    let others = target.others;
    match &target.token {
        Some(Token::File(path)) => return auth_from_file(path, others),
        Some(Token::Value(token)) => return Ok((token.clone().into(), None)),
        None => {}
    }
    if let Some(token) = token_in_environment() {
        let token =
            secret::line("AMOPORT_TOKEN", token.expose_secret()).map_err(|unfit| no_token_error(unfit, NOT_ALONE))?;
        return Ok((token.into(), None));
    }
    if let Some(oauth) = &settings.oauth {
        return Ok((auth_from_store(name, oauth, others)?, None));
    }
    if let Some(path) = &settings.token_file {
        return auth_from_file(path, others);
    }
    if !settings.token_command.is_empty() {
        let (command, folder) = (settings.token_command.clone(), settings.folder.clone());
        let read = move || run_token_command(&command, &folder);
        let token = read().map_err(|unfit| no_token_error(unfit, "run token-command by hand and see what it says"))?;
        return Ok((Auth::new(token, TokenSource::Reread(Arc::new(move || read().map_err(|e| e.to_string())))), None));
    }
    if let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") {
        let path = Path::new(&folder).join(CREDENTIAL);
        if path.exists() {
            return auth_from_file(&path, others);
        }
    }
    Err(EngineError::refused(
        "no-token",
        "there is no token for this account",
        "put it into a file of your own and name that with --token-file, or into the variable AMOPORT_TOKEN",
    ))
}

fn token_in_environment() -> Option<SecretString> {
    let token = std::env::var_os("AMOPORT_TOKEN")?;
    let token = token.to_string_lossy();
    (!token.trim().is_empty()).then(|| SecretString::from(token.into_owned()))
}

fn auth_from_file(path: &Path, others: ReadableByOthers) -> Result<(Auth, Option<Note>), EngineError> {
    const HINT: &str = "check the path given with --token-file, or token-file in amoport.toml";
    let kept = secret::read(path, others).map_err(|unfit| no_token_error(unfit, HINT))?;
    let warning = kept.warning.map(|why| Note::warning("open-token-file", message!("{why}", why)));
    let path = path.to_owned();
    let read = move || secret::read(&path, others).map(|kept| kept.content).map_err(|unfit| unfit.to_string());
    Ok((Auth::new(kept.content, TokenSource::Reread(Arc::new(read))), warning))
}

/// The error of an unusable token. `hint` is used if the source of the token has none.
fn no_token_error(unfit: SecretError, hint: &'static str) -> EngineError {
    let hint = unfit.hint.map_or(Message::from(hint), |hint| message!("{hint}", hint));
    EngineError::refused("no-token", message!("{why}", why = unfit.why), hint)
}

fn auth_from_store(name: &str, oauth: &OAuth, others: ReadableByOthers) -> Result<Auth, EngineError> {
    let store = TokenStore::new(&oauth.token_store, others);
    let pair = store.read().map_err(|e| -> EngineError {
        let message = message!("the tokens cannot be read: {error}", error = e.to_string());
        Problem::in_file(&oauth.token_store, "no-token", message)
            .hint(message!("log in: amoport auth login --account {name} --code-file FILE", name))
            .into()
    })?;
    Ok(Auth::new(pair.access, TokenSource::Pair(store, oauth_app(oauth, others)?)))
}

/// The OAuth integration, with its secret from the environment or its file.
pub(super) fn oauth_app(oauth: &OAuth, others: ReadableByOthers) -> Result<App, EngineError> {
    const IN_ENV: &str = "AMOPORT_CLIENT_SECRET";
    let from_env = std::env::var_os(IN_ENV).map(|secret| secret.to_string_lossy().into_owned());
    let from_env = from_env.filter(|secret| !secret.trim().is_empty());
    let unfit = |unfit: SecretError| {
        let hint = unfit.hint.map_or(Message::from("check client-secret-file"), |hint| message!("{hint}", hint));
        EngineError::refused("no-client-secret", message!("{why}", why = unfit.why), hint)
    };
    let client_secret = match (from_env, &oauth.client_secret_file) {
        (Some(secret), _) => secret::line(IN_ENV, &secret).map_err(unfit)?,
        (None, Some(path)) => secret::read(path, others).map_err(unfit)?.content,
        (None, None) => {
            return Err(EngineError::refused(
                "no-client-secret",
                "the integration's secret is missing",
                "name a file with client-secret-file in amoport.toml, or put it into AMOPORT_CLIENT_SECRET",
            ));
        }
    };
    Ok(App { client_id: oauth.client_id.clone(), client_secret, redirect_uri: oauth.redirect_uri.clone() })
}

/// Runs the token command in the folder of the config file, from which the other paths of that file are resolved.
fn run_token_command(command: &[String], folder: &Path) -> Result<SecretString, SecretError> {
    let [program, words @ ..] = command else { return Err(SecretError::new("token-command is empty")) };
    let path = Path::new(program);
    // A name without a folder is searched for in `PATH`.
    let program = if path.components().count() > 1 { folder.join(path) } else { path.to_owned() };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let output = std::process::Command::new(program)
        .args(words)
        .current_dir(folder)
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|e| SecretError::new(format!("token-command cannot be run: {e}")))?;
    let token = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || token.trim().is_empty() {
        return Err(SecretError::new(format!("token-command gave no token ({})", output.status)));
    }
    secret::line("what token-command prints", &token)
}
