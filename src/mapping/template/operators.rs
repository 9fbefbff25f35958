//! Rewrites comparisons of a template to calls: in the engine every text is greater than every number, even the text of
//! a number. `row['A'] > 10` becomes `__compare(row['A'], '>', 10)`. `operand` rewrites the operands of comparisons.
//! Values that may exceed their size limit go through `__sized`.

use std::cell::RefCell;

use super::operand::{LiteralKind, Operand, is_sign};

/// The name of the comparison function in the context.
pub const COMPARE: &str = "__compare";

/// Words and signs with a lower precedence than comparisons.
const WEAK: [&str; 8] = ["and", "or", "if", "else", ",", ":", "=", "recursive"];
/// Tags that assign names to values.
const NAMING: [&str; 3] = ["set", "with", "for"];

/// A rewritten expression or template, and the names of its filters and tests.
#[derive(Debug, Default)]
pub struct Rewritten {
    pub source: String,
    pub filters: Vec<String>,
    pub tests: Vec<String>,
}

/// Collects names of filters and tests.
type CalledNames = RefCell<Rewritten>;

/// Rewrites an expression; returns it unchanged if it is invalid, since the engine reports the error.
pub fn of_expression(source: &str) -> Rewritten {
    let names = CalledNames::default();
    let rewritten =
        tokens(source, None).map(|(tokens, _)| Level { source, naming: false, names: &names }.rewritten(&tokens, 0));
    Rewritten { source: rewritten.unwrap_or_else(|| source.to_owned()), ..names.into_inner() }
}

/// Rewrites all expressions of a template.
pub fn of_template(source: &str) -> Rewritten {
    let names = CalledNames::default();
    let rewritten = rewrite(source, &names);
    Rewritten { source: rewritten.unwrap_or_else(|| source.to_owned()), ..names.into_inner() }
}

