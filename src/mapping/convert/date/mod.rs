//! Dates and timestamps. A date is read from the sheet as it is; a timestamp needs the account's time zone.
//!
//! Supported without a format: date cells of a workbook, ISO 8601, and `dd.mm.yyyy`, which is day first everywhere. All
//! else needs a format in the mapping, because `03/04/2026` is ambiguous.
//!
//! A plain number, or a text of five digits, from 20000 (1954) to 80000 (2119) is a serial date: Excel shows it when a
//! column of dates loses its format.

mod layout;
mod month;
mod plain;
mod scan;

#[cfg(test)]
mod tests;

pub use layout::DateFormat;

use super::ValueError;
use super::text::{checked, plain};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use scan::{DateError, ParsedDate};
use sheet_source::message;
use sheet_source::{Cell, Scalar};
use std::ops::RangeInclusive;

/// Plain numbers that are read as serial dates: they cover the dates of leads and most birthdays, but no year and no
/// usual price.
const SERIALS: RangeInclusive<f64> = 20_000.0..=80_000.0;
/// Excel counts 1900 as a leap year, so its serial dates before 1900-03-01 are off by one.
const SERIAL_MIN: f64 = 61.0;
/// The day after 9999-12-31.
const SERIAL_END: f64 = 2_958_466.0;
/// Days from 1899-12-30 to 1970-01-01.
const SERIAL_OF_EPOCH: i64 = 25_569;
const SECONDS_A_DAY: i64 = 86_400;

/// How the dates of a source are parsed; compiled once.
#[derive(Debug, Clone)]
pub struct Rules {
    layouts: Vec<DateFormat>,
    /// The time zone of timestamps without an offset.
    timezone: TimeZone,
    /// The time zone of the account, in which dates are sent as midnight.
    account: TimeZone,
    /// Of the zone of timestamps, and of the account's.
    settled: Option<Settled>,
    account_settled: Option<Settled>,
}

/// The offset of a zone since its last change, if it has no summer time any more. Most zones of these accounts are
/// such, and need no search through the zone's history.
#[derive(Debug, Clone, Copy)]
struct Settled {
    since: Timestamp,
    offset: Offset,
}

impl Rules {
    /// Formats are tried in order, before ISO 8601; `dd.mm.yyyy` is tried only without formats.
    pub fn new(layouts: Vec<DateFormat>, timezone: TimeZone, account: TimeZone) -> Rules {
        let (settled, account_settled) = (Settled::of(&timezone), Settled::of(&account));
        Rules { layouts, timezone, account, settled, account_settled }
    }

    /// The same rules with other formats.
    pub fn with(&self, layouts: Vec<DateFormat>) -> Rules {
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

    /// The Unix seconds, if the moment is more than a day after the last change.
    fn moment(self, local: DateTime) -> Option<i64> {
        let moment = self.offset.to_timestamp(local).ok()?.as_second();
        (moment > self.since.as_second() + SECONDS_A_DAY).then_some(moment)
    }
}

/// The date in a cell, for date and birthday fields. A time of day is ignored.
pub fn date(cell: Cell<'_>, rules: &Rules) -> Result<Date, ValueError> {
    let parsed = read(cell, rules)?;
    let Some(offset) = parsed.offset else { return Ok(parsed.date) };
    // With an offset it is a moment, which may belong to another day in the account's zone.
    let local = DateTime::from_parts(parsed.date, parsed.time.unwrap_or(Time::midnight()));
    let moment = offset.to_timestamp(local).map_err(|_| out_of_range(cell.text))?;
    let there = rules.account.to_offset(moment).to_datetime(moment).date();
    if there == parsed.date {
        return Ok(there);
    }
    let what = message!(
        "is {written} as written and {there} in the time zone of the account",
        written = parsed.date.to_string(),
        there = there.to_string()
    );
    Err(ValueError::new("day-unclear", cell.text, what)
        .hint("write the day alone, without a time and an offset, or use a field with a time"))
}

/// The timestamp in a cell, in Unix seconds. A date without a time is its first moment in the account's time zone.
pub fn datetime(cell: Cell<'_>, rules: &Rules) -> Result<i64, ValueError> {
    let parsed = read(cell, rules)?;
    let local = DateTime::from_parts(parsed.date, parsed.time.unwrap_or(Time::midnight()));
    if let Some(offset) = parsed.offset {
        let moment = offset.to_timestamp(local).map_err(|_| out_of_range(cell.text))?;
        return Ok(moment.as_second());
    }
    if let Some(moment) = rules.settled.and_then(|settled| settled.moment(local)) {
        return Ok(moment);
    }
    let offset = match rules.timezone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { .. } | AmbiguousOffset::Fold { .. } if parsed.time.is_none() => {
            let (local, offset) = first_moment(parsed.date, &rules.timezone);
            return Ok(offset.to_timestamp(local).map_err(|_| out_of_range(cell.text))?.as_second());
        }
        AmbiguousOffset::Gap { .. } => {
            return Err(ValueError::new(
                "no-such-time",
                cell.text,
                "does not exist: the clocks were set forward over it",
            )
            .hint("write the time before or after the change of clocks"));
        }
        AmbiguousOffset::Fold { before, .. } => {
            let example = layout::iso(parsed.date, parsed.time, Some(before));
            return Err(ValueError::new("time-twice", cell.text, "is ambiguous: the clocks were set back over it")
                .hint(message!("add an offset, as in {example}", example)));
        }
    };
    Ok(offset.to_timestamp(local).map_err(|_| out_of_range(cell.text))?.as_second())
}

