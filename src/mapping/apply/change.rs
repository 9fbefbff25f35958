//! Reduces an update to what differs from the record in the account. Added values are combined with existing ones;
//! values for empty fields do not touch filled ones. Pure.

use super::record::{Link, Record};
use crate::mapping::convert::phone::{self, Region};
use crate::mapping::plan::{Conversion, Existing, Plan, TargetPlan, ValuePlan};
use amo_model::equals::{field_holds, held_values, key_holds, key_is_empty};
use amo_model::parts::{flag, id, list, number, text};
use amo_model::payload::REQUEST_ID;
use amo_model::{Entity, FIELDS_KEY, ID_KEY, Required, STAGE_KEYS, Wire};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

const EMBEDDED: &str = "_embedded";
const TAGS: &str = "tags";

/// The difference between a record and the account.
#[derive(Debug, PartialEq)]
pub enum Diff {
    /// The account has all values already.
    Unchanged,
    Change {
        body: Vec<u8>,
        links: Vec<Link>,
        /// The number of list values that are replaced without `list = "replace"`.
        lost: u32,
    },
}

/// How a plan treats existing values, by key and field.
pub struct DiffRules<'p> {
    plan: &'p Plan,
    /// By the key in the item; `tags` for tags that replace all others.
    keys: HashMap<&'static str, Existing>,
    fields: HashMap<u64, FieldPolicy>,
    /// Entities that are linked only if no other one is linked.
    links: HashSet<Entity>,
    /// Sent with every change, because the service may require them. [seed]
    needed_keys: HashSet<&'static str>,
    needed_fields: HashSet<u64>,
}

#[derive(Debug, Default)]
struct FieldPolicy {
    existing: Existing,
    spelling: Spelling,
}

/// How equal values may differ in spelling.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Spelling {
    #[default]
    Exact,
    /// Phones in any format.
    Phone(Option<Region>),
    AnyCase,
}

/// What is sent for one value of an update.
#[derive(Debug, PartialEq)]
enum Decision {
    /// Nothing: the account has the value, or has one that must not change.
    Keep,
    Send,
    /// Another value: combined with the existing ones, or without them.
    Replace(Value),
}

