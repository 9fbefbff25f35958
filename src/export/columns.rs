//! The columns of a table: those of the entity, one for each custom field of the account, the address of the card, and what
//! is shown of a linked contact or company. Pure.

use super::back;
use super::cell::{self, Cell, Names};
use super::choices;
use super::dialect::{Dialect, Said};
use super::hidden::{Described, Is, Stamp};
use super::linked::{Along, Whole};
use amo_client::account::Account;
use amo_model::compact::CompactJson;
use amo_model::parts::{self, CustomField};
use amo_model::{Action, ColumnSpec, ColumnType, Entity, FieldKind, INVOICE_LINK, INVOICES, Kind, LinkKind, Owner};
use sheet_source::fold;

/// The column with the address of the card in the CRM's pages.
const LINK: &str = "Ссылка";

#[derive(Debug, Clone)]
pub struct Columns {
    all: Vec<Column>,
    /// Every custom field of the account, whether or not it has a column, rising.
    fields: Vec<u64>,
    links: Vec<LinkKind>,
    /// The fields of what is linked, as many as there are links.
    linked_fields: Vec<Vec<u64>>,
    stamp: Option<Stamp>,
    /// Only some, in an order of one's own.
    chosen: bool,
    /// Addresses are texts.
    unlinked: bool,
    dialect: Dialect,
}

#[derive(Debug, Clone)]
struct Column {
    title: String,
    /// Of what is linked, by its place among the links; `None` is the item itself.
    linked: Option<usize>,
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
    /// What is edited in it cannot be sent back.
    pub read_only: bool,
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
    /// An address with `{id}` in it; none where it would lead nowhere by the time somebody reads it.
    Card(Option<String>),
}

