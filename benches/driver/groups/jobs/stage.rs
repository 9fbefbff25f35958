//! What a job takes place on: a served world, folders of its own, its files. Every run has the options of somebody who gives
//! none, a home of its own, and nothing in the environment but the token.

use super::job::{TimedJob, Work};
use super::purposes;
use crate::bench::Bench;
use crate::gauge::Taken;
use crate::rounds::Contender;
use crate::service::{Entry, PACED, Service, UNPACED, records_a_second};
use crate::yardstick::still_ms;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

/// The first row numbers of the files: a job that finds the memory of the one before it has other keys.
const FIRST_ROWS: [usize; 2] = [1, 1_000_001];
/// The first rows of a workbook whose prices are edited.
const EDITED_ROWS: [usize; 2] = [100, 1_100];
/// Until what a job before it has sent no longer counts for the pace.
const PACE_FORGETS: Duration = Duration::from_millis(1_200);

pub struct JobStage<'a> {
    bench: &'a Bench,
    service: Rc<Service>,
    job: &'static TimedJob,
    /// The faults of the sandbox: how long its answers take.
    faults: String,
    /// Options beyond those without which the job is none.
    options: &'static [&'static str],
    /// The name of its folder.
    name: String,
    /// Ids and prices that the records of the world have: what an edited workbook was exported with.
    prices: RefCell<Vec<(u64, u64)>>,
}

