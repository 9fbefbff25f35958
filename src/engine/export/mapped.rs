//! An export with a mapping: reads the mapping and compiles it for the table to write.

use crate::engine::interface::error::EngineError;
use crate::engine::interface::request::ExportRequest;
use crate::engine::prepare;
use crate::export::{Format, InverseMapping};
use crate::mapping::compile::{self, SourceContext};
use crate::mapping::{self, MappingAst, Plan};
use crate::store::AccountKey;
use amo_client::account::Account;
use amo_model::Kind;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use sheet_source::Header;
use sheet_source::message;
use sheet_source::problem::{Message, Note, Source, quoted};
use std::sync::Arc;

/// The mapping, if one is named; an error if it does not fit the export.
pub fn read_mapping(request: &ExportRequest, format: Format) -> Result<Option<MappingAst>, EngineError> {
    let Some(path) = &request.mapping else { return Ok(None) };
    let refused = |message: Message, hint: Message| Err(EngineError::refused("export-mapping", message, hint));
    for (given, name) in [(!request.columns.is_empty(), "--columns"), (!request.linked.is_empty(), "--linked")] {
        if given {
            return refused(
                message!("both the mapping and {name} choose the columns", name),
                "leave out one of them".into(),
            );
        }
    }
    if request.catalog.is_some() {
        return refused("both the mapping and --catalog name the catalog".into(), "leave out --catalog".into());
    }
    if format == Format::Jsonl {
        let message = "JSON lines hold the service's records unchanged; a mapping makes columns";
        return refused(message.into(), "leave out --mapping, or write a .csv or .xlsx".into());
    }
    let written = mapping::read(path)?;
    // A complex lead is a way to create leads.
    let made = if written.kind == Kind::ComplexLead { Kind::Lead } else { written.kind };
    if made != request.kind {
        let (value, kind) = (quoted(&path.display().to_string()), written.kind.name());
        return refused(
            message!("{value} maps a {kind}", value, kind),
            message!("export {kind} with it, or name another mapping", kind = made.name()),
        );
    }
    check_csv_options(request, &written)?;
    Ok(Some(written))
}

/// The mapping's `[source]` applies to the written file too, where no flag of an import can override it.
fn check_csv_options(request: &ExportRequest, written: &MappingAst) -> Result<(), EngineError> {
    let refused = |message: Message, hint: Message| Err(EngineError::refused("export-csv", message, hint));
    if let (Some(said), Some(known)) =
        (request.csv.decimal, written.source.decimal.filter(|c| Some(*c) != request.csv.decimal))
    {
        let message = message!(
            "the mapping reads numbers with {known}, and --decimal writes them with {said}",
            known = quoted(&known.to_string()),
            said = quoted(&said.to_string())
        );
        return refused(message, "leave out --decimal, or change decimal in the mapping's [source]".into());
    }
    let encoding = written.source.read.encoding.as_deref().and_then(|name| Encoding::for_label(name.as_bytes()));
    if let (Some(true), Some(encoding)) = (request.csv.bom, encoding.filter(|encoding| !is_unicode(encoding))) {
        let message = message!("{encoding} has no byte order mark", encoding = encoding.name());
        return refused(message, "leave out --bom, or encoding in the mapping's [source]".into());
    }
    Ok(())
}

fn is_unicode(encoding: &'static Encoding) -> bool {
    [UTF_8, UTF_16LE, UTF_16BE].contains(&encoding)
}

/// The flag that an import of the file needs, if the file is written differently from the mapping's `[source]`.
pub fn delimiter_note(request: &ExportRequest, written: &MappingAst) -> Option<Note> {
    let known =
        written.source.read.delimiter.filter(|known| request.csv.delimiter.is_some_and(|said| said != *known))?;
    let said = request.csv.delimiter.map(|said| if said == '\t' { "tab".to_owned() } else { said.to_string() });
    let message = message!(
        "the mapping reads files with the delimiter {known}: an import of this file needs --delimiter {said}",
        known = quoted(&known.to_string()),
        said = quoted(&said.unwrap_or_default())
    );
    Some(Note::new("other-delimiter", message))
}

/// Compiles the mapping as an import of the written table would.
pub fn compile_plan(
    written: &MappingAst,
    account: &Arc<Account>,
    name: &AccountKey,
    request: &ExportRequest,
) -> Result<Arc<Plan>, EngineError> {
    let header = Header::new(InverseMapping::titles_of(written));
    let source = Arc::new(Source { file: request.to.display().to_string(), sheet: None });
    let space = prepare::key_space(written, request.mapping.as_deref().unwrap_or(std::path::Path::new("")));
    let ledger = prepare::open_ledger(&request.folders.state, name, None, space);
    Ok(Arc::new(compile::compile(written, SourceContext::without_rows(header, source, ledger), Arc::clone(account))?))
}
