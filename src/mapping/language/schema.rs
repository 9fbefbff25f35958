//! `mapping.schema.json`: the mapping language for editors, generated from the tables that the reader uses.

use super::ast::{As, By, CATALOG_KEY, GROUP_KEY, ListMode, OnEmpty, OnUnknown, SOURCE_KEYS, VALUE_KEYS, VERSION};
use amo_model::{Kind, KindSpec, SectionSpec};
use serde_json::{Map, Value, json};
use sheet_source::HiddenRows;

/// The schema, draft 7: the newest that the common TOML editors support.
pub fn schema() -> Value {
    let kinds: Vec<Value> = Kind::ALL.into_iter().map(|kind| kind_schema(kind.spec())).collect();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "amoport mapping",
        "type": "object",
        "required": ["version", "kind"],
        "oneOf": kinds,
        "definitions": {
            "value": value_schema(), "values": values_schema(), "parts": parts_schema(), "source": source_schema(),
        },
    })
}

fn kind_schema(spec: &KindSpec) -> Value {
    let actions: Vec<&str> = spec.writes.iter().map(|write| write.action.name()).collect();
    let mut properties = Map::new();
    properties.insert("$schema".into(), json!({"type": "string"}));
    properties.insert("version".into(), json!({"const": VERSION}));
    properties.insert("kind".into(), json!({"const": spec.name}));
    properties.insert("action".into(), json!({"enum": actions, "default": "create"}));
    properties.insert(
        "key".into(),
        json!({
            "description": "the column or columns that identify a record from one run to the next",
            "type": ["string", "array"], "items": {"type": "string"},
        }),
    );
    properties.insert(
        "key-space".into(),
        json!({
            "description": "the key space: mappings with the same name share their keys",
            "type": "string", "minLength": 1,
        }),
    );
    properties.insert(
        "marker".into(),
        json!({
            "description": "a text field with a unique name of each record, by which it is found after a lost answer",
            "type": "string",
        }),
    );
    if spec.catalog.is_some() {
        properties.insert(
            CATALOG_KEY.into(),
            json!({"description": "the catalog whose elements the records are, by name or id", "type": ["string", "integer"]}),
        );
    }
    if spec.grouped() {
        properties.insert(
            GROUP_KEY.into(),
            json!({
                "description": "rows with the same text in this column, or in these, are one record",
                "type": ["string", "array"], "items": {"type": "string"},
            }),
        );
    }
    properties.insert("source".into(), json!({"$ref": "#/definitions/source"}));
    for section in spec.sections.iter().filter(|section| !section.name.contains('.')) {
        properties.insert(section.name.into(), section_schema(spec, section));
    }
    json!({
        "title": spec.name,
        "type": "object",
        "required": ["version", "kind", spec.sections[0].name],
        "properties": properties,
        "additionalProperties": false,
    })
}

fn section_schema(spec: &KindSpec, section: &SectionSpec) -> Value {
    let mut properties: Map<String, Value> = section
        .fields
        .iter()
        .map(|field| {
            (field.name.to_owned(), json!({"description": field.about, "allOf": [{"$ref": "#/definitions/values"}]}))
        })
        .collect();
    if section.custom_fields.is_some() {
        let fields = json!({
            "description": "custom fields, by name, by code, or as \"id:294471\"",
            "type": "object",
            "additionalProperties": {"anyOf": [
                {"$ref": "#/definitions/values"},
                {"$ref": "#/definitions/parts"},
            ]},
        });
        properties.insert("fields".into(), fields);
    }
    let prefix = format!("{}.", section.name);
    for inner in spec.sections {
        if let Some(name) = inner.name.strip_prefix(&prefix) {
            properties.insert(name.to_owned(), section_schema(spec, inner));
        }
    }
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

/// A custom field whose value is an object: a legal entity, an address, a payer.
fn parts_schema() -> Value {
    let parts = amo_model::part_names().map(|name| (name.to_owned(), json!({"$ref": "#/definitions/values"})));
    json!({"type": "object", "properties": parts.collect::<Map<_, _>>(), "additionalProperties": false, "minProperties": 1})
}

/// A value, or a list of values.
fn values_schema() -> Value {
    let value = json!({"$ref": "#/definitions/value"});
    json!({"anyOf": [value.clone(), {"type": "array", "items": value, "minItems": 1}]})
}

fn value_schema() -> Value {
    let scalar = json!({"type": ["string", "number", "boolean"]});
    let text = json!({"type": "string"});
    let one_or_more = json!({"type": ["string", "array"], "items": {"type": "string"}});
    let mut properties = Map::new();
    for key in VALUE_KEYS {
        let schema = match *key {
            "value" | "default" | "enum" => scalar.clone(),
            "required" | "fill-down" | "overwrite" => json!({"type": "boolean"}),
            "cut" => json!({"type": "integer", "minimum": 1}),
            "column" => json!({
                "description": "a column title; or several, joined by \"joined\"",
                "type": ["string", "array"], "items": {"type": "string"}, "minItems": 2,
            }),
            "split" => one_or_more.clone(),
            "values" => json!({
                "description": "translations of cell texts; or the path of a CSV or a workbook with two columns, or { file, header }",
                "type": ["object", "string"], "additionalProperties": scalar.clone(),
            }),
            "as" => json!({"enum": As::WORDS}),
            "round" => {
                let words = crate::mapping::convert::number::Round::NAMED.map(|(_, name)| name);
                json!({"enum": words})
            }
            "on-empty" => json!({"enum": OnEmpty::WORDS}),
            "on-unknown" => json!({"enum": OnUnknown::WORDS}),
            "by" => json!({"enum": By::WORDS}),
            "list" => json!({"enum": ListMode::WORDS}),
            _ => text.clone(),
        };
        properties.insert((*key).to_owned(), schema);
    }
    let table = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "oneOf": [{"required": ["column"]}, {"required": ["value"]}, {"required": ["template"]}],
    });
    json!({"anyOf": [{"description": "a column title", "type": "string"}, table]})
}

fn source_schema() -> Value {
    let mut properties = Map::new();
    for key in SOURCE_KEYS {
        let schema = match *key {
            "sheet" => json!({"description": "name or number", "type": ["string", "integer"]}),
            "header-row" => json!({"description": "0 for no header", "type": "integer", "minimum": 0}),
            "hidden-rows" => json!({"enum": HiddenRows::WORDS}),
            "decimal" => json!({"enum": [".", ","]}),
            "dates" | "fill-down" => json!({"type": ["string", "array"], "items": {"type": "string"}}),
            "where" => json!({"description": "a row for which this is false is skipped", "type": "string"}),
            _ => json!({"type": "string"}),
        };
        properties.insert((*key).to_owned(), schema);
    }
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}
