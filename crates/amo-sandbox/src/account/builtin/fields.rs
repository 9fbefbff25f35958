//! The custom fields of the built-in account: at least one of every type on each entity that may have it.

use crate::account::builtin::{CATALOG_INVOICES, CATALOG_PRODUCTS, CATALOG_REGULAR, CATALOG_SUPPLIERS};
use crate::account::{ChainLink, Choice, FieldDefinition};
use amo_model::field_type::multitext_codes;
use amo_model::{ADDRESS_PARTS, Entity, FieldKind, Owner};

use FieldKind::*;

/// Number within its owner, name, code (empty for none), type, options.
type BuiltinField = (u64, &'static str, &'static str, FieldKind, &'static [&'static str]);

/// The marker field of imports, which the sample mappings name.
const MARK: &str = "Метка импорта";

const LEADS: &[BuiltinField] = &[
    (1, "Источник", "", Select, &["Сайт", "Звонок", "Выставка", "Рекомендация", "Реклама"]),
    (2, "Город", "", Text, &[]),
    (3, "Номер заявки", "ORDER_NO", Text, &[]),
    (4, "Комментарий", "", Textarea, &[]),
    (5, "Скидка, %", "", Numeric, &[]),
    (6, "Предоплата", "", Monetary, &[]),
    (7, "Дата отгрузки", "", Date, &[]),
    (8, "Встреча", "", DateTime, &[]),
    (9, "Срочно", "", Checkbox, &[]),
    (10, "Интересы", "", Multiselect, &["Обучение", "Поддержка", "Внедрение", "Оборудование", "Аренда, лизинг"]),
    (11, "Формат", "", Radiobutton, &["Онлайн", "Офлайн"]),
    (12, "Сайт проекта", "", Url, &[]),
    (13, "Адрес доставки", "", Streetaddress, &[]),
    (14, "Адрес объекта", "", SmartAddress, &[]),
    (15, "День рождения", "", Birthday, &[]),
    (16, "Реквизиты", "", LegalEntity, &[]),
    (17, "Документ", "", File, &[]),
    (18, "Категория товара", "", ChainedList, &[]),
    (19, "utm_source", "UTM_SOURCE", TrackingData, &[]),
    (20, "utm_medium", "UTM_MEDIUM", TrackingData, &[]),
    (21, "utm_campaign", "UTM_CAMPAIGN", TrackingData, &[]),
    (22, MARK, "", Text, &[]),
];

const CONTACTS: &[BuiltinField] = &[
    (1, "Телефон", "PHONE", Multitext, &[]),
    (2, "Email", "EMAIL", Multitext, &[]),
    (3, "Мессенджер", "IM", Multitext, &[]),
    (4, "Должность", "POSITION", Text, &[]),
    (5, "День рождения", "", Birthday, &[]),
    (6, "Пол", "", Radiobutton, &["Мужской", "Женский"]),
    (7, "Город", "", Text, &[]),
    (8, "Источник контакта", "", Select, &["Сайт", "Звонок", "Выставка", "Рекомендация", "Реклама"]),
    (9, "Согласие на рассылку", "", Checkbox, &[]),
    (10, "Клиент с", "", Date, &[]),
    (11, "Код клиента", "", Text, &[]),
    (12, "Комментарий", "", Textarea, &[]),
    (13, "Детей", "", Numeric, &[]),
    (14, "Увлечения", "", Multiselect, &["Спорт", "Музыка", "Путешествия", "Книги"]),
    (15, "Последний визит", "", DateTime, &[]),
    (16, "Страница", "", Url, &[]),
    (17, "Домашний адрес", "", Streetaddress, &[]),
    (18, "Адрес регистрации", "", SmartAddress, &[]),
    (19, "Реквизиты", "", LegalEntity, &[]),
    (20, "Лимит", "", Monetary, &[]),
    (21, "Документ", "", File, &[]),
    (22, MARK, "", Text, &[]),
];

