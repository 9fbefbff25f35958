//! `amoport peek`: prints a table as amoport reads it.

use crate::cli::args::{CommonArgs, PeekArgs, PeekFormat};
use crate::cli::exit::Exit;
use crate::cli::terminal::say;
use crate::engine::{self, EngineError};
use amo_client::private;
use serde_json::{Map, Value, json};
use sheet_source::problem::{column_letter, visible_line};
use sheet_source::{DisplayKind, ReadOptions, Row, Scalar, Table};
use std::io::IsTerminal;

/// Number of rows in the summary.
const ROWS_SHOWN: usize = 5;
/// Maximum characters of a cell in the summary.
const CELL_SHOWN: usize = 40;

fn read_options(args: &PeekArgs) -> ReadOptions {
    ReadOptions {
        sheet: args.source.sheet.clone(),
        header_row: args.source.header_row,
        hidden_rows: args.source.hidden_rows,
        encoding: args.source.encoding.clone(),
        delimiter: args.source.delimiter,
        ..ReadOptions::default()
    }
}

pub fn run(args: &PeekArgs, common: &CommonArgs) -> Result<Exit, EngineError> {
    if private::is_pipe(&args.file) {
        say::note(common, engine::pipe_note(&args.file).message.to_string());
    }
    let table = Table::open(&args.file, &read_options(args))?;
    match args.to {
        Some(PeekFormat::Csv) => print_csv(table, args, common),
        Some(PeekFormat::Jsonl) => print_jsonl(table, args, common),
        None => print_summary(table, args, common),
    }
}

fn describe_layout(table: &Table, args: &PeekArgs) -> String {
    format!("{}: {}", args.file.display(), table.layout)
}

fn print_csv(mut table: Table, args: &PeekArgs, common: &CommonArgs) -> Result<Exit, EngineError> {
    say::note(common, describe_layout(&table, args));
    let terminal = std::io::stdout().is_terminal();
    let shown = |cell: &str| say::on_stdout(cell, terminal).into_owned();
    let mut out = ::csv::WriterBuilder::new().flexible(true).from_writer(std::io::stdout().lock());
    let width = widest_row(args, table.header.len())?;
    let padded = |cells: Vec<String>| cells.into_iter().chain(std::iter::repeat(String::new())).take(width);
    // A closed stdout (`| head`) is not an error.
    let mut open = out.write_record(padded(table.header.titles().map(shown).collect())).is_ok();
    let mut row = Row::default();
    while open && table.read(&mut row)? {
        open = out.write_record((0..width.max(row.len())).map(|index| shown(row.get(index).text))).is_ok();
    }
    let _ = out.flush();
    print_notes(&table, common);
    Ok(Exit::Done)
}

/// Cells of the widest row: every line of the CSV has as many, so that other programs can read it. A pipe is read only once.
fn widest_row(args: &PeekArgs, header: usize) -> Result<usize, EngineError> {
    if !args.file.is_file() {
        return Ok(header);
    }
    let mut table = Table::open(&args.file, &read_options(args))?;
    let (mut width, mut row) = (table.header.len(), Row::default());
    while table.read(&mut row)? {
        width = width.max(row.len());
    }
    Ok(width)
}

fn print_jsonl(mut table: Table, args: &PeekArgs, common: &CommonArgs) -> Result<Exit, EngineError> {
    say::note(common, describe_layout(&table, args));
    let names = table.header.unique_names();
    let mut row = Row::default();
    while table.read(&mut row)? {
        let mut object = Map::new();
        for (index, name) in names.iter().enumerate() {
            let cell = row.get(index);
            let value = match cell.value {
                // The currency sign is not part of the number.
                Scalar::Formatted(number, DisplayKind::Currency(_)) | Scalar::Number(number) if is_whole(number) => {
                    json!(number as i64)
                }
                Scalar::Formatted(number, DisplayKind::Currency(_)) => json!(number),
                Scalar::Number(number) if !cell.text.contains(['e', 'E']) => json!(number),
                Scalar::Bool(flag) => json!(flag),
                Scalar::Empty
                | Scalar::Text
                | Scalar::Number(_)
                | Scalar::Formatted(..)
                | Scalar::Serial(_)
                | Scalar::Error => json!(cell.text),
                // The value is unknown.
                Scalar::Uncomputed => Value::Null,
            };
            object.insert(name.clone(), value);
        }
        if !say::data(&Value::Object(object).to_string()) {
            break;
        }
    }
    print_notes(&table, common);
    Ok(Exit::Done)
}

/// True for numbers that JSON shows without a `.0`: a workbook keeps every number as a float.
fn is_whole(number: f64) -> bool {
    const EXACT_MAX: f64 = (1_i64 << 53) as f64;
    number.fract() == 0.0 && number.abs() < EXACT_MAX
}

fn print_summary(mut table: Table, args: &PeekArgs, common: &CommonArgs) -> Result<Exit, EngineError> {
    let mut first: Vec<Vec<String>> = Vec::new();
    let mut row = Row::default();
    let (mut rows, mut last) = (0_u64, 0);
    while table.read(&mut row)? {
        rows += 1;
        last = row.number;
        if first.len() < ROWS_SHOWN {
            first.push(row.iter().map(|cell| shorten(cell.text)).collect());
        }
    }
    let found = &table.layout;
    if common.json {
        let mut json = json!({
            "schema": 1, "exit_code": 0, "file": args.file.display().to_string(), "format": found.format.word(),
            "encoding": found.encoding, "delimiter": found.delimiter, "sheet": found.sheet, "sheets": found.sheets,
            "header_row": found.header_row, "columns": table.header.unique_names(), "rows": rows,
            "notes": table.notes(),
        });
        if let Some(doubt) = &found.encoding_doubt {
            json["encoding_readings"] = json!(doubt.readings);
        }
        say::data(&json.to_string());
        return Ok(Exit::Done);
    }
    say::data(&visible_line(&describe_layout(&table, args)));
    let to = if rows > 0 { format!(", the last one is row {last}") } else { String::new() };
    say::data(&format!("{rows} rows below the header{to}"));
    for (index, name) in table.header.unique_names().iter().enumerate() {
        let sample: Vec<&str> =
            first.iter().filter_map(|row| row.get(index)).map(String::as_str).filter(|t| !t.is_empty()).collect();
        let line = format!("  {:>3}  {name}: {}", column_letter(index), sample.join(" · "));
        // The summary is for people, wherever it goes.
        if !say::data(&visible_line(&line)) {
            break;
        }
    }
    print_notes(&table, common);
    Ok(Exit::Done)
}

fn print_notes(table: &Table, common: &CommonArgs) {
    for note in table.notes() {
        say::note(common, note.message.to_string());
    }
}

fn shorten(text: &str) -> String {
    let spaced = |c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c };
    let flat: String = text.trim().chars().map(spaced).take(CELL_SHOWN + 1).collect();
    if flat.chars().count() > CELL_SHOWN {
        let cut: String = flat.chars().take(CELL_SHOWN).collect();
        return format!("{cut}…");
    }
    flat
}
