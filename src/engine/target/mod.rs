//! Which account, and by what right: the sandbox inside this process, or a host. A token comes from a file, the
//! environment, a command, the system's credentials, or a pair of OAuth tokens that renews itself; it is never printed.

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
use amo_client::auth::{App, Auth, Source};
use amo_client::clock::Clock;
use amo_client::pace::OnHold;
use amo_client::private::secret::{self, Others, Unfit};
use amo_client::rate::{self, Halt, Shared, SharedError, Why};
use amo_client::token::TokenStore;
use amo_client::{ANSWER_TIMEOUT, Client, NoClient, Pace, pace};
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

/// What is said of a token that holds more than itself.
const NOT_ALONE: &str = "put only the token into the variable";
/// The name of the credential that systemd hands over.
const CREDENTIAL: &str = "amoport-token";

/// Which account is meant.
#[derive(Debug, Clone)]
pub struct Target {
    which: TargetKind,
    token: Option<Token>,
    /// `None`: as usual, or as the run did before.
    answer_timeout: Option<Duration>,
    /// Where the name of the account is looked up; `None`: in the user's own config, and in the working folder.
    config: Option<PathBuf>,
    /// Who says that the token is to go there.
    origin: AddressOrigin,
    /// Asks whether it may, where nobody has allowed it.
    consent: Consent,
    /// What a new world of the sandbox is made like.
    like: Option<Box<AccountTemplate>>,
    /// Files with its secrets that other users can read.
    others: Others,
    on_hold: HoldListener,
}

/// Hears how long nothing will be sent, from whatever thread.
#[derive(Clone)]
struct HoldListener(OnHold);

impl std::fmt::Debug for HoldListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hold")
    }
}

#[derive(Debug, Clone, PartialEq)]
enum TargetKind {
    /// Not given. Reported after problems of mapping and source, which are told first.
    Unspecified,
    Sandbox,
    /// An address, or a name in a config.
    Account(String),
    /// A pretend account on this machine, on whose clock time may run faster.
    Local {
        base: Url,
        clock: Clock,
    },
}

/// A token for an account, where it is not found as usual.
#[derive(Debug, Clone)]
pub enum Token {
    File(PathBuf),
    Value(SecretString),
}

impl Target {
    fn of(which: TargetKind) -> Target {
        let (origin, consent, others) = (AddressOrigin::User, Consent::Missing, Others::Refused);
        let (config, on_hold) = (None, HoldListener(Arc::new(|_| {})));
        Target { which, token: None, answer_timeout: None, config, origin, consent, like: None, others, on_hold }
    }

    /// The same, where an answer is waited for as long as this.
    pub fn answer_timeout(self, answer_timeout: Duration) -> Target {
        Target { answer_timeout: Some(answer_timeout), ..self }
    }

    /// The same, where somebody can be asked whether a token may go to a host that a file in the working folder names.
    pub fn with_consent(self, consent: Consent) -> Target {
        Target { consent, ..self }
    }

    /// The same, where a long hold is told at once (`Wait`): the service has asked for a pause, this process or another one.
    pub fn on_hold(self, listen: impl Fn(Wait) + Send + Sync + 'static) -> Target {
        let listen = move |at_most| listen(Wait { reason: WaitReason::Throttled, at_most });
        Target { on_hold: HoldListener(Arc::new(listen)), ..self }
    }

    pub(super) fn others_policy(&self) -> Others {
        self.others
    }

    /// Whether a token, or the secret of an integration, may go to this address.
    pub(super) fn permit(&self, base: &Url, settings: &Settings) -> Result<(), EngineError> {
        hosts::permit(base, &self.origin, &settings.by, &self.consent)
    }

    /// The pace for whoever only logs in.
    pub(super) fn login_pace(&self, base: &Url, events: &mut EventSink<'_>) -> Pace {
        self.with_hold_listener(shared_pace(base, RATE_MAX, &Notices::default(), events))
    }

    fn with_hold_listener(&self, pace: Pace) -> Pace {
        pace.on_hold(Arc::clone(&self.on_hold.0))
    }

    /// The same, where files with its secrets may be such as other users can read.
    pub fn others(self, others: Others) -> Target {
        Target { others, ..self }
    }

    /// None; that is an error as soon as one is needed.
    pub fn unspecified() -> Target {
        Target::of(TargetKind::Unspecified)
    }

    /// The pretend account inside this process; its world is kept in the state folder.
    pub fn sandbox() -> Target {
        Target::of(TargetKind::Sandbox)
    }

