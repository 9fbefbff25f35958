//! What holds for all converters: no text makes them panic, every refusal reads as one, and what a spreadsheet
//! writes in the fashion of some country is read back as the same value.

use super::date::{DateFormat, Rules};
use super::number::{NumberSyntax, Round, number, whole};
use super::*;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use rust_decimal::Decimal;
use sheet_source::{Cell, Scalar};

fn rules(layouts: &[&str], zone: &str) -> Rules {
    let layouts = layouts.iter().map(|layout| DateFormat::compile(layout).unwrap()).collect();
    Rules::new(layouts, TimeZone::get(zone).unwrap(), TimeZone::get(zone).unwrap())
}

fn text_cell(text: &str) -> Cell<'_> {
    Cell { text, value: Scalar::Text }
}

/// Every problem that the converters have with a cell.
fn problems(cell: Cell<'_>) -> Vec<ValueError> {
    let plain = rules(&[], "America/Santiago");
    let named = rules(&["%d/%m/%y %H:%M", "%B %d, %Y %I%p", "%Y%m%d%z"], "Europe/Berlin");
    let split = split::split(cell.text, &[",", "\n"]).map(|part| email::email(part).err());
    let mut found: Vec<Option<ValueError>> = split.collect();
    for decimal in [None, Some(','), Some('.')] {
        found.push(number::number(cell, NumberSyntax { decimal, currency: None }).and_then(|n| whole(n, None)).err());
        found.push(
            money::money(cell, NumberSyntax { decimal, currency: None }).and_then(|n| whole(n, Some(Round::Up))).err(),
        );
    }
    for rules in [&plain, &named] {
        found.push(date::date(cell, rules).map(|day| date::rfc3339_midnight(day, rules.timezone())).err());
        found.push(date::datetime(cell, rules).err());
    }
    found.push(flag::flag(cell).err());
    found.push(phone::of_cell(cell, phone::Region::RU).err());
    found.push(url::url(cell.text).err());
    found.push(text::text(cell).err());
    found.push(DateFormat::compile(cell.text).err());
    for change in [text::trim, text::upper, text::lower, text::digits] {
        change(cell.text);
    }
    found.into_iter().flatten().collect()
}

