//! What the CRM is made of, said once: the table of kinds, the limits of the API with their source, and the words of
//! its JSON. The client and the sandbox both read this; neither spells a field name or a path of its own.
//!
//! Sources are named as: [seed] the API's own documents, [doc] other official pages, [client] seen in other clients,
//! [inferred] our own conclusion.

pub mod answer;
pub mod compare;
pub mod field_type;
pub mod parts;
pub mod payload;

pub use field_type::FieldKind;

/// What a mapping can import. A kind is a way of importing; the things it makes are `Entity`s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Lead,
    ComplexLead,
    Contact,
    Company,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Create,
    Update,
}

/// A thing of the CRM that has custom fields and a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entity {
    Leads,
    Contacts,
    Companies,
    Customers,
}

impl Entity {
    pub const ALL: [Entity; 4] = [Entity::Leads, Entity::Contacts, Entity::Companies, Entity::Customers];

    /// The collection key and the path below `/api/v4/`.
    pub fn path(self) -> &'static str {
        match self {
            Entity::Leads => "leads",
            Entity::Contacts => "contacts",
            Entity::Companies => "companies",
            Entity::Customers => "customers",
        }
    }

    /// The address of the card in the CRM's own pages, below the host. [client]
    pub fn card_path(self) -> &'static str {
        match self {
            Entity::Leads => "leads/detail",
            Entity::Contacts => "contacts/detail",
            Entity::Companies => "companies/detail",
            Entity::Customers => "customers/detail",
        }
    }
}

/// How the items of an answer are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    /// `{"_embedded": {"<collection>": […]}}`
    Embedded,
    /// A bare array: `leads/complex`. [seed]
    Array,
}

/// One way of writing a kind.
#[derive(Debug, Clone, Copy)]
pub struct Write {
    pub action: Action,
    /// Below `/api/v4/`.
    pub path: &'static str,
    pub wrapping: Wrapping,
    pub batch_max: usize,
}

/// Everything the rooms need to know of a kind.
#[derive(Debug)]
pub struct KindSpec {
    pub kind: Kind,
    pub name: &'static str,
    /// What a written item becomes: its list, its card, its answer's collection key.
    pub entity: Entity,
    pub writes: &'static [Write],
    /// The tables of a mapping file, the first one being the record itself.
    pub sections: &'static [SectionSpec],
}

/// A table of a mapping file and the object it becomes in the payload.
#[derive(Debug)]
pub struct SectionSpec {
    /// `lead`, `lead.metadata`, `contact`: the table's name in the mapping.
    pub name: &'static str,
    pub at: At,
    /// Whose custom fields `[name.fields]` may name.
    pub custom_fields: Option<Entity>,
    /// Custom fields a record may carry here.
    pub custom_fields_max: Option<usize>,
    pub fields: &'static [FieldSpec],
}

