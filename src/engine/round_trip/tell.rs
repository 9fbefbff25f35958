//! The notes on a workbook before anything of it is sent.

use crate::engine::interface::error::EngineError;
use crate::engine::interface::request::ImportRequest;
use crate::engine::round_trip::CompiledPart;
use crate::engine::source;
use crate::export::HiddenSheet;
use crate::export::round_trip::Decisions;
use crate::mapping::Edit;
use sheet_source::message;
use sheet_source::problem::{Note, column_letter, quoted};
use sheet_source::{ColumnMatch, Row, fold};
use std::collections::HashMap;

/// Maximum number of ids and cells named in a note.
const NAMED_MAX: usize = 10;

/// Notes on a workbook whose rows are all created as new records.
pub fn as_new_notes(part: &CompiledPart, hidden: &HiddenSheet) -> Vec<Note> {
    let mut notes = Vec::new();
    let left_out = &part.made.left_out;
    if !left_out.is_empty() {
        let message = message!("not carried over: {titles}", titles = left_out.join(", "));
        notes.push(Note::warning("not-carried-over", message).count(left_out.len() as u64));
    }
    if let (Some(then), Some(now)) = (&hidden.stamp.timezone, part.plan.account.timezone())
        && then != now
    {
        let message =
            message!("warning: the times of this workbook are in {then}, and are read as {now} here", then, now);
        notes.push(Note::warning("other-timezone", message));
    }
    notes
}

/// How many rows were changed, are in conflict, refused or new. `new_rows` says what becomes of rows without an id.
pub fn decision_notes(decided: &Decisions, new_rows: &HashMap<u32, Edit>, request: &ImportRequest) -> Vec<Note> {
    let Decisions { changed, conflicts, refused, added: fresh, left_alone, .. } = decided;
    let is_made_before = |(row, edit): &(&u32, &Edit)| request.wants(**row) && matches!(edit, Edit::Made { .. });
    let made_before = new_rows.iter().filter(is_made_before).count();
    let (new, gone) = (fresh.iter().filter(|fresh| request.wants(fresh.row)).count(), left_alone.len());
    let new = new - made_before.min(new);
    let before = match made_before {
        0 => "".into(),
        _ => message!(" ({made_before} created before)", made_before),
    };
    let mut notes = vec![Note::new(
        "rows-decided",
        message!(
            "{changed} changed, {conflicts} in conflict, {refused} refused, {new} new{before}, {gone} deleted from the sheet",
            changed = *changed,
            conflicts = *conflicts,
            refused = *refused,
            new,
            before,
            gone
        ),
    )];
    if request.force && *changed > 0 {
        let message = "--force: the sheet wins where a cell was changed both here and in the account";
        notes.push(Note::new("forced", message));
    }
    notes
}

/// Notes on what stays as it is: records whose rows were deleted from the sheet, and cells that cannot be written.
pub fn unsent_notes(decided: &Decisions) -> Vec<Note> {
    let Decisions { left_alone, read_only, .. } = decided;
    let (mut notes, gone) = (Vec::new(), left_alone.len());
    if gone > 0 {
        let named = left_alone.iter().take(NAMED_MAX).map(u64::to_string).collect::<Vec<_>>().join(", ");
        let more = match gone.checked_sub(NAMED_MAX) {
            Some(more) if more > 0 => message!(" and {more} more", more),
            _ => "".into(),
        };
        let message = message!("left alone in the account: {named}{more}", named, more);
        notes.push(Note::warning("left-alone", message).count(gone as u64));
    }
    if read_only.0 > 0 {
        let more = if read_only.0 as usize > read_only.1.len() { ", …" } else { "" };
        let (count, named) = (read_only.0, read_only.1.join(", "));
        let message = message!(
            "warning: {count} changed cells cannot be sent back and are ignored: {named}{more}",
            count,
            named,
            more
        );
        notes.push(Note::warning("read-only-cells", message).count(count));
    }
    notes
}

/// The note on cells of new rows that cannot be sent with a new record.
pub fn ignored_cells_note(
    part: &CompiledPart,
    fresh: &HashMap<u32, Edit>,
    request: &ImportRequest,
) -> Result<Option<Note>, EngineError> {
    let header = &part.table.header;
    let place = |title: &String| match header.find(title) {
        ColumnMatch::One(place) => Some(place),
        ColumnMatch::Many(_) | ColumnMatch::None => None,
    };
    if !fresh.values().any(|edit| matches!(edit, Edit::New(_))) {
        return Ok(None);
    }
    let places: Vec<usize> = part.made.left_out.iter().filter_map(place).collect();
    let (mut again, mut row, mut count, mut named) =
        (source::reopen_table(&part.table)?, Row::default(), 0, Vec::new());
    while !places.is_empty() && again.read(&mut row).unwrap_or(false) {
        if !request.wants(row.number) || !matches!(fresh.get(&row.number), Some(Edit::New(_))) {
            continue;
        }
        for place in places.iter().filter(|place| !row.get(**place).is_empty()) {
            count += 1;
            named.push(format!("{}{}", column_letter(*place), row.number));
            named.truncate(NAMED_MAX);
        }
    }
    if count == 0 {
        return Ok(None);
    }
    let more = if count as usize > named.len() { ", …" } else { "" };
    let named = named.join(", ");
    let message = match count {
        1 => message!("warning: 1 cell of a new row cannot be sent and is ignored: {named}", named),
        _ => message!(
            "warning: {count} cells of new rows cannot be sent and are ignored: {named}{more}",
            count,
            named,
            more
        ),
    };
    Ok(Some(Note::warning("read-only-cells", message).count(count)))
}

/// Notes on columns that are missing or unknown. A renamed column counts as missing: its edits would be lost silently.
pub fn column_notes(hidden: &HiddenSheet, part: &CompiledPart) -> Vec<Note> {
    let header = &part.table.header;
    let missing =
        hidden.columns.iter().filter(|column| column.writable && header.find(&column.title) == ColumnMatch::None);
    let missing: Vec<String> = missing.map(|column| quoted(&column.title).to_string()).collect();
    let known = |title: &str| hidden.columns.iter().any(|column| fold(&column.title) == fold(title));
    let others = header.titles().filter(|title| !title.trim().is_empty() && !known(title));
    let others: Vec<String> = others.map(|title| quoted(title).to_string()).collect();
    let mut notes = Vec::new();
    if !missing.is_empty() {
        let message = message!(
            "warning: the sheet has no column {titles}; its values in the account stay as they are",
            titles = missing.join(", ")
        );
        notes.push(Note::warning("column-gone", message).count(missing.len() as u64));
    }
    if !others.is_empty() {
        let message = message!("warning: the export had no column {titles}; it is ignored", titles = others.join(", "));
        notes.push(Note::warning("column-unknown", message).count(others.len() as u64));
    }
    notes
}
