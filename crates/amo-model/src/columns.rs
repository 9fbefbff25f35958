//! The columns of an exported entity that every account has, with the titles of the CRM's own pages. The custom fields of the
//! account follow them.

use super::compact::CompactJson;
use super::{Entity, parts};

/// A column that every account has.
#[derive(Debug)]
pub struct ColumnSpec {
    pub title: &'static str,
    /// The keys that lead to the value in the item's JSON.
    pub at: &'static [&'static str],
    pub shows: ColumnType,
    /// Comes after the custom fields, because it is noted by the service and rarely needed.
    pub behind: bool,
}

impl ColumnSpec {
    const fn behind(self) -> ColumnSpec {
        ColumnSpec { behind: true, ..self }
    }
}

/// What a column contains, which decides how a value is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// An id or another number.
    Number,
    /// An amount in the account's currency.
    Money,
    Text,
    Flag,
    /// Unix seconds. [seed]
    Instant,
    Pipeline,
    /// A stage of the item's pipeline.
    Stage,
    /// A user id; 0 is the robot. [seed]
    User,
    LossReason,
    CustomerStatus,
    /// A list of segments, by id. [seed]
    Segments,
    /// A list of objects with a name.
    Names,
    /// A list of ids, or of objects with an id.
    Ids,
    /// The names of the records whose ids are in the column before.
    NamesOf(LinkKind),
    /// Elements of catalogs by id, with their quantities.
    Elements,
    /// Any value, as JSON.
    Json,
    /// A URL.
    Link,
}