/// Where a section's object stands in the item sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Item,
    /// `_embedded.<key>[0]`
    EmbeddedFirst(&'static str),
    /// `_embedded.<key>`
    Embedded(&'static str),
}

/// A field of the mapping language and the key it becomes.
#[derive(Debug)]
pub struct FieldSpec {
    pub name: &'static str,
    /// The key in the JSON, as in the API's validation errors' `path`.
    pub wire: Wire,
    pub holds: Holds,
    pub on_create: bool,
    pub on_update: bool,
    /// For the schema and for `--help`.
    pub about: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// A key of the section's object.
    Key(&'static str),
    /// `_embedded.<key>`: a list of `{"id": n}`.
    EmbeddedIds(&'static str),
    /// `_embedded.source`: `{"external_id": "…", "type": "widget"}`. [seed], as a string [client]
    EmbeddedSource,
    /// `tags_to_add`, `tags_to_delete`: a list of `{"name": "…"}`.
    Tags(&'static str),
}

impl Wire {
    /// The start of the paths by which the API names this field in a validation error.
    pub fn path(self) -> String {
        match self {
            Wire::Key(key) | Wire::Tags(key) => key.to_owned(),
            Wire::EmbeddedIds(key) => format!("_embedded.{key}"),
            Wire::EmbeddedSource => "_embedded.source".to_owned(),
        }
    }
}

/// What a field holds; decides the conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    Text {
        max: usize,
    },
    /// A whole number that is an amount of money. [seed: int]
    WholeMoney,
    Int,
    Bool,
    /// Unix seconds.
    Timestamp,
    Pipeline,
    Status,
    LossReason,
    /// An active user.
    User,
    /// A user, or `0` for the robot. [seed]
    UserOrRobot,
    /// Ids of other entities.
    Ids(Entity),
    /// One id of another entity.
    OneId(Entity),
    /// The id of the record itself.
    OwnId,
    Tags,
    /// One of a closed list.
    Word(&'static [&'static str]),
}

/// Records in one request. [doc], [seed]
pub const BATCH_MAX: usize = 250;
/// Leads in one `leads/complex` request. [seed]
pub const COMPLEX_BATCH_MAX: usize = 50;
/// "recommended ≤ 50" [doc]
pub const BATCH_RECOMMENDED: usize = 50;
/// Rows of one page. [seed]
pub const PAGE_MAX: usize = 250;
/// Custom fields of one entity in a complex lead. [seed]
pub const COMPLEX_FIELDS_MAX: usize = 40;
/// Not documented; 255 is assumed. [inferred]
pub const NAME_MAX: usize = 255;
/// Text custom fields; longer ones are refused though the pages of the CRM take them. [client]
pub const TEXT_MAX: usize = 256;
/// `textarea`: no limit seen, 64 KiB assumed. [inferred]
pub const TEXTAREA_MAX: usize = 65_536;
/// Requests in one second for one integration. [doc]
pub const RATE_MAX: u32 = 7;
/// Every pipeline has these two stages. [doc]
pub const STATUS_WON: u64 = 142;
pub const STATUS_LOST: u64 = 143;
/// `type` of a pipeline's stage for unsorted leads. [doc]
pub const STATUS_TYPE_UNSORTED: i64 = 1;
/// Prefix of every path of the API.
pub const API_PREFIX: &str = "/api/v4/";
pub const TOKEN_PATH: &str = "/oauth2/access_token";

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Lead, Kind::ComplexLead, Kind::Contact, Kind::Company];

    pub fn spec(self) -> &'static KindSpec {
        match self {
            Kind::Lead => &LEAD,
            Kind::ComplexLead => &COMPLEX_LEAD,
            Kind::Contact => &CONTACT,
            Kind::Company => &COMPANY,
        }
    }

    pub fn name(self) -> &'static str {
        self.spec().name
    }

    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl KindSpec {
    pub fn write(&self, action: Action) -> Option<&'static Write> {
        self.writes.iter().find(|write| write.action == action)
    }

    pub fn section(&self, name: &str) -> Option<&'static SectionSpec> {
        self.sections.iter().find(|section| section.name == name)
    }
}

impl SectionSpec {
    pub fn field(&self, name: &str) -> Option<&'static FieldSpec> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Action {
    pub const ALL: [Action; 2] = [Action::Create, Action::Update];

    pub fn name(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Update => "update",
        }
    }

    pub fn from_name(name: &str) -> Option<Action> {
        Action::ALL.into_iter().find(|action| action.name() == name)
    }

    pub fn method(self) -> &'static str {
        match self {
            Action::Create => "POST",
            Action::Update => "PATCH",
        }
    }
}

const fn write(action: Action, path: &'static str, batch_max: usize) -> Write {
    Write { action, path, wrapping: Wrapping::Embedded, batch_max }
}

const fn both(name: &'static str, wire: Wire, holds: Holds, about: &'static str) -> FieldSpec {
    FieldSpec { name, wire, holds, on_create: true, on_update: true, about }
}

const fn create_only(name: &'static str, wire: Wire, holds: Holds, about: &'static str) -> FieldSpec {
    FieldSpec { name, wire, holds, on_create: true, on_update: false, about }
}

const fn update_only(name: &'static str, wire: Wire, holds: Holds, about: &'static str) -> FieldSpec {
    FieldSpec { name, wire, holds, on_create: false, on_update: true, about }
}

const NAME: FieldSpec = both("name", Wire::Key("name"), Holds::Text { max: NAME_MAX }, "the name");
const RESPONSIBLE: FieldSpec =
    both("responsible_user", Wire::Key("responsible_user_id"), Holds::User, "an active user, by name or e-mail");
const CREATED_BY: FieldSpec =
    both("created_by", Wire::Key("created_by"), Holds::UserOrRobot, "who made it; 0 is the robot");
const UPDATED_BY: FieldSpec =
    both("updated_by", Wire::Key("updated_by"), Holds::UserOrRobot, "who changed it; 0 is the robot");
