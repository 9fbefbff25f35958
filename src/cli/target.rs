//! Which account, and with what token: the sandbox inside this process, or a host. A token comes from a file, the
//! environment, a command or the system's credentials; never from the command line, and it is never printed.

use super::args::{Common, TargetArgs};
use super::exit::Ended;
use crate::api::{Client, parse_base};
use crate::problem::{Problem, Stage, did_you_mean};
use crate::sandbox::{self, Sandbox};
use secrecy::SecretString;
use std::path::{Path, PathBuf};

/// The account's name in the store for the sandbox, whose address is another one at every start.
pub const SANDBOX: &str = "sandbox";
const CONFIG: &str = "amoport.toml";
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
            (Some(account), false) => Target::host(account, args, rate),
        }
    }

    fn sandbox(common: &Common, rate: u32) -> Result<Target, Ended> {
        let folder = common.state.join("sandbox");
        // A sandbox served by hand from the same folder is used as it stands.
        if let Some(standing) = sandbox::Standing::find(&folder).filter(|server| server.by_hand) {
            let client = client(&standing.url, SecretString::from(standing.token), rate)?;
            return Ok(Target { account: SANDBOX.to_owned(), client, _sandbox: None });
        }
        let sandbox = Sandbox::start(sandbox::Options { state: Some(folder), ..Default::default() })?;
        let client = client(sandbox.url(), SecretString::from(sandbox.token().to_owned()), rate)?;
        Ok(Target { account: SANDBOX.to_owned(), client, _sandbox: Some(sandbox) })
    }

    fn host(name: &str, args: &TargetArgs, rate: u32) -> Result<Target, Ended> {
        let settings = Settings::of(name)?;
        let token = token(args, &settings)?;
        let client = client(&settings.url, token, rate)?;
        let account = client.base().as_str().trim_end_matches('/').to_owned();
        Ok(Target { account, client, _sandbox: None })
    }
}

fn client(base: &str, token: SecretString, rate: u32) -> Result<Client, Ended> {
    let base = parse_base(base)
        .map_err(|e| Ended::usage("account-address", e.to_string(), "give the account's address with --account"))?;
    Client::new(base, token, crate::api::pace::Pace::new(rate, crate::clock::Clock::REAL))
        .map_err(|e| Ended { exit: super::exit::Exit::Fault, problems: vec![Problem::new(Stage::Send, "client", e)] })
}

/// What is known of an account before it is asked.
struct Settings {
    url: String,
    token_file: Option<PathBuf>,
    token_command: Vec<String>,
}

impl Settings {
    /// An address as it is; any other word is a name in `amoport.toml`.
    fn of(name: &str) -> Result<Settings, Ended> {
        if name.contains("://") {
            return Ok(Settings { url: name.to_owned(), token_file: None, token_command: Vec::new() });
        }
        let missing = |message: String, hint: String| -> Ended {
            Problem::new(Stage::Read, "config", message)
                .at(crate::problem::Place::File(CONFIG.into()))
                .hint(hint)
                .into()
        };
        let text = std::fs::read_to_string(CONFIG).map_err(|e| {
            missing(
                format!("the account \"{name}\" is looked up in this file, which cannot be read: {e}"),
                format!(
                    "write it with [accounts.{name}] and url = \"https://NAME.amocrm.ru\", or give the address itself"
                ),
            )
        })?;
        let config: toml::Table = text.parse().map_err(|e: toml::de::Error| {
            missing(format!("this is not TOML: {}", e.message()), "correct the file".to_owned())
        })?;
        let accounts = config.get("accounts").and_then(toml::Value::as_table).cloned().unwrap_or_default();
        let Some(account) = accounts.get(name).and_then(toml::Value::as_table) else {
            let hint = did_you_mean(name, accounts.keys().map(String::as_str))
                .unwrap_or_else(|| format!("add [accounts.{name}] with url = \"https://NAME.amocrm.ru\""));
            return Err(missing(format!("there is no account \"{name}\""), hint));
        };
        let Some(url) = account.get("url").and_then(toml::Value::as_str) else {
            return Err(missing(
                format!("[accounts.{name}] has no url"),
                "add url = \"https://NAME.amocrm.ru\"".to_owned(),
            ));
        };
        let command = account.get("token-command").and_then(toml::Value::as_array);
        Ok(Settings {
            url: url.to_owned(),
            token_file: account.get("token-file").and_then(toml::Value::as_str).map(PathBuf::from),
            token_command: command
                .map(|words| words.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect())
                .unwrap_or_default(),
        })
    }
}

/// In this order: `--token-file`, `AMOPORT_TOKEN`, the account's own file or command, systemd's credentials.
fn token(args: &TargetArgs, settings: &Settings) -> Result<SecretString, Ended> {
    if let Some(path) = &args.token_file {
        return token_file(path);
    }
    if let Ok(token) = std::env::var("AMOPORT_TOKEN")
        && !token.trim().is_empty()
    {
        return Ok(SecretString::from(token.trim().to_owned()));
    }
    if let Some(path) = &settings.token_file {
        return token_file(path);
    }
    if let [program, words @ ..] = settings.token_command.as_slice() {
        return token_command(program, words);
    }
    if let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") {
        let path = Path::new(&folder).join(CREDENTIAL);
        if path.exists() {
            return token_file(&path);
        }
    }
    Err(Ended::usage(
        "no-token",
        "there is no token for this account",
        "put it into a file of your own and name that with --token-file, or into the variable AMOPORT_TOKEN",
    ))
}

fn token_file(path: &Path) -> Result<SecretString, Ended> {
    let unreadable = |message: String| -> Ended {
        Problem::in_file(path, "no-token", message).hint("check the path given with --token-file").into()
    };
    let text = std::fs::read_to_string(path).map_err(|e| unreadable(format!("the token cannot be read: {e}")))?;
    match text.trim() {
        "" => Err(unreadable("the token file is empty".to_owned())),
        token => Ok(SecretString::from(token.to_owned())),
    }
}

fn token_command(program: &str, words: &[String]) -> Result<SecretString, Ended> {
    let failed = |message: String| Ended::usage("no-token", message, "run token-command by hand and see what it says");
    let output = std::process::Command::new(program)
        .args(words)
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|e| failed(format!("token-command cannot be run: {e}")))?;
    let token = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || token.is_empty() {
        return Err(failed(format!("token-command gave no token ({})", output.status)));
    }
    Ok(SecretString::from(token))
}
