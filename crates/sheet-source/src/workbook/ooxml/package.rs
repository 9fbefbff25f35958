//! The zip file that an .xlsx or .xlsb is: its parts by name, and what one part says of others. Programs write the names of
//! parts with slashes of either kind, in any case, from the root or from where they stand.

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

/// A part as it is unpacked, which ends in an error where it is larger than any honest one.
pub type PackagePart<'p> = LimitedReader<ZipFile<'p, BufReader<SourceFile>>>;

pub struct Package {
    archive: ZipArchive<BufReader<SourceFile>>,
    /// Bytes of the whole file.
    length: u64,
    /// By name as `normalised_name` makes it.
    parts: HashMap<String, usize>,
}

/// A part as seen from another.
pub struct Relationship {
    pub id: String,
    /// The last word of its type: `worksheet`, `sharedStrings`.
    pub kind: String,
    /// Its full name, or an address outside of the workbook.
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
        // The same for both kinds.
        let limit = unpack::size_limit(&name, found.compressed_size().min(self.length), FileFormat::Xlsx);
        Ok(LimitedReader::new(found, &name, limit))
    }

    /// `None` where there is none of this name.
    pub fn part_named(&mut self, name: &str) -> Result<Option<PackagePart<'_>>, WorkbookError> {
        self.find(name).map(|part| self.part(part)).transpose()
    }

    pub fn xml(&mut self, part: usize) -> Result<Xml<'_>, WorkbookError> {
        Xml::new(self.part(part)?)
    }

    /// What a part refers to; nothing where it says nothing.
    pub fn relationships(&mut self, name: &str) -> Result<Vec<Relationship>, WorkbookError> {
        /// Links are among them, of which Excel takes 65,530 on a sheet, and others take more.
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

/// Names of parts are compared like this.
fn normalised_name(name: &str) -> String {
    name.replace('\\', "/").trim_start_matches('/').to_ascii_lowercase()
}

/// A target written in a part of this folder, from the root.
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
