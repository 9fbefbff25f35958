//! Maps the rows of a table on several threads and hands them over in their order.

use crate::mapping::RowMapper;
use sheet_source::problem::Problem;
use sheet_source::{Row, Table};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::scope;

/// Number of mapping threads. Reading, and what has to be done in order, take about as much time as one of them.
pub const THREADS: usize = 2;
/// Number of rows that a thread takes at once: handing over costs as much as mapping a row.
const CHUNK_ROWS: usize = 256;
/// Number of chunks in all: one is read, one is mapped by each thread, one is handed over.
const CHUNKS: usize = 2 + THREADS;

/// Rows and what is made of them. A chunk is used again, with the memory of its rows.
struct Chunk<T> {
    rows: Vec<Row>,
    /// Number of `rows` that are filled.
    count: usize,
    made: Vec<T>,
}

/// Reads the table to its end, or until `on_row` returns false. Each row is mapped by one of `mappers`. The rows before a problem
/// of the source are handed over.
pub fn map_rows<T: Send>(
    table: Table,
    mappers: Vec<RowMapper>,
    map: impl Fn(&mut RowMapper, &Row) -> T + Sync,
    mut on_row: impl FnMut(&Row, T) -> bool,
) -> (Table, Result<(), Problem>) {
    scope(|scope| {
        let (free, empty) = channel();
        for _ in 0..CHUNKS {
            let _ = free.send(Chunk { rows: Vec::new(), count: 0, made: Vec::with_capacity(CHUNK_ROWS) });
        }
        let map = &map;
        let (mut filled, mut mapped) = (Vec::new(), Vec::new());
        for mapper in mappers {
            let (to_thread, chunks) = channel();
            let (done, from_thread) = channel();
            scope.spawn(move || map_chunks(mapper, map, &chunks, &done));
            filled.push(to_thread);
            mapped.push(from_thread);
        }
        let reading = scope.spawn(move || read_chunks(table, &empty, &filled));
        // A thread that panics ends this loop, and the panic goes on at the end of the scope.
        'rows: for from_thread in mapped.iter().cycle() {
            let Ok(Chunk { rows, count, mut made }) = from_thread.recv() else { break };
            for (row, one) in rows.iter().zip(made.drain(..)) {
                if !on_row(row, one) {
                    break 'rows;
                }
            }
            let _ = free.send(Chunk { rows, count, made });
        }
        drop((free, mapped));
        reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Fills free chunks with rows and gives them to the threads in turn.
fn read_chunks<T>(
    mut table: Table,
    empty: &Receiver<Chunk<T>>,
    threads: &[Sender<Chunk<T>>],
) -> (Table, Result<(), Problem>) {
    for thread in threads.iter().cycle() {
        let Ok(mut chunk) = empty.recv() else { break };
        let end = fill(&mut table, &mut chunk);
        if thread.send(chunk).is_err() {
            break;
        }
        match end {
            Ok(true) => {}
            Ok(false) => break,
            Err(problem) => return (table, Err(problem)),
        }
    }
    (table, Ok(()))
}

/// Reads the next rows into a chunk; false at the end of the table.
fn fill<T>(table: &mut Table, chunk: &mut Chunk<T>) -> Result<bool, Problem> {
    chunk.count = 0;
    while chunk.count < CHUNK_ROWS {
        if chunk.rows.len() == chunk.count {
            chunk.rows.push(Row::default());
        }
        if !table.read(&mut chunk.rows[chunk.count])? {
            return Ok(false);
        }
        chunk.count += 1;
    }
    Ok(true)
}

fn map_chunks<T>(
    mut mapper: RowMapper,
    map: &impl Fn(&mut RowMapper, &Row) -> T,
    chunks: &Receiver<Chunk<T>>,
    done: &Sender<Chunk<T>>,
) {
    for mut chunk in chunks {
        chunk.made.extend(chunk.rows[..chunk.count].iter().map(|row| map(&mut mapper, row)));
        if done.send(chunk).is_err() {
            break;
        }
    }
}
