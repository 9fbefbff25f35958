//! One value: from a cell to what is written, or why not. The conversions themselves are in `convert`; here stands which
//! of them a plan asks for, and what the service's lengths and closed lists add.

use super::convert::number::Amounts;
use super::convert::{Unfit, date, email, flag, json, money, number, phone, print, text, url};
use super::names::Names;
use super::plan::{Convert, ElementBy, Input, Lookup, LookupWhat, OriginPlan, ValuePlan};
use super::row::RowContext;
use super::tally::Did;
use super::written::As;
use amo_model::parts::CustomField;
use amo_model::payload::{EnumCode, FieldValue};
use amo_model::{Action, CHAIN_MAX, FieldKind, TEXT_MAX};
use rust_decimal::Decimal;
use sheet_source::message;
use sheet_source::problem::quoted;
use sheet_source::{Cell, LINKS_FROM, Scalar};
use smallvec::SmallVec;
use std::borrow::Cow;

/// A value made, before it is written.
#[derive(Debug, PartialEq)]
pub enum Made<'a> {
    Text(Cow<'a, str>),
    Number(Decimal),
    Money(Decimal),
    Bool(bool),
    Int(i64),
    Id(u64),
    /// A phone, an e-mail, with the sort that its cell says.
    Sorted {
        text: Cow<'a, str>,
        sort: EnumCode,
    },
    /// The values of a field, as the service takes them.
    Json(String),
    /// An element in a chain of lists.
    Step {
        catalog: u64,
        element: u64,
    },
}

/// The values of one target and where each is from. Nearly always it is one, and that takes no allocation: three lists a
/// value, with seventeen values a row, were a fifth of the time a row takes.
pub type Values<'a> = SmallVec<[(Made<'a>, &'a OriginPlan); 1]>;

/// Why a cell gave no value.
pub enum Refused {
    /// A name the account does not have; `on-unknown` decides.
    Unknown(Unfit),
    Unfit(Unfit),
}

impl From<Unfit> for Refused {
    fn from(unfit: Unfit) -> Refused {
        Refused::Unfit(unfit)
    }
}

