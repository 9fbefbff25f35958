//! The arguments of `mapping` and `sample`.

use super::parse::{action, kind};
use amo_model::{Action, Kind};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct MappingArgs {
    #[command(subcommand)]
    pub verb: MappingVerb,
}

#[derive(Debug, Subcommand)]
pub enum MappingVerb {
    /// Print the JSON Schema of mapping files, for editors
    Schema,
    /// Print a commented mapping to begin with, with the fields of a kind
    New(NewMappingArgs),
}

#[derive(Debug, Args)]
pub struct NewMappingArgs {
    /// What the rows become: lead, complex-lead, contact, company, customer, …
    #[arg(value_parser = kind)]
    pub kind: Kind,
    /// What is done with the records: create, update or delete
    #[arg(long, value_name = "ACTION", default_value = "create", value_parser = action)]
    pub action: Action,
    /// Write it into this new file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct SampleArgs {
    /// What its rows become: lead, complex-lead, contact, company, customer, …
    #[arg(value_parser = kind)]
    pub kind: Kind,
    /// What is done with the records: create, update or delete
    #[arg(long, value_name = "ACTION", default_value = "create", value_parser = action)]
    pub action: Action,
    /// The folder, which gets the folders samples and mappings
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub into: PathBuf,
}
