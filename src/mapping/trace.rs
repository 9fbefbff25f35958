//! The way back: from the path by which the service names a value it refuses to the column it came from.

use super::plan::{Input, Plan, SectionPlan, TargetPlan};
use crate::entity::{At, answer};
use serde_json::Value;

/// The column behind `path` in an item whose JSON is `body`; `None` for constants, templates and paths that name no
/// value of ours.
pub fn column_of(plan: &Plan, body: &[u8], path: &str) -> Option<usize> {
    let (section, inner) = section_of(plan, path)?;
    let target = match inner.strip_prefix("custom_fields_values.") {
        Some(rest) => {
            let index: usize = rest.split('.').next()?.parse().ok()?;
            let item: Value = serde_json::from_slice(body).ok()?;
            let id = answer::custom_field_at(&item, &object_path(section), index)?;
            section.values.iter().find(|v| matches!(&v.target, TargetPlan::Custom { field, .. } if field.id == id))
        }
        None => section.values.iter().find(|v| match &v.target {
            TargetPlan::Field(spec) => {
                let wire = spec.wire.path();
                inner == wire || inner.strip_prefix(&wire).is_some_and(|rest| rest.starts_with('.'))
            }
            TargetPlan::Custom { .. } => false,
        }),
    }?;
    target.origins.iter().find_map(|origin| match origin.input {
        Input::Column(index) => Some(index),
        Input::Constant(_) | Input::Template(_) => None,
    })
}

/// The section whose object the path enters, and what is left of the path inside it.
fn section_of<'p>(plan: &'p Plan, path: &'p str) -> Option<(&'p SectionPlan, &'p str)> {
    for section in &plan.sections {
        let prefix = object_path(section).join(".");
        if prefix.is_empty() {
            continue;
        }
        if let Some(inner) = path.strip_prefix(&prefix).and_then(|rest| rest.strip_prefix('.')) {
            return Some((section, inner));
        }
    }
    plan.sections.first().map(|section| (section, path))
}

fn object_path(section: &SectionPlan) -> Vec<&'static str> {
    match section.spec.at {
        At::Item | At::Field(_) | At::Elements | At::LinkedElements | At::Value => vec![],
        At::Embedded(key) => vec!["_embedded", key],
        At::EmbeddedFirst(key) => vec!["_embedded", key, "0"],
    }
}
