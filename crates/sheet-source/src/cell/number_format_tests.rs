use super::*;

fn shown(code: &str, number: f64) -> (String, Option<DisplayKind>) {
    let mut text = String::new();
    let shown = match NumberFormat::read(code) {
        NumberFormat::Pattern(pattern) => pattern.write(number, &mut text),
        NumberFormat::Plain => None,
        other => panic!("{code} is {other:?}"),
    };
    (text, shown)
}

#[test]
fn zeros_words_and_per_cents_are_shown() {
    use DisplayKind::{Custom, Percent, Unit};
    for (code, number, text, kind) in [
        ("0000000000", 274_123_456.0, "0274123456", Custom),
        ("00000", 42.0, "00042", Custom),
        ("00000", 1_234_567.0, "1234567", Custom),
        ("00000", -42.0, "-00042", Custom),
        ("\"З-\"0000", 17.0, "З-0017", Custom),
        ("\\З\\-0000", 17.0, "З-0017", Custom),
        ("\"№ \"0", 5.0, "№ 5", Custom),
        ("000\\-000\\-000\\ 00", 11_223_344_595.0, "112-233-445 95", Custom),
        ("[<=9999999]###\\-####;\\(###\\)\\ ###\\-####", 9_991_234_567.0, "(999) 123-4567", Custom),
        ("[<=9999999]###\\-####;\\(###\\)\\ ###\\-####", 1_234_567.0, "123-4567", Custom),
        ("\"+\"0", 79_001_234_567.0, "+79001234567", Custom),
        ("0%", 0.05, "5%", Percent),
        ("0.00%", 0.155, "15.5%", Percent),
        ("0%", 0.155, "15.5%", Percent),
        ("0.0 %;-0.0 %", -0.05, "-5 %", Percent),
        ("0\" шт\"", 5.0, "5 шт", Unit),
        ("# ##0.0\" тыс. руб.\"", 350.5, "350.5 тыс. руб.", Unit),
        ("0.00\" кг\"", 5.0, "5 кг", Unit),
        ("#,##0.0,\" тыс. руб.\"", 350_500.0, "350.5 тыс. руб.", Unit),
        ("0.0,,\" млн\"", 350_500.0, "0.3505 млн", Unit),
        ("#,##0.0\" тыс.\"", 350.5, "350.5 тыс.", Unit),
        ("General\" шт\"", 2.5, "2.5 шт", Unit),
        ("0;-0;\"нет\"", 0.0, "нет", Custom),
        ("00.00", 5.25, "05.25", Custom),
        ("0\\%", 20.0, "20%", Unit),
        ("0\" ‰\"", 20.0, "20 ‰", Unit),
        ("\"долг \"0;\"аванс \"0", -5.0, "аванс 5", Custom),
        ("[<0]\"долг \"0;0", -5.0, "долг 5", Custom),
        ("\"да\";\"да\";\"нет\"", -1.0, "да", Custom),
        ("0\" шт (нетто)\"", -5.0, "-5 шт (нетто)", Unit),
        ("0\" ft\"", 5.0, "5 ft", Unit),
        ("0000;\"минус \"0000", -5.0, "минус 0005", Custom),
        ("0\" шт\";0\" шт (возврат)\"", -5.0, "5 шт (возврат)", Unit),
        ("0\" шт\";[Red]0\" шт\"", -5.0, "-5 шт", Unit),
        ("0\" шт\";(0\" шт)\"", -5.0, "-5 шт", Unit),
    ] {
        assert_eq!(shown(code, number), (text.to_owned(), Some(kind)), "{code} of {number}");
    }
}

#[test]
fn grouping_colours_widths_and_powers_add_nothing() {
    for code in [
        "General",
        "Основной",
        "Standard",
        "0",
        "0.00",
        "#,##0",
        "#,##0.00",
        "# ##0",
        "#,##0_);[Red](#,##0)",
        "0.00E+00",
        "# ?/?",
        "@",
        "##0.0E+0",
        "[Red]0.00",
        "[$-419]0",
        "_-* #,##0_-;-* #,##0_-;_-* \"-\"??_-;_-@_-",
        "",
        ";;;",
        "#\\ ##0.00",
        "0,",
        "[>100]0;0.0",
    ] {
        assert_eq!(NumberFormat::read(code), NumberFormat::Plain, "{code}");
    }
    assert_eq!(shown("0;-0;\"нет\"", 5.0).1, None);
}

#[test]
fn currencies_are_known_by_sign_or_code() {
    for (code, sign) in [
        ("#,##0.00\\ \"₽\"", "₽"),
        ("#,##0.00\\ [$₽-419]", "₽"),
        ("[$$-409]#,##0.00", "$"),
        ("\"$\"#,##0.00", "$"),
        ("$#,##0.00_);($#,##0.00)", "$"),
        ("[$USD] #,##0.00", "USD"),
        ("#,##0.00\\ [$€-1]", "€"),
        ("#,##0.00\"р.\"", "р"),
        ("_-* #,##0.00\\ [$€-407]_-;\\-* #,##0.00\\ [$€-407]_-;_-* \"-\"??\\ [$€-407]_-;_-@_-", "€"),
    ] {
        let (text, kind) = shown(code, 1234.5);
        assert_eq!(text, "1234.5", "{code}");
        let currency = CurrencySign::parse(sign).expect(sign);
        assert_eq!(
            kind.map(
                |kind| matches!(kind, DisplayKind::Currency(c) if c.as_str().eq_ignore_ascii_case(currency.as_str()))
            ),
            Some(true),
            "{code}: {kind:?}"
        );
    }
    assert_eq!(shown("$#,##0.00_);($#,##0.00)", -5.0).0, "-5");
}

#[test]
fn dates_and_times_are_distinguished_from_numbers() {
    for code in [
        "dd.mm.yyyy",
        "[$-419]d mmm yyyy;@",
        "h:mm AM/PM",
        "yyyy-mm-dd hh:mm:ss",
        "mm:ss.0",
        "d/m/yy",
        "[$-F800]dddd, mmmm dd, yyyy",
    ] {
        assert_eq!(NumberFormat::read(code), NumberFormat::Date, "{code}");
    }
    for code in ["[h]:mm:ss", "[mm]:ss", "[hh]:mm"] {
        assert_eq!(NumberFormat::read(code), NumberFormat::Duration, "{code}");
    }
    assert_eq!(NumberFormat::built_in(14), Some(NumberFormat::Date));
    assert_eq!(NumberFormat::built_in(2), Some(NumberFormat::Plain));
    assert_eq!(NumberFormat::built_in(164), None);
}

#[test]
fn no_format_can_do_harm() {
    for code in [
        "\"",
        "\\",
        "_",
        "*",
        "[",
        "[$",
        "[<",
        "\"открыто",
        "0%%%%%%%%%",
        "000000000000000000000000",
        "[<=x]0",
        "g",
        "Gener",
    ] {
        for number in [0.0, -1.0, 1e300, f64::NAN, 0.1] {
            if let NumberFormat::Pattern(pattern) = NumberFormat::read(code) {
                let _ = pattern.write(number, &mut String::new());
            }
        }
    }
    assert_eq!(NumberFormat::read(&"0".repeat(300)), NumberFormat::Plain);
}