impl From {
    fn is_money(&self) -> bool {
        match self {
            From::Own(spec) => spec.shows == ColumnType::Money,
            From::Field { kind, .. } => matches!(kind, FieldKind::Monetary | FieldKind::Price),
            From::Card(_) | From::Gone => false,
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
                linked: None,
                from: From::Own(spec),
                choices: choices::own(spec.shows, account),
            })
            .partition(|column| matches!(column.from, From::Own(spec) if spec.behind));
        let owner = catalog.map_or(Owner::Entity(entity), Owner::Catalog);
        let fields = account.fields(owner);
        let own: Vec<String> =
            all.iter().chain(&behind).map(|column| fold(&column.title)).chain([fold(LINK)]).collect();
        for field in fields {
            let choices = choices::field(field);
            all.push(Column { title: title(field, fields, &own), linked: None, from: From::field(field), choices });
        }
        all.extend(behind);
        if let Some(card) = entity.spec().card {
            let card = card.replace("{catalog}", &catalog.unwrap_or(0).to_string());
            let from = From::Card(Some(format!("{}/{card}", account.base)));
            all.push(Column { title: LINK.to_owned(), linked: None, from, choices: Vec::new() });
        }
        Columns {
            all,
            fields: ids(fields),
            links: Vec::new(),
            linked_fields: Vec::new(),
            stamp: None,
            chosen: false,
            unlinked: false,
            dialect: Dialect::default(),
        }
    }

    /// And those of what is linked: `Контакт: Телефон`.
    pub fn with_links(mut self, links: &[LinkKind], account: &Account) -> Columns {
        for (place, link) in links.iter().enumerate() {
            let add = |all: &mut Vec<Column>, title: &str, from: From| {
                let title = format!("{}: {title}", link.prefix());
                // A field of the item itself may be called so.
                let taken = all.iter().any(|column| fold(&column.title) == fold(&title));
                let title = match from {
                    From::Field { id, .. } if taken => format!("{title} ({id})"),
                    _ => title,
                };
                // What is chosen here would change nothing.
                all.push(Column { title, linked: Some(place), from, choices: Vec::new() });
            };
            for spec in link.columns() {
                add(&mut self.all, spec.title, From::Own(spec));
            }
            let fields = if *link == LinkKind::Customer { &[] } else { account.fields(Owner::Entity(link.entity())) };
            let own: Vec<String> = link.columns().map(|spec| fold(spec.title)).collect();
            for field in fields {
                add(&mut self.all, &title(field, fields, &own), From::field(field));
            }
            self.linked_fields.push(ids(fields));
        }
        self.links = links.to_vec();
        self
    }

    /// What it shows more of than a name.
    pub fn links(&self) -> &[LinkKind] {
        &self.links
    }

    /// What has to be read along with the items: the links first, in their order, then those of which only names are shown.
    pub fn along(&self) -> Vec<Along> {
        let named = |link: LinkKind| self.all.iter().any(|column| column.names_of() == Some(link));
        let whole = self.links.iter().map(|link| Along { link: *link, all: named(*link), whole: true });
        let names = LinkKind::ALL.into_iter().filter(|link| !self.links.contains(link) && named(*link));
        whole.chain(names.map(|link| Along { link, all: true, whole: false })).collect()
    }

    pub fn is_chosen(&self) -> bool {
        self.chosen
    }

    pub fn titles(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|column| column.title.as_str())
    }

    pub fn heads(&self) -> Vec<Head> {
        let described = self.stamp.as_ref().map(|stamp| self.described(stamp.kind));
        let head = |(n, column): (usize, &Column)| Head {
            title: column.title.clone(),
            choices: column.choices.clone(),
            money: column.from.is_money(),
            read_only: described.as_ref().is_some_and(|all| !all[n].writable || all[n].is_id()),
        };
        self.all.iter().enumerate().map(head).collect()
    }

    /// A workbook of these columns will say this of itself.
    pub fn stamped(self, stamp: Stamp) -> Columns {
        Columns { stamp: Some(stamp), ..self }
    }

    /// Of an account that ends with this process: what it calls an address is no link.
    pub fn without_links(mut self) -> Columns {
        for column in &mut self.all {
            if let From::Card(card) = &mut column.from {
                *card = None;
            }
        }
        Columns { unlinked: true, ..self }
    }

    /// Written in another way than usual.
    pub fn said(self, said: Said) -> Columns {
        Columns { dialect: self.dialect.said(said), ..self }
    }

    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    pub fn stamp(&self) -> Option<&Stamp> {
        self.stamp.as_ref()
    }

    /// What each column is to an import.
    pub fn described(&self, kind: Kind) -> Vec<Described> {
        let described = |column: &Column| {
            let (is, writable) = match &column.from {
                // What stands in another record is not this one's to change.
                _ if column.linked.is_some() => (Is::Other, false),
                From::Own(spec) if spec.shows == ColumnType::Link => (Is::Address, false),
                _ if column.names_of().is_some() => (Is::Other, false),
                From::Own(spec) => {
                    (Is::Own(spec.at.join(".")), back::own_field(kind, spec.at, Action::Update).is_some())
                }
                From::Field { id, code, kind } => {
                    (Is::Field { id: *id, code: code.clone() }, back::field_is_writable(*kind))
                }
                From::Card(_) => (Is::Address, false),
                From::Gone => (Is::Other, false),
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
                (Is::Address, Is::Address) | (Is::Other, Is::Other) => other.title == column.title,
                (a, b) => a == b,
            };
            let from = now.iter().position(same).map_or(From::Gone, |index| self.all[index].from.clone());
            Column { title: column.title.clone(), linked: None, from, choices: Vec::new() }
        };
        Columns { all: earlier.iter().map(find).collect(), ..self.clone() }
    }

    /// These only, in this order; the title that is not there, if one is not.
    pub fn only<'a>(&self, titles: &[&'a str]) -> Result<Columns, &'a str> {
        let find = |title: &'a str| {
            let wanted = fold(title);
            self.all.iter().find(|column| fold(&column.title) == wanted).cloned().ok_or(title)
        };
        let all = titles.iter().map(|title| find(title)).collect::<Result<_, _>>()?;
        Ok(Columns { all, chosen: true, ..self.clone() })
    }

    /// Fields of a row that the account did not list: made meanwhile, or hidden from this user.
    pub fn unlisted<'a>(&'a self, row: &'a Whole) -> impl Iterator<Item = u64> + 'a {
        let linked = self.linked_fields.iter().zip(&self.links).enumerate().filter_map(|(place, (known, link))| {
            // Of a customer only the name is shown.
            row.linked(place).filter(|_| *link != LinkKind::Customer).map(|item| (item, known))
        });
        let items = std::iter::once((&row.item, &self.fields)).chain(linked);
        items.flat_map(|(item, known)| {
            let fields = item["custom_fields_values"].each();
            fields.filter_map(|entry| parts::id(&entry["field_id"])).filter(|id| known.binary_search(id).is_err())
        })
    }

    pub fn cells<'a>(&'a self, row: &'a Whole, names: &'a Names) -> impl Iterator<Item = Cell> + 'a {
        let field = |entry: &'a CompactJson| Some((parts::id(&entry["field_id"])?, &entry["values"]));
        let of =
            |item: &'a CompactJson| (item, item["custom_fields_values"].each().filter_map(field).collect::<Vec<_>>());
        let item = of(&row.item);
        let linked: Vec<_> = (0..self.links.len()).map(|place| row.linked(place).map(of)).collect();
        let along = self.along();
        self.all.iter().map(move |column| {
            if let Some(link) = column.names_of() {
                let place = along.iter().position(|along| along.link == link);
                return place.map_or(Cell::Empty, |place| cell::names_of(row.all(place)));
            }
            let (item, fields) = match column.linked {
                None => &item,
                Some(place) => match &linked[place] {
                    Some(linked) => linked,
                    None => return Cell::Empty,
                },
            };
            match column.from.cell(item, fields, names) {
                Cell::Link(address) if self.unlinked => Cell::Text(address),
                cell => cell,
            }
        })
    }
}

