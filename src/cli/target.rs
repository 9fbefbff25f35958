//! Which account, and by what right: the sandbox inside this process, or a host. A token comes from a file, the
//! environment, a command, the system's credentials, or a pair of OAuth tokens that renews itself; never from the
//! command line, and it is never printed.

use super::args::{Common, TargetArgs};
use super::config::{OAuth, Settings};
use super::exit::Ended;
use super::say;
use crate::api::auth::{App, Auth, Reread, Source};
use crate::api::token::TokenStore;
use crate::api::{Client, Pace, pace, parse_base};
use crate::clock::Clock;
use crate::problem::{Problem, Stage};
use crate::rate::{self, Shared, SharedError, Why};
use crate::sandbox::{self, Sandbox};
use reqwest::Url;
use secrecy::SecretString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The account's name in the store for the sandbox, whose address is another one at every start.
pub const SANDBOX: &str = "sandbox";
/// The name of the credential that systemd hands over.
const CREDENTIAL: &str = "amoport-token";

/// A way to an account; the embedded sandbox lives as long as this does.
pub struct Target {
    /// The account's name in the store.
    pub account: String,
    pub client: Client,
    _sandbox: Option<Sandbox>,
}

impl Target {
    pub fn open(args: &TargetArgs, common: &Common, rate: u32) -> Result<Target, Ended> {
        match (&args.account, args.sandbox) {
            (None, false) => Err(Ended::usage(
                "no-account",
                "it is not said which account",
                "add --sandbox to try it out, or --account https://NAME.amocrm.ru",
            )),
            (Some(_), true) => {
                Err(Ended::usage("no-account", "both --sandbox and --account are given", "choose one of them"))
            }
            (None, true) => Target::sandbox(common, rate),
            (Some(account), false) => Target::host(account, args, common, rate),
        }
    }

    fn sandbox(common: &Common, rate: u32) -> Result<Target, Ended> {
        let folder = common.state.join("sandbox");
        // A sandbox served by hand from the same folder is used as it stands.
        if let Some(standing) = sandbox::Standing::find(&folder).filter(|server| server.by_hand) {
            let base = base(&standing.url)?;
            let pace = shared_pace(&base, rate, common);
            let client = client(base, SecretString::from(standing.token).into(), pace)?;
            return Ok(Target { account: SANDBOX.to_owned(), client, _sandbox: None });
        }
        let sandbox = Sandbox::start(sandbox::Options { state: Some(folder), ..Default::default() })?;
        // It serves this process alone, and is gone with it.
        let pace = Pace::new(rate, Clock::REAL);
        let client = client(base(sandbox.url())?, SecretString::from(sandbox.token().to_owned()).into(), pace)?;
        Ok(Target { account: SANDBOX.to_owned(), client, _sandbox: Some(sandbox) })
    }

    fn host(name: &str, args: &TargetArgs, common: &Common, rate: u32) -> Result<Target, Ended> {
        let settings = Settings::of(name)?;
        let base = base(&settings.url)?;
        let auth = auth(name, args, &settings)?;
        let pace = shared_pace(&base, rate, common);
        let client = client(base, auth, pace)?;
        let account = client.base().as_str().trim_end_matches('/').to_owned();
        Ok(Target { account, client, _sandbox: None })
    }
}

pub fn base(url: &str) -> Result<Url, Ended> {
    parse_base(url)
        .map_err(|e| Ended::usage("account-address", e.to_string(), "give the account's address with --account"))
}

pub fn client(base: Url, auth: Auth, pace: Pace) -> Result<Client, Ended> {
    Client::new(base, auth, pace)
        .map_err(|e| Ended { exit: super::exit::Exit::Fault, problems: vec![Problem::new(Stage::Send, "client", e)] })
}

/// The pace that all processes of this user share for an account; where that cannot be, one of our own, and a note.
pub fn shared_pace(base: &Url, rate: u32, common: &Common) -> Pace {
    let clock = Clock::REAL;
    let alone = Pace::new(rate, clock);
    let shared = match rate::folder() {
        Some(folder) => Shared::open(&folder, base.as_str(), clock),
        None => Err(SharedError::Unusable("there is no home folder".to_owned())),
    };
    match shared {
        Ok(shared) => {
            if let Some((halt, ago)) = shared.found() {
                let what = match halt.why {
                    Why::Blocked => "the service blocked this account or address (403)",
                    Why::Throttled => "the service kept asking to slow down (429)",
                };
                say::note(common, format!("{what} {}; one request is tried before any other", told(ago)));
            }
            alone.sharing(shared, say::line)
        }
        Err(why) => {
            say::note(common, pace::alone(&why));
            alone
        }
    }
}

