//! The tool's own library against a sandbox, with a clock that may run faster: an upload or an export without the pace's
//! waits, an upload with one request in flight. And following `next`, which is not the tool's way.

use super::journal::{BATCH, head};
use super::{block_on, in_file, tell};
use amoport::account::Wanted;
use amoport::api::{Client, Pace, parse_base, pull};
use amoport::clock::Clock;
use amoport::entity::Entity;
use amoport::export::{self, Ask, Columns, Format, Place};
use amoport::mapping::wanted::wanted;
use amoport::mapping::{self, Ledger, Mapper, compile};
use amoport::store::{Journal, NewRun, Store};
use amoport::table::{ReadOptions, Table};
use amoport::upload::feed::{self, Select};
use amoport::upload::{BatchSize, End, Options, Upload};
use secrecy::SecretString;
use serde_json::Value;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// So fast that the pace never waits.
pub const UNPACED: usize = 100_000;
const RUN: &str = "measured";

pub struct Service {
    client: Arc<Client>,
    clock: Clock,
}

impl Service {
    pub fn at(url: &str, token: &str, speed: usize) -> Result<Service, String> {
        let clock = Clock::faster(speed as f64);
        let base = parse_base(url).map_err(|e| e.to_string())?;
        let pace = Pace::new(amoport::entity::RATE_MAX, clock);
        let client = Client::new(base, SecretString::from(token.to_owned()).into(), pace)?;
        Ok(Service { client: Arc::new(client), clock })
    }

    pub fn upload(
        &self,
        file: &Path,
        written: &Path,
        state: &Path,
        rows: usize,
        in_flight: usize,
    ) -> Result<(), String> {
        let first =
            |problems: Vec<amoport::problem::Problem>| problems.first().map_or(String::new(), |p| p.to_string());
        let written = mapping::read(written).map_err(first)?;
        let options = ReadOptions { titles: compile::titles(&written), ..ReadOptions::default() };
        let table = Table::open(file, &options).map_err(|p| p.to_string())?;
        let origins =
            compile::Origins { header: table.header.clone(), source: table.source(), ledger: Ledger::empty() };
        let url = self.client.base().as_str().to_owned();
        let done = block_on(async {
            let pulled = pull::pull(&self.client, &wanted(&written), 0).await.map_err(|e| e.to_string())?;
            let plan = Arc::new(compile::compile(&written, origins, Arc::new(pulled.0)).map_err(first)?);
            let store = Store::open(state).map_err(|p| p.to_string())?;
            let new = NewRun { name: RUN, head: &head(&url, 7), snapshot: "{}", started_at: 0, edits: &[] };
            let journal = Arc::new(Mutex::new(Journal::begin(store, &new).map_err(|e| e.to_string())?));
            let select = Select { limit: Some(rows as u64), ..Select::default() };
            let feed = feed::start(table, Mapper::new(Arc::clone(&plan), RUN), select);
            let options = Options {
                batch: BatchSize::Fixed(BATCH),
                in_flight,
                max_errors: None,
                settle: Duration::from_secs(1),
                clock: self.clock,
                again: true,
            };
            let (_signal, stop) = watch::channel(false);
            let (client, shared) = (Arc::clone(&self.client), Arc::clone(&journal));
            let upload = Upload { client, plan, journal: shared, feed, options, doubts: Vec::new(), stop };
            let report = amoport::upload::run(upload, &mut |_| ()).await.map_err(|e| e.to_string())?;
            let counts = journal.lock().map_err(|e| e.to_string())?.counts();
            Ok::<_, String>((report.end, counts.created))
        })??;
        match done {
            (End::Finished, made) if made == rows as u64 => tell("rows", made),
            (end, made) => return Err(format!("{made} of {rows} rows were made: {end:?}")),
        }
        Ok(())
    }

    /// `rows` says whether any of them is kept: all pages are read and looked at either way.
    pub fn export(&self, file: &Path, rows: bool) -> Result<(), String> {
        let format = Format::of(file).ok_or("the file's ending names no format")?;
        let wanted = Wanted { fields: vec![Entity::Leads], ..Wanted::default() };
        let ask = Ask {
            entity: Entity::Leads,
            catalog: None,
            // A filter by the stage alone is one that the service ignores.
            filters: if rows { Vec::new() } else { vec![("status_id".to_owned(), vec![0])] },
            since: None,
            text: None,
            with: Vec::new(),
            twice: false,
        };
        let exported = block_on(async {
            let (account, _) = pull::pull(&self.client, &wanted, 0).await.map_err(|e| e.to_string())?;
            let titles = super::write::COLUMNS.map(|(title, _)| title);
            let all = Columns::of(Entity::Leads, None, &account);
            let columns = all.only(&titles).map_err(|title| format!("there is no column \"{title}\""))?;
            let place = Place { format, file: Some(file.to_owned()), force: true };
            export::run(&self.client, &account, &ask, &mut columns.into(), &place, |_| ())
                .await
                .map_err(|e| e.to_string())
        })??;
        tell("rows", exported.rows + exported.filtered);
        tell("size", std::fs::metadata(file).map_err(in_file(file))?.len());
        Ok(())
    }
}

/// Page by page by the link to the next one, one question at a time, up to so many pages.
pub fn follow_next(url: &str, token: &str, pages: usize) -> Result<(), String> {
    let mut next = format!("{url}/api/v4/leads?limit=250&page=1");
    let (mut rows, mut read) = (0, 0);
    // Plain http needs no TLS, but the client wants to know whose it would be; a second one is refused, and there is none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    block_on(async {
        let http = reqwest::Client::builder().no_proxy().build().map_err(|e| e.to_string())?;
        while read < pages {
            let answer = http.get(&next).bearer_auth(token).send().await.map_err(|e| e.to_string())?;
            let body = answer.bytes().await.map_err(|e| e.to_string())?;
            let page: Value = serde_json::from_slice(&body).map_err(|e| e.to_string())?;
            rows += page["_embedded"]["leads"].as_array().map_or(0, Vec::len);
            read += 1;
            match page["_links"]["next"]["href"].as_str() {
                Some(link) => link.clone_into(&mut next),
                None => break,
            }
        }
        Ok::<_, String>(())
    })??;
    tell("pages", read);
    tell("rows", rows);
    Ok(())
}
