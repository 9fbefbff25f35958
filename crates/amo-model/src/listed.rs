//! The entities of the CRM: the paths and peculiarities of their lists, and the owners of custom fields.

/// A kind of record with an id of its own and a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Entity {
    Leads,
    Contacts,
    Companies,
    Customers,
    Transactions,
    /// Elements of one catalog: products, invoices, regular catalogs.
    Elements,
    Catalogs,
    Segments,
    /// Customer statuses, in the mode of periodic purchases.
    Statuses,
}

/// The list of an entity.
#[derive(Debug)]
pub struct EntitySpec {
    /// The key under `_embedded`.
    pub collection: &'static str,
    /// Below `/api/v4/`; `{catalog}` stands for a catalog's id.
    pub list: &'static str,
    /// The path of the record's card in the CRM's own pages. [client]
    pub card: Option<&'static str>,
    pub order: ListOrder,
    /// `filter[id][]` is known to work; else the whole list is read. [seed], [doc]
    pub by_ids: bool,
    /// What a list is asked to embed, so that records can be told apart.
    pub with: &'static str,
    /// Deleted records can be listed with `with=only_deleted` while they are in the trash. [seed], [client live]
    pub trash: bool,
    /// The last page may link to a next one. [seed]
    pub names_next: bool,
}

/// The order in which a list comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListOrder {
    /// `order[id]` is honoured. [seed], [client live]
    ById,
    /// It is not known whether `order[id]` is honoured; the list has been seen to rise by id. [inferred]
    Unknown,
    /// The whole list comes as one page, whatever page is requested. [seed]
    OnePage,
}

/// Keys by which a list may be sorted that ignores the order asked for. Contacts come by their last change [client live]; the
/// others [inferred]
pub const MAY_SORT: [&str; 3] = ["name", "created_at", "updated_at"];

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
                order: ListOrder::ById,
                by_ids: true,
                with: "contacts,catalog_elements",
                trash: true,
                names_next: false,
            },
            Entity::Contacts => &EntitySpec {
                collection: "contacts",
                list: "contacts",
                card: Some("contacts/detail/{id}"),
                order: ListOrder::ById,
                by_ids: true,
                with: "",
                trash: true,
                names_next: false,
            },
            Entity::Companies => &EntitySpec {
                collection: "companies",
                list: "companies",
                card: Some("companies/detail/{id}"),
                order: ListOrder::ById,
                by_ids: true,
                with: "",
                trash: true,
                names_next: false,
            },
            Entity::Customers => &EntitySpec {
                collection: "customers",
                list: "customers",
                card: Some("customers/detail/{id}"),
                order: ListOrder::Unknown,
                by_ids: true,
                with: "contacts,companies,catalog_elements",
                trash: false,
                names_next: false,
            },
            Entity::Transactions => &EntitySpec {
                collection: "transactions",
                list: "customers/transactions",
                card: None,
                order: ListOrder::Unknown,
                by_ids: true,
                with: "",
                trash: false,
                names_next: true,
            },
            Entity::Elements => &EntitySpec {
                collection: "elements",
                list: "catalogs/{catalog}/elements",
                card: Some("catalogs/{catalog}/detail/{id}"),
                order: ListOrder::Unknown,
                by_ids: true,
                with: "invoice_link",
                trash: false,
                names_next: true,
            },
            Entity::Catalogs => &EntitySpec {
                collection: "catalogs",
                list: "catalogs",
                card: Some("catalogs/{id}"),
                order: ListOrder::Unknown,
                by_ids: false,
                with: "",
                trash: false,
                names_next: true,
            },
            Entity::Segments => &EntitySpec {
                collection: "segments",
                list: "customers/segments",
                card: None,
                order: ListOrder::Unknown,
                by_ids: false,
                with: "",
                trash: false,
                names_next: false,
            },
            Entity::Statuses => &EntitySpec {
                collection: "statuses",
                list: "customers/statuses",
                card: None,
                order: ListOrder::OnePage,
                by_ids: false,
                with: "",
                trash: false,
                names_next: false,
            },
        }
    }

    /// The path of the list below `/api/v4/`; `{catalog}` stands for a catalog's id.
    pub fn path(self) -> &'static str {
        self.spec().list
    }

    /// The name of the entity in links. Elements have another name there than in their own list. [doc]
    pub fn linked(self) -> &'static str {
        match self {
            Entity::Elements => "catalog_elements",
            Entity::Leads
            | Entity::Contacts
            | Entity::Companies
            | Entity::Customers
            | Entity::Transactions
            | Entity::Catalogs
            | Entity::Segments
            | Entity::Statuses => self.collection(),
        }
    }

    /// The key under `_embedded`.
    pub fn collection(self) -> &'static str {
        self.spec().collection
    }
}

/// The owner of custom fields: an entity, or one catalog for its elements. Serialized as the start of the path of their list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    Entity(Entity),
    Catalog(u64),
}

impl Owner {
    /// Entities with custom fields; each catalog has fields of its own. [doc]
    pub const ENTITIES: [Entity; 5] =
        [Entity::Leads, Entity::Contacts, Entity::Companies, Entity::Customers, Entity::Segments];

    /// `entity_type` of a field. [doc]
    pub fn name(self) -> &'static str {
        match self {
            Owner::Entity(entity) => entity.collection(),
            Owner::Catalog(_) => "catalogs",
        }
    }

    /// The start of the path of the list of its fields, below `/api/v4/`.
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