fn rewrite(source: &str, names: &CalledNames) -> Option<String> {
    let mut done = String::with_capacity(source.len() * 2);
    let mut rest = source;
    while let Some(start) = rest.find("{{").into_iter().chain(rest.find("{%")).chain(rest.find("{#")).min() {
        let (before, tag) = rest.split_at(start);
        done.push_str(before);
        if tag.starts_with("{#") {
            let (comment, after) = tag.split_once("#}")?;
            done.extend([comment, "#}"]);
            rest = after;
            continue;
        }
        let end = if tag.starts_with("{{") { "}}" } else { "%}" };
        let open = if tag[2..].starts_with(['-', '+']) { 3 } else { 2 };
        let inside = &tag[open..];
        let (tokens, length) = tokens(inside, Some(end))?;
        let word = tokens.first().filter(|_| end == "%}").map(|first| first.text(inside));
        done.push_str(&tag[..open]);
        match word {
            Some("raw") => {
                let close = inside.find("endraw")?;
                done.push_str(&inside[..close]);
                rest = &inside[close..];
                let tail = rest.find("%}")? + 2;
                done.push_str(&rest[..tail]);
                rest = &rest[tail..];
                continue;
            }
            Some(word) => done.push_str(&of_tag((inside, names), word, &tokens)),
            None => done.push_str(&Level { source: inside, naming: false, names }.rewritten(&tokens, 0)),
        }
        let last = tokens.last().map_or(0, |token| token.end);
        done.push_str(&inside[last..length]);
        rest = &inside[length..];
    }
    done.push_str(rest);
    Some(done)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LexemeKind {
    Word,
    Text,
    Number,
    Open,
    Close,
    Sign,
}

#[derive(Debug, Clone, Copy)]
struct Lexeme {
    kind: LexemeKind,
    start: usize,
    end: usize,
}

impl Lexeme {
    fn text(self, source: &str) -> &str {
        &source[self.start..self.end]
    }

    fn literal(self) -> Option<LiteralKind> {
        match self.kind {
            LexemeKind::Text => Some(LiteralKind::Text),
            LexemeKind::Number => Some(LiteralKind::Number),
            LexemeKind::Word | LexemeKind::Open | LexemeKind::Close | LexemeKind::Sign => None,
        }
    }

    /// True if an operand may end with this lexeme, so that an operator may follow.
    fn ends_operand(self, source: &str) -> bool {
        match self.kind {
            LexemeKind::Text | LexemeKind::Number | LexemeKind::Close => true,
            LexemeKind::Word => !matches!(self.text(source), "and" | "or" | "not" | "if" | "else" | "in" | "is"),
            LexemeKind::Open | LexemeKind::Sign => false,
        }
    }
}

/// The lexemes of an expression up to `end` outside of brackets, and their total length; `None` for an unclosed string
/// or bracket.
fn tokens(source: &str, end: Option<&str>) -> Option<(Vec<Lexeme>, usize)> {
    let (mut found, mut depth, mut at) = (Vec::new(), 0usize, 0);
    loop {
        let rest = &source[at..];
        let Some(first) = rest.chars().next() else {
            return (end.is_none() && depth == 0).then_some((found, at));
        };
        if let Some(end) = end.filter(|_| depth == 0) {
            let sign = usize::from(first == '-' || first == '+');
            if rest[sign..].starts_with(end) {
                return Some((found, at + sign + end.len()));
            }
        }
        let (kind, length) = match first {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '\'' | '"' => (LexemeKind::Text, quoted(rest, first)?),
            '(' | '[' | '{' => {
                depth += 1;
                (LexemeKind::Open, 1)
            }
            ')' | ']' | '}' => {
                depth = depth.checked_sub(1)?;
                (LexemeKind::Close, 1)
            }
            c if c.is_ascii_digit() => (LexemeKind::Number, number(rest)),
            c if c.is_alphabetic() || c == '_' => (LexemeKind::Word, length(rest, |c| c.is_alphanumeric() || c == '_')),
            c => {
                let two = ["==", "!=", "<=", ">=", "//", "**"].iter().any(|sign| rest.starts_with(sign));
                (LexemeKind::Sign, if two { 2 } else { c.len_utf8() })
            }
        };
        found.push(Lexeme { kind, start: at, end: at + length });
        at += length;
    }
}

fn length(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// The length of a string with its quotes.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The length of a number: `10`, `1_000`, `0x1F`, `1.5`, `2e-3`; `list.0.name` contains no decimal dot.
fn number(text: &str) -> usize {
    let mut end = length(text, |c| c.is_ascii_alphanumeric() || c == '_');
    if text[end..].starts_with('.') && text[end + 1..].starts_with(|c: char| c.is_ascii_digit()) {
        end += 1 + length(&text[end + 1..], |c| c.is_ascii_alphanumeric() || c == '_');
    }
    if text[..end].ends_with(['e', 'E']) && !text.starts_with("0x") && text[end..].starts_with(['-', '+']) {
        end += 1 + length(&text[end + 1..], |c| c.is_ascii_digit());
    }
    end
}

/// Rewrites a tag; its word, and the names in a loop or a `set`, are no expressions.
fn of_tag((source, names): (&str, &CalledNames), word: &str, tokens: &[Lexeme]) -> String {
    let separator = match word {
        "for" => "in",
        "set" => "=",
        _ => word,
    };
    let mut depth = 0i32;
    let named = tokens.iter().position(|token| {
        depth += i32::from(token.kind == LexemeKind::Open) - i32::from(token.kind == LexemeKind::Close);
        depth == 0 && token.text(source) == separator
    });
    // A `set` without `=` is a block.
    let named = named.map_or(tokens.len(), |at| at + 1);
    let start = tokens[..named].last().map_or(0, |token| token.end);
    let level = Level { source, naming: NAMING.contains(&word), names };
    format!("{}{}", &source[..start], level.rewritten(&tokens[named..], start))
}

/// One level of brackets.
#[derive(Clone, Copy)]
struct Level<'s> {
    source: &'s str,
    /// The result gets a name and may be used several times.
    naming: bool,
    names: &'s CalledNames,
}

/// A chain of comparisons: `1 < row['A'] <= 5`.
#[derive(Default)]
struct ComparisonChain {
    done: Vec<Operand>,
    /// With a quote on the side of a string literal.
    operators: Vec<&'static str>,
    operand: Operand,
}

impl ComparisonChain {
    fn compare(&mut self, operator: &'static str) {
        self.operators.push(operator);
        self.done.push(std::mem::take(&mut self.operand));
    }

    fn close(&mut self, naming: bool) -> String {
        let ComparisonChain { mut done, operators, operand } = std::mem::take(self);
        if done.is_empty() {
            return operand.written(naming);
        }
        done.push(operand);
        let quotes: Vec<&str> = done.iter().map(|operand| if operand.is_text() { "\"" } else { "" }).collect();
        let sides: Vec<String> = done.into_iter().map(|operand| operand.written(false)).collect();
        let first = &sides[0];
        let mut call = format!("{}{COMPARE}({}", &first[..first.len() - first.trim_start().len()], first.trim());
        for (n, operator) in operators.iter().enumerate() {
            call.extend([", '", quotes[n], operator, quotes[n + 1], "', ", sides[n + 1].trim()]);
        }
        call.push(')');
        call
    }
}

fn comparison(sign: &str) -> Option<&'static str> {
    ["==", "!=", "<=", ">=", "<", ">", "in"].into_iter().find(|known| *known == sign)
}

