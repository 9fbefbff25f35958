//! Values of cells: names instead of ids, real numbers and dates, several values in one text. Pure.

use super::linked::LinkedRecord;
use amo_client::account::Account;
use amo_model::compact::CompactJson;
use amo_model::parts::{id, number, seconds, text};
use amo_model::{ColumnType, FieldKind};
use compact_str::CompactString;
use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, tz::TimeZone};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use std::collections::HashMap;

/// The highest number of the 15 digits that Excel stores.
const NUMBER_MAX: u128 = 999_999_999_999_999;
/// Excel's day 0 for days from March 1900 on; earlier days are counted wrongly by Excel.
const EPOCH: Date = Date::constant(1899, 12, 30);
const FIRST_YEAR: i16 = 1901;

/// The value of a cell of a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum TableCell {
    #[default]
    Empty,
    Text(String),
    Number(Decimal),
    /// In the account's time zone, as its users see it.
    Instant(DateTime),
    Day(Date),
    /// An address, which is a hyperlink in a workbook.
    Link(String),
}

/// The texts of a flag.
pub const YES: &str = "да";
pub const NO: &str = "нет";

impl TableCell {
    /// The text in a CSV: `2026-11-20 10:00`, with seconds only where they are not zero.
    pub fn text(&self) -> String {
        match self {
            TableCell::Empty => String::new(),
            TableCell::Text(text) | TableCell::Link(text) => text.clone(),
            TableCell::Number(number) => number.to_string(),
            TableCell::Instant(at) if at.second() == 0 => at.strftime("%Y-%m-%d %H:%M").to_string(),
            TableCell::Instant(at) => at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            TableCell::Day(day) => day.to_string(),
        }
    }

    /// The same, without a copy.
    pub fn into_text(self) -> String {
        match self {
            TableCell::Text(text) | TableCell::Link(text) => text,
            other => other.text(),
        }
    }

    /// A number that a workbook stores completely; others are texts there.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            TableCell::Number(number) if number.mantissa().unsigned_abs() <= NUMBER_MAX => number.to_f64(),
            _ => None,
        }
    }

    /// A date as a workbook stores it: days since Excel's epoch, with the time as the fraction. Earlier dates are texts there.
    pub fn as_serial(&self) -> Option<f64> {
        match self {
            TableCell::Instant(at) if at.year() >= FIRST_YEAR => Some(serial(*at)),
            TableCell::Day(day) if day.year() >= FIRST_YEAR => Some(serial((*day).into())),
            _ => None,
        }
    }

    fn of_text(text: String) -> TableCell {
        if text.is_empty() { TableCell::Empty } else { TableCell::Text(text) }
    }
}

/// Days since Excel's epoch, with the time as the fraction.
fn serial(at: DateTime) -> f64 {
    let days = at.date().duration_since(EPOCH).as_hours() / 24;
    let seconds = i32::from(at.hour()) * 3_600 + i32::from(at.minute()) * 60 + i32::from(at.second());
    days as f64 + f64::from(seconds) / 86_400.0
}

/// The names of ids in an account.
pub struct AccountNames {
    zone: TimeZone,
    pipelines: HashMap<u64, String>,
    /// By pipeline and stage: 142 and 143 may have other names in each pipeline. [doc]
    stages: HashMap<(u64, u64), String>,
    users: HashMap<u64, String>,
    loss_reasons: HashMap<u64, String>,
    segments: HashMap<u64, String>,
    statuses: HashMap<u64, String>,
}

/// The name of user 0. [seed]
pub const ROBOT: &str = "робот";

impl AccountNames {
    pub fn of(account: &Account) -> AccountNames {
        let zone = account.timezone().and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
        let named = |all: &[amo_model::parts::Named]| all.iter().map(|one| (one.id, one.name.clone())).collect();
        let stages = account.pipelines.iter().flat_map(|p| p.stages.iter().map(|s| ((p.id, s.id), s.name.clone())));
        AccountNames {
            zone,
            pipelines: account.pipelines.iter().map(|p| (p.id, p.name.clone())).collect(),
            stages: stages.collect(),
            users: account.users.iter().map(|u| (u.id, u.name.clone())).collect(),
            loss_reasons: named(&account.loss_reasons),
            segments: named(&account.segments),
            statuses: named(&account.customer_statuses),
        }
    }

    fn instant(&self, unix_s: i64) -> Option<DateTime> {
        Some(self.zone.to_datetime(Timestamp::from_second(unix_s).ok()?))
    }
}

