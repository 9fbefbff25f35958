//! A value as the service gives it, on the way to the text that the mapping would read to write it.

use crate::mapping::convert::number::Amounts;
use crate::mapping::convert::{date, flag, number};
use crate::mapping::plan::{Convert, LookupWhat, OriginPlan, TargetPlan};
use crate::mapping::written::{As, Literal};
use amo_model::FieldKind;
use amo_model::compact::CompactJson;
use amo_model::parts::{self, id, number, text};
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use rust_decimal::Decimal;
use sheet_source::{Cell as Read, fold};

/// What a value is, by what the mapping makes of its cells.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    Text(String),
    Number(Decimal),
    Flag(bool),
    /// Unix seconds.
    Moment(i64),
    Day(Date),
    /// Of something that the mapping names.
    Id(u64),
}

/// Where the parts of a value that is an object stand.
const NAME: &str = "name";
const ENTITY_ID: &str = "entity_id";

impl Given {
    /// `None` where there is nothing.
    pub fn of(target: &TargetPlan, origin: &OriginPlan, held: &CompactJson) -> Option<Given> {
        let value = match target {
            TargetPlan::Field(_) => held,
            TargetPlan::Custom { .. } => inner(origin, held),
        };
        let told = || Some(text(value)).filter(|text| !text.is_empty());
        match &origin.convert {
            Convert::Name(lookup) => match (&lookup.what, target) {
                (LookupWhat::Option { .. }, TargetPlan::Custom { field, .. }) => {
                    let by_text = || field.options.iter().find(|option| Some(&option.value) == told().as_ref());
                    let id = id(&held["enum_id"]).or_else(|| by_text().map(|option| option.id));
                    id.map(Given::Id).or_else(|| told().map(Given::Text))
                }
                (LookupWhat::UserOrRobot, _) => id(value).map(Given::Id),
                _ => id(value).filter(|id| *id > 0).map(Given::Id),
            },
            Convert::Chain { .. } | Convert::EntityId => id(value).filter(|id| *id > 0).map(Given::Id),
            Convert::Number | Convert::Quantity | Convert::Money | Convert::WholeMoney { .. } | Convert::Int { .. } => {
                number(value).map(Given::Number).or_else(|| told().map(Given::Text))
            }
            Convert::Bool if value.is_null() => None,
            Convert::Bool => Some(Given::Flag(parts::flag(value))),
            Convert::Day(rules) => day(value, rules).map(Given::Day).or_else(|| told().map(Given::Text)),
            Convert::Moment(_) => moment(value, target).or_else(|| told().filter(|t| t != "0").map(Given::Text)),
            Convert::Text { shape: Some(As::DateTime), .. } => {
                moment(value, target).or_else(|| told().map(Given::Text))
            }
            Convert::Text { shape: Some(As::Date), .. } => {
                let day = told().and_then(|text| text.parse().ok()).map(Given::Day);
                day.or_else(|| told().map(Given::Text))
            }
            Convert::Json { .. } if value.is_null() => None,
            Convert::Json { .. } => Some(Given::Text(value.to_string())),
            Convert::Text { .. } | Convert::Word(_) => match value {
                CompactJson::Flag(flag) => Some(Given::Text(flag.to_string())),
                _ => told().map(Given::Text),
            },
            Convert::Phone { .. }
            | Convert::Email { .. }
            | Convert::Url { .. }
            | Convert::Tag
            | Convert::Colour { .. }
            | Convert::Country
            | Convert::ObjectName { .. } => told().map(Given::Text),
        }
    }

    /// True where the mapping makes this value of a text of its own: a translation, a constant. Names are looked up
    /// elsewhere.
    pub fn is(&self, written: &Literal, origin: &OriginPlan, decimal: Option<char>) -> bool {
        let cell = origin.said(written);
        match (self, &origin.convert) {
            (Given::Flag(value), _) => flag::flag(cell).ok() == Some(*value),
            (Given::Number(value), _) => number::number(cell, Amounts { decimal, currency: None }).ok() == Some(*value),
            (Given::Moment(value), convert) => {
                rules(convert).is_some_and(|rules| date::datetime(cell, rules).ok() == Some(*value))
            }
            (Given::Day(value), convert) => {
                rules(convert).is_some_and(|rules| date::date(cell, rules).ok() == Some(*value))
            }
            (Given::Text(value), _) => fold(value) == fold(written),
            (Given::Id(value), _) => written.trim().parse() == Ok(*value),
        }
    }
}

/// What of the value of a custom field is meant.
fn inner<'v>(origin: &OriginPlan, held: &'v CompactJson) -> &'v CompactJson {
    let value = &held["value"];
    match &origin.convert {
        // A chain has no such key. [doc]
        Convert::Chain { .. } => &held["catalog_element_id"],
        Convert::ObjectName { .. } if value.is_object() => &value[NAME],
        Convert::EntityId => &value[ENTITY_ID],
        Convert::Name(lookup) if !matches!(lookup.what, LookupWhat::Option { .. }) => &value[ENTITY_ID],
        _ => value,
    }
}

fn rules(convert: &Convert) -> Option<&date::Rules> {
    match convert {
        Convert::Moment(rules) | Convert::Day(rules) | Convert::Text { rules, .. } => Some(rules),
        _ => None,
    }
}

