//! Days and moments. A day is what a person reads off the sheet; a moment needs the account's time zone.
//!
//! Read without being told: date cells of a workbook, ISO 8601, and `dd.mm.yyyy`, which is day first wherever it is
//! written with dots. Everything else needs a layout named in the mapping, for `03/04/2026` is two days and one cell
//! cannot say which.
//!
//! A plain number, or a text of five digits, from 20000 (1954) to 80000 (2119) is read as the serial number of a
//! day: that is what Excel leaves behind when a column of dates loses its format.

mod layout;
mod month;
mod plain;
mod scan;

#[cfg(test)]
mod tests;

pub use layout::Layout;

use super::Unfit;
use super::text::{plain, sound};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use scan::{Miss, Written};
use sheet_source::message;
use sheet_source::{Cell, Scalar};
use std::ops::RangeInclusive;

/// Serial numbers that a plain number may be: a lead's dates and most birthdays, no year and no usual price.
const SERIALS: RangeInclusive<f64> = 20_000.0..=80_000.0;
/// Excel believes that 1900 was a leap year, so its days before 1900-03-01 are not those of the calendar.
const SERIAL_MIN: f64 = 61.0;
/// The day after 9999-12-31.
const SERIAL_END: f64 = 2_958_466.0;
/// Days from 1899-12-30 to 1970-01-01.
const SERIAL_OF_EPOCH: i64 = 25_569;
const SECONDS_A_DAY: i64 = 86_400;

/// How the dates of a source are read, compiled once.
#[derive(Debug, Clone)]
pub struct Rules {
    layouts: Vec<Layout>,
    /// Of moments without an offset.
    timezone: TimeZone,
    /// The account's: in it a day that is sent as its midnight is that day.
    account: TimeZone,
    settled: Option<Settled>,
}

/// The one offset a zone has had since its last change, where it has no summer time any more: most zones of these
/// accounts, and then a moment needs no search through the zone's history.
#[derive(Debug, Clone, Copy)]
struct Settled {
    since: Timestamp,
    offset: Offset,
}

impl Rules {
    /// Layouts are tried in order, before ISO 8601; `dd.mm.yyyy` needs no name only where no layout is named.
    pub fn new(layouts: Vec<Layout>, timezone: TimeZone, account: TimeZone) -> Rules {
        let settled = Settled::of(&timezone);
        Rules { layouts, timezone, account, settled }
    }

    /// The same with other layouts.
    pub fn with(&self, layouts: Vec<Layout>) -> Rules {
        Rules { layouts, ..self.clone() }
    }

    pub fn timezone(&self) -> &TimeZone {
        &self.timezone
    }

    pub fn account(&self) -> &TimeZone {
        &self.account
    }
}

impl Settled {
    fn of(timezone: &TimeZone) -> Option<Settled> {
        let year_2100 = Timestamp::from_second(4_102_444_800).ok()?;
        if timezone.following(year_2100).next().is_some() {
            return None;
        }
        let last = timezone.preceding(year_2100).next();
        let since = last.map_or(Timestamp::MIN, |change| change.timestamp());
        Some(Settled { since, offset: timezone.to_offset(year_2100) })
    }

    /// The moment, where it is well after the last change.
    fn moment(self, local: DateTime) -> Option<i64> {
        let moment = self.offset.to_timestamp(local).ok()?.as_second();
        (moment > self.since.as_second() + SECONDS_A_DAY).then_some(moment)
    }
}

/// The day in a cell, for fields of dates and birthdays. A time of day is read over.
pub fn date(cell: Cell<'_>, rules: &Rules) -> Result<Date, Unfit> {
    let written = read(cell, rules)?;
    let Some(offset) = written.offset else { return Ok(written.date) };
    // With an offset it is a moment, and in the account's zone that moment may belong to another day.
    let local = DateTime::from_parts(written.date, written.time.unwrap_or(Time::midnight()));
    let moment = offset.to_timestamp(local).map_err(|_| out_of_range(cell.text))?;
    let there = rules.account.to_offset(moment).to_datetime(moment).date();
    if there == written.date {
        return Ok(there);
    }
    let what = message!(
        "is {written} as written and {there} in the time zone of the account",
        written = written.date.to_string(),
        there = there.to_string()
    );
    Err(Unfit::new("day-unclear", cell.text, what)
        .hint("write the day alone, without a time and an offset, or use a field with a time"))
}

/// The moment in a cell, in Unix seconds. A day without a time is its first moment in the account's time zone.
pub fn datetime(cell: Cell<'_>, rules: &Rules) -> Result<i64, Unfit> {
    let written = read(cell, rules)?;
    let local = DateTime::from_parts(written.date, written.time.unwrap_or(Time::midnight()));
    if let Some(offset) = written.offset {
        let moment = offset.to_timestamp(local).map_err(|_| out_of_range(cell.text))?;
        return Ok(moment.as_second());
    }
    if let Some(moment) = rules.settled.and_then(|settled| settled.moment(local)) {
        return Ok(moment);
    }
    let offset = match rules.timezone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { .. } | AmbiguousOffset::Fold { .. } if written.time.is_none() => {
            let (local, offset) = first_moment(written.date, &rules.timezone);
            return Ok(offset.to_timestamp(local).map_err(|_| out_of_range(cell.text))?.as_second());
        }
        AmbiguousOffset::Gap { .. } => {
            return Err(Unfit::new("no-such-time", cell.text, "does not exist: the clocks were put forward over it")
                .hint("write the time before or after the change of clocks"));
        }
        AmbiguousOffset::Fold { before, .. } => {
            let example = layout::iso(written.date, written.time, Some(before));
            return Err(Unfit::new("time-twice", cell.text, "happened twice: the clocks were put back over it")
                .hint(message!("write which one it is with an offset, as in {example}", example)));
        }
    };
    Ok(offset.to_timestamp(local).map_err(|_| out_of_range(cell.text))?.as_second())
}

