//! The jobs, as data.

use super::needs::{self, NeededRequests};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Leads,
    ComplexLeads,
    Contacts,
    /// Of so many customers.
    Purchases {
        customers: usize,
    },
    Update,
    Export,
    /// An exported workbook with so many edited prices.
    RoundTrip {
        edited: usize,
    },
    Check,
}

pub struct TimedJob {
    pub name: &'static str,
    pub what: &'static str,
    pub work: Work,
    pub rows: usize,
    /// Left out of a quick run.
    pub long: bool,
}

pub const JOBS: &[TimedJob] = &[
    job("job-10", "import of 10 leads", Work::Leads, 10),
    job("job-100", "import of 100 leads", Work::Leads, 100),
    job("job-1000", "import of 1,000 leads", Work::Leads, 1_000),
    long("job-10000", "import of 10,000 leads", Work::Leads, 10_000),
    job("job-complex-1000", "import of 1,000 leads with contacts and companies", Work::ComplexLeads, 1_000),
    job("job-contacts-1000", "import of 1,000 contacts", Work::Contacts, 1_000),
    long("job-purchases-300", "import of 300 purchases of 100 customers", Work::Purchases { customers: 100 }, 300),
    job("job-update-1000", "new prices of 1,000 leads", Work::Update, 1_000),
    long("job-export-20000", "export of 20,000 leads to XLSX", Work::Export, 20_000),
    job("job-export-1000", "export of 1,000 leads to XLSX", Work::Export, 1_000),
    long(
        "job-roundtrip-20000",
        "import of an exported workbook of 20,000 leads, unedited",
        Work::RoundTrip { edited: 0 },
        20_000,
    ),
    long(
        "job-roundtrip-20000-37",
        "import of an exported workbook of 20,000 leads, 37 prices edited",
        Work::RoundTrip { edited: 37 },
        20_000,
    ),
    job("job-check-10000", "check of 10,000 leads", Work::Check, 10_000),
];

const fn job(name: &'static str, what: &'static str, work: Work, rows: usize) -> TimedJob {
    TimedJob { name, what, work, rows, long: false }
}

const fn long(name: &'static str, what: &'static str, work: Work, rows: usize) -> TimedJob {
    TimedJob { name, what, work, rows, long: true }
}

impl TimedJob {
    pub fn named(name: &str) -> Option<&'static TimedJob> {
        JOBS.iter().find(|job| job.name == name)
    }

    /// `remembered` says whether a job before it has shown how fast the account is.
    pub fn needs(&self, remembered: bool) -> NeededRequests {
        match self.work {
            Work::Leads => needs::leads(self.rows, remembered),
            Work::ComplexLeads => needs::complex_leads(self.rows),
            Work::Contacts => needs::contacts(self.rows, remembered),
            Work::Purchases { customers } => needs::purchases(customers),
            Work::Update => needs::updates(self.rows, remembered),
            Work::Export => needs::export(self.rows),
            Work::RoundTrip { edited } => needs::round_trip(edited),
            Work::Check => needs::check(),
        }
    }

    /// Ratios to the yardstick: must and aim.
    pub fn limits(&self) -> (f64, f64) {
        match self.work {
            Work::Export | Work::RoundTrip { .. } => (1.2, 1.1),
            _ => (1.15, 1.05),
        }
    }

    pub fn is_import_of_new(&self) -> bool {
        matches!(self.work, Work::Leads | Work::ComplexLeads | Work::Contacts | Work::Purchases { .. })
    }
}
