//! What of a change is sent, once the record has been read from the account: only what differs from it. Values that are to be
//! added stand beside those that are there; what fills empty fields alone leaves the others as they are. Pure.

use super::record::{Link, Record};
use crate::mapping::convert::phone::{self, Region};
use crate::mapping::plan::{Convert, Existing, Plan, TargetPlan, ValuePlan};
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

/// What is left of a record.
#[derive(Debug, PartialEq)]
pub enum Left {
    /// The account holds all of it.
    Nothing,
    Change {
        body: Vec<u8>,
        links: Vec<Link>,
        /// Values of lists that go with it, though nobody has said that this is meant.
        lost: u32,
    },
}

/// What a plan says of the values that the account holds.
pub struct Changes<'p> {
    plan: &'p Plan,
    /// By the key in the item; that of tags which replace all is `tags`.
    keys: HashMap<&'static str, Existing>,
    fields: HashMap<u64, Field>,
    /// Links that are made only where there are none of their sort.
    links: HashSet<Entity>,
    /// Sent with every change, for the service may ask for them. [seed]
    needed_keys: HashSet<&'static str>,
    needed_fields: HashSet<u64>,
}

#[derive(Debug, Default)]
struct Field {
    existing: Existing,
    spelling: Spelling,
}

/// How differently one value may be written.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Spelling {
    #[default]
    Exact,
    /// People type phones in their own ways.
    Phone(Option<Region>),
    AnyCase,
}

/// What becomes of one value of a change.
#[derive(Debug, PartialEq)]
enum Fate {
    /// The account holds it, or holds something that is to stay.
    Held,
    Sent,
    /// Another one in its place: with what is there, or without it.
    Instead(Value),
}

