//! What lies in the working folder may be anybody's: it runs nothing, and sends nothing anywhere. The real program is run, a marker
//! shows what was run, and a listener what was sent. And the ordinary ways go on working.
#![cfg(unix)]

use crate::program;

use program::{Folder, Ran, Service, ran};
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

const PROGRAM: &str = env!("CARGO_BIN_EXE_amoport");
const MAPPING: &str = "version = 1\nkind = \"lead\"\n[lead]\nname = \"name\"\n";
const IMPORT: [&str; 6] = ["import", "rows.csv", "-m", "rows.toml", "--batch", "1"];
/// Of four records, each in a request of its own, one is made.
const STOP: &str = r#"{"script": [{"on": "POST leads", "nth": 2, "times": 1000, "do": "403"}]}"#;
/// Neither root nor whoever runs the tests.
const STRANGER: u32 = 54_321;
const SECRET: &str = "the-secret-of-the-environment";

/// Somebody else's server: it keeps what it hears, and refuses it.
struct Spy {
    address: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Spy {
    fn start() -> Spy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let keeps = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut stream = stream;
                let mut bytes = [0; 4096];
                let read = stream.read(&mut bytes).unwrap_or(0);
                keeps.lock().expect("a list").push(String::from_utf8_lossy(&bytes[..read]).into_owned());
                let _ =
                    stream.write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            }
        });
        Spy { address, heard }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("a list").clone()
    }

    #[track_caller]
    fn heard_nothing(&self) {
        assert_eq!(self.heard(), Vec::<String>::new());
    }
}

/// A person: his home, and the folder in which he works.
struct Person {
    home: tempfile::TempDir,
    folder: Folder,
}

impl Person {
    fn new() -> Person {
        let folder = Folder::new();
        folder.write("rows.csv", "name\nA\nB\nC\nD\n");
        folder.write("rows.toml", MAPPING);
        Person { home: tempfile::tempdir().expect("a home"), folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn state(&self) -> PathBuf {
        self.path(".amoport")
    }

    fn account(&self, text: &str) {
        self.folder.write("amoport.toml", format!("[accounts.main]\n{text}\n"));
    }

    /// As cron runs it: a home, no terminal, and nothing else that an interactive shell would have set.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.homeless(args);
        command.env("HOME", self.home.path());
        command
    }

    /// As a container or a job of CI runs it: not even a home.
    fn homeless(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(args).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        ran(self.command(args).env("AMOPORT_TOKEN", SECRET).output().expect("it runs"))
    }

    fn import_as(&self, account: &str) -> Ran {
        self.run(&[&IMPORT[..], &["--account", account, "--json"]].concat())
    }

    fn import_into(&self, service: &Service) -> Ran {
        let args = [&IMPORT[..], &["--account", service.url(), "--json"]].concat();
        ran(self.command(&args).env("AMOPORT_TOKEN", service.token()).output().expect("it runs"))
    }

    fn resume(&self, service: &Service, more: &[&str]) -> Ran {
        let args = [&["resume", "--json"], more].concat();
        ran(self.command(&args).env("AMOPORT_TOKEN", service.token()).output().expect("it runs"))
    }

    fn own_config(&self, text: &str) -> PathBuf {
        let folder = self.home.path().join(".config/amoport");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("config.toml"), text).expect("a config");
        folder.join("config.toml")
    }
}

#[track_caller]
fn refused(end: Ran, code: &str) -> String {
    let end = end.expect(2);
    assert_eq!(end.json()["problems"][0]["code"], code, "{}", end.stderr);
    end.stderr
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("its mode is changed");
}

/// Root alone can give files away; whoever else runs the tests sees that it was not tried.
fn given_away(path: &Path, user: Option<u32>, group: Option<u32>) -> bool {
    let given = chown(path, user, group);
    if given.is_err() {
        eprintln!("{} is not given away: that takes root", path.display());
    }
    given.is_ok()
}

/// A run that has stopped half-way into `service`, in `.amoport` of the folder.
fn stopped(person: &Person, service: &Service) -> String {
    service.faults(STOP);
    let run = person.import_into(service).expect(4).json()["run"].as_str().expect("a name").to_owned();
    service.faults("{}");
    run
}

