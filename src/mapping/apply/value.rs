//! Converts one cell to a value. The conversions are in `convert`; here they are selected by the plan, and the
//! service's lengths and closed lists are checked.

use super::tally::{Effects, FieldEffect};
use crate::mapping::convert::number::NumberSyntax;
use crate::mapping::convert::{ValueError, date, email, flag, json, money, number, phone, print, text, url};
use crate::mapping::language::ast::As;
use crate::mapping::lookup::{ElementBy, Lookup, LookupKind, NameCache};
use crate::mapping::plan::{Conversion, Input, OriginPlan, Plan, linked_to};
use amo_model::parts::CustomField;
use amo_model::payload::{EnumCode, FieldValue};
use amo_model::{Action, CHAIN_MAX, FieldKind, TEXT_MAX};
use rust_decimal::Decimal;
use sheet_source::message;
use sheet_source::problem::quoted;
use sheet_source::{Cell, LINK_INDEX_BASE, Scalar};
use smallvec::SmallVec;
use std::borrow::Cow;

/// A converted value, before it is written.
#[derive(Debug, PartialEq)]
pub enum ConvertedValue<'a> {
    Text(Cow<'a, str>),
    Number(Decimal),
    Money(Decimal),
    Bool(bool),
    Int(i64),
    Id(u64),
    /// A phone or e-mail with the enum code of its cell.
    Coded {
        text: Cow<'a, str>,
        enum_code: EnumCode,
    },
    /// The values of a field in the service's format.
    Json(String),
    /// One step of a chained list.
    Step {
        catalog: u64,
        element: u64,
    },
}

/// The values of one target with their origins. Nearly always it is one, without an allocation: three lists per value,
/// with seventeen values per row, took a fifth of the time.
pub type Values<'a> = SmallVec<[(ConvertedValue<'a>, &'a OriginPlan); 1]>;

/// Why a cell has no value.
pub enum ConvertError {
    /// The account does not have the name; `on-unknown` decides.
    UnknownName(ValueError),
    Invalid(ValueError),
}

impl From<ValueError> for ConvertError {
    fn from(error: ValueError) -> ConvertError {
        ConvertError::Invalid(error)
    }
}

/// The pipeline of a record, in which its stage is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedPipeline {
    None,
    Id(u64),
    /// The record names an unknown pipeline, so its stage cannot be looked up.
    Unknown,
}

impl NamedPipeline {
    pub fn id(self) -> Option<u64> {
        match self {
            NamedPipeline::Id(id) => Some(id),
            NamedPipeline::None | NamedPipeline::Unknown => None,
        }
    }
}

/// Converts the cells of one record.
pub struct Converter<'a, 'n> {
    pub plan: &'a Plan,
    pub names: &'n mut NameCache,
    pub pipeline: NamedPipeline,
    pub effects: Effects,
    /// The current row may contain invisible characters.
    pub unseen: bool,
}

impl<'a, 'n> Converter<'a, 'n> {
    pub(super) fn new(plan: &'a Plan, unseen: bool, names: &'n mut NameCache) -> Converter<'a, 'n> {
        Converter { plan, names, pipeline: NamedPipeline::None, effects: Effects::default(), unseen }
    }

