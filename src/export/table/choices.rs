//! The texts of drop-down lists: the allowed values of a column, by their names in the account. Pure.

use amo_client::account::Account;
use amo_model::parts::CustomField;
use amo_model::{ColumnType, FieldKind};

/// The choices of a value that every account has; none where any text is allowed, or several values.
pub fn own(shows: ColumnType, account: &Account) -> Vec<String> {
    let pipelines = || account.pipelines.iter().filter(|pipeline| !pipeline.is_archive);
    match shows {
        ColumnType::Pipeline => distinct(pipelines().map(|pipeline| pipeline.name.as_str())),
        // A list cannot depend on another cell; a stage of another pipeline is refused by the import.
        ColumnType::Stage => distinct(pipelines().flat_map(|p| p.stages.iter().map(|stage| stage.name.as_str()))),
        // A deactivated user may not become responsible.
        ColumnType::User => distinct(account.users.iter().filter(|user| user.is_active).map(|user| user.name.as_str())),
        ColumnType::LossReason => distinct(account.loss_reasons.iter().map(|reason| reason.name.as_str())),
        ColumnType::CustomerStatus => distinct(account.customer_statuses.iter().map(|status| status.name.as_str())),
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

/// The choices of a custom field. A multiselect has several options in a cell, which a list of Excel does not support.
pub fn field(field: &CustomField) -> Vec<String> {
    match FieldKind::from_name(&field.kind) {
        FieldKind::Select | FieldKind::Radiobutton | FieldKind::Category => {
            distinct(field.options.iter().map(|option| option.value.as_str()))
        }
        FieldKind::Checkbox => flags(),
        _ => Vec::new(),
    }
}

fn flags() -> Vec<String> {
    [super::cell::YES, super::cell::NO].map(str::to_owned).to_vec()
}

/// Names without empty and repeated ones.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in names {
        if !name.is_empty() && !all.iter().any(|known| known == name) {
            all.push(name.to_owned());
        }
    }
    all
}
