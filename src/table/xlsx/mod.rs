//! Workbooks of the kind .xlsx, scanned as a stream of bytes, three times as fast as `calamine` and in the memory of the
//! shared strings alone.
//!
//! The scanner knows the XML that programs write, and knows when it meets anything else: then it gives up (`Unusual`),
//! and `workbook` goes on with `calamine` from that very cell. So `calamine` alone decides what odd or damaged workbooks
//! mean and what is said about them, and every cell given here is the one it would have given.
//!
//! `outline` asks `calamine` which part of the file is what, `window` unpacks a part piece by piece, `markup` knows tags
//! and attributes, `text` what stands between them; of these are made the `strings` and the cells of a `sheet`.

mod markup;
mod outline;
mod sheet;
mod strings;
mod text;
mod window;

#[cfg(test)]
mod oracle;

use super::input::Input;
use super::workbook::Found;
use calamine::Sheet;
use outline::Outline;
use std::io::{BufReader, Seek};
use std::ops::ControlFlow;
use strings::Strings;
use window::Window;
use zip::ZipArchive;

/// Something that only `calamine` can judge.
#[derive(Debug)]
pub struct Unusual;

/// Why a step of the scanner was not finished.
#[derive(Debug)]
enum Stop {
    /// The text at hand ends within an element.
    More,
    Unusual,
}

type Step<T> = Result<T, Stop>;

/// An open workbook.
pub struct Scanned {
    /// For whoever goes on with another reader.
    pub file: Input,
    archive: ZipArchive<BufReader<Input>>,
    outline: Outline,
    strings: Strings,
}

impl Scanned {
    /// `None` where the workbook is better left to `calamine`.
    pub fn open(file: &Input) -> Option<Scanned> {
        let file = file.try_clone().ok()?;
        let mut input = file.try_clone().ok()?;
        input.rewind().ok()?;
        let mut archive = ZipArchive::new(BufReader::new(input)).ok()?;
        let outline = Outline::of(&mut archive)?;
        let strings = match outline.strings_part {
            Some(part) => Strings::read(Window::new(archive.by_index(part).ok()?)).ok()?,
            None => Strings::default(),
        };
        Some(Scanned { file, archive, outline, strings })
    }

    pub fn sheets(&self) -> &[Sheet] {
        self.outline.sheets()
    }

    pub fn epoch_1904(&self) -> bool {
        self.outline.epoch_1904
    }

    /// Hands the cells of a sheet to `take`, in the order of the file, until it breaks off. All cells given before
    /// something unusual came up are good.
    pub fn cells(&mut self, sheet: &str, take: &mut dyn FnMut(Found<'_>) -> ControlFlow<()>) -> Result<(), Unusual> {
        let part = self.outline.part_of(sheet).ok_or(Unusual)?;
        let window = Window::new(self.archive.by_index(part).map_err(|_| Unusual)?);
        let outline = &self.outline;
        sheet::Scan::new(&self.strings, &outline.number_kinds, outline.epoch_1904).run(window, take)
    }
}