    /// Converts a cell. `decimal` is its decimal sign, `step` the number of values that the target has already, for
    /// chained lists.
    pub fn convert<'v>(
        &mut self,
        origin: &'v OriginPlan,
        cell: Cell<'v>,
        decimal: Option<char>,
        step: usize,
    ) -> Result<ConvertedValue<'v>, ConvertError> {
        // Converters that read only the text would take the name of an error for a value.
        text::checked(cell)?;
        if self.unseen {
            text::check_visible(cell.text)?;
        }
        let plan = self.plan;
        let currency = origin.currency.as_deref().or(plan.currency.as_deref());
        let syntax = NumberSyntax { decimal, currency };
        if let Some((text, enum_code)) = sorted(cell.text, &origin.enum_codes) {
            let cell = Cell { text, value: if text.is_empty() { Scalar::Empty } else { Scalar::Text } };
            return Ok(match self.convert_one(origin, cell, syntax, step)? {
                ConvertedValue::Text(text) => ConvertedValue::Coded { text, enum_code },
                other => other,
            });
        }
        self.convert_one(origin, cell, syntax, step)
    }

    fn convert_one<'v>(
        &mut self,
        origin: &'v OriginPlan,
        cell: Cell<'v>,
        syntax: NumberSyntax<'_>,
        step: usize,
    ) -> Result<ConvertedValue<'v>, ConvertError> {
        Ok(match &origin.conversion {
            Conversion::Text { max, .. } => {
                let text = self.shaped(cell, origin, syntax)?;
                ConvertedValue::Text(fits(self.cut(text, origin), *max)?)
            }
            Conversion::Phone { max } => ConvertedValue::Text(fits(self.phone(cell)?, *max)?),
            Conversion::Email { max } => {
                let address = match plain(cell)? {
                    Cow::Borrowed(text) => email::email(text)?,
                    Cow::Owned(text) => email::email(&text)?.into_owned().into(),
                };
                ConvertedValue::Text(fits(address, *max)?)
            }
            Conversion::Url { max } => ConvertedValue::Text(fits(self.url(origin, cell)?.into(), *max)?),
            Conversion::Number => ConvertedValue::Number(number::number(cell, syntax)?),
            Conversion::Quantity => ConvertedValue::Number(above_zero(number::number(cell, syntax)?, cell.text)?),
            Conversion::Money => ConvertedValue::Money(money::money(cell, syntax)?),
            Conversion::WholeMoney { round } => ConvertedValue::Int(self.whole(money::money(cell, syntax)?, *round)?),
            Conversion::Int { round } => ConvertedValue::Int(self.whole(number::number(cell, syntax)?, *round)?),
            Conversion::Bool => ConvertedValue::Bool(flag::flag(cell)?),
            Conversion::Day(rules) => {
                let day = date::date(cell, rules)?;
                ConvertedValue::Text(date::midnight(day, rules).into())
            }
            Conversion::Moment(rules) => ConvertedValue::Int(date::datetime(cell, rules)?),
            Conversion::Tag => ConvertedValue::Text(fits(text::without_apostrophe(cell.text.trim()), TEXT_MAX)?),
            Conversion::EntityId => ConvertedValue::Id(entity_id(cell)?),
            Conversion::Word(words) => ConvertedValue::Text(word(cell.text.trim(), words)?.into()),
            Conversion::Colour { known, hash } => ConvertedValue::Text(colour(cell.text.trim(), known, *hash)?.into()),
            Conversion::Country => ConvertedValue::Text(country(cell.text.trim())?.into()),
            Conversion::ObjectName { max } => {
                ConvertedValue::Text(fits(text::without_apostrophe(cell.text.trim()), *max)?)
            }
            Conversion::Json { kind, without_ids } => {
                ConvertedValue::Json(json::values(cell.text, *kind, *without_ids)?)
            }
            Conversion::Chain { catalogs, cache } => {
                return self.step(catalogs, step, *cache, &text::without_apostrophe(cell.text.trim()));
            }
            Conversion::Name(lookup) => return self.name(lookup, &text::without_apostrophe(cell.text.trim())),
        })
    }

    /// Cuts a text to the length in the mapping, and counts it.
    fn cut<'v>(&mut self, text: Cow<'v, str>, origin: &OriginPlan) -> Cow<'v, str> {
        let end = origin.cut.and_then(|cut| text.char_indices().nth(cut)).map(|(end, _)| end);
        let Some(end) = end else { return text };
        self.effects.of_field(FieldEffect::Cut, origin);
        match text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
            Cow::Owned(mut text) => {
                text.truncate(end);
                Cow::Owned(text)
            }
        }
    }

    /// A web address; the text of a link is often not its address.
    fn url(&self, origin: &OriginPlan, cell: Cell<'_>) -> Result<String, ValueError> {
        let text = plain(cell)?;
        url::url(&text).map(str::to_owned).map_err(|error| match origin.input {
            Input::Column(index) if !self.plan.csv && index < LINK_INDEX_BASE => {
                let title = self.plan.header.column(index).title;
                let hint = message!(
                    "a web address looks like https://example.com/page; use \"{title}@link\" to read the address behind the text",
                    title = title.to_string()
                );
                ValueError { hint: Some(hint), ..error }
            }
            _ => error,
        })
    }

    fn whole(&mut self, value: Decimal, round: Option<number::Round>) -> Result<i64, ValueError> {
        // Parsed numbers have no trailing zeros.
        self.effects.rounded += u32::from(round.is_some() && value.scale() > 0);
        number::whole(value, round)
    }

    /// Without a known country, only numbers with a `+` are converted; others are kept, as the service accepts any
    /// text.
    fn phone<'v>(&self, cell: Cell<'v>) -> Result<Cow<'v, str>, ConvertError> {
        match self.plan.region {
            Some(region) => Ok(phone::of_cell(cell, region)?.into()),
            None => {
                let whole = text::text(cell)?;
                match whole.trim().starts_with('+') {
                    true => Ok(phone::phone(&whole, phone::Region::US)?.into()),
                    false => Ok(whole),
                }
            }
        }
    }

    fn shaped<'v>(
        &self,
        cell: Cell<'v>,
        origin: &OriginPlan,
        syntax: NumberSyntax<'_>,
    ) -> Result<Cow<'v, str>, ConvertError> {
        let Conversion::Text { shape, rules, print, .. } = &origin.conversion else { return Ok(text::text(cell)?) };
        let (shape, print) = (*shape, print.as_deref());
        if let (Scalar::Serial(_), Some(layout)) = (cell.value, print) {
            return Ok(print::print(cell, layout)?.into());
        }
        let whole = text::text(cell)?;
        Ok(match shape {
            None | Some(As::Text) => whole,
            Some(As::Trim) => text::trim(&whole).into_owned().into(),
            Some(As::Upper) => text::upper(&whole).into_owned().into(),
            Some(As::Lower) => text::lower(&whole).into_owned().into(),
            Some(As::Digits) => text::digits(&whole).into_owned().into(),
            Some(As::Number) => number::number(cell, syntax)?.to_string().into(),
            Some(As::Money) => money::money(cell, syntax)?.to_string().into(),
            Some(As::Date) => date::date(cell, rules)?.to_string().into(),
            Some(As::DateTime) => date::datetime(cell, rules)?.to_string().into(),
            Some(As::Bool) => if flag::flag(cell)? { "true" } else { "false" }.into(),
            // Texts with these have conversions of their own.
            Some(As::Phone | As::Email | As::Url | As::Json) => whole,
        })
    }

    /// The next step of a chained list: an element of the next catalog. [doc]
    fn step<'v>(
        &mut self,
        catalogs: &[u64],
        step: usize,
        lookup: usize,
        name: &str,
    ) -> Result<ConvertedValue<'v>, ConvertError> {
        let Some(catalog) = catalogs.get(step).copied().filter(|_| step < CHAIN_MAX) else {
            let lists = if catalogs.len() == 1 { "catalog" } else { "catalogs" };
            let message = message!(
                "{value} is one step too many: the field has {count} {lists}",
                value = quoted(name),
                count = catalogs.len(),
                lists
            );
            let hint = "name one element of each catalog; if a name contains /, set another separator: split = \";\"";
            return Err(ConvertError::Invalid(ValueError { code: "too-many", message, hint: Some(hint.into()) }));
        };
        let lookup = Lookup { kind: LookupKind::Element { catalog, by: ElementBy::Name }, cache: lookup };
        match self.name(&lookup, name)? {
            ConvertedValue::Id(element) => Ok(ConvertedValue::Step { catalog, element }),
            other => Ok(other),
        }
    }

    /// Resolves a name, with a cache.
    fn name<'v>(&mut self, lookup: &Lookup, name: &str) -> Result<ConvertedValue<'v>, ConvertError> {
        if self.pipeline == NamedPipeline::Unknown && matches!(lookup.kind, LookupKind::Stage { anywhere: false }) {
            let message = message!("{value} cannot be looked up: its pipeline is unknown", value = quoted(name));
            return Err(ConvertError::Invalid(ValueError { code: "unknown-name", message, hint: None }));
        }
        // An update without a pipeline keeps the lead's own, which is unknown here.
        let anywhere = self.plan.action == Action::Update && self.pipeline.id().is_none();
        let elsewhere;
        let lookup = match lookup.kind {
            LookupKind::Stage { anywhere: false } if anywhere => {
                elsewhere = Lookup { kind: LookupKind::Stage { anywhere: true }, cache: lookup.cache };
                &elsewhere
            }
            _ => lookup,
        };
        let found = self.names.find(lookup, self.pipeline.id(), name);
        if lookup.kind == LookupKind::Pipeline {
            self.pipeline = found.as_ref().map_or(NamedPipeline::Unknown, |id| NamedPipeline::Id(*id));
        }
        found.map(ConvertedValue::Id).map_err(|(unknown, error)| {
            if unknown { ConvertError::UnknownName(error) } else { ConvertError::Invalid(error) }
        })
    }
}

