//! Currency signs and codes, and the currencies that each can mean. A sign matches every currency that is written
//! with it; a code matches one.

/// A sign or code, stored as its index in the tables below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrencySign(u8);

/// Signs and words in lower case, without the full stop of an abbreviation, with the codes (ISO 4217) of the
/// currencies that use them.
#[rustfmt::skip]
const SIGNS: [(&str, &[&str]); 63] = [
    ("₽", &["RUB"]), ("р", &["RUB", "BYN"]), ("руб", &["RUB", "BYN"]), ("рубль", &["RUB", "BYN"]), ("рубля", &["RUB", "BYN"]),
    ("рублей", &["RUB", "BYN"]), ("rur", &["RUB"]), ("rub", &["RUB"]), ("br", &["BYN"]), ("byr", &["BYN"]),
    ("$", &["USD", "AUD", "CAD", "NZD", "SGD", "HKD", "TWD", "MXN", "ARS", "CLP", "COP", "UYU", "DOP", "BSD", "BBD", "BMD",
            "BZD", "BND", "FJD", "GYD", "JMD", "KYD", "LRD", "NAD", "SBD", "SRD", "TTD", "XCD", "CVE", "NIO", "BRL"]),
    ("us$", &["USD"]), ("долл", &["USD"]), ("доллар", &["USD"]), ("доллара", &["USD"]), ("долларов", &["USD"]),
    ("r$", &["BRL"]), ("a$", &["AUD"]), ("c$", &["CAD"]), ("ca$", &["CAD"]), ("mx$", &["MXN"]), ("nz$", &["NZD"]), ("hk$", &["HKD"]), ("s$", &["SGD"]),
    ("€", &["EUR"]), ("евро", &["EUR"]),
    ("£", &["GBP", "EGP", "LBP", "SYP", "SDG", "SSP", "GIP", "FKP", "SHP"]),
    ("¥", &["JPY", "CNY"]), ("￥", &["JPY", "CNY"]), ("元", &["CNY", "TWD", "HKD"]), ("円", &["JPY"]), ("юань", &["CNY"]), ("юаней", &["CNY"]),
    ("₸", &["KZT"]), ("тенге", &["KZT"]), ("тг", &["KZT"]),
    ("₴", &["UAH"]), ("грн", &["UAH"]),
    ("сум", &["UZS"]), ("so'm", &["UZS"]), ("сом", &["KGS", "TJS"]),
    ("₺", &["TRY"]), ("tl", &["TRY"]), ("₾", &["GEL"]), ("₼", &["AZN"]), ("֏", &["AMD"]),
    ("₹", &["INR"]), ("₩", &["KRW", "KPW"]), ("₪", &["ILS"]), ("₫", &["VND"]), ("₦", &["NGN"]), ("₱", &["PHP"]), ("฿", &["THB"]),
    ("zł", &["PLN"]), ("kč", &["CZK"]), ("ft", &["HUF"]), ("lei", &["RON", "MDL"]), ("лв", &["BGN"]),
    ("kr", &["SEK", "NOK", "DKK", "ISK"]), ("kr.", &["SEK", "NOK", "DKK", "ISK"]), ("chf", &["CHF"]), ("fr", &["CHF"]), ("s/", &["PEN"]),
];

/// All codes in use. [ISO 4217]
#[rustfmt::skip]
const CODES: [&str; 156] = [
    "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BHD", "BIF", "BMD", "BND", "BOB", "BRL",
    "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLP", "CNY", "COP", "CRC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP",
    "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HRK", "HTG", "HUF", "IDR", "ILS",
    "INR", "IQD", "IRR", "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD",
    "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK",
    "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK",
    "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH",
    "UGX", "USD", "UYU", "UZS", "VED", "VES", "VND", "VUV", "WST", "XAF", "XCD", "XOF", "XPF", "YER", "ZAR", "ZMW",
];

impl CurrencySign {
    /// Parses a sign, a word or a code in any case, with or without a full stop.
    pub fn parse(written: &str) -> Option<CurrencySign> {
        let word = written.strip_suffix('.').unwrap_or(written);
        // The currency code `Ft` means forints; `ft` in lower case means feet.
        if word == "ft" {
            return None;
        }
        let same = |sign: &str| word.chars().flat_map(char::to_lowercase).eq(sign.chars());
        let sign = SIGNS.iter().position(|(sign, _)| same(sign));
        let code = || CODES.iter().position(|code| word.eq_ignore_ascii_case(code)).map(|nth| SIGNS.len() + nth);
        sign.or_else(code).and_then(|index| u8::try_from(index).ok()).map(CurrencySign)
    }

    /// The text for people, which `parse` reads again: the code if there is exactly one, otherwise the sign.
    pub fn as_str(self) -> &'static str {
        let index = usize::from(self.0);
        match SIGNS.get(index) {
            Some((_, [code])) => code,
            Some((sign, _)) => sign,
            None => CODES[index - SIGNS.len()],
        }
    }

    /// True if an amount with this sign can be in the currency of this code.
    pub fn fits(self, code: &str) -> bool {
        let index = usize::from(self.0);
        match SIGNS.get(index) {
            Some((_, codes)) => codes.iter().any(|one| one.eq_ignore_ascii_case(code)),
            None => CODES[index - SIGNS.len()].eq_ignore_ascii_case(code),
        }
    }
}

/// True for a currency code in use.
pub fn is_currency_code(code: &str) -> bool {
    CODES.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_fit_all_their_currencies_and_codes_one() {
        for (written, fitting, not) in [
            ("$", &["USD", "MXN", "CAD"][..], &["RUB", "EUR"][..]),
            ("руб.", &["RUB", "BYN"], &["USD"]),
            ("RUB", &["RUB"], &["BYN", "USD"]),
            ("usd", &["USD"], &["MXN"]),
            ("kr", &["SEK", "NOK", "DKK"], &["EUR"]),
            ("¥", &["JPY", "CNY"], &["KRW"]),
            ("Zł", &["PLN"], &["CZK"]),
            ("ZMW", &["ZMW"], &["RUB"]),
        ] {
            let sign = CurrencySign::parse(written).expect(written);
            assert!(fitting.iter().all(|code| sign.fits(code)), "{written}");
            assert!(!not.iter().any(|code| sign.fits(code)), "{written}");
        }
        for other in ["шт", "тыс. руб.", "", "кг", "abcd", "XYZ"] {
            assert_eq!(CurrencySign::parse(other), None, "{other}");
        }
        assert!(CurrencySign::parse("₽").is_some_and(|sign| sign.as_str() == "RUB"));
        assert!(SIGNS.len() + CODES.len() <= 256);
    }
}
