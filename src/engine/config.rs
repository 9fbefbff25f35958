//! `amoport.toml` in the working folder: accounts by name, `[accounts.NAME]`. Holds no secrets, only where they are.

use super::error::EngineError;
use crate::message;
use crate::problem::{Message, Place, Problem, Stage, did_you_mean};
use std::path::{Path, PathBuf};

pub(super) const FILE: &str = "amoport.toml";
const KEYS: [&str; 7] =
    ["url", "token-file", "token-command", "client-id", "client-secret-file", "redirect-uri", "token-store"];

/// What is known of an account before it is asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub url: String,
    /// Where the program that gives the token is run: that of the file.
    pub folder: PathBuf,
    pub token_file: Option<PathBuf>,
    pub token_command: Vec<String>,
    pub oauth: Option<OAuth>,
}

/// An integration of the user's own, whose tokens renew themselves.
#[derive(Debug, PartialEq, Eq)]
pub struct OAuth {
    pub client_id: String,
    /// Without it the secret is in the environment.
    pub client_secret_file: Option<PathBuf>,
    pub redirect_uri: String,
    pub token_store: PathBuf,
}

impl Settings {
    /// An address as it is; any other word is a name in `file`, or in `amoport.toml` of the working folder.
    pub fn of(name: &str, file: Option<&Path>) -> Result<Settings, EngineError> {
        if is_address(name) {
            return Ok(Settings { url: name.to_owned(), ..Settings::default() });
        }
        let file = file.unwrap_or(Path::new(FILE));
        let text = std::fs::read_to_string(file).map_err(|e| {
            wrong(
                file,
                message!(
                    "the account \"{name}\" is looked up in this file, which cannot be read: {error}",
                    name,
                    error = e.to_string()
                ),
                message!(
                    "write it with [accounts.{name}] and url = \"https://NAME.amocrm.ru\", or give the address itself",
                    name
                ),
            )
        })?;
        Ok(read(&text, name, file)?)
    }
}

pub(super) fn is_address(name: &str) -> bool {
    name.contains("://")
}

fn wrong(file: &Path, message: impl Into<Message>, hint: impl Into<Message>) -> Problem {
    Problem::new(Stage::Read, "config", message).at(Place::File(file.to_owned())).hint(hint)
}

fn read(text: &str, name: &str, file: &Path) -> Result<Settings, Problem> {
    let wrong = |message: Message, hint: Message| wrong(file, message, hint);
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let config: toml::Table = text.parse().map_err(|e: toml::de::Error| {
        wrong(message!("this is not TOML: {message}", message = e.message()), "correct the file".into())
    })?;
    let accounts = config.get("accounts").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let Some(account) = accounts.get(name).and_then(toml::Value::as_table) else {
        let hint = did_you_mean(name, accounts.keys().map(String::as_str))
            .unwrap_or_else(|| message!("add [accounts.{name}] with url = \"https://NAME.amocrm.ru\"", name));
        return Err(wrong(message!("there is no account \"{name}\"", name), hint));
    };
    if let Some(unknown) = account.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let hint = did_you_mean(unknown, KEYS).unwrap_or_else(|| message!("known are {keys}", keys = KEYS.join(", ")));
        return Err(wrong(message!("[accounts.{name}] does not know \"{unknown}\"", name, unknown), hint));
    }
    let word = |key: &str| -> Result<Option<String>, Problem> {
        match account.get(key) {
            None => Ok(None),
            Some(toml::Value::String(word)) if !word.trim().is_empty() => Ok(Some(word.clone())),
            Some(_) => Err(wrong(
                message!("{key} of [accounts.{name}] is no text", key, name),
                message!("write {key} = \"…\"", key),
            )),
        }
    };
    let needed = |key: &str, why: &str| -> Result<String, Problem> {
        word(key)?.ok_or_else(|| {
            wrong(message!("[accounts.{name}] has no {key}", name, key), message!("add {key} = {why}", key, why))
        })
    };
    let token_store = word("token-store")?.map(PathBuf::from);
    let client_id = word("client-id")?;
    let oauth = match (client_id, token_store) {
        (None, None) => None,
        _ => Some(OAuth {
            client_id: needed("client-id", "\"…\", the integration's id")?,
            client_secret_file: word("client-secret-file")?.map(|path| folder.join(path)),
            redirect_uri: needed("redirect-uri", "\"https://…\", as it stands in the integration")?,
            token_store: folder
                .join(needed("token-store", "\"tokens.json\", a file in which amoport keeps the tokens")?),
        }),
    };
    let command = match account.get("token-command") {
        None => Vec::new(),
        Some(value) => value
            .as_array()
            .and_then(|words| words.iter().map(|word| word.as_str().map(str::to_owned)).collect())
            .filter(|words: &Vec<String>| !words.is_empty())
            .ok_or_else(|| {
                let hint = "write token-command = [\"program\", \"word\"]";
                wrong(message!("token-command of [accounts.{name}] is no list of texts", name), hint.into())
            })?,
    };
    Ok(Settings {
        url: needed("url", "\"https://NAME.amocrm.ru\"")?,
        token_file: word("token-file")?.map(|path| folder.join(path)),
        folder,
        token_command: command,
        oauth,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read_and_what_is_wrong_is_said() {
        let url = "url = \"https://a\"\n";
        let oauth = "client-id = \"c\"\nredirect-uri = \"https://r\"\ntoken-store = \"t.json\"\n";
        let of = |text: &str| read(&format!("[accounts.main]\n{text}"), "main", Path::new(FILE));
        assert_eq!(of(url).unwrap().url, "https://a");
        let read_oauth = of(&format!("{url}{oauth}")).unwrap().oauth.unwrap();
        assert_eq!((read_oauth.client_id.as_str(), read_oauth.client_secret_file), ("c", None));
        assert_eq!(of(&format!("{url}token-command = [\"pass\", \"amo\"]")).unwrap().token_command, ["pass", "amo"]);
        for (text, told) in [
            ("", "has no url"),
            ("url = 1", "url of [accounts.main] is no text"),
            ("url = \"https://a\"\ntoken_store = \"t\"", "does not know \"token_store\""),
            ("url = \"https://a\"\ntoken-store = \"t\"", "has no client-id"),
            ("url = \"https://a\"\nclient-id = \"t\"", "has no redirect-uri"),
            ("url = \"https://a\"\ntoken-command = \"pass amo\"", "is no list of texts"),
            ("url = ", "is not TOML"),
        ] {
            assert!(of(text).unwrap_err().to_string().contains(told), "{text}");
        }
        assert!(
            read(&format!("[accounts.main]\n{url}"), "mian", Path::new(FILE)).unwrap_err().to_string().contains("main")
        );
    }
}
