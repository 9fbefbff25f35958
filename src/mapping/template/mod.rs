//! Templates and conditions: minijinja over `row['Title']`. They are compiled once, and their columns are looked up
//! before any row is read. `engine` configures minijinja; `operators` and `operand` rewrite comparisons and arithmetic
//! to calls of `compare`, `counting` and `order`; `made` reads results as numbers.

mod compare;
mod counting;
mod made;
mod operand;
mod engine;
mod operators;
mod order;

use compare::{BYTES_MAX, Evaluation};
use minijinja::value::Value;
use minijinja::{Environment, ErrorKind};
use operators::Rewritten;
use sheet_source::Row;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub use compare::RowError;
pub use made::{RenderedCell, rendered_cell};

/// The columns of a template: title as written, and index.
pub type NamedColumns = Vec<(String, usize)>;

#[derive(Debug, Clone)]
pub struct Template {
    env: Environment<'static>,
    columns: NamedColumns,
    /// The decimal sign of the source, if the mapping has one.
    decimal: Option<char>,
    /// The currency of the target; amounts in other currencies are refused.
    currency: Option<String>,
    /// The pieces of a template without expressions. Nearly all are such, and are rendered without the engine, ten
    /// times as fast.
    pieces: Option<Vec<Piece>>,
}

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    Cell(usize),
}

/// The result of a template for a row.
#[derive(Debug, Default, PartialEq)]
pub struct Rendered {
    pub text: String,
    /// An empty cell was compared with a number, which is false.
    pub compared_empty: bool,
}

/// Why a template cannot be rendered.
#[derive(Debug)]
pub enum RenderError {
    /// A value of the row is invalid.
    Row(RowError),
    Engine(minijinja::Error),
}

const NAME: &str = "template";

impl Template {
    pub fn text(source: &str, columns: NamedColumns, decimal: Option<char>) -> Result<Template, minijinja::Error> {
        // The original source is compiled first, so that errors refer to it.
        Environment::new().add_template(NAME, source)?;
        let pieces = pieces(source, &columns);
        Template::compiled(operators::of_template(source), columns, decimal, pieces)
    }

    /// Compiles a condition: an expression, wrapped in a template that prints something if it is true.
    pub fn condition(
        expression: &str,
        columns: NamedColumns,
        decimal: Option<char>,
    ) -> Result<Template, minijinja::Error> {
        Environment::new().compile_expression(expression)?;
        let rewritten = operators::of_expression(expression);
        let source = format!("{{% if {} %}}1{{% endif %}}", rewritten.source);
        Template::compiled(Rewritten { source, ..rewritten }, columns, decimal, None)
    }

    fn compiled(
        rewritten: Rewritten,
        columns: NamedColumns,
        decimal: Option<char>,
        pieces: Option<Vec<Piece>>,
    ) -> Result<Template, minijinja::Error> {
        let mut env = engine::environment();
        engine::check_names(&env, &rewritten)?;
        env.add_template_owned(NAME, rewritten.source)?;
        Ok(Template { env, columns, decimal, currency: None, pieces })
    }

    /// Sets the currency of amounts; others are refused.
    pub fn set_currency(&mut self, currency: Option<String>) {
        self.currency = currency;
    }

    /// The columns that the template reads.
    pub fn column_indexes(&self) -> impl Iterator<Item = usize> {
        self.columns.iter().map(|(_, index)| *index)
    }

    /// Renders the template for a row.
    pub fn render(&self, row: &Row) -> Result<Rendered, RenderError> {
        let Some(pieces) = &self.pieces else { return self.evaluate(row) };
        let mut text = String::with_capacity(128);
        for piece in pieces {
            text.push_str(match piece {
                Piece::Text(text) => text,
                Piece::Cell(index) => row.get(*index).text.trim(),
            });
        }
        Ok(Rendered { text, compared_empty: false })
    }

