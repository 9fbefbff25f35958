//! Dry runs: reading, mapping, checking, the JSON of every record; nothing is sent.

use super::{count, cpu, cpu_of, group, growth as grows, joined, line, rss, wall, wall_of};
use crate::bench::Bench;
use crate::rounds::{Contender, Group};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::Command;

pub fn csv(bench: &Bench) -> Result<Group<'_>, String> {
    let rows = bench.rows(1_000_000, 100_000);
    let (file, less) = (bench.csv(rows)?, bench.csv(rows / 10)?);
    let text = file.display().to_string();
    let mut pass = bench.yardstick("csv-pass");
    pass.arg(&file);
    let own = vec![
        bench.contender("csv-pass", pass),
        bench.check("dry-run", &file)?,
        bench.check("dry-run-tenth", &less)?,
        check_keyed(bench, &file)?,
    ];
    let peers =
        [bench.peer("pandas", "etl.py", &["pandas", &text]), bench.peer("orjson", "etl.py", &["orjson", &text])];
    let what = format!("dry run, CSV {} rows", count(rows));
    let keyed = format!("dry run with a key, CSV {} rows", count(rows));
    let lines = vec![
        (
            "",
            line("csv-cpu", &format!("{what}, CPU"), "csv ByteRecord pass", cpu("dry-run", "csv-pass"))
                .beside("csv-pass", cpu_of)
                .at_most(6.5, 4.5),
        ),
        (
            "",
            line("csv-wall", &format!("{what}, wall"), "the same", wall("dry-run", "csv-pass"))
                .beside("csv-pass", wall_of)
                .at_most(4.0, 2.5),
        ),
        (
            "pandas",
            line("csv-pandas", &what, "pandas → dict → JSON", cpu("pandas", "dry-run"))
                .beside("pandas", cpu_of)
                .at_least(18.0, 30.0),
        ),
        (
            "orjson",
            line("csv-orjson", &what, "csv + orjson", cpu("orjson", "dry-run"))
                .beside("orjson", cpu_of)
                .at_least(6.0, 11.0),
        ),
        ("", line("csv-memory", &format!("{what}, memory"), "–", rss("dry-run")).unit(" MB").at_most(32.0, 16.0)),
        (
            "",
            line("csv-memory-growth", &format!("{what}, memory"), "a tenth of the rows", |round| {
                round["dry-run"].rss - round["dry-run-tenth"].rss
            })
            .unit(" MB")
            .at_most(4.0, 4.0),
        ),
        (
            "",
            line("csv-cpu-keyed", &format!("{keyed}, CPU"), "csv ByteRecord pass", cpu("keyed", "csv-pass"))
                .beside("csv-pass", cpu_of)
                .at_most(6.5, 4.5),
        ),
        ("", line("csv-memory-keyed", &format!("{keyed}, memory"), "–", rss("keyed")).unit(" MB").at_most(40.0, 28.0)),
    ];
    Ok(group(joined(own, peers), lines))
}

/// The same dry run, whose mapping has a key.
fn check_keyed<'a>(bench: &'a Bench, file: &Path) -> Result<Contender<'a>, String> {
    const BEFORE: &str = "[source]";
    let (plain, keyed) = (bench.mapping(), bench.data.join("mapping-keyed.toml"));
    let mapping = std::fs::read_to_string(&plain).map_err(|e| format!("{}: {e}", plain.display()))?;
    let mapping = mapping.replacen(BEFORE, &format!("key = \"ID\"\n\n{BEFORE}"), 1);
    std::fs::write(&keyed, mapping).map_err(|e| format!("{}: {e}", keyed.display()))?;
    let mut command = Command::new(&bench.amoport);
    command.arg("check").arg(file).arg("-m").arg(keyed).arg("--account-file").arg(bench.account()?);
    command.args(["--json", "--state"]).arg(bench.fresh("check-keyed")?);
    Ok(bench.contender("keyed", command))
}

pub fn windows_1251(bench: &Bench) -> Result<Group<'_>, String> {
    let rows = bench.rows(1_000_000, 100_000);
    let (utf8, old) = bench.csvs(rows)?;
    let contenders = vec![bench.check("utf-8", &utf8)?, bench.check("windows-1251", &old)?];
    let what = format!("windows-1251 dry run, {} rows, CPU", count(rows));
    let ratio = line("windows-1251", &what, "UTF-8 dry run", cpu("windows-1251", "utf-8"))
        .beside("utf-8", cpu_of)
        .at_most(1.5, 1.25);
    Ok(group(contenders, vec![("", ratio)]))
}