/// No moment of an account's own is that old; PHP writes 0 for none. [inferred]
fn moment(value: &CompactJson, target: &TargetPlan) -> Option<Given> {
    let told = text(value);
    let unix_s = told.parse::<i64>().ok().or_else(|| told.parse::<Timestamp>().ok().map(Timestamp::as_second))?;
    let none = unix_s == 0 && !matches!(target, TargetPlan::Custom { kind: FieldKind::DateTime, .. });
    (!none).then_some(Given::Moment(unix_s))
}

/// A day is sent as its midnight in the account's zone.
fn day(value: &CompactJson, rules: &date::Rules) -> Option<Date> {
    let told = text(value);
    let at = told.parse::<i64>().ok().and_then(|unix_s| Timestamp::from_second(unix_s).ok());
    let Some(at) = at.or_else(|| told.parse::<Timestamp>().ok()) else { return told.parse().ok() };
    Some(at.to_zoned(rules.account().clone()).date())
}

/// A moment in the mapping's zone: in the first of its layouts that loses nothing of it, else as ISO has it.
pub fn print_moment(unix_s: i64, rules: &date::Rules, layouts: &[String]) -> String {
    let Ok(at) = Timestamp::from_second(unix_s) else { return unix_s.to_string() };
    let at = at.to_zoned(rules.timezone().clone());
    let iso = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%:z"];
    let all: Vec<String> = layouts.iter().map(String::as_str).chain(iso).filter_map(|l| print(l, &at)).collect();
    let exact = |text: &&String| date::datetime(Read::of_text(text), rules) == Ok(unix_s);
    all.iter().find(exact).or(all.first()).cloned().unwrap_or_else(|| unix_s.to_string())
}

/// The same moment as a real date, where the mapping reads it back.
pub fn local(unix_s: i64, rules: &date::Rules) -> Option<DateTime> {
    let at = Timestamp::from_second(unix_s).ok()?.to_zoned(rules.timezone().clone()).datetime();
    let iso = at.strftime("%Y-%m-%d %H:%M:%S").to_string();
    (date::datetime(Read::of_text(&iso), rules) == Ok(unix_s)).then_some(at)
}

/// A day, if there is one in a layout without a time.
pub fn print_day(day: Date, rules: &date::Rules, layouts: &[String]) -> String {
    let Ok(at) = day.to_zoned(TimeZone::UTC) else { return day.to_string() };
    let mut all: Vec<&String> = layouts.iter().collect();
    all.sort_by_key(|layout| ["%H", "%I", "%k", "%l", "%T", "%R"].iter().any(|hour| layout.contains(hour)));
    let reads = |text: &String| date::date(Read::of_text(text), rules) == Ok(day);
    all.iter().filter_map(|layout| print(layout, &at)).find(reads).unwrap_or_else(|| day.to_string())
}

fn print(layout: &str, at: &Zoned) -> Option<String> {
    strtime::format(layout, at).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(layouts: &[&str], zone: &str) -> date::Rules {
        let layouts = layouts.iter().map(|layout| date::Layout::compile(layout).unwrap()).collect();
        date::Rules::new(layouts, TimeZone::get(zone).unwrap(), TimeZone::get(zone).unwrap())
    }

    #[test]
    fn moments_and_days_are_printed_as_the_mapping_reads_them() {
        // 2025-11-20T10:00+03:00
        let at = 1_763_622_000;
        for (layouts, zone, unix_s, told) in [
            (&["%d.%m.%Y %H:%M", "%d.%m.%Y"][..], "Europe/Moscow", at, "20.11.2025 10:00"),
            (&["%d.%m.%Y %H:%M"], "Asia/Vladivostok", at, "20.11.2025 17:00"),
            (&["%d.%m.%Y %H:%M"], "Europe/Moscow", at + 7, "2025-11-20 10:00:07"),
            // A day alone would lose the time.
            (&["%d.%m.%Y"], "Europe/Moscow", at, "2025-11-20 10:00"),
            (&["%d.%m.%Y"], "Europe/Moscow", at - 36_000, "20.11.2025"),
            (&["%m/%d/%Y %I:%M %p"], "Europe/Moscow", at, "11/20/2025 10:00 AM"),
            (&[], "Europe/Moscow", at, "2025-11-20 10:00"),
            (&[], "Europe/Moscow", at + 7, "2025-11-20 10:00:07"),
            // The clocks were put back over it.
            (&["%d.%m.%Y %H:%M"], "Europe/Berlin", 1_761_438_600, "2025-10-26T02:30:00+02:00"),
        ] {
            let rules = rules(layouts, zone);
            let layouts: Vec<String> = layouts.iter().map(|l| (*l).to_owned()).collect();
            assert_eq!(print_moment(unix_s, &rules, &layouts), told, "{layouts:?}");
        }
        for (layouts, told) in [
            (&["%d.%m.%Y %H:%M", "%d.%m.%Y"][..], "20.11.2025"),
            (&["%d.%m.%Y %H:%M"], "20.11.2025 00:00"),
            (&[], "2025-11-20"),
        ] {
            let rules = rules(layouts, "Europe/Moscow");
            let layouts: Vec<String> = layouts.iter().map(|l| (*l).to_owned()).collect();
            assert_eq!(print_day(jiff::civil::date(2025, 11, 20), &rules, &layouts), told, "{layouts:?}");
        }
        assert_eq!(local(1_761_438_600, &rules(&[], "Europe/Berlin")), None);
    }
}
