//! What a workbook is made of: its sheets and the parts they stand in, its epoch, what its styles make of numbers, and
//! where its shared strings are.

use super::package::Package;
use super::xml::{attribute, attribute_of_any_prefix, is_true};
use crate::file::error::WorkbookError;
use crate::workbook::sheet::{Sheet, check_sheets};
use crate::workbook::styles::CellFormats;
use quick_xml::events::{BytesStart, Event};

pub struct Outline {
    pub sheets: Vec<SheetPart>,
    pub epoch_1904: bool,
    pub formats: CellFormats,
    pub strings: Option<usize>,
}

pub struct SheetPart {
    pub name: String,
    visible: bool,
    table: bool,
    /// `None` where it is named and not there.
    pub part: Option<usize>,
    /// The name of the part.
    pub path: String,
}

const WORKBOOK: &str = "xl/workbook.xml";

impl Outline {
    pub fn of(package: &mut Package) -> Result<Outline, WorkbookError> {
        let root = package.related("")?;
        let said = root.into_iter().find(|related| related.kind == "officeDocument").map(|related| related.target);
        let workbook = said.filter(|path| package.find(path).is_some()).unwrap_or_else(|| WORKBOOK.to_owned());
        let part = package.find(&workbook).ok_or(WorkbookError::Missing)?;
        let related = package.related(&workbook)?;
        let found = |package: &Package, path: &str| {
            // Some programs write paths from the root as if they were relative.
            package.find(path).or_else(|| package.find(path.split_once('/')?.1))
        };
        let by_kind = |package: &Package, kind: &str| {
            let target = related.iter().find(|related| related.kind == kind).map(|related| related.target.as_str());
            target.and_then(|target| found(package, target)).or_else(|| package.find(&format!("xl/{kind}.xml")))
        };
        let (strings, styles) = (by_kind(package, "sharedStrings"), by_kind(package, "styles"));
        let mut outline = Outline { sheets: Vec::new(), epoch_1904: false, formats: CellFormats::default(), strings };
        let mut xml = package.xml(part)?;
        let mut written: Vec<(SheetPart, String)> = Vec::new();
        loop {
            match xml.next()? {
                Event::Start(element) => match element.local_name().as_ref() {
                    "sheet" => {
                        written.push(sheet(&element));
                        check_sheets(written.len())?;
                    }
                    // An extension of the same name says nothing of it.
                    "workbookPr" => outline.epoch_1904 |= is_true(attribute(&element, "date1904")),
                    _ => {}
                },
                Event::Eof => break,
                _ => {}
            }
        }
        drop(xml);
        for (mut sheet, id) in written {
            if let Some(related) = related.iter().find(|related| related.id == id) {
                sheet.table = related.kind == "worksheet";
                sheet.part = found(package, &related.target);
                sheet.path.clone_from(&related.target);
            }
            outline.sheets.push(sheet);
        }
        if let Some(part) = styles {
            outline.formats = formats(package, part)?;
        }
        Ok(outline)
    }

    pub fn sheet(&self, name: &str) -> Option<&SheetPart> {
        self.sheets.iter().find(|sheet| sheet.name == name)
    }

    /// As they are told to others.
    pub fn told(&self) -> Vec<Sheet> {
        let told = |sheet: &SheetPart| Sheet { name: sheet.name.clone(), visible: sheet.visible, table: sheet.table };
        self.sheets.iter().map(told).collect()
    }
}

/// A sheet as the workbook names it, and the id of the part it stands in.
fn sheet(element: &BytesStart<'_>) -> (SheetPart, String) {
    let name = attribute(element, "name").unwrap_or_default();
    let visible = !matches!(attribute(element, "state").as_deref(), Some("hidden" | "veryHidden"));
    let id = attribute_of_any_prefix(element, "id").unwrap_or_default();
    // A sheet of which nothing else is known has cells, for all that one can see.
    (SheetPart { name, visible, table: true, part: None, path: String::new() }, id)
}

