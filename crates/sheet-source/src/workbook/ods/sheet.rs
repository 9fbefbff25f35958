//! The rows of a sheet in order, out of the groups and headers that can contain them.

use super::row::OdsRow;
use super::xml::{Ns, XmlEvent, XmlStream, XmlTag};
use crate::file::error::WorkbookError;
use std::io::Read;
use std::ops::ControlFlow;

/// The kind of a child of a table.
enum TableChild {
    Row,
    /// Contains rows; those of a collapsed group are not shown.
    Rows {
        collapsed: bool,
    },
    Other,
}

/// Reads the rows of the sheet whose start tag was the last event into `row`, and passes each to `visit`, until it
/// breaks.
pub fn visit_rows<R: Read>(
    stream: &mut XmlStream<R>,
    mut row: OdsRow,
    visit: &mut dyn FnMut(&OdsRow) -> Result<ControlFlow<()>, WorkbookError>,
) -> Result<ControlFlow<()>, WorkbookError> {
    let outside = stream.depth() - 1;
    let mut first = 0_u32;
    // The depth of the collapsed group that contains the rows.
    let mut collapsed: Option<usize> = None;
    while stream.depth() > outside {
        let part = match stream.next()? {
            XmlEvent::Start(tag) => start_child(&tag, &mut row, first)?,
            XmlEvent::End => {
                collapsed = collapsed.filter(|depth| stream.depth() >= *depth);
                continue;
            }
            XmlEvent::Text(_) | XmlEvent::Char(_) | XmlEvent::Other | XmlEvent::Eof => continue,
        };
        match part {
            TableChild::Row => {
                row.hidden |= collapsed.is_some();
                row.read(stream)?;
                first = first.saturating_add(row.repeat);
                if visit(&row)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            TableChild::Rows { collapsed: true } => collapsed = collapsed.or(Some(stream.depth())),
            TableChild::Rows { collapsed: false } => {}
            TableChild::Other => stream.skip()?,
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn start_child(tag: &XmlTag<'_>, row: &mut OdsRow, first: u32) -> Result<TableChild, WorkbookError> {
    if tag.ns != Ns::Table {
        return Ok(TableChild::Other);
    }
    Ok(match tag.local() {
        "table-row" => {
            row.begin(tag, first)?;
            TableChild::Row
        }
        "table-rows" | "table-header-rows" => TableChild::Rows { collapsed: false },
        "table-row-group" => TableChild::Rows {
            collapsed: tag.attribute(Ns::Table, "display")?.is_some_and(|display| display == "false"),
        },
        _ => TableChild::Other,
    })
}
