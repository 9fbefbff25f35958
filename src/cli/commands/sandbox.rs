//! `amoport sandbox`: serves the sandbox, for trials and for other clients.

use crate::cli::args::requests;
use crate::cli::args::{CommonArgs, SandboxArgs};
use crate::cli::exit::Exit;
use crate::cli::terminal::say;
use crate::engine::{self, EngineError};
use amo_client::private;
use amo_sandbox::{Faults, Options, Sandbox};
use secrecy::SecretString;
use serde_json::json;
use sheet_source::message;
use std::io::Read;
use std::path::Path;

pub fn run(args: &SandboxArgs, common: &CommonArgs) -> Result<Exit, EngineError> {
    let folder = requests::folders(common)?.state.join("sandbox");
    let shown = say::file(&folder);
    let faults = args.faults.as_deref().map(read_faults).transpose()?.unwrap_or_default();
    let options = Options {
        port: args.port,
        state: Some(folder),
        seed: args.seed,
        token: args.token_file.as_deref().map(read_token).transpose()?,
        like: args.like.as_deref().map(engine::account_template).transpose()?,
        by_hand: true,
        faults,
        ..Default::default()
    };
    let sandbox = Sandbox::start(options)?;
    if common.json {
        say::data(&json!({"url": sandbox.url(), "token": sandbox.token()}).to_string());
    } else {
        say::data(&format!("listening on {}", sandbox.url()));
        say::data(&format!("token {}", sandbox.token()));
        say::note(common, format!("world kept in {shown}; Ctrl-C to stop"));
    }
    sandbox.wait();
    Ok(Exit::Done)
}

/// Bytes of a token file; tokens of real accounts have about 1,000.
const TOKEN_MAX: u64 = 8 << 10;

/// A token as a header can carry it: one line, without spaces.
fn read_token(file: &Path) -> Result<SecretString, EngineError> {
    let unusable = |why: String| {
        let message = message!("the token file {file} cannot be used: {why}", file = file.display().to_string(), why);
        EngineError::refused("token-file", message, "write only the token into it: letters, digits and signs, one line")
    };
    let mut text = String::new();
    std::fs::File::open(file)
        .and_then(|file| file.take(TOKEN_MAX + 1).read_to_string(&mut text))
        .map_err(|e| unusable(e.to_string()))?;
    if text.len() as u64 > TOKEN_MAX {
        return Err(unusable(format!("it is longer than {TOKEN_MAX} bytes")));
    }
    let token = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
    if token.is_empty() {
        return Err(unusable("it is empty".to_owned()));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let why = "it holds more than one line, a space, a control character or a letter that is not ASCII";
        return Err(unusable(why.to_owned()));
    }
    Ok(SecretString::from(token.to_owned()))
}

/// Faults as they are posted to a running sandbox, in the argument itself or in a file.
fn read_faults(text: &str) -> Result<Faults, EngineError> {
    const HINT: &str =
        "write it as for /_sandbox/faults: {\"latency_ms\": 300, \"seeded\": {\"seed\": 1, \"percent\": 5}}";
    let unusable = |why: String| {
        EngineError::refused("faults", message!("the faults \"{text}\" cannot be used: {why}", text, why), HINT)
    };
    if text.trim_start().starts_with('{') {
        return text.parse().map_err(unusable);
    }
    let json = private::plain_text(Path::new(text)).map_err(|e| unusable(e.to_string()))?;
    json.parse().map_err(unusable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_token_file_is_one_line_that_a_header_can_carry() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let read = |text: &[u8]| {
            std::fs::write(file.path(), text).expect("it is written");
            read_token(file.path()).map(|token| token.expose_secret().to_owned())
        };
        for text in ["a-Token_1.x", "a-Token_1.x\n", "a-Token_1.x\r\n"] {
            assert_eq!(read(text.as_bytes()).expect("a token"), "a-Token_1.x");
        }
        for text in [
            &b""[..],
            b"\n",
            b"two\nlines\n",
            b"a\n\n",
            b"a b",
            b" a",
            b"a\x1b[2J",
            b"a\r",
            b"a\0",
            "жетон".as_bytes(),
            b"\xff",
        ] {
            let text = read(text).expect_err("it is refused").problems[0].to_string();
            assert!(text.contains("the token file") && !text.contains("two"), "{text}");
        }
        assert!(read(&[b'a'; 10_000]).is_err());
        assert!(read_token(Path::new("no-such-file")).is_err());
    }

    #[test]
    fn faults_are_an_argument_or_a_file() {
        assert!(read_faults(r#"{"latency_ms": [0, 5], "seeded": {"seed": 1, "percent": 5}}"#).is_ok());
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), r#"{"latency_ms": 5}"#).expect("it is written");
        assert!(read_faults(&file.path().display().to_string()).is_ok());
        for (text, why) in [(r#"{"latency": 5}"#, "latency"), ("no-such-file.json", "No such file")] {
            let text = read_faults(text).expect_err("it is refused").problems[0].message.to_string();
            assert!(text.contains(why), "{text}");
        }
    }
}
