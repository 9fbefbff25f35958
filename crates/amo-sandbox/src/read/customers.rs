//! Customers, their transactions and linked elements, as the API shows them. [seed]

use serde_json::{Map, Value, json};

use crate::read::{View, self_link};
use crate::world::{RecordBody, RecordTable, SENT_AS};

impl View<'_> {
    pub fn transaction_url(&self, customer: &Value, id: u64) -> String {
        self.url(&format!("customers/{customer}/transactions/{id}"))
    }

    pub(super) fn customer(&self, id: u64, draft: &RecordBody) -> Value {
        let at = |key: &str| draft.json.get(key).unwrap_or(&Value::Null);
        let number = |key: &str| at(key).as_i64().unwrap_or(0);
        let mut customer = json!({
            "id": id, "name": at("name"), "next_price": at("next_price"), "next_date": at("next_date"),
            "responsible_user_id": at("responsible_user_id"), "status_id": at("status_id"),
            "periodicity": at("periodicity"), "created_by": at("created_by"), "updated_by": at("updated_by"),
            "created_at": draft.created_at, "updated_at": draft.updated_at,
            "closest_task_at": self.closest_task(RecordTable::Customers, id), "is_deleted": false, "custom_fields_values": self.fields(draft), "ltv": number("ltv"),
            "purchases_count": number("purchases_count"),
            "average_check": average(number("ltv"), number("purchases_count")),
            "account_id": self.world.account.id, "_links": self_link(self.record_url(RecordTable::Customers, id))
        });
        let mut embedded = Map::new();
        embedded.insert("segments".to_owned(), self.segments(at("segments")));
        embedded.insert("tags".to_owned(), self.tags(RecordTable::Customers, draft));
        for to in [RecordTable::Contacts, RecordTable::Companies].into_iter().filter(|to| self.query.with(to.path())) {
            embedded.insert(to.path().to_owned(), self.linked(RecordTable::Customers, id, to));
        }
        if self.query.with("catalog_elements") {
            embedded.insert("catalog_elements".to_owned(), self.elements(RecordTable::Customers, id));
        }
        customer["_embedded"] = Value::Object(embedded);
        customer
    }

    fn segments(&self, ids: &Value) -> Value {
        let model = |id: u64| json!({"id": id, "_links": self_link(self.url(&format!("customers/segments/{id}")))});
        ids.as_array().into_iter().flatten().filter_map(Value::as_u64).map(model).collect()
    }

    /// Elements are shown only where some were bought: one example has them, one does not. [seed]
    pub(super) fn transaction(&self, id: u64, draft: &RecordBody) -> Value {
        let at = |key: &str| draft.json.get(key).unwrap_or(&Value::Null);
        let customer = at("customer_id");
        let mut transaction = json!({
            "id": id, "price": at("price"), "comment": at("comment"), "completed_at": at("completed_at"),
            "customer_id": customer, "created_by": at("created_by"), "updated_by": at("updated_by"),
            "created_at": draft.created_at, "updated_at": draft.updated_at, "is_deleted": false,
            "account_id": self.world.account.id, "_links": self_link(self.transaction_url(customer, id)),
            "_embedded": {
                "customer": {"id": customer, "_links": self_link(self.url(&format!("customers/{customer}")))}
            }
        });
        if self.switches.transaction_metadata
            && let Some(metadata) = draft.json.get("metadata")
        {
            transaction["metadata"] = metadata.clone();
        }
        let elements = self.elements(RecordTable::Transactions, id);
        if elements.as_array().is_some_and(|all| !all.is_empty()) {
            transaction["_embedded"]["catalog_elements"] = elements;
        }
        transaction
    }

    /// Keys that the world stores and the API does not show, for tests.
    pub(super) fn hidden_keys(&self, table: RecordTable, id: u64) -> Map<String, Value> {
        let keys: &[&str] = match table {
            RecordTable::Customers => &[SENT_AS, "bonus_points"],
            RecordTable::Transactions => &[SENT_AS, "accrue_bonus", "metadata"],
            RecordTable::Leads
            | RecordTable::Contacts
            | RecordTable::Companies
            | RecordTable::Elements
            | RecordTable::Notes
            | RecordTable::Tasks => &[SENT_AS],
        };
        let json = self.world.records(table).get(id).map(|record| &record.json);
        let mut json: Map<String, Value> = json.and_then(|j| serde_json::from_str(j).ok()).unwrap_or_default();
        json.retain(|key, _| keys.contains(&key.as_str()));
        json
    }

    /// `[{"id": n, "metadata": {"quantity": n, "catalog_id": n}}]`, with `price_id` where one was chosen. [seed]
    pub(super) fn elements(&self, table: RecordTable, id: u64) -> Value {
        let parsed = |meta: Option<&str>| meta.and_then(|m| serde_json::from_str::<Value>(m).ok());
        let linked = self.world.linked(table, id, RecordTable::Elements);
        linked.map(|(element, meta)| json!({"id": element, "metadata": parsed(meta)})).collect()
    }
}

/// Rounded to the nearest whole: 1231454 in 11 transactions is 111950. [seed]
fn average(sum: i64, count: i64) -> i64 {
    if count <= 0 { 0 } else { sum.saturating_add(sum.signum() * (count / 2)) / count }
}

#[cfg(test)]
mod tests {
    use super::average;

    #[test]
    fn an_average_is_rounded_to_the_nearest_whole() {
        for (sum, count, wanted) in
            [(1_231_454, 11, 111_950), (0, 0, 0), (10, 4, 3), (9, 4, 2), (-10, 4, -3), (5, 1, 5), (100, 0, 0)]
        {
            assert_eq!(average(sum, count), wanted, "{sum}/{count}");
        }
    }
}
