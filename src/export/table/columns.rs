//! The columns of a table: those of the entity, one for each custom field of the account, the address of the card, and those of
//! linked contacts and companies. Pure.

use super::cell::{self, AccountNames, TableCell};
use super::choices;
use super::dialect::{CsvOptions, Dialect};
use super::exported_column::{ColumnMeaning, ExportedColumn};
use super::hidden::Stamp;
use super::linked::{LinkRequest, LinkedRow};
use super::writable::{field_is_writable, own_field};
use amo_client::account::Account;
use amo_model::compact::CompactJson;
use amo_model::parts::{self, CustomField};
use amo_model::{Action, ColumnSpec, ColumnType, Entity, FieldKind, INVOICE_LINK, INVOICES, Kind, LinkKind, Owner};
use sheet_source::fold;

/// The title of the column with the address of the card.
const LINK: &str = "Ссылка";

/// The columns of a table.
#[derive(Debug, Clone)]
pub struct TableColumns {
    all: Vec<TableColumn>,
    /// The ids of all custom fields of the account, with or without a column, sorted.
    fields: Vec<u64>,
    links: Vec<LinkKind>,
    /// The ids of the custom fields of each link, sorted.
    linked_fields: Vec<Vec<u64>>,
    stamp: Option<Stamp>,
    /// True where the user has chosen the columns and their order.
    chosen: bool,
    /// True where addresses are texts and not links.
    unlinked: bool,
    dialect: Dialect,
}

#[derive(Debug, Clone)]
struct TableColumn {
    title: String,
    /// The index of the link whose record it shows; `None` for the item itself.
    linked: Option<usize>,
    from: ColumnSource,
    /// Its allowed values, where it has a drop-down list.
    choices: Vec<String>,
}

/// The head of a column in a workbook.
#[derive(Debug, Clone, Default)]
pub struct Head {
    pub title: String,
    pub choices: Vec<String>,
    /// True where its numbers are amounts of money.
    pub money: bool,
    /// True where edits cannot be sent back.
    pub read_only: bool,
}

