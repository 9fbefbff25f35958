//! The world: records, tags, links, tokens. State and how a commit changes it; no rules, no files, no clock.
//!
//! A record is kept as the text of its JSON, so that a million of them fit; it is parsed when it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::account::Account;
use super::auth::Auth;
use super::beginning::Beginning;
pub use super::shelf::{Sequence, Shelf};

#[derive(Debug)]
pub struct Record {
    pub created_at: i64,
    pub updated_at: i64,
    /// When it really came, whatever it says of itself; in milliseconds.
    pub came_ms: i64,
    /// The catalog an element stands in; 0 for what stands in nothing.
    pub container: u64,
    /// Put by `World::new` and not touched since: a log need not tell of it.
    shipped: bool,
    pub json: Box<str>,
}

impl Record {
    fn new(shelf: Shelf, created_at: i64, updated_at: i64, came_ms: i64, json: Box<str>) -> Record {
        #[derive(Deserialize)]
        struct Stands {
            #[serde(default)]
            catalog_id: u64,
        }
        let container = match shelf {
            Shelf::Elements => serde_json::from_str::<Stands>(&json).map_or(0, |stands| stands.catalog_id),
            _ => 0,
        };
        Record { created_at, updated_at, came_ms, container, shipped: false, json }
    }
}

/// The records of one kind, by id and by the time of their last change.
#[derive(Debug, Default)]
pub struct Records {
    by_id: BTreeMap<u64, Record>,
    by_updated: BTreeSet<(i64, u64)>,
    /// What stands in something, by that and by its own id.
    by_container: BTreeSet<(u64, u64)>,
}

impl Records {
    pub fn get(&self, id: u64) -> Option<&Record> {
        self.by_id.get(&id)
    }

    pub fn count(&self) -> usize {
        self.by_id.len()
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &Record)> {
        self.by_id.iter().map(|(id, record)| (*id, record))
    }

    /// Ids above this one, rising.
    pub fn after(&self, id: u64) -> impl Iterator<Item = u64> {
        self.by_id.range(id.saturating_add(1)..).map(|(id, _)| *id)
    }

    /// Ids by the time of the last change, then by id.
    pub fn by_updated(&self) -> impl DoubleEndedIterator<Item = u64> {
        self.by_updated.iter().map(|(_, id)| *id)
    }

    /// Ids of what stands in this container, rising.
    pub fn within(&self, container: u64) -> impl DoubleEndedIterator<Item = u64> {
        self.by_container.range((container, 0)..=(container, u64::MAX)).map(|(_, id)| *id)
    }

    fn remove(&mut self, id: u64) {
        if let Some(old) = self.by_id.remove(&id) {
            self.by_updated.remove(&(old.updated_at, id));
            self.by_container.remove(&(old.container, id));
        }
    }

    fn put(&mut self, id: u64, mut record: Record) {
        let updated_at = record.updated_at;
        if let Some(old) = self.by_id.get(&id) {
            record.came_ms = old.came_ms;
            self.by_updated.remove(&(old.updated_at, id));
            self.by_container.remove(&(old.container, id));
        }
        if record.container != 0 {
            self.by_container.insert((record.container, id));
        }
        self.by_id.insert(id, record);
        self.by_updated.insert((updated_at, id));
    }
}

#[derive(Debug, Default)]
pub struct Tags {
    names: BTreeMap<u64, Box<str>>,
    ids: BTreeMap<Box<str>, u64>,
    colors: BTreeMap<u64, Box<str>>,
}

impl Tags {
    pub fn color(&self, id: u64) -> Option<&str> {
        self.colors.get(&id).map(|color| &**color)
    }

    pub fn name(&self, id: u64) -> Option<&str> {
        self.names.get(&id).map(|n| &**n)
    }

    pub fn id(&self, name: &str) -> Option<u64> {
        self.ids.get(name).copied()
    }

    pub fn iter(&self) -> impl Iterator<Item = (u64, &str)> {
        self.names.iter().map(|(id, name)| (*id, &**name))
    }
}

/// A record written whole: where, id, made at, changed at, its JSON.
#[derive(Debug, Serialize, Deserialize)]
pub struct Put(pub Shelf, pub u64, pub i64, pub i64, pub Box<RawValue>);

/// Its name, and its colour where it was given one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TagMade(pub Shelf, pub u64, pub Box<str>, #[serde(default)] pub Option<Box<str>>);

/// A link from a record to another, with what is said of it (`{"is_main": true}`).
#[derive(Debug, Serialize, Deserialize)]
pub struct LinkMade(pub Shelf, pub u64, pub Shelf, pub u64, pub Option<Box<RawValue>>);

/// A link that is no more, from whichever end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkCut(pub Shelf, pub u64, pub Shelf, pub u64);

/// A record that is no more, nor any link of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone(pub Shelf, pub u64);

/// A record that people have deleted: where, id, when, by whom. It lies in the trash, where its kind has one; nothing else
/// of it is shown there. [seed]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trashed(pub Shelf, pub u64, pub i64, pub u64);

