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
}

const NAME: &str = "template";

impl Template {
    pub fn text(source: &str, columns: Columns) -> Result<Template, minijinja::Error> {
        // Everything minijinja ships is pure: no template can read a file or a clock, so a resumed run maps alike.
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_fuel(Some(FUEL));
        env.add_template_owned(NAME, source.to_owned())?;
        Ok(Template { env, columns })
    }

    /// A condition is an expression; it becomes a template that prints something when it holds.
    pub fn condition(expression: &str, columns: Columns) -> Result<Template, minijinja::Error> {
        // Compiled alone first, so that the error speaks of the author's text and not of what is put around it.
        Environment::new().compile_expression(expression)?;
        Template::text(&format!("{{% if {expression} %}}1{{% endif %}}"), columns)
    }

    /// What the template makes of a row.
    pub fn render(&self, row: &Row) -> Result<String, minijinja::Error> {
        let cells: BTreeMap<String, Value> = self
            .columns
            .iter()
            .map(|(title, index)| (title.clone(), Value::from(row.get(*index).text.trim())))
            .collect();
        let context: BTreeMap<&str, Value> = BTreeMap::from([("row", Value::from(cells))]);
        self.env.get_template(NAME)?.render(context)
    }
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
}
