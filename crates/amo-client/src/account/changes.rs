//! What has changed in an account since a snapshot, so that a value that was valid then is refused now.

use super::Account;
use amo_model::Owner;
use amo_model::parts::CustomField;
use std::collections::HashSet;

/// One sentence for each thing that a mapping could name and that was removed or changed.
pub fn changes(then: &Account, now: &Account) -> Vec<String> {
    let mut sentences = Vec::new();
    for (owner, fields) in &then.fields {
        let Some(left) = now.fields.get(owner) else { continue };
        for field in fields {
            match left.iter().find(|other| other.id == field.id) {
                None => {
                    sentences.push(format!("the field \"{}\" of {} no longer exists", field.name, owner_name(*owner)))
                }
                Some(other) => field_changes(field, other, &mut sentences),
            }
        }
    }
    for pipeline in &then.pipelines {
        let Some(other) = now.pipelines.iter().find(|p| p.id == pipeline.id && !p.is_archive) else {
            sentences.push(format!("the pipeline \"{}\" no longer exists", pipeline.name));
            continue;
        };
        let left: HashSet<u64> = other.stages.iter().map(|stage| stage.id).collect();
        for stage in pipeline.stages.iter().filter(|stage| !left.contains(&stage.id)) {
            sentences.push(format!("the stage \"{}\" of \"{}\" no longer exists", stage.name, pipeline.name));
        }
    }
    for user in then.users.iter().filter(|user| user.is_active) {
        if !now.users.iter().any(|other| other.id == user.id && other.is_active) {
            sentences.push(format!("the user \"{}\" is no longer active", user.name));
        }
    }
    let named = [
        ("loss reason", &then.loss_reasons, &now.loss_reasons),
        ("segment", &then.segments, &now.segments),
        ("customer status", &then.customer_statuses, &now.customer_statuses),
    ];
    for (what, then, now) in named {
        let left: HashSet<u64> = now.iter().map(|thing| thing.id).collect();
        let gone = then.iter().filter(|thing| !left.contains(&thing.id));
        sentences.extend(gone.map(|thing| format!("the {what} \"{}\" no longer exists", thing.name)));
    }
    sentences
}

fn field_changes(then: &CustomField, now: &CustomField, sentences: &mut Vec<String>) {
    if then.kind != now.kind {
        sentences
            .push(format!("the field \"{}\" is now of type {}, and was of type {}", then.name, now.kind, then.kind));
    }
    let left: HashSet<u64> = now.options.iter().map(|option| option.id).collect();
    let gone = then.options.iter().filter(|option| !left.contains(&option.id));
    sentences
        .extend(gone.map(|option| format!("the option \"{}\" of \"{}\" no longer exists", option.value, then.name)));
}

fn owner_name(owner: Owner) -> String {
    match owner {
        Owner::Entity(entity) => entity.collection().to_owned(),
        Owner::Catalog(id) => format!("catalog {id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::example as account;
    use amo_model::Entity;
    use amo_model::parts::FieldOption;

    #[test]
    fn removed_things_are_named() {
        let mut then = account();
        let option = |id, value: &str| FieldOption { id, value: value.into(), code: None, parent: None };
        let field = CustomField {
            id: 1,
            name: "Источник".into(),
            code: None,
            kind: "select".into(),
            options: vec![option(1, "Сайт"), option(2, "Звонок")],
            chain: vec![],
            search_in: None,
            currency: None,
        };
        let other =
            CustomField { id: 2, name: "Город".into(), kind: "text".into(), options: vec![], ..field.clone() };
        then.fields.insert(Owner::Entity(Entity::Leads), vec![field.clone(), other]);
        let mut now = then.clone();
        assert_eq!(changes(&then, &now), Vec::<String>::new());
        let less = CustomField { options: vec![option(1, "Сайт")], ..field };
        now.fields.insert(Owner::Entity(Entity::Leads), vec![less]);
        now.pipelines[0].stages.remove(1);
        now.users[0].is_active = false;
        assert_eq!(
            changes(&then, &now),
            [
                "the option \"Звонок\" of \"Источник\" no longer exists",
                "the field \"Город\" of leads no longer exists",
                "the stage \"Переговоры\" of \"Продажи\" no longer exists",
                "the user \"Анна Смирнова\" is no longer active",
            ]
        );
    }
}
