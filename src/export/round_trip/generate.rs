//! The mapping of an exported workbook, as text in the mapping language, which is compiled like any other mapping.

use crate::export::table::exported_column::{ColumnMeaning, ExportedColumn};
use crate::export::table::hidden::HiddenSheet;
use crate::export::table::writable::{field_is_writable, own_field};
use amo_client::account::Account;
use amo_model::parts::CustomField;
use amo_model::{Action, Entity, FieldContent, FieldKind, Kind, Owner, Wire};
use sheet_source::{ColumnMatch, Header};
use std::fmt::Write as _;

/// The purpose of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Changes of existing records.
    Update,
    /// Rows added to the workbook.
    Create,
    /// Every row as a new record, perhaps in another account.
    AsNew,
}

impl Purpose {
    pub fn action(self) -> Action {
        match self {
            Purpose::Update => Action::Update,
            Purpose::Create | Purpose::AsNew => Action::Create,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Purpose::Update => "update",
            Purpose::Create => "create",
            Purpose::AsNew => "as-new",
        }
    }
}

/// A generated mapping.
#[derive(Debug)]
pub struct Generated {
    pub text: String,
    /// Titles of columns with values that are not imported.
    pub left_out: Vec<String>,
}

/// Generates the mapping. The first time, `account` and `header` are `None`: the mapping decides what is read of them.
pub fn generate(
    hidden: &HiddenSheet,
    purpose: Purpose,
    account: Option<&Account>,
    header: Option<&Header>,
    same_account: bool,
) -> Generated {
    let stamp = &hidden.stamp;
    let spec = stamp.kind.spec();
    let item = &spec.sections[0];
    let mut generating = Generating {
        kind: stamp.kind,
        purpose,
        account,
        owner: None,
        same_account,
        own: String::new(),
        fields: String::new(),
        left_out: Vec::new(),
    };
    let catalog = match same_account {
        true => stamp.catalog.map(|id| id.to_string()),
        false => stamp.catalog_name.clone(),
    };
    generating.owner = match (spec.catalog, &catalog, account) {
        (Some(_), Some(name), Some(account)) => account.catalog(name).ok().map(|found| Owner::Catalog(found.id)),
        _ => Some(Owner::Entity(spec.entity)),
    };
    for column in &hidden.columns {
        if header.is_none_or(|header| header.find(&column.title) != ColumnMatch::None) {
            generating.column(column);
        }
    }
    let mut text = String::from("version = 1\n");
    // Writing into a String cannot fail.
    let _ = writeln!(text, "kind = {}\naction = {}", quoted(spec.name), quoted(purpose.action().name()));
    if let (Purpose::AsNew, Some(id)) = (purpose, hidden.columns.iter().find(|column| column.is_id())) {
        let _ = writeln!(text, "key = {}", quoted(&id.title));
    }
    if let (Some(_), Some(name)) = (spec.catalog, catalog) {
        let _ = writeln!(text, "catalog = {}", quoted(&name));
    }
    let _ = write!(text, "[{}]\n{}", item.name, generating.own);
    if !generating.fields.is_empty() {
        let _ = write!(text, "[{}.fields]\n{}", item.name, generating.fields);
    }
    Generated { text, left_out: generating.left_out }
}

/// A mapping that is being generated.
struct Generating<'a> {
    kind: Kind,
    purpose: Purpose,
    account: Option<&'a Account>,
    owner: Option<Owner>,
    same_account: bool,
    own: String,
    fields: String,
    left_out: Vec<String>,
}

