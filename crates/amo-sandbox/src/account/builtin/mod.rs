//! The built-in account: a small Russian sales company whose names fit the samples. It has pipelines, users, loss
//! reasons and catalogs; its custom fields are in `fields`. The ids never change, since scripts of users may contain
//! them.

pub mod elements;
mod fields;

use serde_json::{Value, json};

use crate::account::{
    AccountState, AccountUser, CatalogDefinition, CustomerStatus, LeadPipeline, LeadSource, LossReason, PipelineStage,
    Segment,
};
use amo_model::{STATUS_LOST, STATUS_TYPE_UNSORTED, STATUS_WON};

/// 2024-01-01, Moscow.
const BORN_AT: i64 = 1_704_056_400;
/// The owner of the token.
pub const ANNA: u64 = 500_001;
pub const PIPELINE_SALES: u64 = 4_100_001;
pub const PIPELINE_WHOLESALE: u64 = 4_100_003;
pub const CATALOG_PRODUCTS: u64 = 1001;
pub const CATALOG_INVOICES: u64 = 1003;
pub const CATALOG_REGULAR: u64 = 1005;
pub const CATALOG_SUPPLIERS: u64 = 1007;
pub use amo_model::{INVOICES as KIND_INVOICES, PRODUCTS as KIND_PRODUCTS, SUPPLIERS as KIND_SUPPLIERS};
const FIRST_CUSTOMER_STATUS: u64 = 4_740_001;
const FIRST_SEGMENT: u64 = 51;

/// Each world sets the id and the subdomain.
pub fn account() -> AccountState {
    AccountState {
        id: 0,
        name: "Ромашка".to_owned(),
        subdomain: String::new(),
        country: "RU".to_owned(),
        currency: "RUB".to_owned(),
        timezone: "Europe/Moscow".to_owned(),
        language: "ru".to_owned(),
        customers_mode: "segments".to_owned(),
        current_user: ANNA,
        created_at: BORN_AT,
        pipelines: pipelines(),
        users: users(),
        loss_reasons: loss_reasons(),
        catalogs: catalogs(),
        fields: fields::fields(),
        field_groups: Vec::new(),
        sources: vec![LeadSource {
            id: 21_000_001,
            name: "Сайт".to_owned(),
            external_id: "site".to_owned(),
            pipeline_id: PIPELINE_SALES,
            is_default: true,
            services: Vec::new(),
        }],
        made: 0,
        customer_statuses: customer_statuses(),
        segments: segments(),
    }
}

fn pipelines() -> Vec<LeadPipeline> {
    let sales = ["Первичный контакт", "Переговоры", "Принимают решение", "Согласование договора"];
    let wholesale = ["Заявка", "Коммерческое предложение", "Счёт выставлен", "Отгрузка"];
    vec![
        LeadPipeline { is_main: true, ..pipeline(PIPELINE_SALES, "Продажи", 1, &sales) },
        pipeline(PIPELINE_WHOLESALE, "Опт", 2, &wholesale),
    ]
}

/// A pipeline as the CRM makes it: the stage of unsorted leads first, won and lost last. [doc]
fn pipeline(id: u64, name: &str, sort: i64, stages: &[&str]) -> LeadPipeline {
    const COLORS: [&str; 4] = ["#99ccff", "#ffff99", "#ffcc66", "#ffcccc"];
    let status = |id, name: &str, sort, color: &str, kind| PipelineStage {
        id,
        name: name.to_owned(),
        sort,
        color: color.to_owned(),
        kind,
    };
    let first = 41_000_001 + (id - PIPELINE_SALES) * 50;
    let mut statuses = vec![status(first, "Неразобранное", 10, "#c1c1c1", STATUS_TYPE_UNSORTED)];
    let mut next = (first, 10);
    for (stage, color) in stages.iter().zip(COLORS.iter().cycle()) {
        next = (next.0 + 2, next.1 + 10);
        statuses.push(status(next.0, stage, next.1, color, 0));
    }
    statuses.push(status(STATUS_WON, "Успешно реализовано", 10_000, "#CCFF66", 0));
    statuses.push(status(STATUS_LOST, "Закрыто и не реализовано", 11_000, "#D5D8DB", 0));
    LeadPipeline { id, name: name.to_owned(), sort, is_main: false, is_unsorted_on: true, statuses }
}

