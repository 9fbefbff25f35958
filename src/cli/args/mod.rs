//! The command line, as `clap` parses it. `requests` turns arguments into requests of the engine, `usage` prints help and usage
//! errors, `starters` has the arguments of `mapping` and `sample`.

mod parse;
pub mod requests;
mod starters;
pub mod usage;

use crate::cli::exit::Exit;
use crate::engine::{MaxErrors, ReadableByOthers};
use amo_model::Kind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use parse::{
    BatchLimit, batch, decimal, delimiter, exported_kind, hidden_rows, max_errors, positive_seconds, rows, seconds,
    truth,
};
use sheet_source::HiddenRows;
pub use starters::{MappingArgs, MappingVerb, NewMappingArgs, SampleArgs};
use std::path::PathBuf;

#[derive(Debug, Parser)]
#[command(
    name = "amoport",
    version,
    about = "Carries spreadsheets into amoCRM / Kommo, and back",
    after_help = Exit::HELP,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Verb,
    #[command(flatten)]
    pub common: CommonArgs,
}

#[derive(Debug, Clone, Args)]
pub struct CommonArgs {
    /// The folder with the store: journal, ledger of keys, sandbox world. If left out, .amoport in the working folder, which has to
    /// be your own
    #[arg(long, global = true, value_name = "DIR", env = "AMOPORT_STATE")]
    pub state: Option<PathBuf>,
    /// The folder in which each run leaves its own; runs, if left out
    #[arg(long, global = true, value_name = "DIR", env = "AMOPORT_RUNS")]
    pub runs: Option<PathBuf>,
    /// Print JSON to stdout, one object for each run
    #[arg(long, global = true, value_parser = truth, env = "AMOPORT_JSON")]
    pub json: bool,
    /// Print problems only
    #[arg(short, long, global = true, value_parser = truth, env = "AMOPORT_QUIET")]
    pub quiet: bool,
    /// Print every request
    #[arg(short, long, global = true, value_parser = truth, env = "AMOPORT_VERBOSE")]
    pub verbose: bool,
    /// No progress bar
    #[arg(long, global = true, value_parser = truth, env = "AMOPORT_NO_PROGRESS")]
    pub no_progress: bool,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show a table as amoport reads it: encoding, delimiter, sheet, header row, row count; or its cells
    Peek(PeekArgs),
    /// Import a source through a mapping: the main job
    Import(ImportArgs),
    /// Read, map and validate everything; send nothing; list every problem
    Check(CheckArgs),
    /// Resume a run that was stopped
    Resume(ResumeArgs),
    /// List the runs
    Runs(RunsArgs),
    /// Write a run's reports again from the store: into the run's folder, or its namesake in the one that --runs names
    Report(ReportArgs),
    /// Read what an account holds into a file, with a proof beside it that it is all there is
    Export(ExportArgs),
    /// What an account is made of
    Account(AccountArgs),
    /// The token
    Auth(AuthArgs),
    /// Serve a pretend amoCRM on this machine
    Sandbox(SandboxArgs),
    /// The mapping language
    Mapping(MappingArgs),
    /// Write a sample and its mapping into a folder, to try them in the sandbox
    Sample(SampleArgs),
}