/// All that one request changes; written to the log as one line, so that a request is there wholly or not at all.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Commit {
    /// When it happened, and how many milliseconds later.
    pub at: i64,
    #[serde(skip_serializing_if = "is_whole")]
    pub ms: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub put: Vec<Put>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tag: Vec<TagMade>,
    /// Cut before any is made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<LinkCut>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub link: Vec<LinkMade>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<Gone>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trash: Vec<Trashed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// The account as it is from now on, where the request changed what it is made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<Box<Account>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it so")]
fn is_whole(ms: &i64) -> bool {
    *ms == 0
}

impl Commit {
    fn at_ms(&self) -> i64 {
        self.at.saturating_mul(1000).saturating_add(self.ms)
    }

    pub fn is_empty(&self) -> bool {
        self.put.is_empty()
            && self.tag.is_empty()
            && self.cut.is_empty()
            && self.link.is_empty()
            && self.gone.is_empty()
            && self.trash.is_empty()
            && self.auth.is_none()
            && self.account.is_none()
    }
}

type LinkKey = (Shelf, u64, Shelf, u64);

#[derive(Debug)]
pub struct World {
    pub account: Account,
    /// What it began with, and what a reset brings back.
    pub beginning: Arc<Beginning>,
    /// A request has changed the account since.
    account_changed: bool,
    pub seed: u64,
    pub auth: Auth,
    shelves: BTreeMap<Shelf, Records>,
    tags: BTreeMap<Shelf, Tags>,
    /// Each link stands here twice, once from either end.
    links: BTreeMap<LinkKey, Option<Box<str>>>,
    trash: BTreeMap<(Shelf, u64), Trashed>,
    next_ids: BTreeMap<Sequence, u64>,
}

impl World {
    pub fn new(beginning: Arc<Beginning>, seed: u64, auth: Auth) -> World {
        let mut world = World {
            auth,
            account: beginning.account.clone(),
            beginning: beginning.clone(),
            account_changed: false,
            seed,
            shelves: Shelf::ALL.into_iter().map(|s| (s, Records::default())).collect(),
            tags: Shelf::ALL.into_iter().map(|s| (s, Tags::default())).collect(),
            links: BTreeMap::new(),
            trash: BTreeMap::new(),
            next_ids: BTreeMap::new(),
        };
        let elements = world.shelves.entry(Shelf::Elements).or_default();
        for &(id, ref json) in &beginning.elements {
            let at = world.account.created_at;
            let record = Record::new(Shelf::Elements, at, at, at.saturating_mul(1000), json.to_string().into());
            elements.put(id, Record { shipped: true, ..record });
        }
        for (id, _) in &beginning.elements {
            world.taken(Sequence::Elements, *id);
        }
        world
    }

    pub fn records(&self, shelf: Shelf) -> &Records {
        static NONE: Records =
            Records { by_id: BTreeMap::new(), by_updated: BTreeSet::new(), by_container: BTreeSet::new() };
        self.shelves.get(&shelf).unwrap_or(&NONE)
    }

    pub fn tags(&self, shelf: Shelf) -> &Tags {
        static NONE: Tags = Tags { names: BTreeMap::new(), ids: BTreeMap::new(), colors: BTreeMap::new() };
        self.tags.get(&shelf).unwrap_or(&NONE)
    }

    /// What of `to` is linked to a record, by id, with what is said of the link.
    pub fn linked(&self, shelf: Shelf, id: u64, to: Shelf) -> impl Iterator<Item = (u64, Option<&str>)> {
        self.links
            .range((shelf, id, to, 0)..=(shelf, id, to, u64::MAX))
            .map(|((_, _, _, other), meta)| (*other, meta.as_deref()))
    }

    /// What lies in the trash, by id.
    pub fn trash(&self, shelf: Shelf) -> impl Iterator<Item = &Trashed> {
        self.trash.range((shelf, 0)..=(shelf, u64::MAX)).map(|(_, trashed)| trashed)
    }

    pub fn trashed(&self, shelf: Shelf, id: u64) -> Option<&Trashed> {
        self.trash.get(&(shelf, id))
    }

    pub fn next_id(&self, sequence: Sequence) -> u64 {
        self.next_ids.get(&sequence).copied().unwrap_or(sequence.first())
    }