const COMPANIES: &[BuiltinField] = &[
    (1, "Телефон", "PHONE", Multitext, &[]),
    (2, "Email", "EMAIL", Multitext, &[]),
    (3, "Web", "WEB", Url, &[]),
    (4, "Адрес", "ADDRESS", Textarea, &[]),
    (5, "ИНН", "", Text, &[]),
    (
        6,
        "Отрасль",
        "",
        Select,
        &["Торговля", "Производство", "Услуги", "Строительство", "Сельское хозяйство", "Технологии"],
    ),
    (7, "Сотрудников", "", Numeric, &[]),
    (8, "Реквизиты", "", LegalEntity, &[]),
    (9, "Город", "", Text, &[]),
    (10, "Код компании", "", Text, &[]),
    (11, "Ключевой клиент", "", Checkbox, &[]),
    (12, "Форма собственности", "", Radiobutton, &["ООО", "АО", "ИП"]),
    (13, "Направления", "", Multiselect, &["Опт", "Розница", "Экспорт"]),
    (14, "Дата договора", "", Date, &[]),
    (15, "Последняя сверка", "", DateTime, &[]),
    (16, "День основания", "", Birthday, &[]),
    (17, "Юридический адрес", "", Streetaddress, &[]),
    (18, "Адрес склада", "", SmartAddress, &[]),
    (19, "Кредитный лимит", "", Monetary, &[]),
    (20, "Договор", "", File, &[]),
    (21, MARK, "", Text, &[]),
];

const CUSTOMERS: &[BuiltinField] = &[
    (1, "Код клиента", "", Text, &[]),
    (2, "Комментарий", "", Textarea, &[]),
    (3, "Карта", "", Numeric, &[]),
    (4, "Баланс", "", Monetary, &[]),
    (5, "Участник с", "", Date, &[]),
    (6, "Последняя покупка", "", DateTime, &[]),
    (7, "Согласие на рассылку", "", Checkbox, &[]),
    (8, "Уровень", "", Select, &["Бронза", "Серебро", "Золото"]),
    (9, "Канал", "", Radiobutton, &["Магазин", "Сайт"]),
    (10, "Интересы", "", Multiselect, &["Обучение", "Поддержка", "Внедрение", "Оборудование"]),
    (11, "Сайт", "", Url, &[]),
    (12, "Адрес доставки", "", Streetaddress, &[]),
    (13, "Документ", "", File, &[]),
    (14, "Категория товара", "", ChainedList, &[]),
    (15, MARK, "", Text, &[]),
];

const SEGMENTS: &[BuiltinField] = &[
    (1, "Описание", "", Textarea, &[]),
    (2, "Скидка, %", "", Numeric, &[]),
    (3, "Код сегмента", "", Text, &[]),
    (4, "Активен", "", Checkbox, &[]),
    (5, "Канал", "", Select, &["Почта", "Телефон", "Мессенджер"]),
    (6, "Приоритет", "", Radiobutton, &["Высокий", "Обычный"]),
    (7, "Интересы", "", Multiselect, &["Обучение", "Поддержка", "Внедрение"]),
    (8, "Действует до", "", Date, &[]),
    (9, "Последняя рассылка", "", DateTime, &[]),
    (10, "Страница акции", "", Url, &[]),
    (11, "Адрес магазина", "", Streetaddress, &[]),
    (12, MARK, "", Text, &[]),
];

/// An option of a category with a slash is a branch of the option before the slash.
const PRODUCTS: &[BuiltinField] = &[
    (1, "Артикул", "SKU", Text, &[]),
    (2, "Описание", "DESCRIPTION", Textarea, &[]),
    (3, "Цена", "PRICE", Price, &[]),
    (
        4,
        "Группа",
        "GROUP",
        Category,
        &[
            "Оборудование",
            "Материалы",
            "Услуги",
            "Мебель",
            "Мебель/Столы",
            "Мебель/Стулья",
            "Мебель/Шкафы",
            "Техника",
            "Техника/Ноутбуки",
            "Техника/Свет",
        ],
    ),
    (5, "Единица измерения", "UNIT", Select, &["шт", "кг", "м", "час"]),
    (6, "Внешний код", "EXTERNAL_ID", Text, &[]),
    (7, "Цена оптовая", "SPECIAL_PRICE_1", Price, &[]),
    (8, "Вес, кг", "", Numeric, &[]),
    (9, "Хрупкий товар", "", Checkbox, &[]),
    (10, "Состояние", "", Radiobutton, &["Новый", "Уценённый"]),
    (11, "Цвета", "", Multiselect, &["Белый", "Чёрный", "Дуб"]),
    (12, "Дата поступления", "", Date, &[]),
    (13, "Последняя инвентаризация", "", DateTime, &[]),
    (14, "Страница товара", "", Url, &[]),
    (15, "Адрес склада", "", Streetaddress, &[]),
    (16, "Производитель", "", LinkedEntity, &[]),
    (17, "Ответственное лицо", "", LinkedEntity, &[]),
    (18, "Раздел каталога", "", LinkedEntity, &[]),
    (19, MARK, "", Text, &[]),
];

