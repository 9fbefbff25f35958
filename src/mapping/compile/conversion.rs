//! Selects the conversion of a target: its type decides, `as` only affects texts.

use super::Compiler;
use crate::mapping::convert::date;
use crate::mapping::convert::number::Round;
use crate::mapping::language::ast::{As, By, Origin, ValueSource};
use crate::mapping::lookup::{ElementBy, Lookup, LookupKind};
use crate::mapping::plan::{Conversion, TargetPlan, linked_to};
use crate::mapping::template::columns_named;
use amo_model::field_type::{DEFAULT_ENUM_CODE, multitext_codes};
use amo_model::parts::{CustomField, FieldOption};
use amo_model::payload::EnumCode;
use amo_model::{ADDRESS_PARTS, Action, Entity, FieldContent, FieldKind, NAME_MAX, Owner, TEXT_MAX, TEXTAREA_MAX};
use amo_model::{PRODUCTS, SUPPLIERS};
use sheet_source::message;
use sheet_source::{ColumnMatch, fold};
use std::sync::Arc;

/// The only part of an address that is not a free text. [doc]
pub const COUNTRY: &str = "country";

/// How many values a target takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arity {
    One,
    /// Several, if the mapping has `split`.
    IfSplit,
    Many,
}

/// A target whose origins are compiled.
pub(super) struct TargetContext<'a> {
    pub(super) target: &'a TargetPlan,
    /// The owner of the section's custom fields.
    pub(super) owner: Option<Owner>,
    /// The catalog of the section's products.
    pub(super) catalog: Option<u64>,
    pub(super) arity: Arity,
    /// The service requires the field.
    pub(super) required: bool,
}