    pub fn apply(&mut self, commit: Commit) {
        let came_ms = commit.at_ms();
        for Put(shelf, id, created_at, updated_at, json) in commit.put {
            self.taken(shelf.sequence(), id);
            let record = Record::new(shelf, created_at, updated_at, came_ms, json.into());
            self.shelves.entry(shelf).or_default().put(id, record);
        }
        for TagMade(shelf, id, name, color) in commit.tag {
            self.taken(Sequence::Tags, id);
            let tags = self.tags.entry(shelf).or_default();
            tags.names.insert(id, name.clone());
            tags.ids.insert(name, id);
            tags.colors.extend(color.map(|color| (id, color)));
        }
        for LinkCut(from, id, to, other) in commit.cut {
            self.cut(from, id, to, other);
        }
        for LinkMade(from, id, to, other, meta) in commit.link {
            self.links.insert((from, id, to, other), meta.map(Into::into));
            self.links.entry((to, other, from, id)).or_default();
        }
        for Gone(shelf, id) in commit.gone {
            self.remove(shelf, id);
        }
        for trashed in commit.trash {
            self.remove(trashed.0, trashed.1);
            self.trash.insert((trashed.0, trashed.1), trashed);
        }
        if let Some(auth) = commit.auth {
            self.auth = auth;
        }
        if let Some(mut account) = commit.account {
            // No request changes these, and logs of earlier versions have those of the built-in account.
            account.id = self.account.id;
            account.subdomain.clone_from(&self.account.subdomain);
            self.account = *account;
            self.account_changed = true;
        }
    }

    fn remove(&mut self, shelf: Shelf, id: u64) {
        let ends: Vec<LinkKey> = self
            .links
            .range((shelf, id, Shelf::Leads, 0)..)
            .map(|(k, _)| *k)
            .take_while(|k| k.0 == shelf && k.1 == id)
            .collect();
        for (_, _, to, other) in ends {
            self.cut(shelf, id, to, other);
        }
        self.taken(shelf.sequence(), id);
        self.shelves.entry(shelf).or_default().remove(id);
    }

    fn cut(&mut self, from: Shelf, id: u64, to: Shelf, other: u64) {
        self.links.remove(&(from, id, to, other));
        self.links.remove(&(to, other, from, id));
    }

    fn taken(&mut self, sequence: Sequence, id: u64) {
        let next = self.next_ids.entry(sequence).or_insert(sequence.first());
        *next = (*next).max(id.saturating_add(Sequence::STEP));
    }

    /// What has gone that a new world would have, and the last of a kind, whose id must not be given again.
    fn gone(&self) -> Vec<Gone> {
        let shipped = self.beginning.elements.iter().map(|(id, _)| (Shelf::Elements, *id));
        let last = |shelf: Shelf| Some((shelf, self.next_ids.get(&shelf.sequence())?.checked_sub(Sequence::STEP)?));
        let is_there = |shelf: Shelf, id: u64| {
            Shelf::ALL.into_iter().any(|s| s.sequence() == shelf.sequence() && self.records(s).get(id).is_some())
        };
        let all = shipped.chain(Shelf::ALL.into_iter().filter_map(last));
        all.filter(|(shelf, id)| !is_there(*shelf, *id)).map(|(shelf, id)| Gone(shelf, id)).collect()
    }

    /// The world as commits that make it anew, some thousand records each; for rewriting a log full of old versions.
    pub fn commits(&self) -> impl Iterator<Item = Commit> {
        const CHUNK: usize = 1000;
        let puts = self.shelves.iter().flat_map(|(shelf, records)| {
            let all: Vec<u64> = records.by_id.iter().filter(|(_, r)| !r.shipped).map(|(id, _)| *id).collect();
            let chunks: Vec<Vec<u64>> = all.chunks(CHUNK).map(<[u64]>::to_vec).collect();
            chunks.into_iter().map(move |ids| Commit {
                put: ids
                    .into_iter()
                    .filter_map(|id| {
                        let r = records.get(id)?;
                        let json = RawValue::from_string(r.json.to_string()).ok()?;
                        Some(Put(*shelf, id, r.created_at, r.updated_at, json))
                    })
                    .collect(),
                ..Commit::default()
            })
        });
        let tags = self.tags.iter().map(|(shelf, tags)| Commit {
            tag: tags
                .iter()
                .map(|(id, name)| TagMade(*shelf, id, name.into(), tags.color(id).map(Into::into)))
                .collect(),
            ..Commit::default()
        });
        let links = self.links.iter().map(|((from, id, to, other), meta)| {
            let meta = meta.as_deref().and_then(|m| RawValue::from_string(m.to_owned()).ok());
            LinkMade(*from, *id, *to, *other, meta)
        });
        let links = Chunked { inner: links, size: CHUNK }.map(|link| Commit { link, ..Commit::default() });
        let account = self.account_changed.then(|| Box::new(self.account.clone()));
        let auth = std::iter::once(Commit { auth: Some(self.auth.clone()), account, ..Commit::default() });
        let trash = self.trash.values().copied().collect();
        let gone = std::iter::once(Commit { gone: self.gone(), trash, ..Commit::default() });
        auth.chain(tags).chain(puts).chain(links).chain(gone).filter(|c| !c.is_empty())
    }
}

struct Chunked<I> {
    inner: I,
    size: usize,
}

impl<I: Iterator> Iterator for Chunked<I> {
    type Item = Vec<I::Item>;

    fn next(&mut self) -> Option<Vec<I::Item>> {
        let chunk: Vec<I::Item> = self.inner.by_ref().take(self.size).collect();
        (!chunk.is_empty()).then_some(chunk)
    }
}
