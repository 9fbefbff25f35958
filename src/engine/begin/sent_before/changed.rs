//! New rows of a source that replace sent rows which are no longer in it: they may be the sent rows, changed. Both versions of
//! the source are aligned by the rows that they have in common; rows between two common rows belong together. Pure.

use crate::engine::begin::sent_before::equal::by_hash;
use sheet_source::RowHashes;
use std::ops::Range;

/// The position of a new row, and the position of the vanished row that it replaces; `None` where it may be one of several.
pub type Replacement = (usize, Option<usize>);

/// The positions of a common row in the old and in the new version.
type CommonRow = (usize, usize);

/// Finds the replacements. `sent` tells of which old positions records were sent; `free` which new positions are not held back
/// yet. With `keyed`, keys identify rows where their order does not.
pub fn find_replacements(
    then: &RowHashes,
    sent: &dyn Fn(usize) -> bool,
    now: &RowHashes,
    free: &dyn Fn(usize) -> bool,
    keyed: bool,
) -> Vec<Replacement> {
    let shared = common_rows(then, now);
    let (mut then_left, mut now_left) = (vec![true; then.len()], vec![true; now.len()]);
    for &(old, new) in &shared {
        then_left[old] = false;
        now_left[new] = false;
    }
    let vanished = |old: usize| then_left[old] && sent(old);
    let new = |position: usize| now_left[position] && free(position);
    let mut all_vanished = (0..then.len()).filter(|old| vanished(*old));
    let Some(first_vanished) = all_vanished.next() else { return Vec::new() };
    let only_vanished = Some(first_vanished).filter(|_| all_vanished.next().is_none());
    let anchors = longest_increasing(&shared);
    if anchors.len() < shared.len() {
        // The order of the rows has changed, so positions say nothing.
        let all = (0..now.len()).filter(|position| new(*position));
        let same_number = |position: usize| then.position(now.numbers()[position]).filter(|old| vanished(*old));
        return match keyed {
            true => all.filter_map(|position| Some((position, Some(same_number(position)?)))).collect(),
            false => all.map(|position| (position, same_number(position).or(only_vanished))).collect(),
        };
    }
    let mut places = Vec::new();
    let (mut old_from, mut new_from) = (0, 0);
    let end = (then.len(), now.len());
    for (n, &(old_to, new_to)) in anchors.iter().chain([&end]).enumerate() {
        let olds: Vec<usize> = (old_from..old_to).filter(|old| then_left[*old]).collect();
        let news: Vec<usize> = (new_from..new_to).filter(|position| new(*position)).collect();
        places.extend(replacements_between(&olds, &news, &vanished, n == anchors.len()));
        (old_from, new_from) = (old_to + 1, new_to + 1);
    }
    places
}

/// Replacements among the rows between two common rows, `olds` before and `news` now.
fn replacements_between(
    olds: &[usize],
    news: &[usize],
    vanished: &dyn Fn(usize) -> bool,
    at_end: bool,
) -> Vec<Replacement> {
    let mut missing = olds.iter().copied().filter(|old| vanished(*old));
    let Some(first) = missing.next() else { return Vec::new() };
    let only = Some(first).filter(|_| missing.next().is_none());
    // Rows are added at the end; elsewhere, if the number of rows differs, it is unknown which row is which.
    let in_step = news.len() == olds.len() || (at_end && news.len() > olds.len());
    let mut places = Vec::new();
    for (n, new) in news.iter().enumerate() {
        match olds.get(n).copied().filter(|old| vanished(*old)) {
            Some(old) => places.push((*new, Some(old).filter(|_| in_step).or(only))),
            None if !in_step => places.push((*new, only)),
            None => {}
        }
    }
    places
}

/// The positions of the common rows, old and new; equal rows are paired in their order.
pub fn common_rows(then: &RowHashes, now: &RowHashes) -> Vec<CommonRow> {
    let (old, new) = (by_hash(then), by_hash(now));
    let hash_then = |n: usize| then.hashes()[old[n] as usize];
    let hash_now = |n: usize| now.hashes()[new[n] as usize];
    let (mut a, mut b, mut shared) = (0, 0, Vec::new());
    while a < old.len() && b < new.len() {
        match hash_then(a).cmp(&hash_now(b)) {
            std::cmp::Ordering::Less => a += 1,
            std::cmp::Ordering::Greater => b += 1,
            std::cmp::Ordering::Equal => {
                let olds = equal_range(a..old.len(), |n| hash_then(n) == hash_then(a));
                let news = equal_range(b..new.len(), |n| hash_now(n) == hash_now(b));
                (a, b) = (olds.end, news.end);
                shared.extend(pair(&old[olds], &new[news]));
            }
        }
    }
    shared.sort_unstable();
    shared
}

