//! Finds a number inside its displayed text.

/// The span of a number in a text.
#[derive(Debug, PartialEq)]
pub struct NumberSpan {
    pub start: usize,
    pub end: usize,
    /// Digits before the decimal sign.
    pub whole: usize,
    /// True if there are more of them than the number needs.
    pub has_leading_zeros: bool,
}

/// Longer texts show no number, and searching them takes long.
const TEXT_BYTES_MAX: usize = 256;

/// The first span of a text that shows this number, exactly or rounded.
pub fn find_number(text: &str, size: f64) -> Option<NumberSpan> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(offset) = bytes[at..].iter().position(u8::is_ascii_digit) {
        let first = at + offset;
        let end = first + number_length(&bytes[first..]);
        let point = first.checked_sub(1).filter(|before| matches!(bytes[*before], b'.' | b','));
        // `.5` is one half, but a point after a word is none.
        for start in point.into_iter().chain([first]) {
            for end in [exponent_end(bytes, end), fraction_end(bytes, end), Some(end)].into_iter().flatten() {
                if let Some(read) = parse_rendering(&text[start..end], size)
                    && (read.exact || is_alone(text, start, end))
                {
                    return Some(NumberSpan {
                        start,
                        end,
                        whole: read.whole,
                        has_leading_zeros: read.has_leading_zeros,
                    });
                }
            }
        }
        at = end;
    }
    None
}

/// True if the text has no other digits, except in words such as `м2`: rounded, a small number matches nearly
/// anywhere.
fn is_alone(text: &str, start: usize, end: usize) -> bool {
    let digit = |c: char| c.is_ascii_digit();
    let after = &text[end..];
    let of_word = |at: usize| after[..at].ends_with(char::is_alphabetic);
    !text[..start].contains(digit) && after.find(digit).is_none_or(of_word)
}

pub fn digits_only(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// The length of digits with single separators or decimal signs between them.
fn number_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    loop {
        length += count_digits(&bytes[length..]);
        match bytes[length..] {
            [b' ' | b',' | b'.' | b'\'', b'0'..=b'9', ..] => length += 1,
            _ => return length,
        }
    }
}

fn count_digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The end of an exponent such as `E+05` at the offset `at`.
fn exponent_end(bytes: &[u8], at: usize) -> Option<usize> {
    let signed = match bytes[at..] {
        [b'E' | b'e', b'+' | b'-', ..] => at + 2,
        [b'E' | b'e', ..] => at + 1,
        _ => return None,
    };
    let length = count_digits(&bytes[signed..]);
    (length > 0).then_some(signed + length)
}

/// The end of a fraction such as `/2` at the offset `at`.
fn fraction_end(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?.strip_prefix(b"/")?;
    let length = count_digits(rest);
    (length > 0).then_some(at + 1 + length)
}

/// How a text renders a number.
struct Rendering {
    whole: usize,
    has_leading_zeros: bool,
    exact: bool,
}

fn parse_rendering(text: &str, size: f64) -> Option<Rendering> {
    if let Some((mantissa, exponent)) = text.split_once(['E', 'e']) {
        let mantissa = mantissa.replace(',', ".");
        let step = decimals(&mantissa) as i32;
        let exponent: i32 = exponent.parse().ok()?;
        let shown: f64 = format!("{mantissa}e{exponent}").parse().ok()?;
        return rendering_if_close(shown, size, 10_f64.powi(exponent.saturating_sub(step)));
    }
    if let Some((upper, lower)) = text.split_once('/') {
        let (whole, upper) = upper.rsplit_once(' ').unwrap_or(("0", upper));
        let [whole, upper, lower] = [whole, upper, lower].map(|part| part.replace(' ', "").parse::<f64>().ok());
        let (whole, upper, lower) = (whole?, upper?, lower?);
        return if lower > 0.0 { rendering_if_close(whole + upper / lower, size, 1.0 / lower) } else { None };
    }
    let decimal = text.rfind([',', '.']).map(|at| (&text[..at], &text[at..at + 1], &text[at + 1..]));
    let decimal = decimal.filter(|(whole, sign, _)| !whole.contains(sign));
    let renderings = [Some((text, "", "")), decimal];
    renderings.into_iter().flatten().find_map(|(whole, _, fraction)| {
        let whole = strip_grouping(whole)?;
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let shown: f64 = format!("0{whole}.{fraction}").parse().ok()?;
        let has_leading_zeros = whole.len() > 1 && whole.starts_with('0');
        let near = rendering_if_close(shown, size, 0.1_f64.powi(fraction.len() as i32))?;
        Some(Rendering { whole: whole.len(), has_leading_zeros, ..near })
    })
}

fn decimals(number: &str) -> usize {
    number.split_once('.').map_or(0, |(_, fraction)| fraction.len())
}

/// A match within half a unit of the last digit, as rounding gives it.
fn rendering_if_close(shown: f64, size: f64, step: f64) -> Option<Rendering> {
    let (difference, tolerance) = ((shown - size).abs(), size * 1e-14);
    (difference <= step * 0.500_000_1 + tolerance).then_some(Rendering {
        whole: 0,
        has_leading_zeros: false,
        exact: difference <= tolerance,
    })
}

/// The digits without separators: groups of three, Indian groups of two, Chinese groups of four, or any groups
/// between spaces.
fn strip_grouping(whole: &str) -> Option<String> {
    let sign = whole.chars().find(|c| matches!(c, ',' | '.' | '\''));
    if let Some(sign) = sign {
        let groups: Vec<usize> = whole.split(sign).map(str::len).collect();
        let (first, rest) = groups.split_first()?;
        let (last, inner) = rest.split_last()?;
        let regular = |length: usize| *last == length && inner.iter().all(|group| *group == length) && *first <= length;
        let indian = *last == 3 && inner.iter().all(|group| *group == 2) && *first <= 2;
        if *first == 0 || !(regular(3) || regular(4) || indian) {
            return None;
        }
    }
    let digits: String = whole.chars().filter(|c| Some(*c) != sign && *c != ' ').collect();
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_again() {
        let found = |start, end, whole, has_leading_zeros| Some(NumberSpan { start, end, whole, has_leading_zeros });
        for (text, size, expected) in [
            ("5", 5.0, found(0, 1, 1, false)),
            ("a 1 234,50 b", 1234.5, found(2, 10, 4, false)),
            ("2: 007", 7.0, found(3, 6, 3, true)),
            ("x.5", 5.0, found(2, 3, 1, false)),
            ("x.5", 0.5, found(1, 3, 0, false)),
            ("1,2E+05 Вт", 123_456.0, found(0, 7, 0, false)),
            ("1.2.3", 123.0, None),
            ("1.2.3", 1.2, None),
            ("1,,2", 12.0, None),
            ("", 0.0, None),
            ("1E+999999999999", 5.0, None),
            ("1/0", 5.0, None),
            ("10:00", 0.3, None),
            ("00:30", 0.02, None),
            ("5,4 м2", 5.43, found(0, 3, 1, false)),
        ] {
            assert_eq!(find_number(text, size), expected, "{text}");
        }
        assert_eq!(find_number(&"1 ".repeat(100_000), 5.0), None);
    }
}