impl<'p> DiffRules<'p> {
    pub fn of(plan: &'p Plan) -> DiffRules<'p> {
        let mut changes = DiffRules {
            plan,
            keys: HashMap::new(),
            fields: HashMap::new(),
            links: HashSet::new(),
            needed_keys: HashSet::new(),
            needed_fields: plan.total_field.into_iter().collect(),
        };
        for section in &plan.sections {
            for value in &section.values {
                match &section.field {
                    Some(field) => changes.fields.entry(field.id).or_default().existing.keep |= value.existing.keep,
                    None => changes.value(value),
                }
            }
            // Some are custom fields with a known code.
            let needed = section.spec.fields.iter().filter(|field| field.required == Required::Always);
            for wire in needed.map(|field| field.wire).filter(|_| section.spec.is_item()) {
                changes.need(wire);
            }
        }
        changes
    }

    fn value(&mut self, value: &ValuePlan) {
        let existing = value.existing;
        match &value.target {
            TargetPlan::Custom { field, .. } => {
                let spelling = match value.origins.first().map(|origin| &origin.conversion) {
                    Some(Conversion::Phone { .. }) => Spelling::Phone(self.plan.region),
                    Some(Conversion::Email { .. }) => Spelling::AnyCase,
                    _ => Spelling::Exact,
                };
                self.fields.insert(field.id, FieldPolicy { existing, spelling });
            }
            TargetPlan::Field(spec) => match spec.wire {
                Wire::Key(key) | Wire::Ids(key) | Wire::Tags(key) => drop(self.keys.insert(key, existing)),
                Wire::EmbeddedTags => drop(self.keys.insert(TAGS, existing)),
                Wire::Link(entity) => self.links.extend(existing.keep.then_some(entity)),
                _ => {}
            },
        }
    }

    fn need(&mut self, wire: Wire) {
        match wire {
            Wire::Key(key) => drop(self.needed_keys.insert(key)),
            Wire::Field(code) => {
                let targets = self.plan.sections.iter().flat_map(|section| &section.values).map(|value| &value.target);
                let fields = targets.filter_map(|target| match target {
                    TargetPlan::Custom { field, .. } if field.code.as_deref() == Some(code) => Some(field.id),
                    _ => None,
                });
                self.needed_fields.extend(fields);
            }
            _ => {}
        }
    }

    /// The difference between a record and its state `held` in the account.
    pub fn diff(&self, record: &Record, held: &Value) -> Result<Diff, serde_json::Error> {
        let sent: Map<String, Value> = serde_json::from_slice(&record.body)?;
        let links: Vec<Link> = record.links.iter().filter(|link| self.is_wanted(link, held)).cloned().collect();
        let mut keys: Vec<(&str, Decision)> = sent
            .iter()
            .filter(|(key, _)| ![ID_KEY, REQUEST_ID, FIELDS_KEY, EMBEDDED].contains(&key.as_str()))
            .map(|(key, value)| (key.as_str(), self.key(key, value, held)))
            .collect();
        let sent_fields = sent.get(FIELDS_KEY).map(list).unwrap_or_default();
        let mut fields: Vec<(u64, Decision)> =
            sent_fields.iter().map(|field| (id(&field["field_id"]).unwrap_or(0), self.field(field, held))).collect();
        let embedded: Vec<(&str, Decision)> = match sent.get(EMBEDDED).and_then(Value::as_object) {
            Some(parts) => parts.iter().map(|(key, value)| (key.as_str(), self.embedded(key, value, held))).collect(),
            None => Vec::new(),
        };
        let left = |decision: &Decision| *decision != Decision::Keep;
        let any_field = fields.iter().any(|(_, decision)| left(decision));
        let any = any_field || keys.iter().chain(&embedded).any(|(_, decision)| left(decision));
        if !any && links.is_empty() {
            return Ok(Diff::Unchanged);
        }
        let stage = keys.iter().any(|(key, decision)| STAGE_KEYS.contains(key) && left(decision));
        for (key, decision) in &mut keys {
            let kept = self.keys.get(key).is_some_and(|existing| existing.keep);
            let needed = (any && self.needed_keys.contains(key)) || (stage && STAGE_KEYS.contains(key));
            if *decision == Decision::Keep && needed && !kept {
                *decision = Decision::Send;
            }
        }
        for (field, decision) in &mut fields {
            let kept = self.fields.get(field).is_some_and(|field| field.existing.keep);
            if *decision == Decision::Keep && any && self.needed_fields.contains(field) && !kept {
                *decision = Decision::Send;
            }
        }
        let body = partial_body(&record.body, &keys, &fields, &embedded)?;
        let lost = sent_fields.iter().map(|field| self.lost(field, held)).sum();
        Ok(Diff::Change { body, links, lost })
    }

    fn key(&self, key: &str, sent: &Value, held: &Value) -> Decision {
        let existing = self.keys.get(key).copied().unwrap_or_default();
        match key {
            "tags_to_add" => return self.tags(sent, held, existing, |known| !known),
            "tags_to_delete" => return self.tags(sent, held, existing, |known| known),
            _ => {}
        }
        let Some(there) = held.get(key) else { return Decision::Send };
        if existing.keep && !key_is_empty(there) {
            return Decision::Keep;
        }
        if existing.add {
            let there: Vec<u64> =
                list(there).into_iter().filter_map(|one| id(one).or_else(|| id(&one["id"]))).collect();
            let new: Vec<u64> = list(sent).into_iter().filter_map(id).filter(|id| !there.contains(id)).collect();
            return match new.is_empty() {
                true => Decision::Keep,
                false => Decision::Replace(there.into_iter().chain(new).collect()),
            };
        }
        if key_holds(key, sent, there) { Decision::Keep } else { Decision::Send }
    }

    /// Tags to add or remove, without those for which nothing has to be done.
    fn tags(&self, sent: &Value, held: &Value, existing: Existing, wanted: impl Fn(bool) -> bool) -> Decision {
        let Some(there) = held[EMBEDDED].get(TAGS).map(tag_names) else { return Decision::Send };
        if existing.keep && !there.is_empty() {
            return Decision::Keep;
        }
        let left = list(sent).into_iter().filter(|tag| wanted(there.contains(&tag_name(tag))));
        let left: Vec<Value> = left.cloned().collect();
        match left.len() {
            0 => Decision::Keep,
            some if some == list(sent).len() => Decision::Send,
            _ => Decision::Replace(Value::Array(left)),
        }
    }

    fn embedded(&self, key: &str, sent: &Value, held: &Value) -> Decision {
        let Some(there) = held[EMBEDDED].get(key).filter(|_| key == TAGS).map(tag_names) else { return Decision::Send };
        let kept = self.keys.get(TAGS).is_some_and(|existing| existing.keep) && !there.is_empty();
        if kept || there == tag_names(sent) { Decision::Keep } else { Decision::Send }
    }

    fn field(&self, field: &Value, held: &Value) -> Decision {
        let field_id = id(&field["field_id"]);
        let there = list(&held[FIELDS_KEY]).into_iter().find(|entry| id(&entry["field_id"]) == field_id);
        let values = there.map(held_values).unwrap_or_default();
        let rule = field_id.and_then(|id| self.fields.get(&id));
        let (existing, spelling) = rule.map_or_else(Default::default, |rule| (rule.existing, rule.spelling));
        if existing.keep && !values.is_empty() {
            return Decision::Keep;
        }
        let sent = &field["values"];
        if existing.add && !sent.is_null() && !values.is_empty() {
            let options = list(sent).iter().all(|value| value.get("value").is_none());
            let mut joined: Vec<Value> = values.iter().map(|value| resend(value, options)).collect();
            let before = joined.len();
            for new in list(sent) {
                if !joined.iter().any(|old| spelling.same(new, old)) {
                    joined.push(new.clone());
                }
            }
            return match joined.len() == before {
                true => Decision::Keep,
                false => Decision::Replace(json!({"field_id": field["field_id"], "values": joined})),
            };
        }
        if field_holds(sent, there) { Decision::Keep } else { Decision::Send }
    }

    /// The number of existing list values that the new ones do not include.
    fn lost(&self, field: &Value, held: &Value) -> u32 {
        let rule = id(&field["field_id"]).and_then(|id| self.fields.get(&id)).filter(|rule| rule.existing.replaces);
        let Some(rule) = rule.filter(|_| !field["values"].is_null()) else { return 0 };
        let sent = list(&field["values"]);
        let there = list(&held[FIELDS_KEY]).into_iter().find(|entry| id(&entry["field_id"]) == id(&field["field_id"]));
        let stays = |old: &&Value| sent.iter().any(|new| rule.spelling.same(new, old));
        there.map_or(0, |entry| held_values(entry).iter().filter(|old| !stays(old)).count() as u32)
    }

    /// True if the account has another company than the row: a link is added and removes none.
    pub fn has_other_company(record: &Record, held: &Value) -> bool {
        let companies: Vec<u64> =
            record.links.iter().filter(|link| link.to == Entity::Companies).map(|link| link.id).collect();
        let there = list(&held[EMBEDDED][Entity::Companies.linked()]);
        !companies.is_empty() && there.iter().filter_map(|one| id(&one["id"])).any(|id| !companies.contains(&id))
    }

    /// False for an existing link, or if another entity is linked and must stay.
    fn is_wanted(&self, link: &Link, held: &Value) -> bool {
        let there = list(&held[EMBEDDED][link.to.linked()]);
        let exists = there.iter().any(|other| is_linked(link, other));
        !exists && (there.is_empty() || !self.links.contains(&link.to))
    }
}

impl Spelling {
    /// True if two values of a field are equal.
    fn same(self, new: &Value, old: &Value) -> bool {
        if new.get("value").is_none() {
            return id(&new["enum_id"]).is_some() && id(&new["enum_id"]) == id(&old["enum_id"]);
        }
        self.plain(&new["value"]) == self.plain(&old["value"])
    }