fn equal_range(range: Range<usize>, same: impl Fn(usize) -> bool) -> Range<usize> {
    let end = range.clone().find(|n| !same(*n)).unwrap_or(range.end);
    range.start..end
}

fn pair(old: &[u32], new: &[u32]) -> impl Iterator<Item = CommonRow> {
    old.iter().zip(new).map(|(old, new)| (*old as usize, *new as usize))
}

/// The longest subsequence of the pairs in which both sides increase.
fn longest_increasing(pairs: &[CommonRow]) -> Vec<CommonRow> {
    // The pair that ends the best chain of each length, and the predecessor of each pair.
    let (mut ends, mut before): (Vec<usize>, Vec<Option<usize>>) = (Vec::new(), vec![None; pairs.len()]);
    for (n, pair) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].1 < pair.1);
        before[n] = length.checked_sub(1).map(|shorter| ends[shorter]);
        match ends.get_mut(length) {
            Some(end) => *end = n,
            None => ends.push(n),
        }
    }
    let mut chain: Vec<CommonRow> =
        std::iter::successors(ends.last().copied(), |n| before[*n]).map(|n| pairs[n]).collect();
    chain.reverse();
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A letter is a row; of those then, capital ones were sent.
    fn found(then: &str, now: &str, keyed: bool) -> String {
        let rows = |text: &str| -> RowHashes {
            text.bytes().zip(2..).map(|(letter, number)| (number, u64::from(letter.to_ascii_lowercase()))).collect()
        };
        let sent = |position: usize| then.as_bytes()[position].is_ascii_uppercase();
        // What is held back: as many as were sent.
        let mut left: Vec<u8> = then.bytes().filter(u8::is_ascii_uppercase).map(|l| l.to_ascii_lowercase()).collect();
        let held: Vec<bool> = now
            .bytes()
            .map(|letter| {
                let at = left.iter().position(|sent| *sent == letter);
                at.map(|at| left.remove(at)).is_some()
            })
            .collect();
        let places = find_replacements(&rows(then), &sent, &rows(now), &|position| !held[position], keyed);
        let letter = |text: &str, at: usize| char::from(text.as_bytes()[at]);
        let described =
            |(new, old): &Replacement| format!("{}{} ", letter(now, *new), old.map_or('?', |old| letter(then, old)));
        places.iter().map(described).collect::<String>()
    }

    #[test]
    fn a_new_row_in_the_place_of_a_vanished_one_is_found() {
        for (what, then, now, expected) in [
            ("nothing changed", "ABC", "abc", ""),
            ("rows added", "ABC", "abcde", ""),
            ("rows added in front and between", "ABC", "xaybzc", ""),
            ("one corrected", "ABC", "axc", "xB "),
            ("the first", "ABC", "xbc", "xA "),
            ("the last", "ABC", "abx", "xC "),
            ("the last, and rows added", "ABC", "abxyz", "xC "),
            ("one corrected, and a row added in front", "ABCD", "yaxcd", "xB "),
            ("one corrected, and a row added beside it", "ABC", "ayxc", "yB xB "),
            ("two corrected", "ABCD", "axyd", "xB yC "),
            ("two became one", "ABCD", "axd", "x? "),
            ("one taken out", "ABC", "ac", ""),
            ("one taken out, and rows added", "ABC", "acxy", ""),
            ("one that was refused, corrected", "AbC", "axc", ""),
            ("and its neighbour as well", "AbCD", "axyd", "yC "),
            ("rows that were not asked for", "ABcde", "abxyz", ""),
            ("the last that was sent", "ABcde", "axcde", "xB "),
            ("a window that moves on", "ABCD", "cdef", ""),
            ("equal rows", "AAB", "aaxb", ""),
            ("one of equal rows", "AAB", "axb", "xA "),
        ] {
            assert_eq!(found(then, now, false), expected, "{what}");
        }
    }

    #[test]
    fn where_the_order_is_another_every_new_row_may_be_the_vanished_one_unless_keys_tell() {
        assert_eq!(found("ABCD", "dcxa", false), "xB ");
        assert_eq!(found("ABCD", "dcxa", true), "");
        assert_eq!(found("ABCD", "dxca", true), "xB ");
        assert_eq!(found("ABCD", "dcbaxy", false), "");
    }
}
