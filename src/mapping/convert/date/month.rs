//! Month names in the languages of the accounts: Russian, English, Spanish, Portuguese.

/// Lower case, January first; Russian also in the genitive, as used in dates.
const MONTHS: [&[&str]; 12] = [
    &["январь", "января", "january", "enero", "janeiro"],
    &["февраль", "февраля", "february", "febrero", "fevereiro"],
    &["март", "марта", "march", "marzo", "março"],
    &["апрель", "апреля", "april", "abril"],
    &["май", "мая", "may", "mayo", "maio"],
    &["июнь", "июня", "june", "junio", "junho"],
    &["июль", "июля", "july", "julio", "julho"],
    &["август", "августа", "august", "agosto"],
    &["сентябрь", "сентября", "september", "septiembre", "setembro"],
    &["октябрь", "октября", "october", "octubre", "outubro"],
    &["ноябрь", "ноября", "november", "noviembre", "novembro"],
    &["декабрь", "декабря", "december", "diciembre", "dezembro"],
];

/// The fewest letters of an abbreviation: no two months of these languages begin with the same three.
const SHORT: usize = 3;

/// The month with this name or abbreviation, from 1.
pub(super) fn month(word: &str) -> Option<i8> {
    if word.chars().count() < SHORT {
        return None;
    }
    let named = |name: &&str| {
        let mut name = name.chars();
        word.chars().flat_map(char::to_lowercase).all(|c| name.next() == Some(c))
    };
    (1..).zip(MONTHS).find(|(_, names)| names.iter().any(named)).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_known_by_its_name_and_by_three_letters_of_it() {
        for (word, expected) in [
            ("марта", Some(3)),
            ("Мар", Some(3)),
            ("МАЯ", Some(5)),
            ("май", Some(5)),
            ("сент", Some(9)),
            ("September", Some(9)),
            ("Sep", Some(9)),
            ("Set", Some(9)),
            ("ene", Some(1)),
            ("dez", Some(12)),
            ("ма", None),
            ("марток", None),
            ("", None),
        ] {
            assert_eq!(month(word), expected, "{word}");
        }
        for (index, names) in MONTHS.iter().enumerate() {
            for name in *names {
                let short: String = name.chars().take(SHORT).collect();
                assert_eq!(month(&short), Some(index as i8 + 1), "{short}");
            }
        }
    }
}