    /// An account: `https://example.amocrm.ru`, or a name in the user's own config or in `amoport.toml`. Its token is looked for in `AMOPORT_TOKEN`, in
    /// the account's own settings, among systemd's credentials.
    pub fn account(name: impl Into<String>) -> Target {
        Target::of(TargetKind::Account(name.into()))
    }

    /// A pretend account on this machine, for benches and rehearsals: waits and the pace go by `clock`, which may be faster than
    /// the machine's. Of any other address that is an error, so nothing lifts the pace of a real account. A run into it is
    /// resumed as one into any account: by the machine's clock, at the usual pace.
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

    /// The same, where it is the sandbox, with what `engine::like` has read for the account of a new world.
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

    /// The way to the account of a run: the one that it began with, but for what is said now.
    pub(super) fn for_run(&self, head: &RunHead) -> Target {
        let renamed = self.which != TargetKind::Unspecified && self.recorded_name() != head.target;
        let answer_timeout = Some(self.answer_timeout.unwrap_or(Duration::from_secs(head.answer_timeout)));
        // Under another name its token is not looked for where it was found then.
        if renamed && (self.token.is_some() || token_in_environment().is_some()) {
            return Target { answer_timeout, ..self.clone() };
        }
        let target = if head.target == SANDBOX { Target::sandbox() } else { Target::account(&head.target) };
        // A token in the environment is newer than the file of then.
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

    /// Says which account is meant, before anything else is said. What is wrong with it is told when it is opened.
    pub(super) fn announce(&self, events: &mut EventSink<'_>) {
        if let Ok(Some(address)) = self.address(self.config.as_deref()) {
            events.account(&address);
        }
    }

    /// The address that is meant, with names looked up in `config`.
    fn address(&self, config: Option<&Path>) -> Result<Option<String>, EngineError> {
        Ok(match &self.which {
            TargetKind::Unspecified => None,
            TargetKind::Sandbox => Some(SANDBOX.to_owned()),
            TargetKind::Account(name) => Some(address(&base_url(&Settings::look_up(name, config)?.url)?)),
            TargetKind::Local { base, .. } => Some(address(base)),
        })
    }

    /// There is a token to ask this account with who it is.
    pub(super) fn has_explicit_token(&self) -> bool {
        self.token.is_some() || token_in_environment().is_some()
    }

    /// Whether this is the account of the run; `None` where the store has never seen its address. A name that it was given then means
    /// what it meant then.
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
            // The file is gone, and the name is all that is left.
            Err(_) if same_name => Ok(Some(true)),
            Err(error) => Err(error),
        }
    }
}

/// A way to an account; the embedded sandbox lives as long as this does.
pub(super) struct OpenAccount {
    /// The account's address; that of the sandbox is another one at every start, and it is called `sandbox`.
    pub address: String,
    /// What was asked for, as a run's head keeps it.
    pub target: String,
    pub client: Arc<Client>,
    pub clock: Clock,
    /// What the pace has to say, from whatever thread.
    notices: Notices,
    /// On which the account is asked.
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
            // It serves this process alone.
            Some(_) => (base_url(&served.url)?, Pace::new(rate, Clock::REAL)),
            None => {
                let base = on_this_machine(&served.url, &folder)?;
                let pace = shared_pace(&base, rate, &notices, events);
                (base, pace)
            }
        };
        let token = SecretString::from(served.token);
        let client =
            new_client(base, token.into(), target.with_hold_listener(pace))?.waiting(target.effective_timeout());
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

    /// It serves whoever has its address, and the pace is this process's own.
    fn local(base: Url, clock: Clock, target: &Target, rate: u32) -> Result<OpenAccount, EngineError> {
        let (auth, _) = find_auth(base.as_str(), target, &Settings::default())?;
        let client = new_client(base, auth, target.with_hold_listener(Pace::new(rate, clock)))?
            .waiting(target.effective_timeout());
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
        let client = new_client(base, auth, target.with_hold_listener(pace))?.waiting(target.effective_timeout());
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

    /// The account has said who it is.
    pub fn confirm_account(&self, id: u64, events: &mut EventSink<'_>) {
        if let Some(found) = self.client.pace().join(id) {
            events.note(halted_note(found));
        }
        self.forward_notices(events);
    }

    /// Passes on what the pace has said since the last time.
    pub fn forward_notices(&self, events: &mut EventSink<'_>) {
        let notices = std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner));
        events.notes(notices.into_iter().map(|message| Note::warning("pace-not-shared", message)));
    }
}

/// As the store names an account.
fn address(base: &Url) -> String {
    base.as_str().trim_end_matches('/').to_owned()
}

