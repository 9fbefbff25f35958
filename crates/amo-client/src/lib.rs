#![doc = include_str!("../README.md")]
//!
//! ## Inside
//!
//! The CRM over HTTP. The only room that speaks to the network as a client: one constructor, one way out, every
//! request through the pace, no retry that the caller did not ask for, no token to any other host.

#![forbid(unsafe_code)]

pub mod account;
pub mod clock;
pub mod private;
pub mod rate;
pub mod auth;
mod body;
mod connect;
pub mod failure;
pub mod listing;
pub mod pace;
pub mod pages;
mod person;
pub mod pull;
pub mod token;
mod standing;
mod sweep;
mod trust;
mod walk;

pub use auth::Auth;
pub use failure::{Failure, Reply, meaning};
pub use pace::{Pace, Turn};
pub use person::TokenUser;
pub use standing::{Sight, Standing, Standings};

use crate::private::shown::shown;
use amo_model::{API_PREFIX, TOKEN_PATH};
use connect::{Connections, Progress};
use reqwest::{Method, Request, RequestBuilder, Url};
use rustls_platform_verifier::BuilderVerifierExt;
use secrecy::ExposeSecret;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Writes of 250 records have been seen to take tens of seconds; giving up early only makes doubt.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(90);
/// Tries of a read, which is safe to repeat.
const READ_TRIES: u32 = 4;

pub struct Client {
    http: reqwest::Client,
    connections: Arc<Connections>,
    /// Opens connections ahead, and sends nothing.
    opener: reqwest::Client,
    base: Url,
    auth: Auth,
    pace: Pace,
    counters: Counters,
    bodies: body::Bodies,
    answer_timeout: Duration,
}

/// What has been asked of the service so far.
#[derive(Debug, Default)]
pub struct Counters {
    pub sent: AtomicU64,
    pub throttled: AtomicU64,
}

/// Why an address cannot be used as a base; the sentence is for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBase {
    #[error("\"{0}\" is no address; write https://example.amocrm.ru")]
    NotAnAddress(String),
    #[error("the address of \"{0}\" holds a user or a password, which is not shown; write https://example.amocrm.ru")]
    Password(String),
    #[error("\"{0}\" would send the token in the open; use https://, plain http:// is for this machine only")]
    Plain(String),
}

/// The base of an account: a host with https, or plain http to this machine only, because the token goes along.
pub fn parse_base(text: &str) -> Result<Url, BadBase> {
    let told = || shown(text.trim()).into_owned();
    let bad = || if text.contains('@') { BadBase::Password(told()) } else { BadBase::NotAnAddress(told()) };
    let url = Url::parse(text.trim()).map_err(|_| bad())?;
    let host = url.host_str().ok_or_else(bad)?;
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    let loopback = host == "localhost" || address.is_some_and(|ip| ip.is_loopback());
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        "http" => return Err(BadBase::Plain(told())),
        _ => return Err(bad()),
    }
    let mut base = url.clone();
    base.set_path("");
    base.set_query(None);
    base.set_fragment(None);
    // A name or password in the address would end up in logs.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad());
    }
    Ok(base)
}

/// Why there can be no client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoClient {
    /// The certificates of this machine, or those that its environment names.
    #[error("{0}")]
    Certificates(String),
    #[error("{0}")]
    Broken(String),
}

/// The system's certificates are read where TLS is spoken.
fn tls(base: &Url) -> Result<rustls::ClientConfig, NoClient> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| NoClient::Broken(format!("TLS cannot be set up: {e}")))?;
    if base.scheme() == "http" {
        return Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth());
    }
    trust::named().map_err(NoClient::Certificates)?;
    let builder = builder.with_platform_verifier();
    let builder = builder.map_err(|e| NoClient::Certificates(format!("certificates cannot be checked: {e}")))?;
    Ok(builder.with_no_client_auth())
}

