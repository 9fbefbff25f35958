//! What `date` and `datetime` make of the ways people write days and moments.

use super::*;

fn rules(layouts: &[&str], zone: &str) -> Rules {
    let layouts = layouts.iter().map(|layout| DateFormat::compile(layout).unwrap()).collect();
    Rules::new(layouts, TimeZone::get(zone).unwrap(), TimeZone::get(zone).unwrap())
}

fn text(text: &str) -> Cell<'_> {
    Cell { text, value: Scalar::Text }
}

fn day(input: &str, layouts: &[&str]) -> Result<String, ValueError> {
    date(text(input), &rules(layouts, "Europe/Moscow")).map(|day| day.to_string())
}

fn moment(input: &str, layouts: &[&str], zone: &str) -> Result<String, ValueError> {
    datetime(text(input), &rules(layouts, zone)).map(|s| Timestamp::from_second(s).unwrap().to_string())
}

#[test]
fn days_are_read_from_iso_dots_and_serials_without_a_layout() {
    for (input, expected) in [
        ("2025-03-05", "2025-03-05"),
        ("2025-03-05T10:30", "2025-03-05"),
        ("2025-03-05 10:30:59", "2025-03-05"),
        ("2025-03-05T10:30:00+03:00", "2025-03-05"),
        ("05.03.2025", "2025-03-05"),
        ("5.3.2025", "2025-03-05"),
        (" 05.03.2025\u{a0}", "2025-03-05"),
        ("05.03.2025 10:30", "2025-03-05"),
        ("05.03.2025, 10:30:00", "2025-03-05"),
        ("05.03.2025 г.", "2025-03-05"),
        ("'05.03.2025", "2025-03-05"),
        ("29.02.2024", "2024-02-29"),
        ("01.02.1961", "1961-02-01"),
        ("45658", "2025-01-01"),
        ("31.12.9999", "9999-12-31"),
    ] {
        assert_eq!(day(input, &[]).as_deref(), Ok(expected), "{input}");
    }
}

#[test]
fn named_layouts_come_first_and_iso_stays() {
    for (input, layouts, expected) in [
        ("03/04/2026", &["%d/%m/%Y"][..], "2026-04-03"),
        ("03/04/2026", &["%m/%d/%Y"], "2026-03-04"),
        ("03.04.2026", &["%m.%d.%Y"], "2026-03-04"),
        ("25/03/2026 9:05", &["%d/%m/%Y", "%d/%m/%Y %H:%M"], "2026-03-25"),
        ("2026-04-03", &["%d/%m/%Y"], "2026-04-03"),
        ("20260403", &["%Y%m%d"], "2026-04-03"),
        ("3 апреля 2026 г.", &["%d %B %Y г."], "2026-04-03"),
        ("Apr 3, 2026", &["%b %d, %Y"], "2026-04-03"),
        ("03.04.26", &["%d.%m.%y"], "2026-04-03"),
        ("03.04.85", &["%d.%m.%y"], "1985-04-03"),
        ("45658", &["%d.%m.%Y"], "2025-01-01"),
        ("04/03/2026 11:30 PM", &["%m/%d/%Y %I:%M %p"], "2026-04-03"),
    ] {
        assert_eq!(day(input, layouts).as_deref(), Ok(expected), "{input}");
    }
}

