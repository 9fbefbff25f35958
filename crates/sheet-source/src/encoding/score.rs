//! Rates the code pages of a text: the best page gives the most likely words of some languages. It is used without
//! confirmation only if it is clearly ahead of every page that reads the text differently, and if its words are known
//! or likely.

use super::code_page::{CodePage, HighByte, pages};
use super::evidence::{Evidence, NonAsciiWord};
use super::language_model::{self, LanguageModel, Neighbour, Script};
use std::collections::HashSet;

/// How far the best page must be ahead of the next, in natural logarithms, and how much more for a single word, which
/// can be a word of another page by chance.
const LEAD_MIN: f32 = 6.5;
const LEAD_MIN_OF_ONE_WORD: f32 = 4.0;
const FEW_WORDS: f32 = 6.0;
/// How much more likely than noise all words together must be, and each of them on average.
pub const WORDS_OVER_NOISE: f32 = 2.5;
pub const WORD_OVER_NOISE: f32 = 0.2;
/// The share of words that can be worse than noise.
pub const NOISE_SHARE: f32 = 0.5;

/// How much more likely than noise a word must be to exclude chance, and how much more likely in one page than in the
/// other to belong to that page.
const CLEARLY_A_WORD: f32 = 1.5;
const BETTER: f32 = 3.0;

/// A page and how well it explains the words.
pub struct PageScore {
    pub page: &'static CodePage,
    pub score: f32,
    /// How much more likely than noise all words are.
    pub over_noise: f32,
    /// The same for each word, in the best language.
    pub words: Vec<f32>,
    /// The decoded words.
    decoded: Vec<String>,
}

impl PageScore {
    /// True if the text consists of words in this page.
    pub fn makes_words(&self) -> bool {
        self.over_noise >= WORDS_OVER_NOISE
            && self.over_noise >= WORD_OVER_NOISE * self.words.len() as f32
            && self.noise_words() as f32 <= NOISE_SHARE * self.words.len() as f32
    }

    /// The number of words that are worse than noise.
    pub fn noise_words(&self) -> usize {
        self.words.iter().filter(|word| **word < 0.0).count()
    }

    /// How many of the words are words of the other page.
    fn count_words_of(&self, other: &PageScore) -> usize {
        self.words
            .iter()
            .zip(&other.words)
            .filter(|(here, there)| **there > CLEARLY_A_WORD && *there - *here > BETTER)
            .count()
    }
}

/// True if the best page is not far enough ahead of this one, measured by the words that they decode differently.
pub fn is_close(best: &PageScore, other: &PageScore) -> bool {
    let differently = best.decoded.iter().zip(&other.decoded).filter(|(here, there)| here != there).count();
    // More words make the language more certain.
    let unknown = (FEW_WORDS / best.words.len().max(1) as f32).min(1.0);
    best.score - other.score < LEAD_MIN + LEAD_MIN_OF_ONE_WORD * unknown / differently.max(1) as f32
}

/// True if the file contains more than one encoding: some words belong to the best page, some to the other.
pub fn is_mixed(best: &PageScore, other: &PageScore) -> bool {
    const WORDS: usize = 3;
    best.count_words_of(other) >= WORDS
}

/// All pages, best first; pages that decode the text equally are listed once. `known` are expected words in lower
/// case.
pub fn score_pages(evidence: &Evidence, known: &HashSet<String>) -> Vec<PageScore> {
    let words = evidence.words();
    let plain = ascii_likelihoods(evidence);
    let mut scored: Vec<PageScore> = Vec::new();
    for page in pages() {
        let alike =
            |other: &PageScore| evidence.bytes().all(|byte| other.page.byte(byte).shown == page.byte(byte).shown);
        if !scored.iter().any(alike) {
            scored.push(score_page(page, &words, (&plain, known)));
        }
    }
    scored.sort_by(|a, b| b.score.total_cmp(&a.score));
    scored
}

/// A language with its weight in a page.
struct WeightedModel {
    model: &'static LanguageModel,
    weight: f32,
}

/// The weight of a language with letters that are not in the page.
const NOT_ALL_LETTERS: f32 = -4.0;
/// The minimum share of a language; otherwise the first words would decide the page.
const SHARE_MIN: f32 = 0.01;
/// The share of words that belong to no language.
const NOISE: f32 = 0.005;