impl Client {
    /// The one constructor: explicit TLS provider, the system's certificates, no redirects, no hidden retries.
    pub fn new(base: Url, auth: Auth, pace: Pace) -> Result<Client, NoClient> {
        let mut tls = tls(&base)?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let connections = Connections::new(&base);
        let client = |between| {
            // Plain http is for this machine only, and a proxy would hear the token.
            let builder = reqwest::Client::builder();
            let builder = if base.scheme() == "http" { builder.no_proxy() } else { builder };
            builder
                .tls_backend_preconfigured(tls.clone())
                .connector_layer(between)
                .retry(reqwest::retry::never())
                // A redirect could carry the token to another host.
                .redirect(reqwest::redirect::Policy::none())
                .user_agent(concat!("amoport/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(CONNECT_TIMEOUT)
                .build()
                .map_err(|e| NoClient::Broken(format!("the HTTP client cannot be set up: {e}")))
        };
        let (http, opener) = (client(connections.handing_over())?, client(connections.keeping())?);
        let (counters, bodies) = (Counters::default(), body::Bodies::default());
        Ok(Client { http, connections, opener, base, auth, pace, counters, bodies, answer_timeout: ANSWER_TIMEOUT })
    }

    /// The same, which waits for an answer as long as this.
    pub fn waiting(self, answer_timeout: Duration) -> Client {
        Client { answer_timeout, ..self }
    }

    /// How long an answer is waited for; after that its request may still be carried out.
    pub fn answer_timeout(&self) -> Duration {
        self.answer_timeout
    }

    pub fn base(&self) -> &Url {
        &self.base
    }

    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    pub fn auth(&self) -> &Auth {
        &self.auth
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Waits until one request may be sent, while connections are opened that it and those after it will need.
    pub async fn turn(&self) -> Turn {
        self.connections.open_ahead(&self.opener, &self.base);
        self.pace.turn().await
    }

    /// A write, sent at once: the caller has waited for its turn after noting durably that it sends. Deleting has no body.
    pub async fn write(
        &self,
        turn: Turn,
        method: &'static str,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Reply, Failure> {
        let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::POST);
        let request = self.request(method, path, &[]);
        let request = match body {
            Some(body) => request.header(reqwest::header::CONTENT_TYPE, "application/json").body(body),
            None => request,
        };
        self.call(turn, request).await
    }

    /// A read: waits its turn, and is tried again when that is safe and may help.
    pub async fn read(&self, path: &str, query: &[(&str, &str)]) -> Result<Reply, Failure> {
        let mut tries = 0;
        loop {
            tries += 1;
            let turn = self.turn().await;
            let end = self.call(turn, self.request(Method::GET, path, query)).await.and_then(spoken);
            let pause = match &end {
                Err(Failure::Throttled { .. }) => Duration::ZERO,
                Err(
                    Failure::NeverSent(_)
                    | Failure::Lost(_)
                    | Failure::Broken { .. }
                    | Failure::Unreadable(_)
                    | Failure::Between { .. },
                ) => Duration::from_secs(1) * 2_u32.pow(tries - 1),
                Ok(_)
                | Err(
                    Failure::Refused { .. }
                    | Failure::Unauthorized(_)
                    | Failure::Unpaid(_)
                    | Failure::Forbidden(_)
                    | Failure::Blocked
                    | Failure::Halted
                    | Failure::Unproven(_)
                    | Failure::Missing { .. },
                ) => return end,
            };
            if tries >= READ_TRIES {
                return end;
            }
            self.pace.clock().sleep(pause).await;
        }
    }

    fn request(&self, method: Method, path: &str, query: &[(&str, &str)]) -> RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(&format!("{API_PREFIX}{path}"));
        self.http.request(method, url).timeout(self.answer_timeout).query(query)
    }

    /// With the token, and with another one when that is refused; that has a turn of its own.
    async fn call(&self, mut turn: Turn, request: RequestBuilder) -> Result<Reply, Failure> {
        let mut renewals = 0;
        loop {
            let (no, token) = self.auth.token();
            // A body of bytes is shared by its clones, not copied.
            let copy = request.try_clone().ok_or_else(|| Failure::NeverSent("it cannot be repeated".to_owned()))?;
            let copy = copy.bearer_auth(token.expose_secret()).build().map_err(failure_of)?;
            let end = self.once(turn, copy).await;
            let detail = match &end {
                Err(Failure::Unauthorized(detail)) if renewals < auth::RENEWALS_MAX => detail,
                Ok(_) => {
                    self.auth.accepted(no);
                    return end;
                }
                Err(_) => return end,
            };
            renewals += 1;
            self.renew(no, detail).await?;
            turn = self.turn().await;
        }
    }

    /// One request over the wire, its end told to the pace.
    async fn once(&self, turn: Turn, request: Request) -> Result<Reply, Failure> {
        if let Some(refusal) = self.pace.refusal() {
            return Err(refusal);
        }
        self.counters.sent.fetch_add(1, Ordering::Relaxed);
        let left = self.pace.left(turn);
        let mut waits = false;
        let end = connect::watched(self.exchange(request), |progress| match progress {
            Progress::Waits => {
                waits = true;
                self.pace.is_late(left);
            }
            Progress::Leaves => {
                waits = false;
                self.pace.arrived(left);
            }
        })
        .await;
        if waits {
            self.pace.arrived(left);
        }
        self.pace.ended(left, &end);
        if let Err(Failure::Throttled { .. }) = &end {
            self.counters.throttled.fetch_add(1, Ordering::Relaxed);
        }
        end
    }

    async fn exchange(&self, request: Request) -> Result<Reply, Failure> {
        let granted = request.url().path() == TOKEN_PATH;
        let mut under_way = self.connections.leaves();
        let answer = self.http.execute(request).await.map_err(failure_of)?;
        let closes = answer.headers().get(reqwest::header::CONNECTION).is_some_and(|value| {
            value.to_str().is_ok_and(|words| words.split(',').any(|word| word.trim().eq_ignore_ascii_case("close")))
        });
        let status = answer.status().as_u16();
        let retry_after = answer
            .headers()
            .get(reqwest::header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.trim().parse().ok());
        let version = answer.version();
        let body = self.bodies.read(answer).await?;
        under_way.answered(version, closes);
        let body = match status {
            // A grant brings the tokens that are asked for.
            200..=299 if granted => body,
            _ => self.auth.hidden_in(body),
        };
        failure::sort(Reply { status, retry_after, body })
    }
}

/// What a transport error means is read off the client's own classes: nothing was sent where no connection was made, and
/// nothing was done with a request that HTTP/2 gives back as not begun.
fn failure_of(error: reqwest::Error) -> Failure {
    let told = told(&error);
    match error.is_connect() || error.is_builder() || connect::not_begun(&error) {
        true => Failure::NeverSent(told),
        false => Failure::Lost(told),
    }
}

/// The innermost cause says most ("connection refused"); the address is left out, it may carry personal data.
fn told(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    if let Some(fault) = trust::fault(error) {
        return fault;
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Only a 204 says that there is nothing; a 200 without a body has lost it on the way.
fn spoken(reply: Reply) -> Result<Reply, Failure> {
    match reply.status != 204 && reply.body.trim_ascii().is_empty() {
        true => Err(Failure::Unreadable(format!("{} with nothing in it", reply.status))),
        false => Ok(reply),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_https_or_this_machine() {
        for (text, base) in [
            ("https://example.amocrm.ru", Some("https://example.amocrm.ru/")),
            (" https://example.kommo.com/leads/list?x=1 ", Some("https://example.kommo.com/")),
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080/")),
            ("http://localhost:1", Some("http://localhost:1/")),
            ("http://[::1]:1", Some("http://[::1]:1/")),
            ("http://example.amocrm.ru", None),
            ("http://127.0.0.1.example.com", None),
            ("ftp://example.amocrm.ru", None),
            ("https://user:secret@example.amocrm.ru", None),
            ("example", None),
            ("", None),
        ] {
            assert_eq!(parse_base(text).ok().map(|url| url.to_string()).as_deref(), base, "{text}");
        }
    }
}