/// Of a sandbox that is announced in a state folder. Plain http is for this machine alone.
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
            NoClient::Certificates(_) => {
                let hint = "name a file of certificates with SSL_CERT_FILE, or unset that variable";
                EngineError::refused("certificates", message, hint)
            }
            NoClient::Broken(_) => EngineError::new(ErrorKind::Fault, Problem::new(Stage::Send, "client", message)),
        }
    })
}

/// The pace that all processes of this user share for an account; where that cannot be, one of our own, and a note.
fn shared_pace(base: &Url, rate: u32, notices: &Notices, events: &mut EventSink<'_>) -> Pace {
    let clock = Clock::REAL;
    let alone = Pace::new(rate, clock);
    let shared = match rate::folder() {
        Some(folder) => Shared::open(&folder, base.as_str(), clock),
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
            events.note(Note::new("pace-not-shared", pace::alone(&why)));
            alone
        }
    }
}

fn halted_note((halt, ago): (Halt, Duration)) -> Note {
    let ago = format_age(ago);
    let message = match halt.why {
        Why::Blocked => message!(
            "the service blocked this account or address (403) {ago}; one request is tried before any other",
            ago
        ),
        Why::Throttled => {
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

/// In this order: a token that was handed in, `AMOPORT_TOKEN`, the account's own store, file or command, systemd's
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
        return Ok((Auth::new(token, Source::Reread(Arc::new(move || read().map_err(|e| e.to_string())))), None));
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

fn auth_from_file(path: &Path, others: Others) -> Result<(Auth, Option<Note>), EngineError> {
    const HINT: &str = "check the path given with --token-file, or token-file in amoport.toml";
    let kept = secret::read(path, others).map_err(|unfit| no_token_error(unfit, HINT))?;
    let warning = kept.warning.map(|why| Note::warning("open-token-file", message!("{why}", why)));
    let path = path.to_owned();
    let read = move || secret::read(&path, others).map(|kept| kept.held).map_err(|unfit| unfit.to_string());
    Ok((Auth::new(kept.held, Source::Reread(Arc::new(read))), warning))
}

/// `hint` where the place itself asks for nothing else.
fn no_token_error(unfit: Unfit, hint: &'static str) -> EngineError {
    let hint = unfit.hint.map_or(Message::from(hint), |hint| message!("{hint}", hint));
    EngineError::refused("no-token", message!("{why}", why = unfit.why), hint)
}

fn auth_from_store(name: &str, oauth: &OAuth, others: Others) -> Result<Auth, EngineError> {
    let store = TokenStore::new(&oauth.token_store, others);
    let pair = store.read().map_err(|e| -> EngineError {
        let message = message!("the tokens cannot be read: {error}", error = e.to_string());
        Problem::in_file(&oauth.token_store, "no-token", message)
            .hint(message!("log in: amoport auth login --account {name} --code-file FILE", name))
            .into()
    })?;
    Ok(Auth::new(pair.access, Source::Pair(store, oauth_app(oauth, others)?)))
}

/// The integration, with its secret from the environment or its file.
pub(super) fn oauth_app(oauth: &OAuth, others: Others) -> Result<App, EngineError> {
    const IN_ENV: &str = "AMOPORT_CLIENT_SECRET";
    let from_env = std::env::var_os(IN_ENV).map(|secret| secret.to_string_lossy().into_owned());
    let from_env = from_env.filter(|secret| !secret.trim().is_empty());
    let unfit = |unfit: Unfit| {
        let hint = unfit.hint.map_or(Message::from("check client-secret-file"), |hint| message!("{hint}", hint));
        EngineError::refused("no-client-secret", message!("{why}", why = unfit.why), hint)
    };
    let client_secret = match (from_env, &oauth.client_secret_file) {
        (Some(secret), _) => secret::line(IN_ENV, &secret).map_err(unfit)?,
        (None, Some(path)) => secret::read(path, others).map_err(unfit)?.held,
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

/// Run in the folder of the file that names it, as everything else in that file is found from there.
fn run_token_command(command: &[String], folder: &Path) -> Result<SecretString, Unfit> {
    let [program, words @ ..] = command else { return Err(Unfit::new("token-command is empty")) };
    let path = Path::new(program);
    // A bare name is looked for where the system looks for programs.
    let program = if path.components().count() > 1 { folder.join(path) } else { path.to_owned() };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let output = std::process::Command::new(program)
        .args(words)
        .current_dir(folder)
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|e| Unfit::new(format!("token-command cannot be run: {e}")))?;
    let token = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || token.trim().is_empty() {
        return Err(Unfit::new(format!("token-command gave no token ({})", output.status)));
    }
    secret::line("what token-command prints", &token)
}