const CREATED_AT: FieldSpec = both("created_at", Wire::Key("created_at"), Holds::Timestamp, "when it was made");
const UPDATED_AT: FieldSpec = both("updated_at", Wire::Key("updated_at"), Holds::Timestamp, "when it was changed");
const TAGS: FieldSpec = both("tags", Wire::Tags("tags_to_add"), Holds::Tags, "tags to add");
const TAGS_TO_DELETE: FieldSpec =
    update_only("tags_to_delete", Wire::Tags("tags_to_delete"), Holds::Tags, "tags to take away");
const OWN_ID: FieldSpec = update_only("id", Wire::Key("id"), Holds::OwnId, "the id in the CRM of the record to change");

const PRICE: FieldSpec = both("price", Wire::Key("price"), Holds::WholeMoney, "the budget, a whole number");
const PIPELINE: FieldSpec = both("pipeline", Wire::Key("pipeline_id"), Holds::Pipeline, "the pipeline, by name");
const STATUS: FieldSpec = both("status", Wire::Key("status_id"), Holds::Status, "the stage, by name");
const LOSS_REASON: FieldSpec =
    both("loss_reason", Wire::Key("loss_reason_id"), Holds::LossReason, "why the lead was lost, by name");
const CLOSED_AT: FieldSpec = both("closed_at", Wire::Key("closed_at"), Holds::Timestamp, "when it was closed");
const SOURCE: FieldSpec =
    create_only("source", Wire::EmbeddedSource, Holds::Text { max: TEXT_MAX }, "the external id of a source");

pub static LEAD: KindSpec = KindSpec {
    kind: Kind::Lead,
    name: "lead",
    entity: Entity::Leads,
    writes: &[write(Action::Create, "leads", BATCH_MAX), write(Action::Update, "leads", BATCH_MAX)],
    sections: &[SectionSpec {
        name: "lead",
        at: At::Item,
        custom_fields: Some(Entity::Leads),
        custom_fields_max: None,
        fields: &[
            OWN_ID,
            NAME,
            PRICE,
            PIPELINE,
            STATUS,
            LOSS_REASON,
            RESPONSIBLE,
            CREATED_BY,
            UPDATED_BY,
            CREATED_AT,
            UPDATED_AT,
            CLOSED_AT,
            TAGS,
            TAGS_TO_DELETE,
            SOURCE,
            create_only(
                "contacts",
                Wire::EmbeddedIds("contacts"),
                Holds::Ids(Entity::Contacts),
                "ids of contacts; the first is the main one",
            ),
            create_only(
                "company",
                Wire::EmbeddedIds("companies"),
                Holds::OneId(Entity::Companies),
                "the id of the company",
            ),
        ],
    }],
};

/// A whole lead with its contact and company in one item; made only, never changed. [seed]
pub static COMPLEX_LEAD: KindSpec = KindSpec {
    kind: Kind::ComplexLead,
    name: "complex-lead",
    entity: Entity::Leads,
    writes: &[Write {
        action: Action::Create,
        path: "leads/complex",
        wrapping: Wrapping::Array,
        batch_max: COMPLEX_BATCH_MAX,
    }],
    sections: &[
        SectionSpec {
            name: "lead",
            at: At::Item,
            custom_fields: Some(Entity::Leads),
            custom_fields_max: Some(COMPLEX_FIELDS_MAX),
            fields: &[
                NAME,
                PRICE,
                PIPELINE,
                STATUS,
                LOSS_REASON,
                RESPONSIBLE,
                CREATED_BY,
                UPDATED_BY,
                CREATED_AT,
                UPDATED_AT,
                CLOSED_AT,
                TAGS,
                SOURCE,
            ],
        },
        SectionSpec {
            name: "lead.metadata",
            at: At::Embedded("metadata"),
            custom_fields: None,
            custom_fields_max: None,
            fields: METADATA,
        },
        SectionSpec {
            name: "contact",
            at: At::EmbeddedFirst("contacts"),
            custom_fields: Some(Entity::Contacts),
            custom_fields_max: Some(COMPLEX_FIELDS_MAX),
            fields: &[
                create_only("id", Wire::Key("id"), Holds::OwnId, "the id of a contact that exists; excludes all else"),
                NAME,
                FIRST_NAME,
                LAST_NAME,
                RESPONSIBLE,
                CREATED_BY,
                UPDATED_BY,
                CREATED_AT,
                UPDATED_AT,
                TAGS,
            ],
        },
        SectionSpec {
            name: "company",
            at: At::EmbeddedFirst("companies"),
            custom_fields: Some(Entity::Companies),
            custom_fields_max: Some(COMPLEX_FIELDS_MAX),
            fields: &[
                create_only("id", Wire::Key("id"), Holds::OwnId, "the id of a company that exists; excludes all else"),
                NAME,
                RESPONSIBLE,
                CREATED_BY,
                UPDATED_BY,
                CREATED_AT,
                UPDATED_AT,
                TAGS,
            ],
        },
    ],
};

