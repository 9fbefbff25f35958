//! The comparisons of a template as calls of our own: the engine holds every text to be greater than every number, and does
//! not ask whether the text of a cell is one. `row['A'] > 10` becomes `__compare(row['A'], '>', 10)`. What stands
//! between comparisons is in `operand`. Where a value may outgrow its limit, it goes through `__sized`.

use std::cell::RefCell;

use super::operand::{Literal, Operand, is_sign};

/// What the calls go to: a name of the context that no author writes.
pub const COMPARE: &str = "__compare";

/// Between two of these stands an operand: they bind more weakly than a comparison.
const WEAK: [&str; 8] = ["and", "or", "if", "else", ",", ":", "=", "recursive"];
/// Tags that give a value a name.
const NAMING: [&str; 3] = ["set", "with", "for"];

/// What an expression or a template has become, and what it calls by name.
#[derive(Debug, Default)]
pub struct Rewritten {
    pub source: String,
    pub filters: Vec<String>,
    pub tests: Vec<String>,
}

/// Names of filters and tests, as they are met.
type Names = RefCell<Rewritten>;

/// An expression with its comparisons as calls; as it is where it cannot be read, for the engine says why.
pub fn of_expression(source: &str) -> Rewritten {
    let names = Names::default();
    let rewritten =
        tokens(source, None).map(|(tokens, _)| Level { source, naming: false, names: &names }.rewritten(&tokens, 0));
    Rewritten { source: rewritten.unwrap_or_else(|| source.to_owned()), ..names.into_inner() }
}

/// The same of all expressions of a template.
pub fn of_template(source: &str) -> Rewritten {
    let names = Names::default();
    let rewritten = rewrite(source, &names);
    Rewritten { source: rewritten.unwrap_or_else(|| source.to_owned()), ..names.into_inner() }
}

fn rewrite(source: &str, names: &Names) -> Option<String> {
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
enum Kind {
    Word,
    Text,
    Number,
    Open,
    Close,
    Sign,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    kind: Kind,
    start: usize,
    end: usize,
}

impl Token {
    fn text(self, source: &str) -> &str {
        &source[self.start..self.end]
    }

    fn literal(self) -> Option<Literal> {
        match self.kind {
            Kind::Text => Some(Literal::Text),
            Kind::Number => Some(Literal::Number),
            Kind::Word | Kind::Open | Kind::Close | Kind::Sign => None,
        }
    }

    /// True where an operand may end with it, so that an operator follows.
    fn ends_operand(self, source: &str) -> bool {
        match self.kind {
            Kind::Text | Kind::Number | Kind::Close => true,
            Kind::Word => !matches!(self.text(source), "and" | "or" | "not" | "if" | "else" | "in" | "is"),
            Kind::Open | Kind::Sign => false,
        }
    }
}

/// The tokens of an expression up to `end` outside of brackets, and the length of all that; `None` where a text or a
/// bracket is left open.
fn tokens(source: &str, end: Option<&str>) -> Option<(Vec<Token>, usize)> {
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
            '\'' | '"' => (Kind::Text, quoted(rest, first)?),
            '(' | '[' | '{' => {
                depth += 1;
                (Kind::Open, 1)
            }
            ')' | ']' | '}' => {
                depth = depth.checked_sub(1)?;
                (Kind::Close, 1)
            }
            c if c.is_ascii_digit() => (Kind::Number, number(rest)),
            c if c.is_alphabetic() || c == '_' => (Kind::Word, length(rest, |c| c.is_alphanumeric() || c == '_')),
            c => {
                let two = ["==", "!=", "<=", ">=", "//", "**"].iter().any(|sign| rest.starts_with(sign));
                (Kind::Sign, if two { 2 } else { c.len_utf8() })
            }
        };
        found.push(Token { kind, start: at, end: at + length });
        at += length;
    }
}

fn length(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// A text with its quotes.
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

/// `10`, `1_000`, `0x1F`, `1.5`, `2e-3`; the dot of `1.5` is not that of `list.0.name`.
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

/// A tag: its word, and for a loop or a `set` what it names, are no expressions.
fn of_tag((source, names): (&str, &Names), word: &str, tokens: &[Token]) -> String {
    let separator = match word {
        "for" => "in",
        "set" => "=",
        _ => word,
    };
    let mut depth = 0i32;
    let named = tokens.iter().position(|token| {
        depth += i32::from(token.kind == Kind::Open) - i32::from(token.kind == Kind::Close);
        depth == 0 && token.text(source) == separator
    });
    // A `set` without a sign takes what stands between it and its end.
    let named = named.map_or(tokens.len(), |at| at + 1);
    let start = tokens[..named].last().map_or(0, |token| token.end);
    let level = Level { source, naming: NAMING.contains(&word), names };
    format!("{}{}", &source[..start], level.rewritten(&tokens[named..], start))
}

/// One level of brackets.
#[derive(Clone, Copy)]
struct Level<'s> {
    source: &'s str,
    /// What is made gets a name, and may be used again and again.
    naming: bool,
    names: &'s Names,
}

/// Comparisons side by side: `1 < row['A'] <= 5`.
#[derive(Default)]
struct Chain {
    done: Vec<Operand>,
    /// With a quote at the side where a text of the author stands.
    operators: Vec<&'static str>,
    operand: Operand,
}

impl Chain {
    fn compare(&mut self, operator: &'static str) {
        self.operators.push(operator);
        self.done.push(std::mem::take(&mut self.operand));
    }

    fn close(&mut self, naming: bool) -> String {
        let Chain { mut done, operators, operand } = std::mem::take(self);
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
    /// From `start` on, where the first token may stand behind blanks.
    fn rewritten(self, tokens: &[Token], start: usize) -> String {
        let (mut done, mut chain) = (String::new(), Chain::default());
        let (mut copied, mut at, mut is, mut name) = (start, 0, false, false);
        while let Some(token) = tokens.get(at) {
            let before = at.checked_sub(1).map(|before| tokens[before]);
            let follows = name || before.is_some_and(|before| before.ends_operand(self.source));
            let named = before.is_some_and(|before| matches!(before.text(self.source), "." | "|"));
            let (gap, text) = (&self.source[copied..token.start], token.text(self.source));
            let next = tokens.get(at + 1).map(|next| next.text(self.source));
            copied = token.end;
            at += 1;
            if token.kind == Kind::Open {
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
            // Behind `is` stands the name of a test, whatever it is.
            let plain = named || is;
            name = plain && token.kind == Kind::Word && text != "not";
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
                _ if !plain && follows && token.kind != Kind::Text && comparison(text).is_some() => {
                    chain.compare(comparison(text).unwrap_or_default());
                }
                _ if !plain && token.kind != Kind::Text && (text == "not" || WEAK.contains(&text)) => {
                    done.push_str(&chain.close(self.naming && text != "="));
                    done.extend([gap, text]);
                }
                _ if token.kind == Kind::Sign && follows && is_sign(text) => chain.operand.sign(gap, text),
                "-" if token.kind == Kind::Sign => chain.operand.minus(gap),
                _ => chain.operand.token(gap, text, token.literal()),
            }
        }
        done.push_str(&chain.close(self.naming));
        done
    }

    /// The bracket that closes the one before `from`.
    fn close_of(self, tokens: &[Token], from: usize) -> usize {
        let mut depth = 1;
        let close = tokens[from..].iter().position(|token| {
            depth += i32::from(token.kind == Kind::Open) - i32::from(token.kind == Kind::Close);
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
