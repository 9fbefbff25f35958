//! Inverting a mapping, once: its columns, what fills them, and what has no column.

use super::words::NameFinder;
use super::{InverseMapping, InverseTarget, KeyOf, OriginFormat};
use crate::export::Format;
use crate::export::table::dialect::Dialect;
use crate::mapping::compile::{ColumnUse, columns_read};
use crate::mapping::language::ast::{MappingAst, Origin, ValueSource};
use crate::mapping::plan::{Input, OriginPlan, Plan, SectionPlan, TargetPlan, ValuePlan};
use amo_model::{FieldContent, FieldKind, LinkKind, Placement, Wire};
use sheet_source::{ColumnMatch, fold};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

impl InverseMapping {
    /// The titles of a mapping's columns, in the order of their first use.
    pub fn titles_of(written: &MappingAst) -> Vec<String> {
        let mut titles: Vec<String> = Vec::new();
        for (title, _) in columns_read(written) {
            if !titles.iter().any(|known| fold(known) == fold(&title)) {
                titles.push(title);
            }
        }
        titles
    }

    /// The inverse of a mapping. `plan` is the mapping compiled for a table with its titles.
    pub fn of(written: &MappingAst, plan: Arc<Plan>, format: Format, keys: Box<KeyOf>) -> InverseMapping {
        let origins = origins(written);
        let mut targets: Vec<(usize, InverseTarget)> = Vec::new();
        let mut without_column = Vec::new();
        for (no, section) in plan.sections.iter().enumerate() {
            for (value_no, value) in section.values.iter().enumerate() {
                let name = format!("{}.{}", section_name(&plan, section), value.target.name());
                let origin_formats: Vec<OriginFormat> =
                    value.origins.iter().map(|origin| origin_format(&plan, written, &origins, origin)).collect();
                let readable = is_readable(&plan, section, value);
                without_column.extend(value.origins.iter().zip(&origin_formats).filter_map(
                    |(origin, origin_format)| {
                        let why = match &origin.input {
                            Input::Column(_) if readable => None,
                            Input::Column(column) => {
                                let title = plan.header.title(*column);
                                Some(format!("\"{title}\" stays empty: the service does not show it"))
                            }
                            Input::Constant(_) | Input::Template(_) => {
                                reason_without_column(section, value, origin, origin_format)
                            }
                        };
                        why.map(|why| format!("{name} ({why})"))
                    },
                ));
                if readable {
                    let offset = value.origins.iter().map(|origin| origin.offset).min().unwrap_or(0);
                    targets.push((offset, InverseTarget { section: no, value: value_no, name, origin_formats }));
                }
            }
        }
        targets.sort_by_key(|(at, _)| *at);
        without_column.extend(unfilled_columns(&plan, written, &targets));
        InverseMapping {
            titles: plan.header.titles().map(str::to_owned).collect(),
            targets: targets.into_iter().map(|(_, target)| target).collect(),
            links: links(&plan),
            dialect: Dialect::of(written, format),
            typed: format == Format::Xlsx,
            words: NameFinder::new(Arc::clone(&plan), keys),
            without_column,
            losses: BTreeMap::new(),
            plan,
        }
    }
}

/// Origins by their offset in the file.
fn origins(written: &MappingAst) -> HashMap<usize, &Origin> {
    let values = written.sections.iter().flat_map(|section| &section.values);
    let all = values.flat_map(|v| v.origins.iter().chain(v.parts.iter().flat_map(|part| &part.origins)));
    all.map(|origin| (origin.offset, origin)).collect()
}

/// How a value is written into the column of an origin.
fn origin_format(
    plan: &Plan,
    written: &MappingAst,
    origins: &HashMap<usize, &Origin>,
    origin: &OriginPlan,
) -> OriginFormat {
    let Some(written_origin) = origins.get(&origin.offset) else { return OriginFormat::default() };
    let translation = written_origin.values.iter().flat_map(|values| &values.value);
    let dates = written.source.dates.iter().map(|layout| layout.value.clone());
    OriginFormat {
        translation: translation.map(|(found, written)| (found.clone(), written.value.clone())).collect(),
        layouts: written_origin.format.as_ref().map_or_else(|| dates.collect(), |format| vec![format.value.clone()]),
        around: match &written_origin.source {
            ValueSource::Template(text) => {
                around(&text.value).and_then(|(title, before, after)| match plan.header.find(title) {
                    ColumnMatch::One(column) => Some((column, before.to_owned(), after.to_owned())),
                    ColumnMatch::Many(_) | ColumnMatch::None => None,
                })
            }
            ValueSource::Column(_) | ValueSource::Constant(_) => None,
        },
    }
}

