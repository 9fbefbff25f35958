//! The workbook part: the sheets and their parts, the epoch, the number formats and the part with the shared strings.

use super::package::Package;
use super::xml::{attribute, attribute_any_prefix, is_true};
use crate::file::error::WorkbookError;
use crate::workbook::sheet::{Sheet, check_sheets};
use crate::workbook::styles::CellFormats;
use quick_xml::events::{BytesStart, Event};

pub struct WorkbookPart {
    pub sheets: Vec<SheetPart>,
    pub epoch_1904: bool,
    pub formats: CellFormats,
    pub strings: Option<usize>,
}

pub struct SheetPart {
    pub name: String,
    visible: bool,
    is_worksheet: bool,
    /// `None` if the named part is missing.
    pub part: Option<usize>,
    /// The name of the part.
    pub path: String,
}

const WORKBOOK: &str = "xl/workbook.xml";

impl WorkbookPart {
    pub fn of(package: &mut Package) -> Result<WorkbookPart, WorkbookError> {
        let root = package.relationships("")?;
        let value_of = root
            .into_iter()
            .find(|relationships| relationships.kind == "officeDocument")
            .map(|relationships| relationships.target);
        let workbook = value_of.filter(|path| package.find(path).is_some()).unwrap_or_else(|| WORKBOOK.to_owned());
        let part = package.find(&workbook).ok_or(WorkbookError::Missing)?;
        let relationships = package.relationships(&workbook)?;
        let found = |package: &Package, path: &str| {
            // Some programs write absolute paths as if they were relative.
            package.find(path).or_else(|| package.find(path.split_once('/')?.1))
        };
        let by_kind = |package: &Package, kind: &str| {
            let target = relationships
                .iter()
                .find(|relationships| relationships.kind == kind)
                .map(|relationships| relationships.target.as_str());
            target.and_then(|target| found(package, target)).or_else(|| package.find(&format!("xl/{kind}.xml")))
        };
        let (strings, styles) = (by_kind(package, "sharedStrings"), by_kind(package, "styles"));
        let mut workbook =
            WorkbookPart { sheets: Vec::new(), epoch_1904: false, formats: CellFormats::default(), strings };
        let mut xml = package.xml(part)?;
        let mut written: Vec<(SheetPart, String)> = Vec::new();
        loop {
            match xml.next()? {
                Event::Start(element) => match element.local_name().as_ref() {
                    "sheet" => {
                        written.push(sheet(&element));
                        check_sheets(written.len())?;
                    }
                    // An extension element of the same name does not reset it.
                    "workbookPr" => workbook.epoch_1904 |= is_true(attribute(&element, "date1904")),
                    _ => {}
                },
                Event::Eof => break,
                _ => {}
            }
        }
        drop(xml);
        for (mut sheet, id) in written {
            if let Some(relationships) = relationships.iter().find(|relationships| relationships.id == id) {
                sheet.is_worksheet = relationships.kind == "worksheet";
                sheet.part = found(package, &relationships.target);
                sheet.path.clone_from(&relationships.target);
            }
            workbook.sheets.push(sheet);
        }
        if let Some(part) = styles {
            workbook.formats = formats(package, part)?;
        }
        Ok(workbook)
    }

    pub fn sheet(&self, name: &str) -> Option<&SheetPart> {
        self.sheets.iter().find(|sheet| sheet.name == name)
    }

    /// The sheets in order.
    pub fn sheet_list(&self) -> Vec<Sheet> {
        let as_sheet = |sheet: &SheetPart| Sheet {
            name: sheet.name.clone(),
            visible: sheet.visible,
            is_worksheet: sheet.is_worksheet,
        };
        self.sheets.iter().map(as_sheet).collect()
    }
}

/// A sheet as the workbook lists it, and its relationship id.
fn sheet(element: &BytesStart<'_>) -> (SheetPart, String) {
    let name = attribute(element, "name").unwrap_or_default();
    let visible = !matches!(attribute(element, "state").as_deref(), Some("hidden" | "veryHidden"));
    let id = attribute_any_prefix(element, "id").unwrap_or_default();
    // Without a relationship it counts as a sheet with cells.
    (SheetPart { name, visible, is_worksheet: true, part: None, path: String::new() }, id)
}

/// The number formats of the styles of cells.
fn formats(package: &mut Package, part: usize) -> Result<CellFormats, WorkbookError> {
    let mut formats = CellFormats::default();
    // Conditional formats use the same numbers in another section.
    let (mut in_formats, mut in_cells) = (false, false);
    let mut xml = package.xml(part)?;
    loop {
        match xml.next()? {
            Event::Start(element) => match element.local_name().as_ref() {
                "numFmts" => in_formats = true,
                "numFmt" if in_formats => {
                    let id = attribute(&element, "numFmtId").and_then(|id| id.trim().parse().ok());
                    if let (Some(id), Some(code)) = (id, attribute(&element, "formatCode")) {
                        formats.set_format(id, &code)?;
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
    formats.finish();
    Ok(formats)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::number_format::NumberFormat;
    use crate::file::input::SourceFile;
    use crate::workbook::ooxml::xlsb::fixtures::zipped;

    fn workbook(sheets: &str, styles: &str) -> Result<WorkbookPart, String> {
        let workbook = format!("<workbook><sheets>{sheets}</sheets></workbook>").into_bytes();
        let styles = format!("<styleSheet>{styles}</styleSheet>").into_bytes();
        let file = SourceFile::memory(zipped(&[("xl/workbook.xml", workbook), ("xl/styles.xml", styles)]));
        let detail = |error| match error {
            WorkbookError::Damaged(detail) => detail,
            _ => "other".to_owned(),
        };
        Package::open(&file).and_then(|mut package| WorkbookPart::of(&mut package)).map_err(detail)
    }

    #[test]
    fn an_endless_list_is_refused_and_not_truncated() {
        const SHEET: &str = "<sheet name='a' r:id='rId1'/>";
        let sheets = |sheets: &str, styles: &str| workbook(sheets, styles).map(|workbook| workbook.sheets.len());
        assert_eq!(sheets(&SHEET.repeat(10_000), ""), Ok(10_000));
        assert_eq!(sheets(&SHEET.repeat(10_001), ""), Err("it has too many sheets".to_owned()));
        let styles = |count: usize| format!("<cellXfs>{}</cellXfs>", "<xf/>".repeat(count));
        assert_eq!(sheets(SHEET, &styles(1 << 17)), Ok(1));
        assert_eq!(sheets(SHEET, &styles((1 << 17) + 1)), Err("it has too many styles".to_owned()));
    }

    #[test]
    fn styles_have_the_formats_of_cells_and_no_others() {
        let styles = "<numFmts><numFmt numFmtId='164' formatCode='yyyy'/><numFmt numFmtId='50' formatCode='0'/></numFmts>\
                      <cellStyleXfs><xf numFmtId='14'/></cellStyleXfs>\
                      <cellXfs><xf/><xf numFmtId='164'/><xf numFmtId='14'/><xf numFmtId='50'/><xf numFmtId='9'/></cellXfs>\
                      <dxfs><dxf><numFmt numFmtId='164' formatCode='0'/></dxf></dxfs>";
        let formats = workbook("", styles).expect("nothing odd").formats;
        let dates: Vec<bool> = (0..6).map(|style| formats.get(style) == &NumberFormat::Date).collect();
        assert_eq!(dates, [false, true, true, false, false, false]);
        assert!(matches!(formats.get(4), NumberFormat::Pattern(_)));
    }
}