/// Where the values of a column come from.
#[derive(Debug, Clone)]
enum ColumnSource {
    Own(&'static ColumnSpec),
    Field {
        id: u64,
        code: Option<String>,
        kind: FieldKind,
    },
    /// A column of an earlier export that does not exist any more.
    Missing,
    /// An address with `{id}`; none where it would not work later.
    Card(Option<String>),
}

impl ColumnSource {
    fn is_money(&self) -> bool {
        match self {
            ColumnSource::Own(spec) => spec.shows == ColumnType::Money,
            ColumnSource::Field { kind, .. } => matches!(kind, FieldKind::Monetary | FieldKind::Price),
            ColumnSource::Card(_) | ColumnSource::Missing => false,
        }
    }
}

impl TableColumns {
    /// The columns of an entity; of a catalog for its elements.
    pub fn of(entity: Entity, catalog: Option<u64>, account: &Account) -> TableColumns {
        let has_links = account.catalogs.iter().any(|list| Some(list.id) == catalog && list.kind == INVOICES);
        let shown = |spec: &&ColumnSpec| has_links || spec.at != INVOICE_LINK.at;
        let (behind, mut all): (Vec<TableColumn>, Vec<TableColumn>) = entity
            .columns()
            .iter()
            .filter(shown)
            .map(|spec| TableColumn {
                title: spec.title.to_owned(),
                linked: None,
                from: ColumnSource::Own(spec),
                choices: choices::own(spec.shows, account),
            })
            .partition(|column| matches!(column.from, ColumnSource::Own(spec) if spec.behind));
        let owner = catalog.map_or(Owner::Entity(entity), Owner::Catalog);
        let fields = account.fields(owner);
        let own: Vec<String> =
            all.iter().chain(&behind).map(|column| fold(&column.title)).chain([fold(LINK)]).collect();
        for field in fields {
            let choices = choices::field(field);
            all.push(TableColumn {
                title: title(field, fields, &own),
                linked: None,
                from: ColumnSource::field(field),
                choices,
            });
        }
        all.extend(behind);
        if let Some(card) = entity.spec().card {
            let card = card.replace("{catalog}", &catalog.unwrap_or(0).to_string());
            let from = ColumnSource::Card(Some(format!("{}/{card}", account.base)));
            all.push(TableColumn { title: LINK.to_owned(), linked: None, from, choices: Vec::new() });
        }
        TableColumns {
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

    /// Adds the columns of linked records: `Контакт: Телефон`.
    pub fn with_links(mut self, links: &[LinkKind], account: &Account) -> TableColumns {
        for (place, link) in links.iter().enumerate() {
            let add = |all: &mut Vec<TableColumn>, title: &str, from: ColumnSource| {
                let title = format!("{}: {title}", link.prefix());
                // A field of the item itself may have this title.
                let taken = all.iter().any(|column| fold(&column.title) == fold(&title));
                let title = match from {
                    ColumnSource::Field { id, .. } if taken => format!("{title} ({id})"),
                    _ => title,
                };
                // No choices, since edits of linked records are not sent back.
                all.push(TableColumn { title, linked: Some(place), from, choices: Vec::new() });
            };
            for spec in link.columns() {
                add(&mut self.all, spec.title, ColumnSource::Own(spec));
            }
            let fields = if *link == LinkKind::Customer { &[] } else { account.fields(Owner::Entity(link.entity())) };
            let own: Vec<String> = link.columns().map(|spec| fold(spec.title)).collect();
            for field in fields {
                add(&mut self.all, &title(field, fields, &own), ColumnSource::field(field));
            }
            self.linked_fields.push(ids(fields));
        }
        self.links = links.to_vec();
        self
    }

    /// The links whose records have columns of their own.
    pub fn links(&self) -> &[LinkKind] {
        &self.links
    }

    /// The linked records to read: first those of `links`, in their order, then those of which only names are shown.
    pub fn link_requests(&self) -> Vec<LinkRequest> {
        let named = |link: LinkKind| self.all.iter().any(|column| column.names_of() == Some(link));
        let whole = self.links.iter().map(|link| LinkRequest { link: *link, all: named(*link), whole: true });
        let names = LinkKind::ALL.into_iter().filter(|link| !self.links.contains(link) && named(*link));
        whole.chain(names.map(|link| LinkRequest { link, all: true, whole: false })).collect()
    }

    pub fn is_chosen(&self) -> bool {
        self.chosen
    }

    pub fn titles(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|column| column.title.as_str())
    }

    pub fn heads(&self) -> Vec<Head> {
        let described = self.stamp.as_ref().map(|stamp| self.described(stamp.kind));
        let head = |(n, column): (usize, &TableColumn)| Head {
            title: column.title.clone(),
            choices: column.choices.clone(),
            money: column.from.is_money(),
            read_only: described.as_ref().is_some_and(|all| !all[n].writable || all[n].is_id()),
        };
        self.all.iter().enumerate().map(head).collect()
    }

    /// Adds a stamp for the hidden sheet of a workbook.
    pub fn stamped(self, stamp: Stamp) -> TableColumns {
        TableColumns { stamp: Some(stamp), ..self }
    }

    /// Without links, for an account that ends with this process: its addresses do not work later.
    pub fn without_links(mut self) -> TableColumns {
        for column in &mut self.all {
            if let ColumnSource::Card(card) = &mut column.from {
                *card = None;
            }
        }
        TableColumns { unlinked: true, ..self }
    }

    /// With other options of a CSV.
    pub fn with_csv_options(self, options: CsvOptions) -> TableColumns {
        TableColumns { dialect: self.dialect.with_csv_options(options), ..self }
    }

    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    pub fn stamp(&self) -> Option<&Stamp> {
        self.stamp.as_ref()
    }

    /// The meaning of each column for an import.
    pub fn described(&self, kind: Kind) -> Vec<ExportedColumn> {
        let described = |column: &TableColumn| {
            let (meaning, writable) = match &column.from {
                // Values of other records cannot be changed here.
                _ if column.linked.is_some() => (ColumnMeaning::Other, false),
                ColumnSource::Own(spec) if spec.shows == ColumnType::Link => (ColumnMeaning::Address, false),
                _ if column.names_of().is_some() => (ColumnMeaning::Other, false),
                ColumnSource::Own(spec) => {
                    (ColumnMeaning::Own(spec.at.join(".")), own_field(kind, spec.at, Action::Update).is_some())
                }
                ColumnSource::Field { id, code, kind } => {
                    (ColumnMeaning::Field { id: *id, code: code.clone() }, field_is_writable(*kind))
                }
                ColumnSource::Card(_) => (ColumnMeaning::Address, false),
                ColumnSource::Missing => (ColumnMeaning::Other, false),
            };
            ExportedColumn { title: column.title.clone(), meaning, writable }
        };
        self.all.iter().map(described).collect()
    }

    /// The columns of an earlier export, in its order; columns that do not exist any more are empty.
    pub fn of_earlier(&self, earlier: &[ExportedColumn], kind: Kind) -> TableColumns {
        let now = self.described(kind);
        let find = |column: &ExportedColumn| {
            let same = |other: &ExportedColumn| match (&other.meaning, &column.meaning) {
                (ColumnMeaning::Address, ColumnMeaning::Address) | (ColumnMeaning::Other, ColumnMeaning::Other) => {
                    other.title == column.title
                }
                (a, b) => a == b,
            };
            let from = now.iter().position(same).map_or(ColumnSource::Missing, |index| self.all[index].from.clone());
            TableColumn { title: column.title.clone(), linked: None, from, choices: Vec::new() }
        };
        TableColumns { all: earlier.iter().map(find).collect(), ..self.clone() }
    }

    /// Only the columns with these titles, in this order. The error is the first unknown title.
    pub fn only<'a>(&self, titles: &[&'a str]) -> Result<TableColumns, &'a str> {
        let find = |title: &'a str| {
            let wanted = fold(title);
            self.all.iter().find(|column| fold(&column.title) == wanted).cloned().ok_or(title)
        };
        let all = titles.iter().map(|title| find(title)).collect::<Result<_, _>>()?;
        Ok(TableColumns { all, chosen: true, ..self.clone() })
    }

    /// Custom fields of a row that the account does not list: created meanwhile, or hidden from this user.
    pub fn unlisted<'a>(&'a self, row: &'a LinkedRow) -> impl Iterator<Item = u64> + 'a {
        let linked = self.linked_fields.iter().zip(&self.links).enumerate().filter_map(|(place, (known, link))| {
            // A customer is shown by name only.
            row.linked(place).filter(|_| *link != LinkKind::Customer).map(|item| (item, known))
        });
        let items = std::iter::once((&row.item, &self.fields)).chain(linked);
        items.flat_map(|(item, known)| {
            let fields = item["custom_fields_values"].each();
            fields.filter_map(|entry| parts::id(&entry["field_id"])).filter(|id| known.binary_search(id).is_err())
        })
    }

    /// The cells of a row.
    pub fn cells<'a>(&'a self, row: &'a LinkedRow, names: &'a AccountNames) -> impl Iterator<Item = TableCell> + 'a {
        let field = |entry: &'a CompactJson| Some((parts::id(&entry["field_id"])?, &entry["values"]));
        let of =
            |item: &'a CompactJson| (item, item["custom_fields_values"].each().filter_map(field).collect::<Vec<_>>());
        let item = of(&row.item);
        let linked: Vec<_> = (0..self.links.len()).map(|place| row.linked(place).map(of)).collect();
        let link_requests = self.link_requests();
        self.all.iter().map(move |column| {
            if let Some(link) = column.names_of() {
                let place = link_requests.iter().position(|link_requests| link_requests.link == link);
                return place.map_or(TableCell::Empty, |place| cell::names_of(row.all(place)));
            }
            let (item, fields) = match column.linked {
                None => &item,
                Some(place) => match &linked[place] {
                    Some(linked) => linked,
                    None => return TableCell::Empty,
                },
            };
            match column.from.cell(item, fields, names) {
                TableCell::Link(address) if self.unlinked => TableCell::Text(address),
                cell => cell,
            }
        })
    }
}