/// The first moment of a day as the API takes it for dates and birthdays: `2025-03-05T00:00:00+03:00`. Where clocks
/// are put forward over midnight, the day begins later.
pub fn rfc3339_midnight(date: Date, timezone: &TimeZone) -> String {
    let (local, offset) = first_moment(date, timezone);
    layout::iso(local.date(), Some(local.time()), Some(offset))
}

fn first_moment(date: Date, timezone: &TimeZone) -> (DateTime, Offset) {
    let midnight = DateTime::from_parts(date, Time::midnight());
    let before = match timezone.to_ambiguous_timestamp(midnight).offset() {
        AmbiguousOffset::Unambiguous { offset } => return (midnight, offset),
        AmbiguousOffset::Fold { before, .. } => return (midnight, before),
        AmbiguousOffset::Gap { before, .. } => before,
    };
    // Midnight by the old offset is the change itself or lies after it.
    let change = before
        .to_timestamp(midnight)
        .and_then(|moment| Timestamp::from_second(moment.as_second() + 1))
        .ok()
        .and_then(|after| timezone.preceding(after).next());
    match change {
        Some(change) => (change.offset().to_datetime(change.timestamp()), change.offset()),
        None => (midnight, before),
    }
}

fn read(cell: Cell<'_>, rules: &Rules) -> Result<Written, Unfit> {
    match cell.value {
        // Days before those that workbooks count are written in ISO 8601, and read as such.
        Scalar::Serial(days) if days < 0.0 => from_text(cell.text, cell.text, rules),
        Scalar::Serial(days) => from_serial(cell.text, days),
        Scalar::Number(days) if SERIALS.contains(&days) => from_serial(cell.text, days),
        Scalar::Number(_) | Scalar::Formatted(..) | Scalar::Bool(_) => {
            Err(Unfit::new("date", cell.text, "is not a date")
                .hint("format the column as dates in the workbook, or map another column"))
        }
        Scalar::Empty | Scalar::Text | Scalar::Error | Scalar::Uncomputed => {
            from_text(plain(sound(cell)?), cell.text, rules)
        }
    }
}

fn from_text(text: &str, shown: &str, rules: &Rules) -> Result<Written, Unfit> {
    let mut near = None;
    for layout in &rules.layouts {
        match layout.read(text) {
            Ok(written) => return sane(written, shown),
            Err(Miss::Shape) => {}
            Err(miss) => near = near.or(Some((miss, Some(layout)))),
        }
    }
    let unnamed = [plain::iso(text), if rules.layouts.is_empty() { plain::dotted(text) } else { Err(Miss::Shape) }];
    for found in unnamed {
        match found {
            Ok(written) => return sane(written, shown),
            Err(Miss::Shape) => {}
            Err(miss) => near = near.or(Some((miss, None))),
        }
    }
    if text.len() == 5
        && let Ok(days) = text.parse::<u32>()
        && SERIALS.contains(&f64::from(days))
    {
        return from_serial(shown, f64::from(days));
    }
    Err(match near {
        Some((miss, layout)) => miss.unfit(shown, |day| layout.map_or_else(|| plain::like(text, day), |l| l.show(day))),
        None if rules.layouts.is_empty() => plain::refused(text, shown),
        None => in_no_layout(shown, &rules.layouts),
    })
}

fn from_serial(shown: &str, days: f64) -> Result<Written, Unfit> {
    if (0.0..1.0).contains(&days) {
        return Err(Unfit::new("date", shown, "is a time without a day").hint("put the day and the time in one cell"));
    }
    if !(SERIAL_MIN..SERIAL_END).contains(&days) {
        return Err(Unfit::new("date", shown, "is outside the days that Excel counts rightly")
            .hint("write days before 1900-03-01 as text, for example 1899-12-31"));
    }
    let seconds = (days * SECONDS_A_DAY as f64).round() as i64 - SERIAL_OF_EPOCH * SECONDS_A_DAY;
    let moment = Timestamp::from_second(seconds).map_err(|_| out_of_range(shown))?;
    let local = Offset::UTC.to_datetime(moment);
    let time = (days.fract() != 0.0).then_some(local.time());
    Ok(Written { date: local.date(), time, offset: None })
}

/// A year of three digits or fewer is a slip of the hand.
fn sane(written: Written, shown: &str) -> Result<Written, Unfit> {
    if written.date.year() >= 1000 {
        return Ok(written);
    }
    let what = message!("is a day of the year {year}", year = written.date.year());
    Err(Unfit::new("date", shown, what).hint("write the year with four digits"))
}

fn in_no_layout(shown: &str, layouts: &[Layout]) -> Unfit {
    let named: Vec<String> = layouts.iter().map(|layout| format!("\"{}\"", layout.source())).collect();
    let what = message!("is not a date in the layout {layouts}", layouts = named.join(" or "));
    let example = layouts.first().map_or_else(String::new, |layout| layout.show(scan::EXAMPLE));
    Unfit::new("date", shown, what)
        .hint(message!("dates here look like {example}; other layouts are named in dates under [source]", example))
}

fn out_of_range(shown: &str) -> Unfit {
    Unfit::new("date", shown, "is too far from today to be a date").hint("write the year with four digits")
}