impl RowContext<'_> {
    pub(super) fn convert<'v>(
        &mut self,
        value: &'v ValuePlan,
        origin: &'v OriginPlan,
        cell: Cell<'v>,
        names: &mut Names,
    ) -> Result<Made<'v>, Refused> {
        // Whatever reads the text alone would take the name of an error for a value.
        text::sound(cell)?;
        if self.row.unseen {
            text::visible(cell.text)?;
        }
        let currency = origin.currency.as_deref().or(self.plan.currency.as_deref());
        let decimal = if self.own_dot { Some('.') } else { self.plan.decimal };
        let amounts = Amounts { decimal, currency };
        if let Some((text, sort)) = sorted(cell.text, &origin.sorts) {
            let cell = Cell { text, value: if text.is_empty() { Scalar::Empty } else { Scalar::Text } };
            return Ok(match self.convert_one(value, origin, cell, names, amounts)? {
                Made::Text(text) => Made::Sorted { text, sort },
                other => other,
            });
        }
        self.convert_one(value, origin, cell, names, amounts)
    }

    fn convert_one<'v>(
        &mut self,
        value: &'v ValuePlan,
        origin: &'v OriginPlan,
        cell: Cell<'v>,
        names: &mut Names,
        amounts: Amounts<'_>,
    ) -> Result<Made<'v>, Refused> {
        Ok(match &origin.convert {
            Convert::Text { max, .. } => {
                let text = self.shaped(cell, origin, amounts)?;
                Made::Text(fits(self.cut(text, origin), *max)?)
            }
            Convert::Phone { max } => Made::Text(fits(self.phone(cell)?, *max)?),
            Convert::Email { max } => Made::Text(fits(email::email(&plain(cell)?)?.into_owned().into(), *max)?),
            Convert::Url { max } => Made::Text(fits(self.url(origin, cell)?.into(), *max)?),
            Convert::Number => Made::Number(number::number(cell, amounts)?),
            Convert::Quantity => Made::Number(above_zero(number::number(cell, amounts)?, cell.text)?),
            Convert::Money => Made::Money(money::money(cell, amounts)?),
            Convert::WholeMoney { round } => Made::Int(self.whole(money::money(cell, amounts)?, *round)?),
            Convert::Int { round } => Made::Int(self.whole(number::number(cell, amounts)?, *round)?),
            Convert::Bool => Made::Bool(flag::flag(cell)?),
            Convert::Day(rules) => {
                let day = date::date(cell, rules)?;
                Made::Text(date::rfc3339_midnight(day, rules.account()).into())
            }
            Convert::Moment(rules) => Made::Int(date::datetime(cell, rules)?),
            Convert::Tag => Made::Text(fits(text::unmarked(cell.text.trim()), TEXT_MAX)?),
            Convert::EntityId => Made::Id(entity_id(cell)?),
            Convert::Word(words) => Made::Text(word(cell.text.trim(), words)?.into()),
            Convert::Colour { known, hash } => Made::Text(colour(cell.text.trim(), known, *hash)?.into()),
            Convert::Country => Made::Text(country(cell.text.trim())?.into()),
            Convert::ObjectName { max } => Made::Text(fits(text::unmarked(cell.text.trim()), *max)?),
            Convert::Json { kind, bare } => Made::Json(json::values(cell.text, *kind, *bare)?),
            Convert::Chain { catalogs, cache } => {
                return self.step(value, catalogs, *cache, &text::unmarked(cell.text.trim()), names);
            }
            Convert::Name(lookup) => return self.name(value, lookup, &text::unmarked(cell.text.trim()), names),
        })
    }

    /// The beginning of a text that is longer than the mapping wants; that is told.
    fn cut<'v>(&mut self, text: Cow<'v, str>, origin: &OriginPlan) -> Cow<'v, str> {
        let end = origin.cut.and_then(|cut| text.char_indices().nth(cut)).map(|(end, _)| end);
        let Some(end) = end else { return text };
        self.did(Did::Cut, origin);
        match text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
            Cow::Owned(mut text) => {
                text.truncate(end);
                Cow::Owned(text)
            }
        }
    }

    /// What a sheet shows of a link is often not its address.
    fn url(&self, origin: &OriginPlan, cell: Cell<'_>) -> Result<String, Unfit> {
        let text = plain(cell)?;
        url::url(&text).map(str::to_owned).map_err(|unfit| match origin.input {
            Input::Column(index) if !self.plan.csv && index < LINKS_FROM => {
                let title = self.plan.header.column(index).title;
                let hint = message!(
                    "a web address looks like https://example.com/page; one that stands behind the text is read from \"{title}@link\"",
                    title = title.to_string()
                );
                Unfit { hint: Some(hint), ..unfit }
            }
            _ => unfit,
        })
    }

    fn whole(&mut self, value: Decimal, round: Option<number::Round>) -> Result<i64, Unfit> {
        // A number that was read has no zeros at the end of its fraction.
        self.done.rounded += u32::from(round.is_some() && value.scale() > 0);
        number::whole(value, round)
    }

    /// Without a known country only numbers with a `+` can be read; the others stay as they are, as the service takes
    /// any text here.
    fn phone<'v>(&self, cell: Cell<'v>) -> Result<Cow<'v, str>, Refused> {
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

    fn shaped<'v>(&self, cell: Cell<'v>, origin: &OriginPlan, amounts: Amounts<'_>) -> Result<Cow<'v, str>, Refused> {
        let Convert::Text { shape, rules, print, .. } = &origin.convert else { return Ok(text::text(cell)?) };
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
            Some(As::Number) => number::number(cell, amounts)?.to_string().into(),
            Some(As::Money) => money::money(cell, amounts)?.to_string().into(),
            Some(As::Date) => date::date(cell, rules)?.to_string().into(),
            Some(As::DateTime) => date::datetime(cell, rules)?.to_string().into(),
            Some(As::Bool) => if flag::flag(cell)? { "true" } else { "false" }.into(),
            // Text targets with these are compiled to conversions of their own.
            Some(As::Phone | As::Email | As::Url | As::Json) => whole,
        })
    }

    /// The next step of a chain of lists: an element of the list that comes next. [doc]
    fn step<'v>(
        &mut self,
        value: &ValuePlan,
        catalogs: &[u64],
        cache: usize,
        name: &str,
        names: &mut Names,
    ) -> Result<Made<'v>, Refused> {
        let Some(catalog) = catalogs.get(self.made).copied().filter(|_| self.made < CHAIN_MAX) else {
            let lists = if catalogs.len() == 1 { "list" } else { "lists" };
            let message = message!(
                "{value} is one step too many: the field goes through {count} {lists}",
                value = quoted(name),
                count = catalogs.len(),
                lists
            );
            let hint =
                "name one element of each list; where a / belongs to a name, say what stands between: split = \";\"";
            return Err(Refused::Unfit(Unfit { code: "too-many", message, hint: Some(hint.into()) }));
        };
        let lookup = Lookup { what: LookupWhat::Element { catalog, by: ElementBy::Name }, cache };
        match self.name(value, &lookup, name, names)? {
            Made::Id(element) => Ok(Made::Step { catalog, element }),
            other => Ok(other),
        }
    }

    /// A name to an id, remembered.
    fn name<'v>(
        &mut self,
        value: &ValuePlan,
        lookup: &Lookup,
        name: &str,
        names: &mut Names,
    ) -> Result<Made<'v>, Refused> {
        if self.pipeline_failed && matches!(lookup.what, LookupWhat::Stage { anywhere: false }) {
            let message =
                message!("{value} cannot be looked up, because its pipeline is not known", value = quoted(name));
            return Err(Refused::Unfit(Unfit { code: "unknown-name", message, hint: None }));
        }
        // A change that names no pipeline leaves the lead in its own, which is not known here.
        let anywhere = self.plan.action == Action::Update && self.pipeline.is_none();
        let elsewhere;
        let lookup = match lookup.what {
            LookupWhat::Stage { anywhere: false } if anywhere => {
                elsewhere = Lookup { what: LookupWhat::Stage { anywhere: true }, cache: lookup.cache };
                &elsewhere
            }
            _ => lookup,
        };
        let found = names.find(&self.plan.book, lookup, self.pipeline, name, &value.target);
        if lookup.what == LookupWhat::Pipeline {
            self.pipeline = found.as_ref().ok().copied();
            self.pipeline_failed = found.is_err();
        }
        found
            .map(Made::Id)
            .map_err(|(unknown, unfit)| if unknown { Refused::Unknown(unfit) } else { Refused::Unfit(unfit) })
    }
}

