//! Where things are, how large the inputs are, and how the program is called.

use crate::gauge::{Taken, take};
use crate::rounds::Contender;
use crate::service::{Service, UNPACED};
use std::path::{Path, PathBuf};
use std::process::Command;

/// No other word of a command is a string of so many letters and digits.
const TOKEN_MIN: usize = 40;

pub struct Bench {
    pub root: PathBuf,
    /// Everything that is made: inputs, worlds, states, the Python of the peers.
    pub data: PathBuf,
    pub amoport: PathBuf,
    /// This very program, for the yardsticks.
    me: PathBuf,
    /// The interpreter with the peers' libraries; none in a quick run.
    pub python: Option<PathBuf>,
    pub quick: bool,
}

impl Bench {
    /// `program` is another build of amoport, where not this one is measured.
    pub fn new(quick: bool, program: Option<PathBuf>) -> Result<Bench, String> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let data = root.join("benches/data");
        std::fs::create_dir_all(&data).map_err(|e| format!("{}: {e}", data.display()))?;
        let me = std::env::current_exe().map_err(|e| format!("this program is not found: {e}"))?;
        let python = Some(data.join("venv/bin/python")).filter(|python| python.exists() && !quick);
        let amoport = program.unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_amoport")));
        Ok(Bench { root, data, amoport, me, python, quick })
    }

    /// The size of an input: the first in a full run, the second in a quick one.
    pub fn rows(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }

    pub fn mapping(&self) -> PathBuf {
        self.root.join("benches/mapping.toml")
    }

    pub fn csv(&self, rows: usize) -> Result<PathBuf, String> {
        self.csvs(rows).map(|(utf8, _)| utf8)
    }

    /// In UTF-8 and in windows-1251.
    pub fn csvs(&self, rows: usize) -> Result<(PathBuf, PathBuf), String> {
        let (utf8, old) = (self.data.join(format!("{rows}.csv")), self.data.join(format!("{rows}-1251.csv")));
        if !utf8.exists() || !old.exists() {
            let (fresh, fresh_old) = (self.data.join("fresh.csv"), self.data.join("fresh-1251.csv"));
            self.take(self.yardstick("make-csv").arg(rows.to_string()).arg(&fresh).arg(&fresh_old))?;
            rename(&fresh_old, &old)?;
            rename(&fresh, &utf8)?;
        }
        Ok((utf8, old))
    }

    pub fn xlsx(&self, rows: usize) -> Result<PathBuf, String> {
        let path = self.data.join(format!("{rows}.xlsx"));
        if !path.exists() {
            let fresh = self.data.join("fresh.xlsx");
            self.take(self.yardstick("make-xlsx").arg(rows.to_string()).arg(&fresh))?;
            rename(&fresh, &path)?;
        }
        Ok(path)
    }

    /// A folder that is empty.
    pub fn fresh(&self, name: &str) -> Result<PathBuf, String> {
        let path = self.data.join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(path)
    }

    /// A sandbox with a new world.
    pub fn service(&self, name: &str) -> Result<Service, String> {
        Service::start(&self.amoport, &self.fresh(name)?)
    }

    /// A sandbox with so many leads; the world is made once and kept.
    pub fn world(&self, rows: usize) -> Result<Service, String> {
        let state = self.data.join(format!("world-{rows}"));
        let service = Service::start(&self.amoport, &state)?;
        if service.leads()? != rows as u64 {
            service.reset(UNPACED, "{}")?;
            let csv = self.csv(rows)?;
            let mut fill = self.yardstick("upload");
            fill.arg(&service.url).arg(&service.token).arg(csv).arg(self.mapping());
            fill.arg(self.fresh("fill")?).args([&rows.to_string(), "100000", "8"]);
            self.take(&mut fill)?;
            let there = service.leads()?;
            if there != rows as u64 {
                return Err(format!("the sandbox holds {there} leads, not {rows}"));
            }
        }
        service.restart(UNPACED, "{}")?;
        Ok(service)
    }

    /// The account as a snapshot, so that a dry run needs no service.
    pub fn account(&self) -> Result<PathBuf, String> {
        let path = self.data.join("account.json");
        if !path.exists() {
            let service = self.service("account")?;
            let mut pull = self.program(&service)?;
            pull.args(["account", "pull", "--account", &service.url, "-o"]).arg(&path);
            self.take(&mut pull)?;
        }
        Ok(path)
    }

    pub fn yardstick(&self, name: &str) -> Command {
        let mut command = Command::new(&self.me);
        command.args(["yardstick", name]);
        command
    }

    /// The program as it speaks to a service; its pace is remembered apart from this user's.
    pub fn program(&self, service: &Service) -> Result<Command, String> {
        let mut command = Command::new(&self.amoport);
        command.env("AMOPORT_TOKEN", &service.token).env("AMOPORT_RATE_DIR", self.fresh("rate")?);
        command.env("XDG_CONFIG_HOME", self.fresh("config")?);
        Ok(command)
    }

    pub fn take(&self, command: &mut Command) -> Result<Taken, String> {
        take(command, &self.data.join("printed"))
    }

    /// A contender that is one command.
    pub fn contender(&self, name: &'static str, mut command: Command) -> Contender<'_> {
        let shown = self.shown(&command);
        Contender::new(name, shown, move || self.take(&mut command))
    }

    /// A dry run over a file.
    pub fn check(&self, name: &'static str, file: &Path) -> Result<Contender<'_>, String> {
        let mut command = Command::new(&self.amoport);
        command.arg("check").arg(file).arg("-m").arg(self.mapping()).arg("--account-file").arg(self.account()?);
        command.args(["--json", "--state"]).arg(self.fresh("check")?);
        Ok(self.contender(name, command))
    }

    /// A script of a peer, if there is a Python for it.
    pub fn peer(&self, name: &'static str, script: &str, args: &[&str]) -> Option<Contender<'_>> {
        let mut command = Command::new(self.python.as_ref()?);
        command.arg(self.root.join("benches/peers").join(script)).args(args);
        Some(self.contender(name, command))
    }

    /// A command with short paths, and without what is another one each time.
    pub fn shown(&self, command: &Command) -> String {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: Vec<String> = words
            .map(|word| {
                let word = word.to_string_lossy();
                let path = Path::new(word.as_ref());
                match path {
                    _ if path == self.amoport => "amoport".to_owned(),
                    _ if path == self.me => "compare".to_owned(),
                    _ if word.starts_with("http://") => "URL".to_owned(),
                    _ if word.len() >= TOKEN_MIN && word.chars().all(|c| c.is_ascii_alphanumeric()) => {
                        "TOKEN".to_owned()
                    }
                    _ => match path.strip_prefix(&self.root) {
                        Ok(inside) => inside.display().to_string(),
                        Err(_) => word.into_owned(),
                    },
                }
            })
            .collect();
        words.join(" ")
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), String> {
    std::fs::rename(from, to).map_err(|e| format!("{}: {e}", to.display()))
}