/// The account.
#[derive(Debug, Clone, Args)]
pub struct WhichArgs {
    /// The pretend account inside this program; its world is kept in the state folder
    #[arg(long, value_parser = truth, env = "AMOPORT_SANDBOX")]
    pub sandbox: bool,
    /// An account: an address such as https://example.amocrm.ru, or a name in your own config or in amoport.toml
    #[arg(long, value_name = "NAME|URL", env = "AMOPORT_ACCOUNT")]
    pub account: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct TargetArgs {
    #[command(flatten)]
    pub which: WhichArgs,
    /// A file with the account's token
    #[arg(long, value_name = "FILE", env = "AMOPORT_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    #[command(flatten)]
    pub open: OpenArgs,
}

#[derive(Debug, Clone, Copy, Args)]
pub struct OpenArgs {
    /// Accept files with secrets that other users of this machine can read
    #[arg(long, value_parser = truth, env = "AMOPORT_ALLOW_OPEN_TOKEN_FILE")]
    pub allow_open_token_file: bool,
}

impl OpenArgs {
    pub fn others(self) -> ReadableByOthers {
        if self.allow_open_token_file { ReadableByOthers::Allowed } else { ReadableByOthers::Refused }
    }
}

/// How to read the source; each wins over the mapping's [source].
#[derive(Debug, Clone, Default, Args)]
pub struct SourceArgs {
    /// Sheet of a workbook, by name or number
    #[arg(long, value_name = "NAME|N", env = "AMOPORT_SHEET")]
    pub sheet: Option<String>,
    /// Row of the column titles, as Excel shows it; 0 where there is none
    #[arg(long, value_name = "N", env = "AMOPORT_HEADER_ROW")]
    pub header_row: Option<u32>,
    /// What to do with rows that the sheet does not show: import or skip
    #[arg(long, value_name = "WORD", value_parser = hidden_rows, env = "AMOPORT_HIDDEN_ROWS")]
    pub hidden_rows: Option<HiddenRows>,
    /// Encoding of a CSV, such as windows-1251
    #[arg(long, value_name = "NAME", env = "AMOPORT_ENCODING")]
    pub encoding: Option<String>,
    /// Delimiter of a CSV; "tab" for a tab
    #[arg(long, value_name = "CHAR", value_parser = delimiter, env = "AMOPORT_DELIMITER")]
    pub delimiter: Option<char>,
}

#[derive(Debug, Args)]
pub struct PeekArgs {
    /// The source: a CSV or a workbook
    pub file: PathBuf,
    /// Print the cells instead
    #[arg(long, value_name = "FORMAT")]
    pub to: Option<PeekFormat>,
    #[command(flatten)]
    pub source: SourceArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum PeekFormat {
    Csv,
    Jsonl,
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The source: a CSV or a workbook
    pub file: PathBuf,
    /// The mapping file; a workbook that amoport export wrote needs none
    #[arg(short, long, value_name = "FILE", env = "AMOPORT_MAPPING")]
    pub mapping: Option<PathBuf>,
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub source: SourceArgs,
    /// A snapshot saved by `account pull`: a new world of the sandbox is made like that account
    #[arg(long, value_name = "FILE", requires = "sandbox")]
    pub like: Option<PathBuf>,
    /// Do everything but send
    #[arg(long)]
    pub dry_run: bool,
    /// Import at most N records
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Import these rows only, numbered as Excel shows them
    #[arg(long, value_name = "A-B", value_parser = rows)]
    pub rows: Option<(u32, u32)>,
    /// Records in one request: a number up to the kind's maximum, or "auto" to adapt the size to the answers
    #[arg(long, value_name = "N|auto", default_value = "auto", value_parser = batch, env = "AMOPORT_BATCH")]
    pub batch: BatchLimit,
    /// Requests per second
    #[arg(long, value_name = "N", default_value_t = amo_model::RATE_MAX, value_parser = clap::value_parser!(u32).range(1..=7), env = "AMOPORT_RATE")]
    pub rate: u32,
    /// Stop when more records than this are rejected; the whole source is checked before anything is sent
    #[arg(long, value_name = "N|N%", value_parser = max_errors, env = "AMOPORT_MAX_ERRORS")]
    pub max_errors: Option<MaxErrors>,
    /// How long records whose answer was lost are looked for in the account
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = seconds, env = "AMOPORT_SETTLE")]
    pub settle: u64,
    /// How long to wait for an answer; its records are looked for as long as that and the settling time
    #[arg(long, value_name = "TIME", default_value = "90s", value_parser = positive_seconds, env = "AMOPORT_ANSWER_TIMEOUT")]
    pub answer_timeout: u64,
    /// Which records are read back at the end and compared with what was sent
    #[arg(long, value_name = "WHAT", default_value = "sample", env = "AMOPORT_VERIFY")]
    pub verify: VerifyWord,
    /// Import although this source was imported before
    #[arg(long)]
    pub again: bool,
    /// Treat keys of another mapping, and keys that lack only the zeros or words of a number's format, as the same
    #[arg(long)]
    pub same_keys: bool,
    /// Create records again whose keys are known and that were deleted from the account; no others
    #[arg(long)]
    pub remake_deleted: bool,
    /// Accept a state folder that is older than what was sent from it: look for records in the account before sending them
    #[arg(long, value_parser = truth, env = "AMOPORT_OLDER_STATE")]
    pub older_state: bool,
    /// Without a mapping: let the workbook win in cells that conflict with the account
    #[arg(long)]
    pub force: bool,
    /// Without a mapping: create every row as a new record, here or in another account; the IDs of the workbook become keys
    #[arg(long)]
    pub as_new: bool,
    /// Do not ask before deleting
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VerifyWord {
    All,
    Sample,
    None,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The source: a CSV or a workbook
    pub file: PathBuf,
    /// As for import
    #[arg(long)]
    pub same_keys: bool,
    /// The mapping file; a workbook that amoport export wrote needs none
    #[arg(short, long, value_name = "FILE", env = "AMOPORT_MAPPING")]
    pub mapping: Option<PathBuf>,
    #[command(flatten)]
    pub target: TargetArgs,
    /// A snapshot saved by `account pull`, instead of an account
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sandbox", "account"])]
    pub account_file: Option<PathBuf>,
    #[command(flatten)]
    pub source: SourceArgs,
    /// Check these rows only
    #[arg(long, value_name = "A-B", value_parser = rows)]
    pub rows: Option<(u32, u32)>,
    /// As for import
    #[arg(long)]
    pub force: bool,
    /// As for import
    #[arg(long)]
    pub as_new: bool,
}

#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The run's name; the newest that can go on, if left out
    pub run: Option<String>,
    #[command(flatten)]
    pub target: TargetArgs,
    /// Send records of unknown outcome again; look for them in the account first
    #[arg(long)]
    pub resend_unknown: bool,
    /// How long to wait for an answer; as the run did before, if left out
    #[arg(long, value_name = "TIME", value_parser = positive_seconds, env = "AMOPORT_ANSWER_TIMEOUT")]
    pub answer_timeout: Option<u64>,
    /// Accept a state folder that is older than what was sent from it: look for records in the account before sending them
    #[arg(long, value_parser = truth, env = "AMOPORT_OLDER_STATE")]
    pub older_state: bool,
}

