//! The program over a road as real ones are: TLS, delays, connections that end.

use crate::program;
use crate::support;

use hyper::Version;
use program::{Folder, Service, ran};
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::certificate::{Certificate, Fault};
use support::measure::Measure;
use support::road::{Arrival, HTTP_1, HTTP_2, Road, Tls, Way};

/// For the account that the other one is compared with.
const UNPACED: &str = r#"{"rate_max": 1000000, "block_after": 0}"#;

fn tls(alpn: &'static [&'static str]) -> Option<Tls> {
    Some(Tls { certificate: Certificate::new(Fault::None), version: None, alpn })
}

/// What an import of the sample has made, but for ids and times of its own.
fn leads(service: &Service) -> Vec<Value> {
    let mut leads = service.all("leads");
    for lead in &mut leads {
        for key in ["id", "account_id", "created_at", "updated_at", "_links"] {
            lead.as_object_mut().expect("a lead").remove(key);
        }
        // Batches come in any order, and so do the tags that they bring.
        for tag in lead["_embedded"]["tags"].as_array_mut().into_iter().flatten() {
            tag.as_object_mut().expect("a tag").remove("id");
        }
    }
    leads.sort_by_key(Value::to_string);
    leads
}

/// The sample imported by the way, many requests long; whatever happened there, the account holds each record once. What
/// came in, and how many connections there were.
fn imported(way: Way) -> (Vec<Arrival>, usize) {
    let root = env!("CARGO_MANIFEST_DIR");
    let (source, mapping) = (format!("{root}/samples/leads.csv"), format!("{root}/mappings/leads.toml"));
    let args = ["import", &source, "-m", &mapping, "--batch", "40", "--settle", "1s"];
    let (near, far) = (Service::start(), Service::start());
    near.post("/_sandbox/switches", UNPACED);
    Folder::new().run(&near, &args).expect(0);
    let road = Road::to(&far, way);
    ran(road.command(&Folder::new(), &far, &args).output().expect("the program runs")).expect(0);
    let made = leads(&near);
    assert_eq!(made.len(), 1_000);
    for (one, other) in leads(&far).iter().zip(&made) {
        assert_eq!(one, other);
    }
    assert_eq!(far.all("leads").len(), 1_000);
    (road.arrivals(), road.connections().len())
}

fn posts(arrivals: &[Arrival]) -> usize {
    arrivals.iter().filter(|arrival| arrival.method == "POST").count()
}

#[test]
fn one_connection_of_http_2_carries_a_whole_import_where_it_is_offered() {
    let _machine = crate::among_others();
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let tls = tls(HTTP_2).map(|tls| Tls { version: Some(version), ..tls });
        let (arrivals, connections) = imported(Way { tls, accept: Duration::from_millis(80), ..Way::default() });
        assert!(arrivals.iter().all(|arrival| arrival.protocol == Version::HTTP_2), "{arrivals:?}");
        assert_eq!((connections, posts(&arrivals)), (1, 25));
    }
}

/// In good order: no batch is in doubt, none goes twice.
#[test]
fn connections_that_end_after_five_requests_leave_no_doubt() {
    let _machine = crate::among_others();
    for alpn in [HTTP_1, HTTP_2] {
        let way = Way { tls: tls(alpn), keepalive_requests: Some(5), ..Way::default() };
        let (arrivals, connections) = imported(way);
        assert_eq!(posts(&arrivals), 25, "{alpn:?}");
        assert!(connections >= arrivals.len() / 6, "{connections} for {}", arrivals.len());
    }
    let (arrivals, _) = imported(Way { keepalive_requests: Some(5), ..Way::default() });
    assert_eq!(posts(&arrivals), 25, "without TLS");
}

