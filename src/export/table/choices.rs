//! The texts of drop-down lists: the allowed values of a column, by their names in the account. Pure.

use amo_client::account::Account;
use amo_model::parts::Field;
use amo_model::{FieldKind, Shows};

/// The choices of a value that every account has; none where any text is allowed, or several values.
pub fn own(shows: Shows, account: &Account) -> Vec<String> {
    let pipelines = || account.pipelines.iter().filter(|pipeline| !pipeline.is_archive);
    match shows {
        Shows::Pipeline => distinct(pipelines().map(|pipeline| pipeline.name.as_str())),
        // A list cannot depend on another cell; a stage of another pipeline is refused by the import.
        Shows::Stage => distinct(pipelines().flat_map(|p| p.stages.iter().map(|stage| stage.name.as_str()))),
        // A deactivated user may not become responsible.
        Shows::User => distinct(account.users.iter().filter(|user| user.is_active).map(|user| user.name.as_str())),
        Shows::LossReason => distinct(account.loss_reasons.iter().map(|reason| reason.name.as_str())),
        Shows::CustomerStatus => distinct(account.customer_statuses.iter().map(|status| status.name.as_str())),
        Shows::Flag => flags(),
        Shows::Number
        | Shows::Money
        | Shows::Text
        | Shows::Instant
        | Shows::Segments
        | Shows::Names
        | Shows::Ids
        | Shows::NamesOf(_)
        | Shows::Elements
        | Shows::Json
        | Shows::Link => Vec::new(),
    }
}

/// The choices of a custom field. A multiselect has several options in a cell, which a list of Excel does not support.
pub fn field(field: &Field) -> Vec<String> {
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