/// `search_in` of each linked field of the products.
const SEARCH_IN: [(u64, &str); 3] = [(16, "companies"), (17, "contacts_and_companies"), (18, "1005")];

/// The types of the last two codes are not documented. [inferred]
const INVOICES: &[BuiltinField] = &[
    (1, "Статус", "BILL_STATUS", Select, &["Создан", "Оплачен", "Частично оплачен", "Аванс"]),
    (2, "Плательщик", "PAYER", Payer, &[]),
    (3, "Поставщик", "SUPPLIER", Supplier, &[]),
    (4, "Позиции", "ITEMS", Items, &[]),
    (5, "Тип НДС", "BILL_VAT_TYPE", Select, &["Не облагается", "В сумме", "Сверх суммы"]),
    (6, "Дата оплаты", "BILL_PAYMENT_DATE", Date, &[]),
    (7, "Комментарий", "BILL_COMMENT", Textarea, &[]),
    (8, "Итого к оплате", "BILL_PRICE", Numeric, &[]),
    (9, "Юридическое лицо", "LEGAL_ENTITY", Text, &[]),
    (10, "Причина отсутствия НДС", "BILL_REASON_FOR_NO_VAT", Text, &[]),
    (11, MARK, "", Text, &[]),
];

const CATEGORIES: &[BuiltinField] = &[(1, "Описание", "", Textarea, &[]), (2, MARK, "", Text, &[])];

/// Codes [client], types [inferred].
const SUPPLIERS: &[BuiltinField] = &[
    (1, "ИНН", "SUPPLIER_VAT_ID", Text, &[]),
    (2, "КПП", "SUPPLIER_TAX_REGISTRATION_REASON_CODE", Text, &[]),
    (3, "ОГРН", "SUPPLIER_PRIMARY_STATE_REGISTRATION_NUMBER", Text, &[]),
    (4, "БИК", "SUPPLIER_BANK_IDENTIFICATION_CODE", Text, &[]),
    (5, "Расчётный счёт", "SUPPLIER_ACCOUNT_NUMBER", Text, &[]),
    (6, "Юридический адрес", "SUPPLIER_LEGAL_ADDRESS", Textarea, &[]),
    (7, "Фактический адрес", "SUPPLIER_REAL_ADDRESS", Textarea, &[]),
    (8, "Руководитель", "SUPPLIER_DIRECTOR_NAME", Text, &[]),
    (9, "Должность руководителя", "SUPPLIER_DIRECTOR_POST", Text, &[]),
    (10, "Главный бухгалтер", "SUPPLIER_ACCOUNTANT_NAME", Text, &[]),
    (11, "Должность бухгалтера", "SUPPLIER_ACCOUNTANT_POST", Text, &[]),
    (12, "Телефон", "SUPPLIER_PHONE", Text, &[]),
];

/// Codes of the options of invoices, in the order of the options. [client]
const BILL_STATUS_CODES: [&str; 4] = ["created", "paid", "partially_paid", "paid_in_advance"];
const BILL_VAT_CODES: [&str; 3] = ["vat_exempt", "vat_included", "vat_not_included"];

