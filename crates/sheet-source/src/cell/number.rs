//! Numbers as text, with their significant digits.

use std::fmt::Write;

/// Integers are exact to the last digit only below this limit.
pub const EXACT_INTEGERS_BELOW: f64 = 1e15;
pub const SIGNIFICANT_DIGITS: usize = 15;

/// Appends a number with its significant digits: `0.1 + 0.2` reads `0.3`, a phone number reads `79001234567`.
#[inline]
pub fn write_number(number: f64, text: &mut String) {
    if number.fract() == 0.0 && number.abs() < EXACT_INTEGERS_BELOW {
        // Writing into a String cannot fail.
        let _ = write!(text, "{}", number as i64);
        return;
    }
    if !number.is_finite() {
        let _ = write!(text, "{number}");
        return;
    }
    if !(1e-5..EXACT_INTEGERS_BELOW).contains(&number.abs()) || !write_shortest(number, text) {
        write_rounded(number, text);
    }
}

/// Appends the number rounded to its significant digits, as a spreadsheet does.
fn write_rounded(number: f64, text: &mut String) {
    let digits = format!("{:.*e}", SIGNIFICANT_DIGITS - 1, number);
    // `{:e}` always writes an `e` followed by an integer.
    let (mantissa, exponent) = digits.split_once('e').unwrap_or((&digits, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    if !(-10..15).contains(&exponent) {
        let _ = write!(text, "{mantissa}E{exponent:+03}");
        return;
    }
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits = mantissa.replace('.', "");
    text.push_str(sign);
    if exponent < 0 {
        text.push_str("0.");
        text.extend(std::iter::repeat_n('0', (-exponent - 1) as usize));
        text.push_str(&digits);
    } else {
        let whole = exponent as usize + 1;
        let (before, after) = digits.split_at(whole.min(digits.len()));
        text.push_str(before);
        text.extend(std::iter::repeat_n('0', whole - before.len()));
        if !after.is_empty() {
            text.push('.');
            text.push_str(after);
        }
    }
}

/// Appends the shortest digits that identify this number, unless they exceed the significant digits. Within that
/// limit they equal the rounded digits, at a third of the time: no two texts with so few digits identify the same
/// number.
fn write_shortest(number: f64, text: &mut String) -> bool {
    let start = text.len();
    let _ = write!(text, "{number}");
    let digits = text[start..].trim_start_matches(['-', '0', '.']).bytes().filter(u8::is_ascii_digit).count();
    let is_exact = digits <= SIGNIFICANT_DIGITS;
    if !is_exact {
        text.truncate(start);
    }
    is_exact
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_show_the_digits_that_are_true() {
        for (number, text) in [
            (79_001_234_567.0, "79001234567"),
            (0.1 + 0.2, "0.3"),
            (274.659_999_999_999_97, "274.66"),
            (-0.0, "0"),
            (1234.5, "1234.5"),
            (-1234.5, "-1234.5"),
            (999_999_999_999_999.0, "999999999999999"),
            (1e15, "1E+15"),
            (1.234_567_890_123_456_7e20, "1.23456789012346E+20"),
            (0.000_012_3, "0.0000123"),
            (1.5e-12, "1.5E-12"),
            (123_456_789_012_345.67, "123456789012346"),
            (999_999_999_999_999.9, "1E+15"),
        ] {
            let mut shown = String::new();
            write_number(number, &mut shown);
            assert_eq!(shown, text, "{number:e}");
        }
    }

    #[test]
    fn the_shortest_digits_are_those_of_rounding() {
        let mut drawn = 0x9E37_79B9_7F4A_7C15_u64;
        for count in 0..20_000 {
            drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Half of them are prices, half are arbitrary.
            let price = (drawn >> 24) as f64 / [10.0, 100.0, 1e4, 1e9][count % 4];
            let number = if count % 2 == 0 { price } else { f64::from_bits(drawn >> 2) };
            let (mut shortest, mut rounded) = (String::new(), String::new());
            if (1e-5..EXACT_INTEGERS_BELOW).contains(&number) && write_shortest(number, &mut shortest) {
                write_rounded(number, &mut rounded);
                assert_eq!(shortest, rounded, "{number:e}");
            } else {
                assert_eq!(shortest, "");
            }
        }
    }
}