#[test]
fn a_command_that_asks_one_thing_after_the_other_opens_one_connection() {
    let _machine = crate::among_others();
    for alpn in [HTTP_1, HTTP_2] {
        let service = Service::start();
        let road = Road::to(&service, Way { tls: tls(alpn), ..Way::default() });
        ran(road.command(&Folder::new(), &service, &["auth", "status"]).output().expect("the program runs")).expect(0);
        assert_eq!(road.connections().len(), 1, "{alpn:?}");
    }
}

#[test]
fn connections_that_are_reset_double_nothing() {
    let _machine = crate::among_others();
    for alpn in [HTTP_1, HTTP_2] {
        let resets = vec![8, 11, 12, 20];
        let (arrivals, _) =
            imported(Way { tls: tls(alpn), resets, one_way: Duration::from_millis(20), ..Way::default() });
        assert!(posts(&arrivals) >= 25, "{alpn:?}");
    }
}

/// Each fault of a certificate is told in plain words and with what to do; and so is a file of certificates that is none,
/// before anything is asked.
#[test]
fn what_is_wrong_with_a_certificate_is_said_in_plain_words() {
    let _machine = crate::among_others();
    let service = Service::start();
    let status = |road: &Road, file: Option<&str>| {
        let folder = Folder::new();
        let mut command = road.command(&folder, &service, &["auth", "status"]);
        if let Some(file) = file {
            command.env("SSL_CERT_FILE", file);
        }
        ran(command.output().expect("the program runs"))
    };
    for (fault, told) in [
        (Fault::Expired, "its certificate expired on "),
        (Fault::NotYetValid, "its certificate is not valid before "),
        (Fault::WrongName, "its certificate is for "),
    ] {
        let tls = Tls { certificate: Certificate::new(fault), version: None, alpn: HTTP_1 };
        let road = Road::to(&service, Way { tls: Some(tls), ..Way::default() });
        let end = status(&road, None).expect(4);
        assert!(end.stderr.contains(told) && end.stderr.contains("check the"), "{}", end.stderr);
        assert!(road.arrivals().is_empty());
    }
    let own = Tls { certificate: Certificate::new(Fault::SelfSigned), version: None, alpn: HTTP_1 };
    let other = Road::to(&service, Way { tls: tls(HTTP_1), ..Way::default() });
    let road = Road::to(&service, Way { tls: Some(own), ..Way::default() });
    let end = status(&road, other.authority().to_str()).expect(4);
    assert!(end.stderr.contains("signed by an authority that this machine does not trust"), "{}", end.stderr);
    assert!(end.stderr.contains("SSL_CERT_FILE"), "{}", end.stderr);

    let folder = Folder::new();
    let empty = folder.write("empty.pem", "no certificate\n");
    for (file, told) in [
        ("/nowhere/ca.pem", "SSL_CERT_FILE names /nowhere/ca.pem, which cannot be read"),
        (empty.to_str().expect("a name"), "which contains no PEM certificate"),
        (folder.path().to_str().expect("a name"), "which is not a file"),
    ] {
        let end = status(&other, Some(file)).expect(2);
        assert!(end.stderr.contains(told), "{}", end.stderr);
    }
    assert!(other.arrivals().is_empty() && road.arrivals().is_empty());
    // Plain HTTP needs no certificates.
    let mut plain = folder.command(&service, &["auth", "status"]);
    ran(plain.env("SSL_CERT_FILE", "/nowhere/ca.pem").output().expect("the program runs")).expect(0);
}

/// Asks for the account again and again, one request after the other; how each has ended.
fn asked(road: &Road, service: &Service, times: usize) -> Vec<Result<u16, String>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(road.authority()).expect("a certificate")).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = HTTP_2.iter().map(|name| name.as_bytes().to_vec()).collect();
    let client = reqwest::Client::builder().tls_backend_preconfigured(config).no_proxy().retry(reqwest::retry::never());
    let client = client.build().expect("a client");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let url = format!("{}/api/v4/account", road.url());
    let ask = async || {
        let answer =
            client.get(&url).bearer_auth(service.token()).send().await.map_err(|error| format!("{error:?}"))?;
        let status = answer.status().as_u16();
        answer.bytes().await.map_err(|error| format!("{error:?}")).map(|_| status)
    };
    runtime.block_on(async {
        let mut ends = Vec::new();
        for _ in 0..times {
            ends.push(ask().await);
        }
        ends
    })
}

