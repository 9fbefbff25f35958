//! `amoport account` and `amoport auth`: the structure of an account, login, and whether it accepts the token.

use crate::cli::args::requests;
use crate::cli::args::{AccountVerb, AuthVerb, CommonArgs, ModeWord, TargetArgs};
use crate::cli::exit::Exit;
use crate::cli::terminal::ask;
use crate::cli::terminal::listen::EventPrinter;
use crate::cli::terminal::say;
use crate::engine::{self, Cancel, CustomersMode, EngineError, ReadableByOthers, SnapshotOutput, Target};
use amo_client::account::Account;
use amo_client::private::secret;
use amo_model::FieldKind;
use secrecy::SecretString;
use serde_json::json;
use sheet_source::message;
use std::path::Path;

pub fn run(verb: &AccountVerb, common: &CommonArgs) -> Result<Exit, EngineError> {
    match verb {
        AccountVerb::Pull { target, output, force } => {
            let output = output.as_deref().map(|file| SnapshotOutput { file, force: *force });
            pull(target, output, common)
        }
        AccountVerb::Show { target } => show(target, common),
        AccountVerb::CustomersMode { mode, target, yes } => customers_mode(*mode, target, *yes, common),
    }
}

fn pull(target: &TargetArgs, output: Option<SnapshotOutput<'_>>, common: &CommonArgs) -> Result<Exit, EngineError> {
    let mut printer = EventPrinter::new(common);
    let (target, folders) = (requests::target(target, &Cancel::new())?, requests::folders(common)?);
    let saved = engine::pull(&target, &folders, output, &mut |event| printer.on_event(event))?;
    let (account, file) = (&saved.account, say::file(&saved.file));
    let fields: usize = account.fields.values().map(Vec::len).sum();
    let (name, pipelines, users) = (&account.basics.name, account.pipelines.len(), account.users.len());
    say::note(common, format!("{name}: {pipelines} pipelines, {users} users, {fields} fields, saved in {file}"));
    if common.json {
        say::data(&json!({"schema": 1, "exit_code": 0, "file": file}).to_string());
    }
    Ok(Exit::Done)
}

fn customers_mode(mode: ModeWord, target: &TargetArgs, yes: bool, common: &CommonArgs) -> Result<Exit, EngineError> {
    let mode = match mode {
        ModeWord::Segments => CustomersMode::Segments,
        ModeWord::Periodicity => CustomersMode::Periodicity,
        ModeWord::Off => CustomersMode::Off,
    };
    let mut printer = EventPrinter::new(common);
    let (target, folders) = (requests::target(target, &Cancel::new())?, requests::folders(common)?);
    let consent = ask::consent(yes, &Cancel::new());
    let change = engine::customers_mode(mode, &target, &folders, &consent, &mut |event| printer.on_event(event))?;
    let when = if change.changed { "now" } else { "already" };
    say::note(common, format!("{}: customers are \"{}\" {when}", change.account, change.mode));
    if common.json {
        say::data(&json!({"schema": 1, "exit_code": 0, "customers_mode": change.mode}).to_string());
    }
    Ok(Exit::Done)
}

fn show(target: &TargetArgs, common: &CommonArgs) -> Result<Exit, EngineError> {
    let mut printer = EventPrinter::new(common);
    let target = requests::target(target, &Cancel::new())?;
    let account = engine::show(&target, &requests::folders(common)?, &mut |event| printer.on_event(event))?;
    if common.json {
        say::data(&serde_json::to_string(&account).unwrap_or_default());
        return Ok(Exit::Done);
    }
    let basics = &account.basics;
    let zone = basics.timezone.as_deref().unwrap_or("unknown");
    say::data(&format!("{} ({}), currency {}, time zone {zone}", basics.name, account.base, basics.currency));
    for pipeline in &account.pipelines {
        let main = if pipeline.is_main { ", the main one" } else { "" };
        let stages: Vec<&str> = Account::stage_names(pipeline).collect();
        say::data(&format!("pipeline \"{}\"{main}: {}", pipeline.name, stages.join(" → ")));
    }
    for user in &account.users {
        let state = if user.is_active { "" } else { ", not active" };
        say::data(&format!("user \"{}\" <{}>{state}", user.name, user.email));
    }
    let reasons: Vec<&str> = account.loss_reasons.iter().map(|reason| reason.name.as_str()).collect();
    say::data(&format!("loss reasons: {}", reasons.join(", ")));
    for catalog in &account.catalogs {
        let elements = account.elements.get(&catalog.id).map(|items| format!(", {} elements", items.len()));
        say::data(&format!(
            "catalog \"{}\" id:{} {}{}",
            catalog.name,
            catalog.id,
            catalog.kind,
            elements.unwrap_or_default()
        ));
    }
    say::data(&format!("customers: {}", account.basics.customers_mode));
    for (what, things) in [("segments", &account.segments), ("customer statuses", &account.customer_statuses)] {
        if !things.is_empty() {
            let names: Vec<&str> = things.iter().map(|thing| thing.name.as_str()).collect();
            say::data(&format!("{what}: {}", names.join(", ")));
        }
    }
    for (owner, fields) in &account.fields {
        for field in fields {
            let code = field.code.as_deref().map(|code| format!(" [{code}]")).unwrap_or_default();
            let options: Vec<&str> = field.options.iter().map(|o| o.value.as_str()).collect();
            let shown = FieldKind::from_name(&field.kind).has_options() && !options.is_empty();
            let options = if shown { format!(": {}", options.join(" | ")) } else { String::new() };
            say::data(&format!(
                "{} field \"{}\"{code} id:{} {}{options}",
                owner.path(),
                field.name,
                field.id,
                field.kind
            ));
        }
    }
    Ok(Exit::Done)
}