/// The run as somebody who has the store in his hands would have it.
fn forged(person: &Person, pairs: &[(&str, &str)]) {
    let store = rusqlite::Connection::open(person.state().join("store.db")).expect("a store");
    for (key, value) in pairs {
        let change = format!("UPDATE run SET head = json_set(head, '$.{key}', ?)");
        store.execute(&change, [value]).expect("it is written");
    }
}

fn account_of(url: &str) -> [(&'static str, &str); 2] {
    [("account", url), ("target", url)]
}

#[test]
fn a_token_command_of_the_folder_is_never_run() {
    let (person, spy) = (Person::new(), Spy::start());
    let marker = person.path("it-ran");
    person.account(&format!("url = \"{}\"\ntoken-command = [\"touch\", \"{}\"]", spy.url(), marker.display()));
    let file = person.path("amoport.toml");
    let told = refused(person.import_as("main"), "token-command");
    let own = person.home.path().join(".config/amoport/config.toml");
    assert!(told.contains(&format!("move [accounts.main] to {}", own.display())), "{told}");

    mode(&file, 0o666);
    let told = refused(person.import_as("main"), "untrusted-folder");
    assert!(told.contains("amoport.toml: everyone on this machine can change this"), "{told}");
    assert!(told.contains("chmod o-w"), "{told}");
    mode(&file, 0o644);

    mode(person.folder.path(), 0o777);
    let told = refused(person.import_as("main"), "untrusted-folder");
    assert!(
        told.contains(&format!("{}: everyone", fs::canonicalize(person.folder.path()).unwrap().display())),
        "{told}"
    );
    mode(person.folder.path(), 0o700);

    if given_away(&file, Some(STRANGER), None) {
        let told = refused(person.import_as("main"), "untrusted-folder");
        assert!(told.contains(&format!("amoport.toml: this belongs to {STRANGER}, and you are root")), "{told}");
        assert!(told.contains("chown root") && told.contains("--account https://"), "{told}");
    }
    assert!(!marker.exists(), "the command was run");
    spy.heard_nothing();
}

#[test]
fn a_link_is_as_good_as_what_it_leads_to() {
    let (person, service) = (Person::new(), Service::start());
    let shelf = person.path("shelf");
    fs::create_dir(&shelf).expect("a folder");
    fs::write(shelf.join("accounts.toml"), format!("[accounts.main]\nurl = \"{}\"\n", service.url())).expect("a file");
    symlink("shelf/accounts.toml", person.path("amoport.toml")).expect("a link");
    person.run(&["auth", "allow", service.url()]).expect(0);
    let status = || {
        let args = ["auth", "status", "--account", "main", "--json"];
        ran(person.command(&args).env("AMOPORT_TOKEN", service.token()).output().expect("it runs"))
    };
    status().expect(0);
    mode(&shelf, 0o777);
    refused(status(), "untrusted-folder");
    mode(&shelf, 0o755);
    mode(&shelf.join("accounts.toml"), 0o666);
    refused(status(), "untrusted-folder");
    mode(&shelf.join("accounts.toml"), 0o600);
    status().expect(0);
}

/// What a link leads to is the person's own; whoever may change the link has chosen it.
#[test]
fn a_config_behind_a_link_that_others_may_change_is_not_taken() {
    let (person, spy) = (Person::new(), Spy::start());
    let (marker, unpacked, shared) = (person.path("it-ran"), person.path("unpacked"), person.path("shared"));
    fs::create_dir_all(&unpacked).expect("a folder");
    let text =
        format!("[accounts.main]\nurl = \"{}\"\ntoken-command = [\"touch\", \"{}\"]\n", spy.url(), marker.display());
    fs::write(unpacked.join("config.toml"), text).expect("a file");
    let not_taken = || {
        let mut command = person.command(&["auth", "status", "--account", "main", "--json"]);
        command.env("AMOPORT_TOKEN", SECRET).env("XDG_CONFIG_HOME", &shared);
        refused(ran(command.output().expect("it runs")), "untrusted-folder");
        assert!(!marker.exists());
        spy.heard_nothing();
    };
    // The link is the file, in a folder that everybody may write to.
    fs::create_dir_all(shared.join("amoport")).expect("folders");
    symlink("../../unpacked/config.toml", shared.join("amoport/config.toml")).expect("a link");
    mode(&shared.join("amoport"), 0o777);
    not_taken();
    // Or in somebody else's, though it is sticky.
    mode(&shared.join("amoport"), 0o1777);
    if given_away(&shared.join("amoport"), Some(STRANGER), None) {
        not_taken();
    }
    // The link is the folder.
    fs::remove_dir_all(shared.join("amoport")).expect("it is removed");
    symlink("../unpacked", shared.join("amoport")).expect("a link");
    mode(&shared, 0o777);
    not_taken();
}

#[test]
fn reports_are_written_over_nothing_but_a_folder_of_their_run() {
    let (person, service) = (Person::new(), Service::start());
    person.import_into(&service).expect(0);
    let run = person.folder.runs().pop().expect("a run");
    let precious = person.path("documents");
    fs::create_dir(&precious).expect("a folder");
    fs::write(precious.join("results.csv"), "precious").expect("a file");
    fs::rename(&run, person.path("elsewhere")).expect("it is moved");
    symlink(&precious, &run).expect("a link");
    refused(person.run(&["report", "--json"]), "runs-folder");
    fs::remove_file(&run).expect("the link goes");
    fs::rename(person.path("elsewhere"), &run).expect("it is moved back");
    person.run(&["report", "--json"]).expect(0);
    forged(&person, &[("folder", precious.to_str().expect("a name"))]);
    refused(person.run(&["report", "--json"]), "runs-folder");
    assert_eq!(fs::read_to_string(precious.join("results.csv")).expect("it is there"), "precious");
    assert_eq!(fs::read_dir(&precious).expect("a folder").count(), 1);
}

#[test]
fn the_token_of_the_environment_goes_to_no_host_that_only_a_folder_names() {
    let (person, spy) = (Person::new(), Spy::start());
    person.account(&format!("url = \"{}\"", spy.url()));
    for args in [
        &[&IMPORT[..], &["--account", "main", "--json"]].concat()[..],
        &["check", "rows.csv", "-m", "rows.toml", "--account", "main", "--json"],
        &["export", "lead", "--to", "out.csv", "--account", "main", "--json"],
        &["account", "show", "--account", "main", "--json"],
        &["auth", "status", "--account", "main", "--json"],
    ] {
        let told = refused(person.run(args), "host-not-allowed");
        assert!(told.contains(&format!("amoport auth allow {}", spy.address)), "{told}");
    }
    let by_environment = person.command(&["auth", "status", "--json"]).env("AMOPORT_ACCOUNT", "main").output();
    refused(ran(by_environment.expect("it runs")), "host-not-allowed");
    spy.heard_nothing();

    // The line that is told works, and is not asked for twice.
    person.run(&["auth", "allow", &spy.address]).expect(0);
    let own = fs::read_to_string(person.home.path().join(".config/amoport/config.toml")).expect("a config");
    assert_eq!(own, format!("hosts = [\"{}\"]\n", spy.address));
    person.import_as("main").expect(4);
    assert!(spy.heard()[0].contains(SECRET), "{:?}", spy.heard());
}

#[test]
fn the_code_of_a_login_goes_to_no_host_that_only_a_folder_names() {
    let (person, spy) = (Person::new(), Spy::start());
    for (name, text) in [("secret", "the secret"), ("code", "the code")] {
        mode(&person.folder.write(name, text), 0o600);
    }
    person.account(&format!(
        "url = \"{}\"\nclient-id = \"c\"\nredirect-uri = \"https://r\"\nclient-secret-file = \"secret\"\ntoken-store = \"t\"",
        spy.url()
    ));
    let login = ["auth", "login", "--account", "main", "--code-file", "code", "--json"];
    refused(person.run(&login), "host-not-allowed");
    spy.heard_nothing();
}

#[test]
fn a_folder_names_no_secret_that_lies_elsewhere() {
    let (person, spy) = (Person::new(), Spy::start());
    person.run(&["auth", "allow", &spy.url()]).expect(0);
    let key = person.home.path().join("id_rsa");
    fs::write(&key, "PRIVATE KEY").expect("a key");
    mode(&key, 0o600);
    symlink(&key, person.path("token")).expect("a link");
    let up = format!("../{}/id_rsa", person.home.path().file_name().expect("a name").display());
    let oauth = "client-id = \"c\"\nredirect-uri = \"https://r\"\n";
    for line in [
        format!("token-file = \"{up}\""),
        format!("token-file = \"{}\"", key.display()),
        "token-file = \"token\"".to_owned(),
        format!("{oauth}token-store = \"{up}\""),
        format!("{oauth}token-store = \"t\"\nclient-secret-file = \"token\""),
    ] {
        person.account(&format!("url = \"{}\"\n{line}", spy.url()));
        let args = ["auth", "status", "--account", "main", "--json"];
        let told = refused(ran(person.command(&args).output().expect("it runs")), "secret-elsewhere");
        assert!(told.contains("move [accounts.main] to ") && !told.contains("PRIVATE"), "{told}");
    }
    spy.heard_nothing();
    // The user's own config names whatever he likes.
    person.own_config(&format!("[accounts.main]\nurl = \"{}\"\ntoken-file = \"{}\"\n", spy.url(), key.display()));
    ran(person.command(&["auth", "status", "--account", "main"]).output().expect("it runs")).expect(4);
    assert!(spy.heard()[0].contains("PRIVATE KEY"));
}

#[test]
fn a_store_that_may_be_somebody_else_s_is_not_gone_on_with() {
    let (person, spy, service) = (Person::new(), Spy::start(), Service::start());
    let run = stopped(&person, &service);
    forged(&person, &account_of(&spy.url()));
    let all = [vec!["resume"], vec!["resume", &run], vec!["report"], vec!["runs"], vec!["runs", "--abandon", &run]];
    let all_refused = |told: &str| {
        for args in &all {
            let end = person.run(&[&args[..], &["--json"]].concat());
            let said = refused(end, "untrusted-folder");
            assert!(said.contains(told) && said.contains("--state .amoport"), "{said}");
        }
    };
    mode(&person.state(), 0o777);
    all_refused(".amoport: everyone on this machine");
    mode(&person.state(), 0o700);
    mode(&person.state().join("store.db"), 0o666);
    all_refused("store.db: everyone on this machine");
    mode(&person.state().join("store.db"), 0o600);
    mode(person.folder.path(), 0o777);
    all_refused("everyone on this machine");
    mode(person.folder.path(), 0o700);
    for what in [person.state(), person.state().join("store.db"), person.folder.path().to_owned()] {
        if given_away(&what, Some(STRANGER), None) {
            all_refused(&format!("this belongs to {STRANGER}"));
            given_away(&what, Some(0), None);
        }
        if given_away(&what, None, Some(STRANGER)) {
            mode(&what, if what.is_dir() { 0o770 } else { 0o660 });
            all_refused(&format!("the group {STRANGER} can change this"));
            given_away(&what, None, Some(0));
            mode(&what, if what.is_dir() { 0o700 } else { 0o600 });
        }
    }
    spy.heard_nothing();
}

/// Unpacked by the user himself, a store is his own, whoever has made it.
#[test]
fn a_store_from_an_archive_sends_no_token_to_another_host() {
    let (person, spy, service) = (Person::new(), Spy::start(), Service::start());
    let run = stopped(&person, &service);
    let elsewhere = format!("https://{}", spy.address);
    let tries = |why: &str, told: &str| {
        for args in [vec!["resume"], vec!["resume", &run], vec!["runs", "--abandon", &run]] {
            let said = refused(person.run(&[&args[..], &["--json"]].concat()), "host-not-allowed");
            assert!(said.contains(told), "{why}: {said}");
        }
        spy.heard_nothing();
    };
    forged(&person, &account_of(&elsewhere));
    tries("an address of the store", &format!("amoport auth allow {}", spy.address));
    // A name, and a config that came along.
    let config = person.folder.write("theirs.toml", format!("[accounts.main]\nurl = \"{}\"\n", spy.url()));
    let config = config.display().to_string();
    let by_name = [("account", spy.url()), ("target", "main".to_owned()), ("config", config)];
    forged(&person, &by_name.each_ref().map(|(key, value)| (*key, value.as_str())));
    tries("a name of the store", "theirs.toml: this file names the host");
    // Another secret, sent to whoever listens on this machine.
    let key = person.home.path().join("id_rsa");
    fs::write(&key, "PRIVATE KEY").expect("a key");
    mode(&key, 0o600);
    forged(&person, &account_of(&spy.url()));
    forged(&person, &[("token_file", &key.display().to_string())]);
    let said = refused(ran(person.command(&["resume", "--json"]).output().expect("it runs")), "host-not-allowed");
    assert!(!said.contains("PRIVATE"), "{said}");
    spy.heard_nothing();
    // Who says the address himself goes there; it is the other end that refuses.
    forged(&person, &account_of(&elsewhere));
    person.run(&["resume", &run, "--account", &elsewhere]).expect(4);
    assert!(!spy.heard().is_empty());
}

#[test]
fn a_sandbox_that_is_announced_elsewhere_is_not_believed() {
    let (person, spy) = (Person::new(), Spy::start());
    let folder = person.state().join("sandbox");
    fs::create_dir_all(&folder).expect("a folder");
    let lock = fs::File::create(folder.join("lock")).expect("a lock");
    lock.lock().expect("it is held");
    for url in [format!("https://{}", spy.address), "http://evil.example".to_owned(), "https://evil.example".to_owned()]
    {
        let announced = serde_json::json!({"url": url, "token": SECRET, "pid": 1, "by_hand": true}).to_string();
        fs::write(folder.join("server.json"), announced).expect("it is announced");
        for verb in [&["account", "show"][..], &IMPORT[..]] {
            let said = refused(person.run(&[verb, &["--sandbox", "--json"]].concat()), "sandbox-elsewhere");
            assert!(said.contains("server.json") && said.contains(&url), "{said}");
        }
    }
    spy.heard_nothing();
}

#[test]
fn the_folder_s_file_gives_a_name_of_the_user_s_own_no_other_meaning() {
    let (person, spy, service) = (Person::new(), Spy::start(), Service::start());
    let marker = person.home.path().join("it-ran");
    let command = format!("touch {}; echo {}", marker.display(), service.token());
    let own = person.own_config(&format!(
        "[accounts.main]\nurl = \"{}\"\ntoken-command = [\"sh\", \"-c\", \"{command}\"]\n",
        service.url()
    ));
    person.account(&format!("url = \"{}\"", spy.url()));
    let import =
        || ran(person.command(&[&IMPORT[..], &["--account", "main", "--json"]].concat()).output().expect("it runs"));
    // What others may change is not the user's own either.
    for path in [&own, own.parent().expect("a folder")] {
        let was = fs::metadata(path).expect("it is there").permissions();
        mode(path, was.mode() | 0o002);
        refused(import(), "untrusted-folder");
        fs::set_permissions(path, was).expect("as it was");
    }
    assert!(!marker.exists());
    // As cron runs it: no terminal, no allowing.
    assert_eq!(import().expect(0).json()["counts"]["created"], 4);
    assert!(marker.exists());
    spy.heard_nothing();
}

/// The address and the token in the environment are enough, and the line to go on works.
#[test]
fn a_job_without_a_home_gives_the_address() {
    let (person, service, spy) = (Person::new(), Service::start(), Spy::start());
    let run = |args: &[&str]| {
        let mut command = person.homeless(args);
        ran(command.env("AMOPORT_TOKEN", service.token()).output().expect("it runs"))
    };
    service.faults(STOP);
    let mut import = person.homeless(&[&IMPORT[..], &["--json"]].concat());
    import.env("AMOPORT_TOKEN", service.token()).env("AMOPORT_ACCOUNT", service.url());
    let stopped = ran(import.output().expect("it runs")).expect(4);
    service.faults("{}");
    let name = stopped.json()["run"].as_str().expect("a name").to_owned();
    // Of a run the address has to be given again, unless it is on this machine: nobody has kept that it was given.
    let elsewhere = format!("https://{}", spy.address);
    let store = |url: &str| forged(&person, &account_of(url));
    store(&elsewhere);
    let told = refused(run(&["resume", &name, "--json"]), "host-not-allowed");
    assert!(told.contains(&format!("--account {elsewhere}")), "{told}");
    spy.heard_nothing();
    run(&["resume", &name, "--account", &elsewhere]).expect(4);
    assert!(!spy.heard().is_empty(), "what is told works");
    store(service.url());
    assert_eq!(run(&["resume", &name, "--json"]).expect(0).json()["counts"]["created"], 4);
    // A name of the folder cannot be allowed here, and the address is told.
    person.account(&format!("url = \"{}\"", service.url()));
    let told = refused(run(&["auth", "status", "--account", "main", "--json"]), "host-not-allowed");
    assert!(told.contains(&format!("--account {}", service.url())), "{told}");
    refused(run(&["auth", "allow", "example.amocrm.ru", "--json"]), "no-home");
}

/// With a home it is kept that the address was given, apart from the store.
#[test]
fn an_address_that_was_given_is_not_asked_for_again() {
    let (person, service) = (Person::new(), Service::start());
    stopped(&person, &service);
    let given = person.home.path().join(".local/state/amoport/hosts");
    let host = service.url().trim_start_matches("http://");
    assert_eq!(fs::read_to_string(&given).expect("it is kept"), format!("{host}\n"));
    let token = person.folder.write("token", service.token());
    mode(&token, 0o600);
    // A file with the token that only the store names needs it, also on this machine.
    forged(&person, &[("token_file", &token.display().to_string())]);
    let resume = || ran(person.command(&["resume", "--json"]).output().expect("it runs"));
    mode(&given, 0o666);
    refused(resume(), "host-not-allowed");
    mode(&given, 0o600);
    assert_eq!(resume().expect(0).json()["counts"]["created"], 4);
}

/// As a container mounts it: of another user.
#[test]
fn a_state_that_is_named_may_be_another_s_and_must_not_be_everybody_s() {
    let (person, service) = (Person::new(), Service::start());
    stopped(&person, &service);
    let mounted = person.home.path().join("state");
    fs::rename(person.state(), &mounted).expect("it is elsewhere");
    let state = mounted.display().to_string();
    mode(&mounted, 0o777);
    let told = refused(person.resume(&service, &["--state", &state]), "untrusted-folder");
    assert!(told.contains("chmod o-w"), "{told}");
    mode(&mounted, 0o770);
    mode(&mounted.join("store.db"), 0o666);
    refused(person.resume(&service, &["--state", &state]), "untrusted-folder");
    mode(&mounted.join("store.db"), 0o660);
    for what in [mounted.clone(), mounted.join("store.db"), person.folder.path().to_owned()] {
        given_away(&what, Some(STRANGER), Some(STRANGER));
    }
    let mut resume = person.command(&["resume", "--json"]);
    resume.env("AMOPORT_STATE", &state).env("AMOPORT_TOKEN", service.token());
    assert_eq!(ran(resume.output().expect("it runs")).expect(0).json()["counts"]["created"], 4);
}

#[test]
fn files_made_under_umask_002_are_the_user_s_own() {
    let (person, service) = (Person::new(), Service::start());
    mode(person.folder.path(), 0o775);
    person.account(&format!("url = \"{}\"", service.url()));
    mode(&person.path("amoport.toml"), 0o664);
    person.run(&["auth", "allow", service.url()]).expect(0);
    let import = |more: &str| {
        let line = format!("umask 002; exec {PROGRAM} {} --account main --json {more}", IMPORT.join(" "));
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).current_dir(person.folder.path()).env("HOME", person.home.path());
        shell.env("AMOPORT_TOKEN", service.token()).env_remove("XDG_CONFIG_HOME").env_remove("XDG_STATE_HOME");
        ran(shell.env_remove("AMOPORT_RATE_DIR").output().expect("it runs"))
    };
    let meta = fs::metadata(person.folder.path()).expect("a folder");
    if meta.uid() != meta.gid() {
        eprintln!("not tried: whoever runs this has no group of his number");
        return;
    }
    assert_eq!(import("").expect(0).json()["counts"]["created"], 4);
    mode(&person.state(), 0o775);
    assert_eq!(import("--again").expect(0).json()["counts"]["created"], 4);
}