const fn at(title: &'static str, at: &'static [&'static str], shows: ColumnType) -> ColumnSpec {
    ColumnSpec { title, at, shows, behind: false }
}

const ID: ColumnSpec = at("ID", &["id"], ColumnType::Number);
const NAME: ColumnSpec = at("Название", &["name"], ColumnType::Text);
const RESPONSIBLE: ColumnSpec = at("Ответственный", &["responsible_user_id"], ColumnType::User);
const TAGS: ColumnSpec = at("Теги", &["_embedded", "tags"], ColumnType::Names);
const CONTACTS: ColumnSpec = at("Контакты", &["_embedded", "contacts"], ColumnType::Ids);
const COMPANIES: ColumnSpec = at("Компании", &["_embedded", "companies"], ColumnType::Ids);
const CONTACT_NAMES: ColumnSpec = at("Имена контактов", CONTACTS.at, ColumnType::NamesOf(LinkKind::Contact));
const COMPANY_NAMES: ColumnSpec = at("Названия компаний", COMPANIES.at, ColumnType::NamesOf(LinkKind::Company));
const ELEMENTS: ColumnSpec = at("Товары", &["_embedded", "catalog_elements"], ColumnType::Elements);
const CREATED: ColumnSpec = at("Создан", &["created_at"], ColumnType::Instant).behind();
const UPDATED: ColumnSpec = at("Изменён", &["updated_at"], ColumnType::Instant).behind();
const CREATED_F: ColumnSpec = at("Создана", &["created_at"], ColumnType::Instant).behind();
const UPDATED_F: ColumnSpec = at("Изменена", &["updated_at"], ColumnType::Instant).behind();
const CREATED_BY: ColumnSpec = at("Кем создан", &["created_by"], ColumnType::User).behind();
const UPDATED_BY: ColumnSpec = at("Кем изменён", &["updated_by"], ColumnType::User).behind();
const CREATED_BY_F: ColumnSpec = at("Кем создана", &["created_by"], ColumnType::User).behind();
const UPDATED_BY_F: ColumnSpec = at("Кем изменена", &["updated_by"], ColumnType::User).behind();
const TASK: ColumnSpec = at("Ближайшая задача", &["closest_task_at"], ColumnType::Instant).behind();

/// The column of elements of the catalog of invoices. [seed]
pub const INVOICE_LINK: ColumnSpec = at("Ссылка на счёт", &["invoice_link"], ColumnType::Link).behind();

const LEADS: &[ColumnSpec] = &[
    ID,
    NAME,
    at("Бюджет", &["price"], ColumnType::Money),
    at("Воронка", &["pipeline_id"], ColumnType::Pipeline),
    at("Этап", &["status_id"], ColumnType::Stage),
    RESPONSIBLE,
    CREATED_F,
    UPDATED_F,
    at("Закрыта", &["closed_at"], ColumnType::Instant),
    at("Причина отказа", &["loss_reason_id"], ColumnType::LossReason),
    TAGS,
    CONTACTS,
    CONTACT_NAMES,
    COMPANIES,
    COMPANY_NAMES,
    ELEMENTS,
    CREATED_BY_F,
    UPDATED_BY_F,
    TASK,
];

const CONTACT: &[ColumnSpec] = &[
    ID,
    at("Полное имя", &["name"], ColumnType::Text),
    at("Имя", &["first_name"], ColumnType::Text),
    at("Фамилия", &["last_name"], ColumnType::Text),
    RESPONSIBLE,
    CREATED,
    UPDATED,
    TAGS,
    COMPANIES,
    COMPANY_NAMES,
    CREATED_BY,
    UPDATED_BY,
    TASK,
];

const COMPANY: &[ColumnSpec] = &[ID, NAME, RESPONSIBLE, CREATED_F, UPDATED_F, TAGS, CREATED_BY_F, UPDATED_BY_F, TASK];

const CUSTOMER: &[ColumnSpec] = &[
    ID,
    NAME,
    at("Статус", &["status_id"], ColumnType::CustomerStatus),
    at("Сегменты", &["_embedded", "segments"], ColumnType::Segments),
    RESPONSIBLE,
    at("Ожидаемая сумма", &["next_price"], ColumnType::Money),
    at("Следующая покупка", &["next_date"], ColumnType::Instant),
    at("Периодичность", &["periodicity"], ColumnType::Number),
    at("Сумма покупок", &["ltv"], ColumnType::Money),
    at("Покупок", &["purchases_count"], ColumnType::Number),
    at("Средний чек", &["average_check"], ColumnType::Money),
    CREATED,
    UPDATED,
    TAGS,
    CONTACTS,
    CONTACT_NAMES,
    COMPANIES,
    COMPANY_NAMES,
    ELEMENTS,
    CREATED_BY,
    UPDATED_BY,
    TASK,
];

const TRANSACTION: &[ColumnSpec] = &[
    ID,
    at("ID покупателя", &["customer_id"], ColumnType::Number),
    at("Сумма", &["price"], ColumnType::Money),
    at("Дата покупки", &["completed_at"], ColumnType::Instant),
    at("Комментарий", &["comment"], ColumnType::Text),
    ELEMENTS,
    CREATED_F,
    UPDATED_F,
    CREATED_BY_F,
    UPDATED_BY_F,
];

const ELEMENT: &[ColumnSpec] = &[
    ID,
    NAME,
    at("ID списка", &["catalog_id"], ColumnType::Number).behind(),
    INVOICE_LINK,
    CREATED,
    UPDATED,
    CREATED_BY,
    UPDATED_BY,
];

const CATALOG: &[ColumnSpec] = &[
    ID,
    NAME,
    at("Тип", &["type"], ColumnType::Text),
    at("Порядок", &["sort"], ColumnType::Number),
    at("Можно добавлять элементы", &["can_add_elements"], ColumnType::Flag),
    at("Виден в карточках", &["can_show_in_cards"], ColumnType::Flag),
    at("Можно связать со многими", &["can_link_multiple"], ColumnType::Flag),
    at("Можно удалить", &["can_be_deleted"], ColumnType::Flag),
    CREATED,
    UPDATED,
    CREATED_BY,
    UPDATED_BY,
];

const SEGMENT: &[ColumnSpec] = &[
    ID,
    NAME,
    at("Цвет", &["color"], ColumnType::Text),
    at("Покупателей", &["customers_count"], ColumnType::Number),
    at("Цены товаров", &["available_products_price_types"], ColumnType::Ids),
    CREATED,
    UPDATED,
];

const STATUS: &[ColumnSpec] = &[
    ID,
    NAME,
    at("Порядок", &["sort"], ColumnType::Number),
    at("Цвет", &["color"], ColumnType::Text),
    at("Тип", &["type"], ColumnType::Number),
    at("По умолчанию", &["is_default"], ColumnType::Flag),
    at("Условия", &["conditions"], ColumnType::Json),
];

impl Entity {
    /// The columns that every account has, the id first. [seed]
    pub fn columns(self) -> &'static [ColumnSpec] {
        match self {
            Entity::Leads => LEADS,
            Entity::Contacts => CONTACT,
            Entity::Companies => COMPANY,
            Entity::Customers => CUSTOMER,
            Entity::Transactions => TRANSACTION,
            Entity::Elements => ELEMENT,
            Entity::Catalogs => CATALOG,
            Entity::Segments => SEGMENT,
            Entity::Statuses => STATUS,
        }
    }

    /// True where one of the columns is this key of the item.
    pub fn has_key(self, key: &str) -> bool {
        self.columns().iter().any(|column| column.at == [key])
    }
}

