//! What `phone` makes of the ways people write numbers, and that it never loses a digit.

use super::*;
use proptest::prelude::*;

#[test]
fn numbers_of_an_account_in_russia_get_their_country_code() {
    for (input, expected) in [
        ("8 (812) 315-98-83", "+78123159883"),
        ("+7 843 123-45-67", "+78431234567"),
        ("8-800-555-35-35", "+78005553535"),
        ("8 900 123 45 67", "+79001234567"),
        ("79001234567", "+79001234567"),
        ("9001234567", "+79001234567"),
        ("8123159883", "+78123159883"),
        ("+7\u{a0}(900)\u{a0}123-45-67", "+79001234567"),
        ("\u{202a}+7 900 123-45-67\u{202c}", "+79001234567"),
        ("'+79001234567", "+79001234567"),
        ("79001234567.0", "+79001234567"),
        ("8.900.123.45.67", "+79001234567"),
        ("8 900 123–45–67", "+79001234567"),
        ("тел. 8 900 123-45-67", "+79001234567"),
        ("Моб.тел.: +7 900 123 45 67", "+79001234567"),
        ("(8 900) 123-45-67", "+79001234567"),
        ("+7 900 000-00-00", "+79000000000"),
        ("8 (555) 123-45-67", "+75551234567"),
        ("7 555 123-45-67", "+75551234567"),
        ("8 701 123 45 67", "+77011234567"),
        ("+375 29 123-45-67", "+375291234567"),
        ("375291234567", "+375291234567"),
        ("998901234567", "+998901234567"),
        ("00375291234567", "+375291234567"),
        ("8 10 375 29 123 45 67", "+375291234567"),
        ("+1 (202) 555-01-23", "+12025550123"),
        ("+44 (0) 20 7946 0958", "+442079460958"),
        ("+52 1 55 1234 5678", "+525512345678"),
        ("5215512345678", "+525512345678"),
        ("101", "101"),
        ("12-34-56", "12-34-56"),
    ] {
        assert_eq!(phone(input, Region::RU).as_deref(), Ok(expected), "{input}");
    }
}

#[test]
fn numbers_without_a_country_are_read_by_that_of_the_account() {
    for (region, input, expected) in [
        (Region::US, "(202) 555-0123", "+12025550123"),
        (Region::US, "555 555 5555", "+15555555555"),
        (Region::US, "1 202 555 0123", "+12025550123"),
        (Region::BR, "(11) 96123-4567", "+5511961234567"),
        (Region::BY, "8 029 123-45-67", "+375291234567"),
        (Region::BY, "79001234567", "+79001234567"),
        (Region::KZ, "8 701 123 45 67", "+77011234567"),
        (Region::MX, "55 1234 5678", "+525512345678"),
        (Region::ES, "612 34 56 78", "+34612345678"),
    ] {
        assert_eq!(phone(input, region).as_deref(), Ok(expected), "{input}");
    }
    assert_eq!(region("ru"), Some(Region::RU));
    assert_eq!(region("XX"), None);
    assert_eq!(region(""), None);
}

#[test]
fn extensions_are_kept_in_one_form_that_is_read_back() {
    for (input, expected) in [
        ("+7 812 315-98-83 доб. 12", "+78123159883 ext. 12"),
        ("8 (812) 315-98-83 (доб. 12)", "+78123159883 ext. 12"),
        ("8 (812) 315-98-83, доб 12", "+78123159883 ext. 12"),
        ("88123159883 ДОБ.0123", "+78123159883 ext. 0123"),
        ("+7 812 315 98 83 ext 5", "+78123159883 ext. 5"),
        ("+78123159883x123", "+78123159883 ext. 123"),
        ("+78123159883#123", "+78123159883 ext. 123"),
        ("+78123159883;ext=12", "+78123159883 ext. 12"),
        ("+78123159883 вн. № 12", "+78123159883 ext. 12"),
        ("123456 доб. 7", "123456 ext. 7"),
    ] {
        assert_eq!(phone(input, Region::RU).as_deref(), Ok(expected), "{input}");
        assert_eq!(phone(expected, Region::RU).as_deref(), Ok(expected));
    }
}

#[test]
fn what_is_no_number_or_lacks_digits_is_refused() {
    for (input, code) in [
        ("нет", "phone"),
        ("12", "phone"),
        ("Иван 8 900 123-45-67", "phone"),
        ("8 900 123-45-67 Иван", "phone"),
        ("8 900 123-45", "phone"),
        ("8900123456", "phone"),
        ("890012345678", "phone"),
        ("315-98-83", "phone"),
        ("+1234", "phone"),
        ("+7 900 123-45", "phone"),
        ("+999 123 456 789", "phone"),
        ("0123456789", "phone"),
        ("8 900 123-45-67/68", "phone"),
        ("89001234567 89007654321", "phone"),
        ("89001234567, 89007654321", "phone"),
        ("79001234567890", "phone"),
        ("8 900 123-45-67 доб.", "phone"),
        ("8 900 123-45-67 доб. 12345678", "phone"),
        ("1-800-FLOWERS", "phone"),
        ("ivan@mail.ru", "phone"),
        ("7,90E+10", "scientific"),
        ("7.9E+10", "scientific"),
        ("7.9123456789e10", "scientific"),
    ] {
        let error = phone(input, Region::RU).expect_err(input);
        assert_eq!(error.code, code, "{input}: {}", error.message);
        assert!(error.message.to_string().starts_with(&format!("\"{input}\" ")), "{}", error.message);
        assert!(error.hint.is_some());
    }
}