/// A template that is one column between fixed texts: `Счёт {{ row['Номер'] }}`.
fn around(template: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = template.split_once("{{")?;
    let (inner, after) = rest.split_once("}}")?;
    let fixed = |text: &str| ["{{", "{%", "{#"].iter().all(|mark| !text.contains(mark));
    let inner = inner.trim().strip_prefix("row[")?.strip_suffix(']')?.trim();
    let title = ['\'', '"'].iter().find_map(|quote| inner.strip_prefix(*quote)?.strip_suffix(*quote))?;
    (fixed(before) && fixed(after) && !title.contains(['\'', '"'])).then_some((title, before, after))
}

/// True where the service shows the value, so that it can be exported.
fn is_readable(plan: &Plan, section: &SectionPlan, value: &ValuePlan) -> bool {
    let TargetPlan::Field(spec) = &value.target else { return true };
    // Beside an id, the other columns of a contact would have to be empty.
    let id_beside = spec.holds == FieldContent::OwnId && !section.spec.is_item() && section.values.len() > 1;
    spec.wire.is_held(section.spec.at, plan.kind.spec().entity) && !id_beside
}

/// Why no column shows a constant or a template; `None` where one does, or none is needed.
fn reason_without_column(
    section: &SectionPlan,
    value: &ValuePlan,
    origin: &OriginPlan,
    origin_format: &OriginFormat,
) -> Option<String> {
    match &origin.input {
        Input::Column(_) => None,
        // It only names the catalog of the section.
        Input::Constant(_) if matches!(&value.target, TargetPlan::Field(spec) if spec.wire == Wire::ElementCatalog) => {
            None
        }
        Input::Constant(text) => Some(format!("always \"{text}\"")),
        Input::Template(_) if origin_format.around.is_some() && reads_text(section, value) => None,
        Input::Template(_) => Some("a template".to_owned()),
    }
}

/// True for a value from which the fixed text of a template can be removed: only a text.
fn reads_text(section: &SectionPlan, value: &ValuePlan) -> bool {
    let text = match &value.target {
        TargetPlan::Field(spec) => matches!(spec.holds, FieldContent::Text { .. }),
        TargetPlan::Custom { kind, .. } => matches!(kind, FieldKind::Text | FieldKind::Textarea),
    };
    text && !section.spec.repeats
}

/// Columns that only a template or a condition reads.
fn unfilled_columns(plan: &Plan, written: &MappingAst, targets: &[(usize, InverseTarget)]) -> Vec<String> {
    let around: Vec<usize> = targets
        .iter()
        .flat_map(|(_, target)| target.origin_formats.iter())
        .filter_map(|origin_format| origin_format.around.as_ref().map(|(column, _, _)| *column))
        .collect();
    let read = columns_read(written);
    let by = |title: &str, uses: &[ColumnUse]| {
        read.iter().any(|(known, reads)| fold(known) == fold(title) && uses.contains(reads))
    };
    let titles = plan.header.titles().enumerate();
    let unfilled_columns = titles.filter(|(column, title)| {
        !by(title, &[ColumnUse::Value, ColumnUse::Key, ColumnUse::Group]) && !around.contains(column)
    });
    unfilled_columns
        .map(|(_, title)| {
            let what = if by(title, &[ColumnUse::Template]) { "a template" } else { "\"where\"" };
            format!("column \"{title}\" (only {what} reads it)")
        })
        .collect()
}

/// The contact and the company that the mapping writes with the record.
fn links(plan: &Plan) -> Vec<LinkKind> {
    let linked = |section: &SectionPlan| match section.spec.at {
        Placement::EmbeddedFirst(key) => LinkKind::ALL.into_iter().find(|link| link.entity().collection() == key),
        _ => None,
    };
    let mut links: Vec<LinkKind> = Vec::new();
    for link in plan.sections.iter().filter_map(linked) {
        if !links.contains(&link) {
            links.push(link);
        }
    }
    links
}

/// The name of a section; of an object in a custom field it is the name of the field.
fn section_name(plan: &Plan, section: &SectionPlan) -> String {
    match (&section.field, plan.sections.get(section.holder)) {
        (Some(field), Some(holder)) if section.spec.at == Placement::Value => {
            format!("{}.{}", holder.spec.name, field.name)
        }
        _ => section.spec.name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_around_one_column_is_known() {
        for (template, known) in [
            ("Счёт {{ row['Номер счёта'] }}", Some(("Номер счёта", "Счёт ", ""))),
            ("{{row[\"№\"]}} (№)", Some(("№", "", " (№)"))),
            ("{{ row['a'] }} × {{ row['b'] }}", None),
            ("{{ row['a']|upper }}", None),
            ("{% if x %}{{ row['a'] }}{% endif %}", None),
            ("Счёт", None),
        ] {
            assert_eq!(around(template), known, "{template}");
        }
    }
}
