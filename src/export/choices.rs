//! What may stand in a column, for its drop-down list: the account's own names. Pure.

use amo_client::account::Account;
use amo_model::parts::CustomField;
use amo_model::{ColumnType, FieldKind};

/// Of a value that every account has; none where anything may stand there, or several things at once.
pub fn own(shows: ColumnType, account: &Account) -> Vec<String> {
    let pipelines = || account.pipelines.iter().filter(|pipeline| !pipeline.is_archive);
    match shows {
        ColumnType::Pipeline => unlike(pipelines().map(|pipeline| pipeline.name.as_str())),
        // A list cannot depend on another cell; a stage of another pipeline is refused by the import.
        ColumnType::Stage => unlike(pipelines().flat_map(|p| p.stages.iter().map(|stage| stage.name.as_str()))),
        // Who has left may not be responsible for anything new.
        ColumnType::User => unlike(account.users.iter().filter(|user| user.is_active).map(|user| user.name.as_str())),
        ColumnType::LossReason => unlike(account.loss_reasons.iter().map(|reason| reason.name.as_str())),
        ColumnType::CustomerStatus => unlike(account.customer_statuses.iter().map(|status| status.name.as_str())),
        ColumnType::Flag => flags(),
        ColumnType::Number
        | ColumnType::Money
        | ColumnType::Text
        | ColumnType::Instant
        | ColumnType::Segments
        | ColumnType::Names
        | ColumnType::Ids
        | ColumnType::NamesOf(_)
        | ColumnType::Elements
        | ColumnType::Json
        | ColumnType::Link => Vec::new(),
    }
}

/// Of a custom field. A multiselect has several options in its cell, which a list of Excel cannot give.
pub fn field(field: &CustomField) -> Vec<String> {
    match FieldKind::from_name(&field.kind) {
        FieldKind::Select | FieldKind::Radiobutton | FieldKind::Category => {
            unlike(field.options.iter().map(|option| option.value.as_str()))
        }
        FieldKind::Checkbox => flags(),
        _ => Vec::new(),
    }
}

fn flags() -> Vec<String> {
    [super::cell::YES, super::cell::NO].map(str::to_owned).to_vec()
}

fn unlike<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in names {
        if !name.is_empty() && !all.iter().any(|known| known == name) {
            all.push(name.to_owned());
        }
    }
    all
}