/// Splits `+7 900 000-00-00 (MOB)` into text and enum code, if the field has that code.
fn sorted<'t>(text: &'t str, enum_codes: &[String]) -> Option<(&'t str, EnumCode)> {
    let (before, code) = text.trim_end().strip_suffix(')')?.rsplit_once('(')?;
    let code = enum_codes.iter().find(|enum_code| *enum_code == code.trim())?;
    Some((before.trim_end(), EnumCode::Code(code.clone())))
}

/// The text of a cell.
fn plain(cell: Cell<'_>) -> Result<Cow<'_, str>, ValueError> {
    text::text(cell)
}

fn fits(text: Cow<'_, str>, max: usize) -> Result<Cow<'_, str>, ValueError> {
    // Characters are counted only if there are more bytes than allowed characters.
    if text.len() > max {
        let count = text.chars().count();
        if count > max {
            let message =
                message!("{value} has {count} characters, the service takes {max}", value = quoted(&text), count, max);
            return Err(ValueError { code: "too-long", message, hint: Some("shorten the text".into()) });
        }
    }
    Ok(text)
}

fn entity_id(cell: Cell<'_>) -> Result<u64, ValueError> {
    cell.text.trim().parse().ok().filter(|id| *id > 0).ok_or_else(|| ValueError {
        code: "not-an-id",
        message: message!("{value} is not a valid id", value = quoted(cell.text)),
        hint: Some("ids are whole numbers, as in the address of a card".into()),
    })
}

fn word(text: &str, words: &'static [&'static str]) -> Result<&'static str, ValueError> {
    words.iter().copied().find(|word| word.eq_ignore_ascii_case(text)).ok_or_else(|| ValueError {
        code: "unknown-word",
        message: message!("unknown value: {value}", value = quoted(text)),
        hint: Some(message!("known: {known}", known = words)),
    })
}