#[derive(Debug, Args)]
pub struct RunsArgs {
    /// Abandon this run: look up what it sent without an answer, never send its rest, and close it
    #[arg(long, value_name = "RUN")]
    pub abandon: Option<String>,
    #[command(flatten)]
    pub target: TargetArgs,
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The run's name; the newest, if left out
    pub run: Option<String>,
    #[command(flatten)]
    pub which: WhichArgs,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// lead, contact, company, customer, transaction, element, invoice, catalog, segment or customer-status
    #[arg(value_parser = exported_kind)]
    pub kind: Kind,
    /// The file: .xlsx, .csv or .jsonl; - for JSON lines on stdout
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    #[command(flatten)]
    pub target: TargetArgs,
    /// The catalog whose elements are read, by name or id
    #[arg(long, value_name = "NAME")]
    pub catalog: Option<String>,
    /// These ids only
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    pub id: Vec<u64>,
    /// Changed since then: 2026-11-20 or 2026-11-20T10:00, in the account's time zone; `last` for since the last complete
    /// export of the same from this state folder, and ten minutes before it
    #[arg(long, value_name = "DATE")]
    pub since: Option<String>,
    /// Only what the service finds by this text
    #[arg(long, value_name = "TEXT")]
    pub query: Option<String>,
    /// What else the service embeds, such as source_id
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub with: Vec<String>,
    /// These columns only, by title, in this order
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// The columns that an import with this mapping reads, filled so that it gives the same again
    #[arg(short, long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// Columns of linked records, the main contact, the company: contact, company, customer
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub linked: Vec<String>,
    /// The delimiter of a .csv, such as ";" or "tab"; a comma, or the mapping's, if left out
    #[arg(long, value_name = "CHAR", value_parser = delimiter)]
    pub delimiter: Option<char>,
    /// The decimal sign of a .csv: . or ,
    #[arg(long, value_name = "SIGN", value_parser = decimal)]
    pub decimal: Option<char>,
    /// Whether a .csv begins with the byte order mark by which Excel knows UTF-8: yes (the default) or no
    #[arg(long, value_name = "yes|no", num_args = 0..=1, default_missing_value = "yes", value_parser = clap::builder::BoolishValueParser::new())]
    pub bom: Option<bool>,
    /// Only records with this id in this field, such as responsible_user_id=504141; may be repeated
    #[arg(long, value_name = "KEY=ID")]
    pub filter: Vec<String>,
    /// Read the list a second time, for rows that moved between pages because others were deleted meanwhile
    #[arg(long)]
    pub twice: bool,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
    /// Requests per second
    #[arg(long, value_name = "N", default_value_t = amo_model::RATE_MAX, value_parser = clap::value_parser!(u32).range(1..=7), env = "AMOPORT_RATE")]
    pub rate: u32,
}