impl TableColumn {
    /// The link whose names it shows.
    fn names_of(&self) -> Option<LinkKind> {
        match &self.from {
            ColumnSource::Own(ColumnSpec { shows: ColumnType::NamesOf(link), .. }) => Some(*link),
            ColumnSource::Own(_) | ColumnSource::Field { .. } | ColumnSource::Missing | ColumnSource::Card(_) => None,
        }
    }
}

impl ColumnSource {
    fn field(field: &CustomField) -> ColumnSource {
        ColumnSource::Field { id: field.id, code: field.code.clone(), kind: FieldKind::from_name(&field.kind) }
    }

    fn cell(&self, item: &CompactJson, fields: &[(u64, &CompactJson)], names: &AccountNames) -> TableCell {
        match self {
            ColumnSource::Own(spec) => {
                let value = spec.at.iter().fold(item, |value, key| &value[*key]);
                cell::own(spec.shows, value, item, names)
            }
            ColumnSource::Field { id, kind, .. } => {
                let values = fields.iter().find(|(field, _)| field == id);
                values.map_or(TableCell::Empty, |(_, values)| cell::field(*kind, values, names))
            }
            ColumnSource::Missing => TableCell::Empty,
            ColumnSource::Card(card) => match (card, parts::id(&item["id"])) {
                (Some(card), Some(id)) => TableCell::Link(card.replace("{id}", &id.to_string())),
                _ => TableCell::Empty,
            },
        }
    }
}

