//! Which requests a job makes with the default options, and how large its batches are: what people wait for.

use crate::program;

use program::{Folder, Service};
use serde_json::Value;
use std::fmt::Write as _;

const LEADS: &str = "version = 1\nkind = \"lead\"\nkey = \"n\"\n[lead]\nname = \"name\"\nprice = \"price\"\n";
const STAGED: &str = "version = 1\nkind = \"lead\"\nkey = \"n\"\n[lead]\nname = \"name\"\nstatus = { value = \"Первичный контакт\" }\nresponsible_user = { value = \"Анна Смирнова\" }\n[lead.fields]\n\"Источник\" = { value = \"Сайт\" }\n";

fn leads(from: u32, count: u32) -> String {
    let mut csv = String::from("n,name,price\n");
    for n in from..from + count {
        let _ = writeln!(csv, "{n},Сделка {n},{}", n * 10);
    }
    csv
}

/// The requests so far, as `METHOD path`, and the sizes of the batches of leads.
fn log(service: &Service) -> (Vec<String>, Vec<u64>) {
    let log = service.get("/_sandbox/requests");
    let of = |request: &Value| {
        let path = request["path"].as_str().expect("a path").trim_start_matches("/api/v4/").to_owned();
        format!("{} {path}", request["method"].as_str().expect("a method"))
    };
    let requests = log["requests"].as_array().or(log.as_array()).expect("requests");
    let sizes = requests.iter().filter(|r| of(r) == "POST leads").filter_map(|r| r["items"].as_u64());
    (requests.iter().map(of).collect(), sizes.collect())
}

#[test]
fn lists_that_the_mapping_does_not_use_are_not_requested() {
    for (mapping, lists) in
        [(LEADS, &[][..]), (STAGED, &["GET leads/custom_fields", "GET leads/pipelines", "GET users"])]
    {
        let (service, folder) = (Service::start(), Folder::new());
        folder.write("leads.toml", mapping);
        folder.write("leads.csv", leads(1, 40));
        folder.run(&service, &["import", "leads.csv", "-m", "leads.toml"]).expect(0);
        let (mut requests, sizes) = log(&service);
        assert_eq!(sizes, [40]);
        requests.sort();
        // The account, the newest lead, the batch, the read-back, the rights of the token's user.
        let user = requests.iter().find(|r| r.starts_with("GET users/")).expect("the rights").clone();
        let mut expected: Vec<String> = ["GET account", "GET leads", "GET leads", "POST leads"]
            .iter()
            .chain(lists)
            .map(|r| (*r).to_owned())
            .collect();
        expected.push(user);
        expected.sort();
        assert_eq!(requests, expected);
    }
}

#[test]
fn a_probe_goes_first_and_its_size_is_remembered_until_a_batch_fails() {
    let (service, folder) = (Service::start(), Folder::new());
    // An answer takes long enough for the next turn to come first.
    service.faults(r#"{"latency_ms":[300,300]}"#);
    folder.write("leads.toml", LEADS);
    let sizes = |csv: &str, more: &[&str]| {
        folder.write("leads.csv", csv);
        let args: Vec<&str> = ["import", "leads.csv", "-m", "leads.toml"].iter().chain(more).copied().collect();
        folder.run(&service, &args).expect(0);
        let sizes = log(&service).1;
        service.post("/_sandbox/reset?keep=world", "");
        sizes
    };
    assert_eq!(sizes(&leads(1, 600), &[]), [50, 250, 250, 50]);
    assert_eq!(sizes(&leads(1_001, 300), &[]), [250, 50], "remembered");
    assert_eq!(sizes(&leads(2_001, 60), &["--batch", "20"]), [20, 20, 20]);
    service.faults(r#"{"latency_ms":[300,300],"script":[{"on":"POST leads","nth":1,"times":1,"do":"504-before"}]}"#);
    let failed = sizes(&leads(3_001, 250), &["--settle", "2s", "--answer-timeout", "2s"]);
    assert_eq!(failed[0], 250);
    service.faults(r#"{"latency_ms":[300,300]}"#);
    assert_eq!(sizes(&leads(4_001, 300), &[])[0], 50, "a failed batch is not forgotten");
}

#[test]
fn few_records_go_at_once() {
    let (service, folder) = (Service::start(), Folder::new());
    folder.write("leads.toml", LEADS);
    folder.write("leads.csv", leads(101, 100));
    folder.run(&service, &["import", "leads.csv", "-m", "leads.toml"]).expect(0);
    let log = service.get("/_sandbox/requests");
    let requests = log["requests"].as_array().or(log.as_array()).expect("requests");
    let posts: Vec<&Value> = requests.iter().filter(|r| r["method"] == "POST").collect();
    let sizes: Vec<u64> = posts.iter().filter_map(|r| r["items"].as_u64()).collect();
    assert_eq!(sizes, [100]);
}

#[test]
fn a_check_uses_lists_that_were_read_a_moment_ago_until_they_lead_to_a_problem() {
    let (service, folder) = (Service::start(), Folder::new());
    folder.write("leads.toml", STAGED);
    folder.write("leads.csv", leads(1, 3));
    let check = || folder.run(&service, &["check", "leads.csv", "-m", "leads.toml"]);
    let first = check().expect(0);
    assert!(!first.stderr.contains("minute ago"), "{}", first.stderr);
    // A second check does not wait for the account, so that it may be silent.
    service.faults(r#"{"latency_ms":[60000,60000]}"#);
    let second = check().expect(0);
    assert!(second.stderr.contains("less than a minute ago"), "{}", second.stderr);
    service.faults("{}");

    // A problem is one of the account as it is now.
    let unknown = STAGED.replace("Анна Смирнова", "Анна Новая");
    folder.write("new.toml", unknown);
    let new = || folder.run(&service, &["check", "leads.csv", "-m", "new.toml"]);
    let missing = new().expect(2);
    assert!(missing.stderr.contains("Анна Новая"), "{}", missing.stderr);
    let before = service.requests("GET users");
    let missing = new().expect(2);
    assert!(missing.stderr.contains("Анна Новая"), "{}", missing.stderr);
    assert_eq!(service.requests("GET users"), before + 1, "the account was asked before the problem was told");
}

#[test]
fn nothing_is_kept_of_a_sandbox_and_no_names_of_customers() {
    let (service, folder) = (Service::start(), Folder::new());
    folder.write("leads.toml", STAGED);
    folder.write("leads.csv", leads(1, 3));
    folder.write("bought.toml", "version = 1\nkind = \"transaction\"\n[transaction]\ncustomer = { column = \"name\", by = \"name\" }\nprice = \"price\"\n");
    let kept = || folder.path().join(".amoport/kept").exists();
    // An option before the command keeps `Folder` from adding the address of the service.
    folder.run(&service, &["-q", "check", "leads.csv", "-m", "leads.toml", "--sandbox"]).expect(0);
    assert!(folder.path().join(".amoport/sandbox").exists() && !kept());
    // The customers are unknown, so the rows are rejected, by the names that the account has.
    folder.run(&service, &["check", "leads.csv", "-m", "bought.toml"]).expect(1);
    assert_eq!((service.requests("GET customers") > 0, kept()), (true, false));
    folder.run(&service, &["check", "leads.csv", "-m", "leads.toml"]).expect(0);
    assert!(kept());
}
