//! Values of the service, typed by the conversion of the mapping that would write them.

use crate::mapping::convert::number::NumberSyntax;
use crate::mapping::convert::{date, flag, number};
use crate::mapping::language::ast::{As, Literal};
use crate::mapping::lookup::LookupKind;
use crate::mapping::plan::{Conversion, OriginPlan, TargetPlan};
use amo_model::FieldKind;
use amo_model::compact::CompactJson;
use amo_model::parts::{self, id, number, text};
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use rust_decimal::Decimal;
use sheet_source::{Cell as Read, fold};

/// A value of the service, by the conversion of its column.
#[derive(Debug, Clone, PartialEq)]
pub enum ExportedValue {
    Text(String),
    Number(Decimal),
    Flag(bool),
    /// In Unix seconds.
    Moment(i64),
    Day(Date),
    /// The id of something that the mapping names.
    Id(u64),
}

/// Keys of values that are objects.
const NAME: &str = "name";
const ENTITY_ID: &str = "entity_id";

impl ExportedValue {
    /// The value of an origin; `None` where there is none.
    pub fn of(target: &TargetPlan, origin: &OriginPlan, held: &CompactJson) -> Option<ExportedValue> {
        let value = match target {
            TargetPlan::Field(_) => held,
            TargetPlan::Custom { .. } => inner(origin, held),
        };
        let nonempty = || Some(text(value)).filter(|text| !text.is_empty());
        match &origin.conversion {
            Conversion::Name(lookup) => match (&lookup.kind, target) {
                (LookupKind::Option(_), TargetPlan::Custom { field, .. }) => {
                    let by_text = || field.options.iter().find(|option| Some(&option.value) == nonempty().as_ref());
                    let id = id(&held["enum_id"]).or_else(|| by_text().map(|option| option.id));
                    id.map(ExportedValue::Id).or_else(|| nonempty().map(ExportedValue::Text))
                }
                (LookupKind::UserOrRobot, _) => id(value).map(ExportedValue::Id),
                _ => id(value).filter(|id| *id > 0).map(ExportedValue::Id),
            },
            Conversion::Chain { .. } | Conversion::EntityId => id(value).filter(|id| *id > 0).map(ExportedValue::Id),
            Conversion::Number
            | Conversion::Quantity
            | Conversion::Money
            | Conversion::WholeMoney { .. }
            | Conversion::Int { .. } => {
                number(value).map(ExportedValue::Number).or_else(|| nonempty().map(ExportedValue::Text))
            }
            Conversion::Bool if value.is_null() => None,
            Conversion::Bool => Some(ExportedValue::Flag(parts::flag(value))),
            Conversion::Day(rules) => {
                day(value, rules).map(ExportedValue::Day).or_else(|| nonempty().map(ExportedValue::Text))
            }
            Conversion::Moment(_) => {
                moment(value, target).or_else(|| nonempty().filter(|t| t != "0").map(ExportedValue::Text))
            }
            Conversion::Text { shape: Some(As::DateTime), .. } => {
                moment(value, target).or_else(|| nonempty().map(ExportedValue::Text))
            }
            Conversion::Text { shape: Some(As::Date), .. } => {
                let day = nonempty().and_then(|text| text.parse().ok()).map(ExportedValue::Day);
                day.or_else(|| nonempty().map(ExportedValue::Text))
            }
            Conversion::Json { .. } if value.is_null() => None,
            Conversion::Json { .. } => Some(ExportedValue::Text(value.to_string())),
            Conversion::Text { .. } | Conversion::Word(_) => match value {
                CompactJson::Flag(flag) => Some(ExportedValue::Text(flag.to_string())),
                _ => nonempty().map(ExportedValue::Text),
            },
            Conversion::Phone { .. }
            | Conversion::Email { .. }
            | Conversion::Url { .. }
            | Conversion::Tag
            | Conversion::Colour { .. }
            | Conversion::Country
            | Conversion::ObjectName { .. } => nonempty().map(ExportedValue::Text),
        }
    }

    /// True where the mapping converts its own text, a translation or a constant, to this value. Names are looked up elsewhere.
    pub fn is_written_as(&self, written: &Literal, origin: &OriginPlan, decimal: Option<char>) -> bool {
        let cell = origin.literal_cell(written);
        match (self, &origin.conversion) {
            (ExportedValue::Flag(value), _) => flag::flag(cell).ok() == Some(*value),
            (ExportedValue::Number(value), _) => {
                number::number(cell, NumberSyntax { decimal, currency: None }).ok() == Some(*value)
            }
            (ExportedValue::Moment(value), convert) => {
                rules(convert).is_some_and(|rules| date::datetime(cell, rules).ok() == Some(*value))
            }
            (ExportedValue::Day(value), convert) => {
                rules(convert).is_some_and(|rules| date::date(cell, rules).ok() == Some(*value))
            }
            (ExportedValue::Text(value), _) => fold(value) == fold(written),
            (ExportedValue::Id(value), _) => written.trim().parse() == Ok(*value),
        }
    }
}

/// The part of a custom field's value that an origin writes.
fn inner<'v>(origin: &OriginPlan, held: &'v CompactJson) -> &'v CompactJson {
    let value = &held["value"];
    match &origin.conversion {
        // A chain has no such key. [doc]
        Conversion::Chain { .. } => &held["catalog_element_id"],
        Conversion::ObjectName { .. } if value.is_object() => &value[NAME],
        Conversion::EntityId => &value[ENTITY_ID],
        Conversion::Name(lookup) if !matches!(lookup.kind, LookupKind::Option(_)) => &value[ENTITY_ID],
        _ => value,
    }
}

