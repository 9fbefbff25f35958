//! Hosts to which a token may go. The user allows one by giving its address, by an account in the user's config, or with `auth
//! allow`. A file in a folder cannot: neither an `amoport.toml` nor the store of a run, which anyone may have packed into an
//! archive. So allowed hosts are kept in the user's own folders.

use crate::engine::interface::consent::{Confirmation, Consent};
use crate::engine::interface::error::EngineError;
use crate::engine::target::config::{self, ConfigSource, host_of};
use crate::engine::target::trust;
use crate::export::write_whole;
use amo_client::pace;
use amo_client::private;
use reqwest::Url;
use serde::Deserialize;
use sheet_source::message;
use sheet_source::problem::{Message, Place, Problem, Stage};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The problem code of a host to which the user has not allowed a token to go.
const CODE: &str = "host-not-allowed";
/// The file in the user's state folder with the hosts whose address was given with a command, one per line.
const GIVEN_HOSTS: &str = "hosts";

/// Who named the host to which a token would go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressOrigin {
    /// The user, with this command.
    User,
    /// The store of a run.
    Store {
        /// The address that the user gives with the command.
        given: Option<String>,
        /// The store also names the token file.
        names_token: bool,
    },
}

/// An error if the user has not allowed a token to go to this host. `by` is where its address was found.
pub fn permit(base: &Url, origin: &AddressOrigin, by: &ConfigSource, consent: &Consent) -> Result<(), EngineError> {
    let is_given = match (origin, by) {
        (_, ConfigSource::UserConfig) => true,
        (AddressOrigin::Store { given: Some(address), .. }, _)
            if config::base_url(address).ok().as_ref() == Some(base) =>
        {
            true
        }
        (AddressOrigin::User, ConfigSource::Address) => true,
        // Plain http is only for this machine.
        (AddressOrigin::Store { names_token, .. }, ConfigSource::Address) => base.scheme() == "http" && !names_token,
        (_, ConfigSource::Folder(_)) => false,
    };
    if is_given || is_allowed(base)? {
        return Ok(());
    }
    let (host, address) = (host_of(base), base.as_str().trim_end_matches('/'));
    let (message, place) = match by {
        ConfigSource::Folder(file) => {
            let message =
                message!("this file names the host {host}, and you have not allowed a token to go there", host = &host);
            (message, Place::File(file.clone()))
        }
        ConfigSource::UserConfig | ConfigSource::Address => {
            let message = message!(
                "the run's store names the host {host}, and you have not allowed a token to go there",
                host = &host
            );
            (message, Place::Nowhere)
        }
    };
    let answer = match consent {
        Consent::Ask(ask) => ask(&message!("{message}. {host} would get the token", message = &message, host = &host)),
        Consent::Given | Consent::Missing => Confirmation::Nobody,
    };
    if answer == Confirmation::Yes {
        // If it cannot be kept, the question comes again the next time.
        let _ = allow(&host);
        return Ok(());
    }
    let hint = match config::user_config_file() {
        Some(_) => message!("to allow it: amoport auth allow {host}", host = &host),
        None => message!("to allow it, give the address itself: --account {address}", address),
    };
    Err(Problem::new(Stage::Read, CODE, message).at(place).hint(hint).into())
}

fn is_allowed(base: &Url) -> Result<bool, EngineError> {
    let host = host_of(base);
    Ok(read_given_hosts().lines().any(|line| line == host)
        || config::UserConfig::read()?.is_some_and(|own| own.allows(&host)))
}

fn given_hosts_file() -> Option<PathBuf> {
    pace::default_folder().map(|folder| folder.join(GIVEN_HOSTS))
}

/// If others can write to the file, it counts as empty.
fn read_given_hosts() -> String {
    let file = given_hosts_file().filter(|file| trust::check_own_file(file).is_ok());
    file.and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default()
}