    fn plain(self, value: &Value) -> Cow<'static, str> {
        let text = text(value);
        let text = text.trim();
        match self {
            Spelling::Exact => text.to_owned(),
            Spelling::AnyCase => text.to_lowercase(),
            Spelling::Phone(region) => region
                .and_then(|region| phone::phone(text, region).ok())
                .unwrap_or_else(|| text.chars().filter(char::is_ascii_digit).collect()),
        }
        .into()
    }
}

/// True if the account has the same link.
fn is_linked(link: &Link, held: &Value) -> bool {
    let metadata = &held["metadata"];
    id(&held["id"]) == Some(link.id)
        && link.quantity.is_none_or(|quantity| number(&metadata["quantity"]) == Some(quantity))
        && link.catalog.is_none_or(|catalog| id(&metadata["catalog_id"]).is_none_or(|other| other == catalog))
        && (link.main != Some(true) || flag(&held["is_main"]))
}

/// An existing value in the format of a request: an option, or a text with its enum code.
fn resend(held: &Value, option: bool) -> Value {
    let (sort, code) = (&held["enum_id"], &held["enum_code"]);
    match (option, id(sort), text(code).is_empty()) {
        (true, ..) => json!({"enum_id": sort}),
        (false, Some(_), _) => json!({"value": held["value"], "enum_id": sort}),
        (false, None, false) => json!({"value": held["value"], "enum_code": code}),
        (false, None, true) => json!({"value": held["value"]}),
    }
}