fn page_models(page: &CodePage) -> Vec<WeightedModel> {
    let models = language_model::models().iter().filter(|model| page.has_script(model.script));
    models
        .map(|model| {
            let has = |c: &char| page.high_bytes.iter().any(|sign| sign.letter == Some(*c));
            let all = model.letters.iter().all(has);
            WeightedModel { model, weight: if all { 0.0 } else { NOT_ALL_LETTERS } }
        })
        .collect()
}

/// What the ASCII words show about the languages, one row each: it is the same in every page.
fn ascii_likelihoods(evidence: &Evidence) -> Vec<Vec<f32>> {
    let (page, none) = (&pages()[0], HashSet::new());
    let decoded = evidence.ascii_words().map(|word| DecodedWord::new(page, word, &none));
    decoded.map(|word| language_model::models().iter().map(|model| word.likelihood(model)).collect()).collect()
}

fn score_page(
    page: &'static CodePage,
    words: &[&NonAsciiWord],
    (plain, known): (&[Vec<f32>], &HashSet<String>),
) -> PageScore {
    let mut page_models = page_models(page);
    let decoded: Vec<DecodedWord> = words.iter().map(|word| DecodedWord::new(page, word, known)).collect();
    let table: Vec<Vec<f32>> = decoded
        .iter()
        .map(|word| page_models.iter().map(|page_model| word.likelihood(page_model.model)).collect())
        .collect();
    let of_page = |row: &Vec<f32>| -> Vec<f32> {
        let pairs = language_model::models().iter().zip(row).filter(|(model, _)| page.has_script(model.script));
        pairs.map(|(_, likelihood)| *likelihood).collect()
    };
    // They show nothing about scripts other than Latin.
    let plain: Vec<Vec<f32>> =
        if page.has_script(Script::Latin) { plain.iter().map(of_page).collect() } else { Vec::new() };
    let start: Vec<f32> = page_models.iter().map(|page_model| page_model.weight).collect();
    normalise(&mut page_models, &start);
    for _ in 0..2 {
        let shares = language_shares(&page_models, table.iter().chain(&plain));
        normalise(&mut page_models, &shares);
    }
    let decoded = words.iter().map(|word| page.decode(&word.bytes)).collect();
    let mut found = PageScore { page, score: page.prior, over_noise: 0.0, words: Vec::new(), decoded };
    for (word, likelihoods) in words.iter().zip(&table) {
        let noise = noise_likelihood(word);
        let best = log_sum_exp(
            page_models.iter().zip(likelihoods).map(|(page_model, likelihood)| page_model.weight + likelihood),
        );
        let word =
            log_sum_exp([best + (1.0 - NOISE).ln(), noise + unassigned_penalty(page, word) + NOISE.ln()].into_iter());
        found.score += word;
        found.over_noise += word - noise;
        found.words.push(best - noise);
    }
    found
}

/// How much of the words each language explains.
fn language_shares<'a>(page_models: &[WeightedModel], table: impl Iterator<Item = &'a Vec<f32>>) -> Vec<f32> {
    let mut count = 0.0_f32;
    let mut sums = vec![0.0_f32; page_models.len()];
    for likelihoods in table {
        count += 1.0;
        let total = log_sum_exp(
            page_models.iter().zip(likelihoods).map(|(page_model, likelihood)| page_model.weight + likelihood),
        );
        for ((sum, page_model), likelihood) in sums.iter_mut().zip(page_models).zip(likelihoods) {
            *sum += (page_model.weight + likelihood - total).exp();
        }
    }
    sums.into_iter().map(|sum| (sum / count.max(1.0)).max(SHARE_MIN).ln()).collect()
}

fn normalise(page_models: &mut [WeightedModel], weights: &[f32]) {
    let total = log_sum_exp(weights.iter().copied());
    for (page_model, weight) in page_models.iter_mut().zip(weights) {
        page_model.weight = weight - total;
    }
}

/// The logarithm of the sum of exponentials.
fn log_sum_exp(logarithms: impl Iterator<Item = f32> + Clone) -> f32 {
    let most = logarithms.clone().fold(f32::NEG_INFINITY, f32::max);
    if most == f32::NEG_INFINITY { most } else { most + logarithms.map(|l| (l - most).exp()).sum::<f32>().ln() }
}

