//! A commented mapping to begin with, made from the tables that the reader uses.

use super::ast::{CATALOG_KEY, GROUP_KEY, VERSION};
use amo_model::{Action, FieldContent, FieldSpec, KindSpec, Required, SectionSpec};
use std::fmt::Write as _;

/// Width of the names, so that the signs of a section stand below each other.
const NAME_WIDTH: usize = 18;
/// Column in which the comments begin.
const COMMENT_AT: usize = 44;

/// A mapping of a kind for an action, as TOML. Lines of what is seldom needed are comments.
pub fn starter(spec: &KindSpec, action: Action) -> String {
    let mut text = String::from(INTRODUCTION);
    let actions: Vec<&str> = spec.writes.iter().map(|write| write.action.name()).collect();
    line(&mut text, true, ("version", &VERSION.to_string()), "");
    line(&mut text, true, ("kind", &quoted(spec.name)), "");
    line(&mut text, true, ("action", &quoted(action.name())), &format!("of: {}", actions.join(", ")));
    if spec.catalog.is_some() {
        let about = "the list whose elements these are: its name in the account";
        line(&mut text, spec.name == "element", (CATALOG_KEY, "\"Товары\""), about);
    }
    let by_key = action != Action::Create && !names_records(spec, action);
    line(&mut text, by_key, ("key", "\"ID\""), "the column that identifies a record, from one import to the next");
    line(&mut text, false, ("key-space", "\"erp\""), "mappings with this name share their keys");
    line(&mut text, false, ("marker", "\"Import mark\""), "a text field: finds a record whose answer was lost");
    if spec.grouped() && action == Action::Create {
        line(&mut text, false, (GROUP_KEY, "\"Order no.\""), "rows with the same text here are one record");
    }
    text.push_str(SOURCE);
    for section in spec.sections {
        write_section(&mut text, section, action);
    }
    text
}

const INTRODUCTION: &str = "\
#:schema ./mapping.schema.json
# Which columns of your file fill which fields. Left the field, right the title of a column:
#
#   price  = \"Budget\"                                             the cells of a column
#   price  = { column = \"Budget\", default = 0 }                   with a rule for them
#   status = { column = \"Stage\", values = { \"won\" = \"142\" } }     translated
#   name   = { template = \"{{ row['Product'] }}, {{ row['City'] }}\" }
#   responsible_user = { value = \"Anna\" }                         the same in every row
#
# Lines that begin with # are not in use: remove the # and put your titles in (amoport peek FILE shows them).
# Then: amoport check FILE --mapping THIS-FILE --sandbox, or --account NAME for your own account.

";

const SOURCE: &str = "
[source]
# sheet      = \"Sheet1\"                     # its name or number; the first one, if left out
# header-row = 1                            # 0 if there is no header
# dates      = [\"%d.%m.%Y\", \"%d.%m.%Y %H:%M\"] # how the dates are written
# decimal    = \",\"                          # 7,5 is seven and a half
# where      = \"row['Status'] != 'test'\"    # rows for which this is false are skipped
";

fn write_section(text: &mut String, section: &SectionSpec, action: Action) {
    let fields: Vec<&FieldSpec> = section.fields.iter().filter(|field| field.taken_on(action)).collect();
    let has_fields = section.custom_fields.is_some() && action != Action::Delete;
    if fields.is_empty() && !has_fields {
        return;
    }
    // The record itself; other tables are for those who have such columns.
    let used = section.is_item();
    let _ = writeln!(text, "\n{}[{}]", if used { "" } else { "# " }, section.name);
    for field in fields {
        // Of an existing record, no field is needed but its id.
        let needed = match field.required {
            Required::Always if action != Action::Update => "; needed",
            Required::Periodicity if action != Action::Update => "; needed where customers buy periodically",
            _ => "",
        };
        let about = format!("{}{needed}", field.about);
        line(text, used && is_used(field, action), (field.name, &quoted(&title(field.name))), &about);
    }
    if has_fields {
        let _ = writeln!(text, "\n# [{}.fields]", section.name);
        line(
            text,
            false,
            ("\"Name of a field\"", "\"Its column\""),
            "by its name or code in the account, or \"id:294471\"",
        );
    }
}

/// True for the fields without which there is no record, and for the name of a new one.
fn is_used(field: &FieldSpec, action: Action) -> bool {
    match action {
        Action::Create => field.required == Required::Always || field.name == "name",
        Action::Update => field.holds == FieldContent::OwnId,
        Action::Delete => field.holds == FieldContent::OwnId || field.required == Required::Always,
    }
}

/// True where a field of the record itself names the record to change.
fn names_records(spec: &KindSpec, action: Action) -> bool {
    spec.sections[0].fields.iter().any(|field| field.taken_on(action) && field.holds == FieldContent::OwnId)
}

/// The title of a column that a field may come from.
fn title(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

fn line(text: &mut String, used: bool, (name, value): (&str, &str), about: &str) {
    let mut written = format!("{}{name:<NAME_WIDTH$} = {value}", if used { "" } else { "# " });
    if !about.is_empty() {
        let _ = write!(written, "{:pad$}  # {about}", "", pad = COMMENT_AT.saturating_sub(written.chars().count()));
    }
    text.push_str(&written);
    text.push('\n');
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::read_text;
    use amo_model::Kind;
    use std::path::Path;

    fn all() -> impl Iterator<Item = (Kind, Action)> {
        Kind::ALL.into_iter().flat_map(|kind| kind.spec().writes.iter().map(move |write| (kind, write.action)))
    }

    #[test]
    fn every_starting_mapping_is_a_mapping() {
        for (kind, action) in all() {
            let text = starter(kind.spec(), action);
            let read = read_text(Path::new("new.toml"), &text);
            assert!(read.is_ok(), "{kind:?} {action:?}: {read:#?}\n{text}");
        }
    }

    #[test]
    fn every_field_of_the_kind_is_in_its_starting_mapping() {
        for (kind, action) in all() {
            let text = starter(kind.spec(), action);
            for section in kind.spec().sections {
                let of_section = format!("[{}]", section.name);
                for field in section.fields.iter().filter(|field| field.taken_on(action)) {
                    let part = text.split_once(&of_section).expect(section.name).1;
                    let part = part.split("\n\n").next().unwrap_or_default();
                    let is_field = |line: &str| {
                        line.trim_start_matches("# ").split(" =").next().map(str::trim) == Some(field.name)
                    };
                    assert!(part.lines().any(is_field), "{kind:?} {action:?}: {of_section} {}", field.name);
                }
            }
        }
    }

    #[test]
    fn every_commented_line_is_one_of_the_language() {
        for (kind, action) in all() {
            let text = starter(kind.spec(), action);
            let rest = text.split_once("\n\n").expect("an introduction").1;
            let whole: Vec<&str> = rest.lines().map(|line| line.strip_prefix("# ").unwrap_or(line)).collect();
            let whole = whole.join("\n");
            let read = read_text(Path::new("new.toml"), &whole);
            assert!(read.is_ok(), "{kind:?} {action:?}: {read:#?}\n{whole}");
        }
    }
}
