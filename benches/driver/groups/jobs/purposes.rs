//! What the requests of a job were for, read off the sandbox's log. Pure.

use crate::gauge::PurposeSpan;
use crate::service::Entry;

/// Purposes in the order in which they began; seconds since the process started.
pub fn phases(log: &[Entry], started_ms: f64) -> Vec<PurposeSpan> {
    let last_write = log.iter().filter(|entry| entry.method != "GET").map(|entry| entry.at_ms).reduce(f64::max);
    let mut phases: Vec<PurposeSpan> = Vec::new();
    for entry in log {
        let purpose = purpose(entry, last_write);
        let (from, to) = (entry.at_ms - started_ms, entry.at_ms + entry.latency_ms - started_ms);
        let (from, to) = (from / 1e3, to / 1e3);
        match phases.iter_mut().find(|phase| phase.purpose == purpose) {
            Some(phase) => {
                phase.requests += 1;
                phase.to = phase.to.max(to);
            }
            None => phases.push(PurposeSpan { purpose: purpose.to_owned(), requests: 1, from, to }),
        }
    }
    phases
}

fn purpose(entry: &Entry, last_write: Option<f64>) -> &'static str {
    const THROTTLED: u64 = 429;
    const NOTHING: u64 = 204;
    let path = entry.path.trim_start_matches("/api/v4/");
    let by_id = entry.query.contains("filter%5Bid%5D") || entry.query.contains("filter[id]");
    match path {
        _ if entry.status == THROTTLED => "throttled",
        _ if entry.method != "GET" => "batches",
        "account" => "account",
        "leads/pipelines" => "pipelines",
        "leads/loss_reasons" => "loss reasons",
        "users" => "users",
        "catalogs" => "catalogs",
        _ if path.starts_with("users/") => "rights",
        _ if path.ends_with("/custom_fields") => "fields",
        _ if path.ends_with("/elements") => "elements",
        _ if by_id && last_write.is_some_and(|last| entry.at_ms >= last) => "read back",
        _ if by_id => "records",
        _ if entry.query.contains("desc") => "watermark",
        "customers" => "customers",
        _ if entry.status == NOTHING => "end",
        _ if last_write.is_some() => "looks",
        _ => "pages",
    }
}