impl Compiler<'_> {
    /// The date rules of an origin: `format` on a date is the only format of that column.
    pub(super) fn origin_rules(&mut self, origin: &Origin, target: &TargetPlan) -> Arc<date::Rules> {
        let Some(format) = origin.format.as_ref().filter(|_| reads_dates(origin, target)) else {
            return self.rules.clone();
        };
        let layouts = self.date_format(format).into_iter().collect();
        Arc::new(self.rules.with(layouts))
    }

    pub(super) fn enum_code(&mut self, origin: &Origin, target: &TargetPlan) -> Option<EnumCode> {
        if let TargetPlan::Custom { kind: FieldKind::SmartAddress, .. } = target {
            return self.address_part(origin);
        }
        let TargetPlan::Custom { field, kind: FieldKind::Multitext } = target else {
            if let Some(enum_code) = &origin.enum_ {
                let message = message!("\"{target}\" takes no \"enum\"", target = target.name());
                self.problem(
                    enum_code.offset,
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
                let message = message!("\"{field}\" needs an \"enum\", the type of messenger", field = &field.name);
                let hint = message!("write { column = \"…\", enum = \"…\" }, one of: {known}", known = codes);
                self.problem(origin.offset, "mapping-shape", message, Some(hint));
            }
            return Some(EnumCode::Code(DEFAULT_ENUM_CODE.to_owned())).filter(|_| !codes.is_empty());
        };
        let known = |o: &&FieldOption| {
            o.code.as_deref() == Some(&wanted.value)
                || fold(&o.value) == fold(&wanted.value)
                || o.id.to_string() == wanted.value
        };
        if codes.contains(&wanted.value.as_str()) {
            return Some(EnumCode::Code(wanted.value.clone()));
        }
        if let Some(option) = field.options.iter().find(known) {
            return Some(EnumCode::Id(option.id));
        }
        let names: Vec<&str> = codes.iter().copied().chain(field.options.iter().map(|o| o.value.as_str())).collect();
        let message =
            message!("unknown \"enum\" of \"{field}\": \"{value}\"", value = &wanted.value, field = &field.name);
        self.problem(wanted.offset, "unknown-option", message, Some(message!("known: {known}", known = names)));
        None
    }

    /// The enum codes that a cell may name after its value, if the mapping has no `enum`.
    pub(super) fn enum_codes(&self, origin: &Origin, target: &TargetPlan) -> Vec<String> {
        let TargetPlan::Custom { field, kind: FieldKind::Multitext } = target else { return Vec::new() };
        if origin.enum_.is_some() {
            return Vec::new();
        }
        let codes = multitext_codes(field.code.as_deref().unwrap_or("")).iter().map(|code| (*code).to_owned());
        codes.chain(field.options.iter().filter_map(|option| option.code.clone())).collect()
    }

    /// The address part of an origin; by default the first line. [doc]
    fn address_part(&mut self, origin: &Origin) -> Option<EnumCode> {
        let Some(wanted) = &origin.enum_ else { return Some(EnumCode::Code(ADDRESS_PARTS[0].to_owned())) };
        if !ADDRESS_PARTS.contains(&wanted.value.as_str()) {
            let message = message!("unknown part of an address: \"{value}\"", value = &wanted.value);
            self.problem(
                wanted.offset,
                "unknown-option",
                message,
                Some(message!("known: {known}", known = ADDRESS_PARTS)),
            );
            return None;
        }
        Some(EnumCode::Code(wanted.value.clone()))
    }

    fn lookup(&mut self, kind: LookupKind) -> Conversion {
        self.lookups += 1;
        Conversion::Name(Lookup { kind, cache: self.lookups - 1 })
    }

    pub(super) fn conversion(
        &mut self,
        origin: &Origin,
        context: &TargetContext<'_>,
        round: Option<Round>,
        rules: Arc<date::Rules>,
    ) -> Option<Conversion> {
        let target = context.target;
        let conversion = match target {
            TargetPlan::Field(spec) => match spec.holds {
                FieldContent::Text { max } => return self.text_conversion(origin, max, rules),
                FieldContent::WholeMoney => Conversion::WholeMoney { round },
                FieldContent::Int => Conversion::Int { round },
                FieldContent::Timestamp => Conversion::Moment(rules),
                holds => self.standard_conversion(origin, holds, context)?,
            },
            TargetPlan::Custom { kind, .. } => match self.custom_conversion(origin, context, &rules) {
                Some(conversion) => conversion,
                None => return self.text_conversion(origin, kind.text_max().unwrap_or(TEXTAREA_MAX), rules),
            },
        };
        if let Some(as_) = &origin.as_
            && !is_compatible(as_.value, &conversion)
        {
            let message = message!(
                "\"{target}\" cannot be filled as \"{value}\"",
                target = target.name(),
                value = as_.value.word()
            );
            self.problem(as_.offset, "conversion", message, Some("leave \"as\" out: the target's type decides".into()));
            return None;
        }
        Some(conversion)
    }

    /// The titles of the columns that a value is made of; they identify the key space.
    fn titles_of(&self, origin: &Origin) -> Option<Arc<[String]>> {
        let named = match &origin.source {
            ValueSource::Column(title) => vec![title.value.clone()],
            ValueSource::Template(text) => columns_named(&text.value),
            ValueSource::Constant(_) => Vec::new(),
        };
        let found = named.iter().filter_map(|title| match self.header.find(title) {
            ColumnMatch::One(column) => Some(self.header.title(column).to_owned()),
            ColumnMatch::Many(_) | ColumnMatch::None => None,
        });
        let titles: Vec<String> = found.collect();
        (!titles.is_empty()).then(|| titles.into())
    }

    /// The conversion of a standard field of the kind; whole numbers, moments and texts are converted in `conversion`.
    fn standard_conversion(
        &mut self,
        origin: &Origin,
        holds: FieldContent,
        context: &TargetContext<'_>,
    ) -> Option<Conversion> {
        let by = origin.by.as_ref().map(|by| by.value);
        let kind = self.ast.kind.spec();
        Some(match holds {
            FieldContent::Money => Conversion::Money,
            FieldContent::Number => Conversion::Number,
            FieldContent::Quantity => Conversion::Quantity,
            FieldContent::Bool => Conversion::Bool,
            FieldContent::Pipeline => self.lookup(LookupKind::Pipeline),
            FieldContent::Status => {
                let anywhere = self.ast.action == Action::Update && !self.pipeline_named;
                self.lookup(LookupKind::Stage { anywhere })
            }
            FieldContent::LossReason => self.lookup(LookupKind::LossReason),
            FieldContent::User => self.lookup(LookupKind::ActiveUser),
            FieldContent::UserOrRobot => self.lookup(LookupKind::UserOrRobot),
            FieldContent::Tags => Conversion::Tag,
            FieldContent::Word(words) => Conversion::Word(words),
            FieldContent::Colour { known, hash } => Conversion::Colour { known, hash },
            FieldContent::CustomerStatus => self.lookup(LookupKind::CustomerStatus),
            FieldContent::Segments => self.lookup(LookupKind::Segment),
            FieldContent::Catalog => self.lookup(LookupKind::Catalog),
            FieldContent::PriceFields => {
                let Some(catalog) = self.catalog_of_type(PRODUCTS) else {
                    let hint = Some("leave it out of the mapping".into());
                    self.problem(origin.offset, "no-catalog", "the account has no catalog of products", hint);
                    return None;
                };
                self.lookup(LookupKind::PriceField { catalog })
            }
            FieldContent::Ids(entity) | FieldContent::OneId(entity) => match by {
                Some(By::Key) => {
                    self.lookup(LookupKind::Ledger { entity, catalog: None, titles: self.titles_of(origin) })
                }
                Some(By::Name) => {
                    if entity == Entity::Customers && !self.resolver.knows_customers() {
                        let hint = Some("check against the account itself".into());
                        self.problem(origin.offset, "account-file", "the snapshot has no customers", hint);
                    }
                    self.lookup(LookupKind::Customer)
                }
                Some(By::Id) | None => Conversion::EntityId,
            },
            FieldContent::OwnId => match by {
                Some(By::Key) => {
                    // The contact of a lead is looked up among the keys of contacts.
                    let entity = match context.owner {
                        Some(Owner::Entity(entity)) => entity,
                        Some(Owner::Catalog(_)) | None => kind.entity,
                    };
                    self.lookup(LookupKind::Ledger { entity, catalog: self.catalog, titles: self.titles_of(origin) })
                }
                Some(By::Name) => self.lookup(match kind.entity {
                    Entity::Catalogs => LookupKind::Catalog,
                    Entity::Segments => LookupKind::Segment,
                    _ => LookupKind::CustomerStatus,
                }),
                Some(By::Id) | None => Conversion::EntityId,
            },
            FieldContent::Element => {
                self.element(by, context.catalog.or_else(|| self.catalog_of_type(PRODUCTS)), origin.offset)?
            }
            FieldContent::Supplier => match (by, self.catalog_of_type(SUPPLIERS)) {
                (Some(By::Id), _) => Conversion::EntityId,
                (_, Some(catalog)) => self.lookup(LookupKind::Element { catalog, by: ElementBy::Name }),
                (_, None) => {
                    let hint = Some("write by = \"id\" and the ids of the suppliers".into());
                    self.problem(origin.offset, "no-catalog", "the account has no catalog of suppliers", hint);
                    return None;
                }
            },
            FieldContent::Text { .. }
            | FieldContent::WholeMoney
            | FieldContent::Int
            | FieldContent::Timestamp
            | FieldContent::OfField => return None,
        })
    }

    fn element(&mut self, by: Option<By>, catalog: Option<u64>, offset: usize) -> Option<Conversion> {
        let by = match by {
            Some(By::Id) => return Some(Conversion::EntityId),
            Some(By::Key) => ElementBy::Sku,
            Some(By::Name) => ElementBy::Name,
            None => ElementBy::Either,
        };
        // A missing catalog is already reported.
        let catalog = catalog?;
        if !self.resolver.knows_elements(catalog) {
            let hint = Some("check against the account itself".into());
            self.problem(offset, "account-file", "the snapshot has no elements of this catalog", hint);
        }
        Some(self.lookup(LookupKind::Element { catalog, by }))
    }

    /// The conversion of a custom field; `None` for texts.
    fn custom_conversion(
        &mut self,
        origin: &Origin,
        context: &TargetContext<'_>,
        rules: &Arc<date::Rules>,
    ) -> Option<Conversion> {
        let TargetPlan::Custom { field, kind } = context.target else { return None };
        let kind = *kind;
        let shape = origin.as_.as_ref().map(|a| a.value);
        let by_id = origin.by.as_ref().is_some_and(|by| by.value == By::Id);
        if shape == Some(As::Json) && is_structured(kind) {
            return Some(Conversion::Json {
                kind,
                without_ids: origin.by.as_ref().is_some_and(|by| by.value == By::Name),
            });
        }
        Some(match kind {
            FieldKind::Numeric => Conversion::Number,
            FieldKind::Monetary | FieldKind::Price => Conversion::Money,
            FieldKind::Checkbox => Conversion::Bool,
            FieldKind::Date | FieldKind::Birthday => Conversion::Day(rules.clone()),
            FieldKind::DateTime => Conversion::Moment(rules.clone()),
            FieldKind::Select | FieldKind::Radiobutton | FieldKind::Multiselect | FieldKind::Category => {
                context.owner.or(self.catalog.map(Owner::Catalog))?;
                self.lookup(LookupKind::Option(Arc::new(field.clone())))
            }
            FieldKind::Multitext if shape.is_none() && field.code.as_deref() == Some("PHONE") => {
                Conversion::Phone { max: TEXT_MAX }
            }
            FieldKind::Multitext if shape.is_none() && field.code.as_deref() == Some("EMAIL") => {
                Conversion::Email { max: TEXT_MAX }
            }
            FieldKind::Url if shape.is_none() => Conversion::Url { max: TEXT_MAX },
            FieldKind::ChainedList => {
                self.lookups += 1;
                Conversion::Chain { catalogs: field.chain.clone(), cache: self.lookups - 1 }
            }
            FieldKind::LinkedEntity if by_id => {
                self.check_link_type(origin, field);
                Conversion::EntityId
            }
            FieldKind::Supplier if by_id => Conversion::EntityId,
            FieldKind::SmartAddress if origin.enum_.as_ref().is_some_and(|part| part.value == COUNTRY) => {
                Conversion::Country
            }
            FieldKind::Supplier => match self.catalog_of_type(SUPPLIERS) {
                Some(catalog) if self.resolver.knows_elements(catalog) => {
                    self.lookup(LookupKind::Element { catalog, by: ElementBy::Name })
                }
                _ => Conversion::EntityId,
            },
            FieldKind::LegalEntity | FieldKind::LinkedEntity | FieldKind::Payer => {
                Conversion::ObjectName { max: NAME_MAX }
            }
            _ => return None,
        })
    }

    fn check_link_type(&mut self, origin: &Origin, field: &CustomField) {
        if linked_to(field.search_in.as_deref()).is_none() {
            let message =
                message!("\"{field}\" links contacts and companies; an id alone is ambiguous", field = &field.name);
            let hint = "write { entity_id = \"…\", entity_type = { value = \"contacts\" } }".into();
            self.problem(origin.offset, "mapping-shape", message, Some(hint));
        }
    }

    fn text_conversion(&mut self, origin: &Origin, max: usize, rules: Arc<date::Rules>) -> Option<Conversion> {
        if let Some(json) = origin.as_.as_ref().filter(|as_| as_.value == As::Json) {
            let hint = Some("leave it out; it is for payers, lines, legal entities, addresses and the like".into());
            self.problem(json.offset, "conversion", "\"json\" is for fields whose values are objects", hint);
            return None;
        }
        let print = origin.format.as_ref();
        if let Some(print) = print {
            self.date_format(print);
        }
        Some(match origin.as_.as_ref().map(|a| a.value) {
            Some(As::Phone) => Conversion::Phone { max },
            Some(As::Email) => Conversion::Email { max },
            Some(As::Url) => Conversion::Url { max },
            shape => Conversion::Text { shape, max, rules, print: print.map(|p| p.value.clone()) },
        })
    }
}