#[test]
fn the_account_is_named_first_and_never_on_stdout() {
    let (person, service) = (Person::new(), Service::start());
    let spoken = [
        &[&IMPORT[..], &["--dry-run"]].concat()[..],
        &IMPORT[..],
        &["check", "rows.csv", "-m", "rows.toml"],
        &["export", "lead", "--to", "-"],
        &["account", "show"],
        &["auth", "status"],
    ];
    for args in spoken {
        for (which, named) in [(&["--account", service.url()][..], service.url()), (&["--sandbox"], "sandbox")] {
            let run = |more: &[&str]| {
                let args = [args, which, more].concat();
                ran(person.command(&args).env("AMOPORT_TOKEN", service.token()).output().expect("it runs"))
            };
            let end = run(&[]);
            let line = format!("account: {named}");
            assert_eq!(end.stderr.lines().next(), Some(line.as_str()), "{args:?}: {}", end.stderr);
            assert_eq!(end.stderr.matches("account: ").count(), 1, "{}", end.stderr);
            assert!(!end.stdout.contains(&line), "{}", end.stdout);
            assert!(!run(&["--quiet"]).stderr.contains(&line));
        }
    }
    person.folder.write("rows.csv", "name\nE\nF\n");
    stopped(&person, &service);
    let resumed = person.resume(&service, &[]).expect(0);
    assert_eq!(resumed.stderr.lines().next(), Some(format!("account: {}", service.url()).as_str()));
}

