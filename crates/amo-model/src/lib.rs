#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod columns;
mod json;
mod kinds;
mod limits;
mod listed;
mod names;
mod values;

pub use columns::{ColumnSpec, ColumnType, INVOICE_LINK, LinkKind};
pub use json::{answer, compact, page, parts, payload};
pub use kinds::{
    ADDRESS_PARTS, COUNTED_PARTS, DISCOUNT_AMOUNT, DISCOUNT_PERCENT, INVOICES, ITEM_PRICE, ITEM_QUANTITY,
    METADATA_CATEGORIES, NAME_PART, PRODUCTS, REFERENCE_PARTS, REFERENCE_TYPE_PART, SUPPLIERS, part_names, parts,
};
pub use limits::*;
pub use listed::{Entity, EntitySpec, ListOrder, MAY_SORT, Owner};
pub use names::*;
pub use values::field_type::FieldKind;
pub use values::{compare, equals, field_type, held};

/// What a mapping can import. A kind is a way of importing; what it makes are `Entity`s.
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

/// What an import does with records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Create,
    Update,
    Delete,
}

/// How an answer wraps its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    /// `{"_embedded": {"<collection>": […]}}`
    Embedded,
    /// A bare array: `leads/complex`. [seed]
    Array,
}

/// The body of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyShape {
    Array,
    /// One object without an array: segments, and changes under a record's own address. [seed]
    Object,
    /// No body: DELETE. [seed]
    Nothing,
}

/// One way of writing a kind.
#[derive(Debug, Clone, Copy)]
pub struct Write {
    pub action: Action,
    /// Below `/api/v4/`. `{catalog}` is the mapping's catalog, `{parent}` the customer of the batch, `{id}` the id of the
    /// record.
    pub path: &'static str,
    pub shape: BodyShape,
    pub wrapping: Wrapping,
    /// A `request_id` is accepted and returned. [seed]
    pub echo: bool,
    /// Records in one request.
    pub batch_max: usize,
}

impl Write {
    /// The path of one request, below `/api/v4/`.
    pub fn address(&self, catalog: Option<u64>, parent: Option<u64>, id: Option<u64>) -> String {
        let mut path = self.path.to_owned();
        for (name, value) in [("{catalog}", catalog), ("{parent}", parent), ("{id}", id)] {
            if path.contains(name) {
                path = path.replace(name, &value.unwrap_or(0).to_string());
            }
        }
        path
    }

    /// True where the path names the record.
    pub fn names_record(&self) -> bool {
        self.path.contains("{id}")
    }

    /// True where the path names the owner of the records, so that a batch has records of one owner only.
    pub fn names_parent(&self) -> bool {
        self.path.contains("{parent}")
    }
}

/// Everything about a kind.
#[derive(Debug)]
pub struct KindSpec {
    pub kind: Kind,
    pub name: &'static str,
    /// What a written item becomes; decides the list, the card, and the collection of the answer.
    pub entity: Entity,
    pub writes: &'static [Write],
    /// The type of the catalog that the mapping names, for elements of catalogs.
    pub catalog: Option<CatalogKind>,
    /// What the account must have switched on.
    pub needs: Needs,
    /// The most that an account may have, existing ones included. [seed]
    pub quota: Option<usize>,
    /// What deleting does to other records; shown before the user confirms. [seed]
    pub deleting: &'static str,
    /// The tables of a mapping file; the first is the record itself.
    pub sections: &'static [SectionSpec],
}

/// A catalog's `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogKind {
    Any,
    Invoices,
}

/// What an account must have switched on. [seed]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// Customers, in any mode.
    Customers,
    /// Customers in the mode of segments.
    Segments,
    /// Customers in the mode of periodic purchases.
    Periodicity,
}

impl Needs {
    /// True where an account with this `customers_mode` has it. `dynamic` is another name of segments [doc]; an unknown mode
    /// forbids nothing.
    pub fn met_by(self, customers_mode: &str) -> bool {
        match customers_mode {
            "segments" | "dynamic" => self != Needs::Periodicity,
            "periodicity" => self != Needs::Segments,
            "disabled" | "unavailable" => self == Needs::Nothing,
            _ => true,
        }
    }
}

