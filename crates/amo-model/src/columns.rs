//! What of an entity stands in the columns of a table, with the titles the CRM's own pages have. Custom fields come
//! behind these; they are the account's.

use super::lean::Lean;
use super::{Entity, parts};

/// A column that every account has.
#[derive(Debug)]
pub struct ColumnSpec {
    pub title: &'static str,
    /// The way to the value in the item's JSON.
    pub at: &'static [&'static str],
    pub shows: Shows,
    /// Stands behind the custom fields: what the service notes by itself, and few look at.
    pub behind: bool,
}

impl ColumnSpec {
    const fn behind(self) -> ColumnSpec {
        ColumnSpec { behind: true, ..self }
    }
}

/// What a value is, which decides how it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// An id, and any other number.
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
    /// 0 is the robot. [seed]
    User,
    LossReason,
    CustomerStatus,
    /// A list of segments, by id. [seed]
    Segments,
    /// A list of things with a name.
    Names,
    /// A list of ids, or of things with one.
    Ids,
    /// What a list of ids beside it is called.
    NamesOf(Link),
    /// Elements of lists, by id, with how many there are of each.
    Elements,
    /// Whatever it is, as JSON.
    Json,
    /// An address of the web.
    Link,
}

const fn at(title: &'static str, at: &'static [&'static str], shows: Shows) -> ColumnSpec {
    ColumnSpec { title, at, shows, behind: false }
}

const ID: ColumnSpec = at("ID", &["id"], Shows::Number);
const NAME: ColumnSpec = at("Название", &["name"], Shows::Text);
const RESPONSIBLE: ColumnSpec = at("Ответственный", &["responsible_user_id"], Shows::User);
const TAGS: ColumnSpec = at("Теги", &["_embedded", "tags"], Shows::Names);
const CONTACTS: ColumnSpec = at("Контакты", &["_embedded", "contacts"], Shows::Ids);
const COMPANIES: ColumnSpec = at("Компании", &["_embedded", "companies"], Shows::Ids);
const CONTACT_NAMES: ColumnSpec = at("Имена контактов", CONTACTS.at, Shows::NamesOf(Link::Contact));
const COMPANY_NAMES: ColumnSpec = at("Названия компаний", COMPANIES.at, Shows::NamesOf(Link::Company));
const ELEMENTS: ColumnSpec = at("Товары", &["_embedded", "catalog_elements"], Shows::Elements);
const CREATED: ColumnSpec = at("Создан", &["created_at"], Shows::Instant).behind();
const UPDATED: ColumnSpec = at("Изменён", &["updated_at"], Shows::Instant).behind();
const CREATED_F: ColumnSpec = at("Создана", &["created_at"], Shows::Instant).behind();
const UPDATED_F: ColumnSpec = at("Изменена", &["updated_at"], Shows::Instant).behind();
const CREATED_BY: ColumnSpec = at("Кем создан", &["created_by"], Shows::User).behind();
const UPDATED_BY: ColumnSpec = at("Кем изменён", &["updated_by"], Shows::User).behind();
const CREATED_BY_F: ColumnSpec = at("Кем создана", &["created_by"], Shows::User).behind();
const UPDATED_BY_F: ColumnSpec = at("Кем изменена", &["updated_by"], Shows::User).behind();
const TASK: ColumnSpec = at("Ближайшая задача", &["closest_task_at"], Shows::Instant).behind();

/// Elements of a list of invoices have one. [seed]
pub const INVOICE_LINK: ColumnSpec = at("Ссылка на счёт", &["invoice_link"], Shows::Link).behind();

const LEADS: &[ColumnSpec] = &[
    ID,
    NAME,
    at("Бюджет", &["price"], Shows::Money),
    at("Воронка", &["pipeline_id"], Shows::Pipeline),
    at("Этап", &["status_id"], Shows::Stage),
    RESPONSIBLE,
    CREATED_F,
    UPDATED_F,
    at("Закрыта", &["closed_at"], Shows::Instant),
    at("Причина отказа", &["loss_reason_id"], Shows::LossReason),
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
    at("Полное имя", &["name"], Shows::Text),
    at("Имя", &["first_name"], Shows::Text),
    at("Фамилия", &["last_name"], Shows::Text),
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
    at("Статус", &["status_id"], Shows::CustomerStatus),
    at("Сегменты", &["_embedded", "segments"], Shows::Segments),
    RESPONSIBLE,
    at("Ожидаемая сумма", &["next_price"], Shows::Money),
    at("Следующая покупка", &["next_date"], Shows::Instant),
    at("Периодичность", &["periodicity"], Shows::Number),
    at("Сумма покупок", &["ltv"], Shows::Money),
    at("Покупок", &["purchases_count"], Shows::Number),
    at("Средний чек", &["average_check"], Shows::Money),
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
    at("ID покупателя", &["customer_id"], Shows::Number),
    at("Сумма", &["price"], Shows::Money),
    at("Дата покупки", &["completed_at"], Shows::Instant),
    at("Комментарий", &["comment"], Shows::Text),
    ELEMENTS,
    CREATED_F,
    UPDATED_F,
    CREATED_BY_F,
    UPDATED_BY_F,
];

const ELEMENT: &[ColumnSpec] = &[
    ID,
    NAME,
    at("ID списка", &["catalog_id"], Shows::Number).behind(),
    INVOICE_LINK,
    CREATED,
    UPDATED,
    CREATED_BY,
    UPDATED_BY,
];

const CATALOG: &[ColumnSpec] = &[
    ID,
    NAME,
    at("Тип", &["type"], Shows::Text),
    at("Порядок", &["sort"], Shows::Number),
    at("Можно добавлять элементы", &["can_add_elements"], Shows::Flag),
    at("Виден в карточках", &["can_show_in_cards"], Shows::Flag),
    at("Можно связать со многими", &["can_link_multiple"], Shows::Flag),
    at("Можно удалить", &["can_be_deleted"], Shows::Flag),
    CREATED,
    UPDATED,
    CREATED_BY,
    UPDATED_BY,
];

const SEGMENT: &[ColumnSpec] = &[
    ID,
    NAME,
    at("Цвет", &["color"], Shows::Text),
    at("Покупателей", &["customers_count"], Shows::Number),
    at("Цены товаров", &["available_products_price_types"], Shows::Ids),
    CREATED,
    UPDATED,
];

const STATUS: &[ColumnSpec] = &[
    ID,
    NAME,
    at("Порядок", &["sort"], Shows::Number),
    at("Цвет", &["color"], Shows::Text),
    at("Тип", &["type"], Shows::Number),
    at("По умолчанию", &["is_default"], Shows::Flag),
    at("Условия", &["conditions"], Shows::Json),
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

    /// True where items have this key themselves.
    pub fn has_key(self, key: &str) -> bool {
        self.columns().iter().any(|column| column.at == [key])
    }
}

/// One thing that an item is linked to, which can be shown in the item's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// The main one.
    Contact,
    Company,
    /// Whose purchase it is.
    Customer,
}

