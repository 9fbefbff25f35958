//! Credentials of an account: a token from a file, the environment, a command or the system, or a pair of OAuth tokens that
//! renews itself. They are not printed.

use super::config::{OAuth, Settings};
use super::{Target, Token};
use crate::engine::interface::error::EngineError;
use amo_client::auth::{App, Auth, TokenSource, TokenStore};
use amo_client::private::secret::{self, ReadableByOthers, SecretError};
use secrecy::{ExposeSecret, SecretString};
use sheet_source::message;
use sheet_source::problem::{Message, Note, Problem};
use std::path::Path;
use std::sync::Arc;

/// The hint for a variable that holds more than a token.
const NOT_ALONE: &str = "put only the token into the variable";

/// The name of the systemd credential.
const CREDENTIAL: &str = "amoport-token";

/// Finds the token, in this order: the given token, `AMOPORT_TOKEN`, the account's token store, file or command, systemd's
/// credentials.
pub(super) fn find_auth(name: &str, target: &Target, settings: &Settings) -> Result<(Auth, Option<Note>), EngineError> {
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

pub(super) fn token_in_environment() -> Option<SecretString> {
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
pub fn oauth_app(oauth: &OAuth, others: ReadableByOthers) -> Result<App, EngineError> {
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
