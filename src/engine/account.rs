//! What an account is made of, how it keeps its customers, logging in, and whether it takes the token.

use super::cancel::Cancel;
use super::config::{Settings, base};
use super::error::{EngineError, ErrorKind};
use super::event::{Event, Teller};
use super::hosts;
use super::prepare;
use super::request::{Consent, Folders};
use super::sandbox::{self, AccountTemplate};
use super::target::{self, Opened, Target};
use crate::export::{replace_whole, write_whole};
use amo_client::Failure;
use amo_client::account::{Account, SnapshotScope};
use amo_client::auth::TokenStore;
use amo_client::private;
use amo_client::private::shown::shown;
use amo_model::{CUSTOMERS_MODE_PATH, Owner, RATE_MAX, payload};
use secrecy::SecretString;
use sheet_source::message;
use sheet_source::problem::{Problem, Stage};
use std::path::{Path, PathBuf};

/// A snapshot in a file.
#[derive(Debug)]
pub struct Saved {
    pub account: Account,
    pub file: PathBuf,
}

/// Reads all that a mapping may name, but for the names of customers: there may be very many, and they are people's data.
pub fn show(target: &Target, folders: &Folders, events: &mut dyn FnMut(Event)) -> Result<Account, EngineError> {
    let everything = SnapshotScope {
        fields: Owner::ENTITIES.to_vec(),
        catalog_list: true,
        all_catalogs: true,
        segments: true,
        statuses: true,
        ..SnapshotScope::default()
    };
    Ok(read(target, folders, &everything, events)?.0)
}

/// Where a snapshot is saved.
#[derive(Debug, Clone, Copy)]
pub struct Output<'a> {
    pub file: &'a Path,
    /// What is there may be replaced.
    pub force: bool,
}

/// The same, saved; in the state folder, if no file is named.
pub fn pull(
    target: &Target,
    folders: &Folders,
    output: Option<Output<'_>>,
    events: &mut dyn FnMut(Event),
) -> Result<Saved, EngineError> {
    if let Some(Output { file, force: false }) = output
        && private::is_there(file)
    {
        let problem = Problem::in_file(file, "account-file", "it is there already");
        return Err(problem.hint("name another file, or add --force to replace it").into());
    }
    let account = show(target, folders, events)?;
    let file = output.map_or_else(|| saved_at(&folders.state, &account, target), |output| output.file.to_owned());
    let unwritable = |e: std::io::Error| -> EngineError {
        let message = message!("the snapshot cannot be written: {error}", error = e.to_string());
        Problem::in_file(&file, "account-file", message).hint("name another file with --output").into()
    };
    if let Some(folder) = file.parent() {
        private::folder(folder).map_err(unwritable)?;
    }
    let mut text = serde_json::to_vec_pretty(&account).map_err(|e| unwritable(e.into()))?;
    text.push(b'\n');
    let write = if output.is_some_and(|output| output.force) { replace_whole } else { write_whole };
    write(&file, &text).map_err(unwritable)?;
    Ok(Saved { account, file })
}

/// What a snapshot says of an account that the sandbox shall be like.
pub fn like(file: &Path) -> Result<AccountTemplate, EngineError> {
    let account = prepare::snapshot(file)?;
    if account.pipelines.iter().all(|pipeline| pipeline.is_archive) {
        let problem =
            Problem::in_file(file, "account-file", "the snapshot holds no pipelines, without which no account is");
        return Err(problem.hint("pull it once more with a token that may read them").into());
    }
    sandbox::like(account)
}

fn saved_at(state: &Path, account: &Account, target: &Target) -> PathBuf {
    let name = if target.is_sandbox() { target::SANDBOX } else { account.base.as_str() };
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    state.join("accounts").join(format!("{name}.json"))
}

fn read(
    target: &Target,
    folders: &Folders,
    wanted: &SnapshotScope,
    events: &mut dyn FnMut(Event),
) -> Result<(Account, Opened), EngineError> {
    let tell = &mut Teller::new(events);
    let target = Opened::open(target, &folders.state, RATE_MAX, tell)?;
    let pulled = prepare::account(&target, wanted, &prepare::runtime()?, &Cancel::new(), tell)?;
    Ok((pulled.account, target))
}

/// Only what the account says of itself, so that lists which cannot be read do not matter.
fn read_basics(
    target: &Target,
    folders: &Folders,
    events: &mut dyn FnMut(Event),
) -> Result<(Account, Opened), EngineError> {
    read(target, folders, &SnapshotScope::default(), &mut |event| match &event {
        Event::Note(note) if note.code == prepare::GAP => {}
        _ => events(event),
    })
}

/// How an account keeps its customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomersMode {
    /// By segments, of which a customer may have several.
    Segments,
    /// By the time from one purchase to the next.
    Periodicity,
    Off,
}