#[test]
fn cells_of_a_workbook_hold_numbers_that_are_whole() {
    let cell = |text, value| of_cell(Cell { text, value }, Region::RU).map_err(|error| error.code);
    assert_eq!(cell("79001234567", Scalar::Number(79001234567.0)).as_deref(), Ok("+79001234567"));
    assert_eq!(cell("+7 900 123-45-67", Scalar::Text).as_deref(), Ok("+79001234567"));
    assert_eq!(cell("7900123456.5", Scalar::Number(7900123456.5)), Err("phone"));
    assert_eq!(cell("-79001234567", Scalar::Number(-79001234567.0)), Err("phone"));
    assert_eq!(cell("8.9001234567e15", Scalar::Number(8.9001234567e15)), Err("scientific"));
    assert_eq!(cell("2025-03-05", Scalar::Serial(45721.0)), Err("phone"));
    assert_eq!(cell("true", Scalar::Bool(true)), Err("phone"));
    assert_eq!(cell("#N/A", Scalar::Error), Err("cell-error"));
}

#[test]
fn several_phones_in_a_cell_part_at_signs_but_not_before_an_extension() {
    for (input, separators, expected) in [
        (
            "8 900 1, 8 900 2;8 900 3\n8 900 4 / 8 900 5",
            &[][..] as &[&str],
            &["8 900 1", "8 900 2", "8 900 3", "8 900 4", "8 900 5"][..],
        ),
        ("315-98-83, доб. 12, 315-98-84 (доб. 13)", &[], &["315-98-83, доб. 12", "315-98-84 (доб. 13)"]),
        ("8 900 1 | 8 900 2, 8 900 3", &["|"], &["8 900 1", "8 900 2", "8 900 3"]),
        ("+78123159883;ext=12", &[], &["+78123159883;ext=12"]),
        ("8 900 1 8 900 2", &[], &["8 900 1 8 900 2"]),
        ("7,90E+10; 8 900 2", &[","], &["7,90E+10", "8 900 2"]),
        (" ; ", &[], &[]),
    ] {
        assert_eq!(split(input, separators).collect::<Vec<_>>(), expected, "{input}");
    }
}

/// A number with signs strewn between its digits, as `(812) 315-98 83`.
fn strewn(digits: &str, signs: &[&str]) -> String {
    digits.chars().zip(signs.iter().cycle()).fold(String::new(), |text, (digit, sign)| format!("{text}{sign}{digit}"))
}

proptest! {
    #[test]
    fn the_quick_way_gives_the_answer_of_the_library(
        prefix in "(\\+7|7|8|)",
        national in "[0-9]{10}",
        signs in prop::collection::vec(prop::sample::select(vec!["", "", "", " ", "-", "(", ")", "\u{a0}"]), 1..12),
    ) {
        let text = format!("{prefix}{}", strewn(&national, &signs));
        if let Some(number) = parse_common(&text) {
            prop_assert_eq!(parse_full(&text, Region::RU), Ok(number));
        }
    }

    #[test]
    fn a_russian_number_keeps_its_last_ten_digits(
        text in "(\\+7|\\+|7|8|00|)[ (]{0,2}[0-9]{1,4}[ )-]{0,2}[0-9]{2,4}[ .-]?[0-9]{2,4}[ -]?[0-9]{0,3}",
    ) {
        if let Ok(number) = phone(&text, Region::RU) {
            let digits = |s: &str| s.chars().filter(char::is_ascii_digit).collect::<String>();
            let (given, found) = (digits(&text), digits(&number));
            // Elsewhere what is dialled before the number may come or go, as with the 0549 of San Marino.
            let last = &given[given.len().saturating_sub(if found.starts_with('7') { 10 } else { 4 })..];
            prop_assert!(found.ends_with(last), "{} became {}", text, number);
        }
    }

    #[test]
    fn any_text_is_a_number_or_a_problem_that_quotes_it(text in "\\PC{0,40}", also in "[-+0-9()xdoб., #/eE]{0,24}") {
        for text in [&text, &also] {
            for region in [Region::RU, Region::US, Region::BY, Region::World] {
                match phone(text, region) {
                    Ok(number) => prop_assert_eq!(phone(&number, region), Ok(number.clone())),
                    Err(error) => prop_assert!(error.message.to_string().starts_with('"')),
                }
            }
            split(text, &["|"]).for_each(drop);
        }
    }
}
