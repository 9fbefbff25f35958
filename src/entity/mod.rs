//! What the CRM is made of, said once: the table of kinds, the limits of the API with their source, and the words of
//! its JSON. The client and the sandbox both read this; neither spells a field name or a path of its own.
//!
//! Sources are named as: [seed] the API's own documents, [doc] other official pages, [client] seen in other clients,
//! [inferred] our own conclusion.

pub mod answer;
pub mod compare;
pub mod field_type;
mod kinds;
pub mod parts;
pub mod payload;

pub use field_type::FieldKind;
pub use kinds::{
    ADDRESS_PARTS, DISCOUNT_AMOUNT, DISCOUNT_PERCENT, ITEM_PRICE, ITEM_QUANTITY, METADATA_CATEGORIES, NAME_PART,
    part_names, parts,
};

/// What a mapping can import. A kind is a way of importing; the things it makes are `Entity`s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Lead,
    ComplexLead,
    Contact,
    Company,
    Customer,
    Transaction,
    Element,
    Invoice,
    Catalog,
    Segment,
    CustomerStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Create,
    Update,
    Delete,
}

/// A thing of the CRM that is listed: it has an id of its own, and a collection it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Entity {
    Leads,
    Contacts,
    Companies,
    Customers,
    Transactions,
    /// Of one catalog: products, invoices, plain lists.
    Elements,
    Catalogs,
    Segments,
    /// Stages of customers, in periodicity mode.
    Statuses,
}

/// How an entity is listed.
#[derive(Debug)]
pub struct EntitySpec {
    /// The key under `_embedded`, in the documents' own words.
    pub collection: &'static str,
    /// Below `/api/v4/`; `{catalog}` stands for a catalog's id.
    pub list: &'static str,
    /// The address of the card in the CRM's own pages, below the host. [client]
    pub card: Option<&'static str>,
    pub order: Order,
    /// `filter[id][]` is known to work; else the whole list is looked through. [seed], [doc]
    pub by_ids: bool,
    /// What a list is asked to embed, so that records can be told apart by it.
    pub with: &'static str,
}

/// In which order a list comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `order[id]` is honoured. [seed], [client live]
    ById,
    /// Nobody has seen it honoured; the list has been seen to rise by id. [inferred]
    Unsure,
    /// The list comes whole, whatever page is asked for. [seed]
    Whole,
}

impl Entity {
    pub const ALL: [Entity; 9] = [
        Entity::Leads,
        Entity::Contacts,
        Entity::Companies,
        Entity::Customers,
        Entity::Transactions,
        Entity::Elements,
        Entity::Catalogs,
        Entity::Segments,
        Entity::Statuses,
    ];

    pub fn spec(self) -> &'static EntitySpec {
        match self {
            Entity::Leads => &EntitySpec {
                collection: "leads",
                list: "leads",
                card: Some("leads/detail/{id}"),
                order: Order::ById,
                by_ids: true,
                with: "contacts,catalog_elements",
            },
            Entity::Contacts => &EntitySpec {
                collection: "contacts",
                list: "contacts",
                card: Some("contacts/detail/{id}"),
                order: Order::ById,
                by_ids: true,
                with: "",
            },
            Entity::Companies => &EntitySpec {
                collection: "companies",
                list: "companies",
                card: Some("companies/detail/{id}"),
                order: Order::ById,
                by_ids: true,
                with: "",
            },
            Entity::Customers => &EntitySpec {
                collection: "customers",
                list: "customers",
                card: Some("customers/detail/{id}"),
                order: Order::Unsure,
                by_ids: true,
                with: "contacts,companies,catalog_elements",
            },
            Entity::Transactions => &EntitySpec {
                collection: "transactions",
                list: "customers/transactions",
                card: None,
                order: Order::Unsure,
                by_ids: true,
                with: "",
            },
            Entity::Elements => &EntitySpec {
                collection: "elements",
                list: "catalogs/{catalog}/elements",
                card: Some("catalogs/{catalog}/detail/{id}"),
                order: Order::Unsure,
                by_ids: true,
                with: "invoice_link",
            },
            Entity::Catalogs => &EntitySpec {
                collection: "catalogs",
                list: "catalogs",
                card: Some("catalogs/{id}"),
                order: Order::Unsure,
                by_ids: false,
                with: "",
            },
            Entity::Segments => &EntitySpec {
                collection: "segments",
                list: "customers/segments",
                card: None,
                order: Order::Unsure,
                by_ids: false,
                with: "",
            },
            Entity::Statuses => &EntitySpec {
                collection: "statuses",
                list: "customers/statuses",
                card: None,
                order: Order::Whole,
                by_ids: false,
                with: "",
            },
        }
    }

    /// The path of the list below `/api/v4/`; `{catalog}` stands for a catalog's id.
    pub fn path(self) -> &'static str {
        self.spec().list
    }

    /// The collection key.
    pub fn collection(self) -> &'static str {
        self.spec().collection
    }
}