impl Level<'_> {
    /// Rewrites the lexemes; `start` is the offset in the source before the first one.
    fn rewritten(self, tokens: &[Lexeme], start: usize) -> String {
        let (mut done, mut chain) = (String::new(), ComparisonChain::default());
        let (mut copied, mut at, mut is, mut name) = (start, 0, false, false);
        while let Some(token) = tokens.get(at) {
            let before = at.checked_sub(1).map(|before| tokens[before]);
            let follows = name || before.is_some_and(|before| before.ends_operand(self.source));
            let named = before.is_some_and(|before| matches!(before.text(self.source), "." | "|"));
            let (gap, text) = (&self.source[copied..token.start], token.text(self.source));
            let next = tokens.get(at + 1).map(|next| next.text(self.source));
            copied = token.end;
            at += 1;
            if token.kind == LexemeKind::Open {
                chain.operand.token(gap, text, None);
                let close = self.close_of(tokens, at);
                let inside = Level { naming: false, ..self }.rewritten(&tokens[at..close], copied);
                chain.operand.inside(&inside);
                let end = tokens[..close].last().map_or(copied, |token| token.end);
                copied = tokens.get(close).map_or(end, |close| close.end);
                chain.operand.inside(&self.source[end..copied]);
                at = close + 1;
                continue;
            }
            // After `is` follows the name of a test.
            let plain = named || is;
            name = plain && token.kind == LexemeKind::Word && text != "not";
            if name && (is || before.is_some_and(|before| before.text(self.source) == "|")) {
                let mut names = self.names.borrow_mut();
                if is { names.tests.push(text.to_owned()) } else { names.filters.push(text.to_owned()) }
            }
            is = text == "is" || is && text == "not";
            match text {
                "not" if !plain && follows && next == Some("in") => {
                    chain.compare("not in");
                    copied = tokens[at].end;
                    at += 1;
                }
                _ if !plain && follows && token.kind != LexemeKind::Text && comparison(text).is_some() => {
                    chain.compare(comparison(text).unwrap_or_default());
                }
                _ if !plain && token.kind != LexemeKind::Text && (text == "not" || WEAK.contains(&text)) => {
                    done.push_str(&chain.close(self.naming && text != "="));
                    done.extend([gap, text]);
                }
                _ if token.kind == LexemeKind::Sign && follows && is_sign(text) => chain.operand.sign(gap, text),
                "-" if token.kind == LexemeKind::Sign => chain.operand.minus(gap),
                _ => chain.operand.token(gap, text, token.literal()),
            }
        }
        done.push_str(&chain.close(self.naming));
        done
    }

    /// The index of the bracket that closes the one before `from`.
    fn close_of(self, tokens: &[Lexeme], from: usize) -> usize {
        let mut depth = 1;
        let close = tokens[from..].iter().position(|token| {
            depth += i32::from(token.kind == LexemeKind::Open) - i32::from(token.kind == LexemeKind::Close);
            depth == 0
        });
        close.map_or(tokens.len(), |close| from + close)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_become_calls_and_all_else_stays() {
        for (source, expected) in [
            ("row['A'] > 10", "__compare(row['A'], '>', 10)"),
            ("row['A'] == 'x > y'", "__compare(row['A'], '==\"', 'x > y')"),
            ("'7' <= row.A", "__compare('7', '\"<=', row.A)"),
            ("1 < row['A'] <= 5", "__compare(1, '<', row['A'], '<=', 5)"),
            ("not row['A'] > 1 and x or y != 2", "not __compare(row['A'], '>', 1) and x or __compare(y, '!=', 2)"),
            ("row['A'] in [1, 2]", "__compare(row['A'], 'in', [1, 2])"),
            ("row['A'] not in ('a', b == 1)", "__compare(row['A'], 'not in', ('a', __compare(b, '==', 1)))"),
            ("row['A'] is not defined", "row['A'] is not defined"),
            ("row['A'] is in [1] and a > 1", "row['A'] is in [1] and __compare(a, '>', 1)"),
            (
                "row['A']|int > row['B']|float(default=a > b)",
                "__compare(row['A']|int, '>', row['B']|float(default=__compare(a, '>', b)))",
            ),
            (
                "a if row['A'] > 1 else -b < -1",
                "a if __compare(row['A'], '>', 1) else __compare(-__number(b), '<', -1)",
            ),
            ("a ~ b > c + 1", "__compare(__sized(a ~ b), '>', __sized(__add(c, 1, false)))"),
            ("row['A'] * 2", "__sized(__count(row['A'], '*', 2))"),
            ("'x' * a", "__sized('x' * __number(a))"),
            (
                "a - b / 2 // c % d ** e",
                "__count(a, '-', __count(__count(__count(b, '/', 2), '//', c), '%', __number(d) ** __number(e)))",
            ),
            (
                "a.b[c - 1]|float * f(d * 2)",
                "__sized(__count(a.b[__count(c, '-', 1)]|float, '*', f(__sized(__count(d, '*', 2)))))",
            ),
            ("a + b ~ c - d", "__sized(__count(__add(a, b ~ c, false), '-', d))"),
            ("a + ' ' + b", "__sized(__add(__add(a, ' ', true), b, true))"),
            (" a*2 + b*3", " __sized(__add(__count(a, '*', 2), __count(b, '*', 3), false))"),
            ("-a|abs * - 5", "__sized(__count(-__number(a)|abs, '*', - 5))"),
            ("--a is odd", "--__number(a) is odd"),
            ("(a + b) * c", "__sized(__count((__sized(__add(a, b, false))), '*', c))"),
            ("a *", "__sized(a *)"),
            ("row['A']|in == 1e-3", "__compare(row['A']|in, '==', 1e-3)"),
            ("{'a': b > 1}['a']", "{'a': __compare(b, '>', 1)}['a']"),
            ("row['A", "row['A"),
            ("(a > 1", "(a > 1"),
        ] {
            assert_eq!(of_expression(source).source, expected, "{source}");
        }
        for (source, expected) in [
            ("a > b {{ a > b }}{# {{ a > b }} #}", "a > b {{ __compare(a, '>', b) }}{# {{ a > b }} #}"),
            ("{%- if a>b -%}x{% endif %}", "{%- if __compare(a, '>', b) -%}x{% endif %}"),
            ("{% for x in y if x > 1 recursive %}", "{% for x in __sized(y) if __compare(x, '>', 1) recursive %}"),
            ("{% set s = s ~ s %}{{ s }}", "{% set s = __sized(s ~ s) %}{{ s }}"),
            ("{% set l = [l, l] %}", "{% set l = __sized([l, l]) %}"),
            ("{% with a = 1, b = c > 2 %}", "{% with a = __sized(1), b = __compare(c, '>', 2) %}"),
            (
                "{% raw %}{{ a > b }}{% endraw %}{{ a > b }}",
                "{% raw %}{{ a > b }}{% endraw %}{{ __compare(a, '>', b) }}",
            ),
            ("{{ '}}' }} {{ {'a': {'b': 1}} }}", "{{ '}}' }} {{ {'a': {'b': 1}} }}"),
            ("{{ a > ", "{{ a > "),
        ] {
            assert_eq!(of_template(source).source, expected, "{source}");
        }
    }
}