#[derive(Debug, Args)]
pub struct AccountArgs {
    #[command(subcommand)]
    pub verb: AccountVerb,
}

#[derive(Debug, Subcommand)]
pub enum AccountVerb {
    /// Read what the account is made of and save it
    Pull {
        #[command(flatten)]
        target: TargetArgs,
        /// Where to save it; in the state folder, if left out
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Replace that file if it exists
        #[arg(long, requires = "output")]
        force: bool,
    },
    /// Show pipelines, stages, users, fields and options
    Show {
        #[command(flatten)]
        target: TargetArgs,
    },
    /// Switch customers on or off, or change how they are kept; asks first
    CustomersMode {
        /// How customers are to be kept
        mode: ModeWord,
        #[command(flatten)]
        target: TargetArgs,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModeWord {
    /// By segments, of which a customer may have several
    Segments,
    /// By the time from one purchase to the next
    Periodicity,
    /// No customers
    Off,
}

#[derive(Debug, Args)]
pub struct AuthArgs {
    #[command(subcommand)]
    pub verb: AuthVerb,
}

#[derive(Debug, Subcommand)]
pub enum AuthVerb {
    /// Exchange an authorization code for tokens that renew themselves
    Login {
        /// An account in your own config or in amoport.toml with client-id, redirect-uri and token-store
        #[arg(long, value_name = "NAME", env = "AMOPORT_ACCOUNT")]
        account: String,
        /// A file with the code from the redirect's address; - for standard input
        #[arg(long, value_name = "FILE", env = "AMOPORT_CODE_FILE")]
        code_file: PathBuf,
        #[command(flatten)]
        open: OpenArgs,
    },
    /// Let tokens go to a host that an amoport.toml names; kept in your own config
    Allow {
        /// The host, such as example.amocrm.ru, or its address
        host: String,
    },
    /// Check whether the account accepts the token
    Status {
        #[command(flatten)]
        target: TargetArgs,
    },
}

#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// The port to listen on; 0 for any free one
    #[arg(long, value_name = "N", default_value_t = 8080, env = "AMOPORT_PORT")]
    pub port: u16,
    /// A number that decides the id of a new world's account; a random one, if left out
    #[arg(long, value_name = "N", env = "AMOPORT_SEED")]
    pub seed: Option<u64>,
    /// A file with the token that the world has from now on; a random one for a new world, if left out
    // AMOPORT_TOKEN_FILE names the token of a real account, which a pretend one must neither take nor print.
    #[arg(long, value_name = "FILE", env = "AMOPORT_SANDBOX_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    /// A snapshot saved by `account pull`: a new world is made like that account
    #[arg(long, value_name = "FILE", env = "AMOPORT_LIKE")]
    pub like: Option<PathBuf>,
    /// Faults from the beginning: the JSON that /_sandbox/faults takes, or a file with it
    #[arg(long, value_name = "JSON|FILE", env = "AMOPORT_FAULTS")]
    pub faults: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn rows_and_budgets_are_read() {
        assert_eq!(rows("2-50"), Ok((2, 50)));
        assert_eq!(rows("17"), Ok((17, 17)));
        assert_eq!(rows("5-"), Ok((5, u32::MAX)));
        assert!(rows("0-5").is_err() && rows("9-3").is_err() && rows("a").is_err());
        assert!(max_errors("10").is_ok() && max_errors("1.5%").is_ok());
        assert!(max_errors("x").is_err() && max_errors("120%").is_err());
        assert_eq!(batch("auto"), Ok(None));
        assert_eq!(batch("50"), Ok(Some(50)));
        assert!(batch("0").is_err() && batch("x").is_err());
        assert_eq!(seconds("60s"), Ok(60));
        assert_eq!(seconds("2m"), Ok(120));
        assert!(seconds("soon").is_err());
        assert_eq!(delimiter("tab"), Ok('\t'));
        assert!(delimiter(";;").is_err());
    }
}
