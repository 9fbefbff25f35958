//! Accounts by name, `[accounts.NAME]`, in the user's config or in `amoport.toml` of the working folder. Both hold no secrets,
//! only their locations. The folder's file may come from anyone, so it may not run commands, name files outside its folder, or
//! allow a token to go to the host that it names.

use crate::engine::interface::error::EngineError;
use crate::engine::target::trust;
use amo_client::parse_base;
use amo_client::private;
use amo_client::private::shown::is_token;
use reqwest::Url;
use sheet_source::message;
use sheet_source::problem::{Message, Place, Problem, Stage, did_you_mean};
use std::path::{Component, Path, PathBuf};

pub const FILE: &str = "amoport.toml";
const KEYS: [&str; 7] =
    ["url", "token-file", "token-command", "client-id", "client-secret-file", "redirect-uri", "token-store"];

/// Where an account was looked up.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub enum ConfigSource {
    /// Nowhere: the target is an address.
    #[default]
    Address,
    /// The user's own config.
    UserConfig,
    /// A file in a folder.
    Folder(PathBuf),
}

/// The settings of an account.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub by: ConfigSource,
    pub url: String,
    /// The folder of the config file, in which the token command runs.
    pub folder: PathBuf,
    pub token_file: Option<PathBuf>,
    pub token_command: Vec<String>,
    pub oauth: Option<OAuth>,
}

/// An integration of the user, whose tokens renew themselves.
#[derive(Debug, PartialEq, Eq)]
pub struct OAuth {
    pub client_id: String,
    /// `None` if the secret is in the environment.
    pub client_secret_file: Option<PathBuf>,
    pub redirect_uri: String,
    pub token_store: PathBuf,
}

impl Settings {
    /// The settings of an address, or of a name in `file`; without `file`, in the user's config or in `amoport.toml` of the
    /// working folder.
    pub fn look_up(name: &str, file: Option<&Path>) -> Result<Settings, EngineError> {
        if is_token(name) {
            let message = "the account's name looks like a token; it is not shown";
            let hint = "give the account's address or its name; the token goes into a file, which --token-file names";
            return Err(EngineError::refused("account-address", message, hint));
        }
        if is_address(name) || name.contains('@') {
            return Ok(Settings { url: name.to_owned(), ..Settings::default() });
        }
        let file = file.map_or_else(|| config_file_for(name), |file| Ok(file.to_owned()))?;
        if user_config_file().as_ref() == Some(&file) {
            let text = UserConfig::read()?.map(|own| own.text).unwrap_or_default();
            return Ok(read_account(&text, name, &file, ConfigSource::UserConfig)?);
        }
        let way_out = message!("give the account by its address: --account https://NAME.amocrm.ru");
        trust::check_found_path(&file, &way_out)?;
        let text = private::plain_text(&file).map_err(|e| {
            config_error(
                &file,
                message!(
                    "the account \"{name}\" is looked up in this file, which cannot be read: {error}",
                    name,
                    error = e.to_string()
                ),
                message!(
                    "create it with [accounts.{name}] and url = \"https://NAME.amocrm.ru\", or give the address itself",
                    name
                ),
            )
        })?;
        Ok(read_account(&text, name, &file, ConfigSource::Folder(file.clone()))?)
    }
}

/// The file in which a name is looked up: the user's config comes first, otherwise a file in a folder could redefine its names.
pub fn config_file_for(name: &str) -> Result<PathBuf, EngineError> {
    let own = UserConfig::read()?.filter(|own| own.accounts().is_some_and(|accounts| accounts.contains_key(name)));
    Ok(own.map_or_else(|| PathBuf::from(FILE), |own| own.file))
}

/// The path of the user's config; `None` for users without a home folder.
pub fn user_config_file() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = if cfg!(windows) {
        folder("APPDATA")
    } else {
        folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config")))
    };
    base.map(|base| base.join("amoport").join("config.toml"))
}

/// The user's config.
pub struct UserConfig {
    pub file: PathBuf,
    pub text: String,
    /// Hosts to which a token may go.
    pub hosts: Vec<String>,
    table: toml::Table,
}

impl UserConfig {
    /// `None` if there is no file.
    pub fn read() -> Result<Option<UserConfig>, Problem> {
        let Some(file) = user_config_file() else { return Ok(None) };
        trust::check_own_file(&file)?;
        let text = match private::plain_text(&file) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => {
                let message = message!("your config cannot be read: {error}", error = e.to_string());
                return Err(config_error(&file, message, "make it readable for you"));
            }
        };
        let table = parse_toml(&text, &file)?;
        let hosts = match table.get("hosts") {
            None => Vec::new(),
            Some(hosts) => string_list(hosts).ok_or_else(|| {
                config_error(&file, "hosts is not a list of strings", "write hosts = [\"NAME.amocrm.ru\"]")
            })?,
        };
        Ok(Some(UserConfig { file, text, hosts, table }))
    }

    /// True if its `hosts` or one of its accounts names the host.
    pub fn allows(&self, host: &str) -> bool {
        let urls =
            self.accounts().into_iter().flat_map(|accounts| accounts.values()).filter_map(|a| a.get("url")?.as_str());
        self.hosts.iter().any(|known| known == host)
            || urls.filter_map(|url| base_url(url).ok()).any(|base| host_of(&base) == host)
    }

    fn accounts(&self) -> Option<&toml::Table> {
        self.table.get("accounts").and_then(toml::Value::as_table)
    }
}

