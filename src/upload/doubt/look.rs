//! Reading records of the account, with whole contacts and companies inside them: a list shows only their ids, and they
//! distinguish leads of one name.

use crate::mapping::Plan;
use crate::upload::feed::QueuedRecord;
use amo_client::{Client, Failure, List};
use amo_model::parts::id;
use amo_model::{Action, Entity, FieldsOf, IDS_MAX, Placement};
use futures_util::future;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// How far lists lag behind: a record that was created a moment ago may be missing. [client live]
pub const LIST_LAG: Duration = Duration::from_secs(3);

/// True where records are read before they are changed. Rows of an exported workbook were read already, to find out which of
/// them are changed.
pub fn reads_before_update(plan: &Plan) -> bool {
    plan.action == Action::Update && plan.edits.is_none()
}

/// Whole contacts and companies of one key, by id.
pub(crate) type WholeParts = (&'static str, Entity, HashMap<u64, Value>);

/// Reads contacts and companies, where records of this plan are sent with theirs. `ids` gives those that are needed.
pub(crate) async fn read_parts(
    client: &Client,
    plan: &Plan,
    ids: impl Fn(Entity, &str) -> Vec<u64>,
) -> Result<Vec<WholeParts>, Failure> {
    let parts = plan.sections.iter().filter_map(|section| match (section.spec.at, section.spec.custom_fields) {
        (Placement::EmbeddedFirst(key), Some(FieldsOf::Entity(entity))) => Some((key, entity, ids(entity, key))),
        _ => None,
    });
    let reads = parts.map(async |(key, entity, ids)| Ok((key, entity, by_ids(client, entity, None, &ids).await?)));
    future::try_join_all(reads).await
}

/// Embeds whole contacts and companies into records that were read. `part` gives the id of the part of an entity; records for
/// which it gives none stay as they are.
pub(crate) fn embed_parts(
    records: &mut [Value],
    parts: &[WholeParts],
    part: impl Fn(&Value, Entity, &str) -> Option<u64>,
) {
    for (key, entity, whole) in parts {
        for record in records.iter_mut() {
            if let Some(whole) = part(record, *entity, key).and_then(|id| whole.get(&id)) {
                embed(record, key, whole.clone());
            }
        }
    }
}

/// Reads the whole contacts and companies of records, and embeds them.
pub(crate) async fn put_parts_in(
    client: &Client,
    plan: &Plan,
    records: &mut [Value],
    part: impl Fn(&Value, Entity, &str) -> Option<u64>,
) -> Result<(), Failure> {
    let ids = |entity, key: &str| records.iter().filter_map(|record| part(record, entity, key)).collect();
    let parts = read_parts(client, plan, ids).await?;
    embed_parts(records, &parts, part);
    Ok(())
}

/// Records by id. The result may hold other records as well, since the service ignores unknown filters with a 200: take only
/// the ids that you asked for. [client live]
pub(crate) async fn by_ids(
    client: &Client,
    entity: Entity,
    catalog: Option<u64>,
    ids: &[u64],
) -> Result<HashMap<u64, Value>, Failure> {
    let list = List::of(entity, catalog);
    let mut found = HashMap::new();
    for chunk in ids.chunks(IDS_MAX) {
        let read = client.records_by_id(&list, chunk).await?;
        found.extend(read.into_iter().filter_map(|item| Some((id(&item["id"])?, item))));
    }
    Ok(found)
}

/// The id of the first part of a record.
pub(crate) fn first_part(record: &Value, key: &str) -> Option<u64> {
    id(&record["_embedded"][key][0]["id"])
}

/// Embeds a part. A service in PHP writes an empty object as an empty list, so `_embedded` may be anything. [inferred]
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

/// What the account has got since the store knew all, and the records that were not matched with it yet.
#[derive(Debug)]
pub(crate) struct NewItems {
    /// By id.
    pub held: BTreeMap<u64, Value>,
    /// Records that were deleted since.
    pub trashed: Vec<Value>,
    pub waiting: Vec<QueuedRecord>,
}

impl NewItems {
    /// True where the waiting records have to be matched before more rows are read.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= IDS_MAX
    }

    pub fn push(&mut self, queued: QueuedRecord) {
        self.waiting.push(queued);
    }

    pub fn drain(&mut self) -> Vec<QueuedRecord> {
        std::mem::take(&mut self.waiting)
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
