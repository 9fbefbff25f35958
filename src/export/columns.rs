//! The columns of a table: those of the entity, one for each custom field of the account, and the link. Pure.

use super::back;
use super::cell::{self, Cell, Names};
use super::hidden::{Described, Is, Stamp};
use crate::account::Account;
use crate::entity::parts::{self, Field};
use crate::entity::{Action, ColumnSpec, Entity, FieldKind, Kind, Owner};
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
    stamp: Option<Stamp>,
}

#[derive(Debug, Clone)]
struct Column {
    title: String,
    from: From,
}

#[derive(Debug, Clone)]
enum From {
    Own(&'static ColumnSpec),
    Field {
        id: u64,
        code: Option<String>,
        kind: FieldKind,
    },
    /// It was there once.
    Gone,
    /// An address with `{id}` in it.
    Card(String),
}

impl Columns {
    pub fn of(entity: Entity, catalog: Option<u64>, account: &Account) -> Columns {
        let mut all: Vec<Column> = entity
            .columns()
            .iter()
            .map(|spec| Column { title: spec.title.to_owned(), from: From::Own(spec) })
            .collect();
        let owner = catalog.map_or(Owner::Entity(entity), Owner::Catalog);
        let fields = account.fields(owner);
        let own: Vec<String> = all.iter().map(|column| fold(&column.title)).chain([fold(LINK)]).collect();
        for field in fields {
            let from = From::Field { id: field.id, code: field.code.clone(), kind: FieldKind::from_name(&field.kind) };
            all.push(Column { title: title(field, fields, &own), from });
        }
        if let Some(card) = entity.spec().card {
            let card = card.replace("{catalog}", &catalog.unwrap_or(0).to_string());
            all.push(Column { title: LINK.to_owned(), from: From::Card(format!("{}/{card}", account.base)) });
        }
        Columns { all, fields: fields.iter().map(|field| field.id).collect(), stamp: None }
    }

    pub fn titles(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|column| column.title.as_str())
    }

    /// A workbook of these columns will say this of itself.
    pub fn stamped(self, stamp: Stamp) -> Columns {
        Columns { stamp: Some(stamp), ..self }
    }

    pub fn stamp(&self) -> Option<&Stamp> {
        self.stamp.as_ref()
    }

    /// What each column is to an import.
    pub fn described(&self, kind: Kind) -> Vec<Described> {
        let described = |column: &Column| {
            let (is, writable) = match &column.from {
                From::Own(spec) => {
                    (Is::Own(spec.at.join(".")), back::own_field(kind, spec.at, Action::Update).is_some())
                }
                From::Field { id, code, kind } => {
                    (Is::Field { id: *id, code: code.clone() }, back::field_is_writable(*kind))
                }
                From::Card(_) | From::Gone => (Is::Other, false),
            };
            Described { title: column.title.clone(), is, writable }
        };
        self.all.iter().map(described).collect()
    }

    /// The columns of an earlier export, in its order; those that cannot be had any more are empty.
    pub fn of_earlier(&self, earlier: &[Described], kind: Kind) -> Columns {
        let now = self.described(kind);
        let find = |column: &Described| {
            let same = |other: &Described| match (&other.is, &column.is) {
                (Is::Other, Is::Other) => other.title == column.title,
                (a, b) => a == b,
            };
            let from = now.iter().position(same).map_or(From::Gone, |index| self.all[index].from.clone());
            Column { title: column.title.clone(), from }
        };
        Columns { all: earlier.iter().map(find).collect(), fields: self.fields.clone(), stamp: None }
    }

    /// These only, in this order; the title that is not there, if one is not.
    pub fn only<'a>(&self, titles: &[&'a str]) -> Result<Columns, &'a str> {
        let find = |title: &'a str| {
            let wanted = fold(title);
            self.all.iter().find(|column| fold(&column.title) == wanted).cloned().ok_or(title)
        };
        let all = titles.iter().map(|title| find(title)).collect::<Result<_, _>>()?;
        Ok(Columns { all, fields: self.fields.clone(), stamp: self.stamp.clone() })
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
            From::Field { id, kind, .. } => {
                let entry = fields.iter().find(|entry| parts::id(&entry["field_id"]) == Some(*id));
                entry.map_or(Cell::Empty, |entry| cell::field(*kind, &entry["values"], names))
            }
            From::Gone => Cell::Empty,
            From::Card(card) => match parts::id(&row["id"]) {
                Some(id) => Cell::Text(card.replace("{id}", &id.to_string())),
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
        assert_eq!(titles[titles.len() - 4..], ["Цвет (1)", "цвет (2)", "Бюджет (3)", "Ссылка"]);
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