fn told(ago: Duration) -> String {
    match ago.as_secs() {
        0..120 => "a moment ago".to_owned(),
        s @ 120..7_200 => format!("{} minutes ago", s / 60),
        s @ 7_200..172_800 => format!("{} hours ago", s / 3_600),
        s => format!("{} days ago", s / 86_400),
    }
}

/// In this order: `--token-file`, `AMOPORT_TOKEN`, the account's own store, file or command, systemd's credentials.
fn auth(name: &str, args: &TargetArgs, settings: &Settings) -> Result<Auth, Ended> {
    if let Some(path) = &args.token_file {
        return from_file(path);
    }
    if let Ok(token) = std::env::var("AMOPORT_TOKEN")
        && !token.trim().is_empty()
    {
        return Ok(SecretString::from(token.trim().to_owned()).into());
    }
    if let Some(oauth) = &settings.oauth {
        return from_store(name, oauth);
    }
    if let Some(path) = &settings.token_file {
        return from_file(path);
    }
    if !settings.token_command.is_empty() {
        let command = settings.token_command.clone();
        return reread(Arc::new(move || token_command(&command)), "run token-command by hand and see what it says");
    }
    if let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") {
        let path = Path::new(&folder).join(CREDENTIAL);
        if path.exists() {
            return from_file(&path);
        }
    }
    Err(Ended::usage(
        "no-token",
        "there is no token for this account",
        "put it into a file of your own and name that with --token-file, or into the variable AMOPORT_TOKEN",
    ))
}

fn from_file(path: &Path) -> Result<Auth, Ended> {
    let path = path.to_owned();
    reread(Arc::new(move || token_file(&path)), "check the path given with --token-file, or token-file in amoport.toml")
}

fn reread(read: Reread, hint: &str) -> Result<Auth, Ended> {
    let token = read().map_err(|message| Ended::usage("no-token", message, hint))?;
    Ok(Auth::new(token, Source::Reread(read)))
}

fn from_store(name: &str, oauth: &OAuth) -> Result<Auth, Ended> {
    let store = TokenStore::new(&oauth.token_store);
    let pair = store.read().map_err(|e| -> Ended {
        Problem::in_file(&oauth.token_store, "no-token", format!("the tokens cannot be read: {e}"))
            .hint(format!("log in: amoport auth login --account {name} --code-file FILE"))
            .into()
    })?;
    Ok(Auth::new(pair.access, Source::Pair(store, app(oauth)?)))
}

/// The integration, with its secret from the environment or its file.
pub fn app(oauth: &OAuth) -> Result<App, Ended> {
    let from_env = std::env::var("AMOPORT_CLIENT_SECRET").ok().filter(|secret| !secret.trim().is_empty());
    let client_secret = match (from_env, &oauth.client_secret_file) {
        (Some(secret), _) => SecretString::from(secret.trim().to_owned()),
        (None, Some(path)) => {
            token_file(path).map_err(|e| Ended::usage("no-client-secret", e, "check client-secret-file"))?
        }
        (None, None) => {
            return Err(Ended::usage(
                "no-client-secret",
                "the integration's secret is not known",
                "name a file with client-secret-file in amoport.toml, or put it into AMOPORT_CLIENT_SECRET",
            ));
        }
    };
    Ok(App { client_id: oauth.client_id.clone(), client_secret, redirect_uri: oauth.redirect_uri.clone() })
}

/// A secret in a file of its own.
fn token_file(path: &Path) -> Result<SecretString, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
    match text.trim() {
        "" => Err(format!("{} is empty", path.display())),
        token => Ok(SecretString::from(token.to_owned())),
    }
}

fn token_command(command: &[String]) -> Result<SecretString, String> {
    let [program, words @ ..] = command else { return Err("token-command is empty".to_owned()) };
    let output = std::process::Command::new(program)
        .args(words)
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|e| format!("token-command cannot be run: {e}"))?;
    let token = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || token.is_empty() {
        return Err(format!("token-command gave no token ({})", output.status));
    }
    Ok(SecretString::from(token))
}
