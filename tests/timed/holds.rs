//! A long hold is told while it lasts, once, with the time when it ends.

use crate::program;

use program::{Folder, Ran, Service};

#[track_caller]
fn assert_told_once(ran: &Ran) {
    let told: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("nothing is sent until")).collect();
    let [line] = told[..] else { panic!("not told once:\n{}", ran.stderr) };
    let time = line.strip_prefix("the service asked for a pause; nothing is sent until ").expect("the sentence");
    let digits: Vec<usize> = time.split(':').map(str::len).collect();
    assert_eq!(digits, [2, 2, 2], "{line}");
}

/// The first such request is asked to wait.
fn held(route: &str) -> String {
    format!(r#"{{"script": [{{"on": "{route}", "nth": 1, "do": "429-header", "retry_after": 7}}]}}"#)
}

#[test]
fn every_command_that_waits_tells_of_a_hold_once() {
    let _machine = crate::among_others();
    let (service, folder) = (Service::start(), Folder::new());
    folder.write("rows.csv", "n,name\n1,A\n2,B\n3,C\n");
    folder.write("rows.toml", "version = 1\nkind = \"lead\"\nkey = \"n\"\n[lead]\nname = \"name\"\n");
    for (route, args) in [
        ("GET account", &["auth", "status"][..]),
        ("GET account", &["check", "rows.csv", "-m", "rows.toml", "-q"]),
        ("POST leads", &["import", "rows.csv", "-m", "rows.toml", "--batch", "1", "-q"]),
        ("GET leads", &["export", "lead", "--to", "leads.csv"]),
    ] {
        service.faults(&held(route));
        assert_told_once(&folder.run(&service, args).expect(0));
    }
}