/// The cell of a value that every account has. `row` is its record, on which a stage depends.
pub fn own(shows: ColumnType, value: &CompactJson, row: &CompactJson, names: &AccountNames) -> TableCell {
    let named = |all: &HashMap<u64, String>| match id(value) {
        Some(id) => name(all, id),
        None => TableCell::Empty,
    };
    match shows {
        ColumnType::Number | ColumnType::Money => numeric(value),
        ColumnType::Text => TableCell::of_text(text(value)),
        ColumnType::Flag => flag(value),
        // No time of an account is that old; PHP writes 0 for none. [inferred]
        ColumnType::Instant if id(value) == Some(0) => TableCell::Empty,
        ColumnType::Instant => instant(value, names),
        ColumnType::Pipeline => named(&names.pipelines),
        ColumnType::Stage => match (id(&row["pipeline_id"]), id(value)) {
            (Some(pipeline), Some(stage)) => {
                TableCell::of_text(names.stages.get(&(pipeline, stage)).cloned().unwrap_or_else(|| stage.to_string()))
            }
            (None, stage) => TableCell::of_text(stage.map(|id| id.to_string()).unwrap_or_default()),
            (Some(_), None) => TableCell::Empty,
        },
        ColumnType::User if id(value) == Some(0) => TableCell::Text(ROBOT.to_owned()),
        ColumnType::User => named(&names.users),
        ColumnType::LossReason => named(&names.loss_reasons),
        ColumnType::CustomerStatus => named(&names.statuses),
        ColumnType::Segments => joined(value.each(), |one| match id(&one["id"]) {
            Some(id) => name(&names.segments, id).text(),
            None => String::new(),
        }),
        ColumnType::Names => joined(value.each(), |one| text(&one["name"])),
        ColumnType::Ids => {
            joined(value.each(), |one| id(one).or_else(|| id(&one["id"])).map_or_else(String::new, |i| i.to_string()))
        }
        // These are in other records; see `names_of`.
        ColumnType::NamesOf(_) => TableCell::Empty,
        ColumnType::Elements => joined(value.each(), elements),
        ColumnType::Json => json(value),
        ColumnType::Link => match text(value) {
            address if address.is_empty() => TableCell::Empty,
            address => TableCell::Link(address),
        },
    }
}

/// The names of linked records, in their order; a record that cannot be read or has no name is an id.
pub fn names_of(linked: &[LinkedRecord]) -> TableCell {
    let name = |(id, record): &LinkedRecord| {
        let name = record.as_ref().map(|record| text(&record["name"]).trim().to_owned());
        name.filter(|name| !name.is_empty()).unwrap_or_else(|| id.to_string())
    };
    joined(linked.iter(), name)
}

/// The cell of the values of a custom field.
pub fn field(kind: FieldKind, values: &CompactJson, names: &AccountNames) -> TableCell {
    let shown = |item: &CompactJson| match item.get("value") {
        Some(value) => value_cell(kind, value, names),
        // A chain has no such key. [doc]
        None => json(item),
    };
    let text_of = |item: &CompactJson| shown(item).into_text();
    let (Some(first), second) = (values.each().next(), values.each().nth(1)) else { return TableCell::Empty };
    match kind {
        FieldKind::SmartAddress if values.each().all(|part| part["enum_code"].as_str().is_some()) => address(values),
        FieldKind::Multitext => joined(values.each(), |item| with_code(text_of(item), &item["enum_code"])),
        FieldKind::Multiselect => joined(values.each(), text_of),
        _ if second.is_none() => shown(first),
        // A list of structured values stays a list.
        _ if values.each().any(|item| item.get("value").is_none_or(CompactJson::is_object)) => {
            json(&CompactJson::List(values.each().map(|item| item.get("value").unwrap_or(item).clone()).collect()))
        }
        _ => joined(values.each(), text_of),
    }
}

/// The cell of an address: the texts of its parts by their codes. [doc]
fn address(parts: &CompactJson) -> TableCell {
    let of = |part: &CompactJson| Some((CompactString::from(part["enum_code"].as_str()?), part["value"].clone()));
    let mut all: Vec<(CompactString, CompactJson)> = Vec::new();
    for (code, text) in parts.each().filter_map(of) {
        match all.iter_mut().find(|(known, _)| *known == code) {
            Some((_, known)) => *known = text,
            None => all.push((code, text)),
        }
    }
    json(&CompactJson::Map(all))
}

/// A value with its enum code, as in `+7 900 000-00-00 (MOB)`; the usual code is left out.
fn with_code(text: String, code: &CompactJson) -> String {
    match code.as_str() {
        Some(code) if !text.is_empty() && code != amo_model::field_type::DEFAULT_ENUM_CODE => {
            format!("{text} ({code})")
        }
        _ => text,
    }
}