/// `+7 900 000-00-00 (MOB)` taken apart, where that is a sort of the field.
fn sorted<'t>(text: &'t str, sorts: &[String]) -> Option<(&'t str, EnumCode)> {
    let (before, code) = text.trim_end().strip_suffix(')')?.rsplit_once('(')?;
    let code = sorts.iter().find(|sort| *sort == code.trim())?;
    Some((before.trim_end(), EnumCode::Code(code.clone())))
}

/// The text of a cell for converters that read text only.
fn plain(cell: Cell<'_>) -> Result<Cow<'_, str>, Unfit> {
    text::text(cell)
}

fn fits(text: Cow<'_, str>, max: usize) -> Result<Cow<'_, str>, Unfit> {
    // Bytes are at least as many as characters, so the count is needed for long texts only.
    if text.len() > max {
        let count = text.chars().count();
        if count > max {
            let message =
                message!("{value} has {count} characters, the service takes {max}", value = quoted(&text), count, max);
            return Err(Unfit { code: "too-long", message, hint: Some("shorten the text".into()) });
        }
    }
    Ok(text)
}

fn entity_id(cell: Cell<'_>) -> Result<u64, Unfit> {
    cell.text.trim().parse().ok().filter(|id| *id > 0).ok_or_else(|| Unfit {
        code: "not-an-id",
        message: message!("{value} is no id", value = quoted(cell.text)),
        hint: Some("ids are whole numbers, as in the address of a card".into()),
    })
}

fn word(text: &str, words: &'static [&'static str]) -> Result<&'static str, Unfit> {
    words.iter().copied().find(|word| word.eq_ignore_ascii_case(text)).ok_or_else(|| Unfit {
        code: "unknown-word",
        message: message!("{value} is not known here", value = quoted(text)),
        hint: Some(message!("known: {known}", known = words)),
    })
}

