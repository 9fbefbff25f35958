//! The sandbox inside this process. A program built without the feature `sandbox` has none, and its functions return an error.

#[cfg(feature = "sandbox")]
pub use built_in::*;
#[cfg(not(feature = "sandbox"))]
pub use left_out::*;

/// A running sandbox: its address and token, and the server if it runs in this process.
pub struct SandboxEndpoint {
    pub url: String,
    pub token: String,
    pub own: Option<SandboxServer>,
}

#[cfg(feature = "sandbox")]
mod built_in {
    use std::path::Path;

    use amo_client::account::Account;
    use amo_sandbox::{Options, RunningServer, Sandbox, StartError};
    use sheet_source::message;
    use sheet_source::problem::{Message, Place, Problem, Stage};

    use super::SandboxEndpoint;
    use crate::engine::interface::error::{EngineError, ErrorKind};

    pub use amo_sandbox::{AccountTemplate, Sandbox as SandboxServer};

    /// The sandbox of this folder: the one that `amoport sandbox` runs from it, or a new one that ends with this process.
    pub fn open(folder: &Path, like: Option<&AccountTemplate>) -> Result<SandboxEndpoint, EngineError> {
        if let Some(standing) = RunningServer::find(folder).filter(|server| server.by_hand) {
            if like.is_some() {
                let message =
                    "a sandbox is already running from this state folder, and --like applies only to a new one";
                return Err(EngineError::refused("sandbox-like", message, "leave out --like, or stop that sandbox"));
            }
            return Ok(SandboxEndpoint { url: standing.url, token: standing.token, own: None });
        }
        let options = Options { state: Some(folder.to_owned()), like: like.cloned(), ..Default::default() };
        let server = Sandbox::start(options)?;
        Ok(SandboxEndpoint { url: server.url().to_owned(), token: server.token().to_owned(), own: Some(server) })
    }

    /// Reads the snapshot of an account as the template for a new world of the sandbox.
    pub fn account_template(account: Account) -> Result<AccountTemplate, EngineError> {
        Ok(AccountTemplate {
            basics: account.basics,
            pipelines: account.pipelines,
            users: account.users,
            loss_reasons: account.loss_reasons,
            catalogs: account.catalogs,
            fields: account.fields,
            segments: account.segments,
            customer_statuses: account.customer_statuses,
            elements: account.elements,
        })
    }

    impl From<StartError> for EngineError {
        fn from(error: StartError) -> EngineError {
            let kind = match error {
                StartError::Busy { .. } => ErrorKind::Busy,
                _ => ErrorKind::Refused,
            };
            let mut problem = Problem::new(Stage::Send, error.code(), describe_error(&error));
            if let Some(hint) = error.hint() {
                problem = problem.hint(hint);
            }
            problem = match (&error, error.file()) {
                (StartError::Damaged { file, line, column, .. }, _) => {
                    problem.at(Place::Text { file: file.clone(), line: *line, column: *column, excerpt: None })
                }
                (_, Some(file)) => problem.at(Place::File(file.to_owned())),
                (_, None) => problem,
            };
            EngineError::new(kind, problem)
        }
    }

    /// The message with separate arguments, so that it can be translated.
    fn describe_error(error: &StartError) -> Message {
        match error {
            StartError::Busy { by: Some((process, url)), .. } => message!(
                "the sandbox's world is in use by another process (process {pid}, {url})",
                pid = *process,
                url = url.as_str()
            ),
            StartError::Port { port, error } => {
                message!(
                    "the sandbox cannot listen on 127.0.0.1:{port}: {error}",
                    port = *port,
                    error = error.to_string()
                )
            }
            StartError::State { action, error, .. } => {
                message!("the sandbox's state {trouble}: {error}", trouble = *action, error = error.to_string())
            }
            StartError::Damaged { error, .. } => {
                message!("this line is not one of a sandbox's world: {error}", error = error.as_str())
            }
            StartError::System { error } => message!("the sandbox cannot start: {error}", error = error.as_str()),
            StartError::Busy { by: None, .. } => "the sandbox's world is in use by another process".into(),
            StartError::OtherVersion { .. } => "this world was written by another version of amoport".into(),
            StartError::Unlike { .. } => "this world was begun otherwise than --like says".into(),
        }
    }
}

#[cfg(not(feature = "sandbox"))]
mod left_out {
    use std::path::Path;

    use amo_client::account::Account;

    use super::SandboxEndpoint;
    use crate::engine::interface::error::EngineError;

    pub use NoTemplate as AccountTemplate;

    /// Never exists in this build.
    #[derive(Debug, Clone)]
    pub enum NoTemplate {}

    /// Never exists in this build.
    #[derive(Debug)]
    pub enum SandboxServer {}

    pub fn open(_: &Path, _: Option<&AccountTemplate>) -> Result<SandboxEndpoint, EngineError> {
        Err(no_sandbox())
    }

    pub fn account_template(_: Account) -> Result<AccountTemplate, EngineError> {
        Err(no_sandbox())
    }

    /// The error of every use of the sandbox in this build.
    pub fn no_sandbox() -> EngineError {
        EngineError::refused(
            "no-sandbox",
            "this amoport is built without its sandbox",
            "build it with `--features sandbox`, or name an account with --account",
        )
    }
}
