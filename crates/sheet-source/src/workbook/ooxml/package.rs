//! The zip package of an .xlsx or .xlsb: its parts by name, and the relationships between them. Programs write names
//! of parts with either slash, in any case, and absolute or relative.

use crate::file::error::WorkbookError;
use crate::file::input::SourceFile;
use crate::file::layout::FileFormat;
use crate::file::unpack::{self, LimitedReader};
use crate::workbook::ooxml::xml::{Xml, attribute};
use quick_xml::events::Event;
use std::collections::HashMap;
use std::io::{BufReader, Seek};
use zip::ZipArchive;
use zip::read::ZipFile;

/// An unpacked part. Reading beyond its size limit is an error.
pub type PackagePart<'p> = LimitedReader<ZipFile<'p, BufReader<SourceFile>>>;

pub struct Package {
    archive: ZipArchive<BufReader<SourceFile>>,
    /// Bytes of the whole file.
    length: u64,
    /// Parts by their normalised name.
    parts: HashMap<String, usize>,
}

/// A relationship of a part.
pub struct Relationship {
    pub id: String,
    /// The last segment of its type: `worksheet`, `sharedStrings`.
    pub kind: String,
    /// The full name of a part, or an address outside the workbook.
    pub target: String,
    pub external: bool,
}

impl Package {
    pub fn open(file: &SourceFile) -> Result<Package, WorkbookError> {
        let mut input = file.try_clone().map_err(WorkbookError::Io)?;
        input.rewind().map_err(WorkbookError::Io)?;
        let length = input.length();
        let archive = ZipArchive::new(BufReader::new(input)).map_err(WorkbookError::from_zip)?;
        let mut parts = HashMap::new();
        for part in 0..archive.len() {
            if let Some(Ok(name)) = archive.name_for_index(part) {
                parts.entry(normalised_name(&name)).or_insert(part);
            }
        }
        Ok(Package { archive, length, parts })
    }

    pub fn find(&self, name: &str) -> Option<usize> {
        self.parts.get(&normalised_name(name)).copied()
    }

    pub fn part(&mut self, part: usize) -> Result<PackagePart<'_>, WorkbookError> {
        let found = self.archive.by_index(part).map_err(WorkbookError::from_zip)?;
        let name = found.name().map(|name| name.into_owned()).unwrap_or_default();
        // The limits are the same for both formats.
        let limit = unpack::size_limit(&name, found.compressed_size().min(self.length), FileFormat::Xlsx);
        Ok(LimitedReader::new(found, &name, limit))
    }

    /// `None` if there is no such part.
    pub fn part_named(&mut self, name: &str) -> Result<Option<PackagePart<'_>>, WorkbookError> {
        self.find(name).map(|part| self.part(part)).transpose()
    }

    pub fn xml(&mut self, part: usize) -> Result<Xml<'_>, WorkbookError> {
        Xml::new(self.part(part)?)
    }

    /// The relationships of a part; empty if it has none.
    pub fn relationships(&mut self, name: &str) -> Result<Vec<Relationship>, WorkbookError> {
        /// Links are among them: Excel takes 65,530 per sheet, other programs take more.
        const RELATIONSHIPS_MAX: usize = 1 << 20;
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        let path = if folder.is_empty() { format!("_rels/{file}.rels") } else { format!("{folder}/_rels/{file}.rels") };
        let Some(part) = self.find(&path) else { return Ok(Vec::new()) };
        let mut xml = self.xml(part)?;
        let mut relationships = Vec::new();
        loop {
            match xml.next()? {
                Event::Start(element) if element.local_name().as_ref() == "Relationship" => {
                    let value_of = |name: &str| attribute(&element, name).unwrap_or_default();
                    let external = value_of("TargetMode").eq_ignore_ascii_case("external");
                    let target = value_of("Target");
                    let target = if external { target } else { resolve_target(folder, &target) };
                    let kind = value_of("Type").rsplit('/').next().unwrap_or_default().to_owned();
                    if relationships.len() >= RELATIONSHIPS_MAX {
                        return Err(WorkbookError::damaged("it has too many links"));
                    }
                    relationships.push(Relationship { id: value_of("Id"), kind, target, external });
                }
                Event::Eof => return Ok(relationships),
                _ => {}
            }
        }
    }
}

/// The form in which names of parts are compared.
fn normalised_name(name: &str) -> String {
    name.replace('\\', "/").trim_start_matches('/').to_ascii_lowercase()
}

/// Resolves a target relative to a folder.
fn resolve_target(folder: &str, target: &str) -> String {
    let target = target.replace('\\', "/");
    let mut path: Vec<&str> = if target.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => _ = path.pop(),
            step => path.push(step),
        }
    }
    path.retain(|step| !step.is_empty());
    path.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workbook::ooxml::xlsb::fixtures::zipped;

    #[test]
    fn what_a_part_refers_to_is_read_from_any_xml() {
        let xml = "\u{feff}<?xml version='1.0'?><!-- <Relationship Id=\"x\"/> --><r:Relationships xmlns:r=\"a/Relationship\">\n\
                   <r:Relationship Target='worksheets\\sheet1.bin'\n Id = \"rId1\" Type=\"http://x/y/worksheet\" />\
                   <Relationship Id=\"rId2\" Type=\"a/hyperlink\" Target=\"http://x/?a=1&amp;b=&#x416;\" TargetMode=\"external\"/>\
                   </r:Relationships>";
        let file = zipped(&[("xl\\_rels\\Workbook.bin.rels", xml.as_bytes().to_vec())]);
        let mut package = Package::open(&SourceFile::memory(file)).ok().expect("it opens");
        let relationships = package.relationships("xl/workbook.bin").ok().expect("it can be read");
        let read: Vec<_> = relationships.iter().map(|one| (&*one.id, &*one.kind, &*one.target, one.external)).collect();
        let sheet = ("rId1", "worksheet", "xl/worksheets/sheet1.bin", false);
        assert_eq!(read, [sheet, ("rId2", "hyperlink", "http://x/?a=1&b=Ж", true)]);
        assert!(package.relationships("xl/styles.bin").is_ok_and(|relationships| relationships.is_empty()));
    }

    #[test]
    fn targets_are_found_however_they_are_written() {
        for (folder, target, found) in [
            ("xl", "worksheets/sheet1.xml", "xl/worksheets/sheet1.xml"),
            ("xl", "/xl/worksheets/sheet1.xml", "xl/worksheets/sheet1.xml"),
            ("xl", "worksheets\\sheet1.xml", "xl/worksheets/sheet1.xml"),
            ("xl", "../xl/./worksheets/sheet1.xml", "xl/worksheets/sheet1.xml"),
            ("xl/worksheets", "../tables/table1.xml", "xl/tables/table1.xml"),
            ("", "xl/workbook.xml", "xl/workbook.xml"),
            ("xl", "../../../sheet.xml", "sheet.xml"),
        ] {
            assert_eq!(resolve_target(folder, target), found, "{folder} {target}");
        }
        assert_eq!(normalised_name("\\XL\\Workbook.xml"), "xl/workbook.xml");
    }
}
