//! `amoport account` and `amoport auth`: what an account is made of, logging in, and whether it takes the token.

use super::args::{AccountVerb, AuthVerb, Common, CustomersMode, TargetArgs};
use super::ask;
use super::config::Settings;
use super::exit::{Ended, Exit};
use super::target::Target;
use super::{prepare, say, target};
use crate::account::{Account, Wanted};
use crate::api::Failure;
use crate::api::token::TokenStore;
use crate::entity::{CUSTOMERS_MODE_PATH, FieldKind, Owner, RATE_MAX, payload};
use crate::problem::{Problem, Stage};
use secrecy::SecretString;
use serde_json::json;
use std::path::{Path, PathBuf};

pub fn run(verb: &AccountVerb, common: &Common) -> Result<Exit, Ended> {
    match verb {
        AccountVerb::Pull { target, output } => pull(target, output.as_deref(), common),
        AccountVerb::Show { target } => show(target, common),
        AccountVerb::CustomersMode { mode, target, yes } => customers_mode(*mode, target, *yes, common),
    }
}

fn read(target: &TargetArgs, common: &Common) -> Result<(Account, String), Ended> {
    let target = Target::open(target, common, RATE_MAX)?;
    let account = prepare::account(&target.client, &everything(), common)?;
    Ok((account, target.account))
}

/// All that a mapping may name, but for the names of customers: there may be very many, and they are people's data.
fn everything() -> Wanted {
    Wanted {
        fields: Owner::ENTITIES.to_vec(),
        lists: true,
        all_lists: true,
        segments: true,
        statuses: true,
        ..Wanted::default()
    }
}

fn pull(target: &TargetArgs, output: Option<&Path>, common: &Common) -> Result<Exit, Ended> {
    let (account, name) = read(target, common)?;
    let path = output.map_or_else(|| saved_at(&common.state, &name), Path::to_owned);
    let unwritable = |e: std::io::Error| -> Ended {
        Problem::in_file(&path, "account-file", format!("the snapshot cannot be written: {e}"))
            .hint("name another file with --output")
            .into()
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(unwritable)?;
    }
    let mut text = serde_json::to_vec_pretty(&account).map_err(|e| unwritable(e.into()))?;
    text.push(b'\n');
    std::fs::write(&path, text).map_err(unwritable)?;
    let fields: usize = account.fields.values().map(Vec::len).sum();
    say::note(
        common,
        format!(
            "{}: {} pipelines, {} users, {fields} fields, saved in {}",
            account.basics.name,
            account.pipelines.len(),
            account.users.len(),
            path.display()
        ),
    );
    if common.json {
        say::data(&json!({"schema": 1, "exit_code": 0, "file": path.display().to_string()}).to_string());
    }
    Ok(Exit::Done)
}

/// The mode is never changed by an import: it changes what all customers of the account are made of.
fn customers_mode(mode: CustomersMode, target: &TargetArgs, yes: bool, common: &Common) -> Result<Exit, Ended> {
    let (account, _) = read_basics(target, common)?;
    let now = account.basics.customers_mode.as_str();
    let (word, enabled) = match mode {
        CustomersMode::Segments => ("segments", true),
        CustomersMode::Periodicity => ("periodicity", true),
        // Both keys are required, so the mode they had stays with customers that are switched off. [seed]
        CustomersMode::Off if now == "periodicity" => ("periodicity", false),
        CustomersMode::Off => ("segments", false),
    };
    let off = matches!(now, "disabled" | "unavailable");
    if (enabled && now == word) || (!enabled && off) {
        say::note(common, format!("{}: customers are \"{now}\" already", account.basics.name));
        return told_mode(now, common);
    }
    let what = match mode {
        CustomersMode::Segments => "kept by segments; their statuses are no longer used",
        CustomersMode::Periodicity => "kept by periodicity; their segments are no longer used",
        CustomersMode::Off => "switched off; nobody sees them any more",
    };
    let name = &account.basics.name;
    ask::confirm(
        &format!("{name}: customers are \"{now}\" now and will be {what}, for everybody in the account"),
        yes,
    )?;
    let target = Target::open(target, common, RATE_MAX)?;
    let body = payload::customers_mode(word, enabled);
    let write = async {
        target.client.pace().turn().await;
        target.client.write("PATCH", CUSTOMERS_MODE_PATH, Some(body)).await
    };
    match prepare::runtime()?.block_on(write) {
        Ok(_) => {}
        Err(Failure::Unpaid(detail)) => {
            let problem =
                Problem::new(Stage::Send, "tariff", format!("the account's tariff has no customers: {detail}"))
                    .hint("change the tariff in the CRM, under settings and billing, and try again");
            return Err(Ended { exit: Exit::Service, problems: vec![problem] });
        }
        Err(failure) => return Err(failure.into()),
    }
    let now = if enabled { word } else { "disabled" };
    say::note(common, format!("{name}: customers are \"{now}\" now"));
    told_mode(now, common)
}