impl<'p> Changes<'p> {
    pub fn of(plan: &'p Plan) -> Changes<'p> {
        let mut changes = Changes {
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
            // Some are custom fields that are known by their codes.
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
                let spelling = match value.origins.first().map(|origin| &origin.convert) {
                    Some(Convert::Phone { .. }) => Spelling::Phone(self.plan.region),
                    Some(Convert::Email { .. }) => Spelling::AnyCase,
                    _ => Spelling::Exact,
                };
                self.fields.insert(field.id, Field { existing, spelling });
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

    /// What is left to do for a record, of which the account shows `held`.
    pub fn left(&self, record: &Record, held: &Value) -> Result<Left, serde_json::Error> {
        let sent: Map<String, Value> = serde_json::from_slice(&record.body)?;
        let links: Vec<Link> = record.links.iter().filter(|link| self.is_wanted(link, held)).cloned().collect();
        let mut keys: Vec<(&str, Fate)> = sent
            .iter()
            .filter(|(key, _)| ![ID_KEY, REQUEST_ID, FIELDS_KEY, EMBEDDED].contains(&key.as_str()))
            .map(|(key, value)| (key.as_str(), self.key(key, value, held)))
            .collect();
        let sent_fields = sent.get(FIELDS_KEY).map(list).unwrap_or_default();
        let mut fields: Vec<(u64, Fate)> =
            sent_fields.iter().map(|field| (id(&field["field_id"]).unwrap_or(0), self.field(field, held))).collect();
        let embedded: Vec<(&str, Fate)> = match sent.get(EMBEDDED).and_then(Value::as_object) {
            Some(parts) => parts.iter().map(|(key, value)| (key.as_str(), self.embedded(key, value, held))).collect(),
            None => Vec::new(),
        };
        let left = |fate: &Fate| *fate != Fate::Held;
        let any_field = fields.iter().any(|(_, fate)| left(fate));
        let any = any_field || keys.iter().chain(&embedded).any(|(_, fate)| left(fate));
        if !any && links.is_empty() {
            return Ok(Left::Nothing);
        }
        let stage = keys.iter().any(|(key, fate)| STAGE_KEYS.contains(key) && left(fate));
        for (key, fate) in &mut keys {
            let kept = self.keys.get(key).is_some_and(|existing| existing.keep);
            let needed = (any && self.needed_keys.contains(key)) || (stage && STAGE_KEYS.contains(key));
            if *fate == Fate::Held && needed && !kept {
                *fate = Fate::Sent;
            }
        }
        for (field, fate) in &mut fields {
            let kept = self.fields.get(field).is_some_and(|field| field.existing.keep);
            if *fate == Fate::Held && any && self.needed_fields.contains(field) && !kept {
                *fate = Fate::Sent;
            }
        }
        let body = written(&record.body, &keys, &fields, &embedded)?;
        let lost = sent_fields.iter().map(|field| self.lost(field, held)).sum();
        Ok(Left::Change { body, links, lost })
    }

    fn key(&self, key: &str, sent: &Value, held: &Value) -> Fate {
        let existing = self.keys.get(key).copied().unwrap_or_default();
        match key {
            "tags_to_add" => return self.tags(sent, held, existing, |known| !known),
            "tags_to_delete" => return self.tags(sent, held, existing, |known| known),
            _ => {}
        }
        let Some(there) = held.get(key) else { return Fate::Sent };
        if existing.keep && !key_is_empty(there) {
            return Fate::Held;
        }
        if existing.add {
            let there: Vec<u64> =
                list(there).into_iter().filter_map(|one| id(one).or_else(|| id(&one["id"]))).collect();
            let new: Vec<u64> = list(sent).into_iter().filter_map(id).filter(|id| !there.contains(id)).collect();
            return match new.is_empty() {
                true => Fate::Held,
                false => Fate::Instead(there.into_iter().chain(new).collect()),
            };
        }
        if key_holds(key, sent, there) { Fate::Held } else { Fate::Sent }
    }

    /// Tags to add or to take away: those of which this has to be done.
    fn tags(&self, sent: &Value, held: &Value, existing: Existing, wanted: impl Fn(bool) -> bool) -> Fate {
        let Some(there) = held[EMBEDDED].get(TAGS).map(tag_names) else { return Fate::Sent };
        if existing.keep && !there.is_empty() {
            return Fate::Held;
        }
        let left = list(sent).into_iter().filter(|tag| wanted(there.contains(&tag_name(tag))));
        let left: Vec<Value> = left.cloned().collect();
        match left.len() {
            0 => Fate::Held,
            some if some == list(sent).len() => Fate::Sent,
            _ => Fate::Instead(Value::Array(left)),
        }
    }

    fn embedded(&self, key: &str, sent: &Value, held: &Value) -> Fate {
        let Some(there) = held[EMBEDDED].get(key).filter(|_| key == TAGS).map(tag_names) else { return Fate::Sent };
        let kept = self.keys.get(TAGS).is_some_and(|existing| existing.keep) && !there.is_empty();
        if kept || there == tag_names(sent) { Fate::Held } else { Fate::Sent }
    }

    fn field(&self, field: &Value, held: &Value) -> Fate {
        let field_id = id(&field["field_id"]);
        let there = list(&held[FIELDS_KEY]).into_iter().find(|entry| id(&entry["field_id"]) == field_id);
        let values = there.map(held_values).unwrap_or_default();
        let rule = field_id.and_then(|id| self.fields.get(&id));
        let (existing, spelling) = rule.map_or_else(Default::default, |rule| (rule.existing, rule.spelling));
        if existing.keep && !values.is_empty() {
            return Fate::Held;
        }
        let sent = &field["values"];
        if existing.add && !sent.is_null() && !values.is_empty() {
            let options = list(sent).iter().all(|value| value.get("value").is_none());
            let mut joined: Vec<Value> = values.iter().map(|value| sent_again(value, options)).collect();
            let before = joined.len();
            for new in list(sent) {
                if !joined.iter().any(|old| spelling.same(new, old)) {
                    joined.push(new.clone());
                }
            }
            return match joined.len() == before {
                true => Fate::Held,
                false => Fate::Instead(json!({"field_id": field["field_id"], "values": joined})),
            };
        }
        if field_holds(sent, there) { Fate::Held } else { Fate::Sent }
    }

    /// Values of a list that are not among those which take their place.
    fn lost(&self, field: &Value, held: &Value) -> u32 {
        let rule = id(&field["field_id"]).and_then(|id| self.fields.get(&id)).filter(|rule| rule.existing.replaces);
        let Some(rule) = rule.filter(|_| !field["values"].is_null()) else { return 0 };
        let sent = list(&field["values"]);
        let there = list(&held[FIELDS_KEY]).into_iter().find(|entry| id(&entry["field_id"]) == id(&field["field_id"]));
        let stays = |old: &&Value| sent.iter().any(|new| rule.spelling.same(new, old));
        there.map_or(0, |entry| held_values(entry).iter().filter(|old| !stays(old)).count() as u32)
    }

    /// True where the account has another company than the row says: a link is added and takes none away.
    pub fn has_other_company(record: &Record, held: &Value) -> bool {
        let said: Vec<u64> =
            record.links.iter().filter(|link| link.to == Entity::Companies).map(|link| link.id).collect();
        let there = list(&held[EMBEDDED][Entity::Companies.linked()]);
        !said.is_empty() && there.iter().filter_map(|one| id(&one["id"])).any(|id| !said.contains(&id))
    }

    /// False for a link that is there, or whose place is taken where it may take no other's.
    fn is_wanted(&self, link: &Link, held: &Value) -> bool {
        let there = list(&held[EMBEDDED][link.to.linked()]);
        let is_there = there.iter().any(|other| is_linked(link, other));
        !is_there && (there.is_empty() || !self.links.contains(&link.to))
    }
}

impl Spelling {
    /// True where two values of a field are one.
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

/// True for a link that the account shows as it would be made.
fn is_linked(link: &Link, held: &Value) -> bool {
    let metadata = &held["metadata"];
    id(&held["id"]) == Some(link.id)
        && link.quantity.is_none_or(|quantity| number(&metadata["quantity"]) == Some(quantity))
        && link.catalog.is_none_or(|catalog| id(&metadata["catalog_id"]).is_none_or(|other| other == catalog))
        && (link.main != Some(true) || flag(&held["is_main"]))
}

/// A value that the account shows, as it is sent: an option, or a text of a sort.
fn sent_again(held: &Value, option: bool) -> Value {
    let (sort, code) = (&held["enum_id"], &held["enum_code"]);
    match (option, id(sort), text(code).is_empty()) {
        (true, ..) => json!({"enum_id": sort}),
        (false, Some(_), _) => json!({"value": held["value"], "enum_id": sort}),
        (false, None, false) => json!({"value": held["value"], "enum_code": code}),
        (false, None, true) => json!({"value": held["value"]}),
    }
}

/// In any order; the service takes tags of one name in any case for one.
fn tag_names(tags: &Value) -> HashSet<String> {
    list(tags).into_iter().map(tag_name).collect()
}

fn tag_name(tag: &Value) -> String {
    text(&tag["name"]).to_lowercase()
}

/// The item with what is left of it. Values that go as they are keep their bytes, so that no digit of a number is lost.
fn written(
    body: &[u8],
    keys: &[(&str, Fate)],
    fields: &[(u64, Fate)],
    embedded: &[(&str, Fate)],
) -> Result<Vec<u8>, serde_json::Error> {
    let raw: HashMap<String, &RawValue> = serde_json::from_slice(body)?;
    let whole = |key: &str| raw.get(key).map(|raw| raw.get()).unwrap_or("null");
    let mut parts: Vec<(&str, Cow<'_, str>)> = Vec::new();
    parts.extend(
        [ID_KEY, REQUEST_ID].into_iter().filter(|key| raw.contains_key(*key)).map(|key| (key, whole(key).into())),
    );
    for (key, fate) in keys {
        parts.extend(fate.written(whole(key)).map(|text| (*key, text)));
    }
    if let Some(raw) = raw.get(FIELDS_KEY) {
        let raw: Vec<&RawValue> = serde_json::from_str(raw.get())?;
        let left: Vec<Cow<'_, str>> =
            raw.into_iter().zip(fields).filter_map(|(raw, (_, fate))| fate.written(raw.get())).collect();
        if !left.is_empty() {
            parts.push((FIELDS_KEY, format!("[{}]", left.join(",")).into()));
        }
    }
    if let Some(raw) = raw.get(EMBEDDED) {
        let raw: HashMap<String, &RawValue> = serde_json::from_str(raw.get())?;
        let left: Vec<String> = embedded
            .iter()
            .filter_map(|(key, fate)| Some(format!("\"{key}\":{}", fate.written(raw.get(*key)?.get())?)))
            .collect();
        if !left.is_empty() {
            parts.push((EMBEDDED, format!("{{{}}}", left.join(",")).into()));
        }
    }
    let parts: Vec<String> = parts.into_iter().map(|(key, text)| format!("\"{key}\":{text}")).collect();
    Ok(format!("{{{}}}", parts.join(",")).into_bytes())
}

impl Fate {
    fn written<'t>(&self, whole: &'t str) -> Option<Cow<'t, str>> {
        match self {
            Fate::Held => None,
            Fate::Sent => Some(whole.into()),
            Fate::Instead(value) => Some(value.to_string().into()),
        }
    }
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