fn ids(fields: &[CustomField]) -> Vec<u64> {
    let mut ids: Vec<u64> = fields.iter().map(|field| field.id).collect();
    ids.sort_unstable();
    ids
}

/// The title of a field: its name, with its id where another column has the same name.
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

    fn whole(item: serde_json::Value) -> LinkedRow {
        LinkedRow { item: item.into(), ..LinkedRow::default() }
    }

    #[test]
    fn columns_of_linked_records_begin_with_the_name_of_the_link() {
        let mut account = account();
        account.fields.insert(Owner::Entity(Entity::Leads), vec![field(1, "Контакт: Телефон", "text")]);
        let fields = vec![field(2, "Телефон", "multitext"), field(3, "ID", "text")];
        account.fields.insert(Owner::Entity(Entity::Contacts), fields);
        let links = [LinkKind::Contact, LinkKind::Company];
        let columns = TableColumns::of(Entity::Leads, None, &account).with_links(&links, &account);
        let titles: Vec<&str> = columns.titles().collect();
        let expected = [
            "Контакт: ID",
            "Контакт: Полное имя",
            "Контакт: Телефон (2)",
            "Контакт: ID (3)",
            "Компания: ID",
            "Компания: Название",
        ];
        assert_eq!(titles[titles.len() - 6..], expected);
        let contact = serde_json::json!({"id": 5, "name": "Иван", "custom_fields_values":
            [{"field_id": 2, "values": [{"value": "+7"}]}, {"field_id": 8, "values": []}]});
        let linked = vec![Some(std::sync::Arc::new(contact.into())), None];
        let row = LinkedRow { linked, ..whole(serde_json::json!({"id": 7})) };
        let cells: Vec<String> = columns.cells(&row, &AccountNames::of(&account)).map(|cell| cell.text()).collect();
        assert_eq!(cells[cells.len() - 6..], ["5", "Иван", "+7", "", "", ""]);
        assert_eq!(columns.unlisted(&row).collect::<Vec<_>>(), [8]);
    }

    #[test]
    fn repeated_titles_get_their_id_and_only_the_named_columns_stay() {
        let mut account = account();
        let fields = vec![field(1, "Цвет", "text"), field(2, "цвет", "text"), field(3, "Бюджет", "numeric")];
        account.fields.insert(Owner::Entity(Entity::Leads), fields);
        let columns = TableColumns::of(Entity::Leads, None, &account);
        let titles: Vec<&str> = columns.titles().collect();
        let colour = titles.iter().position(|title| *title == "Цвет (1)").unwrap();
        assert_eq!(titles[colour..colour + 4], ["Цвет (1)", "цвет (2)", "Бюджет (3)", "Создана"]);
        assert_eq!(titles.last(), Some(&"Ссылка"));
        let only = columns.only(&["ссылка", "ID"]).unwrap();
        assert_eq!(only.titles().collect::<Vec<_>>(), ["Ссылка", "ID"]);
        let names = AccountNames::of(&account);
        let row = whole(serde_json::json!({"id": 7}));
        let cells: Vec<String> = only.cells(&row, &names).map(|cell| cell.text()).collect();
        assert_eq!(cells, ["https://example.amocrm.ru/leads/detail/7", "7"]);
        let row = whole(serde_json::json!({"custom_fields_values": [{"field_id": 1}, {"field_id": 9}]}));
        assert_eq!(only.unlisted(&row).collect::<Vec<_>>(), [9]);
        assert_eq!(columns.only(&["ID", "Этажи"]).err(), Some("Этажи"));
    }
}
