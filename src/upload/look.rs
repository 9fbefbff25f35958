//! Records of the account as they are looked at: with the whole contacts and companies inside them, since a list shows
//! only their ids, and leads of one name are told apart by them.

use crate::mapping::Plan;
use amo_client::{Client, Failure, List};
use amo_model::parts::id;
use amo_model::{Entity, FieldsOf, IDS_MAX, Placement};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Puts the whole parts that records of this plan bring along into records that were read. `part` says which one of an
/// entity is meant; records of which it says nothing stay as they are.
pub(super) async fn put_parts_in(
    client: &Client,
    plan: &Plan,
    records: &mut [Value],
    part: impl Fn(&Value, Entity, &str) -> Option<u64>,
) -> Result<(), Failure> {
    for section in &plan.sections {
        let (Placement::EmbeddedFirst(key), Some(FieldsOf::Entity(entity))) =
            (section.spec.at, section.spec.custom_fields)
        else {
            continue;
        };
        let ids: Vec<u64> = records.iter().filter_map(|record| part(record, entity, key)).collect();
        let whole = by_ids(client, entity, None, &ids).await?;
        for record in records.iter_mut() {
            if let Some(whole) = part(record, entity, key).and_then(|id| whole.get(&id)) {
                embed(record, key, whole.clone());
            }
        }
    }
    Ok(())
}

/// May hold other records as well, for unknown filters are ignored with a 200: take the ids that were asked for.
/// [client live]
pub(super) async fn by_ids(
    client: &Client,
    entity: Entity,
    catalog: Option<u64>,
    ids: &[u64],
) -> Result<HashMap<u64, Value>, Failure> {
    let (list, mut found) = (List::of(entity, catalog), HashMap::new());
    for chunk in ids.chunks(IDS_MAX) {
        let read = client.records_by_id(&list, chunk).await?;
        found.extend(read.into_iter().filter_map(|item| Some((id(&item["id"])?, item))));
    }
    Ok(found)
}

/// The part that a record shows as its first.
pub(super) fn first_part(record: &Value, key: &str) -> Option<u64> {
    id(&record["_embedded"][key][0]["id"])
}

/// A service in PHP writes an empty object as an empty list, so what stands there may be anything. [inferred]
fn embed(record: &mut Value, key: &str, whole: Value) {
    let Value::Object(record) = record else { return };
    let embedded = record.entry("_embedded").or_insert(Value::Null);
    if !embedded.is_object() {
        *embedded = Value::Object(Map::new());
    }
    if let Value::Object(embedded) = embedded {
        embedded.insert(key.to_owned(), Value::Array(vec![whole]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_part_is_put_in_whatever_stands_there() {
        for odd in [json!({"id": 1}), json!({"id": 1, "_embedded": []}), json!({"id": 1, "_embedded": {"contacts": 5}})]
        {
            let mut record = odd.clone();
            embed(&mut record, "contacts", json!({"id": 7, "name": "A"}));
            assert_eq!(record["_embedded"]["contacts"], json!([{"id": 7, "name": "A"}]), "{odd}");
        }
        let mut no_record = json!([]);
        embed(&mut no_record, "contacts", json!({}));
        assert_eq!(first_part(&no_record, "contacts"), None);
    }
}