#[test]
fn a_connection_of_http_2_ends_in_order_after_its_requests_and_another_one_follows() {
    let _machine = crate::among_others();
    let service = Service::start();
    let road = Road::to(&service, Way { tls: tls(HTTP_2), keepalive_requests: Some(2), ..Way::default() });
    assert_eq!(asked(&road, &service, 5), vec![Ok(200); 5]);
    let arrivals = road.arrivals();
    assert!(arrivals.iter().all(|arrival| arrival.protocol == Version::HTTP_2), "{arrivals:?}");
    let of: Vec<usize> = arrivals.iter().map(|arrival| arrival.connection).collect();
    // A client that is told with the answer may have sent another request by then, and that one is answered too.
    assert!(of.iter().max() >= Some(&1) && road.connections().len() >= 2, "{of:?}");
}

#[test]
fn a_connection_of_http_1_ends_with_the_answer_to_its_last_request() {
    let _machine = crate::among_others();
    let service = Service::start();
    let road = Road::to(&service, Way { tls: tls(HTTP_1), keepalive_requests: Some(2), ..Way::default() });
    assert_eq!(asked(&road, &service, 5), vec![Ok(200); 5]);
    let of: Vec<usize> = road.arrivals().iter().map(|arrival| arrival.connection).collect();
    assert_eq!(of, [0, 0, 1, 1, 2]);
    assert!(road.arrivals().iter().all(|arrival| arrival.protocol == Version::HTTP_11));
}

#[test]
fn a_request_whose_connection_is_reset_was_carried_out_all_the_same() {
    let _machine = crate::among_others();
    for alpn in [HTTP_1, HTTP_2] {
        let service = Service::start();
        let road = Road::to(&service, Way { tls: tls(alpn), resets: vec![2], ..Way::default() });
        let ends = asked(&road, &service, 3);
        assert_eq!((&ends[0], &ends[2]), (&Ok(200), &Ok(200)), "{ends:?}");
        assert!(ends[1].is_err(), "{ends:?}");
        assert_eq!(service.requests("GET account"), 3);
        assert_eq!(road.connections().len(), 2);
    }
}

#[test]
fn what_goes_over_a_slow_road_is_late() {
    let _machine = crate::among_others();
    let service = Service::start();
    let delay = Duration::from_millis(60);
    let way = Way { tls: tls(HTTP_2), accept: delay, one_way: delay, jitter: delay / 6, ..Way::default() };
    let road = Road::to(&service, way);
    let begun = Instant::now();
    assert_eq!(asked(&road, &service, 1), vec![Ok(200)]);
    // Hello, the server's answer, the request; and its answer.
    assert!(road.arrivals()[0].at - begun >= 4 * delay);
    assert!(begun.elapsed() >= 5 * delay);
}

#[test]
fn the_worst_second_is_any_second() {
    let _machine = crate::among_others();
    let start = Instant::now();
    for (instants, worst, rate) in [
        (vec![], 0, 0.0),
        (vec![5], 1, 0.0),
        (vec![0, 500, 999, 1_000], 3, 3.0),
        (vec![0, 900, 1_000, 1_100, 1_899, 1_900], 4, 5.0 / 1.9),
        (vec![1_000, 0, 2_000], 1, 1.0),
    ] {
        let measure = Measure::of(instants.iter().map(|ms| start + Duration::from_millis(*ms)));
        assert_eq!((measure.requests, measure.worst_second), (instants.len(), worst), "{instants:?}");
        assert!((measure.rate - rate).abs() < 1e-6, "{instants:?}: {measure}");
    }
}
