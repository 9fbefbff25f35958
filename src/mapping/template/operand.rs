//! The arithmetic of a template as calls of our own: to the engine a cell is a text, and `row['A'] * 2` is that text twice.
//! `*`, `/`, `//`, `%` and `-` become `__count`, which counts as a person does, with decimals; `**` and a minus before a value
//! take it through `__number`, which reads a text as a number; `+` becomes `__add`, which adds numbers, joins texts and refuses
//! where nobody can tell which of the two is meant.

use std::ops::Range;

/// What the calls go to: names that no author writes.
pub const NUMBER: &str = "__number";
pub const COUNT: &str = "__count";
pub const ADD: &str = "__add";
pub const SIZED: &str = "__sized";

/// Operators that are for numbers alone.
const COUNTING: [&str; 6] = ["*", "/", "//", "%", "**", "-"];
/// Operators by which a text grows.
const GROWING: [&str; 3] = ["~", "+", "*"];

/// True for the signs of arithmetic, where a value stands before them.
pub fn is_sign(text: &str) -> bool {
    COUNTING.contains(&text) || GROWING.contains(&text)
}

/// What stands on one side of a comparison: factors, and the signs between them.
#[derive(Default)]
pub struct Operand {
    factors: Vec<Factor>,
    /// Each with the blanks before it.
    signs: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Literal {
    Text,
    Number,
}

#[derive(Default)]
struct Factor {
    text: String,
    tokens: usize,
    /// The only token is one.
    literal: Option<Literal>,
    /// Where the value begins that stands behind a minus.
    negated: Option<usize>,
}

impl Operand {
    /// A token with the blanks before it, or all that stands between brackets.
    pub fn token(&mut self, gap: &str, text: &str, literal: Option<Literal>) {
        let factor = self.last();
        // A minus takes what stands before the first filter or test.
        if matches!(text, "|" | "is") {
            factor.negate();
        }
        factor.text.extend([gap, text]);
        factor.tokens += 1;
        factor.literal = literal.filter(|_| factor.tokens == 1);
    }

    /// A bracket that closes what the last token opens, and all between.
    pub fn inside(&mut self, text: &str) {
        self.last().text.push_str(text);
    }

    /// A minus before a value.
    pub fn minus(&mut self, gap: &str) {
        let factor = self.last();
        factor.text.extend([gap, "-"]);
        factor.negated = Some(factor.text.len());
    }

    /// A sign behind a value.
    pub fn sign(&mut self, gap: &str, sign: &str) {
        self.last().negate();
        self.signs.push(format!("{gap}{sign}"));
    }

    /// The author's own text, between quotes.
    pub fn is_text(&self) -> bool {
        matches!(self.factors.as_slice(), [one] if one.literal == Some(Literal::Text))
    }

    /// `always`: what is made gets a name, and may be used again and again.
    pub fn written(mut self, always: bool) -> String {
        if let Some(last) = self.factors.last_mut() {
            last.negate();
        }
        let grows = self.signs.iter().any(|sign| GROWING.contains(&sign.trim_start()));
        let whole = self.sum();
        let (gap, text) = parted(&whole);
        match grows || always && !text.is_empty() {
            true => format!("{gap}{SIZED}({text})"),
            false => whole,
        }
    }

    fn last(&mut self) -> &mut Factor {
        if self.factors.len() == self.signs.len() {
            self.factors.push(Factor::default());
        }
        let last = self.factors.len() - 1;
        &mut self.factors[last]
    }

    /// `+` and `-` bind more weakly than all other signs, and from the left.
    fn sum(&self) -> String {
        if self.factors.is_empty() {
            return String::new();
        }
        let is_sum = |sign: &str| matches!(sign, "+" | "-");
        let mut terms = self.split(0..self.factors.len(), is_sum).into_iter();
        let mut is_text = false;
        let mut whole = String::new();
        for (before, of_term) in terms.by_ref() {
            is_text |= of_term.clone().any(|at| self.factors[at].literal == Some(Literal::Text));
            let term = self.joined(of_term);
            let (gap, done) = parted(&whole);
            whole = match before.map(|sign| self.sign_at(sign)) {
                None => term,
                Some("+") => format!("{gap}{ADD}({done}, {}, {is_text})", term.trim()),
                Some(_) => format!("{gap}{COUNT}({done}, '-', {})", term.trim()),
            };
        }
        // Behind the last sign the author may have left out a value.
        whole.extend(self.signs.get(self.factors.len() - 1).map(String::as_str));
        whole
    }

    /// `~` binds more weakly than the signs of products.
    fn joined(&self, term: Range<usize>) -> String {
        let mut joined = String::new();
        for (before, piece) in self.split(term, |sign| sign == "~") {
            joined.extend(before.map(|sign| self.signs[sign].as_str()));
            joined.push_str(&self.product(piece));
        }
        joined
    }

    /// Of a text of the author the engine makes as many as are asked for.
    fn product(&self, piece: Range<usize>) -> String {
        let text = |at: usize| self.factors[at].literal == Some(Literal::Text);
        if piece.len() < 2 {
            return self.factors[piece.start].text.clone();
        }
        if piece.clone().any(text) {
            let mut product = String::new();
            for at in piece.clone() {
                product.extend((at > piece.start).then(|| self.signs[at - 1].as_str()));
                product.push_str(&self.factors[at].counted());
            }
            return product;
        }
        let mut product = String::new();
        for (before, powers) in self.split(piece, |sign| sign != "**") {
            let factors: Vec<String> = match powers.len() {
                1 => vec![self.factors[powers.start].text.clone()],
                _ => powers.map(|at| self.factors[at].counted()).collect(),
            };
            let factor = factors.iter().map(|factor| factor.trim()).collect::<Vec<_>>().join(" ** ");
            match before {
                None => product = format!("{}{factor}", parted(&factors[0]).0),
                Some(sign) => {
                    let (gap, done) = parted(&product);
                    product = format!("{gap}{COUNT}({done}, '{}', {factor})", self.sign_at(sign));
                }
            }
        }
        product
    }

    /// The factors between signs of a kind, each with the sign before it.
    fn split(&self, factors: Range<usize>, at: impl Fn(&str) -> bool) -> Vec<(Option<usize>, Range<usize>)> {
        let mut parts = vec![(None, factors.start..factors.end)];
        for factor in factors.start + 1..factors.end {
            if at(self.sign_at(factor - 1)) {
                let last = parts.len() - 1;
                parts[last].1.end = factor;
                parts.push((Some(factor - 1), factor..factors.end));
            }
        }
        parts
    }

    fn sign_at(&self, sign: usize) -> &str {
        self.signs[sign].trim_start()
    }
}

impl Factor {
    /// As a number, where it may be the text of one.
    fn counted(&self) -> String {
        if self.literal.is_some() { self.text.clone() } else { number(&self.text) }
    }

    fn negate(&mut self) {
        let Some(start) = self.negated.take().filter(|_| self.literal.is_none()) else { return };
        let counted = number(&self.text[start..]);
        self.text.replace_range(start.., &counted);
    }
}

fn number(text: &str) -> String {
    let (gap, text) = parted(text);
    if text.is_empty() { gap.to_owned() } else { format!("{gap}{NUMBER}({text})") }
}

/// The blanks in front, and the rest.
fn parted(text: &str) -> (&str, &str) {
    text.split_at(text.len() - text.trim_start().len())
}
