//! `export --mapping`: the mapping read and compiled for the table that it shall make.

use super::args::{Common, ExportArgs};
use super::exit::Ended;
use super::prepare;
use crate::account::Account;
use crate::entity::Kind;
use crate::export::{Backwards, Format, Shape};
use crate::mapping::compile::{self, Origins};
use crate::mapping::{Plan, Written};
use crate::problem::{Source, quoted};
use crate::table::Header;
use std::path::Path;
use std::sync::Arc;

/// The mapping, where one is asked for and fits what is exported.
pub fn mapping(args: &ExportArgs, format: Format) -> Result<Option<Written>, Ended> {
    let Some(path) = &args.mapping else { return Ok(None) };
    let usage = |message: &str, hint: &str| Err(Ended::usage("export-mapping", message.to_owned(), hint));
    for (given, name) in [(!args.columns.is_empty(), "--columns"), (!args.linked.is_empty(), "--linked")] {
        if given {
            return usage(
                &format!("the mapping says which columns there are, and so does {name}"),
                "leave one of them out",
            );
        }
    }
    if args.catalog.is_some() {
        return usage("the mapping says whose elements are meant, and so does --catalog", "leave out --catalog");
    }
    if format == Format::Jsonl {
        let message = "JSON lines hold what the service gives, unchanged; a mapping makes columns";
        return usage(message, "leave out --mapping, or write a .csv or .xlsx");
    }
    let written = prepare::mapping(path)?;
    // A complex lead is a way of making leads.
    let made = if written.kind == Kind::ComplexLead { Kind::Lead } else { written.kind };
    if made != args.kind {
        let message = format!("{} maps a {}", quoted(&path.display().to_string()), written.kind.name());
        return usage(&message, &format!("export {} with it, or name another mapping", made.name()));
    }
    Ok(Some(written))
}

/// Compiled as an import of the very table would compile it.
pub fn plan(
    written: &Written,
    account: &Arc<Account>,
    name: &str,
    to: &Path,
    common: &Common,
) -> Result<Arc<Plan>, Ended> {
    let header = Header::new(Backwards::titles_of(written));
    let source = Arc::new(Source { file: to.display().to_string(), sheet: None });
    let ledger = prepare::ledger_of(common, name, None, false);
    Ok(Arc::new(compile::compile(written, Origins { header, source, ledger }, Arc::clone(account))?))
}

pub fn shape(written: &Written, plan: Arc<Plan>, format: Format, name: &str, common: &Common) -> Shape {
    let keys = prepare::keys_of(common, name);
    Shape::Mapping(Box::new(Backwards::of(written, plan, format, keys)))
}
