//! Templates and conditions: minijinja over `row['Title']`. Compiled once; the columns they name are known before any
//! row is read, so a misspelt one is a problem of the mapping and not of a million rows.

use crate::table::Row;
use minijinja::{Environment, UndefinedBehavior, Value};
use std::collections::BTreeMap;

/// Steps one evaluation may take, so that a loop in a template cannot hang a run.
const FUEL: u64 = 20_000;

/// The columns a template names: as written, and their index once looked up.
pub type Columns = Vec<(String, usize)>;

#[derive(Debug)]
pub struct Template {
    env: Environment<'static>,
    columns: Columns,
    /// What the template is, where it only puts cells between texts: nearly every one does, and it is made without the
    /// engine then, ten times as fast.
    pieces: Option<Vec<Piece>>,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Cell(usize),
}

const NAME: &str = "template";

impl Template {
    pub fn text(source: &str, columns: Columns) -> Result<Template, minijinja::Error> {
        // Everything minijinja ships is pure: no template can read a file or a clock, so a resumed run maps alike.
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_fuel(Some(FUEL));
        env.add_template_owned(NAME, source.to_owned())?;
        let pieces = pieces(source, &columns);
        Ok(Template { env, columns, pieces })
    }

    /// A condition is an expression; it becomes a template that prints something when it holds.
    pub fn condition(expression: &str, columns: Columns) -> Result<Template, minijinja::Error> {
        // Compiled alone first, so that the error speaks of the author's text and not of what is put around it.
        Environment::new().compile_expression(expression)?;
        Template::text(&format!("{{% if {expression} %}}1{{% endif %}}"), columns)
    }

    /// The columns that it reads.
    pub fn reads(&self) -> impl Iterator<Item = usize> {
        self.columns.iter().map(|(_, index)| *index)
    }

    /// What the template makes of a row.
    pub fn render(&self, row: &Row) -> Result<String, minijinja::Error> {
        let Some(pieces) = &self.pieces else { return self.evaluate(row) };
        let mut text = String::with_capacity(128);
        for piece in pieces {
            text.push_str(match piece {
                Piece::Text(text) => text,
                Piece::Cell(index) => row.get(*index).text.trim(),
            });
        }
        Ok(text)
    }

    fn evaluate(&self, row: &Row) -> Result<String, minijinja::Error> {
        let cells: BTreeMap<String, Value> = self
            .columns
            .iter()
            .map(|(title, index)| (title.clone(), Value::from(row.get(*index).text.trim())))
            .collect();
        let context: BTreeMap<&str, Value> = BTreeMap::from([("row", Value::from(cells))]);
        self.env.get_template(NAME)?.render(context)
    }
}

/// A template of texts and `{{ row['Title'] }}` alone; `None` for whatever else.
fn pieces(source: &str, columns: &[(String, usize)]) -> Option<Vec<Piece>> {
    // The engine takes a line end off the end of a template.
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

/// The titles in `row['…']` and `row["…"]`, in order, each once; `row.title` counts too.
pub fn columns_named(source: &str) -> Vec<String> {
    let mut titles: Vec<String> = Vec::new();
    let mut rest = source;
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

#[cfg(test)]
mod tests {
    use super::*;

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
            ("{{ arrow['x'] }} grow.y", vec![]),
        ] {
            assert_eq!(columns_named(source), titles, "{source}");
        }
    }

    #[test]
    fn a_template_prints_a_row_and_a_condition_tells_yes_from_no() {
        let columns = vec![("Товар".to_owned(), 0), ("Клиент".to_owned(), 1)];
        let template = Template::text("{{ row['Товар']|upper }}: {{ row['Клиент'] }}", columns.clone()).unwrap();
        assert_eq!(template.render(&row(&["ель", " Иван "])).unwrap(), "ЕЛЬ: Иван");
        let condition = Template::condition("row['Товар'] != 'Черновик'", columns).unwrap();
        assert_eq!(condition.render(&row(&["ель"])).unwrap(), "1");
        assert_eq!(condition.render(&row(&["Черновик"])).unwrap(), "");
    }

    #[test]
    fn a_template_that_never_ends_is_stopped() {
        let endless = "{% for i in range(10000) %}{% for j in range(10000) %}x{% endfor %}{% endfor %}";
        assert!(Template::text(endless, vec![]).unwrap().render(&row(&[])).is_err());
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
            let template = Template::text(source, columns.clone()).unwrap();
            assert_eq!(template.pieces.is_some(), plain, "{source}");
            let row = row(&[" <ель> & \"\"", "Иван", "c"]);
            assert_eq!(template.render(&row).unwrap(), template.evaluate(&row).unwrap(), "{source}");
        }
    }
}