fn value_cell(kind: FieldKind, value: &CompactJson, names: &AccountNames) -> TableCell {
    match kind {
        _ if value.is_object() || matches!(value, CompactJson::List(_)) => json(value),
        FieldKind::Numeric | FieldKind::Monetary | FieldKind::Price => numeric(value),
        FieldKind::Checkbox => flag(value),
        FieldKind::DateTime => instant(value, names),
        FieldKind::Date | FieldKind::Birthday => match instant(value, names) {
            TableCell::Instant(at) => TableCell::Day(at.date()),
            other => other,
        },
        FieldKind::Text
        | FieldKind::Select
        | FieldKind::Radiobutton
        | FieldKind::Multiselect
        | FieldKind::Url
        | FieldKind::Textarea
        | FieldKind::Streetaddress
        | FieldKind::SmartAddress
        | FieldKind::Multitext
        | FieldKind::LegalEntity
        | FieldKind::Category
        | FieldKind::Items
        | FieldKind::Payer
        | FieldKind::Supplier
        | FieldKind::LinkedEntity
        | FieldKind::ChainedList
        | FieldKind::File
        | FieldKind::TrackingData
        | FieldKind::OrgLegalName
        | FieldKind::Unknown => match value {
            CompactJson::Flag(_) => flag(value),
            _ => TableCell::of_text(text(value)),
        },
    }
}

/// Numbers are numbers or texts in JSON. [doc]
fn numeric(value: &CompactJson) -> TableCell {
    number(value).map_or_else(|| TableCell::of_text(text(value)), TableCell::Number)
}

fn flag(value: &CompactJson) -> TableCell {
    match value {
        CompactJson::Null => TableCell::Empty,
        _ => TableCell::Text(if amo_model::parts::flag(value) { YES } else { NO }.to_owned()),
    }
}

/// A time in Unix seconds, or one of the texts in older documents. [doc]
fn instant(value: &CompactJson, names: &AccountNames) -> TableCell {
    if let Some(at) = seconds(value).and_then(|unix_s| names.instant(unix_s)) {
        return TableCell::Instant(at);
    }
    let shown = text(value);
    if let Ok(at) = shown.parse::<Timestamp>() {
        return TableCell::Instant(names.zone.to_datetime(at));
    }
    match shown.parse::<Date>() {
        Ok(day) => TableCell::Day(day),
        Err(_) => TableCell::of_text(shown),
    }
}

/// The name of an id; an id without a name stays an id.
fn name(all: &HashMap<u64, String>, id: u64) -> TableCell {
    TableCell::of_text(all.get(&id).cloned().unwrap_or_else(|| id.to_string()))
}

fn joined<T>(items: impl Iterator<Item = T>, text_of: impl Fn(T) -> String) -> TableCell {
    let mut all = String::new();
    for text in items.map(text_of).filter(|text| !text.is_empty()).map(quoted) {
        if all.is_empty() {
            all = text;
        } else {
            all.push_str(", ");
            all.push_str(&text);
        }
    }
    TableCell::of_text(all)
}

