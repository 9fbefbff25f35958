//! `cargo bench --bench roads [-- --runs N] [--only WORD…]`: the pace of the program over roads as real ones are. One line for each road, of what
//! reached its far end: requests, 429s, the worst sliding second of all runs, and the share of the ceiling of 7 a second.
//! A release build imports 1,600 leads 20 at a time, so that 80 requests follow each other, of which each is answered after
//! 0.2 to 1.5 s.

#![forbid(unsafe_code)]

#[path = "../../tests/fixtures/program.rs"]
mod program;
#[path = "../../tests/fixtures/support/mod.rs"]
mod support;

use program::{Folder, Service};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};
use support::certificate::{Certificate, Fault};
use support::measure::Measure;
use support::road::{Arrival, HTTP_1, HTTP_2, Road, Tls, Way};

const CEILING: f64 = 7.0;
const ROWS: usize = 1_600;

#[derive(Clone, Copy)]
enum Job {
    Import,
    /// Two programs of one user, each with a file of its own.
    Imports,
    Export,
}

#[derive(Clone, Copy)]
struct Route {
    name: &'static str,
    tls: Option<&'static rustls::SupportedProtocolVersion>,
    alpn: &'static [&'static str],
    keepalive_requests: Option<usize>,
    job: Job,
}

const fn route(
    name: &'static str,
    tls: Option<&'static rustls::SupportedProtocolVersion>,
    alpn: &'static [&'static str],
    keepalive_requests: Option<usize>,
    job: Job,
) -> Route {
    Route { name, tls, alpn, keepalive_requests, job }
}

static ROUTES: [Route; 10] = {
    use rustls::version::{TLS12, TLS13};
    [
        route("plain", None, &[], None, Job::Import),
        route("plain, 5 requests a connection", None, &[], Some(5), Job::Import),
        route("TLS 1.2", Some(&TLS12), HTTP_1, None, Job::Import),
        route("TLS 1.2, 5 requests a connection", Some(&TLS12), HTTP_1, Some(5), Job::Import),
        route("TLS 1.3, 5 requests a connection", Some(&TLS13), HTTP_1, Some(5), Job::Import),
        route("TLS 1.3, two programs", Some(&TLS13), HTTP_1, Some(5), Job::Imports),
        route("HTTP/2", Some(&TLS13), HTTP_2, None, Job::Import),
        route("HTTP/2, GOAWAY after 5 requests", Some(&TLS13), HTTP_2, Some(5), Job::Import),
        route("HTTP/2, two programs", Some(&TLS13), HTTP_2, None, Job::Imports),
        route("TLS 1.3, export", Some(&TLS13), HTTP_1, Some(5), Job::Export),
    ]
};

impl Route {
    fn way(self) -> Way {
        let tls = self.tls.map(|version| Tls {
            certificate: Certificate::new(Fault::None),
            version: Some(version),
            alpn: self.alpn,
        });
        Way {
            tls,
            accept: Duration::from_millis(80),
            one_way: Duration::from_millis(40),
            jitter: Duration::from_millis(20),
            keepalive_requests: self.keepalive_requests,
            ..Way::default()
        }
    }
}

/// What reached the end of the road in one run.
struct Run {
    all: Measure,
    /// Requests a second while the job was at full speed.
    rate: f64,
    throttled: usize,
    connections: usize,
}

