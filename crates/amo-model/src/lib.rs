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
pub enum BodyShape {
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
    pub shape: BodyShape,
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
    pub at: Placement,
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
    pub holds: FieldContent,
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
pub enum FieldContent {
    Text {
        max: usize,
    },
    /// A whole number that is an amount of money. [seed: int]
    WholeMoney,
    /// An amount with cents.
    Money,
    /// A number that may have decimals.
    Number,
    /// How many: more than none. [seed]
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

impl FieldContent {
    /// True where one field takes several values.
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

    /// What an export can be asked for: a complex lead is a way of making things and no thing of its own.
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
