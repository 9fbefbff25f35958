//! Many things by name: elements of lists and customers, of which there may be hundreds of thousands, so that they are
//! found by hash and not by looking through.

use super::{Miss, owned};
use sheet_source::fold;
use sheet_source::problem::nearest;
use std::collections::HashMap;

/// Beyond this many names nobody is told which ones are near: comparing with all of them takes too long.
const NEAR_MAX: usize = 5_000;
/// Before an id that stands where a name is asked for, as with custom fields.
const ID: &str = "id:";
/// Ids told of a name that several things have.
const CHOICES_MAX: usize = 5;

#[derive(Debug, Default)]
pub struct Directory {
    names: HashMap<String, Vec<u64>>,
    articles: HashMap<String, Vec<u64>>,
    /// As they are written, for telling the nearest.
    shown_names: Vec<String>,
    shown_articles: Vec<String>,
}

impl Directory {
    /// Of things with an id, a name, and maybe an article.
    pub fn of<'a>(things: impl Iterator<Item = (u64, &'a str, Option<&'a str>)>) -> Directory {
        let mut directory = Directory::default();
        for (id, name, article) in things {
            directory.names.entry(fold(name)).or_default().push(id);
            if let Some(article) = article {
                directory.articles.entry(fold(article)).or_default().push(id);
            }
            if directory.shown_names.len() <= NEAR_MAX {
                directory.shown_names.push(name.to_owned());
                directory.shown_articles.extend(article.map(str::to_owned));
            }
        }
        directory
    }

    pub fn by_name(&self, name: &str) -> Result<u64, Miss> {
        self.one(&self.names, &self.shown_names, name)
    }

    pub fn by_article(&self, article: &str) -> Result<u64, Miss> {
        self.one(&self.articles, &self.shown_articles, article)
    }

    /// By article, and where none is so called, by name.
    pub fn by_either(&self, text: &str) -> Result<u64, Miss> {
        let Err(Miss::Unknown { near: mut articles }) = self.by_article(text) else { return self.by_article(text) };
        self.by_name(text).map_err(|miss| match miss {
            Miss::Unknown { near } => {
                articles.extend(near);
                Miss::Unknown { near: articles }
            }
            other => other,
        })
    }

    /// Written as the message about twins says.
    fn by_id(&self, text: &str) -> Option<u64> {
        let id: u64 = text.trim().strip_prefix(ID)?.trim().parse().ok()?;
        self.names.values().flatten().any(|known| *known == id).then_some(id)
    }

    fn one(&self, index: &HashMap<String, Vec<u64>>, shown: &[String], wanted: &str) -> Result<u64, Miss> {
        match index.get(&fold(wanted)).map(Vec::as_slice) {
            Some([one]) => Ok(*one),
            Some(many) => Err(Miss::Ambiguous {
                choices: many.iter().take(CHOICES_MAX).map(|id| format!("\"{ID}{id}\"")).collect(),
            }),
            None if let Some(id) = self.by_id(wanted) => Ok(id),
            None if shown.len() > NEAR_MAX => Err(Miss::Unknown { near: Vec::new() }),
            None => Err(Miss::Unknown { near: owned(nearest(wanted, shown.iter().map(String::as_str))) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn articles_go_before_names_and_twins_are_told() {
        let things = [(1, "Стол", Some("T-1")), (2, "Стул", Some("T-2")), (3, "стол ", None), (4, "T-2", None)];
        let directory = Directory::of(things.into_iter());
        assert_eq!(directory.by_either("t-1"), Ok(1));
        assert_eq!(directory.by_either("T-2"), Ok(2), "an article goes before a name");
        assert_eq!(directory.by_name("T-2"), Ok(4));
        assert_eq!(directory.by_name("СТУЛ"), Ok(2));
        assert_eq!(
            directory.by_name("Стол"),
            Err(Miss::Ambiguous { choices: vec!["\"id:1\"".into(), "\"id:3\"".into()] })
        );
        assert_eq!(directory.by_name("id:3"), Ok(3), "as the message says");
        assert!(directory.by_name("3").is_err() && directory.by_name("id:5").is_err(), "an id is never guessed");
        assert_eq!(directory.by_article("T-3x"), Err(Miss::Unknown { near: vec!["T-1".into(), "T-2".into()] }));
    }
}
