//! The formats of cells, numbered as a workbook numbers them: by their first use.

use rust_xlsxwriter::{Color, Format};
use sheet_source::hyperlink_format;

/// The background of texts that were cut.
const CUT: Color = Color::RGB(0xFF_C7_CE);

/// A format of cells.
#[derive(Debug, Clone, PartialEq, Eq)]
enum StyleKind {
    Numbers(String),
    Link,
    Marked,
}

impl StyleKind {
    fn format(&self) -> Format {
        match self {
            StyleKind::Numbers(format) => Format::new().set_num_format(format),
            StyleKind::Link => hyperlink_format(),
            StyleKind::Marked => Format::new().set_background_color(CUT),
        }
    }
}

/// A format, with its number once it is used.
pub struct CellStyle {
    kind: StyleKind,
    index: Option<u32>,
}

impl CellStyle {
    fn new(kind: StyleKind) -> CellStyle {
        CellStyle { kind, index: None }
    }

    pub fn link() -> CellStyle {
        CellStyle::new(StyleKind::Link)
    }

    pub fn marked() -> CellStyle {
        CellStyle::new(StyleKind::Marked)
    }

    /// The format of numbers and dates.
    pub fn numbers(format: String) -> CellStyle {
        CellStyle::new(StyleKind::Numbers(format))
    }
}

/// The formats that rows use, in the order in which a workbook numbers them.
pub struct UsedStyles {
    /// The number of the first one.
    first: u32,
    styles: Vec<StyleKind>,
}

impl UsedStyles {
    /// Those that follow the formats of the titles and the default format.
    pub fn after(titles: usize) -> UsedStyles {
        UsedStyles { first: titles as u32 + 1, styles: Vec::new() }
    }

    /// The number of a format, which is used from now on.
    pub fn index(&mut self, style: &mut CellStyle) -> u32 {
        if let Some(index) = style.index {
            return index;
        }
        let known = self.styles.iter().position(|known| *known == style.kind);
        let place = known.unwrap_or_else(|| {
            self.styles.push(style.kind.clone());
            self.styles.len() - 1
        });
        *style.index.insert(self.first + place as u32)
    }

    pub fn formats(&self) -> impl Iterator<Item = Format> {
        self.styles.iter().map(StyleKind::format)
    }
}
