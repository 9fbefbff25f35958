//! Values of options, parsed.

use crate::engine::MaxErrors;
use amo_model::{Action, Kind};
use sheet_source::HiddenRows;

pub fn hidden_rows(text: &str) -> Result<HiddenRows, String> {
    HiddenRows::from_word(text).ok_or_else(|| format!("it is one of: {}", HiddenRows::WORDS.join(", ")))
}

pub fn delimiter(text: &str) -> Result<char, String> {
    let mut chars = text.chars();
    match (text, chars.next(), chars.next()) {
        ("tab" | "\\t", _, _) => Ok('\t'),
        (_, Some(c), None) => Ok(c),
        _ => Err("a delimiter is one character, or \"tab\"".to_owned()),
    }
}

pub fn decimal(text: &str) -> Result<char, String> {
    match text {
        "." => Ok('.'),
        "," => Ok(','),
        _ => Err("a decimal sign is . or ,".to_owned()),
    }
}

/// `None` is "auto".
pub type BatchLimit = Option<usize>;

pub fn batch(text: &str) -> Result<BatchLimit, String> {
    match text {
        "auto" => Ok(None),
        _ => match text.parse() {
            Ok(0) | Err(_) => Err("a number of records, or \"auto\"".to_owned()),
            Ok(size) => Ok(Some(size)),
        },
    }
}

/// `60s`, `2m`, `90`.
pub fn seconds(text: &str) -> Result<u64, String> {
    let invalid = || "a time is written 60s or 2m".to_owned();
    let (number, unit) = match text.strip_suffix('m') {
        Some(minutes) => (minutes, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).ok_or_else(invalid)
}

pub fn positive_seconds(text: &str) -> Result<u64, String> {
    seconds(text).and_then(|seconds| if seconds > 0 { Ok(seconds) } else { Err("at least 1s".to_owned()) })
}

/// `2-50`, `2-`, `17`.
pub fn rows(text: &str) -> Result<(u32, u32), String> {
    let invalid = || "rows are written 2-50, 2- or 17".to_owned();
    let number = |part: &str| part.trim().parse::<u32>().map_err(|_| invalid());
    let (first, last) = match text.split_once('-') {
        Some((first, "")) => (number(first)?, u32::MAX),
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    if first == 0 || first > last { Err(invalid()) } else { Ok((first, last)) }
}

/// `10`, or `1%` of the records.
pub fn max_errors(text: &str) -> Result<MaxErrors, String> {
    let read = match text.strip_suffix('%') {
        Some(share) => share.parse().ok().filter(|p| (0.0..=100.0).contains(p)).map(MaxErrors::Percent),
        None => text.parse().ok().map(MaxErrors::Records),
    };
    read.ok_or_else(|| "a number of records, or a share such as 1%".to_owned())
}

/// Parses a kind.
pub fn kind(text: &str) -> Result<Kind, String> {
    Kind::from_name(text).ok_or_else(|| format!("kinds are {}", Kind::ALL.map(Kind::name).join(", ")))
}

/// Parses an action.
pub fn action(text: &str) -> Result<Action, String> {
    Action::from_name(text).ok_or_else(|| format!("actions are {}", Action::ALL.map(Action::name).join(", ")))
}

/// Parses a kind that can be exported.
pub fn exported_kind(text: &str) -> Result<Kind, String> {
    Kind::exported().find(|kind| kind.name() == text).ok_or_else(|| {
        let names: Vec<&str> = Kind::exported().map(Kind::name).collect();
        format!("kinds are {}", names.join(", "))
    })
}

/// The value of a variable that stands for an option without a value, in the ways people write it.
pub fn truth(text: &str) -> Result<bool, String> {
    match text.trim().to_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Ok(true),
        "" | "0" | "false" | "f" | "no" | "n" | "off" => Ok(false),
        _ => Err("the environment variable of this option takes 1, true, yes, on, or 0, false, no, off".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_truth_value_may_be_written_in_many_ways() {
        for (texts, value) in [
            (&["1", "true", "TRUE", "Yes", "on", "y", " on "][..], Some(true)),
            (&["0", "false", "No", "OFF", "n", "", " "], Some(false)),
            (&["2", "maybe", "да", "tru"], None),
        ] {
            assert!(texts.iter().all(|text| truth(text).ok() == value), "{texts:?}");
        }
    }
}
