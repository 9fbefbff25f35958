//! Packing parts of a workbook while their content is not complete. DEFLATE data may be cut at the end of a block, so the
//! beginning of a part, which says what is in it, its rows and its end are packed one by one and joined in the archive.

use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use sheet_source::COMPRESSION;
use std::io::{self, Cursor, Read, Seek, Write};
use zip::ZipWriter;
use zip::read::read_zipfile_from_stream;

/// Bytes of packed data that are written together.
const BUFFER: usize = 64 << 10;

/// Packs a piece of a part.
pub struct Packer<W> {
    compress: Compress,
    packed: Vec<u8>,
    out: W,
    size: PieceSize,
}

/// What the archive has to say of packed data.
#[derive(Debug, Default)]
pub struct PieceSize {
    crc: Crc,
    plain: u64,
    packed: u64,
}

impl<W: Write> Packer<W> {
    pub fn new(out: W) -> Packer<W> {
        let compress = Compress::new(Compression::new(COMPRESSION.into()), false);
        Packer { compress, packed: Vec::with_capacity(BUFFER), out, size: PieceSize::default() }
    }

    pub fn write(&mut self, plain: &[u8]) -> io::Result<()> {
        self.size.crc.update(plain);
        self.size.plain += plain.len() as u64;
        let mut rest = plain;
        while !rest.is_empty() {
            let before = self.compress.total_in();
            self.compress.compress_vec(rest, &mut self.packed, FlushCompress::None)?;
            rest = &rest[(self.compress.total_in() - before) as usize..];
            if self.packed.len() == self.packed.capacity() {
                self.put()?;
            }
        }
        Ok(())
    }

    /// Ends the piece, with which the part ends if it is the last one.
    pub fn end(mut self, is_last: bool) -> io::Result<(W, PieceSize)> {
        let flush = if is_last { FlushCompress::Finish } else { FlushCompress::Sync };
        loop {
            self.put()?;
            let status = self.compress.compress_vec(&[], &mut self.packed, flush)?;
            let is_written =
                if is_last { status == Status::StreamEnd } else { self.packed.len() < self.packed.capacity() };
            if is_written {
                self.put()?;
                self.out.flush()?;
                return Ok((self.out, self.size));
            }
        }
    }

    fn put(&mut self) -> io::Result<()> {
        self.out.write_all(&self.packed)?;
        self.size.packed += self.packed.len() as u64;
        self.packed.clear();
        Ok(())
    }
}

impl PieceSize {
    fn join(&mut self, next: &PieceSize) {
        self.crc.combine(&next.crc);
        self.plain += next.plain;
        self.packed += next.packed;
    }
}

/// Packs a piece that is in memory.
fn pack(plain: &[u8], is_last: bool) -> io::Result<(Vec<u8>, PieceSize)> {
    let mut packer = Packer::new(Vec::new());
    packer.write(plain)?;
    packer.end(is_last)
}

/// Adds a part of which the middle is packed already.
pub fn add_part<W: Write + Seek>(
    archive: &mut ZipWriter<W>,
    name: &str,
    (start, end): (&[u8], &[u8]),
    (middle, size): (impl Read, &PieceSize),
) -> io::Result<()> {
    let ((start, mut whole), (end, end_size)) = (pack(start, false)?, pack(end, true)?);
    whole.join(size);
    whole.join(&end_size);
    let header = local_header(name, &whole)?;
    let mut part =
        Cursor::new(header).chain(Cursor::new(start)).chain(middle.take(size.packed)).chain(Cursor::new(end));
    if let Some(part) = read_zipfile_from_stream(&mut part)? {
        archive.raw_copy_file(part)?;
    }
    Ok(())
}

/// What stands in an archive before a packed file, as the `zip` crate reads it.
fn local_header(name: &str, size: &PieceSize) -> io::Result<Vec<u8>> {
    const FIRST_DAY: u16 = (1 << 5) | 1;
    let bytes = |length: u64| {
        let length = u32::try_from(length);
        length.map_err(|_| io::Error::new(io::ErrorKind::FileTooLarge, "a sheet has more than 4 GB"))
    };
    let mut header = b"PK\x03\x04".to_vec();
    // Version 2.0, no flags, DEFLATE, midnight of 1980-01-01.
    header.extend([20_u16, 0, 8, 0, FIRST_DAY].into_iter().flat_map(u16::to_le_bytes));
    header.extend([size.crc.sum(), bytes(size.packed)?, bytes(size.plain)?].into_iter().flat_map(u32::to_le_bytes));
    header.extend([name.len() as u16, 0].into_iter().flat_map(u16::to_le_bytes));
    header.extend(name.as_bytes());
    Ok(header)
}
