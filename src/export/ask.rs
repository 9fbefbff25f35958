//! What an export asks for: the query the service is sent, and the check of what it sends back. Pure.

use amo_model::compact::CompactJson;
use amo_model::parts;
use amo_model::{Entity, ID_KEY, UPDATED_AT};

/// Keys that can be filtered by. The service ignores filters it does not know, with a 200 [client live], so only those are
/// taken that every row can be checked for.
pub const FILTERS: [&str; 6] = ["id", "responsible_user_id", "status_id", "pipeline_id", "created_by", "updated_by"];

#[derive(Debug, Clone)]
pub struct Ask {
    pub entity: Entity,
    pub catalog: Option<u64>,
    /// A key, and the values of which an item must have one.
    pub filters: Vec<(String, Vec<u64>)>,
    /// Unix seconds.
    pub since: Option<i64>,
    pub text: Option<String>,
    pub with: Vec<String>,
    /// Read the list a second time, for what slipped through the first.
    pub twice: bool,
}

impl Ask {
    /// All but page, limit and order.
    pub fn query(&self) -> Vec<(String, String)> {
        let mut query = Vec::new();
        for (key, values) in &self.filters {
            query.extend(values.iter().map(|value| (format!("filter[{key}][]"), value.to_string())));
        }
        if let Some(since) = self.since {
            query.push((format!("filter[{UPDATED_AT}][from]"), since.to_string()));
        }
        query.extend(self.text.iter().map(|text| ("query".to_owned(), text.clone())));
        let mut with: Vec<&str> = self.entity.spec().with.split(',').filter(|word| !word.is_empty()).collect();
        with.extend(self.with.iter().map(String::as_str).filter(|word| !self.entity.spec().with.contains(word)));
        if !with.is_empty() {
            query.push(("with".to_owned(), with.join(",")));
        }
        query
    }

    /// What is asked for, but for the time: exports of the same go on from each other.
    pub fn what(&self, kind: &str) -> String {
        let mut what = kind.to_owned();
        what.extend(self.catalog.map(|catalog| format!("/{catalog}")));
        for (key, value) in self.query() {
            if !key.starts_with("with") && !key.contains(UPDATED_AT) {
                what.push_str(&format!("&{key}={value}"));
            }
        }
        what
    }

    /// True for a row that was asked for.
    pub fn takes(&self, row: &CompactJson) -> bool {
        let since =
            |from: i64| parts::id(&row[UPDATED_AT]).is_some_and(|at| i64::try_from(at).is_ok_and(|at| at >= from));
        self.since.is_none_or(since)
            && self.filters.iter().all(|(key, values)| parts::id(&row[key]).is_some_and(|id| values.contains(&id)))
    }

    /// The ids that were asked for.
    pub fn ids(&self) -> &[u64] {
        self.filters.iter().find(|(key, _)| key == ID_KEY).map_or(&[], |(_, ids)| ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_row_is_checked_for_what_was_asked() {
        let ask = Ask {
            entity: Entity::Leads,
            catalog: None,
            filters: vec![("status_id".into(), vec![142, 143]), ("id".into(), vec![1, 2])],
            since: Some(100),
            text: Some("Опт".into()),
            with: vec!["contacts".into(), "source_id".into()],
            twice: false,
        };
        let told: Vec<String> = ask.query().iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(
            told.join(" "),
            "filter[status_id][]=142 filter[status_id][]=143 filter[id][]=1 filter[id][]=2 \
             filter[updated_at][from]=100 query=Опт with=contacts,catalog_elements,source_id"
        );
        for (row, taken) in [
            (json!({"id": 1, "status_id": 142, "updated_at": 100}), true),
            (json!({"id": "2", "status_id": 143, "updated_at": "101"}), true),
            (json!({"id": 3, "status_id": 142, "updated_at": 100}), false),
            (json!({"id": 1, "status_id": 141, "updated_at": 100}), false),
            (json!({"id": 1, "status_id": 142, "updated_at": 99}), false),
            (json!({"id": 1, "updated_at": 100}), false),
            (json!({"id": 1, "status_id": 142}), false),
        ] {
            assert_eq!(ask.takes(&row.clone().into()), taken, "{row}");
        }
    }
}