/// Colours are written with and without a `#`, in any case; the service takes one way for each kind. [seed]
fn colour(text: &str, known: &'static [&'static str], hash: bool) -> Result<String, Unfit> {
    let plain = text.trim_start_matches('#').to_lowercase();
    let mark = if hash { "#" } else { "" };
    match known.contains(&plain.as_str()) {
        true => Ok(format!("{mark}{plain}")),
        false => Err(Unfit {
            code: "unknown-colour",
            message: message!("{value} is none of the colours the service takes", value = quoted(text)),
            hint: Some(message!("the colours are: {known}", known)),
        }),
    }
}

fn above_zero(number: Decimal, text: &str) -> Result<Decimal, Unfit> {
    match number > Decimal::ZERO {
        true => Ok(number),
        false => Err(Unfit {
            code: "quantity",
            message: message!("{value} is no quantity: it takes more than 0", value = quoted(text)),
            hint: Some("correct the number, or leave the product out".into()),
        }),
    }
}

/// The service refuses names of countries. [doc]
fn country(text: &str) -> Result<String, Unfit> {
    match text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        true => Ok(text.to_uppercase()),
        false => Err(Unfit {
            code: "country",
            message: message!("{value} is no code of a country", value = quoted(text)),
            hint: Some("write two letters, such as RU, or translate names with \"values\"".into()),
        }),
    }
}

pub fn field_value<'v>(
    made: &'v Made<'_>,
    origin: &'v OriginPlan,
    field: &'v CustomField,
    kind: FieldKind,
) -> FieldValue<'v> {
    match made {
        Made::Text(text) => match (&origin.sort, kind) {
            (Some(sort), FieldKind::Multitext | FieldKind::SmartAddress) => FieldValue::Coded { text, code: sort },
            (_, FieldKind::LegalEntity | FieldKind::LinkedEntity | FieldKind::Payer) => FieldValue::Named(text),
            _ => FieldValue::Text(text),
        },
        Made::Sorted { text, sort } => FieldValue::Coded { text, code: sort },
        Made::Json(values) => FieldValue::Raw(values),
        Made::Number(number) => FieldValue::Number(*number),
        Made::Money(money) => FieldValue::Money(*money),
        Made::Bool(flag) => FieldValue::Bool(*flag),
        Made::Int(int) => FieldValue::Int(*int),
        Made::Id(id) => match kind {
            FieldKind::Supplier => FieldValue::Supplier(*id),
            FieldKind::LinkedEntity => linked(*id, field.search_in.as_deref()),
            _ => FieldValue::Option(*id),
        },
        Made::Step { catalog, element } => FieldValue::Chain { catalog: *catalog, element: *element },
    }
}

/// What a field links to stands in its definition: an entity, or the id of a list. [doc] A field may link contacts and
/// companies alike, and then an id alone says nothing.
pub fn linked_to(search_in: Option<&str>) -> Option<(&'static str, Option<u64>)> {
    match search_in? {
        "contacts" => Some(("contacts", None)),
        "companies" => Some(("companies", None)),
        place => place.parse().ok().map(|catalog| ("catalog_elements", Some(catalog))),
    }
}

fn linked(id: u64, search_in: Option<&str>) -> FieldValue<'static> {
    // A mapping with an id for any other field was refused.
    let (entity_type, catalog) = linked_to(search_in).unwrap_or(("contacts", None));
    FieldValue::Linked { id, entity_type, catalog }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_id_links_to_is_known_only_where_the_field_links_to_one_thing() {
        assert_eq!(linked_to(Some("companies")), Some(("companies", None)));
        assert_eq!(linked_to(Some("1005")), Some(("catalog_elements", Some(1005))));
        assert_eq!(linked_to(Some("contacts_and_companies")), None);
        assert_eq!(linked_to(None), None);
    }

    #[test]
    fn a_country_is_its_code_of_two_letters() {
        assert_eq!(country("kz"), Ok("KZ".to_owned()));
        for wrong in ["Россия", "RUS", "РФ", "7"] {
            assert_eq!(country(wrong).map_err(|unfit| unfit.code), Err("country"), "{wrong}");
        }
    }
}