/// Colours are accepted with and without a `#`, in any case; each kind has one format in the API. [seed]
fn colour(text: &str, known: &'static [&'static str], hash: bool) -> Result<String, ValueError> {
    let plain = text.trim_start_matches('#').to_lowercase();
    let mark = if hash { "#" } else { "" };
    match known.contains(&plain.as_str()) {
        true => Ok(format!("{mark}{plain}")),
        false => Err(ValueError {
            code: "unknown-colour",
            message: message!("unknown colour: {value}", value = quoted(text)),
            hint: Some(message!("the colours are: {known}", known)),
        }),
    }
}

fn above_zero(number: Decimal, text: &str) -> Result<Decimal, ValueError> {
    match number > Decimal::ZERO {
        true => Ok(number),
        false => Err(ValueError {
            code: "quantity",
            message: message!("{value} is not a valid quantity: it must be above 0", value = quoted(text)),
            hint: Some("correct the number, or leave the product out".into()),
        }),
    }
}

/// The service accepts only country codes. [doc]
fn country(text: &str) -> Result<String, ValueError> {
    match text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        true => Ok(text.to_uppercase()),
        false => Err(ValueError {
            code: "country",
            message: message!("{value} is not a valid country code", value = quoted(text)),
            hint: Some("write two letters, such as RU, or translate names with \"values\"".into()),
        }),
    }
}

pub fn field_value<'v>(
    made: &'v ConvertedValue<'_>,
    origin: &'v OriginPlan,
    field: &'v CustomField,
    kind: FieldKind,
) -> FieldValue<'v> {
    match made {
        ConvertedValue::Text(text) => match (&origin.enum_code, kind) {
            (Some(enum_code), FieldKind::Multitext | FieldKind::SmartAddress) => {
                FieldValue::Coded { text, code: enum_code }
            }
            (_, FieldKind::LegalEntity | FieldKind::LinkedEntity | FieldKind::Payer) => FieldValue::Named(text),
            _ => FieldValue::Text(text),
        },
        ConvertedValue::Coded { text, enum_code } => FieldValue::Coded { text, code: enum_code },
        ConvertedValue::Json(values) => FieldValue::Raw(values),
        ConvertedValue::Number(number) => FieldValue::Number(*number),
        ConvertedValue::Money(money) => FieldValue::Money(*money),
        ConvertedValue::Bool(flag) => FieldValue::Bool(*flag),
        ConvertedValue::Int(int) => FieldValue::Int(*int),
        ConvertedValue::Id(id) => match kind {
            FieldKind::Supplier => FieldValue::Supplier(*id),
            FieldKind::LinkedEntity => linked(*id, field.search_in.as_deref()),
            _ => FieldValue::Option(*id),
        },
        ConvertedValue::Step { catalog, element } => FieldValue::Chain { catalog: *catalog, element: *element },
    }
}

fn linked(id: u64, search_in: Option<&str>) -> FieldValue<'static> {
    // `compile` refuses ids of other fields.
    let (entity_type, catalog) = linked_to(search_in).unwrap_or(("contacts", None));
    FieldValue::Linked { id, entity_type, catalog }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_its_code_of_two_letters() {
        assert_eq!(country("kz"), Ok("KZ".to_owned()));
        for wrong in ["Россия", "RUS", "РФ", "7"] {
            assert_eq!(country(wrong).map_err(|error| error.code), Err("country"), "{wrong}");
        }
    }
}