/// Whose custom fields: those of an entity, or of one catalog's elements. Written as the path their list stands under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    Entity(Entity),
    Catalog(u64),
}

impl Owner {
    /// Entities with custom fields; catalogs have theirs each. [doc]
    pub const ENTITIES: [Entity; 5] =
        [Entity::Leads, Entity::Contacts, Entity::Companies, Entity::Customers, Entity::Segments];

    /// `entity_type` of a field. [doc]
    pub fn name(self) -> &'static str {
        match self {
            Owner::Entity(entity) => entity.collection(),
            Owner::Catalog(_) => "catalogs",
        }
    }

    /// The start of the path of its fields' list, below `/api/v4/`.
    pub fn path(self) -> String {
        match self {
            Owner::Entity(entity) => entity.path().to_owned(),
            Owner::Catalog(id) => format!("catalogs/{id}"),
        }
    }

    pub fn from_path(path: &str) -> Option<Owner> {
        match path.strip_prefix("catalogs/") {
            Some(id) => id.parse().ok().map(Owner::Catalog),
            None => Owner::ENTITIES.into_iter().find(|entity| entity.path() == path).map(Owner::Entity),
        }
    }
}

impl serde::Serialize for Owner {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.path())
    }
}

impl<'de> serde::Deserialize<'de> for Owner {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Owner, D::Error> {
        let path = String::deserialize(deserializer)?;
        Owner::from_path(&path).ok_or_else(|| serde::de::Error::custom(format!("\"{path}\" has no custom fields")))
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

/// What the body of a write is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Array,
    /// One bare object; segments, and what is changed under its own address. [seed]
    Object,
    /// No body: DELETE. [seed]
    Nothing,
}

/// One way of writing a kind.
#[derive(Debug, Clone, Copy)]
pub struct Write {
    pub action: Action,
    /// Below `/api/v4/`. `{catalog}` is the mapping's catalog, `{parent}` the customer of the batch, `{id}` the record's
    /// own id.
    pub path: &'static str,
    pub shape: Shape,
    pub wrapping: Wrapping,
    /// A `request_id` is taken and given back. [seed]
    pub echo: bool,
    pub batch_max: usize,
}

impl Write {
    /// The address of one request.
    pub fn address(&self, catalog: Option<u64>, parent: Option<u64>, id: Option<u64>) -> String {
        let mut path = self.path.to_owned();
        for (name, value) in [("{catalog}", catalog), ("{parent}", parent), ("{id}", id)] {
            if path.contains(name) {
                path = path.replace(name, &value.unwrap_or(0).to_string());
            }
        }
        path
    }

    /// True where the address names the record itself.
    pub fn names_record(&self) -> bool {
        self.path.contains("{id}")
    }

    /// True where the address names what the records belong to: they go out in batches of one owner each.
    pub fn names_parent(&self) -> bool {
        self.path.contains("{parent}")
    }
}

/// Everything the rooms need to know of a kind.
#[derive(Debug)]
pub struct KindSpec {
    pub kind: Kind,
    pub name: &'static str,
    /// What a written item becomes: its list, its card, its answer's collection key.
    pub entity: Entity,
    pub writes: &'static [Write],
    /// Its elements stand in a catalog, which the mapping names.
    pub catalog: Option<CatalogKind>,
    /// Which switch of the account it needs.
    pub needs: Needs,
    /// As many as an account may hold; what is there already counts. [seed]
    pub quota: Option<usize>,
    /// What deleting does to other things, told before it asks. [seed]
    pub deleting: &'static str,
    /// The tables of a mapping file, the first one being the record itself.
    pub sections: &'static [SectionSpec],
}

/// A catalog's `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogKind {
    Any,
    Invoices,
}

