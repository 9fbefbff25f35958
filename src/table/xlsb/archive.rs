//! The parts of a .xlsb by name, and what they say of each other.

use super::super::input::Input;
use super::super::layout::Format;
use super::super::unpack::{Unpacked, limit};
use super::super::workbook::Trouble;
use std::collections::HashMap;
use std::io::{BufReader, Read, Seek};
use zip::ZipArchive;
use zip::read::ZipFile;

pub type UnpackedPart<'a> = Unpacked<ZipFile<'a, BufReader<Input>>>;

pub struct Archive {
    zip: ZipArchive<BufReader<Input>>,
    file_bytes: u64,
    /// Where the parts are, by their names in lower case.
    places: HashMap<String, usize>,
}

/// One part named by another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relation {
    pub id: String,
    /// The last word of its type: `worksheet`, `styles`.
    pub kind: String,
    pub target: String,
    pub external: bool,
}

impl Archive {
    pub fn open(mut file: Input) -> Result<Archive, Trouble> {
        file.rewind().map_err(Trouble::Io)?;
        let file_bytes = file.length();
        let zip = ZipArchive::new(BufReader::new(file)).map_err(Trouble::of_zip)?;
        let mut places = HashMap::new();
        for place in 0..zip.len() {
            if let Some(Ok(name)) = zip.name_for_index(place) {
                places.insert(folded(&name), place);
            }
        }
        Ok(Archive { zip, file_bytes, places })
    }

    /// A part, unpacked as it is read; `None` where there is none of this name.
    pub fn part(&mut self, name: &str) -> Result<Option<UnpackedPart<'_>>, Trouble> {
        let Some(place) = self.places.get(&folded(name)) else { return Ok(None) };
        let part = self.zip.by_index(*place).map_err(Trouble::of_zip)?;
        let packed = part.compressed_size().min(self.file_bytes);
        let limit = limit(name, packed, Format::Xlsb);
        Ok(Some(Unpacked::new(part, name, limit)))
    }

    /// What a part names, with the full names of those.
    pub fn relations(&mut self, of: &str) -> Result<Vec<Relation>, Trouble> {
        /// Excel has at most 65,530 links on a sheet.
        const BYTES_MAX: u64 = 16 << 20;
        let (folder, name) = of.rsplit_once('/').unwrap_or(("", of));
        let Some(part) = self.part(&format!("{folder}/_rels/{name}.rels"))? else { return Ok(Vec::new()) };
        let mut bytes = Vec::new();
        part.take(BYTES_MAX).read_to_end(&mut bytes).map_err(Trouble::of_unpacking)?;
        let mut relations = relations(&String::from_utf8_lossy(&bytes));
        for relation in relations.iter_mut().filter(|relation| !relation.external) {
            relation.target = resolved(folder, &relation.target);
        }
        Ok(relations)
    }
}

fn folded(name: &str) -> String {
    name.trim_start_matches(['/', '\\']).replace('\\', "/").to_lowercase()
}

/// The full name of what is named from within a folder.
fn resolved(folder: &str, target: &str) -> String {
    if target.starts_with('/') {
        return target.trim_start_matches('/').to_owned();
    }
    let mut path: Vec<&str> = folder.split('/').filter(|step| !step.is_empty()).collect();
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                path.pop();
            }
            step => path.push(step),
        }
    }
    path.join("/")
}

fn relations(xml: &str) -> Vec<Relation> {
    const RELATIONS_MAX: usize = 100_000;
    let mut found = Vec::new();
    let mut rest = xml;
    while let Some(at) = rest.find('<').filter(|_| found.len() < RELATIONS_MAX) {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let name_end = rest.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).unwrap_or(rest.len());
        let local = rest[..name_end].rsplit(':').next().unwrap_or("");
        let is_relation = local == "Relationship";
        rest = &rest[name_end..];
        if !is_relation {
            continue;
        }
        let mut relation = Relation::default();
        while let Some((name, value, after)) = attribute(rest) {
            match name {
                "Id" => relation.id = unescaped(value),
                "Type" => relation.kind = unescaped(value.rsplit('/').next().unwrap_or("")),
                "Target" => relation.target = unescaped(value),
                "TargetMode" => relation.external = value == "External",
                _ => {}
            }
            rest = after;
        }
        found.push(relation);
    }
    found
}

/// The next attribute of a tag: its name, its value and what follows.
fn attribute(tag: &str) -> Option<(&str, &str, &str)> {
    let tag = tag.trim_start();
    let name_end = tag.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/' | '<'))?;
    let value = tag[name_end..].trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (value, rest) = value[1..].split_once(quote)?;
    Some((&tag[..name_end], value, rest))
}

fn unescaped(value: &str) -> String {
    let mut text = String::new();
    let mut rest = value;
    while let Some(at) = rest.find('&') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some(end) = rest.find(';') else { break };
        let number = |digits: &str| match digits.strip_prefix('x') {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        };
        let letter = match &rest[1..end] {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            other => other.strip_prefix('#').and_then(number).and_then(char::from_u32),
        };
        match letter {
            Some(letter) => text.push(letter),
            None => text.push_str(&rest[..=end]),
        }
        rest = &rest[end + 1..];
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_are_read_from_any_xml() {
        let xml = "\u{feff}<?xml version='1.0'?><!-- <Relationship Id=\"x\"/> --><r:Relationships xmlns:r=\"a/Relationship\">\n\
                   <r:Relationship Target='worksheets/sheet1.bin'\n Id = \"rId1\" Type=\"http://x/y/worksheet\" />\
                   <Relationship Id=\"rId2\" Type=\"a/hyperlink\" Target=\"http://x/?a=1&amp;b=&#x416;&c\" TargetMode=\"External\"/>\
                   <Relationship Id=";
        let found = relations(xml);
        assert_eq!(found.len(), 3);
        assert_eq!((found[0].id.as_str(), found[0].kind.as_str()), ("rId1", "worksheet"));
        assert_eq!(found[0].target, "worksheets/sheet1.bin");
        assert_eq!((found[1].target.as_str(), found[1].external), ("http://x/?a=1&b=Ж&c", true));
        assert_eq!(found[2], Relation::default());
    }

    #[test]
    fn names_are_found_from_where_they_are_said() {
        assert_eq!(resolved("xl", "worksheets/sheet1.bin"), "xl/worksheets/sheet1.bin");
        assert_eq!(resolved("xl", "/xl/a.bin"), "xl/a.bin");
        assert_eq!(resolved("xl/worksheets", "../tables/table1.bin"), "xl/tables/table1.bin");
        assert_eq!(resolved("", "../../a"), "a");
        assert_eq!(folded("\\xl\\Styles.bin"), "xl/styles.bin");
    }
}