/// What became of the mode.
#[derive(Debug)]
pub struct ModeChange {
    /// The account's name.
    pub account: String,
    /// As the service calls it.
    pub mode: String,
    pub changed: bool,
}

/// Changes how an account keeps its customers. It is never changed by an import: it changes what all customers of the account
/// are made of.
pub fn customers_mode(
    mode: CustomersMode,
    target: &Target,
    folders: &Folders,
    consent: &Consent,
    events: &mut dyn FnMut(Event),
) -> Result<ModeChange, EngineError> {
    let (account, opened) = read_basics(target, folders, events)?;
    let (now, name) = (account.basics.customers_mode, account.basics.name);
    let (word, enabled) = match mode {
        CustomersMode::Segments => ("segments", true),
        CustomersMode::Periodicity => ("periodicity", true),
        // Both keys are required, so the mode they had stays with customers that are switched off. [seed]
        CustomersMode::Off if now == "periodicity" => ("periodicity", false),
        CustomersMode::Off => ("segments", false),
    };
    let off = matches!(now.as_str(), "disabled" | "unavailable");
    if (enabled && now == word) || (!enabled && off) {
        return Ok(ModeChange { account: name, mode: now, changed: false });
    }
    let what = match mode {
        CustomersMode::Segments => "kept by segments; their statuses are no longer used",
        CustomersMode::Periodicity => "kept by periodicity; their segments are no longer used",
        CustomersMode::Off => "switched off; nobody sees them any more",
    };
    consent.obtain(message!(
        "{name}: customers are \"{now}\" now and will be {what}, for everybody in the account",
        name = &name,
        now = &now,
        what
    ))?;
    let body = payload::customers_mode(word, enabled);
    let client = &opened.client;
    let write = async {
        let turn = client.turn().await;
        client.write(turn, "PATCH", CUSTOMERS_MODE_PATH, Some(body)).await
    };
    match prepare::runtime()?.block_on(write) {
        Ok(_) => {}
        Err(Failure::Unpaid(detail)) => {
            let message = message!("the account's tariff has no customers: {detail}", detail);
            let problem = Problem::new(Stage::Send, "tariff", message)
                .hint("change the tariff in the CRM, under settings and billing, and try again");
            return Err(EngineError::of(ErrorKind::Service, problem));
        }
        Err(failure) => return Err(failure.into()),
    }
    let mode = if enabled { word } else { "disabled" };
    Ok(ModeChange { account: name, mode: mode.to_owned(), changed: true })
}

/// Whose token it is.
#[derive(Debug)]
pub struct TokenStatus {
    /// The account's address.
    pub base: String,
    /// Its name.
    pub account: String,
    pub user: String,
    /// Unix seconds, where the token renews itself.
    pub renewed_after: Option<i64>,
}

/// Asks the account whether it takes the token.
pub fn status(target: &Target, folders: &Folders, events: &mut dyn FnMut(Event)) -> Result<TokenStatus, EngineError> {
    let (account, opened) = read_basics(target, folders, events)?;
    let id = account.basics.current_user;
    let user = account.users.iter().find(|user| user.id == id);
    Ok(TokenStatus {
        user: user.map_or_else(|| format!("user {id}"), |user| user.name.clone()),
        renewed_after: opened.client.auth().expires_at(),
        base: account.base,
        account: account.basics.name,
    })
}

/// Tokens that renew themselves.
#[derive(Debug)]
pub struct LoggedIn {
    pub file: PathBuf,
    /// Unix seconds.
    pub renewed_after: i64,
}

/// Exchanges an authorization code for tokens. The account is one that names an integration.
pub fn log_in(
    target: &Target,
    code: impl FnOnce() -> Result<SecretString, EngineError>,
    events: &mut dyn FnMut(Event),
) -> Result<LoggedIn, EngineError> {
    let tell = &mut Teller::new(events);
    let (name, others) = (target.kept(), target.others_may());
    let settings = Settings::of(&name, None)?;
    let base = base(&settings.url)?;
    tell.account(base.as_str().trim_end_matches('/'));
    target.permit(&base, &settings)?;
    let Some(oauth) = &settings.oauth else {
        return Err(EngineError::refused(
            "no-integration",
            message!("the account \"{name}\" names no integration to log in with", name = shown(&name)),
            "add client-id, client-secret-file, redirect-uri and token-store to it in amoport.toml",
        ));
    };
    let app = target::app(oauth, others)?;
    let code = code()?;
    let store = TokenStore::new(&oauth.token_store, others);
    let pace = target.pace_of(&base, tell);
    let client = target::client(base, SecretString::from(String::new()).into(), pace)?;
    let pair = prepare::runtime()?.block_on(client.log_in(&store, &app, &code))?;
    // Who has logged in there has said that his tokens may go there.
    let _ = hosts::allow(&settings.url);
    Ok(LoggedIn { file: store.path().to_owned(), renewed_after: pair.expires_at })
}