/// What an account has to have switched on. [seed]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// Customers, in any mode.
    Customers,
    /// Customers by segments.
    Segments,
    /// Customers by periodicity.
    Periodicity,
}

impl Needs {
    /// True where an account with this `customers_mode` has it. `dynamic` is another word for segments [doc]; a mode that
    /// is not known forbids nothing.
    pub fn met_by(self, customers_mode: &str) -> bool {
        match customers_mode {
            "segments" | "dynamic" => self != Needs::Periodicity,
            "periodicity" => self != Needs::Segments,
            "disabled" | "unavailable" => self == Needs::Nothing,
            _ => true,
        }
    }
}

/// A table of a mapping file and the object it becomes in the payload.
#[derive(Debug)]
pub struct SectionSpec {
    /// `lead`, `lead.metadata`, `contact`: the table's name in the mapping.
    pub name: &'static str,
    pub at: At,
    /// Whose custom fields `[name.fields]` may name.
    pub custom_fields: Option<FieldsOf>,
    /// Custom fields a record may carry here.
    pub custom_fields_max: Option<usize>,
    /// One object for each row of the record, where rows are grouped.
    pub repeats: bool,
    pub fields: &'static [FieldSpec],
}

/// Whose custom fields a section may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldsOf {
    Entity(Entity),
    /// Those of the mapping's catalog.
    Catalog,
}

impl FieldsOf {
    pub fn owner(self, catalog: Option<u64>) -> Option<Owner> {
        match self {
            FieldsOf::Entity(entity) => Some(Owner::Entity(entity)),
            FieldsOf::Catalog => catalog.map(Owner::Catalog),
        }
    }
}