    fn evaluate(&self, row: &Row) -> Result<Rendered, RenderError> {
        let syntax = (self.decimal, self.currency.clone());
        let evaluation = Arc::new(Evaluation::new(row, self.columns.iter().map(|(_, index)| index), syntax));
        let titles = self.columns.iter().map(|(title, _)| title.clone());
        let cells: BTreeMap<String, Value> = titles.zip(evaluation.values()).collect();
        let context: BTreeMap<&str, Value> = BTreeMap::from([
            ("row", Value::from(cells)),
            (operators::COMPARE, Value::from_dyn_object(Arc::clone(&evaluation))),
        ]);
        let mut text = Bounded(Vec::new());
        let made =
            self.env.get_template(NAME).and_then(|template| template.render_captured_to(context, &mut text).map(drop));
        if let Err(error) = made {
            return Err(match evaluation.refused.get() {
                Some(refused) => RenderError::Row(refused.clone()),
                None if error.kind() == ErrorKind::WriteFailure => {
                    evaluation.too_long();
                    evaluation.refused.get().cloned().map_or(RenderError::Engine(error), RenderError::Row)
                }
                None => RenderError::Engine(error),
            });
        }
        let text = String::from_utf8(text.0).unwrap_or_default();
        Ok(Rendered { text, compared_empty: evaluation.compared_empty.load(Ordering::Relaxed) })
    }
}

