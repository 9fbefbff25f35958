//! The way back, worked out once: which columns there are, what fills them, and what nothing fills.

use super::words::Words;
use super::{Backwards, KeyOf, Target, Way};
use crate::export::Format;
use crate::export::dialect::Dialect;
use crate::mapping::compile::{Reads, columns_read};
use crate::mapping::plan::{Input, OriginPlan, Plan, SectionPlan, TargetPlan, ValuePlan};
use crate::mapping::written::{From, Origin, Written};
use amo_model::{FieldContent, FieldKind, LinkKind, Placement, Wire};
use sheet_source::{ColumnMatch, fold};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

impl Backwards {
    /// The titles of a mapping's columns, in the order in which they first stand in it.
    pub fn titles_of(written: &Written) -> Vec<String> {
        let mut titles: Vec<String> = Vec::new();
        for (title, _) in columns_read(written) {
            if !titles.iter().any(|known| fold(known) == fold(&title)) {
                titles.push(title);
            }
        }
        titles
    }

    /// `plan` is the mapping compiled for a table with these titles.
    pub fn of(written: &Written, plan: Arc<Plan>, format: Format, keys: Box<KeyOf>) -> Backwards {
        let origins = origins(written);
        let mut targets: Vec<(usize, Target)> = Vec::new();
        let mut untold = Vec::new();
        for (no, section) in plan.sections.iter().enumerate() {
            for (value_no, value) in section.values.iter().enumerate() {
                let name = format!("{}.{}", section_name(&plan, section), value.target.name());
                let ways: Vec<Way> = value.origins.iter().map(|origin| way(&plan, written, &origins, origin)).collect();
                let held = is_held(&plan, section, value);
                untold.extend(value.origins.iter().zip(&ways).filter_map(|(origin, way)| {
                    unshown(&plan, section, value, origin, way, held).map(|why| format!("{name} ({why})"))
                }));
                if held {
                    let at = value.origins.iter().map(|origin| origin.at).min().unwrap_or(0);
                    targets.push((at, Target { section: no, value: value_no, name, ways }));
                }
            }
        }
        targets.sort_by_key(|(at, _)| *at);
        untold.extend(unfilled(&plan, written, &targets));
        Backwards {
            titles: plan.header.titles().map(str::to_owned).collect(),
            targets: targets.into_iter().map(|(_, target)| target).collect(),
            links: links(&plan),
            dialect: Dialect::of(written, format),
            typed: format == Format::Xlsx,
            words: Words::new(Arc::clone(&plan), keys),
            untold,
            lost: BTreeMap::new(),
            plan,
        }
    }
}

/// Each origin by its place in the file.
fn origins(written: &Written) -> HashMap<usize, &Origin> {
    let values = written.sections.iter().flat_map(|section| &section.values);
    let all = values.flat_map(|v| v.origins.iter().chain(v.parts.iter().flat_map(|part| &part.origins)));
    all.map(|origin| (origin.at, origin)).collect()
}

fn way(plan: &Plan, written: &Written, origins: &HashMap<usize, &Origin>, origin: &OriginPlan) -> Way {
    let Some(said) = origins.get(&origin.at) else { return Way::default() };
    let translation = said.values.iter().flat_map(|values| &values.it);
    let dates = written.source.dates.iter().map(|layout| layout.it.clone());
    Way {
        translation: translation.map(|(found, written)| (found.clone(), written.it.clone())).collect(),
        layouts: said.format.as_ref().map_or_else(|| dates.collect(), |format| vec![format.it.clone()]),
        around: match &said.from {
            From::Template(text) => around(&text.it).and_then(|(title, before, after)| match plan.header.find(title) {
                ColumnMatch::One(column) => Some((column, before.to_owned(), after.to_owned())),
                ColumnMatch::Many(_) | ColumnMatch::None => None,
            }),
            From::Column(_) | From::Constant(_) => None,
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

/// True where lists of the service say what this is.
fn is_held(plan: &Plan, section: &SectionPlan, value: &ValuePlan) -> bool {
    let TargetPlan::Field(spec) = &value.target else { return true };
    // With an id beside them the other columns of a contact would have to be empty.
    let id_beside = spec.holds == FieldContent::OwnId && !section.spec.is_item() && section.values.len() > 1;
    spec.wire.is_held(section.spec.at, plan.kind.spec().entity) && !id_beside
}

/// Why an origin has no column that shows it.
fn unshown(
    plan: &Plan,
    section: &SectionPlan,
    value: &ValuePlan,
    origin: &OriginPlan,
    way: &Way,
    held: bool,
) -> Option<String> {
    match &origin.input {
        Input::Column(column) if !held => {
            Some(format!("\"{}\" stays empty: it cannot be read back", plan.header.title(*column)))
        }
        Input::Column(_) => None,
        // It says where the section looks.
        Input::Constant(_) if matches!(&value.target, TargetPlan::Field(spec) if spec.wire == Wire::ElementCatalog) => {
            None
        }
        Input::Constant(text) => Some(format!("always \"{text}\"")),
        Input::Template(_) if way.around.is_some() && reads_text(section, value) => None,
        Input::Template(_) => Some("a template".to_owned()),
    }
}

/// Only of a text can what a template put around it be taken off again.
fn reads_text(section: &SectionPlan, value: &ValuePlan) -> bool {
    let text = match &value.target {
        TargetPlan::Field(spec) => matches!(spec.holds, FieldContent::Text { .. }),
        TargetPlan::Custom { kind, .. } => matches!(kind, FieldKind::Text | FieldKind::Textarea),
    };
    text && !section.spec.repeats
}

/// Columns that are there because a template or a condition reads them.
fn unfilled(plan: &Plan, written: &Written, targets: &[(usize, Target)]) -> Vec<String> {
    let around: Vec<usize> = targets
        .iter()
        .flat_map(|(_, target)| target.ways.iter())
        .filter_map(|way| way.around.as_ref().map(|(column, _, _)| *column))
        .collect();
    let read = columns_read(written);
    let by = |title: &str, wanted: &[Reads]| {
        read.iter().any(|(known, reads)| fold(known) == fold(title) && wanted.contains(reads))
    };
    let titles = plan.header.titles().enumerate();
    let unfilled = titles
        .filter(|(column, title)| !by(title, &[Reads::Value, Reads::Key, Reads::Group]) && !around.contains(column));
    unfilled
        .map(|(_, title)| {
            let what = if by(title, &[Reads::Template]) { "a template" } else { "\"where\"" };
            format!("column \"{title}\" (only {what} reads it)")
        })
        .collect()
}

/// Whose contact and company the mapping writes along with the record.
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

/// A value in parts is named by its field.
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
