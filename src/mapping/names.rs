//! Names to ids, for one run: what a cell's word means in the account, remembered, because a column of stages holds few
//! different words in many rows.

use super::convert::Unfit;
use super::plan::{ElementBy, Lookup, LookupWhat, TargetPlan};
use amo_client::account::{Account, Directory, LookupError};
use amo_model::parts::CustomField;
use amo_model::{Entity, FieldKind, Owner};
use sheet_source::fold;
use sheet_source::message;
use sheet_source::problem::{Arg, Message, Note, did_you_mean, quoted};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// Names remembered per lookup and pipeline; beyond this many a column is no list of names and is not remembered.
const CACHE_MAX: usize = 10_000;

/// A name's id, or whether the account does not know it (as opposed to: knows it and cannot use it) and why.
pub type Resolved = Result<u64, (bool, Unfit)>;

/// What an earlier import has made under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keyed {
    Id(u64),
    /// Another mapping has made it, and nothing says whether its keys are the same as these.
    Unsure {
        id: u64,
        run: String,
        mapping: String,
        titles: Option<Vec<String>>,
    },
}

/// What a key is looked up as.
#[derive(Debug, Clone, Copy)]
pub struct KeyQuery<'a> {
    pub entity: Entity,
    /// The key of an element counts in its own list.
    pub catalog: Option<u64>,
    pub key: &'a str,
    /// The titles of the columns in which it stands, where it stands in any.
    pub titles: Option<&'a [String]>,
    /// It is the key of a record that is made, not of one that is meant.
    pub made: bool,
}