impl<'a> JobStage<'a> {
    pub fn new(
        bench: &'a Bench,
        job: &'static TimedJob,
        worlds: &mut Worlds<'a>,
        (name, faults): (&str, &str),
    ) -> Result<JobStage<'a>, String> {
        let service = match job.work {
            Work::Export | Work::Update | Work::RoundTrip { .. } => worlds.of(job.rows)?,
            _ => worlds.empty()?,
        };
        let stage = JobStage {
            bench,
            service,
            job,
            faults: faults.to_owned(),
            options: &[],
            name: format!("jobs/{name}"),
            prices: RefCell::default(),
        };
        if matches!(job.work, Work::RoundTrip { .. }) {
            stage.export_workbooks()?;
        }
        Ok(stage)
    }

    pub fn with(self, options: &'static [&'static str]) -> JobStage<'a> {
        JobStage { options, ..self }
    }

    /// The job from nothing, or once more with other records and what the former one has left behind.
    pub fn contender(self: &Rc<Self>, name: impl Into<String>, remembered: bool) -> Result<Contender<'a>, String> {
        let stage = Rc::clone(self);
        let shown = stage.bench.shown(&stage.command(usize::from(remembered)));
        Ok(Contender::new(name, shown, move || stage.take(remembered)))
    }

    pub fn take(&self, remembered: bool) -> Result<Taken, String> {
        let turn = usize::from(remembered);
        if remembered {
            std::thread::sleep(PACE_FORGETS);
        } else {
            self.bench.fresh(&self.name)?;
            std::fs::create_dir_all(self.folder().join("home")).map_err(|e| format!("{}: {e}", self.name))?;
            self.fill_world()?;
        }
        self.make_files(turn)?;
        self.service.restart(PACED, &self.faults)?;
        let before = still_ms();
        let mut taken = self.bench.take(&mut self.command(turn))?;
        let still = before.max(still_ms());
        let log = self.service.log()?;
        self.tell(&mut taken, &log, still);
        self.check_result(&log)?;
        Ok(taken)
    }

    fn folder(&self) -> PathBuf {
        self.bench.data.join(&self.name)
    }

    fn command(&self, turn: usize) -> Command {
        let folder = self.folder();
        let mut command = Command::new(&self.bench.amoport);
        command.env_clear().env("HOME", folder.join("home")).env("AMOPORT_TOKEN", &self.service.token);
        let (verb, mapping) = match self.job.work {
            Work::Export => ("export", None),
            Work::RoundTrip { .. } => ("import", None),
            Work::Leads => ("import", Some("lead")),
            Work::Check => ("check", Some("lead")),
            Work::ComplexLeads => ("import", Some("complex-lead")),
            Work::Contacts => ("import", Some("contact")),
            Work::Purchases { .. } => ("import", Some("transaction")),
            Work::Update => ("import", Some("lead-update")),
        };
        command.arg(verb);
        match self.job.work {
            Work::Export => command.args(["lead", "--to"]).arg(self.file(turn)),
            _ => command.arg(self.file(turn)),
        };
        if let Some(mapping) = mapping {
            command.arg("-m").arg(self.bench.root.join(format!("benches/jobs/{mapping}.toml")));
        }
        command.args(["--account", &self.service.url]).args(self.options).arg("--state").arg(folder.join("state"));
        if verb == "import" {
            command.arg("--runs").arg(folder.join("runs"));
        }
        command
    }

    /// What the command reads, or writes.
    fn file(&self, turn: usize) -> PathBuf {
        let rows = self.job.rows;
        match self.job.work {
            Work::Leads | Work::ComplexLeads | Work::Contacts | Work::Check => {
                self.bench.data.join(format!("jobs-{rows}-from-{}.csv", FIRST_ROWS[turn]))
            }
            Work::Purchases { .. } | Work::Update => self.folder().join(format!("{turn}.csv")),
            Work::Export => self.folder().join(format!("{turn}.xlsx")),
            Work::RoundTrip { edited } => self.bench.data.join(format!("jobs-{rows}-edited-{edited}-{turn}.xlsx")),
        }
    }

    /// The world that a job from nothing finds: a new account, or the records of the world as the files expect them.
    fn fill_world(&self) -> Result<(), String> {
        match self.job.work {
            Work::Leads | Work::ComplexLeads | Work::Contacts | Work::Check => self.service.reset(UNPACED, "{}"),
            Work::Purchases { customers } => {
                self.service.reset(UNPACED, "{}")?;
                const NEXT_DATE: u64 = 1_893_456_000;
                let customers: Vec<Value> =
                    (0..customers).map(|n| json!({"name": customer(n), "next_date": NEXT_DATE})).collect();
                self.service.write("POST", "customers", &json!(customers))
            }
            Work::Export | Work::Update => Ok(()),
            Work::RoundTrip { .. } => self.restore_prices(),
        }
    }

    fn make_files(&self, turn: usize) -> Result<(), String> {
        let (file, rows) = (self.file(turn), self.job.rows);
        let text = match self.job.work {
            Work::Leads | Work::ComplexLeads | Work::Contacts | Work::Check => {
                if !file.exists() {
                    let mut make = self.bench.yardstick("make-leads");
                    make.arg(FIRST_ROWS[turn].to_string()).arg(rows.to_string()).arg(&file);
                    self.bench.take(&mut make)?;
                }
                return Ok(());
            }
            Work::Export | Work::RoundTrip { .. } => return Ok(()),
            Work::Purchases { customers } => {
                let mut text = "Чек,Дата,Клиент,Сумма,Комментарий\n".to_owned();
                for n in 0..rows {
                    let (number, customer) = (FIRST_ROWS[turn] + n, customer(n % customers));
                    let _ = writeln!(text, "Ч-{number:07},02.09.2026,{customer},{},доставка {n}", 1_000 + n);
                }
                text
            }
            // Every price differs from what the account has.
            Work::Update => {
                let mut text = "ID,Новая сумма\n".to_owned();
                for (id, price) in self.prices_now()? {
                    let _ = writeln!(text, "{id},{}", price + 1);
                }
                text
            }
        };
        std::fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))
    }

    fn prices_now(&self) -> Result<Vec<(u64, u64)>, String> {
        let leads = self.service.records("leads", "id,price", self.job.rows)?;
        let number = |lead: &Value, key: &str| lead[key].as_u64().unwrap_or(0);
        Ok(leads.iter().map(|lead| (number(lead, "id"), number(lead, "price"))).collect())
    }

    /// Exports the world and edits the copies. A price in the account is what its workbook was exported with.
    fn export_workbooks(&self) -> Result<(), String> {
        let Work::RoundTrip { edited } = self.job.work else { return Ok(()) };
        let exported = self.bench.data.join(format!("jobs-{}-exported.xlsx", self.job.rows));
        self.service.restart(UNPACED, "{}")?;
        let mut export = self.bench.program(&self.service)?;
        export.args(["export", "lead", "--account", &self.service.url, "--force", "--to"]).arg(&exported);
        export.arg("--state").arg(self.bench.fresh("jobs/exported")?);
        self.bench.take(&mut export)?;
        *self.prices.borrow_mut() = self.prices_now()?;
        for (turn, first) in EDITED_ROWS.into_iter().enumerate() {
            let mut edit = self.bench.yardstick("edit-prices");
            edit.arg(&exported).arg(self.file(turn)).args([first.to_string(), edited.to_string()]);
            self.bench.take(&mut edit)?;
        }
        Ok(())
    }

    fn restore_prices(&self) -> Result<(), String> {
        let known = self.prices.borrow();
        let changed = self.prices_now()?.into_iter().zip(known.iter()).filter(|(now, then)| now != *then);
        let items: Vec<Value> = changed.map(|(_, (id, price))| json!({"id": id, "price": price})).collect();
        if items.is_empty() { Ok(()) } else { self.service.write("PATCH", "leads", &json!(items)) }
    }

    fn tell(&self, taken: &mut Taken, log: &[Entry], still: f64) {
        let throttled = log.iter().filter(|entry| entry.status == 429).count();
        let ended = taken.started_ms + taken.wall * 1e3;
        // What it has requested ahead and did not wait for does not count.
        let answers = log.iter().map(|entry| entry.at_ms + entry.latency_ms).filter(|at| *at <= ended);
        let answered = answers.fold(f64::NAN, f64::max);
        for (name, value) in [
            ("requests", log.len() as f64),
            ("throttled", throttled as f64),
            ("rows_a_second", records_a_second(log)),
            ("after_last_answer_ms", ended - answered),
            ("still_ms", still),
        ] {
            taken.told.insert(name.to_owned(), value);
        }
        taken.phases = purposes::phases(log, taken.started_ms);
    }

    /// A job that has not done its work would look fast.
    fn check_result(&self, log: &[Entry]) -> Result<(), String> {
        let written = log.iter().filter(|entry| entry.method != "GET" && entry.status == 200);
        let written: f64 = written.map(|entry| entry.items).sum();
        let expected = match self.job.work {
            Work::Export | Work::Check => 0,
            Work::RoundTrip { edited } => edited,
            _ => self.job.rows,
        };
        if written == expected as f64 {
            return Ok(());
        }
        Err(format!("{}: {written} of {expected} records were written", self.name))
    }
}

fn customer(n: usize) -> String {
    format!("Покупатель {n:03}")
}

/// The served worlds of a group, made when they are asked for.
pub struct Worlds<'a> {
    bench: &'a Bench,
    empty: Option<Rc<Service>>,
    filled: Vec<(usize, Rc<Service>)>,
}

impl<'a> Worlds<'a> {
    pub fn new(bench: &'a Bench) -> Worlds<'a> {
        Worlds { bench, empty: None, filled: Vec::new() }
    }

    pub fn empty(&mut self) -> Result<Rc<Service>, String> {
        if let Some(service) = &self.empty {
            return Ok(Rc::clone(service));
        }
        let service = Rc::new(self.bench.service("jobs-world")?);
        self.empty = Some(Rc::clone(&service));
        Ok(service)
    }

    /// With so many leads.
    fn of(&mut self, rows: usize) -> Result<Rc<Service>, String> {
        if let Some((_, service)) = self.filled.iter().find(|(leads, _)| *leads == rows) {
            return Ok(Rc::clone(service));
        }
        let service = Rc::new(self.bench.world(rows)?);
        self.filled.push((rows, Rc::clone(&service)));
        Ok(service)
    }
}
