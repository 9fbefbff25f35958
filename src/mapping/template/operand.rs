//! The arithmetic of a template as calls of our own: to the engine a cell is a text, and `row['A'] * 2` is that text twice.
//! `*`, `/`, `//`, `%`, `**` and `-` take their values through `__number`, which reads a text as a number; `+` becomes
//! `__add`, which adds numbers, joins texts and refuses where nobody can tell which of the two is meant.

/// What the calls go to: names that no author writes.
pub const NUMBER: &str = "__number";
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
        let Some((first, others)) = self.factors.split_first() else { return String::new() };
        let mut sum = Sum { term: self.factor(0), is_text: first.literal == Some(Literal::Text), ..Sum::default() };
        for (at, factor) in (1..).zip(others) {
            let sign = &self.signs[at - 1];
            if let "+" | "-" = sign.trim_start() {
                sum.close();
                sum.sign.clone_from(sign);
            } else {
                sum.term.push_str(sign);
            }
            sum.term.push_str(&self.factor(at));
            sum.is_text |= factor.literal == Some(Literal::Text);
        }
        // Behind the last sign the author may have left out a value.
        sum.term.extend(self.signs.get(self.factors.len() - 1).map(String::as_str));
        sum.close();
        sum.whole
    }

    /// A factor, as a number where a sign beside it asks for one.
    fn factor(&self, at: usize) -> String {
        let factor = &self.factors[at];
        let beside = [at.checked_sub(1), Some(at)].into_iter().flatten().filter_map(|sign| self.signs.get(sign));
        let counts = beside.map(|sign| sign.trim_start()).any(|sign| COUNTING.contains(&sign));
        match counts && factor.literal.is_none() {
            true => number(&factor.text),
            false => factor.text.clone(),
        }
    }
}

impl Factor {
    fn negate(&mut self) {
        let Some(start) = self.negated.take().filter(|_| self.literal.is_none()) else { return };
        let counted = number(&self.text[start..]);
        self.text.replace_range(start.., &counted);
    }
}

/// Terms on their way into calls.
#[derive(Default)]
struct Sum {
    whole: String,
    /// Between what is done and the term.
    sign: String,
    term: String,
    /// The author has put a text among them, so that they are texts to be joined.
    is_text: bool,
}

impl Sum {
    fn close(&mut self) {
        let term = std::mem::take(&mut self.term);
        self.whole = match self.sign.trim_start() {
            "+" => {
                let (gap, whole) = parted(&self.whole);
                format!("{gap}{ADD}({}, {}, {})", whole, term.trim(), self.is_text)
            }
            _ => format!("{}{}{term}", self.whole, self.sign),
        };
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