/// One of several values: quoted, as in a CSV, where it has a comma or begins with a quote.
fn quoted(text: String) -> String {
    if text.contains(',') || text.starts_with('"') { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// An element with its quantity: `4900001 × 2`. Its name is in the export of its catalog.
fn elements(one: &CompactJson) -> String {
    let Some(id) = id(&one["id"]) else { return text(one) };
    match number(&one["metadata"]["quantity"]) {
        Some(quantity) => format!("{id} × {}", quantity.normalize()),
        None => id.to_string(),
    }
}

fn json(value: &CompactJson) -> TableCell {
    match value {
        CompactJson::Null => TableCell::Empty,
        CompactJson::List(items) if items.is_empty() => TableCell::Empty,
        _ => TableCell::Text(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use serde_json::json;

    fn names() -> AccountNames {
        let mut account = amo_client::account::example();
        account.basics.timezone = Some("Europe/Moscow".into());
        AccountNames::of(&account)
    }

    #[test]
    fn days_are_counted_as_excel_counts_them() {
        for (at, expected) in [
            (date(2021, 1, 2).at(0, 0, 0, 0), 44_198.0),
            (date(2021, 1, 2).at(12, 0, 0, 0), 44_198.5),
            (date(1901, 1, 1).at(6, 0, 0, 0), 367.25),
        ] {
            assert_eq!(serial(at), expected, "{at}");
        }
    }

    #[test]
    fn values_that_every_account_has_read_as_in_the_crm() {
        let names = names();
        let row: CompactJson = json!({"pipeline_id": 2}).into();
        for (shows, value, shown) in [
            (ColumnType::Number, json!(12.5), "12.5"),
            (ColumnType::Number, json!("7"), "7"),
            (ColumnType::Number, json!(null), ""),
            (ColumnType::Pipeline, json!(2), "Опт"),
            (ColumnType::Pipeline, json!(99), "99"),
            (ColumnType::Stage, json!(20), "Заявка"),
            (ColumnType::Stage, json!(11), "11"),
            (ColumnType::User, json!(5), "Анна Смирнова"),
            (ColumnType::User, json!(0), "робот"),
            (ColumnType::User, json!(null), ""),
            (ColumnType::Instant, json!(1_763_622_000), "2025-11-20 10:00"),
            (ColumnType::Instant, json!(1_763_622_007), "2025-11-20 10:00:07"),
            (ColumnType::Instant, json!(null), ""),
            (ColumnType::Instant, json!(0), ""),
            (ColumnType::Flag, json!(true), "да"),
            (ColumnType::Flag, json!(0), "нет"),
            (ColumnType::Names, json!([{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]), "a, b"),
            (ColumnType::Ids, json!([{"id": 1}, {"id": 2}]), "1, 2"),
            (ColumnType::Ids, json!({"0": 5, "2": 6}), "5, 6"),
            (
                ColumnType::Json,
                json!([{"id": 1, "metadata": {"quantity": 2}}]),
                r#"[{"id":1,"metadata":{"quantity":2}}]"#,
            ),
            (ColumnType::Elements, json!([{"id": 1, "metadata": {"quantity": 2.5}}, {"id": 3}]), "1 × 2.5, 3"),
            (ColumnType::Json, json!([]), ""),
        ] {
            assert_eq!(own(shows, &value.clone().into(), &row, &names).text(), shown, "{shows:?} {value}");
        }
        assert_eq!(
            own(ColumnType::Number, &json!("1.50").into(), &row, &names),
            TableCell::Number(Decimal::new(150, 2))
        );
    }

    #[test]
    fn values_of_custom_fields_read_as_in_the_crm() {
        let names = names();
        for (kind, values, shown) in [
            (FieldKind::Text, json!([{"value": "=1+1"}]), "=1+1"),
            (FieldKind::Multitext, json!([{"value": "+7 1", "enum_code": "WORK"}, {"value": "+7 2"}]), "+7 1, +7 2"),
            (
                FieldKind::Multitext,
                json!([{"value": "a", "enum_code": "MOB"}, {"value": "b, c"}]),
                r#"a (MOB), "b, c""#,
            ),
            (FieldKind::Multiselect, json!([{"value": "A \"x\", B"}]), r#""A ""x"", B""#),
            (
                FieldKind::SmartAddress,
                json!([{"value": "Москва", "enum_code": "city"}, {"value": "RU", "enum_code": "country"}]),
                r#"{"city":"Москва","country":"RU"}"#,
            ),
            (
                FieldKind::SmartAddress,
                json!([{"value": "a", "enum_code": "city"}, {"value": "b", "enum_code": "city"}]),
                r#"{"city":"b"}"#,
            ),
            (FieldKind::Numeric, json!([{"value": "12.50"}]), "12.50"),
            (FieldKind::Numeric, json!([{"value": "many"}]), "many"),
            (FieldKind::Checkbox, json!([{"value": false}]), "нет"),
            (FieldKind::Date, json!([{"value": 1_763_586_000}]), "2025-11-20"),
            (FieldKind::Date, json!([{"value": "2020-05-08"}]), "2020-05-08"),
            (FieldKind::Birthday, json!([{"value": -86_400}]), "1969-12-31"),
            (FieldKind::Birthday, json!([{"value": "1961-04-12T00:00:00+03:00"}]), "1961-04-12"),
            (FieldKind::DateTime, json!([{"value": 1_763_622_000}]), "2025-11-20 10:00"),
            (FieldKind::Multiselect, json!([{"value": "A", "enum_id": 1}, {"value": "B", "enum_id": 2}]), "A, B"),
            (FieldKind::LegalEntity, json!([{"value": {"name": "ООО"}}]), r#"{"name":"ООО"}"#),
            (FieldKind::Items, json!([{"value": {"sku": 1}}, {"value": {"sku": 2}}]), r#"[{"sku":1},{"sku":2}]"#),
            (
                FieldKind::ChainedList,
                json!([{"catalog_id": 1}, {"catalog_id": 2}]),
                r#"[{"catalog_id":1},{"catalog_id":2}]"#,
            ),
            (FieldKind::Unknown, json!([{"value": {"x": [1]}}]), r#"{"x":[1]}"#),
            (FieldKind::Unknown, json!([{"value": true}]), "да"),
            (FieldKind::Text, json!(null), ""),
        ] {
            assert_eq!(field(kind, &values.clone().into(), &names).text(), shown, "{kind:?} {values}");
        }
    }
}