fn reads_well(error: &ValueError) -> Result<(), TestCaseError> {
    let ValueError { code, message, hint } = error;
    let (message, hint) = (message.to_string(), hint.as_ref().map(ToString::to_string));
    prop_assert!(message.starts_with('"') && !message.ends_with('.'), "{}", message);
    prop_assert!(code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", code);
    prop_assert!(hint.as_deref().is_none_or(|hint| hint.starts_with(char::is_lowercase)), "{:?}", hint);
    Ok(())
}

/// `digits` in groups of three.
fn grouped(digits: &str, sign: &str) -> String {
    let first = (digits.len() - 1) % 3 + 1;
    let (head, tail) = digits.split_at(first);
    tail.as_bytes().chunks(3).fold(head.to_owned(), |text, three| text + sign + &String::from_utf8_lossy(three))
}

proptest! {
    #[test]
    fn no_text_makes_a_converter_panic(
        text in "\\PC{0,40}",
        typed in "[-+−0-9.,:/ TZeE%$₽рг'=\"()@<>\u{a0}%dmYHM]{0,20}",
    ) {
        for text in [&text, &typed] {
            for error in problems(text_cell(text)) {
                reads_well(&error)?;
            }
        }
    }

    #[test]
    fn no_cell_of_a_workbook_makes_a_converter_panic(value in any::<f64>(), near in -1e5f64..1e7, text in "\\PC{0,10}") {
        for value in [value, near] {
            let shown = value.to_string();
            for scalar in [Scalar::Number(value), Scalar::Serial(value)] {
                for error in problems(Cell { text: &shown, value: scalar }) {
                    reads_well(&error)?;
                }
            }
        }
        for scalar in [Scalar::Error, Scalar::Bool(true), Scalar::Empty] {
            for error in problems(Cell { text: &text, value: scalar }) {
                reads_well(&error)?;
            }
        }
    }

    #[test]
    fn a_number_written_as_some_country_does_is_read_back(
        digits in 0i64..1_000_000_000_000_000,
        places in 0u32..9,
        negative in any::<bool>(),
    ) {
        let value = Decimal::new(if negative { -digits } else { digits }, places);
        let plain = value.abs().to_string();
        let (int, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let minus = if value.is_sign_negative() { "-" } else { "" };
        for (group, decimal) in [
            (" ", ','), ("\u{a0}", ','), ("\u{202f}", ','), ("\u{2009}", '.'), (".", ','), (",", '.'), ("'", '.'), ("", '.'), ("", ','),
        ] {
            let tail = if fraction.is_empty() { String::new() } else { format!("{decimal}{fraction}") };
            let text = format!("{minus}{}{tail}", grouped(int, group));
            prop_assert_eq!(number(text_cell(&text), NumberSyntax { decimal: Some(decimal), currency: None }), Ok(value), "{}", text);
            prop_assert_eq!(money::money(text_cell(&format!("{text} руб.")), NumberSyntax { decimal: Some(decimal), currency: Some("RUB") }), Ok(value), "{}", text);
            // Without the decimal sign named, it is the same number or a problem.
            match number(text_cell(&text), NumberSyntax::default()) {
                Ok(read) => prop_assert_eq!(read, value, "{}", text),
                Err(error) => prop_assert_eq!(error.code, "ambiguous-number", "{}", text),
            }
        }
    }

    #[test]
    fn a_date_is_read_back_from_each_way_to_write_it(day in -300_000i32..2_900_000, second in 0i32..86_400) {
        let epoch = Date::constant(1970, 1, 1);
        let date = epoch.saturating_add(jiff::Span::new().days(i64::from(day)));
        prop_assume!(date.year() >= 1000);
        let local = date.at(0, 0, 0, 0).saturating_add(jiff::Span::new().seconds(second));
        let utc = rules(&[], "UTC");
        let expected = i64::from(day) * 86_400 + i64::from(second);
        for layout in ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%SZ", "%d.%m.%Y %H:%M:%S", "%-d.%-m.%Y %-H:%M:%S"] {
            let text = local.strftime(layout).to_string();
            prop_assert_eq!(date::date(text_cell(&text), &utc), Ok(date), "{}", text);
            prop_assert_eq!(date::datetime(text_cell(&text), &utc), Ok(expected), "{}", text);
        }
        for layout in ["%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y%m%d", "%d %B %Y", "%b %d, %Y", "%F"] {
            let text = date.strftime(layout).to_string();
            prop_assert_eq!(date::date(text_cell(&text), &rules(&[layout], "UTC")), Ok(date), "{}", text);
        }
        if date >= Date::constant(1900, 3, 1) {
            let serial = f64::from(day) + 25_569.0 + f64::from(second) / 86_400.0;
            let cell = Cell { text: "serial", value: Scalar::Serial(serial) };
            prop_assert_eq!(date::datetime(cell, &utc), Ok(expected));
        }
    }

    #[test]
    fn midnight_as_written_for_the_api_is_the_same_day_when_read(day in -40_000i32..50_000, zone in 0usize..6) {
        let zone = ["Europe/Moscow", "America/Santiago", "America/Sao_Paulo", "Asia/Almaty", "Europe/Kyiv", "UTC"][zone];
        let date = Date::constant(1970, 1, 1).saturating_add(jiff::Span::new().days(i64::from(day)));
        let rules = rules(&[], zone);
        let text = date::rfc3339_midnight(date, rules.timezone());
        prop_assert_eq!(date::midnight(date, &date::Rules::new(Vec::new(), TimeZone::UTC, rules.timezone().clone())), &text[..]);
        prop_assert_eq!(date::date(text_cell(&text), &rules), Ok(date), "{}", text);
    }

    #[test]
    fn a_part_has_no_separator_and_no_blank_at_its_ends(text in "[a-c,;/ \n]{0,30}") {
        for part in split::split(&text, &[",", " / ", ";"]) {
            prop_assert!(!part.is_empty() && part.trim() == part);
            prop_assert!(!part.contains([',', ';']) && !part.contains(" / "));
        }
    }
}