/// Keeps a host whose address the user gave. If it cannot be kept, a resumed run asks for it again.
pub fn remember_given(base: &Url, origin: &AddressOrigin, by: &ConfigSource) {
    if (origin, by) != (&AddressOrigin::User, &ConfigSource::Address) {
        return;
    }
    let host = host_of(base);
    let Some(file) = given_hosts_file().filter(|_| !read_given_hosts().lines().any(|line| line == host)) else {
        return;
    };
    let _ = file.parent().map(private::folder);
    let _ = private::append(&file).and_then(|mut file| file.write_all(format!("{host}\n").as_bytes()));
}

/// A host to which a token may go.
#[derive(Debug)]
pub struct Allowed {
    pub host: String,
    /// The config file that says so.
    pub file: PathBuf,
}

/// Allows a token to go to a host, given by name or address. It is written to the user's config.
pub fn allow(host: &str) -> Result<Allowed, EngineError> {
    let base = match host.contains("://") {
        true => config::base_url(host)?,
        false => config::base_url(&format!("https://{host}"))?,
    };
    let host = host_of(&base);
    if host.contains('*') {
        return Err(EngineError::refused(
            "account-address",
            "hosts are allowed one by one",
            "name one host: NAME.amocrm.ru",
        ));
    }
    let file = config::user_config_file().ok_or_else(|| {
        let hint = "set HOME or XDG_CONFIG_HOME, or give the account's address with --account";
        EngineError::refused("no-home", "no home folder to keep that in", hint)
    })?;
    let own = config::UserConfig::read()?;
    if !own.as_ref().is_some_and(|own| own.hosts.contains(&host)) {
        let text = with_host(own.as_ref().map_or("", |own| &own.text), &host);
        write_config(&file, &text).map_err(|e| -> EngineError {
            let message: Message = message!("the config cannot be written: {error}", error = e.to_string());
            Problem::in_file(&file, "config", message)
                .hint(message!("add hosts = [\"{host}\"] to it", host = &host))
                .into()
        })?;
    }
    Ok(Allowed { host, file })
}

/// A config that is a link into a folder of the user's settings stays a link.
fn write_config(file: &Path, text: &str) -> std::io::Result<()> {
    file.parent().map(private::folder).transpose()?;
    let file = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let mode = std::fs::metadata(&file).map(|meta| meta.permissions()).ok();
    write_whole(&file, text.as_bytes())?;
    mode.map_or(Ok(()), |mode| std::fs::set_permissions(&file, mode))
}

/// The text of a config with one more host in its list; the rest is unchanged.
fn with_host(text: &str, host: &str) -> String {
    #[derive(Deserialize)]
    struct HostsFile {
        hosts: Option<toml::Spanned<Vec<String>>>,
    }
    let hosts = toml::from_str::<HostsFile>(text).ok().and_then(|file| file.hosts);
    match hosts {
        Some(hosts) => {
            let names: Vec<String> = hosts.get_ref().iter().map(String::as_str).chain([host]).map(quoted).collect();
            let (before, after) = (&text[..hosts.span().start], &text[hosts.span().end..]);
            format!("{before}[{}]{after}", names.join(", "))
        }
        // The key goes before the first table, otherwise it would belong to the last one.
        None if text.is_empty() => format!("hosts = [{}]\n", quoted(host)),
        None => format!("hosts = [{}]\n\n{}", quoted(host), text.trim_start_matches('\u{feff}')),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_added_and_the_rest_of_the_config_stays() {
        let accounts = "# mine\n[accounts.main]\nurl = \"https://a\" # the first\n";
        let listed = "# mine\nhosts = [\n  \"a.ru\", # old\n]\n[accounts.main]\nurl = \"https://a\"\n";
        for (text, expected) in [
            ("", "hosts = [\"b.ru:81\"]\n".to_owned()),
            (accounts, format!("hosts = [\"b.ru:81\"]\n\n{accounts}")),
            (listed, "# mine\nhosts = [\"a.ru\", \"b.ru:81\"]\n[accounts.main]\nurl = \"https://a\"\n".to_owned()),
            ("hosts = []\n", "hosts = [\"b.ru:81\"]\n".to_owned()),
        ] {
            assert_eq!(with_host(text, "b.ru:81"), expected);
        }
    }
}
