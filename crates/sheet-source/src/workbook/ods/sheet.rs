//! The rows of one sheet, in their order, out of the groups and headers that they may stand in.

use super::row::OdsRow;
use super::xml::{Ns, XmlPiece, XmlStream, XmlTag};
use crate::file::error::WorkbookError;
use std::io::Read;
use std::ops::ControlFlow;

/// What a child of a table is.
enum TableChild {
    Row,
    /// Rows stand in it; those of a folded group are not shown.
    Rows {
        folded: bool,
    },
    Other,
}

/// Reads the rows of the sheet whose tag was the last into `row`, one after the other, and gives each to `take`, until it
/// breaks off.
pub fn rows<R: Read>(
    stream: &mut XmlStream<R>,
    mut row: OdsRow,
    take: &mut dyn FnMut(&OdsRow) -> Result<ControlFlow<()>, WorkbookError>,
) -> Result<ControlFlow<()>, WorkbookError> {
    let outside = stream.depth() - 1;
    let mut first = 0_u32;
    // How deep the folded group stands that holds the rows.
    let mut folded: Option<usize> = None;
    while stream.depth() > outside {
        let part = match stream.next()? {
            XmlPiece::Opening(tag) => part(&tag, &mut row, first)?,
            XmlPiece::Closing => {
                folded = folded.filter(|depth| stream.depth() >= *depth);
                continue;
            }
            XmlPiece::Text(_) | XmlPiece::Letter(_) | XmlPiece::Nothing | XmlPiece::End => continue,
        };
        match part {
            TableChild::Row => {
                row.hidden |= folded.is_some();
                row.read(stream)?;
                first = first.saturating_add(row.repeat);
                if take(&row)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            TableChild::Rows { folded: true } => folded = folded.or(Some(stream.depth())),
            TableChild::Rows { folded: false } => {}
            TableChild::Other => stream.skip()?,
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn part(tag: &XmlTag<'_>, row: &mut OdsRow, first: u32) -> Result<TableChild, WorkbookError> {
    if tag.ns != Ns::Table {
        return Ok(TableChild::Other);
    }
    Ok(match tag.local() {
        "table-row" => {
            row.begin(tag, first)?;
            TableChild::Row
        }
        "table-rows" | "table-header-rows" => TableChild::Rows { folded: false },
        "table-row-group" => {
            TableChild::Rows { folded: tag.attribute(Ns::Table, "display")?.is_some_and(|display| display == "false") }
        }
        _ => TableChild::Other,
    })
}