pub fn auth(verb: &AuthVerb, common: &CommonArgs) -> Result<Exit, EngineError> {
    match verb {
        AuthVerb::Login { account, code_file, open } => login(account, code_file, open.others(), common),
        AuthVerb::Allow { host } => allow(host, common),
        AuthVerb::Status { target } => status(target, common),
    }
}

fn status(target: &TargetArgs, common: &CommonArgs) -> Result<Exit, EngineError> {
    let mut printer = EventPrinter::new(common);
    let (target, folders) = (requests::target(target, &Cancel::new())?, requests::folders(common)?);
    let status = engine::status(&target, &folders, &mut |event| printer.on_event(event))?;
    let (base, name, user) = (&status.base, &status.account, &status.user);
    let until = status.renewed_after.map(format_time);
    if common.json {
        let json = json!({
            "schema": 1, "exit_code": 0, "account": base, "name": name, "user": user, "token_until": until,
        });
        say::data(&json.to_string());
    } else {
        let until = until.map(|until| format!("; it is renewed after {until}")).unwrap_or_default();
        say::data(&format!("{base} accepts the token, as {user} of \"{name}\"{until}"));
    }
    Ok(Exit::Done)
}

fn allow(host: &str, common: &CommonArgs) -> Result<Exit, EngineError> {
    let allowed = engine::allow(host)?;
    let (host, file) = (allowed.host, allowed.file.display().to_string());
    say::note(common, format!("tokens may go to {host}; saved in {file}"));
    if common.json {
        say::data(&json!({"schema": 1, "exit_code": 0, "host": host, "file": file}).to_string());
    }
    Ok(Exit::Done)
}

/// The code comes from a file or stdin, because other users can see the command line.
fn login(name: &str, code_file: &Path, others: ReadableByOthers, common: &CommonArgs) -> Result<Exit, EngineError> {
    let mut printer = EventPrinter::new(common);
    let target =
        Target::account(name).with_consent(ask::consent(false, &Cancel::new())).others(others).on_hold(say::hold);
    let logged_in = engine::log_in(&target, || read_code(code_file, others), &mut |event| printer.on_event(event))?;
    let file = logged_in.file.display().to_string();
    say::note(common, format!("logged in; the tokens are kept in {file} and renew themselves"));
    if common.json {
        let until = format_time(logged_in.renewed_after);
        say::data(&json!({"schema": 1, "exit_code": 0, "file": file, "token_until": until}).to_string());
    }
    Ok(Exit::Done)
}

fn read_code(file: &Path, others: ReadableByOthers) -> Result<SecretString, EngineError> {
    let read = match file == Path::new("-") {
        true => secret::input(),
        false => secret::read(file, others).map(|kept| kept.content),
    };
    read.map_err(|unfit| {
        let hint = unfit.hint.unwrap_or_else(|| {
            "it is the part after code= of the address to which the consent page leads; it lives for 20 minutes"
                .to_owned()
        });
        EngineError::refused("no-code", message!("no code: {why}", why = unfit.why), message!("{hint}", hint))
    })
}

fn format_time(unix_s: i64) -> String {
    jiff::Timestamp::from_second(unix_s).map_or_else(|_| unix_s.to_string(), |at| at.to_string())
}
