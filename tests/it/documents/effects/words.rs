//! The words of queries by route: those of the documents' tables, and those that the developers' pages and the clients
//! name beside them.

use crate::documents::fields::{self, Direction};

type Words = &'static [&'static str];

const NOTES: Words = &[
    "page",
    "limit",
    "filter[id]",
    "filter[entity_id]",
    "filter[note_type]",
    "filter[updated_at]",
    "order[id]=asc",
    "order[id]=desc",
    "order[updated_at]=asc",
    "order[updated_at]=desc",
];

const NOTES_OF_ONE: Words = &["page", "limit", "filter[note_type]", "order[id]=asc"];

const PEOPLE: Words = &[
    "page",
    "limit",
    "query",
    "with=catalog_elements",
    "with=leads",
    "with=customers",
    // Not documented, and heeded. [client live]
    "with=only_deleted",
    "filter[id]",
    "filter[name]",
    "filter[created_by]",
    "filter[updated_by]",
    "filter[responsible_user_id]",
    "filter[created_at]",
    "filter[updated_at]",
    "filter[closest_task_at]",
    "filter[custom_fields_values]",
    "order[id]=asc",
    "order[id]=desc",
    "order[updated_at]=asc",
    "order[updated_at]=desc",
    // Not documented, and heeded. [client live]
    "order[name]=asc",
    "order[name]=desc",
];
const PERSON: Words = &["with=catalog_elements", "with=leads", "with=customers", "with=only_deleted"];
const CUSTOM_FIELDS: Words = &[
    "page",
    "limit",
    "filter[type]",
    "filter[id]",
    "order[id]=asc",
    "order[id]=desc",
    "order[sort]=asc",
    "order[sort]=desc",
];
const TAGS: Words = &["page", "limit", "query", "filter[name]", "filter[id]"];
const LINKS: Words = &["filter[to_entity_id]", "filter[to_entity_type]", "filter[to_catalog_id]"];
const MASS_LINKS: Words =
    &["filter[entity_id]", "filter[to_entity_id]", "filter[to_entity_type]", "filter[to_catalog_id]"];
const USER: Words = &["with=role", "with=group", "with=uuid", "with=amojo_id", "with=user_rank", "with=phone_number"];

