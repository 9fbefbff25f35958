//! An account for examples and tests.

use super::{Account, SNAPSHOT_SCHEMA};
use amo_model::parts::{Basics, LeadStage, Pipeline, User};
use std::collections::BTreeMap;

/// Two pipelines and four users, two of them with the same name and one inactive; no fields and no catalogs.
pub fn example() -> Account {
    let stage = |id, name: &str, kind| LeadStage { id, name: name.into(), kind };
    let pipeline =
        |id, name: &str, is_main, stages| Pipeline { id, name: name.into(), is_main, is_archive: false, stages };
    let user = |id, name: &str, email: &str, is_active| User { id, name: name.into(), email: email.into(), is_active };
    Account {
        schema: SNAPSHOT_SCHEMA,
        base: "https://example.amocrm.ru".into(),
        pulled_at: 0,
        basics: Basics::default(),
        pipelines: vec![
            pipeline(
                1,
                "Продажи",
                true,
                vec![stage(10, "Неразобранное", 1), stage(11, "Переговоры", 0), stage(142, "Успешно", 0)],
            ),
            pipeline(2, "Опт", false, vec![stage(20, "Заявка", 0), stage(142, "Успешно", 0)]),
        ],
        users: vec![
            user(5, "Анна Смирнова", "anna@example.com", true),
            user(6, "Елена Попова", "elena@example.com", false),
            user(7, "Иван Петров", "ivan@example.com", true),
            user(8, "Иван Петров", "ivan2@example.com", true),
        ],
        loss_reasons: vec![],
        catalogs: vec![],
        fields: BTreeMap::new(),
        segments: vec![],
        customer_statuses: vec![],
        elements: BTreeMap::new(),
        customers: None,
    }
}