fn run(route: Route) -> Run {
    let service = Service::start();
    if let Job::Export = route.job {
        let names: Vec<String> = (0..20_000).map(|n| format!(r#"{{"name":"Сделка {n}"}}"#)).collect();
        service.post("/_sandbox/switches", r#"{"rate_max":1000000}"#);
        names.chunks(250).for_each(|names| {
            service.post("/api/v4/leads", &format!("[{}]", names.join(",")));
        });
        service.post("/_sandbox/switches", r#"{"rate_max":7}"#);
        // Those requests count, too.
        std::thread::sleep(Duration::from_secs(2));
    }
    service.faults(r#"{"latency_ms":[200,1500]}"#);
    let road = Road::to(&service, route.way());
    let begun = Instant::now();
    let folders = [Folder::new(), Folder::new()];
    let count = if let Job::Imports = route.job { 2 } else { 1 };
    let children: Vec<_> = folders[..count]
        .iter()
        .enumerate()
        .map(|(number, folder)| {
            let args: &[&str] = match route.job {
                Job::Import | Job::Imports => {
                    let rows: String = (0..ROWS / count).map(|row| format!("Сделка {number} {row}\n")).collect();
                    folder.write("leads.csv", format!("Название\n{rows}"));
                    folder.write("leads.toml", "version = 1\nkind = \"lead\"\n[lead]\nname = \"Название\"\n");
                    &["import", "leads.csv", "-m", "leads.toml", "--batch", "20", "--verify", "none", "--quiet"]
                }
                Job::Export => &["export", "lead", "--to", "leads.csv", "--quiet"],
            };
            let mut command = road.command(folder, &service, args);
            command.stdout(Stdio::null()).spawn().expect("the program starts")
        })
        .collect();
    for mut child in children {
        assert!(child.wait().expect("the program ends").success(), "{}", route.name);
    }
    let arrivals: Vec<Arrival> = road.arrivals().into_iter().filter(|arrival| arrival.at >= begun).collect();
    let begins = |arrival: &Arrival| match route.job {
        Job::Export => arrival.path.contains("page="),
        Job::Import | Job::Imports => arrival.method == "POST",
    };
    let job: Vec<Instant> = arrivals.iter().skip_while(|arrival| !begins(arrival)).map(|arrival| arrival.at).collect();
    // Two programs do not end together; an export first asks for one page, and at its end for some that hold nothing.
    let job = match route.job {
        Job::Import => &job[..],
        Job::Imports => &job[..job.len() * 9 / 10],
        Job::Export => &job[job.len() / 5..job.len() * 9 / 10],
    };
    let requests = service.get("/_sandbox/requests");
    let throttled = requests.as_array().into_iter().flatten().filter(|request| request["status"] == 429).count();
    Run {
        all: Measure::of(arrivals.iter().map(|arrival| arrival.at)),
        rate: Measure::of(job.iter().copied()).rate,
        throttled,
        connections: road.connections().len(),
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let after = |name: &str| args.iter().position(|arg| arg == name).map(|at| &args[at + 1..]);
    let runs = after("--runs").and_then(|rest| rest.first()?.parse().ok()).unwrap_or(3_usize);
    let only: Option<&[String]> =
        after("--only").map(|rest| rest.split(|arg| arg.starts_with("--")).next().unwrap_or(&[]));
    println!("| road | runs | requests | 429s | worst second | of the ceiling | connections a run |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let mut held = true;
    for route in
        ROUTES.iter().filter(|route| only.is_none_or(|words| words.iter().any(|word| route.name.contains(word))))
    {
        let done: Vec<Run> = (0..runs).map(|_| run(*route)).collect();
        let sum = |of: fn(&Run) -> usize| done.iter().map(of).sum::<usize>();
        let worst = done.iter().map(|run| run.all.worst_second).max().unwrap_or(0);
        let least = done.iter().map(|run| run.rate).fold(f64::INFINITY, f64::min) / CEILING * 100.0;
        let most = done.iter().map(|run| run.rate).fold(0.0, f64::max) / CEILING * 100.0;
        let (requests, throttled, connections) =
            (sum(|run| run.all.requests), sum(|run| run.throttled), sum(|run| run.connections));
        println!(
            "| {} | {runs} | {requests} | {throttled} | {worst} | {least:.1} – {most:.1} % | {} |",
            route.name,
            connections / runs.max(1),
        );
        let gaps: Vec<u128> = done
            .first()
            .map(|run| run.all.gaps.iter().skip(8).take(16).map(Duration::as_millis).collect())
            .unwrap_or_default();
        eprintln!("{}: gaps at the far end {gaps:?} ms", route.name);
        held &= throttled == 0 && worst <= 7 && least >= 97.0;
    }
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
