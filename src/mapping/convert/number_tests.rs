//! What `number` and `whole` make of the ways people write numbers.

use super::*;

fn of(text: &str, decimal: Option<char>) -> Result<String, ValueError> {
    number(Cell { text, value: Scalar::Text }, NumberSyntax { decimal, currency: None }).map(|n| n.to_string())
}

#[test]
fn numbers_are_read_where_there_is_one_way_to_read_them() {
    for (input, expected) in [
        ("0", "0"),
        ("007", "7"),
        ("350000", "350000"),
        ("350 000", "350000"),
        ("1 234,56", "1234.56"),
        ("1 234,5", "1234.5"),
        ("1 234,567", "1234.567"),
        ("1,234.56", "1234.56"),
        ("1.234,56", "1234.56"),
        ("1.234.567", "1234567"),
        ("1,234,567.8", "1234567.8"),
        ("12,5", "12.5"),
        ("0,125", "0.125"),
        ("0.125", "0.125"),
        (".5", "0.5"),
        ("1234.567", "1234.567"),
        ("1'234.50", "1234.5"),
        ("1’234", "1234"),
        ("1\u{a0}234\u{a0}567,89", "1234567.89"),
        ("1\u{202f}234", "1234"),
        ("12\u{2009}345", "12345"),
        (" 42 ", "42"),
        ("'42", "42"),
        ("=\"42\"", "42"),
        ("-5", "-5"),
        ("−5", "-5"),
        ("- 5,50", "-5.5"),
        ("+5", "5"),
        ("-0", "0"),
        ("100,00", "100"),
        ("123456789012345", "123456789012345"),
        ("1234567890123,4500", "1234567890123.45"),
    ] {
        assert_eq!(of(input, None).as_deref(), Ok(expected), "{input}");
    }
}

#[test]
fn a_named_decimal_sign_settles_what_the_other_one_is() {
    for (input, decimal, expected) in [
        ("1,234", ',', Some("1.234")),
        ("1,234", '.', Some("1234")),
        ("1.234", ',', Some("1234")),
        ("1.234", '.', Some("1.234")),
        ("1 234", ',', Some("1234")),
        ("1.234,5", ',', Some("1234.5")),
        ("1.5", ',', None),
        ("1.2345", ',', None),
        ("0.123", ',', None),
        ("1,234.5", ',', None),
        ("1,234,567", ',', None),
        ("12.34,5", ',', None),
    ] {
        match (of(input, Some(decimal)), expected) {
            (Ok(number), Some(expected)) => assert_eq!(number, expected),
            (Err(error), None) => {
                assert_eq!(
                    error.message.to_string(),
                    format!("\"{input}\" is not a valid number with the decimal sign \"{decimal}\"")
                );
            }
            (found, _) => panic!("{input}: {found:?}"),
        }
    }
}

#[test]
fn two_readings_are_both_told() {
    for (input, message, hint) in [
        (
            "1,234",
            "\"1,234\" is ambiguous: 1234 or 1.234",
            "under [source], add decimal = \".\" for 1234, decimal = \",\" for 1.234",
        ),
        (
            "-12.500",
            "\"-12.500\" is ambiguous: -12500 or -12.500",
            "under [source], add decimal = \",\" for -12500, decimal = \".\" for -12.500",
        ),
    ] {
        let error = of(input, None).unwrap_err();
        assert_eq!((error.code, error.message.to_string().as_str()), ("ambiguous-number", message));
        assert_eq!(error.hint.map(|hint| hint.to_string()).as_deref(), Some(hint));
    }
}

#[test]
fn what_is_not_one_number_is_refused() {
    for (input, code) in [
        ("много", "number"),
        ("12 34", "number"),
        ("1  234", "number"),
        ("1,2,3", "number"),
        ("1,23,456", "number"),
        ("1 234.567.890", "number"),
        ("1.234'567", "number"),
        ("5,", "number"),
        ("-", "number"),
        (".", "number"),
        ("--5", "number"),
        ("5%", "number"),
        ("(5)", "number"),
        ("5 ₽", "number"),
        ("1/2", "number"),
        ("5 шт", "number"),
        ("0x1F", "number"),
        ("1e3", "scientific"),
        ("7,90E+10", "scientific"),
        ("1234567890123456", "number-too-long"),
        ("0,1234567890123456", "number-too-long"),
        ("99999999999999999999999", "number-too-long"),
        ("0,0000000000000000000000000000000001", "number-too-long"),
    ] {
        let error = of(input, None).unwrap_err();
        assert_eq!(error.code, code, "{input}: {}", error.message);
        assert!(error.message.to_string().starts_with(&format!("\"{input}\" ")), "{}", error.message);
        assert!(error.hint.is_some(), "{input}");
    }
}

#[test]
fn cells_of_a_workbook_are_read_by_their_type() {
    let number_cell = |text, value| {
        number(Cell { text, value: Scalar::Number(value) }, NumberSyntax { decimal: Some(','), currency: None })
    };
    assert_eq!(number_cell("1.234", 1.234).map(|n| n.to_string()).as_deref(), Ok("1.234"));
    assert_eq!(number_cell("-5", -5.0), Ok(Decimal::from(-5)));
    assert_eq!(number_cell("1e15", 1e15).unwrap_err().code, "scientific");
    for (text, value, code) in [
        ("2025-03-05", Scalar::Serial(45721.0), "number"),
        ("true", Scalar::Bool(true), "number"),
        ("#N/A", Scalar::Error, "cell-error"),
    ] {
        assert_eq!(number(Cell { text, value }, NumberSyntax::default()).unwrap_err().code, code);
    }
}

#[test]
fn a_fraction_becomes_whole_only_when_a_rounding_is_named() {
    for (value, half_up, down, up) in
        [("1200.5", 1201, 1200, 1201), ("1200.4", 1200, 1200, 1201), ("-2.5", -3, -2, -3), ("7", 7, 7, 7)]
    {
        let value: Decimal = value.parse().unwrap();
        for (name, expected) in [("half-up", half_up), ("down", down), ("up", up)] {
            assert_eq!(whole(value, Round::from_name(name)), Ok(expected));
        }
    }
    assert_eq!(whole(Decimal::from(350000), None), Ok(350000));
    let error = whole("1200.50".parse().unwrap(), None).unwrap_err();
    assert_eq!(error.message.to_string(), "\"1200.50\" has a fraction, but only whole numbers fit here");
    assert_eq!(error.code, "fraction");
    assert_eq!(whole(Decimal::MAX, None).unwrap_err().code, "number-too-long");
    assert_eq!(Round::from_name("nearest"), None);
}