impl Link {
    pub const ALL: [Link; 3] = [Link::Contact, Link::Company, Link::Customer];

    pub fn name(self) -> &'static str {
        match self {
            Link::Contact => "contact",
            Link::Company => "company",
            Link::Customer => "customer",
        }
    }

    pub fn entity(self) -> Entity {
        match self {
            Link::Contact => Entity::Contacts,
            Link::Company => Entity::Companies,
            Link::Customer => Entity::Customers,
        }
    }

    /// What its columns' titles begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            Link::Contact => "Контакт",
            Link::Company => "Компания",
            Link::Customer => "Покупатель",
        }
    }

    /// Of the columns that every account has, those shown of it: the id and the name.
    pub fn columns(self) -> impl Iterator<Item = &'static ColumnSpec> {
        self.entity().columns().iter().filter(|column| matches!(column.at, ["id" | "name"]))
    }

    /// All of its kind that an item is linked to, in the item's order.
    pub fn ids(self, item: &Lean) -> Vec<u64> {
        let listed = match self {
            Link::Contact => &item["_embedded"]["contacts"],
            Link::Company => &item["_embedded"]["companies"],
            Link::Customer => return self.id(item).into_iter().collect(),
        };
        parts::list(listed).iter().filter_map(|one| parts::id(&one["id"])).filter(|id| *id > 0).collect()
    }

    /// The linked one's id. Of several contacts one is the main one: `is_main` [seed], `main_contact` [doc]; where none is
    /// marked, the first is. [inferred]
    pub fn id(self, item: &Lean) -> Option<u64> {
        let embedded = &item["_embedded"];
        match self {
            Link::Contact => {
                let contacts = parts::list(&embedded["contacts"]);
                let is_main =
                    |contact: &&&Lean| ["is_main", "main_contact"].iter().any(|key| parts::flag(&contact[key]));
                let main = contacts.iter().find(is_main).or(contacts.first());
                main.and_then(|contact| parts::id(&contact["id"]))
            }
            Link::Company => parts::list(&embedded["companies"]).first().and_then(|company| parts::id(&company["id"])),
            Link::Customer => parts::id(&item["customer_id"]).or_else(|| parts::id(&embedded["customer"]["id"])),
        }
        .filter(|id| *id > 0)
    }
}

impl Entity {
    /// What its items are linked to, one of each at most.
    pub fn links(self) -> &'static [Link] {
        match self {
            Entity::Leads | Entity::Customers => &[Link::Contact, Link::Company],
            Entity::Contacts => &[Link::Company],
            Entity::Transactions => &[Link::Customer],
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
            assert_eq!(Link::Contact.id(&json!({"_embedded": {"contacts": contacts}}).into()), id, "{contacts}");
        }
        assert_eq!(Link::Company.id(&json!({"_embedded": {"companies": [{"id": 3}]}}).into()), Some(3));
        let several = json!({"_embedded": {"contacts": [{"id": 3}, {"id": 0}, {"id": "1", "is_main": true}]}}).into();
        assert_eq!(Link::Contact.ids(&several), [3, 1]);
        assert_eq!(Link::Customer.id(&json!({"_embedded": {"customer": {"id": 4}}}).into()), Some(4));
        assert_eq!(Link::Customer.id(&json!({"customer_id": 0}).into()), None);
    }
}
