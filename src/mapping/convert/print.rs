//! Formats a date cell of a workbook as text, by a format of the mapping.

use super::ValueError;
use jiff::civil::{Date, DateTime};
use sheet_source::Cell;
use sheet_source::message;

/// `cell` is a date cell; its text is ISO 8601, whatever the workbook shows.
pub fn print(cell: Cell<'_>, layout: &str) -> Result<String, ValueError> {
    let invalid = || ValueError::new("date", cell.text, message!("cannot be formatted as \"{layout}\"", layout));
    let moment: DateTime = match cell.text.parse::<DateTime>() {
        Ok(moment) => moment,
        Err(_) => cell.text.parse::<Date>().map_err(|_| invalid())?.into(),
    };
    jiff::fmt::strtime::format(layout, moment).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sheet_source::Scalar;

    #[test]
    fn date_cells_are_shown_by_the_layout() {
        for (text, layout, shown) in [
            ("2025-03-05", "%d.%m.%Y", Some("05.03.2025")),
            ("2025-03-05T10:30:00", "%d.%m.%Y %H:%M", Some("05.03.2025 10:30")),
            ("10:30:00", "%d.%m.%Y", None),
        ] {
            let cell = Cell { text, value: Scalar::Serial(45_721.0) };
            assert_eq!(print(cell, layout).ok().as_deref(), shown);
        }
    }
}