impl Column {
    /// What it gives the names of.
    fn names_of(&self) -> Option<LinkKind> {
        match &self.from {
            From::Own(ColumnSpec { shows: ColumnType::NamesOf(link), .. }) => Some(*link),
            From::Own(_) | From::Field { .. } | From::Gone | From::Card(_) => None,
        }
    }
}

impl From {
    fn field(field: &CustomField) -> From {
        From::Field { id: field.id, code: field.code.clone(), kind: FieldKind::from_name(&field.kind) }
    }

    fn cell(&self, item: &CompactJson, fields: &[(u64, &CompactJson)], names: &Names) -> Cell {
        match self {
            From::Own(spec) => {
                let value = spec.at.iter().fold(item, |value, key| &value[*key]);
                cell::own(spec.shows, value, item, names)
            }
            From::Field { id, kind, .. } => {
                let values = fields.iter().find(|(field, _)| field == id);
                values.map_or(Cell::Empty, |(_, values)| cell::field(*kind, values, names))
            }
            From::Gone => Cell::Empty,
            From::Card(card) => match (card, parts::id(&item["id"])) {
                (Some(card), Some(id)) => Cell::Link(card.replace("{id}", &id.to_string())),
                _ => Cell::Empty,
            },
        }
    }
}

fn ids(fields: &[CustomField]) -> Vec<u64> {
    let mut ids: Vec<u64> = fields.iter().map(|field| field.id).collect();
    ids.sort_unstable();
    ids
}

/// A name that another column has gets the field's id.
fn title(field: &CustomField, fields: &[CustomField], own: &[String]) -> String {
    let name = fold(&field.name);
    let alone = fields.iter().filter(|other| fold(&other.name) == name).count() == 1 && !own.contains(&name);
    if alone { field.name.clone() } else { format!("{} ({})", field.name, field.id) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use amo_client::account::example as account;

    fn field(id: u64, name: &str, kind: &str) -> CustomField {
        CustomField {
            id,
            name: name.into(),
            code: None,
            kind: kind.into(),
            options: vec![],
            chain: vec![],
            search_in: None,
            currency: None,
        }
    }

    fn whole(item: serde_json::Value) -> Whole {
        Whole { item: item.into(), ..Whole::default() }
    }

    #[test]
    fn columns_of_what_is_linked_have_its_name_before_theirs() {
        let mut account = account();
        account.fields.insert(Owner::Entity(Entity::Leads), vec![field(1, "Контакт: Телефон", "text")]);
        let fields = vec![field(2, "Телефон", "multitext"), field(3, "ID", "text")];
        account.fields.insert(Owner::Entity(Entity::Contacts), fields);
        let links = [LinkKind::Contact, LinkKind::Company];
        let columns = Columns::of(Entity::Leads, None, &account).with_links(&links, &account);
        let titles: Vec<&str> = columns.titles().collect();
        let told = [
            "Контакт: ID",
            "Контакт: Полное имя",
            "Контакт: Телефон (2)",
            "Контакт: ID (3)",
            "Компания: ID",
            "Компания: Название",
        ];
        assert_eq!(titles[titles.len() - 6..], told);
        let contact = serde_json::json!({"id": 5, "name": "Иван", "custom_fields_values":
            [{"field_id": 2, "values": [{"value": "+7"}]}, {"field_id": 8, "values": []}]});
        let linked = vec![Some(std::sync::Arc::new(contact.into())), None];
        let row = Whole { linked, ..whole(serde_json::json!({"id": 7})) };
        let cells: Vec<String> = columns.cells(&row, &Names::of(&account)).map(|cell| cell.text()).collect();
        assert_eq!(cells[cells.len() - 6..], ["5", "Иван", "+7", "", "", ""]);
        assert_eq!(columns.unlisted(&row).collect::<Vec<_>>(), [8]);
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
        let row = whole(serde_json::json!({"id": 7}));
        let cells: Vec<String> = only.cells(&row, &names).map(|cell| cell.text()).collect();
        assert_eq!(cells, ["https://example.amocrm.ru/leads/detail/7", "7"]);
        let row = whole(serde_json::json!({"custom_fields_values": [{"field_id": 1}, {"field_id": 9}]}));
        assert_eq!(only.unlisted(&row).collect::<Vec<_>>(), [9]);
        assert_eq!(columns.only(&["ID", "Этажи"]).err(), Some("Этажи"));
    }
}