/// Instead of an answer: SIGINT.
const INTERRUPT: &str = "\u{3}";
const KILLED: i32 = -1;

/// A terminal, and what is typed on it.
fn on_a_terminal(command: &mut Command, typed: &str) -> (i32, String) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&master).expect("its other end");
    unlockpt(&master).expect("its other end");
    let name = ptsname(&master, Vec::new()).expect("its name").into_string().expect("a text");
    let slave = || fs::File::options().read(true).write(true).open(&name).expect("its other end");
    let mut child = command.stdin(slave()).stderr(slave()).stdout(Stdio::null()).spawn().expect("it runs");
    command.stdin(Stdio::null()).stderr(Stdio::null());
    let mut master = fs::File::from(master);
    let mut said = Vec::new();
    let mut byte = [0];
    let mut is_typed = false;
    // Once nobody holds the other end any more, reading fails.
    while master.read(&mut byte).is_ok_and(|read| read == 1) {
        said.push(byte[0]);
        if !is_typed && said.ends_with(b"[y/N] ") {
            match typed {
                INTERRUPT => drop(Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill")),
                answer => master.write_all(answer.as_bytes()).expect("it is typed"),
            }
            is_typed = true;
        }
    }
    let end = child.wait().expect("it ends");
    (end.code().unwrap_or(KILLED), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn on_a_terminal_the_first_use_of_a_host_is_asked_for_and_kept() {
    let (person, service) = (Person::new(), Service::start());
    person.account(&format!("url = \"{}\"", service.url()));
    let status = || {
        let mut command = person.command(&["auth", "status", "--account", "main"]);
        command.env("AMOPORT_TOKEN", service.token());
        command
    };
    let host = service.url().trim_start_matches("http://");
    let (code, said) = on_a_terminal(&mut status(), "n\n");
    assert!(code == 2 && said.contains(&format!("{host} would get the token")), "{code}: {said}");
    assert_eq!(service.requests("GET account"), 0);
    let (code, said) = on_a_terminal(&mut status(), "y\n");
    assert_eq!(code, 0, "{said}");
    // From now on nobody is asked.
    ran(status().output().expect("it runs")).expect(0);
    let (code, said) = on_a_terminal(&mut status(), "n\n");
    assert!(code == 0 && !said.contains("[y/N]"), "{code}: {said}");
}

#[test]
fn a_question_ends_when_the_program_is_interrupted() {
    let (person, spy) = (Person::new(), Spy::start());
    person.account(&format!("url = \"{}\"", spy.url()));
    let mut import = person.command(&[&IMPORT[..], &["--account", "main"]].concat());
    let (code, said) = on_a_terminal(import.env("AMOPORT_TOKEN", SECRET), INTERRUPT);
    // It may come before anybody listens for it.
    assert!(matches!(code, 2 | KILLED), "{code}: {said}");
    spy.heard_nothing();
}