impl Generating<'_> {
    fn column(&mut self, column: &ExportedColumn) {
        let line = match &column.meaning {
            ColumnMeaning::Own(path) => self.own_line(column, path),
            ColumnMeaning::Field { id, code } => self.field_line(column, *id, code.as_deref()),
            ColumnMeaning::Address | ColumnMeaning::Other => return,
        };
        if line.is_none() && !(column.is_id() && self.purpose != Purpose::Update) {
            self.left_out.push(column.title.clone());
        }
    }

    fn own_line(&mut self, column: &ExportedColumn, path: &str) -> Option<()> {
        let at: Vec<&str> = path.split('.').collect();
        let field = own_field(self.kind, &at, self.purpose.action())?;
        let mode = self.account.map(|account| account.basics.customers_mode.as_str());
        if mode.is_some_and(|mode| !field.only.met_by(mode)) {
            return None;
        }
        let mut value = vec![format!("column = {}", quoted(&column.title))];
        if field.holds.many() {
            value.push("split = \",\"".to_owned());
        }
        if self.purpose == Purpose::Update && field.holds != FieldContent::OwnId {
            value.push("on-empty = \"reject\"".to_owned());
        }
        match field.holds {
            FieldContent::Ids(_) | FieldContent::OneId(_) if self.purpose == Purpose::AsNew => {
                value.push("by = \"key\"".to_owned())
            }
            FieldContent::UserOrRobot => {
                value.push(format!("values = {{ {} = \"0\" }}", quoted(crate::export::table::cell::ROBOT)));
                // Its creator may not exist in this account.
                if self.purpose == Purpose::AsNew {
                    value.push("on-unknown = \"skip\"".to_owned());
                }
            }
            _ => {}
        }
        let _ = writeln!(self.own, "{} = {{ {} }}", field.name, value.join(", "));
        Some(())
    }

    fn field_line(&mut self, column: &ExportedColumn, id: u64, code: Option<&str>) -> Option<()> {
        let mut value = vec![format!("column = {}", quoted(&column.title))];
        if self.purpose == Purpose::Update {
            value.push("on-empty = \"clear\"".to_owned());
        }
        let Some(account) = self.account else {
            let _ = writeln!(self.fields, "{} = {{ {} }}", quoted(&format!("id:{id}")), value.join(", "));
            return Some(());
        };
        let field = self.field(account, column, id, code)?;
        let kind = FieldKind::from_name(&field.kind);
        if !field_is_writable(kind) {
            return None;
        }
        match kind {
            FieldKind::Multiselect => value.push("split = \",\"".to_owned()),
            FieldKind::Multitext => {
                // As in the account: another spelling would be a change.
                value.extend(["split = \",\"".to_owned(), "as = \"text\"".to_owned()]);
                if !amo_model::field_type::multitext_codes(field.code.as_deref().unwrap_or("")).contains(&"WORK") {
                    return None;
                }
            }
            FieldKind::Url => value.push("as = \"text\"".to_owned()),
            // They refer to the old account by its ids.
            FieldKind::LinkedEntity | FieldKind::ChainedList | FieldKind::Supplier
                if self.purpose == Purpose::AsNew =>
            {
                return None;
            }
            _ if crate::mapping::is_structured(kind) => {
                value.push("as = \"json\"".to_owned());
                if self.purpose == Purpose::AsNew {
                    value.push("by = \"name\"".to_owned());
                }
            }
            _ => {}
        }
        // Some custom fields have a name of their own in the mapping language.
        let own = self.kind.spec().sections[0].fields.iter().find(|own| match own.wire {
            Wire::Field(wire) => field.code.as_deref() == Some(wire),
            _ => false,
        });
        let _ = match own {
            Some(own) => writeln!(self.own, "{} = {{ {} }}", own.name, value.join(", ")),
            None => writeln!(self.fields, "{} = {{ {} }}", quoted(&format!("id:{}", field.id)), value.join(", ")),
        };
        Some(())
    }

    /// The field of a column: by its id, in another account by its code or its name.
    fn field<'a>(
        &self,
        account: &'a Account,
        column: &ExportedColumn,
        id: u64,
        code: Option<&str>,
    ) -> Option<&'a CustomField> {
        let fields = account.fields(self.owner?);
        if self.same_account {
            return fields.iter().find(|field| field.id == id);
        }
        let by_code = fields.iter().find(|field| code.is_some() && field.code.as_deref() == code);
        let mut named = fields.iter().filter(|field| field.name == column.title);
        by_code.or_else(|| named.next().filter(|_| named.next().is_none()))
    }
}

/// A TOML string; the escapes of JSON are valid in TOML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// What else of an account is needed to show its records with names.
pub fn names_wanted(entity: Entity) -> amo_client::account::SnapshotScope {
    amo_client::account::SnapshotScope {
        pipelines: entity == Entity::Leads,
        users: true,
        loss_reasons: entity == Entity::Leads,
        segments: entity == Entity::Customers,
        statuses: entity == Entity::Customers,
        ..Default::default()
    }
}