/// Beside the documents' tables, of the developers' pages [doc] and the clients. [client]
const BESIDE: &[(&str, Words)] = &[
    (
        "leads",
        &[
            "filter[id]",
            "filter[name]",
            "filter[price]",
            "filter[statuses]",
            "filter[pipeline_id]",
            "filter[created_by]",
            "filter[updated_by]",
            "filter[responsible_user_id]",
            "filter[created_at]",
            "filter[updated_at]",
            "filter[closed_at]",
            "filter[closest_task_at]",
            "filter[custom_fields_values]",
            // [seed]
            "order[id]=asc",
            "order[id]=desc",
            "order[created_at]=asc",
            "order[created_at]=desc",
            "order[updated_at]=asc",
            "order[updated_at]=desc",
        ],
    ),
    ("leads/notes", NOTES),
    ("leads/notes", &["with=is_pinned"]),
    ("contacts/notes", NOTES),
    ("companies/notes", NOTES),
    ("customers/notes", NOTES),
    ("leads/{id}/notes", NOTES_OF_ONE),
    ("contacts/{id}/notes", NOTES_OF_ONE),
    ("companies/{id}/notes", NOTES_OF_ONE),
    ("customers/{id}/notes", NOTES_OF_ONE),
    (
        "tasks",
        &[
            "page",
            "limit",
            "filter[id]",
            "filter[responsible_user_id]",
            "filter[created_by]",
            "filter[is_completed]",
            "filter[task_type]",
            "filter[entity_type]",
            "filter[entity_id]",
            "filter[updated_at]",
            "order[id]=asc",
            "order[id]=desc",
            "order[created_at]=asc",
            "order[created_at]=desc",
            "order[complete_till]=asc",
            "order[complete_till]=desc",
        ],
    ),
    ("contacts", PEOPLE),
    ("contacts", &["with=social_profiles"]),
    ("contacts/{id}", PERSON),
    ("contacts/{id}", &["with=social_profiles"]),
    ("companies", PEOPLE),
    ("companies", &["with=contacts"]),
    ("companies/{id}", PERSON),
    ("companies/{id}", &["with=contacts"]),
    (
        "customers",
        &[
            "filter[id]",
            "filter[name]",
            "filter[next_date]",
            "filter[next_price]",
            "filter[status_id]",
            "filter[created_by]",
            "filter[updated_by]",
            "filter[responsible_user_id]",
            "filter[created_at]",
            "filter[updated_at]",
            "filter[closest_task_at]",
            "filter[custom_fields_values]",
            "order[id]=asc",
            "order[id]=desc",
            "order[created_at]=asc",
            "order[created_at]=desc",
            "order[updated_at]=asc",
            "order[updated_at]=desc",
            "order[name]=asc",
            "order[name]=desc",
        ],
    ),
    ("customers/{customer_id}/transactions", &["page", "limit", "filter[id]"]),
    ("customers/segments", &["page", "limit"]),
    ("catalogs", &["type"]),
    ("catalogs/{catalog_id}/elements", &["id", "order[id]=asc", "order[id]=desc"]),
    ("leads/custom_fields", CUSTOM_FIELDS),
    ("contacts/custom_fields", CUSTOM_FIELDS),
    ("companies/custom_fields", CUSTOM_FIELDS),
    ("customers/custom_fields", CUSTOM_FIELDS),
    ("customers/segments/custom_fields", CUSTOM_FIELDS),
    ("catalogs/{catalog_id}/custom_fields", CUSTOM_FIELDS),
    ("leads/tags", TAGS),
    ("contacts/tags", TAGS),
    ("companies/tags", TAGS),
    ("customers/tags", TAGS),
    ("leads/{id}/links", LINKS),
    ("contacts/{id}/links", LINKS),
    ("companies/{id}/links", LINKS),
    ("customers/{id}/links", LINKS),
    ("leads/links", MASS_LINKS),
    ("contacts/links", MASS_LINKS),
    ("companies/links", MASS_LINKS),
    ("customers/links", MASS_LINKS),
    ("leads/loss_reasons", &["page", "limit"]),
    ("users", &["page", "limit"]),
    ("users", USER),
    ("users/{id}", USER),
    ("sources", &["page", "limit", "filter[external_id]"]),
    (
        "events",
        &[
            "page",
            "limit",
            "filter[type]",
            "filter[entity]",
            "filter[entity_id]",
            "filter[created_at]",
            "filter[created_by]",
        ],
    ),
    (
        "account",
        &[
            "with=amojo_id",
            "with=amojo_rights",
            "with=users_groups",
            "with=task_types",
            "with=version",
            "with=entity_names",
            "with=datetime_settings",
            "with=drive_url",
            "with=is_api_filter_enabled",
            "with=invoices_settings",
        ],
    ),
];

const KOMMO: &str = "only Kommo's pages name it, and no client asks for it";

/// Words that are named and not shown, each with the reason.
pub const GAPS: &[(&str, &str, &str)] = &[
    ("contacts", "with=social_profiles", KOMMO),
    ("contacts/{id}", "with=social_profiles", KOMMO),
    (
        "catalogs/{catalog_id}/elements",
        "order[id]=asc",
        "elements rise by id unasked, and nothing else orders them: the answer is the same without it",
    ),
];

/// Route and word of all that is named anywhere.
pub fn named() -> Vec<(String, String)> {
    let beside = BESIDE.iter().flat_map(|(route, words)| words.iter().map(move |word| (*route, *word)));
    let mut all: Vec<(String, String)> = beside.map(|(route, word)| (route.to_owned(), word.to_owned())).collect();
    for table in fields::all().into_iter().filter(|table| table.direction == Direction::Query) {
        // `with`, `filter` and `order` by themselves say only that there are words of that sort.
        let words = table.fields.iter().filter(|field| !matches!(field.name.as_str(), "with" | "filter" | "order"));
        all.extend(words.map(|field| (table.path.clone(), field.name.clone())));
    }
    all
}