/// What makes a complex lead an unsorted one. [seed], the types [doc], [client]
pub const METADATA_CATEGORIES: &[&str] = &["forms", "sip"];

const METADATA: &[FieldSpec] = &[
    create_only("category", Wire::Key("category"), Holds::Word(METADATA_CATEGORIES), "forms or sip"),
    create_only("form_id", Wire::Key("form_id"), Holds::Text { max: TEXT_MAX }, "the form's id"),
    create_only("form_name", Wire::Key("form_name"), Holds::Text { max: TEXT_MAX }, "the form's name"),
    create_only("form_page", Wire::Key("form_page"), Holds::Text { max: TEXTAREA_MAX }, "the page the form stood on"),
    create_only("form_sent_at", Wire::Key("form_sent_at"), Holds::Timestamp, "when the form was sent"),
    create_only("ip", Wire::Key("ip"), Holds::Text { max: TEXT_MAX }, "the sender's address"),
    create_only("referer", Wire::Key("referer"), Holds::Text { max: TEXTAREA_MAX }, "where the sender came from"),
    create_only("from", Wire::Key("from"), Holds::Text { max: TEXT_MAX }, "who called"),
    create_only("phone", Wire::Key("phone"), Holds::Text { max: TEXT_MAX }, "the number called"),
    create_only("called_at", Wire::Key("called_at"), Holds::Timestamp, "when the call was"),
    create_only("duration", Wire::Key("duration"), Holds::Int, "the call's length in seconds"),
    create_only("link", Wire::Key("link"), Holds::Text { max: TEXTAREA_MAX }, "the recording"),
    create_only("service_code", Wire::Key("service_code"), Holds::Text { max: TEXT_MAX }, "the telephony service"),
    create_only("is_call_event_needed", Wire::Key("is_call_event_needed"), Holds::Bool, "add a call to the card"),
];

const FIRST_NAME: FieldSpec =
    both("first_name", Wire::Key("first_name"), Holds::Text { max: NAME_MAX }, "the first name");
const LAST_NAME: FieldSpec = both("last_name", Wire::Key("last_name"), Holds::Text { max: NAME_MAX }, "the last name");

pub static CONTACT: KindSpec = KindSpec {
    kind: Kind::Contact,
    name: "contact",
    entity: Entity::Contacts,
    writes: &[write(Action::Create, "contacts", BATCH_MAX), write(Action::Update, "contacts", BATCH_MAX)],
    sections: &[SectionSpec {
        name: "contact",
        at: At::Item,
        custom_fields: Some(Entity::Contacts),
        custom_fields_max: None,
        fields: &[
            OWN_ID,
            NAME,
            FIRST_NAME,
            LAST_NAME,
            RESPONSIBLE,
            CREATED_BY,
            UPDATED_BY,
            CREATED_AT,
            UPDATED_AT,
            TAGS,
            TAGS_TO_DELETE,
        ],
    }],
};

pub static COMPANY: KindSpec = KindSpec {
    kind: Kind::Company,
    name: "company",
    entity: Entity::Companies,
    writes: &[write(Action::Create, "companies", BATCH_MAX), write(Action::Update, "companies", BATCH_MAX)],
    sections: &[SectionSpec {
        name: "company",
        at: At::Item,
        custom_fields: Some(Entity::Companies),
        custom_fields_max: None,
        fields: &[OWN_ID, NAME, RESPONSIBLE, CREATED_BY, UPDATED_BY, CREATED_AT, UPDATED_AT, TAGS, TAGS_TO_DELETE],
    }],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name_and_has_a_first_section_that_is_the_item() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
            assert_eq!(kind.spec().kind, kind);
            assert_eq!(kind.spec().sections[0].at, At::Item);
            assert!(!kind.spec().writes.is_empty());
        }
    }

    #[test]
    fn an_updatable_kind_takes_the_id_of_the_record() {
        for kind in Kind::ALL.map(Kind::spec) {
            let takes_id = kind.sections[0].fields.iter().any(|f| f.holds == Holds::OwnId && f.on_update);
            assert_eq!(takes_id, kind.write(Action::Update).is_some(), "{}", kind.name);
        }
    }
}