/// The number formats of the styles that cells name.
fn formats(package: &mut Package, part: usize) -> Result<CellFormats, WorkbookError> {
    let mut formats = CellFormats::default();
    // Formats of what is only shown under a condition stand elsewhere, under the same numbers.
    let (mut in_formats, mut in_cells) = (false, false);
    let mut xml = package.xml(part)?;
    loop {
        match xml.next()? {
            Event::Start(element) => match element.local_name().as_ref() {
                "numFmts" => in_formats = true,
                "numFmt" if in_formats => {
                    let id = attribute(&element, "numFmtId").and_then(|id| id.trim().parse().ok());
                    if let (Some(id), Some(code)) = (id, attribute(&element, "formatCode")) {
                        formats.put_format(id, &code)?;
                    }
                }
                "cellXfs" => in_cells = true,
                "xf" if in_cells => {
                    let id = attribute(&element, "numFmtId").and_then(|id| id.trim().parse().ok());
                    formats.add_style(id.unwrap_or(0))?;
                }
                _ => {}
            },
            Event::End(element) => match element.local_name().as_ref() {
                "numFmts" => in_formats = false,
                "cellXfs" => in_cells = false,
                _ => {}
            },
            Event::Eof => break,
            _ => {}
        }
    }
    formats.complete();
    Ok(formats)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::number_format::NumberFormat;
    use crate::file::input::SourceFile;
    use crate::workbook::ooxml::xlsb::made::zipped;

    fn outline(sheets: &str, styles: &str) -> Result<Outline, String> {
        let workbook = format!("<workbook><sheets>{sheets}</sheets></workbook>").into_bytes();
        let styles = format!("<styleSheet>{styles}</styleSheet>").into_bytes();
        let file = SourceFile::memory(zipped(&[("xl/workbook.xml", workbook), ("xl/styles.xml", styles)]));
        let told = |trouble| match trouble {
            WorkbookError::Damaged(detail) => detail,
            _ => "other".to_owned(),
        };
        Package::open(&file).and_then(|mut package| Outline::of(&mut package)).map_err(told)
    }

    #[test]
    fn a_list_without_end_is_refused_and_not_cut() {
        const SHEET: &str = "<sheet name='a' r:id='rId1'/>";
        let sheets = |sheets: &str, styles: &str| outline(sheets, styles).map(|outline| outline.sheets.len());
        assert_eq!(sheets(&SHEET.repeat(10_000), ""), Ok(10_000));
        assert_eq!(sheets(&SHEET.repeat(10_001), ""), Err("its list of sheets has no end".to_owned()));
        let styles = |count: usize| format!("<cellXfs>{}</cellXfs>", "<xf/>".repeat(count));
        assert_eq!(sheets(SHEET, &styles(1 << 17)), Ok(1));
        assert_eq!(sheets(SHEET, &styles((1 << 17) + 1)), Err("its list of styles has no end".to_owned()));
    }

    #[test]
    fn styles_have_the_formats_of_cells_and_no_others() {
        let styles = "<numFmts><numFmt numFmtId='164' formatCode='yyyy'/><numFmt numFmtId='50' formatCode='0'/></numFmts>\
                      <cellStyleXfs><xf numFmtId='14'/></cellStyleXfs>\
                      <cellXfs><xf/><xf numFmtId='164'/><xf numFmtId='14'/><xf numFmtId='50'/><xf numFmtId='9'/></cellXfs>\
                      <dxfs><dxf><numFmt numFmtId='164' formatCode='0'/></dxf></dxfs>";
        let formats = outline("", styles).expect("nothing odd").formats;
        let dates: Vec<bool> = (0..6).map(|style| formats.get(style) == &NumberFormat::Date).collect();
        assert_eq!(dates, [false, true, true, false, false, false]);
        assert!(matches!(formats.get(4), NumberFormat::Written(_)));
    }
}
