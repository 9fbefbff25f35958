//! The columns of a table: those of the entity, one for each custom field of the account, and the link. Pure.

use super::cell::{self, Cell, Names};
use super::choices;
use crate::account::Account;
use crate::entity::parts::{self, Field};
use crate::entity::{ColumnSpec, Entity, FieldKind, INVOICE_LINK, INVOICES, Owner, Shows};
use crate::table::fold;
use serde_json::Value;
use std::collections::HashSet;

/// The column with the address of the card in the CRM's pages.
const LINK: &str = "Ссылка";

#[derive(Debug, Clone)]
pub struct Columns {
    all: Vec<Column>,
    /// Every custom field of the account, whether or not it has a column.
    fields: HashSet<u64>,
}

#[derive(Debug, Clone)]
struct Column {
    title: String,
    from: From,
    /// What may stand in it, where that is a list.
    choices: Vec<String>,
}

/// What a workbook says of a column above its rows.
#[derive(Debug, Clone, Default)]
pub struct Head {
    pub title: String,
    pub choices: Vec<String>,
    /// Its numbers are amounts of money.
    pub money: bool,
}

#[derive(Debug, Clone)]
enum From {
    Own(&'static ColumnSpec),
    Field {
        id: u64,
        kind: FieldKind,
    },
    /// An address with `{id}` in it.
    Card(String),
}

impl From {
    fn is_money(&self) -> bool {
        match self {
            From::Own(spec) => spec.shows == Shows::Money,
            From::Field { kind, .. } => matches!(kind, FieldKind::Monetary | FieldKind::Price),
            From::Card(_) => false,
        }
    }
}

impl Columns {
    pub fn of(entity: Entity, catalog: Option<u64>, account: &Account) -> Columns {
        let has_links = account.catalogs.iter().any(|list| Some(list.id) == catalog && list.kind == INVOICES);
        let shown = |spec: &&ColumnSpec| has_links || spec.at != INVOICE_LINK.at;
        let (behind, mut all): (Vec<Column>, Vec<Column>) = entity
            .columns()
            .iter()
            .filter(shown)
            .map(|spec| Column {
                title: spec.title.to_owned(),
                from: From::Own(spec),
                choices: choices::own(spec.shows, account),
            })
            .partition(|column| matches!(column.from, From::Own(spec) if spec.behind));
        let owner = catalog.map_or(Owner::Entity(entity), Owner::Catalog);
        let fields = account.fields(owner);
        let own: Vec<String> =
            all.iter().chain(&behind).map(|column| fold(&column.title)).chain([fold(LINK)]).collect();
        for field in fields {
            let from = From::Field { id: field.id, kind: FieldKind::from_name(&field.kind) };
            all.push(Column { title: title(field, fields, &own), from, choices: choices::field(field) });
        }
        all.extend(behind);
        if let Some(card) = entity.spec().card {
            let card = card.replace("{catalog}", &catalog.unwrap_or(0).to_string());
            let from = From::Card(format!("{}/{card}", account.base));
            all.push(Column { title: LINK.to_owned(), from, choices: Vec::new() });
        }
        Columns { all, fields: fields.iter().map(|field| field.id).collect() }
    }

    pub fn titles(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|column| column.title.as_str())
    }

    pub fn heads(&self) -> Vec<Head> {
        let head = |column: &Column| Head {
            title: column.title.clone(),
            choices: column.choices.clone(),
            money: column.from.is_money(),
        };
        self.all.iter().map(head).collect()
    }

    /// These only, in this order; the title that is not there, if one is not.
    pub fn only<'a>(&self, titles: &[&'a str]) -> Result<Columns, &'a str> {
        let find = |title: &'a str| {
            let wanted = fold(title);
            self.all.iter().find(|column| fold(&column.title) == wanted).cloned().ok_or(title)
        };
        let all = titles.iter().map(|title| find(title)).collect::<Result<_, _>>()?;
        Ok(Columns { all, fields: self.fields.clone() })
    }

    /// Fields of a row that the account did not list: made meanwhile, or hidden from this user.
    pub fn unlisted<'a>(&'a self, row: &'a Value) -> impl Iterator<Item = u64> + 'a {
        let fields = parts::list(&row["custom_fields_values"]).into_iter();
        fields.filter_map(|entry| parts::id(&entry["field_id"])).filter(|id| !self.fields.contains(id))
    }

    pub fn cells<'a>(&'a self, row: &'a Value, names: &'a Names) -> impl Iterator<Item = Cell> + 'a {
        let fields = parts::list(&row["custom_fields_values"]);
        self.all.iter().map(move |column| match &column.from {
            From::Own(spec) => {
                let value = spec.at.iter().fold(row, |value, key| &value[*key]);
                cell::own(spec.shows, value, row, names)
            }
            From::Field { id, kind } => {
                let entry = fields.iter().find(|entry| parts::id(&entry["field_id"]) == Some(*id));
                entry.map_or(Cell::Empty, |entry| cell::field(*kind, &entry["values"], names))
            }
            From::Card(card) => match parts::id(&row["id"]) {
                Some(id) => Cell::Link(card.replace("{id}", &id.to_string())),
                None => Cell::Empty,
            },
        })
    }
}

/// A name that another column has gets the field's id.
fn title(field: &Field, fields: &[Field], own: &[String]) -> String {
    let name = fold(&field.name);
    let alone = fields.iter().filter(|other| fold(&other.name) == name).count() == 1 && !own.contains(&name);
    if alone { field.name.clone() } else { format!("{} ({})", field.name, field.id) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::tests::account;

    fn field(id: u64, name: &str, kind: &str) -> Field {
        Field { id, name: name.into(), code: None, kind: kind.into(), options: vec![], chain: vec![], search_in: None }
    }

    #[test]
    fn repeated_titles_get_their_id_and_only_the_named_columns_stay() {
        let mut account = account();
        let fields = vec![field(1, "Цвет", "text"), field(2, "цвет", "text"), field(3, "Бюджет", "numeric")];
        account.fields.insert(Owner::Entity(Entity::Leads), fields);
        let columns = Columns::of(Entity::Leads, None, &account);
        let titles: Vec<&str> = columns.titles().collect();
        let colour = titles.iter().position(|title| *title == "Цвет (1)").unwrap();
        assert_eq!(titles[colour..colour + 4], ["Цвет (1)", "цвет (2)", "Бюджет (3)", "Создана"]);
        assert_eq!(titles.last(), Some(&"Ссылка"));
        let only = columns.only(&["ссылка", "ID"]).unwrap();
        assert_eq!(only.titles().collect::<Vec<_>>(), ["Ссылка", "ID"]);
        let names = Names::of(&account);
        let row = serde_json::json!({"id": 7});
        let cells: Vec<String> = only.cells(&row, &names).map(|cell| cell.text()).collect();
        assert_eq!(cells, ["https://example.amocrm.ru/leads/detail/7", "7"]);
        let row = serde_json::json!({"custom_fields_values": [{"field_id": 1}, {"field_id": 9}]});
        assert_eq!(only.unlisted(&row).collect::<Vec<_>>(), [9]);
        assert_eq!(columns.only(&["ID", "Этажи"]).err(), Some("Этажи"));
    }
}