/// The first moment of a day in the zone of the account, as `rfc3339_midnight` writes it.
pub fn midnight(date: Date, rules: &Rules) -> String {
    let midnight = DateTime::from_parts(date, Time::midnight());
    match rules.account_settled.filter(|settled| settled.moment(midnight).is_some()) {
        Some(settled) => layout::iso(date, Some(Time::midnight()), Some(settled.offset)),
        None => rfc3339_midnight(date, &rules.account),
    }
}

/// The first moment of a day, the API's format for dates and birthdays: `2025-03-05T00:00:00+03:00`. If clocks are set
/// forward over midnight, the day begins later.
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
    // Midnight by the old offset is the change itself or after it.
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

fn read(cell: Cell<'_>, rules: &Rules) -> Result<ParsedDate, ValueError> {
    match cell.value {
        // Days before the first serial date are written in ISO 8601.
        Scalar::Serial(days) if days < 0.0 => from_text(cell.text, cell.text, rules),
        Scalar::Serial(days) => from_serial(cell.text, days),
        Scalar::Number(days) if SERIALS.contains(&days) => from_serial(cell.text, days),
        Scalar::Number(_) | Scalar::Formatted(..) | Scalar::Bool(_) => {
            Err(ValueError::new("date", cell.text, "is not a valid date")
                .hint("format the column as dates in the workbook, or map another column"))
        }
        Scalar::Empty | Scalar::Text | Scalar::Error | Scalar::Uncomputed => {
            from_text(plain(checked(cell)?), cell.text, rules)
        }
    }
}

fn from_text(text: &str, shown: &str, rules: &Rules) -> Result<ParsedDate, ValueError> {
    let mut near = None;
    for layout in &rules.layouts {
        match layout.read(text) {
            Ok(parsed) => return sane(parsed, shown),
            Err(DateError::Shape) => {}
            Err(miss) => near = near.or(Some((miss, Some(layout)))),
        }
    }
    let unnamed =
        [plain::iso(text), if rules.layouts.is_empty() { plain::dotted(text) } else { Err(DateError::Shape) }];
    for found in unnamed {
        match found {
            Ok(parsed) => return sane(parsed, shown),
            Err(DateError::Shape) => {}
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
        Some((miss, layout)) => {
            miss.into_error(shown, |day| layout.map_or_else(|| plain::like(text, day), |l| l.show(day)))
        }
        None if rules.layouts.is_empty() => plain::describe_unknown(text, shown),
        None => in_no_layout(shown, &rules.layouts),
    })
}

fn from_serial(shown: &str, days: f64) -> Result<ParsedDate, ValueError> {
    if (0.0..1.0).contains(&days) {
        return Err(
            ValueError::new("date", shown, "is a time without a day").hint("put the day and the time in one cell")
        );
    }
    if !(SERIAL_MIN..SERIAL_END).contains(&days) {
        return Err(ValueError::new("date", shown, "is outside the dates that Excel counts correctly")
            .hint("write days before 1900-03-01 as text, for example 1899-12-31"));
    }
    let seconds = (days * SECONDS_A_DAY as f64).round() as i64 - SERIAL_OF_EPOCH * SECONDS_A_DAY;
    let moment = Timestamp::from_second(seconds).map_err(|_| out_of_range(shown))?;
    let local = Offset::UTC.to_datetime(moment);
    let time = (days.fract() != 0.0).then_some(local.time());
    Ok(ParsedDate { date: local.date(), time, offset: None })
}

/// Rejects years of three digits or fewer, which are typos.
fn sane(parsed: ParsedDate, shown: &str) -> Result<ParsedDate, ValueError> {
    if parsed.date.year() >= 1000 {
        return Ok(parsed);
    }
    let what = message!("is a day of the year {year}", year = parsed.date.year());
    Err(ValueError::new("date", shown, what).hint("write the year with four digits"))
}

fn in_no_layout(shown: &str, layouts: &[DateFormat]) -> ValueError {
    let named: Vec<String> = layouts.iter().map(|layout| format!("\"{}\"", layout.source())).collect();
    let what = message!("is not a valid date in the format {layouts}", layouts = named.join(" or "));
    let example = layouts.first().map_or_else(String::new, |layout| layout.show(scan::EXAMPLE));
    ValueError::new("date", shown, what)
        .hint(message!("dates look like {example}; add other formats to dates under [source]", example))
}

fn out_of_range(shown: &str) -> ValueError {
    ValueError::new("date", shown, "is out of range for a date").hint("write the year with four digits")
}
