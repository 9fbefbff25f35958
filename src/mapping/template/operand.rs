//! Rewrites arithmetic of a template to calls: for the engine a cell is a text, and `row['A'] * 2` repeats it. `*`,
//! `/`, `//`, `%` and `-` become `__count`, which computes with decimals; operands of `**` and of a unary minus go
//! through `__number`, which parses a text as a number; `+` becomes `__add`, which adds numbers, joins texts and
//! refuses ambiguous operands.

use std::ops::Range;

/// The names of the called functions.
pub const NUMBER: &str = "__number";
pub const COUNT: &str = "__count";
pub const ADD: &str = "__add";
pub const SIZED: &str = "__sized";

/// Operators for numbers only.
const COUNTING: [&str; 6] = ["*", "/", "//", "%", "**", "-"];
/// Operators that make a text longer.
const GROWING: [&str; 3] = ["~", "+", "*"];

/// True for arithmetic operators after a value.
pub fn is_sign(text: &str) -> bool {
    COUNTING.contains(&text) || GROWING.contains(&text)
}

/// One side of a comparison: factors, and the operators between them.
#[derive(Default)]
pub struct Operand {
    factors: Vec<Factor>,
    /// Each operator with the blanks before it.
    signs: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum LiteralKind {
    Text,
    Number,
}

#[derive(Default)]
struct Factor {
    text: String,
    tokens: usize,
    /// The literal, if it is the only lexeme.
    literal: Option<LiteralKind>,
    /// The offset of the value after a unary minus.
    negated: Option<usize>,
}

impl Operand {
    /// Adds a lexeme with the blanks before it.
    pub fn token(&mut self, gap: &str, text: &str, literal: Option<LiteralKind>) {
        let factor = self.last();
        // A unary minus applies before filters and tests.
        if matches!(text, "|" | "is") {
            factor.negate();
        }
        factor.text.extend([gap, text]);
        factor.tokens += 1;
        factor.literal = literal.filter(|_| factor.tokens == 1);
    }

    /// Adds the content of a bracket, or its closing sign.
    pub fn inside(&mut self, text: &str) {
        self.last().text.push_str(text);
    }

    /// Adds a unary minus.
    pub fn minus(&mut self, gap: &str) {
        let factor = self.last();
        factor.text.extend([gap, "-"]);
        factor.negated = Some(factor.text.len());
    }

    /// Adds an operator after a value.
    pub fn sign(&mut self, gap: &str, sign: &str) {
        self.last().negate();
        self.signs.push(format!("{gap}{sign}"));
    }

    /// True for a string literal.
    pub fn is_text(&self) -> bool {
        matches!(self.factors.as_slice(), [one] if one.literal == Some(LiteralKind::Text))
    }

    /// The rewritten operand. With `always` its size is checked, because it gets a name and may be used several times.
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

    /// `+` and `-` have the lowest precedence, and are left-associative.
    fn sum(&self) -> String {
        if self.factors.is_empty() {
            return String::new();
        }
        let is_sum = |sign: &str| matches!(sign, "+" | "-");
        let mut terms = self.split(0..self.factors.len(), is_sum).into_iter();
        let mut is_text = false;
        let mut whole = String::new();
        for (before, of_term) in terms.by_ref() {
            is_text |= of_term.clone().any(|at| self.factors[at].literal == Some(LiteralKind::Text));
            let term = self.joined(of_term);
            let (gap, done) = parted(&whole);
            whole = match before.map(|sign| self.sign_at(sign)) {
                None => term,
                Some("+") => format!("{gap}{ADD}({done}, {}, {is_text})", term.trim()),
                Some(_) => format!("{gap}{COUNT}({done}, '-', {})", term.trim()),
            };
        }
        // The value after the last operator may be missing.
        whole.extend(self.signs.get(self.factors.len() - 1).map(String::as_str));
        whole
    }

    /// `~` has a lower precedence than products.
    fn joined(&self, term: Range<usize>) -> String {
        let mut joined = String::new();
        for (before, piece) in self.split(term, |sign| sign == "~") {
            joined.extend(before.map(|sign| self.signs[sign].as_str()));
            joined.push_str(&self.product(piece));
        }
        joined
    }

    /// The engine repeats string literals.
    fn product(&self, piece: Range<usize>) -> String {
        let text = |at: usize| self.factors[at].literal == Some(LiteralKind::Text);
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

    /// Splits factors at some operators; each part with the operator before it.
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
    /// The factor as a number, unless it is a literal.
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

/// Splits off leading blanks.
fn parted(text: &str) -> (&str, &str) {
    text.split_at(text.len() - text.trim_start().len())
}
