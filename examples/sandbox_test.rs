//! A test of one's own client against the sandbox: the service loses its answer, and the client must neither lose the
//! lead nor make it twice. `cargo test --example sandbox_test` runs the tests, `cargo run --example sandbox_test` prints
//! what each of the two clients leaves behind.
//!
//! Clients in other languages do the same over HTTP: start `amoport sandbox --port 0 --json`, read the address and the
//! token from its first line, and set faults with `POST /_sandbox/faults` (docs/sandbox.md).

use amo_sandbox::{Options, Sandbox};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

/// What it takes to talk to an account.
struct Account<'a> {
    url: &'a str,
    token: &'a str,
}

impl Account<'_> {
    /// The status and the body, `null` where it is empty.
    async fn ask(&self, method: &str, path: &str, body: &Value) -> Result<(u16, Value), Failure> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.to_string())))?;
        let answer = Client::builder(TokioExecutor::new()).build_http().request(request).await?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await?.to_bytes();
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }

    /// How many leads of this name there are.
    async fn count(&self, name: &str) -> Result<usize, Failure> {
        let (_, page) = self.ask("GET", "/api/v4/leads?limit=250&order[id]=desc", &Value::Null).await?;
        let leads = page["_embedded"]["leads"].as_array().cloned().unwrap_or_default();
        Ok(leads.iter().filter(|lead| lead["name"] == name).count())
    }
}

/// The client under test sends again whenever the answer is not 200.
async fn send_again(account: &Account<'_>, name: &str) -> Result<(), Failure> {
    let lead = json!([{"name": name}]);
    while account.ask("POST", "/api/v4/leads", &lead).await?.0 != 200 {}
    Ok(())
}

/// This one looks first whether the lead is there.
async fn look_first(account: &Account<'_>, name: &str) -> Result<(), Failure> {
    let lead = json!([{"name": name}]);
    while account.ask("POST", "/api/v4/leads", &lead).await?.0 != 200 {
        if account.count(name).await? > 0 {
            break;
        }
    }
    Ok(())
}

/// How many leads a client leaves behind when the first answer is lost: the gateway says 504 and the service has, or
/// has not, done what it was asked.
async fn leads_after(fault: &str, looks_first: bool) -> Result<usize, Failure> {
    let sandbox = Sandbox::start(Options::default())?;
    let account = Account { url: sandbox.url(), token: sandbox.token() };
    let faults = json!({"script": [{"on": "POST leads", "nth": 1, "do": fault}]});
    account.ask("POST", "/_sandbox/faults", &faults).await?;
    let name = "Ten chairs";
    if looks_first {
        look_first(&account, name).await?
    } else {
        send_again(&account, name).await?
    }
    account.count(name).await
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    for fault in ["504-after", "504-before"] {
        let (again, looks) = (leads_after(fault, false).await?, leads_after(fault, true).await?);
        println!("{fault}: sending again leaves {again}, looking first leaves {looks}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_that_looks_first_makes_the_lead_once() {
        for fault in ["504-after", "504-before"] {
            assert_eq!(leads_after(fault, true).await.expect("an answer"), 1, "{fault}");
        }
    }

    #[tokio::test]
    async fn the_sandbox_catches_a_client_that_sends_again() {
        assert_eq!(leads_after("504-after", false).await.expect("an answer"), 2);
    }
}