/// A writer with a size limit.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > BYTES_MAX {
            return Err(io::Error::other("too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The pieces of a template with only texts and `{{ row['Title'] }}`; `None` for others.
fn pieces(source: &str, columns: &[(String, usize)]) -> Option<Vec<Piece>> {
    // The engine removes a trailing line break.
    if source.contains("{%") || source.contains("{#") || source.ends_with(['\n', '\r']) {
        return None;
    }
    let mut pieces = Vec::new();
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("{{") {
        let (inside, behind) = after.split_once("}}")?;
        let quoted = inside.trim().strip_prefix("row[")?.strip_suffix(']')?;
        let quote = quoted.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let title = quoted.strip_prefix(quote)?.strip_suffix(quote)?;
        if title.contains(['\'', '"', '\\']) {
            return None;
        }
        let (_, index) = columns.iter().find(|(named, _)| named == title)?;
        pieces.extend([Piece::Text(before.to_owned()), Piece::Cell(*index)]);
        rest = behind;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    Some(pieces)
}

/// The titles in `row['…']`, `row["…"]` and `row.title`, in order, without duplicates.
pub fn columns_named(source: &str) -> Vec<String> {
    let mut titles: Vec<String> = Vec::new();
    let source = without_comments(source);
    let mut rest = source.as_str();
    while let Some(found) = rest.find("row") {
        let before = rest[..found].chars().next_back();
        let after = &rest[found + 3..];
        rest = after;
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.') {
            continue;
        }
        let trimmed = after.trim_start();
        let title = if let Some(inner) = trimmed.strip_prefix('[') {
            let inner = inner.trim_start();
            match inner.chars().next() {
                Some(quote @ ('\'' | '"')) => inner[1..].split_once(quote).map(|(title, _)| title.to_owned()),
                _ => None,
            }
        } else {
            trimmed
                .strip_prefix('.')
                .map(|inner| inner.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>())
        };
        if let Some(title) = title.filter(|t| !t.is_empty())
            && !titles.contains(&title)
        {
            titles.push(title);
        }
    }
    titles
}

fn without_comments(source: &str) -> String {
    let mut parts = source.split("{#");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + part.split_once("#}").map_or("", |(_, after)| after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sheet_source::{DisplayKind, Scalar};

    fn row(cells: &[&str]) -> Row {
        let mut row = Row::default();
        row.clear(2);
        cells.iter().for_each(|cell| row.push_text(cell));
        row
    }

    #[test]
    fn columns_are_found_in_templates_and_conditions() {
        for (source, titles) in [
            ("{{ row['Товар'] }}: {{ row[\"Клиент\"] }}", vec!["Товар", "Клиент"]),
            ("row['Статус'] != 'Черновик' and row['Статус']", vec!["Статус"]),
            ("{{ row.Имя|upper }}", vec!["Имя"]),
            ("{# row['Старое'] #}{{ row['Новое'] }}{# row.x #}", vec!["Новое"]),
            ("{{ arrow['x'] }} grow.y", vec![]),
        ] {
            assert_eq!(columns_named(source), titles, "{source}");
        }
    }

    #[test]
    fn a_template_prints_a_row_and_a_condition_tells_yes_from_no() {
        let columns = vec![("Товар".to_owned(), 0), ("Клиент".to_owned(), 1)];
        let template = Template::text("{{ row['Товар']|upper }}: {{ row['Клиент'] }}", columns.clone(), None).unwrap();
        assert_eq!(template.render(&row(&["ель", " Иван "])).unwrap().text, "ЕЛЬ: Иван");
        let condition = Template::condition("row['Товар'] != 'Черновик'", columns, None).unwrap();
        assert_eq!(condition.render(&row(&["ель"])).unwrap().text, "1");
        assert_eq!(condition.render(&row(&["Черновик"])).unwrap().text, "");
    }

    #[test]
    fn a_template_that_never_ends_is_stopped() {
        let endless = "{% for i in range(10000) %}{% for j in range(10000) %}x{% endfor %}{% endfor %}";
        assert!(Template::text(endless, vec![], None).unwrap().render(&row(&[])).is_err());
    }

    #[test]
    fn a_plain_template_is_made_as_the_engine_makes_it() {
        let columns = vec![("Товар".to_owned(), 0), ("Кли}}ент".to_owned(), 1), ("a'b".to_owned(), 2)];
        for (source, plain) in [
            ("{{ row['Товар'] }}: {{row[\"Товар\"]}}", true),
            ("", true),
            ("без столбцов }} и {", true),
            (" \n{{ row['Товар'] }} ", true),
            ("{{ row['Товар'] }}\n", false),
            ("  {{- row['Товар'] -}}  x", false),
            ("{{ row['Кли}}ент'] }}", false),
            ("{{ row[\"a'b\"] }}", false),
            ("{{ row['Товар']|upper }}", false),
            ("{# нет #}{{ row['Товар'] }}", false),
            ("{{ '{{' }}{{ row['Товар'] }}", false),
            ("{{ row['То' ~ 'вар'] }}", false),
        ] {
            let template = Template::text(source, columns.clone(), None).unwrap();
            assert_eq!(template.pieces.is_some(), plain, "{source}");
            let row = row(&[" <ель> & \"\"", "Иван", "c"]);
            assert_eq!(template.render(&row).unwrap(), template.evaluate(&row).unwrap(), "{source}");
        }
    }

    /// `1` and `0`, with a star where an empty cell was compared; or why there is no answer.
    fn answer(condition: &str, row: &Row, decimal: Option<char>) -> String {
        let columns = vec![("А".to_owned(), 0), ("Б".to_owned(), 1)];
        match Template::condition(condition, columns, decimal).unwrap().render(row) {
            Ok(Rendered { text, compared_empty: empty }) => {
                format!("{}{}", u8::from(!text.is_empty()), if empty { "*" } else { "" })
            }
            Err(RenderError::Row(refused)) => refused.error.code.to_owned(),
            Err(RenderError::Engine(error)) => error.to_string(),
        }
    }

    #[test]
    fn cells_are_compared_as_numbers_where_one_side_is_one() {
        for (condition, cells, satisfies) in [
            (
                "row['А'] > 10",
                &["9", "100", "", "10.5", "007", "1 000", "12%", "много", "1,234"][..],
                "0 1 0* 1 0 1 number number ambiguous-number",
            ),
            ("row['А'] < 10", &["9", "100", "", "-5"], "1 0 0* 1"),
            ("row['А'] == 7", &["7", "007", "7.0", "", "70", "x"], "1 1 1 0* 0 number"),
            ("row['А'] != 7", &["7", "007", "", "8"], "0 0 1 1"),
            ("10 <= row['А']", &["9", "10", "100"], "0 1 1"),
            ("5 < row['А'] <= 10", &["5", "6", "10", "11", "100"], "0 1 1 0 0"),
            ("row['А'] > '10'", &["9", "100", "", "x"], "0 1 0* number"),
            ("row['А'] in [7, 8]", &["007", "8", "9", ""], "1 1 0 0*"),
            ("row['А'] not in [7, 8]", &["007", "9"], "0 1"),
            ("row['А'] is gt 10", &["9", "100"], "0 1"),
            ("row['А'] == '7'", &["7", "007", "", "x"], "1 0 0 0"),
            ("row['А'] != 'Итого'", &["7", "Итого", ""], "1 0 1"),
            ("row['А'] < '2025-01-01'", &["2024-12-31", "2025-02-01"], "1 0"),
            ("row['А'] and row['А'] > 10", &["", "9", "11"], "0 0 1"),
            ("row['А']|int > 10", &["9", "100", "", "x"], "0 1 empty number"),
            ("row['А']|int(default=0) < 10", &["", "9", "x"], "1 1 1"),
            ("row['А']|float > 1", &["1.5", "0.5", "1.234", "2 000,5"], "1 0 1 1"),
            ("row['А']|length > 2", &["100", "9"], "1 0"),
        ] {
            let found: Vec<String> = cells.iter().map(|cell| answer(condition, &row(&[cell]), None)).collect();
            assert_eq!(found.join(" "), satisfies, "{condition}");
        }
        for (left, right, condition, expected) in [
            ("100", "9", "row['А'] > row['Б']", "1"),
            ("007", "7", "row['А'] == row['Б']", "1"),
            ("A1", "7", "row['А'] == row['Б']", "0"),
            ("A1", "7", "row['А'] > row['Б']", "number"),
            ("", "7", "row['А'] < row['Б']", "0*"),
            ("", "", "row['А'] == row['Б']", "1"),
            ("б", "а", "row['А'] > row['Б']", "1"),
        ] {
            assert_eq!(answer(condition, &row(&[left, right]), None), expected, "{left} {right} {condition}");
        }
        for (cell, decimal, expected) in
            [("1,234", ',', "0"), ("1,234", '.', "1"), ("1.234", ',', "1"), ("1.234", '.', "0")]
        {
            assert_eq!(answer("row['А'] > 10", &row(&[cell]), Some(decimal)), expected, "{cell} {decimal}");
            assert_eq!(answer("row['А']|float > 10", &row(&[cell]), Some(decimal)), expected, "{cell} {decimal}");
        }
    }

    #[test]
    fn cells_of_a_workbook_are_compared_by_what_they_hold() {
        for (text, value, condition, expected) in [
            ("1.234", Scalar::Number(1.234), "row['А'] > 10", "0"),
            ("1e16", Scalar::Number(1e16), "row['А'] > 10", "1"),
            ("000123", Scalar::Formatted(123.0, DisplayKind::Custom), "row['А'] == 123", "1"),
            ("З-0017", Scalar::Formatted(17.0, DisplayKind::Custom), "row['А'] == 17", "1"),
            ("З-0017", Scalar::Formatted(17.0, DisplayKind::Custom), "row['А'] == 'З-0017'", "1"),
            ("7", Scalar::Number(7.0), "row['А'] == '007'", "1"),
            ("7", Scalar::Number(7.0), "row['А'] != 'Итого'", "1"),
            ("15%", Scalar::Formatted(0.15, DisplayKind::Percent), "row['А'] > 10", "number"),
            ("5 шт", Scalar::Formatted(5.0, DisplayKind::Unit), "row['А'] > 10", "number"),
            ("2025-03-05", Scalar::Serial(45721.0), "row['А'] > 10", "number"),
            ("2025-03-05", Scalar::Serial(45721.0), "row['А'] > '2025-01-01'", "1"),
            ("true", Scalar::Bool(true), "row['А'] == 'true'", "1"),
            ("true", Scalar::Bool(true), "row['А'] == 'TRUE'", "1"),
            ("true", Scalar::Bool(true), "row['А'] == true", "1"),
            ("false", Scalar::Bool(false), "true != row['А']", "1"),
            ("false", Scalar::Bool(false), "row['А'] == true", "0"),
            ("1.234", Scalar::Number(1.234), "row['А'] ~ '' == '1.234'", "1"),
        ] {
            let mut row = row(&[]);
            row.push(text, value);
            assert_eq!(answer(condition, &row, Some(',')), expected, "{text} {condition}");
        }
    }

    #[test]
    fn cells_are_counted_with_as_numbers() {
        let columns = vec![("А".to_owned(), 0), ("Б".to_owned(), 1)];
        let made = |source: &str, cells: &[&str], decimal| match Template::text(source, columns.clone(), decimal)
            .unwrap()
            .render(&row(cells))
        {
            Ok(made) => made.text,
            Err(RenderError::Row(refused)) => refused.error.code.to_owned(),
            Err(RenderError::Engine(error)) => error.to_string(),
        };
        for (source, cells, decimal, expected) in [
            ("{{ row['А'] * 2 }}", &["9"][..], None, "18"),
            ("{{ row['А'] * 2 }}", &["1 000,5"], Some(','), "2001"),
            ("{{ row['А'] * 1.1 }} руб", &["3"], None, "3.3 руб"),
            ("{{ (row['А'] * 100)|int }}", &["19,99"], Some(','), "1999"),
            ("{{ row['А'] * 100 // 1 }}", &["19,99"], Some(','), "1999"),
            ("{{ row['А'] / 3 * 3 }}", &["10"], None, "10"),
            ("{{ row['А'] % 4 }} {{ -7 // 2 }} {{ 0 - row['А'] % 4 }}", &["10"], None, "2 -4 -2"),
            ("{{ row['А'] / row['Б'] }}", &["10", "0"], None, "template"),
            (
                "{{ (row['А'] * 1)|round }} {{ row['А']|round }} {{ row['Б']|round(2) }}",
                &["2.5", "1.005"],
                None,
                "3 3 1.01",
            ),
            ("{{ row['А']|round(1, 'ceil') }} {{ row['А']|round(method='floor') }}", &["2.55"], None, "2.6 2"),
            ("{{ row['А']|abs }} {{ [row['А'], row['Б'], 1]|sum }}", &["-5", "010"], None, "5 6"),
            ("{{ row['А']|replace(',', '.')|float }}", &["1,125"], Some(','), "1.125"),
            ("{% set x %}{{ row['А'] * 0.125 }}{% endset %}{{ x * 2 }}", &["9"], Some(','), "2.25"),
            ("{{ '%.3f'|format(row['А'] / 3)|float }}", &["1"], Some(','), "0.333"),
            ("{{ row['А']|float }} {{ row['А']|trim|float }}", &["1.125"], Some(','), "1125 1125"),
            (
                "{{ row['А'] is odd }} {{ row['А'] is divisibleby(3) }} {{ row['А'] is number }}",
                &["009"],
                None,
                "True True True",
            ),
            ("{{ row['А'] is odd }}", &["x"], None, "number"),
            ("{{ row['А'] is number }} {{ row['Б'] is number }}", &["x", ""], None, "False False"),
            ("{{ ([{'n': row['А']}, {'n': row['Б']}]|max(attribute='n')).n }}", &["9", "10"], None, "10"),
            (
                "{{ [{'n': row['А']}, {'n': row['Б']}]|sort(attribute='n')|map(attribute='n')|join(' ') }}",
                &["10", "9"],
                None,
                "9 10",
            ),
            ("{{ 2 * -row['А'] }}", &["9"], None, "-18"),
            ("{{ row['А'] * row['Б'] }}", &["3", "007"], None, "21"),
            ("{{ row['А'] - row['Б'] }}", &["10", "3"], None, "7"),
            ("{{ row['А'] / 4 }}", &["10"], None, "2.5"),
            ("{{ row['А'] // 4 ~ ' x ' ~ row['А'] % 4 ~ ' of ' ~ row['А'] }}", &["010"], None, "2 x 2 of 010"),
            ("{{ row['А'] * 2 }}", &["много"], None, "number"),
            ("{{ row['А'] * 2 }}", &["15%"], None, "number"),
            ("{{ row['А'] * 2 }}", &[""], None, "empty"),
            ("{{ row['А']|int(default=0) * 2 }}", &[""], None, "0"),
            ("{{ '-' * row['А'] }}", &["3"], None, "---"),
            ("{{ row['А'] + 10 }}", &["9"], None, "19"),
            ("{{ 0.1 + row['А'] }}", &["0.2"], None, "0.3"),
            ("{{ row['А'] + 10 }}", &["x"], None, "number"),
            ("{{ row['А'] + row['Б'] }}", &["9", "10"], None, "number"),
            ("{{ row['А']|float + row['Б'] }}", &["9", "10"], None, "19"),
            ("{{ row['А'] + row['Б'] }}", &["Ель", "10"], None, "Ель10"),
            ("{{ row['А'] + row['Б'] }}", &["", "10"], None, "10"),
            ("{{ row['А'] + '-' + row['Б'] }}", &["9", "10"], None, "9-10"),
            ("{{ row['А'] ~ row['Б'] }}", &["9", "10"], None, "910"),
            ("{{ ([row['А']] + [1])|join(',') }}", &["9"], None, "9,1"),
            ("{{ (row['А'] + row['Б']) * 2 }}", &["9", "10"], None, "number"),
            ("{{ [row['А'], row['Б']]|max }}", &["9", "10"], None, "10"),
            ("{{ [row['А'], row['Б']]|min }}", &["9", "010"], None, "9"),
            ("{{ [row['А'], row['Б']]|max }}", &["", "010"], None, "010"),
            ("{{ [row['А'], row['Б'], 1]|max }}", &["9", "x"], None, "number"),
            ("{{ [row['А'], row['Б'], '']|sort|join(' ') }}", &["10", "009"], None, " 009 10"),
            ("{{ [row['А'], row['Б']]|sort(reverse=true)|join(' ') }}", &["9", "10"], None, "10 9"),
            ("{{ [row['А'], row['Б']]|max }}", &["Ель", "Бук"], None, "Ель"),
            ("{{ row['А']|int }}", &["inf"], None, "number"),
            ("{{ row['А']|int }}", &["nan"], None, "number"),
            ("{{ row['А']|float }}", &["1e2"], None, "scientific"),
            ("{{ row['А']|float }}", &["1.234"], None, "1.234"),
            ("{{ row['А']|float }}", &["1,234"], None, "ambiguous-number"),
        ] {
            assert_eq!(made(source, cells, decimal), expected, "{source} {cells:?}");
        }
    }

    #[test]
    fn no_template_makes_more_than_its_bytes() {
        let columns = vec![("А".to_owned(), 0)];
        for source in [
            "{{ 'x' * 2000000 }}",
            "{% for i in range(5000) %}{{ 'x' * 1000 }}{% endfor %}",
            "{% set ns = namespace(s='xx') %}{% for i in range(40) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s|length }}",
            "{% set l = ['x'] %}{% for a in [l * 9000] %}{% for b in [a * 9000] %}{{ b|length }}{% endfor %}{% endfor %}",
            "{% set s = 'x' * 900000 %}{{ s|replace('x', s)|length }}",
            "{% set s = 'x' * 500000 %}{{ [s, s, s]|join|length }}",
            "{{ '%999999999s'|format('x')|length }}",
            "{{ 'x'|indent(99999999, true)|length }}",
            "{{ [1]|batch(99999999, 'x')|list|length }}",
            "{% set s %}{% for i in range(5000) %}{{ 'x' * 1000 }}{% endfor %}{% endset %}x",
        ] {
            let made = Template::text(source, columns.clone(), None).unwrap().render(&row(&["x"]));
            let Err(RenderError::Row(refused)) = made else { panic!("{source}: {made:?}") };
            assert!(refused.error.message.to_string().contains("1000000 bytes"), "{source}: {}", refused.error.message);
        }
        let long = Template::text("{{ 'x' * 900000 }}", columns, None).unwrap().render(&row(&["x"]));
        assert_eq!(long.unwrap().text.len(), 900_000);
    }
}
