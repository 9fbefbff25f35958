//! Words with which people begin a row of totals.

/// In lower case, in the languages of the accounts.
#[rustfmt::skip]
const TOTALS: [&str; 15] = [
    "итого", "итог", "всего", "сумма", "подытог", "total", "totals", "subtotal", "sum", "разом", "всього", "suma", "subtotales", "totales", "жиыны",
];
/// Words that may come before them.
const BEFORE: [&str; 4] = ["grand", "общая", "общий", "в"];

/// `Итого:`, `Total for May`
pub fn begins_with_total(text: &str) -> bool {
    // Nearly every cell begins with another letter.
    let first = text.trim_start().chars().next().unwrap_or_default();
    if !matches!(
        first,
        'и' | 'в'
            | 'с'
            | 'п'
            | 'о'
            | 'р'
            | 'ж'
            | 'И'
            | 'В'
            | 'С'
            | 'П'
            | 'О'
            | 'Р'
            | 'Ж'
            | 't'
            | 's'
            | 'g'
            | 'T'
            | 'S'
            | 'G'
    ) {
        return false;
    }
    let mut words = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).map(str::to_lowercase);
    let first = words.next().unwrap_or_default();
    match BEFORE.contains(&first.as_str()) {
        true => words.next().is_some_and(|second| TOTALS.contains(&second.as_str())),
        false => TOTALS.contains(&first.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_known_by_their_first_word() {
        for (text, total) in [
            ("Итого", true),
            ("ИТОГО:", true),
            ("Всего по списку", true),
            ("Grand total", true),
            ("Subtotal", true),
            ("Итоговая анкета", false),
            ("Grand Hotel", false),
            ("Стол", false),
            ("Totalitarian", false),
            ("", false),
        ] {
            assert_eq!(begins_with_total(text), total, "{text}");
        }
    }
}
