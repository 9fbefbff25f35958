//! The engine against a sandbox, with a clock that may run faster: an upload or an export without the pace's waits, an upload
//! with one request in flight. And following `next`, which is not the tool's way.

use super::journal::BATCH;
use super::{block_on, in_file, tell};
use amo_client::clock::Clock;
use amo_model::Kind;
use amoport::engine::{self, ExportRequest, Folders, ImportRequest, Target, Token};
use amoport::store::{RunOutcome, Verify};
use secrecy::SecretString;
use serde_json::Value;
use std::path::Path;

/// So fast that the pace never waits.
pub const UNPACED: usize = 100_000;

pub struct Service {
    target: Target,
}

impl Service {
    pub fn at(url: &str, token: &str, speed: usize) -> Result<Service, String> {
        let token = Token::Value(SecretString::from(token.to_owned()));
        let target = Target::local(url, Clock::faster(speed as f64)).map_err(|e| e.to_string())?;
        Ok(Service { target: target.token(token) })
    }

    pub fn upload(
        &self,
        file: &Path,
        mapping: &Path,
        state: &Path,
        rows: usize,
        in_flight: usize,
    ) -> Result<(), String> {
        let folders = Folders::new(state, state.join("runs"));
        let request = ImportRequest {
            limit: Some(rows as u64),
            batch: Some(BATCH),
            settle_s: 1,
            verify: Verify::None,
            again: true,
            remake_deleted: false,
            in_flight,
            ..ImportRequest::new(file, self.target.clone(), folders)
        };
        let result = engine::import(&request.mapping(mapping), &mut |_| ()).map_err(|e| e.to_string())?;
        let made = result.summary.counts.created;
        if result.outcome != RunOutcome::Done || made != rows as u64 {
            return Err(format!("{made} of {rows} rows were made: {:?}", result.outcome));
        }
        tell("rows", made);
        Ok(())
    }

    /// `rows` says whether any of them is kept: all pages are read and looked at either way.
    pub fn export(&self, file: &Path, rows: bool) -> Result<(), String> {
        let state = tempfile::tempdir().map_err(|e| e.to_string())?;
        let folders = Folders::new(state.path(), state.path());
        let request = ExportRequest {
            // A filter by the stage alone is one that the service ignores.
            filters: if rows { Vec::new() } else { vec!["status_id=0".to_owned()] },
            columns: super::write::COLUMNS.map(|(title, _)| title.to_owned()).to_vec(),
            force: true,
            ..ExportRequest::new(Kind::Lead, file, self.target.clone(), folders)
        };
        let result = engine::export(&request, &mut |_| ()).map_err(|e| e.to_string())?;
        tell("rows", result.manifest.rows + result.manifest.filtered_out);
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
