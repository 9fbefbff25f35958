//! Splits a text into values that may contain the separator: the service's own export joins options by `, `, whatever
//! they contain.

use super::split;

/// The text can be split in more than one way.
#[derive(Debug, PartialEq, Eq)]
pub struct AmbiguousSplit;

/// The parts of a text: the text itself if it is known, else the split with the fewest unknown parts. A known part has
/// at most `widest` pieces.
pub fn parts<'t>(
    text: &'t str,
    separators: &'t [String],
    widest: usize,
    mut known: impl FnMut(&str) -> bool,
) -> Result<Vec<&'t str>, AmbiguousSplit> {
    if separators.is_empty() {
        return Ok(vec![text]);
    }
    let pieces: Vec<&str> = split::split(text, separators).collect();
    if pieces.len() < 2 || widest < 2 {
        return Ok(pieces);
    }
    if known(text.trim()) {
        return Ok(vec![text.trim()]);
    }
    let start = |piece: &str| piece.as_ptr() as usize - text.as_ptr() as usize;
    let between = |from: usize, to: usize| &text[start(pieces[from])..start(pieces[to]) + pieces[to].len()];
    // For the first n pieces: the fewest unknown parts, the number of ways, and the pieces of the last part.
    let mut best = vec![(0usize, 1usize, 0usize)];
    for end in 0..pieces.len() {
        let mut found = (usize::MAX, 0, 0);
        for begin in (0..=end).rev().take(widest) {
            let is_known = known(between(begin, end));
            if !is_known && begin < end {
                continue;
            }
            let (unknown, ways, _) = best[begin];
            let unknown = unknown + usize::from(!is_known);
            if unknown < found.0 {
                found = (unknown, ways, end + 1 - begin);
            } else if unknown == found.0 {
                found = (unknown, ways.saturating_add(found.1), end + 1 - begin);
            }
        }
        best.push(found);
    }
    if best[pieces.len()].1 > 1 {
        return Err(AmbiguousSplit);
    }
    let (mut parts, mut end) = (Vec::new(), pieces.len());
    while end > 0 {
        let begin = end - best[end].2;
        parts.push(between(begin, end - 1));
        end = begin;
    }
    parts.reverse();
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_found_whatever_they_hold() {
        let options = ["Обучение", "Аренда, лизинг", "а", "а, б", "б, в", "в", "x, y, z"];
        for (text, expected) in [
            ("Аренда, лизинг", Ok(&["Аренда, лизинг"][..])),
            ("Обучение, Аренда, лизинг", Ok(&["Обучение", "Аренда, лизинг"])),
            ("Аренда, лизинг, Обучение;Обучение", Ok(&["Аренда, лизинг", "Обучение", "Обучение"])),
            ("нет, Аренда, лизинг", Ok(&["нет", "Аренда, лизинг"])),
            ("Аренда, нет", Ok(&["Аренда", "нет"])),
            ("x, y, z, а", Ok(&["x, y, z", "а"])),
            ("а, б", Ok(&["а, б"])),
            ("а, б, в", Err(AmbiguousSplit)),
            ("Обучение, ", Ok(&["Обучение"])),
        ] {
            let separators = [",".to_owned(), ";".to_owned()];
            let found = parts(text, &separators, 3, |text| options.contains(&text));
            assert_eq!(found.as_deref(), expected.as_deref(), "{text}");
        }
        assert_eq!(parts("а, б", &[], 3, |_| false).as_deref(), Ok(&["а, б"][..]));
    }
}