fn parse_toml(text: &str, file: &Path) -> Result<toml::Table, Problem> {
    text.parse().map_err(|e: toml::de::Error| {
        config_error(file, message!("this is not TOML: {message}", message = e.message()), "correct the file")
    })
}

fn string_list(value: &toml::Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
}

/// A host with its port, unless it is the default port.
pub fn host_of(base: &Url) -> String {
    let host = base.host_str().unwrap_or_default();
    base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The base URL of an account.
pub fn base_url(url: &str) -> Result<Url, EngineError> {
    parse_base(url).map_err(|e| {
        let message = message!("{error}", error = e.to_string());
        EngineError::refused("account-address", message, "give the account's address with --account")
    })
}

pub fn is_address(name: &str) -> bool {
    name.contains("://")
}

fn config_error(file: &Path, message: impl Into<Message>, hint: impl Into<Message>) -> Problem {
    Problem::new(Stage::Read, "config", message).at(Place::File(file.to_owned())).hint(hint)
}

fn read_account(text: &str, name: &str, file: &Path, by: ConfigSource) -> Result<Settings, Problem> {
    let config_error = |message: Message, hint: Message| config_error(file, message, hint);
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let accounts = parse_toml(text, file)?.get("accounts").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let Some(account) = accounts.get(name).and_then(toml::Value::as_table) else {
        let hint = did_you_mean(name, accounts.keys().map(String::as_str))
            .unwrap_or_else(|| message!("add [accounts.{name}] with url = \"https://NAME.amocrm.ru\"", name));
        return Err(config_error(message!("there is no account \"{name}\"", name), hint));
    };
    if let Some(unknown) = account.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let hint =
            did_you_mean(unknown, KEYS).unwrap_or_else(|| message!("known keys are {keys}", keys = KEYS.join(", ")));
        return Err(config_error(message!("unknown key \"{unknown}\" in [accounts.{name}]", name, unknown), hint));
    }
    let string = |key: &str| -> Result<Option<String>, Problem> {
        match account.get(key) {
            None => Ok(None),
            Some(toml::Value::String(word)) if !word.trim().is_empty() => Ok(Some(word.clone())),
            Some(_) => Err(config_error(
                message!("{key} of [accounts.{name}] is not a string", key, name),
                message!("write {key} = \"…\"", key),
            )),
        }
    };
    let required = |key: &str, why: &str| -> Result<String, Problem> {
        string(key)?.ok_or_else(|| {
            config_error(message!("[accounts.{name}] has no {key}", name, key), message!("add {key} = {why}", key, why))
        })
    };
    let named_file = |key: &str| -> Result<Option<PathBuf>, Problem> {
        let Some(path) = string(key)?.map(|path| folder.join(path)) else { return Ok(None) };
        match by {
            ConfigSource::Folder(_) if !is_inside(&path, &folder) => Err(outside_folder(file, key, name, &path)),
            _ => Ok(Some(path)),
        }
    };
    let token_store = named_file("token-store")?;
    let oauth = match (string("client-id")?, &token_store) {
        (None, None) => None,
        _ => Some(OAuth {
            client_id: required("client-id", "\"…\", the integration's id")?,
            client_secret_file: named_file("client-secret-file")?,
            redirect_uri: required("redirect-uri", "\"https://…\", as it stands in the integration")?,
            token_store: match &token_store {
                Some(path) => path.clone(),
                None => required("token-store", "\"tokens.json\", a file in which amoport keeps the tokens")?.into(),
            },
        }),
    };
    let command = match account.get("token-command") {
        None => Vec::new(),
        Some(_) if matches!(by, ConfigSource::Folder(_)) => return Err(command_not_allowed(file, name)),
        Some(value) => string_list(value).filter(|words: &Vec<String>| !words.is_empty()).ok_or_else(|| {
            let hint = "write token-command = [\"program\", \"word\"]";
            config_error(message!("token-command of [accounts.{name}] is not a list of strings", name), hint.into())
        })?,
    };
    Ok(Settings {
        url: required("url", "\"https://NAME.amocrm.ru\"")?,
        token_file: named_file("token-file")?,
        by,
        folder,
        token_command: command,
        oauth,
    })
}

/// True if `file` is in `folder` or below it, after following links. It need not exist yet.
fn is_inside(file: &Path, folder: &Path) -> bool {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(folder) = std::fs::canonicalize(folder) else { return false };
    let there = file.ancestors().find_map(|above| Some((above, std::fs::canonicalize(or_current_folder(above)).ok()?)));
    let Some((above, real)) = there else { return false };
    let mut rest = file.strip_prefix(above).unwrap_or(Path::new("")).components();
    // A dangling link may lead anywhere once its target is written.
    let is_link = above != file && std::fs::symlink_metadata(file).is_ok();
    real.starts_with(folder) && !is_link && rest.all(|part| matches!(part, Component::Normal(_)))
}

