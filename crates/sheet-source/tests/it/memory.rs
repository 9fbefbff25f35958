//! A single workbook in its own process, so that its memory can be measured.

use sheet_source::{ReadOptions, Row, Table};

/// A sheet with two cells far apart; as a rectangle it would take about a gigabyte.
#[test]
fn a_sparse_sheet_is_cheap() {
    if !crate::own_process::is_mine("memory::a_sparse_sheet_is_cheap") {
        return;
    }
    const PEAK_MAX_KB: u64 = 128 << 10;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("sparse.xlsx");
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write(0, 0, "a").and_then(|s| s.write(100_000, 300, "b")).expect("cells");
    book.save(&path).expect("it can be saved");

    let started = std::time::Instant::now();
    let mut table = Table::open(&path, &ReadOptions::default()).expect("it can be read");
    let mut row = Row::default();
    assert!(table.read(&mut row).expect("it has a row"));
    assert_eq!((row.number, row.len(), row.get(300).text), (100_001, 301, "b"));
    assert!(!table.read(&mut row).expect("and no more"));
    assert!(started.elapsed().as_secs() < 5);
    // Without /proc the test checks the time only.
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells the peak");
        let peak: u64 = line.trim().trim_end_matches(" kB").parse().expect("in kilobytes");
        assert!(peak < PEAK_MAX_KB, "{peak} kB");
    }
}