pub fn xlsx(bench: &Bench) -> Result<Group<'_>, String> {
    let rows = bench.rows(200_000, 20_000);
    let file = bench.xlsx(rows)?;
    let text = file.display().to_string();
    let mut cells = bench.yardstick("calamine-cells");
    cells.arg(&file);
    let own = vec![bench.contender("calamine-cells", cells), bench.check("dry-run", &file)?];
    let peers = [
        bench.peer("openpyxl", "etl.py", &["openpyxl", &text]),
        bench.peer("pandas", "etl.py", &["pandas-calamine", &text]),
    ];
    let what = format!("dry run, XLSX {} rows, CPU", count(rows));
    let lines = vec![
        (
            "",
            line("xlsx-cpu", &what, "calamine, cells only", cpu("dry-run", "calamine-cells"))
                .beside("calamine-cells", cpu_of)
                .at_most(1.05, 0.65),
        ),
        (
            "openpyxl",
            line("xlsx-openpyxl", &what, "openpyxl", cpu("openpyxl", "dry-run"))
                .beside("openpyxl", cpu_of)
                .at_least(12.0, 30.0),
        ),
        (
            "pandas",
            line("xlsx-pandas", &what, "pandas + calamine", cpu("pandas", "dry-run"))
                .beside("pandas", cpu_of)
                .at_least(7.0, 18.0),
        ),
    ];
    Ok(group(joined(own, peers), lines))
}

pub fn xlsx_memory(bench: &Bench) -> Result<Group<'_>, String> {
    let rows = bench.rows(1_000_000, 100_000);
    let file = bench.xlsx(rows)?;
    let shared = shared_strings(&file)? / 1e6;
    let against = format!("{shared:.0} MB of shared strings");
    let what = format!("memory, XLSX {} rows", count(rows));
    let limits = (1.6 * shared + 32.0, shared + 24.0);
    let memory = line("xlsx-memory", &what, &against, rss("dry-run")).unit(" MB").at_most(limits.0, limits.1);
    Ok(group(vec![bench.check("dry-run", &file)?], vec![("", memory)]))
}

pub fn growth(bench: &Bench) -> Result<Group<'_>, String> {
    let sizes = if bench.quick { [20_000, 60_000, 100_000] } else { [10_000, 100_000, 1_000_000] };
    let names = ["few", "some", "many"];
    let contenders = names
        .into_iter()
        .zip(sizes)
        .map(|(name, rows)| bench.check(name, &bench.csv(rows)?))
        .collect::<Result<_, _>>()?;
    let what = format!("CPU per row as work grows, dry run, to {}", count(sizes[2]));
    let against = format!("{} → {}", count(sizes[0]), count(sizes[1]));
    let ratio = line("growth-check", &what, &against, grows(names, sizes)).at_most(1.15, 1.05);
    Ok(group(contenders, vec![("", ratio)]))
}

/// Bytes of the shared strings when inflated, from the directory at the end of the archive.
fn shared_strings(file: &Path) -> Result<f64, String> {
    const PART: &[u8] = b"xl/sharedStrings.xml";
    const HEAD: &[u8] = b"PK\x01\x02";
    /// Where the inflated size and the name stand in an entry.
    const SIZE: usize = 24;
    const NAME: usize = 46;
    const TAIL: u64 = 64 << 10;
    let told = |e: std::io::Error| format!("{}: {e}", file.display());
    let mut archive = File::open(file).map_err(told)?;
    let length = archive.metadata().map_err(told)?.len();
    archive.seek(SeekFrom::Start(length.saturating_sub(TAIL))).map_err(told)?;
    let mut tail = Vec::new();
    archive.read_to_end(&mut tail).map_err(told)?;
    let heads = (0..tail.len()).filter(|at| tail[*at..].starts_with(HEAD)).map(|at| &tail[at..]);
    let entry = heads.into_iter().find(|entry| entry.get(NAME..).is_some_and(|name| name.starts_with(PART)));
    let size = entry.and_then(|entry| entry[SIZE..].first_chunk());
    size.map(|size| f64::from(u32::from_le_bytes(*size)))
        .ok_or_else(|| format!("{} has no shared strings", file.display()))
}
