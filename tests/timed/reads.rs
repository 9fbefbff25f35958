//! How often a source is read: by the bytes that this process reads, so it has a process of its own. What the
//! store and the reports read is small beside the source.
#![cfg(target_os = "linux")]

use amo_client::clock::Clock;
use amo_sandbox::{Options, Sandbox, Switches};
use amoport::engine::{self, Folders, ImportRequest, MaxErrors, Target, Token};
use amoport::store::{RunOutcome, Verify};
use rust_xlsxwriter::Workbook;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const ROWS: u32 = 1_500;
/// Of a cell that no mapping reads.
const FILLING_BYTES: usize = 6_000;
/// What else is read: pages of the store, the mapping.
const OTHERS_BYTES: u64 = 3 << 20;

const PLAIN: &str = "version = 1\nkind = \"lead\"\n[lead]\nname = \"name\"\nprice = \"price\"\n";
const GROUPED: &str = "version = 1\nkind = \"lead\"\ngroup = \"order\"\n[lead]\nname = \"name\"\n[lead.products]\nelement = { column = \"product\", by = \"id\" }\ncatalog = { value = \"Товары\" }\n";

/// Text that does not shrink much.
fn filling(seed: u32) -> String {
    let mut state = u64::from(seed) + 1;
    let mut text = String::with_capacity(FILLING_BYTES);
    while text.len() < FILLING_BYTES {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let _ = write!(text, "{:016x}", state.rotate_left(17));
    }
    text
}

fn row(n: u32) -> [String; 5] {
    [format!("Сделка {}", n / 3), (100 + n).to_string(), (n / 3).to_string(), "1".to_owned(), filling(n)]
}

const TITLES: [&str; 5] = ["name", "price", "order", "product", "filling"];

fn csv(folder: &Path) -> PathBuf {
    let mut text = TITLES.join(",") + "\n";
    (0..ROWS).for_each(|n| text.push_str(&(row(n).join(",") + "\n")));
    let path = folder.join("deals.csv");
    std::fs::write(&path, text).expect("a source");
    path
}

fn xlsx(folder: &Path) -> PathBuf {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write_row(0, 0, TITLES).expect("titles");
    (0..ROWS).for_each(|n| {
        sheet.write_row(n + 1, 0, row(n)).expect("a row");
    });
    let path = folder.join("deals.xlsx");
    book.save(&path).expect("a workbook");
    path
}

/// Bytes that this process has read from files.
fn read_so_far() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").expect("the kernel counts");
    let line = io.lines().find_map(|line| line.strip_prefix("rchar: ")).expect("it counts reads");
    line.parse().expect("a number")
}

#[test]
fn a_source_is_read_twice_whatever_a_run_wants_to_know_of_it() {
    let _machine = crate::among_others();
    if !crate::own_process::is_mine("reads::a_source_is_read_twice_whatever_a_run_wants_to_know_of_it") {
        return;
    }
    let switches = Switches { rate_max: 1_000_000, block_after: 0, ..Switches::default() };
    let sandbox = Sandbox::start(Options { switches, ..Options::default() }).expect("a sandbox");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("plain.toml"), PLAIN).expect("a mapping");
    std::fs::write(folder.path().join("grouped.toml"), GROUPED).expect("a mapping");
    for source in [csv(folder.path()), xlsx(folder.path())] {
        let size = std::fs::metadata(&source).expect("it is there").len();
        assert!(size > 4 << 20, "{size}");
        for (what, mapping, count, max_errors, verify, times) in [
            ("plain", "plain", false, None, Verify::Sample, 2.1),
            ("with a total", "plain", true, None, Verify::Sample, 2.1),
            ("with a budget", "plain", true, Some(MaxErrors::Percent(5.0)), Verify::Sample, 2.1),
            ("grouped and linked", "grouped", false, None, Verify::Sample, 2.1),
            ("grouped and linked, with a budget", "grouped", true, Some(MaxErrors::Records(5)), Verify::Sample, 2.1),
            ("all of it read back", "plain", false, None, Verify::All, 3.1),
        ] {
            let target = Target::local(sandbox.url(), Clock::faster(20.0)).expect("it is on this machine");
            let target = target.token(Token::Value(sandbox.token().to_owned().into()));
            let state = tempfile::tempdir().expect("a folder");
            let folders = Folders::new(state.path(), state.path().join("runs"));
            let request = ImportRequest {
                count,
                max_errors,
                verify,
                batch: Some(250),
                settle_s: 1,
                ..ImportRequest::new(&source, target, folders)
            };
            let before = read_so_far();
            let mapping = folder.path().join(format!("{mapping}.toml"));
            let result = engine::import(&request.mapping(mapping), &mut |_| {}).expect("it imports");
            let read = read_so_far() - before;
            assert!(
                matches!(result.outcome, RunOutcome::Done | RunOutcome::SomeRejected),
                "{what}: {:?}",
                result.problems
            );
            let most = (size as f64 * times) as u64 + OTHERS_BYTES;
            let share = read as f64 / size as f64;
            println!("{} {what}: {share:.2}", source.display());
            assert!(read <= most, "{} {what}: {share:.2} times its size were read", source.display());
        }
    }
}
