//! The query of an export: its parameters for the service, and the check of what the service returns. Pure.

use amo_client::ListQuery;
use amo_model::compact::CompactJson;
use amo_model::parts;
use amo_model::{Entity, ID_KEY, UPDATED_AT};

/// Keys that can be filtered by. The service ignores unknown filters with a 200 [client live], so only filters that every row
/// can be checked against are allowed.
pub const FILTERS: [&str; 6] = ["id", "responsible_user_id", "status_id", "pipeline_id", "created_by", "updated_by"];

/// The records to export.
#[derive(Debug, Clone)]
pub struct ExportQuery {
    pub entity: Entity,
    pub catalog: Option<u64>,
    /// Keys with their allowed values.
    pub filters: Vec<(String, Vec<u64>)>,
    /// Changed since this time, in Unix seconds.
    pub since: Option<i64>,
    /// A text to search for.
    pub text: Option<String>,
    pub with: Vec<String>,
    /// Read the list a second time, for rows that the first reading missed.
    pub twice: bool,
}

impl ExportQuery {
    /// The list to read.
    pub fn list(&self) -> ListQuery {
        ListQuery { entity: self.entity, catalog: self.catalog, query: self.parameters(), twice: self.twice }
    }

    /// The parameters of the request, without page, limit and order.
    pub fn parameters(&self) -> Vec<(String, String)> {
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

    /// The scope of the query, without the time. `--since last` continues from the last export with the same scope.
    pub fn scope(&self, kind: &str) -> String {
        let mut scope = kind.to_owned();
        scope.extend(self.catalog.map(|catalog| format!("/{catalog}")));
        for (key, value) in self.parameters() {
            if !key.starts_with("with") && !key.contains(UPDATED_AT) {
                scope.push_str(&format!("&{key}={value}"));
            }
        }
        scope
    }

    /// True for a row that matches the query.
    pub fn matches(&self, row: &CompactJson) -> bool {
        let since =
            |from: i64| parts::id(&row[UPDATED_AT]).is_some_and(|at| i64::try_from(at).is_ok_and(|at| at >= from));
        self.since.is_none_or(since)
            && self.filters.iter().all(|(key, values)| parts::id(&row[key]).is_some_and(|id| values.contains(&id)))
    }

    /// The ids of the query, where it has ids.
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
        let query = ExportQuery {
            entity: Entity::Leads,
            catalog: None,
            filters: vec![("status_id".into(), vec![142, 143]), ("id".into(), vec![1, 2])],
            since: Some(100),
            text: Some("Опт".into()),
            with: vec!["contacts".into(), "source_id".into()],
            twice: false,
        };
        let parameters: Vec<String> = query.parameters().iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(
            parameters.join(" "),
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
            assert_eq!(query.matches(&row.clone().into()), taken, "{row}");
        }
    }
}
