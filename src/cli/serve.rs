//! `amoport sandbox`: the pretend account served by hand, for trying things out and for other people's clients.

use super::args::{Common, SandboxArgs};
use super::exit::Exit;
use super::say;
use crate::engine::{self, EngineError};
use crate::message;
use crate::sandbox::{Faults, Options, Sandbox};
use serde_json::json;

pub fn run(args: &SandboxArgs, common: &Common) -> Result<Exit, EngineError> {
    let folder = common.state.join("sandbox");
    let faults = args.faults.as_deref().map(faults).transpose()?.unwrap_or_default();
    let options = Options {
        port: args.port,
        state: Some(folder),
        seed: args.seed,
        like: args.like.as_deref().map(engine::like).transpose()?,
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
        say::note(common, format!("world kept in {}; Ctrl-C to stop", common.state.join("sandbox").display()));
    }
    sandbox.wait();
    Ok(Exit::Done)
}

/// Faults as they are posted to a running sandbox, in the argument itself or in a file.
fn faults(text: &str) -> Result<Faults, EngineError> {
    const HINT: &str =
        "write it as for /_sandbox/faults: {\"latency_ms\": 300, \"seeded\": {\"seed\": 1, \"percent\": 5}}";
    let unusable = |why: String| {
        EngineError::refused("faults", message!("the faults \"{text}\" cannot be used: {why}", text, why), HINT)
    };
    if text.trim_start().starts_with('{') {
        return text.parse().map_err(unusable);
    }
    let json = std::fs::read_to_string(text).map_err(|e| unusable(e.to_string()))?;
    json.parse().map_err(unusable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_an_argument_or_a_file() {
        assert!(faults(r#"{"latency_ms": [0, 5], "seeded": {"seed": 1, "percent": 5}}"#).is_ok());
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), r#"{"latency_ms": 5}"#).expect("it is written");
        assert!(faults(&file.path().display().to_string()).is_ok());
        for (text, why) in [(r#"{"latency": 5}"#, "latency"), ("no-such-file.json", "No such file")] {
            let told = faults(text).expect_err("it is refused").problems[0].message.to_string();
            assert!(told.contains(why), "{told}");
        }
    }
}