#[test]
fn what_is_unclear_or_no_day_is_refused_with_the_way_out() {
    for (input, layouts, code, message, hint) in [
        ("31.02.2025", &[][..], "date", "is not a day of the calendar", "dates look like 28.02.2025"),
        ("2025-13-01", &[], "date", "is not a day of the calendar", "dates look like 2025-02-28"),
        ("31.04.2025 10:00", &["%d.%m.%Y %H:%M"], "date", "is not a day", "dates look like 30.04.2025 10:30"),
        ("05.03.2025 25:00", &[], "date", "has an invalid time", "dates look like 28.02.2025 10:30"),
        (
            "03/04/2026",
            &[],
            "ambiguous-date",
            "is ambiguous: 3 April 2026 or 4 March 2026",
            "under [source], add dates = [\"%d/%m/%Y\"] or dates = [\"%m/%d/%Y\"]",
        ),
        (
            "03-04-2026 10:30",
            &[],
            "ambiguous-date",
            "is ambiguous",
            "[\"%d-%m-%Y %H:%M\"] or dates = [\"%m-%d-%Y %H:%M\"]",
        ),
        ("25/03/2026", &[], "date-layout", "is a date in a format that", "add dates = [\"%d/%m/%Y\"]"),
        ("03/25/2026", &[], "date-layout", "is a date in a format that", "add dates = [\"%m/%d/%Y\"]"),
        ("2026/03/25", &[], "date-layout", "is a date in a format that", "add dates = [\"%Y/%m/%d\"]"),
        ("05.03.25", &[], "date-layout", "has a two-digit year", "add dates = [\"%d.%m.%y\"]"),
        ("03/04/26", &[], "date-layout", "has a two-digit year", "add dates = [\"%d/%m/%y\"]"),
        ("не закрыта", &[], "date", "is not a valid date", "values table"),
        ("05.03.0202", &[], "date", "is a day of the year 202", "four digits"),
        (
            "05.03.2025",
            &["%d/%m/%Y"],
            "date",
            "is not a valid date in the format \"%d/%m/%Y\"",
            "look like 28/02/2025;",
        ),
        ("05.03.2025 и ещё", &[], "date", "is not a valid date", "dates look like 28.02.2025 or 2025-02-28"),
        ("19999", &[], "date", "is not a valid date", ""),
        ("2025-03-04T22:00:00Z", &[], "day-unclear", "is 2025-03-04 as written and 2025-03-05", ""),
    ] {
        let error = day(input, layouts).unwrap_err();
        assert_eq!(error.code, code, "{input}: {}", error.message);
        assert!(error.message.to_string().starts_with(&format!("\"{input}\" {message}")), "{}", error.message);
        let found = error.hint.map_or_else(String::new, |hint| hint.to_string());
        assert!(found.contains(hint), "{input}: {found:?} should have {hint}");
    }
}

#[test]
fn moments_are_counted_in_the_zone_of_the_account() {
    for (input, zone, expected) in [
        ("05.03.2025 10:30", "Europe/Moscow", "2025-03-05T07:30:00Z"),
        ("05.03.2025", "Europe/Moscow", "2025-03-04T21:00:00Z"),
        ("05.03.2012 10:30", "Europe/Moscow", "2012-03-05T06:30:00Z"),
        ("2025-03-05T10:30:15.999", "America/Sao_Paulo", "2025-03-05T13:30:15Z"),
        ("2025-03-05T10:30:00Z", "Europe/Moscow", "2025-03-05T10:30:00Z"),
        ("2025-03-05 10:30 +0500", "Europe/Moscow", "2025-03-05T05:30:00Z"),
        ("01.07.2025 12:00", "Europe/Berlin", "2025-07-01T10:00:00Z"),
        ("06.09.2026", "America/Santiago", "2026-09-06T04:00:00Z"),
        ("01.01.1961", "Europe/Moscow", "1960-12-31T21:00:00Z"),
    ] {
        assert_eq!(moment(input, &[], zone).as_deref(), Ok(expected), "{input}");
    }
}

#[test]
fn a_time_that_the_clocks_skip_or_repeat_is_refused() {
    let skipped = moment("30.03.2025 02:30", &[], "Europe/Berlin").unwrap_err();
    assert_eq!(skipped.code, "no-such-time");
    let twice = moment("26.10.2025 02:30", &[], "Europe/Berlin").unwrap_err();
    assert_eq!(twice.code, "time-twice");
    assert!(twice.hint.is_some_and(|hint| hint.to_string().ends_with("2025-10-26T02:30:00+02:00")));
}

