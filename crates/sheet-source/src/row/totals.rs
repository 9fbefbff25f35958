//! Words at the start of a row of totals, and at the end of the labels that programs write.

/// In lower case, in the languages of the accounts.
#[rustfmt::skip]
const TOTAL_WORDS: [&str; 16] = [
    "итого", "итог", "итоги", "всего", "сумма", "подытог", "total", "totals", "subtotal", "sum", "разом", "всього", "suma", "subtotales", "totales", "жиыны",
];
/// Words that can come before them.
const PREFIXES: [&str; 6] = ["grand", "общая", "общий", "общие", "промежуточный", "в"];
/// Excel ends the name of a subtotalled group with these: `Столы Итог`.
const SUFFIXES: [&str; 3] = ["итог", "итоги", "total"];
/// `Итого:`, `Total for May`, `Tables Total`
pub fn is_total_label(text: &str) -> bool {
    may_end(text) && ends_with_total(text) || may_begin(text) && starts_with_total(text)
}

fn ends_with_total(text: &str) -> bool {
    let last = text.trim_end().rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    SUFFIXES.iter().any(|word| is_word(last, word))
}

/// Works like [`may_begin`], with the last letter.
fn may_end(text: &str) -> bool {
    matches!(text.trim_end().chars().next_back(), Some('г' | 'Г' | 'и' | 'И' | 'l' | 'L'))
}

fn starts_with_total(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    match words.next() {
        Some(first) if PREFIXES.iter().any(|word| is_word(first, word)) => words.next().is_some_and(is_total),
        Some(first) => is_total(first),
        None => false,
    }
}

fn is_total(word: &str) -> bool {
    TOTAL_WORDS.iter().any(|total| is_word(word, total))
}

/// True if `word` is `lower` in any case; allocates nothing.
fn is_word(word: &str, lower: &str) -> bool {
    word.len() == lower.len() && word.chars().flat_map(char::to_lowercase).eq(lower.chars())
}

/// False for nearly every text: its first two letters start none of the words. It runs for every row, often twice.
fn may_begin(text: &str) -> bool {
    let mut letters = text.chars().skip_while(|c| !is_letter(*c)).map(lower);
    let begins = (letters.next().unwrap_or_default(), letters.next().unwrap_or_default());
    match begins {
        ('и', 'т') | ('в', 'с') | ('с', 'у') | ('п', 'о' | 'р') | ('р', 'а') | ('о', 'б') | ('ж', 'и') => {
            true
        }
        ('t', 'o') | ('s', 'u') | ('g', 'r') => true,
        ('в', second) => !is_letter(second),
        _ => false,
    }
}

/// Equals the standard library, which looks up most non-ASCII letters in a table.
fn is_letter(c: char) -> bool {
    match c {
        '\0'..='\x7f' => c.is_ascii_alphabetic(),
        'А'..='я' => true,
        _ => c.is_alphabetic(),
    }
}

fn lower(c: char) -> char {
    match c {
        '\0'..='\x7f' => c.to_ascii_lowercase(),
        'а'..='я' => c,
        'А'..='Я' => char::from_u32(c as u32 + 32).unwrap_or(c),
        _ => c.to_lowercase().next().unwrap_or(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_passes_the_look_at_two_letters() {
        for word in TOTAL_WORDS.iter().chain(&PREFIXES) {
            for text in [word.to_string(), word.to_uppercase(), format!("— {word}: 1")] {
                assert!(may_begin(&text), "{text}");
            }
        }
    }

    #[test]
    fn totals_are_known_by_their_first_word() {
        for (text, total) in [
            ("Итого", true),
            ("ИТОГО:", true),
            ("Всего по списку", true),
            ("Grand total", true),
            ("Subtotal", true),
            ("Столы Итог", true),
            ("Tables Total", true),
            ("Промежуточный итог", true),
            ("Подытог", true),
            ("Стали", false),
            ("Итоговая анкета", false),
            ("Grand Hotel", false),
            ("Стол", false),
            ("Totalitarian", false),
            ("Subtotalesque", false),
            ("— В том числе", false),
            ("** В итоге: всего", false),
            ("Общие итоги", true),
            ("общая сумма", true),
            ("", false),
        ] {
            assert_eq!(is_total_label(text), total, "{text}");
        }
    }
}
