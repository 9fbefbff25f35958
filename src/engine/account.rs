//! Account use cases: its structure, its mode of customers, login, and whether it accepts the token.

use crate::engine::interface::cancel::Cancel;
use crate::engine::interface::consent::Consent;
use crate::engine::interface::error::{EngineError, ErrorKind};
use crate::engine::interface::event::{Event, EventSink};
use crate::engine::interface::request::Folders;
use crate::engine::prepare;
use crate::engine::target::config::{Settings, base_url};
use crate::engine::target::hosts;
use crate::engine::target::runtime::runtime;
use crate::engine::target::sandbox::{self, AccountTemplate};
use crate::engine::target::{self, OpenAccount, Target};
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
pub struct SavedSnapshot {
    pub account: Account,
    pub file: PathBuf,
}

/// Reads everything that a mapping can name, except the names of customers: there may be very many, and they are personal data.
pub fn show(target: &Target, folders: &Folders, events: &mut dyn FnMut(Event)) -> Result<Account, EngineError> {
    let everything = SnapshotScope {
        pipelines: true,
        users: true,
        loss_reasons: true,
        fields: Owner::ENTITIES.to_vec(),
        catalog_list: true,
        all_catalogs: true,
        segments: true,
        statuses: true,
        ..SnapshotScope::default()
    };
    Ok(read_account(target, folders, &everything, events)?.0)
}

/// Where a snapshot is saved.
#[derive(Debug, Clone, Copy)]
pub struct SnapshotOutput<'a> {
    pub file: &'a Path,
    /// An existing file is replaced.
    pub force: bool,
}

/// Saves a snapshot of the account to `output`, or to the state folder.
pub fn pull(
    target: &Target,
    folders: &Folders,
    output: Option<SnapshotOutput<'_>>,
    events: &mut dyn FnMut(Event),
) -> Result<SavedSnapshot, EngineError> {
    if let Some(SnapshotOutput { file, force: false }) = output
        && private::is_there(file)
    {
        let problem = Problem::in_file(file, "account-file", "the file already exists");
        return Err(problem.hint("name another file, or add --force to replace it").into());
    }
    let account = show(target, folders, events)?;
    let file =
        output.map_or_else(|| default_snapshot_path(&folders.state, &account, target), |output| output.file.to_owned());
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
    Ok(SavedSnapshot { account, file })
}

/// Reads the snapshot of an account as the template for a new world of the sandbox.
pub fn account_template(file: &Path) -> Result<AccountTemplate, EngineError> {
    let account = prepare::read_snapshot(file)?;
    if account.pipelines.iter().all(|pipeline| pipeline.is_archive) {
        let problem =
            Problem::in_file(file, "account-file", "the snapshot holds no pipelines, and every account has some");
        return Err(problem.hint("pull it again with a token that may read them").into());
    }
    sandbox::account_template(account)
}

fn default_snapshot_path(state: &Path, account: &Account, target: &Target) -> PathBuf {
    let name = if target.is_sandbox() { target::SANDBOX } else { account.base.as_str() };
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    state.join("accounts").join(format!("{name}.json"))
}

fn read_account(
    target: &Target,
    folders: &Folders,
    wanted: &SnapshotScope,
    events: &mut dyn FnMut(Event),
) -> Result<(Account, OpenAccount), EngineError> {
    let events = &mut EventSink::new(events);
    let target = OpenAccount::open(target, &folders.state, RATE_MAX, events)?;
    let pulled = prepare::read_account(&target, wanted, &Cancel::new(), events)?;
    Ok((pulled.account, target))
}

/// Reads only the account's identity, so lists that cannot be read do not matter.
fn read_basics(
    target: &Target,
    folders: &Folders,
    events: &mut dyn FnMut(Event),
) -> Result<(Account, OpenAccount), EngineError> {
    read_account(target, folders, &SnapshotScope::default(), &mut |event| match &event {
        Event::Note(note) if note.code == prepare::GAP => {}
        _ => events(event),
    })
}

/// The mode in which an account keeps its customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomersMode {
    /// By segments, of which a customer may have several.
    Segments,
    /// By the time from one purchase to the next.
    Periodicity,
    Off,
}

/// The result of a change of the mode.
#[derive(Debug)]
pub struct ModeChange {
    /// The account's name.
    pub account: String,
    /// The service's name of the mode.
    pub mode: String,
    pub changed: bool,
}

/// Changes the mode of an account's customers. An import never changes it, because the mode affects all customers of the
/// account.
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
    match opened.runtime.block_on(write) {
        Ok(_) => {}
        Err(Failure::Unpaid(detail)) => {
            let message = message!("the account's plan has no customers: {detail}", detail);
            let problem = Problem::new(Stage::Send, "tariff", message)
                .hint("change the plan in the CRM, under settings and billing, and try again");
            return Err(EngineError::new(ErrorKind::Service, problem));
        }
        Err(failure) => return Err(failure.into()),
    }
    let mode = if enabled { word } else { "disabled" };
    Ok(ModeChange { account: name, mode: mode.to_owned(), changed: true })
}

/// The user and the account of a token.
#[derive(Debug)]
pub struct TokenStatus {
    /// The account's address.
    pub base: String,
    /// Its name.
    pub account: String,
    pub user: String,
    /// Unix seconds, if the token renews itself.
    pub renewed_after: Option<i64>,
}

/// Checks whether the account accepts the token.
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
pub struct LoginResult {
    pub file: PathBuf,
    /// Unix seconds.
    pub renewed_after: i64,
}

/// Exchanges an authorization code for tokens. The account has to name an integration.
pub fn log_in(
    target: &Target,
    code: impl FnOnce() -> Result<SecretString, EngineError>,
    events: &mut dyn FnMut(Event),
) -> Result<LoginResult, EngineError> {
    let events = &mut EventSink::new(events);
    let (name, others) = (target.recorded_name(), target.others_policy());
    let settings = Settings::look_up(&name, None)?;
    let base = base_url(&settings.url)?;
    events.account(base.as_str().trim_end_matches('/'));
    target.permit(&base, &settings)?;
    let Some(oauth) = &settings.oauth else {
        return Err(EngineError::refused(
            "no-integration",
            message!("the account \"{name}\" has no integration to log in with", name = shown(&name)),
            "add client-id, client-secret-file, redirect-uri and token-store to it in amoport.toml",
        ));
    };
    let app = target::oauth_app(oauth, others)?;
    let code = code()?;
    let store = TokenStore::new(&oauth.token_store, others);
    let pace = target.login_pace(&base, events);
    let client = target::new_client(base, SecretString::from(String::new()).into(), pace)?;
    let pair = runtime()?.block_on(client.log_in(&store, &app, &code))?;
    // A login allows the tokens to go to this host.
    let _ = hosts::allow(&settings.url);
    Ok(LoginResult { file: store.path().to_owned(), renewed_after: pair.expires_at })
}
