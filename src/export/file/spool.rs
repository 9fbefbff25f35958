//! Rows that wait on the disk until all are known: only then is it known which columns are empty and which format their numbers
//! need. The file is beside the target and is removed when this is dropped.

use super::part::UnfinishedFile;
use crate::export::table::cell::TableCell;
use jiff::civil::{Date, DateTime};
use rust_decimal::Decimal;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// A file with the rows of a table.
pub struct Spool {
    // Dropped before its file is removed.
    file: BufWriter<File>,
    /// Number of cells in a row.
    width: usize,
    rows: u64,
    buffer: Vec<u8>,
    _part: UnfinishedFile,
}

/// The first byte of a cell.
mod tag {
    pub const EMPTY: u8 = 0;
    pub const TEXT: u8 = 1;
    pub const LINK: u8 = 2;
    pub const NUMBER: u8 = 3;
    pub const INSTANT: u8 = 4;
    pub const DAY: u8 = 5;
}

impl Spool {
    pub fn beside(target: &Path, width: usize) -> io::Result<Spool> {
        let (part, file) = UnfinishedFile::create(target)?;
        Ok(Spool { file: BufWriter::new(file), width, rows: 0, buffer: Vec::new(), _part: part })
    }

    /// Adds a row.
    pub fn push(&mut self, cells: &[TableCell]) -> io::Result<()> {
        self.buffer.clear();
        cells.iter().for_each(|cell| write(cell, &mut self.buffer));
        self.rows += 1;
        self.file.write_all(&self.buffer)
    }

    /// The number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Reads all rows in their order. More may be added afterwards.
    pub fn each<E: From<io::Error>>(&mut self, mut take: impl FnMut(Vec<TableCell>) -> Result<(), E>) -> Result<(), E> {
        self.file.flush()?;
        let mut file = self.file.get_ref();
        file.rewind()?;
        let mut rows = BufReader::new(file);
        for _ in 0..self.rows {
            let cells = (0..self.width).map(|_| read(&mut rows)).collect::<io::Result<_>>()?;
            take(cells)?;
        }
        file.seek(SeekFrom::End(0))?;
        Ok(())
    }
}

fn write(cell: &TableCell, out: &mut Vec<u8>) {
    let mut text = |tag: u8, text: &str| {
        out.push(tag);
        out.extend((text.len() as u64).to_le_bytes());
        out.extend(text.as_bytes());
    };
    match cell {
        TableCell::Empty => out.push(tag::EMPTY),
        TableCell::Text(content) => text(tag::TEXT, content),
        TableCell::Link(address) => text(tag::LINK, address),
        TableCell::Number(number) => {
            out.push(tag::NUMBER);
            out.extend(number.serialize());
        }
        TableCell::Instant(at) => {
            out.push(tag::INSTANT);
            day(at.date(), out);
            out.extend([at.hour(), at.minute(), at.second()].map(i8::cast_unsigned));
        }
        TableCell::Day(date) => {
            out.push(tag::DAY);
            day(*date, out);
        }
    }
}

fn day(date: Date, out: &mut Vec<u8>) {
    out.extend(date.year().to_le_bytes());
    out.extend([date.month(), date.day()].map(i8::cast_unsigned));
}

fn read(file: &mut impl Read) -> io::Result<TableCell> {
    let [tag] = bytes(file)?;
    Ok(match tag {
        tag::EMPTY => TableCell::Empty,
        tag::TEXT => TableCell::Text(read_text(file)?),
        tag::LINK => TableCell::Link(read_text(file)?),
        tag::NUMBER => TableCell::Number(Decimal::deserialize(bytes(file)?)),
        tag::INSTANT => {
            let date = read_day(file)?;
            let [hour, minute, second] = bytes(file)?.map(u8::cast_signed);
            TableCell::Instant(DateTime::from_parts(
                date,
                jiff::civil::Time::new(hour, minute, second, 0).map_err(damaged)?,
            ))
        }
        tag::DAY => TableCell::Day(read_day(file)?),
        other => return Err(damaged(format!("unknown cell tag {other}"))),
    })
}

fn read_text(file: &mut impl Read) -> io::Result<String> {
    let length = u64::from_le_bytes(bytes(file)?);
    let mut text = Vec::new();
    file.take(length).read_to_end(&mut text)?;
    String::from_utf8(text).map_err(damaged)
}

fn read_day(file: &mut impl Read) -> io::Result<Date> {
    let year = i16::from_le_bytes(bytes(file)?);
    let [month, day] = bytes(file)?.map(u8::cast_signed);
    Date::new(year, month, day).map_err(damaged)
}

fn bytes<const N: usize>(file: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn damaged(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn rows_are_read_as_they_were_written_and_leave_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let cells = [
            TableCell::Empty,
            TableCell::Text("Ж\n\u{1F600}".into()),
            TableCell::Link("https://a/1".into()),
            TableCell::Number(Decimal::new(-777_500, 3)),
            TableCell::Number(Decimal::MAX),
            TableCell::Instant(date(-44, 3, 15).at(23, 59, 58, 0)),
            TableCell::Day(date(9999, 12, 31)),
            TableCell::Text("x".repeat(70_000)),
        ];
        let rows: Vec<Vec<TableCell>> = (0..cells.len()).map(|n| vec![cells[n].clone(), cells[0].clone()]).collect();
        let mut spool = Spool::beside(&folder.path().join("a.xlsx"), 2).unwrap();
        for row in &rows {
            spool.push(row).unwrap();
        }
        let mut read = Vec::new();
        spool
            .each(|row| {
                read.push(row);
                io::Result::Ok(())
            })
            .unwrap();
        assert_eq!(read, rows);
        drop(spool);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