fn read_basics(target: &TargetArgs, common: &Common) -> Result<(Account, String), Ended> {
    let target = Target::open(target, common, RATE_MAX)?;
    let account = prepare::account(&target.client, &Wanted::default(), &Common { quiet: true, ..common.clone() })?;
    Ok((account, target.account))
}

fn told_mode(mode: &str, common: &Common) -> Result<Exit, Ended> {
    if common.json {
        say::data(&json!({"schema": 1, "exit_code": 0, "customers_mode": mode}).to_string());
    }
    Ok(Exit::Done)
}

fn saved_at(state: &Path, account: &str) -> PathBuf {
    let name: String = account.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    state.join("accounts").join(format!("{name}.json"))
}

fn show(target: &TargetArgs, common: &Common) -> Result<Exit, Ended> {
    let (account, _) = read(target, common)?;
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
            "list \"{}\" id:{} {}{}",
            catalog.name,
            catalog.id,
            catalog.kind,
            elements.unwrap_or_default()
        ));
    }
    say::data(&format!("customers: {}", account.basics.customers_mode));
    for (what, things) in [("segments", &account.segments), ("statuses of customers", &account.customer_statuses)] {
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

pub fn auth(verb: &AuthVerb, common: &Common) -> Result<Exit, Ended> {
    match verb {
        AuthVerb::Login { account, code_file } => login(account, code_file, common),
        AuthVerb::Status { target } => status(target, common),
    }
}

fn status(target: &TargetArgs, common: &Common) -> Result<Exit, Ended> {
    let target = Target::open(target, common, RATE_MAX)?;
    let account = prepare::account(&target.client, &Wanted::default(), &Common { quiet: true, ..common.clone() })?;
    let user = account.users.iter().find(|user| user.id == account.basics.current_user);
    let name = user.map_or_else(|| format!("user {}", account.basics.current_user), |user| user.name.clone());
    let until = target.client.auth().expires_at().map(day_and_time);
    if common.json {
        let json = json!({
            "schema": 1, "exit_code": 0, "account": account.base, "name": account.basics.name, "user": name,
            "token_until": until,
        });
        say::data(&json.to_string());
    } else {
        let until = until.map(|until| format!("; it is renewed after {until}")).unwrap_or_default();
        say::data(&format!("{} takes the token, as {name} of \"{}\"{until}", account.base, account.basics.name));
    }
    Ok(Exit::Done)
}

/// The code comes from a file or stdin: the command line is for everybody to see.
fn login(name: &str, code_file: &Path, common: &Common) -> Result<Exit, Ended> {
    let settings = Settings::of(name)?;
    let Some(oauth) = &settings.oauth else {
        return Err(Ended::usage(
            "no-integration",
            format!("the account \"{name}\" names no integration to log in with"),
            "add client-id, client-secret-file, redirect-uri and token-store to it in amoport.toml",
        ));
    };
    let app = target::app(oauth)?;
    let code = code(code_file)?;
    let store = TokenStore::new(&oauth.token_store);
    let base = target::base(&settings.url)?;
    let pace = target::shared_pace(&base, RATE_MAX, common);
    let client = target::client(base, SecretString::from(String::new()).into(), pace)?;
    let pair = prepare::runtime()?.block_on(client.log_in(&store, &app, &code))?;
    let until = day_and_time(pair.expires_at);
    say::note(common, format!("logged in; the tokens are kept in {} and renew themselves", store.path().display()));
    if common.json {
        let file = store.path().display().to_string();
        say::data(&json!({"schema": 1, "exit_code": 0, "file": file, "token_until": until}).to_string());
    }
    Ok(Exit::Done)
}

fn code(file: &Path) -> Result<SecretString, Ended> {
    let (text, place) = if file == Path::new("-") {
        (std::io::read_to_string(std::io::stdin()), "standard input".to_owned())
    } else {
        (std::fs::read_to_string(file), file.display().to_string())
    };
    let hint = "it is the part after code= of the address to which the consent page leads; it lives for 20 minutes";
    let text = text.map_err(|e| Ended::usage("no-code", format!("the code in {place} cannot be read: {e}"), hint))?;
    match text.trim() {
        "" => Err(Ended::usage("no-code", format!("there is no code in {place}"), hint)),
        code => Ok(SecretString::from(code.to_owned())),
    }
}

fn day_and_time(unix_s: i64) -> String {
    jiff::Timestamp::from_second(unix_s).map_or_else(|_| unix_s.to_string(), |at| at.to_string())
}