pub fn fields() -> Vec<FieldDefinition> {
    let owners: [(Owner, u64, &[BuiltinField]); 9] = [
        (Owner::Entity(Entity::Leads), 600_100, LEADS),
        (Owner::Entity(Entity::Contacts), 600_200, CONTACTS),
        (Owner::Entity(Entity::Companies), 600_300, COMPANIES),
        (Owner::Entity(Entity::Customers), 600_400, CUSTOMERS),
        (Owner::Entity(Entity::Segments), 600_500, SEGMENTS),
        (Owner::Catalog(CATALOG_PRODUCTS), 600_600, PRODUCTS),
        (Owner::Catalog(CATALOG_INVOICES), 600_700, INVOICES),
        (Owner::Catalog(CATALOG_SUPPLIERS), 600_800, SUPPLIERS),
        (Owner::Catalog(CATALOG_REGULAR), 600_900, CATEGORIES),
    ];
    owners
        .into_iter()
        .flat_map(|(owner, base, rows)| rows.iter().map(move |row| field(owner, base + row.0, row)))
        .collect()
}

fn field(owner: Owner, id: u64, &(number, name, code, kind, options): &BuiltinField) -> FieldDefinition {
    let chain = ChainLink {
        catalog_id: CATALOG_REGULAR, parent_catalog_id: None, title: Some("Категории".to_owned())
    };
    let search_in = SEARCH_IN.iter().find(|(n, _)| kind == LinkedEntity && *n == number);
    FieldDefinition {
        code: (!code.is_empty()).then(|| code.to_owned()),
        is_predefined: matches!(code, "PHONE" | "EMAIL" | "IM" | "POSITION" | "WEB" | "ADDRESS"),
        choices: choices(id, code, kind, options),
        chain: if kind == ChainedList { vec![chain] } else { Vec::new() },
        remind: (kind == Birthday).then(|| "never".to_owned()),
        currency: (kind == Monetary).then(|| "RUB".to_owned()),
        search_in: search_in.map(|(_, place)| (*place).to_owned()),
        sort: 500 + number as i64,
        ..FieldDefinition::new(id, owner, name, kind)
    }
}

fn choices(field_id: u64, code: &str, kind: FieldKind, options: &[&str]) -> Vec<Choice> {
    let first = 900_000 + (field_id - 600_000) * 100 + 1;
    // [doc] The parts of an address have the same ids in every account.
    let (first, texts): (u64, Vec<&str>) = match kind {
        SmartAddress => (1, ADDRESS_PARTS.to_vec()),
        Multitext => (first, multitext_codes(code).to_vec()),
        _ => (first, options.to_vec()),
    };
    let codes: &[&str] = match code {
        "BILL_STATUS" => &BILL_STATUS_CODES,
        "BILL_VAT_TYPE" => &BILL_VAT_CODES,
        // For types of phones and parts of addresses the code is the text itself. [doc]
        _ if matches!(kind, SmartAddress | Multitext) => &texts,
        _ => &[],
    };
    texts
        .iter()
        .enumerate()
        .map(|(i, text)| {
            let branch = text.split_once('/').filter(|_| kind == Category);
            let parent = branch.and_then(|(parent, _)| texts.iter().position(|t| *t == parent));
            Choice {
                id: first + i as u64,
                parent_id: parent.map(|parent| first + parent as u64),
                value: branch.map_or(*text, |(_, name)| name).to_owned(),
                sort: i as i64,
                code: codes.get(i).map(|c| (*c).to_owned()),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use amo_model::field_type::available;

    #[test]
    fn every_entity_has_all_its_field_types() {
        for owner in Owner::ENTITIES.map(Owner::Entity) {
            for (kind, name) in FieldKind::NAMED {
                let found = fields().iter().any(|f| f.owner == owner && f.kind == kind);
                assert_eq!(found, available(kind, owner), "{name} of {owner:?}");
            }
        }
    }

    #[test]
    fn catalogs_have_all_their_field_types() {
        let lists = || fields().into_iter().filter(|f| matches!(f.owner, Owner::Catalog(_)));
        for (kind, name) in FieldKind::NAMED {
            let found = lists().any(|f| f.kind == kind);
            assert_eq!(found, available(kind, Owner::Catalog(CATALOG_PRODUCTS)), "{name}");
        }
    }
}
