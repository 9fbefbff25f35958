//! An export with a mapping: the mapping read and compiled for the table that it shall make.

use super::error::EngineError;
use super::prepare;
use super::request::ExportRequest;
use crate::account::Account;
use crate::entity::Kind;
use crate::export::{Backwards, Format, Shape};
use crate::mapping::compile::{self, Origins};
use crate::mapping::{self, Plan, Written};
use crate::message;
use crate::problem::{Message, Source, quoted};
use crate::table::Header;
use std::path::Path;
use std::sync::Arc;

/// The mapping, where one is asked for and fits what is exported.
pub fn mapping(request: &ExportRequest, format: Format) -> Result<Option<Written>, EngineError> {
    let Some(path) = &request.mapping else { return Ok(None) };
    let refused = |message: Message, hint: Message| Err(EngineError::refused("export-mapping", message, hint));
    for (given, name) in [(!request.columns.is_empty(), "--columns"), (!request.linked.is_empty(), "--linked")] {
        if given {
            return refused(
                message!("the mapping says which columns there are, and so does {name}", name),
                "leave one of them out".into(),
            );
        }
    }
    if request.catalog.is_some() {
        return refused(
            "the mapping says whose elements are meant, and so does --catalog".into(),
            "leave out --catalog".into(),
        );
    }
    if format == Format::Jsonl {
        let message = "JSON lines hold what the service gives, unchanged; a mapping makes columns";
        return refused(message.into(), "leave out --mapping, or write a .csv or .xlsx".into());
    }
    let written = mapping::read(path)?;
    // A complex lead is a way of making leads.
    let made = if written.kind == Kind::ComplexLead { Kind::Lead } else { written.kind };
    if made != request.kind {
        let (value, kind) = (quoted(&path.display().to_string()), written.kind.name());
        return refused(
            message!("{value} maps a {kind}", value, kind),
            message!("export {kind} with it, or name another mapping", kind = made.name()),
        );
    }
    Ok(Some(written))
}

/// Compiled as an import of the very table would compile it.
pub fn plan(
    written: &Written,
    account: &Arc<Account>,
    name: &str,
    request: &ExportRequest,
) -> Result<Arc<Plan>, EngineError> {
    let header = Header::new(Backwards::titles_of(written));
    let source = Arc::new(Source { file: request.to.display().to_string(), sheet: None });
    let space = prepare::key_space(written, request.mapping.as_deref().unwrap_or(Path::new("")));
    let ledger = prepare::ledger(&request.folders.state, name, None, space);
    Ok(Arc::new(compile::compile(written, Origins::without_rows(header, source, ledger), Arc::clone(account))?))
}

pub fn shape(written: &Written, plan: Arc<Plan>, format: Format, name: &str, state: &Path) -> Shape {
    let keys = prepare::keys_of(state, name);
    Shape::Mapping(Box::new(Backwards::of(written, plan, format, keys)))
}
