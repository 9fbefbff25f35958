//! Finds the column of a value that the service refuses, by the JSON path in the response.

use super::plan::{Input, Plan, SectionPlan, TargetPlan, ValuePlan};
use amo_model::{Placement, answer};
use serde_json::Value;

/// The column behind `path` in an item with the JSON `body`; `None` for constants, templates and unknown paths.
pub fn column_of(plan: &Plan, body: &[u8], path: &str) -> Option<usize> {
    let (section, inner) = section_of(plan, path)?;
    let target = match inner.strip_prefix("custom_fields_values.") {
        Some(rest) => {
            let (index, rest) = rest.split_once('.').unwrap_or((rest, ""));
            let item: Value = serde_json::from_slice(body).ok()?;
            let id = answer::custom_field_at(&item, &object_path(section), index.parse().ok()?)?;
            in_field(plan, section, id, rest)
        }
        None => section.values.iter().find(|v| is_at(v, inner)),
    }?;
    target.origins.iter().find_map(|origin| match origin.input {
        Input::Column(index) => Some(index),
        Input::Constant(_) | Input::Template(_) => None,
    })
}

/// The value of a custom field of a section, or of a part of an object: `values.0.value.vat_id`.
fn in_field<'p>(plan: &'p Plan, section: &'p SectionPlan, id: u64, rest: &str) -> Option<&'p ValuePlan> {
    let whole = |v: &&ValuePlan| matches!(&v.target, TargetPlan::Custom { field, .. } if field.id == id);
    if let Some(value) = section.values.iter().find(whole) {
        return Some(value);
    }
    let parts = plan.sections.iter().find(|s| s.field.as_ref().is_some_and(|field| field.id == id))?;
    // The key after `values.<n>.value`; empty if the path ends earlier.
    let key = rest.splitn(4, '.').nth(3).unwrap_or("");
    parts.values.iter().find(|v| is_at(v, key)).or(parts.values.first())
}

fn is_at(value: &ValuePlan, path: &str) -> bool {
    match &value.target {
        TargetPlan::Field(spec) => {
            let wire = spec.wire.path();
            path == wire || path.strip_prefix(&wire).is_some_and(|rest| rest.starts_with('.'))
        }
        TargetPlan::Custom { .. } => false,
    }
}

/// The section whose object contains the path, and the rest of the path inside it.
fn section_of<'p>(plan: &'p Plan, path: &'p str) -> Option<(&'p SectionPlan, &'p str)> {
    for section in &plan.sections {
        let prefix = object_path(section).join(".");
        if prefix.is_empty() {
            continue;
        }
        if let Some(inner) = path.strip_prefix(&prefix).and_then(|rest| rest.strip_prefix('.')) {
            // The path of elements has an index before the key.
            let inner = match section.spec.at {
                Placement::Elements => inner.split_once('.').map_or(inner, |(_, key)| key),
                _ => inner,
            };
            return Some((section, inner));
        }
    }
    plan.sections.first().map(|section| (section, path))
}

fn object_path(section: &SectionPlan) -> Vec<&'static str> {
    match section.spec.at {
        Placement::Embedded(key) => vec!["_embedded", key],
        Placement::EmbeddedFirst(key) => vec!["_embedded", key, "0"],
        Placement::Elements => vec!["_embedded", "catalog_elements"],
        Placement::Item | Placement::Field(_) | Placement::LinkedElements | Placement::Value => vec![],
    }
}