/// Tag names in lower case; the service ignores their case.
fn tag_names(tags: &Value) -> HashSet<String> {
    list(tags).into_iter().map(tag_name).collect()
}

fn tag_name(tag: &Value) -> String {
    text(&tag["name"]).to_lowercase()
}

/// The item with the values to send. Unchanged values keep their bytes, so that numbers keep all digits.
fn partial_body(
    body: &[u8],
    keys: &[(&str, Decision)],
    fields: &[(u64, Decision)],
    embedded: &[(&str, Decision)],
) -> Result<Vec<u8>, serde_json::Error> {
    let raw: HashMap<String, &RawValue> = serde_json::from_slice(body)?;
    let whole = |key: &str| raw.get(key).map(|raw| raw.get()).unwrap_or("null");
    let mut parts: Vec<(&str, Cow<'_, str>)> = Vec::new();
    parts.extend(
        [ID_KEY, REQUEST_ID].into_iter().filter(|key| raw.contains_key(*key)).map(|key| (key, whole(key).into())),
    );
    for (key, decision) in keys {
        parts.extend(decision.render(whole(key)).map(|text| (*key, text)));
    }
    if let Some(raw) = raw.get(FIELDS_KEY) {
        let raw: Vec<&RawValue> = serde_json::from_str(raw.get())?;
        let left: Vec<Cow<'_, str>> =
            raw.into_iter().zip(fields).filter_map(|(raw, (_, decision))| decision.render(raw.get())).collect();
        if !left.is_empty() {
            parts.push((FIELDS_KEY, format!("[{}]", left.join(",")).into()));
        }
    }
    if let Some(raw) = raw.get(EMBEDDED) {
        let raw: HashMap<String, &RawValue> = serde_json::from_str(raw.get())?;
        let left: Vec<String> = embedded
            .iter()
            .filter_map(|(key, decision)| Some(format!("\"{key}\":{}", decision.render(raw.get(*key)?.get())?)))
            .collect();
        if !left.is_empty() {
            parts.push((EMBEDDED, format!("{{{}}}", left.join(",")).into()));
        }
    }
    let parts: Vec<String> = parts.into_iter().map(|(key, text)| format!("\"{key}\":{text}")).collect();
    Ok(format!("{{{}}}", parts.join(",")).into_bytes())
}

impl Decision {
    fn render<'t>(&self, whole: &'t str) -> Option<Cow<'t, str>> {
        match self {
            Decision::Keep => None,
            Decision::Send => Some(whole.into()),
            Decision::Replace(value) => Some(value.to_string().into()),
        }
    }
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