/// A table of a mapping file, and the object that it becomes in the request.
#[derive(Debug)]
pub struct SectionSpec {
    /// The name of the table in the mapping: `lead`, `lead.metadata`, `contact`.
    pub name: &'static str,
    pub at: Placement,
    /// The owner of the custom fields that `[name.fields]` may name.
    pub custom_fields: Option<FieldsOf>,
    /// The most custom fields of a record here.
    pub custom_fields_max: Option<usize>,
    /// Each row of a grouped record makes one object.
    pub repeats: bool,
    pub fields: &'static [FieldSpec],
}

/// The owner of the custom fields of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldsOf {
    Entity(Entity),
    /// The catalog of the mapping.
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

/// Where the object of a section goes in the item sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    Item,
    /// `_embedded.<key>[0]`
    EmbeddedFirst(&'static str),
    /// `_embedded.<key>`
    Embedded(&'static str),
    /// The value, or the values, of the custom field with this code.
    Field(&'static str),
    /// Elements of a catalog with a quantity, in `_embedded.catalog_elements`.
    Elements,
    /// Elements of a catalog with a quantity, sent to the link endpoint after the record is made. [doc]
    LinkedElements,
    /// The parts of the value of one custom field, which the mapping names.
    Value,
}

/// A field of the mapping language, and the key that it becomes.
#[derive(Debug)]
pub struct FieldSpec {
    pub name: &'static str,
    /// The key in the JSON; the `path` of validation errors uses it as well.
    pub wire: Wire,
    pub holds: FieldContent,
    pub on_create: bool,
    pub on_update: bool,
    pub on_delete: bool,
    pub required: Required,
    /// Accepted only in this mode of customers.
    pub only: Needs,
    /// A short description for the schema and for `--help`.
    pub about: &'static str,
}

/// When a new record must have a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Required {
    No,
    Always,
    /// In the mode of periodic purchases. [seed]
    Periodicity,
}

/// The place of a field in the request.
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
    /// `_embedded.tags`, which replace all tags of the record. [seed], [client live]
    EmbeddedTags,
    /// A plain list of ids.
    Ids(&'static str),
    /// `discount`: `{"type": "…", "value": n}`. [seed]
    Discount(&'static str),
    /// The custom field with this code.
    Field(&'static str),
    /// The owner of the record; in the path, not in the body.
    Parent,
    /// A link to these; sent to the link endpoint after the record, not in its body. [doc]
    Link(Entity),
    /// The id of an element, which is sent together with its quantity and catalog.
    ElementId,
    ElementQuantity,
    ElementCatalog,
}

impl Wire {
    /// How the `path` of a validation error for this field begins.
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

/// What a field contains, which decides how a cell is converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldContent {
    Text {
        /// Characters.
        max: usize,
    },
    /// A whole number that is an amount of money. [seed: int]
    WholeMoney,
    /// An amount with cents.
    Money,
    /// A number that may have decimals.
    Number,
    /// A number above 0. [seed]
    Quantity,
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
    /// One of these words.
    Word(&'static [&'static str]),
    /// One of these colours; `hash` where they are written with a `#`. [seed]
    Colour {
        known: &'static [&'static str],
        hash: bool,
    },
    CustomerStatus,
    Segments,
    /// Price fields of the catalog of products. [seed]
    PriceFields,
    /// An element of the catalog of products, or of the catalog that the section names.
    Element,
    /// An element of the catalog of suppliers. [client live]
    Supplier,
    Catalog,
    /// As the type of the custom field with the code of `wire` says.
    OfField,
}

impl FieldContent {
    /// True where a field takes several values.
    pub fn many(self) -> bool {
        matches!(self, FieldContent::Tags | FieldContent::Ids(_) | FieldContent::Segments | FieldContent::PriceFields)
    }
}

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

    /// The kinds that can be exported. A complex lead is only a way of making leads, contacts and companies.
    pub fn exported() -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(|kind| *kind != Kind::ComplexLead)
    }

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

    /// True where several rows can make one record.
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

    /// True where the section is the item itself.
    pub fn is_item(&self) -> bool {
        self.at == Placement::Item
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
            assert_eq!(kind.spec().sections[0].at, Placement::Item);
            assert!(!kind.spec().writes.is_empty());
        }
    }

    #[test]
    fn an_updatable_kind_takes_the_id_of_the_record() {
        for kind in Kind::ALL.map(Kind::spec) {
            let takes_id = kind.sections[0].fields.iter().any(|f| f.holds == FieldContent::OwnId && f.on_update);
            assert_eq!(takes_id, kind.write(Action::Update).is_some(), "{}", kind.name);
        }
    }
}