/// How likely the bytes of a word occur by chance.
fn noise_likelihood(word: &NonAsciiWord) -> f32 {
    const LETTER: f32 = -2.9;
    const HIGH_BYTE: f32 = -4.85;
    const END: f32 = -1.9;
    word.bytes.iter().map(|byte| if byte.is_ascii() { LETTER } else { HIGH_BYTE }).sum::<f32>() + END
}

/// The penalty for bytes that the page does not assign: they do not occur even in noise.
fn unassigned_penalty(page: &CodePage, word: &NonAsciiWord) -> f32 {
    const UNASSIGNED: f32 = -8.0;
    let signs = word.bytes.iter().map(|byte| page.byte(*byte).shown);
    UNASSIGNED * signs.filter(|c| c.is_control() || *c == '\u{fffd}').count() as f32
}

/// A word decoded in a page.
struct DecodedWord {
    runs: Vec<LetterRun>,
    /// The likelihood of punctuation and capitals, in any language.
    fixed: f32,
}

/// Adjacent letters.
struct LetterRun {
    letters: String,
    /// The likelihood of being one of the expected words.
    expected: Option<f32>,
}

impl DecodedWord {
    fn new(page: &CodePage, word: &NonAsciiWord, known: &HashSet<String>) -> DecodedWord {
        let signs: Vec<HighByte> = word.bytes.iter().map(|byte| page.byte(*byte)).collect();
        let mut runs: Vec<LetterRun> = Vec::new();
        let mut fixed = 0.0;
        let kind = |nth: usize, sign: Option<&HighByte>| match sign {
            Some(sign) if sign.letter.is_some() => Neighbour::Letter,
            Some(_) => Neighbour::Edge,
            None if nth == 0 => word.before,
            None => word.after,
        };
        let mut in_run = false;
        for (nth, sign) in signs.iter().enumerate() {
            let Some(letter) = sign.letter else {
                let before = kind(0, nth.checked_sub(1).and_then(|before| signs.get(before)));
                fixed += language_model::punctuation_likelihood(sign.shown, before, kind(nth + 1, signs.get(nth + 1)));
                in_run = false;
                continue;
            };
            match runs.last_mut() {
                Some(run) if in_run => run.letters.push(letter),
                _ => runs.push(LetterRun { letters: String::from(letter), expected: None }),
            }
            in_run = true;
        }
        let expected = -(known.len() as f32).max(1.0).ln() - 1.0;
        for run in &mut runs {
            run.expected = (!run.letters.is_ascii() && known.contains(&run.letters)).then_some(expected);
        }
        DecodedWord { runs, fixed: fixed + case_likelihood(&signs) }
    }

    fn likelihood(&self, model: &LanguageModel) -> f32 {
        self.fixed + self.runs.iter().map(|run| run.likelihood(model)).sum::<f32>()
    }
}

impl LetterRun {
    fn likelihood(&self, model: &LanguageModel) -> f32 {
        let (mut sum, mut before) = (0.0, None);
        for c in self.letters.chars() {
            sum += model.pair_likelihood(before, Some(c));
            before = Some(c);
        }
        sum += model.pair_likelihood(before, None);
        [model.known_word(&self.letters), self.expected].into_iter().flatten().fold(sum, f32::max)
    }
}

/// Words are in lower case, with a first capital, or all in capitals.
fn case_likelihood(signs: &[HighByte]) -> f32 {
    const CAPITAL_AFTER_SMALL: f32 = -6.0;
    const SMALL_AFTER_CAPITALS: f32 = -3.0;
    const ALL_CAPITAL: f32 = -0.7;
    let (mut sum, mut row) = (0.0, 0);
    let mut before: Option<&HighByte> = None;
    for sign in signs {
        let beside = before.filter(|before| before.letter.is_some() && sign.letter.is_some());
        match beside {
            Some(before) if sign.capital && !before.capital => sum += CAPITAL_AFTER_SMALL,
            Some(before) if !sign.capital && before.capital && row > 1 => sum += SMALL_AFTER_CAPITALS,
            _ => {}
        }
        row = if sign.capital { row + 1 } else { 0 };
        before = Some(sign);
    }
    if row > 1 { sum + ALL_CAPITAL } else { sum }
}
