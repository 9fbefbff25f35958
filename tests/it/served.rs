//! `amoport sandbox`: what its own command adds to the sandbox.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// `amoport sandbox`, and the line that it says.
fn served(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> (std::process::Child, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_amoport"));
    command.args(["sandbox", "--json", "--port", "0"]).args(args).current_dir(folder);
    command.envs(env.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the program runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut line).expect("a line");
    (child, serde_json::from_str(&line).unwrap_or_default())
}

#[test]
fn the_program_takes_the_token_from_a_file_and_never_that_of_a_real_account() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    file("mine", "mine-1\n");
    file("real", "real-1\n");
    file("two", "secret-1\nsecret-2\n");
    let told = |args: &[&str], env: &[(&str, &str)]| {
        let (mut child, said) = served(folder.path(), args, env);
        child.kill().expect("it is killed");
        child.wait().expect("it ends");
        said["token"].as_str().expect("a token").to_owned()
    };
    let drawn = told(&[], &[("AMOPORT_TOKEN_FILE", "real"), ("AMOPORT_TOKEN", "real-1")]);
    assert_eq!(drawn.len(), 64, "{drawn}");
    assert_eq!(told(&["--token-file", "mine"], &[("AMOPORT_TOKEN_FILE", "real")]), "mine-1");
    assert_eq!(told(&[], &[("AMOPORT_SANDBOX_TOKEN_FILE", "mine"), ("AMOPORT_TOKEN_FILE", "real")]), "mine-1");
    for unusable in ["two", "missing"] {
        let args = ["sandbox", "--json", "--port", "0", "--token-file", unusable];
        let output = Command::new(env!("CARGO_BIN_EXE_amoport")).args(args).current_dir(folder.path()).output();
        let output = output.expect("the program runs");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("token file") && said.contains(unusable) && !said.contains("secret-"), "{said}");
    }
}
