//! Several columns joined in one text without empty cells, written as a template. Pure.

/// A cell in the template language; `None` for a title that cannot be quoted in it.
pub fn cell(title: &str) -> Option<String> {
    let quote = ['\'', '"'].into_iter().find(|quote| !title.contains(*quote))?;
    (!title.contains('\\')).then(|| format!("row[{quote}{title}{quote}]"))
}

pub fn template(cells: &[String], between: &str) -> String {
    let between = between.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n").replace('\t', "\\t");
    format!("{{{{ [{}]|select|join('{between}') }}}}", cells.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::template::Template;
    use sheet_source::Row;

    #[test]
    fn cells_that_hold_anything_are_joined_whatever_stands_between() {
        let titles = ["Фамилия", "Имя 'второе'", "Отчество \"или\" другое"];
        let cells: Vec<String> = titles.iter().map(|title| cell(title).unwrap()).collect();
        for (row, between, joined) in [
            (["Иванов", "Иван", "Иванович"], " ", "Иванов Иван Иванович"),
            (["Иванов", "", "Иванович"], ", ", "Иванов, Иванович"),
            (["", "", "Иванович"], " ", "Иванович"),
            (["", " ", ""], " ", ""),
            (["0", "007", "false"], "'", "0'007'false"),
            (["a", "b", "c"], "\\", "a\\b\\c"),
            (["a", "b", ""], "\n", "a\nb"),
            (["a", "b", "c"], "}}", "a}}b}}c"),
        ] {
            let columns = titles.iter().map(|title| title.to_string()).zip(0..).collect();
            let template = Template::text(&template(&cells, between), columns, None).unwrap();
            let mut cells = Row::default();
            cells.clear(2);
            row.iter().for_each(|text| cells.push_text(text));
            assert_eq!(template.render(&cells).unwrap().text, joined, "{row:?} by {between:?}");
        }
        assert_eq!(cell("a'b\"c"), None);
        assert_eq!(cell("a\\b"), None);
    }
}
