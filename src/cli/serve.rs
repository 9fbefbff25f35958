//! `amoport sandbox`: the pretend account served by hand, for trying things out and for other people's clients.

use super::args::{Common, SandboxArgs};
use super::exit::{Ended, Exit};
use super::say;
use crate::sandbox::{Options, Sandbox};
use serde_json::json;

pub fn run(args: &SandboxArgs, common: &Common) -> Result<Exit, Ended> {
    let folder = common.state.join("sandbox");
    let options =
        Options { port: args.port, state: Some(folder), seed: args.seed, by_hand: true, ..Default::default() };
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