/// True if `as` agrees with the type of the target.
fn is_compatible(as_: As, conversion: &Conversion) -> bool {
    match conversion {
        Conversion::Number | Conversion::Quantity | Conversion::Int { .. } => matches!(as_, As::Number | As::Money),
        Conversion::Money | Conversion::WholeMoney { .. } => matches!(as_, As::Money | As::Number),
        Conversion::Bool => as_ == As::Bool,
        Conversion::Json { .. } => as_ == As::Json,
        Conversion::Day(_) => as_ == As::Date,
        Conversion::Moment(_) => matches!(as_, As::DateTime | As::Date),
        Conversion::Name(_) | Conversion::Tag | Conversion::Word(_) => {
            matches!(as_, As::Text | As::Trim)
        }
        Conversion::EntityId => as_ == As::Number,
        Conversion::Colour { .. } | Conversion::Country | Conversion::Chain { .. } | Conversion::ObjectName { .. } => {
            matches!(as_, As::Text | As::Trim)
        }
        Conversion::Text { .. } | Conversion::Phone { .. } | Conversion::Email { .. } | Conversion::Url { .. } => true,
    }
}

/// True for field types whose values are objects or have parts.
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
    by_target || matches!(origin.as_.as_ref().map(|a| a.value), Some(As::Date | As::DateTime))
}

/// An error with the reason if fields of this type cannot be filled from a cell.
pub fn writable(kind: FieldKind) -> Result<(), &'static str> {
    match kind {
        FieldKind::File => Err("upload files by hand; the API takes only files that are already in its drive"),
        FieldKind::OrgLegalName => Err("the service fills it"),
        FieldKind::Unknown => Err("this type is unknown"),
        _ => Ok(()),
    }
}
