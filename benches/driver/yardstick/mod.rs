//! Yardsticks: the least that a job could cost, each a small program of our own, and the tool's own library where the
//! program would wait for its pace; and the making of the inputs. Each is a process, started by the driver like any other
//! contender: the driver itself stays small, since a process counts the memory of the one that started it as its own peak.

mod direct;
mod edit;
mod journal;
mod read;
mod still;
mod write;

pub use still::still_ms;

use crate::data;
use std::path::Path;

pub fn run(args: &[String]) -> Result<(), String> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<usize>().map_err(|_| format!("\"{text}\" is no number"));
    match words[..] {
        ["make-csv", rows, utf8, old] => data::csv(number(rows)?, Path::new(utf8), Path::new(old)),
        ["make-leads", first, rows, file] => data::csv_from(number(first)?, number(rows)?, Path::new(file)),
        ["edit-prices", from, to, first, count] => {
            edit::prices(Path::new(from), Path::new(to), number(first)?, number(count)?)
        }
        ["burn", seconds] => {
            still::burn(number(seconds)?);
            Ok(())
        }
        ["make-xlsx", rows, file] => data::xlsx(number(rows)?, Path::new(file)),
        ["csv-pass", file] => read::csv_pass(Path::new(file)),
        ["calamine-cells", file] => read::calamine_cells(Path::new(file)),
        ["calamine-open", file] => read::calamine_open(Path::new(file)),
        ["xlsx-write", csv, xlsx] => write::xlsx(Path::new(csv), Path::new(xlsx)),
        ["append", file, batches] => journal::append(Path::new(file), number(batches)?),
        ["journal", folder, batches] => journal::journal(Path::new(folder), number(batches)?),
        ["outcomes", folder, rows] => journal::outcomes(Path::new(folder), number(rows)?),
        ["upload", url, token, file, mapping, state, rows, speed, in_flight] => {
            let service = direct::Service::at(url, token, number(speed)?)?;
            service.upload(Path::new(file), Path::new(mapping), Path::new(state), number(rows)?, number(in_flight)?)
        }
        ["export", url, token, file] => direct::Service::at(url, token, direct::UNPACED)?.export(Path::new(file), true),
        ["export-none", url, token, file] => {
            direct::Service::at(url, token, direct::UNPACED)?.export(Path::new(file), false)
        }
        ["follow-next", url, token, pages] => direct::follow_next(url, token, number(pages)?),
        _ => Err(format!("there is no yardstick {words:?}")),
    }
}

/// A line that the driver reads.
fn tell(name: &str, value: impl std::fmt::Display) {
    println!("{name} {value}");
}

fn in_file<E: std::fmt::Display>(file: &Path) -> impl Fn(E) -> String {
    move |e| format!("{}: {e}", file.display())
}

fn block_on<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(|e| format!("no runtime: {e}"))?.block_on(future))
}
