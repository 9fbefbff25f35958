//! Which conversion a target gets: its type decides, `as` may only shape what is a text anyway.

use super::compile::Compile;
use super::convert::date;
use super::convert::number::Round;
use super::plan::{Convert, ElementBy, Lookup, LookupWhat, TargetPlan};
use super::template::columns_named;
use super::value::linked_to;
use super::written::{As, By, From, Origin};
use amo_model::field_type::{DEFAULT_ENUM_CODE, multitext_codes};
use amo_model::parts::{CustomField, FieldOption};
use amo_model::payload::EnumCode;
use amo_model::{ADDRESS_PARTS, Action, Entity, FieldContent, FieldKind, NAME_MAX, Owner, TEXT_MAX, TEXTAREA_MAX};
use amo_model::{PRODUCTS, SUPPLIERS};
use sheet_source::message;
use sheet_source::{ColumnMatch, fold};
use std::sync::Arc;

/// The part of an address that is no free text. [doc]
pub const COUNTRY: &str = "country";

impl Compile<'_> {
    /// `format` on a date is the one layout of that column.
    pub(super) fn origin_rules(&mut self, origin: &Origin, target: &TargetPlan) -> Arc<date::Rules> {
        let Some(format) = origin.format.as_ref().filter(|_| reads_dates(origin, target)) else {
            return self.rules.clone();
        };
        let layouts = self.layout(format).into_iter().collect();
        Arc::new(self.rules.with(layouts))
    }

    pub(super) fn sort(&mut self, origin: &Origin, target: &TargetPlan) -> Option<EnumCode> {
        if let TargetPlan::Custom { kind: FieldKind::SmartAddress, .. } = target {
            return self.address_part(origin);
        }
        let TargetPlan::Custom { field, kind: FieldKind::Multitext } = target else {
            if let Some(sort) = &origin.enum_ {
                let message = message!("\"{target}\" has no sorts of values", target = target.name());
                self.problem(
                    sort.at,
                    "mapping-shape",
                    message,
                    Some("\"enum\" is for phones, e-mails and the like".into()),
                );
            }
            return None;
        };
        let codes = multitext_codes(field.code.as_deref().unwrap_or(""));
        let Some(wanted) = &origin.enum_ else {
            if !codes.is_empty() && !codes.contains(&DEFAULT_ENUM_CODE) {
                let message = message!("\"{field}\" does not say which sort of messenger", field = &field.name);
                let hint = message!("write { column = \"…\", enum = \"…\" }, one of: {known}", known = codes);
                self.problem(origin.at, "mapping-shape", message, Some(hint));
            }
            return Some(EnumCode::Code(DEFAULT_ENUM_CODE.to_owned())).filter(|_| !codes.is_empty());
        };
        let known = |o: &&FieldOption| {
            o.code.as_deref() == Some(&wanted.it) || fold(&o.value) == fold(&wanted.it) || o.id.to_string() == wanted.it
        };
        if codes.contains(&wanted.it.as_str()) {
            return Some(EnumCode::Code(wanted.it.clone()));
        }
        if let Some(option) = field.options.iter().find(known) {
            return Some(EnumCode::Id(option.id));
        }
        let names: Vec<&str> = codes.iter().copied().chain(field.options.iter().map(|o| o.value.as_str())).collect();
        let message = message!("\"{value}\" is no sort of \"{field}\"", value = &wanted.it, field = &field.name);
        self.problem(wanted.at, "unknown-option", message, Some(message!("known: {known}", known = names)));
        None
    }

    /// The sorts that a cell may name behind its value, where the mapping does not say which it is.
    pub(super) fn sorts(&self, origin: &Origin, target: &TargetPlan) -> Vec<String> {
        let TargetPlan::Custom { field, kind: FieldKind::Multitext } = target else { return Vec::new() };
        if origin.enum_.is_some() {
            return Vec::new();
        }
        let codes = multitext_codes(field.code.as_deref().unwrap_or("")).iter().map(|code| (*code).to_owned());
        codes.chain(field.options.iter().filter_map(|option| option.code.clone())).collect()
    }

    /// Which part of an address a text is; the first line where nothing is said. [doc]
    fn address_part(&mut self, origin: &Origin) -> Option<EnumCode> {
        let Some(wanted) = &origin.enum_ else { return Some(EnumCode::Code(ADDRESS_PARTS[0].to_owned())) };
        if !ADDRESS_PARTS.contains(&wanted.it.as_str()) {
            let message = message!("\"{value}\" is no part of an address", value = &wanted.it);
            self.problem(wanted.at, "unknown-option", message, Some(message!("known: {known}", known = ADDRESS_PARTS)));
            return None;
        }
        Some(EnumCode::Code(wanted.it.clone()))
    }

    fn lookup(&mut self, what: LookupWhat) -> Convert {
        self.lookups += 1;
        Convert::Name(Lookup { what, cache: self.lookups - 1 })
    }

    pub(super) fn convert(
        &mut self,
        origin: &Origin,
        target: &TargetPlan,
        owner: Option<Owner>,
        catalog: Option<u64>,
        round: Option<Round>,
        rules: Arc<date::Rules>,
    ) -> Option<Convert> {
        let convert = match target {
            TargetPlan::Field(spec) => match spec.holds {
                FieldContent::Text { max } => return self.text(origin, max, rules),
                holds => self.own(origin, (holds, owner), catalog, round, rules)?,
            },
            TargetPlan::Custom { field, kind } => match self.custom(origin, field, *kind, owner, &rules) {
                Some(convert) => convert,
                None => return self.text(origin, kind.text_max().unwrap_or(TEXTAREA_MAX), rules),
            },
        };
        if let Some(as_) = &origin.as_
            && !agrees(as_.it, &convert)
        {
            let message =
                message!("\"{target}\" cannot be filled as \"{value}\"", target = target.name(), value = as_.it.word());
            self.problem(as_.at, "conversion", message, Some("leave \"as\" out: the target's type decides".into()));
            return None;
        }
        Some(convert)
    }

    /// The titles of the columns that a value is made of, by which it is told whose keys they hold.
    fn titles_of(&self, origin: &Origin) -> Option<Arc<[String]>> {
        let named = match &origin.from {
            From::Column(title) => vec![title.it.clone()],
            From::Template(text) => columns_named(&text.it),
            From::Constant(_) => Vec::new(),
        };
        let found = named.iter().filter_map(|title| match self.header.find(title) {
            ColumnMatch::One(column) => Some(self.header.title(column).to_owned()),
            ColumnMatch::Many(_) | ColumnMatch::None => None,
        });
        let titles: Vec<String> = found.collect();
        (!titles.is_empty()).then(|| titles.into())
    }

    /// What a field of the kind itself asks for.
    fn own(
        &mut self,
        origin: &Origin,
        (holds, owner): (FieldContent, Option<Owner>),
        catalog: Option<u64>,
        round: Option<Round>,
        rules: Arc<date::Rules>,
    ) -> Option<Convert> {
        let by = origin.by.as_ref().map(|by| by.it);
        let kind = self.written.kind.spec();
        Some(match holds {
            FieldContent::WholeMoney => Convert::WholeMoney { round },
            FieldContent::Money => Convert::Money,
            FieldContent::Number => Convert::Number,
            FieldContent::Quantity => Convert::Quantity,
            FieldContent::Int => Convert::Int { round },
            FieldContent::Bool => Convert::Bool,
            FieldContent::Timestamp => Convert::Moment(rules),
            FieldContent::Pipeline => self.lookup(LookupWhat::Pipeline),
            FieldContent::Status => {
                let anywhere = self.written.action == Action::Update && !self.pipeline_named;
                self.lookup(LookupWhat::Stage { anywhere })
            }
            FieldContent::LossReason => self.lookup(LookupWhat::LossReason),
            FieldContent::User => self.lookup(LookupWhat::ActiveUser),
            FieldContent::UserOrRobot => self.lookup(LookupWhat::UserOrRobot),
            FieldContent::Tags => Convert::Tag,
            FieldContent::Word(words) => Convert::Word(words),
            FieldContent::Colour { known, hash } => Convert::Colour { known, hash },
            FieldContent::CustomerStatus => self.lookup(LookupWhat::CustomerStatus),
            FieldContent::Segments => self.lookup(LookupWhat::Segment),
            FieldContent::Catalog => self.lookup(LookupWhat::Catalog),
            FieldContent::PriceFields => {
                let Some(catalog) = self.typed_catalog(PRODUCTS) else {
                    let hint = Some("leave it out of the mapping".into());
                    self.problem(origin.at, "no-catalog", "the account has no list of products", hint);
                    return None;
                };
                self.lookup(LookupWhat::PriceField { catalog })
            }
            FieldContent::Ids(entity) | FieldContent::OneId(entity) => match by {
                Some(By::Key) => {
                    self.lookup(LookupWhat::Ledger { entity, catalog: None, titles: self.titles_of(origin) })
                }
                Some(By::Name) => {
                    if entity == Entity::Customers && !self.book.knows_customers() {
                        let hint = Some("check against the account itself".into());
                        self.problem(origin.at, "account-file", "the snapshot does not hold the customers", hint);
                    }
                    self.lookup(LookupWhat::Customer)
                }
                Some(By::Id) | None => Convert::EntityId,
            },
            FieldContent::OwnId => match by {
                Some(By::Key) => {
                    // The contact of a lead has its key among contacts.
                    let entity = match owner {
                        Some(Owner::Entity(entity)) => entity,
                        Some(Owner::Catalog(_)) | None => kind.entity,
                    };
                    self.lookup(LookupWhat::Ledger { entity, catalog: self.catalog, titles: self.titles_of(origin) })
                }
                Some(By::Name) => self.lookup(match kind.entity {
                    Entity::Catalogs => LookupWhat::Catalog,
                    Entity::Segments => LookupWhat::Segment,
                    _ => LookupWhat::CustomerStatus,
                }),
                Some(By::Id) | None => Convert::EntityId,
            },
            FieldContent::Element => self.element(by, catalog.or_else(|| self.typed_catalog(PRODUCTS)), origin.at)?,
            FieldContent::Supplier => match (by, self.typed_catalog(SUPPLIERS)) {
                (Some(By::Id), _) => Convert::EntityId,
                (_, Some(catalog)) => self.lookup(LookupWhat::Element { catalog, by: ElementBy::Name }),
                (_, None) => {
                    let hint = Some("write by = \"id\" and the ids of the suppliers".into());
                    self.problem(origin.at, "no-catalog", "the account has no list of suppliers", hint);
                    return None;
                }
            },
            // These are custom fields, or texts, and were dealt with as such.
            FieldContent::Text { .. } | FieldContent::OfField => return None,
        })
    }

    fn element(&mut self, by: Option<By>, catalog: Option<u64>, at: usize) -> Option<Convert> {
        let by = match by {
            Some(By::Id) => return Some(Convert::EntityId),
            Some(By::Key) => ElementBy::Article,
            Some(By::Name) => ElementBy::Name,
            None => ElementBy::Either,
        };
        // Without a list there is a problem already.
        let catalog = catalog?;
        if !self.book.knows_elements(catalog) {
            let hint = Some("check against the account itself".into());
            self.problem(at, "account-file", "the snapshot does not hold the elements of this list", hint);
        }
        Some(self.lookup(LookupWhat::Element { catalog, by }))
    }

    /// What a custom field asks for; `None` where it is a text.
    fn custom(
        &mut self,
        origin: &Origin,
        field: &CustomField,
        kind: FieldKind,
        owner: Option<Owner>,
        rules: &Arc<date::Rules>,
    ) -> Option<Convert> {
        let shape = origin.as_.as_ref().map(|a| a.it);
        let by_id = origin.by.as_ref().is_some_and(|by| by.it == By::Id);
        if shape == Some(As::Json) && is_structured(kind) {
            return Some(Convert::Json { kind, bare: origin.by.as_ref().is_some_and(|by| by.it == By::Name) });
        }
        Some(match kind {
            FieldKind::Numeric => Convert::Number,
            FieldKind::Monetary | FieldKind::Price => Convert::Money,
            FieldKind::Checkbox => Convert::Bool,
            FieldKind::Date | FieldKind::Birthday => Convert::Day(rules.clone()),
            FieldKind::DateTime => Convert::Moment(rules.clone()),
            FieldKind::Select | FieldKind::Radiobutton | FieldKind::Multiselect | FieldKind::Category => {
                let owner = owner.or(self.catalog.map(Owner::Catalog))?;
                self.lookup(LookupWhat::Option { owner, field: field.id })
            }
            FieldKind::Multitext if shape.is_none() && field.code.as_deref() == Some("PHONE") => {
                Convert::Phone { max: TEXT_MAX }
            }
            FieldKind::Multitext if shape.is_none() && field.code.as_deref() == Some("EMAIL") => {
                Convert::Email { max: TEXT_MAX }
            }
            FieldKind::Url if shape.is_none() => Convert::Url { max: TEXT_MAX },
            FieldKind::ChainedList => {
                self.lookups += 1;
                Convert::Chain { catalogs: field.chain.clone(), cache: self.lookups - 1 }
            }
            FieldKind::LinkedEntity if by_id => {
                self.id_of_what(origin, field);
                Convert::EntityId
            }
            FieldKind::Supplier if by_id => Convert::EntityId,
            FieldKind::SmartAddress if origin.enum_.as_ref().is_some_and(|part| part.it == COUNTRY) => Convert::Country,
            FieldKind::Supplier => match self.typed_catalog(SUPPLIERS) {
                Some(catalog) if self.book.knows_elements(catalog) => {
                    self.lookup(LookupWhat::Element { catalog, by: ElementBy::Name })
                }
                _ => Convert::EntityId,
            },
            FieldKind::LegalEntity | FieldKind::LinkedEntity | FieldKind::Payer => {
                Convert::ObjectName { max: NAME_MAX }
            }
            _ => return None,
        })
    }

    fn id_of_what(&mut self, origin: &Origin, field: &CustomField) {
        if linked_to(field.search_in.as_deref()).is_none() {
            let message =
                message!("\"{field}\" links contacts and companies, and an id does not say which", field = &field.name);
            let hint = "write { entity_id = \"…\", entity_type = { value = \"contacts\" } }".into();
            self.problem(origin.at, "mapping-shape", message, Some(hint));
        }
    }

    fn text(&mut self, origin: &Origin, max: usize, rules: Arc<date::Rules>) -> Option<Convert> {
        if let Some(json) = origin.as_.as_ref().filter(|as_| as_.it == As::Json) {
            let hint = Some("it is for payers, lines, legal entities, addresses and the like; leave it out".into());
            self.problem(json.at, "conversion", "\"json\" is for fields whose values are objects", hint);
            return None;
        }
        let print = origin.format.as_ref();
        if let Some(print) = print {
            self.layout(print);
        }
        Some(match origin.as_.as_ref().map(|a| a.it) {
            Some(As::Phone) => Convert::Phone { max },
            Some(As::Email) => Convert::Email { max },
            Some(As::Url) => Convert::Url { max },
            shape => Convert::Text { shape, max, rules, print: print.map(|p| p.it.clone()) },
        })
    }
}