fn or_current_folder(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

/// The hint for settings that a folder's file may not have.
fn move_to_user_config(name: &str) -> Message {
    match user_config_file() {
        Some(own) => message!("move [accounts.{name}] to {file}", name, file = own.display()),
        None => message!("set HOME or XDG_CONFIG_HOME, and move [accounts.{name}] to amoport/config.toml there", name),
    }
}

fn command_not_allowed(file: &Path, name: &str) -> Problem {
    let message =
        message!("[accounts.{name}] has a token-command, and a file in the working folder may not run commands", name);
    Problem::new(Stage::Read, "token-command", message).at(Place::File(file.to_owned())).hint(move_to_user_config(name))
}

fn outside_folder(file: &Path, key: &str, name: &str, path: &Path) -> Problem {
    let message = message!(
        "{key} of [accounts.{name}] is {path}, which is outside the folder of this file: it could be any secret of yours",
        key,
        name,
        path = path.display()
    );
    let hint = message!("{move_it}, or name the file with --token-file", move_it = move_to_user_config(name));
    Problem::new(Stage::Read, "secret-elsewhere", message).at(Place::File(file.to_owned())).hint(hint)
}

/// The absolute path, without resolving links; `None` if it is unknown.
pub fn absolute_path(path: &Path) -> Option<String> {
    std::path::absolute(path).ok().map(|path| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read_and_what_is_wrong_is_said() {
        let url = "url = \"https://a\"\n";
        let oauth = "client-id = \"c\"\nredirect-uri = \"https://r\"\ntoken-store = \"t.json\"\n";
        let of = |text: &str| {
            read_account(&format!("[accounts.main]\n{text}"), "main", Path::new(FILE), ConfigSource::UserConfig)
        };
        assert_eq!(of(url).unwrap().url, "https://a");
        let read_oauth = of(&format!("{url}{oauth}")).unwrap().oauth.unwrap();
        assert_eq!((read_oauth.client_id.as_str(), read_oauth.client_secret_file), ("c", None));
        assert_eq!(of(&format!("{url}token-command = [\"pass\", \"amo\"]")).unwrap().token_command, ["pass", "amo"]);
        for (text, expected) in [
            ("", "has no url"),
            ("url = 1", "url of [accounts.main] is not a string"),
            ("url = \"https://a\"\ntoken_store = \"t\"", "unknown key \"token_store\""),
            ("url = \"https://a\"\ntoken-store = \"t\"", "has no client-id"),
            ("url = \"https://a\"\nclient-id = \"t\"", "has no redirect-uri"),
            ("url = \"https://a\"\ntoken-command = \"pass amo\"", "is not a list of strings"),
            ("url = ", "is not TOML"),
        ] {
            assert!(of(text).unwrap_err().to_string().contains(expected), "{text}");
        }
        assert!(
            read_account(&format!("[accounts.main]\n{url}"), "mian", Path::new(FILE), ConfigSource::UserConfig)
                .unwrap_err()
                .to_string()
                .contains("main")
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_file_of_a_folder_names_no_secrets_beyond_it() {
        let room = tempfile::tempdir().unwrap();
        let folder = room.path().join("project");
        std::fs::create_dir_all(folder.join("keys")).unwrap();
        for file in ["project/token", "other", "project/keys/a"] {
            std::fs::write(room.path().join(file), "secret").unwrap();
        }
        let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, folder.join(name)).unwrap();
        link("token", "near");
        link("../other", "far");
        link("../nothing", "nowhere");
        link("..", "up");
        let absolute = folder.join("token").display().to_string();
        for (path, inside) in [
            ("token", true),
            ("keys/a", true),
            ("keys/../token", true),
            ("near", true),
            ("not-yet.json", true),
            ("new/not-yet.json", true),
            (&absolute, true),
            ("../other", false),
            ("far", false),
            ("nowhere", false),
            ("up/other", false),
            ("up/not-yet", false),
            ("new/../../other", false),
            ("/etc/hostname", false),
        ] {
            assert_eq!(is_inside(&folder.join(path), &folder), inside, "{path}");
        }
        let text = "[accounts.main]\nurl = \"https://a\"\ntoken-file = \"../other\"\n";
        let file = folder.join(FILE);
        let refused = read_account(text, "main", &file, ConfigSource::Folder(file.clone())).unwrap_err();
        assert_eq!(refused.code, "secret-elsewhere");
        assert!(read_account(text, "main", &file, ConfigSource::UserConfig).is_ok());
    }

    #[test]
    fn a_host_is_known_with_its_port() {
        for (address, host) in [
            ("https://A.amocrm.ru/leads", "a.amocrm.ru"),
            ("https://a.amocrm.ru:443", "a.amocrm.ru"),
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://[::1]:81", "[::1]:81"),
        ] {
            assert_eq!(host_of(&base_url(address).expect("an address")), host);
        }
    }
}