/// A record that an item is linked to, and that can be shown in the item's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// The main contact.
    Contact,
    Company,
    /// The customer of a transaction.
    Customer,
}

impl LinkKind {
    pub const ALL: [LinkKind; 3] = [LinkKind::Contact, LinkKind::Company, LinkKind::Customer];

    pub fn name(self) -> &'static str {
        match self {
            LinkKind::Contact => "contact",
            LinkKind::Company => "company",
            LinkKind::Customer => "customer",
        }
    }

    pub fn entity(self) -> Entity {
        match self {
            LinkKind::Contact => Entity::Contacts,
            LinkKind::Company => Entity::Companies,
            LinkKind::Customer => Entity::Customers,
        }
    }

    /// How the titles of its columns begin.
    pub fn prefix(self) -> &'static str {
        match self {
            LinkKind::Contact => "Контакт",
            LinkKind::Company => "Компания",
            LinkKind::Customer => "Покупатель",
        }
    }

    /// Its columns that every account has: the id and the name.
    pub fn columns(self) -> impl Iterator<Item = &'static ColumnSpec> {
        self.entity().columns().iter().filter(|column| matches!(column.at, ["id" | "name"]))
    }

    /// The ids of all records of this kind that an item is linked to, in the item's order.
    pub fn ids(self, item: &CompactJson) -> Vec<u64> {
        let listed = match self {
            LinkKind::Contact => &item["_embedded"]["contacts"],
            LinkKind::Company => &item["_embedded"]["companies"],
            LinkKind::Customer => return self.id(item).into_iter().collect(),
        };
        parts::list(listed).iter().filter_map(|one| parts::id(&one["id"])).filter(|id| *id > 0).collect()
    }

    /// The id of the linked record. Of several contacts the main one counts: marked by `is_main` [seed] or `main_contact` [doc],
    /// else the first. [inferred]
    pub fn id(self, item: &CompactJson) -> Option<u64> {
        let embedded = &item["_embedded"];
        match self {
            LinkKind::Contact => {
                let contacts = parts::list(&embedded["contacts"]);
                let is_main =
                    |contact: &&&CompactJson| ["is_main", "main_contact"].iter().any(|key| parts::flag(&contact[key]));
                let main = contacts.iter().find(is_main).or(contacts.first());
                main.and_then(|contact| parts::id(&contact["id"]))
            }
            LinkKind::Company => {
                parts::list(&embedded["companies"]).first().and_then(|company| parts::id(&company["id"]))
            }
            LinkKind::Customer => parts::id(&item["customer_id"]).or_else(|| parts::id(&embedded["customer"]["id"])),
        }
        .filter(|id| *id > 0)
    }
}

impl Entity {
    /// What items of this entity are linked to, at most one of each.
    pub fn links(self) -> &'static [LinkKind] {
        match self {
            Entity::Leads | Entity::Customers => &[LinkKind::Contact, LinkKind::Company],
            Entity::Contacts => &[LinkKind::Company],
            Entity::Transactions => &[LinkKind::Customer],
            Entity::Companies | Entity::Elements | Entity::Catalogs | Entity::Segments | Entity::Statuses => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_main_contact_is_the_marked_one_or_the_first() {
        for (contacts, id) in [
            (json!([{"id": 1, "is_main": false}, {"id": 2, "is_main": true}]), Some(2)),
            (json!([{"id": 1}, {"id": 2, "main_contact": 1}]), Some(2)),
            (json!([{"id": "1"}, {"id": 2}]), Some(1)),
            (json!({"0": {"id": 5}, "2": {"id": 6, "is_main": true}}), Some(6)),
            (json!([]), None),
            (json!(null), None),
        ] {
            assert_eq!(LinkKind::Contact.id(&json!({"_embedded": {"contacts": contacts}}).into()), id, "{contacts}");
        }
        assert_eq!(LinkKind::Company.id(&json!({"_embedded": {"companies": [{"id": 3}]}}).into()), Some(3));
        let several = json!({"_embedded": {"contacts": [{"id": 3}, {"id": 0}, {"id": "1", "is_main": true}]}}).into();
        assert_eq!(LinkKind::Contact.ids(&several), [3, 1]);
        assert_eq!(LinkKind::Customer.id(&json!({"_embedded": {"customer": {"id": 4}}}).into()), Some(4));
        assert_eq!(LinkKind::Customer.id(&json!({"customer_id": 0}).into()), None);
    }
}
