//! The table of what can go wrong with a request: a word, what is done of it, what the connection sees. No chance, no
//! counting, no bytes.

use serde::{Deserialize, Serialize};

use crate::switches::{RequestIds, Switches, Throttling};

/// What is carried out of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    Nothing,
    All,
    /// The first half of a batch, rounded down; nothing where it would be refused as a whole.
    Half,
    /// All of it, some time after the answer, whoever is still there to see.
    Later,
    /// All but one tag or one custom field of one item.
    Less,
}

/// What the connection sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Truth,
    /// The truth, but late.
    LateTruth,
    /// The truth, written in a way that the documents leave open.
    Odd(Oddity),
    Status(u16),
    /// A page of somebody in between, with this status; with 200 it asks for a login.
    Page(u16),
    /// The answer to the request before this one on the same route; the truth, where there was none.
    Foreign,
    /// A 200 without a body.
    Empty,
    /// The form is that of the switch where none is said.
    Throttled(Option<Throttling>),
    /// A 400 that does not say which items are wrong.
    Unnamed400,
    /// 401; and the token stays dead.
    Expired,
    /// A reset in place of an answer.
    Reset,
    /// A reset before the body of the request is read.
    ResetBefore,
    /// The answer breaks off half-way.
    Cut,
    /// Nothing, for as long as the client waits.
    Silence,
}

impl Shown {
    pub fn is_true(self) -> bool {
        matches!(self, Shown::Truth | Shown::LateTruth | Shown::Odd(_))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    RequestIdsMissing,
    RequestIdsInt,
    Shuffled,
    /// Both: in another order and without names.
    Nameless,
    /// The collection goes by a name nobody knows.
    OddKey,
    /// There are more pages, and no link to them.
    NextMissing,
    /// Once the page is read, somebody deletes its first record: what comes behind it moves up.
    Shift,
}

impl Oddity {
    /// The switches for this one answer.
    pub fn bend(self, switches: &Switches) -> Switches {
        let mut bent = switches.clone();
        match self {
            Oddity::RequestIdsMissing => bent.request_ids = RequestIds::Missing,
            Oddity::RequestIdsInt => bent.request_ids = RequestIds::Index,
            Oddity::Shuffled => bent.shuffled = true,
            Oddity::Nameless => {
                bent.request_ids = RequestIds::Missing;
                bent.shuffled = true;
            }
            // These are taken out of the answer when it is made.
            Oddity::OddKey | Oddity::NextMissing | Oddity::Shift => {}
        }
        bent
    }
}

/// Statuses from 400 to 599 stand beside these, and with `-html` 200 and those from 300 on, as pages of somebody in between; `-after`
/// behind a word that does nothing makes it do all first.
const WORDS: &[(&str, Done, Shown)] = &[
    ("429-html", Done::Nothing, Shown::Throttled(Some(Throttling::Html))),
    ("429-header", Done::Nothing, Shown::Throttled(Some(Throttling::Header))),
    ("429-json", Done::Nothing, Shown::Throttled(Some(Throttling::Json))),
    ("unnamed-400", Done::Nothing, Shown::Unnamed400),
    ("token-expired", Done::Nothing, Shown::Expired),
    ("reset-before", Done::Nothing, Shown::ResetBefore),
    ("reset", Done::Nothing, Shown::Reset),
    ("hang", Done::Nothing, Shown::Silence),
    ("cut", Done::All, Shown::Cut),
    ("empty", Done::All, Shown::Empty),
    ("foreign", Done::All, Shown::Foreign),
    // The gateway gave up, the service did not: likelier than that nothing was done. [inferred]
    ("504", Done::All, Shown::Status(504)),
    ("504-after", Done::All, Shown::Status(504)),
    ("504-before", Done::Nothing, Shown::Status(504)),
    ("half", Done::Half, Shown::Status(504)),
    ("commit-late", Done::Later, Shown::Status(504)),
    ("slow", Done::All, Shown::Truth),
    ("late", Done::All, Shown::LateTruth),
    ("drop-values", Done::Less, Shown::Truth),
    ("request-ids-missing", Done::All, Shown::Odd(Oddity::RequestIdsMissing)),
    ("request-ids-int", Done::All, Shown::Odd(Oddity::RequestIdsInt)),
    ("shuffled", Done::All, Shown::Odd(Oddity::Shuffled)),
    ("nameless", Done::All, Shown::Odd(Oddity::Nameless)),
    ("odd-key", Done::All, Shown::Odd(Oddity::OddKey)),
    ("next-missing", Done::All, Shown::Odd(Oddity::NextMissing)),
    ("shift", Done::All, Shown::Odd(Oddity::Shift)),
];

/// A word of the table, or a status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Word", into = "String")]
pub struct Action {
    word: String,
    pub done: Done,
    pub shown: Shown,
}

/// `"504"` and `504` are the same.
#[derive(Deserialize)]
#[serde(untagged)]
enum Word {
    Text(String),
    Number(u16),
}

impl Action {
    pub fn word(&self) -> &str {
        &self.word
    }

