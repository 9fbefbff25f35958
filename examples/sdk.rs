//! The client as an SDK: a lead is made and read back. A sandbox takes the place of the account; with a real one, the
//! base is its address and the token its long-lived token. Run it with `cargo run --example sdk`.

use amo_client::auth::Auth;
use amo_client::clock::Clock;
use amo_client::{Client, Pace, parse_base};
use amo_model::RATE_MAX;
use amo_sandbox::{Options, Sandbox};
use secrecy::SecretString;
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

/// The name of the lead, as the account shows it.
async fn make_and_read(client: &Client, name: &str) -> Result<String, Failure> {
    let lead = json!([{"name": name, "price": 25_000, "request_id": "r1"}]);
    // Every request takes its turn; a write is sent once and never repeated by the client.
    let turn = client.turn().await;
    client.write(turn, "POST", "leads", Some(lead.to_string().into_bytes())).await?;

    let read = client.read("leads", &[("limit", "1"), ("order[id]", "desc")]).await?;
    let leads: Value = serde_json::from_slice(&read.body)?;
    Ok(leads["_embedded"]["leads"][0]["name"].as_str().unwrap_or_default().to_owned())
}

fn client(account: &Sandbox) -> Result<Client, Failure> {
    let token = SecretString::from(account.token().to_owned());
    let pace = Pace::new(RATE_MAX, Clock::REAL);
    Ok(Client::new(parse_base(account.url())?, Auth::from(token), pace)?)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let account = Sandbox::start(Options::default())?;
    println!("made and read back: {}", make_and_read(&client(&account)?, "Ten chairs").await?);
    Ok(())
}

#[tokio::test]
async fn it_makes_a_lead_and_reads_it_back() {
    let account = Sandbox::start(Options::default()).expect("a free port");
    let client = client(&account).expect("a client");
    assert_eq!(make_and_read(&client, "Ten chairs").await.expect("an answer"), "Ten chairs");
}
