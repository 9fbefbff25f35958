//! What the CRM lists: its entities, the paths and oddities of their lists, and whose custom fields there are.

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
    pub order: ListOrder,
    /// `filter[id][]` is known to work; else the whole list is looked through. [seed], [doc]
    pub by_ids: bool,
    /// What a list is asked to embed, so that records can be told apart by it.
    pub with: &'static str,
    /// What was deleted can be listed with `with=only_deleted`, for as long as it lies in the trash. [seed], [client live]
    pub trash: bool,
    /// Its last page may name a next one. [seed]
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

/// Keys by which a list may be sorted that does not heed the order asked for: contacts come by their last change. [client
/// live]; the others [inferred]
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

    /// The word for what something is linked to: elements have another one there than in their own list. [doc]
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