fn rules(convert: &Conversion) -> Option<&date::Rules> {
    match convert {
        Conversion::Moment(rules) | Conversion::Day(rules) | Conversion::Text { rules, .. } => Some(rules),
        _ => None,
    }
}

/// A time. Only a custom field can be 0: PHP writes 0 for none. [inferred]
fn moment(value: &CompactJson, target: &TargetPlan) -> Option<ExportedValue> {
    let value_text = text(value);
    let unix_s =
        value_text.parse::<i64>().ok().or_else(|| value_text.parse::<Timestamp>().ok().map(Timestamp::as_second))?;
    let none = unix_s == 0 && !matches!(target, TargetPlan::Custom { kind: FieldKind::DateTime, .. });
    (!none).then_some(ExportedValue::Moment(unix_s))
}

/// A day, which is sent as its midnight in the account's time zone.
fn day(value: &CompactJson, rules: &date::Rules) -> Option<Date> {
    let value_text = text(value);
    let at = value_text.parse::<i64>().ok().and_then(|unix_s| Timestamp::from_second(unix_s).ok());
    let Some(at) = at.or_else(|| value_text.parse::<Timestamp>().ok()) else { return value_text.parse().ok() };
    Some(at.to_zoned(rules.account().clone()).date())
}

/// The text of a time in the mapping's time zone: in the first of its layouts that loses nothing, otherwise in ISO format.
pub fn print_moment(unix_s: i64, rules: &date::Rules, layouts: &[String]) -> String {
    let Ok(at) = Timestamp::from_second(unix_s) else { return unix_s.to_string() };
    let at = at.to_zoned(rules.timezone().clone());
    let iso = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%:z"];
    let all: Vec<String> = layouts.iter().map(String::as_str).chain(iso).filter_map(|l| print(l, &at)).collect();
    let exact = |text: &&String| date::datetime(Read::of_text(text), rules) == Ok(unix_s);
    all.iter().find(exact).or(all.first()).cloned().unwrap_or_else(|| unix_s.to_string())
}

/// The same time as a date value, where the mapping reads it back.
pub fn local(unix_s: i64, rules: &date::Rules) -> Option<DateTime> {
    let at = Timestamp::from_second(unix_s).ok()?.to_zoned(rules.timezone().clone()).datetime();
    let iso = at.strftime("%Y-%m-%d %H:%M:%S").to_string();
    (date::datetime(Read::of_text(&iso), rules) == Ok(unix_s)).then_some(at)
}

/// The text of a day, in a layout without a time where there is one.
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
        let layouts = layouts.iter().map(|layout| date::DateFormat::compile(layout).unwrap()).collect();
        date::Rules::new(layouts, TimeZone::get(zone).unwrap(), TimeZone::get(zone).unwrap())
    }

    #[test]
    fn moments_and_days_are_printed_as_the_mapping_reads_them() {
        // 2025-11-20T10:00+03:00
        let at = 1_763_622_000;
        for (layouts, zone, unix_s, expected) in [
            (&["%d.%m.%Y %H:%M", "%d.%m.%Y"][..], "Europe/Moscow", at, "20.11.2025 10:00"),
            (&["%d.%m.%Y %H:%M"], "Asia/Vladivostok", at, "20.11.2025 17:00"),
            (&["%d.%m.%Y %H:%M"], "Europe/Moscow", at + 7, "2025-11-20 10:00:07"),
            // A layout with only the day would lose the time.
            (&["%d.%m.%Y"], "Europe/Moscow", at, "2025-11-20 10:00"),
            (&["%d.%m.%Y"], "Europe/Moscow", at - 36_000, "20.11.2025"),
            (&["%m/%d/%Y %I:%M %p"], "Europe/Moscow", at, "11/20/2025 10:00 AM"),
            (&[], "Europe/Moscow", at, "2025-11-20 10:00"),
            (&[], "Europe/Moscow", at + 7, "2025-11-20 10:00:07"),
            // This hour was repeated when the clocks were set back.
            (&["%d.%m.%Y %H:%M"], "Europe/Berlin", 1_761_438_600, "2025-10-26T02:30:00+02:00"),
        ] {
            let rules = rules(layouts, zone);
            let layouts: Vec<String> = layouts.iter().map(|l| (*l).to_owned()).collect();
            assert_eq!(print_moment(unix_s, &rules, &layouts), expected, "{layouts:?}");
        }
        for (layouts, expected) in [
            (&["%d.%m.%Y %H:%M", "%d.%m.%Y"][..], "20.11.2025"),
            (&["%d.%m.%Y %H:%M"], "20.11.2025 00:00"),
            (&[], "2025-11-20"),
        ] {
            let rules = rules(layouts, "Europe/Moscow");
            let layouts: Vec<String> = layouts.iter().map(|l| (*l).to_owned()).collect();
            assert_eq!(print_day(jiff::civil::date(2025, 11, 20), &rules, &layouts), expected, "{layouts:?}");
        }
        assert_eq!(local(1_761_438_600, &rules(&[], "Europe/Berlin")), None);
    }
}
