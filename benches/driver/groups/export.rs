//! Exports: what the file costs, and what the pages take.

use super::{count, cpu, cpu_of, group, growth as grows, joined, line, rss, told};
use crate::bench::Bench;
use crate::rounds::{Contender, Group};
use crate::service::{PAGE, Service, latency, pages_a_second};
use std::rc::Rc;

/// The library's export without the pace; the sandbox lives as long as the contender.
fn direct<'a>(bench: &'a Bench, name: &'static str, how: &str, rows: usize, service: Rc<Service>) -> Contender<'a> {
    let mut command = bench.yardstick(how);
    command.arg(&service.url).arg(&service.token).arg(bench.data.join(format!("export-{rows}.xlsx")));
    let shown = bench.shown(&command);
    let take = move || {
        let _alive = &service;
        bench.take(&mut command)
    };
    Contender::new(name, shown, take)
}

pub fn export(bench: &Bench) -> Result<Group<'_>, String> {
    let rows = bench.rows(200_000, 20_000);
    let service = Rc::new(bench.world(rows)?);
    let csv = bench.data.join(format!("export-{rows}.csv"));
    let mut first = bench.yardstick("export");
    first.arg(&service.url).arg(&service.token).arg(&csv);
    bench.take(&mut first)?;
    let written = bench.data.join("written.xlsx");
    let mut write = bench.yardstick("xlsx-write");
    write.arg(&csv).arg(&written);
    let own = vec![
        direct(bench, "export", "export", rows, Rc::clone(&service)),
        direct(bench, "read", "export-none", rows, service),
        bench.contender("xlsx-write", write),
    ];
    let (csv, written) = (csv.display().to_string(), written.display().to_string());
    let peers = [bench.peer("xlsxwriter", "write.py", &[&csv, &written])];
    let what = format!("export to XLSX, {} rows", count(rows));
    let against = "rust_xlsxwriter, constant memory, default level";
    let lines = vec![
        (
            "",
            line("export-cpu", &format!("{what}, CPU"), against, cpu("export", "xlsx-write"))
                .beside("xlsx-write", cpu_of)
                .at_most(0.9, 0.4),
        ),
        (
            "",
            line("export-workbook", "the same, without reading the pages", "the same", |round| {
                (round["export"].cpu - round["read"].cpu) / round["xlsx-write"].cpu
            })
            .beside("xlsx-write", cpu_of)
            .at_most(0.9, 0.4),
        ),
        (
            "",
            line("export-read", "reading the pages alone", "the same", cpu("read", "xlsx-write"))
                .beside("xlsx-write", cpu_of),
        ),
        (
            "",
            line("export-size", &format!("{what}, size"), "the same", |round| {
                round["export"].told("size") / round["xlsx-write"].told("size")
            })
            .at_most(1.15, 1.15),
        ),
        (
            "xlsxwriter",
            line("export-xlsxwriter", &what, "xlsxwriter, constant memory", cpu("xlsxwriter", "export"))
                .beside("xlsxwriter", cpu_of),
        ),
        ("", line("export-memory", &format!("{what}, memory"), "–", rss("export")).unit(" MB").at_most(48.0, 24.0)),
    ];
    Ok(group(joined(own, peers), lines))
}

pub fn growth(bench: &Bench) -> Result<Group<'_>, String> {
    let sizes = if bench.quick { [10_000, 30_000, 50_000] } else { [10_000, 100_000, 1_000_000] };
    let names = ["few", "some", "many"];
    let mut contenders = Vec::new();
    for (name, rows) in names.into_iter().zip(sizes) {
        contenders.push(direct(bench, name, "export", rows, Rc::new(bench.world(rows)?)));
    }
    let what = format!("CPU per row as work grows, export, to {}", count(sizes[2]));
    let against = format!("{} → {}", count(sizes[0]), count(sizes[1]));
    let memory = format!("memory, export of {} rows", count(sizes[2]));
    let lines = vec![
        ("", line("growth-export", &what, &against, grows(names, sizes)).at_most(1.15, 1.05)),
        ("", line("growth-export-memory", &memory, "–", rss("many")).unit(" MB").at_most(48.0, 24.0)),
    ];
    Ok(group(contenders, lines))
}

const PAGES: usize = 100;

pub fn pages(bench: &Bench) -> Result<Group<'_>, String> {
    let service = Rc::new(bench.world(PAGES * PAGE)?);
    let followed = bench.rows(30, 15).to_string();
    let to = bench.data.join("pages.csv");
    let mut follow = bench.yardstick("follow-next");
    follow.arg(&service.url).arg(&service.token).arg(&followed);
    let shown = bench.shown(&follow);
    let mut export = bench.program(&service)?;
    export.args(["export", "lead", "--account", &service.url, "--force", "--to"]).arg(&to);
    export.arg("--state").arg(bench.data.join("rate"));
    let own = bench.shown(&export);
    let timed = |service: Rc<Service>, mut command: std::process::Command| {
        move || {
            service.restart("{}", &latency(1_000, 1_000))?;
            bench.fresh("rate")?;
            let mut taken = bench.take(&mut command)?;
            taken.told.insert("pages_a_second".to_owned(), pages_a_second(&service.log()?, PAGES as f64));
            Ok(taken)
        }
    };
    let contenders = vec![
        Contender::new("export", own, timed(Rc::clone(&service), export)),
        Contender::new("follow-next", shown, timed(service, follow)),
    ];
    let lines = vec![
        (
            "",
            line("pages", "export of 100 pages, answers 1 s, pages a second", "following `next`", |round| {
                round["export"].told("pages_a_second") / round["follow-next"].told("pages_a_second")
            })
            .at_least(6.0, 6.8),
        ),
        ("", line("pages-rate", "the same", "–", told("export", "pages_a_second")).unit(" a second")),
        ("", line("pages-memory", "the same, memory", "–", rss("export")).unit(" MB").at_most(48.0, 24.0)),
    ];
    Ok(group(contenders, lines))
}
