//! The rows of one sheet, in their order, out of the groups and headers that they may stand in.

use super::row::OdsRow;
use super::xml::{Ns, XmlEvent, XmlStream, XmlTag};
use crate::file::error::WorkbookError;
use std::io::Read;
use std::ops::ControlFlow;

/// What a child of a table is.
enum TableChild {
    Row,
    /// Rows stand in it; those of a folded group are not shown.
    Rows {
        collapsed: bool,
    },
    Other,
}

/// Reads the rows of the sheet whose tag was the last into `row`, one after the other, and gives each to `take`, until it
/// breaks off.
pub fn visit_rows<R: Read>(
    stream: &mut XmlStream<R>,
    mut row: OdsRow,
    visit: &mut dyn FnMut(&OdsRow) -> Result<ControlFlow<()>, WorkbookError>,
) -> Result<ControlFlow<()>, WorkbookError> {
    let outside = stream.depth() - 1;
    let mut first = 0_u32;
    // How deep the folded group stands that holds the rows.
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