fn users() -> Vec<AccountUser> {
    [
        (ANNA, "Анна Смирнова", "anna@example.com", true, true, 0),
        (500_003, "Иван Петров", "ivan@example.com", false, true, 0),
        (500_005, "Мария Кузнецова", "maria@example.com", false, true, 0),
        (500_007, "Олег Соколов", "oleg@example.com", false, true, 500_101),
        (500_009, "Елена Попова", "elena@example.com", false, false, 0),
    ]
    .into_iter()
    .map(|(id, name, email, is_admin, is_active, group_id)| AccountUser {
        id,
        name: name.to_owned(),
        email: email.to_owned(),
        is_admin,
        is_active,
        group_id,
    })
    .collect()
}

fn loss_reasons() -> Vec<LossReason> {
    [
        (4_200_001, "Дорого"),
        (4_200_003, "Пропала потребность"),
        (4_200_005, "Выбрали конкурента"),
        (4_200_007, "Нет бюджета"),
    ]
    .into_iter()
    .map(|(id, name)| LossReason { id, name: name.to_owned(), sort: 100_000 })
    .collect()
}

/// The flags of each type are those of the example [seed]; the catalog of suppliers is the system's. [client live]
fn catalogs() -> Vec<CatalogDefinition> {
    [
        (CATALOG_PRODUCTS, "Товары", KIND_PRODUCTS, true, false),
        (CATALOG_INVOICES, "Счета", KIND_INVOICES, false, true),
        (CATALOG_REGULAR, "Категории", "regular", true, true),
        (CATALOG_SUPPLIERS, "Поставщики", KIND_SUPPLIERS, true, false),
    ]
    .into_iter()
    .zip([10, 20, 30, 40])
    .map(|((id, name, kind, can_add_elements, can_be_deleted), sort)| CatalogDefinition {
        id,
        name: name.to_owned(),
        kind: kind.to_owned(),
        sort,
        created_by: ANNA,
        updated_by: ANNA,
        created_at: BORN_AT,
        updated_at: BORN_AT,
        can_add_elements,
        can_show_in_cards: false,
        can_link_multiple: true,
        can_be_deleted,
        sdk_widget_code: None,
    })
    .collect()
}

/// The system's statuses with a plain one between them, in the order and colours of the example. [seed]
fn customer_statuses() -> Vec<CustomerStatus> {
    let condition =
        |kind: &str, days: i64| json!([[{"type": kind, "match": {"value": days}, "conditions": [{"value": days}]}]]);
    let rows: [(&str, &str, i64, Value); 5] = [
        ("Купили недавно", "#ccff66", CustomerStatus::BOUGHT, json!([])),
        ("Постоянный клиент", "#d6eaff", CustomerStatus::PLAIN, json!([])),
        ("Ожидается покупка", "#99ccff", CustomerStatus::EXPECTED, condition("before_purchase", 0)),
        ("Не купили", "#fd5598", CustomerStatus::NOT_BOUGHT, json!([])),
        ("Закрыт", "#d5d8db", CustomerStatus::CLOSED, condition("after_today", 60)),
    ];
    let ids = (FIRST_CUSTOMER_STATUS..).step_by(2);
    ids.zip(rows)
        .map(|(id, (name, color, kind, conditions))| CustomerStatus {
            id,
            name: name.to_owned(),
            color: color.to_owned(),
            kind,
            conditions,
        })
        .collect()
}

fn segments() -> Vec<Segment> {
    let ids = (FIRST_SEGMENT..).step_by(2);
    ids.zip([("VIP", "6610f2"), ("Постоянные", "0c7c59"), ("Новые", "2176ff")])
        .map(|(id, (name, color))| Segment {
            id,
            name: name.to_owned(),
            color: color.to_owned(),
            prices: Vec::new(),
            fields: Vec::new(),
            created_at: BORN_AT,
            updated_at: BORN_AT,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_unique() {
        let account = account();
        let mut seen = HashSet::new();
        for field in &account.fields {
            assert!(seen.insert(field.id), "field {}", field.id);
        }
        let mut options = HashSet::new();
        for field in account.fields.iter().filter(|f| f.kind != amo_model::FieldKind::SmartAddress) {
            for choice in &field.choices {
                assert!(options.insert(choice.id), "option {} of {}", choice.id, field.name);
            }
        }
        let mut statuses = HashSet::new();
        for status in account.pipelines.iter().flat_map(|p| &p.statuses) {
            assert!(status.id < 1000 || statuses.insert(status.id), "status {}", status.id);
        }
    }
}