    fn of(word: &str) -> Option<(Done, Shown)> {
        if let Some((_, done, shown)) = WORDS.iter().find(|(known, ..)| *known == word) {
            return Some((*done, *shown));
        }
        match word.parse() {
            Ok(429) => Some((Done::Nothing, Shown::Throttled(None))),
            Ok(status @ 400..=599) => Some((Done::Nothing, Shown::Status(status))),
            Ok(_) => None,
            Err(_) if page(word).is_some() => Some((Done::Nothing, Shown::Page(page(word)?))),
            Err(_) if word.ends_with("-before-after") => None,
            Err(_) => match Action::of(word.strip_suffix("-after")?)? {
                (Done::Nothing, shown) => Some((Done::All, shown)),
                (Done::All | Done::Half | Done::Later | Done::Less, _) => None,
            },
        }
    }
}

fn page(word: &str) -> Option<u16> {
    word.strip_suffix("-html")?.parse().ok().filter(|status| matches!(status, 200 | 300..=599))
}

impl TryFrom<Word> for Action {
    type Error = String;

    fn try_from(word: Word) -> Result<Action, String> {
        let word = match word {
            Word::Text(text) => text,
            Word::Number(number) => number.to_string(),
        };
        match Action::of(&word) {
            Some((done, shown)) => Ok(Action { word, done, shown }),
            None => {
                let known: Vec<&str> = WORDS.iter().map(|(known, ..)| *known).collect();
                Err(format!("\"{word}\" is neither a status from 400 to 599 nor one of {}", known.join(", ")))
            }
        }
    }
}

impl From<&str> for Action {
    /// For words of the table only, which a test sees to.
    fn from(word: &str) -> Action {
        let (done, shown) = Action::of(word).unwrap_or((Done::Nothing, Shown::Status(500)));
        Action { word: word.to_owned(), done, shown }
    }
}

impl From<Action> for String {
    fn from(action: Action) -> String {
        action.word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_what_is_done_and_what_is_seen() {
        for (word, wanted) in [
            ("504", Some((Done::All, Shown::Status(504)))),
            ("504-before", Some((Done::Nothing, Shown::Status(504)))),
            ("502", Some((Done::Nothing, Shown::Status(502)))),
            ("502-before", None),
            ("504-before-after", None),
            ("504-after", Some((Done::All, Shown::Status(504)))),
            ("429", Some((Done::Nothing, Shown::Throttled(None)))),
            ("reset-after", Some((Done::All, Shown::Reset))),
            ("hang-after", Some((Done::All, Shown::Silence))),
            ("half", Some((Done::Half, Shown::Status(504)))),
            ("cut", Some((Done::All, Shown::Cut))),
            ("409-html", Some((Done::Nothing, Shown::Page(409)))),
            ("308-html-after", Some((Done::All, Shown::Page(308)))),
            ("200-html", Some((Done::Nothing, Shown::Page(200)))),
            ("200-html-after", Some((Done::All, Shown::Page(200)))),
            ("204-html", None),
            ("empty", Some((Done::All, Shown::Empty))),
            ("cut-after", None),
            ("half-after", None),
            ("reset-before-after", None),
            ("504-after-after", None),
            ("200", None),
            ("dance", None),
        ] {
            assert_eq!(Action::of(word), wanted, "{word}");
        }
    }
}