/// `Err` says why nobody can look.
type FindKey = dyn Fn(KeyQuery<'_>) -> Result<Option<Keyed>, String> + Send + Sync;

/// What earlier imports have made.
#[derive(Clone)]
pub struct Ledger {
    find: Arc<FindKey>,
    /// Keys of other mappings, and such as differ by the zeros or words of a number's format alone, are the same.
    same_keys: bool,
    /// Other mappings by which keys were made that were looked up, and how often.
    others: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Ledger {
    pub fn new(find: impl Fn(KeyQuery<'_>) -> Result<Option<Keyed>, String> + Send + Sync + 'static) -> Ledger {
        Ledger { find: Arc::new(find), same_keys: false, others: Arc::default() }
    }

    pub fn same_keys(self, same_keys: bool) -> Ledger {
        Ledger { same_keys, ..self }
    }

    /// Where it is noted that a key was made by another mapping.
    pub fn noting(self, others: Arc<Mutex<BTreeMap<String, u64>>>) -> Ledger {
        Ledger { others, ..self }
    }

    pub fn takes_keys_for_the_same(&self) -> bool {
        self.same_keys
    }

    /// One that knows nothing.
    pub fn empty() -> Ledger {
        Ledger::new(|_| Ok(None))
    }

    pub fn find(&self, asked: KeyQuery<'_>) -> Result<Option<Keyed>, String> {
        let found = (self.find)(asked)?;
        Ok(found.map(|found| match found {
            Keyed::Unsure { id, .. } if self.same_keys => Keyed::Id(id),
            found => found,
        }))
    }

    /// Other mappings by which keys were made that are meant here.
    pub fn notes(&self) -> Vec<Note> {
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let note = |(mapping, count): (&String, &u64)| {
            let message = match count {
                1 => message!("1 key that is meant here was made with the mapping {mapping}", mapping),
                count => message!(
                    "{count} keys that are meant here were made with the mapping {mapping}",
                    count = *count,
                    mapping
                ),
            };
            Note::new("keys-of-another-mapping", message).count(*count)
        };
        others.iter().map(note).collect()
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ledger")
    }
}

/// What names are looked up in.
#[derive(Debug, Clone)]
pub struct Book {
    pub account: Arc<Account>,
    pub ledger: Ledger,
    /// Elements by their list.
    elements: Arc<BTreeMap<u64, Directory>>,
    customers: Option<Arc<Directory>>,
}

impl Book {
    pub fn new(account: Arc<Account>, ledger: Ledger) -> Book {
        let elements = account.elements.iter().map(|(catalog, items)| {
            let things = items.iter().map(|item| (item.id, item.name.as_str(), item.sku.as_deref()));
            (*catalog, Directory::of(things))
        });
        let customers = account.customers.as_ref().map(|customers| {
            Arc::new(Directory::of(customers.iter().map(|customer| (customer.id, customer.name.as_str(), None))))
        });
        Book { elements: Arc::new(elements.collect()), customers, account, ledger }
    }

    /// True where the elements of a list are known by name.
    pub fn knows_elements(&self, catalog: u64) -> bool {
        self.elements.contains_key(&catalog)
    }

    pub fn knows_customers(&self) -> bool {
        self.customers.is_some()
    }
}

/// The names already looked up.
pub struct Names {
    caches: Vec<Cache>,
}

/// By the pipeline or list the names belong to, of which a lookup has few.
type Cache = Vec<(u64, HashMap<Box<str>, Resolved>)>;

impl Names {
    pub fn new(lookups: usize) -> Names {
        Names { caches: vec![Cache::new(); lookups] }
    }

    /// `within` is the pipeline of a stage.
    pub fn find(
        &mut self,
        book: &Book,
        lookup: &Lookup,
        within: Option<u64>,
        name: &str,
        target: &TargetPlan,
    ) -> Resolved {
        let scope = match lookup.what {
            LookupWhat::Element { catalog, .. } => catalog,
            _ => within.unwrap_or(0),
        };
        let caches = &mut self.caches[lookup.cache];
        let place = caches.iter().position(|(of, _)| *of == scope).unwrap_or_else(|| {
            caches.push((scope, HashMap::new()));
            caches.len() - 1
        });
        let cache = &mut caches[place].1;
        if let Some(found) = cache.get(name) {
            return found.clone();
        }
        let found = resolve(book, &lookup.what, within, name, target);
        if cache.len() < CACHE_MAX {
            cache.insert(name.into(), found.clone());
        }
        found
    }
}

/// `pipeline` is the one a stage is looked for in; the main one where it is `None`.
pub fn resolve(book: &Book, what: &LookupWhat, pipeline: Option<u64>, name: &str, target: &TargetPlan) -> Resolved {
    let account = &*book.account;
    let miss = |miss: LookupError, noun: Message| {
        let (message, hint) = missed(&miss, name, noun);
        let unknown = matches!(miss, LookupError::Unknown { .. } | LookupError::Unusable { .. });
        (unknown, Unfit { code: "unknown-name", message, hint })
    };
    match *what {
        LookupWhat::Pipeline => among(
            account.pipeline(name).map(|p| p.id).map_err(|m| miss(m, "pipeline".into())),
            &account.pipelines,
            |p| &p.name,
        ),
        LookupWhat::LossReason => {
            let found = account.loss_reason(name).map(|r| r.id).map_err(|m| miss(m, "loss reason".into()));
            among(found, &account.loss_reasons, |r| &r.name)
        }
        LookupWhat::ActiveUser => {
            among(account.active_user(name).map(|u| u.id).map_err(|m| miss(m, "user".into())), &account.users, |u| {
                &u.name
            })
        }
        LookupWhat::UserOrRobot if name == "0" => Ok(0),
        LookupWhat::UserOrRobot => {
            among(account.user(name).map(|u| u.id).map_err(|m| miss(m, "user".into())), &account.users, |u| &u.name)
        }
        LookupWhat::Stage { anywhere: true } => {
            account.stage_anywhere(name).map(|s| s.id).map_err(|m| miss(m, "stage".into()))
        }
        LookupWhat::Stage { anywhere: false } => stage(account, pipeline, name, miss),
        LookupWhat::Option { .. } => match target {
            TargetPlan::Custom { field, .. } => option(field, name),
            TargetPlan::Field(_) => Err((
                false,
                Unfit { code: "unknown-option", message: message!("{value}", value = quoted(name)), hint: None },
            )),
        },
        LookupWhat::Segment => {
            among(account.segment(name).map(|s| s.id).map_err(|m| miss(m, "segment".into())), &account.segments, |s| {
                &s.name
            })
        }
        LookupWhat::CustomerStatus => {
            let found = account.customer_status(name).map(|s| s.id).map_err(|m| miss(m, "status of customers".into()));
            among(found, &account.customer_statuses, |s| &s.name)
        }
        LookupWhat::Catalog => {
            among(account.catalog(name).map(|c| c.id).map_err(|m| miss(m, "list".into())), &account.catalogs, |c| {
                &c.name
            })
        }
        LookupWhat::PriceField { catalog } => price_field(account, catalog, name, miss),
        LookupWhat::Customer => match &book.customers {
            Some(customers) => {
                customers.by_name(name).map_err(|m| hinted(miss(m, "customer".into()), "import the customers first"))
            }
            None => Err((false, not_in_snapshot(name, "customers"))),
        },
        LookupWhat::Element { catalog, by } => match book.elements.get(&catalog) {
            Some(elements) => match by {
                ElementBy::Article => elements.by_sku(name),
                ElementBy::Name => elements.by_name(name),
                ElementBy::Either => elements.by_either(name),
            }
            .map_err(|m| hinted(miss(m, element_noun(account, catalog, by)), "import it into that list first")),
            None => Err((false, not_in_snapshot(name, "elements of this list"))),
        },
        LookupWhat::Ledger { entity, catalog, ref titles } => {
            let titles = titles.as_deref();
            from_ledger(&book.ledger, KeyQuery { entity, catalog, key: name, titles, made: false })
        }
    }
}

/// What a miss without a near name is told with.
fn hinted((unknown, mut unfit): (bool, Unfit), advice: &'static str) -> (bool, Unfit) {
    unfit.hint.get_or_insert_with(|| message!("correct the cell, or {advice}", advice = Message::from(advice)));
    (unknown, unfit)
}

/// Names shown of what there is little of.
const KNOWN_MAX: usize = 10;

/// A miss without a near name is told with the names there are.
fn among<T>(found: Resolved, all: &[T], name: impl Fn(&T) -> &String) -> Resolved {
    found.map_err(|(unknown, mut unfit)| {
        unfit.hint.get_or_insert_with(|| {
            let known: Vec<&str> = all.iter().take(KNOWN_MAX).map(|thing| name(thing).as_str()).collect();
            match known.is_empty() {
                true => "the account has none".into(),
                false => {
                    let more = if all.len() > KNOWN_MAX { ", …" } else { "" };
                    message!("known: {known}{more}", known, more)
                }
            }
        });
        (unknown, unfit)
    })
}

fn stage(
    account: &Account,
    pipeline: Option<u64>,
    name: &str,
    miss: impl Fn(LookupError, Message) -> (bool, Unfit),
) -> Resolved {
    let pipeline = pipeline.and_then(|id| account.pipeline_by_id(id)).or_else(|| account.main_pipeline());
    let Some(pipeline) = pipeline else {
        let message = message!("{value} cannot be looked up: the account has no pipelines", value = quoted(name));
        return Err((false, Unfit { code: "unknown-name", message, hint: None }));
    };
    account.stage(pipeline, name).map(|s| s.id).map_err(|m| {
        let (unknown, mut unfit) = miss(m, message!("stage of the pipeline \"{pipeline}\"", pipeline = &pipeline.name));
        let elsewhere = account.pipelines_with_stage(name);
        if unfit.hint.is_none() && elsewhere.is_empty() {
            let names: Vec<&str> = Account::stage_names(pipeline).collect();
            unfit.hint = Some(message!("its stages are: {stages}", stages = names));
        } else if !elsewhere.is_empty() && !elsewhere.contains(&pipeline.name.as_str()) {
            unfit.hint = Some(message!(
                "it is a stage of \"{pipelines}\"; name that pipeline",
                pipelines = elsewhere.join("\", \"")
            ));
        }
        (unknown, unfit)
    })
}

fn element_noun(account: &Account, catalog: u64, by: ElementBy) -> Message {
    let known = account.catalogs.iter().find(|c| c.id == catalog);
    let catalog = known.map_or_else(|| catalog.to_string(), |catalog| format!("\"{}\"", catalog.name));
    let by = match by {
        ElementBy::Article => "article",
        ElementBy::Name => "name",
        ElementBy::Either => "article or name",
    };
    message!("{by} in the list {catalog}", by, catalog)
}

/// A field of type `price`, by name, code or id. [seed]
fn price_field(
    account: &Account,
    catalog: u64,
    name: &str,
    miss: impl Fn(LookupError, Message) -> (bool, Unfit),
) -> Resolved {
    let owner = Owner::Catalog(catalog);
    let by_id = account.fields(owner).iter().find(|field| name.trim().parse() == Ok(field.id)).ok_or(());
    let is_price = |field: &CustomField| FieldKind::from_name(&field.kind) == FieldKind::Price;
    let prices: Vec<CustomField> = account.fields(owner).iter().filter(|field| is_price(field)).cloned().collect();
    let found = by_id.or_else(|()| account.field(owner, name)).map_err(|m| miss(m, "field of the products".into()));
    match found {
        Ok(field) if is_price(field) => Ok(field.id),
        Ok(field) => {
            let message =
                message!("{value} is a field of type {kind}, not a price", value = quoted(name), kind = &field.kind);
            among(Err((false, Unfit { code: "unknown-name", message, hint: None })), &prices, |field| &field.name)
        }
        Err(miss) => among(Err(miss), &prices, |field| &field.name),
    }
}

/// The id of what an earlier import has made under a key.
pub fn from_ledger(ledger: &Ledger, asked: KeyQuery<'_>) -> Resolved {
    let KeyQuery { entity, key, .. } = asked;
    match ledger.find(asked) {
        Ok(Some(Keyed::Id(id))) => Ok(id),
        Ok(Some(unsure)) => Err((false, key_space(key, &unsure))),
        Ok(None) => {
            let message = message!(
                "{value} is no key of {entity} that an import from this folder has made",
                value = quoted(key),
                entity = entity.collection()
            );
            let hint = "import them first, with the same \"key\" and the same --state folder".into();
            Err((true, Unfit { code: "unknown-key", message, hint: Some(hint) }))
        }
        Err(why) => {
            let message = message!("{value} cannot be looked up: {why}", value = quoted(key), why);
            Err((false, Unfit { code: "unknown-key", message, hint: None }))
        }
    }
}

/// The code of a key of which nobody has said whether it is that of another mapping.
pub const KEY_SPACE: &str = "key-space";

fn key_space(key: &str, found: &Keyed) -> Unfit {
    let Keyed::Unsure { id, run, mapping, titles } = found else {
        return Unfit { code: KEY_SPACE, message: "the key is known".into(), hint: None };
    };
    let message = match titles {
        Some(titles) => message!(
            "{value} is {id}, made by run {run} with {mapping}, whose key is {titles}: nothing says whether the keys are the same",
            value = quoted(key),
            id = *id,
            run,
            mapping,
            titles = quoted(&titles.join(" / "))
        ),
        None => message!(
            "{value} is {id}, made by run {run} with {mapping}: nothing says whether the keys are the same",
            value = quoted(key),
            id = *id,
            run,
            mapping
        ),
    };
    Unfit { code: KEY_SPACE, message, hint: Some(KEY_SPACE_HINT.into()) }
}

pub const KEY_SPACE_HINT: &str = "add --same-keys if they are the same, or write the same key-space = \"…\" in both mappings; if they are not, a key-space of its own in each";

fn not_in_snapshot(name: &str, things: &'static str) -> Unfit {
    let message = message!(
        "{value} cannot be looked up: the snapshot of the account does not hold the {things}",
        value = quoted(name),
        things
    );
    Unfit { code: "unknown-name", message, hint: Some("check against the account itself".into()) }
}

/// What stands between the branches of a path in a tree of options.
const BRANCH: [char; 3] = ['/', '>', '\\'];

/// An option by its text, its path, its code or its id. The service compares texts letter by letter, so the id is
/// sent. [client]
fn option(field: &CustomField, name: &str) -> Resolved {
    let wanted = fold(name);
    let by_text: Vec<u64> = field.options.iter().filter(|o| fold(&o.value) == wanted).map(|o| o.id).collect();
    match by_text.as_slice() {
        [one] => return Ok(*one),
        [] => {}
        // The same text on two branches of a tree: only a path tells them apart. In a flat list the first is as good.
        [first, ..] if field.options.iter().all(|o| o.parent.is_none()) => return Ok(*first),
        many => {
            let choices = many.iter().filter_map(|id| path(field, *id)).collect();
            let (message, hint) = missed(
                &LookupError::Ambiguous { choices },
                name,
                message!("option of \"{field}\"", field = &field.name),
            );
            return Err((false, Unfit { code: "unknown-option", message, hint }));
        }
    }
    let by_path = || {
        let parts: Vec<String> = name.split(BRANCH).map(fold).collect();
        let fits = |id: u64| path(field, id).is_some_and(|p| p.split(BRANCH).map(fold).eq(parts.iter().cloned()));
        field.options.iter().find(|o| parts.len() > 1 && fits(o.id))
    };
    let by_code = || field.options.iter().find(|o| o.code.as_deref() == Some(name));
    let by_id = || field.options.iter().find(|o| name.parse() == Ok(o.id));
    if let Some(option) = by_path().or_else(by_code).or_else(by_id) {
        return Ok(option.id);
    }
    let names: Vec<&str> = field.options.iter().map(|o| o.value.as_str()).collect();
    let hint = did_you_mean(name, names.iter().copied()).unwrap_or_else(|| {
        let more = if names.len() > 20 { ", …" } else { "" };
        message!("its options are: {options}{more}", options = &names[..names.len().min(20)], more)
    });
    let message = message!("{value} is no option of \"{field}\"", value = quoted(name), field = &field.name);
    Err((true, Unfit { code: "unknown-option", message, hint: Some(hint) }))
}

/// `Мебель / Столы`: an option with the branches it hangs on.
fn path(field: &CustomField, id: u64) -> Option<String> {
    let mut parts = Vec::new();
    let mut next = Some(id);
    // A tree that runs in a circle ends here.
    while let Some(id) = next.filter(|_| parts.len() <= field.options.len()) {
        let option = field.options.iter().find(|o| o.id == id)?;
        parts.push(option.value.as_str());
        next = option.parent;
    }
    parts.reverse();
    Some(parts.join(" / "))
}

/// A miss as message and hint; `noun` is singular.
pub fn missed(miss: &LookupError, wanted: &str, noun: impl Into<Message>) -> (Message, Option<Message>) {
    let (value, noun) = (quoted(wanted), noun.into());
    match miss {
        LookupError::Unknown { near } => {
            let hint =
                (!near.is_empty()).then(|| message!("did you mean {names}?", names = Arg::Choices(near.clone())));
            (message!("{value} is no {noun}", value, noun), hint)
        }
        LookupError::Ambiguous { choices } => {
            let hint = message!("write one of {choices}", choices = choices.as_slice());
            (message!("{value} could be any {noun} of several", value, noun), Some(hint))
        }
        LookupError::Unusable { why } => {
            let hint = "write another one, or translate it with \"values\" in the mapping".into();
            (message!("{value} cannot be used: {why}", value, why), Some(hint))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use amo_model::parts::FieldOption;

    #[test]
    fn options_of_a_tree_are_found_by_name_and_by_path() {
        let option = |id, value: &str, parent| FieldOption { id, value: value.into(), code: None, parent };
        let field = CustomField {
            id: 1,
            name: "Группа".into(),
            code: None,
            kind: "category".into(),
            options: vec![
                option(1, "Мебель", None),
                option(2, "Столы", Some(1)),
                option(3, "Техника", None),
                option(4, "Столы", Some(3)),
                option(5, "Лампы", Some(3)),
            ],
            chain: vec![],
            search_in: None,
            currency: None,
        };
        assert_eq!(option_id(&field, "лампы"), Ok(5));
        assert_eq!(option_id(&field, "Мебель / Столы"), Ok(2));
        assert_eq!(option_id(&field, "техника>столы"), Ok(4));
        assert_eq!(option_id(&field, "3"), Ok(3));
        assert!(option_id(&field, "Столы").unwrap_err().contains("of several"));
        assert!(option_id(&field, "Мебель / Лампы").unwrap_err().contains("is no option"));
    }

    fn option_id(field: &CustomField, name: &str) -> Result<u64, String> {
        option(field, name).map_err(|(_, unfit)| unfit.message.to_string())
    }
}