/// True where `as` says no more than the target's type does.
fn agrees(as_: As, convert: &Convert) -> bool {
    match convert {
        Convert::Number | Convert::Quantity | Convert::Int { .. } => matches!(as_, As::Number | As::Money),
        Convert::Money | Convert::WholeMoney { .. } => matches!(as_, As::Money | As::Number),
        Convert::Bool => as_ == As::Bool,
        Convert::Json { .. } => as_ == As::Json,
        Convert::Day(_) => as_ == As::Date,
        Convert::Moment(_) => matches!(as_, As::DateTime | As::Date),
        Convert::Name(_) | Convert::Tag | Convert::Word(_) => {
            matches!(as_, As::Text | As::Trim)
        }
        Convert::EntityId => as_ == As::Number,
        Convert::Colour { .. } | Convert::Country | Convert::Chain { .. } | Convert::ObjectName { .. } => {
            matches!(as_, As::Text | As::Trim)
        }
        Convert::Text { .. } | Convert::Phone { .. } | Convert::Email { .. } | Convert::Url { .. } => true,
    }
}

/// Types whose values are objects, or come in parts.
pub fn is_structured(kind: FieldKind) -> bool {
    matches!(
        kind,
        FieldKind::LegalEntity
            | FieldKind::SmartAddress
            | FieldKind::LinkedEntity
            | FieldKind::Payer
            | FieldKind::Supplier
            | FieldKind::Items
            | FieldKind::ChainedList
    )
}

fn reads_dates(origin: &Origin, target: &TargetPlan) -> bool {
    let by_target = match target {
        TargetPlan::Field(spec) => spec.holds == FieldContent::Timestamp,
        TargetPlan::Custom { kind, .. } => matches!(kind, FieldKind::Date | FieldKind::DateTime | FieldKind::Birthday),
    };
    by_target || matches!(origin.as_.as_ref().map(|a| a.it), Some(As::Date | As::DateTime))
}

/// Why fields of this type cannot be filled from a cell, where they cannot.
pub fn writable(kind: FieldKind) -> Result<(), &'static str> {
    match kind {
        FieldKind::File => Err("a file has to be uploaded by hand, the API takes only what its drive holds already"),
        FieldKind::OrgLegalName => Err("the service fills it by itself"),
        FieldKind::Unknown => Err("this type is not known, and what it would take is not either"),
        _ => Ok(()),
    }
}
