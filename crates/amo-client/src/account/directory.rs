//! Ids of elements and customers by name or SKU. There may be hundreds of thousands, so they are found by hash.

use super::{LookupError, owned};
use sheet_source::fold;
use sheet_source::problem::nearest;
use std::collections::HashMap;

/// With more names than this none is suggested: comparing with all of them takes too long.
const SUGGEST_MAX: usize = 5_000;
/// The prefix of an id in the place of a name, as with custom fields.
const ID_PREFIX: &str = "id:";
/// The most ids that are listed for an ambiguous name.
const CHOICES_MAX: usize = 5;

/// An index of names and SKUs.
#[derive(Debug, Default)]
pub struct Directory {
    names: HashMap<String, Vec<u64>>,
    skus: HashMap<String, Vec<u64>>,
    /// As they are written, for suggestions.
    written_names: Vec<String>,
    written_skus: Vec<String>,
}

impl Directory {
    /// Of things with an id, a name, and possibly a SKU.
    pub fn of<'a>(things: impl Iterator<Item = (u64, &'a str, Option<&'a str>)>) -> Directory {
        let mut directory = Directory::default();
        for (id, name, sku) in things {
            directory.names.entry(fold(name)).or_default().push(id);
            if let Some(sku) = sku {
                directory.skus.entry(fold(sku)).or_default().push(id);
            }
            if directory.written_names.len() <= SUGGEST_MAX {
                directory.written_names.push(name.to_owned());
                directory.written_skus.extend(sku.map(str::to_owned));
            }
        }
        directory
    }

    pub fn by_name(&self, name: &str) -> Result<u64, LookupError> {
        self.find(&self.names, &self.written_names, name)
    }

    pub fn by_sku(&self, sku: &str) -> Result<u64, LookupError> {
        self.find(&self.skus, &self.written_skus, sku)
    }

    /// By SKU, and where none has this SKU, by name.
    pub fn by_either(&self, text: &str) -> Result<u64, LookupError> {
        let Err(LookupError::Unknown { near: mut skus }) = self.by_sku(text) else { return self.by_sku(text) };
        self.by_name(text).map_err(|error| match error {
            LookupError::Unknown { near } => {
                skus.extend(near);
                LookupError::Unknown { near: skus }
            }
            other => other,
        })
    }

    /// By `id:5`, as the message about an ambiguous name writes it.
    fn by_id(&self, text: &str) -> Option<u64> {
        let id: u64 = text.trim().strip_prefix(ID_PREFIX)?.trim().parse().ok()?;
        self.names.values().flatten().any(|known| *known == id).then_some(id)
    }

    fn find(&self, index: &HashMap<String, Vec<u64>>, shown: &[String], wanted: &str) -> Result<u64, LookupError> {
        match index.get(&fold(wanted)).map(Vec::as_slice) {
            Some([one]) => Ok(*one),
            Some(many) => Err(LookupError::Ambiguous {
                choices: many.iter().take(CHOICES_MAX).map(|id| format!("\"{ID_PREFIX}{id}\"")).collect(),
            }),
            None if let Some(id) = self.by_id(wanted) => Ok(id),
            None if shown.len() > SUGGEST_MAX => Err(LookupError::Unknown { near: Vec::new() }),
            None => Err(LookupError::Unknown { near: owned(nearest(wanted, shown.iter().map(String::as_str))) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skus_go_before_names_and_ambiguous_names_list_ids() {
        let things = [(1, "Стол", Some("T-1")), (2, "Стул", Some("T-2")), (3, "стол ", None), (4, "T-2", None)];
        let directory = Directory::of(things.into_iter());
        assert_eq!(directory.by_either("t-1"), Ok(1));
        assert_eq!(directory.by_either("T-2"), Ok(2), "a SKU goes before a name");
        assert_eq!(directory.by_name("T-2"), Ok(4));
        assert_eq!(directory.by_name("СТУЛ"), Ok(2));
        assert_eq!(
            directory.by_name("Стол"),
            Err(LookupError::Ambiguous { choices: vec!["\"id:1\"".into(), "\"id:3\"".into()] })
        );
        assert_eq!(directory.by_name("id:3"), Ok(3), "as the message says");
        assert!(directory.by_name("3").is_err() && directory.by_name("id:5").is_err(), "an id is never guessed");
        assert_eq!(directory.by_sku("T-3x"), Err(LookupError::Unknown { near: vec!["T-1".into(), "T-2".into()] }));
    }
}