/// Where a section's object stands in the item sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Item,
    /// `_embedded.<key>[0]`
    EmbeddedFirst(&'static str),
    /// `_embedded.<key>`
    Embedded(&'static str),
    /// The value, or the values, of the custom field with this code.
    Field(&'static str),
    /// Elements of a catalog with a quantity, in `_embedded.catalog_elements`.
    Elements,
    /// Elements of a catalog with a quantity, by the link endpoint, after the record is made. [doc]
    LinkedElements,
    /// The parts of one custom field's value; which field, the mapping says.
    Value,
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
    pub on_delete: bool,
    pub required: Required,
    /// Taken in this mode of customers only.
    pub only: Needs,
    /// For the schema and for `--help`.
    pub about: &'static str,
}

/// When a record that is made cannot go without a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Required {
    No,
    Always,
    /// Where customers buy periodically. [seed]
    Periodicity,
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
    /// `_embedded.tags`, which are all the tags there are afterwards. [seed], [client live]
    EmbeddedTags,
    /// A plain list of ids.
    Ids(&'static str),
    /// `discount`: `{"type": "…", "value": n}`. [seed]
    Discount(&'static str),
    /// The custom field with this code.
    Field(&'static str),
    /// In the address, not in the body: what the record belongs to.
    Parent,
    /// Not in the body: a link to these, made by the link endpoint after the record. [doc]
    Link(Entity),
    /// An element's id, quantity or catalog, which go out together.
    ElementId,
    ElementQuantity,
    ElementCatalog,
}

impl Wire {
    /// The start of the paths by which the API names this field in a validation error.
    pub fn path(self) -> String {
        match self {
            Wire::Key(key) | Wire::Tags(key) | Wire::Ids(key) => key.to_owned(),
            Wire::EmbeddedIds(key) => format!("_embedded.{key}"),
            Wire::EmbeddedSource => "_embedded.source".to_owned(),
            Wire::EmbeddedTags => "_embedded.tags".to_owned(),
            Wire::Discount(_) => "discount".to_owned(),
            Wire::Field(code) => code.to_owned(),
            Wire::Parent => "customer_id".to_owned(),
            Wire::Link(_) => "to_entity_id".to_owned(),
            Wire::ElementId => "id".to_owned(),
            Wire::ElementQuantity => "metadata.quantity".to_owned(),
            Wire::ElementCatalog => "metadata.catalog_id".to_owned(),
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
    /// An amount with cents.
    Money,
    /// A number that may have decimals.
    Number,
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
    /// One of a closed list of colours; `hash` where they are written with a `#`. [seed]
    Colour {
        known: &'static [&'static str],
        hash: bool,
    },
    CustomerStatus,
    Segments,
    /// Price fields of the products' catalog. [seed]
    PriceFields,
    /// An element of the products' catalog, or of the catalog the section names.
    Element,
    /// An element of the list of suppliers. [client live]
    Supplier,
    Catalog,
    /// What the custom field with the wire's code holds.
    OfField,
}

impl Holds {
    /// True where one field takes several values.
    pub fn many(self) -> bool {
        matches!(self, Holds::Tags | Holds::Ids(_) | Holds::Segments | Holds::PriceFields)
    }
}

/// Records in one request. [doc], [seed]
pub const BATCH_MAX: usize = 250;
/// Leads in one `leads/complex` request. [seed]
pub const COMPLEX_BATCH_MAX: usize = 50;
/// "recommended ≤ 50" [doc]
pub const BATCH_RECOMMENDED: usize = 50;
/// Rows of one page. [seed]
pub const PAGE_MAX: usize = 250;
/// Lists of an account; one of invoices, one of products. [seed]
pub const CATALOGS_MAX: usize = 10;
/// Segments of an account. [seed]
pub const SEGMENTS_MAX: usize = 100;
/// Statuses of customers, those of the system counted. [seed]
pub const CUSTOMER_STATUSES_MAX: usize = 30;
/// Values of a `chained_list`. [doc]
pub const CHAIN_MAX: usize = 5;
/// Links in one request; no maximum is documented. [inferred]
pub const LINKS_MAX: usize = 50;
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
/// The key of an item's own id.
pub const ID_KEY: &str = "id";
/// Prefix of every path of the API.
pub const API_PREFIX: &str = "/api/v4/";
/// Where customers are switched on and off. [seed]
pub const CUSTOMERS_MODE_PATH: &str = "customers/mode";
pub const TOKEN_PATH: &str = "/oauth2/access_token";

impl Kind {
    pub const ALL: [Kind; 11] = [
        Kind::Lead,
        Kind::ComplexLead,
        Kind::Contact,
        Kind::Company,
        Kind::Customer,
        Kind::Transaction,
        Kind::Element,
        Kind::Invoice,
        Kind::Catalog,
        Kind::Segment,
        Kind::CustomerStatus,
    ];

    pub fn spec(self) -> &'static KindSpec {
        kinds::spec(self)
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

    /// True where several rows may make one record.
    pub fn grouped(&self) -> bool {
        self.sections.iter().any(|section| section.repeats)
    }

    pub fn section(&self, name: &str) -> Option<&'static SectionSpec> {
        self.sections.iter().find(|section| section.name == name)
    }
}

impl SectionSpec {
    pub fn field(&self, name: &str) -> Option<&'static FieldSpec> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// True where the section's object stands inside the item and not beside it.
    pub fn is_item(&self) -> bool {
        self.at == At::Item
    }
}

impl FieldSpec {
    pub fn taken_on(&self, action: Action) -> bool {
        match action {
            Action::Create => self.on_create,
            Action::Update => self.on_update,
            Action::Delete => self.on_delete,
        }
    }
}

impl Action {
    pub const ALL: [Action; 3] = [Action::Create, Action::Update, Action::Delete];

    pub fn name(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Update => "update",
            Action::Delete => "delete",
        }
    }

    pub fn from_name(name: &str) -> Option<Action> {
        Action::ALL.into_iter().find(|action| action.name() == name)
    }

    pub fn method(self) -> &'static str {
        match self {
            Action::Create => "POST",
            Action::Update => "PATCH",
            Action::Delete => "DELETE",
        }
    }
}

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