#[test]
fn cells_of_a_workbook_are_days_by_their_serial() {
    let rules = rules(&["%d/%m/%Y"], "Europe/Moscow");
    for (value, expected) in [
        (Scalar::Serial(45721.0), "2025-03-05T00:00:00+03:00"),
        (Scalar::Serial(45721.4375), "2025-03-05T10:30:00+03:00"),
        (Scalar::Serial(45721.99999999), "2025-03-06T00:00:00+03:00"),
        (Scalar::Serial(61.0), "1900-03-01T00:00:00+02:30"),
        (Scalar::Number(45721.5), "2025-03-05T12:00:00+03:00"),
    ] {
        let cell = Cell { text: "shown", value };
        let second = datetime(cell, &rules).unwrap();
        let moment = Timestamp::from_second(second).unwrap();
        let offset = rules.timezone().to_offset(moment);
        let local = offset.to_datetime(moment);
        assert_eq!(layout::iso(local.date(), Some(local.time()), Some(offset)), expected);
        assert_eq!(date(cell, &rules).unwrap(), local.date());
    }
    for value in [
        Scalar::Serial(0.4375),
        Scalar::Serial(60.0),
        Scalar::Serial(-1.0),
        Scalar::Serial(3e6),
        Scalar::Serial(f64::NAN),
        Scalar::Number(2025.0),
        Scalar::Number(350000.0),
        Scalar::Bool(true),
    ] {
        assert_eq!(date(Cell { text: "shown", value }, &rules).unwrap_err().code, "date");
    }
    assert_eq!(date(Cell { text: "#N/A", value: Scalar::Error }, &rules).unwrap_err().code, "cell-error");
}

#[test]
fn midnight_is_the_first_moment_of_the_day_in_the_zone() {
    for (day, zone, expected) in [
        ("2025-03-05", "Europe/Moscow", "2025-03-05T00:00:00+03:00"),
        ("1961-04-12", "Europe/Moscow", "1961-04-12T00:00:00+03:00"),
        ("1985-07-01", "Europe/Moscow", "1985-07-01T00:00:00+04:00"),
        ("1910-01-01", "Europe/Moscow", "1910-01-01T00:00:00+02:30"),
        ("1900-01-01", "America/Sao_Paulo", "1900-01-01T00:00:00-03:07"),
        ("2026-09-06", "America/Santiago", "2026-09-06T01:00:00-03:00"),
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04T01:00:00-02:00"),
        ("2025-03-05", "Asia/Kolkata", "2025-03-05T00:00:00+05:30"),
        ("9999-12-31", "America/New_York", "9999-12-31T00:00:00-05:00"),
        ("2025-03-05", "UTC", "2025-03-05T00:00:00+00:00"),
    ] {
        let (day, timezone) = (day.parse().unwrap(), TimeZone::get(zone).unwrap());
        assert_eq!(rfc3339_midnight(day, &timezone), expected, "{zone}");
        assert_eq!(midnight(day, &Rules::new(Vec::new(), TimeZone::UTC, timezone)), expected, "{zone}");
    }
}

#[test]
fn a_layout_that_cannot_work_is_refused_when_compiled() {
    for (layout, message) in [
        ("%d.%m.%Q", "has an unknown directive \"%Q\""),
        ("%d.%m", "needs a day, a month and a year"),
        ("%H:%M", "needs a day, a month and a year"),
        ("%d.%m.%Y :%M", "has a part of a time without the hour"),
        ("%d.%m.%Y %I:%M", "has %I, hours up to 12, without %p"),
        ("%d.%m.%Y %", "ends with a lone %"),
        ("dd.mm.yyyy", "needs a day, a month and a year"),
    ] {
        let error = DateFormat::compile(layout).unwrap_err();
        assert_eq!((error.code, error.message.to_string()), ("layout", format!("\"{layout}\" {message}")));
    }
}

#[test]
fn the_settled_offset_of_a_zone_gives_the_moments_of_the_zone() {
    for zone in ["Europe/Moscow", "Asia/Almaty", "America/Sao_Paulo", "Asia/Yekaterinburg", "UTC", "Europe/Berlin"] {
        let quick = rules(&[], zone);
        let slow = Rules { settled: None, ..quick.clone() };
        for serial in (36_000..50_000).map(|n| f64::from(n) + 0.53) {
            let cell = Cell { text: "shown", value: Scalar::Serial(serial) };
            assert_eq!(datetime(cell, &quick), datetime(cell, &slow), "{zone} {serial}");
        }
        assert_eq!(quick.settled.is_some(), zone != "Europe/Berlin", "{zone}");
    }
}
